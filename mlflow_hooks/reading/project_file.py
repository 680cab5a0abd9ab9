"""Reads a project: its MLproject, its cluster file and its environment file.

What MLflow silently ignores or defers to the cluster (it validates nothing) is noted here where it is a matter of
form; `rules/` judges what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import join
from typing import Any

from databricks_local.jobs.rules.fields import NEW_CLUSTER
from mlflow_hooks.model import Cluster, Document, EntryPoint, Environment, Finding, MLflowProject, Parameter
from mlflow_hooks.schema import (
    Compute,
    CondaDependency,
    CondaEnvironment,
    EntryPointFields,
    MLproject,
    PythonEnvironment,
)

from .document import Reader, Scalar, plain, read_json
from .requirements import read_requirements
from .validation import validated

ENVIRONMENTS = ("python_env", "conda_env", "docker_env")
# SERVER: MLflow looks for these files where MLproject names none (mlflow.projects._project_spec, 3.17.2).
USUAL_FILES = {"python_env": "python_env.yaml", "conda_env": "conda.yaml"}
CLUSTER_FILE = "cluster.json"
# SERVER: `ClusterDetails` of databricks-sdk. A job names its clusters itself and ends them with the run: of Jobs 2.1,
# `NewCluster` has no such fields.
_OF_EXISTING = frozenset({"cluster_id", "cluster_source", "creator_user_name", "default_tags", "state"})
_OF_LASTING = ("autotermination_minutes", "cluster_name")


def read_project(folder: Path, subfolder: str, compute: Compute, findings: list[Finding]) -> MLflowProject:
    """The project in `folder`, to run on `compute`; what is wrong with it is added to `findings`.

    `subfolder` is its path in the repository, by which findings call it.
    """
    path = _mlproject(folder)
    reader = Reader(path, join(subfolder, path.name))
    for other in () if path.exists() else folder.glob("[Mm][Ll][Pp]roject.y*ml"):
        reader.error((), f"MLflow does not look for {other.name}.", "Rename it to MLproject.")
    if reader.tree is None and not reader.findings:
        reader.error((), f"{reader.name} is empty, and MLflow fails on it.", "Give it entry_points with a main.")
    _check_spark_job(reader)
    file = validated(reader, MLproject)
    entry_points = {name: _entry_point(reader, name, fields) for name, fields in file.entry_points.items()}
    findings += reader.findings
    return MLflowProject(
        folder=folder,
        subfolder=subfolder,
        mlproject=reader.document,
        entry_points=entry_points,
        environment=_environment(reader.document, file, folder, subfolder, findings),
        cluster=_cluster(folder, subfolder, compute, findings),
        spark_job=file.databricks_spark_job,
        serverless=compute.serverless,
    )


def _cluster(folder: Path, subfolder: str, compute: Compute, findings: list[Finding]) -> Cluster | None:
    """What the project's cluster file has; there need not be one for serverless compute."""
    usual = CLUSTER_FILE if compute.serverless else compute.file or CLUSTER_FILE
    if compute.serverless and not (folder / usual).exists():
        return None
    wrong: list[Finding] = []
    cluster = read_cluster(folder / usual, join(subfolder, usual), wrong)
    others = sorted(path.name for path in folder.glob("*.json"))
    if not compute.file and others and not (folder / usual).exists():
        remedy = f"Create it, or write project_cluster: {others[0]} in hook.yml, if that is the cluster."
        wrong = [replace(finding, remedy=remedy) for finding in wrong]
    findings += wrong
    return cluster


def read_cluster(path: Path, shown: str, findings: list[Finding]) -> Cluster | None:
    """A cluster file in either of its two shapes; None when it cannot be read, which is added to `findings`."""
    reader = Reader(path, shown)
    fields = read_json(reader)
    if not isinstance(fields, dict) and not reader.findings:
        reader.error((), f"{shown} must be a mapping of keys to values.", "Write { and the fields of a cluster.")
    findings += reader.findings
    return cluster_of(fields, reader.document) if isinstance(fields, dict) else None


