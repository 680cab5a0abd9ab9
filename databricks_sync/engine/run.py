"""One run: look at both sides, recover, plan, check the valves, carry out. The commands above hold no logic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import NamedTuple

from databricks_sync.errors import (
    BranchSwitched,
    BranchSwitchedMidRun,
    ExitCode,
    SettingsError,
    SyncError,
    ValveError,
    printable,
)
from databricks_sync.failpoints import reached
from databricks_sync.interrupt import End, Interruption
from databricks_sync.local.files import settled
from databricks_sync.local.folder import LocalFolder, Scan, check_project
from databricks_sync.local.git import GitState, Repository
from databricks_sync.local.identity import Identity, nameless, project_of
from databricks_sync.model import BaseEntry, Direction, Kind, Mode, Settings
from databricks_sync.notebook.format import wire
from databricks_sync.remote.folder import Listing, Workspace, asked_types
from databricks_sync.remote.http import Http
from databricks_sync.remote.lock import TTL, RemoteLock
from databricks_sync.remote.marker import (
    Marker,
    Markers,
    MarkerView,
    another,
    is_outdated,
    marker_serial,
    next_serial,
    note_path,
    other_folders,
    unread,
)
from databricks_sync.rules.debounce import AFTER_GIT
from databricks_sync.rules.journal import Advance, Content
from databricks_sync.rules.names import parents
from databricks_sync.rules.plan import Action, Step, steps
from databricks_sync.rules.target import home_of
from databricks_sync.rules.valves import Situation, check
from databricks_sync.state.backups import Backups
from databricks_sync.state.base import Base
from databricks_sync.state.lock import held
from databricks_sync.state.record import Record, record
from databricks_sync.system import Pool

from .compare import Comparer, Comparison
from .pull import PullWriter
from .push import PushWriter
from .report import Report, RunListener
from .request import Request
from .transfer import Transfer, Writer
from .versions import Versions
from .withheld import exposed, withheld

_SCANS = 3
_GIT_AT_WORK = 2.0  # seconds to wait for a checkout to end


class Snapshot(NamedTuple):
    """What a run sees before it decides."""

    workspace: Workspace
    markers: Markers
    view: MarkerView
    comparison: Comparison


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
        self.identity = Identity(repository)
        self.project = project_of(settings.project, repository)
        self.owning = "" if shared else self.project
        self.folders = tuple(sorted(folder.shown for folder in settings.folders))
        self.http = http
        self.listener = listener
        self.pool = pool
        self.ttl = ttl
        self.local = LocalFolder(settings.project, settings.folders, repository)

    def record(self, target: str) -> Record:
        """Where the record of a target is to be found."""
        state, workspace = self.repository.state, self.settings.login.name
        return record(state, workspace, target, self.project, self.folders, self.settings.project)

    def sweep(self, target: str) -> None:
        """Removes what a killed run left half-written here. Only while holding the lock of the target's state."""
        self.local.sweep(self.record(target).folder.name.rpartition("-")[2])

    def backups(self, target: str) -> Backups:
        """Of all worktrees together: what one of them replaced is not to go with its folder."""
        return Backups(self.repository.common_dir / "databricks_sync" / "backups", target)

    def collect_backups(self, target: str) -> None:
        """Takes over what earlier versions kept in the git directories of linked worktrees."""
        self.backups(target).collect(self.repository.common_dir.glob("worktrees/*/databricks_sync/backups"))

    def remote_lock(self, target: str) -> RemoteLock:
        """The lock that keeps other machines from writing to the target at the same time."""
        return RemoteLock(self.http, target, self.ttl)

    def markers(self, request: Request, base: Base) -> Markers:
        """What reads and writes the note on the target."""
        return Markers(self.http, request.target, whole_trees=base.meta("whole_trees") != "no")

    def owner(self, request: Request, view: MarkerView, base: Base) -> tuple[str, str] | None:
        """What to say of the target's owner, where that is another repository, or another project of this one.

        A pull takes nothing away there: it may be done by and from what has no name yet, and once allowed it stays so.
        """
        marker = view.marker
        if marker is None:
            return None
        push = request.mode.direction is Direction.PUSH
        if not push and _pulled_from(marker, base):
            return None
        names = self.repository.origin()
        if not marker.repository & names:  # the first commits take a walk
            names = self.identity.to_be() if push else self.identity.names()
            if not push and nameless(marker.repository) and not marker.repository & names:
                return None
        return another(marker, Marker(request.target, names, project=self.owning))

    def laid_out(self, view: MarkerView, base: Base) -> tuple[str, str] | None:
        """What to say where the target is carried from other folders by now, and it was not this clone that chose anew.

        What this clone has carried with the folders of the note, it may carry with others from now on.
        """
        marker = view.marker
        if marker is None or marker.layout is None or not marker.layout.apart(self.local.layout):
            return None
            return None
        return None if marker.layout.made(base.entries().values()) else other_folders(marker, self.folders)

    def run(self, request: Request) -> Report:
        """Raises SyncError when the run cannot be done at all; then neither side was changed."""
        check_project(self.local)
        self.listener.start(request, [folder.shown for folder in self.settings.folders], self.settings.login.name)
        return self.under_lock(request, partial(self._run, request), keep=not request.dry_run)

    def under_lock(
        self,
        request: Request,
        act: Callable[[Base, Executor, Interruption, ExitStack], Report],
        *,
        keep: bool,
    ) -> Report:
        """What `act` reports; nobody else of this clone is at the target meanwhile, unless it is a dry run.

        `keep`: whether the record may be made and written, or only looked at. The stack is closed when all is over, the
        lock given back. Raises SyncError.
        """
        began = time.monotonic()
        record = self.record(request.target)
        interruption = Interruption()
        with ExitStack() as after_locks, nullcontext() if request.dry_run else held(record.folder, request.wait):
            if not request.dry_run:
                record = self.record(request.target)  # somebody may have taken it over since
                record.taken_over(request.wait)
                self.collect_backups(request.target)
            base = Base(record.stands if request.dry_run else record.folder, create=keep)
            try:
                if base.notice:
                    self.listener.notice(base.notice)
                with self.pool() as pool:
                    report = act(base, pool, interruption, after_locks)
            finally:
                base.close()
        return report._replace(
            interrupted=interruption.pressed, seconds=time.monotonic() - began, requests=self.http.requests
        )

    def _run(
        self, request: Request, base: Base, pool: Executor, interruption: Interruption, after_locks: ExitStack
    ) -> Report:
        """`after_locks` is closed when all is over, the lock given back: until then Ctrl-C tears nothing."""
        try:
            snapshot = self._look(request, base, pool)
        finally:
            self.permitted()  # in the home of somebody else there may be nothing to see: this says why
        self._require(request, snapshot.comparison)
        self.tell(self._nothing(request, snapshot.comparison))
        chosen = self._chosen(request, snapshot.comparison)
        backups = self.backups(request.target)
        versions = Versions(self.local, snapshot.workspace, base, backups, snapshot.comparison)
        if request.mode is Mode.PULL_MERGE:
            chosen = versions.merged(chosen, pool, markers=request.markers)
        diffs = versions.differences(chosen, request.mode.direction, pool) if request.diff else {}
        push, writing = request.mode.direction is Direction.PUSH, any(step.writes for step in chosen)
        if not request.dry_run:
            self._check(request, snapshot, base, chosen)
        if writing if push else snapshot.view.strange:
            self.tell(unread(snapshot.view, request.target))
        for note in exposed(chosen) if push else ():
            self.tell(note)
        self.listener.plan(request, chosen, diffs)
        reached("planned")
        if request.dry_run:  # the plan is shown first: it says what the valve is about
            self._check(request, snapshot, base, chosen)
            return Report(request, tuple(chosen))
        base.settle(marker_serial(snapshot.view.marker, base))
        self._finish(request, snapshot.comparison)
        taking = push and request.allowed.take_over and self._takes(request, snapshot.view, base)
        news = {"whole_trees": "yes" if snapshot.workspace.whole_trees else "no", **snapshot.view.news}
        if push and (writing or taking):
            news["serial"] = str(next_serial(snapshot.view.marker, base))
        if request.allowed.take_over:
            news |= self._remembered(request, snapshot.view)
        base.note(root="no Git folder", target=request.target, project=self.project, **news)
        base.advance(
            [*snapshot.comparison.recovered, *self._agreed(snapshot.comparison, base, chosen)],
            finished=snapshot.comparison.settled,
        )
        if not writing:
            if taking:
                self._write_marker(request, snapshot, base)
            return Report(request, tuple(chosen))
        interruption.ends.append(self._watch_head(request))
        writer = self._writer(request, snapshot, base, backups, pool)
        transfer = Transfer(writer, base, pool, self.listener.outcome, interruption)
        report = self.carry(request, chosen, transfer, after_locks)
        if not interruption:
            base.prune()
        if report.exit_code <= ExitCode.LEFT:  # after a failure somebody may want more of the past than usual
            backups.prune(self.settings.backup_days)
        return report._replace(backup=backups.run)

    def _finish(self, request: Request, comparison: Comparison) -> None:
        """Removes what a killed run left behind; the backup of an old file was made before its new one."""
        self.sweep(request.target)
        for item in comparison.leftover:
            try:
                self.local.remove(item)
            except (OSError, SyncError) as error:
                self.listener.notice(f"{item.path} was left by an interrupted run and cannot be removed: {error}")

    def _look(self, request: Request, base: Base, pool: Executor) -> Snapshot:
        """Looks at both sides and at the note on the target, all at once. Writes nothing."""
        whole_trees = base.meta("whole_trees") != "no"
        workspace = Workspace(self.http, request.target, whole_trees=whole_trees, entries=base.entries())
        markers = self.markers(request, base)
        new = request.mode.direction is Direction.PUSH and not base.entries()
        pool.submit(self.repository.origin)  # it keeps its answer, and the note will ask for it
        viewing = pool.submit(markers.look, base, pool, new=new)
        looking = pool.submit(workspace.listing, pool, new=new)
        # No listing tells what its root is: asked until something was carried, and when it is another folder by now.
        check_types = asked_types(workspace, pool) if not base.meta("root") else None
        scan = self._scan(request, base)
        if check_types:
            check_types()
        view, listing = viewing.result(), looking.result()
        if not check_types and _is_another(listing, base):
            asked_types(workspace, pool)()
        if is_outdated(view.marker, base):
            base.distrust()
            self.listener.notice(
                "The record of the last sync is an old copy, so both sides are compared again from the start."
            )
        comparer, layout = Comparer(self.local, workspace, base, pool), view.marker and view.marker.layout
        comparison = comparer.compare(request.mode.direction, scan, listing, layout)
        if request.mode.direction is Direction.PULL:
            self._check_unlisted(workspace, comparison)
        return Snapshot(workspace, markers, view, comparison)

    def _scan(self, request: Request, base: Base) -> Scan:
        """The local side, as it stood between two checkouts. Raises BranchSwitched when there is no such moment."""
        before = self._wait_for_git(self.repository.git_state())
        for _ in range(_SCANS):
            self._check_branch(request, before)
            scan = self.local.scan(base.entries())
            after = self.repository.git_state()
            if after == before:
                return scan
            before = self._wait_for_git(after, moved=True)
        raise BranchSwitched(
            "Git changed the files while they were read.", "Run the command again when it has finished."
        )

    def _wait_for_git(self, git_state: GitState, *, moved: bool = False) -> GitState:
        """The moment when git has finished what it is at. Raises BranchSwitched when it does not.

        A checkout writes the files, then the index and HEAD last: once git was seen at work, HEAD gets its time.
        """
        deadline = time.monotonic() + _GIT_AT_WORK
        while git_state.locked or moved:
            if time.monotonic() > deadline:
                raise BranchSwitched(
                    "Git is changing the files, so they may belong to two branches.",
                    f"Wait until it has finished; if it was killed, remove {self.repository.git_dir / 'index.lock'}.",
                )
            before = git_state
            self.http.clock.sleep(AFTER_GIT)
            git_state = self.repository.git_state()
            moved = git_state != before
        return git_state

    def _check_branch(self, request: Request, git_state: GitState) -> None:
        """Raises BranchSwitched when another branch is checked out than the one whose folder this is about."""
        if request.head is not None and git_state.branch != request.head:
            raise BranchSwitched(
                f"The branch was switched to {printable(git_state.branch or 'none')} while the folder was read.",
                "Nothing was written; run the command again.",
            )

    def _check_unlisted(self, workspace: Workspace, comparison: Comparison) -> None:
        """Raises ValveError when a folder that was carried is there, but not listed: what is in it is unknown."""
        listing = comparison.listing
        expected = {folder for key in comparison.sides.base for folder in parents(key)}
        gone = expected - listing.folders - listing.others.keys() if listing.exists else set()
        gone = {folder for folder in gone if listing.others.keys().isdisjoint(parents(folder))}
        for folder in sorted(path for path in gone if path.rpartition("/")[0] not in gone):
            if workspace.stands(folder):
                raise ValveError(
                    f"The folder {printable(folder)} is in the workspace, but its contents are not listed.",
                    "Nothing was written; ask for permission to read it.",
                )

    def _chosen(self, request: Request, comparison: Comparison) -> list[Step]:
        """The plan, as far as the run is about it."""
        every = steps(comparison.sides, request.mode, delete=request.delete)
        scope = request.scope.among(step.path for step in every)
        chosen = [step for step in every if scope.holds(step.path) or scope.holds(step.key)]
        if scope.paths and (moved := {step.moved for step in chosen} - {""}):  # a move is two steps
            keys = {step.key for step in chosen} | moved
            chosen = [step for step in every if step.key in keys]
        if scope.paths and not chosen:
            raise SettingsError(
                f"Nothing, locally or in the workspace, has the name {' or '.join(scope.paths)}.",
                f"Give paths as the plan shows them{f', after {request.way}/' if request.way else ''}: "
                f"{request.mode.direction.command}{request.again} --dry-run",
            )
        return withheld(chosen, request, self.local)

    def _write_marker(self, request: Request, snapshot: Snapshot, base: Base) -> None:
        """Notes beside the target whose it is; with the first commits, where the note does not name us yet."""
        noted = snapshot.view.marker.repository if snapshot.view.marker else frozenset()
        origin = self.repository.origin()
        names = origin if origin & noted else self.identity.kept()
        ours = Marker(request.target, names, request.branch, project=self.owning, folders=self.folders)
        self.tell(snapshot.markers.write(ours, snapshot.view, base, take_over=request.allowed.take_over))

    def _takes(self, request: Request, view: MarkerView, base: Base) -> bool:
        """Whether --take-over means something for the note on the target: it is another's, or is not understood."""
        return bool(view.strange or self.owner(request, view, base))

    def _remembered(self, request: Request, view: MarkerView) -> dict[str, str]:
        """What --take-over has allowed for good: these folders inside one another, this pull from another's folder.

        A push needs no memory: its note says whose the target is from now on.
        """
        memory = dict.fromkeys(map(_beside, view.nested), "allowed")
        if request.mode.direction is Direction.PULL and view.marker:
            memory["pulled_from"] = json.dumps([view.marker.project, *sorted(view.marker.repository)])
        return memory

    def tell(self, notice: str) -> None:
        """Says what is worth knowing, if there is anything."""
        if notice:
            self.listener.notice(notice)

    def _check(self, request: Request, snapshot: Snapshot, base: Base, chosen: list[Step]) -> None:
        """Raises ValveError when the run must not go on as things are."""
        comparison, view = snapshot.comparison, snapshot.view
        self._check_branch(request, self.repository.git_state())
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
                other=self.owner(request, view, base),
                laid_out=self.laid_out(view, base),
                nested={other: note_path(other) for other in view.nested if not base.meta(_beside(other))},
                noted=view.readable,
                strange=view.strange,
            ),
            request.allowed,
        )

    def _require(self, request: Request, comparison: Comparison) -> None:
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

    def _nothing(self, request: Request, comparison: Comparison) -> str:
        """What to tell where there is nothing to push and never was, which is rarely what somebody wants."""
        if request.mode.direction is Direction.PULL or comparison.sides.base or not comparison.scan.empty:
            return ""
        folders = " and ".join(folder.shown for folder in self.settings.folders)
        return f"There is no file in {folders}, or git ignores them all."

    def _elsewhere(self, missing: str) -> str:
        top = self.repository.top
        if top != self.settings.project and (top / missing).is_dir():
            return f"There is one in {top}: run the command there, or create one here."
        return ""

    def carry(self, request: Request, steps: Sequence[Step], transfer: Transfer, after_locks: ExitStack) -> Report:
        """Carries out a plan that writes; under the lock in the workspace, where others write to the target too.

        Raises SyncError when nothing may be written; then nothing was.
        """
        interruption, writing = transfer.interruption, [step for step in steps if step.writes]
        with ExitStack() as stack:
            if request.mode.direction is Direction.PUSH and (request.lock or home_of(request.target) is None):
                lock = self.remote_lock(request.target)
                self.tell(stack.enter_context(lock.held(request.wait)))
                interruption.ends.append(lock.lost)
            after_locks.enter_context(interruption.listening())
            self.listener.begin(len(writing))
            try:
                outcomes = transfer.run(writing)
            finally:
                self.listener.end()
        return Report(
            request,
            tuple(steps),
            tuple(outcomes),
            interrupted=interruption.pressed,
            trouble=interruption.reason,
        )

    def _writer(self, request: Request, snapshot: Snapshot, base: Base, backups: Backups, pool: Executor) -> Writer:
        workspace, comparison = snapshot.workspace, snapshot.comparison
        if request.mode.direction is Direction.PULL:
            return PullWriter(self.local, workspace, backups, comparison, pool)
        return PushWriter(
            self.local,
            workspace,
            base,
            backups,
            comparison,
            pool,
            write_marker=partial(self._write_marker, request, snapshot, base),
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
                "Check that branch out and run the command again.",
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
                if step.base and step.local.stat is step.base.stat and step.remote.version is step.base.version:
                    continue  # seen to be what it was, and most are
                entry = BaseEntry.of(step.local, step.remote.version, settled(step.local.stat, time.time_ns()))
                if entry != step.base:
                    advances.append(Advance(step.key, entry, self._content(comparison, base, step)))
        return advances

    def _content(self, comparison: Comparison, base: Base, step: Step) -> Content | None:
        """The text to merge from one day, where it is not kept yet: what the workspace holds, by its hash.

        Where the workspace has no hashes it is what the file holds.
        """
        assert step.local and step.remote
        sha = step.remote.version.sha or step.local.sha
        if step.local.kind is not Kind.NOTEBOOK or base.content(sha) is not None:
            return None
        export = comparison.exports.get(step.key)
        if export is not None and (kept := Content.named(export.raw, sha)):
            return kept
        try:
            return Content.named(wire(self.local.read(step.local.path)[0], step.local.kind), sha)
        except (OSError, SyncError):
            return None


def _pulled_from(marker: Marker, base: Base) -> bool:
    """Whether a pull from this owner's folder was allowed once."""
    project, *names = json.loads(base.meta("pulled_from") or '[""]')
    return project == marker.project and not marker.repository.isdisjoint(names)


def _beside(other: str) -> str:
    """The name under which the record remembers that a branch folder may be inside another one."""
    return f"beside {other}"


def _is_another(listing: Listing, base: Base) -> bool:
    """Whether no object of the target is one that was carried there: somebody may have put another folder there."""
    entries, objects = base.entries(), listing.objects
    both = ((objects[key].version, entry.version) for key, entry in entries.items() if key in objects)
    same = any(now.object_id == before.object_id for now, before in both)
    return listing.exists and bool(entries) and not same
