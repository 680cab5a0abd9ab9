"""What a job or a submitted run must look like. Pure: raises the refusal, changes nothing.

Limits and shapes are documented [DOCS]; where a text is not, it is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from databricks_local.core.errors import invalid

from . import quartz
from .clusters import check_cluster_id, check_new_cluster
from .environments import check_environment
from .fields import (
    COMPUTE,
    OTHER_TASKS,
    PARTS,
    REPAIR,
    RUN_NOW,
    SETTINGS,
    SINGLE,
    SUBMIT,
    TASK,
    TASKS,
    check,
    check_list,
    check_part,
    check_texts,
    required,
)

MAX_NAME_BYTES = 4096
MAX_TAGS = 25
MAX_TOKEN = 64
MAX_TASKS = 1000
MAX_BASE_PARAMETERS = 1024 * 1024
MAX_NOTEBOOK_PARAMS = 10_000
PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]+")
GIT_URL = re.compile(r"https://|file:///|/|[A-Za-z]:[\\/]")
TASK_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
MLFLOW_KEYS = ("ENV_MANAGER", "SYNCHRONOUS", "DOCKER_ARGS", "STORAGE_DIR", "build_image", "docker_auth")
RUN_IFS = ("ALL_SUCCESS", "ALL_DONE", "NONE_FAILED", "AT_LEAST_ONE_SUCCESS", "ALL_FAILED", "AT_LEAST_ONE_FAILED")
PROVIDERS = (
    "gitHub",
    "bitbucketCloud",
    "azureDevOpsServices",
    "gitHubEnterprise",
    "bitbucketServer",
    "gitLab",
    "gitLabEnterpriseEdition",
    "awsCodeCommit",
)


def check_job(settings: Mapping[str, Any], version: str) -> None:
    """Settings as create and reset take them. `version` of the API like `2.1`. Raises ApiError (400)."""
    check("", settings, {**SETTINGS, **SINGLE} if version == "2.0" else SETTINGS)
    if len(settings.get("name", "").encode()) > MAX_NAME_BYTES:
        raise invalid(f"The job name is longer than {MAX_NAME_BYTES} bytes.")
    if len(settings.get("tags", {})) > MAX_TAGS:
        raise invalid(f"A job has at most {MAX_TAGS} tags.")
    for name, value in settings.get("tags", {}).items():
        if not isinstance(value, str):
            raise invalid(f"The tag {name} is text, not {value!r}.")
    if settings.get("max_concurrent_runs", 1) < 0:
        raise invalid("max_concurrent_runs cannot be negative.")
    check_schedule(settings.get("schedule"))
    _check_parameters(settings.get("parameters", []))
    _check_work(settings, single=version == "2.0")


def check_submit(body: Mapping[str, Any], version: str) -> None:
    """The body of runs/submit; `version` of the API like `2.1`. Raises ApiError (400)."""
    body = _without_mlflow_keys(body, version)
    check("", body, {**SUBMIT, **SINGLE} if version == "2.0" else SUBMIT)
    check_token(body.get("idempotency_token"))
    _check_work(body, single=version == "2.0")


def _without_mlflow_keys(body: Mapping[str, Any], version: str) -> Mapping[str, Any]:
    """MLflow's client cannot send its Spark form without keys of its own in `new_cluster` [src, ran].

    So the service must let these pass there. In the plain form they come from a cluster file of the wrong shape,
    which is refused here.
    """
    cluster = body.get("new_cluster")
    if version != "2.0" or "spark_python_task" not in body or not isinstance(cluster, dict):
        return body
    return {**body, "new_cluster": {key: value for key, value in cluster.items() if key not in MLFLOW_KEYS}}


def check_run_now(body: Mapping[str, Any]) -> None:
    """The body of run-now. Raises ApiError (400)."""
    check("", body, RUN_NOW)
    check_token(body.get("idempotency_token"))
    _check_arguments(body)


def check_repair(body: Mapping[str, Any]) -> None:
    """The body of runs/repair. Raises ApiError (400)."""
    check("", body, REPAIR)
    if bool(body.get("rerun_tasks")) == bool(body.get("rerun_all_failed_tasks")):
        raise invalid("Exactly one of rerun_tasks and rerun_all_failed_tasks is to be given.")
    check_list("rerun_tasks", body.get("rerun_tasks", []))
    _check_arguments(body)


def _check_arguments(body: Mapping[str, Any]) -> None:
    if body.get("job_parameters") and body.get("notebook_params"):
        raise invalid("job_parameters and notebook_params exclude each other.")
    for field in ("job_parameters", "notebook_params"):
        check_texts(field, body.get(field, {}))
    if _size(body.get("notebook_params", {})) > MAX_NOTEBOOK_PARAMS:
        raise invalid(f"notebook_params are longer than {MAX_NOTEBOOK_PARAMS} bytes.")
    for name in body.get("job_parameters", {}):
        _check_parameter_name(name)


def check_token(token: str | None) -> None:
    """An idempotency token has at most 64 characters [DOCS]. Raises ApiError (400)."""
    if token is not None and len(token) > MAX_TOKEN:
        raise invalid(f"idempotency_token is longer than {MAX_TOKEN} characters.")


def check_schedule(document: object) -> None:
    """A job's `schedule`, or None. Raises ApiError (400), which says what is wrong with the expression."""
    if document is None:
        return
    schedule = check_part("schedule", document, "schedule")
    required("schedule", schedule, "quartz_cron_expression", "timezone_id")
    expression = schedule["quartz_cron_expression"]
    try:
        quartz.parse(expression)
        quartz.zone(schedule["timezone_id"])
    except ValueError as error:
        raise invalid(f"Invalid schedule '{expression}' in '{schedule['timezone_id']}': {error}.") from None
    if schedule.get("pause_status", "UNPAUSED") not in ("PAUSED", "UNPAUSED"):
        raise invalid("schedule.pause_status is PAUSED or UNPAUSED.")


