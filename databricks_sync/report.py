"""What a person or a program sees of a run: text grouped by what happens, or one JSON object per line.

Text is plain unless it goes to a terminal; nothing from the workspace is ever interpreted as markup or sent
to the terminal as a control character.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import IO, Any

from .carry import Outcome, Result
from .diff import Line, clashes
from .errors import SyncError
from .merge import Merge
from .model import Direction, Kind, Problem, Severity
from .names import printable
from .plan import REPLACES, Action, Mode, Step
from .run import Diffs, Report, Request

_SHOWN = 20
_QUIET = 10.0  # seconds without a word where there is no bar, in the log of a CI run
_THERE = {Direction.PUSH: "in the workspace", Direction.PULL: "here"}
COMMANDS = {Direction.PUSH: "to_databricks", Direction.PULL: "from_databricks"}
_AHEAD = {Direction.PUSH: "the workspace is ahead", Direction.PULL: "the folder is ahead"}
WHY = {
    "--x": "only there",
    "-x-": "only here",
    "-xy": "made here and there",
    "bby": "edited there",
    "bb-": "deleted there",
    "bxb": "edited here",
    "b-b": "deleted here",
    "bxy": "edited here and there",
    "bx-": "edited here, deleted there",
    "b-y": "deleted here, edited there",
}
SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.AHEAD: "<",
    Action.CONFLICT: "!",
    Action.MERGE: "&",
    Action.MARK: "!",
}
STYLES = {
    "+": "green",
    "~": "yellow",
    "&": "yellow",
    "-": "red",
    "<": "cyan",
    "!": "bold red",
    "@": "bold",
    "?": "magenta",
}
PAST = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.MERGE: "merged",
    Action.MARK: "marked",
}


class Screen:
    """Writes lines to a stream, in colour where that is a terminal that wants it."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self._console: Any = None
        self.terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        if self.terminal and not os.environ.get("NO_COLOR"):
            from rich.console import Console  # only where there is somebody to see it

            self._console = Console(file=stream, highlight=False, soft_wrap=True)

    def line(self, text: str = "", style: str = "") -> None:
        if self._console is not None:
            from rich.text import Text

            self._console.print(Text(text, style))
        else:
            self.stream.write(text + "\n")


