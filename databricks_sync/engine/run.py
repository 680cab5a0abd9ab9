"""One run: look, recover, plan, check, write, verify, record. The commands above hold no logic.

Theory of operation. The order is what makes a run safe to kill at any point:

1. The lock of this machine's record, so that no other run of this clone is at the same target.
2. One look at both sides and at the marker (look.py); the base is only read.
3. The plan (rules/plan.py), what is withheld from it, and the checks that may stop it (rules/valves.py). Until here
   nothing was written on either side: a refusal leaves everything as it was.
4. What the look showed is recorded: answers to the intents of a killed run, and what turned out to be in sync.
5. The lock in the workspace for targets that others write to, then the writes (transfer.py). Before each one its intent
   is recorded, after it what both sides hold.
6. Backups are pruned last, and only after a run in which nothing failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from databricks_sync.errors import Again, BranchSwitchedMidRun, SettingsError, SyncError, printable
from databricks_sync.exit_code import ExitCode
from databricks_sync.failpoints import reached
from databricks_sync.interrupt import End, Interruption
from databricks_sync.local.files import settled
from databricks_sync.local.folder import LocalFolder, check_project
from databricks_sync.local.git import Repository
from databricks_sync.local.identity import project_of
from databricks_sync.model import BaseEntry, Direction, Kind, Mode, Settings
from databricks_sync.notebook.format import wire
from databricks_sync.remote.http import Http
from databricks_sync.remote.lock import TTL, RemoteLock
from databricks_sync.remote.marker import (
    marker_serial,
    next_serial,
    note_path,
    unread,
)
from databricks_sync.rules.journal import Advance, Content
from databricks_sync.rules.plan import Action, Step, resolved, steps
from databricks_sync.rules.rivals import apart, replacements
from databricks_sync.rules.target import home_of
from databricks_sync.rules.valves import Situation, check
from databricks_sync.state.backups import Backups
from databricks_sync.state.base import Base
from databricks_sync.state.location import record_folder, remove_record
from databricks_sync.state.lock import held
from databricks_sync.system import Pool

from .compare import Comparison
from .context import RunContext
from .extras import differing
from .look import Snapshot, check_branch, look
from .ownership import Ownership, beside
from .provenance import newer, provenance, pushed
from .pull import PullWriter
from .push import PushWriter
from .report import Report, RunListener
from .request import Request
from .transfer import Transfer, Writer
from .versions import Versions
from .withheld import exposed, unportable, withheld


class Sync:
    """Everything a run needs, wired together once."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        http: Http,
        listener: RunListener,
        permitted: Callable[[], None] = lambda: None,
        *,
        shared: bool = False,
        pool: Callable[[], Executor] = Pool,
        ttl: float = TTL,
    ) -> None:
        """`permitted` raises SettingsError when the target is none of ours: asked for before anything is decided.

        `shared`: the target belongs to all projects of the repository, and not to this one. `pool` makes the threads of
        one run; `ttl` is that of its remote lock.
        """
        self.settings = settings
        self.permitted = permitted
        self.repository = repository
        self.project = project_of(settings.project, repository)
        self.folders = tuple(sorted(folder.shown for folder in settings.folders))
        self.http = http
        self.listener = listener
        self.pool = pool
        self.ttl = ttl
        self.local = LocalFolder(settings.project, settings.folders, repository, settings.patterns)
        self.ownership = Ownership(repository, "" if shared else self.project, self.folders)

    def record(self, target: str) -> Path:
        """The folder of the record of a target, which need not be there."""
        return record_folder(self.repository.state, self.settings.login.name, target, self.project)

    def sweep(self, target: str) -> None:
        """Removes what a killed run left half-written here. Only while holding the lock of the target's state."""
        self.local.sweep(self.record(target).name.rpartition("-")[2])

    def backups(self, target: str) -> Backups:
        """Of all worktrees together: what one of them replaced is not to go with its folder."""
        return Backups(self.repository.common_dir / "databricks_sync" / "backups", target)

    def run(self, request: Request) -> Report:
        """Raises SyncError when the run cannot be done at all; then neither side was changed."""
        check_project(self.local)
        self.listener.start(request, [folder.shown for folder in self.settings.folders], self.settings.login.name)
        return self.under_lock(request, self._run, keep=not request.dry_run)

    def under_lock(self, request: Request, act: Callable[[RunContext], Report], *, keep: bool) -> Report:
        """What `act` reports; nobody else of this clone is at the target meanwhile, unless it is a dry run.

        `keep`: whether the record may be made and written, or only looked at. Raises SyncError.
        """
        began = time.monotonic()
        record = self.record(request.target)
        interruption = Interruption()
        with ExitStack() as after_locks, nullcontext() if request.dry_run else held(record, request.wait):
            with self.opened(record, keep=keep) as (base, pool):
                backups = self.backups(request.target)
                report = act(RunContext(request, base, backups, pool, interruption, after_locks))
            if report.removed:
                remove_record(record)
        return report._replace(
            interrupted=interruption.pressed, seconds=time.monotonic() - began, requests=self.http.requests
        )

    @contextmanager
    def opened(self, folder: Path, *, keep: bool) -> Iterator[tuple[Base, Executor]]:
        """The record in `folder`, and the threads of one run."""
        base = Base(folder, create=keep)
        try:
            self.tell(base.notice)
            with self.pool() as pool:
                yield base, pool
        finally:
            base.close()

    def seen(self, request: Request, base: Base, pool: Executor) -> Snapshot:
        """What there is now. Raises SyncError."""
        try:
            return look(self.local, self.http, request, base, pool, self.listener.notice)
        finally:
            self.permitted()  # in the home of somebody else there may be nothing to see: this says why

    def _run(self, run: RunContext) -> Report:
        request, base, pool = run.request, run.base, run.pool
        snapshot = self.seen(request, base, pool)
        self.require(request, snapshot.comparison)
        self.tell(self.nothing(request, snapshot.comparison))
        chosen = self.chosen(request, snapshot.comparison)
        versions = Versions(run, self.local, snapshot.workspace, snapshot.comparison)
        if request.mode is Mode.PULL_MERGE:
            chosen = versions.merged(chosen)
        diffs = versions.differences(chosen) if request.diff else {}
        push, writing = request.mode.direction is Direction.PUSH, any(step.writes for step in chosen)
        if not request.dry_run:
            self.check(request, snapshot, base, chosen)
        taking = push and request.allowed.take_over and self.ownership.takes(request, snapshot.view, base)
        if writing and not taking if push else snapshot.view.strange:
            self.tell(unread(snapshot.view, request.target))
        for note in (*(self._notes(request, snapshot, chosen) if push and writing else ()), *unportable(chosen)):
            self.tell(note)
        if push:
            self.tell(differing(chosen, request))
        self.listener.plan(request, chosen, diffs)
        reached("planned")
        if request.dry_run:  # the plan is shown first: it says what the valve is about
            self.check(request, snapshot, base, chosen)
            return Report(request, tuple(chosen))
        self.remember(run, snapshot, chosen, pushing=push and (writing or taking))
        if not writing:
            if taking:
                self._write_marker(request, snapshot, base, writing=False)
            return Report(request, tuple(chosen))
        run.interruption.ends.append(self._watch_head(request))
        report = self.carry(run, chosen, self._writer(run, snapshot))
        self.prune(run, report)
        return report

    def prune(self, run: RunContext, report: Report) -> None:
        """After a run that has written: removes what is too old in the record and in the backups."""
        if not report.interrupted and not report.trouble:
            run.base.prune()
        if report.exit_code <= ExitCode.LEFT:  # after a failure somebody may want more of the past than usual
            run.backups.prune(self.settings.backup_days)

    def remember(self, run: RunContext, snapshot: Snapshot, chosen: Sequence[Step], *, pushing: bool) -> None:
        """Records what the look showed. `pushing`: something will be written there, so the record gets a new serial."""
        request, base = run.request, run.base
        base.settle(marker_serial(snapshot.view.marker, base))
        self._finish(request, snapshot.comparison)
        news = {"whole_trees": "yes" if snapshot.workspace.whole_trees else "no", **snapshot.view.news}
        if pushing:
            news["serial"] = str(next_serial(snapshot.view.marker, base))
        if request.allowed.take_over:
            news |= self.ownership.remembered(request, snapshot.view)
        base.note(root="no Git folder", target=request.target, project=self.project, **news)
        base.advance(
            [*snapshot.comparison.recovered, *self._agreed(snapshot.comparison, base, chosen)],
            finished=snapshot.comparison.settled,
        )

    def _finish(self, request: Request, comparison: Comparison) -> None:
        """Removes what a killed run left behind; the backup of an old file was made before its new one."""
        self.sweep(request.target)
        for item in comparison.leftover:
            try:
                self.local.remove(item)
            except (OSError, SyncError) as error:
                self.listener.notice(f"{item.path} was left by an interrupted run and cannot be removed: {error}")

    def chosen(self, request: Request, comparison: Comparison) -> list[Step]:
        """The plan, as far as the run is about it. Raises SettingsError where it is about nothing that there is."""
        every = steps(comparison.sides, request.mode, delete=request.delete)
        if comparison.rivals:
            every = apart(every, comparison.rivals, request.mode.direction)
        scope = request.scope.among((step.path, step.key) for step in every)
        chosen = [
            resolved(step, request.mode, delete=request.delete) if step.path in scope.exact else step
            for step in every
            if scope.holds(step.path, step.key)
        ]
        if scope.paths and (moved := {step.moved for step in chosen} - {""}):  # a move is two steps
            keys = {step.key for step in chosen} | moved
            chosen = [step for step in every if step.key in keys]
        if scope.paths and not chosen:
            raise SettingsError(
                f"Nothing, locally or in the workspace, has the name {' or '.join(scope.paths)}.",
                f"Give paths as the plan shows them{f', after {request.way}/' if request.way else ''}: "
                f"`{request.mode.direction.command}{request.again} --dry-run`.",
            )
        return withheld(chosen, request, self.local)

    def _notes(self, request: Request, snapshot: Snapshot, chosen: list[Step]) -> list[str]:
        """What to tell of a push that writes, before it does."""
        last = snapshot.view.marker.branch if snapshot.view.marker else ""
        return [
            *exposed(chosen),
            *replacements(chosen, snapshot.comparison.rivals),
            *provenance(request, self.local, last),
        ]

    def _write_marker(self, request: Request, snapshot: Snapshot, base: Base, *, writing: bool) -> None:
        source = pushed(request, self.local) if writing else None
        self.tell(self.ownership.claim(request, snapshot, base, source))

    def tell(self, notice: str) -> None:
        """Says what is worth knowing, if there is anything."""
        if notice:
            self.listener.notice(notice)

    def check(self, request: Request, snapshot: Snapshot, base: Base, chosen: list[Step]) -> None:
        """Raises ValveError when the run must not go on as things are."""
        comparison, view = snapshot.comparison, snapshot.view
        check_branch(request, self.repository.git_state())
        check(
            Situation(
                mode=request.mode,
                steps=chosen,
                tracked=len(comparison.sides.base),
                local_exists=comparison.scan.exists,
                remote_exists=comparison.listing.exists,
                local_empty=comparison.scan.empty,
                remote_empty=not comparison.listing.objects,
                operation=self.repository.operation(),
                insisted=request.insisted,
                target=request.target,
                again=request.again,
                newer=newer(request, self.repository, view.marker),
                other=self.ownership.owner(request, view, base),
                removing=request.removing,
                laid_out=self.ownership.laid_out(view, base),
                nested={other: note_path(other) for other in view.nested if not base.meta(beside(other))},
                noted=view.readable,
                strange=view.strange,
                unasked=request.unasked and view.marker is None,
            ),
            request.allowed,
        )

    def require(self, request: Request, comparison: Comparison) -> None:
        """Raises SettingsError where the source was never there: then there is nothing to talk about."""
        if request.mode.direction is Direction.PULL and not comparison.listing.exists and not comparison.sides.base:
            raise SettingsError(
                f"There is no folder {request.target} in the workspace; nothing was pushed there yet.",
                f"Type `to_databricks{request.again}`, or name another folder with --branch or --target.",
            )
        if request.mode.direction is Direction.PUSH and not comparison.scan.exists and not comparison.sides.base:
            missing = next(folder.shown for folder in self.settings.folders if not folder.path.is_dir())
            raise SettingsError(
                f"There is no folder {missing} in {self.settings.project}.",
                self._elsewhere(missing) or "Create it, or set NOTEBOOK_FOLDER to the folder with the notebooks.",
            )

    def nothing(self, request: Request, comparison: Comparison) -> str:
        """What to tell where there is nothing to push and never was, which is rarely what somebody wants."""
        if request.mode.direction is Direction.PULL or comparison.sides.base or not comparison.scan.empty:
            return ""
        folders = " and ".join(folder.shown for folder in self.settings.folders)
        patterns = " or the settings of the project" if self.settings.patterns.exclude else ""
        return f"There is no file in {folders}, or git{patterns} ignores them all."

    def _elsewhere(self, missing: str) -> str:
        top = self.repository.top
        if top != self.settings.project and not missing.startswith("..") and (top / missing).is_dir():
            return f"There is one in {top}: run the command there, or create one here."
        return ""

    def carry(self, run: RunContext, steps: Sequence[Step], writer: Writer, *, recorded: bool = True) -> Report:
        """Carries out a plan that writes; under the lock in the workspace, where others write to the target too.

        `recorded`: whether the record is to know of it. Raises SyncError when nothing may be written; then nothing was.
        """
        request, interruption, writing = run.request, run.interruption, [step for step in steps if step.writes]
        base = run.base if recorded else None
        transfer = Transfer(writer, base, run.pool, self.listener.outcome, interruption)
        with ExitStack() as stack:
            if request.mode.direction is Direction.PUSH and (request.lock or home_of(request.target) is None):
                lock = RemoteLock(self.http, request.target, self.ttl)
                self.tell(stack.enter_context(lock.held(request.wait)))
                interruption.ends.append(lock.lost)
            run.after_locks.enter_context(interruption.listening())
            self.listener.begin(len(writing))
            try:
                outcomes = transfer.run(writing)
            finally:
                self.listener.end()
        return Report(
            request,
            tuple(steps),
            tuple(outcomes),
            backup=run.backups.run,
            interrupted=interruption.pressed,
            trouble=interruption.reason,
        )

    def _writer(self, run: RunContext, snapshot: Snapshot) -> Writer:
        request, workspace, comparison = run.request, snapshot.workspace, snapshot.comparison
        if request.mode.direction is Direction.PULL:
            return PullWriter(run, self.local, workspace, comparison, notice=self.tell, outputs=request.outputs)
        return PushWriter(
            run,
            self.local,
            workspace,
            comparison,
            notice=self.tell,
            write_marker=partial(self._write_marker, request, snapshot, run.base, writing=True),
            mirror=request.mode is Mode.PUSH_MIRROR and request.delete and not request.scope.paths,
        )

    def _watch_head(self, request: Request) -> End:
        """Tells of a checkout while objects are carried. What is under way was planned with the old branch's bytes."""
        before = self.repository.head()

        def overtaken() -> BranchSwitchedMidRun | None:
            if request.head is None or self.repository.head() == before:
                return None
            return BranchSwitchedMidRun(
                f"The branch {printable(request.head)} is no longer checked out: what was being written is finished, "
                "the rest was skipped.",
                Again(before="Check that branch out and "),
            )

        return overtaken

    def _agreed(self, comparison: Comparison, base: Base, chosen: Iterable[Step]) -> list[Advance]:
        """What the look alone showed to be in step, or gone on both sides."""
        advances: list[Advance] = []
        for step in chosen:
            if step.problem:
                continue
            if step.action is Action.FORGET:
                advances.append(Advance(step.key, None))
            elif step.action in (Action.ADOPT, Action.NOTHING) and step.local and step.remote:
                if step.base and step.local.stat is step.base.stat and step.remote.version == step.base.version:
                    continue  # seen to be what it was, and most are
                entry = BaseEntry.of(step.local, step.remote.version, settled(step.local.stat, time.time_ns()))
                if step.remote.version.sha != step.local.sha:  # which extras the workspace has does not show
                    entry = entry._replace(
                        extras=step.base.extras if step.base and step.action is Action.NOTHING else ""
                    )
                if entry != step.base:
                    advances.append(Advance(step.key, entry, self._content(comparison, base, step)))
        return advances

    def _content(self, comparison: Comparison, base: Base, step: Step) -> Content | None:
        """The text to merge from one day, where it is not kept yet: what the workspace holds, by its hash.

        Where the workspace has no hashes it is what the file holds.
        """
        assert step.local and step.remote
        sha = step.remote.version.sha or step.local.sha
        if step.local.kind is not Kind.NOTEBOOK or base.keeps(sha):
            return None
        export = comparison.exports.get(step.key)
        if export is not None and (kept := Content.named(export.raw, sha)):
            return kept
        try:
            return Content.named(wire(self.local.read(step.local.path)[0], step.local.format), sha)
        except (OSError, SyncError):
            return None
