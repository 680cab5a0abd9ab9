"""The rules of an MLproject file: its form, and the command of an entry point. Pure.

MLflow validates next to nothing before a cluster runs; each rule here names what it would do instead (read in
mlflow.projects of 3.17.2).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from mlflow_hooks.model import EntryPoint, Finding, Hook, MLflowProject
from mlflow_hooks.reading.findings import Findings, error, nearest, warning
from mlflow_hooks.reading.project_file import ENVIRONMENTS

_QUOTED = re.compile(r"""(["'])[^"']*\{[^{}"']+\}[^"']*\1""")
_SPARK_JOBS_SINCE = (2, 14)
_FULL_VERSION = re.compile(r"\d+\.\d+\.\d+")


def form(project: MLflowProject, *, on_databricks: bool) -> Findings:
    """What is wrong with the file whichever entry point is run."""
    document = project.mlproject
    environments = [kind for kind in ENVIRONMENTS if (kind,) in document.lines]
    if len(environments) > 1:
        message = f"MLflow refuses a project with both {' and '.join(environments)}."
        yield error(document, environments[-1:], message, f"Keep only {environments[0]}.")
    if project.spark_job is not None:
        yield from _spark_job(project, environments)
    elif "docker_env" in environments and on_databricks:
        message = "MLflow refuses to run a project with docker_env on Databricks."
        yield error(document, ["docker_env"], message, "Write databricks_spark_job: with python_libraries: instead.")


def environment(project: MLflowProject) -> Findings:
    """What is wrong with the environment that MLflow makes on the cluster."""
    chosen = project.environment
    if chosen is not None and chosen.kind == "conda_env":
        message = "MLflow creates this environment with conda, so the cluster has to have conda."
        yield warning(chosen.document, [], message, "Write python_env: instead, with the requirements of pip.")
    if chosen is not None and chosen.python and not _FULL_VERSION.fullmatch(chosen.python):
        message = f"Python {chosen.python} means the newest patch release, which the cluster then has to compile."
        yield warning(chosen.document, ["python"], message, "Write a full version, such as python: 3.12.3.")


def release(hook: Hook) -> Findings:
    """What is wrong with the release of MLflow that the hook installs. SERVER: release notes of MLflow 2.14."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", hook.mlflow)[:2])
    if hook.project.spark_job is not None and numbers < _SPARK_JOBS_SINCE:
        message = f"MLflow {hook.mlflow} does not know databricks_spark_job, and would run the project in a shell."
        yield error(hook.document, ["mlflow"], message, "Write mlflow: 3.17.2, or another release from 2.14 on.")


def _spark_job(project: MLflowProject, environments: list[str]) -> Findings:
    document, spark_job = project.mlproject, project.spark_job
    assert spark_job is not None
    for kind in environments:
        message = f"MLflow refuses {kind} beside databricks_spark_job."
        yield error(document, [kind], message, "Name the libraries under databricks_spark_job: python_libraries:.")
    for library in spark_job.python_libraries:
        if library.startswith("-"):
            message = f"MLflow takes {library!r} for the name of a package."
            yield error(
                document,
                ["databricks_spark_job", "python_libraries"],
                message,
                "Name packages, such as scikit-learn==1.7.2, and no options of pip.",
            )
    if spark_job.python_file and project.entry_points:
        message = "MLflow refuses a databricks_spark_job with both python_file and entry_points."
        yield error(document, ["databricks_spark_job", "python_file"], message, "Keep entry_points.")
    if not spark_job.python_file and not project.entry_points:
        message = "MLflow refuses a databricks_spark_job with neither entry_points nor python_file."
        yield error(document, ["databricks_spark_job"], message, "Add entry_points: with main:.")
    for entry in project.entry_points.values():
        for parameter in entry.parameters:
            if parameter.type == "path":
                message = f"MLflow refuses {parameter.name}: a databricks_spark_job has no parameters of type path."
                keys = "entry_points", entry.name, "parameters", parameter.name
                yield error(document, keys, message, "Write type: string; the script gets the path as text.")


def command(project: MLflowProject, entry: EntryPoint, *, pasted: bool) -> Findings:
    """What MLflow makes of a command. `pasted`: it is run as a Spark job, whose words MLflow splits at blanks."""
    document = project.mlproject
    keys = ["entry_points", entry.name, "command"]
    if _QUOTED.search(entry.command):
        message = "A placeholder is inside quotes, but MLflow quotes its value already: the quotes would clash."
        yield error(document, keys, message, "Write {name} without quotes around it.")
    if not pasted:
        return
    if not entry.command.startswith("python "):
        message = "MLflow refuses a command of a databricks_spark_job that does not begin with `python `."
        yield error(document, keys, message, "Write python script.py and its arguments.")
    elif entry.command.removeprefix("python ").startswith("-"):
        option = entry.command.split(" ")[1]
        message = f"MLflow takes {option} for the script of a databricks_spark_job, and does not find it."
        yield error(document, keys, message, "Write python script.py and its arguments.")
    elif re.search(r"\s\s|[^\S ]|\s$", entry.command):
        message = "The command is split at every blank, so two blanks or a line break become an extra argument."
        yield error(document, keys, message, "Write single blanks; `command: >-` joins lines with one.")
    if re.search(r"""["'$;&|<>`\\]""", entry.command):
        message = (
            "The command of a databricks_spark_job runs without a shell: quotes, $ and ; reach the script unchanged."
        )
        yield error(document, keys, message, "Remove these characters.")


def placeholders(project: MLflowProject, entry: EntryPoint) -> Iterator[Finding]:
    """What stands in braces in a command."""
    document = project.mlproject
    keys = ["entry_points", entry.name, "command"]
    declared = [parameter.name for parameter in entry.parameters]
    try:
        parsed = [part for part in string.Formatter().parse(entry.command) if part[1] is not None]
    except ValueError:
        message = "The command has a brace that is not part of a placeholder, and MLflow fails on it."
        yield error(document, keys, message, "Double it: {{ or }}.")
        return
    fields = [field or "" for _, field, _, _ in parsed]
    for _, field, form, conversion in parsed:
        if form or conversion or "." in (field or "") or "[" in (field or ""):
            shown = f"{{{field}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            message = f"MLflow fails on the placeholder {shown}: a value is a text, which has no such form or part."
            yield error(document, keys, message, "Write {name} alone, and the form in the script.")
            return
    for field in fields:
        if not field or field.isdigit():
            message = f"The placeholder {{{field}}} has no name, and MLflow fails on it."
            yield error(document, keys, message, "Write {name}; double the braces if they are meant as such.")
        elif field not in declared:
            hint = f"It declares {', '.join(declared)}." if declared else "It declares no parameters."
            message = f"The placeholder {{{field}}} is not a parameter of {entry.name}, and MLflow fails on it."
            yield error(document, keys, message, nearest(field, declared, hint))
    for name in declared:
        if name not in fields:
            message = f"The parameter {name} is not in the command, so the script never gets its value."
            yield warning(
                document,
                ["entry_points", entry.name, "parameters", name],
                message,
                f"Add --{name.replace('_', '-')} {{{name}}} to the command, or remove the parameter.",
            )


def script(entry: EntryPoint) -> str | None:
    """The file that the command runs; None where that cannot be told."""
    words = entry.command.split()
    if len(words) > 1 and re.fullmatch(r"python[\d.]*", words[0]) and not words[1].startswith("-"):
        return None if "{" in words[1] else words[1].strip("\"'")
    return None
