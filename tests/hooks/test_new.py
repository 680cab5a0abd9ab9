"""`new` writes a project that is sound from the first minute, and writes over nothing."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import pytest
import yaml

from databricks_sync.errors import SettingsError
from mlflow_hooks.generate.job import settings
from mlflow_hooks.generate.new import new_project
from mlflow_hooks.model import FindingSeverity
from mlflow_hooks.reading.hook_file import read_hook
from mlflow_hooks.rules.check import check
from mlflow_hooks.schema import json_schema

from .desk import Desk
from .work import git

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
ORIGINS = {
    "https://github.com/team/models.git": "",
    "git@gitlab.intern.example.com:team/models.git": "gitLabEnterpriseEdition",
    "https://git.example.com/team/models": "gitHubEnterprise",
    "": "",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "it's a team"
    top.mkdir()
    git(top, "init", "--quiet")
    return top


@pytest.mark.parametrize("origin", ORIGINS)
def test_sound(top: Path, origin: str) -> None:
    """The project has no mistake, whatever the origin of its repository, and a job of it is serverless."""
    if origin:
        git(top, "remote", "add", "origin", origin)
    files = new_project(top / "projects", "Churn")
    assert files == [f"Churn/{name}" for name in ("MLproject", "hook.yml", "python_env.yaml", "train.py")]
    reading = read_hook(top / "projects/Churn/hook.yml")
    found = check([reading], NOW)
    assert [one for one in found if one.severity is FindingSeverity.ERROR] == [] and len(found) == (1 if origin else 2)
    hook = reading.hook
    assert hook is not None and (hook.name, hook.git.ref) == ("churn", "churn-v1")
    text = (top / "projects/Churn/hook.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["git"].get("provider", "") == ORIGINS[origin]
    assert jsonschema.Draft7Validator(json.loads(json_schema())).is_valid(yaml.safe_load(text))
    assert settings(hook)["tasks"][0]["environment_key"] == "project"
    git(top, "add", "-A")
    git(top, "commit", "--quiet", "-m", "first")
    git(top, "tag", "churn-v1")
    assert [one for one in check([read_hook(top / "projects/Churn/hook.yml")], NOW) if "tag" in one.message] == []


def test_nothing_is_overwritten(top: Path) -> None:
    """A folder, a hook and a tag of the name are taken, and left as they are."""
    git(top, "commit", "--quiet", "--allow-empty", "-m", "first")
    git(top, "tag", "one-v1")
    new_project(top / "projects", "One")
    hook = top / "projects/One/hook.yml"
    assert "tag: one-v2 " in hook.read_text(encoding="utf-8")
    hook.write_text(hook.read_text(encoding="utf-8").replace("name: one", "name: other"), encoding="utf-8")
    before = {path: path.read_bytes() for path in (top / "projects").rglob("*") if path.is_file()}
    for name in ("One", "other"):
        with pytest.raises(SettingsError, match="already"):
            new_project(top / "projects", name)
    assert {path: path.read_bytes() for path in (top / "projects").rglob("*") if path.is_file()} == before


def test_no_repository(tmp_path: Path) -> None:
    """Outside of a repository nothing is written: a hook runs what git has."""
    with pytest.raises(SettingsError):
        new_project(tmp_path / "projects", "churn")
    assert not [*tmp_path.iterdir()]


@pytest.mark.long  # it imports MLflow twice
@pytest.mark.xdist_group("hooks")
def test_runs_at_once(tmp_path: Path, top: Path, shared: object) -> None:
    """The new project runs in the workspace on this machine, in the experiment of its branch."""
    work = shared.work  # type: ignore[attr-defined]
    desk = Desk(top, tmp_path / "home", work.api)
    assert desk.type("new", "churn").out.endswith("git tag churn-v1\n")
    desk.type("check")
    said = desk.type("run", "churn", "--branch", "begun", "--json").one("summary")
    assert said["result"] == "SUCCESS" and said["metrics"] == {"error": pytest.approx(0.04)}
