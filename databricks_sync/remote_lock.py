"""One writer per shared target among several machines: an advisory lock, a file beside the branch folder.

Advisory, because the web editor knows nothing of it: the guarded write stays what protects. The workspace
itself decides who gets it, for a create without `overwrite` has exactly one winner. A lock whose holder died
is taken over when it has not been renewed for `TTL` by the workspace's own clock. A holder that was asleep for so
long, or cut off, finds out when it renews its lock, and begins no other object.
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

from .claim import home, note_name
from .errors import AlreadyExists, Busy, Denied, LockLost, NotFound, SyncError
from .http import Http
from .model import Kind
from .names import printable
from .notebook import sha256
from .settings import login_name
from .workspace import Workspace

TTL = 120.0  # seconds
_LOOK_AGAIN = 0.3  # seconds after a lock was broken, before believing that it is ours
_WHO = 100  # letters of what a lock says of its holder
Holder = dict[str, object]


class RemoteLock:
    def __init__(self, http: Http, target: str) -> None:
        self.notes = Workspace(http, home(target))
        self.name = note_name(target).removesuffix(".json") + ".lock"
        self.target = target
        self.ttl = TTL
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
        """Holds the lock; yields what to tell when the workspace forbids it. Raises Busy when it is taken."""
        try:
            self._acquire(time.monotonic() + wait)
        except Denied as error:
            yield f"The lock on {self.target} could not be taken: {error.message}"
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
        while True:
            try:
                self._create()
                return
            except AlreadyExists:
                pass
            holder = self._holder()
            if holder is None or holder.get("id") == self.mark:  # gone meanwhile, or our own lost answer
                if holder is not None:
                    return
                continue
            if self._stale(holder):
                self._break(holder)
                continue
            if time.monotonic() >= deadline:
                raise Busy(
                    f"Another run is writing to {self.target} ({_who(holder)}).",
                    "Wait for it to end, or let this one wait with --wait SECONDS.",
                )
            time.sleep(1.0)

    def _create(self) -> None:
        try:
            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=False)
        except NotFound:
            self.notes.make_folder(self.notes.root)
            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=False)

    def _holder(self) -> Holder | None:
        try:
            found = json.loads(self.notes.export(self.name, Kind.FILE, None))
        except NotFound:
            return None
        except (ValueError, RecursionError):  # anybody may write there
            return {}
        return found if isinstance(found, dict) else {}

    def _ours(self) -> bool:
        holder = self._holder()
        return holder is not None and holder.get("id") == self.mark

    def _stale(self, holder: Holder) -> bool:
        if holder.get("machine") == machine() and not _alive(holder.get("pid")):
            return True
        age = self.notes.age(self.name)
        return age is not None and age > self.ttl

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
        time.sleep(_LOOK_AGAIN)

    def _renew(self) -> None:
        """RACE: between the look and the write, one round trip, a breaker's lock is replaced; it then looks again."""
        while not self._ended.wait(self.ttl / 2):
            try:
                if not self._ours():
                    self._lost = LockLost(
                        f"The lock on {self.target} is another run's by now: what was begun is done, the rest not.",
                        "Run the command again; it waits for the other one with --wait SECONDS.",
                    )
                    return
                self._renewed += 1
                self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=True)
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