class TextReport:
    """A run for a person: what will happen, how it goes, how it ended."""

    def __init__(self, direction: Direction, stdout: IO[str], stderr: IO[str]) -> None:
        self.command = COMMANDS[direction]
        self.out = Screen(stdout)
        self.err = Screen(stderr)
        self._bar: Any = None
        self._task: Any = None
        self._total = self._done = 0
        self._spoke = time.monotonic()

    def notice(self, text: str) -> None:
        self.err.line(f"note: {text}", "yellow")

    def error(self, error: SyncError) -> None:
        self.err.line(f"error: {error.message}", "bold red")
        if error.hint:
            self.err.line(f"  {error.hint}")

    # --- the plan -------------------------------------------------------------------------------------------

    def start(self, request: Request, folders: list[str], host: str) -> None:
        arrow = "→" if request.mode.direction is Direction.PUSH else "←"
        self.out.line(f"{', '.join(folders)} {arrow} {printable(request.target)}  ({printable(host)})")

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        direction = request.mode.direction
        where = _THERE[direction]
        will = "Would " if request.dry_run else ""
        for action in PAST:
            said = "write with markers" if action is Action.MARK else action.value
            verb = f"{will}{said}" if will else said.capitalize()
            self._group(f"{verb} {where}", [s for s in steps if s.writes and s.action is action], diffs)
        if any(step.action is Action.MARK for step in steps):
            self.out.line("    Pick what is to stay and remove the markers in an editor; until then it is not carried.")
        ahead = [s for s in steps if s.action is Action.AHEAD and not s.problem]
        self._group(f"Left as they are: {_AHEAD[direction]}", ahead, {})
        if ahead or any(step.action is Action.MERGE for step in steps):
            self._way_on(request)
        conflicts = [s for s in steps if s.action is Action.CONFLICT and not s.problem]
        self._group("Conflicts: changed on both sides, left as they are", conflicts, diffs)
        if conflicts:
            self._ways_out(request, conflicts)
        self._problems([s.problem for s in steps if s.problem])

    def _group(self, heading: str, steps: Sequence[Step], diffs: Diffs) -> None:
        if not steps:
            return
        self.out.line(f"{heading} ({len(steps):,})", "bold")
        shown = steps if diffs or len(steps) <= _SHOWN + 2 else steps[:_SHOWN]
        width = min(max(len(printable(step.path)) for step in shown), 60)
        for step in shown:
            sign = SIGNS[step.action]
            why = WHY.get(step.shape, "") if step.action not in (Action.CREATE,) or step.base else ""
            if step.action is Action.MERGE and step.merge:
                why += f", {_taken(step.merge.taken)} from there"
            text = f"  {sign} {printable(step.path):<{width}}  {why}".rstrip()
            self.out.line(text, STYLES[sign])
            if step.merge:
                self._diff([Line("@", f"not merged: {step.merge.reason}")] if step.merge.reason else [])
                self._diff(clashes(step.merge.clashes))
            self._diff(diffs.get(step.key, []))
        if len(shown) < len(steps):
            self.out.line(f"  … and {len(steps) - len(shown):,} more (--json lists them all)")

    def _diff(self, lines: Iterable[Line]) -> None:
        for line in lines:
            text = line.text if line.sign == "@" else f"{line.sign}{line.text}"
            self.out.line(f"      {text}", STYLES.get(line.sign, ""))

    def _way_on(self, request: Request) -> None:
        if request.mode.direction is Direction.PUSH:
            self.out.line(f"    to bring that here:  from_databricks{request.again}")
        else:
            self.out.line(f"    to carry that there:  to_databricks{request.again}")

    def _ways_out(self, request: Request, conflicts: Sequence[Step]) -> None:
        named = quoted(conflicts[0].path) if len(conflicts) == 1 else "PATH"
        if not request.diff:
            self.out.line(f"    to see them:            {self.command}{request.again} --dry-run --diff")
        self.out.line(f"    to keep what is here:   to_databricks{request.again} --overwrite {named}")
        self.out.line(f"    to keep what is there:  from_databricks{request.again} --overwrite {named}")
        if any(step.shape == "bxy" and step.local and step.local.kind is Kind.NOTEBOOK for step in conflicts):
            if request.mode is not Mode.PULL_MERGE:
                self.out.line(f"    to merge their cells:   from_databricks{request.again} --merge {named}")
            elif any(step.merge and step.merge.clashes for step in conflicts):
                self.out.line(f"    to pick in an editor:   from_databricks{request.again} --merge --markers {named}")
        self.out.line("    Either way what is replaced is kept in a backup.")

    def _problems(self, problems: Sequence[Problem]) -> None:
        for severity, heading, sign in (
            (Severity.NOTE, "Not carried", "?"),
            (Severity.REFUSED, "Refused", "!"),
            (Severity.FAILED, "Failed", "!"),
        ):
            group = list(dict.fromkeys(problem for problem in problems if problem.severity is severity))
            if not group:
                continue
            self.out.line(f"{heading} ({len(group):,})", "bold")
            for problem in group[: _SHOWN if severity is Severity.NOTE else None]:
                self.out.line(f"  {sign} {printable(problem.path)} {problem.what.rstrip('.')}.", STYLES[sign])
                if problem.hint:
                    self.out.line(f"      {problem.hint}")
            if severity is Severity.NOTE and len(group) > _SHOWN:
                self.out.line(f"  … and {len(group) - _SHOWN:,} more (--json lists them all)")

    # --- the run --------------------------------------------------------------------------------------------

    def begin(self, total: int) -> None:
        self._total, self._done, self._spoke = total, 0, time.monotonic()
        if not total or not self.err.stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.out.stream.flush()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(file=self.err.stream),
            transient=True,
        )
        self._task = self._bar.add_task("carrying", total=total, rate="")
        self._bar.start()

    def outcome(self, outcome: Outcome) -> None:
        self._done += 1
        if self._bar is None and time.monotonic() - self._spoke > _QUIET:
            self._spoke = time.monotonic()
            self.err.line(f"carried {self._done:,} of {self._total:,}")
            self.err.stream.flush()
        if self._bar is not None:
            speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
            self._bar.update(self._task, advance=1, rate=f"{speed:,.0f}/s" if speed else "")

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def summary(self, report: Report) -> None:
        self._problems([outcome.problem for outcome in report.outcomes if outcome.problem])
        if report.trouble:
            self.error(report.trouble)
        if report.interrupted:
            self.err.line("Interrupted: the objects in hand were finished, the others not begun.", "yellow")
        direction = report.request.mode.direction
        if report.backup and any(_takes_away(outcome, direction) for outcome in report.outcomes):
            self.out.line(
                f"What was replaced or deleted is kept: {COMMANDS[direction]}{report.request.again}"
                f" --restore {report.backup}"
            )
        self.out.line(_summary(report), "bold" if report.exit_code else "bold green")

    def say(self, text: str, event: str, **fields: object) -> None:
        """Tells a person `text`, where there is any; a program gets the event."""
        if text:
            self.out.line(text)


def _takes_away(outcome: Outcome, direction: Direction) -> bool:
    """Whether something was deleted, or replaced that was not what both sides had agreed on."""
    step = outcome.step
    there = step.shape[2 if direction is Direction.PUSH else 1 :][:1]
    took = step.action is Action.DELETE or (step.action in REPLACES and there in ("x", "y"))
    return took and outcome.result is Result.DONE


