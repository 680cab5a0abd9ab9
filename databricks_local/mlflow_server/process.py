"""The MLflow server's life: started by the first request that needs it, ended with us, started again if it dies."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from databricks_local.core.errors import ApiError
from databricks_local.jobs.inherited import inherited
from databricks_local.runtime.guard import kill_group
from databricks_local.runtime.programs import command, let_go

START_S = 120.0

NOT_INSTALLED = "MLflow is not installed for this Python. Install it: pip install 'databricks-branch-sync[mlflow]'"


def is_installed() -> bool:
    """Whether MLflow's server can be started; mlflow-skinny has no Flask."""
    return importlib.util.find_spec("mlflow") is not None and importlib.util.find_spec("flask") is not None


class MlflowProcess:
    """`folder` holds its database, its artifacts and its log; it is made with the first start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.secret = secrets.token_hex(16)  # what each request to it must carry
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._starting = asyncio.Lock()

    async def port(self) -> int:
        """Where it listens; it is running when this returns."""
        async with self._starting:
            if self._process is None or self._process.poll() is not None:
                await self._start()
        return self._port

    def stop(self) -> None:
        """Ends it and waits for it; nothing when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            kill_group(process.pid)
            process.wait()
            let_go(process)

    async def _start(self) -> None:
        self.stop()
        # Not imported here: that would take this process seconds and 200 MB.
        if not is_installed():
            raise _unavailable(NOT_INSTALLED)
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "server.log").open("ab") as log:
            self._process = process = subprocess.Popen(
                command("mlflow_server.program", str(self._folder)),
                cwd=self._folder,
                env={**inherited(os.environ), **_places(os.environ)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(self.secret.encode() + b"\n")
        process.stdin.flush()
        try:
            line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), START_S)
            self._port = int(line)
        except (ValueError, asyncio.TimeoutError):
            self.stop()
            raise _unavailable(f"MLflow did not start; {self._folder / 'server.log'} says why.") from None


def _places(environment: Mapping[str, str]) -> dict[str, str]:
    """Where programs of this user keep what is theirs: matplotlib asks for a home, and all for a temporary folder."""
    names = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")
    return {name: environment[name] for name in names if name in environment}


def _unavailable(text: str) -> ApiError:
    """Not 5xx of the kind MLflow's client repeats for minutes."""
    return ApiError(501, "FEATURE_DISABLED", text)
