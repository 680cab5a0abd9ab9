"""Carries out a plan: many objects at once, the steps of one object in sequence, results and not intentions.

Creates and updates go first, deletes last, so that a move loses nothing on the way. The base is advanced with
what was read back, in batches, by the one thread that holds the state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from .base import Advance, Base, Intent
from .errors import LoginError, SyncError
from .model import Problem, Severity
from .plan import Action, Step

_BATCH = 200
_BATCH_SECONDS = 2.0


class Result(str, Enum):
    DONE = "done"
    LEFT = "left"  # a conflict or a refusal: the problem says why
    FAILED = "failed"
    POSTPONED = "postponed"  # wants something else to be deleted first


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step. `advance` is what both sides now hold; None while that is not known."""

    step: Step
    result: Result
    problem: Problem | None = None
    advance: Advance | None = None


class Carrier(Protocol):
    """One direction's guarded writes. Each method is called for different keys from several threads."""

    def intent(self, step: Step) -> Intent: ...

    def prepare(self, steps: Sequence[Step]) -> None: ...

    def create(self, step: Step) -> Outcome: ...

    def update(self, step: Step) -> Outcome: ...

    def delete(self, step: Step) -> Outcome: ...

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]: ...

    def tidy(self, outcomes: Sequence[Outcome]) -> None: ...


Progress = Callable[[Outcome], None]


class Interruption:
    """Ctrl-C, once: objects in hand are finished, no other is begun."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason: SyncError | None = None

    def stop(self, reason: SyncError | None = None) -> None:
        self.reason = self.reason or reason
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()


class Carry:
    def __init__(self, carrier: Carrier, base: Base, pool: Executor, progress: Progress) -> None:
        self.carrier = carrier
        self.base = base
        self.pool = pool
        self.progress = progress
        self.interruption = Interruption()
        self._verified: list[Outcome] = []
        self._unverified: list[Outcome] = []
        self._since = time.monotonic()

    def run(self, steps: Sequence[Step]) -> list[Outcome]:
        """Carries out the steps that write. After an interruption, only outcomes of what was begun."""
        writing = [step for step in steps if step.writes]
        if not writing:
            return []
        self.base.intend([self.carrier.intent(step) for step in writing])
        self.carrier.prepare(writing)
        first = [step for step in writing if step.action is not Action.DELETE]
        deletes = [step for step in writing if step.action is Action.DELETE]
        postponed = self._phase(first, self._put)
        self._phase(deletes, self.carrier.delete)
        # Deleting may have made room for what was refused because something of another type stood there.
        again = self._phase([o.step for o in postponed], self._put)
        self._unverified += [self._refused(outcome) for outcome in again]
        self._settle()
        self.carrier.tidy(self._verified)
        return self._verified

    def _put(self, step: Step) -> Outcome:
        return self.carrier.create(step) if step.action is Action.CREATE else self.carrier.update(step)

    def _phase(self, steps: Iterable[Step], act: Callable[[Step], Outcome]) -> list[Outcome]:
        postponed: list[Outcome] = []
        pending = {self.pool.submit(self._attempt, step, act) for step in steps}
        while pending:
            try:
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                if self.interruption:
                    raise
                self.interruption.stop()
                continue
            postponed += self._collect(done)
            if len(self._unverified) >= _BATCH or time.monotonic() - self._since > _BATCH_SECONDS:
                self._settle()
        return postponed

    def _attempt(self, step: Step, act: Callable[[Step], Outcome]) -> Outcome | None:
        if self.interruption:
            return None
        try:
            return act(step)
        except LoginError as error:
            self.interruption.stop(error)
            return _failed(step, error)
        except SyncError as error:
            return _failed(step, error)
        except OSError as error:
            return _failed(step, SyncError(f"could not be written ({error.strerror or error})", "Nothing was lost."))

    def _collect(self, done: Iterable[Future[Outcome | None]]) -> list[Outcome]:
        postponed = []
        for future in done:
            outcome = future.result()
            if outcome is None:
                continue
            if outcome.result is Result.POSTPONED:
                postponed.append(outcome)
            else:
                self._unverified.append(outcome)
                self.progress(outcome)
        return postponed

    def _refused(self, outcome: Outcome) -> Outcome:
        refused = replace(outcome, result=Result.FAILED)
        self.progress(refused)
        return refused

    def _settle(self) -> None:
        """Reads back what was written and advances the base with it."""
        outcomes, self._unverified = self._unverified, []
        self._since = time.monotonic()
        if not outcomes:
            return
        verified = self.carrier.verify(outcomes)
        known = [outcome.advance for outcome in verified if outcome.advance]
        # What was refused certainly changed nothing: its intent is over. What failed may have.
        over = [outcome.step.key for outcome in verified if outcome.result is Result.LEFT]
        self.base.advance(known, finished=over)
        self._verified += verified


def done(step: Step, advance: Advance | None = None) -> Outcome:
    return Outcome(step, Result.DONE, advance=advance)


def left(step: Step, what: str, hint: str = "") -> Outcome:
    return Outcome(step, Result.LEFT, Problem(step.path, what, hint, Severity.REFUSED))


def _failed(step: Step, error: SyncError) -> Outcome:
    return Outcome(step, Result.FAILED, Problem(step.path, error.message, error.hint, Severity.FAILED))


def failed(step: Step, what: str, hint: str = "") -> Outcome:
    return Outcome(step, Result.FAILED, Problem(step.path, what, hint, Severity.FAILED))
