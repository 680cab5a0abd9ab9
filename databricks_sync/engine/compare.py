"""Puts both sides beside the base, and reads only what versions cannot tell.

Theory of operation. The plan needs one digest for each object on each side, and reading costs a request or a disk
access. So each digest comes from the cheapest source that is certain:

1. Local: a file whose stat is the one in the base has the digest in the base (local/folder.py).
2. Remote: an object whose version is the same as that in the base has the digest in the base; one whose hash is that of
   the local file as it would be sent has the digest of the local file. Times are believed only where two saves within
   one tick of the workspace's clock cannot hide behind them (content.py).
3. Everything else is read, many objects at once, and only where base or file exist: what one side alone has is
   decided without its content.

What cannot be read, or must not be synced, becomes a problem of its key; an unknown side is never taken for an absent
one. Intents of a run that died are answered first (recovery.py); only then the base says what both sides agree on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync import shell
from databricks_sync.errors import WorkspaceError, printable
from databricks_sync.local.folder import LocalFolder, Scan, asset_file, settings_file
from databricks_sync.model import (
    JUPYTER,
    SOURCES,
    BaseEntry,
    Direction,
    Format,
    Kind,
    Language,
    LocalObject,
    Problem,
    RemoteObject,
    RemoteVersion,
    Scope,
    Severity,
)
from databricks_sync.remote.exports import Export, read
from databricks_sync.remote.folder import Listing, Workspace, keys_by_nfc
from databricks_sync.remote.objects import type_name
from databricks_sync.rules.journal import Advance
from databricks_sync.rules.layout import Layout, Moves
from databricks_sync.rules.names import flaw, local_collisions, parents, twins
from databricks_sync.rules.never_synced import asset, is_litter, is_settings
from databricks_sync.rules.patterns import excluded
from databricks_sync.rules.plan import Sides
from databricks_sync.rules.rivals import rivals
from databricks_sync.rules.stand_ins import stand_in
from databricks_sync.state.base import Base

from .archive_reads import ArchiveReads, Read
from .content import content_by_version, read_as_known, read_each
from .extras import others, unread_extras
from .recovery import recover, replaced_files


class Comparison(NamedTuple):
    """Both sides as they stand and what is known of each object: what a plan is made of."""

    sides: Sides
    scan: Scan
    listing: Listing
    exports: dict[str, Export]
    recovered: tuple[Advance, ...] = ()
    settled: frozenset[str] = frozenset()  # keys whose intents are answered, one way or the other
    ignored: frozenset[str] = frozenset()  # local paths that git would ignore
    rivals: Mapping[str, str] = MappingProxyType({})  # file -> notebook of one local file: see rules/rivals.py
    leftover: tuple[LocalObject, ...] = ()  # old files that a killed pull had already replaced by a new name


class Comparer:
    """Compares the sides of one target, reading no more than it has to."""

    def __init__(self, local: LocalFolder, workspace: Workspace, base: Base, pool: Executor) -> None:
        self.local = local
        self.workspace = workspace
        self.base = base
        self.pool = pool

    def compare(
        self,
        direction: Direction,
        scan: Scan,
        listing: Listing,
        noted: Layout | None = None,
        extras: Scope | None = None,
    ) -> Comparison:
        """`noted`: how the target is carried, as far as its note says. `extras`: which objects may be read for theirs,
        None for none; a pull then does not look at extras at all.

        Raises WorkspaceError; then nothing was changed.
        """
        entries = {key: entry for key, entry in self.base.entries.items() if key not in scan.displaced}
        remote = keys_by_nfc(listing)
        moves = self._moves(scan, entries, remote, noted)
        scan = _followed(scan, moves.followed)
        # What a pull had done before it died, only the files tell.
        intents = [i for i in self.base.intents if scan.looked or i.direction is Direction.PUSH]
        leftover = replaced_files(intents, scan, entries, moves)
        scan = _without(scan, leftover)
        problems = self._problems(scan, listing, remote, moves, {*entries, *remote})
        scan = scan._replace(objects=_standing(scan.objects, moves))
        if litter := {key for key in remote if key not in entries and key not in scan.objects and is_litter(key)}:
            remote = {key: item for key, item in remote.items() if key not in litter}
        if direction is Direction.PULL:
            # What no folder here could hold, and is not on its way elsewhere.
            strange = remote.keys() - problems.keys() - moves.moving.keys() - moves.left.keys()
            problems |= {key: outside(key) for key in strange if not self.local.holds(key)}
        recovery = recover(intents, self.base.entries, scan, self.workspace, remote, self.pool)
        advances, exports = [*_moved(moves, entries), *recovery.advances], recovery.exports
        entries = _advanced(entries, advances)
        digests, versions = self._digests(entries, scan, remote, problems, exports)
        listed = remote
        if versions:
            remote = {**remote, **{key: remote[key]._replace(version=version) for key, version in versions.items()}}
        sides = self._sides(entries, scan, remote, digests, problems)._replace(moves=moves)
        if extras is not None:
            came, failed = self._read_extras(unread_extras(sides, listed, exports, direction, extras), sides)
            exports |= came
            problems |= failed
        if extras is not None or direction is Direction.PUSH:
            sides = sides._replace(others=others(sides, listed, exports, self.local, direction))
        hidden = frozenset[str]()
        if direction is Direction.PULL:
            hidden = self._ignored(sides, problems)
            problems |= self._pointers(exports, scan)
        return Comparison(
            sides=sides,
            scan=scan,
            listing=listing,
            exports=exports,
            recovered=tuple(advances),
            settled=recovery.settled,
            ignored=hidden,
            rivals=self._rivals(sides),
            leftover=leftover,
        )

    def _moves(
        self, scan: Scan, entries: dict[str, BaseEntry], remote: Mapping[str, RemoteObject], noted: Layout | None
    ) -> Moves:
        """What has other keys by the folders of today. `noted` counts where the note tells of other folders."""
        if not scan.looked:
            return Moves()
        others = noted if noted and noted.apart(self.local.layout) else None
        return self.local.layout.moves(entries, scan.objects.values(), remote, others)

    def _sides(
        self,
        entries: dict[str, BaseEntry],
        scan: Scan,
        remote: Mapping[str, RemoteObject],
        digests: dict[str, str],
        problems: dict[str, Problem],
    ) -> Sides:
        elsewhere = (key for key in remote if key not in scan.objects and self.local.holds(key))
        return Sides(
            base=entries,
            local=scan.objects,
            remote=remote,
            digests=digests,
            problems=problems,
            outside=scan.outside,
            places={key: self.local.place(key, None) for key in elsewhere},
            older=self._older(entries, scan, digests),
        )

    def _pointers(self, exports: Mapping[str, Export], scan: Scan) -> dict[str, Problem]:
        """What was read and holds but a pointer, where a file is meant."""
        problems = {}
        for key, export in exports.items():
            local = scan.objects.get(key)
            if problem := pointer_there(local.path if local else key, export.raw, self.workspace.root):
                problems[key] = problem
        return problems

    # --- names --------------------------------------------------------------------------------------------

    def _problems(
        self, scan: Scan, listing: Listing, remote: Mapping[str, RemoteObject], moves: Moves, keys: set[str]
    ) -> dict[str, Problem]:
        places = list(chain(moves.moving.items(), moves.left.items()))
        problems = _judged(scan.unknown, keys | {new for _, new in places}) | self._unusable(scan, listing, remote)
        for old, new in places:
            if new in problems:  # what is not known of a file is not known of its object at the old place either
                problems.setdefault(old, problems[new])
        return problems

    def _unusable(self, scan: Scan, listing: Listing, remote: Mapping[str, RemoteObject]) -> dict[str, Problem]:
        problems: dict[str, Problem] = {}
        for key in [*remote, *listing.others]:
            if reason := flaw(key, windows=shell.ON_WINDOWS):
                problems[key] = Problem(printable(key), f"is skipped: {reason}", "Rename it in the workspace.")
        for key, item in remote.items():
            if item.kind is not Kind.FILE or key in scan.unknown:
                continue
            if is_settings(key):
                problems[key] = settings_file(printable(key))
            if kind := asset(key):
                problems[key] = asset_file(printable(key), kind)
        for key, kind in listing.others.items():
            if key not in problems:
                about = f"is a {type_name(kind)} in the workspace, which is not synced"
                problems[key] = Problem(printable(key), about, "", Severity.NOTE)
                if local := scan.objects.get(key):
                    hint = f"Rename one of them; or {self.local.unlisting(local.path)}."
                    problems[key] = Problem(local.path, about, hint)
        for key, paths in local_collisions(scan.claims).items():
            named = " and ".join(paths)
            problems[key] = Problem(
                paths[0], f"collides: {named} would be the same object in the workspace", "Rename one."
            )
        for key in scan.objects if listing.others else ():
            inside = next((folder for folder in parents(key) if folder in listing.others), None)
            if inside is not None:
                kind = type_name(listing.others[inside])
                about = f"would be inside {printable(inside)}, a {kind} of the workspace"
                problems[key] = Problem(scan.objects[key].path, about, "Rename its folder.")
        for key in listing.folders & scan.objects.keys() - self._emptied(scan, listing, remote):
            path = scan.objects[key].path
            problems[key] = Problem(path, "has the name of a folder in the workspace", "Rename one of them.")
        together = {*remote, *scan.objects}
        for key, group in twins(together, ignore_case=self.local.repository.ignores_case()).items():
            named = " and ".join(printable(name) for name in group[:3])
            problems.setdefault(
                key, Problem(printable(key), f"cannot be stored: this disk does not distinguish {named}", "Rename one.")
            )
        return problems

    def _emptied(self, scan: Scan, listing: Listing, remote: Mapping[str, RemoteObject]) -> set[str]:
        """Folders in which there is nothing but what was carried from here and is deleted here by now."""
        base = self.base.entries
        kept = {key for key in remote if key not in base or key in scan.objects or key in scan.unknown}
        return {
            folder
            for folder in listing.folders & scan.objects.keys()
            if not any(key.startswith(f"{folder}/") for key in (*kept, *listing.others))
        }

    def _ignored(self, sides: Sides, problems: dict[str, Problem]) -> frozenset[str]:
        """Which of the names that a pull might write are ignored by git; such a key is not carried at all."""
        candidates = {
            key: (sides.moves.belongs(key), remote)
            for key, remote in sides.remote.items()
            if key not in sides.local and key not in problems
        }
        hidden, names = ignored_here(self.local, candidates)
        problems |= hidden
        return names

    def _rivals(self, sides: Sides) -> dict[str, str]:
        """The pairs that want one local file; a Jupyter notebook wants none that a script has."""
        pairs = rivals(sides.local, sides.remote)
        answers = [(file, self.pool.submit(self._is_jupyter, sides, notebook)) for file, notebook in pairs.items()]
        return {file: pairs[file] for file, is_jupyter in answers if not is_jupyter.result()}

    def _is_jupyter(self, sides: Sides, key: str) -> bool:
        """Whether a notebook that only the workspace has is kept as .ipynb there."""
        if key in sides.local:
            return False
        if entry := sides.base.get(key):
            return entry.format == JUPYTER
        try:
            return self.workspace.chosen_format(sides.remote[key].key) == JUPYTER
        except WorkspaceError:
            return False

    # --- content ------------------------------------------------------------------------------------------

    def _digests(
        self,
        entries: dict[str, BaseEntry],
        scan: Scan,
        remote: Mapping[str, RemoteObject],
        problems: dict[str, Problem],
        exports: dict[str, Export],
    ) -> tuple[dict[str, str], dict[str, RemoteVersion]]:
        """The remote digests that the plan needs, and the versions that stand for them where the listed ones do not.

        What cannot be read becomes a problem.
        """
        digests: dict[str, str] = {}
        versions: dict[str, RemoteVersion] = {}
        unread: list[str] = []
        for key, item in remote.items():
            base, local = entries.get(key), scan.objects.get(key)
            if key in problems or key in scan.outside or (base is None and local is None):
                continue
            listed = content_by_version(item, base, local)
            if listed is not None:
                digests[key] = listed.digest
                if listed.version is not item.version:
                    versions[key] = listed.version
            elif all(side is None or side.kind is item.kind for side in (base, local)):
                unread.append(key)

        unread = [key for key in unread if key not in exports]
        archives = ArchiveReads(self.workspace, self.pool)
        reads = [Read.of(remote[key], entries.get(key), scan.objects.get(key)) for key in unread]
        archives.begin(reads, remote.values())

        def fetch(key: str) -> Export:
            archived = archives.export(remote[key])
            return archived or read_as_known(self.workspace, remote[key], entries.get(key), scan.objects.get(key))

        def name(key: str) -> str:
            side = scan.objects.get(key) or entries.get(key)
            return side.path if side else printable(key)

        came, failed = read_each(self.pool, fetch, unread, name)
        exports |= came
        problems |= failed
        digests |= {key: export.digest for key, export in exports.items() if key not in digests}
        versions |= {key: read.version for key, read in exports.items() if read.version is not remote[key].version}
        return digests, versions

    def _read_extras(self, keys: list[str], sides: Sides) -> tuple[dict[str, Export], dict[str, Problem]]:
        def fetch(key: str) -> Export:
            return read(self.workspace, sides.remote[key], sides.local[key])

        return read_each(self.pool, fetch, keys, lambda key: sides.local[key].path)

    def _older(self, entries: dict[str, BaseEntry], scan: Scan, digests: dict[str, str]) -> frozenset[tuple[str, str]]:
        """Of what has changed, which is back to what both sides agreed on once: it may be a branch of long ago."""
        held = chain(((key, item.digest) for key, item in scan.objects.items()), digests.items())
        return self.base.earlier((key, now) for key, now in held if key in entries and now != entries[key].digest)


def _without(scan: Scan, files: Sequence[LocalObject]) -> Scan:
    claims = tuple(item for item in scan.claims if item not in files)
    return scan._replace(claims=claims, objects={item.key: item for item in claims})


def _moved(moves: Moves, entries: Mapping[str, BaseEntry]) -> Iterator[Advance]:
    """What both sides hold where somebody else has moved it."""
    for old, new in moves.followed.items():
        yield from (Advance(old, None), Advance(new, entries[old]._replace(key=new)))


def _followed(scan: Scan, followed: Mapping[str, str]) -> Scan:
    """What is not carried or not known here is so too where somebody else has moved its object: it is not absent."""
    return scan._replace(
        outside=frozenset(followed.get(key, key) for key in scan.outside),
        unknown={followed.get(key, key): problem for key, problem in scan.unknown.items()},
    )


def _standing(files: Mapping[str, LocalObject], moves: Moves) -> Mapping[str, LocalObject]:
    """The files, under the keys where their objects stand."""
    standing = moves.standing()
    if not standing:
        return files
    return {item.key: item for key, item in files.items() for item in [item._replace(key=standing.get(key, key))]}


def _advanced(entries: dict[str, BaseEntry], advances: Sequence[Advance]) -> dict[str, BaseEntry]:
    """The entries as they are after these advances."""
    changed = {advance.key: advance.entry for advance in advances}
    others = {key: entry for key, entry in entries.items() if key not in changed}
    return others | {key: entry for key, entry in changed.items() if entry}


def _judged(unknown: Mapping[str, Problem], keys: set[str]) -> dict[str, Problem]:
    """A file that cannot be read may stand for two keys: those that some side knows, else any one of them.

    What lies below a path that is not looked into, such as a symbolic link, is as unknown as the path itself.
    """
    kept = {key: problem for key, problem in unknown.items() if key in keys}
    if unknown:
        for key in keys - kept.keys():
            if above := [unknown[folder] for folder in parents(key) if folder in unknown]:
                kept[key] = above[-1]
    told = set(kept.values())
    for key, problem in unknown.items():
        if problem not in told:
            kept[key] = problem
            told.add(problem)
    return kept


def ignored_here(
    local: LocalFolder, objects: Mapping[str, tuple[str, RemoteObject]]
) -> tuple[dict[str, Problem], frozenset[str]]:
    """Those objects that git would ignore here, each with what to say of it; and all names that it would ignore.

    `objects`: by key, each with the key that it has here, which one of the folders holds.
    """
    places = {
        key: [local.place(belongs, format) for format in _possible(remote)]
        for key, (belongs, remote) in objects.items()
    }
    names = local.ignored([path for paths in places.values() for path in paths])
    # The source form first: a notebook in the other form is only known as such when it is read.
    hidden = {
        key: ignored(paths[-1], local)
        for key, paths in places.items()
        if paths[-1] in names or all(path in names for path in paths)
    }
    return hidden, frozenset(names)


def _possible(remote: RemoteObject) -> Sequence[Format | None]:
    """The formats that its local file may have."""
    if remote.kind is Kind.FILE:
        return [None]
    return [JUPYTER, *(SOURCES[language] for language in ([remote.language] if remote.language else Language))]


def outside(key: str) -> Problem:
    """What to say of an object of the workspace that would be nowhere here."""
    return Problem(key, "is in none of the folders that are synced", "", Severity.NOTE)


def ignored(path: str, local: LocalFolder) -> Problem:
    """What to say of an object whose local file git would ignore, or the project's patterns."""
    by = "the settings of the project" if excluded(local.patterns, path) else "git"
    return Problem(path, f"is ignored by {by}, so it is not synced", "", Severity.NOTE)


def pointer_there(path: str, raw: bytes, target: str) -> Problem | None:
    """What to say of an object of `target` that holds `raw`, where somebody has pushed but a pointer; else None."""
    if (program := stand_in(raw)) is None:
        return None
    command = f"to_databricks{shell.option('target', target)} --overwrite {shell.path(path)}"
    hint = f"From a clone with the file itself, type `{command}`."
    return Problem(path, f"is only a pointer of {program.value} in the workspace, so it is not pulled", hint)
