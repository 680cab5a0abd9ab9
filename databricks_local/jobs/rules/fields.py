"""What the fields of a job are called and what they hold: tables, and the check against them. Pure.

Names as databricks-sdk 0.156 knows them, and those of Jobs 2.0. Whether the service refuses or ignores a name it
does not know is unknown; here it is refused, so that a mistake shows before it is paid for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from databricks_local.core.errors import ApiError, invalid

Table = Mapping[str, type]

COMPUTE: Table = {
    "new_cluster": dict,
    "existing_cluster_id": str,
    "job_cluster_key": str,
    "environment_key": str,
}

# What this workspace runs; any other kind is kept, and refused when it is to run.
TASKS: Table = {"notebook_task": dict, "spark_python_task": dict, "shell_command_task": dict}

OTHER_KINDS = (
    "ai_runtime",
    "alert",
    "clean_rooms_notebook",
    "condition",
    "dashboard",
    "dbt",
    "dbt_cloud",
    "dbt_platform",
    "for_each",
    "gen_ai_compute",
    "pipeline",
    "power_bi",
    "python_operator",
    "python_wheel",
    "run_job",
    "spark_jar",
    "spark_submit",
    "sql",
)

OTHER_TASKS: Table = {f"{kind}_task": dict for kind in OTHER_KINDS}

NOTICES: Table = {"email_notifications": dict, "webhook_notifications": dict, "notification_settings": dict}

TASK: Table = {
    **COMPUTE,
    **TASKS,
    **OTHER_TASKS,
    **NOTICES,
    "task_key": str,
    "compute": dict,
    "depends_on": list,
    "description": str,
    "disable_auto_optimization": bool,
    "disabled": bool,
    "environment_variables_key": str,
    "health": dict,
    "libraries": list,
    "max_retries": int,
    "min_retry_interval_millis": int,
    "retry_on_timeout": bool,
    "run_if": str,
    "timeout_seconds": int,
}

SETTINGS: Table = {
    **NOTICES,
    "access_control_list": list,
    "budget_policy_id": str,
    "continuous": dict,
    "deployment": dict,
    "description": str,
    "duration_target": str,
    "edit_mode": str,
    "environment_variables": list,
    "environments": list,
    "format": str,
    "git_source": dict,
    "health": dict,
    "job_clusters": list,
    "max_concurrent_runs": int,
    "name": str,
    "parameters": list,
    "parent_path": str,
    "performance_target": str,
    "queue": dict,
    "run_as": dict,
    "schedule": dict,
    "tags": dict,
    "tasks": list,
    "timeout_seconds": int,
    "trigger": dict,
    "triggers": list,
    "usage_policy_id": str,
}

# Jobs 2.0 puts its one task beside the settings.
SINGLE: Table = {key: kind for key, kind in TASK.items() if key not in ("task_key", "depends_on", "run_if")}

SUBMIT: Table = {
    **{key: kind for key, kind in SETTINGS.items() if key not in ("name", "schedule", "parameters", "tags", "trigger")},
    "run_name": str,
    "idempotency_token": str,
}

RUN_NOW: Table = {
    "job_id": object,
    "job_parameters": dict,
    "notebook_params": dict,
    "python_params": list,
    "jar_params": list,
    "spark_submit_params": list,
    "python_named_params": dict,
    "sql_params": dict,
    "dbt_commands": list,
    "pipeline_params": dict,
    "idempotency_token": str,
    "duration_target": str,
    "only": list,
    "performance_target": str,
    "queue": dict,
}

REPAIR: Table = {
    **{key: kind for key, kind in RUN_NOW.items() if key.endswith(("_params", "_parameters", "_commands", "_target"))},
    "run_id": object,
    "rerun_tasks": list,
    "rerun_all_failed_tasks": bool,
    "rerun_dependent_tasks": bool,
    "latest_repair_id": object,
}

NEW_CLUSTER: Table = {
    "apply_policy_default_values": bool,
    "autoscale": dict,
    "autotermination_minutes": int,
    "aws_attributes": dict,
    "azure_attributes": dict,
    "cluster_log_conf": dict,
    "cluster_name": str,
    "custom_tags": dict,
    "data_security_mode": str,
    "docker_image": dict,
    "driver_instance_pool_id": str,
    "driver_node_type_flexibility": dict,
    "driver_node_type_id": str,
    "enable_elastic_disk": bool,
    "enable_local_disk_encryption": bool,
    "gcp_attributes": dict,
    "init_scripts": list,
    "instance_pool_id": str,
    "is_single_node": bool,
    "kind": str,
    "node_type_id": str,
    "num_workers": int,
    "policy_id": str,
    "remote_disk_throughput": int,
    "runtime_engine": str,
    "single_user_name": str,
    "spark_conf": dict,
    "spark_env_vars": dict,
    "spark_version": str,
    "ssh_public_keys": list,
    "total_initial_remote_disk_size": int,
    "use_ml_runtime": bool,
    "worker_node_type_flexibility": dict,
    "workload_type": dict,
}

PARTS: Mapping[str, Table] = {
    "notebook_task": {"notebook_path": str, "base_parameters": dict, "source": str, "warehouse_id": str},
    "spark_python_task": {"python_file": str, "parameters": list, "source": str},
    "shell_command_task": {"command": list, "env_vars": dict},
    "schedule": {"quartz_cron_expression": str, "timezone_id": str, "pause_status": str, "sql_condition": dict},
    "git_source": {
        "git_url": str,
        "git_provider": str,
        "git_branch": str,
        "git_tag": str,
        "git_commit": str,
        "git_snapshot": dict,
        "job_source": dict,
        "sparse_checkout": dict,
    },
    "autoscale": {"min_workers": int, "max_workers": int},
    "queue": {"enabled": bool},
    "depends_on": {"task_key": str, "outcome": str},
    "job_clusters": {"job_cluster_key": str, "new_cluster": dict, "serverless_compute_id": str},
    "environments": {"environment_key": str, "spec": dict},
    "environment": {
        "base_environment": str,
        "client": str,
        "dependencies": list,
        "environment_version": str,
        "java_dependencies": list,
        "project_environment": str,
    },
    "environment_variables": {"environment_variables_key": str, "spec": dict},
    "parameters": {"name": str, "default": str},
    "libraries": {"pypi": dict, "whl": str, "jar": str, "egg": str, "maven": dict, "cran": dict, "requirements": str},
}

NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}


def check(where: str, document: object, table: Table) -> Mapping[str, Any]:
    """The object, with names and kinds that the table has; ApiError for the first that has not."""
    if not isinstance(document, dict):
        raise invalid(f"{where} is an object, not {document!r}.")
    for key, value in document.items():
        if key not in table:
            raise unknown(where, key, table)
        if not _fits(value, table[key]):
            raise invalid(f"{_inside(where, key)} is {NAMES.get(table[key], 'something else')}, not {value!r}.")
    return document


def check_part(where: str, document: object, part: str) -> Mapping[str, Any]:
    """As `check`, with the table of that name in PARTS."""
    return check(where, document, PARTS[part])


def check_texts(where: str, texts: Mapping[str, Any]) -> None:
    """Raises ApiError (400) for the first value that is no text."""
    for key, value in texts.items():
        if not isinstance(value, str):
            raise invalid(f"{where}.{key} is text, not {value!r}.")


def check_list(where: str, texts: Iterable[object]) -> None:
    """Raises ApiError (400) for a list with an entry that is no text."""
    if not all(isinstance(text, str) for text in texts):
        raise invalid(f"{where} is a list of texts.")


def unknown(where: str, key: str, names: Iterable[str]) -> ApiError:
    """The refusal of a field that is not among `names`, with the one that is probably meant."""
    near = get_close_matches(key, list(names), n=1) or [name for name in names if name.endswith(f"_{key}")]
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return invalid(f"Unknown field '{_inside(where, key)}'.{hint}")


def required(where: str, document: Mapping[str, Any], *keys: str) -> None:
    """Raises ApiError (400) for the first of `keys` that is missing or empty."""
    for key in keys:
        if document.get(key) in (None, ""):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Missing required field: {_inside(where, key)}")


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _fits(value: object, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
