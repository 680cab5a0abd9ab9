"""hooks.yml: the hooks of master are in the workspace, as notebooks and as jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.project import Person, Workspace

from .conftest import edit, git
from .jobs import MASTER
from .services import Ci

SPEC, NOTEBOOK = "projects/ExampleTrainingProject/hook.yml", "hooks/notebooks/mlflow_training_hook.py"
HOOKS = {"mlflow_pipeline_hook", "mlflow_scoring_hook", "mlflow_training_hook"}


def deployed(workspace: Workspace) -> dict[str, Any]:
    """The jobs there are: name -> settings."""
    _, told = workspace.ask("GET", "/api/2.2/jobs/list?expand_tasks=true")
    return {one["settings"]["name"]: one["settings"] for one in json.loads(told).get("jobs", [])}


@pytest.mark.long  # test_promote.py deploys hooks, and tests/hooks/test_deploy.py knows every case
def test_deploy(ci: Ci, dev: Workspace) -> None:
    """A merge creates the hooks that are new, and replaces one that changed though its clone remembers none."""
    edit(ci.origin / SPEC, "timeout: 1h", "timeout: 2h")
    ci.type(dev, "mlflow_hooks", "generate")
    ci.type(dev, "mlflow_hooks", "deploy")  # as an earlier merge left them
    edit(ci.origin / SPEC, "timeout: 2h", "timeout: 3h")
    ci.type(dev, "mlflow_hooks", "generate")
    git(ci.origin, "commit", "-q", "-am", "Wait longer")
    ci.run("hooks.yml", MASTER)
    shared = Person(dev, "/Shared/mlflow_hooks")
    assert shared.names() == HOOKS and len(deployed(dev)) == len(HOOKS)
    assert shared.read("mlflow_training_hook").strip() == (ci.origin / NOTEBOOK).read_bytes().strip()
