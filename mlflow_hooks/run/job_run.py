"""A run of a job in the workspace: looking at it, cancelling it, and what it said when it failed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from databricks_sync.errors import WorkspaceError
from databricks_sync.remote.http import Http

_API = "/api/2.2/jobs/runs"
_OVER = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
_LINES = 20


@dataclass(frozen=True, slots=True)
class JobRunState:
    """`result` is "" until the run is over, and may stay so for one that never began (SERVER: INTERNAL_ERROR)."""

    life_cycle: str
    result: str = ""
    message: str = ""

    @property
    def over(self) -> bool:
        """Whether it will not change any more (SERVER: databricks-sdk, `RunLifeCycleState`)."""
        return self.life_cycle in _OVER

    @property
    def shown(self) -> str:
        """The result, or before there is one, the state of the life cycle."""
        return self.result or self.life_cycle


def submitted(http: Http, body: Mapping[str, Any]) -> JobRun:
    """The run of a job that is none of the workspace's jobs, started now. Raises WorkspaceError."""
    answer = http.write(f"{_API}/submit", json.dumps(body).encode()).json()
    return JobRun(http, int(answer["run_id"]))


class JobRun:
    """One run, by its number."""

    def __init__(self, http: Http, run_id: int) -> None:
        self.http = http
        self.run_id = run_id

    def state(self) -> JobRunState:
        """Raises WorkspaceError when the workspace does not tell."""
        state = _object(self._get().get("state"))
        return JobRunState(
            str(state.get("life_cycle_state", "")),
            str(state.get("result_state") or ""),
            str(state.get("state_message") or ""),
        )

    def page(self) -> str:
        """Its page in the workspace; "" where that does not tell."""
        try:
            return str(self._get().get("run_page_url") or "")
        except WorkspaceError:
            return ""

    def cancel(self, patience: float) -> None:
        """Asks for its end, and waits for it so long."""
        self.http.write(f"{_API}/cancel", json.dumps({"run_id": self.run_id}).encode())
        deadline = time.monotonic() + patience
        while not self.state().over and time.monotonic() < deadline:
            time.sleep(0.5)

    def output(self) -> str:
        """The error and the last lines of the log (`GET /api/2.2/jobs/runs/get-output`); "" where there are none."""
        try:
            tasks = self._get().get("tasks")
            number = _object(tasks[0]).get("run_id", self.run_id) if isinstance(tasks, list) and tasks else self.run_id
            fields = self._call("get-output", str(number))
        except WorkspaceError:
            return ""
        log = "\n".join(str(fields.get("logs") or "").rstrip().splitlines()[-_LINES:])
        error = str(fields.get("error") or "").strip()
        return log if error in log else f"{log}\n{error}".strip()

    def _get(self) -> dict[str, Any]:
        return self._call("get", str(self.run_id))

    def _call(self, call: str, number: str) -> dict[str, Any]:
        return self.http.read(f"{_API}/{call}", {"run_id": number}, self.http.limits.jobs).json()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
