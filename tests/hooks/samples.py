"""Hooks as values, for tests of what is made of them: no file is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from mlflow_hooks.model import (
    Cluster,
    Document,
    EntryPoint,
    Environment,
    GitSource,
    Hook,
    MLflowProject,
    Parameter,
    RefKind,
    Requirements,
    Step,
    StepValue,
    ValueKind,
)
from mlflow_hooks.schema import Engine, JobSchedule, Notifications, Permission, ResultKeys, Secret, SparkJob

from .work import CLUSTER, URL

NOWHERE = Document(Path("nowhere"), "projects/Demo/hook.yml")

PROJECT = MLflowProject(
    folder=Path("projects/Demo"),
    subfolder="projects/Demo",
    mlproject=NOWHERE,
    entry_points={
        "main": EntryPoint(
            "main",
            "python src/train.py --word {word} --count={count} --literal {{x}}",
            (Parameter("word", "string", "hello"), Parameter("count", "int")),
        )
    },
    cluster=Cluster(NOWHERE, CLUSTER),
    spark_job=SparkJob(python_libraries=("scikit-learn==1.7.2",)),
)

PLAIN = replace(
    PROJECT,
    cluster=Cluster(NOWHERE, CLUSTER, ({"pypi": {"package": "numpy"}},), wrapped=True),
    environment=Environment("python_env", NOWHERE, requirements=Requirements(("pandas==2.2",))),
    spark_job=None,
)

HOOK = Hook(
    name="demo",
    document=NOWHERE,
    project=PROJECT,
    engine=Engine.MLFLOW,
    git=GitSource(URL, "v1.0", provider="gitHub", secret=Secret(scope="git", key="token"), widget=True),
    experiment="/Shared/experiments/demo",
    parameters=(Parameter("word", default="hello", widget=True), Parameter("count", "int", value="3")),
    schedule=JobSchedule(quartz="0 0 6 * * ?", time_zone="Europe/Vienna", paused=True),
    notifications=Notifications(on_failure=("a@example.com",), on_success=("b@example.com",)),
    result=ResultKeys(metrics=("rmse",), tags=("model_version",)),
    linked_service="Db",
)

# Without a cluster file.
SERVERLESS = replace(PLAIN, cluster=None, serverless="5")
EXISTING = Cluster(NOWHERE, {"existing_cluster_id": "0101-120000-abcdefgh"})
JOBS_GIT = replace(HOOK, engine=Engine.JOBS_GIT)


def with_steps(hook: Hook) -> Hook:
    """The hook as a pipeline, of two projects and two clusters: a, then b and c at the same time, then d."""
    alone = replace(
        hook, parameters=(Parameter("word", default="hello", widget=True), Parameter("count", "int", value="3"))
    )
    other = replace(
        hook.project,
        subfolder="projects/Other",
        cluster=Cluster(replace(NOWHERE, name="other.json"), CLUSTER),
        serverless="",
    )
    given = StepValue("a", ValueKind.METRIC, "n")
    left = (Parameter("word", value="x"), Parameter("count", "int", source=given))
    steps = (
        Step("a", alone),
        Step("b", replace(alone, timeout=timedelta(minutes=5)), ("a",), retries=2),
        Step("c", replace(alone, project=other), ("a",)),
        Step("d", replace(alone, parameters=left) if hook.engine is Engine.MLFLOW else alone, ("b", "c")),
    )
    return replace(hook, steps=steps)


# One of each kind that leads to files of another shape.
HOOKS = {
    "mlflow": HOOK,
    "plain": replace(HOOK, project=PLAIN, schedule=None, notifications=Notifications(), parameters=()),
    "permissions": replace(
        HOOK,
        permissions=(
            Permission(level="CAN_MANAGE_RUN", group_name="${x}"),
            Permission(level="IS_OWNER", service_principal_name="6a1c"),
        ),
    ),
    "own cluster": replace(HOOK, cluster=Cluster(NOWHERE, {**CLUSTER, "num_workers": 2})),
    "pipeline": with_steps(HOOK),
    "jobs-git": JOBS_GIT,
    "jobs-git pipeline": with_steps(JOBS_GIT),
    "existing cluster": replace(HOOK, cluster=EXISTING),
    "jobs-git on an existing cluster": replace(JOBS_GIT, project=replace(PROJECT, cluster=EXISTING)),
    "jobs-git serverless": replace(JOBS_GIT, project=SERVERLESS),
    "jobs-git serverless pipeline": with_steps(replace(JOBS_GIT, project=SERVERLESS)),
    "jobs-git plain": replace(JOBS_GIT, project=PLAIN, git=GitSource(URL, "main", RefKind.BRANCH, "gitLab")),
}


def hook(**changed: Any) -> Hook:
    return replace(HOOK, **changed)
