"""One writer per shared target among several machines: an advisory lock, a file beside the branch folder.

Advisory, because the web editor knows nothing of it: the guarded write stays what protects. The workspace
itself decides who gets it, for a create without `overwrite` has exactly one winner. A lock whose holder died
is taken over when it has not been renewed for `TTL` by the workspace's own clock; one that is of the future by that
clock is as old as the moment at which the clock was set back. A holder that was asleep for so long, or cut off, finds
out when it renews its lock, and begins no other object. What stands in the place of a lock and is none is left alone.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from databricks_sync.errors import (
    Again,
    AlreadyExists,
    Busy,
    Denied,
    LockLost,
    NotFound,
    NotOurs,
    SyncError,
    TypeMismatch,
    printable,
)
from databricks_sync.notebook.format import sha256
from databricks_sync.system import login_name

from .folder import Workspace
from .http import Http
from .marker import home, note_name
from .notes import check_folder, not_ours, read, write
from .objects import FILE, type_name

TTL = 120.0  # seconds
_LOOK_AGAIN = 0.3  # seconds after a lock was broken, before believing that it is ours
_WHO = 100  # letters of what a lock says of its holder
_VANISHED = 5  # times in a row that a lock may be gone when it is looked at, before something else is the matter
Holder = dict[str, object]


class RemoteLock:
    """The lock on one target, as one run takes, renews and gives it back."""

    def __init__(self, http: Http, target: str, ttl: float = TTL) -> None:
        """`ttl`: seconds after which it counts as stale if it is not renewed."""
        self.notes = Workspace(http, home(target))
        self.name = note_name(target).removesuffix(".json") + ".lock"
        self.path = f"{self.notes.root}/{self.name}"
        self.target = target
        self.ttl = ttl
        self.mark = uuid.uuid4().hex
        self.since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        self._renewed = 0
        self._lost: LockLost | None = None
        self._ended = threading.Event()

    def lost(self) -> LockLost | None:
        """Why nothing more must be begun, once the lock was found to be another's."""
        return self._lost

    @contextmanager
    def held(self, wait: float) -> Iterator[str]:
        """Holds the lock; yields what to tell when the workspace forbids it.

        Raises Busy when it is taken, NotOurs when what stands in its place is no lock.
        """
        try:
            self._acquire(time.monotonic() + wait)
        except Denied as error:
            yield f"{self.target} could not be locked: {error.message}"
            return
        renewal = threading.Thread(target=self._renew, daemon=True)
        renewal.start()
        try:
            yield ""
        finally:
            self._ended.set()
            renewal.join()
            self._release()

    def _content(self) -> bytes:
        about = {
            "id": self.mark,
            "user": login_name(),
            "host": platform.node(),
            "machine": machine(),
            "pid": os.getpid(),
            "since": self.since,
            "renewed": self._renewed,
            "ttl": self.ttl,
        }
        return json.dumps(about).encode()

    def _acquire(self, deadline: float) -> None:
        vanished = 0
        while True:
            try:
                self._create()
                return
            except (AlreadyExists, TypeMismatch):
                self._check_type()
            holder = self._holder()
            if holder is None:
                vanished += 1
                self._check_place(last=vanished == _VANISHED)
                self.notes.clock.sleep(_LOOK_AGAIN if vanished > 1 else 0)
                continue
            if holder["id"] == self.mark:  # our own lost answer
                return
            vanished, age = 0, self.notes.age(self.name)
            if self._stale(holder, age):
                self._break(holder)
                continue
            if time.monotonic() >= deadline:
                raise self._busy(holder, age)
            self.notes.clock.sleep(1.0)

    def _busy(self, holder: Holder, age: float | None) -> Busy:
        hint = "Wait until it has finished, or add --wait SECONDS."
        if age is None:  # then it is never stale
            hint += f" If that run is dead, delete {printable(self.path)} in the workspace."
        return Busy(f"Another run is writing to {printable(self.target)} ({_who(holder)}).", hint)

    def _check_type(self) -> None:
        kind = self.notes.type_of(self.path)
        if kind not in ("", FILE):
            raise self._not_ours(f"is a {type_name(kind)}, not a lock file")

    def _check_place(self, *, last: bool) -> None:
        """Raises NotOurs when a lock cannot be made and none is seen, for something else stands there."""
        check_folder(self.notes)
        if last:
            raise self._not_ours("cannot be created, and what is there instead cannot be read")

    def _create(self) -> None:
        write(self.notes, self.name, self._content(), overwrite=False)

    def _holder(self) -> Holder | None:
        """What the lock says; None when there is none. Raises NotOurs for what is no lock: anybody may write there."""
        raw = read(self.notes, self.name)
        if raw is None:
            return None
        try:
            holder = json.loads(raw)
        except (ValueError, RecursionError):
            holder = None
        if not isinstance(holder, dict) or not isinstance(holder.get("id"), str):
            raise self._not_ours("is not a lock file of this tool")
        return holder

    def _not_ours(self, what: str) -> NotOurs:
        return not_ours(self.path, f"{what}, so {printable(self.target)} cannot be locked")

    def _ours(self) -> bool:
        try:
            holder = self._holder()
        except NotOurs:
            return False
        return holder is not None and holder["id"] == self.mark

    def _stale(self, holder: Holder, age: float | None) -> bool:
        if holder.get("machine") == machine() and not _alive(holder.get("pid")):
            return True
        return age is not None and abs(age) > self.ttl

    def _break(self, stale: Holder) -> None:
        """Puts our lock in the place of the `stale` one, unless that was renewed or broken since it was looked at.

        RACE: between the answer to this look and the delete, one round trip, somebody else may break it too, and
        it is that fresh lock which is deleted. Its holder sees so at its second look, or (where the delete took
        longer than `_LOOK_AGAIN`) when it renews its lock.
        """
        try:
            if self._holder() != stale:
                return
            self.notes.delete(self.name)
            self._create()
        except (NotFound, AlreadyExists):
            return
        self.notes.clock.sleep(_LOOK_AGAIN)

    def _renew(self) -> None:
        """RACE: between the look and the write, one round trip, a breaker's lock is replaced; it then looks again."""
        while not self._ended.wait(self.ttl / 2):
            try:
                if not self._ours():
                    self._lost = LockLost(
                        f"Another run took the lock on {self.target}: what was being written is finished, "
                        "the rest was skipped.",
                        Again("; add --wait SECONDS to wait for the other run."),
                    )
                    return
                self._renewed += 1
                self.notes.put(self.name, self._content(), None, overwrite=True)
            except SyncError:
                continue  # the next turn tries again, before the lock is stale

    def _release(self) -> None:
        try:
            if self._ours():
                self.notes.delete(self.name)
        except SyncError:
            pass  # it will be stale soon, and is taken over then


def _who(holder: Holder) -> str:
    who = f"{holder.get('user', '?')} on {holder.get('host', '?')}, since {holder.get('since', '?')}"
    return printable(who[:_WHO])


@cache
def machine() -> str:
    """What tells this machine since it was started, and this container, from all that may have the same name."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return sha256(f"{started} {Path('/proc/self/ns/pid').readlink()}".encode())[:16]
    except (OSError, ValueError):
        return platform.node()


def _alive(pid: object) -> bool:
    """Whether a process of this machine is alive; when in doubt it is."""
    if not isinstance(pid, int) or os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
