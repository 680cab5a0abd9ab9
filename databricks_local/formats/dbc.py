"""One notebook as DBC archives and HTML pages carry it: a JSON document of commands. Pure.

The layout is nowhere documented: this is what public archives look like [INFERRED], enough for a round trip
through this workspace.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from databricks_local.core.documents import written
from databricks_local.core.errors import invalid
from databricks_local.core.model import WorkspaceObject

from .source import NotebookCell


def archive(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> bytes:
    """One notebook as a DBC of its own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{entry.name}.{(entry.language or '').lower()}", document(entry, cells))
    return packed.getvalue()


def document(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> bytes:
    """The JSON document of one notebook, as a member of an archive."""
    return written(model(entry, cells)).encode()


def model(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> dict[str, Any]:
    """The notebook as DBC and HTML exports carry it."""
    commands = [
        {
            "version": "CommandV1",
            "subtype": "command",
            "commandType": "auto",
            "position": float(number),
            "command": f"%md\n{cell.text}" if cell.kind == "markdown" else cell.text,
            "commandTitle": cell.title or "",
            "showCommandTitle": cell.title is not None and cell.title_shown,
        }
        for number, cell in enumerate(cells, 1)
    ]
    language = (entry.language or "PYTHON").lower()
    return {
        "version": "NotebookV1",
        "origId": entry.object_id,
        "name": entry.name,
        "language": language,
        "commands": commands,
    }


def parse(body: bytes) -> list[NotebookCell]:
    """The cells of such a document, by position. Raises ApiError (400) for what is none."""
    try:
        commands = json.loads(body)["commands"]
        ordered = sorted(commands, key=lambda command: float(command["position"]))
        return [_from_command(command) for command in ordered]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise invalid("The archive holds a notebook that cannot be read.") from None


def _from_command(command: dict[str, Any]) -> NotebookCell:
    text, title = str(command["command"]), command.get("commandTitle") or None
    return NotebookCell(
        kind="markdown" if text.startswith("%md\n") else "code",
        text=text.removeprefix("%md\n"),
        title=title and str(title),
        title_shown=title is None or bool(command.get("showCommandTitle", True)),
    )
