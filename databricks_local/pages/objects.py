"""What a person does with whole objects: new ones, uploads, downloads, another name or place, deleting.

All of it goes by the rules of the API (placing.py, folders.py). No name is taken twice, nothing is replaced that nobody
wanted replaced, and what a deletion takes along is named before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import partial

from databricks_local.core.errors import ApiError, invalid, protected
from databricks_local.core.model import FILE, FOLDERS, LANGUAGES, NOTEBOOK, WorkspaceObject
from databricks_local.core.paths import Spelling, is_protected, parent, spelled
from databricks_local.core.threads import beside
from databricks_local.formats import jupyter, source
from databricks_local.protocol.multipart import Part
from databricks_local.workspace import edits, exporting, folders
from databricks_local.workspace.classify import ObjectSpec, by_name
from databricks_local.workspace.placing import notebook_seen_as, place
from databricks_sync.errors import quantity

from .links import address, trail
from .page import Download, PageRequest, PageView, Redirect, link

# Of what a deletion takes along, so many are named.
MAX_NAMED = 20
# What an object may be downloaded as; the first is what one gets who does not choose.
FORMATS = {NOTEBOOK: ("SOURCE", "JUPYTER", "HTML"), FILE: ("AUTO",)}
FOLDER_FORMATS = ("AUTO",)


def blank(request: PageRequest) -> PageView:
    """The forms for a new notebook, folder or file in a folder, and for uploads."""
    return _blank(request, _folder(request))


def create(request: PageRequest) -> PageView | Redirect:
    """Makes one; the forms again, with what was typed, where that cannot be."""
    folder, kind = _folder(request), request.form.get("kind", "")
    name = request.form.get("name", "").strip()
    try:
        path = _new_path(folder.path, name)
        with request.workspace.store.changes():
            _create(request, kind, path)
    except ApiError as error:
        return _blank(request, folder, error.message)
    if kind == "notebook":
        return Redirect(link("/edit", path=address(path), cell=1))
    return Redirect(link("/workspace" if kind == "folder" else "/file", path=address(path)))


async def upload(request: PageRequest) -> PageView | Redirect:
    """All of the uploaded files, or none of them: as an import by AUTO takes them, so that sources become notebooks."""
    folder = await request.workspace.read(lambda seen: _folder(request.of(seen)))
    files = [file for file in request.files if file.filename]
    try:
        if not files:
            raise invalid("Choose the files first.")
        specs = await beside(sum(len(file.content) for file in files), partial(_specs, folder.path, files))
        await request.workspace.change(partial(_place_all, request, specs, files))
    except ApiError as error:
        return _blank(request, folder, error.message)
    return Redirect(link("/workspace", path=address(folder.path), done="uploaded", count=len(files)))


def mover(request: PageRequest) -> PageView:
    """The form for another name or place."""
    entry = _changeable(request)
    return _mover(entry, entry.path)


def move(request: PageRequest) -> PageView | Redirect:
    """Moves the object with all below it; the form again where that cannot be."""
    entry, typed = _changeable(request), request.form.get("to", "").strip()
    try:
        target = spelled(typed).path
        with request.workspace.store.changes():
            if target != entry.path:
                _check_move(request, entry, target)
                edits.edit(request.workspace, {"path": address(entry.path), "move_to": address(target)})
    except (ApiError, ValueError) as error:
        return _mover(entry, typed, str(error))
    return Redirect(link("/workspace", path=address(target), done="moved"))


def question(request: PageRequest) -> PageView:
    """Asks whether an object shall go, and names what goes with it."""
    return _question(request, _changeable(request))


def remove(request: PageRequest) -> PageView | Redirect:
    """Deletes what the question has named; asks again when something has changed since."""
    # INVARIANT: what was looked at is what goes: one transaction, and nothing is awaited in it.
    with request.workspace.store.changes():
        entry = _changeable(request)
        if request.form.get("seen") != _seen(_whole(request, entry)):
            return _question(request, entry, has_changed=True)
        folders.delete(request.workspace, request.call(entry.path, recursive=True))
    return Redirect(link("/workspace", path=address(parent(entry.path)), done="removed"))


def download(request: PageRequest) -> Download:
    """A file, a notebook in the format asked for (`as`), or a folder as an archive. Raises ApiError (400)."""
    entry = request.entry()
    formats = formats_of(entry)
    form = request.query.get("as") or next(iter(formats), "AUTO")
    if form not in formats:
        raise invalid(f"{entry.path} cannot be downloaded as {form}.")
    call = request.call(entry.path, format=form, direct_download=True)
    name = (entry.name or "workspace") + _extension(entry, form)
    return Download(name, exporting.export(request.workspace, call).body)


def formats_of(entry: WorkspaceObject) -> Sequence[str]:
    """What an object may be downloaded as; nothing for one that has no content of its own."""
    return FOLDER_FORMATS if entry.object_type in FOLDERS else FORMATS.get(entry.object_type, ())


def is_changeable(request: PageRequest, entry: WorkspaceObject) -> bool:
    """Whether the object may be moved and deleted."""
    return not is_protected(entry.path) and request.workspace.access(entry.path) is None


def _extension(entry: WorkspaceObject, form: str) -> str:
    if entry.object_type == NOTEBOOK:
        return {"JUPYTER": ".ipynb", "HTML": ".html"}.get(form) or source.EXTENSIONS.get(entry.language or "", "")
    return ".zip" if entry.object_type in FOLDERS else ""


def _folder(request: PageRequest) -> WorkspaceObject:
    entry = request.entry()
    if entry.object_type not in FOLDERS:
        raise invalid(f"{entry.path} is not a folder.")
    request.workspace.check_writable(Spelling(entry.path))
    return entry


def _changeable(request: PageRequest) -> WorkspaceObject:
    entry = request.entry()
    if is_protected(entry.path):
        raise protected(entry.path)
    request.workspace.check_writable(Spelling(entry.path))
    return entry


def _blank(request: PageRequest, folder: WorkspaceObject, problem: str = "") -> PageView:
    values = {
        "trail": trail(folder.path),
        "address": address(folder.path),
        "problem": problem,
        "kind": request.form.get("kind", "upload" if request.form else ""),
        "typed": request.form.get("name", ""),
        "language": request.form.get("language", "PYTHON"),
        "form": request.form.get("form", "SOURCE"),
    }
    return PageView("new.html", values, 400 if problem else 200)


def _new_path(folder: str, name: str) -> str:
    if not name or "/" in name or name in (".", ".."):
        raise invalid("A name is needed, without slashes.")
    return spelled(address(f"{folder.rstrip('/')}/{name}")).path


def _create(request: PageRequest, kind: str, path: str) -> None:
    if kind == "notebook":
        language, form = request.form.get("language", ""), request.form.get("form", "")
        if language not in LANGUAGES or form not in ("SOURCE", "JUPYTER"):
            raise invalid(f"language is one of {', '.join(LANGUAGES)}, form SOURCE or JUPYTER.")
        text = source.header(language)
        body = text.encode()
        if form == "JUPYTER":
            body = jupyter.render(source.parse(text, language), language, path.rpartition("/")[2], 0)
        request.workspace.store.note_made_here(_place(request, ObjectSpec(path, NOTEBOOK, language, form), body))
    elif kind == "file":
        request.workspace.store.note_made_here(_place(request, ObjectSpec(path, FILE), b""))
    elif kind == "folder":
        _check_free(request, path)
        folders.make(request.workspace, Spelling(path))
    else:
        raise invalid("kind is notebook, file or folder.")


def _place(request: PageRequest, spec: ObjectSpec, content: bytes, replace: bool = False) -> WorkspaceObject:
    """By the rules of imports."""
    return place(request.workspace, request.call(spec.path, overwrite=replace), spec, content, _taken)


def _specs(folder: str, files: Sequence[Part]) -> list[ObjectSpec]:
    # Browsers write a quote in a name like this, whatever the name is.
    names = (file.filename.replace("%22", '"').rpartition("/")[2] for file in files)
    return [by_name(_new_path(folder, name), file.content) for name, file in zip(names, files, strict=True)]


def _place_all(request: PageRequest, specs: Sequence[ObjectSpec], files: Sequence[Part]) -> None:
    with request.workspace.store.changes():
        for spec, file in zip(specs, files, strict=True):
            _place(request, spec, file.content, replace=request.form.get("replace") == "yes")


def _check_free(request: PageRequest, path: str) -> None:
    if request.workspace.store.get(path) is not None:
        raise _taken(path)


def _taken(path: str) -> ApiError:
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"{path} is there already.")


def _mover(entry: WorkspaceObject, typed: str, problem: str = "") -> PageView:
    values = {
        "trail": trail(entry.path),
        "name": entry.name,
        "address": address(entry.path),
        "typed": typed,
        "problem": problem,
    }
    return PageView("move.html", values, 400 if problem else 200)


def _check_move(request: PageRequest, entry: WorkspaceObject, target: str) -> None:
    workspace = request.workspace
    _check_free(request, target)
    if entry.object_type == FILE and notebook_seen_as(workspace, target) is not None:
        raise _taken(target)
    workspace.check_writable(Spelling(target))
    folders.make(workspace, Spelling(parent(target)))
    folders.check_room(workspace, Spelling(target))


def _whole(request: PageRequest, entry: WorkspaceObject) -> list[WorkspaceObject]:
    below = request.workspace.store.below(entry.path) if entry.object_type in FOLDERS else []
    return [entry, *sorted(below, key=lambda child: child.path)]


def _seen(whole: Sequence[WorkspaceObject]) -> str:
    lines = (f"{entry.object_id} {entry.sha256} {entry.path}\n" for entry in whole)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _question(request: PageRequest, entry: WorkspaceObject, has_changed: bool = False) -> PageView:
    whole = _whole(request, entry)
    below = [child for child in whole[1:] if request.workspace.access(child.path) != "hidden"]
    kinds = Counter("folder" if child.object_type in FOLDERS else child.object_type.lower() for child in below)
    values = {
        "trail": trail(entry.path),
        "name": entry.name,
        "address": address(entry.path),
        "seen": _seen(whole),
        "has_changed": has_changed,
        "is_folder": entry.object_type in FOLDERS,
        "goes": [quantity(number, kind.replace("_", " ")) for kind, number in sorted(kinds.items())],
        "named": [child.path.removeprefix(entry.path + "/") for child in below[:MAX_NAMED]],
        "more": max(0, len(below) - MAX_NAMED),
    }
    return PageView("remove.html", values, 409 if has_changed else 200)
