"""promote.yml: a tag goes to QA, and once that has worked, to production."""

from __future__ import annotations

import pytest
from support.project import Person, Workspace

from .conftest import edit, git
from .jobs import TAG
from .services import Ci
from .test_hooks import HOOKS, deployed


def test_promote(ci: Ci, workspaces: dict[str, Workspace]) -> None:
    """Each workspace gets the notebooks, projects and hooks of the tag, whatever master has become since."""
    edit(ci.origin / "notebooks/models/demand_forecast.py", "DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 5")
    git(ci.origin, "commit", "-q", "-am", "After the tag")
    for environment in ("qa", "production"):
        workspace = workspaces[environment]
        assert not Person(workspace, "/Shared").names()
        ci.run("promote.yml", TAG, environment)
        assert b"DAYS_KEPT_ASIDE = 4" in Person(workspace, "/Shared/master").read("notebooks/models/demand_forecast")
        assert Person(workspace, "/Shared/mlflow_hooks").names() == HOOKS
        assert len(deployed(workspace)) == len(HOOKS)


@pytest.mark.parametrize("ci", ["github", "azure"], indirect=True)
def test_approval(ci: Ci) -> None:
    """Production waits for QA, and is an environment of its own, on which reviewers can be required."""
    qa, production = ci.service.jobs("promote.yml", TAG)
    assert (qa.environment, production.environment) == ("qa", "production")
    assert "qa" in production.needs