def _summary(report: Report) -> str:
    counts = counted(report)
    dry = report.request.dry_run
    parts = [f"{counts[a.value]:,} {'to be ' if dry else ''}{PAST[a]}" for a in PAST if counts[a.value]]
    for name, one, many in (
        ("conflict", "conflict", "conflicts"),
        ("refused", "refused", "refused"),
        ("failed", "failed", "failed"),
    ):
        if counts[name]:
            parts.append(f"{counts[name]:,} {one if counts[name] == 1 else many}")
    if counts["ahead"]:
        parts.append(f"{counts['ahead']:,} ahead")
    if report.interrupted:
        parts = parts or ["nothing done"]
    elif len(parts) == 0:
        parts = ["nothing to do"]
    parts.append(f"{counts['in_step']:,} in step")
    return f"{', '.join(parts)} ({report.seconds:.{1 if report.seconds >= 1 else 2}f} s)"


def counted(report: Report) -> dict[str, int]:
    done = [o.step.action for o in report.outcomes if o.result is Result.DONE]
    planned = [step.action for step in report.steps if step.writes]
    wrote = planned if report.request.dry_run else done
    counts = {action.value: wrote.count(action) for action in PAST}
    severities = [problem.severity for problem in report.problems]
    counts["conflict"] = len(report.conflicts)
    counts["refused"] = severities.count(Severity.REFUSED)
    counts["failed"] = severities.count(Severity.FAILED)
    counts["noted"] = severities.count(Severity.NOTE)
    clean = [step for step in report.steps if not step.problem]
    counts["ahead"] = sum(1 for step in clean if step.action is Action.AHEAD)
    agreed = sum(1 for step in clean if step.action in (Action.NOTHING, Action.ADOPT))
    counts["in_step"] = agreed + (0 if report.request.dry_run else counts["create"] + counts["update"])
    return counts


def _taken(cells: int) -> str:
    return "nothing new" if not cells else "1 cell" if cells == 1 else f"{cells:,} cells"


def _merge(merge: Merge) -> dict[str, object]:
    """What came of trying to merge, for a program."""
    found = []
    for clash in merge.clashes:
        cell = (clash.here or clash.there)[0].cell
        found.append(
            {
                "cell": clash.number_here,
                "cell_there": clash.number_there,
                "here": clash.did_here.value,
                "there": clash.did_there.value,
                "language": cell.language,
                "title": cell.title,
            }
        )
    return {"cells_from_there": merge.taken, "conflicts": found, "reason": merge.reason or None}


def quoted(path: str) -> str:
    import shlex

    return shlex.quote(printable(path))


class JsonReport:
    """A run for a program: one object per line on stdout, an event per path and a closing summary."""

    def __init__(self, direction: Direction, stdout: IO[str]) -> None:
        self.command = COMMANDS[direction]
        self.stdout = stdout

    def emit(self, event: str, **fields: object) -> None:
        self.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        self.stdout.flush()

    def notice(self, text: str) -> None:
        self.emit("note", message=text)

    def error(self, error: SyncError) -> None:
        self.emit("error", message=error.message, hint=error.hint, exit_code=error.exit_code)

    def start(self, request: Request, folders: list[str], host: str) -> None:
        self.emit("start", command=COMMANDS[request.mode.direction], folders=folders, target=request.target, host=host)

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        for step in steps:
            problem = step.problem
            fields: dict[str, object] = {
                "path": step.path,
                "key": step.key,
                "action": step.action.value,
                "why": WHY.get(step.shape, ""),
                "problem": problem and problem.what,
                "hint": problem and problem.hint,
            }
            if step.merge:
                fields["merge"] = _merge(step.merge)
            if step.key in diffs:
                fields["diff"] = [f"{line.sign}{line.text}" for line in diffs[step.key]]
            self.emit("plan", **fields)

    def begin(self, total: int) -> None:
        pass

    def outcome(self, outcome: Outcome) -> None:
        pass

    def end(self) -> None:
        pass

    def summary(self, report: Report) -> None:
        for outcome in report.outcomes:
            problem = outcome.problem
            self.emit(
                "result",
                path=outcome.step.path,
                key=outcome.step.key,
                action=outcome.step.action.value,
                result=outcome.result.value,
                problem=problem and problem.what,
                hint=problem and problem.hint,
            )
        if report.trouble:
            self.error(report.trouble)
        self.emit(
            "summary",
            command=COMMANDS[report.request.mode.direction],
            target=report.request.target,
            dry_run=report.request.dry_run,
            **counted(report),
            interrupted=report.interrupted,
            backup=report.backup or None,
            requests=report.requests,
            seconds=round(report.seconds, 3),
            exit_code=report.exit_code,
        )

    def say(self, text: str, event: str, **fields: object) -> None:
        self.emit(event, **fields)


def for_streams(direction: Direction, as_json: bool) -> TextReport | JsonReport:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return JsonReport(direction, sys.stdout) if as_json else TextReport(direction, sys.stdout, sys.stderr)
