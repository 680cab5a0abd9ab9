"""A notebook cell by cell, and a person's edits of it.

An edit goes the way of everybody else's who works in the browser (edits.py). It says which content it was made
on; when the notebook has changed since, nothing is saved and the typed text is shown again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from databricks_local.core import errors
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import NOTEBOOK, WorkspaceObject
from databricks_local.core.paths import Spelling, spelled
from databricks_local.formats.source import PREFIXES
from databricks_local.workspace import edits

from . import highlight, outputs, running, widgets
from .cells import MARKDOWN, WRITTEN, Jupyter, PageCell, Source
from .comparison import since_import
from .links import address, trail
from .objects import formats_of, is_changeable
from .outputs import Shown
from .page import OUTPUTS, SCRIPT, Frame, PageRequest, PageView, Redirect, Slice, link, sliced
from .running import NotebookRun

PER_PAGE = 100
# A run that goes on is looked at again after so many seconds.
FOLLOW_S = 1
# Characters of all cells of a page together: what comes after is shown as it was typed.
MAX_COLOURED = 200_000
# Characters of a Markdown cell: what is hard to take apart takes half a second with so many.
MAX_RENDERED = 20_000

LABELS = {
    "PYTHON": "Python",
    "SQL": "SQL",
    "SCALA": "Scala",
    "R": "R",
    "SHELL": "Shell",
    MARKDOWN: "Markdown",
    "TEXT": "Command",
}
DONE = {"saved": "Cell {} saved.", "added": "Cell {} added.", "deleted": "Cell {} deleted.", "same": "Nothing changed."}
DONE["moved"] = "Moved."

Change = Callable[["Source | Jupyter"], "str | bytes"]


@dataclass(frozen=True, slots=True)
class OpenNotebook:
    """A notebook at this moment. `why_not` says why it cannot be edited here."""

    entry: WorkspaceObject
    document: Source | Jupyter
    seen: str
    why_not: str | None

    @property
    def language(self) -> str:
        """The notebook's language, one of core.model.LANGUAGES."""
        return self.document.language

    def cell(self, number: int) -> PageCell:
        """The cell of a number from 1. Raises ApiError (404) for one that is not there."""
        cells = self.document.cells()
        if not 1 <= number <= len(cells):
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"The notebook has no cell {number}.")
        return cells[number - 1]


def is_readable(entry: WorkspaceObject) -> bool:
    """Whether it is a notebook whose cells can be shown."""
    return entry.object_type == NOTEBOOK and entry.language in PREFIXES


def view(request: PageRequest, entry: WorkspaceObject) -> PageView:
    """The notebook, a page of cells at a time."""
    opened = _opened(request, entry)
    cells = opened.document.cells()
    part = sliced(request.number("page", 1), PER_PAGE, len(cells))
    run = running.last(request, entry, cells)
    done = DONE.get(request.query.get("done", ""))
    values = {
        **_heading(opened),
        "part": part,
        "cells": cells[part.start : part.stop],
        "lexers": _lexers(cells[part.start : part.stop]),
        "labels": LABELS,
        "max_rendered": MAX_RENDERED,
        "modified_at": None if request.workspace.clock.mode == "absent" else entry.modified_at,
        "form": "Jupyter" if entry.export_format == "JUPYTER" else "Source",
        "why_not": opened.why_not,
        "done": done.format(request.number("cell", 0)) if done else None,
        "can_move": is_changeable(request, entry),
        "formats": formats_of(entry),
        "since": since_import(request, entry),
        "run": run,
        "follow": FOLLOW_S if run and run.row.label.is_open and "follow" in request.query else None,
        "outputs": _outputs(cells, run, part),
        "widgets": widgets.declared(cells),
        "prefix": running.PREFIX,
    }
    return PageView("notebook.html", values, allows=OUTPUTS)


def editor(request: PageRequest) -> PageView:
    """The form for one cell (`cell`). Raises ApiError for a notebook or cell that is not there."""
    opened = _requested(request)
    cell = opened.cell(request.number("cell", 0))
    why_not = opened.why_not
    if not cell.fits_a_form:
        why_not = "This cell holds characters that a browser's form cannot carry, so it is only shown here."
    values = {**_heading(opened), "cell": cell, "label": LABELS[cell.language], "why_not": why_not}
    return PageView("edit.html", values, allows=SCRIPT)


