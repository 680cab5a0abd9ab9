"""R Markdown: text with fenced chunks <-> cells. The service's rendering is undocumented [INFERRED]. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from databricks_local.core.model import WorkspaceObject

from . import source
from .source import NotebookCell

_FRONT = "---"
_OPENING = re.compile(r"```\{r[^}]*\}")
_CLOSING = re.compile(r"```[ \t]*")


def to_source(content: bytes) -> bytes:
    """R Markdown as source of an R notebook, without its front matter."""
    lines = _without_front(content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"))
    cells: list[NotebookCell] = []
    first = 0
    while first < len(lines):
        opening = next((at for at in range(first, len(lines)) if _OPENING.fullmatch(lines[at])), len(lines))
        closing = next((at for at in range(opening, len(lines)) if _CLOSING.fullmatch(lines[at])), None)
        if closing is None:  # no fence that ends: text to the end
            opening = closing = len(lines)
        text = "\n".join(lines[first:opening])
        if text.strip():
            cells.append(NotebookCell("markdown", text.strip("\n")))
        if opening < len(lines):
            cells.append(NotebookCell("code", "\n".join(lines[opening + 1 : closing])))
        first = closing + 1
    return source.render(cells, "R").encode()


def _without_front(lines: list[str]) -> list[str]:
    end = lines.index(_FRONT, 1) if lines[0] == _FRONT and _FRONT in lines[1:] else None
    return lines if end is None or end == len(lines) - 1 else lines[end + 1 :]


def render(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> bytes:
    """The cells as R Markdown: code of whatever language in `{r}` chunks."""
    parts = [f"---\ntitle: {entry.name}\noutput: html_document\n---"]
    parts += [cell.text if cell.kind == "markdown" else f"```{{r}}\n{cell.text}\n```" for cell in cells]
    return source.encoded("\n\n".join(parts))
