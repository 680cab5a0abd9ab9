"""The local side: which files are carried (git decides), reading them stably, replacing them atomically.

Nothing here follows a symbolic link, and nothing is written outside the folders to carry.
"""

from __future__ import annotations

import os
import re
import stat as modes
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync import shell
from databricks_sync.durable import fsync_directory
from databricks_sync.errors import BrokenNotebook, OldNotebook, SettingsError, SyncError, printable
from databricks_sync.failpoints import reached
from databricks_sync.model import BaseEntry, Folder, Form, Kind, Language, LocalObject, Problem, Severity, Stat
from databricks_sync.notebook.format import (
    EXTENSIONS,
    Identity,
    cut_short,
    digest,
    file_digest,
    file_name,
    identify,
    sha256,
    wire,
)
from databricks_sync.notebook.merge import unresolved
from databricks_sync.rules.credentials import kinds
from databricks_sync.rules.layout import Layout
from databricks_sync.rules.names import flaw, nfc, parents

from .git import Entry, Repository
from .one_by_one import OneByOne

HEAD = 64
# SERVER: a source notebook ends at 10 MB on every endpoint, a Jupyter one at 100 MB, a file at 500 MB (Databricks'
# documentation of notebook and workspace file limits, 2026).
LIMITS = {Form.SOURCE: 10 * 2**20, Form.JUPYTER: 100 * 2**20, None: 500 * 2**20}
# What editors leave beside a file while it is open; carried only where git tracks it.
_LITTER_NAMES = ("*~", ".*.sw?", ".#*", "#*#", "4913", ".DS_Store", "Thumbs.db", "*.tmp-databricks-sync")
_LITTER = re.compile("|".join(translate(os.path.normcase(name)) for name in _LITTER_NAMES))  # asked for every name
_LITTER_FOLDERS = frozenset((".ipynb_checkpoints", "__pycache__"))
TEMPORARY = ".tmp-databricks-sync"
# A file changed this shortly before it was read may change again without its times showing it.
_RACY_NS = 2 * 10**9
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ABANDONED = 3600.0  # seconds after which a temporary file is nobody's, whosever it was


class Scan(NamedTuple):
    """The local side as it stood. `unknown` keys exist but cannot be judged: never taken for absent."""

    objects: Mapping[str, LocalObject] = MappingProxyType({})
    claims: tuple[LocalObject, ...] = ()  # all objects, also those that share a key
    unknown: Mapping[str, Problem] = MappingProxyType({})
    outside: frozenset[str] = frozenset()  # tracked by the base, still on disk, but no longer carried
    exists: bool = True
    displaced: frozenset[str] = frozenset()  # of the base's files outside, those whose key another file has by now

    @property
    def empty(self) -> bool:
        """Whether there is nothing here, as far as can be told."""
        return not self.claims and not self.unknown


class Changing(SyncError):
    """A file changed while it was being read."""