def blank(request: PageRequest) -> PageView:
    """The form for a new cell. It is about the notebook as the person saw it: the link says which."""
    opened = _requested(request)
    after = request.number("after", 0)
    if after:
        opened.cell(after)
    languages = {language: LABELS[language] for language in WRITTEN}
    seen = request.query.get("seen", opened.seen)
    values = {**_heading(opened), "after": after, "languages": languages, "why_not": opened.why_not, "seen": seen}
    return PageView("add.html", values, allows=SCRIPT)


async def run(request: PageRequest) -> Redirect:
    """Runs the notebook, and leads back to it."""
    opened, cells = await request.workspace.read(lambda seen: _with_cells(request.of(seen)))
    return await request.workspace.change(partial(_run, request, opened, cells))


def _run(request: PageRequest, opened: OpenNotebook, cells: Sequence[PageCell]) -> Redirect:
    if request.workspace.store.get(opened.entry.path) != opened.entry:
        opened, cells = _with_cells(request)
    return running.start(request, opened.entry, cells)


def _with_cells(request: PageRequest) -> tuple[OpenNotebook, Sequence[PageCell]]:
    opened = _requested(request)
    return opened, opened.document.cells()


def output(request: PageRequest) -> Frame:
    """HTML that a cell has left: in the notebook (`path`, `cell`, `n`), or in a run of it (`run`, `n`).

    Raises ApiError (404) where there is none.
    """
    number, html = request.number("n", 0), None
    if "run" in request.query:
        displays = request.services.store.output(request.number("run", 0)).displays
        html = str(displays[number].get("text", "")) if number < len(displays) else None
    else:
        left = _requested(request).cell(request.number("cell", 0)).outputs
        html = outputs.html_of(left[number]) if number < len(left) else None
    if html is None:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", "There is no such output.")
    return Frame(html)


async def save(request: PageRequest) -> PageView | Redirect:
    """Another text for one cell (`cell`); the notebook again when it has changed since it was opened."""
    number, text = request.number("cell", 0), request.form.get("text", "")
    return await _saved(request, number, "saved", lambda document: document.changed(number, text))


async def add(request: PageRequest) -> PageView | Redirect:
    """A new cell after another one (`after`). Raises ApiError (400) for a language that is none."""
    after, text = request.number("after", 0), request.form.get("text", "")
    language = request.form.get("language", "")
    if language not in WRITTEN:
        raise invalid(f"language is one of {', '.join(WRITTEN)}.")
    return await _saved(request, after + 1, "added", lambda document: document.added(after, language, text))


async def delete(request: PageRequest) -> PageView | Redirect:
    """The notebook without one cell (`cell`)."""
    number = request.number("cell", 0)
    return await _saved(request, number, "deleted", lambda document: document.deleted(number))


async def _saved(request: PageRequest, number: int, done: str, change: Change) -> PageView | Redirect:
    """What a change makes of the notebook is found out beside other requests; then it is put in its place."""
    made = await request.workspace.read(lambda seen: _changed(request.of(seen), number, done, change))
    if isinstance(made, PageView | Redirect):
        return made
    return await request.workspace.change(partial(_put, request, number, done, *made))


def _changed(
    request: PageRequest, number: int, done: str, change: Change
) -> PageView | Redirect | tuple[OpenNotebook, str | bytes]:
    """The notebook as it is and its new content; or a page, where there is nothing to be saved."""
    workspace, opened = request.workspace, _requested(request)
    if done == "saved" and _is_current(request, opened) and opened.cell(number).text == request.form.get("text", ""):
        return _redirect(opened, number, "same")
    workspace.check_writable(Spelling(opened.entry.path))
    if opened.why_not:
        raise invalid(opened.why_not)
    if not _is_current(request, opened):
        return _conflict(request, opened)
    _check_number(opened, number, done)
    new = change(opened.document)
    size = len(new if isinstance(new, bytes) else new.encode())
    limits = workspace.settings
    limit = limits.max_ipynb_bytes if isinstance(new, bytes) else limits.max_source_bytes
    if size > limit:
        raise errors.too_large(size, limit)
    return opened, new


