"""What the tests of DBFS, jobs, runs and MLflow share: a server of their own, and short words for what they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .client import HEADER, Local, Reply

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

CLUSTER = {"spark_version": "17.3.x-cpu-ml-scala2.13", "node_type_id": "Standard_DS3_v2", "num_workers": 1}
SEPARATOR = "\n\n# COMMAND ----------\n\n"

# The address that hooks and jobs name; the server's own git maps it to a folder.
GIT_URL = "https://git.example.com/team/projects"


@dataclass
class Work:
    """A server with its jobs, as tests talk to it."""

    api: Local
    folder: Path
    repositories: Path

    @property
    def sdk(self) -> WorkspaceClient:
        from databricks.sdk import WorkspaceClient

        return WorkspaceClient(host=self.api.host, token=self.api.token, auth_type="pat")

    def get(self, name: str, /, **query: object) -> Reply:
        from urllib.parse import urlencode

        return self.api.call("GET", f"/api/{name}?{urlencode(query)}")

    def post(self, name: str, body: Any) -> Reply:
        return self.api.call("POST", f"/api/{name}", body)

    def notebook(self, path: str, *cells: str) -> str:
        """A Python notebook of these cells; magics as a person writes them."""
        written = [_magic(cell) for cell in cells]
        reply = self.api.upload(path, HEADER + SEPARATOR.join(written).encode(), "SOURCE",
                                language="PYTHON", overwrite="true")  # fmt: skip
        assert reply.status == 200, reply.body
        return path

    def job(self, settings: Mapping[str, Any]) -> int:
        reply = self.post("2.2/jobs/create", settings)
        assert reply.status == 200, reply.body
        return int(reply.json["job_id"])

    def secret(self, scope: str, **values: str) -> None:
        """Secrets in a scope, which there may be already."""
        self.post("2.0/secrets/scopes/create", {"scope": scope})
        for key, value in values.items():
            reply = self.post("2.0/secrets/put", {"scope": scope, "key": key, "string_value": value})
            assert reply.status == 200, reply.body

    def submit(self, task: Mapping[str, Any], **more: Any) -> int:
        reply = self.post("2.2/jobs/runs/submit", {"tasks": [{"task_key": "main", **task}], **more})
        assert reply.status == 200, reply.body
        return int(reply.json["run_id"])

    def run_notebook(self, *cells: str, **parameters: str) -> Ended:
        """The notebook of these cells, run to its end."""
        path = self.notebook(f"/Shared/n{time.time_ns()}", *cells)
        return self.ended(self.submit({"notebook_task": {"notebook_path": path, "base_parameters": parameters}}))

    def state(self, run_id: int) -> dict[str, Any]:
        return dict(self.get("2.2/jobs/runs/get", run_id=run_id).json["state"])

    def ended(self, run_id: int, seconds: float = 600) -> Ended:
        """The run when it is over."""
        self.until(run_id, "TERMINATED", "SKIPPED", "INTERNAL_ERROR", seconds=seconds)
        told = self.get("2.2/jobs/runs/get", run_id=run_id).json
        return Ended(told, self.api.control(f"run-output?run_id={run_id}", method="GET")["tasks"])

    def until(self, run_id: int, *states: str, seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while self.state(run_id)["life_cycle_state"] not in states:
            assert time.monotonic() < deadline, self.state(run_id)
            time.sleep(0.05)

    def repository(self, name: str, files: Mapping[str, str]) -> str:
        """A real git repository reached under an https address; gives its first commit."""
        folder = self.repositories / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        git(folder, "init", "--quiet", "--initial-branch", "main")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", "first")
        return git(folder, "rev-parse", "HEAD").strip()


@dataclass(frozen=True)
class Ended:
    run: Mapping[str, Any]
    tasks: Sequence[Mapping[str, Any]]

    @property
    def state(self) -> tuple[str, str | None]:
        return self.run["state"]["life_cycle_state"], self.run["state"].get("result_state")

    @property
    def output(self) -> Mapping[str, Any]:
        return self.tasks[0]

    @property
    def result(self) -> Any:
        assert self.state == ("TERMINATED", "SUCCESS"), (self.run["state"], self.output)
        return self.output["result"]

    @property
    def error(self) -> str:
        assert self.state[1] == "FAILED", (self.run["state"], self.output)
        return str(self.output["error"])


def git(folder: Path, *arguments: str) -> str:
    me = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *me, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def mapped(repositories: Path) -> dict[str, str]:
    """Environment in which git finds the repositories under their https address."""
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.file://{repositories}/.insteadOf",
        "GIT_CONFIG_VALUE_0": f"{GIT_URL}/",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }


def python(code: str, environment: Mapping[str, str], cwd: Path, *arguments: str) -> Any:
    """Runs a program that prints JSON on its last line, as a client of its own."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=dict(environment), cwd=cwd, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-4000:]
    return json.loads(done.stdout.decode().strip().splitlines()[-1])


def _magic(cell: str) -> str:
    if not cell.startswith("%"):
        return cell
    return "\n".join(f"# MAGIC {line}" for line in cell.split("\n"))
