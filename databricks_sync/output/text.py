"""A run for a person: what will happen, grouped; how it goes; how it ended.

Text is plain unless it goes to a terminal; nothing from the workspace is ever interpreted as markup or sent
to the terminal as a control character.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from databricks_sync import shell
from databricks_sync.engine.report import Diffs, Report, RunListener
from databricks_sync.engine.request import Request
from databricks_sync.errors import SyncError, printable, quantity
from databricks_sync.model import Direction, Problem, Severity
from databricks_sync.notebook.diff import Line, clashes
from databricks_sync.rules.credentials import redacted
from databricks_sync.rules.outcome import Outcome
from databricks_sync.rules.plan import Action, Step, decide
from databricks_sync.state.backups import SavedRun

from .wording import AHEAD, MOVED, PAST, SIGNS, STYLES, THERE, reason, shown_as, summed, takes_away, ways_out

_SHOWN = 20
_SAVED = 10  # objects of a backup that the list names
_QUIET = 10.0  # seconds without a word where there is no bar, in the log of a CI run


class Screen:
    """Writes lines to a stream, in colour where that is a terminal that wants it."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self._console: Any = None
        self.terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        if self.terminal and not os.environ.get("NO_COLOR"):
            from rich.console import Console  # only where there is somebody to see it

            self._console = Console(file=stream, highlight=False, soft_wrap=True)

    def line(self, text: str = "", style: str = "", link: tuple[str, str] = ("", "")) -> None:
        """Writes one line; `style` is a colour of rich, and counts only on a terminal that shows colours.

        `link` is a part of the text and the address that it leads to, where the terminal has links.
        """
        if self._console is not None:
            from rich.text import Text

            shown, (part, address) = Text(text, style), link
            if part and address and (start := text.find(part)) >= 0:
                shown.stylize(f"link {address}", start, start + len(part))
            self._console.print(shown)
        else:
            self.stream.write(text + "\n")


