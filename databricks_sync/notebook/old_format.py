"""Jupyter notebooks of formats 1 to 3, which the workspace does not know, as notebooks of format 4. Pure.

nbformat converts them and judges the result. It is imported only when such a notebook is met: that takes a tenth of a
second. Equal notebooks give equal bytes: the ids that it draws for cells are left out, and so is what asks for them.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from databricks_sync.errors import BrokenNotebook, ConverterMissing

_TEXTS = ("input", "source", "code", "text")  # where formats 1 to 3 keep what is written in a cell


def may_be_old(raw: bytes) -> bool:
    """Whether it is worth the time to parse these bytes; `is_old` then decides."""
    return b'"worksheets"' in raw or b'"source"' not in raw


def is_old(document: object) -> bool:
    """Whether a JSON document is a notebook of format 1, 2 or 3, as far as its outline tells."""
    if not isinstance(document, dict):
        return False
    number = document.get("nbformat", 1)
    if type(number) is not int or number > 3:
        return False
    if number > 1:
        return isinstance(document.get("worksheets"), list) and "cells" not in document
    cells = document.get("cells")
    # What has the number 1, or none, and the text of its cells where format 4 has it, was always read as format 4.
    return isinstance(cells, list) and any(
        isinstance(cell, dict) and "source" not in cell and ("code" in cell or "text" in cell) for cell in cells
    )


def converted(document: Mapping[str, Any]) -> bytes:
    """The notebook in format 4, as nbformat writes it.

    Raises BrokenNotebook where it cannot be converted, or not without losing text; ConverterMissing without nbformat.
    """
    try:
        nbformat: Any = import_module("nbformat")
    except ImportError:
        raise ConverterMissing("it has an old notebook format, and nbformat, which converts it, is missing") from None
    try:
        with warnings.catch_warnings():  # they are about the ids of cells, which are not kept
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(json.dumps(document), as_version=4)
        for cell in notebook.cells:
            cell.pop("id", None)
            if cell.get("execution_count") == "*":  # it was saved while it ran
                cell.execution_count = None
        notebook.nbformat_minor = 4
        nbformat.validate(notebook)
        raw = f"{nbformat.writes(notebook)}\n".encode()
        kept = [_letters(text) for text in _old_texts(document)] == [_letters(cell.source) for cell in notebook.cells]
    except Exception as error:  # nbformat trusts its input: a missing key is KeyError, AttributeError, TypeError
        reason = " ".join((str(error).splitlines() or [""])[0].split())[:120] or type(error).__name__
        raise BrokenNotebook(f"it has an old notebook format that nbformat cannot convert ({reason})") from None
    if not kept:
        raise BrokenNotebook("it has an old notebook format, and converted it would lose text")
    return raw


def _old_texts(document: Mapping[str, Any]) -> Iterator[str]:
    """What is written in each cell; of a heading with the marks that Markdown has for it."""
    for sheet in document.get("worksheets", [document]):
        for cell in sheet["cells"]:
            text = "".join("".join(cell.get(key) or "") for key in _TEXTS)
            yield "#" * cell.get("level", 1) + text if cell["cell_type"] == "heading" else text


def _letters(text: str) -> str:
    return "".join(text.split())
