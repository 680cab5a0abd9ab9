"""How fast requests to one endpoint may go: so many at once, so many a second. Pure: the clock is an argument.

What a workspace allows is documented for two endpoints only, and everybody who works in it shares the allowance. So
it is found out. Where a limit is documented, hardly more than a second's worth goes at once, and no more until all of
it has been taken: then this workspace has no such limit, or another one. A refusal (429) tells of one: nothing is
sent for as long as the workspace asks, and from then on so many a second as it took between the last two refusals:
the allowance was used up both times, so what was taken in between is what it grants. No refusal more than halves the
rate, for others may have used the allowance up. From there it grows, slowly at first, to notice when there is more.
Where everything is refused, the pauses grow, whatever the workspace asks for.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

# SERVER: Databricks' documentation of the limits of a workspace, 2026: requests a second.
DOCUMENTED = {"import": 30, "export": 60}
_USUAL = 20  # a second, where nothing is documented
_TRIAL = 1.5  # seconds' worth of a documented allowance that is tried before as many go at once as may
_SAVED = 1.0  # seconds for which an allowance that is not used is kept, as limits are given per second
_MORE = 1.03  # of the rate to begin with: the pause has saved something up
_SOON = 0.1  # seconds after the second refusal in a row, and twice as many after each further one
_LONGEST = 30.0  # seconds of such a pause
_DOUBLED = 25.0  # seconds after which the rate has doubled, if nothing was refused; slowly at first, then faster


class Sent(NamedTuple):
    """One request: when it was sent, and after how many others in the count that was then going on."""

    at: float
    after: int


class Pace:
    """The pace at `endpoint`, with at most `most` requests at once. Times are seconds of one clock."""

    def __init__(self, endpoint: str, most: int) -> None:
        self.endpoint = endpoint
        self.most = most
        self.rate = inf  # requests a second, when last refused
        self._allowance = DOCUMENTED.get(endpoint, 0)  # a second's worth as documented; 0 where nothing is
        self._taken = 0  # and not refused
        self._in_a_row = 0  # refusals since one was taken
        self._under_way = 0
        self._count = 0  # sent since `_since`
        self._in_vain_since = inf
        self._since = self._sent_at = self._refused_at = self._not_before = -inf

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent; infinite when only an answer can tell."""
        if self._under_way >= self._window():
            return inf
        return max(self._not_before, self._sent_at + 1 / self._allowed(now)) - now

    def _window(self) -> int:
        untried = int(self._allowance * _TRIAL) - self._taken
        if self.rate < inf or untried <= 0:
            return self.most
        return min(max(untried, self._allowance // 2), self.most)

    def _allowed(self, now: float) -> float:
        quiet = max(now - self._not_before, 0)
        return self.rate * _MORE * 2 ** min((quiet / _DOUBLED) ** 2, 10) if self.rate < inf else inf

    def _most_likely(self) -> float:
        """What is to be halved at most by one refusal, which may be due to what others used up."""
        return self.rate if self.rate < inf else 2.0 * DOCUMENTED.get(self.endpoint, _USUAL)

    def sent(self, now: float) -> Sent:
        if self._under_way == 0 and now - self._sent_at > _SAVED:  # idle until now: another count
            self._since, self._count = now - _SAVED, 0
        self._under_way += 1
        self._count += 1
        self._sent_at = now
        return Sent(now, self._count - 1)

    def unused(self) -> None:
        """What was announced by `sent` was not sent after all."""
        self._under_way -= 1
        self._count -= 1

    def answered(self) -> None:
        self._under_way -= 1
        self._taken += 1
        self._in_a_row, self._in_vain_since = 0, inf

    def refused(self, request: Sent, now: float, seconds: float) -> None:
        """`request` was refused, and nothing is to be sent for so many `seconds`."""
        self._under_way -= 1
        if request.at > self._refused_at:  # else it was on its way when another one was refused
            self._in_a_row += 1
            self._in_vain_since = min(self._in_vain_since, now)
            seconds = max(seconds, self._pause())
            took = max(request.after, 1) / max(request.at - self._since, _SAVED / 10)
            self.rate = max(took, self._most_likely() / 2)
            self._since, self._count = now + max(seconds - _SAVED, 0), 0
        self._refused_at = now
        self._not_before = max(self._not_before, now + seconds)

    def in_vain(self, now: float) -> float:
        """Seconds for which all was refused; 0 where something was taken since."""
        return max(now - self._in_vain_since, 0)

    def _pause(self) -> float:
        """The least pause, in seconds, after so many refusals in a row."""
        return min(_SOON * 2.0 ** min(self._in_a_row - 2, 20), _LONGEST) if self._in_a_row > 1 else 0.0
