"""The Databricks job of a hook: one model of its settings, as the Jobs API takes them and as a bundle does. Pure.

Settings of Jobs API 2.2 (https://docs.databricks.com/api/workspace/jobs/create), which bundles share field by field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mlflow_hooks.model import (
    EXPERIMENT,
    GIT_REF,
    JOB_RUN_ID,
    TIMEOUT,
    TRIGGER,
    WORKSPACE_FOLDER,
    Hook,
    MLflowProject,
    RefKind,
    Step,
)
from mlflow_hooks.rules import serverless
from mlflow_hooks.rules.command_line import REFERENCE, command_line
from mlflow_hooks.rules.conda import as_requirement
from mlflow_hooks.rules.serverless import requirements_of
from mlflow_hooks.schema import Engine

from .origin import description, one_line
from .stamp import BLANK, stamped
from .yaml_text import yaml_text

# By which a job is known as ours: the hook's name.
TAG = "mlflow_hook"

# Supported until 2028; needs no ML libraries, since the hook only asks and waits.
SPARK_VERSION = "17.3.x-scala2.13"
SINGLE_NODE = {
    "num_workers": 0,
    "spark_conf": {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
    "custom_tags": {"ResourceClass": "SingleNode"},
    "data_security_mode": "SINGLE_USER",
}
# Where the hook's own cluster may come from the same place as the project's.
MACHINES = ("node_type_id", "instance_pool_id", "policy_id", "azure_attributes", "aws_attributes", "gcp_attributes")
# Of the attributes of a cloud: that machines may be taken away (`ClusterSpec` of databricks-sdk).
SPOT = ("availability", "first_on_demand", "spot_bid_max_price", "spot_bid_price_percent", "use_preemptible_executors")

# Under which a job keeps the environment variables of its serverless tasks.
VARIABLES = "mlflow"

REF_FIELDS = {RefKind.TAG: "git_tag", RefKind.COMMIT: "git_commit", RefKind.BRANCH: "git_branch"}


def job_json(hook: Hook) -> str:
    """The settings as a file for `POST /api/2.2/jobs/create`, stamped in the description."""
    fields = settings(hook)
    if hook.permissions:
        fields["access_control_list"] = access_control_list(hook)
    fields["description"] = f"{BLANK}. {fields['description']}"
    ordered = {"description": fields.pop("description"), **fields}
    return stamped(json.dumps(ordered, indent=2) + "\n")


def access_control_list(hook: Hook) -> list[dict[str, str]]:
    """Who may do what with the job, as `/api/2.0/permissions` and `jobs/create` take it."""
    return [
        {field: name, "permission_level": permission.level}
        for permission in hook.permissions
        for field, name in permission.principals
    ]


def bundle_yaml(hook: Hook, notebook_folder: str) -> str:
    """The same settings as a bundle's resource, stamped in its first line.

    `notebook_folder` is the notebooks' place relative to the file; a bundle wants their extension.
    """
    fields = _literal(settings(hook, notebook_folder, ending=".py"))
    if hook.permissions:
        named = [dict(permission.principals) | {"level": permission.level} for permission in hook.permissions]
        fields["permissions"] = _literal(named)
    text = yaml_text({"resources": {"jobs": {hook.notebook: fields}}})
    return stamped(f"# {BLANK}\n# Generated from {one_line(hook.document.name)}: change it there.\n{text}")


def _literal(value: Any) -> Any:
    """SERVER: a bundle replaces `${name}` wherever it stands, and takes `$${name}` for the text `${name}`."""
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_literal(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def settings(hook: Hook, notebook_folder: str = WORKSPACE_FOLDER, *, ending: str = "") -> dict[str, Any]:
    """The job's settings; `notebook_folder` is where its notebook lies, whose name has this `ending` there.

    Raises HookError where `engine: jobs-git` cannot carry what MLproject says.
    """
    notebook = f"{notebook_folder}/{hook.notebook}{ending}"
    engine = _of_notebook(hook, notebook) if hook.engine is Engine.MLFLOW else _of_git(hook)
    fields: dict[str, Any] = {
        "name": hook.notebook,
        "description": description(hook.document.name),
        "tags": {**hook.job.get("tags", {}), TAG: hook.name},
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
    }
    if hook.schedule is not None:
        fields["schedule"] = {
            "quartz_cron_expression": hook.schedule.quartz,
            "timezone_id": hook.schedule.time_zone,
            "pause_status": "PAUSED" if hook.schedule.paused else "UNPAUSED",
        }
    if notices := hook.notifications.model_dump(mode="json", exclude_defaults=True):
        fields["email_notifications"] = notices
    parameters = [{"name": name, "default": default} for name, default in defaults(hook).items()]
    if parameters:
        fields["parameters"] = parameters
    return {**fields, **engine, **{name: value for name, value in hook.job.items() if name != "tags"}}


def defaults(hook: Hook) -> dict[str, str]:
    """What callers may set, with the text that stands there until they do.

    A value that Databricks, a bundle or Data Factory would take for a reference stays away: the notebook has it too.
    Without a notebook there may be none (`command_line.py`).
    """
    shown = {parameter.name: parameter.effective or "" for parameter in hook.parameters if parameter.widget}
    if hook.engine is Engine.JOBS_GIT:
        return shown
    if hook.git.widget:
        shown[GIT_REF] = hook.git.ref
    shown |= {EXPERIMENT: "", TIMEOUT: ""}
    return {name: "" if is_reference(text) else text for name, text in shown.items()}


def is_reference(text: str) -> bool:
    """Whether a job, a bundle or Data Factory would replace some of it."""
    return bool(REFERENCE.search(text)) or text.startswith("@") or "@{" in text


def _of_notebook(hook: Hook, notebook: str) -> dict[str, Any]:
    parameters = {TRIGGER: "{{job.trigger.type}}", JOB_RUN_ID: "{{job.run_id}}"}
    compute, clusters = _compute("hook", _hook_cluster(hook))
    task = {
        "task_key": "hook",
        **compute,
        "notebook_task": {"notebook_path": notebook, "base_parameters": parameters, "source": "WORKSPACE"},
        "timeout_seconds": _seconds(hook.task_timeout),
        "max_retries": 0,
    }
    return {"timeout_seconds": _seconds(hook.job_timeout), **clusters, "tasks": [task]}


def _of_git(hook: Hook) -> dict[str, Any]:
    """No notebook: Databricks itself fetches the code and runs it on the project's cluster, or on that of each step.

    Steps with the same cluster file share one; and so do those with the same serverless environment.
    """
    source = {"git_url": hook.git.url, "git_provider": hook.git.provider, REF_FIELDS[hook.git.kind]: hook.git.ref}
    first: dict[str, Step] = {}  # by what steps may share
    for step in hook.parts:
        first.setdefault(_shared_by(step), step)
    computes = {key: _project_compute(step) for key, step in first.items()}
    job: dict[str, list[Any]] = {}
    for _, more in computes.values():
        for key, entries in more.items():
            job[key] = [*job.get(key, []), *(entry for entry in entries if entry not in job.get(key, []))]
    return {
        "timeout_seconds": _seconds(hook.task_timeout),
        "git_source": source,
        **job,
        "tasks": [_task(step, computes[_shared_by(step)][0]) for step in hook.parts],
    }


def _shared_by(step: Step) -> str:
    project = step.hook.project
    if project.serverless:
        return json.dumps(_environment(step.hook))
    return project.cluster.document.name if project.cluster else ""


def _project_compute(step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `_compute`. SERVER: `disable_auto_optimization`: else a serverless task is retried more often than asked."""
    project = step.hook.project
    if not project.serverless:
        return _compute(step.name, _step_cluster(step.hook))
    task: dict[str, Any] = {"environment_key": step.name, "disable_auto_optimization": True}
    job: dict[str, Any] = {"environments": [{"environment_key": step.name, "spec": _environment(step.hook)}]}
    if serverless.has_variables(project.serverless):
        task["environment_variables_key"] = VARIABLES
        variables = {"MLFLOW_EXPERIMENT_NAME": step.hook.experiment}
        job["environment_variables"] = [{"environment_variables_key": VARIABLES, "spec": {"variables": variables}}]
    return task, job


