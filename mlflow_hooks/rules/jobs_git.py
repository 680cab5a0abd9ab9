"""The rules of `engine: jobs-git`: what a job that takes its code from git cannot do, or does not ask for. Pure."""

from __future__ import annotations

from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, warning

from . import command_line
from .conda import as_requirement, on_every_cluster
from .serverless import is_option


def rules(hook: Hook) -> Findings:
    """What is wrong with a project whose engine is jobs-git; findings are of MLproject and its environment."""
    yield from command_line.rules(hook)
    yield from _docker(hook)
    yield from _conda(hook)
    yield from _pip(hook)


def _docker(hook: Hook) -> Findings:
    environment = hook.project.environment
    if environment is not None and environment.kind == "docker_env":
        message = "A job does not run the image of docker_env: it runs the script on its cluster."
        remedy = "Write docker_image in cluster.json, or python_env: with the requirements."
        yield error(environment.document, ["docker_env"], message, remedy)


def _conda(hook: Hook) -> Findings:
    environment = hook.project.environment
    every = environment.conda if environment else ()
    lacking = [package for package in every if not on_every_cluster(package) and as_requirement(package) is None]
    if environment and lacking:
        message = f"A job cannot install {', '.join(lacking)}: its libraries come from pip, not from conda."
        remedy = "Move packages that pip has below - pip:, and install the others in an init script of cluster.json."
        yield error(environment.document, ["dependencies"], message, remedy)


def _pip(hook: Hook) -> Findings:
    """What pip is told besides packages and their index. SERVER: a library has a package and a `repo`, and no more."""
    environment = hook.project.environment
    if environment is None or hook.project.spark_job is not None:
        return
    for line in environment.requirements.others:
        if hook.project.serverless and is_option(line):
            continue
        message = f"A job cannot do what {line!r} tells pip: its libraries are packages of one index."
        remedy = "Name packages with their versions instead, or write libraries: beside new_cluster: in cluster.json."
        yield error(environment.document, ["dependencies"], message, remedy)
    if environment.requirements.hashed:
        message = "A job installs the packages without looking at their hashes."
        yield warning(
            environment.document, ["dependencies"], message, "Build a wheel with all of them if that matters."
        )


def ignored(hook: Hook) -> Findings:
    """What hook.yml says and only a hook notebook looks at."""
    ignored = {
        ("git", "widget"): (hook.git.widget, "The job has a fixed ref: a caller cannot choose another."),
        ("git", "secret"): (
            hook.git.secret is not None,
            "Databricks logs in with the git credential of the job's owner.",
        ),
        ("result",): (
            hook.result.metrics or hook.result.tags,
            "A caller gets the state of the run, but no metrics or tags.",
        ),
        ("mlflow",): (True, "The script uses the MLflow of its cluster or of its project."),
        ("cluster",): (hook.cluster is not None, "There is no hook notebook, so it needs no cluster."),
    }
    for keys, (is_set, why) in ignored.items():
        if is_set and hook.document.has(*keys):
            message = f"engine jobs-git ignores {'.'.join(keys)}. {why}"
            yield warning(hook.document, keys, message, f"Remove {'.'.join(keys)}, or write engine: mlflow.")
