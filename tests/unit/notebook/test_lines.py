"""Two texts side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.notebook import lines

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "x = 1", "x = 2", ""]), max_size=12).map("\n".join)


@given(TEXTS, TEXTS)
def test_no_line_is_missing(old: str, new: str) -> None:
    """Side by side stand all lines of both texts, and what changed is in a group with what is around it."""
    rows = lines.rows(old, new)
    assert "\n".join(row.before for row in rows if row.number_before) == old
    assert "\n".join(row.after for row in rows if row.number_after) == new
    changed = [row for row in rows if not row.is_equal]
    assert [row for group in lines.hunks(rows) for row in group if not row.is_equal] == changed


def test_long_texts() -> None:
    """Of texts that are very long, equal ends are found, and the rest is old and new."""
    old, new = (["start", *(f"{side} {n}" for n in range(4_000)), "end"] for side in ("old", "new"))
    rows = lines.rows("\n".join(old), "\n".join(new))
    assert rows[0].is_equal and rows[-1].is_equal and len(rows) == 8_002
    assert [row.before for row in rows if row.number_before] == old


@pytest.mark.parametrize(
    ("old", "new", "gone", "come"),
    [
        ("x = 1", "x = 2", ["1"], ["2"]),
        ("f(a, b)", "f(a, b, c)", [], [", c"]),
        ("alpha", "omega", [], []),
        ("x" * 600, "x" * 600 + " y", [], []),
    ],
)
def test_edited_words(old: str, new: str, gone: list[str], come: list[str]) -> None:
    """Of a line that was edited, the words are told that are not the same; of another line, none."""
    before, after = lines.edited(lines.Row(1, 1, old, new))
    assert [old[a:b] for a, b in before] == gone and [new[a:b] for a, b in after] == come
