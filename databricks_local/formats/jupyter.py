"""Notebooks as `.ipynb`: read leniently, written the way the workspace writes them. Pure.

An export never equals what was imported: identifiers, metadata, counts and order are the workspace's own
[REAL: "a roundtrip to the workspace changes a Jupyter notebook's payload"; shape PROBED from a real export].
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import LANGUAGES

from .source import NotebookCell

# Objects and lists, each of which needs a hundred times the bytes that it is written with; and values of any kind.
MAX_PARTS = 3_000_000
MAX_VALUES = 10_000_000

NOTEBOOK_KEY = "application/vnd.databricks.v1+notebook"
CELL_KEY = "application/vnd.databricks.v1+cell"

# Pieces of text that are joined at once.
_AT_ONCE = 100_000

# An arbitrary constant, so that a cell's identifier stays the same from export to export.
NAMESPACE = uuid.UUID("6f1d9a52-7a0c-4d36-9a9e-0f6a5f3f2b11")


def load(content: bytes) -> dict[str, Any]:
    """The document, or 400: how the service words it is unknown."""
    if content.count(b"{") + content.count(b"[") > MAX_PARTS or content.count(b",") > MAX_VALUES:
        raise _broken()
    try:
        document = json.loads(content, object_hook=_same, parse_float=_float)
    except (ValueError, RecursionError):
        raise _broken() from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise _broken()
    if not all(isinstance(cell, dict) for cell in document["cells"]):
        raise _broken()
    return document


def _same(part: dict[str, Any]) -> dict[str, Any]:
    """Lets other threads go on: the parser, which is written in C, would keep them waiting to its end."""
    return part


def _float(text: str) -> float:
    """The same, in long lists of numbers."""
    return float(text)


def dumped(document: dict[str, Any]) -> bytes:
    """The document as text: indented by one blank, in UTF-8, with JSON's escape for half a surrogate pair."""
    pieces = json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(document)
    whole = bytearray()
    while part := "".join(islice(pieces, _AT_ONCE)):
        whole += part.encode("utf-8", "backslashreplace")
    return bytes(whole)


def language(document: dict[str, Any]) -> str | None:
    """From `language_info`, else the kernel [REAL: R, Scala and SQL come out in their language too]."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language"), (NOTEBOOK_KEY, "language")):
        part = metadata.get(key)
        value = str(part.get(name, "")).upper() if isinstance(part, dict) else ""
        if value in LANGUAGES:
            return value
    return None


def changed(content: bytes, change: Callable[[list[dict[str, Any]]], object]) -> bytes:
    """The document after `change` was made to its cells; the rest stays. Raises ApiError (400) for what is none."""
    document = load(content)
    change(document["cells"])
    text = dumped(document)
    _free(document)
    return text


def language_of(content: bytes) -> str | None:
    """The language of an `.ipynb`. Raises ApiError (400) for what is none."""
    document = load(content)
    name = language(document)
    _free(document)
    return name


def parse(content: bytes) -> list[NotebookCell]:
    """The cells of an `.ipynb`, with outputs. Raises ApiError (400) for what is none."""
    document = load(content)
    cells = [_cell(cell) for cell in document["cells"]]
    _free(document)
    return cells


def render(cells: Sequence[NotebookCell], language: str, name: str, object_id: int, outputs: bool = True) -> bytes:
    """The export: nbformat 4.0, sorted keys, one blank of indent, execution counts 0 [PROBED]."""
    document = {
        "cells": [_exported(cell, f"{object_id}/{number}", outputs) for number, cell in enumerate(cells)],
        "metadata": {
            NOTEBOOK_KEY: {
                "computePreferences": None,
                "dashboards": [],
                "environmentMetadata": {"base_environment": "", "environment_version": "2"},
                "inputWidgetPreferences": None,
                "language": language.lower(),
                "notebookMetadata": {"pythonIndentUnit": 4},
                "notebookName": name,
                "widgets": {},
            },
            "language_info": {"name": language.lower()},
        },
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    text = dumped(document)
    _free(document)
    return text


def _free(document: dict[str, Any]) -> None:
    """A cell at a time: to free a large notebook at once takes long, and no other thread runs meanwhile."""
    while document["cells"]:
        document["cells"].pop()


def _broken() -> ApiError:
    return invalid("The notebook could not be imported: it is not a valid Jupyter notebook.")


def _cell(cell: dict[str, Any]) -> NotebookCell:
    text = cell.get("source", "")
    text = "".join(str(line) for line in text) if isinstance(text, list) else str(text)
    metadata = cell.get("metadata")
    ours = metadata.get(CELL_KEY) if isinstance(metadata, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    title = ours.get("title") or None
    outputs = cell.get("outputs")
    # Raw cells: what the service makes of them is unknown; here they become code.
    kind = "markdown" if cell.get("cell_type") == "markdown" else "code"
    return NotebookCell(
        kind=kind,
        text=text,
        title=title and str(title),
        outputs=tuple(outputs) if isinstance(outputs, list) else (),
        title_shown=title is None or bool(ours.get("showTitle")),
    )


def _exported(cell: NotebookCell, seed: str, outputs: bool) -> dict[str, Any]:
    exported: dict[str, Any] = {
        "cell_type": cell.kind,
        "metadata": {
            CELL_KEY: {
                "cellMetadata": {},
                "inputWidgets": {},
                "nuid": str(uuid.uuid5(NAMESPACE, seed)),
                "showTitle": cell.title is not None and cell.title_shown,
                "tableResultSettingsMap": {},
                "title": cell.title or "",
            }
        },
        "source": cell.text.splitlines(keepends=True),
    }
    if cell.kind == "code":
        exported = {**exported, "execution_count": 0, "outputs": list(cell.outputs) if outputs else []}
    return dict(sorted(exported.items()))
