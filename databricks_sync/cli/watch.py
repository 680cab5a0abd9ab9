"""Stays and follows: every change becomes one run of the sync, under the same rules as a run by hand.

A watch never resolves anything. What a run leaves alone is parked, with the way out, and the others go on. It
never reads files while git is changing them, and never carries one branch's files into another one's folder.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from databricks_sync.engine.report import Report, RunListener
from databricks_sync.engine.request import Request
from databricks_sync.errors import BranchSwitched, Busy, SyncError, ValveError, printable
from databricks_sync.exit_code import ExitCode
from databricks_sync.interrupt import terminable
from databricks_sync.local.changes import Changes
from databricks_sync.local.folder import LocalFolder
from databricks_sync.local.git import GitState
from databricks_sync.model import Allowed, Direction, Mode, Severity
from databricks_sync.output.report import Reporter
from databricks_sync.output.watching import Parked, State, View, advice, parked, standing, view_for
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules import debounce
from databricks_sync.rules.debounce import Budget
from databricks_sync.rules.outcome import Result
from databricks_sync.rules.plan import Action, Step

from . import browser
from .options import Options
from .session import Session, opened, path_inside

_MANY = 200  # changes of which it is not worth asking whether git ignores them all
_WAIT_FOR_OTHERS = 5.0  # seconds for another run on this machine to end
_NEVER = float("inf")


def watch(options: Options, report: Reporter) -> int:
    """Follows until Ctrl-C; returns the exit code. Raises SyncError when the first run cannot be done."""
    view = view_for(report)
    with closing(view), terminable():
        try:
            Watch(options, view).run()
        except KeyboardInterrupt:
            view.state(State.STOPPED, "Stopped; nothing is half done.")
    return ExitCode.INTERRUPTED


class _Reopen(Exception):
    """The session is over: another branch is checked out, or the settings may have changed."""


class Watch:
    """`to_databricks --watch` follows the files here, `from_databricks --watch` the workspace, `--pull` both."""

    def __init__(self, options: Options, view: View) -> None:
        self.options = options
        self.mode = mode = options.mode
        self.view = view
        self.pushes = mode.direction is Direction.PUSH
        # The push first: it makes the folder of a new branch, without which there is nothing to pull from.
        self.modes = (mode, Mode.PULL) if options.pull else (mode,)
        self.pulls = any(mode.direction is Direction.PULL for mode in self.modes)
        self._branch: str | None = None  # what the first session was of
        self._shown: tuple[str, ...] = ()  # the workspace, target and folders of the last run shown in full
        self._changes: Changes | None = None
        self._standing = ""
        self._failures = 0  # runs that failed, in a row
        self._stumbles = 0  # runs in which single objects failed, in a row
        self._budget = Budget()
        self._ran = 0.0  # when everything was last looked at
        self._known_fingerprint: bytes | None = None  # of the workspace, before that
        self._look_at = _NEVER  # when to feel it again
        self._parked: dict[Mode, dict[str, Parked]] = {}
        self._told: dict[object, tuple[str, ...]] = {}  # what was said last, by what it was about
        self._noticed: frozenset[str] = frozenset()  # what the last run had to say
        self._index: tuple[tuple[int, int, int] | None, float] = (None, 0.0)  # of git, and since when it is as it is

    def run(self) -> None:
        """Ends by KeyboardInterrupt. Raises SyncError when the first run cannot be done at all."""
        with ExitStack() as following:
            while True:
                try:
                    with opened(self.options) as session:
                        self._tell("settings", session.settings.notices)
                        self._follow(session, self._changes_of(session, following))
                except _Reopen:
                    continue
                except SyncError as error:
                    if not self._shown:
                        raise
                    self._wait(error)

    def _tell(self, about: object, notices: Iterable[str], *, silent: bool = False) -> None:
        """Says what is new about something since it was told last; `silent`: only remembers it."""
        before, self._told[about] = self._told.get(about, ()), tuple(notices)
        for notice in self._told[about] if not silent else ():
            if notice not in before:
                self.view.notice(notice)

    def _changes_of(self, session: Session, following: ExitStack) -> Changes:
        """Where to learn of changes: the same from session to session, so that none is missed between two."""
        settings = session.settings
        folders = [folder.path for folder in settings.folders]
        changes = Changes(session.repository, folders, session.settings_files, poll=self.options.poll)
        if self._changes is None or not self._changes.follows(changes):
            following.close()
            self._changes = following.enter_context(changes)
        return self._changes

    def _wait(self, error: SyncError) -> None:
        """Says why nothing is carried, once, and waits; a save here or in .env ends that sooner."""
        self._failures += 1
        self._known_fingerprint = None
        self.view.state(State.WAITING, f"Waiting: {error.message}", advice(error.hint))
        seconds = debounce.backoff(self._failures, random.random())
        assert self._changes
        time.sleep(min(seconds, debounce.MIN_BACKOFF))
        self._await(self._changes, seconds - debounce.MIN_BACKOFF)

    def _await(self, changes: Changes, seconds: float) -> set[Path]:
        """What has changed here, as soon as something has; nothing when nothing has after so many seconds.

        RACE: Ctrl-C in the moment before a wait does not end that wait, and on Windows it never does.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            changed = changes.wait(min(left, debounce.POLL))
            if changed or left <= debounce.POLL:
                return changed

    # --- one session ----------------------------------------------------------------------------------------

    def _follow(self, session: Session, changes: Changes) -> None:
        """Follows one branch. Raises _Reopen when it is time for another session, SyncError when nothing answers."""
        if not self._shown:
            self._branch = session.head
        due, patience = self._attempt(session, changes, self.modes)
        while True:
            changed = self._await(changes, patience)
            if changes.settings & changed:
                raise _Reopen
            due = due or self._due(session, changes, changed)
            due, patience = self._attempt(session, changes, due) if due else ((), self._patience())

    def _attempt(self, session: Session, changes: Changes, due: tuple[Mode, ...]) -> tuple[tuple[Mode, ...], float]:
        """Runs what is due, when it may; returns what is due after that, and for how long to await a change."""
        time.sleep(self._budget.delay(time.monotonic()))
        try:
            self._rest(session, changes)
            changes.renew()
            self._tell("polling", [f"Files are checked at intervals: {changes.polled}."] if changes.polled else [])
            self._runs(session, due)
            return (), self._patience()
        except BranchSwitched:
            return self.modes, 0.0
        except ValveError as error:
            if not self._shown:
                raise
            if isinstance(error, Busy):
                self.view.state(State.WAITING, error.message, "The watch goes on when that run has ended.")
                return self.modes, 1.0
            typed = (
                " Run the command with the option in another terminal; then the watch goes on." if error.option else ""
            )
            self.view.state(State.HALTED, f"Halted: {error.message}", advice(error.hint) + typed)
            return self.modes, debounce.HALTED

    def _due(self, session: Session, changes: Changes, changed: set[Path]) -> tuple[Mode, ...]:
        """What to run after these changes here, or after none for as long as we were patient."""
        if time.monotonic() >= self._ran + debounce.rescan(self._stumbles) or self._remote_changed(session):
            return self.modes
        if any(changes.rules(path) for path in changed):
            return self.modes
        if not changed or not self._concerns(session, changes, changed):
            return ()
        if self.pushes or any(self._parked.values()):
            return (self.mode,)
        return () if session.repository.branch() == session.head else self.modes

    def _concerns(self, session: Session, changes: Changes, changed: set[Path]) -> bool:
        """Whether any of these paths is carried, or says something of git; a log that git ignores is neither."""
        if len(changed) > _MANY:
            return True
        settings = session.settings
        names = [name for path in changed if (name := path_inside(path, settings)) not in (None, ".")]
        if len(names) < len(changed) or any(changes.git_dir in path.parents for path in changed):
            return True
        local = LocalFolder(settings.project, settings.folders, session.repository, settings.patterns)
        return len(local.ignored(names)) < len(names)

    def _remote_changed(self, session: Session) -> bool:
        """Whether it is time to look at the workspace, and it may hold something else than before the last run."""
        began = time.monotonic()
        if began < self._look_at:
            return False
        if self._known_fingerprint is None:
            return True
        fingerprint = Workspace(session.http, session.target).fingerprint()
        self._next_look(time.monotonic() - began)
        return fingerprint != self._known_fingerprint

    def _next_look(self, took: float) -> None:
        """Looks at the workspace again soon, if what happens there is of any interest."""
        seconds = debounce.interval(self._known_fingerprint is not None, took)
        if not self.pulls:
            seconds = max(seconds, debounce.PARKED) if any(self._parked.values()) else _NEVER
        self._look_at = time.monotonic() + seconds

    def _patience(self) -> float:
        """How long to wait for a change here before looking again without one."""
        return max(min(self._ran + debounce.rescan(self._stumbles), self._look_at) - time.monotonic(), 0.0)

    # --- git ------------------------------------------------------------------------------------------------

    def _rest(self, session: Session, changes: Changes) -> None:
        """Waits until git is doing nothing. Raises _Reopen when another branch is checked out by then."""
        began, named = time.monotonic(), self.options.named
        while True:
            git_state = session.repository.git_state()
            why, seconds = self._restless(session, git_state, named)
            if not seconds:
                break
            if time.monotonic() - began >= debounce.PAUSED:
                self.view.state(State.PAUSED, f"Paused: {why}.")
            if changes.settings & self._await(changes, seconds):
                raise _Reopen
        if git_state.branch != session.head:
            if not named:
                about = printable(git_state.branch or "a commit")
                self.view.notice(f"The branch is now {about}: the watch goes on with the folder of that branch.")
            raise _Reopen

    def _restless(self, session: Session, git_state: GitState, named: bool) -> tuple[str, float]:
        """Why not to read files now, and when to ask again; 0 seconds when they may be read."""
        now = time.monotonic()
        if git_state.index_stat != self._index[0]:
            self._index = (git_state.index_stat, now if self._shown else 0.0)
        if git_state.operation:
            return f"git is in the middle of {git_state.operation}", debounce.PAUSED
        if git_state.locked:
            lock = printable(str(session.repository.git_dir / "index.lock"))
            return f"git is changing files; if it was killed, remove {lock}", debounce.PAUSED
        if git_state.branch is None and self._branch is not None:
            return "no branch is checked out", debounce.PAUSED
        if named and git_state.branch != self._branch:
            checked_out, begun_with = (
                printable(name or "a commit without a branch") for name in (git_state.branch, self._branch)
            )
            return f"{checked_out} is checked out, but the watch began on {begun_with}", debounce.PAUSED
        return "git has just changed files", max(self._index[1] + debounce.AFTER_GIT - now, 0.0)

    # --- runs -----------------------------------------------------------------------------------------------

    def _runs(self, session: Session, modes: Iterable[Mode]) -> None:
        shown = (session.settings.login.name, session.target, *(folder.shown for folder in session.settings.folders))
        first, later, began, fingerprinted = shown != self._shown, bool(self._shown), time.monotonic(), -1.0
        if first:
            self._parked = {}
        try:
            for mode in modes:
                if mode.direction is Direction.PULL or (not self.pulls and any(self._parked.values())):
                    before = time.monotonic()
                    self._known_fingerprint = Workspace(session.http, session.target).fingerprint()
                    fingerprinted = time.monotonic() - before
                request = session.request(self.options, mode)
                if later:  # what was allowed was allowed for one run
                    request = request._replace(allowed=Allowed(), wait=max(request.wait, _WAIT_FOR_OTHERS))
                report = self._run(session, request, first)
                self._shown = shown
                if report.trouble:
                    raise report.trouble
        finally:
            self._ran = time.monotonic()
            self._budget = self._budget.after(self._ran, self._ran - began)
        self._failures = 0
        if fingerprinted >= 0 or not self.pulls:  # a push alone is no look, however often it comes
            self._next_look(self._ran - began if self._known_fingerprint is None else fingerprinted)
        arrow = "↔" if len(self.modes) > 1 else "→" if self.pushes else "←"
        folders = ", ".join(folder.shown for folder in session.settings.folders)
        self.view.state(State.WATCHING, f"Watching {folders} {arrow} {printable(session.target)}: {self._standing}")

    def _run(self, session: Session, request: Request, first: bool) -> Report:
        session.http.requests = 0
        if first:
            report = self.view.in_full()
            ran = session.sync(report).run(request)
            report.summary(ran)
            if self.options.open and not self._shown:
                browser.show(request.address(), self.view.notice)
        else:
            quiet = _Quiet(self.view, self._noticed)
            request = request._replace(diff=False)
            ran = session.sync(quiet).run(request)
            self._noticed = frozenset(quiet.notices)
            self.view.carried(ran)
        if ran.interrupted:
            raise KeyboardInterrupt
        stumbled = any(outcome.result in (Result.FAILED, Result.LEFT) for outcome in ran.outcomes)
        self._stumbles = self._stumbles + 1 if stumbled else 0
        self._park(request.mode, ran, first)
        self._tell(request.mode, _left_out(ran), silent=first)
        self._standing = standing(ran)
        return ran

    def _park(self, mode: Mode, report: Report, first: bool) -> None:
        before = self._everything_parked()
        if before:
            steps = {step.key: step for step in report.steps}
            for other, paths in self._parked.items():
                self._parked[other] = {key: item for key, item in paths.items() if not _settled(steps.get(key), mode)}
        self._parked[mode] = parked(report, patient=self._stumbles == 1 and not first)
        now = self._everything_parked()
        new = {key: item for key, item in now.items() if key not in before or before[key].what != item.what}
        settled = {key: item for key, item in before.items() if key not in now}
        if new or settled or first:
            self.view.parked(now, new, settled, shown=first)

    def _everything_parked(self) -> dict[str, Parked]:
        return {key: item for paths in self._parked.values() for key, item in paths.items()}


def _left_out(report: Report) -> list[str]:
    """What a run did not carry, though there is a way to have it carried."""
    notes = {
        f"{printable(problem.path)} {problem.what}. {problem.hint}"
        for problem in report.problems
        if problem.severity is Severity.NOTE and problem.hint
    }
    return sorted(notes)


def _settled(step: Step | None, mode: Mode) -> bool:
    """Whether a run has seen an object to be the same on both sides, or a push that it is on neither.

    `step` is what the run had for it. What the other direction has parked would stay so until it runs again, which may
    be long after.
    """
    if step is None:
        return mode.direction is Direction.PUSH
    return step.action in (Action.NOTHING, Action.ADOPT, Action.FORGET) and not step.problem


class _Quiet(RunListener):
    """A run of a watch: its plan is no news before it is carried out, nor is a notice that the last run gave."""

    def __init__(self, view: View, noticed: frozenset[str]) -> None:
        self.view = view
        self.noticed = noticed
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)
        if text not in self.noticed:
            self.view.notice(text)

    def begin(self, total: int) -> None:
        self.view.state(State.CARRYING, f"Syncing {total:,}")
