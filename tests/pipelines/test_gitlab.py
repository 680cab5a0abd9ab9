"""The pipelines of GitLab, whose jobs run as one script each; what they type is compared in test_files.py."""

from __future__ import annotations

import pytest
from support.project import Person, Workspace

from . import gitlab
from .conftest import edit, git
from .jobs import MASTER, PULL_REQUEST, SCHEDULE, TAG
from .services import PIPELINES, Ci
from .test_hooks import HOOKS

pytestmark = pytest.mark.parametrize("ci", ["gitlab"], indirect=True)
FORECAST = "notebooks/models/demand_forecast"


@pytest.mark.long  # the same as on the others, whose tests are quick, but for where the backups are: test_files.py
def test_merge(ci: Ci, dev: Workspace) -> None:
    """A merge mirrors master, and what the mirror replaces is kept outside of .git."""
    shared = Person(dev, "/Shared/master")
    shared.put(f"{FORECAST}.py", "# Databricks notebook source\nprint('mine')\n")
    ci.run("master.yml", MASTER)
    assert b"ASIDE = 4" in shared.read(FORECAST) and [*(ci.machines[-1].clone / "backups").iterdir()]


@pytest.mark.long
def test_drift(ci: Ci, dev: Workspace) -> None:
    """Drift is found where somebody has edited the folder, and is gone after the next mirror."""
    ci.run("master.yml", MASTER)
    ci.run("drift.yml", SCHEDULE)
    Person(dev, "/Shared/master").edit(FORECAST, "print('mine')")
    assert f"~ {FORECAST}.py" in ci.run("drift.yml", SCHEDULE, code=1)["drift"][0].said
    ci.run("master.yml", MASTER)
    ci.run("drift.yml", SCHEDULE)


def test_fork(ci: Ci) -> None:
    """A merge request from a fork is checked, and its projects are not run."""
    assert [job.name for job in ci.service.jobs("pull-request.yml", PULL_REQUEST, fork=True)] == ["check"]


def test_approval(ci: Ci) -> None:
    """Production waits for QA, and for somebody who starts it."""
    qa, production = ci.service.jobs("promote.yml", TAG)
    assert (qa.environment, production.environment, production.needs) == ("qa", "production", ("qa",))
    (rule,) = gitlab.jobs_of(PIPELINES / "gitlab" / "promote.yml")["production"]["rules"]
    assert rule["when"] == "manual" and rule["allow_failure"] is False


@pytest.mark.long  # the same as on the others, whose tests are quick
def test_check_and_promote(ci: Ci, workspaces: dict[str, Workspace]) -> None:
    """A sound merge request passes, a mistake fails it, and a tag is deployed to each workspace."""
    ci.run("pull-request.yml", PULL_REQUEST, "check")
    git(ci.origin, "switch", "-q", "--detach", PULL_REQUEST)
    edit(ci.origin / "src/bikesharing/demand.py", "BUSY = 100", "BUSY=100")
    git(ci.origin, "commit", "-q", "-am", "A mistake")
    git(ci.origin, "update-ref", PULL_REQUEST, "HEAD")
    ci.run("pull-request.yml", PULL_REQUEST, "check", code=1)
    for environment in ("qa", "production"):
        ci.run("promote.yml", TAG, environment)
        assert Person(workspaces[environment], "/Shared/mlflow_hooks").names() == HOOKS
