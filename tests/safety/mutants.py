"""Takes the safeguards away, one by one, and shows that the tests notice: `python -m tests.safety.mutants [NAME...]`.

A safeguard whose removal fails no test is not tested. Each mutant is a small change of one place, made in a copy of
the packages; the tests named with it must then fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .mutation import Mutant

ROOT = Path(__file__).parents[2]
ADVERSARIES, CRASHES, KILLS, FAULTS = (
    f"tests/safety/test_{name}.py" for name in ("adversaries", "crashes", "kills", "faults")
)
SENSES = "tests/safety/test_senses.py"
EXPORTS = "tests/safety/test_exports.py"
LOCK = "tests/safety/test_remote_lock.py"
ARCHIVES = "tests/safety/test_archives.py"
BACKUPS = "tests/commands/test_backups.py"
INTERRUPTS = "tests/commands/test_interrupts.py"
CREDENTIALS = "tests/commands/test_credentials.py"
VALVES = "tests/commands/test_valves.py"
NOTES = "tests/commands/test_notes.py"
REMOVALS = "tests/commands/test_remove.py"
COMMIT = "tests/commands/test_commit.py"
STATUS = "tests/commands/test_status.py"
HINTS, TABLE = "tests/commands/test_hints.py", "tests/commands/hints/test_table.py"
EXTRAS = "tests/commands/test_extras.py"
MERGES = "tests/commands/test_merge.py"
CELLS = "tests/unit/notebook/test_merge.py"
TRANSCRIPTS, GIT_EXTRAS = (f"tests/unit/notebook/test_{name}.py" for name in ("transcript", "extras"))
REWRITES = "tests/unit/notebook/test_rewrite.py"
OLD_FORMATS = "tests/unit/notebook/test_old_format.py"
SERVERS = "tests/unit/remote/test_servers.py"
BASE = "tests/unit/state/test_base.py"
FILES = "tests/unit/local/test_folder.py"
GIT, DRIVERS = "tests/unit/local/test_git.py", "tests/commands/test_git_drivers.py"
WITHHELD = "tests/commands/test_withheld.py"
REVIEWS, COMPARED = "tests/unit/review/test_writing.py", "tests/unit/review/test_comparison.py"
LOGIN, PROJECT = "tests/unit/cli/test_login.py", "tests/unit/cli/test_project.py"
TRUST = "tests/commands/test_trust.py"
COMMITTED, SETTINGS = "tests/commands/test_committed.py", "tests/unit/cli/test_project_file.py"
BESIDE, FOLDERS_NAMED = "tests/commands/test_beside.py", "tests/unit/cli/test_settings.py"
FOLDERS = "tests/commands/test_folders.py"
HOOKS, DEPLOYMENTS, RUNS = "mlflow_hooks", "tests/hooks/test_deploy.py", "tests/hooks/test_run.py"
PROMOTIONS = "tests/hooks/test_promote.py"
BRANCHES, SAVES, TROUBLES = (f"tests/watch/test_{name}.py" for name in ("branches", "saves", "troubles"))

MUTANTS = (
    Mutant(
        "a request that no test can die at",
        "Http._send",
        "reached(f\"{method} {url.partition('?')[0]}\")",
        "pass",
        SENSES,
        "request",
    ),
    Mutant(
        "a record that is written where no test can die",
        "Base._writing",
        'reached(f"before {what}")',
        "pass",
        SENSES,
        "foretold",
    ),
    Mutant(
        "a push says nothing of credentials",
        "Sync._notes",
        "exposed(chosen)",
        "()",
        CREDENTIALS,
        "told or outputs or programs",
    ),
    Mutant(
        "a diff shows credentials",
        "TextReport._diff",
        "redacted(line.text)",
        "line.text",
        CREDENTIALS,
        "told",
    ),
    Mutant(
        "a review shows credentials",
        "_shown",
        "redacted(text)",
        "text",
        COMPARED,
        "what_changed",
    ),
    Mutant(
        "a review commands a CI",
        "_cell",
        "_inert(heading + _fenced('\\n'.join(kept)))",
        "heading + _fenced('\\n'.join(kept))",
        REVIEWS,
        "in_markdown",
    ),
    Mutant(
        "a fence of a review ends within",
        "_fenced",
        "max([3, *(len(run) + 1 for run in re.findall('`+', text))])",
        "3",
        REVIEWS,
        "in_markdown",
    ),
    Mutant(
        "a cell is markup on the page of a review",
        "_part",
        "escape(part.text, quote=False)",
        "part.text",
        REVIEWS,
        "on_the_page",
    ),
    Mutant(
        "no last look before a write",
        "PushWriter._guarded",
        "not self._as_planned(step, before)",
        "False",
        ADVERSARIES,
        "test_04",
    ),
    Mutant(
        "the last look believes the listing and not what was saved",
        "PushWriter._as_planned",
        "before.version",
        "step.remote.version",
        EXPORTS,
        "undone",
    ),
    Mutant(
        "what comes is what was listed",
        "_export",
        "not now.version.sha or _has(raw, now, format)",
        "True",
        EXPORTS,
        "replaces_nothing or writes_and_records",
    ),
    Mutant(
        "a notebook's hash is never of its bytes",
        "_without_hash",
        "age is not None and abs(age) < _LAG",
        "False",
        EXPORTS,
        "replaces_nothing",
    ),
    Mutant(
        "another form is as new as the one that is kept",
        "_steady",
        "_export(workspace, now, export.format).digest != export.digest",
        "False",
        EXPORTS,
        "another_form",
    ),
    Mutant(
        "a hash that was not compared is kept",
        "Comparer._digests",
        "versions |= {key: read.version for key, read in exports.items() if read.version is not remote[key].version}",
        "_ = {key: read.version for key, read in exports.items() if read.version is not remote[key].version}",
        EXPORTS,
        "not_remembered",
    ),
    Mutant(
        "a record that is not true stays",
        "_changed_there",
        "step.base._replace(version=UNKNOWN)",
        "step.base",
        EXPORTS,
        "for_ever",
    ),
    Mutant(
        "verification skipped",
        "ReadBack._compared",
        "export.digest != item.digest",
        "False",
        ADVERSARIES,
        "test_27",
    ),
    Mutant(
        "a backup here only if it differs from the base",
        "PullWriter._save",
        "self.backups.save(saved, raw)",
        """
        if step.base is None or item.digest != step.base.digest:
            self.backups.save(saved, raw)
        """,
        ADVERSARIES,
        "test_05",
    ),
    Mutant(
        "a backup of the workspace only if it differs from the base",
        "PushWriter._save",
        "self.backups.save(saved, before.raw)",
        """
        if step.base is None or before.digest != step.base.digest:
            self.backups.save(saved, before.raw)
        """,
        ADVERSARIES,
        "test_05 or test_42",
    ),
    Mutant(
        "text that a conversion to format 4 loses",
        "converted",
        "not kept",
        "False",
        OLD_FORMATS,
        "broken",
    ),
    Mutant(
        "an old notebook converted where nothing was edited",
        "rewrite",
        "return raw if after == before else mark + after",
        "return mark + after",
        OLD_FORMATS,
        "only",
    ),
    Mutant(
        "no backup of what --overwrite replaces",
        "PushWriter._save",
        "self.backups.save(saved, before.raw)",
        "pass",
        CRASHES,
        "any_effect and push and over",
    ),
    Mutant(
        "base advanced before the write",
        "Transfer.run",
        "deletes = [step for step in steps if step.action is Action.DELETE]",
        """
        deletes = [step for step in steps if step.action is Action.DELETE]
        self.base.advance([Advance(step.key, None) for step in deletes])
        """,
        CRASHES,
        "any_effect and push",
    ),
    Mutant(
        "no journal of intents",
        "Transfer.run",
        "self.base.intend([self.writer.intent(step) for step in steps])",
        "pass",
        ADVERSARIES,
        "test_09",
    ),
    Mutant(
        "a push that does not wait for its note",
        "PushWriter.ready",
        "self._marking.result()",
        "pass",
        VALVES,
        "first_pushes_that_meet",
    ),
    Mutant(
        "a push that was kept out stays in the journal",
        "Transfer.run",
        "self._record([], finished={step.key for step in steps})",
        "pass",
        VALVES,
        "first_pushes_that_meet",
    ),
    Mutant(
        "recovery looks at the wrong side",
        "_answered",
        "local is not None and local.digest == intent.after",
        "remote is not None",
        ADVERSARIES,
        "test_10",
    ),
    Mutant(
        "recovery of a deletion looks at the wrong side",
        "_answered",
        "remote if pushed else local",
        "local if pushed else remote",
        CRASHES,
        "does_no_harm or any_effect",
    ),
    Mutant(
        "a listing that failed is an empty one",
        "Workspace._descend",
        """
        try:
            items = future.result()
        except WorkspaceError as error:
            ...
        """,
        """
        try:
            items = future.result()
        except WorkspaceError as error:
            continue
            ...
        """,
        ADVERSARIES,
        "test_14",
    ),
    Mutant(
        "a deletion here without asking whether it is gone",
        "PullWriter.delete",
        "self.workspace.look(step.key) is not None",
        "False",
        ADVERSARIES,
        "test_14",
    ),
    Mutant(
        "canonical text strips one newline",
        "canonical",
        r'f"{spoken.value}\n{rest}".rstrip("\n")',
        r'f"{spoken.value}\n{rest}".removesuffix("\n")',
        ADVERSARIES,
        "test_26",
    ),
    Mutant(
        "times are believed however coarse the clock",
        "RemoteVersion.same_as",
        "self.racy or other.racy or not self.modified_at",
        "not self.modified_at",
        ADVERSARIES,
        "test_05",
    ),
    Mutant(
        "blind retry",
        "Http.write",
        "return send(permit)",
        """
        try:
            return send(permit)
        except Unreachable:
            return send(permit)
        """,
        ADVERSARIES,
        "test_06",
    ),
    Mutant(
        "deletes before creates",
        "Transfer.run",
        """
        waiting = self._phase(first, self._put)
        if deletes:
            ...
        """,
        """
        if deletes:
            self._phase(deletes, self.writer.delete)
        waiting = self._phase(first, self._put)
        if False:
            ...
        """,
        ADVERSARIES,
        "test_38",
    ),
    Mutant(
        "a move that failed deletes its old place",
        "Transfer.run",
        "self._without_moves_that_failed(deletes)",
        "deletes",
        ADVERSARIES,
        "test_38",
    ),
    Mutant(
        "an answer may take for ever",
        "_Line._in_time",
        "now > self._due",
        "False",
        SERVERS,
        "byte and answer",
    ),
    Mutant(
        "a body of any length",
        "bounded",
        "left < 0",
        "False",
        SERVERS,
        "zeros",
    ),
    Mutant(
        "headers of any length",
        "_Line.readinto",
        "self._overhead > _OVERHEAD",
        "False",
        SERVERS,
        "words",
    ),
    Mutant(
        "a listing's object of any length",
        "_grown",
        "len(text) > limits.object",
        "False",
        "tests/unit/remote/test_listing.py",
        "limit",
    ),
    Mutant(
        "a number of any size",
        "_number",
        "isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBERS",
        "isinstance(value, int) and not isinstance(value, bool)",
        "tests/commands/test_servers.py",
        "numbers",
    ),
    Mutant(
        "a page is an answer",
        "no_page",
        "_PAGE.match(first)",
        "False",
        SERVERS,
        "page",
    ),
    Mutant(
        "a workspace that takes nothing is asked on and on",
        "Schedule.refused",
        "seconds = max(seconds, self._least_pause())",
        "pass",
        "tests/unit/remote/test_rate_limit.py",
        "in_peace",
    ),
    Mutant(
        "recursive delete",
        "Workspace.delete",
        '{"path": f"{self.root}/{key}" if key else self.root, "recursive": False}',
        '{"path": f"{self.root}/{key}" if key else self.root, "recursive": True}',
        ADVERSARIES,
        "test_13",
    ),
    Mutant(
        "a conflict is won by the source",
        "TABLE",
        "(CONFLICT, CONFLICT, UPDATE, UPDATE, UPDATE, MERGE)",
        "(UPDATE, UPDATE, UPDATE, UPDATE, UPDATE, MERGE)",
        ADVERSARIES,
        "test_02",
    ),
    Mutant(
        "an edit is deleted",
        "TABLE",
        "(CONFLICT, CONFLICT, CONFLICT, CREATE, DELETE, CONFLICT)",
        "(DELETE, CONFLICT, DELETE, CREATE, DELETE, CONFLICT)",
        ADVERSARIES,
        "test_02",
    ),
    Mutant(
        "a create that overwrites",
        "PushWriter._create",
        "self._put(step, raw, overwrite=False)",
        "self._put(step, raw, overwrite=True)",
        ADVERSARIES,
        "test_08",
    ),
    Mutant(
        "an archive where a folder stands",
        "archives",
        "folder not in taken",
        "True",
        ARCHIVES,
        "only_new_folders",
    ),
    Mutant(
        "an archive holds whatever there is",
        "_arrives_right",
        "format.form is not Form.SOURCE",
        "False",
        "tests/unit/rules/test_archives.py",
        "only_what_arrives_right",
    ),
    Mutant(
        "a folder that is made before its archive",
        "PushWriter.prepare",
        "not lies_in(folder := folder_of(step), new)",
        "(folder := folder_of(step)) or True",
        ARCHIVES,
        "new_target",
    ),
    Mutant(
        "what was taken has arrived",
        "ArchivePush._seen",
        'failed(step, "did not arrive in an archive", Again())',
        "done(step)",
        ARCHIVES,
        "all_arrives or altered",
    ),
    Mutant(
        "what stands there is what was sent",
        "_has_hash",
        "step.local.sha == now.version.sha",
        "True",
        ARCHIVES,
        "altered and not no_hashes",
    ),
    Mutant(
        "what stands there is what was sent, without hashes",
        "_says",
        "digest(text, item.format) == item.digest",
        "True",
        ARCHIVES,
        "altered",
    ),
    Mutant(
        "what arrived may speak another language",
        "_arrivals",
        "now.language in (None, item.format.language)",
        "True",
        ARCHIVES,
        "another_language",
    ),
    Mutant(
        "an archive without an answer was not applied",
        "ArchivePush._send",
        "return Sent(archive, contents, answered=False)",
        "return None",
        ARCHIVES,
        "without_an_answer",
    ),
    Mutant(
        "an archive without an answer has lost its members",
        "ArchivePush._seen",
        "any(archive.answered for archive in lacking)",
        "any(True for archive in lacking)",
        ARCHIVES,
        "without_an_answer",
    ),
    Mutant(
        "what was not looked at has not arrived",
        "ArchivePush._seen",
        "looked and any(archive.answered for archive in lacking)",
        "any(archive.answered for archive in lacking)",
        ARCHIVES,
        "cannot_be_looked_at",
    ),
    Mutant(
        "archives after some that did not arrive",
        "ArchivePush.write",
        "stopped or self.refused",
        "stopped",
        ARCHIVES,
        "first_few",
    ),
    Mutant(
        "archives with a login that was refused",
        "ArchivePush._send",
        "due() or self.trouble",
        "due()",
        ARCHIVES,
        "login_that_ends",
    ),
    Mutant(
        "archives after a stop",
        "ArchivePush._send",
        "due()",
        "False",
        ARCHIVES,
        "another_branch",
    ),
    Mutant(
        "what was learnt of archives is forgotten",
        "PushWriter.write_folders",
        'self.base.note(archives="no")',
        "pass",
        ARCHIVES,
        "asked_once",
    ),
    Mutant(
        "what arrived is not recorded",
        "Transfer._folders",
        "self._record([outcome.advance for outcome in arrived if outcome.advance], finished=())",
        "pass",
        ARCHIVES,
        "new_target",
    ),
    Mutant(
        "what an archive holds is whatever comes first",
        "identified",
        "by_hash.get(item.version.sha)",
        "next(iter(by_hash.values()), None)",
        ARCHIVES,
        "first_pull or before_the_archive",
    ),
    Mutant(
        "a name in an archive proves what it names",
        "identified",
        "members[name] if exact else None",
        "members.get(name)",
        ARCHIVES,
        "by_chance",
    ),
    Mutant(
        "a notebook kept as Jupyter is read as source",
        "ArchiveReads.export",
        "self.workspace.chosen_format(remote.key) == JUPYTER",
        "False",
        ARCHIVES,
        "first_pull",
    ),
    Mutant(
        "an archive that does not come stops the pull",
        "ArchiveReads._read",
        "return {}",
        "raise",
        ARCHIVES,
        "does_not_come",
    ),
    Mutant(
        "a zip unpacks to what it likes",
        "unpacked",
        "member.read(info.file_size)",
        "member.read()",
        "tests/unit/notebook/test_archive.py",
        "no_room",
    ),
    Mutant(
        "a zip is as large as it likes",
        "unpacked",
        "sum(info.file_size for info in infos) > most",
        "False",
        "tests/unit/notebook/test_archive.py",
        "refused",
    ),
    Mutant(
        "a zip has as many members as it likes",
        "_check_directory",
        "size > _MOST_DIRECTORY",
        "False",
        "tests/unit/notebook/test_archive.py",
        "refused",
    ),
    Mutant(
        "a lock by looking and then writing",
        "RemoteLock._create",
        "write(self.notes, self.name, self._content(), overwrite=False)",
        "write(self.notes, self.name, self._content(), overwrite=self._holder() is None)",
        ADVERSARIES,
        "test_18",
    ),
    Mutant(
        "a lock that is never stale",
        "RemoteLock._stale",
        "age is not None and abs(age) > self.ttl",
        "False",
        KILLS,
        "another_machine",
    ),
    Mutant(
        "a lock of the future is held for ever",
        "RemoteLock._stale",
        "abs(age)",
        "age",
        LOCK,
        "of_the_future",
    ),
    Mutant(
        "what is no lock is taken for one",
        "RemoteLock._holder",
        """
        if not isinstance(holder, dict) or not isinstance(holder.get("id"), str):
            ...
        """,
        """
        found = found if isinstance(found, dict) else {}
        if not isinstance(found.setdefault("id", ""), str):
            ...
        """,
        LOCK,
        "what_is_no_lock",
    ),
    Mutant(
        "a note that is not understood says nothing",
        "understood",
        "strange and not allowed.take_over",
        "False",
        NOTES,
        "no_note",
    ),
    Mutant(
        "a note that is a folder is none",
        "Markers._own",
        "self._check_place(listing)",
        "pass",
        NOTES,
        "no_note",
    ),
    Mutant(
        "a lock broken though it is no longer the stale one",
        "RemoteLock._break",
        "self._holder() != stale",
        "False",
        LOCK,
        "broke_first",
    ),
    Mutant(
        "a lock that is not renewed",
        "RemoteLock._renew",
        "self._renewed += 1",
        "continue",
        LOCK,
        "is_renewed",
    ),
    Mutant(
        "a lock renewed whosoever it is",
        "RemoteLock._renew",
        "not self._ours()",
        "False",
        LOCK,
        "not_renewed",
    ),
    Mutant(
        "a lock given up whosoever it is",
        "RemoteLock._release",
        "self._ours()",
        "True",
        LOCK,
        "not_given_up",
    ),
    Mutant(
        "a lock that is lost ends nothing",
        "Sync.carry",
        "interruption.ends.append(lock.lost)",
        "pass",
        LOCK,
        "a_push_that_lost",
    ),
    Mutant(
        "a machine known by its name alone",
        "RemoteLock._stale",
        'holder.get("machine") == machine()',
        'holder.get("host") == platform.node()',
        LOCK,
        "name_of_a_machine",
    ),
    Mutant(
        "a file replaced without a last look at it",
        "LocalFiles.replace",
        "self._expect(where, item)",
        "pass",
        FAULTS,
        "during_a_pull",
    ),
    Mutant(
        "a sweep takes what another run has in hand",
        "LocalFiles.sweep",
        'left.name.endswith(f"-{mark}{TEMPORARY}") or time.time() - left.lstat().st_mtime > _ABANDONED',
        'True or left.name.endswith(f"-{mark}{TEMPORARY}") or time.time() - left.lstat().st_mtime > _ABANDONED',
        ADVERSARIES,
        "test_43",
    ),
    Mutant(
        "a write without an answer is looked for once",
        "PushWriter._after_doubt",
        "range(2)",
        "range(1)",
        ADVERSARIES,
        "test_07",
    ),
    Mutant(
        "what recovery cannot read is settled",
        "recover",
        "intent.key in exports or intent.key not in results",
        "True",
        ADVERSARIES,
        "test_09",
    ),
    Mutant(
        "the time of an interrupted pull is believed",
        "intent_of",
        "RemoteVersion(int(object_id), int(modified), str(remote_sha), racy=True)",
        "RemoteVersion(int(object_id), int(modified), str(remote_sha), racy=False)",
        "tests/unit/state/test_base.py",
        "intent_s_token",
    ),
    Mutant(
        "what was never begun stays in the journal",
        "Transfer.run",
        "{step.key for step in steps} - begun",
        "set()",
        ADVERSARIES,
        "test_32",
    ),
    Mutant(
        "a .env is pushed",
        "LocalFolder._inspect",
        "is_settings(path)",
        "False",
        "tests/commands/test_bad_input.py",
        "dotenv_is_never",
    ),
    Mutant(
        "a .env is pulled",
        "Comparer._unusable",
        """
            if is_settings(key):
                ...
        """,
        """
            if False:
                ...
        """,
        "tests/commands/test_bad_input.py",
        "dotenv_is_never",
    ),
    Mutant(
        "a pointer of git-lfs is pushed in place of the file",
        "LocalFolder._read",
        "stand_in(raw)",
        "None",
        "tests/commands/test_stand_ins.py",
        "clone_without",
    ),
    Mutant(
        "a pointer of git-lfs is pulled in place of the file",
        "pointer_there",
        "(program := stand_in(raw)) is None",
        "True",
        "tests/commands/test_stand_ins.py",
        "in_the_workspace",
    ),
    Mutant(
        "a notebook is made beside the file of its name",
        "apart",
        "making.action is Action.CREATE",
        "False",
        "tests/commands/test_types.py",
        "two_types or another_tool",
    ),
    Mutant(
        "a submodule that was not fetched is an empty folder",
        "LocalFolder.scan",
        'entry.path == "."',
        "False",
        "tests/unit/local/test_folder.py",
        "unfetched",
    ),
    Mutant(
        "what git could not merge is carried",
        "LocalFolder._inspect",
        "entry.unmerged",
        "False",
        ADVERSARIES,
        "test_17",
    ),
    Mutant(
        "an old copy of the record is believed",
        "is_outdated",
        'marker_serial(marker, base) > int(base.meta("serial") or 0)',
        "False",
        ADVERSARIES,
        "test_11",
    ),
    Mutant(
        "a copy of a record keeps its name",
        "name",
        "os.path.normcase(os.path.realpath(file))",
        "str() and os.path.normcase(os.path.realpath(file))",
        ADVERSARIES,
        "test_11_a_copy",
    ),
    Mutant(
        "a record is looked up by the name it came with alone",
        "Base.names",
        "lineage.name(root, self.file)",
        'self.meta("lineage")',
        ADVERSARIES,
        "test_11_a_copy",
    ),
    Mutant(
        "a record that is not believed keeps its name",
        "Base.settle",
        "lineage.successor(self._root()) if self._distrusted else self._root()",
        "self._root()",
        ADVERSARIES,
        "test_11_two_machines",
    ),
    Mutant(
        "a repository without a commit is nobody",
        "RepositoryIdentity.to_be",
        "self.names() or (frozenset() if self._repository.shallow else frozenset({self._new}))",
        "self.names() and (frozenset() if self._repository.shallow else frozenset({self._new}))",
        VALVES,
        "repository_without_a_commit",
    ),
    Mutant(
        "a mirror where nobody knows whose the folder is",
        "_unknown_owner",
        "s.mode is Mode.PUSH_MIRROR",
        "False",
        VALVES,
        "notes_that_cannot_be_read",
    ),
    Mutant(
        "a restore into another repository's folder",
        "_restored",
        "owned(sync.ownership.owner(request, viewing.result(), base), request.allowed)",
        "pass",
        BACKUPS,
        "became_another_s",
    ),
    Mutant(
        "a committed host that is anybody's",
        "_is_in",
        "login.host == where.host",
        "True",
        LOGIN,
        "chooses_among",
    ),
    Mutant(
        "a committed workspace that is any of its host",
        "_is_in",
        "where.one_of_many in ('', login.one_of_many)",
        "True",
        LOGIN,
        "chooses_among",
    ),
    Mutant(
        "a target in another workspace than it says",
        "at",
        "login and _is_in(login, where)",
        "login",
        LOGIN,
        "chooses_among",
    ),
    Mutant(
        "a committed target anywhere",
        "pattern_flaw",
        "not named and not pattern.startswith(_OWN)",
        "False",
        SETTINGS,
        "mistakes",
    ),
    Mutant(
        "a committed target for all branches",
        "pattern_flaw",
        "not named and '{branch}' not in pattern",
        "False",
        SETTINGS,
        "mistakes",
    ),
    Mutant(
        "a committed target that is not looked at",
        "_target",
        "targets.check_target(path, user or None)",
        "pass",
        COMMITTED,
        "hostile",
    ),
    Mutant(
        "a committed pattern that takes a secret along",
        "_unless_named",
        "local.is_included(step.path)",
        "False",
        COMMITTED,
        "no_secret",
    ),
    Mutant(
        "a committed mirror of what others have",
        "_unasked",
        "s.unasked",
        "False",
        COMMITTED,
        "destroys_nothing",
    ),
    Mutant(
        "a committed mirror of a folder that is typed",
        "_may_mirror",
        "options.target",
        "False",
        COMMITTED,
        "a_named_target",
    ),
    Mutant(
        "folders outside the repository",
        "_folder",
        "not inside and not _is_beside(path, project, name)",
        "False",
        FOLDERS_NAMED,
        "not_to_be_had",
    ),
    Mutant(
        "folders behind a link",
        "_is_beside",
        "real == Path(os.path.realpath(top)) / path.relative_to(top)",
        "True",
        FOLDERS_NAMED,
        "not_to_be_had",
    ),
    Mutant(
        "folders of git",
        "_folder",
        "shown != TOP",
        "False",
        FOLDERS_NAMED,
        "not_to_be_had",
    ),
    Mutant(
        "writing outside the folders",
        "LocalFiles.absolute",
        "path.startswith('../')",
        "False",
        FILES,
        "outside",
    ),
    Mutant(
        "a restore into a folder that is not synced",
        "_flaw",
        "saved.path[len(start):]",
        "saved.path.removeprefix('../')",
        BESIDE,
        "beside_it_no_more",
    ),
    Mutant(
        "two projects of a repository are one owner",
        "Marker.of_another_project",
        "bool(self.project and project) and self.project != project",
        "False",
        FOLDERS,
        "two_projects or at_the_top",
    ),
    Mutant(
        "other folders are nobody's business",
        "_other_folders",
        "s.laid_out and not allowed.take_over and not (s.mode is Mode.PUSH_MIRROR and not tracked)",
        "False and not allowed.take_over and not (s.mode is Mode.PUSH_MIRROR and not tracked)",
        FOLDERS,
        "colleague or fresh_clone",
    ),
    Mutant(
        "an edited object moves",
        "_moving",
        "step.action in (AHEAD, CONFLICT)",
        "False",
        FOLDERS,
        "edit_there",
    ),
    Mutant(
        "a file that cannot be read is gone from its old place",
        "Comparer._problems",
        "problems.setdefault(old, problems[new])",
        "pass",
        FOLDERS,
        "cannot_be_read",
    ),
    Mutant(
        "what was not written at its new place goes from the old one",
        "Transfer._without_moves_that_failed",
        "_content(step) in lost or step.moved in missing",
        "_content(step) in lost",
        FOLDERS,
        "cannot_be_created",
    ),
    Mutant(
        "a Git folder is a folder",
        "check_types",
        "kind == GIT_FOLDER",
        "False",
        VALVES,
        "git_folder",
    ),
    Mutant(
        "a file is printed as an option",
        "path",
        'text if _PATH_BEGINS.match(text) else f"./{text}"',
        "text",
        HINTS,
        "looks_like_an_option",
    ),
    Mutant(
        "a deletion wins over an edit unasked",
        "Sync.chosen",
        "step.path in scope.exact",
        "True",
        HINTS,
        "only_a_named",
    ),
    Mutant(
        "a path stands for a notebook of its name",
        "Scope._means",
        "typed in self.exact",
        "False",
        HINTS,
        "does_not_stand",
    ),
    Mutant(
        "another target is advised",
        "_pushing_again",
        'f"`to_databricks{s.again} --overwrite`"',
        'f"`to_databricks --overwrite`"',
        HINTS,
        "put_back",
    ),
    Mutant(
        "git reads a file's name as a pattern",
        "pathspec",
        "_PATTERN.search(text)",
        "False",
        TABLE,
        "pushed",
    ),
    Mutant(
        "more is restored than was asked for",
        "_restoring",
        "request.scope.paths",
        "()",
        TABLE,
        "backup and another",
    ),
    Mutant(
        "only a classic Git folder is one",
        "object_type",
        'GIT_FOLDER if isinstance(about, dict) and about.get("is_git_folder") is True else DIRECTORY',
        'DIRECTORY if isinstance(about, dict) and about.get("is_git_folder") is True else DIRECTORY',
        VALVES,
        "git_folder and GIT_FOLDER",
    ),
    Mutant(
        "a target is no Git folder for ever",
        "Look.at",
        "not check_types and _is_another(listing, base)",
        "False",
        VALVES,
        "became_a_git_folder_is_refused",
    ),
    Mutant(
        "an empty folder is believed",
        "_source_empty",
        """
        if allowed.empty or tracked < 2:
            return
        """,
        "return",
        ADVERSARIES,
        "test_12 or test_13",
    ),
    Mutant(
        "any number of deletions",
        "_deletes",
        "count <= limit",
        "True",
        "tests/commands/test_valves.py",
        "delete",
    ),
    Mutant(
        "a file is not looked at again before it is sent",
        "PushWriter.source",
        "as_scanned(raw, step.local)",
        "raw",
        ADVERSARIES,
        "test_16",
    ),
    Mutant(
        "a checkout goes unnoticed",
        "check_branch",
        "request.head is not None and git_state.branch != request.head",
        "False",
        ADVERSARIES,
        "test_16",
    ),
    Mutant(
        "a change between listing and backup goes unnoticed",
        "PushWriter._save",
        "step.remote_digest is not None and before.digest != step.remote_digest",
        "False",
        ADVERSARIES,
        "test_04",
    ),
    Mutant(
        "a file that changes while it is read is believed",
        "stable_read",
        "before == after and len(raw) == before.size",
        "True",
        FAULTS,
        "all_the_time",
    ),
    Mutant(
        "names from the workspace are trusted",
        "Comparer._unusable",
        "flaw(key, windows=shell.ON_WINDOWS)",
        '"" and flaw(key, windows=shell.ON_WINDOWS)',
        ADVERSARIES,
        "test_37",
    ),
    Mutant(
        "what is is_outdated a link is absent",
        "_judged",
        """
        if unknown:
            ...
        """,
        """
        if False:
            ...
        """,
        ADVERSARIES,
        "test_36",
    ),
    Mutant(
        "what cannot be read is absent",
        "Comparer._problems",
        "_judged(scan.unknown, keys | {new for _, new in places}) | self._unusable(scan, listing, remote)",
        "self._unusable(scan, listing, remote)",
        ADVERSARIES,
        "test_44",
    ),
    Mutant(
        "a restore without the lock",
        "Sync.under_lock",
        "nullcontext() if request.dry_run else held(record, request.wait)",
        "nullcontext() if request.dry_run or request.restore else held(record, request.wait)",
        BACKUPS,
        "lock",
    ),
    Mutant(
        "a dry run that restores",
        "_restored",
        "request.dry_run or not writes",
        "not writes",
        BACKUPS,
        "dry_run",
    ),
    Mutant(
        "no backup of what a restore replaces here",
        "PullWriter._save",
        "self.backups.save(saved, raw)",
        "None if step.saved else self.backups.save(saved, raw)",
        BACKUPS,
        "mends",
    ),
    Mutant(
        "a restore moves the base",
        "_restored",
        "Transfer(writer, None, pool, sync.listener.outcome, interruption)",
        "Transfer(writer, base, pool, sync.listener.outcome, interruption)",
        BACKUPS,
        "as_an_edit",
    ),
    Mutant(
        "a failed run prunes",
        "Sync.pruned",
        "report.exit_code <= ExitCode.LEFT",
        "True",
        BACKUPS,
        "prune",
    ),
    Mutant(
        "the last backup is pruned",
        "Backups._prune",
        "old.discard",
        "str",
        "tests/unit/state/test_backups.py",
        "pruned",
    ),
    Mutant(
        "backups go with their worktree",
        "Sync.backups",
        'self.repository.common_dir / "databricks_sync"',
        "self.repository.state",
        BACKUPS,
        "worktree",
    ),
    Mutant(
        "a day is as many as the clock says",
        "Backups._prune",
        "len(days_seen - {today}) > days",
        'found and name[:8] < today.replace("-", "")',
        BACKUPS,
        "wrong_clock",
    ),
    Mutant(
        "files are read while git writes them",
        "Look._wait_for_git",
        "git_state.locked or moved",
        "moved",
        BRANCHES,
        "slow_checkout and single",
    ),
    Mutant(
        "a run goes on after a checkout",
        "Sync._watch_head",
        "request.head is None or self.repository.head() == before",
        "True",
        BRANCHES,
        "middle_of_a_pull",
    ),
    Mutant(
        "a watch goes on during a rebase",
        "Watch._restless",
        """
        if git_state.operation:
            ...
        """,
        """
        if False:
            ...
        """,
        BRANCHES,
        "operation",
    ),
    Mutant(
        "a named target takes any branch",
        "Watch._restless",
        "named and git_state.branch != self._branch",
        "False",
        BRANCHES,
        "named_target",
    ),
    Mutant(
        "what is allowed is allowed for ever",
        "Watch._runs",
        "request._replace(allowed=Allowed(), wait=max(request.wait, _WAIT_FOR_OTHERS))",
        "asked._replace(wait=max(asked.wait, _WAIT_FOR_OTHERS))",
        TROUBLES,
        "emptied",
    ),
    Mutant(
        "a half-saved notebook is a plain file",
        "LocalFolder._read",
        "notebook and identity.format is None and cut_short(name, raw)",
        "False",
        SAVES,
        "half_written_source",
    ),
    Mutant(
        "markers are carried",
        "_step",
        "local.unresolved",
        "local.unresolved < 0",
        MERGES,
        "markers",
    ),
    Mutant(
        "after a merge the base is what was merged",
        "_answered",
        "intent.agreed or intent.after",
        "intent.after",
        MERGES,
        "killed_merge",
    ),
    Mutant(
        "a merge into markers",
        "Versions._merged",
        """
        if item.unresolved:
            ...
        """,
        """
        if False:
            ...
        """,
        MERGES,
        "not_merged_into",
    ),
    Mutant(
        "a Ctrl-C that Python dropped",
        "_unraisable",
        "threading.Thread(target=_press_again).start()",
        "pass",
        INTERRUPTS,
        "cannot_raise",
    ),
    Mutant(
        "a Ctrl-C that Python would drop once more",
        "_is_dropping",
        "frame is not None",
        "False",
        INTERRUPTS,
        "cannot_raise",
    ),
    Mutant(
        "equal cells removed on both sides",
        "_Merging.__init__",
        "self._gone(here, there) & self._gone(there, here)",
        "set()",
        CELLS,
        "clashes or both_hold",
    ),
    Mutant(
        "equal cells replaced by others",
        "_Side.__init__",
        "replaced.union",
        "set().union",
        CELLS,
        "clashes",
    ),
    Mutant(
        "git starts Python with what lies in the folder",
        "_start",
        "f'{shlex.quote(Path(sys.executable).as_posix())} -I -S -c {shlex.quote(code)}'",
        "f'{shlex.quote(Path(sys.executable).as_posix())} -c {shlex.quote(code)}'",
        DRIVERS,
        "nothing_of_the_clone_is_run",
    ),
    Mutant(
        "git is told to start what a commit may replace",
        "_inside",
        "for path in (Path(sys.executable), _PACKAGE):\n    ...",
        "pass",
        DRIVERS,
        "installation_in_the_repository",
    ),
    Mutant(
        "an installation that is gone is a conflict of git",
        "_commands",
        "'git merge-file --marker-size=%L %A %O %B'",
        "'exit 1'",
        DRIVERS,
        "installation_that_is_gone",
    ),
    Mutant(
        "a driver of somebody else is replaced",
        "_set_up",
        "not _is_ours(command)",
        "False",
        TABLE,
        "driver and somebody",
    ),
    Mutant("`off` takes out more", "_take_out", "_is_ours(repository.setting(name))", "True", DRIVERS, "on_and_off"),
    Mutant("git is not told of a conflict", "_merge", "CONFLICT if result.clashes else 0", "0", DRIVERS, "a_conflict"),
    Mutant(
        "notebooks of two languages are merged",
        "merged",
        "not in_one_language(parse(ours), parse(theirs))",
        "False",
        DRIVERS,
        "two_languages",
    ),
    Mutant(
        "a notebook that cannot be read ends a diff",
        "shown",
        "(BrokenNotebook, RecursionError)",
        "()",
        TRANSCRIPTS,
        "stays_as_it_is",
    ),
    Mutant("a terminal obeys a cell in a diff", "_shown", "line.isprintable()", "True", TRANSCRIPTS, "source_notebook"),
    Mutant("outputs of the other branch are lost", "_merged", "here == base", "False", GIT_EXTRAS, "taken"),
    Mutant(
        "cells that nobody edited are written anew",
        "rewritten_jupyter",
        "cell.origin is not None and own[cell.origin] == cell.piece.essence and not "
        "(outputs and _new_outputs(old.parts[cell.origin].value, cell.piece.document or {}))",
        "False",
        REWRITES,
        "byte_for_byte",
    ),
    Mutant(
        "an edit of outputs is none",
        "extras_edited",
        "local.extras != base.extras",
        "False",
        EXTRAS,
        "edit_of_extras",
    ),
    Mutant(
        "equal content proves that outputs arrived",
        "PushWriter._holds_ours",
        "content is None and step.remote_digest == item.digest",
        "False",
        EXTRAS,
        "lost_answer",
    ),
    Mutant(
        "equal content proves that a dead run pushed outputs",
        "_answered",
        "before and before.digest == intent.after",
        "False",
        CRASHES,
        "death_at_any_effect and outputs",
    ),
    Mutant(
        "outputs edited here are forgotten by a pull",
        "_unpushed",
        "base.extras if local.extras != base.extras else ''",
        "''",
        EXTRAS,
        "outlive_a_pull",
    ),
    Mutant(
        "what a workspace drops is an edit there",
        "essence",
        "'code' if kind == 'raw' else kind",
        "kind",
        EXTRAS,
        "cannot_keep",
    ),
    Mutant(
        "an image goes with an edit there",
        "_attachments",
        "unquote(name) in now or unquote(name) not in was",
        "False",
        EXTRAS,
        "cannot_keep",
    ),
    Mutant(
        "lines that nobody edited are spelled anew",
        "_respelled",
        "old[i1:i2] if tag == 'equal' else new[j1:j2]",
        "new[j1:j2]",
        REWRITES,
        "untouched_lines",
    ),
    Mutant(
        "a cell that moved is a new one",
        "with_moves",
        "left.get(cell.piece.essence)",
        "False",
        REWRITES,
        "come_and_go",
    ),
    Mutant(
        "a merge from any base",
        "Versions._agreed",
        "raw is not None and digest(raw, entry.format) == entry.digest",
        "True",
        MERGES,
        "damaged",
    ),
    Mutant(
        "what a dead restore left half-written is nobody's",
        "_restored",
        "sync.sweep(request.target)",
        "pass",
        CRASHES,
        "restore_that_dies",
    ),
    Mutant(
        "a removal of what others have edited",
        "_plan",
        "steps(sides._replace(remote=everything), request.mode)",
        "steps(sides._replace(remote=everything), Mode.PUSH_MIRROR)",
        REMOVALS,
        "others_have",
    ),
    Mutant(
        "a removal that looks away from what is in the way",
        "_plan",
        "{**keys_by_nfc(comparison.listing), **sides.remote}",
        "{key: item for key, item in sides.remote.items() if key in sides.base}",
        REMOVALS,
        "others_have",
    ),
    Mutant(
        "a removal that does not ask how much",
        "_deletes",
        "not s.removing or step.shape != 'b-b'",
        "not s.removing",
        REMOVALS,
        "max_delete or without_a_record",
    ),
    Mutant(
        "a removal that does not ask whose it is",
        "_OF_A_REMOVAL",
        "(_other_repository, _strange_note, _unknown_owner, _nested, _deletes)",
        "(_strange_note, _unknown_owner, _nested, _deletes)",
        REMOVALS,
        "another_repository",
    ),
    Mutant(
        "a folder that stays loses its note",
        "_RemovalWriter.tidy",
        "self._stands()",
        "False",
        REMOVALS,
        "fills_again",
    ),
    Mutant(
        "a removal judges a dead pull by files that it did not look at",
        "Look.at",
        "Scan(looked=False)",
        "Scan()",
        CRASHES,
        "dead_pull",
    ),
    Mutant(
        "a removal forgets what a pull still has to bring",
        "_plan",
        "step.action is not Action.FORGET",
        "True",
        CRASHES,
        "dead_pull",
    ),
    Mutant(
        "a removal goes after what a colleague has moved",
        "Comparer._moves",
        "not scan.looked",
        "False",
        REMOVALS,
        "colleague_has_moved",
    ),
    Mutant(
        "a folder that stays loses its record",
        "Sync.under_lock",
        "report.removed",
        "not request.dry_run",
        REMOVALS,
        "others_have",
    ),
    Mutant(
        "a note that somebody has written anew is deleted",
        "Markers.remove",
        "self.marker() == marker",
        "True",
        REMOVALS,
        "written_again",
    ),
    Mutant(
        "the folder of the branch one is on, removed unasked",
        "run",
        "there.target != target or branch == session.head",
        "there.target != target",
        REMOVALS,
        "no_merged_branch",
    ),
    Mutant(
        "a folder of choice, removed unasked",
        "run",
        "there.target != target or branch == session.head",
        "branch == session.head",
        REMOVALS,
        "branches_that_are_over",
    ),
    Mutant(
        "the folder of a branch that is checked out elsewhere, removed unasked",
        "over",
        "branch.default or branch.checked_out",
        "branch.default",
        REMOVALS,
        "branches_that_are_over",
    ),
    Mutant(
        "a mirror goes back to an older commit unasked",
        "newer",
        "ahead and not behind",
        "False",
        COMMIT,
        "go_back",
    ),
    Mutant(
        "git is given what a note takes for a commit",
        "from_fields",
        "isinstance(commit, str) and _COMMIT.fullmatch(commit)",
        "commit",
        "tests/unit/remote/test_pushed.py",
        "believed",
    ),
    Mutant(
        "a check that finds nothing",
        "Report.exit_code",
        "self.request.check and any(step.writes for step in self.steps)",
        "False",
        STATUS,
        "by_its_exit_code",
    ),
    Mutant(
        "a status that leaves a record",
        "look",
        "sync.opened(sync.record(request.target), keep=False)",
        "sync.opened(sync.record(request.target), keep=True)",
        STATUS,
        "leaves_no_trace",
    ),
    Mutant(
        "the home of somebody else",
        "Sync.seen",
        "self.permitted()",
        "pass",
        BACKUPS,
        "another_user",
    ),
    Mutant(
        "the record is closed while it is read",
        "Base._first",
        """
        with self._turn:
            ...
        """,
        """
        if True:
            ...
        """,
        BASE,
        "may_be_closed",
    ),
    Mutant(
        "git finds a repository by itself",
        "Repository._git",
        '(f"--git-dir={self.git_dir}", f"--work-tree={self.top}", *options)',
        "tuple(options)",
        GIT,
        "looks_like_a_git_directory",
    ),
    Mutant(
        "a folder is a repository by its looks",
        "Repository.__init__",
        "not self.top.samefile(work_tree) or _within(project, self.git_dir)",
        "not self.top.samefile(work_tree)",
        GIT,
        "older_git",
    ),
    Mutant(
        "a configuration may name programs",
        "_git",
        '["git", "-C", str(folder), *options, *_CONFIGURATION, *arguments]',
        '["git", "-C", str(folder), *options, *arguments]',
        GIT,
        "own_configuration",
    ),
    Mutant(
        "a pull makes a git repository",
        "withheld",
        "traps = repository_parts(writing, local.names_in) if writing else {}",
        "traps: dict[str, str] = {}",
        WITHHELD,
        "makes_no_git_directory",
    ),
    Mutant(
        "half of a git repository is none",
        "withheld",
        "local.names_in",
        "lambda _: ()",
        WITHHELD,
        "in_two_pulls",
    ),
    Mutant(
        "a tool's new file comes unasked",
        "_unless_named",
        "runs_by_itself(inside)",
        '""',
        WITHHELD,
        "comes_unasked",
    ),
    Mutant(
        "a credential is carried unasked",
        "_unless_named",
        "credential_file(inside)",
        '""',
        WITHHELD,
        "no_credential",
    ),
    Mutant(
        "a folder around a path names it",
        "Scope.names",
        'any(p == path or p.startswith(f"{path}/") for p in self.paths)',
        "bool(self.paths)",
        WITHHELD,
        "folder_that_is_named or no_credential",
    ),
    Mutant(
        "a tracked .env says how to log in",
        "Dotenv._foreign",
        "tracks(self.path)",
        "False",
        LOGIN,
        "tracked_dotenv_says_nothing",
    ),
    Mutant(
        "a link to a tracked file as one's own .env",
        "Dotenv._foreign",
        "self.path.is_symlink() and tracks(target)",
        "False",
        LOGIN,
        "link_to_a_tracked",
    ),
    Mutant(
        "a token for the host of a weaker source",
        "_unused",
        "not name",
        "True",
        LOGIN,
        "host_of_its_own_source",
    ),
    Mutant(
        "the environment's identity for another source's host",
        "_sdk_headers",
        "login.withhold(os.environ)",
        "pass",
        TRUST,
        "machine_knows",
    ),
    Mutant(
        "a project folder outside of the repository",
        "find",
        "_require_inside(folder, home)",
        "pass",
        PROJECT,
        "settings_name_no_folder_outside",
    ),
    Mutant(
        "a project above the repository",
        "_up_to_top",
        "highest and _within(place, highest)",
        "highest",
        PROJECT,
        "found_from_inside",
    ),
    Mutant(
        "a bundle's job that is taken over",
        "_not_ours",
        "same_name and same_name[0].deployed_by",
        "False",
        DEPLOYMENTS,
        "bundles",
        HOOKS,
    ),
    Mutant(
        "a bundle's job that is pruned",
        "JobDeployment._may_be_of",
        "candidate.hook == record.hook and not candidate.deployed_by",
        "candidate.hook == record.hook",
        DEPLOYMENTS,
        "bundles",
        HOOKS,
    ),
    Mutant(
        "an edit of a job that is replaced",
        "_Merging.field",
        "base is not _UNKNOWN and local == base",
        "False",
        DEPLOYMENTS,
        "paused",
        HOOKS,
    ),
    Mutant(
        "a job of which nobody knows what was deployed",
        "JobDeployment._update",
        "merged.conflicts or (base is None and not self._options.overwrite)",
        "merged.conflicts",
        DEPLOYMENTS,
        "earlier_version",
        HOOKS,
    ),
    Mutant(
        "a record that is believed though it was changed",
        "JobRecord.deployed",
        "settings is not None and digest(settings) == last",
        "settings is not None",
        DEPLOYMENTS,
        "somebody_else",
        HOOKS,
    ),
    Mutant(
        "a record that is written after its job",
        "JobDeployment._update",
        "{**({present.last: base} if base else {}), now: local}",
        "{now: local}",
        DEPLOYMENTS,
        "killed_between",
        HOOKS,
    ),
    Mutant(
        "an edited job that is pruned",
        "JobDeployment.prune",
        "edited and not self._options.overwrite",
        "False",
        DEPLOYMENTS,
        "was_edited",
        HOOKS,
    ),
    Mutant(
        "an owner of a job that is taken for an edit",
        "Permissions.added",
        "_OWNED not in base.get(PERMISSIONS, {})",
        "False",
        DEPLOYMENTS,
        "test_permissions",
        HOOKS,
    ),
    Mutant(
        "a bundle's job that is bound",
        "_adoptable",
        "present.deployed_by",
        "False",
        "tests/hooks/test_bind.py",
        "refused",
        HOOKS,
    ),
    Mutant(
        "a bound job in which all is taken for an edit",
        "bind",
        "taken_over(local, remote)",
        "local",
        "tests/hooks/test_bind.py",
        "meanwhile",
        HOOKS,
    ),
    Mutant(
        "a new project with the name of a hook that exists",
        "new_project",
        "folder.exists() or name.lower() in _hooks(projects)",
        "folder.exists()",
        "tests/hooks/test_new.py",
        "overwritten",
        HOOKS,
    ),
    Mutant(
        "a work tree that MLflow moves to a ref",
        "of_folder",
        """url if "%" in url else re.sub(r"[A-Za-z0-9](?=[^A-Za-z0-9]*$)", lambda last: f"%{ord(last[0]):02X}", url)""",
        "url",
        "tests/hooks/test_check.py",
        "of_this_machine",
        HOOKS,
    ),
    Mutant(
        "a branch that is called like a secret",
        "run_context",
        """tags[1:].replace("{", "\\\\u007b")""",
        "tags[1:]",
        "tests/hooks/test_task.py",
        "from_git",
        HOOKS,
    ),
    Mutant("a file with credentials that is copied", "_to_copy", "not kept_away", "True", RUNS, "as_deployed", HOOKS),
    Mutant(
        "a copy that stays in the workspace",
        "AsDeployed._remove_copy",
        "self.copied is not None",
        "False",
        RUNS,
        "as_deployed",
        HOOKS,
    ),
    Mutant(
        "a version that has the alias, and has not passed",
        "Promoter._source",
        "has_passed(request.promotion.source, version)",
        "True",
        PROMOTIONS,
        "the_way",
        HOOKS,
    ),
    Mutant(
        "a version of another model that has passed",
        "has_passed",
        'f"{to}: {address(version)};"',
        'f"{to}:"',
        PROMOTIONS,
        "passed_elsewhere",
        HOOKS,
    ),
    Mutant(
        "a version that nobody has approved",
        "Gatekeeper.require_approval",
        "not self.request.approved_by",
        "False",
        PROMOTIONS,
        "the_way",
        HOOKS,
    ),
    Mutant(
        "a version that was taken back and comes again",
        "Gatekeeper.require_insistence",
        "str(candidate.version) in taken_back",
        "False",
        PROMOTIONS,
        "the_way",
        HOOKS,
    ),
    Mutant(
        "a killed rollback that goes back twice",
        "Promoter.roll_back",
        "self._went_back(champion)",
        "False",
        PROMOTIONS,
        "the_way",
        HOOKS,
    ),
    Mutant(
        "a killed promotion of which nothing is known",
        "Promoter._has_moved",
        "has_passed(self.request.hook.to, champion)",
        "False",
        PROMOTIONS,
        "what_was_killed",
        HOOKS,
    ),
    Mutant(
        "a version that is copied once more",
        "Copying.found",
        "version.source == address(self.source)",
        "False",
        PROMOTIONS,
        "the_way",
        HOOKS,
    ),
    Mutant(
        "an alias that somebody else has moved meanwhile",
        "Promoter._move",
        "(now and now.version) != (champion and champion.version)",
        "False",
        PROMOTIONS,
        "somebody_else",
        HOOKS,
    ),
    Mutant(
        "an alias that moved though the answer says no",
        "Promoter._note_failure",
        "self._has_moved(record, self._champion())",
        "False",
        PROMOTIONS,
        "what_was_killed",
        HOOKS,
    ),
    Mutant(
        "a version that is as good as the one in use",
        "_is_better",
        "value < other",
        "value <= other",
        "tests/hooks/test_gate.py",
        "beside",
        HOOKS,
    ),
)


# Changes nothing that matters: what kills a mutant must not kill this one.
HARMLESS = Mutant("nothing", "LIMITS", "Limits()", "Limits(*())", "tests/safety", "")


def survived(mutant: Mutant) -> bool:
    """Whether the tests take the mutant for the real thing."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in ("databricks_sync", "databricks_local", "mlflow_hooks", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        file, text = mutant.applied(copy / mutant.package)
        file.write_text(text, encoding="utf-8")
        chosen = ("-k", mutant.tests, "-m", "long or not long")
        typed = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", mutant.where, *chosen]
        environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "TORTURE_SECONDS"):
            environ.pop(name, None)
        ran = subprocess.run(typed, cwd=copy, env=environ, capture_output=True, text=True, check=False, timeout=900)
        if ran.returncode not in (0, 1):
            raise RuntimeError(f"{mutant.name}: the tests could not be run\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        return ran.returncode == 0


def main(names: Sequence[str]) -> int:
    chosen = [one for one in MUTANTS if not names or one.name in names]
    alive = 0
    for where, tests in sorted({(one.where, one.tests) for one in chosen}):
        if not survived(replace(HARMLESS, where=where, tests=tests)):
            print(f"{where} -k '{tests}' fails without any mutant")  # noqa: T201
            return 2
    for mutant in chosen:
        began = time.monotonic()
        lives = survived(mutant)
        alive += lives
        said = "SURVIVED" if lives else "killed"
        print(f"{said:<9}{mutant.name} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201
    print(f"{len(chosen) - alive} of {len(chosen)} mutants killed")  # noqa: T201
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
