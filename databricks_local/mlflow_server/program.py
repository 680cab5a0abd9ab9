"""The real MLflow tracking server and model registry, as a process of its own on SQLite.

MLflow's own application, served by one uvicorn in this process: `mlflow server` would leave workers and a job
queue behind when only their parent is killed. Its port is open to everybody on this machine, so every request
must carry the secret that only the workspace server knows; that one asks for the workspace's token.
"""

from __future__ import annotations

import gc
import hmac
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from databricks_local.runtime.programs import when_orphaned

SECRET_HEADER = "x-databricks-local-secret"


def main(arguments: Sequence[str]) -> None:
    """`mlflow_program FOLDER`; the secret is the first line of standard input, the port is printed."""
    folder = Path(arguments[0])
    secret = sys.stdin.buffer.readline().strip()
    when_orphaned(lambda: os._exit(0))
    os.environ.update(_environment(folder))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    # Nothing that is imported is garbage: looking for some would take a fifth of the start.
    gc.disable()
    application = _application(folder)
    gc.freeze()
    gc.enable()

    import uvicorn

    config = uvicorn.Config(
        _guarded(application, secret), log_level="warning", access_log=False, lifespan="off", ws="none"
    )
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)  # noqa: T201
    uvicorn.Server(config).run(sockets=[listener])


def _environment(folder: Path) -> dict[str, str]:
    """What `mlflow server --backend-store-uri ... --artifacts-destination ...` sets for its workers [src 3.17]."""
    database = (folder / "mlflow.sqlite").as_posix()
    return {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{database}",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{database}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": (folder / "artifacts").as_uri(),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _application(folder: Path) -> ASGIApp:
    """MLflow's application with its database ready, so that the first request is not the slow one."""
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    from mlflow.server import handlers
    from mlflow.server.fastapi_app import app

    handlers._get_tracking_store()
    handlers._get_model_registry_store()
    served: ASGIApp = app
    return served


def _guarded(application: ASGIApp, secret: bytes) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        header = dict(scope.get("headers", ())).get(SECRET_HEADER.encode(), b"")
        if scope["type"] == "http" and not hmac.compare_digest(header, secret):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"Ask the workspace server."})
            return
        await application(scope, receive, send)

    return guarded
