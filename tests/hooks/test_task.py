"""What a run with `engine: jobs-git` submits is what is deployed, with its own values and code."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from databricks_local.jobs.rules.jobs import check_submit
from mlflow_hooks.errors import HookError
from mlflow_hooks.generate.job import settings
from mlflow_hooks.run.spec import RunSpec
from mlflow_hooks.run.task import submission

from .samples import EXISTING, JOBS_GIT, SERVERLESS

GIVEN = replace(JOBS_GIT, git=replace(JOBS_GIT.git, provider="gitHub"))
BRANCH = "it's-{{secrets/git/token}}"
SPEC = RunSpec(GIVEN, {"word": "a b", "count": "4"}, "/Shared/me/main_expr", timedelta(minutes=5), BRANCH, "v1.0")
COMMIT = "0123456789" * 4


def test_from_git() -> None:
    """The task is the deployed one: with the values, experiment and time of this run, from the same place in git."""
    body = submission(SPEC, "demo-1", "")
    check_submit(body, "2.2")
    deployed = settings(GIVEN)
    assert body["git_source"] == deployed["git_source"]
    (task,), (job_task,) = body["tasks"], deployed["tasks"]
    assert task["libraries"] == job_task["libraries"] and task["timeout_seconds"] == 300
    assert task["spark_python_task"]["python_file"] == job_task["spark_python_task"]["python_file"]
    assert task["spark_python_task"]["parameters"] == ["--word", "a b", "--count=4", "--literal", "{x}"]
    variables = task["new_cluster"].pop("spark_env_vars")
    assert variables["MLFLOW_EXPERIMENT_NAME"] == "/Shared/me/main_expr"
    assert not [part for part in ("'", "{{") if part in variables["MLFLOW_RUN_CONTEXT"]]
    context = json.loads(variables["MLFLOW_RUN_CONTEXT"])
    assert context["mlflow_hooks.branch"] == BRANCH and context["mlflow_hooks.run"] == "demo-1"


@pytest.mark.parametrize(
    ("ref", "source"),
    [("v1.0", {"git_tag": "v1.0"}), (COMMIT, {"git_commit": COMMIT})],
)
def test_ref(ref: str, source: dict[str, str]) -> None:
    """The ref of hook.yml is that of the job; any other one is a commit."""
    told = submission(replace(SPEC, ref=ref), "demo-1", "")["git_source"]
    assert {key: value for key, value in told.items() if key not in ("git_url", "git_provider")} == source


def test_from_a_folder() -> None:
    """What lies here runs from its copy, at its path in the repository, with no git at all."""
    body = submission(replace(SPEC, ref=None), "demo-1", "/Workspace/Users/me/x")
    check_submit(body, "2.2")
    assert "git_source" not in body
    (task,) = body["tasks"]
    assert task["spark_python_task"]["python_file"] == "/Workspace/Users/me/x/projects/Demo/src/train.py"


def test_on_an_existing_cluster() -> None:
    """A cluster that exists is named, and cannot be told what the run is called."""
    existing = replace(GIVEN.project, cluster=EXISTING)
    body = submission(replace(SPEC, hook=replace(GIVEN, project=existing)), "demo-1", "")
    check_submit(body, "2.2")
    assert body["tasks"][0]["existing_cluster_id"] == EXISTING.spec["existing_cluster_id"]
    assert "new_cluster" not in body["tasks"][0]


def test_serverless() -> None:
    """A serverless run has the environment of the deployed task, and its own experiment and name in its variables."""
    hook = replace(GIVEN, project=SERVERLESS)
    body = submission(replace(SPEC, hook=hook), "demo-1", "")
    check_submit(body, "2.2")
    assert body["environments"] == settings(hook)["environments"] and "new_cluster" not in body["tasks"][0]
    variables = body["environment_variables"][0]["spec"]["variables"]
    assert variables["MLFLOW_EXPERIMENT_NAME"] == "/Shared/me/main_expr"
    assert json.loads(variables["MLFLOW_RUN_CONTEXT"])["mlflow_hooks.run"] == "demo-1"
    long = submission(replace(SPEC, hook=hook, branch="x" * 500), "demo-1", "")
    assert "MLFLOW_RUN_CONTEXT" not in long["environment_variables"][0]["spec"]["variables"]


def test_a_value_that_a_job_would_replace() -> None:
    """A value that stands for something else in a job is refused, as in hook.yml."""
    with pytest.raises(HookError, match="would be replaced in a job"):
        submission(replace(SPEC, parameters={"word": "{{job.id}}", "count": "1"}), "demo-1", "")
