"""The local side: which files are synced (git decides), what each of them is, and which path belongs to which key.

Nothing here follows a symbolic link.
"""

from __future__ import annotations

import os
import posixpath
import stat as modes
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync import shell
from databricks_sync.errors import BrokenNotebook, ConverterMissing, SettingsError, SyncError, printable
from databricks_sync.model import (
    JUPYTER,
    BaseEntry,
    Folder,
    Form,
    Format,
    Kind,
    LocalObject,
    Patterns,
    Problem,
    Severity,
    Stat,
)
from databricks_sync.notebook.equality import digests, file_digest
from databricks_sync.notebook.format import EXTENSIONS, Identity, cut_short, file_name, identify, sha256, wire
from databricks_sync.notebook.merge import unresolved
from databricks_sync.rules.credentials import kinds
from databricks_sync.rules.layout import Layout
from databricks_sync.rules.names import flaw, leads_out, nfc, parents
from databricks_sync.rules.never_synced import asset, is_litter, is_settings
from databricks_sync.rules.patterns import excluded, included
from databricks_sync.rules.stand_ins import StandIn, is_annex_link, stand_in

from .files import LocalFiles, mode_of, stable_read, stat_of
from .git import UNTRACK, Entry, Repository, Status, program, typed
from .identity import project_of

HEAD = 64
_NO_PATTERNS = Patterns()
# SERVER: a source notebook ends at 10 MB on every endpoint, a Jupyter one at 100 MB, a file at 500 MB (Databricks'
# documentation of notebook and workspace file limits, 2026).
LIMITS = {Form.SOURCE: 10 * 2**20, Form.JUPYTER: 100 * 2**20, None: 500 * 2**20}


class Scan(NamedTuple):
    """The local side as it stood. `unknown` keys exist but cannot be judged: never taken for absent."""

    objects: Mapping[str, LocalObject] = MappingProxyType({})
    claims: tuple[LocalObject, ...] = ()  # all objects, also those that share a key
    unknown: Mapping[str, Problem] = MappingProxyType({})
    outside: frozenset[str] = frozenset()  # tracked by the base, still on disk, but no longer carried
    exists: bool = True
    displaced: frozenset[str] = frozenset()  # of the base's files outside, those whose key another file has by now
    looked: bool = True  # False where nobody looked, because the run is not about the local side

    @property
    def empty(self) -> bool:
        """Whether there is nothing here, as far as can be told."""
        return not self.claims and not self.unknown


