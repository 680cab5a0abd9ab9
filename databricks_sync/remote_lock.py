"""One writer per shared target among several machines: an advisory lock, a file beside the branch folder.

Advisory, because the web editor knows nothing of it: the guarded write stays what protects. The workspace
itself decides who gets it, for a create without `overwrite` has exactly one winner. A lock whose holder died
is taken over when it has not been renewed for `TTL` by the workspace's own clock.
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

from .claim import home, note_name
from .errors import AlreadyExists, Busy, Denied, NotFound, SyncError, WorkspaceError
from .http import Http
from .model import Kind
from .names import printable
from .settings import login_name
from .workspace import Workspace

TTL = 120.0  # seconds
_LOOK_AGAIN = 0.3  # seconds after a lock was broken, before believing that it is ours


class RemoteLock:
    def __init__(self, http: Http, target: str, *, ttl: float = TTL) -> None:
        self.notes = Workspace(http, home(target))
        self.name = note_name(target).removesuffix(".json") + ".lock"
        self.target = target
        self.ttl = ttl
        self.mark = uuid.uuid4().hex
        self._ended = threading.Event()

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
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
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
                self._break()
                continue
            if time.monotonic() >= deadline:
                who = f"{holder.get('user', '?')} on {holder.get('host', '?')}, since {holder.get('since', '?')}"
                raise Busy(
                    f"Another run is writing to {self.target} ({printable(who)}).",
                    "Wait for it to end, or let this one wait with --wait SECONDS.",
                )
            time.sleep(1.0)

    def _create(self) -> None:
        try:
            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=False)
        except NotFound:
            self.notes.make_folder(self.notes.root)
            self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=False)

    def _holder(self) -> dict[str, object] | None:
        try:
            found = json.loads(self.notes.export(self.name, Kind.FILE, None))
        except NotFound:
            return None
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _stale(self, holder: dict[str, object]) -> bool:
        if holder.get("host") == platform.node() and not _alive(holder.get("pid")):
            return True
        age = self.notes.age(self.name)
        return age is not None and age > self.ttl

    def _break(self) -> None:
        try:
            self.notes.delete(self.name)
            self._create()
        except (NotFound, AlreadyExists):
            return
        time.sleep(_LOOK_AGAIN)

    def _renew(self) -> None:
        while not self._ended.wait(self.ttl / 2):
            try:
                self.notes.put(self.name, self._content(), Kind.FILE, None, None, overwrite=True)
            except WorkspaceError:
                continue  # the next turn tries again, well before the lock is stale

    def _release(self) -> None:
        try:
            holder = self._holder()
            if holder is not None and holder.get("id") == self.mark:
                self.notes.delete(self.name)
        except SyncError:
            pass  # it will be stale soon, and is taken over then


def _alive(pid: object) -> bool:
    """Whether a process of this machine is alive; when in doubt it is."""
    if not isinstance(pid, int) or os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
