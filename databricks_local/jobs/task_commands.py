"""From a task to a command line: what each kind of task needs on disk before it starts."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_local.files.tree import OutsideError, Tree
from databricks_local.runtime.client import Client, RefusedByServer
from databricks_local.runtime.order import Order
from databricks_local.runtime.programs import command
from databricks_local.runtime.requirements import lacking
from databricks_local.runtime.workspace_files import working_folder

from .checkout import CheckoutError, checkout
from .references import resolve
from .run_folder import RunFolder, mounted
from .runs import Run, TaskRun

SECRET_REFERENCE = re.compile(r"\{\{secrets/([^/}]+)/([^/}]+)\}\}")


class CannotStart(Exception):
    """The task never began: why, and the service's code for it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """A command line, what it finds in its environment, and the file (`result`) in which a notebook reports its end."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    result: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskContext:
    """Where a task runs, and what it may ask."""

    folder: RunFolder
    tables: Path
    dbfs: Tree
    client: Client
    references: Mapping[str, str]
    task_values: Mapping[str, Mapping[str, Any]]
    pip_install: bool
    secret: Callable[[str, str], str | None]


def prepare(run: Run, task: TaskRun, context: TaskContext) -> TaskCommand:
    """Writes the files, gives the command; CannotStart when there is nothing to run."""
    spec = task.spec
    root = _checked_out(run, context) if _from_git(run, spec) else None
    environment = _cluster_environment(run, spec, context)
    if "notebook_task" in spec:
        prepared = _notebook(run, spec["notebook_task"], context, root)
    elif "spark_python_task" in spec:
        prepared = _script(run, spec["spark_python_task"], context, root)
    elif "shell_command_task" in spec:
        prepared = _shell(spec["shell_command_task"], context)
    else:
        kind = next(key for key in spec if key.endswith("_task"))
        raise CannotStart(f"databricks_local does not run a {kind}.", "FEATURE_DISABLED")
    notes = (*_library_notes(run, spec), *prepared.notes)
    return TaskCommand(prepared.command, {**environment, **prepared.environment}, prepared.cwd, prepared.result, notes)


def _notebook(run: Run, task: Mapping[str, Any], context: TaskContext, root: Path | None) -> TaskCommand:
    """Job parameters beat those of the task, and the older notebook_params too [DOCS]."""
    parameters = {**task.get("base_parameters", {}), **run.arguments.get("notebook_params", {}), **run.parameters}
    order = Order(
        notebook_path=resolve(task["notebook_path"], context.references),
        parameters={name: resolve(value, context.references) for name, value in parameters.items()},
        files=str(context.folder.root),
        tables=str(context.tables),
        root=str(root) if root else None,
        is_repository=root is not None,
        pip_install=context.pip_install,
        task_values=context.task_values,
    )
    file, result = context.folder.root / "order.json", context.folder.root / "result.json"
    order.write(file)
    cwd = root or context.folder.work
    return TaskCommand(tuple(command("runtime.notebook_runner", str(file), str(result))), {}, cwd, result)


def _script(run: Run, task: Mapping[str, Any], context: TaskContext, root: Path | None) -> TaskCommand:
    """Runs in the folder that it lies in, with what lies beside it (Databricks Runtime 14.0 and later) [DOCS]."""
    words = run.arguments.get("python_params") or task.get("parameters", [])
    arguments = [resolve(word, context.references) for word in words]
    path = resolve(task["python_file"], context.references)
    if root is not None:
        file = (root / path).resolve()
        if root.resolve() not in file.parents or not file.is_file():
            raise CannotStart(f"{path} is not in the repository.", "RESOURCE_NOT_FOUND")
        return TaskCommand((sys.executable, str(file), *arguments), {}, file.parent)
    if path.startswith("dbfs:"):
        content, cwd = _dbfs_file(path, context), context.folder.work
        folder = context.folder.root / "scripts"
        folder.mkdir()
    else:
        content = _workspace_file(path, context)
        folder = cwd = working_folder(context.client, path, context.folder.work)
    copy = folder / path.rpartition("/")[2]
    copy.write_bytes(
        mounted(content.decode("utf-8", "surrogateescape"), context.folder).encode("utf-8", "surrogateescape")
    )
    return TaskCommand((sys.executable, str(copy), *arguments), {}, cwd)


def _shell(task: Mapping[str, Any], context: TaskContext) -> TaskCommand:
    """As MLflow's plain projects send it: bash, with paths of the cluster's driver."""
    words = tuple(mounted(word, context.folder) for word in task["command"])
    if shutil.which(words[0]) is None:
        raise CannotStart(f"There is no {words[0]} on this machine.", "RUN_EXECUTION_ERROR")
    return TaskCommand(words, task.get("env_vars", {}), context.folder.work)


def _from_git(run: Run, spec: Mapping[str, Any]) -> bool:
    task = spec.get("notebook_task") or spec.get("spark_python_task") or {}
    has_git = "git_source" in run.spec
    return bool(task) and has_git and task.get("source", "GIT") == "GIT"


def _checked_out(run: Run, context: TaskContext) -> Path:
    folder = context.folder.root / "repository"
    try:
        checkout(run.spec["git_source"], folder)
    except CheckoutError as error:
        raise CannotStart(f"Failed to checkout Git repository: {error}", "REPOSITORY_CHECKOUT_FAILED") from None
    return folder


def _dbfs_file(path: str, context: TaskContext) -> bytes:
    try:
        return context.dbfs.file(path.removeprefix("dbfs:")).read_bytes()
    except (OSError, OutsideError):
        raise CannotStart(f"Cannot read the python file {path}.", "RESOURCE_NOT_FOUND") from None


def _workspace_file(path: str, context: TaskContext) -> bytes:
    try:
        return context.client.get("/api/2.0/workspace/export", path=path, format="AUTO", direct_download="true")
    except RefusedByServer:
        message = f"Cannot read the python file {path}. Please check driver logs for more details."
        raise CannotStart(message, "RESOURCE_NOT_FOUND") from None


def _cluster_environment(run: Run, spec: Mapping[str, Any], context: TaskContext) -> dict[str, str]:
    """spark_env_vars, with `{{secrets/scope/key}}` replaced [DOCS]; of a serverless task, its environment variables."""
    for entry in run.spec.get("environment_variables", []):
        if entry["environment_variables_key"] == spec.get("environment_variables_key"):
            return dict(entry.get("spec", {}).get("variables", {}))
    cluster = spec.get("new_cluster", {})
    if spec.get("job_cluster_key"):
        clusters = {entry["job_cluster_key"]: entry["new_cluster"] for entry in run.spec.get("job_clusters", [])}
        cluster = clusters[spec["job_cluster_key"]]

    def secret(match: re.Match[str]) -> str:
        value = context.secret(match[1], match[2])
        if value is None:
            message = f"Secret does not exist with scope: {match[1]} and key: {match[2]}"
            raise CannotStart(message, "INVALID_CLUSTER_REQUEST")
        return value

    variables = cluster.get("spark_env_vars", {})
    return {name: SECRET_REFERENCE.sub(secret, value) for name, value in variables.items()}


def _library_notes(run: Run, spec: Mapping[str, Any]) -> list[str]:
    """Libraries are taken from this Python: what it lacks is said, not installed."""
    requirements = [library["pypi"]["package"] for library in spec.get("libraries", []) if "pypi" in library]
    for environment in run.spec.get("environments", []):
        if environment["environment_key"] == spec.get("environment_key"):
            requirements += environment.get("spec", {}).get("dependencies", [])
    return [f"library {library}: {missing}" for library in requirements if (missing := lacking(library))]
