"""One server over one folder: takes the lock and the port, says where it is, and ends without a trace."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from types import FrameType
from typing import Any

from uvicorn import Config, Server

from databricks_local.core.settings import ServerSettings
from databricks_local.home import Home, RefusedError, ServerAddress
from databricks_local.protocol import wire
from databricks_local.protocol.pipeline import MAX_LOG, Pipeline
from databricks_local.services import Services
from databricks_local.workspace.store import opened
from databricks_local.workspace.tree import LocalWorkspace

from .app import application
from .control import set_faults

# Longer than any client keeps an idle connection, so that none is closed just as it is used again.
KEEP_ALIVE_S = 300


class LocalServer(Server):
    """uvicorn's server; tells when it is ready, and leaves Ctrl-C to its parent when it has one."""

    def __init__(self, config: Config, ready: Callable[[], None], orphaned: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._ready = ready
        self._orphaned = orphaned

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells that it is ready, once it listens."""
        await super().startup(sockets)
        if self._orphaned is not None:
            wait = (asyncio.get_running_loop(), self._orphaned)
            threading.Thread(target=_wait_for_stdin, args=wait, daemon=True).start()
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the server, unless it is Ctrl-C and a parent decides."""
        # Ctrl-C reaches the whole terminal group: our parent may still need us to end well.
        if self._orphaned is None or sig != signal.SIGINT:
            super().handle_exit(sig, frame)


def serve(
    home: Home,
    port: int,
    token: str | None,
    settings: ServerSettings,
    faults: Sequence[Mapping[str, Any]],
    exit_with_stdin: bool,
    echo: Callable[[str], None],
    run_schedules: bool = False,
) -> None:
    """Serves until told to stop. Raises RefusedError when it cannot begin."""
    if not settings.user or "/" in settings.user:
        raise RefusedError("The user must be a name without slashes, such as me@example.com.", "Give it with --user.")
    # What the workspace holds is nobody else's on this machine.
    os.umask(0o077)
    _let_others_in()
    home.claim()
    with home.locked():
        listener = _listener(port)
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = opened(home.database)
        workspace = LocalWorkspace(store, settings, time.monotonic)
        workspace.create_standard_folders()
        secret = home.token(token)
        pipeline = Pipeline(workspace, secret, home.folder)
        set_faults(pipeline, list(faults))
        services = Services(pipeline, host, secret, run_schedules)
        pipeline.resets.append(services.reset)

        def ready() -> None:
            home.announce(ServerAddress(host, os.getpid()))
            echo(f"DATABRICKS_HOST={host}\nDATABRICKS_TOKEN={secret}")
            if not exit_with_stdin:
                echo(f"# In the browser, once and within ten minutes: {host}{services.login_link()}")

        def end() -> None:
            # Nothing is lost by ending at once: what was acknowledged is committed.
            home.withdraw()
            os._exit(0)

        def orphaned() -> None:
            pipeline.clients.end_when_alone(end)

        server = LocalServer(_config(pipeline, services, home), ready, orphaned if exit_with_stdin else None)
        try:
            server.run(sockets=[listener])
        finally:
            home.withdraw()
            services.close()
            workspace.close()
            store.close()


def _let_others_in() -> None:
    """So that a thread which computes for long keeps the event loop waiting as little as Python can."""
    # A full collection looks at all objects there are, and nothing else runs meanwhile: those of a large notebook keep
    # it busy for half a second. None of them is in a circle.
    gc.set_threshold(700, 10, 1_000)
    # How long a thread may go on when others are waiting; the loop waits so several times for each request.
    sys.setswitchinterval(0.001)


def _config(pipeline: Pipeline, services: Services, home: Home) -> Config:
    logger = logging.getLogger("uvicorn.error")
    file = home.folder / "server.log"
    logger.addHandler(RotatingFileHandler(file, maxBytes=MAX_LOG, backupCount=1, encoding="utf-8", delay=True))
    logger.setLevel(logging.ERROR)  # it warns of requests that are none, and anybody can send those
    logger.propagate = False
    return Config(
        application(pipeline, services),
        http=wire.Protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )


def _listener(port: int) -> socket.socket:
    """Loopback and nothing else."""
    # asyncio switches Nagle off only where the protocol is named: without it every answer takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        # On Windows the same option would let two servers share a port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise RefusedError(
            f"Port {port} cannot be used: {reason}.", "Choose another one with --port; 0 means any free one."
        ) from None
    return listener


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, orphaned: Callable[[], None]) -> None:
    """The parent holds the other end: it closes when he is gone, in whatever way."""
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    loop.call_soon_threadsafe(orphaned)
