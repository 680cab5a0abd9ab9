"""R Markdown: text with fenced chunks <-> cells. The service's rendering is undocumented [INFERRED]. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from databricks_local.core.model import WorkspaceObject

from . import source
from .source import NotebookCell

FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
CHUNK = re.compile(r"^```\{r[^}]*\}\n(.*?)\n?^```[ \t]*$", re.DOTALL | re.MULTILINE)


def to_source(content: bytes) -> bytes:
    """R Markdown as source of an R notebook, without its front matter."""
    text = FRONT.sub("", content.decode("utf-8", "replace").replace("\r\n", "\n"))
    cells: list[NotebookCell] = []
    # Odd members of the split are what stood between the fences.
    for number, part in enumerate(CHUNK.split(text)):
        if number % 2:
            cells.append(NotebookCell("code", part))
        elif part.strip():
            cells.append(NotebookCell("markdown", part.strip("\n")))
    return source.render(cells, "R").encode()


def render(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> bytes:
    """The cells as R Markdown: code of whatever language in `{r}` chunks."""
    parts = [f"---\ntitle: {entry.name}\noutput: html_document\n---"]
    parts += [cell.text if cell.kind == "markdown" else f"```{{r}}\n{cell.text}\n```" for cell in cells]
    return source.encoded("\n\n".join(parts))
