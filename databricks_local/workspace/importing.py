"""import and the older import-file: content comes in.

Theory of operation. Content becomes an object in four steps:

1. The bytes: base64 in JSON, a part of a multipart body, or the whole body (import-file).
2. The format. DBC, or a zip as SOURCE without a language, is a folder: archive.py goes on with each of its members. R
   Markdown and HTML become source here.
3. classify.py says what is asked for, an ObjectSpec: path, type, language and format. AUTO and import-file go by the
   file's name and first line and may change the path (`/foo.py` becomes the notebook `/foo`); others go by format.
4. placing.py puts it into the tree, in one transaction, or raises why not.

The first three change nothing: they are done beside other requests where they take long.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import NamedTuple

from databricks_local.core import errors
from databricks_local.core.model import NOTEBOOK, ApiAnswer, Call, answer
from databricks_local.core.settings import ServerSettings
from databricks_local.core.threads import beside
from databricks_local.formats import html_page, rmarkdown

from . import archive
from .classify import ObjectSpec, by_format, by_name, format_of, language_of
from .placing import place
from .tree import LocalWorkspace


class _Import(NamedTuple):
    """What an import asks for; no `spec` where the content is a folder."""

    form: str
    content: bytes
    spec: ObjectSpec | None


async def import_object(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """JSON and multipart on one URL; the identifier of what was made comes back [REAL]."""
    form, content, spec = await beside(_size(call), partial(_read, workspace.settings, call))
    if spec is None:
        return await archive.import_folder(workspace, call, form, content)
    entry = await workspace.change(partial(place, workspace, call, spec, content, errors.exists))
    return answer({"object_id": entry.object_id})


async def import_file(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The older, deprecated call: the same rules as AUTO [REAL], its own errors and limit [PROBED]. Raises ApiError."""
    content = call.content or b""
    if len(content) > workspace.settings.max_import_file_bytes:
        raise errors.too_large(len(content), workspace.settings.max_import_file_bytes)
    spec = await beside(len(content), partial(by_name, call.target.path, content))
    conflict = errors.notebook_exists if spec.object_type == NOTEBOOK else errors.file_exists
    await workspace.change(partial(place, workspace, call, spec, content, conflict))
    return answer({})


def _size(call: Call) -> int:
    return len(str(call.parameters.get("content", "")) if call.json_body else call.content or b"")


def _read(settings: ServerSettings, call: Call) -> _Import:
    """Pure. Raises ApiError (400)."""
    form, language = format_of(call.text("format")), language_of(call.text("language"))
    content = _content(settings, call)
    if form == "DBC" or (form == "SOURCE" and language is None and archive.is_zip(content)):
        return _Import(form, content, None)
    if form in ("R_MARKDOWN", "HTML") and len(content) > settings.max_source_bytes:
        raise errors.too_large(len(content), settings.max_source_bytes)  # as they are sent [DOCS]
    if form == "R_MARKDOWN":
        content = rmarkdown.to_source(content)
    if form == "HTML":
        content, language = html_page.to_source(content)
    return _Import(form, content, by_format(call.target.path, form, language, content))


def _content(settings: ServerSettings, call: Call) -> bytes:
    """JSON carries base64 and may not be empty [PROBED]; a part carries bytes and may be empty [REAL]."""
    if not call.json_body:
        if call.content is None:
            raise errors.no_content()
        return call.content
    encoded = call.parameters.get("content")
    if not isinstance(encoded, str) or encoded == "":
        raise errors.no_content()
    try:
        content = base64.b64decode(encoded, validate=False)
    except (binascii.Error, ValueError):
        raise errors.invalid("The content is not valid base64.") from None
    limit = settings.max_json_bytes
    if len(content) > limit:
        raise errors.too_large(len(content), limit)
    return content
