"""export and the older raw read: content goes out."""

from __future__ import annotations

import base64
import gzip

from databricks_local.core import errors
from databricks_local.core.errors import ApiError
from databricks_local.core.model import (
    DASHBOARD,
    DESIGNER_FILE,
    FILE,
    FOLDERS,
    NOTEBOOK,
    ApiAnswer,
    Call,
    WorkspaceObject,
    answer,
)
from databricks_local.core.settings import ServerSettings
from databricks_local.formats import dbc, html_page, jupyter, notebook, rmarkdown, source

from . import archive
from .classify import format_of
from .tree import LocalWorkspace

GZIP_FROM = 64 * 1024


def export(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """JSON with base64, or the bytes themselves with `direct_download=true` [DOCS, REAL]."""
    form = format_of(call.text("format"))
    entry = workspace.readable(call.target)
    below = _contents(workspace, entry)
    body, file_type = exported(workspace.settings, entry, below, form, call.text("outputs") != "NONE")
    direct = call.flag("direct_download")
    _check_size(workspace, entry, file_type, len(body), direct)
    if not direct:
        return answer({"content": base64.b64encode(body).decode(), "file_type": file_type})
    if call.gzip_accepted and len(body) >= GZIP_FROM:
        # Large exports may be compressed on the way [REAL]; from which size is unknown.
        headers = {"Content-Encoding": "gzip"}
        return ApiAnswer(200, gzip.compress(body, compresslevel=1), "application/octet-stream", headers)
    return ApiAnswer(200, body, "application/octet-stream")


def read_file(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The older, deprecated raw read: files only, a notebook is not found [REAL, PROBED]. Raises ApiError (404)."""
    entry = workspace.store.get(call.target.path)
    if entry is None or entry.object_type == NOTEBOOK or entry.object_type in FOLDERS:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", "File Not Found")
    return ApiAnswer(200, workspace.store.content(workspace.readable(call.target)), "application/octet-stream")


def _contents(workspace: LocalWorkspace, entry: WorkspaceObject) -> archive.Contents:
    """The object with its content; of a folder, all that lies in it. Raises ApiError (400) for more than may leave."""
    if entry.object_type not in FOLDERS:
        return [(entry, workspace.store.content(entry))]
    size = workspace.store.size_below(entry.path)
    if size > workspace.settings.max_file_bytes:
        raise errors.too_large(size, workspace.settings.max_file_bytes)
    return [(child, workspace.store.content(child)) for child in workspace.store.below(entry.path)]


def exported(
    settings: ServerSettings, entry: WorkspaceObject, contents: archive.Contents, form: str, outputs: bool = True
) -> tuple[bytes, str]:
    """The content in the format asked for, and the name of that format.

    Files come unchanged whatever was asked [REAL for default and AUTO]. A notebook comes as source by AUTO, which
    does not honour its own format [PROBED], and by RAW, of which nothing is known. Raises ApiError (400) for objects
    that have no such content.
    """
    if entry.object_type in FOLDERS:
        return archive.export_folder(settings, entry, contents, form)
    content = contents[0][1]
    if entry.object_type == FILE:
        return content, entry.name.rpartition(".")[2]
    if entry.object_type == DESIGNER_FILE:
        return content, "ipynb"
    if entry.object_type == DASHBOARD or entry.language is None:
        # Text of an experiment [PROBED]; its status is unknown.
        raise ApiError(400, "BAD_REQUEST", f"No access to read file at {entry.path}")
    if form == "JUPYTER":
        cells = notebook.cells(entry, content)
        return jupyter.render(cells, entry.language, entry.name, entry.object_id, outputs), "ipynb"
    if form == "DBC":
        return dbc.archive(entry, notebook.cells(entry, content)), "dbc"
    if form == "HTML":
        cells = notebook.cells(entry, content)
        # The page holds all of that, twice: what is refused anyway is not made.
        if (size := sum(len(cell.text) for cell in cells)) > settings.max_json_bytes:
            raise errors.too_large(size, settings.max_json_bytes)
        return html_page.render(entry, cells), "html"
    if form == "R_MARKDOWN":
        return rmarkdown.render(entry, notebook.cells(entry, content)), "Rmd"
    return notebook.as_source(entry, content, settings.newlines), source.EXTENSIONS[entry.language][1:]


def _check_size(workspace: LocalWorkspace, entry: WorkspaceObject, file_type: str, size: int, direct: bool) -> None:
    """10 MB in JSON, 500 MB as a stream; source notebooks 10 MB everywhere [DOCS, PROBED].

    Backends of autumn 2025 refused a 459 MB stream: conflicting by date, the newer one holds here.
    """
    limits, is_file = workspace.settings, entry.object_type == FILE
    limit = limits.max_json_bytes
    if direct and (is_file or entry.object_type in FOLDERS):
        limit = limits.max_file_bytes
    if direct and file_type == "ipynb":
        limit = limits.max_ipynb_bytes
    if size > limit:
        code = "MAX_READ_SIZE_EXCEEDED" if is_file else "MAX_NOTEBOOK_SIZE_EXCEEDED"
        raise errors.too_large(size, limit, code)
