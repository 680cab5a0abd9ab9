"""Files on this disk: read while nobody writes, made and replaced whole, and only if they hold what was expected.

A new content is written beside its file under a temporary name, made durable, and renamed: whoever reads, and whatever
is killed, finds the old file or the new one. Nothing here follows a symbolic link, and nothing is written outside of
the folders that are synced, which are in the project or beside it in its repository.
"""

from __future__ import annotations

import os
import stat as modes
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from databricks_sync.errors import Again, SyncError
from databricks_sync.failpoints import reached
from databricks_sync.model import LocalObject, Stat
from databricks_sync.notebook.format import sha256, wire
from databricks_sync.rules.names import leads_out, parents
from databricks_sync.system import fsync_directory

TEMPORARY = ".tmp-databricks-sync"
# A file changed this shortly before it was read may change again without its times showing it.
_RACY_NS = 2 * 10**9
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ABANDONED = 3600.0  # seconds after which a temporary file is nobody's, whosever it was


class Changing(SyncError):
    """A file changed while it was being read."""


class LocalFiles:
    """The files of one project, by their paths relative to it, with `/`."""

    def __init__(self, project: Path, roots: Sequence[Path]) -> None:
        """`roots`: the folders that stay when they become empty, and in which temporary files may lie."""
        self.project = project
        self.roots = roots
        self._new_mode = 0o666 & ~_umask()
        self._mark = ""  # in the names of our temporary files: the state whose lock we hold
        self._naming = threading.Lock()

    def absolute(self, path: str) -> Path:
        """Where `path` is on disk. Raises SyncError when a link or a file stands on the way, from the project on."""
        for parent in parents(path):
            if leads_out(parent):
                continue
            step = f"{self.project}/{parent}"
            mode = mode_of(step)
            if mode is None:
                break  # and so is everything below it
            if modes.S_ISLNK(mode):
                hint = "Replace the link with a copy of its folder."
                raise SyncError(f"is inside the symbolic link {parent}, which is never followed", hint)
            if not modes.S_ISDIR(mode):
                raise SyncError(f"cannot be stored: {parent} is a file", f"Rename {parent}.")
            if mode_of(f"{step}/.git") is not None:
                raise SyncError(f"cannot be stored: {parent} is a git repository of its own", f"Rename {parent}.")
        where = Path(os.path.normpath(self.project / path))
        if path.startswith("../") and not any(root in where.parents for root in self.roots):
            raise SyncError("is outside the project, in none of the folders that are synced")
        return where

    def create(self, path: str, data: bytes) -> Stat:
        """Writes a new file. Raises FileExistsError when there is one: nothing is replaced."""
        where = self.absolute(path)
        try:
            temporary = self._temporary(where, data, self._new_mode)
        except FileNotFoundError:
            where.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary(where, data, self._new_mode)
        try:
            reached("before local create")
            self._name(temporary, where)
            reached("after local create")
        finally:
            temporary.unlink(missing_ok=True)
        return stat_of(where.lstat())

    def replace(self, item: LocalObject, data: bytes) -> Stat:
        """Replaces the file if it still holds what `item` says. Raises Changing otherwise.

        RACE: a save between the last hash and the rename, some microseconds, is overwritten; the backup holds
        what stood there before it.
        """
        where = self.absolute(item.path)
        temporary = self._temporary(where, data, modes.S_IMODE(where.lstat().st_mode))
        try:
            self._expect(where, item)
            reached("before local replace")
            os.replace(temporary, where)
            reached("after local replace")
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return stat_of(where.lstat())

    def remove(self, item: LocalObject) -> None:
        """Deletes the file if it still holds what `item` says, and the folders that become empty."""
        where = self.absolute(item.path)
        self._expect(where, item)
        reached("before local remove")
        where.unlink()
        reached("after local remove")
        for parent in where.parents:
            if parent in self.roots or not any(top in parent.parents for top in (self.project, *self.roots)):
                break
            try:
                parent.rmdir()
            except OSError:
                break

    def _temporary(self, where: Path, data: bytes, mode: int) -> Path:
        """A finished file beside `where`, durable but for its name. Raises FileNotFoundError without the folder."""
        temporary = where.parent / f".{os.urandom(8).hex()}-{self._mark}{TEMPORARY}"
        handle = os.open(temporary, _WRITING, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
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
        if as_scanned(stable_read(where)[0], item) is None:
            raise Changing("was changed locally during the run", Again())

    def read(self, path: str) -> tuple[bytes, Stat]:
        """The bytes of a file and their stat, read while nobody wrote. Raises Changing, OSError, SyncError."""
        return stable_read(self.absolute(path))

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
        for root in self.roots:
            for where, _, names in os.walk(root):
                yield from (Path(where, name) for name in names if name.endswith(TEMPORARY))


def as_scanned(raw: bytes, item: LocalObject) -> bytes | None:
    """The bytes to send of a file that holds `raw`, while that is what the scan saw; else None."""
    sent = wire(raw, item.format)
    return sent if sha256(sent) == item.sha else None


def settled(stamp: Stat, now_ns: int) -> Stat | None:
    """The stat as it may be remembered: None while another change could still leave it as it is."""
    return None if abs(now_ns - stamp.mtime_ns) < _RACY_NS or abs(now_ns - stamp.ctime_ns) < _RACY_NS else stamp


def stable_read(where: Path | str) -> tuple[bytes, Stat]:
    """The bytes of a file nobody wrote to while they were read, and their stat. Raises Changing, OSError."""
    for _ in range(3):
        file = os.open(where, _READING)
        try:
            before = stat_of(os.fstat(file))
            raw = os.read(file, before.size + 1)  # one more where it grew; some file systems give them in parts
            while len(raw) < before.size and (more := os.read(file, before.size - len(raw))):
                raw += more
            after = stat_of(os.fstat(file))
        finally:
            os.close(file)
        if before == after and len(raw) == before.size:
            return raw, before
    raise Changing("is being written", Again(" when that is done."))


def stat_of(status: os.stat_result) -> Stat:
    """What of a stat changes when a file does: size in bytes, times in nanoseconds, inode."""
    return Stat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def mode_of(path: str) -> int | None:
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