def cluster_of(fields: Mapping[str, Any], document: Document) -> Cluster:
    """A cluster from the fields of one, or from a mapping that has them in `new_cluster`."""
    spec = fields.get("new_cluster")
    if not isinstance(spec, dict):
        return Cluster(document, _to_create(fields))
    libraries = fields.get("libraries")
    return Cluster(document, _to_create(spec), tuple(libraries) if isinstance(libraries, list) else (), wrapped=True)


def _to_create(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what only a cluster has that exists or lasts: its JSON in the workspace says more than makes one."""
    copied = not _OF_EXISTING.isdisjoint(fields)
    return {
        key: value
        for key, value in fields.items()
        if key not in _OF_LASTING and not (copied and (value is None or key not in NEW_CLUSTER))
    }


def _check_spark_job(reader: Reader) -> None:
    """What the Spark job is written as; once validated, all of it is there and is text."""
    tree = reader.tree if isinstance(reader.tree, dict) else {}
    spark_job = tree.get("databricks_spark_job", tree)
    if spark_job is None:
        message = "MLflow ignores databricks_spark_job with nothing below it, and runs the project in a shell."
        reader.error(["databricks_spark_job"], message, "Write python_libraries: below it, with at least one library.")
    for key in ("python_libraries", "parameters") if isinstance(spark_job, dict) else ():
        value = spark_job.get(key, ())
        if value is None or isinstance(value, Scalar):
            message = f"MLflow fails on {key} that are no list."
            reader.error(["databricks_spark_job", key], message, f"Write {key}: [...], or leave it out.")
        for index, item in enumerate(value if key == "parameters" and isinstance(value, list) else ()):
            if item is None or (isinstance(item, Scalar) and item.tag != "str"):
                shown = item or "null"
                message = f"Databricks refuses the parameter {shown} of python_file: it is no text."
                reader.error(["databricks_spark_job", key, index], message, f"Write '{shown}', in quotes.")


def _mlproject(folder: Path) -> Path:
    """MLflow takes the name in any case."""
    names = sorted(path for path in folder.glob("*") if path.name.lower() == "mlproject")
    return names[0] if names else folder / "MLproject"


def _entry_point(reader: Reader, name: str, fields: EntryPointFields) -> EntryPoint:
    if not fields.command.strip():
        remedy = f"Write command: python train.py, for example, below {name}:."
        reader.error(["entry_points", name], f"The entry point {name} has no command.", remedy)
    # MLflow writes a default as Python prints it.
    defaults = {key: plain(parameter.default) for key, parameter in fields.parameters.items()}
    declared = (
        Parameter(key, parameter.type, None if defaults[key] is None else str(defaults[key]))
        for key, parameter in fields.parameters.items()
    )
    return EntryPoint(name, fields.command, tuple(declared))


def _environment(
    mlproject: Document, file: MLproject, folder: Path, subfolder: str, findings: list[Finding]
) -> Environment | None:
    """The first that MLproject names, or the file MLflow would find by itself."""
    named = [(kind, getattr(file, kind)) for kind in ENVIRONMENTS if kind in file.model_fields_set]
    usual = [(kind, name) for kind, name in USUAL_FILES.items() if (folder / name).is_file()]
    if not named and (not usual or file.databricks_spark_job is not None):
        return None
    kind, name = (named or usual)[0]
    if not isinstance(name, str):  # docker_env has no file
        return Environment(kind, mlproject)
    reader = Reader(folder / name, join(subfolder, name))
    python, conda = "", tuple[CondaDependency, ...]()
    if kind == "conda_env":
        conda = validated(reader, CondaEnvironment).dependencies
        lines = [line for item in conda for line in item.pip]
    else:
        environment = validated(reader, PythonEnvironment)
        python, lines = environment.python, [*environment.dependencies]
    requirements = read_requirements(reader, folder, lines)
    findings += reader.findings
    return Environment(kind, reader.document, python, requirements, tuple(item.conda for item in conda if item.conda))