class LocalFolder:
    """The folders to carry, in one project."""

    def __init__(self, project: Path, folders: tuple[Folder, ...], repository: Repository) -> None:
        self.project = project
        self.folders = folders
        self.layout = Layout.of(folder.shown for folder in folders)
        self.repository = repository
        self._new_mode = 0o666 & ~_umask()
        self._mark = ""  # in the names of our temporary files: the state whose lock we hold
        self._naming = threading.Lock()
        self._line = threading.Lock()

    def one_by_one(self) -> OneByOne:
        """For work with our files by many threads; not twice by the same one."""
        return OneByOne(self._line)

    # --- looking ------------------------------------------------------------------------------------------

    def scan(self, base: Mapping[str, BaseEntry]) -> Scan:
        """Everything that is carried, hashed; a file whose stat is the base's is not read again."""
        known = {entry.path: entry for entry in base.values()}
        for path, held in known.items():
            if key := self.layout.moved(held.key, path):
                known[path] = held._replace(key=key)
        claims: list[LocalObject] = []
        unknown: dict[str, Problem] = {}
        exists = True
        for folder in self.folders:
            if not folder.path.is_dir():
                exists = False
                continue
            links: dict[str, bool] = {}
            for entry in self.repository.entries(folder.path):
                if entry.path == ".":  # so git calls a submodule that is asked from within, and not fetched
                    raise _unfetched(folder)
                if not entry.tracked and is_litter(entry.path):
                    continue
                found = self._inspect(folder, entry, known, links)
                if isinstance(found, LocalObject):
                    claims.append(found)
                elif found is not None:
                    unknown |= dict.fromkeys(self._problem_keys(folder, entry.path, known, base), found)
        objects = {item.key: item for item in claims}
        seen = {item.path for item in claims} | {problem.path for problem in unknown.values()}
        outside = frozenset(entry.key for entry in base.values() if entry.path not in seen and self._stands(entry.path))
        displaced = frozenset(key for key in outside & objects.keys() if self.layout.key(base[key].path, key) is None)
        return Scan(objects, tuple(claims), unknown, outside - objects.keys() - unknown.keys(), exists, displaced)

    def _stands(self, path: str) -> bool:
        """Whether a file is there still; a folder of its name is something else."""
        try:
            mode = _mode(f"{self.project}/{path}")
        except OSError:
            return True  # what we may not look at is not absent
        return mode is not None and not modes.S_ISDIR(mode)

    def _problem_keys(
        self, folder: Folder, path: str, known: Mapping[str, BaseEntry], base: Mapping[str, BaseEntry]
    ) -> list[str]:
        """The keys that a path which could not be judged may stand for: none of them is absent."""
        shown = f"{folder.shown}/{path}".removeprefix("./")
        if entry := known.get(shown):
            return [entry.key, *(one.key for one in base.values() if one.path == shown and one.key != entry.key)]
        full = nfc(folder.prefix + path)
        stem, suffix = os.path.splitext(full)
        notebook = suffix.lower() == ".ipynb" or suffix.lower() in EXTENSIONS
        named = (stem, full) if notebook else (full,)
        return [key for key in named if key in base] or list(named)

    def _inspect(
        self, folder: Folder, entry: Entry, known: Mapping[str, BaseEntry], links: dict[str, bool]
    ) -> LocalObject | Problem | None:
        path = f"{folder.shown}/{entry.path}".removeprefix("./")
        if entry.unmerged:
            return Problem(path, "has an unresolved merge conflict", "Resolve it, and `git add` it.")
        try:
            status = os.lstat(f"{folder.path}/{entry.path}")
        except (FileNotFoundError, NotADirectoryError):
            if entry.sparse:
                return Problem(
                    path, "is kept off this disk by a sparse checkout, so it is left alone", "", Severity.NOTE
                )
            return None
        except OSError as error:
            return Problem(path, f"cannot be looked at ({error.strerror})", "", Severity.FAILED)
        if is_secret(path):
            return secret(path, "Have git ignore it.")
        if trouble := _not_carried(path, status, entry):
            return trouble
        if _linked(folder.path, entry.path.rpartition("/")[0], links):
            return Problem(path, "is behind a symbolic link, which is never followed")
        stamp = _stat(status)
        cached = known.get(path)
        if cached is not None and cached.stat == stamp:
            # The very strings and numbers of the base, not copies: in a large tree they are most of the memory.
            return LocalObject(
                *(cached.key, cached.path, cached.kind, cached.digest, cached.local_sha, cached.stat),
                *(cached.form, cached.language),
            )
        if reason := flaw(nfc(entry.path), windows=False):
            return Problem(printable(path), f"cannot be carried: {reason}", "Rename it.")
        try:
            notebook = cached is not None and cached.kind is Kind.NOTEBOOK
            found = self._read(folder, entry.path, path, status.st_size, notebook=notebook)
            if isinstance(found, LocalObject) and (reason := flaw(found.key, windows=False)):
                return Problem(printable(path), f"cannot be carried: {reason}", "Rename it.")
            return found
        except OldNotebook as error:
            typed = f"jupyter nbconvert --to notebook --nbformat 4 --inplace {shell.path(path)}"
            return Problem(path, f"is not carried: {error}", f"Type `{typed}`.", Severity.FAILED)
        except BrokenNotebook as error:
            return Problem(path, f"is not carried: {error}", "Correct or remove it.", Severity.FAILED)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SyncError as error:
            return Problem(path, error.message, error.hint, Severity.FAILED)
        except OSError as error:
            return Problem(path, f"cannot be read ({error.strerror})", "", Severity.FAILED)

    def _read(self, folder: Folder, name: str, path: str, size: int, *, notebook: bool) -> LocalObject | Problem:
        """`notebook`: it was one. Raises BrokenNotebook, Changing, OSError; SyncError where it is too large."""
        where, file = f"{folder.path}/{name}", name.rpartition("/")[2]
        if size > min(LIMITS.values()):
            with Path(where).open("rb") as opened:
                form = identify(file, opened.read(HEAD)).form
            if size > LIMITS[form]:
                limit = LIMITS[form] // 2**20
                raise SyncError(
                    f"is {size / 2**20:.1f} MB, and the workspace takes {limit} MB", "Split it, or git-ignore it."
                )
        raw, stamp = stable_read(where)
        identity = identify(file, raw[:HEAD])
        if identity.form is Form.JUPYTER and not raw.strip():
            return Problem(path, "is empty, so it is no notebook yet", "", Severity.NOTE)
        if notebook and identity.form is None and cut_short(name, raw):
            return Problem(path, "is empty, or half saved, and was a notebook", "", Severity.NOTE)
        parent = nfc(folder.prefix + name).rpartition("/")[0]
        key = f"{parent}/{nfc(identity.name)}" if parent else nfc(identity.name)
        found = _object(key, path, identity, raw, stamp)
        looks_like = kinds(raw)
        return found._replace(credentials=looks_like) if looks_like else found

    # --- places -------------------------------------------------------------------------------------------

    def holds(self, key: str) -> bool:
        """Whether `key` belongs to one of the folders."""
        return any(key.startswith(folder.prefix) for folder in self.folders)

    def shown(self, key: str) -> str:
        """What to call a key that only the workspace has; the extension of a notebook is not known yet."""
        folder = next(f for f in self.folders if key.startswith(f.prefix))
        return f"{folder.shown}/{key[len(folder.prefix) :]}".removeprefix("./")

    def place(self, key: str, kind: Kind, form: Form | None, language: Language | None) -> str:
        """The local path, relative to the project, for a key without a flaw that one of the folders holds."""
        folder = next(f for f in self.folders if key.startswith(f.prefix))
        inside = key[len(folder.prefix) :]
        if kind is Kind.NOTEBOOK and form is not None:
            inside = file_name(inside, form, language)
        return f"{folder.shown}/{inside}".removeprefix("./")

    def standing(self, folder: str) -> list[str]:
        """The names of all that stands in a folder of the project, carried or not; none where it cannot be read."""
        try:
            return [one.name for one in (self.project / folder).iterdir()]
        except OSError:
            return []

    def outer(self, path: str) -> tuple[str, str]:
        """What a local path, and its key, begin with before what is inside of a folder; nothing where it is in none."""
        for folder in self.folders:
            start = "" if folder.shown == "." else f"{folder.shown}/"
            if path.startswith(start):
                return start, folder.prefix
        return "", ""

    def misread(self, path: str, kind: Kind, head: bytes) -> bool:
        """Whether content beginning with `head`, stored at `path`, would be taken for another kind here."""
        return identify(Path(path).name, head).kind is not kind

    def absolute(self, path: str) -> Path:
        """Where `path` is on disk. Raises SyncError when a link or a file stands on the way, from the project on."""
        for parent in parents(path):
            step = f"{self.project}/{parent}"
            mode = _mode(step)
            if mode is None:
                break  # and so is everything below it
            if modes.S_ISLNK(mode):
                raise SyncError(f"is behind the symbolic link {parent}, which is never followed")
            if not modes.S_ISDIR(mode):
                raise SyncError(f"cannot be stored: {parent} is a file", f"Rename {parent}.")
            if _mode(f"{step}/.git") is not None:
                raise SyncError(f"cannot be stored: {parent} is a git repository of its own", f"Rename {parent}.")
        return self.project / path

    # --- writing ------------------------------------------------------------------------------------------

    def create(self, path: str, data: bytes) -> Stat:
        """Writes a new file. Raises FileExistsError when there is one: nothing is replaced."""
        with self.one_by_one() as turn:
            where = self.absolute(path)
            try:
                temporary = self._temporary(where, data, self._new_mode, turn)
            except FileNotFoundError:
                where.parent.mkdir(parents=True, exist_ok=True)
                temporary = self._temporary(where, data, self._new_mode, turn)
            try:
                reached("before local create")
                self._name(temporary, where)
                reached("after local create")
            finally:
                temporary.unlink(missing_ok=True)
            return _stat(where.lstat())

    def replace(self, item: LocalObject, data: bytes) -> Stat:
        """Replaces the file if it still holds what `item` says. Raises Changing otherwise.

        RACE: a save between the last hash and the rename, some microseconds, is overwritten; the backup holds
        what stood there before it.
        """
        with self.one_by_one() as turn:
            where = self.absolute(item.path)
            temporary = self._temporary(where, data, modes.S_IMODE(where.lstat().st_mode), turn)
            try:
                self._expect(where, item)
                reached("before local replace")
                os.replace(temporary, where)
                reached("after local replace")
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            return _stat(where.lstat())

    def remove(self, item: LocalObject) -> None:
        """Deletes the file if it still holds what `item` says, and the folders that become empty."""
        where = self.absolute(item.path)
        self._expect(where, item)
        reached("before local remove")
        where.unlink()
        reached("after local remove")
        roots = {folder.path for folder in self.folders}
        for parent in where.parents:
            if parent in roots or self.project not in parent.parents:
                break
            try:
                parent.rmdir()
            except OSError:
                break

    def _temporary(self, where: Path, data: bytes, mode: int, turn: OneByOne) -> Path:
        """A finished file beside `where`, durable but for its name. Raises FileNotFoundError without the folder."""
        temporary = where.parent / f".{os.urandom(8).hex()}-{self._mark}{TEMPORARY}"
        handle = os.open(temporary, _WRITING, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                with turn.aside():
                    os.fsync(handle)
            if mode != self._new_mode:  # the mask may have taken something away
                temporary.chmod(mode)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _name(self, temporary: Path, where: Path) -> None:
        """Gives a finished file its name, unless the name is taken (FileExistsError)."""
        try:
            os.link(temporary, where)
        except FileExistsError:
            raise
        except OSError:
            # RACE: without hard links, what another program makes between this look and the rename, microseconds, is
            # replaced; on Windows the rename refuses. To claim the name with an empty file first would leave that
            # behind wherever a run dies, and the next one would take it for somebody's.
            with self._naming:
                if os.path.lexists(where):
                    raise FileExistsError(where) from None
                temporary.rename(where)

    def _expect(self, where: Path, item: LocalObject) -> None:
        raw, _ = stable_read(where)
        if sha256(wire(raw, item.kind)) != item.sha:
            raise Changing("was changed here while the run was under way", "Run the command again.")

    def read(self, path: str) -> tuple[bytes, Stat]:
        """The bytes of a file and their stat, read while nobody wrote. Raises Changing, OSError, SyncError."""
        return stable_read(self.absolute(path))

    def again(self, item: LocalObject) -> bytes:
        """The bytes of a file that was read before, for whoever knows their sha256; where it grew, one more of them.

        Whatever became of the way there, these bytes are the ones that were planned with. Raises OSError.
        """
        file = os.open(f"{self.project}/{item.path}", _READING)
        try:
            return _bytes_of(file, item.stat.size)
        finally:
            os.close(file)

    def settle(self, paths: Iterable[str]) -> None:
        """Makes the names of files written or removed durable, before the base claims that they are."""
        for parent in {(self.project / path).parent for path in paths}:
            fsync_directory(parent)

    def sweep(self, mark: str) -> None:
        """Removes what a killed run left half-written. Only while holding the lock of the state named `mark`.

        What has another mark may be in the hands of a run on another target, and stays until that cannot be.
        """
        self._mark = mark
        for left in self._half_written():
            try:
                if left.name.endswith(f"-{mark}{TEMPORARY}") or time.time() - left.lstat().st_mtime > _ABANDONED:
                    left.unlink()
            except OSError:
                pass  # it is in nobody's way

    def _half_written(self) -> Iterator[Path]:
        for folder in self.folders:
            for where, _, names in os.walk(folder.path):
                yield from (Path(where, name) for name in names if name.endswith(TEMPORARY))


def _object(key: str, path: str, identity: Identity, raw: bytes, stamp: Stat) -> LocalObject:
    sent = sha256(wire(raw, identity.kind))
    form, language = identity.form, identity.language
    if form is None:
        return LocalObject(key, path, identity.kind, file_digest(sent), sent, stamp)
    marked = unresolved(raw, form, language)
    return LocalObject(key, path, identity.kind, digest(raw, form, language), sent, stamp, form, language, marked)


def describe(key: str, path: str, raw: bytes, stamp: Stat) -> LocalObject:
    """The local object that `raw` is under the name `path`. Raises BrokenNotebook."""
    return _object(key, path, identify(Path(path).name, raw[:HEAD]), raw, stamp)


def settled(stamp: Stat, now_ns: int) -> Stat | None:
    """The stat as it may be remembered: None while another change could still leave it as it is."""
    return None if abs(now_ns - stamp.mtime_ns) < _RACY_NS or abs(now_ns - stamp.ctime_ns) < _RACY_NS else stamp


def stable_read(where: Path | str) -> tuple[bytes, Stat]:
    """The bytes of a file nobody wrote to while they were read, and their stat. Raises Changing, OSError."""
    for _ in range(3):
        file = os.open(where, _READING)
        try:
            before = _stat(os.fstat(file))
            raw = _bytes_of(file, before.size)
            after = _stat(os.fstat(file))
        finally:
            os.close(file)
        if before == after and len(raw) == before.size:
            return raw, before
    raise Changing("is being written", "Run the command again when that is done.")


def _bytes_of(file: int, size: int) -> bytes:
    """So many bytes of an open file, and one more where it grew; some file systems give them in parts."""
    raw = os.read(file, size + 1)
    while len(raw) < size and (more := os.read(file, size - len(raw))):
        raw += more
    return raw


def _linked(top: Path, folder: str, known: dict[str, bool]) -> bool:
    """Whether a folder below `top` is, or is behind, a symbolic link; `known` keeps the answers of one look."""
    if folder not in known:
        above = folder.rpartition("/")[0]
        known[folder] = bool(folder) and (_linked(top, above, known) or (top / folder).is_symlink())
    return known[folder]


def _unfetched(folder: Folder) -> SettingsError:
    # By its absolute name: git takes that wherever in the work tree it is typed.
    return SettingsError(
        f"{folder.shown} is a git submodule that was not fetched, so what is in it is unknown.",
        f"Type `git submodule update --init {shell.path(folder.path.as_posix())}`; in CI, check out with submodules.",
    )


def _not_carried(path: str, status: os.stat_result, entry: Entry) -> Problem | None:
    if modes.S_ISLNK(status.st_mode):
        return Problem(
            path, "is a symbolic link, which is never followed", "Put a copy in its place, or git-ignore it."
        )
    if modes.S_ISDIR(status.st_mode):
        if entry.tracked:  # nobody can git-ignore it: what is in it is another repository's to carry
            return Problem(path, "is a git submodule, which is not carried", "", Severity.NOTE)
        return Problem(path, "is a git repository of its own, which is not carried", "Git-ignore it.")
    if not modes.S_ISREG(status.st_mode):
        return Problem(path, "is not a regular file", "Git-ignore it.")
    return None


def is_secret(path: str) -> bool:
    """Whether a file is somebody's settings: pushed, its token would be read by others, pulled, be of their choice."""
    return path.rpartition("/")[2].casefold() == ".env"


def secret(path: str, hint: str = "") -> Problem:
    return Problem(path, "may hold a token, so it is never carried", hint, Severity.NOTE)


def is_litter(path: str) -> bool:
    *folders, name = path.split("/")
    return not _LITTER_FOLDERS.isdisjoint(folders) or _LITTER.match(os.path.normcase(name)) is not None


def _stat(status: os.stat_result) -> Stat:
    return Stat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _mode(path: str) -> int | None:
    """The mode of what stands at `path` itself; None where nothing does."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _umask() -> int:
    """The process's mask. Asking for it means setting it, so this is done once, before there are threads."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def check_project(folder: LocalFolder) -> None:
    """Raises SettingsError where one of the folders to carry cannot be one, or is another repository's."""
    for item in folder.folders:
        for name in (*parents(item.shown), item.shown):
            where = folder.project / name
            if (where.is_symlink() and name == item.shown) or (where.exists() and not where.is_dir()):
                raise SettingsError(f"{name} is not a folder.", "Correct NOTEBOOK_FOLDER.")
            if name != "." and os.path.lexists(where / ".git"):
                inside = os.path.relpath(item.shown, name)
                outer, inner = shell.word(name, "PATH"), shell.word(inside, "PATH")
                hint = f"To carry it, set `PROJECT_FOLDER={outer}` and `NOTEBOOK_FOLDER={inner}`."
                raise SettingsError(f"{name} is a git repository of its own, which decides what is carried.", hint)


__all__ = ["Changing", "LocalFolder", "Scan", "check_project", "describe", "settled", "stable_read"]