def _check_parameters(parameters: Sequence[object]) -> None:
    names = []
    for number, document in enumerate(parameters):
        parameter = check_part(f"parameters[{number}]", document, "parameters")
        required(f"parameters[{number}]", parameter, "name")
        _check_parameter_name(parameter["name"])
        if "default" not in parameter:
            raise invalid(f"Missing required field: parameters[{number}].default")
        names.append(parameter["name"])
    _check_unique("job parameter", names)


def _check_parameter_name(name: str) -> None:
    if not PARAMETER_NAME.fullmatch(name):
        raise invalid(f"The parameter name '{name}' may have letters, digits, `_`, `-` and `.` only.")


def _check_work(settings: Mapping[str, Any], single: bool) -> None:
    """The tasks and what they run on."""
    clusters = _keys(settings, "job_clusters", "job_cluster_key")
    for number, cluster in enumerate(settings.get("job_clusters", [])):
        required(f"job_clusters[{number}]", cluster, "new_cluster")
        check_new_cluster(f"job_clusters[{number}].new_cluster", cluster["new_cluster"])
    environments = _keys(settings, "environments", "environment_key")
    for number, environment in enumerate(settings.get("environments", [])):
        check_environment(f"environments[{number}].spec", environment.get("spec", {}))
    _keys(settings, "environment_variables", "environment_variables_key")
    if settings.get("timeout_seconds", 0) < 0:
        raise invalid("timeout_seconds cannot be negative.")
    _check_git(settings.get("git_source"))
    tasks = settings.get("tasks", [])
    if single and not tasks:
        _check_task("", settings, clusters, environments, "git_source" in settings)
        return
    if single and any(key in settings for key in (*TASKS, *OTHER_TASKS)):
        raise invalid("A job has either tasks or one task beside its settings, not both.")
    if len(tasks) > MAX_TASKS:
        raise invalid(f"A job has at most {MAX_TASKS} tasks.")
    for number, document in enumerate(tasks):
        task = check(f"tasks[{number}]", document, TASK)
        required(f"tasks[{number}]", task, "task_key")
        if not TASK_KEY.fullmatch(task["task_key"]):
            raise invalid(f"The task key '{task['task_key']}' may have letters, digits, `_` and `-` only.")
        _check_task(f"tasks[{number}]", task, clusters, environments, "git_source" in settings)
    _check_unique("task key", [task["task_key"] for task in tasks])
    _check_order(tasks)


def _check_task(
    where: str, task: Mapping[str, Any], clusters: Sequence[str], environments: Sequence[str], git: bool
) -> None:
    kinds = [key for key in task if key in TASKS or key in OTHER_TASKS]
    if len(kinds) != 1:
        listed = " and ".join(kinds) or "none"
        raise invalid(f"{where or 'The run'} needs exactly one kind of task, found: {listed}.")
    if kinds[0] in TASKS:
        _check_kind(f"{where}.{kinds[0]}".lstrip("."), kinds[0], task[kinds[0]], git)
    _check_compute(where, kinds[0], task, clusters, environments)
    if task.get("environment_key") and task.get("libraries"):
        raise invalid("Libraries field is not supported for serverless task, please specify libraries in environment.")
    for number, library in enumerate(task.get("libraries", [])):
        _check_library(f"{where}.libraries[{number}]".lstrip("."), library)
    if task.get("timeout_seconds", 0) < 0:
        raise invalid(f"{where}.timeout_seconds cannot be negative.")
    if task.get("run_if", "ALL_SUCCESS") not in RUN_IFS:
        raise invalid(f"{where}.run_if is one of {', '.join(RUN_IFS)}.")


