"""A workspace file: shown, and edited as text where a form carries all of it.

Forms know one line end. A file whose lines all end with CR LF gets them back; one that mixes ends is only shown.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from databricks_local.core import errors
from databricks_local.core.errors import invalid
from databricks_local.core.model import FILE, WorkspaceObject
from databricks_local.core.paths import Spelling
from databricks_local.workspace import edits

from . import highlight
from .cells import fits_a_form
from .comparison import since_import, text_of
from .links import address, trail
from .objects import formats_of, is_changeable
from .page import SCRIPT, PageRequest, PageView, Redirect, link

DONE = {"saved": "Saved.", "same": "Nothing changed.", "moved": "Moved."}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file at this moment. `text` has LF only, None for what is no text; `why_not` says why it is only shown."""

    entry: WorkspaceObject
    content: bytes
    text: str | None
    newline: str
    why_not: str

    @property
    def seen(self) -> str:
        """What tells this file with this content from all others."""
        return hashlib.sha256(f"{self.entry.object_id}\n".encode() + self.content).hexdigest()


def view(request: PageRequest, entry: WorkspaceObject) -> PageView:
    """The file as text, or how large it is."""
    opened = _opened(request, entry)
    values = {
        **_heading(opened),
        "kind": "File" if entry.object_type == FILE else entry.object_type.replace("_", " ").capitalize(),
        "size": len(opened.content),
        "modified_at": None if request.workspace.clock.mode == "absent" else entry.modified_at,
        "content": opened.text,
        "lexer": highlight.lexer_of_file(entry.name),
        "why_not": opened.why_not if opened.text is not None else "",
        "can_edit": not opened.why_not,
        "can_move": is_changeable(request, entry),
        "formats": formats_of(entry),
        "since": since_import(request, entry),
        "done": DONE.get(request.query.get("done", "")),
    }
    return PageView("file.html", values)


def editor(request: PageRequest) -> PageView:
    """The form for the whole text. Raises ApiError (400) for what cannot be edited here."""
    opened = _editable(request)
    return PageView("edit_file.html", {**_heading(opened), "seen": opened.seen, "text": opened.text}, allows=SCRIPT)


def save(request: PageRequest) -> PageView | Redirect:
    """Another text for the file; a page that says so when it has changed since it was opened."""
    workspace, text = request.workspace, request.form.get("text", "")
    # INVARIANT: what was looked at is what is replaced: one transaction, and nothing is awaited in it.
    with workspace.store.changes():
        opened = _editable(request)
        path = opened.entry.path
        if request.form.get("seen") != opened.seen:
            return _conflict(request, path)
        content = text.replace("\n", opened.newline).encode()
        limit = workspace.settings.max_source_bytes
        if len(content) > limit:
            raise errors.too_large(len(content), limit)
        if content != opened.content:
            edits.edit(workspace, {"path": address(path), "content": base64.b64encode(content).decode()})
    done = "same" if content == opened.content else "saved"
    return Redirect(link("/workspace", path=address(path), done=done))


def _conflict(request: PageRequest, path: str) -> PageView:
    values = {
        "heading": "The file has changed",
        "text": "Somebody changed or replaced this file after you opened it, so nothing was saved.",
        "typed": request.form.get("text"),
        "back": link("/workspace", path=address(path)),
    }
    return PageView("problem.html", values, 409)


def _editable(request: PageRequest) -> OpenFile:
    entry = request.entry()
    if entry.object_type != FILE:
        raise invalid(f"{entry.path} is not a file.")
    request.workspace.check_writable(Spelling(entry.path))
    opened = _opened(request, entry)
    if opened.why_not:
        raise invalid(opened.why_not)
    return opened


def _opened(request: PageRequest, entry: WorkspaceObject) -> OpenFile:
    content = request.workspace.store.content(entry)
    text = text_of(content)
    newline = "\r\n" if text is not None and "\r\n" in text else "\n"
    plain = text and text.replace("\r\n", "\n")
    return OpenFile(entry, content, plain, newline, _why_not(request, entry, text, newline))


def _why_not(request: PageRequest, entry: WorkspaceObject, text: str | None, newline: str) -> str:
    if entry.object_type != FILE:
        return "Only files and notebooks are edited here."
    if text is None:
        return "This is not a text in UTF-8, so it cannot be edited here."
    if request.workspace.access(entry.path) is not None:
        return "You may look at this file, not change it."
    if (newline == "\r\n" and text.replace("\r\n", "").count("\n")) or not fits_a_form(text.replace("\r\n", "\n")):
        return "This file mixes line ends, or has characters that a browser's form cannot carry: it is only shown here."
    if len(text) > request.workspace.settings.max_source_bytes:
        return "This file is too large to be edited here."
    return ""


def _heading(opened: OpenFile) -> dict[str, object]:
    path = opened.entry.path
    return {"trail": trail(path), "name": opened.entry.name, "address": address(path)}
