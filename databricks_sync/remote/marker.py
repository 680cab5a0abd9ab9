"""Who uses a branch folder: a note beside it in the workspace, hidden and outside of what is mirrored.

It says which repository and branch a target belongs to, so that two repositories that meet in one folder are
noticed before anything is mixed, and how far each clone had come, so that a record restored from an old copy
of the disk is recognised: such a record could take somebody's revert for "unchanged".

The notes of all targets of one home lie in one folder, named after their targets, so that one listing shows
also a target inside another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from types import MappingProxyType
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote

from databricks_sync import shell
from databricks_sync.errors import (
    AlreadyExists,
    Denied,
    Foreign,
    NotFound,
    NotOurs,
    SettingsError,
    SyncError,
    ValveError,
    WorkspaceError,
    printable,
)
from databricks_sync.model import TOP, Kind, RemoteVersion
from databricks_sync.notebook.format import sha256
from databricks_sync.rules.layout import Layout
from databricks_sync.rules.names import flaw
from databricks_sync.rules.target import NOTES, branch_folder, normalise

from .folder import Listing, Workspace
from .http import Http
from .notes import check_folder, not_ours, read, write
from .objects import DIRECTORY, type_name
from .pushed import Pushed, from_fields

_SUFFIX = ".json"
_LONGEST = 200
_MOST = 2**53  # a serial that anybody came to by counting is less
_MOST_FOLDERS = 20
_CLONES = 20  # as many clones are remembered; CI makes a new one for every run


class Marker(NamedTuple):
    """The note on one target. `repository` holds names of it, as identity.py knows them."""

    target: str
    repository: frozenset[str] = frozenset()
    branch: str = ""
    serials: Mapping[str, int] = MappingProxyType({})  # clone -> its last push
    project: str = ""  # where it is in the repository; empty for all of them
    folders: tuple[str, ...] = ()  # of the project, that are carried; empty where the note does not say
    called: str = ""  # what people call the repository: the name of its folder in the clone that pushed last
    pushed: Pushed | None = None  # what was pushed last, by a version that says so

    def of_another(self, repository: frozenset[str]) -> bool:
        """Whether this is certainly the note of another repository."""
        return bool(self.repository and repository) and not self.repository & repository

    def of_another_project(self, project: str) -> bool:
        """Whether this is the note of another project, if it is of this repository."""
        return bool(self.project and project) and self.project != project

    @property
    def layout(self) -> Layout | None:
        """How the target is carried, as far as the note says."""
        return Layout.of(self.folders) if self.folders else None


def home(target: str) -> str:
    """The folder that the notes on `target` and its neighbours lie in."""
    parts = target.split("/")
    return "/".join(parts[: 3 if parts[1] == "Users" else 2]) + f"/{NOTES}"


def note_name(target: str) -> str:
    """The name of the note on `target`; targets that are too long for a name get a hash, and only they a `~`."""
    name = quote(target.removeprefix(home(target).removesuffix(f"/{NOTES}") + "/"), safe=" +#").replace("~", "%7E")
    return (name if len(name) <= _LONGEST else f"{name[:_LONGEST]}~{sha256(target.encode())[:12]}") + _SUFFIX


def nested(target: str, names: Collection[str]) -> tuple[str, ...]:
    """The other noted targets that lie inside `target`, or that `target` lies inside of."""
    base = home(target).removesuffix(NOTES)
    plain = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX) and "~" not in name)
    others = (base + unquote(name) for name in plain)
    near = {other for other in others if other.startswith(f"{target}/") or target.startswith(f"{other}/")}
    return tuple(sorted(other for other in near if note_name(other) in names and normalise(other) == other))


def to_json(marker: Marker) -> bytes:
    """The note as it is written into the workspace."""
    newest = dict(list(marker.serials.items())[-_CLONES:])
    return json.dumps(
        {
            "about": "Written by databricks-branch-sync: which repository this folder belongs to. Safe to delete.",
            "target": marker.target,
            "repository": sorted(marker.repository),
            "branch": marker.branch,
            "project": marker.project,
            "folders": marker.folders,
            "called": marker.called,
            "clones": newest,
            **({"pushed": marker.pushed.fields()} if marker.pushed else {}),
        },
        indent=1,
    ).encode()


def from_json(raw: bytes, target: str) -> Marker | None:
    """The note as it was written; None when it is none of ours. Anybody may write there."""
    try:
        fields = json.loads(raw.decode())
        serials = fields.get("clones", {}).items()
        clones = {name: serial for name, serial in serials if type(serial) is int and 0 < serial < _MOST}
        names = fields["repository"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
        branch = str(fields.get("branch", ""))
        called = str(fields.get("called", ""))[:_LONGEST]
        return Marker(
            target,
            frozenset(names),
            branch,
            clones,
            _project(fields),
            _folders(fields),
            called,
            from_fields(fields.get("pushed")),
        )
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return None


def _project(fields: Mapping[str, object]) -> str:
    project = fields.get("project", "")
    return project if isinstance(project, str) else ""


def _folders(fields: Mapping[str, object]) -> tuple[str, ...]:
    names = fields.get("folders", ())
    folders = tuple(names) if isinstance(names, list) and len(names) <= _MOST_FOLDERS else ()
    return tuple(sorted(folders)) if all(isinstance(name, str) and _is_folder(name) for name in folders) else ()


def _is_folder(name: str) -> bool:
    inside = re.sub(r"^(\.\./)+", "", name)  # of a folder beside the project
    return name == TOP or (not flaw(inside, windows=False) and len(name) <= _LONGEST and "," not in name)


class MarkerView(NamedTuple):
    """What the notes say: that on our own target, if there is one, and nested targets."""

    marker: Marker | None = None
    nested: tuple[str, ...] = ()
    readable: bool = True
    folder: bool = True  # whether there is a folder for notes already
    news: Mapping[str, str] = MappingProxyType({})  # what the base may note, so as not to read it again
    strange: NotOurs | None = None  # what stands in the place of the note, when it cannot be understood


class Remembered(Protocol):
    """What this clone has written down of the target and of its note."""

    def meta(self, name: str) -> str:
        """What was noted under this name; "" for nothing."""

    def note(self, **values: str) -> None:
        """Notes each value under its name."""

    def names(self) -> tuple[str, ...]:
        """By which notes may know this clone."""


class Markers:
    """The notes in one home, seen from one target."""

    def __init__(self, http: Http, target: str, *, whole_trees: bool) -> None:
        self.notes = Workspace(http, home(target), whole_trees=whole_trees)
        self.target = target
        self.name = note_name(target)

    def look(self, base: Remembered, pool: Executor) -> MarkerView:
        """One listing; the note itself is only read again when it is not the one that was seen last."""
        try:
            listing = self._listing(pool)
            # SERVER: a folder that one may not read is missing from listings, and refused to whoever asks for it.
            if not listing.exists and self.notes.stands():
                return MarkerView(readable=False)
            files = {name for name, item in listing.objects.items() if item.kind is Kind.FILE}
            view = MarkerView(None, nested(self.target, files), folder=listing.exists)
            return self._own(view, listing, base)
        except NotOurs as error:
            return MarkerView(strange=error)
        except (Denied, ValveError):
            return MarkerView(readable=False)

    def _listing(self, pool: Executor) -> Listing:
        try:
            return self.notes.listing(pool)
        except SettingsError:
            check_folder(self.notes)
            raise

    def _own(self, view: MarkerView, listing: Listing, base: Remembered) -> MarkerView:
        """`view` with the note on our own target, or with what stands in its place."""
        try:
            self._check_place(listing)
            note = listing.objects.get(self.name)
            mark = _mark(note.version) if note else ""
            if mark and mark == base.meta("claim_mark"):
                return view._replace(marker=self._understood(base.meta("claim").encode()))
            raw = read(self.notes, self.name) if note else None
            if note is None or raw is None:
                return view
            marker = self._understood(raw)
            certain = mark and note.version.sha in ("", sha256(raw))
            return view._replace(marker=marker, news={"claim": raw.decode(), "claim_mark": mark} if certain else {})
        except NotOurs as error:
            return view._replace(strange=error)

    def _check_place(self, listing: Listing) -> None:
        """Raises NotOurs when something else than a file has the name of our note."""
        item = listing.objects.get(self.name)
        kind = DIRECTORY if self.name in listing.folders else listing.others.get(self.name)
        if item and item.kind is not Kind.FILE:
            kind = item.kind.value
        if kind is not None:
            raise self._not_ours(f"is a {type_name(kind)}, not a marker file")

    def _understood(self, raw: bytes) -> Marker:
        marker = from_json(raw, self.target)
        if marker is None:
            raise self._not_ours("is not a marker file of this tool")
        return marker

    def _not_ours(self, what: str) -> NotOurs:
        place = f"{self.notes.root}/{self.name}"
        return not_ours(place, f"{what}, so it is unknown which repository uses {printable(self.target)}")

    def marker(self) -> Marker | None:
        """The note on the target; None when there is none. Raises NotOurs for what cannot be understood."""
        raw = read(self.notes, self.name)
        return None if raw is None else self._understood(raw)

    def write(self, ours: Marker, view: MarkerView, base: Remembered, *, take_over: bool) -> str:
        """Writes our own note, with the clone's serial; returns what to tell when that is not allowed.

        Raises Foreign when another repository, or another project, was quicker, NotOurs when something is in the way.
        """
        clone = base.meta("lineage")
        before = view.marker if view.marker and not take_over else Marker(self.target)
        serials = {name: number for name, number in before.serials.items() if name != clone}
        serials[clone] = int(base.meta("serial"))
        names, pushed = ours.repository | before.repository, ours.pushed or before.pushed
        marker = ours._replace(repository=names, serials=serials, pushed=pushed)
        raw = to_json(marker)
        try:
            if not view.folder:
                self.notes.make_folder(self.notes.root)
            write(self.notes, self.name, raw, overwrite=view.marker is not None or view.strange is not None)
        except AlreadyExists as error:
            if not take_over:
                self._check_quicker(ours)
                return ""
            return self._unwritten(error)
        except WorkspaceError as error:
            return self._unwritten(error)
        base.note(claim=raw.decode(), claim_mark=sha256(raw))
        return ""

    def remove(self, marker: Marker) -> str:
        """Deletes the note if it is `marker` still, for somebody may use the target again; returns what to tell.

        RACE: between this look and the delete, one round trip, somebody may write it; then their next push does.
        """
        try:
            if self.marker() == marker:
                self.notes.delete(self.name)
        except NotFound:
            pass
        except SyncError as error:
            return f"The marker file of {printable(self.target)} could not be deleted: {error.message}"
        return ""

    def _check_quicker(self, ours: Marker) -> None:
        """Raises Foreign or NotOurs when what was there first is not a note of this project."""
        other = self.marker()
        if other is None:
            check_folder(self.notes)
        elif foreign := another(other, ours):
            raise Foreign(*foreign)

    def _unwritten(self, error: WorkspaceError) -> str:
        return f"The marker file of {printable(self.target)} could not be written: {error.message}"


def _mark(version: RemoteVersion) -> str:
    """What tells a note from every other state of it; nothing where that is not certain."""
    return version.sha or (
        "" if version.racy or not version.modified_at else f"{version.object_id} {version.modified_at}"
    )


def another(marker: Marker, ours: Marker) -> tuple[str, str] | None:
    """What to say when a target belongs to another repository, or to another project of this one: what to type, too."""
    if marker.of_another(ours.repository):
        about = f"{printable(_repository(marker))}, branch {printable(marker.branch) or '?'}"
        return (
            f"{printable(marker.target)} belongs to another repository ({about}).",
            f"{_another_target(ours, ours.called)}; to use it for this repository, add --take-over.",
        )
    if marker.of_another_project(ours.project):
        return (
            f"{printable(marker.target)} belongs to {_spoken(marker.project)} of this repository, "
            f"and this is {_spoken(ours.project)}.",
            f"{_another_target(ours, ours.called if ours.project == TOP else ours.project)}; "
            "to use it for this project, add --take-over.",
        )
    return None


def _spoken(project: str) -> str:
    return "the project in the top folder" if project == TOP else f"the project {printable(project)}"


def other_folders(marker: Marker, folders: Sequence[str]) -> tuple[str, str]:
    """What to say when a target is carried from other folders by now."""
    return (
        f"{printable(marker.target)} is now synced from {_listed(marker.folders)}, "
        f"but here from {_listed(folders)}, which would move its objects.",
        f"Set NOTEBOOK_FOLDER={shell.word(','.join(marker.folders))} here too; to move the objects, add --take-over.",
    )


def _listed(folders: Iterable[str]) -> str:
    return " and ".join(printable(folder) for folder in folders)


def _repository(marker: Marker) -> str:
    """A name by which people may know the repository of a note: where it was cloned from, or its folder."""
    names = sorted(marker.repository)
    origins = [name.removeprefix("origin ") for name in names if name.startswith("origin ")]
    return next(iter((*origins, *filter(None, (marker.called,)), *names)), "?")


def _another_target(ours: Marker, name: str) -> str:
    """The option with a folder beside the target that is named after what is pushed, typed with the same command."""
    typed = shell.option("target", f"{ours.target}-{branch_folder(name)}").strip()
    return f"Add `{typed}`, in place of any other --target or --branch"


def unread(view: MarkerView, target: str) -> str:
    """What to tell when the notes cannot be read, or not be understood; nothing when they can."""
    if view.strange:
        return f"{view.strange.message} {view.strange.hint}"
    if view.readable:
        return ""
    return f"{home(target)} cannot be read, so it is unknown whether another repository uses {printable(target)}."


def note_path(target: str) -> str:
    """Where the note on `target` lies in the workspace."""
    return f"{home(target)}/{note_name(target)}"


def is_outdated(marker: Marker | None, base: Remembered) -> bool:
    """Whether this clone's record is older than the note says it once was: an old copy, not to be believed."""
    return marker_serial(marker, base) > int(base.meta("serial") or 0)


def next_serial(marker: Marker | None, base: Remembered) -> int:
    """That of a clone's next push. It goes up here first: a note may be behind the record it is about, never ahead."""
    return max(int(base.meta("serial") or 0), marker_serial(marker, base)) + 1


def marker_serial(marker: Marker | None, base: Remembered) -> int:
    """How far this clone had come when it last wrote the note, by any of its names."""
    return max(marker.serials.get(name, 0) for name in base.names()) if marker else 0