def _check_kind(where: str, kind: str, document: object, git: bool) -> None:
    task = check_part(where, document, kind)
    if kind == "shell_command_task":
        required(where, task, "command")
        check_list(f"{where}.command", task["command"])
        if not task["command"]:
            raise invalid(f"{where}.command is a list of texts.")
        check_texts(f"{where}.env_vars", task.get("env_vars", {}))
        return
    path = "notebook_path" if kind == "notebook_task" else "python_file"
    required(where, task, path)
    source = task.get("source", "GIT" if git else "WORKSPACE")
    if source not in ("GIT", "WORKSPACE"):
        raise invalid(f"{where}.source is GIT or WORKSPACE.")
    if source == "GIT" and not git:
        raise invalid(f"{where}.source is GIT, but the job has no git_source.")
    if source == "GIT" and task[path].startswith("/"):
        raise invalid(f"{where}.{path} is relative to the repository, not '{task[path]}'.")
    if source == "WORKSPACE" and not task[path].startswith(("/", "dbfs:/")):
        raise invalid(f"{where}.{path} is an absolute path, not '{task[path]}'.")
    check_texts(f"{where}.base_parameters", task.get("base_parameters", {}))
    if _size(task.get("base_parameters", {})) > MAX_BASE_PARAMETERS:
        raise invalid(f"{where}.base_parameters are larger than 1 MB.")
    check_list(f"{where}.parameters", task.get("parameters", []))


def _check_compute(
    where: str, kind: str, task: Mapping[str, Any], clusters: Sequence[str], environments: Sequence[str]
) -> None:
    chosen = [key for key in COMPUTE if task.get(key) is not None]
    if len(chosen) > 1:
        raise invalid(f"{where or 'The run'}: {' and '.join(chosen)} exclude each other.")
    if not chosen and kind in ("spark_python_task", "shell_command_task"):
        # Notebooks without compute run serverless; a script then needs its environment.
        raise invalid(f"{where or 'The run'} needs one of {', '.join(COMPUTE)}.")
    if "new_cluster" in chosen:
        check_new_cluster(f"{where}.new_cluster".lstrip("."), task["new_cluster"])
    if "existing_cluster_id" in chosen:
        check_cluster_id(f"{where}.existing_cluster_id".lstrip("."), task["existing_cluster_id"])
    if "job_cluster_key" in chosen and task["job_cluster_key"] not in clusters:
        raise invalid(f"{where}.job_cluster_key '{task['job_cluster_key']}' is not among job_clusters.")
    if "environment_key" in chosen and task["environment_key"] not in environments:
        raise invalid(f"{where}.environment_key '{task['environment_key']}' is not among environments.")


def _check_library(where: str, document: object) -> None:
    library = check_part(where, document, "libraries")
    if len(library) != 1:
        raise invalid(f"{where} names exactly one of {', '.join(PARTS['libraries'])}.")
    if "pypi" in library:
        required(f"{where}.pypi", check(f"{where}.pypi", library["pypi"], {"package": str, "repo": str}), "package")


def _check_git(document: object) -> None:
    if document is None:
        return
    source = check_part("git_source", document, "git_source")
    required("git_source", source, "git_url", "git_provider")
    if source["git_provider"] not in PROVIDERS:
        raise invalid(f"git_source.git_provider is one of {', '.join(PROVIDERS)}, not '{source['git_provider']}'.")
    # The service takes https alone; here a folder of this machine is a repository too.
    if not GIT_URL.match(source["git_url"]):
        raise invalid("git_source.git_url begins with https://, or names a folder of this machine.")
    if sum(bool(source.get(key)) for key in ("git_branch", "git_tag", "git_commit")) != 1:
        raise invalid("git_source names exactly one of git_branch, git_tag, git_commit.")


def _check_order(tasks: Sequence[Mapping[str, Any]]) -> None:
    """Dependencies exist and do not go round."""
    waiting = {}
    for task in tasks:
        above = [check_part("depends_on", dependency, "depends_on") for dependency in task.get("depends_on", [])]
        waiting[task["task_key"]] = {str(dependency.get("task_key")) for dependency in above}
    for key, above_keys in waiting.items():
        for dependency in above_keys - set(waiting):
            raise invalid(f"The task '{key}' depends on '{dependency}', which does not exist.")
    try:
        TopologicalSorter(waiting).prepare()
    except CycleError as error:
        circle = ", ".join(sorted({*error.args[1]}))
        raise invalid(f"The tasks {circle} depend on each other in a circle.") from None


def _keys(settings: Mapping[str, Any], part: str, key: str) -> list[str]:
    keys = []
    for number, document in enumerate(settings.get(part, [])):
        entry = check_part(f"{part}[{number}]", document, part)
        required(f"{part}[{number}]", entry, key)
        keys.append(str(entry[key]))
    _check_unique(key, keys)
    return keys


def _check_unique(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"The {what} '{name}' is there twice.")
        seen.add(name)


def _size(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, ensure_ascii=False).encode()) if document else 0