class TextReport(RunListener):
    """The reporter for people: the plan and the summary go to `stdout`, errors, notes and progress to `stderr`."""

    def __init__(self, direction: Direction, stdout: IO[str], stderr: IO[str]) -> None:
        self.command = direction.command
        self.out = Screen(stdout)
        self.err = Screen(stderr)
        self._bar: Any = None
        self._task: Any = None
        self._total = self._done = 0
        self._spoke = time.monotonic()

    def notice(self, text: str) -> None:
        """A line for something that is worth knowing, and no error."""
        self.err.line(f"note: {printable(text)}", "yellow")

    def error(self, error: SyncError) -> None:
        """Why a run failed, and below it what to type next."""
        self.err.line(f"error: {printable(error.message)}", "bold red")
        if error.hint:
            self.err.line(f"  {printable(error.hint)}")

    # --- the plan -------------------------------------------------------------------------------------------

    def start(self, request: Request, folders: list[str], host: str) -> None:
        """The first line of a run: which folders are synced with which target, and on which host."""
        arrow = "→" if request.mode.direction is Direction.PUSH else "←"
        target = printable(request.target)
        sides = f"Remove {target}" if request.removing else f"{', '.join(folders)} {arrow} {target}"
        because = f": {printable(request.because)}" if request.because else ""
        self.out.line(f"{sides}  ({printable(host)}){because}", link=(target, request.address()))

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        """What the run will do, in a group for each action, then what it skips, conflicts with and refuses."""
        direction = request.mode.direction
        where = THERE[direction]
        will = "Would " if request.dry_run else ""
        self._group(request, f"{'Would move' if will else 'Move'} {where}", [s for s in steps if s.is_move], diffs)
        for action in PAST:
            name = "write conflict markers" if action is Action.MARK else action.value
            verb = f"{will}{name}" if will else name.capitalize()
            self._group(request, f"{verb} {where}", [s for s in shown_as(steps, action) if s.writes], diffs)
        if any(step.action is Action.MARK for step in steps):
            self.out.line("    Choose what to keep and remove the markers in an editor; until then it is not pushed.")
        ahead = [s for s in shown_as(steps, Action.AHEAD) if not s.problem]
        conflicts = [s for s in steps if s.action is Action.CONFLICT and not s.problem]
        if request.removing:
            self._kept(request, conflicts, ahead, diffs)
        else:
            self._left(request, steps, ahead, conflicts, diffs)
        self.problems([s.problem for s in steps if s.problem])

    def _left(
        self, request: Request, steps: list[Step], ahead: list[Step], conflicts: list[Step], diffs: Diffs
    ) -> None:
        """What a run leaves as it is, and the commands that lead on."""
        direction = request.mode.direction
        kept = {s.key for s in ahead if not request.delete and decide(s.shape, request.mode) is Action.DELETE}
        self._group(request, "Skipped: not deleted, because of --no-delete", [s for s in ahead if s.key in kept], {})
        self._group(request, f"Skipped: {AHEAD[direction]}", [s for s in ahead if s.key not in kept], {})
        if len(ahead) > len(kept) or any(step.action is Action.MERGE for step in steps):
            self.way_on(Direction.PULL if direction is Direction.PUSH else Direction.PUSH, request)
        self._group(request, "Conflicts: changed on both sides, skipped", conflicts, diffs)
        if conflicts:
            self.ways_out(request, conflicts)

    def _kept(self, request: Request, edited: list[Step], others: list[Step], diffs: Diffs) -> None:
        """What a removal leaves, so that the folder stays, and the commands that lead on."""
        self._group(request, "Skipped: edited in the workspace", edited, diffs)
        if edited:
            named = _named(request, edited)
            self.out.line(f"    to pull the edits first:  from_databricks{request.again} --overwrite {named}")
            self.out.line(f"    to delete them too:       to_databricks{request.again} --remove --overwrite")
        self._group(request, "Skipped: not pushed from this clone", others, {})
        if others:
            named = _named(request, others)
            self.out.line(f"    to pull them first:  from_databricks{request.again} {named}")
            self.out.line(f"    to delete them too:  to_databricks{request.again} --remove --mirror")

    def _group(self, request: Request, heading: str, steps: Sequence[Step], diffs: Diffs) -> None:
        if not steps:
            return
        self.out.line(f"{heading} ({len(steps):,})", "bold")
        shown = steps if diffs or len(steps) <= _SHOWN + 2 else steps[:_SHOWN]
        width = min(max(len(printable(step.path)) for step in shown), 60)
        for step in shown:
            sign = MOVED if step.is_move else SIGNS[step.action]
            about = reason(step, request) if step.action is not Action.CREATE or step.base or step.moved else ""
            if step.action is Action.MERGE and step.merge:
                taken = quantity(step.merge.taken, "cell") if step.merge.taken else "nothing new"
                about += f", {taken} from the workspace"
            text = f"  {sign} {printable(step.path):<{width}}  {about}".rstrip()
            self.out.line(text, STYLES[sign], self.link(request, step))
            if step.merge:
                self._diff([Line("@", f"not merged: {step.merge.reason}")] if step.merge.reason else [])
                self._diff(clashes(step.merge.clashes))
            self._diff(diffs.get(step.key, []))
        if len(shown) < len(steps):
            self.out.line(f"  … and {len(steps) - len(shown):,} more (--json lists them all)")

    def _diff(self, lines: Iterable[Line]) -> None:
        for line in lines:
            text = line.text if line.sign == "@" else f"{line.sign}{redacted(line.text)}"
            self.out.line(f"      {text}", STYLES.get(line.sign, ""))

    def way_on(self, direction: Direction, request: Request, paths: str = "") -> None:
        """The command that carries what only one side has changed; `paths` as they are typed."""
        self.out.line(f"    to {direction.value} these changes:  {direction.command}{request.again}{paths}")

    def ways_out(self, request: Request, conflicts: Sequence[Step]) -> None:
        """The commands that resolve conflicts."""
        ways = [] if request.diff else [("see the differences", f"{self.command}{request.again} --dry-run --diff")]
        for what, command in (*ways, *ways_out(request, conflicts, _named(request, conflicts))):
            self.out.line(f"    {f'to {what}:':<32}{command}")
        self.out.line("    Either way, a backup of the overwritten version is kept.")

    def problems(self, problems: Sequence[Problem]) -> None:
        """Why paths are left alone, by how much that matters."""
        for severity, heading, sign in (
            (Severity.NOTE, "Not synced", "?"),
            (Severity.REFUSED, "Refused", "!"),
            (Severity.FAILED, "Failed", "!"),
        ):
            group = list(dict.fromkeys(problem for problem in problems if problem.severity is severity))
            if not group:
                continue
            self.out.line(f"{heading} ({len(group):,})", "bold")
            for problem in group[: _SHOWN if severity is Severity.NOTE else None]:
                self.out.line(f"  {sign} {printable(f'{problem.path} {problem.what}').rstrip('.')}.", STYLES[sign])
                if problem.hint:
                    self.out.line(f"      {printable(problem.hint)}")
            if severity is Severity.NOTE and len(group) > _SHOWN:
                self.out.line(f"  … and {len(group) - _SHOWN:,} more (--json lists them all)")

    # --- the run --------------------------------------------------------------------------------------------

    def begin(self, total: int) -> None:
        """The writing begins, of `total` objects: shows a progress bar where there is a terminal."""
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
        self._task = self._bar.add_task("syncing", total=total, rate="")
        self._bar.start()

    def outcome(self, outcome: Outcome) -> None:
        """One more object is done: moves the bar on, or in a log says so from time to time."""
        self._done += 1
        if self._bar is None and time.monotonic() - self._spoke > _QUIET:
            self._spoke = time.monotonic()
            self.err.line(f"synced {self._done:,} of {self._total:,}")
            self.err.stream.flush()
        if self._bar is not None:
            speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
            self._bar.update(self._task, advance=1, rate=f"{speed:,.0f}/s" if speed else "")

    def end(self) -> None:
        """The writing is over: removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def summary(self, report: Report) -> None:
        """The run is over: what failed, the backup that was made, and a last line with the numbers."""
        self.problems([outcome.problem for outcome in report.outcomes if outcome.problem])
        if report.trouble:
            self.error(report.trouble)
        if report.interrupted:
            self.err.line("Interrupted: what was being written is finished, the rest was skipped.", "yellow")
        direction = report.request.mode.direction
        if report.backup and any(takes_away(outcome, direction) for outcome in report.outcomes):
            self.out.line(
                f"Backup of what was overwritten or deleted: {direction.command}{report.request.again}"
                f" --restore {report.backup}"
            )
        self.out.line(summed(report), "bold" if report.exit_code else "bold green")
        if report.removed:
            return  # there is nothing to look at
        differs = any(step.writes or step.action in (Action.AHEAD, Action.CONFLICT) for step in report.steps)
        if differs and (not report.request.dry_run or any(step.remote for step in report.steps)):
            self.address(report.request)  # of what is there

    def link(self, request: Request, step: Step) -> tuple[str, str]:
        """The path of what is in the workspace, and the address that it leads to there."""
        return printable(step.path), request.address(step.remote.key) if step.remote else ""

    def address(self, request: Request) -> None:
        """Where to look at the folder in the browser."""
        if address := request.address():
            self.out.line(address, link=(address, address))

    def backups(self, request: Request, runs: Sequence[SavedRun], elsewhere: Mapping[str, int]) -> None:
        """Lists what can be restored; `elsewhere`: how many backups other targets have."""
        direction = request.mode.direction
        for run in runs:
            count, at = len(run.objects), run.name
            when = f"{at[:4]}-{at[4:6]}-{at[6:8]} {at[9:11]}:{at[11:13]} UTC"
            self.out.line(f"{run.name}  {when}, {count:,} from {direction.side}  ({printable(run.target)})")
            for saved in run.objects[:_SAVED]:
                self.out.line(f"    {printable(saved.path)}  {saved.reason}, {saved.size:,} bytes")
            if count > _SAVED:
                self.out.line(f"    … and {count - _SAVED:,} more")
        if runs:
            self.out.line(f"Restore one with: {self.command}{request.again} --restore RUN [PATHS]")
        else:
            self.out.line(f"There are no backups{f' of {request.target}' if elsewhere else ''}.")
        for target, number in elsewhere.items():
            command = f"{self.command}{request.login}{shell.option('target', target)} --restore"
            self.out.line(f"{number:,} more of {printable(target)}: {command}")

    def say(self, text: str, event: str, **fields: object) -> None:
        """Tells a person `text`, where there is any; a program gets the event."""
        if text:
            self.out.line(text)


def _named(request: Request, steps: Sequence[Step]) -> str:
    """The path of a single step, as it is typed."""
    return shell.path(request.typed(steps[0].path)) if len(steps) == 1 else "PATH"
