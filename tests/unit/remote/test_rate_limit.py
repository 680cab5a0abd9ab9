"""How fast requests go: against a workspace that grants so many a second, in a time that only the test makes pass."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.remote.rate_limit import Schedule, SentRequest

MOST = 50


@dataclass(frozen=True)
class Grant:
    """What a workspace allows: `rate` a second, `saved` seconds of it at most at once; each answer takes `trip`."""

    rate: float = inf
    trip: float = 0.05
    saved: float = 1.0
    retry_after: float = 1.0


@dataclass
class Result:
    seconds: float = 0.0
    sent: int = 0
    refused: int = 0
    at_once: int = 0

    @property
    def share(self) -> float:
        return self.refused / self.sent


def run(schedule: Schedule, requests: int, grant: Grant, begin: float = 0.0) -> Result:
    """Sends `requests` until all are taken, each as soon as the schedule allows."""
    result, now, todo, under_way = Result(), begin, requests, 0
    allowance, filled_at = min(grant.rate * grant.saved, 1e9), begin
    answers: list[tuple[float, int, bool, SentRequest]] = []
    numbers = count()
    while todo or under_way:
        delay = schedule.delay(now) if todo else inf
        if delay <= 0:
            result.sent, todo, under_way = result.sent + 1, todo - 1, under_way + 1
            result.at_once = max(result.at_once, under_way)
            arrival = now + grant.trip / 2
            allowance = min(grant.rate * grant.saved, allowance + (arrival - filled_at) * grant.rate, 1e9)
            filled_at, taken = arrival, allowance >= 1
            allowance -= taken
            heapq.heappush(answers, (now + grant.trip, next(numbers), taken, schedule.sent(now)))
        elif not answers or now + delay < answers[0][0]:
            assert delay < inf, "nothing is under way, and nothing may be sent"
            now += delay
        else:
            now, _, taken, request = heapq.heappop(answers)
            under_way -= 1
            if taken:
                schedule.taken()
            else:
                result.refused, todo = result.refused + 1, todo + 1
                schedule.refused(request, now, grant.retry_after)
    result.seconds = now - begin
    return result


def floor(requests: int, grant: Grant) -> float:
    """The least time in which a workspace takes so many."""
    return max(requests - grant.rate * grant.saved, 0) / grant.rate + grant.trip


@pytest.mark.parametrize("trip", [0.001, 0.01, 0.05, 0.1])
def test_the_documented_limit_is_used_up(trip: float) -> None:
    """1,000 imports at 30 a second take hardly longer than they must, and hardly any of them is refused."""
    grant = Grant(rate=30, trip=trip)
    result = run(Schedule(MOST), 1000, grant)
    assert result.seconds < 1.05 * floor(1000, grant)
    assert result.share < 0.06


@pytest.mark.parametrize(("rate", "saved"), [(5, 1), (10, 1), (20, 1), (60, 1), (30, 3), (30, 0.5), (200, 1)])
def test_any_limit_is_found(rate: float, saved: float) -> None:
    """A limit that is not the documented one, or that allows larger or smaller bursts, is found as well."""
    grant = Grant(rate, saved=saved)
    result = run(Schedule(MOST), 1000, grant)
    assert result.seconds < 1.6 * floor(1000, grant)
    assert result.share < 0.08


def test_without_a_limit_all_connections_are_used() -> None:
    """Where nothing is refused, all connections are used."""
    result = run(Schedule(MOST), 1000, Grant())
    assert result.at_once == MOST and result.refused == 0
    assert result.seconds < 1000 * 0.05 / MOST + 0.05


def test_nothing_is_sent_while_the_workspace_asks_to_wait() -> None:
    """After a refusal nothing goes before Retry-After is over, whatever is answered meanwhile."""
    schedule = Schedule(MOST)
    requests = [schedule.sent(0.0) for _ in range(3)]
    schedule.refused(requests[1], 0.1, 7.0)
    schedule.taken()
    assert schedule.delay(0.2) == pytest.approx(6.9)
    schedule.refused(requests[2], 0.2, 1.0)
    assert schedule.delay(0.2) == pytest.approx(6.9)
    assert schedule.delay(8.0) <= 0


def test_refusals_on_their_way_count_once() -> None:
    """Requests that were under way at the first refusal, and are refused too, slow nothing down any further."""
    schedule = Schedule(MOST)
    for _ in range(20):
        schedule.sent(0.0)
        schedule.taken()
    late = [schedule.sent(0.5) for _ in range(5)]
    schedule.refused(late[0], 0.6, 1.0)
    rate = schedule.rate
    for request in late[1:]:
        schedule.refused(request, 0.7, 1.0)
    assert schedule.rate == rate


def test_an_idle_hour_is_not_counted() -> None:
    """A limit is judged by what was taken while something was sent: a watch may have been idle for hours."""
    schedule, grant = Schedule(MOST), Grant(rate=30)
    run(schedule, 100, grant)
    result = run(schedule, 400, grant, begin=3600.0)
    assert result.seconds < 1.2 * floor(400, grant)


def test_an_unused_permit_leaves_no_trace() -> None:
    """Who took a permit and sent nothing makes room for another one."""
    schedule = Schedule(1)
    schedule.sent(0.0)
    assert schedule.delay(0.0) == inf
    schedule.unused()
    assert schedule.delay(0.1) <= 0


@given(
    st.integers(1, 60),
    st.floats(0.5, 500),
    st.floats(0.001, 2),
    st.floats(0.1, 5),
    st.sampled_from([0.0, 1.0, 3.0]),
)
def test_everything_is_sent_in_the_end(most: int, rate: float, trip: float, saved: float, retry_after: float) -> None:
    """Whatever a workspace allows, no more than `most` are under way, and the last request is taken some time."""
    grant = Grant(rate, trip, max(saved, 1.1 / rate), retry_after)
    result = run(Schedule(most), 60, grant)
    assert result.at_once <= most
    assert result.sent - result.refused == 60


@pytest.mark.parametrize("number", [1, 2, 5, 20])
def test_one_refusal_is_soon_forgotten(number: int) -> None:
    """A workspace that refuses one of the first requests, because others were there, is not asked at a crawl."""
    schedule, now, taken = Schedule(MOST), 0.0, 0
    while taken < 60:
        now += max(schedule.delay(now), 0)
        request = schedule.sent(now)
        now += 0.05
        if taken + 1 == number and schedule.rate == inf:
            schedule.refused(request, now, 1.0)
        else:
            schedule.taken()
            taken += 1
    assert now < 1 + 60 / 30 + 60 * 0.05


@pytest.mark.parametrize("retry_after", [0.0, 0.01])
def test_a_workspace_that_takes_nothing_is_left_in_peace(retry_after: float) -> None:
    """Where all is refused, pauses grow whatever the workspace asks for; one that is taken ends that."""
    schedule, now, sent = Schedule(MOST), 0.0, 0
    while now < 300:
        now += max(schedule.delay(now), 0)
        request, sent = schedule.sent(now), sent + 1
        now += 0.01
        schedule.refused(request, now, retry_after)
    assert sent < 30
    assert 10 < schedule.delay(now) <= 30
    schedule.sent(now + 30)
    schedule.taken()
    schedule.refused(schedule.sent(now + 31), now + 31, 0.0)
    assert schedule.delay(now + 31) < 3


def test_refusals_for_days_are_counted() -> None:
    """The pause has an upper end, however long it goes on."""
    schedule = Schedule(MOST)
    for number in range(5000):
        schedule.refused(schedule.sent(number * 100.0), number * 100.0 + 1, 0.0)
    assert schedule.delay(5000 * 100.0 - 99) <= 30
