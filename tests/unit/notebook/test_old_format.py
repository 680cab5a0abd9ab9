"""Jupyter notebooks of formats 1 to 3: what is sent for them, and what a pull makes of them."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from databricks_sync.errors import BrokenNotebook
from databricks_sync.model import JUPYTER
from databricks_sync.notebook.equality import canonical, digest
from databricks_sync.notebook.format import BOM, wire
from databricks_sync.notebook.merge import NotebookVersion, merge
from databricks_sync.notebook.rewrite import materialise

Document = dict[str, Any]


def third(*cells: Document, **more: Any) -> Document:
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [*cells]}], **more}


def code(*lines: str, **more: Any) -> Document:
    return {"cell_type": "code", "input": [*lines], "language": "python", "metadata": {}, "outputs": [], **more}


def text(kind: str, *lines: str, **more: Any) -> Document:
    return {"cell_type": kind, "metadata": {}, "source": [*lines], **more}


RESULT = {"output_type": "pyout", "prompt_number": 2, "text": ["1"], "html": ["<b>"], "metadata": {}}
STREAM = {"output_type": "stream", "stream": "stderr", "text": ["x"]}
PICTURE = {"output_type": "display_data", "png": "aGk=\n"}
ERROR = {"output_type": "pyerr", "ename": "E", "evalue": "e", "traceback": ["x"]}
SECOND = {
    "nbformat": 2,
    "metadata": {"name": "x"},
    "worksheets": [
        {
            "cells": [
                {"cell_type": "markdown", "source": "# T"},
                {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": [PICTURE], "prompt_number": 1},
            ]
        }
    ],
}
FIRST = {"cells": [{"cell_type": "code", "code": "a = 1", "prompt_number": 1}, {"cell_type": "text", "text": "hello"}]}
OLD: dict[str, tuple[Document, list[tuple[str, str]]]] = {
    "none": (third(), []),
    "no sheet": (third(worksheets=[]), []),
    "code": (third(code("a = 1\n", "a", prompt_number=2, collapsed=True)), [("code", "a = 1\na")]),
    "heading": (third(text("heading", "T\n", "u", level=2)), [("markdown", "## T u")]),
    "texts": (third(text("markdown", "é\n", "日"), text("raw", "r")), [("markdown", "é\n日"), ("raw", "r")]),
    "html": (third(text("html", "<b>")), [("markdown", "<b>")]),
    "outputs": (third(code("a", outputs=[RESULT, STREAM, PICTURE, ERROR])), [("code", "a")]),
    "running": (third(code("a", prompt_number="*")), [("code", "a")]),
    "sheets": (third(worksheets=[{"cells": [code("a")]}, {"cells": [code("b")]}]), [("code", "a"), ("code", "b")]),
    "format 2": (SECOND, [("markdown", "# T"), ("code", "x = 1")]),
    "format 1": (FIRST, [("code", "a = 1"), ("markdown", "hello")]),
    "format 1 with its number": ({**FIRST, "nbformat": 1}, [("code", "a = 1"), ("markdown", "hello")]),
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_notebook_is_sent_in_format_4(name: str) -> None:
    """What is sent is valid, of format 4, the same each time, and has every cell; the file is equal to it."""
    document, expected = OLD[name]
    raw = json.dumps(document).encode()
    sent = wire(BOM + raw, JUPYTER)
    made = json.loads(sent)
    nbformat.validate(made)
    assert made["nbformat"] == 4 and sent == wire(raw, JUPYTER) == wire(sent, JUPYTER)
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]] == expected
    assert digest(raw, JUPYTER) == digest(sent, JUPYTER)


def export(raw: bytes, *sources: str) -> bytes:
    """What the workspace has of a notebook, with other cells added."""
    document = json.loads(wire(raw, JUPYTER))
    document["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": source} for source in sources]
    return json.dumps(document | {"nbformat_minor": 0}).encode()


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "byte order mark"])
def test_only_an_edit_converts_the_file(name: str, mark: bytes) -> None:
    """An export without an edit leaves every byte; one with an edit makes a valid notebook of format 4."""
    raw = mark + json.dumps(OLD[name][0]).encode()
    assert materialise(export(raw), JUPYTER, raw) == raw
    edited = materialise(export(raw, "new"), JUPYTER, raw)
    assert edited.startswith(mark)
    nbformat.validate(json.loads(edited.removeprefix(BOM)))
    assert canonical(edited, JUPYTER) == canonical(export(raw, "new"), JUPYTER)


def test_a_merge_converts_only_what_it_writes_into() -> None:
    """Edits of the workspace that are in the old file already leave its bytes; others are merged into format 4."""
    base = json.dumps(third(code("a"))).encode()
    ours = json.dumps(third(code("a"), text("markdown", "b"), code("c"))).encode()
    here = NotebookVersion(ours, JUPYTER)
    agreed = NotebookVersion(wire(base, JUPYTER), JUPYTER)
    same = merge(agreed, here, NotebookVersion(export(base), JUPYTER))
    assert same.raw == ours and not same.taken
    there = export(base).replace(b'"a"', b'"z"')
    merged = merge(agreed, here, NotebookVersion(there, JUPYTER))
    assert merged.raw is not None and merged.taken == 1 and not merged.clashes
    made = json.loads(merged.raw)
    nbformat.validate(made)
    assert [cell["source"] for cell in made["cells"]] == [["z"], ["b"], ["c"]]


BROKEN = {
    "no cells": third(worksheets=[{}]),
    "no list": third(worksheets=7),
    "a cell without a type": third({"input": "a"}),
    "an output of no kind": third(code("a", outputs=[{"output_type": 1}])),
    "an output that is none": third(code("a", outputs=[7])),
    "a source of numbers": third(text("markdown", source=[1])),
    "what format 4 does not allow": third(text("markdown", "a", rendered=True)),
    "a number of cells in place of format 4's": {**third(), "worksheets": None, "cells": 3},
    "a number without a format": third(code("a"), nbformat=7),
    "the cells of format 4 beside those of format 3": third(code("a"), cells=[text("markdown", "b")]),
    "text in two places": third(code("a", source="b")),
    "a cell that format 1 does not have": {"cells": [*FIRST["cells"], {"cell_type": "x", "text": "lost"}]},
    "a lone surrogate": third(code("\ud800")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_old_notebook_is_refused_in_a_sentence(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What cannot be converted, or not without losing text, is BrokenNotebook, and nbformat says nothing itself."""
    raw = json.dumps(BROKEN[name]).encode()
    with pytest.raises(BrokenNotebook, match=r"^it has .*(an old notebook format|no list of cells)") as caught:
        digest(raw, JUPYTER)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    assert wire(raw, JUPYTER) == raw and capfd.readouterr() == ("", "")
