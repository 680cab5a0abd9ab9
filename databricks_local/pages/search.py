"""Search in names and texts, in the whole workspace or below a folder; and for the number of a run or a job."""

from __future__ import annotations

from collections.abc import Iterator

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import ApiError
from databricks_local.core.model import FILE, NOTEBOOK, WorkspaceObject

from .browse import row_of
from .links import address, trail
from .notebook import PER_PAGE, document_of, is_readable
from .page import PageRequest, PageView

MAX_HITS = 100
# Bytes that are read.
MAX_READ = 8 * 2**20
LINES = 3
AROUND = 60


def search(request: PageRequest) -> PageView:
    """What has `find` in its name or text, below `path`."""
    words, top = request.query.get("find", "").strip(), request.entry().path
    hits, is_cut = _search(request, words, top) if words else ([], False)
    values = {
        "per_page": PER_PAGE,
        "trail": trail(top),
        "address": address(top),
        "is_all": top == "/",
        "find": words,
        "numbered": _numbered(request, words) if top == "/" else None,
        "hits": hits[:MAX_HITS],
        "is_cut": is_cut or len(hits) > MAX_HITS,
    }
    return PageView("search.html", values)


def _numbered(request: PageRequest, words: str) -> tuple[str, str] | None:
    """Name and address of the run or job that has this number: MLflow's page, for one, tells runs by theirs."""
    store, number = request.services.store, whole_number(words)
    if number is None:
        return None
    run, job = store.run_of(number), store.job(number)
    if run is not None:
        return f"{run.name}, run {run.number}", f"/jobs/{run.job_id}/runs/{run.run_id}"
    return None if job is None else (str(job.settings.get("name", "Untitled")), f"/jobs/{number}")


def _search(request: PageRequest, words: str, top: str) -> tuple[list[dict[str, object]], bool]:
    """The objects with the words in name or text, as rows with their folder and some lines; whether not all was read.

    Those with the words in their name come first.
    """
    workspace, folded = request.workspace, words.casefold()
    entries = [entry for entry in workspace.store.below(top) if workspace.access(entry.path) != "hidden"]
    entries.sort(key=lambda entry: (folded not in entry.name.casefold(), entry.path))
    hits, room = list[dict[str, object]](), MAX_READ
    for entry in entries:
        if len(hits) > MAX_HITS or room < 0:
            return hits, True
        content = b""
        if entry.object_type in (NOTEBOOK, FILE) and workspace.access(entry.path) != "unreadable":
            content = workspace.store.content(entry)
            room -= len(content)
        lines = list(_lines(entry, content, folded))
        if lines or folded in entry.name.casefold():
            folder = entry.path.rpartition("/")[0].removeprefix(top).lstrip("/")
            hits.append({"row": row_of(workspace, entry), "folder": folder, "lines": lines})
    return hits, False


def _lines(entry: WorkspaceObject, content: bytes, words: str) -> Iterator[dict[str, object]]:
    count = 0
    for cell, text in _texts(entry, content, words):
        if words in text.casefold():
            for line in text.split("\n"):
                start = line.casefold().find(words)
                if start >= 0 and count < LINES:
                    count += 1
                    yield _around(cell, line, start, start + len(words))


def _texts(entry: WorkspaceObject, content: bytes, words: str) -> Iterator[tuple[int, str]]:
    """The cells of a notebook with their numbers, or the text of a file."""
    if not is_readable(entry):
        yield 0, "" if b"\0" in content else content.decode("utf-8", "replace")
    elif entry.export_format == "JUPYTER" or words in content.decode("utf-8", "replace").casefold():
        try:
            cells = document_of(entry, content).cells()
        except ApiError:
            return
        yield from ((cell.number, cell.text) for cell in cells)


def _around(cell: int, line: str, start: int, end: int) -> dict[str, object]:
    """A line that says it, with what stands before and after; `cell` is the number of its cell, 0 in a file."""
    before, after = line[:start], line[end:]
    before = ("…" if len(before) > AROUND else "") + before[-AROUND:]
    after = after[:AROUND] + ("…" if len(after) > AROUND else "")
    return {"cell": cell, "before": before.lstrip(), "match": line[start:end], "after": after}