class LocalFolder(LocalFiles):
    """The folders to carry, in one project."""

    def __init__(
        self, project: Path, folders: tuple[Folder, ...], repository: Repository, patterns: Patterns = _NO_PATTERNS
    ) -> None:
        super().__init__(project, tuple(folder.path for folder in folders))
        self.folders = folders
        self.patterns = patterns
        self.layout = Layout.of(folder.shown for folder in folders)
        self.repository = repository

    # --- looking ------------------------------------------------------------------------------------------

    def scan(self, base: Mapping[str, BaseEntry]) -> Scan:
        """Everything that is carried, hashed; a file whose stat is the base's is not read again."""
        entries = {entry.path: entry for entry in base.values()}
        for path, agreed in entries.items():
            if key := self.layout.moved(agreed.key, path):
                entries[path] = agreed._replace(key=key)
        claims: list[LocalObject] = []
        unjudged: list[tuple[Folder, str, Problem]] = []
        exists = True
        for folder in self.folders:
            if not folder.path.is_dir():
                exists = False
                continue
            links: dict[str, bool] = {}
            for entry in self._entries(folder):
                if entry.path == ".":  # so git calls a submodule that is asked from within, and not fetched
                    raise _unfetched(folder)
                if not entry.tracked and is_litter(entry.path):
                    continue
                item = self._inspect(folder, entry, entries, links)
                if isinstance(item, LocalObject):
                    claims.append(item)
                elif item is not None:
                    unjudged.append((folder, entry.path, item))
        unknown = self._unknown(unjudged, entries, base) if unjudged else {}
        objects = {item.key: item for item in claims}
        seen = {item.path for item in claims} | {problem.path for problem in unknown.values()}
        outside = frozenset(entry.key for entry in base.values() if entry.path not in seen and self._stands(entry.path))
        displaced = frozenset(key for key in outside & objects.keys() if self.layout.key(base[key].path, key) is None)
        return Scan(objects, tuple(claims), unknown, outside - objects.keys() - unknown.keys(), exists, displaced)

    def _entries(self, folder: Folder) -> Iterator[Entry]:
        """What git lists there, as the project's patterns change it."""
        for entry in self.repository.entries(folder.path):
            if not self.patterns.exclude or not excluded(self.patterns, _path(folder, entry)):
                yield entry
        for entry in self.repository.ignored_files(folder.path) if self.patterns.include else ():
            if included(self.patterns, _path(folder, entry)):
                yield entry

    def _stands(self, path: str) -> bool:
        """Whether a file is there still; a folder of its name is something else."""
        try:
            mode = mode_of(f"{self.project}/{path}")
        except OSError:
            return True  # what we may not look at is not absent
        return mode is not None and not modes.S_ISDIR(mode)

    def _unknown(
        self,
        unjudged: Iterable[tuple[Folder, str, Problem]],
        entries: Mapping[str, BaseEntry],
        base: Mapping[str, BaseEntry],
    ) -> dict[str, Problem]:
        """The keys that paths which could not be judged may stand for: none of them is absent.

        `entries` has the entries of `base` by path, each with its present key.
        """
        agreed = {path: {entry.key: None} for path, entry in entries.items()}
        for item in base.values():
            agreed[item.path][item.key] = None
        unknown: dict[str, Problem] = {}
        for folder, path, problem in unjudged:
            shown = f"{folder.shown}/{path}".removeprefix("./")
            unknown |= dict.fromkeys(agreed.get(shown) or self._possible_keys(folder, path, base), problem)
        return unknown

    def _possible_keys(self, folder: Folder, path: str, base: Mapping[str, BaseEntry]) -> list[str]:
        full = nfc(folder.prefix + path)
        stem, suffix = os.path.splitext(full)
        notebook = suffix.lower() == ".ipynb" or suffix.lower() in EXTENSIONS
        keys = (stem, full) if notebook else (full,)
        return [key for key in keys if key in base] or list(keys)

    def _inspect(
        self, folder: Folder, entry: Entry, entries: Mapping[str, BaseEntry], links: dict[str, bool]
    ) -> LocalObject | Problem | None:
        """What a path that git lists is: an object, what is wrong with it, or None where nothing is there."""
        path = _path(folder, entry)
        if entry.unmerged:
            hint = f"Resolve it, and type `{typed('add', self.project, path)}`."
            return Problem(path, "has an unresolved merge conflict", hint)
        try:
            status = os.lstat(f"{folder.path}/{entry.path}")
        except (FileNotFoundError, NotADirectoryError):
            if entry.sparse:
                return Problem(
                    path, "is not on this disk because of a sparse checkout, so it is skipped", "", Severity.NOTE
                )
            return None
        except OSError as error:
            hint = f"Make it readable, or {self.unlisting(path, tracked=entry.tracked)}."
            return Problem(path, f"cannot be accessed ({error.strerror})", hint, Severity.FAILED)
        if is_settings(path):
            return settings_file(path, _sentence(self.unlisting(path, tracked=entry.tracked)))
        if kind := asset(path):
            return asset_file(path, kind)
        if not modes.S_ISREG(status.st_mode):
            return self._not_carried(path, status, entry)
        if _linked(folder.path, entry.path.rpartition("/")[0], links):
            hint = f"Replace the link with a copy of its folder; or {self.unlisting(path, tracked=entry.tracked)}."
            return Problem(path, "is inside a symbolic link, which is never followed", hint)
        stamp = stat_of(status)
        cached = entries.get(path)
        if cached is not None and cached.stat == stamp:
            # The very strings and numbers of the base, not copies: in a large tree they are most of the memory.
            return LocalObject(
                key=cached.key,
                path=cached.path,
                kind=cached.kind,
                digest=cached.digest,
                sha=cached.local_sha,
                stat=cached.stat,
                format=cached.format,
                extras=cached.extras,
            )
        if reason := flaw(nfc(entry.path), windows=shell.ON_WINDOWS):
            return Problem(printable(path), f"cannot be synced: {reason}", "Rename it.")
        notebook = cached is not None and cached.kind is Kind.NOTEBOOK
        return self._read_or_problem(folder, entry.path, path, status.st_size, notebook=notebook)

    def _read_or_problem(
        self, folder: Folder, name: str, path: str, size: int, *, notebook: bool
    ) -> LocalObject | Problem | None:
        """The object that a file is, or what is wrong with it; None where it is gone."""
        try:
            item = self._read(folder, name, path, size, notebook=notebook)
            if isinstance(item, LocalObject) and (reason := flaw(item.key, windows=shell.ON_WINDOWS)):
                return Problem(printable(path), f"cannot be synced: {reason}", "Rename it.")
            return item
        except ConverterMissing as error:
            return Problem(path, f"is skipped: {error}", "Type `pip install nbformat`.", Severity.FAILED)
        except BrokenNotebook as error:
            return Problem(path, f"is skipped: {error}", "Correct or remove it.", Severity.FAILED)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SyncError as error:
            return Problem(path, error.message, error.hint, Severity.FAILED)
        except OSError as error:
            hint = f"Make it readable, or {self.unlisting(path)}."
            return Problem(path, f"cannot be read ({error.strerror})", hint, Severity.FAILED)

    def _not_carried(self, path: str, status: os.stat_result, entry: Entry) -> Problem | None:
        """What to say of what is no regular file; None where git does not know yet that a file became a folder."""
        if modes.S_ISLNK(status.st_mode):
            hint = f"Replace it with a copy; or {self.unlisting(path, tracked=entry.tracked)}."
            if is_annex_link(_target(f"{self.project}/{path}")):
                get, unlock = (typed(f"annex {command}", self.project, path) for command in ("get", "unlock"))
                hint = f"It stands for a file of git-annex: type `{get}` and `{unlock}`."
            return Problem(path, "is a symbolic link, which is never followed", hint)
        if not modes.S_ISDIR(status.st_mode):
            return Problem(path, "is not a regular file", _sentence(self.unlisting(path, tracked=entry.tracked)))
        if not entry.tracked:
            return Problem(path, "is a git repository of its own, which is not synced", "Add it to .gitignore.")
        if self.repository.is_submodule(self.project / path):  # nobody can git-ignore it: it is another repository's
            return Problem(path, "is a git submodule, which is not synced", "", Severity.NOTE)
        return None

    def unlisting(self, path: str, *, tracked: bool | None = None) -> str:
        """What makes a path be listed no more: git minds no .gitignore where it tracks the path; None: git is asked."""
        if tracked is None:
            tracked = self.repository.tracks(self.project / path)
        if not tracked and included(self.patterns, path):
            return "exclude it in the settings of the project"
        untrack = f"type `{typed(UNTRACK, self.project, path)}` and " if tracked else ""
        return f"{untrack}add it to .gitignore"

    def _read(self, folder: Folder, name: str, path: str, size: int, *, notebook: bool) -> LocalObject | Problem:
        """`notebook`: it was one. Raises BrokenNotebook, Changing, OSError; SyncError where it is too large."""
        where, file = f"{folder.path}/{name}", name.rpartition("/")[2]
        if size > min(LIMITS.values()):
            with Path(where).open("rb") as opened:
                format = identify(file, opened.read(HEAD)).format
            limit = LIMITS[format and format.form]
            if size > limit:
                about = f"is {size / 2**20:.1f} MB, and the workspace accepts {limit // 2**20} MB"
                raise SyncError(about, f"Split it, or {self.unlisting(path)}.")
        raw, stamp = stable_read(where)
        if holder := stand_in(raw):
            return pointer(path, holder, self.project)
        identity = identify(file, raw[:HEAD])
        if identity.format == JUPYTER and not raw.strip():
            return Problem(path, "is empty, so it is not a notebook yet", "", Severity.NOTE)
        if notebook and identity.format is None and cut_short(name, raw):
            return Problem(path, "was a notebook and is now empty or half saved", "", Severity.NOTE)
        parent = nfc(folder.prefix + name).rpartition("/")[0]
        key = f"{parent}/{nfc(identity.name)}" if parent else nfc(identity.name)
        item = _object(key, path, identity, raw, stamp)
        looks_like = kinds(raw)
        return item._replace(credentials=looks_like) if looks_like else item

    def is_included(self, path: str) -> bool:
        """Whether git ignores the file at `path`, and the project's patterns include it."""
        return included(self.patterns, path) and bool(self.repository.ignored([path]))

    def status(self) -> Status:
        """What is checked out, and what of it is synced and not as it was committed, by its path from the project."""
        commits, changed = set[str](), list[str]()
        project = project_of(self.project, self.repository)
        for folder in (folder for folder in self.folders if folder.path.is_dir()):
            commit, paths = self.repository.status(folder.path)
            if paths is None:
                return Status(commit, None)
            commits.add(commit)
            names = (posixpath.relpath(path, project) for path in paths)
            changed += [name for name in names if not excluded(self.patterns, name)]
        if len(commits) == 1:
            return Status(commits.pop(), changed)
        return Status(self.repository.commit(), None if commits else changed)  # None: somebody has committed meanwhile

    # --- places -------------------------------------------------------------------------------------------

    def ignored(self, paths: list[str]) -> set[str]:
        """Those of `paths` that would not be synced if they stood there: git says so, or the project's patterns."""
        out = {path for path in paths if excluded(self.patterns, path)}
        return out | {path for path in self.repository.ignored(paths) if not included(self.patterns, path)}

    def holds(self, key: str) -> bool:
        """Whether `key` belongs to one of the folders."""
        return any(key.startswith(folder.prefix) for folder in self.folders)

    def place(self, key: str, format: Format | None) -> str:
        """The local path, relative to the project, for a key that one of the folders holds.

        Without its format a notebook has no extension there, and that is what to call it until it is read.
        """
        folder = next(f for f in self.folders if key.startswith(f.prefix))
        return f"{folder.shown}/{file_name(key[len(folder.prefix) :], format)}".removeprefix("./")

    def names_in(self, folder: str) -> list[str]:
        """The names of all that lies in a folder of the project, synced or not; none where it cannot be read."""
        try:
            return [path.name for path in (self.project / folder).iterdir()]
        except OSError:
            return []

    def outer(self, path: str) -> tuple[str, str]:
        """What a local path, and its key, begin with before what is inside of a folder; nothing where it is in none."""
        return next((place for place in self.layout.prefixes if path.startswith(place[0])), ("", ""))


