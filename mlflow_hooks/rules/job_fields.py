"""The rules of `job:` in hook.yml: settings of the job that it has no key for, as the Jobs API calls them. Pure."""

from __future__ import annotations

from databricks_local.jobs.rules.fields import SETTINGS
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
_WORDS = {
    dict: "a mapping of keys to values",
    list: "a list",
    str: "a text",
    int: "a whole number",
    bool: "true or false",
}


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
        elif not isinstance(value, SETTINGS[name]) or (isinstance(value, bool) and SETTINGS[name] is not bool):
            yield error(hook.document, keys, f"job.{name} must be {_WORDS[SETTINGS[name]]}.", f"Correct {name}:.")
    starts = [name for name in ("trigger", "continuous") if name in hook.job] + ["schedule"] * bool(hook.schedule)
    if len(starts) > 1:
        message = f"Databricks refuses a job with both {' and '.join(starts)}."
        yield error(hook.document, ["job", starts[0]], message, "Keep one of them.")
