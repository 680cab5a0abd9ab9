"""Reads a project: its MLproject, its cluster file and its environment file.

What MLflow silently ignores or defers to the cluster (it validates nothing) is noted here where it is a matter of
form; `check.py` judges what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlflow_hooks.credentials import hidden
from mlflow_hooks.model import (
    Cluster,
    Declared,
    Document,
    EntryPoint,
    Environment,
    Finding,
    Project,
    Severity,
    SparkJob,
)

from .document import Reader, credentials, is_null, plain, read_json, read_text

ENVIRONMENTS = ("python_env", "conda_env", "docker_env")
# Found by MLflow without being named.
USUAL_FILES = {"python_env": "python_env.yaml", "conda_env": "conda.yaml"}
CLUSTER_FILE = "cluster.json"


def read_project(folder: Path, subfolder: str, shown: str) -> tuple[Project, list[Finding]]:
    """The project in `folder`; `subfolder` is its path in the repository, `shown` how findings call it."""
    path = _mlproject(folder)
    reader = Reader(path, f"{shown}/{path.name}")
    findings = reader.findings
    known = ("name", "entry_points", "databricks_spark_job", *ENVIRONMENTS)
    top = reader.mapping(reader.root, "MLproject", known, Severity.WARNING)
    if reader.root is None and not findings:
        reader.error(None, f"{reader.name} is empty, and MLflow fails on it.", "Give it entry_points with a main.")
    entry_points = {
        name: _entry_point(reader, name, node)
        for name, node in reader.mapping(top.get("entry_points"), "entry_points").items()
    }
    environment, more = _environment(reader, top, folder, shown)
    findings += more
    cluster, more = read_cluster(folder / CLUSTER_FILE, f"{shown}/{CLUSTER_FILE}")
    findings += more
    spark_job = _spark_job(reader, top.get("databricks_spark_job"))
    project = Project(folder, subfolder, reader.document, entry_points, cluster, environment, spark_job)
    return project, findings


def read_cluster(path: Path, shown: str) -> tuple[Cluster | None, list[Finding]]:
    """A cluster file in either of its two shapes; None when it cannot be read."""
    reader = Reader(path, shown)
    reader.mapping(reader.root, shown.rpartition("/")[2])
    given = read_json(reader)
    if not isinstance(given, dict):
        return None, reader.findings
    return cluster_of(given, reader.document), reader.findings


def cluster_of(given: Mapping[str, Any], document: Document) -> Cluster:
    spec = given.get("new_cluster")
    if not isinstance(spec, dict):
        return Cluster(document, given)
    libraries = given.get("libraries") or []
    return Cluster(document, spec, tuple(libraries) if isinstance(libraries, list) else (), wrapped=True)


def _mlproject(folder: Path) -> Path:
    """MLflow takes the name in any case."""
    names = sorted(path for path in folder.glob("*") if path.name.lower() == "mlproject")
    return names[0] if names else folder / "MLproject"


def _entry_point(reader: Reader, name: str, node: Node) -> EntryPoint:
    what = f"entry point {name}"
    given = reader.mapping(node, what, ("command", "parameters"), Severity.WARNING)
    command = reader.scalar(given.get("command"), "command")
    if not command.strip():
        reader.error(node, f"The {what} has no command.", f"Give {name} a command: such as python train.py.")
    declared = [_declared(reader, *item) for item in reader.mapping(given.get("parameters"), "parameters").items()]
    return EntryPoint(name, command, tuple(declared))


def _declared(reader: Reader, name: str, node: Node) -> Declared:
    if isinstance(node, ScalarNode):
        return Declared(name, reader.scalar(node, name))
    given = reader.mapping(node, f"parameter {name}", ("type", "default"), Severity.WARNING)
    kind = reader.scalar(given.get("type"), "type") or "string"
    default = plain(given.get("default"))
    # MLflow writes a default as Python prints it.
    return Declared(name, kind, None if default is None else str(default))


def _spark_job(reader: Reader, node: Node | None) -> SparkJob | None:
    if node is None:
        return None
    given = reader.mapping(node, "databricks_spark_job", ("python_file", "parameters", "python_libraries"))
    return SparkJob(
        reader.scalars(given.get("python_libraries"), "python_libraries"),
        reader.scalar(given.get("python_file"), "python_file"),
        reader.scalars(given.get("parameters"), "parameters"),
    )


def _environment(
    reader: Reader, top: Mapping[str, Node], folder: Path, shown: str
) -> tuple[Environment | None, list[Finding]]:
    """The first that is named, or the file MLflow would find by itself."""
    named = [kind for kind in ENVIRONMENTS if kind in top]
    if named and isinstance(top[named[0]], MappingNode):  # docker_env has no file
        return Environment(named[0], reader.document), []
    if named:
        kind, name = named[0], reader.scalar(top[named[0]], named[0])
    else:
        usual = [(kind, name) for kind, name in USUAL_FILES.items() if (folder / name).is_file()]
        if not usual or "databricks_spark_job" in top:
            return None, []
        kind, name = usual[0]
    inner = Reader(folder / name, f"{shown}/{name}")
    given = inner.mapping(inner.root, name)
    needed = given.get("dependencies")
    texts, nested = _dependencies(inner, needed, with_pip=kind == "conda_env")
    pip, conda = (nested, texts) if kind == "conda_env" else (texts, [])
    dependencies = [one for line in pip for one in _requirements(inner, needed, folder, line)]
    python = inner.scalar(given.get("python"), "python")
    return Environment(kind, inner.document, python, tuple(dependencies), tuple(conda)), inner.findings


def _dependencies(reader: Reader, node: Node | None, *, with_pip: bool) -> tuple[list[str], list[str]]:
    """Those that are texts, and those of the list that conda has for pip."""
    texts: list[str] = []
    nested: list[str] = []
    for item in _items(reader, node, "dependencies"):
        if with_pip and isinstance(item, MappingNode):
            inner = reader.mapping(item, "dependencies", ("pip",)).get("pip")
            nested += [reader.scalar(one, "a requirement of pip") for one in _items(reader, inner, "pip")]
        else:
            texts.append(reader.scalar(item, "a dependency"))
    return [text for text in texts if text], [text for text in nested if text]


def _items(reader: Reader, node: Node | None, what: str) -> list[Node]:
    if isinstance(node, SequenceNode):
        return list(node.value)
    if node is not None and not is_null(node):
        reader.error(node, f"{what} is not a list.", f"Write {what}: and a line with - before each of them below it.")
    return []


def _requirements(reader: Reader, node: Node | None, folder: Path, line: str) -> list[str]:
    """A requirement, or those of the file that `-r` names."""
    if not line.startswith(("-r", "--requirement")):
        return [line]
    name = line.removeprefix("--requirement").removeprefix("-r").strip()
    try:
        text = read_text(folder / name)
    except (OSError, ValueError):
        reader.error(node, f"The requirement file {name} cannot be read.", f"Create {name}, or leave it out.")
        return []
    reader.findings += credentials(f"{reader.name.rpartition('/')[0]}/{name}", text)
    text = hidden(text)
    return [bare for raw in text.splitlines() if (bare := raw.partition(" #")[0].strip()) and bare[0] not in "#-"]