def _path(folder: Folder, entry: Entry) -> str:
    """Where an entry is, relative to the project."""
    return f"{folder.shown}/{entry.path}".removeprefix("./")


def _object(key: str, path: str, identity: Identity, raw: bytes, stamp: Stat) -> LocalObject:
    format = identity.format
    held = wire(raw, format)
    sent = sha256(held)
    content, extras = digests(held, format) if format else (file_digest(sent), "")
    return LocalObject(
        key=key,
        path=path,
        kind=Kind.NOTEBOOK if format else Kind.FILE,
        digest=content,
        sha=sent,
        stat=stamp,
        format=format,
        extras=extras,
        unresolved=unresolved(held, format) if format else 0,
    )


def describe(key: str, path: str, raw: bytes, stamp: Stat) -> LocalObject:
    """The local object that `raw` is under the name `path`. Raises BrokenNotebook."""
    return _object(key, path, identify(Path(path).name, raw[:HEAD]), raw, stamp)


def _linked(top: Path, folder: str, links: dict[str, bool]) -> bool:
    """Whether a folder below `top` is, or is behind, a symbolic link; `links` keeps the answers of one scan."""
    if folder not in links:
        above = folder.rpartition("/")[0]
        links[folder] = bool(folder) and (_linked(top, above, links) or (top / folder).is_symlink())
    return links[folder]


