"""Copies of everything a run replaces or deletes, on either side, kept in the git directory.

A run that writes has a folder named after its time; in it lie the bytes, numbered, and `manifest.jsonl` with
one line for each: what it was, which side it stood on, why it went. Names from the workspace are only ever
written into the manifest, never used as a path.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .durable import sync_folder
from .effects import reached
from .errors import SyncError
from .model import Direction, Form, Kind, Language
from .notebook import sha256

_RUN = re.compile(r"\d{8}T\d{6}(-\d+)?")


class Saved(NamedTuple):
    """One object as it stood before a run changed it. `direction` tells the side: a push changes the workspace."""

    key: str
    path: str
    direction: Direction
    kind: Kind
    reason: str
    sha: str
    size: int
    form: Form | None = None
    language: Language | None = None
    file: str = ""


class SavedRun(NamedTuple):
    name: str
    target: str
    objects: tuple[Saved, ...]


class Backups:
    """The backups of one project. `save` may be called from several threads."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.target = target
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
            about = f"could not be backed up ({error.strerror}), so it was left as it is"
            raise SyncError(about, f"Make room in {self.folder}, and run the command again.") from None

    def _save(self, saved: Saved, raw: bytes) -> None:
        with self._lock:
            run = self._begin()
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
            "form": saved.form and saved.form.value,
            "language": saved.language and saved.language.value,
            "target": self.target,
            "file": name,
        }
        with self._lock, (run / "manifest.jsonl").open("ab") as manifest:
            manifest.write(json.dumps(line).encode() + b"\n")
            manifest.flush()
            os.fsync(manifest.fileno())
        sync_folder(run)
        reached("after backup")

    def _begin(self) -> Path:
        if self._run is None:
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            for number in range(1, 10_000):
                run = self.folder / (stamp if number == 1 else f"{stamp}-{number}")
                try:
                    run.mkdir(parents=True)
                except FileExistsError:
                    continue
                self._run = run
                break
        assert self._run is not None
        return self._run

    def runs(self) -> list[SavedRun]:
        """All runs that saved something, the latest first."""
        found = []
        for name in self._names():
            lines = list(_manifest(self.folder / name))
            if lines:
                found.append(SavedRun(name, lines[0][0], tuple(saved for _, saved in lines)))
        return found

    def _names(self) -> list[str]:
        try:
            names = (entry.name for entry in os.scandir(self.folder) if entry.is_dir() and _RUN.fullmatch(entry.name))
            return sorted(names, reverse=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, run: SavedRun, saved: Saved) -> bytes:
        """The bytes of a backup. Raises SyncError when they are not what was saved."""
        try:
            raw = (self.folder / run.name / saved.file).read_bytes()
        except OSError as error:
            raise SyncError(f"has a backup that cannot be read ({error.strerror})") from None
        if sha256(raw) != saved.sha:
            raise SyncError("has a backup that is damaged")
        return raw

    def prune(self, days: int) -> int:
        """Removes runs older than `days`; tells how many. Never the latest, whatever its age."""
        oldest = time.strftime("%Y%m%dT%H%M%S", time.gmtime(max(0.0, time.time() - days * 86400)))
        old = [name for name in self._names()[1:] if name < oldest]
        for name in old:
            import shutil

            shutil.rmtree(self.folder / name, ignore_errors=True)
            reached("pruning")
        return len(old)


def _write(path: Path, raw: bytes) -> None:
    with path.open("xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _manifest(run: Path) -> Iterator[tuple[str, Saved]]:
    """The target and the object of each line; a torn line, or one of another version, hides no other."""
    try:
        lines = (run / "manifest.jsonl").read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            found = json.loads(line)
            yield str(found["target"]), _saved(found)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _saved(line: dict[str, object]) -> Saved:
    """Raises ValueError or KeyError for what is no such line."""
    form, language = line["form"], line["language"]
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
        form=Form(form) if form else None,
        language=Language(language) if language else None,
        file=str(line["file"]),
    )
