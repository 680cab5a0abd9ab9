"""The rules of `job:` in hook.yml: settings of the job that it has no key for, as the Jobs API calls them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from databricks_local.jobs.rules.fields import NAMES, SETTINGS
from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, nearest

# What `generate/job.py` writes, and where it has it from.
OURS = {
    "name": "name:",
    "description": "name:",
    "tasks": "entry_point: or steps:",
    "job_clusters": "cluster.json",
    "environments": "project_cluster:",
    "environment_variables": "project_cluster:",
    "git_source": "git:",
    "parameters": "parameters:",
    "schedule": "schedule:",
    "email_notifications": "notifications:",
    "timeout_seconds": "timeout:",
    "deployment": "nothing",
    "edit_mode": "nothing",
    "access_control_list": "permissions:",
    "format": "nothing",
}
_WAITS = {"min_time_between_triggers_seconds": int, "wait_after_last_change_seconds": int}
_EVENTS = (
    *("start", "success", "failure", "duration_warning_threshold_exceeded", "streaming_backlog_exceeded"),
    *("maintenance_start", "maintenance_complete"),
)
# What is inside of those that people write: by name, a list of one kind, or a kind; "": whatever the name.
SHAPES: Mapping[str, Any] = {
    "health": {"rules": [{"metric": str, "op": str, "value": int}]},
    "notification_settings": {"no_alert_for_canceled_runs": bool, "no_alert_for_skipped_runs": bool},
    "queue": {"enabled": bool},
    "run_as": {"group_name": str, "service_principal_name": str, "user_name": str},
    "tags": {"": str},
    "trigger": {
        "file_arrival": {"url": str, **_WAITS},
        "job_completion": dict,
        "model": {"condition": str, "aliases": [str], "securable_name": str, **_WAITS},
        "pause_status": str,
        "periodic": {"interval": int, "unit": str},
        "sql_condition": dict,
        "table_update": {"table_names": [str], "condition": str, **_WAITS},
    },
    "webhook_notifications": {f"on_{event}": [{"id": str}] for event in _EVENTS},
}
_CHOICES = {
    ("trigger", "pause_status"): ("PAUSED", "UNPAUSED"),
    ("trigger", "periodic", "unit"): ("MINUTES", "HOURS", "DAYS", "WEEKS"),
    ("trigger", "table_update", "condition"): ("ANY_UPDATED", "ALL_UPDATED"),
}
_MOST_TAGS = 25  # one of which is ours, and one that of `deploy`


def rules(hook: Hook) -> Findings:
    """What is wrong with these settings. SERVER: names and kinds as `JobSettings` of databricks-sdk has them."""
    for name, value in hook.job.items():
        keys = ["job", name]
        if name in OURS:
            message = f"job has {name}, which hook.yml says with {OURS[name]}."
            yield error(hook.document, keys, message, f"Remove {name} from job:.")
        elif name not in SETTINGS:
            message = f"Databricks knows no setting {name} of a job."
            yield error(hook.document, keys, message, nearest(name, set(SETTINGS) - set(OURS), "Remove it."))
        else:
            for path, problem, remedy in _problems((name,), value, SHAPES.get(name, SETTINGS[name])):
                yield error(hook.document, ["job", *path], problem, remedy)
    if len(hook.job.get("tags") or ()) > _MOST_TAGS - 2:
        message = f"Databricks refuses a job with more than {_MOST_TAGS} tags, of which two are of mlflow_hooks."
        yield error(hook.document, ["job", "tags"], message, "Remove some.")
    if isinstance(run_as := hook.job.get("run_as"), dict) and len(run_as) != 1:
        message = "A job runs as one user or service principal."
        yield error(hook.document, ["job", "run_as"], message, "Write user_name:, or service_principal_name:.")
    starts = [name for name in ("trigger", "continuous") if name in hook.job] + ["schedule"] * bool(hook.schedule)
    if len(starts) > 1:
        message = f"Databricks refuses a job with both {' and '.join(starts)}."
        yield error(hook.document, ["job", starts[0]], message, "Keep one of them.")


def _problems(path: tuple[str, ...], value: Any, shape: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Where a value is not of that shape, with what is wrong and what to write."""
    place = ".".join(("job", *path))
    if isinstance(shape, Mapping) and isinstance(value, Mapping):
        for key, inner in value.items():
            if key in shape or "" in shape:
                yield from _problems((*path, key), inner, shape[key] if key in shape else shape[""])
            else:
                names = f"Its keys are {', '.join(sorted(shape))}."
                yield (
                    (*path, key),
                    f"{place} has no key {key}, and Databricks refuses the job.",
                    nearest(key, shape, names),
                )
    elif isinstance(shape, list) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _problems((*path, str(number)), item, shape[0])
    elif not _is(value, kind := shape if isinstance(shape, type) else type(shape)):
        yield path, f"{place} must be {NAMES[kind]}.", f"Correct {path[-1]}:."
    elif path in _CHOICES and value not in _CHOICES[path]:
        yield path, f"{place} must be {' or '.join(_CHOICES[path])}, not {value!r}.", f"Correct {path[-1]}:."


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