def _put(request: PageRequest, number: int, done: str, opened: OpenNotebook, new: str | bytes) -> PageView | Redirect:
    workspace, entry = request.workspace, opened.entry
    # INVARIANT: what was looked at is what is replaced: nobody else changes anything until this is back.
    workspace.check_writable(Spelling(entry.path))
    if workspace.store.get(entry.path) != entry:
        return _conflict(request, opened)
    if isinstance(new, bytes):
        edits.replace_content(workspace, entry, new)
    else:
        edits.edit(workspace, {"path": address(entry.path), "source": new})
    return _redirect(opened, number, done)


def _check_number(opened: OpenNotebook, number: int, done: str) -> None:
    if done != "added":
        opened.cell(number)
    elif number > 1:
        opened.cell(number - 1)


def _conflict(request: PageRequest, opened: OpenNotebook) -> PageView:
    text = "Somebody changed or moved this notebook after you opened it, so nothing was saved."
    values = {
        "heading": "The notebook has changed",
        "text": text,
        "typed": request.form.get("text"),
        "back": link("/workspace", path=address(opened.entry.path)),
    }
    return PageView("problem.html", values, 409)


def _redirect(opened: OpenNotebook, number: int, done: str) -> Redirect:
    page = (max(number, 1) - 1) // PER_PAGE + 1
    fragment = "cells" if done == "deleted" else f"cell-{number}"
    where = {"path": address(opened.entry.path), "page": page if page > 1 else None}
    return Redirect(link("/workspace", fragment, **where, done=done, cell=number))


def _requested(request: PageRequest) -> OpenNotebook:
    entry = request.workspace.readable(spelled(request.query.get("path", "/")))
    if not is_readable(entry):
        raise invalid(f"{entry.path} is not a notebook.")
    return _opened(request, entry)


def document_of(entry: WorkspaceObject, content: bytes) -> Source | Jupyter:
    """A notebook with its cells; what is not UTF-8 in it is replaced."""
    language = entry.language or "PYTHON"
    if entry.export_format == "JUPYTER":
        return Jupyter(content, language)
    return Source(content.decode("utf-8", "replace"), language)


def _opened(request: PageRequest, entry: WorkspaceObject) -> OpenNotebook:
    content, language = request.workspace.store.content(entry), entry.language or "PYTHON"
    why_not = None if request.workspace.access(entry.path) is None else "You may look at this notebook, not change it."
    if entry.export_format != "JUPYTER":
        try:
            content.decode()
        except UnicodeDecodeError:
            why_not = "This notebook is not UTF-8, so it is only shown here: saving it would change what it holds."
    identity = f"{entry.object_id} {language} {entry.export_format}\n".encode()
    return OpenNotebook(entry, document_of(entry, content), _digest(identity, content), why_not)


def _digest(identity: bytes, content: bytes) -> str:
    made = hashlib.sha256(identity)
    made.update(content)
    return made.hexdigest()


def _is_current(request: PageRequest, opened: OpenNotebook) -> bool:
    return request.form.get("seen") == opened.seen


def _outputs(cells: Sequence[PageCell], run: NotebookRun | None, part: Slice) -> list[tuple[bool, list[Shown]]]:
    """For each cell of a page what stands below it, and whether that is of the run, else the notebook's own."""
    ran = run.cells if run else [None] * len(cells)
    shown = [ran[number] for number in range(part.start, part.stop)]
    own = [outputs.of_jupyter(cell.outputs) for cell in cells[part.start : part.stop]]
    bounded = outputs.bounded([kept if of_run is None else of_run for of_run, kept in zip(shown, own, strict=True)])
    return [(of_run is not None, left) for of_run, left in zip(shown, bounded, strict=True)]


def _lexers(cells: list[PageCell]) -> list[str]:
    """For each cell the lexer, as long as there is not too much to colour or render; then ""."""
    lexers, total = [], 0
    for cell in cells:
        total += len(cell.text)
        lexers.append(highlight.LEXERS.get(cell.language, "") if total <= MAX_COLOURED else "")
    return lexers


def _heading(opened: OpenNotebook) -> dict[str, object]:
    path = opened.entry.path
    return {
        "trail": trail(path),
        "name": opened.entry.name,
        "address": address(path),
        "language": opened.language,
        "seen": opened.seen,
    }
