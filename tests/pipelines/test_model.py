"""model.yml: the version that training has registered in QA is put into use there, and then in production."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hooks.test_promote import TOKEN, Team
from support.project import Workspace

from .conftest import edit, git
from .jobs import MANUAL
from .services import Ci

PROMOTE = """
promote:
  model: main.default.diabetes
  gate: {metrics: {rmse: {at_most: 60}}}
targets:
  qa: {}
  prod: {promote: {from: qa, gate: {approval: true}}}
"""


class Models(Team):
    """The versions of the model in one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(cast(Any, SimpleNamespace(api=workspace)), "")

    def model(self, to: str) -> str:
        return "main.default.diabetes"


@pytest.mark.long  # two more MLflows
def test_model(ci: Ci, workspaces: dict[str, Workspace], monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes is in use in QA, then in production, approved as its environment says; what does not is nowhere."""
    monkeypatch.setenv(TOKEN, "")
    edit(ci.origin / "projects/ExampleTrainingProject/hook.yml", "\ntimeout: 1h\n", f"\ntimeout: 1h\n{PROMOTE}")
    git(ci.origin, "commit", "-q", "-am", "Promote")
    qa, production = Models(workspaces["qa"]), Models(workspaces["production"])
    version = qa.train(55.0)
    done = ci.run("model.yml", MANUAL)
    assert qa.champion("") == version and "approval" in done["production"][-1].said
    champion = production.champion("")
    (made,) = [one for one in production.versions("") if str(one.version) == champion]
    assert made.tags["mlflow_hooks_source"] == f"models:/main.default.diabetes/{version}"
    qa.train(65.0)
    ci.run("model.yml", MANUAL, "qa", code=1)
    assert (qa.champion(""), production.champion("")) == (version, champion)
