"""The statements of a SQL cell, and the widgets in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.runtime.sql_statements import statements, with_widgets

CELLS = {
    "SELECT 1": ["SELECT 1"],
    "USE a;\nSELECT 1;": ["USE a", "SELECT 1"],
    "SELECT ';', \"a;b\", `c;d`; SELECT 2": ["SELECT ';', \"a;b\", `c;d`", "SELECT 2"],
    "SELECT 'it\\'s; so'; SELECT 2": ["SELECT 'it\\'s; so'", "SELECT 2"],
    "-- a; b\nSELECT 1 /* c; d */; -- e": ["-- a; b\nSELECT 1 /* c; d */"],
    "SELECT 4 / 2 - 1; SELECT 'open;": ["SELECT 4 / 2 - 1", "SELECT 'open"],
    " ; -- nothing\n": [],
}
WIDGETS = {"day": "2026-11-29", "table": "rides"}
FILLED = {
    "SELECT * FROM ${table}": ("SELECT * FROM rides", {}),
    "SELECT :day, :table": ("SELECT :day, :table", WIDGETS),
    "SELECT ':day', x::day, ${other} -- :day": ("SELECT ':day', x::day, ${other} -- :day", {}),
}


@pytest.mark.parametrize("cell", CELLS)
def test_statements(cell: str) -> None:
    """A semicolon ends a statement, but not in a text, a name or a comment."""
    assert statements(cell) == CELLS[cell]


@given(st.text(alphabet="a;'\"`-/*\\ \n"))
def test_any_text(text: str) -> None:
    """Nothing of a cell is lost but semicolons, blanks and what says nothing; and none is too odd to be told."""
    found = statements(text)
    assert all(part in text and part == part.strip() for part in found)


@pytest.mark.parametrize("statement", FILLED)
def test_widgets(statement: str) -> None:
    """`${name}` is filled in; `:name` is a parameter, with the value that the widget has."""
    assert with_widgets(statement, WIDGETS) == FILLED[statement]
