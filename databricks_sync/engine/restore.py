"""Lists the backups, and brings one back to the side it was taken from.

A restore is an edit like a person's, guarded like every other write: it holds the lock, what it replaces is itself
backed up and looked at once more before it goes, and an edit in between is left. The base does not move, so that
the next push or pull sees what was restored and carries it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple, Protocol

from databricks_sync import shell
from databricks_sync.errors import ExitCode, SettingsError, SyncError, printable, quantity
from databricks_sync.interrupt import Interruption
from databricks_sync.local.files import Changing
from databricks_sync.local.folder import LocalFolder, Scan, check_project
from databricks_sync.model import Direction, Kind, LocalObject, Problem, Severity, Stat
from databricks_sync.notebook.diff import Version, difference
from databricks_sync.notebook.format import sha256
from databricks_sync.remote.exports import parse_export, read
from databricks_sync.remote.folder import Workspace, asked_types, keys_by_nfc
from databricks_sync.remote.marker import MarkerView, unread
from databricks_sync.rules.journal import Saved
from databricks_sync.rules.names import flaw
from databricks_sync.rules.outcome import Outcome, Result, done, failed, left
from databricks_sync.rules.plan import Action, Sides, Step
from databricks_sync.rules.target import home_of
from databricks_sync.rules.valves import owned, understood
from databricks_sync.state.backups import Backups, SavedRun
from databricks_sync.state.base import Base
from databricks_sync.state.lock import held

from .compare import Comparison
from .push import PushWriter
from .report import Diffs
from .request import Request

if TYPE_CHECKING:
    from databricks_sync.output.report import Reporter

    from .run import Sync

_SIDES = {Direction.PUSH: "the workspace", Direction.PULL: "the folder"}
_SHOWN = 10
_UNSEEN = Stat(0, 0, 0, 0)


def run(sync: Sync, request: Request, name: str, report: Reporter) -> int:
    """Lists the backups (empty `name`) or restores those of one run; returns the exit code. Raises SyncError."""
    sync.permitted()
    if not request.dry_run:
        sync.collect_backups(request.target)
    backups = sync.backups(request.target)
    if not name:
        _list(backups.runs(), request, report)
        return ExitCode.DONE
    copies = _chosen(backups, request, name)
    push = request.mode.direction is Direction.PUSH
    record = sync.record(request.target)
    with ExitStack() as after_locks, ExitStack() as stack:  # until the locks are given back Ctrl-C tears nothing
        if not request.dry_run:
            stack.enter_context(held(record.folder, request.wait))
        base = stack.enter_context(closing(Base(record.stands, create=False))) if push else None
        pool = stack.enter_context(sync.pool())
        side: Side
        viewing: Future[MarkerView] | None = None
        if base:
            asked_types(Workspace(sync.http, request.target), pool)()
            viewing = pool.submit(sync.markers(request, base).look, base, pool, new=False)
            workspace = Workspace(sync.http, request.target, whole_trees=base.meta("whole_trees") != "no")
            side = InWorkspace(sync.local, workspace, base, copies, pool)
        else:
            check_project(sync.local)
            side = InFolder(sync.local, copies)
        steps = list(pool.map(lambda saved: _planned(side, saved), copies.objects))
        writing = [step for step in steps if step.writes]
        report.plan(request, steps, _differences(side, copies, writing) if request.diff else {})
        if base and viewing and writing:
            owned(sync.owner(request, viewing.result(), base), request.allowed)
            understood(viewing.result().strange, request.target, request.allowed)
            if notice := unread(viewing.result(), request.target):
                report.notice(notice)
        outcomes: list[Outcome] = []
        interruption = Interruption()
        if writing and not request.dry_run:
            sync.sweep(request.target)
            if push and (request.lock or home_of(request.target) is None):
                lock = sync.remote_lock(request.target)
                interruption.ends.append(lock.lost)
                if notice := stack.enter_context(lock.held(request.wait)):
                    report.notice(notice)
            after_locks.enter_context(interruption.listening())
            outcomes = _written(side, writing, pool, interruption)
        found = Restored(request, copies.run.name, tuple(steps), tuple(outcomes), backups.run, interruption)
    _tell(found, report)
    return found.exit_code


def _chosen(backups: Backups, request: Request, name: str) -> Copies:
    """What of the backup `name` is asked for. Raises SettingsError."""
    direction, command = request.mode.direction, f"{request.mode.direction.command}{request.again}"
    found = next((one for one in backups.runs() if one.name == name), None)
    if found is None:
        raise SettingsError(f"There is no backup {printable(name)}.", f"Type `{command} --restore` to list them.")
    scope = request.scope
    chosen = {
        (saved.key, saved.path): saved
        for saved in found.objects
        if saved.direction is direction and (scope.holds(saved.path) or scope.holds(saved.key))
    }
    if not chosen:
        _wrong_side(found, request)
        raise SettingsError(
            f"The backup {name} holds nothing of {_SIDES[direction]} with that name.",
            f"Type `{command} --restore` to see what it holds.",
        )
    if direction is Direction.PUSH and found.target != request.target:
        raise SettingsError(
            f"The backup {name} is of {printable(found.target)}, not of {request.target}.",
            f"Type `{direction.command}{request.login}{shell.option('target', found.target)} --restore {name}`.",
        )
    return Copies(backups, found, chosen)


def _wrong_side(found: SavedRun, request: Request) -> None:
    """Raises SettingsError when the backup is all of the side that the other command restores."""
    direction = request.mode.direction
    if direction in (saved.direction for saved in found.objects) or not found.objects:
        return
    other = Direction.PULL if direction is Direction.PUSH else Direction.PUSH
    raise SettingsError(
        f"The backup {found.name} is of {_SIDES[other]}, not of {_SIDES[direction]}.",
        f"Type `{other.command}{request.again} --restore {found.name}` to bring it back there.",
    )


# --- what is restored -----------------------------------------------------------------------------------------


class Copies(NamedTuple):
    """The backups that are to be restored, by the key and the path of their objects."""

    backups: Backups
    run: SavedRun
    chosen: dict[tuple[str, str], Saved]

    @property
    def objects(self) -> list[Saved]:
        return sorted(self.chosen.values(), key=lambda saved: (saved.path, saved.key))

    def of(self, step: Step) -> Saved:
        return self.chosen[step.key, step.path]

    def read(self, saved: Saved) -> bytes:
        return self.backups.read(saved)


class Side(Protocol):
    """One side to restore to. Each method is called for different objects from several threads."""

    def plan(self, saved: Saved) -> Step: ...

    def held(self, step: Step) -> Version: ...

    def prepare(self, steps: Sequence[Step]) -> None: ...

    def create(self, step: Step) -> Outcome: ...

    def update(self, step: Step) -> Outcome: ...

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]: ...


def _planned(side: Side, saved: Saved) -> Step:
    """What there is to do for one object; why nothing can be, as a problem."""
    if reason := flaw(saved.key, windows=False) or flaw(saved.path, windows=False):
        return _refused(saved, f"is not restored: {reason}")
    try:
        return side.plan(saved)
    except SyncError as error:
        return _refused(saved, error.message, error.hint, Severity.FAILED)
    except OSError as error:
        return _refused(saved, f"cannot be looked at ({error.strerror})", "", Severity.FAILED)


def _refused(saved: Saved, what: str, hint: str = "", severity: Severity = Severity.REFUSED) -> Step:
    return Step(saved.key, Action.NOTHING, "", problem=Problem(printable(saved.path), what, hint, severity))


def _differences(side: Side, copies: Copies, steps: Iterable[Step]) -> Diffs:
    found: Diffs = {}
    for step in steps:
        saved = copies.of(step)
        found[step.key] = difference(side.held(step), Version(copies.read(saved), saved.form, saved.language))
    return found


def _written(side: Side, steps: Sequence[Step], pool: Executor, interruption: Interruption) -> list[Outcome]:
    """Restores what can be; after an interruption or the loss of the lock, only outcomes of what was begun."""

    def attempt(step: Step) -> Outcome | None:
        try:
            if interruption.due():
                return None
            return side.create(step) if step.action is Action.CREATE else side.update(step)
        except SyncError as error:
            return failed(step, error.message, error.hint)
        except OSError as error:
            return failed(step, f"could not be written ({error.strerror})", "Nothing was lost.")

    side.prepare(steps)
    outcomes = [outcome for outcome in pool.map(attempt, steps) if outcome]
    final = [one._replace(result=Result.LEFT) if one.result is Result.POSTPONED else one for one in outcomes]
    return side.verify(final)


# --- the workspace --------------------------------------------------------------------------------------------


class InWorkspace(PushWriter):
    """The guarded write of a push, with the bytes of the backups for those of the folder."""

    replaced = "replaced by a restore"

    def __init__(self, local: LocalFolder, workspace: Workspace, base: Base, copies: Copies, pool: Executor) -> None:
        listing = workspace.listing(pool)
        sides = Sides({}, {}, keys_by_nfc(listing), {}, {}, frozenset())
        super().__init__(local, workspace, base, copies.backups, Comparison(sides, Scan(), listing, {}), pool)
        self.copies = copies

    def plan(self, saved: Saved) -> Step:
        copy = parse_export(self.copies.read(saved), saved.kind, saved.form, saved.language, saved.path)
        key = self._standing(saved)
        self.copies.chosen[key, saved.path] = saved
        item = LocalObject(*(key, saved.path, saved.kind, copy.digest, saved.sha, _UNSEEN, copy.form, copy.language))
        now = self.comparison.sides.remote.get(key)
        if now is None:
            return Step(key, Action.CREATE, "", local=item)
        if now.kind is not saved.kind:
            return _refused(saved, f"is a {now.kind.value} in the workspace by now", f"Rename {printable(now.path)}.")
        export = read(self.workspace, now, item)
        self.comparison.exports[key] = export
        action = Action.NOTHING if export.digest == copy.digest else Action.UPDATE
        return Step(key, action, "", local=item, remote=now, remote_digest=export.digest)

    def _standing(self, saved: Saved) -> str:
        """Its key; where nothing has that by now, the key that its file has with the folders of today."""
        if saved.key in self.comparison.sides.remote:
            return saved.key
        return self.local.layout.key(saved.path, saved.key) or saved.key

    def prepare(self, steps: Sequence[Step]) -> None:
        super().prepare(steps)
        self.ready()
        wait(self._making.values())  # here, as a restore has nothing to tidy, and then gives the lock back

    def held(self, step: Step) -> Version:
        export = self.comparison.exports.get(step.key)
        saved = self.copies.of(step)
        return Version(export.raw, export.form, export.language) if export else Version(None, saved.form)

    def payload(self, step: Step) -> bytes:
        return self.copies.read(self.copies.of(step))


# --- the folder -----------------------------------------------------------------------------------------------


class InFolder:
    """The guarded write of a pull, byte for byte."""

    def __init__(self, local: LocalFolder, copies: Copies) -> None:
        self.local = local
        self.copies = copies

    def plan(self, saved: Saved) -> Step:
        raw = self.copies.read(saved)
        try:
            current, stamp = self.local.read(saved.path)
        except FileNotFoundError:
            return Step(saved.key, Action.CREATE, "", place=saved.path)
        # A file, whatever it holds: what stands in the way may be no notebook any more.
        item = LocalObject(saved.key, saved.path, Kind.FILE, "", sha256(current), stamp)
        return Step(saved.key, Action.NOTHING if current == raw else Action.UPDATE, "", local=item)

    def held(self, step: Step) -> Version:
        saved = self.copies.of(step)
        raw = self.local.read(saved.path)[0] if step.local else None
        return Version(raw, saved.form, saved.language)

    def prepare(self, steps: Sequence[Step]) -> None:
        pass

    def create(self, step: Step) -> Outcome:
        try:
            self.local.create(step.path, self.copies.read(self.copies.of(step)))
        except FileExistsError:
            return _changed(step)
        return done(step)

    def update(self, step: Step) -> Outcome:
        assert step.local
        saved = self.copies.of(step)
        raw = self.copies.read(saved)
        try:
            current, _ = self.local.read(step.path)
            kept = saved._replace(reason=InWorkspace.replaced, sha=sha256(current), size=len(current))
            self.copies.backups.save(kept, current)
            self.local.replace(step.local, raw)
        except (Changing, FileNotFoundError):
            return _changed(step)
        return done(step)

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        self.local.settle(outcome.step.path for outcome in outcomes)
        return list(outcomes)


def _changed(step: Step) -> Outcome:
    return left(step, "was changed here while the run was under way", "Run the command again.")


# --- what is told ---------------------------------------------------------------------------------------------


class Restored(NamedTuple):
    """What a restore found and did."""

    request: Request
    name: str
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    backup: str
    interruption: Interruption

    @property
    def problems(self) -> list[Problem]:
        found = [step.problem for step in self.steps] + [outcome.problem for outcome in self.outcomes]
        return [problem for problem in found if problem]

    @property
    def exit_code(self) -> ExitCode:
        if self.interruption.pressed:
            return ExitCode.INTERRUPTED
        if self.interruption.reason:
            return self.interruption.reason.exit_code
        return max((one.severity.value for one in self.problems), default=ExitCode.DONE)


def _list(runs: list[SavedRun], request: Request, report: Reporter) -> None:
    direction, command = request.mode.direction, request.mode.direction.command
    count, elsewhere = 0, Counter[str]()
    for run in runs:
        here = sorted((one for one in run.objects if one.direction is direction), key=lambda one: one.path)
        if not here:
            continue
        if direction is Direction.PUSH and run.target != request.target:  # it cannot be restored to this one
            elsewhere[run.target] += 1
            continue
        count += 1
        lines = [f"{run.name}  {_when(run.name)}, {len(here):,} from {_SIDES[direction]}  ({printable(run.target)})"]
        lines += [f"    {printable(one.path)}  {one.reason}, {quantity(one.size, 'byte')}" for one in here[:_SHOWN]]
        if len(here) > _SHOWN:
            lines.append(f"    … and {len(here) - _SHOWN:,} more")
        held_then = [{"path": one.path, "key": one.key, "reason": one.reason, "bytes": one.size} for one in here]
        report.say("\n".join(lines), "backup", run=run.name, target=run.target, objects=held_then)
    hint = f"Bring one back with: {command}{request.again} --restore RUN [PATHS]"
    said = [hint if count else f"There are no backups{f' of {request.target}' if elsewhere else ''}."]
    for target, number in elsewhere.items():
        typed = f"{command}{request.login}{shell.option('target', target)} --restore"
        said.append(f"{number:,} more of {printable(target)}: {typed}")
    report.say(
        "\n".join(said), "summary", command=command, backups=count, elsewhere=dict(elsewhere), exit_code=ExitCode.DONE
    )


def _when(name: str) -> str:
    return f"{name[:4]}-{name[4:6]}-{name[6:8]} {name[9:11]}:{name[11:13]} UTC"


def _tell(found: Restored, report: Reporter) -> None:
    request, command = found.request, found.request.mode.direction.command
    for outcome in found.outcomes:
        step, problem = outcome.step, outcome.problem
        report.say(
            f"  ! {printable(problem.path)} {problem.what.rstrip('.')}. {problem.hint}".rstrip() if problem else "",
            "result",
            path=step.path,
            key=step.key,
            action=step.action.value,
            result=outcome.result.value,
            problem=problem and problem.what,
            hint=problem and problem.hint,
        )
    if reason := found.interruption.reason:
        report.error(reason)
    if found.interruption.pressed:
        report.notice("Interrupted: the objects in hand were finished, the others not begun.")
    wrote = [one.step for one in found.outcomes if one.result is Result.DONE]
    planned = [step for step in found.steps if step.writes]
    count = len(planned if request.dry_run else wrote)
    same = sum(1 for step in found.steps if step.action is Action.NOTHING and not step.problem)
    severities = [problem.severity for problem in found.problems]
    refused, failures = severities.count(Severity.REFUSED), severities.count(Severity.FAILED)
    said = (
        f"{count:,} {'to be ' if request.dry_run else ''}restored in {_SIDES[request.mode.direction]} from {found.name}"
    )
    for number, what in ((same, "as it was then"), (refused, "refused"), (failures, "failed")):
        said += f", {number:,} {what}" if number else ""
    if found.backup:
        said += f"\nWhat was replaced is kept: {command}{request.again} --restore {found.backup}"
    report.say(
        *(said, "summary"),
        command=command,
        target=request.target,
        dry_run=request.dry_run,
        run=found.name,
        restored=count,
        unchanged=same,
        refused=refused,
        failed=failures,
        interrupted=found.interruption.pressed,
        backup=found.backup or None,
        exit_code=found.exit_code,
    )
