"""The rules of `engine: jobs-git`: what a job that takes its code from git cannot do, or does not ask for. Pure."""

from __future__ import annotations

import re

from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, warning

from . import command_line

# What every cluster has, in whatever version.
_ON_EVERY_CLUSTER = re.compile(r"(python|pip|setuptools|wheel)(?![\w.-])")


def rules(hook: Hook) -> Findings:
    yield from command_line.rules(hook)
    yield from _conda(hook)
    yield from _ignored(hook)


def _conda(hook: Hook) -> Findings:
    environment = hook.project.environment
    lacking = [package for package in environment.conda if not _ON_EVERY_CLUSTER.match(package)] if environment else []
    if environment and lacking:
        message = f"No job installs {', '.join(lacking)}: conda does, and a job's libraries come from pip."
        remedy = "Move to - pip: what pip has of it, and let an init script in cluster.json install the rest."
        yield error(environment.document, ["dependencies"], message, remedy)


def _ignored(hook: Hook) -> Findings:
    """What only a hook notebook looks at."""
    ignored = {
        ("git", "widget"): (hook.git.widget, "The ref is the job's own: no caller can choose another."),
        ("git", "secret"): (
            hook.git.secret is not None,
            "Databricks logs in with the git credential of the job's owner.",
        ),
        ("result",): (
            hook.result.metrics or hook.result.tags,
            "A caller gets the state of the run, and nothing of MLflow.",
        ),
        ("mlflow",): (True, "The script gets the MLflow of its cluster, or the one its project asks for."),
        ("cluster",): (hook.cluster is not None, "There is no hook notebook, and so no cluster for one."),
    }
    for keys, (is_set, why) in ignored.items():
        if is_set and keys in hook.document.lines:
            message = f"engine jobs-git ignores {'.'.join(keys)}. {why}"
            yield warning(hook.document, keys, message, f"Remove {'.'.join(keys)}, or write engine: mlflow.")
