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
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADVERSARIES, CRASHES, KILLS, FAULTS = (
    f"tests/safety/test_{name}.py" for name in ("adversaries", "crashes", "kills", "faults")
)
SENSES = "tests/safety/test_senses.py"
EXPORTS = "tests/safety/test_exports.py"
LOCK = "tests/safety/test_remote_lock.py"
BACKUPS = "tests/commands/test_backups.py"
CREDENTIALS = "tests/commands/test_credentials.py"
VALVES = "tests/commands/test_valves.py"
NOTES = "tests/commands/test_notes.py"
HINTS = "tests/commands/test_hints.py"
MERGES = "tests/commands/test_merge.py"
CELLS = "tests/sync/test_merge.py"
SERVERS = "tests/sync/test_servers.py"
BASE = "tests/sync/test_base.py"
GIT = "tests/sync/test_git.py"
WITHHELD = "tests/commands/test_withheld.py"
LOGIN, PROJECT = "tests/sync/test_login.py", "tests/sync/test_project.py"
TRUST, PLACES = "tests/commands/test_trust.py", "tests/commands/test_places.py"
RECORD = "tests/sync/test_record.py"
FOLDERS = "tests/commands/test_folders.py"
BRANCHES, SAVES, TROUBLES = (f"tests/watch/test_{name}.py" for name in ("branches", "saves", "troubles"))


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in a file of databricks_sync, and the tests that match `tests` in `where` must fail."""

    name: str
    file: str
    old: str
    new: str
    where: str
    tests: str

    def applied(self, folder: Path) -> str:
        """The changed text of the file. Raises ValueError when it is no longer what the mutant was made for."""
        text = (folder / self.file).read_text(encoding="utf-8")
        if self.old not in text:
            raise ValueError(f"{self.name}: {self.file} no longer holds {self.old!r}")
        return text.replace(self.old, self.new)


MUTANTS = (
    Mutant(
        "a request that no test can die at",
        "http.py",
        """        reached(f"{method} {url.partition('?')[0]}")""",
        "        pass",
        SENSES,
        "request",
    ),
    Mutant(
        "a record that is written where no test can die",
        "base.py",
        """        reached(f"before {what}")""",
        "        pass",
        SENSES,
        "foretold",
    ),
    Mutant(
        "a push says nothing of credentials",
        "sync.py",
        "        for note in exposed(chosen) if push else ():\n",
        "        for note in ():\n",
        CREDENTIALS,
        "told or outputs or programs",
    ),
    Mutant(
        "a diff shows credentials",
        "text_report.py",
        "{redacted(line.text)}",
        "{line.text}",
        CREDENTIALS,
        "told",
    ),
    Mutant(
        "no last look before a write",
        "push.py",
        "                if not self._as_planned(step, before):\n",
        "                if False:\n",
        ADVERSARIES,
        "test_04",
    ),
    Mutant(
        "the last look believes the listing and not what was saved",
        "push.py",
        "now.token.proves(before.token) or",
        "now.token.proves(step.remote.token) or",
        EXPORTS,
        "undone",
    ),
    Mutant(
        "what comes is what was listed",
        "exports.py",
        "    proved = not now.token.sha or _has(raw, now, form, language)\n",
        "    proved = True\n",
        EXPORTS,
        "replaces_nothing or writes_and_records",
    ),
    Mutant(
        "a notebook's hash is never of its bytes",
        "exports.py",
        "    if age is not None and abs(age) < _LAG:\n",
        "    if False:\n",
        EXPORTS,
        "replaces_nothing",
    ),
    Mutant(
        "another form is as new as the one that is kept",
        "exports.py",
        "    if _export(workspace, now, found.form, found.language).digest != found.digest:\n",
        "    if False:\n",
        EXPORTS,
        "another_form",
    ),
    Mutant(
        "a hash that was not compared is kept",
        "survey.py",
        "        tokens |= {key: found.token for",
        "        _ = {key: found.token for",
        EXPORTS,
        "not_remembered",
    ),
    Mutant(
        "a record of an older version is true",
        "base.py",
        "            if entry.token.sha and not _has_hash(db, entry):\n",
        "            if False:\n",
        EXPORTS,
        "older_version",
    ),
    Mutant(
        "a record that is not true stays",
        "push.py",
        "._replace(token=UNKNOWN)",
        "",
        EXPORTS,
        "for_ever",
    ),
    Mutant(
        "verification skipped",
        "readback.py",
        "            if held.digest != item.digest:\n",
        "            if False:\n",
        ADVERSARIES,
        "test_27",
    ),
    Mutant(
        "a backup here only if it differs from the base",
        "pull.py",
        "        self.backups.save(saved, raw)\n",
        "        if step.base is None or item.digest != step.base.digest:\n            self.backups.save(saved, raw)\n",
        ADVERSARIES,
        "test_05",
    ),
    Mutant(
        "a backup of the workspace only if it differs from the base",
        "push.py",
        "        self.backups.save(saved, before.raw)\n",
        "        if step.base is None or before.digest != step.base.digest:\n"
        "            self.backups.save(saved, before.raw)\n",
        ADVERSARIES,
        "test_05 or test_42",
    ),
    Mutant(
        "no backup of what --overwrite replaces",
        "push.py",
        "        self.backups.save(saved, before.raw)\n",
        "        pass\n",
        CRASHES,
        "any_effect and push and over",
    ),
    Mutant(
        "base advanced before the write",
        "carry.py",
        "        first = [step for step in steps if step.action is not Action.DELETE]\n",
        "        self.base.advance([Advance(s.key, None) for s in steps if s.action is Action.DELETE])\n"
        "        first = [step for step in steps if step.action is not Action.DELETE]\n",
        CRASHES,
        "any_effect and push",
    ),
    Mutant(
        "no journal of intents",
        "carry.py",
        "        self.base.intend([self.carrier.intent(step) for step in steps])\n",
        "",
        ADVERSARIES,
        "test_09",
    ),
    Mutant(
        "a push that does not wait for its note",
        "push.py",
        "            self._claiming.result()\n",
        "            pass\n",
        VALVES,
        "first_pushes_that_meet",
    ),
    Mutant(
        "a push that was kept out stays in the journal",
        "carry.py",
        "            self.base.advance([], finished=[step.key for step in steps])\n",
        "",
        VALVES,
        "first_pushes_that_meet",
    ),
    Mutant(
        "recovery looks at the wrong side",
        "survey.py",
        "        applied = local is not None and local.digest == intent.after\n",
        "        applied = remote is not None\n",
        ADVERSARIES,
        "test_10",
    ),
    Mutant(
        "recovery of a deletion looks at the wrong side",
        "survey.py",
        "(remote if pushed else local) is None",
        "(local if pushed else remote) is None",
        CRASHES,
        "does_no_harm or any_effect",
    ),
    Mutant(
        "a listing that failed is an empty one",
        "workspace.py",
        "                except WorkspaceError as error:\n                    for other in pending:\n",
        "                except WorkspaceError as error:\n                    continue\n"
        "                    for other in pending:\n",
        ADVERSARIES,
        "test_14",
    ),
    Mutant(
        "a deletion here without asking whether it is gone",
        "pull.py",
        "        if self.workspace.look(step.key) is not None:\n",
        "        if False:\n",
        ADVERSARIES,
        "test_14",
    ),
    Mutant(
        "canonical text strips one newline",
        "notebook.py",
        '    return f"{spoken.value}\\n{rest}".rstrip("\\n")\n',
        '    return f"{spoken.value}\\n{rest}".removesuffix("\\n")\n',
        ADVERSARIES,
        "test_26",
    ),
    Mutant(
        "times are believed however coarse the clock",
        "model.py",
        "        if self.racy or other.racy or not self.modified_at:\n",
        "        if not self.modified_at:\n",
        ADVERSARIES,
        "test_05",
    ),
    Mutant(
        "blind retry",
        "http.py",
        '            return self._send("POST", path, turn, _word, self.limits.answer, body, content_type)\n',
        "            try:\n"
        '                return self._send("POST", path, turn, _word, self.limits.answer, body, content_type)\n'
        "            except Unreachable:\n"
        '                return self._send("POST", path, turn, _word, self.limits.answer, body, content_type)\n',
        ADVERSARIES,
        "test_06",
    ),
    Mutant(
        "deletes before creates",
        "carry.py",
        "        waiting = self._phase(first, self._put)\n        if deletes:\n",
        "        if deletes:\n            self._phase(deletes, self.carrier.delete)\n"
        "        waiting = self._phase(first, self._put)\n        if False:\n",
        ADVERSARIES,
        "test_38",
    ),
    Mutant(
        "a move that failed deletes its old place",
        "carry.py",
        "self._phase(self._without_moves_that_failed(deletes), self.carrier.delete)",
        "self._phase(deletes, self.carrier.delete)",
        ADVERSARIES,
        "test_38",
    ),
    Mutant(
        "an answer may take for ever",
        "direct.py",
        "        if now > self._due:\n",
        "        if False:\n",
        SERVERS,
        "byte and answer",
    ),
    Mutant(
        "a body of any length",
        "limits.py",
        "        if left < 0:\n",
        "        if False:\n",
        SERVERS,
        "zeros",
    ),
    Mutant(
        "headers of any length",
        "direct.py",
        "        if self._idle > _HEADERS:\n",
        "        if False:\n",
        SERVERS,
        "follows",
    ),
    Mutant(
        "a listing's object of any length",
        "listing.py",
        "    if len(text) > limits.object:\n",
        "    if False:\n",
        "tests/sync/test_listing.py",
        "limit",
    ),
    Mutant(
        "a number of any size",
        "workspace.py",
        " and 0 <= value < _NUMBERS else 0\n",
        " else 0\n",
        "tests/commands/test_servers.py",
        "numbers",
    ),
    Mutant(
        "a page is an answer",
        "http.py",
        "    if _PAGE.match(first):\n",
        "    if False:\n",
        SERVERS,
        "page",
    ),
    Mutant(
        "a workspace that takes nothing is asked on and on",
        "pace.py",
        "            seconds = max(seconds, self._pause())\n",
        "",
        "tests/sync/test_pace.py",
        "in_peace",
    ),
    Mutant("recursive delete", "workspace.py", '"recursive": False', '"recursive": True', ADVERSARIES, "test_13"),
    Mutant(
        "a conflict is won by the source",
        "plan.py",
        '    "bxy": (  CONFLICT, CONFLICT,',
        '    "bxy": (  UPDATE,   UPDATE,  ',
        ADVERSARIES,
        "test_02",
    ),
    Mutant(
        "an edit is deleted",
        "plan.py",
        '    "b-y": (  CONFLICT, CONFLICT, CONFLICT,',
        '    "b-y": (  DELETE,   CONFLICT, DELETE,  ',
        ADVERSARIES,
        "test_02",
    ),
    Mutant(
        "a create that overwrites",
        "push.py",
        "self._patiently(lambda: self._put(step, raw, overwrite=False))",
        "self._patiently(lambda: self._put(step, raw, overwrite=True))",
        ADVERSARIES,
        "test_08",
    ),
    Mutant(
        "a lock by looking and then writing",
        "remote_lock.py",
        "            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=False)\n"
        "        except NotFound:\n",
        "            if self._holder() is not None:\n"
        '                raise AlreadyExists("taken")\n'
        "            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=True)\n"
        "        except NotFound:\n",
        ADVERSARIES,
        "test_18",
    ),
    Mutant(
        "a lock that is never stale",
        "remote_lock.py",
        "        return age is not None and abs(age) > self.ttl\n",
        "        return False\n",
        KILLS,
        "another_machine",
    ),
    Mutant(
        "a lock of the future is held for ever",
        "remote_lock.py",
        "abs(age) > self.ttl",
        "age > self.ttl",
        LOCK,
        "of_the_future",
    ),
    Mutant(
        "what is no lock is taken for one",
        "remote_lock.py",
        """        if not isinstance(found, dict) or not isinstance(found.get("id"), str):\n""",
        """        found = found if isinstance(found, dict) else {}\n"""
        """        if not isinstance(found.setdefault("id", ""), str):\n""",
        LOCK,
        "what_is_no_lock",
    ),
    Mutant(
        "a note that is not understood says nothing",
        "valves.py",
        "    if strange and not allowed.take_over:\n",
        "    if False:\n",
        NOTES,
        "no_note",
    ),
    Mutant(
        "a note that is a folder is none",
        "claim.py",
        "            self._check_place(listing)\n",
        "",
        NOTES,
        "no_note",
    ),
    Mutant(
        "a lock broken though it is no longer the stale one",
        "remote_lock.py",
        "            if self._holder() != stale:\n",
        "            if False:\n",
        LOCK,
        "broke_first",
    ),
    Mutant(
        "a lock that is not renewed",
        "remote_lock.py",
        "                self._renewed += 1\n",
        "                continue\n",
        LOCK,
        "is_renewed",
    ),
    Mutant(
        "a lock renewed whosoever it is",
        "remote_lock.py",
        "                if not self._ours():\n",
        "                if False:\n",
        LOCK,
        "not_renewed",
    ),
    Mutant(
        "a lock given up whosoever it is",
        "remote_lock.py",
        "            if self._ours():\n",
        "            if True:\n",
        LOCK,
        "not_given_up",
    ),
    Mutant(
        "a lock that is lost ends nothing",
        "sync.py",
        "                    interruption.ends.append(lock.lost)\n",
        "",
        LOCK,
        "a_push_that_lost",
    ),
    Mutant(
        "a machine known by its name alone",
        "remote_lock.py",
        '        if holder.get("machine") == machine() and',
        '        if holder.get("host") == platform.node() and',
        LOCK,
        "name_of_a_machine",
    ),
    Mutant(
        "a file replaced without a last look at it",
        "local.py",
        "            self._expect(where, item)\n",
        "            pass\n",
        FAULTS,
        "during_a_pull",
    ),
    Mutant(
        "a sweep takes what another run has in hand",
        "local.py",
        "                if left.name.endswith(",
        "                if True or left.name.endswith(",
        ADVERSARIES,
        "test_43",
    ),
    Mutant(
        "a write without an answer is looked for once",
        "push.py",
        "        for _ in range(2):\n            time.sleep(pause)\n",
        "        for _ in range(1):\n            time.sleep(pause)\n",
        ADVERSARIES,
        "test_07",
    ),
    Mutant(
        "what recovery cannot read is settled",
        "survey.py",
        "                unreadable.add(key)  # the intent stays for the next run\n",
        "                pass\n",
        ADVERSARIES,
        "test_09",
    ),
    Mutant(
        "the time of an interrupted pull is believed",
        "base.py",
        "Token(int(str(object_id)), int(str(modified)), str(remote_sha), True)",
        "Token(int(str(object_id)), int(str(modified)), str(remote_sha), False)",
        "tests/sync/test_base.py",
        "intent_s_token",
    ),
    Mutant(
        "what was never begun stays in the journal",
        "carry.py",
        "        self.base.advance([], finished={step.key",
        "        self.base.advance([], finished=set() and {step.key",
        ADVERSARIES,
        "test_32",
    ),
    Mutant(
        "a .env is pushed",
        "local.py",
        "        if is_secret(path):\n",
        "        if False:\n",
        "tests/commands/test_bad_input.py",
        "dotenv_is_never",
    ),
    Mutant(
        "a .env is pulled",
        "survey.py",
        "            if item.kind is Kind.FILE and is_secret(key) and",
        "            if False and",
        "tests/commands/test_bad_input.py",
        "dotenv_is_never",
    ),
    Mutant(
        "a submodule that was not fetched is an empty folder",
        "local.py",
        '                if entry.path == ".":',
        "                if False:",
        "tests/sync/test_local.py",
        "unfetched",
    ),
    Mutant(
        "what git could not merge is carried",
        "local.py",
        "        if entry.unmerged:\n",
        "        if False:\n",
        ADVERSARIES,
        "test_17",
    ),
    Mutant(
        "an old copy of the record is believed",
        "claim.py",
        '    return noted_serial(claim, base) > int(base.meta("serial") or 0)\n',
        "    return False\n",
        ADVERSARIES,
        "test_11",
    ),
    Mutant(
        "a copy of a record keeps its name",
        "lineage.py",
        "_hash(root, os.path.normcase(",
        "_hash(root, str() and os.path.normcase(",
        ADVERSARIES,
        "test_11_a_copy",
    ),
    Mutant(
        "a record is looked up by the name it came with alone",
        "base.py",
        '            self.meta("lineage"),\n            lineage.name(root, self.file),\n',
        '            self.meta("lineage"),\n' * 2,
        ADVERSARIES,
        "test_11_a_copy",
    ),
    Mutant(
        "a record that is not believed keeps its name",
        "base.py",
        "lineage.successor(self._root()) if self._distrusted else",
        "",
        ADVERSARIES,
        "test_11_two_machines",
    ),
    Mutant(
        "a repository without a commit is nobody",
        "identity.py",
        "        return self.names() or (",
        "        return self.names() and (",
        VALVES,
        "repository_without_a_commit",
    ),
    Mutant(
        "a mirror where nobody knows whose the folder is",
        "valves.py",
        "    if s.mode is Mode.PUSH_MIRROR and not s.noted",
        "    if False and not s.noted",
        VALVES,
        "notes_that_cannot_be_read",
    ),
    Mutant(
        "a restore into another repository's folder",
        "restore.py",
        "            owned(sync.owner(request, noting.result(), base), request.allowed)\n",
        "",
        BACKUPS,
        "became_another_s",
    ),
    Mutant(
        "two projects of a repository are one owner",
        "claim.py",
        "        return bool(self.project and project) and self.project != project\n",
        "        return False\n",
        FOLDERS,
        "two_projects or at_the_top",
    ),
    Mutant(
        "a record of yesterday is anybody's",
        "record.py",
        "(project == TOP or _of(here, former))",
        "True",
        RECORD,
        "own",
    ),
    Mutant(
        "a record is taken away from under the older version",
        "record.py",
        "        with held(self.former, wait):\n",
        "        if True:\n",
        RECORD,
        "waited_for",
    ),
    Mutant(
        "other folders are nobody's business",
        "valves.py",
        "    if s.laid_out and",
        "    if False and",
        FOLDERS,
        "colleague or fresh_clone",
    ),
    Mutant(
        "an edited object moves",
        "plan.py",
        "    if step.action in (AHEAD, CONFLICT):\n",
        "    if False:\n",
        FOLDERS,
        "edit_there",
    ),
    Mutant(
        "a file that cannot be read is gone from its old place",
        "survey.py",
        "                problems.setdefault(old, problems[new])\n",
        "                pass\n",
        FOLDERS,
        "cannot_be_read",
    ),
    Mutant(
        "what was not written at its new place goes from the old one",
        "carry.py",
        " or step.moved in missing]\n",
        "]\n",
        FOLDERS,
        "cannot_be_created",
    ),
    Mutant(
        "a Git folder is a folder",
        "target.py",
        "        if kind == GIT_FOLDER:\n",
        "        if False:\n",
        VALVES,
        "git_folder",
    ),
    Mutant(
        "a file is printed as an option",
        "shell.py",
        'text if _PATH_BEGINS.match(text) else f"./{text}"',
        "text",
        HINTS,
        "looks_like_an_option",
    ),
    Mutant(
        "a path stands for a notebook of its name",
        "survey.py",
        "(p not in self.exact and path == splitext(p)[0])",
        "path == splitext(p)[0]",
        HINTS,
        "does_not_stand",
    ),
    Mutant(
        "another target is advised",
        "valves.py",
        "`to_databricks{s.again} --overwrite`",
        "`to_databricks --overwrite`",
        HINTS,
        "put_back",
    ),
    Mutant(
        "only a classic Git folder is one",
        "workspace.py",
        "        return GIT_FOLDER if isinstance(about, dict)",
        "        return DIRECTORY if isinstance(about, dict)",
        VALVES,
        "git_folder and GIT_FOLDER",
    ),
    Mutant(
        "a target is no Git folder for ever",
        "sync.py",
        "        if not check_types and _is_another(listing, base):\n",
        "        if False:\n",
        VALVES,
        "became_a_git_folder_is_refused",
    ),
    Mutant(
        "an empty folder is believed",
        "valves.py",
        "    if allowed.empty or tracked < 2:\n        return\n",
        "    return\n",
        ADVERSARIES,
        "test_12 or test_13",
    ),
    Mutant(
        "any number of deletions",
        "valves.py",
        "    elif count <= limit:\n",
        "    elif True:\n",
        "tests/commands/test_valves.py",
        "delete",
    ),
    Mutant(
        "a file is not looked at again before it is sent",
        "push.py",
        "        return sent if sha256(sent) == step.local.sha else None\n",
        "        return sent\n",
        ADVERSARIES,
        "test_16",
    ),
    Mutant(
        "a checkout goes unnoticed",
        "sync.py",
        "        if request.head is not None and moment.branch != request.head:\n",
        "        if False:\n",
        ADVERSARIES,
        "test_16",
    ),
    Mutant(
        "a change between listing and backup goes unnoticed",
        "push.py",
        "        if step.remote_digest is not None and before.digest != step.remote_digest:\n",
        "        if False:\n",
        ADVERSARIES,
        "test_04",
    ),
    Mutant(
        "a file that changes while it is read is believed",
        "local.py",
        "        if before == after and len(raw) == before.size:\n",
        "        if True:\n",
        FAULTS,
        "all_the_time",
    ),
    Mutant(
        "names from the workspace are trusted",
        "survey.py",
        "            if reason := flaw(",
        '            if reason := "" and flaw(',
        ADVERSARIES,
        "test_37",
    ),
    Mutant(
        "what is behind a link is absent",
        "survey.py",
        "    if unknown:\n",
        "    if False:\n",
        ADVERSARIES,
        "test_36",
    ),
    Mutant(
        "what cannot be read is absent",
        "survey.py",
        "        problems = _judged(scan.unknown, known | {new for _, new in places}) | ",
        "        problems = ",
        ADVERSARIES,
        "test_44",
    ),
    Mutant(
        "a restore without the lock",
        "restore.py",
        "            stack.enter_context(held(record.folder, request.wait))\n",
        "            pass\n",
        BACKUPS,
        "lock",
    ),
    Mutant(
        "a dry run that restores",
        "restore.py",
        "        if writing and not request.dry_run:\n",
        "        if writing:\n",
        BACKUPS,
        "dry_run",
    ),
    Mutant(
        "no backup of what a restore replaces here",
        "restore.py",
        "            self.copies.backups.save(kept, current)\n",
        "            pass\n",
        BACKUPS,
        "mends",
    ),
    Mutant(
        "a failed run prunes",
        "sync.py",
        "        if report.exit_code <= 1:",
        "        if True:",
        BACKUPS,
        "prune",
    ),
    Mutant(
        "the last backup is pruned",
        "backups.py",
        "        old.discard(max(",
        "        str(max(",
        "tests/sync/test_backups.py",
        "pruned",
    ),
    Mutant(
        "backups go with their worktree",
        "sync.py",
        'Backups(self.repository.common_dir / "databricks_sync" / "backups", target)',
        'Backups(self.repository.state / "backups", target)',
        BACKUPS,
        "worktree",
    ),
    Mutant(
        "a day is as many as the clock says",
        "backups.py",
        "if len(found - {today}) > days}",
        "if found and name[:8] < today.replace('-', '')}",
        BACKUPS,
        "wrong_clock",
    ),
    Mutant(
        "files are read while git writes them",
        "sync.py",
        "        while moment.locked or moved:\n",
        "        while moved:\n",
        BRANCHES,
        "slow_checkout and single",
    ),
    Mutant(
        "a run goes on after a checkout",
        "sync.py",
        "            if request.head is None or self.repository.head() == before:\n",
        "            if True:\n",
        BRANCHES,
        "middle_of_a_pull",
    ),
    Mutant(
        "a watch goes on during a rebase",
        "watch.py",
        "        if moment.operation:\n",
        "        if False:\n",
        BRANCHES,
        "operation",
    ),
    Mutant(
        "a named target takes any branch",
        "watch.py",
        "        if named and moment.branch != self._branch:\n",
        "        if False:\n",
        BRANCHES,
        "named_target",
    ),
    Mutant(
        "what is allowed is allowed for ever",
        "watch.py",
        "asked = asked._replace(allowed=Allowed(), wait=",
        "asked = asked._replace(wait=",
        TROUBLES,
        "emptied",
    ),
    Mutant(
        "a half-saved notebook is a plain file",
        "local.py",
        "        if notebook and identity.form is None and cut_short(name, raw):\n",
        "        if False:\n",
        SAVES,
        "half_written_source",
    ),
    Mutant(
        "markers are carried",
        "plan.py",
        "        elif local and local.unresolved and mode",
        "        elif local and local.unresolved < 0 and mode",
        MERGES,
        "markers",
    ),
    Mutant(
        "after a merge the base is what was merged",
        "survey.py",
        "            intent.agreed or intent.after,\n",
        "            intent.after,\n",
        MERGES,
        "killed_merge",
    ),
    Mutant(
        "a merge into markers",
        "mediator.py",
        "        if item.unresolved:\n",
        "        if False:\n",
        MERGES,
        "not_merged_into",
    ),
    Mutant(
        "a Ctrl-C that Python dropped",
        "watch.py",
        "            self.stop.check()\n",
        "",
        TROUBLES,
        "unlucky",
    ),
    Mutant(
        "equal cells removed on both sides",
        "merge.py",
        "        self.torn = self._gone(here, there) & self._gone(there, here)\n",
        "        self.torn = set()\n",
        CELLS,
        "clashes or both_hold",
    ),
    Mutant(
        "equal cells replaced by others",
        "merge.py",
        "        self.gone = replaced.union(",
        "        self.gone = set().union(",
        CELLS,
        "clashes",
    ),
    Mutant(
        "a merge from any base",
        "mediator.py",
        "known = raw is not None and digest(raw, entry.form, entry.language) == entry.digest",
        "known = True",
        MERGES,
        "damaged",
    ),
    Mutant(
        "what a dead restore left half-written is nobody's",
        "restore.py",
        "            sync.sweep(request.target)\n",
        "",
        CRASHES,
        "restore_that_dies",
    ),
    Mutant(
        "the home of somebody else",
        "sync.py",
        "            self.permitted()",
        "            pass",
        BACKUPS,
        "another_user",
    ),
    Mutant(
        "the record is closed while it is read",
        "base.py",
        "        with self._turn:\n            return self._db.execute(",
        "        if True:\n            return self._db.execute(",
        BASE,
        "may_be_closed",
    ),
    Mutant(
        "git finds a repository by itself",
        "git.py",
        '        named = (f"--git-dir={self.git_dir}", f"--work-tree={self.top}", *options)\n',
        "        named = tuple(options)\n",
        GIT,
        "looks_like_a_git_directory",
    ),
    Mutant(
        "a folder is a repository by its looks",
        "git.py",
        " or _within(project, self.git_dir)",
        "",
        GIT,
        "older_git",
    ),
    Mutant(
        "a configuration may name programs",
        "git.py",
        '    typed = ["git", "-C", str(folder), *options, *_CONFIGURATION, *arguments]\n',
        '    typed = ["git", "-C", str(folder), *options, *arguments]\n',
        GIT,
        "own_configuration",
    ),
    Mutant(
        "a pull makes a git repository",
        "withheld.py",
        "    traps = bare_repository.made_by(writing, local.standing) if writing else {}\n",
        "    traps: dict[str, str] = {}\n",
        WITHHELD,
        "makes_no_git_directory",
    ),
    Mutant(
        "half of a git repository is none",
        "withheld.py",
        "made_by(writing, local.standing)",
        "made_by(writing, lambda _: ())",
        WITHHELD,
        "in_two_pulls",
    ),
    Mutant(
        "a tool's new file comes unasked",
        "withheld.py",
        "(part := tool_files.sensitive(inside))",
        '(part := "")',
        WITHHELD,
        "comes_unasked",
    ),
    Mutant(
        "a credential is carried unasked",
        "withheld.py",
        "    if part := credential_files.sensitive(inside):\n",
        '    if part := "":\n',
        WITHHELD,
        "no_credential",
    ),
    Mutant(
        "a folder around a path names it",
        "survey.py",
        '        return any(p == path or p.startswith(f"{path}/") for p in self.paths)\n',
        "        return bool(self.paths)\n",
        WITHHELD,
        "folder_that_is_named or no_credential",
    ),
    Mutant(
        "a tracked .env says how to log in",
        "dotenv_file.py",
        "        if tracks(self.path):",
        "        if False:",
        LOGIN,
        "tracked_dotenv_says_nothing",
    ),
    Mutant(
        "a link to a tracked file as one's own .env",
        "dotenv_file.py",
        "        if self.path.is_symlink() and tracks(target):",
        "        if False:",
        LOGIN,
        "link_to_a_tracked",
    ),
    Mutant(
        "a token for the host of a weaker source",
        "login.py",
        '    if not name:\n        return ""\n',
        '    if True:\n        return ""\n',
        LOGIN,
        "host_of_its_own_source",
    ),
    Mutant(
        "the environment's identity for another source's host",
        "http.py",
        "    login.withhold(os.environ)\n",
        "",
        TRUST,
        "machine_knows",
    ),
    Mutant(
        "a project folder outside of the repository",
        "project.py",
        "    _require_inside(folder, home)\n",
        "",
        PROJECT,
        "settings_name_no_folder_outside",
    ),
    Mutant(
        "a project above the repository",
        "project.py",
        "if highest and _within(one, highest)",
        "if highest",
        PROJECT,
        "found_from_inside",
    ),
    Mutant(
        "the wrong place for a folder that is gone",
        "sync.py",
        "        if not survey.sides.base or (elsewhere and not request.allowed.empty):",
        "        if not survey.sides.base:",
        PLACES,
        "wrong_place",
    ),
)


# Changes nothing: what kills a mutant must not kill this one.
HARMLESS = Mutant("nothing", "push.py", "from __future__", "from __future__", "tests/safety", "")


def survived(mutant: Mutant) -> bool:
    """Whether the tests take the mutant for the real thing."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in ("databricks_sync", "databricks_local", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / "databricks_sync" / mutant.file).write_text(mutant.applied(copy / "databricks_sync"), encoding="utf-8")
        typed = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", mutant.where, "-k", mutant.tests]
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
