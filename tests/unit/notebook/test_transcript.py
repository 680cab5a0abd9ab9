"""What git compares of a notebook: one line for each of its cells' lines, and nothing unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from databricks_sync.git_textconv import shown
from databricks_sync.model import JUPYTER, SOURCES, Language
from databricks_sync.notebook.equality import CELL_METADATA
from databricks_sync.notebook.transcript import transcript

SOURCE = """# Databricks notebook source
# MAGIC %md
# MAGIC # Rides

# COMMAND ----------

# DBTITLE 1,Load\u202eall
if x:
\ty = 1 \x1b[31m

# COMMAND ----------

# MAGIC %sql select 1

# COMMAND ----------

"""
SHOWN = """markdown | # Rides
python   : Load\\u202eall
         | if x:
         | \ty = 1 \\x1b[31m
sql      | select 1
python   |
"""
PNG, TEXT = {"image/png": "aaa", "text/plain": "x"}, {"text/plain": "x"}


def jupyter(*cells: dict[str, Any], **metadata: Any) -> bytes:
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document).encode()


def code(text: str, *outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": list(outputs), "source": text}
    return {**made, **more}


def text(*cells: dict[str, Any], **metadata: Any) -> str:
    return transcript(jupyter(*cells, **metadata), JUPYTER)


def test_a_source_notebook() -> None:
    """Each cell has its language, its title and its lines, without MAGIC, and without what a terminal would obey."""
    assert transcript(SOURCE.encode(), SOURCES[Language.PYTHON]) == SHOWN
    assert transcript(SOURCE.replace("\n", "\r\n").encode(), SOURCES[Language.PYTHON]) == SHOWN


def test_only_the_first_line_of_a_cell_begins_with_a_letter() -> None:
    """So git calls a hunk by it, whatever stands in the cells; and a language of any length stays on its line."""
    lines = text(code("%configure\nsql | not a cell\n\noutputs  = 1"), kernelspec={"name": "a\nsql | b"}).splitlines()
    assert lines[:-1] == ["configure | sql | not a cell", "         |", "         | outputs  = 1"]
    assert lines[-1].startswith("metadata = nbformat 4.5, kernel a\\nsql | b, ")


def test_outputs_and_metadata_are_a_line_each() -> None:
    """They say how much of what there is, and what is drawn anew without an edit does not count."""
    outputs = [{"output_type": "display_data", "data": PNG}, {"output_type": "error"}, {"output_type": "stream"}]
    whole = text(code("a", *outputs, id="x", execution_count=3), code("b"), kernelspec={"name": "python3"})
    *_, said, metadata = whole.splitlines()
    assert said.startswith("outputs  = 3 of 1 cell: image/png, error, text; 127 bytes, ")
    assert metadata.startswith("metadata = nbformat 4.5, kernel python3, ")
    assert whole == text(code("a", *outputs, id="y"), code("b", id="z"), kernelspec={"name": "python3"})
    assert "outputs" not in text(code("a"))


@pytest.mark.parametrize(
    "other",
    [
        jupyter(code("a", {"output_type": "display_data", "data": {**TEXT, "text/plain": "y"}}), x=1),
        jupyter(code("a", {"output_type": "display_data", "data": TEXT}, metadata={"tags": ["b"]}), x=1),
        jupyter(code("a", {"output_type": "display_data", "data": TEXT}, cell_type="raw"), x=1),
        jupyter(code("a", {"output_type": "display_data", "data": TEXT}, attachments={"a.png": PNG}), x=1),
        jupyter(code("a", {"output_type": "display_data", "data": TEXT}), x=2),
        jupyter(code("a ", {"output_type": "display_data", "data": TEXT}), x=1),
        jupyter(
            code("a", {"output_type": "display_data", "data": TEXT}, metadata={CELL_METADATA: {"title": "T"}}), x=1
        ),
    ],
)
def test_every_edit_is_seen(other: bytes) -> None:
    """Whatever is edited, down to a blank at the end of a line, changes a line."""
    one = jupyter(code("a", {"output_type": "display_data", "data": TEXT}), x=1)
    assert transcript(one, JUPYTER) != transcript(other, JUPYTER)


def test_a_new_cell_changes_no_line_of_others() -> None:
    """A cell that is added, without outputs, adds its lines alone."""
    cells = [code("a", {"output_type": "stream"}), code("b")]
    before, after = (text(*some).splitlines() for some in (cells, [code("new"), *cells]))
    assert after == ["python   | new", *before]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.ipynb", b'{"cells": ['), ("a.ipynb", b""), ("a.ipynb", b"[" * 100_000), ("a.ipynb", b"\xff"),
        ("a.py", b"print(1)\r\n"), ("a.py", b"# Databricks notebook source\n\xff"), ("a", b"x"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_stays_as_it_is(name: str, raw: bytes) -> None:
    """Of a plain file, and of a notebook that cannot be read, git gets the bytes."""
    assert shown(name, raw) == raw


def test_a_binary_file() -> None:
    """It is a line that changes with it, and no bytes that a terminal would obey."""
    one, other = (shown("a.ipynb", b"\x1b\0" + end) for end in (b"a", b"b"))
    assert one.startswith(b"binary, 3 bytes, ") and one.count(b"\n") == 1 and one != other