def _unfetched(folder: Folder) -> SettingsError:
    command = typed("submodule update --init", folder.path.parent, folder.path.name)
    return SettingsError(
        f"{folder.shown} is a git submodule that was not fetched, so its contents are unknown.",
        f"Type `{command}`; in CI, check out with submodules.",
    )


def _target(link: str) -> str:
    try:
        return str(Path(link).readlink())
    except OSError:
        return ""


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def settings_file(path: str, hint: str = "") -> Problem:
    """What to say of a `.env`."""
    return Problem(path, "may contain a token, so it is never synced", hint, Severity.NOTE)


def asset_file(path: str, kind: str) -> Problem:
    """What to say of a dashboard, a query and the like in a file."""
    return Problem(path, f"is {kind} of Databricks, which is not synced", "", Severity.NOTE)


def pointer(path: str, holder: StandIn, project: Path) -> Problem:
    """What to say of a file in a project that git-lfs or git-annex has put in place of another one."""
    lfs = f"Type `{program(project)} lfs pull`; in CI, check out with LFS."
    hint = lfs if holder is StandIn.LFS else f"Type `{typed('annex get', project, path)}`."
    return Problem(path, f"is a pointer of {holder.value}, not the file itself", hint)


def check_project(folder: LocalFolder) -> None:
    """Raises SettingsError where one of the folders to carry cannot be one, or is another repository's."""
    for item in folder.folders:
        for name in (*parents(item.shown), item.shown):
            if leads_out(name):
                continue
            where = folder.project / name
            if where.is_symlink() or (where.exists() and not where.is_dir()):
                raise SettingsError(f"{name} is not a folder.", "Correct NOTEBOOK_FOLDER, or `folders`.")
            if name != "." and os.path.lexists(where / ".git"):
                inside = os.path.relpath(item.shown, name)
                outer, inner = shell.word(where.as_posix(), "PATH"), shell.word(inside, "PATH")
                hint = f"To sync it, set `PROJECT_FOLDER={outer}` and `NOTEBOOK_FOLDER={inner}`."
                raise SettingsError(f"{name} is a git repository of its own, so it is not synced from here.", hint)
