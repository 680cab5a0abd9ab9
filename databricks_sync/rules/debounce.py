"""When a watch acts: after a pause in the changes, after a failure, and how often it looks without a reason. Pure.

All times are seconds.
"""

from __future__ import annotations

from typing import NamedTuple

DEBOUNCE = 0.08  # without another change: an editor that saves by rename needs some milliseconds
MANY = 10  # changes that nobody's editor makes
BULK_DEBOUNCE = 0.3  # the same after many: of what is unpacked the last file may still be half written
MAX_DELAY = 2.0  # from the first change on, where they do not end: somebody's log in the folder
AFTER_GIT = 0.25  # after git wrote its index: HEAD follows it, and files of a new branch must not be read before
PAUSED = 0.5  # between two looks at whether git has finished
HALTED = 10.0  # between two looks at whether a valve would let us pass by now
PARKED = 10.0  # between two looks at whether somebody has settled a conflict elsewhere
RESCAN = 600.0  # between two looks at everything, should an event ever have been lost
POLL = 1.0  # between two looks, while waiting, at whether somebody wants us to stop
MIN_BACKOFF = 1.0  # after a failure, even when something was saved meanwhile
LONGEST_WAIT = 60.0
BURST = 20  # runs that changes may cause as fast as they come
_EVERY = 3.0  # between two of them once they are used up, and until one more is granted


def due(first: float, last: float, count: int) -> float:
    """The moment to act on so many changes, of which the first and the last came at these moments."""
    return min(last + (DEBOUNCE if count < MANY else BULK_DEBOUNCE), first + MAX_DELAY)


def backoff(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row, at least one; `chance` is a random number from 0 to 1."""
    return min(LONGEST_WAIT, 2.0 ** min(failures - 1, 10)) * (0.5 + chance / 2)


def rescan(stumbles: int) -> float:
    """How long after a run to look at everything again; sooner after runs, so many in a row, that did not do it all."""
    return backoff(stumbles, 1.0) if stumbles else RESCAN


def interval(hashed: bool, took: float) -> float:
    """How long to leave the workspace alone after a look at it that took so long: a tenth of the time at most."""
    return min(max(2.0 if hashed else 15.0, 10 * took), LONGEST_WAIT)


def polling(took: float) -> float:
    """The same for the files here, where no events tell of changes: some hundredths of the time."""
    return max(1.0, 50 * took)


class Budget(NamedTuple):
    """A person's saves are carried at once; a file that is written for ever causes a run now and then."""

    used: float = 0.0  # of the burst, at the moment `at`
    at: float = 0.0
    every: float = _EVERY

    def delay(self, now: float) -> float:
        """How long the next run has to wait."""
        return max(self._left(now) - (BURST - 1), 0.0) * self.every

    def after(self, now: float, took: float) -> Budget:
        """What is left after a run that ended now and took so long."""
        return Budget(self._left(now) + 1, now, min(max(_EVERY, 10 * took), LONGEST_WAIT))

    def _left(self, now: float) -> float:
        return max(self.used - (now - self.at) / self.every, 0.0)
