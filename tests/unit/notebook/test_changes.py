"""What has changed between two versions of a notebook, as values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.model import SOURCES, Language
from databricks_sync.notebook.cells import Piece, jupyter_pieces, pieces
from databricks_sync.notebook.changes import changes
from databricks_sync.notebook.equality import CELL_METADATA
from databricks_sync.notebook.merge import Did

CELLS = st.lists(st.sampled_from(["a", "b", "b c d", "b c e", "", "# MAGIC %md\n# MAGIC a"]), max_size=7)


def taken_apart(*cells: str) -> tuple[Piece, ...]:
    text = "\n\n# COMMAND ----------\n\n".join(cells)
    return pieces(f"# Databricks notebook source\n{text}\n".encode(), SOURCES[Language.PYTHON])


@given(CELLS, CELLS)
def test_every_cell_is_told_of_once(one: list[str], other: list[str]) -> None:
    """Each cell of both versions is in one change, those of the new one in order; what is the same says so."""
    old, new = taken_apart(*one), taken_apart(*other)
    made = changes(old, new)
    assert sorted(change.number_before for change in made if change.number_before) == [*range(1, len(old) + 1)]
    assert [change.number_after for change in made if change.number_after] == [*range(1, len(new) + 1)]
    for change in made:
        same = change.before is not None and change.after is not None and change.before == change.after
        assert same is (change.did in (Did.KEPT, Did.MOVED))


def test_what_is_beside_the_text() -> None:
    """Outputs and metadata of a Jupyter cell are told of by name; a title is part of the cell."""

    def cell(**more: object) -> tuple[Piece, ...]:
        return jupyter_pieces({"cells": [{"cell_type": "code", "source": "a", "metadata": {}, **more}]})

    def titled(title: str, width: int) -> dict[str, object]:
        return {CELL_METADATA: {"title": title, "width": width}}

    def beside(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> tuple[Did, tuple[str, ...]]:
        [change] = changes(old, new)
        return change.did, change.beside

    assert beside(cell(), cell(outputs=[1], metadata={"tags": ["x"]})) == (Did.KEPT, ("outputs", "metadata"))
    assert beside(cell(), cell(cell_type="raw", attachments={"a": {}})) == (Did.KEPT, ("attachments", "cell_type"))
    assert beside(cell(metadata=titled("x", 1)), cell(metadata=titled("y", 1))) == (Did.CHANGED, ())
    assert beside(cell(metadata=titled("x", 1)), cell(metadata=titled("x", 2))) == (Did.KEPT, ("metadata",))
    assert beside(cell(execution_count=1), cell(execution_count=2, id="a")) == (Did.KEPT, ())
