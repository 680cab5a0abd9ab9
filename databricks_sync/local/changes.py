"""Local changes as they happen: below the folders that are carried, in what git is about, and in the settings.

Events are hints. What they say is never believed, only that it is time to look: a run then scans everything.
Where the system sends none (network drives, folders that a container shares with its host), files are polled.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.polling import PollingObserver

from databricks_sync.rules.debounce import due, polling
from databricks_sync.rules.never_synced import is_litter

from .git import OPERATIONS, Repository

_NOTHING_NEW = frozenset({"opened", "closed_no_write"})
# Of the many names in a git directory those that say which branch this is, or that git is at work.
_GIT = frozenset({"HEAD", "index", "index.lock", *OPERATIONS})
# File systems on which another machine, or the host of a container, changes files without an event here.
_SILENT = ("nfs", "cifs", "smb", "9p", "fuse.", "fuseblk", "virtiofs", "vboxsf", "prl_fs", "osxfs", "grpcfuse", "drvfs")

_NO_WATCHES = "the system cannot watch more folders (on Linux, raise fs.inotify.max_user_watches)"

# Where nobody listens, Python writes to the screen what a library complains of, as watchdog does while it is stopped.
_UNHEARD = logging.NullHandler()


class Changes(FileSystemEventHandler):
    """What has changed since it was last asked for; a context manager."""

    def __init__(
        self, repository: Repository, folders: Iterable[Path], settings: Iterable[Path] = (), *, poll: bool = False
    ) -> None:
        """`settings`: the files with the settings, in the project folder or above it."""
        self.project = repository.project
        self.folders = tuple(folders)
        self.git_dir = repository.git_dir
        self.settings = frozenset(settings)
        self._exclude = repository.common_dir / "info" / "exclude"
        self._above = self._between(repository.top)
        silent = any(is_silent(folder) for folder in self.folders)
        # Why files are polled; empty where they are not.
        self.polled = "--poll was given" if poll else "this file system does not report changes" if silent else ""
        self._observer: BaseObserver | None = None
        self._watches: dict[Path, tuple[ObservedWatch, tuple[int, int]]] = {}
        self._newest: Path | None = None  # the folder that was made last
        self._log = _Log(self)
        self._changed = threading.Condition()
        self._paths: set[Path] = set()
        self._first = self._last = 0.0

    def __enter__(self) -> Changes:
        # Of folders that it follows twice while they are being made; nobody else needs to know.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
        if not self.polled:
            try:
                self._start(Observer())
                return self
            except OSError:  # no more watches
                pass
        self._poll()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def follows(self, other: Changes) -> bool:
        """Whether both look at the same places."""
        mine, theirs = ((each.folders, each.git_dir, each._above, each.settings) for each in (self, other))
        return mine == theirs

    def rules(self, path: Path) -> bool:
        """Whether `path` is a file that says what git ignores: with it, any file may be carried that was not."""
        return path.name == ".gitignore" or path == self._exclude

    def renew(self) -> None:
        """Forgets what has changed until now but the settings, and follows folders that were made anew.

        For the moment before everything is scanned: that sees what these changes have led to.
        """
        with self._changed:
            self._paths &= self.settings
        try:
            self._refresh()
            self._probe()
        except OSError:  # no more watches
            self._poll()

    def wait(self, seconds: float) -> set[Path]:
        """What has changed, as soon as there is a pause in it; nothing when none has after so many seconds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                now = time.monotonic()
                until = due(self._first, self._last, len(self._paths)) if self._paths else deadline
                if now >= until:
                    paths, self._paths = self._paths, set()
                    return paths
                self._changed.wait(until - now)

    # --- events ---------------------------------------------------------------------------------------------

    def on_any_event(self, event: FileSystemEvent) -> None:
        """What watchdog calls, on a thread of its own, for each event."""
        if event.event_type in _NOTHING_NEW:
            return
        named = [Path(os.fsdecode(path)) for path in (event.src_path, event.dest_path) if path]
        if event.is_directory and event.event_type in ("created", "moved"):
            self._newest = named[-1]
        # That a folder was modified says only that something in it was, of which there is an event of its own.
        self.note(path for path in named if self._relevant(path, event.is_directory and event.event_type))

    def note(self, changed: Iterable[Path]) -> None:
        """Adds paths to what has changed, and wakes up whoever waits."""
        paths = set(changed)
        if paths:
            with self._changed:
                now = time.monotonic()
                self._first = self._first if self._paths else now
                self._last = now
                self._paths |= paths
                self._changed.notify()

    def _relevant(self, path: Path, folder_event: str | bool) -> bool:
        if path.parent == self.git_dir:
            return path.name in _GIT
        if path in self.settings or path == self._exclude or (path.name == ".gitignore" and path.parent in self._above):
            return True
        for folder in self.folders:
            if path == folder or path in folder.parents:
                return folder_event != "modified"
            if folder in path.parents:
                inside = path.relative_to(folder)
                # Git's own files are no change either, where the project itself is carried: our state is among them.
                return folder_event != "modified" and ".git" not in inside.parts and not is_litter(inside.as_posix())
        return False

    # --- the observer ---------------------------------------------------------------------------------------

    def _start(self, observer: BaseObserver) -> None:
        self._observer = observer
        log = logging.getLogger("watchdog")
        log.addHandler(_UNHEARD)
        log.addHandler(self._log)
        observer.start()
        self._refresh()

    def _stop(self) -> None:
        logging.getLogger("watchdog").removeHandler(self._log)
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(5)
        self._watches.clear()

    def _poll(self) -> None:
        self._stop()
        self.polled = self.polled or _NO_WATCHES
        self._start(PollingObserver(timeout=polling(self._walked())))

    def _probe(self) -> None:
        """Raises OSError where no watch is left for a new folder: watchdog does without, and says nothing."""
        newest, self._newest = self._newest, None
        if newest is None or newest in self._watches or self.polled or not sys.platform.startswith("linux"):
            return
        assert self._observer
        try:
            self._observer.unschedule(self._observer.schedule(self, str(newest)))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass  # it went again meanwhile, or is nobody's to read

    def _refresh(self) -> None:
        for folder, recursive in self._wanted():
            try:
                status = folder.stat()
                identity = (status.st_dev, status.st_ino)
            except OSError:
                identity = None
            watch, watched = self._watches.get(folder, (None, None))
            if identity == watched or self._observer is None:
                continue
            if watch is not None:
                del self._watches[folder]
                self._observer.unschedule(watch)
            if identity is not None:
                try:
                    new_watch = self._observer.schedule(self, str(folder), recursive=recursive)
                except (FileNotFoundError, NotADirectoryError, PermissionError):
                    continue  # it went again meanwhile, which is an event of its own; or nobody may read it
                self._watches[folder] = (new_watch, identity)

    def _wanted(self) -> list[tuple[Path, bool]]:
        """The folders to follow, with or without what is below them; on the way to each one it may come and go.

        The recursive ones first: where the watches do not suffice for them, watchdog says so only with the next.
        """
        single = dict.fromkeys((*self._above, self.git_dir, self._exclude.parent))
        return [
            *((folder, True) for folder in self.folders),
            *((folder, False) for folder in single if folder not in self.folders),
        ]

    def _between(self, top: Path) -> tuple[Path, ...]:
        """The folders above those that are followed, up to the top of git's work tree."""
        within = {parent for folder in self.folders for parent in folder.parents if self.project in parent.parents}
        beside = [folder for folder in self.folders if self.project not in (folder, *folder.parents)]
        above = (parent for start in (self.project.resolve(), *beside) for parent in start.parents)
        beyond = dict.fromkeys(parent for parent in above if parent == top or top in parent.parents)
        return (self.project, *sorted(within), *beyond)

    def _walked(self) -> float:
        """How long it takes to look at every file."""
        began = time.monotonic()
        for folder in self.folders:
            for top, _, names in os.walk(folder):
                for name in names:
                    try:
                        os.lstat(os.path.join(top, name))  # noqa: PTH118 (a twentieth of its price counts here)
                    except OSError:
                        pass
        return time.monotonic() - began


class _Log(logging.Handler):
    """Takes what watchdog has to say for a change: that events were lost, it only says in its log.

    Not while it is stopped: it complains of that too, and whoever begins to follow anew looks at everything.
    """

    def __init__(self, changes: Changes) -> None:
        super().__init__(logging.WARNING)
        self.changes = changes

    def emit(self, record: logging.LogRecord) -> None:
        self.changes.note(self.changes.folders)


def is_silent(folder: Path) -> bool:
    """Whether files in `folder` may change without the system telling."""
    if os.name == "nt":
        return str(folder).startswith("\\\\")
    if not sys.platform.startswith("linux"):
        return False
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return file_system(str(folder.resolve()), mounts).startswith(_SILENT)


def file_system(path: str, mounts: Iterable[str]) -> str:
    """The type of the file system that `path` is on, by the lines of /proc/self/mountinfo (proc(5)). Pure."""
    longest, kind = "", ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        mount = fields[4].replace("\\040", " ")
        if (path == mount or path.startswith(f"{mount.rstrip('/')}/")) and len(mount) >= len(longest):
            longest, kind = mount, after.split()[0]
    return kind
