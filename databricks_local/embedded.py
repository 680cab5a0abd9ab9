"""A running workspace for as long as a `with` block lasts: the one module that databricks_sync knows of this package.

Uses the server that already runs over the folder, else starts one as a child process that ends with its
parent, however the parent ends.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .extras import require
from .home import REFUSED, Home, RefusedError, default_folder
from .runtime.programs import command, let_go

__all__ = ["RefusedError", "Running", "default_folder", "running", "server_status"]

DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where the workspace is and how to get in."""

    host: str
    token: str
    pid: int
    is_child: bool = False  # ours, which ends with us unless somebody else uses it by then


def server_status(home: Home) -> dict[str, Any] | None:
    """What the server over this folder says of itself, with its host; None when there is none, or not ours."""
    served, token = home.announced(), home.known_token()
    if served is None or token is None:
        return None
    connection = _connection(served.host)
    try:
        answer = _asked(connection, "status", token)
        status = json.loads(answer.read()) if answer.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if not isinstance(status, dict) or status.get("pid") != served.pid or status.get("folder") != str(home.folder):
        return None
    return {**status, "host": served.host}


@contextmanager
def running(folder: Path, *, options: Sequence[str] = ()) -> Iterator[Running]:
    """A workspace over `folder`; `options` are those of `databricks_local serve`, for one we start ourselves.

    Raises RefusedError with a sentence for people when none can be started.
    """
    require()
    home = Home(Path(folder).expanduser().absolute())
    with ExitStack() as ending:
        server = _attach(home, ending)
        if server is None:
            child = _start(home, options)
            ending.callback(_stop, home, child)
            server = _wait_for(home, child, ending)
        yield server


def _attach(home: Home, ending: ExitStack) -> Running | None:
    """The server that is there already, kept from ending under us by an open connection."""
    status, token = server_status(home), home.known_token()
    if status is None or token is None:
        return None
    connection = _connection(status["host"])
    ending.callback(connection.close)
    try:
        answer = _asked(connection, "attach", token)
        ending.callback(answer.close)
        if answer.readline() != b"attached\n":
            return None
    except (OSError, http.client.HTTPException):
        return None
    return Running(status["host"], token, int(status["pid"]))


def _connection(host: str) -> http.client.HTTPConnection:
    address = urlsplit(host)
    return http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)


def _asked(connection: http.client.HTTPConnection, name: str, token: str) -> http.client.HTTPResponse:
    connection.request("GET", f"/api/local/{name}", headers={"Authorization": f"Bearer {token}"})
    return connection.getresponse()


def _start(home: Home, options: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("cli", "serve", "--dir", str(home.folder), "--port", "0", "--exit-with-stdin", *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _wait_for(home: Home, child: subprocess.Popen[bytes], ending: ExitStack) -> Running:
    """The child once it answers; or the server that was quicker than it."""
    assert child.stdout is not None and child.stderr is not None
    lines = [child.stdout.readline().decode().strip() for _ in range(2)]
    variables = dict(line.partition("=")[::2] for line in lines)
    if variables.get("DATABRICKS_HOST"):
        return Running(variables["DATABRICKS_HOST"], variables["DATABRICKS_TOKEN"], child.pid, is_child=True)
    lines = child.stderr.read().decode("utf-8", "replace").splitlines()
    code = child.wait()
    deadline = time.monotonic() + DEADLINE_S
    # RACE: two of us began at once; the other one has the lock and will answer in a moment.
    while home.is_locked() and time.monotonic() < deadline:
        server = _attach(home, ending)
        if server is not None:
            return server
        time.sleep(0.02)
    if code == REFUSED and lines:  # its last two lines are those of a RefusedError
        raise RefusedError(*lines[-2:])
    raise RefusedError(lines[-1] if lines else "The local workspace did not start.")


def _stop(home: Home, child: subprocess.Popen[bytes]) -> None:
    """Lets go of the child, which ends as soon as nobody else uses it."""
    let_go(child)
    try:
        child.wait(timeout=1)
    except subprocess.TimeoutExpired:
        if server_status(home) is None:
            child.kill()
            child.wait()
        # Still somebody's: no longer ours to wait for.
        child.returncode = 0
