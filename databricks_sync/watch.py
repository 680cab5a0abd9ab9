"""Stays and follows: every change becomes one run of the sync, under the same rules as a run by hand.

A watch never resolves anything. What a run leaves alone is parked, with the way out, and the others go on. It
never reads files while git is changing them, and never carries one branch's files into another one's folder.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import rhythm
from .carry import Outcome, Result
from .command import request
from .errors import Busy, Switched, SyncError, ValveError
from .events import Changes
from .git import Moment
from .model import Direction
from .names import printable
from .plan import Mode, Step
from .run import Diffs, Report, Request
from .session import Session, opened
from .sync import Sync
from .valves import Allowed
from .view import Parked, State, View, parked, standing, view_for
from .workspace import Workspace

if TYPE_CHECKING:
    from .report import JsonReport, TextReport

_STOPPED = 130
_MANY = 200  # changes of which it is not worth asking whether git ignores them all
_WAIT_FOR_OTHERS = 5.0  # seconds for another run on this machine to end


def watch(mode: Mode, chosen: Mapping[str, Any], report: TextReport | JsonReport) -> int:
    """Follows until Ctrl-C; returns the exit code. Raises SyncError when the first run cannot be done."""
    view = view_for(report)
    with view:
        try:
            Watch(mode, chosen, view).run()
        except KeyboardInterrupt:
            view.state(State.STOPPED, "Stopped; nothing was left half done.")
    return _STOPPED


class _Reopen(Exception):
    """The session is over: another branch is checked out, or a login may have been renewed."""


class Watch:
    """`to_databricks --watch` follows the files here, `from_databricks --watch` the workspace, `--pull` both."""

    def __init__(self, mode: Mode, chosen: Mapping[str, Any], view: View) -> None:
        self.mode = mode
        self.chosen = chosen
        self.view = view
        self.pushes = mode.direction is Direction.PUSH
        self.modes = (Mode.PULL, mode) if chosen.get("pull") else (mode,)
        self.pulls = any(one.direction is Direction.PULL for one in self.modes)
        self._branch: str | None = None  # what the first session was of
        self._target = ""  # of the last run that was shown in full
        self._standing = ""
        self._failures = 0  # runs that failed, in a row
        self._stumbles = 0  # runs in which single objects failed, in a row
        self._ran = 0.0
        self._parked: dict[Mode, dict[str, Parked]] = {}
        self._noticed: set[str] = set()
        self._pulse: bytes | None = None
        self._index: tuple[tuple[int, int, int] | None, float] = (None, 0.0)  # of git, and since when it is as it is

    def run(self) -> None:
        """Ends by KeyboardInterrupt. Raises SyncError when the first run cannot be done at all."""
        while True:
            try:
                with opened(self.chosen) as session:
                    self._follow(session)
            except _Reopen:
                continue
            except SyncError as error:
                if not self._target:
                    raise
                time.sleep(self._failed(error))

    # --- one session ----------------------------------------------------------------------------------------

    def _follow(self, session: Session) -> None:
        """Follows one branch. Raises _Reopen when it is time for another session, SyncError when nothing answers."""
        if not self._target:
            self._branch = session.head
        folders = [folder.path for folder in session.settings.folders]
        with Changes(folders, session.repository.git_dir, poll=self.chosen["poll"]) as changes:
            if changes.polled:
                self._tell("Files are polled: on this file system nothing tells of changes, or --poll was given.")
            due: tuple[Mode, ...] = self.modes
            patience = 0.0
            while True:
                found = changes.wait(patience)
                began = time.monotonic()
                if not due:
                    due = self._due(session, changes, found)
                try:
                    if due:
                        self._rest(session, changes)
                        changes.refresh()
                        self._runs(session, due)
                    due, patience = (), self._patience(session, time.monotonic() - began)
                except Switched:
                    due, patience = self.modes, 0.0
                except Busy as error:
                    if not self._target:
                        raise
                    self.view.state(State.WAITING, error.message, "This goes on when it has ended.")
                    due, patience = self.modes, 1.0
                except ValveError as error:
                    if not self._target:
                        raise
                    self.view.state(State.HALTED, f"Halted: {error.message}", error.hint)
                    due, patience = self.modes, rhythm.HALTED

    def _due(self, session: Session, changes: Changes, found: set[Path]) -> tuple[Mode, ...]:
        """What to run after these changes here, or after none for as long as we were patient."""
        if found and (self.pushes or any(self._parked.values())):
            return (self.mode,) if self._concerns(session, changes, found) else ()
        if found:
            return () if session.repository.branch() == session.head else self.modes
        if time.monotonic() - self._ran >= self._until_rescan():
            return self.modes
        if self.pulls and (self._pulse is None or self._pulse != self._feel(session)):
            return self.modes
        return ()

    def _concerns(self, session: Session, changes: Changes, found: set[Path]) -> bool:
        """Whether any of these paths is carried, or says something of git; a log that git ignores is neither."""
        if len(found) > _MANY:
            return True
        project = session.settings.project
        names = [path.relative_to(project).as_posix() for path in found if project in path.parents]
        if len(names) < len(found) or any(changes.git_dir in path.parents for path in found):
            return True
        return len(session.repository.ignored(names)) < len(names)

    def _patience(self, session: Session, took: float) -> float:
        """How long to wait for a change here before looking again without one."""
        self._failures = 0
        left = max(self._ran + self._until_rescan() - time.monotonic(), 0.0)
        return min(left, rhythm.interval(self._pulse is not None, took)) if self.pulls else left

    def _until_rescan(self) -> float:
        """How long after a run to look at everything again, though nothing seems to have changed."""
        if self._stumbles:
            return rhythm.backoff(self._stumbles, 1.0)
        return rhythm.PARKED if any(self._parked.values()) else rhythm.RESCAN

    def _feel(self, session: Session) -> bytes | None:
        return Workspace(session.http, session.target).pulse()

    def _failed(self, error: SyncError) -> float:
        """Says why nothing is carried, once; returns how long to wait."""
        self._failures += 1
        self._pulse = None
        self.view.state(State.WAITING, f"Waiting: {error.message}", error.hint)
        return rhythm.backoff(self._failures, random.random())

    # --- git ------------------------------------------------------------------------------------------------

    def _rest(self, session: Session, changes: Changes) -> None:
        """Waits until git is doing nothing. Raises _Reopen when another branch is checked out by then."""
        began, named = time.monotonic(), bool(self.chosen["branch"] or self.chosen["target"])
        while True:
            moment = session.repository.moment()
            why, seconds = self._restless(moment, named)
            if not seconds:
                break
            if time.monotonic() - began > rhythm.PAUSED:
                self.view.state(State.PAUSED, f"Paused: {why}.")
            changes.wait(seconds)
        if moment.branch != session.head:
            if not named:
                about = printable(moment.branch or "a commit")
                self.view.notice(f"The branch is {about} now; what follows is about its own folder.")
            raise _Reopen

    def _restless(self, moment: Moment, named: bool) -> tuple[str, float]:
        """Why not to read files now, and when to ask again; 0 seconds when they may be read."""
        now = time.monotonic()
        if moment.index != self._index[0]:
            self._index = (moment.index, now if self._target else 0.0)
        if moment.operation:
            return f"git is in the middle of {moment.operation}", rhythm.PAUSED
        if moment.locked:
            return "git is at work; if it was killed, remove index.lock from its directory", rhythm.PAUSED
        if moment.branch is None and self._branch is not None:
            return "no branch is checked out", rhythm.PAUSED
        if named and moment.branch != self._branch:
            return f"this is about the branch {self._branch}, and {moment.branch} is checked out", rhythm.PAUSED
        return "git has just written", max(self._index[1] + rhythm.AFTER_GIT - now, 0.0)

    # --- runs -----------------------------------------------------------------------------------------------

    def _runs(self, session: Session, modes: Iterable[Mode]) -> None:
        first = session.target != self._target
        if first:
            self._parked = {}
        if any(mode.direction is Direction.PULL for mode in modes):
            self._pulse = self._feel(session)
        for mode in modes:
            asked = request(mode, session, self.chosen)
            if self._target:  # what was allowed was allowed for one run
                asked = replace(asked, allowed=Allowed(), wait=max(asked.wait, _WAIT_FOR_OTHERS))
            self._run(session, asked, first)
        self._target, self._ran = session.target, time.monotonic()
        arrow = "↔" if len(self.modes) > 1 else "→" if self.pushes else "←"
        folders = ", ".join(folder.shown for folder in session.settings.folders)
        self.view.state(State.WATCHING, f"Watching {folders} {arrow} {printable(session.target)}: {self._standing}")

    def _run(self, session: Session, asked: Request, first: bool) -> None:
        session.http.requests = 0
        if first:
            with self.view.shown() as report:
                done = Sync(session.settings, session.repository, session.http, report).run(asked)
                report.summary(done)
        else:
            quiet = _Quiet(self.view, self._tell)
            done = Sync(session.settings, session.repository, session.http, quiet).run(asked)
            self.view.carried(done)
        if done.interrupted:
            raise KeyboardInterrupt
        self._park(asked.mode, done, first)
        self._standing = standing(done)
        if done.trouble:
            raise done.trouble
        failed = any(outcome.result is Result.FAILED for outcome in done.outcomes)
        self._stumbles = self._stumbles + 1 if failed else 0

    def _tell(self, notice: str) -> None:
        if notice not in self._noticed:
            self._noticed.add(notice)
            self.view.notice(notice)

    def _park(self, mode: Mode, done: Report, first: bool) -> None:
        before = self._everything_parked()
        self._parked[mode] = parked(done)
        now = self._everything_parked()
        new = {key: one for key, one in now.items() if key not in before or before[key].what != one.what}
        settled = {key: one for key, one in before.items() if key not in now}
        if new or settled:
            self.view.parked(now, {} if first else new, settled)

    def _everything_parked(self) -> dict[str, Parked]:
        return {key: one for found in self._parked.values() for key, one in found.items()}


class _Quiet:
    """A run of a watch: its plan is no news before it is carried out."""

    def __init__(self, view: View, tell: Callable[[str], None]) -> None:
        self.view = view
        self.notice = tell

    def start(self, request: Request, folders: list[str], host: str) -> None:
        pass

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        pass

    def begin(self, total: int) -> None:
        self.view.state(State.CARRYING, f"Carrying {total:,}")

    def outcome(self, outcome: Outcome) -> None:
        pass

    def end(self) -> None:
        pass
