"""Copies of everything a run replaces or deletes, on either side, kept in the git directory that all worktrees share.

A run that writes has a folder named after its time; in it lie the bytes, numbered, and `manifest.jsonl` with
one line for each: what it was, which side it stood on, why it went. Names from the workspace are only ever
written into the manifest, never used as a path.

No clock is asked how old a backup is: one that jumps would make all of them old at once. `seen` in its folder holds the
days on which a run found it there, and their number is its age. So a jump adds one day, however far it goes, and what
was made under a wrong clock, or came from elsewhere, is as young as when it was first seen.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
import time
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from databricks_sync.errors import Again, SyncError
from databricks_sync.failpoints import reached
from databricks_sync.model import Direction, Kind
from databricks_sync.notebook.format import sha256
from databricks_sync.rules.journal import Saved
from databricks_sync.system import fsync_directory

from .lock import held
from .rows import FORMATS, NAMES

_STAMP = "%Y%m%dT%H%M%S"
_RUN = re.compile(r"\d{8}T\d{6}(-\d+)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MANIFEST = "manifest.jsonl"
_SEEN = "seen"
_MOST = 10_000  # runs of one second


class SavedRun(NamedTuple):
    """What one run has saved: its name is its time, `objects` are in the order of saving."""

    name: str
    target: str
    objects: tuple[Saved, ...]


class Backups:
    """The backups of one repository. `save` may be called from several threads. `clock` tells seconds since 1970."""

    def __init__(self, folder: Path, target: str, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.target = target
        self._clock = clock
        self._run: Path | None = None
        self._count = 0
        self._lock = threading.Lock()

    @property
    def run(self) -> str:
        """The name of this run's backup, empty while it has saved nothing."""
        return self._run.name if self._run else ""

    def save(self, saved: Saved, raw: bytes) -> None:
        """Keeps `raw`, durably, before what holds it is changed. Raises SyncError; then nothing may be changed."""
        try:
            self._save(saved, raw)
        except OSError as error:
            about = f"could not be backed up ({error.strerror}), so it was skipped"
            raise SyncError(
                about, Again(before=f"Make sure that {self.folder} is writable and its disk not full, and ")
            ) from None

    def _save(self, saved: Saved, raw: bytes) -> None:
        form, language = NAMES[saved.format]
        with self._lock:
            run = self._run = self._run or self._new()
            self._count += 1
            name = f"{self._count:05d}"
        reached("before backup")
        _write(run / name, raw)
        reached("in backup")
        line = {
            "key": saved.key,
            "path": saved.path,
            "direction": saved.direction.value,
            "kind": saved.kind.value,
            "reason": saved.reason,
            "sha256": sha256(raw),
            "size": len(raw),
            "form": form,
            "language": language,
            "target": self.target,
            "file": name,
        }
        with self._lock, (run / _MANIFEST).open("ab") as manifest:
            manifest.write(json.dumps(line).encode() + b"\n")
            manifest.flush()
            os.fsync(manifest.fileno())
        fsync_directory(run)
        reached("after backup")

    def _new(self) -> Path:
        """A new folder for a run of this time. Raises OSError."""
        stamp = time.strftime(_STAMP, time.gmtime(self._clock()))
        for number in range(1, _MOST):
            run = self.folder / (stamp if number == 1 else f"{stamp}-{number}")
            with suppress(FileExistsError):
                run.mkdir(parents=True)
                return run
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.folder))

    def runs(self) -> list[SavedRun]:
        """All runs that saved something, the latest first."""
        runs = []
        for name in reversed(_runs(self.folder)):
            lines = list(_manifest(self.folder / name))
            if lines:
                runs.append(SavedRun(name, lines[0][0], tuple(saved for _, saved in lines)))
        return runs

    def read(self, saved: Saved) -> bytes:
        """The bytes of what `runs` tells of. Raises SyncError when they are not what was saved."""
        try:
            raw = (self.folder / saved.file).read_bytes()
        except OSError as error:
            raise SyncError(f"has a backup that cannot be read ({error.strerror})") from None
        if sha256(raw) != saved.sha:
            raise SyncError("has a backup that is damaged")
        return raw

    def prune(self, days: int) -> int:
        """Removes runs that were seen here on more than `days` days before today; tells how many. Never the latest.

        The first call of a day looks at all runs, the others have nothing to do.
        """
        today = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
        done, pruned = self.folder.parent / "pruned", f"{today} {days}".encode()
        try:
            if not self.folder.is_dir() or (done.exists() and done.read_bytes() == pruned):
                return 0
            with held(self.folder.parent):  # two at once might each take the other's for the latest
                removed = self._prune(today, days)
            done.write_bytes(pruned)
        except (OSError, SyncError):  # another run is at it, or the disk is full: there is time
            return 0
        return removed

    def _prune(self, today: str, days: int) -> int:
        seen = {name: _seen(self.folder / name) for name in _runs(self.folder)}
        old = {name for name, days_seen in seen.items() if len(days_seen - {today}) > days}
        old.discard(max(seen, key=lambda name: self._worth(name, seen[name]), default=""))
        for name in sorted(old):
            _remove(self.folder / name)
            reached("pruning")
        for name in seen.keys() - old:
            if today not in seen[name]:
                with suppress(OSError), (self.folder / name / _SEEN).open("a", encoding="ascii") as file:
                    file.write(f"\n{today}\n")  # what is torn before it stands alone
        return len(old)

    def _worth(self, name: str, seen: set[str]) -> tuple[bool, int, str]:
        """Greatest for the latest run, whatever the clock said of it; one that died before its first line is none."""
        return (self.folder / name / _MANIFEST).exists(), -len(seen), name


def made_at(name: str) -> float:
    """When the run of this name was, in seconds since 1970, by the clock of its machine; 0 for no time."""
    try:
        return float(timegm(time.strptime(name[:15], _STAMP)))
    except ValueError:
        return 0.0


def _remove(run: Path) -> None:
    import shutil

    with suppress(OSError):
        (run / _MANIFEST).unlink(missing_ok=True)  # first: half a backup is not to be listed
    shutil.rmtree(run, ignore_errors=True)


def _runs(folder: Path) -> list[str]:
    """The names of the runs in a folder, by their time."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if _RUN.fullmatch(entry.name) and entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _seen(run: Path) -> set[str]:
    """The days on which a run was seen; what a killed run left torn is none."""
    try:
        lines = (run / _SEEN).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return {line for line in lines if _DAY.fullmatch(line)}


def _write(path: Path, raw: bytes) -> None:
    with path.open("xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _manifest(run: Path) -> Iterator[tuple[str, Saved]]:
    """The target and the object of each line; a torn line, or one of another version, hides no other."""
    try:
        lines = (run / _MANIFEST).read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            fields = json.loads(line)
            yield str(fields["target"]), _saved(fields, run.name)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _saved(line: dict[str, Any], run: str) -> Saved:
    """What a line of the manifest of `run` says. Raises ValueError, KeyError, TypeError for what is no such line."""
    if not re.fullmatch(r"[0-9]+", str(line["file"])):
        raise ValueError("not the name of a backup")
    return Saved(
        key=str(line["key"]),
        path=str(line["path"]),
        direction=Direction(line["direction"]),
        kind=Kind(line["kind"]),
        reason=str(line["reason"]),
        sha=str(line["sha256"]),
        size=int(str(line["size"])),
        format=FORMATS[line["form"], line["language"]],
        file=f"{run}/{line['file']}",
    )
