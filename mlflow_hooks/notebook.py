"""The hook notebook: the same code for every hook, `templates/hook.py`, and what differs as one literal. Pure.

Nothing of a hook is pasted into code: names and values are in the literal, and what the heading shows of them is in
comments, on one line each.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from .literal import literal
from .model import GitSource, Hook, Parameter
from .stamp import BLANK, stamped

# What a git host wants for a user name beside a token. Most take any; these take no other.
USERNAMES = {"bitbucketCloud": "x-token-auth", "gitLab": "oauth2"}
USERNAME = "x-access-token"


def notebook(hook: Hook) -> str:
    """The notebook in Databricks' source format, stamped."""
    template = (files("mlflow_hooks") / "templates" / "hook.py").read_text(encoding="utf-8")
    text = template.replace("@TITLE@", _title(hook), 1)
    text = text.replace("@MLFLOW@", f"mlflow-skinny=={_shown(hook.mlflow)}", 1)
    # Last: what a hook says may look like anything, also like one of these places.
    return stamped(text.replace('"@CONFIG@"', literal(config(hook)), 1))


def config(hook: Hook) -> dict[str, Any]:
    """All that the notebook's code knows of its hook."""
    return {
        "hook": hook.name,
        "project": hook.uri,
        "git": _git(hook.git),
        "entry_point": hook.entry_point,
        "parameters": {one.name: _parameter(one) for one in hook.parameters if one.widget or one.value is not None},
        "spark_job": hook.project.spark_job is not None,
        "backend_config": backend_config(hook),
        "experiment": hook.experiment,
        "timeout_seconds": int(hook.timeout.total_seconds()),
        "poll_seconds": hook.poll.total_seconds(),
        "result": {"metrics": list(hook.result.metrics), "tags": list(hook.result.tags)},
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
    secret: dict[str, str] | None = None
    if git.secret is not None:
        username = git.secret.username
        if not username and not git.secret.username_key:
            username = USERNAMES.get(git.provider, USERNAME)
        secret = {
            "scope": git.secret.scope,
            "key": git.secret.key,
            "username": username,
            "username_key": git.secret.username_key,
        }
    return {"url": git.url, "ref": git.ref, "widget": git.widget, "secret": secret}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {"type": parameter.type, "value": parameter.effective, "widget": parameter.widget}


def _title(hook: Hook) -> str:
    """The heading: what is run, from where, when."""
    when = hook.schedule
    what, where = _shown(hook.project.subfolder), _shown(hook.git.url)
    lines = [
        f"<!-- {BLANK} -->",
        f"## Hook `{_shown(hook.name)}`",
        f"Runs the MLflow project `{what}` of `{where}` on a cluster of its own.",
        f"- Code: {hook.git.kind.value} `{_shown(hook.git.ref)}`",
        f"- Experiment: `{_shown(hook.experiment)}`",
        f"- Schedule: `{_shown(when.quartz)}`, {_shown(when.time_zone)}" if when else "- Schedule: none",
        f"- Generated from `{_shown(hook.document.name)}` by `mlflow_hooks generate`: change it there.",
        "- Databricks no longer supports MLflow Projects; `engine: jobs-git` does without them.",
    ]
    return "\n".join([lines[0], *(f"# MAGIC {line}" for line in lines[1:])])


def _shown(text: str) -> str:
    """On one line, in ASCII, and closing no quotes."""
    return ascii(" ".join(text.split()))[1:-1].replace("`", "'")
