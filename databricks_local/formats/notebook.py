"""A notebook in whichever form the workspace keeps it, as `.ipynb` or as source: its cells, and its source. Pure."""

from __future__ import annotations

from databricks_local.core.model import WorkspaceObject

from . import jupyter, source
from .source import NotebookCell


def cells(entry: WorkspaceObject, content: bytes) -> list[NotebookCell]:
    """The cells of a notebook whose stored content this is. Raises ApiError (400) for an `.ipynb` that is none."""
    if entry.export_format == "JUPYTER":
        return jupyter.parse(content)
    return source.parse(content.decode("utf-8", "replace"), entry.language or "PYTHON")


def as_source(entry: WorkspaceObject, content: bytes, newlines: str) -> bytes:
    """The notebook as source, with a header; `newlines` is the setting of that name.

    No newline at the end of what came as `.ipynb` [REAL]; a source notebook comes back as it was kept. A notebook of
    a header alone had one at its end in the legacy era [REAL, before the CLI's PR #4256].
    """
    language = entry.language or "PYTHON"
    if entry.export_format == "JUPYTER":
        return source.encoded(source.render(jupyter.parse(content), language))
    body = source.with_header(content, language)
    is_bare = body == source.header(language).encode()
    return body + b"\n" if is_bare and newlines == "legacy" else body
