"""How both sides stand, as people and programs read it: grouped by who has to bring it where, as `git status` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from databricks_sync import shell
from databricks_sync.engine.request import Request
from databricks_sync.engine.status import Status
from databricks_sync.errors import printable, quantity
from databricks_sync.model import Direction
from databricks_sync.remote.pushed import Pushed
from databricks_sync.rules.plan import Step
from databricks_sync.rules.standing import Side, Standing
from databricks_sync.state.backups import SavedRun, made_at

from .json_lines import JsonReport, reasons
from .report import Reporter
from .text import TextReport
from .wording import STYLES, ago, severities, whole, why

_WORDS = {" ": "", "A": "new", "M": "edited", "D": "deleted", "R": "moved"}
_COLOURS = {"new": STYLES["+"], "moved": STYLES[">"], "edited": STYLES["~"], "deleted": STYLES["-"]}
_WIDTH = max(map(len, _WORDS.values()))
_UNFINISHED = "an earlier run did not finish it"
_SHOWN = 20


def show(report: Reporter, status: Status, *, short: bool) -> None:
    """Tells it; `short`: a line for each path, and nothing else."""
    if isinstance(report, JsonReport):
        _events(report, status)
    elif short:
        for line in _short(status):
            report.out.line(line)
    else:
        _screen(report, status)


def _listed(status: Status) -> list[Standing]:
    """What there is to say something of: one for each move, and for each reason to leave something alone."""
    moved = whole(status.of(Side.LOCAL))
    reasons = {step.problem: step for step in reversed(status.of(Side.UNKNOWN))}
    shown = {id(step) for step in (*moved, *reasons.values(), *status.of(Side.WORKSPACE), *status.of(Side.BOTH))}
    return [standing for standing in status.standings if id(standing.step) in shown]


def _short(status: Status) -> Iterator[str]:
    for standing in _listed(status):
        step, about = standing.step, standing.step.problem or standing.step
        before = f"{printable(step.moved)} -> " if standing.letters == "R " else ""
        yield f"{standing.letters} {before}{printable(about.path)}"


# --- for people -----------------------------------------------------------------------------------------------


def _screen(report: TextReport, status: Status) -> None:
    line, request = report.out.line, status.request
    target, address = printable(request.target), request.address()
    sides = f"{', '.join(status.folders)} ↔ {target}"
    if status.settled:
        text = f"{sides}: in sync, {quantity(len(status.standings), 'object')}{_briefly(status)}"
        line(text, "green", (target, address))
        return
    line(f"{sides}  ({printable(status.host)})", link=(target, address))
    if not status.exists and not status.stops:
        line("There is no such folder in the workspace yet.")
    for text in _pushed(status):
        line(text)
    _group(report, "Changed locally", status, Side.LOCAL)
    _group(report, "Changed in the workspace", status, Side.WORKSPACE)
    conflicts = status.of(Side.BOTH)
    if conflicts:
        line(f"Conflicts: changed on both sides ({len(conflicts):,})", "bold")
        for step in conflicts[:_SHOWN]:
            line(f"  ! {printable(step.path)}  {why(step)}", STYLES["!"], report.link(request, step))
        _rest(report, conflicts)
        report.ways_out(request, conflicts)
    report.problems(status.problems)
    for about, error in _stops(status):
        line(f"{about} would stop: {error[0]}", "yellow")
        line(f"    {error[1]}")
    for direction, runs in status.saves.items():
        line(_saved(runs, direction, request, status.now))
    line(_summed(status), "bold")
    if status.exists:
        report.address(request)


def _pushed(status: Status) -> Iterator[str]:
    """What the note on the target says of the last push, which is anybody's word."""
    if pushed := status.pushed:
        branch = f", branch {printable(status.branch)}" if status.branch else ""
        yield f"Last {_when(pushed, status.now)}{branch}{f': {_commit(pushed, status)}' if pushed.commit else ''}"
        if pushed.run:
            yield f"    {pushed.run}"


def _briefly(status: Status) -> str:
    """The same in a line that says something else."""
    pushed = status.pushed
    return f" ({_commit(pushed, status)}, {_when(pushed, status.now)})" if pushed and pushed.commit else ""


def _when(pushed: Pushed, now: float) -> str:
    parts = ["pushed", ago(now - pushed.at) if pushed.at else "", f"by {printable(pushed.by)}" if pushed.by else ""]
    return " ".join(filter(None, parts))


def _commit(pushed: Pushed, status: Status) -> str:
    """The commit that was pushed last, and how far it is from the one here."""
    here = printable(status.request.head or "the commit here")
    parts = [f"commit {pushed.commit[:10]}"]
    if pushed.clean is False:
        parts.append("with changes that are not committed")
    ahead, behind = status.apart or (0, 0)
    if status.apart is None:
        parts.append("which this clone does not have")
    elif ahead and behind:
        parts.append(f"{quantity(ahead, 'commit')} ahead of {here} and {behind:,} behind")
    elif ahead or behind:
        parts.append(f"{quantity(ahead or behind, 'commit')} {'ahead of' if ahead else 'behind'} {here}")
    return ", ".join(parts)


