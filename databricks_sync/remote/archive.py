"""Folders of the workspace as a whole: made of an archive of source notebooks, and read as one.

SERVER: a directory is imported as SOURCE without a language, and exported as SOURCE (API reference, GA, 2026; older
workspaces take DBC only, and answer 400). An existing path is refused, and `overwrite` is not supported for it. Content
in JSON may be 10 MB; "a posted file" may take its place, and how large that may be is not documented.
"""

from __future__ import annotations

import json
from base64 import b64encode

from databricks_sync.errors import Unreachable, printable
from databricks_sync.failpoints import reached
from databricks_sync.notebook.archive import BadArchive, unpacked

from .folder import API, Workspace, form_data


def make_folder(workspace: Workspace, folder: str, archive: bytes) -> None:
    """Makes the folder `folder` (a key) of source notebooks: a zip of them, by their names in it with an extension.

    Sent once, and replaces nothing: in JSON, or as a posted file where it is too large for that.

    Raises AlreadyExists when anything has the path, Unreachable when nobody knows whether it was made, another
    WorkspaceError, or LoginError.
    """
    fields = {"path": _path(workspace, folder), "format": "SOURCE"}
    if len(archive) <= workspace.http.limits.in_json:
        about, content_type = json.dumps(fields).encode(), "application/json"
        body = b'%b, "content": "%b"}' % (about[:-1], b64encode(archive))  # which json would copy four times
    else:
        body, content_type = form_data(fields, archive)
    reached("before import")
    workspace.http.write(f"{API}/import", body, content_type)
    reached("after import")


def notebooks(workspace: Workspace, folder: str) -> dict[str, bytes]:
    """The notebooks of a folder (a key) as source, by what the archive calls them: its word for it, and no path.

    Raises WorkspaceError.
    """
    query = {"path": _path(workspace, folder), "format": "SOURCE", "direct_download": "true"}
    limits = workspace.http.limits
    raw = workspace.http.read(f"{API}/export", query, limits.archive).data
    try:
        return unpacked(raw, limits.unpacked)
    except BadArchive as error:
        raise Unreachable(
            f"The workspace sent an archive of {printable(folder or workspace.root)} that cannot be read ({error})."
        ) from None


def _path(workspace: Workspace, folder: str) -> str:
    return f"{workspace.root}/{folder}".rstrip("/")