def _environment(hook: Hook) -> dict[str, Any]:
    """SERVER: each dependency is a line of a requirements file, so options of pip may be among them."""
    dependencies = [*serverless.options(hook.project), *_packages(hook.project)]
    listed = {"dependencies": dependencies} if dependencies else {}
    return {"environment_version": hook.project.serverless, **listed}


def _step_cluster(hook: Hook) -> dict[str, Any]:
    spec = dict(hook.project.cluster.spec) if hook.project.cluster else {}
    spec["spark_env_vars"] = {**spec.get("spark_env_vars", {}), "MLFLOW_EXPERIMENT_NAME": hook.experiment}
    return spec


def _task(step: Step, compute: Mapping[str, Any]) -> dict[str, Any]:
    file, arguments = command_line(step.hook)
    after = {"depends_on": [{"task_key": other} for other in step.after]} if step.after else {}
    return {
        "task_key": step.name,
        **after,
        **compute,
        "spark_python_task": {"python_file": file, "parameters": arguments, "source": "GIT"},
        **({} if step.hook.project.serverless else {"libraries": _libraries(step.hook)}),
        "timeout_seconds": _seconds(step.hook.timeout),
        "max_retries": step.retries,
    }


def _compute(key: str, spec: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a task says of the machines it runs on, and what the job does: nothing of a cluster that exists."""
    if existing := spec.get("existing_cluster_id"):
        return {"existing_cluster_id": existing}, {}
    return {"job_cluster_key": key}, {"job_clusters": [{"job_cluster_key": key, "new_cluster": spec}]}


def _libraries(hook: Hook) -> list[Mapping[str, Any]]:
    """The cluster file's, then what the project's environment asks pip for."""
    project = hook.project
    libraries = list(project.cluster.libraries) if project.cluster else []
    requirements = requirements_of(project)
    repo = {"repo": requirements.index_url} if requirements.index_url else {}
    return libraries + [
        {"pypi": {"package": package, **(repo if package in requirements.packages else {})}}
        for package in _packages(project)
    ]


def _packages(project: MLflowProject) -> list[str]:
    """What pip installs for a project."""
    if project.spark_job is not None:
        return list(project.spark_job.python_libraries)
    conda = project.environment.conda if project.environment is not None else ()
    return [*filter(None, map(as_requirement, conda)), *requirements_of(project).packages]


def _hook_cluster(hook: Hook) -> Mapping[str, Any]:
    """The hook's own: what hook.yml says, else one small machine of the kind the project's cluster has."""
    if hook.cluster is not None:
        return hook.cluster.spec
    project = hook.parts[0].hook.project
    spec = project.cluster.spec if project.cluster else {}
    machines = {key: kept for key in MACHINES if key in spec and (kept := _without_spot(spec[key]))}
    return {"spark_version": SPARK_VERSION, **machines, **SINGLE_NODE}


def _without_spot(setting: Any) -> Any:
    """A machine that is taken away in the middle would take the hook with it, which has but this one."""
    return (
        {key: value for key, value in setting.items() if key not in SPOT} if isinstance(setting, Mapping) else setting
    )


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())
