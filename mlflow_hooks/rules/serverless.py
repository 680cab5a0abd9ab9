"""The rules of serverless compute: what it has not, and what a cluster would have given the project. Pure.

SERVER: https://docs.databricks.com/compute/serverless/limitations, and `Environment` of databricks-sdk.
"""

from __future__ import annotations

import re
from datetime import date

from databricks_sync.errors import enumerated
from mlflow_hooks.model import Hook, MLflowProject, Requirements
from mlflow_hooks.reading.findings import Findings, error, warning
from mlflow_hooks.schema import Engine

from .cluster import SINGLE_NODE, has_gpu, has_ml
from .runtimes import support_table

# SERVER: `environment_variables_key` of a task "supports serverless tasks using environment version 5 or later".
_FIRST_WITH_VARIABLES = 5
LONGEST_VARIABLE = 512
# What pip may be told in an environment; other options name files of this machine.
_OPTION = re.compile(r"--(extra-index-url|pre|prefer-binary|no-binary|only-binary)\b|--find-links[\s=]+https?://")


def has_variables(version: str) -> bool:
    """Whether an environment version passes environment variables to a script, such as the experiment."""
    return int(version) >= _FIRST_WITH_VARIABLES


def requirements_of(project: MLflowProject) -> Requirements:
    """What the project's environment asks pip for; nothing where its Spark job says it."""
    environment = project.environment if project.spark_job is None else None
    return environment.requirements if environment is not None else Requirements()


def options(project: MLflowProject) -> list[str]:
    """What pip is told in the environment besides packages."""
    requirements = requirements_of(project)
    index = [f"--index-url {requirements.index_url}"] if requirements.index_url else []
    return index + [line for line in requirements.others if is_option(line)]


def is_option(line: str) -> bool:
    """Whether pip may be told this in a serverless environment."""
    return _OPTION.match(line) is not None


def rules(hook: Hook, today: date) -> Findings:
    """What is wrong with a hook, or a step of one, whose project runs on serverless compute."""
    keys = ["cluster"] if hook.document.has("cluster") and not hook.document.has("project_cluster") else []
    keys = keys or ["project_cluster"]
    if hook.engine is Engine.MLFLOW:
        message = "mlflow.run cannot start a project on serverless compute: it makes a cluster."
        yield error(hook.document, keys, message, "Write engine: jobs-git, or the name of a cluster file.")
        return
    yield from _version(hook, keys, today)
    if has_variables(hook.project.serverless):
        if len(hook.experiment) > LONGEST_VARIABLE:
            message = f"On serverless compute the path of an experiment has at most {LONGEST_VARIABLE} characters."
            yield error(hook.document, ["experiment"], message, "Write a shorter path.")
    else:
        message = (
            f"Environment version {hook.project.serverless} passes no environment variables on: runs go to the "
            "experiment that the script chooses."
        )
        remedy = f"Write environment_version: {_FIRST_WITH_VARIABLES}, or have the script choose its experiment."
        yield warning(hook.document, keys, message, remedy)
    yield from _left_behind(hook.project)


def _version(hook: Hook, keys: list[str], today: date) -> Findings:
    version, ends = hook.project.serverless, support_table("environments.yaml")
    newest = max(ends, key=int)
    if version not in ends:
        message = f"Environment version {version} is not in the list of known ones, so its support was not checked."
        yield warning(hook.document, keys, message, f"Make sure it exists, or write environment_version: {newest}.")
    elif (end := ends[version]) and today > end:
        message = f"Environment version {version} of serverless compute is no longer supported."
        yield warning(hook.document, keys, message, f"Write environment_version: {newest}.")


def _left_behind(project: MLflowProject) -> Findings:
    """What the cluster file has that serverless compute has not."""
    cluster = project.cluster
    if cluster is None:
        return
    spec, conf = cluster.spec, cluster.spec.get("spark_conf")
    lost = [name for name in ("spark_env_vars", "init_scripts", "docker_image") if spec.get(name)]
    if isinstance(conf, dict) and conf.keys() - SINGLE_NODE.keys():
        lost.append("spark_conf")
    if cluster.libraries:
        lost.append("libraries")
    if has_gpu(spec):
        lost.append("a GPU")
    if has_ml(spec):
        lost.append("a runtime with ML libraries")
    if lost:
        message = f"Serverless compute ignores this file, and has nothing of its {enumerated(lost)}."
        remedy = "Name the libraries that the script needs in the project's environment, and remove the file."
        yield warning(cluster.document, [], message, remedy)
