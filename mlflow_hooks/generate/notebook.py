"""The hook notebook: the same code for every hook, `templates/hook.py`, and what differs as one JSON text. Pure.

Nothing of a hook is pasted into code: names and values are in that text, and what the heading shows of them is in
comments, on one line each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from mlflow_hooks.model import EXPERIMENT, GIT_REF, JOB_RUN_ID, TIMEOUT, TRIGGER, GitSource, Hook, Step
from mlflow_hooks.rules.parameters import form

from .origin import heading, one_line
from .stamp import BLANK, stamped

# What a git host wants for a user name beside a token (its documentation of access tokens). Most take any; these
# take no other.
USERNAMES = {"bitbucketCloud": "x-token-auth", "gitLab": "oauth2"}
USERNAME = "x-access-token"


def notebook(hook: Hook) -> str:
    """The notebook in Databricks' source format, stamped."""
    template = (files("mlflow_hooks") / "templates" / "hook.py").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": _title(hook),
        "@MLFLOW@": f"mlflow-skinny=={one_line(hook.mlflow)}",
        # Of JSON in ASCII nothing can end the quotes around it, or begin a line as a cell or a magic does.
        "@CONFIG@": json.dumps(config(hook), indent=4, allow_nan=False),
    }
    # In one pass: what a hook says may look like one of these places.
    return stamped(re.sub("|".join(parts), lambda place: parts[place[0]], template))


def config(hook: Hook) -> dict[str, Any]:
    """All that the notebook's code knows of its hook."""
    return {
        "hook": hook.name,
        "pipeline": bool(hook.steps),
        "steps": {step.name: _step(step, hook) for step in hook.parts},
        "widgets": _widgets(hook),
        "git": _git(hook.git),
        "experiment": hook.experiment,
        "timeout_seconds": int(hook.timeout.total_seconds()),
        "poll_seconds": hook.poll.total_seconds(),
        "result": {"metrics": list(hook.result.metrics), "tags": list(hook.result.tags)},
    }


def _widgets(hook: Hook) -> dict[str, str]:
    """What a caller may set, with what stands there before."""
    given = {parameter.name: parameter.effective or "" for parameter in hook.parameters if parameter.widget}
    if hook.git.widget:
        given[GIT_REF] = hook.git.ref
    return given | dict.fromkeys((EXPERIMENT, TIMEOUT, TRIGGER, JOB_RUN_ID), "")


def _step(step: Step, hook: Hook) -> dict[str, Any]:
    return {
        "run_name": step.name if hook.steps else hook.name,
        "project": step.hook.uri,
        "entry_point": step.hook.entry_point,
        "parameters": {
            parameter.name: {
                "type": parameter.type,
                "form": form(parameter.type),
                "value": parameter.effective,
                "widget": parameter.widget,
                "from": parameter.source and [parameter.source.step, parameter.source.kind.value, parameter.source.key],
            }
            # A default is passed on too, as the text that it is: MLflow makes a date of `2024-01-01T00:00:00Z`, whose
            # blank tears it in two.
            for parameter in step.hook.parameters
            if parameter.widget or parameter.source or parameter.effective is not None
        },
        "spark_job": step.hook.project.spark_job is not None,
        "backend_config": backend_config(step.hook),
        "after": list(step.after),
        "timeout_seconds": int(step.hook.timeout.total_seconds()),
        "retries": step.retries,
    }


def backend_config(hook: Hook) -> Mapping[str, Any]:
    """What `mlflow.run` wants: the bare cluster for a Spark job, else a wrapper around it; the wrong one is sent on."""
    cluster = hook.project.cluster
    if cluster is None:
        return {}
    if hook.project.spark_job is not None:
        return cluster.spec
    return {"new_cluster": cluster.spec, "libraries": list(cluster.libraries)}


def _git(git: GitSource) -> dict[str, Any]:
    secret = None
    if git.secret is not None:
        secret = git.secret.model_dump()
        if not git.secret.username and not git.secret.username_key:
            secret["username"] = USERNAMES.get(git.provider, USERNAME)
    return {"url": git.url, "ref": git.ref, "widget": git.widget, "secret": secret}


def _title(hook: Hook) -> str:
    """The heading: what is run, from where, when."""
    when = hook.schedule
    lines = [
        f"<!-- {BLANK} -->",
        f"## Hook `{one_line(hook.name)}`",
        "Runs an MLflow project from git on a cluster of its own.",
        *(f"- Project: `{one_line(name)}`" for name in dict.fromkeys(step.hook.project.shown for step in hook.parts)),
        f"- Repository: `{one_line(hook.git.url)}`, {hook.git.kind.value} `{one_line(hook.git.ref)}`",
        f"- Experiment: `{one_line(hook.experiment)}`",
        f"- Schedule: `{one_line(when.quartz)}`, {one_line(when.time_zone)}" if when else "- Schedule: none",
        f"- {heading(hook.document.name)}",
        "- Databricks no longer supports MLflow Projects; `engine: jobs-git` does without them.",
    ]
    return "\n".join([lines[0], *(f"# MAGIC {line}" for line in lines[1:])])
