"""Outputs and metadata in a merge of git: what one side alone changed is taken, and nothing of them can clash."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from databricks_sync.notebook.extras import merged_extras

OLD, MINE, THEIRS = ([{"name": "stdout", "output_type": "stream", "text": text}] for text in "abc")


def jupyter(first: dict[str, Any], *, minor: int = 4, indent: int | None = 1, **metadata: Any) -> bytes:
    cells = [
        {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": OLD, "source": ["x"], **first},
        {"cell_type": "markdown", "metadata": {}, "source": ["text"]},
    ]
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return json.dumps(document, indent=indent).encode()


BASE = jupyter({})


@pytest.mark.parametrize(
    ("here", "there", "merged"),
    [
        (jupyter({}), jupyter({"outputs": THEIRS}), jupyter({"outputs": THEIRS})),
        (jupyter({"source": ["y"]}), jupyter({"outputs": THEIRS}), jupyter({"source": ["y"]})),  # of the old text
        (jupyter({"outputs": MINE}), jupyter({"outputs": THEIRS}), jupyter({"outputs": MINE})),
        (jupyter({"outputs": MINE}), jupyter({}), jupyter({"outputs": MINE})),
        (jupyter({}), jupyter({"outputs": []}), jupyter({"outputs": []})),
        (
            jupyter({"metadata": {"a": 1}}, kernelspec={"name": "k"}),
            jupyter({"metadata": {"b": 2}}, widgets={}),
            jupyter({"metadata": {"a": 1, "b": 2}}, kernelspec={"name": "k"}, widgets={}),
        ),
        (jupyter({"metadata": {"a": 1}}), jupyter({"metadata": {"a": 2}}), jupyter({"metadata": {"a": 1}})),
        (jupyter({}), jupyter({"source": ["z"]}), jupyter({})),  # what the cells say is merged elsewhere
        (jupyter({}), jupyter({}, minor=5), jupyter({})),
        (jupyter({}, indent=None), jupyter({"outputs": THEIRS}), jupyter({"outputs": THEIRS}, indent=None)),
        (
            b"\xef\xbb\xbf" + jupyter({}).replace(b"\n", b"\r\n"),
            jupyter({"metadata": {"tags": []}}),
            b"\xef\xbb\xbf" + jupyter({"metadata": {"tags": []}}).replace(b"\n", b"\r\n"),
        ),
    ],
)
def test_what_is_taken(here: bytes, there: bytes, merged: bytes) -> None:
    """Values that only one side changed are there, those that both changed stay, and the layout is that of here."""
    assert json.loads(merged_extras(BASE, here, there).removeprefix(b"\xef\xbb\xbf")) == json.loads(
        merged.removeprefix(b"\xef\xbb\xbf")
    )
    assert merged_extras(BASE, here, there) == merged


def test_a_language_that_only_there_is_named() -> None:
    """The language stays with the cells that are in it."""
    there = jupyter({}, language_info={"name": "sql"})
    assert merged_extras(BASE, BASE, there) == BASE


def test_a_cell_of_another_type() -> None:
    """A cell that became a raw one on either side stays valid."""
    raw = json.loads(BASE)
    raw["cells"][0] = {"cell_type": "raw", "metadata": {}, "source": "x"}
    for here, there in ((BASE, json.dumps(raw).encode()), (json.dumps(raw).encode(), jupyter({"outputs": THEIRS}))):
        merged = merged_extras(BASE, here, there)
        nbformat.validate(json.loads(merged))
        assert merged == here
