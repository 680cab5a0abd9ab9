"""Who uses a branch folder: a note beside it in the workspace, hidden and outside of what is mirrored.

It says which repository and branch a target belongs to, so that two repositories that meet in one folder are
noticed before anything is mixed, and how far each clone had come, so that a record restored from an old copy
of the disk is recognised: such a record could take somebody's revert for "unchanged".

The notes of all targets of one home lie in one folder, named after their targets, so that one listing shows
also a target inside another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote

from .base import Base
from .errors import AlreadyExists, Denied, Foreign, NotFound, ValveError, WorkspaceError
from .http import Http
from .model import Kind, Token
from .names import printable
from .notebook import sha256
from .target import NOTES
from .workspace import Workspace

_SUFFIX = ".json"
_LONGEST = 200
_MOST = 2**53  # a serial that anybody came to by counting is less
_CLONES = 20  # as many clones are remembered; CI makes a new one for every run


class Claim(NamedTuple):
    """The note on one target. `repository` holds names of it, as identity.py knows them."""

    target: str
    repository: frozenset[str] = frozenset()
    branch: str = ""
    serials: Mapping[str, int] = MappingProxyType({})  # clone -> its last push

    def of_another(self, repository: frozenset[str]) -> bool:
        """Whether this is certainly the note of another repository."""
        return bool(self.repository and repository) and not self.repository & repository


def home(target: str) -> str:
    """The folder that the notes on `target` and its neighbours lie in."""
    parts = target.split("/")
    return "/".join(parts[: 3 if parts[1] == "Users" else 2]) + f"/{NOTES}"


def note_name(target: str) -> str:
    """The name of the note on `target`; targets that are too long for a name get a hash, and only they a `~`."""
    name = quote(target.removeprefix(home(target).removesuffix(f"/{NOTES}") + "/"), safe=" +#").replace("~", "%7E")
    return (name if len(name) <= _LONGEST else f"{name[:_LONGEST]}~{sha256(target.encode())[:12]}") + _SUFFIX


def nested(target: str, names: Iterable[str]) -> str | None:
    """Another noted target that lies inside `target`, or that `target` lies inside of."""
    base = home(target).removesuffix(NOTES)
    for name in names:
        if not name.endswith(_SUFFIX) or "~" in name:
            continue
        other = base + unquote(name.removesuffix(_SUFFIX))
        if other != target and (other.startswith(f"{target}/") or target.startswith(f"{other}/")):
            return other
    return None


def to_json(claim: Claim) -> bytes:
    newest = dict(list(claim.serials.items())[-_CLONES:])
    return json.dumps(
        {
            "about": "Written by databricks-branch-sync: which repository this folder belongs to. Safe to delete.",
            "target": claim.target,
            "repository": sorted(claim.repository),
            "branch": claim.branch,
            "clones": newest,
        },
        indent=1,
    ).encode()


def from_json(raw: bytes, target: str) -> Claim:
    """The note as it was written; whatever cannot be understood in it claims nothing. Anybody may write there."""
    try:
        found = json.loads(raw)
        clones = {name: one for name, one in found.get("clones", {}).items() if type(one) is int and 0 < one < _MOST}
        names = frozenset(str(name) for name in found.get("repository", []))
        return Claim(target, names, str(found.get("branch", "")), clones)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return Claim(target)


class Noted(NamedTuple):
    """What the notes say: that on our own target, if there is one, and a nested target."""

    claim: Claim | None = None
    nested: str | None = None
    readable: bool = True
    folder: bool = True  # whether there is a folder for notes already
    news: Mapping[str, str] = MappingProxyType({})  # what the base may note, so as not to read it again


class Claims:
    """The notes in one home, seen from one target."""

    def __init__(self, http: Http, target: str, *, whole_trees: bool) -> None:
        self.notes = Workspace(http, home(target), whole_trees=whole_trees)
        self.target = target
        self.name = note_name(target)

    def look(self, base: Base, pool: Executor, *, new: bool) -> Noted:
        """One listing; the note itself is only read again when it is not the one that was seen last."""
        standing = pool.submit(self.notes.stands) if new else None
        try:
            listing = self.notes.listing(pool, new=new)
            # SERVER: a folder that one may not read is missing from listings, and refused to whoever asks for it.
            if not listing.exists and (standing.result() if standing else self.notes.stands()):
                return Noted(readable=False)
            beside = nested(self.target, listing.objects)
            found = listing.objects.get(self.name)
            if found is None:
                return Noted(None, beside, folder=listing.exists)
            mark = _mark(found.token)
            if mark and mark == base.meta("claim_mark"):
                return Noted(from_json(base.meta("claim").encode(), self.target), beside)
            raw = self._read()
            if raw is None:
                return Noted(None, beside)
            certain = mark and found.token.sha in ("", sha256(raw))
            news = {"claim": raw.decode("utf-8", "replace"), "claim_mark": mark} if certain else {}
            return Noted(from_json(raw, self.target), beside, news=news)
        except (Denied, ValveError):
            return Noted(readable=False)

    def _read(self) -> bytes | None:
        try:
            return self.notes.export(self.name, Kind.FILE, None)
        except NotFound:
            return None

    def stake(self, repository: frozenset[str], branch: str, noted: Noted, base: Base, *, take_over: bool) -> str:
        """Writes our own note, with the clone's serial; returns what to tell when that is not allowed.

        Raises Foreign when another repository was quicker.
        """
        clone = base.meta("lineage")
        known = noted.claim if noted.claim and not take_over else Claim(self.target)
        serials = {name: number for name, number in known.serials.items() if name != clone}
        serials[clone] = int(base.meta("serial"))
        claim = Claim(self.target, repository | known.repository, branch, serials)
        raw = to_json(claim)
        try:
            if not noted.folder:
                self.notes.make_folder(self.notes.root)
            self._write(raw, overwrite=noted.claim is not None)
        except AlreadyExists:
            quicker = self._read()
            other = from_json(quicker, self.target) if quicker else None
            if other and other.of_another(repository) and not take_over:
                raise Foreign(*other_repository(other)) from None
            return ""
        except WorkspaceError as error:
            return f"The note beside {printable(self.target)} could not be written: {error.message}"
        base.note(claim=raw.decode(), claim_mark=sha256(raw))
        return ""

    def _write(self, raw: bytes, *, overwrite: bool) -> None:
        try:
            self.notes.put(self.name, raw, Kind.FILE, None, None, overwrite=overwrite)
        except NotFound:
            self.notes.make_folder(self.notes.root)
            self.notes.put(self.name, raw, Kind.FILE, None, None, overwrite=False)


def _mark(token: Token) -> str:
    """What tells a note from every other state of it; nothing where that is not certain."""
    return token.sha or ("" if token.racy or not token.modified_at else f"{token.object_id} {token.modified_at}")


def other_repository(claim: Claim) -> tuple[str, str]:
    """What to say when a target belongs to another repository: a sentence and what to type."""
    names = ", ".join(printable(name) for name in sorted(claim.repository)[:1])
    return (
        f"{printable(claim.target)} belongs to another repository ({names}, branch {printable(claim.branch) or '?'}).",
        "Give another --target or --branch; to make it this repository's, add --take-over.",
    )


def unread(noted: Noted, target: str) -> str:
    """What to tell before a write when the notes cannot be read; nothing when they can."""
    if noted.readable:
        return ""
    return f"{home(target)} cannot be read, so whether another repository uses {printable(target)} is unknown."


def behind(claim: Claim | None, base: Base) -> bool:
    """Whether this clone's record is older than the note says it once was: an old copy, not to be believed."""
    return noted_serial(claim, base) > int(base.meta("serial") or 0)


def next_serial(claim: Claim | None, base: Base) -> int:
    """That of a clone's next push. It goes up here first: a note may be behind the record it is about, never ahead."""
    return max(int(base.meta("serial") or 0), noted_serial(claim, base)) + 1


def noted_serial(claim: Claim | None, base: Base) -> int:
    """How far this clone had come when it last wrote the note, by any of its names."""
    return max(claim.serials.get(name, 0) for name in base.names()) if claim else 0
