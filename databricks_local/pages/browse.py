"""The tree: one folder on a page, with the way back up; notebooks and files lead on to their own pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from databricks_local.core.model import DIRECTORY, FOLDERS, GIT_FOLDER, NOTEBOOK, REPO, WorkspaceObject
from databricks_local.core.paths import Spelling
from databricks_local.workspace.tree import LocalWorkspace
from databricks_sync.errors import quantity

from . import file, notebook
from .links import address, trail
from .objects import FOLDER_FORMATS, is_changeable
from .page import PageRequest, PageView, sliced

PER_PAGE = 200
SHORTCUTS = 12
DONE = {"uploaded": "{} uploaded.", "removed": "Deleted.", "moved": "Moved."}

KINDS = {DIRECTORY: "Folder", NOTEBOOK: "Notebook", "FILE": "File", REPO: "Git folder", GIT_FOLDER: "Git folder"}
LANGUAGES = {"PYTHON": "Python", "SQL": "SQL", "SCALA": "Scala", "R": "R"}


def start(request: PageRequest) -> PageView:
    """The root, and the short way to one's own branch folders."""
    root = _folder(request, request.workspace.readable(Spelling("/")))
    home = f"/Users/{request.workspace.settings.user}"
    # Folders with a dot before their name are kept by programs.
    children = [entry for entry in _children(request.workspace, home) if not entry.name.startswith(".")]
    folders = [entry for entry in children if entry.object_type in FOLDERS]
    newest = sorted(folders, key=lambda entry: -entry.object_id)[:SHORTCUTS]
    shortcuts = {
        "home": row_of(request.workspace, WorkspaceObject(0, home, DIRECTORY)),
        "branches": _rows(request.workspace, newest, {}),
    }
    return PageView("start.html", {**root.values, **shortcuts})


def show(request: PageRequest) -> PageView:
    """Whatever is at a path."""
    entry = request.entry()
    if entry.object_type in FOLDERS:
        return _folder(request, entry)
    if notebook.is_readable(entry):
        return notebook.view(request, entry)
    return file.view(request, entry)


def _folder(request: PageRequest, entry: WorkspaceObject) -> PageView:
    search = request.query.get("find", "").strip()
    entries = [
        child for child in _children(request.workspace, entry.path) if search.casefold() in child.name.casefold()
    ]
    entries.sort(key=lambda child: (child.object_type not in FOLDERS, child.name.casefold(), child.name))
    part = sliced(request.number("page", 1), PER_PAGE, len(entries))
    edited = request.workspace.store.edited_children(entry.path)
    values = {
        "trail": trail(entry.path),
        "address": address(entry.path),
        "find": search,
        "part": part,
        "rows": _rows(request.workspace, entries[part.start : part.stop], edited),
        "can_add": request.workspace.access(entry.path) is None,
        "can_move": is_changeable(request, entry),
        "formats": FOLDER_FORMATS,
        "done": DONE.get(request.query.get("done", ""), "").format(quantity(request.number("count", 0), "file")),
    }
    return PageView("folder.html", values)


def _children(workspace: LocalWorkspace, folder: str) -> list[WorkspaceObject]:
    if workspace.access(folder) in ("unreadable", "hidden"):
        return []
    return [entry for entry in workspace.store.children(folder) if workspace.access(entry.path) != "hidden"]


def _rows(
    workspace: LocalWorkspace, entries: Sequence[WorkspaceObject], edited: Mapping[int, bool]
) -> list[dict[str, object]]:
    """`edited` are those that differ from what was imported last, with whether they were made here."""
    words = {number: "made here" if made_here else "edited here" for number, made_here in edited.items()}
    return [row_of(workspace, entry, words.get(entry.object_id, "")) for entry in entries]


def row_of(workspace: LocalWorkspace, entry: WorkspaceObject, edited: str = "") -> dict[str, object]:
    """One object as it stands in a list; `modified_at` in milliseconds, `edited` says that it was edited here."""
    kind = KINDS.get(entry.object_type, entry.object_type.replace("_", " ").capitalize())
    if entry.object_type == NOTEBOOK and entry.language:
        kind = f"{LANGUAGES.get(entry.language, entry.language)} notebook"
    icon = "folder" if entry.object_type in FOLDERS else "notebook" if entry.object_type == NOTEBOOK else "file"
    modified = None if workspace.clock.mode == "absent" else entry.modified_at
    row = {"name": entry.name, "address": address(entry.path), "icon": icon, "kind": kind}
    return {**row, "modified_at": modified, "edited": edited}