def _group(report: TextReport, heading: str, status: Status, side: Side) -> None:
    steps = whole(status.of(side))
    if not steps:
        return
    report.out.line(f"{heading} ({len(steps):,})", "bold")
    for step in steps[:_SHOWN]:
        word = _WORDS[Standing(side, step).letters.strip()]
        more = ", ".join(filter(None, (_more(step), _UNFINISHED if step.key in status.unfinished else "")))
        text = f"  {word:<{_WIDTH}}  {printable(step.path)}  {more}".rstrip()
        report.out.line(text, _COLOURS[word], report.link(status.request, step))
    _rest(report, steps)
    direction = Direction.PUSH if side is Side.LOCAL else Direction.PULL
    if direction not in status.stops:
        report.way_on(direction, status.request, _paths(status.request))


def _more(step: Step) -> str:
    """What is to be said of a change beside what has happened."""
    if step.is_move or "o" in step.shape:  # only extras of a notebook
        return why(step)
    return why(step).partition(": ")[2] if step.older else ""


def _rest(report: TextReport, steps: Sequence[Step]) -> None:
    if len(steps) > _SHOWN:
        report.out.line(f"  … and {len(steps) - _SHOWN:,} more (--short lists them all)")


def _paths(request: Request) -> str:
    """The paths that the status is about, as they are typed."""
    return "".join(f" {shell.path(request.typed(path))}" for path in request.scope.paths)


def _stops(status: Status) -> list[tuple[str, tuple[str, str]]]:
    """Which command would stop, and why; once where it is the same for both."""
    reasons = {direction: (error.message, error.hint) for direction, error in status.stops.items()}
    if len(reasons) > 1 and len({*reasons.values()}) == 1:
        return [("Either command", next(iter(reasons.values())))]
    return [(direction.command, reason) for direction, reason in reasons.items()]


def _saved(runs: Sequence[SavedRun], direction: Direction, request: Request, now: float) -> str:
    what = f"{quantity(len(runs), 'backup')} of {'the workspace' if direction is Direction.PUSH else 'local files'}"
    at = made_at(runs[0].name)
    when = f", the latest {ago(now - at)}" if at else ""
    return f"{what}{when}:  {direction.command}{request.again} --restore"


def _summed(status: Status) -> str:
    counts = _counted(status)
    parts = [f"{counts[name]:,} to {verb}" for name, verb in (("local", "push"), ("workspace", "pull")) if counts[name]]
    if counts["both"]:
        parts.append(quantity(counts["both"], "conflict"))
    parts += [f"{counts[name]:,} {name}" for name in ("refused", "failed") if counts[name]]
    return f"{', '.join(parts)}{', ' if parts else ''}{counts['neither']:,} in sync ({status.seconds:.2f} s)"


def _counted(status: Status) -> dict[str, int]:
    counts = {side.value: len(whole(status.of(side))) for side in Side if side is not Side.UNKNOWN}
    return counts | severities(status.problems)


# --- for programs ---------------------------------------------------------------------------------------------


def _events(report: JsonReport, status: Status) -> None:
    request = status.request
    report.emit(
        "start",
        command=report.command,
        folders=status.folders,
        target=request.target,
        host=status.host,
        address=request.address() or None,
    )
    for standing in status.standings:
        if standing.side is not Side.NEITHER:
            report.emit("status", **_fields(standing, status))
    report.emit(
        "summary",
        command=report.command,
        target=request.target,
        exists=status.exists,
        pushed=_pushed_fields(status),
        **_counted(status),
        stops=[
            {"command": direction.command, "message": error.message, "hint": error.hint}
            for direction, error in status.stops.items()
        ],
        backups={
            direction.command: {"count": len(runs), "latest": runs[0].name} for direction, runs in status.saves.items()
        },
        requests=status.requests,
        seconds=round(status.seconds, 3),
        address=request.address() or None,
        exit_code=0,
    )


def _fields(standing: Standing, status: Status) -> dict[str, object]:
    step = standing.step
    local, workspace = (_WORDS.get(letter) or None for letter in standing.letters)
    return {
        "path": step.path,
        "key": step.key,
        "side": standing.side.value,
        "local": local,
        "workspace": workspace,
        "unfinished": step.key in status.unfinished,
        **reasons(step, status.request),
    }


def _pushed_fields(status: Status) -> dict[str, object] | None:
    if status.pushed is None:
        return None
    ahead, behind = status.apart or (None, None)
    return {"branch": status.branch, **status.pushed._asdict(), "ahead": ahead, "behind": behind}
