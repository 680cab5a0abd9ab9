"""Where hooks run in tests: an embedded workspace whose git finds https addresses in folders of this machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from emulator.client import Local
from emulator.work import Ended, Work

from databricks_local.embedded import running
from mlflow_hooks.generate.job import settings
from mlflow_hooks.generate.notebook import notebook
from mlflow_hooks.model import WORKSPACE_FOLDER, Hook
from mlflow_hooks.reading.hook_file import read_hook
from mlflow_hooks.schema import Engine

from .work import FILES, URL, git, write

T = TypeVar("T")

SAMPLES = "https://github.com/databricks-branch-sync/databricks-branch-sync"
OVER = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


@dataclass(frozen=True)
class Stage:
    """A workspace, and the folders in which its git finds the team's repository and that of the samples."""

    work: Work
    team: Path
    samples: Path

    def project(self, name: str, hook_yml: str, files: Mapping[str, str] | None = None) -> Hook:
        """A small project, committed and tagged; its hook asks often."""
        write(self.team / "projects" / name, {**FILES, **(files or {}), "hook.yml": hook_yml})
        commit(self.team, "v1.0")
        return hook_of(self.team / "projects" / name)

    def start(self, hook: Hook, **parameters: str) -> int:
        """Puts the notebook and the job into the workspace and starts the job; gives the run."""
        self.publish(hook)
        job = self.work.job(settings(hook))
        return self.asked("2.2/jobs/run-now", {"job_id": job, "job_parameters": parameters})

    def submit(self, notebook_path: str, parameters: Mapping[str, str]) -> int:
        """Runs a notebook as Data Factory does, without any job."""
        task = {"task_key": "x", "notebook_task": {"notebook_path": notebook_path, "base_parameters": parameters}}
        return self.asked("2.1/jobs/runs/submit", {"run_name": "ADF", "tasks": [task]})

    def publish(self, hook: Hook) -> str:
        path = f"{WORKSPACE_FOLDER}/{hook.notebook}"
        if hook.engine is Engine.MLFLOW:
            self.work.post("2.0/workspace/mkdirs", {"path": WORKSPACE_FOLDER})
            sent = self.work.api.upload(path, notebook(hook).encode(), "SOURCE", language="PYTHON", overwrite="true")
            assert sent.status == 200, sent.body
        return path

    def asked(self, name: str, body: Mapping[str, Any]) -> int:
        reply = self.work.post(name, body)
        assert reply.status == 200, reply.body
        return int(reply.json["run_id"])

    def ended(self, run: int) -> Ended:
        """The run when it is over. Asks Jobs 2.1: hooks ask 2.2, which a test may have spoiled."""
        told = until(lambda: (r := self.run(run))["state"]["life_cycle_state"] in OVER and r)
        return Ended(told, self.work.api.control(f"run-output?run_id={run}", method="GET")["tasks"])

    def run(self, run: int) -> dict[str, Any]:
        return dict(self.work.get("2.1/jobs/runs/get", run_id=run).json)

    def result(self, run: int) -> dict[str, Any]:
        """What the hook gives its caller."""
        return dict(json.loads(self.ended(run).result))

    def mlflow_runs(self, hook: Hook) -> list[dict[str, Any]]:
        """All MLflow runs of its experiment, the project's before the hook's, with their tags as a mapping."""
        found = self.work.get("2.0/mlflow/experiments/get-by-name", experiment_name=hook.experiment).json
        if "experiment" not in found:
            return []
        wanted = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 100}
        runs = self.work.post("2.0/mlflow/runs/search", wanted).json.get("runs", [])
        for run in runs:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
        return sorted(runs, key=lambda run: "mlflow.parentRunId" not in run["tags"])

    def statuses(self, hook: Hook) -> list[str]:
        return [run["info"]["status"] for run in self.mlflow_runs(hook)]

    def submitted(self, hook: Hook) -> int | None:
        """The run of the project's job, as soon as the hook knows of it."""
        tags = [run["tags"].get("mlflow.databricks.shellJobRunID") for run in self.mlflow_runs(hook)]
        return next((int(tag) for tag in tags if tag), None)

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self.work.api.control("faults", list(rules))

    def overrides(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self.work.api.control("run-states", list(rules))


def hook_of(folder: Path, **changed: Any) -> Hook:
    """The hook of a project that has no mistakes, in a hurry."""
    reading = read_hook(folder / "hook.yml")
    assert reading.hook is not None and reading.sound, reading.findings
    return replace(reading.hook, poll=timedelta(milliseconds=100), **changed)


def commit(folder: Path, tag: str) -> str:
    """Commits everything in a folder, and moves the tag there."""
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "change")
    git(folder, "tag", "--force", tag)
    return git(folder, "rev-parse", "HEAD")


def until(what: Callable[[], T], seconds: float = 600) -> T:
    """What it gives as soon as that is something."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(pause)
        pause = min(1.3 * pause, 0.5)  # whoever is asked has work to do, and MLflow takes long to answer
    return found


def mapped(addresses: Mapping[str, Path]) -> dict[str, str]:
    """An environment in which git finds repositories under these addresses."""
    environment = {"GIT_CONFIG_COUNT": str(len(addresses))}
    for number, (url, folder) in enumerate(addresses.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": f"url.file://{folder}.insteadOf", f"GIT_CONFIG_VALUE_{number}": url}
    return environment


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The workspace; its server has nothing to complain about at its end."""
    team, samples = folder / "team", folder / "samples"
    for repository in (team, samples):
        repository.mkdir()
        git(repository, "init", "--quiet")
    before = dict(os.environ)
    os.environ.update(mapped({URL: team, SAMPLES: samples}))
    try:
        with running(folder / "workspace") as there:
            os.environ.clear()
            os.environ.update(before)
            yield Stage(Work(Local(there.host, there.token), folder / "workspace", folder), team, samples)
    finally:
        os.environ.clear()
        os.environ.update(before)
    log = folder / "workspace" / "server.log"
    assert not log.exists(), log.read_text()
