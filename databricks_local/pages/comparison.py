"""What was changed here since it was imported last, by a push, which is an import, or by another client.

The workspace knows of imports, not of branches: it keeps what an import brought as soon as somebody edits that here.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from databricks_local.core.model import NOTEBOOK, WorkspaceObject
from databricks_local.formats import notebook

from .links import address, trail
from .page import PageRequest, PageView

# Of texts that are compared; more takes too long.
MAX_LINES = 3_000


def since_import(request: PageRequest, entry: WorkspaceObject) -> dict[str, Any] | None:
    """Whether an object that differs from what was imported last was made here, and when that was; None for others."""
    kept = request.workspace.store.imported(entry)
    if kept is None or kept[0].sha256 == entry.sha256:
        return None
    imported_ms = None if request.workspace.clock.mode == "absent" else kept[0].modified_at
    return {"made_here": kept[1] is None, "imported_ms": imported_ms}


def show(request: PageRequest) -> PageView:
    """The difference, line by line. Raises ApiError (404)."""
    entry = request.entry()
    since, kept = since_import(request, entry), request.workspace.store.imported(entry)
    note, lines = "Nothing was changed here since it was imported.", list[tuple[str, str]]()
    if since and since["made_here"]:
        note = "It was made here, and never imported."
    elif since and kept and kept[1] is not None:
        old, new = _text(kept[0], kept[1]), _text(entry, request.workspace.store.content(entry))
        note, lines = _compared(old, new)
    values = {
        "trail": trail(entry.path),
        "name": entry.name,
        "address": address(entry.path),
        "imported_ms": since and since["imported_ms"],
        "note": note,
        "lines": lines,
    }
    return PageView("changes.html", values)


def _text(entry: WorkspaceObject, content: bytes) -> str | None:
    if entry.object_type == NOTEBOOK:
        # How a notebook ends says nothing: the editor leaves its last newline out.
        return notebook.as_source(entry, content, "preserve").decode("utf-8", "replace").rstrip("\n")
    return text_of(content)


def text_of(content: bytes) -> str | None:
    """What a file says; None for what is no text in UTF-8."""
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _compared(old: str | None, new: str | None) -> tuple[str, list[tuple[str, str]]]:
    """A sentence instead of a difference, or the lines of one with their signs."""
    if old is None or new is None:
        return "It is no text, and was changed.", []
    if max(text.count("\n") for text in (old, new)) >= MAX_LINES:
        return f"It was changed, and has more than {MAX_LINES:,} lines: too many to be compared here.", []
    lines = list(_signed(old.split("\n"), new.split("\n")))
    return ("" if lines else "Its text is as it was imported."), lines


def _signed(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    for line in [*unified_diff(before, after, lineterm="")][2:]:
        yield line[:1], line[1:].replace("\r", "␍")
