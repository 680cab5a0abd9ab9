"""branches.yml: each of the branches dev, qa and main is one workspace, with the hooks as they are for that target."""

from __future__ import annotations

import pytest
from support.project import Person, Workspace

from .conftest import edit, git
from .jobs import QA_BRANCH
from .services import Ci
from .test_hooks import HOOKS, deployed

TARGETS = "targets:\n  dev: {git: {branch: dev}}\n  qa: {git: {branch: qa}}\n  main: {schedule: {paused: false}}\n"


@pytest.mark.long  # test_files.py compares what it types with the other pipelines, whose tests are quick
@pytest.mark.parametrize("ci", ["github", "azure", "gitlab"], indirect=True)
def test_branches(ci: Ci, workspaces: dict[str, Workspace]) -> None:
    """A merge to qa changes that workspace alone, and a merge of qa to main brings the same to production."""
    for name in ("Training", "Scoring"):
        with (ci.origin / f"projects/Example{name}Project/hook.yml").open("a", encoding="utf-8") as file:
            file.write(TARGETS)
    ci.type(workspaces["dev"], "mlflow_hooks", "generate")
    edit(ci.origin / "notebooks/models/demand_forecast.py", "DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 5")
    git(ci.origin, "add", "--all")
    git(ci.origin, "commit", "-q", "-m", "Work on dev")
    git(ci.origin, "update-ref", QA_BRANCH, "HEAD")
    ci.run("branches.yml", QA_BRANCH)
    qa, production = workspaces["qa"], workspaces["main"]
    assert b"ASIDE = 5" in Person(qa, "/Shared/main").read("notebooks/models/demand_forecast")
    assert Person(qa, "/Shared/mlflow_hooks").names() == HOOKS and not Person(production, "/Shared").names()
    assert deployed(qa)["mlflow_training_hook"]["schedule"]["pause_status"] == "PAUSED"
    git(ci.origin, "update-ref", "refs/heads/main", "HEAD")
    ci.run("branches.yml", "refs/heads/main")
    assert deployed(production)["mlflow_training_hook"]["schedule"]["pause_status"] == "UNPAUSED"
