"""What a person or a program sees of a watch: what is followed, what was carried, what is parked and why.

On a terminal the state and what is parked stay at the bottom and events scroll past above; elsewhere each event
is a line, or with --json an object.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from databricks_sync import shell
from databricks_sync.engine.report import Report
from databricks_sync.errors import Again, printable
from databricks_sync.model import Severity
from databricks_sync.rules.outcome import Result

from .json_lines import JsonReport
from .report import Reporter
from .text import TextReport
from .wording import MOVED, PAST, SIGNS, STYLES, THERE, counted, ways_out, whole, why


class State(str, Enum):
    """What a watch is doing. The values are those of the JSON output."""

    WATCHING = "watching"
    CARRYING = "syncing"
    PAUSED = "paused"  # git is at work
    WAITING = "waiting"  # for the workspace, or for another run
    HALTED = "halted"  # a valve: until the person acts
    STOPPED = "stopped"


_COLOURS = {State.WATCHING: "green", State.CARRYING: "cyan", State.STOPPED: "bold"}
_SHOWN = 10


class Parked(NamedTuple):
    """A path that is left alone until a person acts."""

    path: str
    what: str
    ways: tuple[str, ...] = ()  # out of it


ParkedPaths = Mapping[str, Parked]


def parked(report: Report, *, patient: bool = False) -> dict[str, Parked]:
    """What a run left alone and will leave alone again, by key; `patient`: but for what only just failed. Pure."""
    paths: dict[str, Parked] = {}
    for step in report.conflicts:
        typed = shell.path(report.request.typed(step.path))
        ways = tuple(f"to {what}: {command}" for what, command in ways_out(report.request, [step], typed))
        paths[step.key] = Parked(step.path, f"conflict: {why(step) or 'changed on both sides'}", ways)
    seen: set[Parked] = set()
    outcomes = [] if patient else [(outcome.step, outcome.problem) for outcome in report.outcomes]
    for step, problem in [(step, step.problem) for step in report.steps] + outcomes:
        if problem and problem.severity is not Severity.NOTE:
            hints = (advice(problem.hint),) if problem.hint else ()
            item = Parked(problem.path, problem.what.rstrip("."), hints)
            if item not in seen:  # a problem of a folder is shown once, whatever is in it
                seen.add(item)
                paths[step.key] = item
    return paths


def advice(hint: str) -> str:
    """A hint of a single run as it reads in a watch, which runs again by itself. Pure."""
    return hint.watching if isinstance(hint, Again) else hint


def standing(report: Report) -> str:
    """How the two sides stand after a run, in some words. Pure."""
    counts = counted(report)
    parts = [f"{counts['in_sync']:,} in sync"]
    if counts["ahead"]:
        parts.append(f"{counts['ahead']:,} skipped")
    return ", ".join(parts)


def lines(report: Report) -> Iterator[tuple[str, str]]:
    """A line, with its style, for each object that a run carried. Pure."""
    done = [outcome.step for outcome in report.outcomes if outcome.result is Result.DONE]
    where = THERE[report.request.mode.direction]
    for step in whole(done):
        sign, what = (MOVED, "moved") if step.is_move else (SIGNS[step.action], PAST[step.action])
        yield f"{sign} {printable(step.path)}  {what} {where}", STYLES[sign]


class LineView:
    """A line for each event, with the time: for logs, and terminals that cannot do more."""

    def __init__(self, report: TextReport) -> None:
        self.report = report
        self._last: tuple[State | None, str] = (None, "")

    def close(self) -> None:
        """The watch is over."""

    def in_full(self) -> TextReport:
        """For a run that is reported in full: the first one of a branch."""
        return self.report

    def state(self, state: State, text: str, hint: str = "") -> None:
        """The watch has begun to do something else; `text` says what for a person, `hint` what to type next.

        That runs come and go is no news.
        """
        if state is State.CARRYING:
            return
        before, self._last = self._last, (state, "" if state is State.WATCHING else text)
        if self._last != before:
            self.line(text, _COLOURS.get(state, "yellow"))
            if hint:
                self.line(f"    {hint}")

    def notice(self, text: str) -> None:
        """A line with the time, for something that is worth knowing, and no error."""
        self.line(f"note: {text}", "yellow")

    def carried(self, report: Report) -> None:
        """A run is over that was not reported in full: a line for each object, or for the first of many."""
        for number, (text, style) in enumerate(lines(report)):
            if number == _SHOWN:
                done = sum(1 for outcome in report.outcomes if outcome.result is Result.DONE)
                self.line(f"… and {done - _SHOWN:,} more")
                break
            self.line(text, style)

    def parked(self, now: ParkedPaths, new: ParkedPaths, settled: ParkedPaths, *, shown: bool) -> None:
        """What is parked now, and what has changed in that; `shown`: the run that found it was reported in full.

        A line for each path that is new, with the commands that resolve it, or resolved.
        """
        for item in new.values() if not shown else ():
            self.line(f"! {item.path}  {item.what}", STYLES["!"])
            for way in item.ways:
                self.line(f"    {way}")
        for item in settled.values():
            self.line(f"= {item.path}  resolved", "green")

    def line(self, text: str, style: str = "") -> None:
        """Writes one line, with the time before it."""
        self.report.out.line(f"{time.strftime('%H:%M:%S')}  {printable(text)}", style)
        self.flush()

    def flush(self) -> None:
        """Makes sure that a log shows at once what was written."""
        self.report.out.stream.flush()


class LiveView(LineView):
    """The events above, and below them what is followed, how it stands and what is parked."""

    def __init__(self, report: TextReport) -> None:
        super().__init__(report)
        self._live: Any = None
        self._standing: tuple[State, str, str] = (State.WATCHING, "", "")
        self._parked: Mapping[str, Parked] = {}

    def in_full(self) -> TextReport:
        """As of `LineView`: the region at the bottom goes, and comes back with the next state."""
        self.close()
        return self.report

    def state(self, state: State, text: str, hint: str = "") -> None:
        """As of `LineView`: shown at the bottom; trouble also in a line above, where it stays."""
        if state in (State.WATCHING, State.CARRYING, State.PAUSED):
            self._last = (state, "")
        elif state is State.STOPPED:
            self.close()
            super().state(state, text, hint)
        else:
            super().state(state, text, hint)  # trouble stays readable above when it is over
        self._standing = (state, text, hint)
        self._show()

    def parked(self, now: ParkedPaths, new: ParkedPaths, settled: ParkedPaths, *, shown: bool) -> None:
        """As of `LineView`: all paths are listed at the bottom, with the commands that resolve them."""
        self._parked = now
        super().parked(now, {key: item._replace(ways=()) for key, item in new.items()}, settled, shown=shown)
        self._show()

    def line(self, text: str, style: str = "") -> None:
        """Writes one line above the region at the bottom."""
        if self._live is None:
            super().line(text, style)
        else:
            from rich.text import Text

            self._live.console.print(Text(f"{time.strftime('%H:%M:%S')}  {printable(text)}", style))

    def _show(self) -> None:
        if self._standing[0] is State.STOPPED:
            return
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.report.out.stream, highlight=False, soft_wrap=True)
            # Drawn when something changes, so that a watch that waits costs nothing.
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(self._region(), refresh=True)

    def _region(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        state, text, hint = self._standing
        colour = _COLOURS.get(state, "yellow")
        region = [Text(""), Text.assemble(("● ", colour), (printable(text), "bold"), ("  Ctrl-C to stop", "dim"))]
        if hint:
            region.append(Text(f"  {printable(hint)}"))
        if self._parked:
            region.append(Text(f"  needs attention ({len(self._parked):,}): skipped on both sides", "bold"))
        console, shown = self._live.console, 0
        room = console.height * 2 // 3 - len(region)  # the events above need some, too
        for item in list(self._parked.values())[:_SHOWN]:
            rows = [Text(f"  ! {printable(f'{item.path}  {item.what}')}", STYLES["!"])]
            rows += [Text(f"      {printable(way)}") for way in item.ways]
            wrapped = [line for row in rows for line in row.wrap(console, console.width, overflow="fold")]
            room -= len(wrapped)
            if shown and room < 0:
                break
            region, shown = region + wrapped, shown + 1
        if len(self._parked) > shown:
            region.append(Text(f"  … and {len(self._parked) - shown:,} more"))
        return Group(*region)

    def close(self) -> None:
        """Removes the region at the bottom."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class JsonView:
    """One object per line: `watch` for each state, `result` per object, `parked` and `settled`, `summary` per run."""

    def __init__(self, report: JsonReport) -> None:
        self.report = report
        self._last: tuple[State, str] | None = None

    def close(self) -> None:
        """As of `LineView`."""

    def in_full(self) -> JsonReport:
        """As of `LineView`: the run writes its own events."""
        return self.report

    def state(self, state: State, text: str, hint: str = "") -> None:
        """As of `LineView`: the event `watch`, if anything in it is new."""
        if self._last != (state, text):
            self._last = (state, text)
            self.report.emit("watch", state=state.value, message=text, hint=hint)

    def notice(self, text: str) -> None:
        """As of `LineView`: the event `note`."""
        self.report.notice(text)

    def carried(self, report: Report) -> None:
        """As of `LineView`: the events of the run, if it synced anything."""
        if report.outcomes:
            self.report.summary(report)

    def parked(self, now: ParkedPaths, new: ParkedPaths, settled: ParkedPaths, *, shown: bool) -> None:
        """As of `LineView`: an event `parked` or `settled` for each path that is new or resolved."""
        for key, item in new.items():
            self.report.emit("parked", path=item.path, key=key, problem=item.what, hint="; ".join(item.ways))
        for key, item in settled.items():
            self.report.emit("settled", path=item.path, key=key)


View = LineView | JsonView


def view_for(report: Reporter) -> View:
    """The view that fits a reporter: JSON events, a live screen on a terminal, or lines elsewhere."""
    if isinstance(report, JsonReport):
        return JsonView(report)
    return LiveView(report) if report.out.terminal else LineView(report)
