"""What `engine: jobs-git` deploys, as one run: the same task of a job, with this run's values and its code. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import Hook, RefKind
from mlflow_hooks.rules.serverless import LONGEST_VARIABLE

from .spec import RunSpec
from .tracking import RUN_TAG

_OF_JOBS = ("job_cluster_key", "max_retries")  # what a task of runs/submit has not (`SubmitTask` of databricks-sdk)


def as_given(spec: RunSpec) -> Hook:
    """The hook with what this run is given in the place of what callers may set."""
    hook = spec.hook
    values = tuple(
        replace(parameter, value=spec.parameters[parameter.name], widget=False) for parameter in hook.parameters
    )
    git = hook.git
    if spec.ref and spec.ref != git.ref:
        git = replace(git, ref=spec.ref, kind=RefKind.COMMIT)
    return replace(hook, parameters=values, experiment=spec.experiment, timeout=spec.timeout, git=git)


def run_context(spec: RunSpec, name: str) -> dict[str, str]:
    """The environment from which MLflow takes the tags of each run that the script starts.

    SOURCE: mlflow.tracking.context.system_environment_context. A cluster exports it between single quotes, and takes
    {{secrets/…}} for a secret, which a branch may be called.
    """
    tags = json.dumps({**spec.tags, RUN_TAG: name})
    return {"MLFLOW_RUN_CONTEXT": "{" + tags[1:].replace("{", "\\u007b").replace("'", "\\u0027")}


def submission(spec: RunSpec, name: str, folder: str) -> dict[str, Any]:
    """The body of `POST /api/2.2/jobs/runs/submit`. `folder`: where the workspace has a copy of the code, "" for git.

    Raises HookError for a command or a value that no task can have.
    """
    job = settings(as_given(spec))
    clusters = {
        cluster["job_cluster_key"]: _tagged(cluster["new_cluster"], run_context(spec, name))
        for cluster in job.get("job_clusters", ())
    }
    variables = [_with_context(entry, run_context(spec, name)) for entry in job.get("environment_variables", ())]
    tasks = []
    for task in job["tasks"]:
        kept = {key: value for key, value in task.items() if key not in _OF_JOBS}
        if "job_cluster_key" in task:
            kept["new_cluster"] = clusters[task["job_cluster_key"]]
        if folder:
            kept["spark_python_task"] = _from_folder(task["spark_python_task"], folder)
        tasks.append(kept)
    source = {} if folder else {"git_source": job["git_source"]}
    environments = {"environments": job["environments"]} if "environments" in job else {}
    named = {"environment_variables": variables} if variables else {}
    head = {"run_name": name, "timeout_seconds": job["timeout_seconds"]}
    return {**head, **source, **environments, **named, "tasks": tasks}


def _tagged(cluster: Mapping[str, Any], context: Mapping[str, str]) -> dict[str, Any]:
    return {**cluster, "spark_env_vars": {**cluster["spark_env_vars"], **context}}


def _with_context(entry: Mapping[str, Any], context: Mapping[str, str]) -> dict[str, Any]:
    """Where it is too long for a variable, a run has no tags; they are not worth the run."""
    short = {name: value for name, value in context.items() if len(value) <= LONGEST_VARIABLE}
    return {**entry, "spec": {"variables": {**entry["spec"]["variables"], **short}}}


def _from_folder(task: Mapping[str, Any], folder: str) -> dict[str, Any]:
    return {**task, "python_file": f"{folder}/{task['python_file']}", "source": "WORKSPACE"}
