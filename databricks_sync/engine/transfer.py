"""Carries out a plan: many objects at once, the steps of one object in sequence, results and not intentions.

Theory of operation. A writer knows how one object is written in one direction, and guards each write. `Transfer` says
when, in this order:

    prepare      the writer begins what must come first: the note on the target, missing folders
    intents      what is about to be tried is recorded, durably, all of it in one transaction
    ready        waits for the note; where it is refused nothing was written, and the intents are taken back
    folders      what the writer can write many at a time; it looks at once what became of them, and the rest
    put          creates and updates
    delete       deletes, after the others were read back: a move is a create and a delete, and where the create
                 failed, its delete is left out
    tidy         the writer removes the folders that deletes have emptied
    put again    what was postponed, because something stood in its place that a delete may have removed

In parallel: the objects of one line; each thread takes the next step as soon as it has finished one. In sequence: the
lines, and all that is done for one object, so that no two threads have the same key in hand.

Recorded is what was read back, never what was sent: every few seconds, before and after the deletes, and at the end,
the writer looks at what it wrote, and the base is advanced with what is there, in one transaction each time. The
thread that calls `run` does that alone; the others hand it their outcomes. A step that was left alone ends its intent,
and so does one that was never begun. One that failed keeps it: perhaps it was written after all, and the next run looks
(`Comparer`).

After Ctrl-C, or whatever else ends a run early (`Interruption`), no further object is begun. Those in hand are
finished, read back and recorded; the others have no outcome. A process that is killed records nothing more, and leaves
its intents to the next run.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, wait

from databricks_sync.errors import Again, LoginError, SyncError
from databricks_sync.interrupt import Interruption
from databricks_sync.rules.journal import Advance
from databricks_sync.rules.outcome import Outcome, Result, failed, left
from databricks_sync.rules.plan import Action, Step
from databricks_sync.state.base import Base
from databricks_sync.system import CONNECTIONS

from .pull import PullWriter
from .push import PushWriter
from .verify import next_look

_AGAIN = Again()
_ROOM = Again(before="Make sure that its folder is writable and the disk not full, and ")
_NEAR_END = 50  # so many are left to be done when it is no longer worth it: all is read back at the end anyway
_POLL = 0.02  # seconds between two looks at what has been done


# One direction's guarded writes. Those of single objects are called from several threads, for different keys. They
# return what became of the step, or raise SyncError or OSError: it has then failed.
Writer = PushWriter | PullWriter


class Transfer:
    """Carries out one plan, once."""

    def __init__(
        self,
        writer: Writer,
        base: Base | None,
        pool: Executor,
        progress: Callable[[Outcome], None],
        interruption: Interruption,
    ) -> None:
        """`base`: where intents and results are recorded; None for a restore, after which the sides agree on nothing.

        `progress` is told each outcome, before it is read back.
        """
        self.writer = writer
        self.base = base
        self.pool = pool
        self.progress = progress
        self.interruption = interruption
        self._verified: list[Outcome] = []
        self._unverified: list[Outcome] = []
        self._doubtful: set[str] = set()  # keys that are perhaps written, and have no outcome yet
        self._settle_at = next_look(time.monotonic())

    def run(self, steps: Sequence[Step]) -> list[Outcome]:
        """Carries out steps, which all write. After an interruption, only outcomes of what was begun.

        Raises SyncError when nothing may be written; then nothing was.
        """
        self.writer.prepare(steps)
        if self.base:
            self.base.intend([self.writer.intent(step) for step in steps])
        try:
            self.writer.ready()
        except SyncError:
            self._record([], finished={step.key for step in steps})
            raise
        first = self._folders([step for step in steps if step.action is not Action.DELETE])
        deletes = [step for step in steps if step.action is Action.DELETE]
        waiting = self._phase(first, self._put)
        if deletes:
            self._settle()
            self._phase(self._without_moves_that_failed(deletes), self.writer.delete)
            self._settle()
        self.writer.tidy(self._verified)
        # Deleting may have made room for what was refused because something of another type stood there.
        again = self._phase([outcome.step for outcome in waiting], self._put)
        self._unverified += [self._refused(outcome) for outcome in again]
        self._settle()
        # What was never begun is nobody's write: recovery would take an equal edit of somebody's for ours.
        begun = {outcome.step.key for outcome in self._verified} | self._doubtful
        self._record([], finished={step.key for step in steps} - begun)
        return self._verified

    def _folders(self, steps: Sequence[Step]) -> Sequence[Step]:
        """What is left to be written singly."""
        try:
            for outcomes in self.writer.write_folders(steps, self.interruption.due):
                arrived = [outcome for outcome in outcomes if outcome.result is Result.DONE]
                for outcome in arrived:
                    self.progress(outcome)
                self._record([outcome.advance for outcome in arrived if outcome.advance], finished=())
                self._verified += arrived
                self._doubtful |= {outcome.step.key for outcome in outcomes if outcome.result is not Result.DONE}
        except LoginError as error:
            self.interruption.stop(error)
        keys = {outcome.step.key for outcome in self._verified}
        return [step for step in steps if step.key not in keys]

    def _without_moves_that_failed(self, deletes: list[Step]) -> list[Step]:
        """A move is a create and a delete: what could not be created at its new place stays at the old one."""
        lost = {_content(o.step) for o in self._verified if o.result is Result.FAILED} - {None}
        missing = {o.step.key for o in self._verified if o.result is not Result.DONE}
        kept = [step for step in deletes if _content(step) in lost or step.moved in missing]
        for step in kept:
            self._unverified.append(
                left(step, "was not moved, because it could not be written at its new location", _AGAIN)
            )
        keys = {step.key for step in kept}
        return [step for step in deletes if step.key not in keys]

    def _put(self, step: Step) -> Outcome:
        return self.writer.create(step) if step.action is Action.CREATE else self.writer.update(step)

    def _phase(self, steps: Sequence[Step], act: Callable[[Step], Outcome]) -> list[Outcome]:
        waiting: list[Outcome] = []
        for number, outcome in enumerate(self._attempts(steps, act), 1):
            if outcome is None:
                continue
            if outcome.result is Result.POSTPONED:
                waiting.append(outcome)
            else:
                self._unverified.append(outcome)
                self.progress(outcome)
            if time.monotonic() > self._settle_at and len(steps) - number > _NEAR_END:
                self._settle()
        return waiting

    def _attempts(self, steps: Sequence[Step], act: Callable[[Step], Outcome]) -> Iterator[Outcome | None]:
        """The outcomes as they come, a handful at a time: waking this thread for each would cost half as much as it.

        Every thread takes the next step by itself: to give out a thousand futures first delays the first round.
        """
        waiting, finished = deque(steps), deque[Outcome | None]()

        def work() -> None:
            while waiting:
                try:
                    step = waiting.popleft()
                except IndexError:
                    return  # somebody else was quicker
                finished.append(self._attempt(step, act))

        workers = [self.pool.submit(work) for _ in range(min(len(steps), CONNECTIONS))]
        while workers or finished:
            for _ in range(len(finished)):
                yield finished.popleft()
            while workers and workers[-1].done():
                workers.pop().result()
            wait(workers[-1:], _POLL if not finished else 0)

    def _attempt(self, step: Step, act: Callable[[Step], Outcome]) -> Outcome | None:
        if self.interruption.due():
            return None
        try:
            return act(step)
        except LoginError as error:
            self.interruption.stop(error)
            return failed(step, error.message, error.hint)
        except SyncError as error:
            return failed(step, error.message, error.hint)
        except OSError as error:
            return failed(step, f"could not be written ({error.strerror or error})", _ROOM)

    def _refused(self, outcome: Outcome) -> Outcome:
        refused = outcome._replace(result=Result.LEFT)
        self.progress(refused)
        return refused

    def _record(self, advances: Iterable[Advance], finished: Iterable[str]) -> None:
        if self.base:
            self.base.advance(advances, finished=finished)

    def _settle(self) -> None:
        """Reads back what was written and advances the base with it."""
        outcomes, self._unverified = self._unverified, []
        if not outcomes:
            return
        began = time.monotonic()
        verified = self.writer.verify(outcomes)
        advances = [outcome.advance for outcome in verified if outcome.advance]
        # What was refused certainly changed nothing: its intent is over. What failed may have.
        over = [outcome.step.key for outcome in verified if outcome.result is Result.LEFT]
        self._record(advances, finished=over)
        self._verified += verified
        self._settle_at = next_look(began)


def _content(step: Step) -> str | None:
    """What a create would bring, or a delete take away."""
    if step.action is Action.DELETE:
        return step.base.digest if step.base else None
    return step.local.digest if step.local else step.remote_digest
