"""When a watch acts: tables and laws, with no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.rules import debounce
from databricks_sync.rules.debounce import BULK_DEBOUNCE, BURST, DEBOUNCE, LONGEST_WAIT, MAX_DELAY, Budget

seconds = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("first", "last", "count", "expected"),
    [
        (10.0, 10.0, 1, 10.0 + DEBOUNCE),
        (10.0, 11.0, 3, 11.0 + DEBOUNCE),  # changes that came for a second
        (10.0, 11.0, 1000, 11.0 + BULK_DEBOUNCE),  # very many of them
        (10.0, 11.99, 1, 10.0 + MAX_DELAY),  # changes that do not end
        (10.0, 20.0, 1000, 10.0 + MAX_DELAY),
    ],
)
def test_due(first: float, last: float, count: int, expected: float) -> None:
    """Changes are acted on after a pause in them, a longer one after many, and after two seconds in any case."""
    assert debounce.due(first, last, count) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"), [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 16, 32), (7, 30, 60), (5000, 30, 60)]
)
def test_backoff(failures: int, shortest: float, longest: float) -> None:
    """Each failure doubles the wait, up to a minute; chance halves it at most, so that not all come back at once."""
    assert (debounce.backoff(failures, 0.0), debounce.backoff(failures, 1.0)) == (shortest, longest)


@pytest.mark.parametrize(("stumbles", "expected"), [(0, 600), (1, 1), (2, 2), (3, 4), (100, 60)])
def test_rescan(stumbles: int, expected: float) -> None:
    """Everything is looked at again after ten minutes, and soon where something failed, though nothing changed."""
    assert debounce.rescan(stumbles) == expected


@pytest.mark.parametrize(
    ("hashed", "took", "expected"),
    [(True, 0.05, 2.0), (True, 0.5, 5.0), (False, 0.05, 15.0), (False, 3.0, 30.0), (True, 500.0, 60.0)],
)
def test_interval(hashed: bool, took: float, expected: float) -> None:
    """The workspace is looked at every two seconds, or a tenth of the time, or once a minute."""
    assert debounce.interval(hashed, took) == expected


@pytest.mark.parametrize(("took", "expected"), [(0.001, 1.0), (0.02, 1.0), (1.0, 50.0)])
def test_polling(took: float, expected: float) -> None:
    """Files are polled every second, or less often where that would take more than a fiftieth of the time."""
    assert debounce.polling(took) == expected


def runs(gaps: list[float], took: float = 0.1) -> list[float]:
    """When the runs are that changes cause after such gaps, if each waits for its turn."""
    budget, now, began = Budget(), 0.0, []
    for gap in gaps:
        now += gap
        now += budget.delay(now)
        began.append(now)
        now += took
        budget = budget.after(now, took)
    return began


def test_a_burst_of_saves_is_never_slowed_down() -> None:
    """Twenty saves in a row are each carried at once, and so is a save every three seconds for ever."""
    assert runs([0.0] * BURST) == pytest.approx([0.1 * number for number in range(BURST)])
    assert runs([3.0] * 500)[-1] == pytest.approx(500 * 3.0 + 499 * 0.1)


@given(st.lists(st.floats(0, 5), min_size=60, max_size=200), st.floats(0, 2))
def test_a_stream_of_changes_is_slowed_down(gaps: list[float], took: float) -> None:
    """However changes come, no minute has more than the burst and a run every three seconds."""
    began = runs(gaps, took)
    for number, at in enumerate(began):
        assert sum(1 for other in began[number:] if other < at + 60) <= BURST + 60 / 3 + 1


@given(seconds, seconds, seconds, st.integers(0, 100))
def test_no_wait_is_longer_than_a_minute(at: float, later: float, took: float, count: int) -> None:
    """Whatever has happened, the next run may begin within a minute."""
    budget = Budget()
    for _ in range(count):
        budget = budget.after(at + budget.delay(at), took)
    assert 0 <= budget.delay(at + later) <= LONGEST_WAIT * max(count, 1)
