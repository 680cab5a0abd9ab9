"""hooks.yml: the hooks of master are in the workspace, as notebooks and as jobs."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.commands.world import Person, Workspace

from .conftest import edit, git
from .jobs import MASTER
from .services import Ci

HOOKS = {"mlflow_scoring_hook", "mlflow_training_hook"}


def deployed(workspace: Workspace) -> dict[str, Any]:
    """The jobs there are: name -> settings."""
    _, told = workspace.ask("GET", "/api/2.2/jobs/list?expand_tasks=true")
    return {one["settings"]["name"]: one["settings"] for one in json.loads(told).get("jobs", [])}


def test_deploy(ci: Ci, dev: Workspace) -> None:
    """The first merge creates notebooks and jobs; a changed hook is replaced, though no clone remembers the last."""
    ci.run("hooks.yml", MASTER)
    assert Person(dev, "/Shared/mlflow_hooks").names() == HOOKS
    assert len(deployed(dev)) == 2
    edit(ci.origin / "projects/ExampleTrainingProject/hook.yml", "timeout: 1h", "timeout: 2h")
    subprocess.run(["mlflow_hooks", "generate"], cwd=ci.origin, env=ci.machines[-1].environ, check=True)
    git(ci.origin, "commit", "-q", "-am", "Wait longer")
    ci.run("hooks.yml", MASTER)
    committed = (ci.origin / "hooks/notebooks/mlflow_training_hook.py").read_bytes()
    assert Person(dev, "/Shared/mlflow_hooks").read("mlflow_training_hook").strip() == committed.strip()


def test_again(ci: Ci, dev: Workspace) -> None:
    """A merge that changes no hook writes nothing."""
    ci.run("hooks.yml", MASTER)
    dev.forget()
    ci.run("hooks.yml", MASTER)
    written = [one for one in dev.requests() if one["method"] != "GET" and "/.databricks_sync" not in one["object"]]
    assert written == []
