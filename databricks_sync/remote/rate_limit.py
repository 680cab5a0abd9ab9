"""How fast requests go, and how long a workspace that refuses them as too many (429) is asked: one limiter an endpoint.

Nobody says what a workspace allows, and everybody who works in it shares the allowance. So it is found out:

1. Until something is refused, as many go at once as there are connections.
2. After a refusal nothing is sent for as long as the workspace asks to wait (Retry-After). From then on so many go a
   second as it took between the last two refusals: the allowance was used up both times, so what was taken in between
   is what it grants. No refusal more than halves the rate, for others may have used the allowance up.
3. From there the rate grows, by two per cent of itself a second, to notice when there is more.
4. What was on its way when another request was refused, and is refused too, tells nothing new.
5. Where everything is refused, the pauses double, whatever the workspace asks for; and where that lasted as long as
   there is patience, nobody waits any more. A single request has no patience of its own: refused is not applied, so it
   is sent again until the workspace takes it, or the limiter gives up for all.

`Schedule` is the arithmetic, and pure: each moment is an argument. `RateLimiter` lets threads wait for it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from math import inf
from typing import NamedTuple

from databricks_sync.errors import Again, WorkspaceError
from databricks_sync.system import Clock

# SERVER: 30 imports a second are documented for a workspace (2026); other limits are not, or higher.
_LEAST_AT_FIRST = 30.0  # requests a second after the first refusal, at least
_BURST = 1.0  # seconds for which an allowance that is not used is kept, as limits are given per second
_RATE_MARGIN = 1.03  # of the rate to begin with: the pause has saved something up
_GROWTH = 1.02  # of the rate, each second without a refusal
_MIN_PAUSE = 0.1  # seconds after the second refusal in a row, and twice as many after each further one
_MAX_PAUSE = 30.0  # seconds of such a pause


class SentRequest(NamedTuple):
    """When a request was sent, in seconds, and how many had been sent since the last refusal."""

    sent_at: float
    number: int


class Schedule:
    """When the next request may be sent, with at most `most` under way. All times are seconds of one clock."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rate = inf  # requests a second, when last refused
        self._under_way = 0
        self._count = 0  # sent since `_since`
        self._in_a_row = 0  # refusals since a request was taken
        self._all_refused_since = inf
        self._since = self._sent_at = self._refused_at = self._not_before = -inf

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent; infinite when only an answer can tell."""
        if self._under_way >= self.most:
            return inf
        return max(self._not_before, self._sent_at + 1 / self._rate_at(now)) - now

    def sent(self, now: float) -> SentRequest:
        """A request is sent now. One of `unused`, `taken` and `refused` is to follow."""
        idle = now - max(self._sent_at, self._not_before) if self._under_way == 0 else 0.0
        if idle > _BURST:
            self._since, self._count = now - _BURST, 0
        if idle > _MAX_PAUSE:
            self._all_refused_since = inf
        self._under_way += 1
        self._count += 1
        self._sent_at = now
        return SentRequest(now, self._count - 1)

    def unused(self) -> None:
        """What was announced by `sent` was not sent after all."""
        self._under_way -= 1
        self._count -= 1

    def taken(self) -> None:
        """A request was not refused as one too many, whatever was answered."""
        self._under_way -= 1
        self._in_a_row, self._all_refused_since = 0, inf

    def refused(self, request: SentRequest, now: float, seconds: float) -> None:
        """`request` was refused, and nothing is to be sent for so many `seconds`."""
        self._under_way -= 1
        if request.sent_at > self._refused_at:  # else it was on its way when another one was refused
            self._in_a_row += 1
            self._all_refused_since = min(self._all_refused_since, now)
            seconds = max(seconds, self._least_pause())
            granted = max(request.number, 1) / max(request.sent_at - self._since, _BURST / 10)
            self.rate = max(granted, self.rate / 2 if self.rate < inf else _LEAST_AT_FIRST)
            self._since, self._count = now + max(seconds - _BURST, 0), 0
        self._refused_at = now
        self._not_before = max(self._not_before, now + seconds)

    def all_refused_for(self, now: float) -> float:
        """Seconds for which everything was refused; 0 where something was taken since."""
        return max(now - self._all_refused_since, 0)

    def _rate_at(self, now: float) -> float:
        if self.rate == inf:
            return inf
        return self.rate * _RATE_MARGIN * math.pow(_GROWTH, min(max(now - self._not_before, 0), 1000))

    def _least_pause(self) -> float:
        return min(_MIN_PAUSE * 2.0 ** min(self._in_a_row - 2, 20), _MAX_PAUSE) if self._in_a_row > 1 else 0.0


class RateLimiter:
    """Permits for the requests to one endpoint, for any number of threads."""

    def __init__(self, endpoint: str, most: int, patience: float, clock: Clock) -> None:
        """`most` requests are under way at once; `patience`: seconds for which all may be refused."""
        self.endpoint = endpoint
        self.patience = patience
        self.clock = clock
        self.changed = threading.Condition()
        self.schedule = Schedule(most)
        self._first = threading.Lock()

    def acquire(self) -> Permit:
        """Waits until a request may be sent. Threads queue: only the first of them watches the clock.

        Raises WorkspaceError where patience is over: else each of those that queue would have its own, one after the
        other. Nothing was sent then; it is no Throttled, which is tried again.
        """
        with self._first, self.changed:
            while (delay := self.schedule.delay(self.clock.monotonic())) > 0:
                if self.schedule.all_refused_for(self.clock.monotonic()) > self.patience:
                    raise WorkspaceError(
                        f"The workspace refuses all {self.endpoint} requests, because there are too many (429).",
                        Again(" later; nothing is lost."),
                        status=429,
                    )
                self.clock.wait(self.changed, None if delay == inf else delay)
            return Permit(self, self.schedule.sent(self.clock.monotonic()))


class Permit:
    """The right to send one request. Leaving the `with` block without having used it gives it back."""

    def __init__(self, limiter: RateLimiter, request: SentRequest) -> None:
        self._limiter = limiter
        self._request = request
        self._used = False

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._used:
            self._end(self._limiter.schedule.unused)

    def taken(self) -> None:
        """The workspace took the request, whatever it said to it."""
        self._end(self._limiter.schedule.taken)

    def refused(self, seconds: float) -> None:
        """The workspace said 429, and to ask again in so many seconds."""
        now = self._limiter.clock.monotonic()
        self._end(partial(self._limiter.schedule.refused, self._request, now, seconds))

    def _end(self, tell: Callable[[], None]) -> None:
        self._used = True
        with self._limiter.changed:
            tell()
            self._limiter.changed.notify()
