"""HTML exports: a page for people that carries the notebook in it, so that it can be imported again.

How the real page is built is undocumented; public exports embed the notebook in one script variable,
percent-encoded JSON in base64 [INFERRED]. The page here shows the cells as plain text and embeds the same.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, unquote

from databricks_local.core.errors import invalid
from databricks_local.core.model import LANGUAGES, WorkspaceObject

from . import dbc, source
from .source import NotebookCell

MODEL = re.compile(rb"__DATABRICKS_NOTEBOOK_MODEL = '([A-Za-z0-9+/=]*)'")

PAGE = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>{title} - Databricks</title>
<script>var __DATABRICKS_NOTEBOOK_MODEL = '{embedded}';</script></head>
<body>
{shown}
</body>
</html>"""


def render(entry: WorkspaceObject, cells: Sequence[NotebookCell]) -> bytes:
    """The page, in UTF-8, with the notebook in it."""
    embedded = base64.b64encode(quote(json.dumps(dbc.model(entry, cells))).encode()).decode()
    shown = "\n".join(f"<pre>{escape(cell.text)}</pre>" for cell in cells)
    page = PAGE.format(title=escape(entry.name), embedded=embedded, shown=shown)
    return source.encoded(page)


def to_source(content: bytes) -> tuple[bytes, str]:
    """The source and the language of an exported page, or 400 (text unknown)."""
    match = MODEL.search(content)
    if match is None:
        raise invalid("The HTML file does not contain a Databricks notebook.")
    try:
        document = unquote(base64.b64decode(match[1]).decode()).encode()
        language = str(json.loads(document)["language"]).upper()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise invalid("The HTML file does not contain a Databricks notebook.") from None
    if language not in LANGUAGES:
        raise invalid(f"Unknown notebook language {language}.")
    return source.encoded(source.render(dbc.parse(document), language)), language
