"""Differences as a person reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.errors import printable
from databricks_sync.model import JUPYTER, SOURCES, Format, Language
from databricks_sync.notebook.diff import FileVersion, difference
from databricks_sync.notebook.equality import canonical
from databricks_sync.notebook.format import COMMENTS, HEADER

PYTHON = Language.PYTHON


def notebook(*cells: str, language: Language = PYTHON) -> FileVersion:
    mark = COMMENTS[language]
    text = f"\n\n{mark} COMMAND ----------\n\n".join(cells)
    return FileVersion(f"{mark} {HEADER}\n{text}\n".encode(), SOURCES[language])


def jupyter(*cells: str, **more: object) -> FileVersion:
    made = [{"cell_type": "code", "source": cell, **more} for cell in cells]
    return FileVersion(json.dumps({"cells": made, "metadata": {}}).encode(), JUPYTER)


def file(text: bytes | str | None) -> FileVersion:
    return FileVersion(text.encode() if isinstance(text, str) else text)


def shown(old: FileVersion, new: FileVersion) -> list[str]:
    return [f"{line.sign}{line.text}" for line in difference(old, new)]


SEVEN = [f"line {n}" for n in range(7)]
NOTEBOOKS = [
    ("an edit", notebook("a", "b"), notebook("a", "B"), ["@cell 2 (python) changed", "-b", "+B"]),
    ("a new cell", notebook("a"), notebook("a", "b"), ["@cell 2 (python) new", "+b"]),
    ("a removed cell", notebook("a", "b"), notebook("b"), ["@cell 1 (python) removed", "-a"]),
    ("a moved cell", notebook("a", "b", "c"), notebook("b", "c", "a"), ["@cell 3 (python) moved from cell 1"]),
    ("two of one text", notebook("a", "a", "b"), notebook("b", "a"),
     ["@cell 1 (python) moved from cell 3", "@cell 2 (python) removed", "-a"]),
    ("one that took the place of two", notebook("x = 1", "y = 2"), notebook("y = 2 + 1"),
     ["@cell 1 (python) removed", "-x = 1", "@cell 1 (python) changed", "-y = 2", "+y = 2 + 1"]),
    ("one rewritten beside a new one", notebook("print(1)"), notebook("# MAGIC %md\n# MAGIC x", "print(2)"),
     ["@cell 1 (markdown) new", "+x", "@cell 2 (python) changed", "-print(1)", "+print(2)"]),
    ("a new notebook", FileVersion(None, SOURCES[PYTHON]), notebook("a"), ["@cell 1 (python) new", "+a"]),
    ("a removed notebook", notebook("a"), FileVersion(None, SOURCES[PYTHON]), ["@cell 1 (python) removed", "-a"]),
    ("context", notebook("\n".join(SEVEN)), notebook("\n".join([*SEVEN[:-1], "x"])),
     ["@cell 1 (python) changed", " line 3", " line 4", " line 5", "-line 6", "+x"]),
    ("a title", notebook("# DBTITLE 1,T\na"), notebook("# DBTITLE 1,U\na"), ["@cell 1 (python “U”) changed"]),
    ("markdown", notebook("# MAGIC %md\n# MAGIC x"), notebook("# MAGIC %md\n# MAGIC y"),
     ["@cell 1 (markdown) changed", "-x", "+y"]),
    ("a magic", notebook("# MAGIC %sql\n# MAGIC x"), notebook("# MAGIC %md\n# MAGIC x"),
     ["@cell 1 (sql → markdown) changed"]),
    ("a language", notebook("x", language=Language.R), notebook("x"), ["@cell 1 (r → python) changed"]),
    ("a Jupyter edit", jupyter("a", "b"), jupyter("a", "B"), ["@cell 2 (python) changed", "-b", "+B"]),
    ("two forms", notebook("a", "b"), jupyter("a", "c"), ["@cell 2 (python) changed", "-b", "+c"]),
    ("two forms, equal", notebook("a", "b"), jupyter("a", "b"), []),
    ("outputs", jupyter("a", "b", outputs=[1]), jupyter("a", "b", outputs=[]), ["@outputs of cell 1, 2 changed"]),
    ("a raw cell", jupyter("a", outputs=[1]), jupyter("a", cell_type="raw"),
     ["@outputs of cell 1 changed", "@type of cell 1 changed"]),
    ("a tag", jupyter("a", metadata={}), jupyter("a", metadata={"tags": ["x"]}), ["@only metadata changed"]),
    ("counts", jupyter("a", execution_count=1), jupyter("a", execution_count=2), []),
    ("line ends", notebook("a\r\nb"), notebook("a\nb"), []),
    ("blank lines round a cell", notebook("a\n", "b"), notebook("a", "b"),
     ["@only the separators of the cells differ"]),
    ("an image", jupyter("a", attachments={"a": {"i": "A"}}), jupyter("a", attachments={"a": {"i": "B"}}),
     ["@attachments of cell 1 changed"]),
    ("a Jupyter title", jupyter("a"), jupyter("a", metadata={"application/vnd.databricks.v1+cell": {"title": "T"}}),
     ["@cell 1 (python “T”) changed"]),
    ("hostile text", notebook("a"), notebook("\x1b[2J\tx"), ["@cell 1 (python) changed", "-a", "+\\x1b[2J    x"]),
    ("at signs", notebook("@@ a"), notebook("@@ b"), ["@cell 1 (python) changed", "-@@ a", "+@@ b"]),
    ("dashes", notebook("-- a"), notebook("++ b"), ["@cell 1 (python) changed", "--- a", "+++ b"]),
]  # fmt: skip
FILES = [
    ("an edit", file("a\nb\n"), file("a\nc\n"), [" a", "-b", "+c"]),
    ("a new file", file(None), file("a\n"), ["+a"]),
    ("a removed file", file("a\n"), file(None), ["-a"]),
    ("equal", file("a"), file("a"), []),
    ("the end", file("a\n"), file("a"), ["@only the newlines at the end differ"]),
    ("line ends", file("a\r\nb"), file("a\nb"), ["-a\\r", "+a", " b"]),
    ("binary", file(b"\xff\0"), file(b"\xff\0\0"), ["@binary, 2 bytes → 3 bytes"]),
    ("binary to text", file(b"\0"), file("a"), ["@binary, 1 byte → 1 byte"]),
    ("a broken notebook", FileVersion(b"{", JUPYTER), FileVersion(b"{}\n", JUPYTER), ["-{", "+{}"]),
    ("a notebook that became a file", notebook("a"), file("a"), ["-# Databricks notebook source", " a"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "lines"), [row[1:] for row in NOTEBOOKS + FILES], ids=[row[0] for row in NOTEBOOKS + FILES]
)
def test_difference(old: FileVersion, new: FileVersion, lines: list[str]) -> None:
    """A difference names each cell that changed, and shows its lines without markup."""
    assert shown(old, new) == lines


TEXTS = st.lists(st.sampled_from(["a", "b", "a\nb", "", "\na", "# MAGIC %md\n# MAGIC a", "# MAGIC"]), max_size=4)


@given(TEXTS, TEXTS)
def test_a_difference_is_shown_when_there_is_one(one: list[str], other: list[str]) -> None:
    """Where the digests differ there is something to see, and where they do not, nothing."""
    old, new = notebook(*one), notebook(*other)
    assert old.raw and new.raw
    equal = canonical(old.raw, SOURCES[PYTHON]) == canonical(new.raw, SOURCES[PYTHON])
    assert (difference(old, new) == []) is equal


@given(st.binary(max_size=20), st.binary(max_size=20), st.sampled_from([None, JUPYTER, SOURCES[None]]))
def test_a_difference_never_fails(one: bytes, other: bytes, format: Format | None) -> None:
    """Any two contents can be compared, broken or not."""
    lines = difference(FileVersion(one, format), FileVersion(other, format))
    assert all(len(line.sign) == 1 and printable(line.text) == line.text for line in lines)
