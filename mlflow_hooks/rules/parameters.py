"""The rules of a parameter's value: MLflow takes any text for any type, and the script finds out. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from mlflow_hooks.model import RESERVED, Hook, Parameter
from mlflow_hooks.reading.findings import Findings, error, nearest, warning
from mlflow_hooks.schema import Engine

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


_DIGITS = r"\d+(?:_\d+)*"
_FLOAT = rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?|(?i:inf|infinity|nan)"

# The form of each type's values as a regular expression, here and in the hook notebook, and an example: what `int` and
# `float` of Python read. MLflow itself only looks at those of `path` and `uri`.
TYPES: Mapping[str, tuple[str, str, str]] = {
    "string": (r"(?s:.*)", "text", ""),
    "str": (r"(?s:.*)", "text", ""),
    "float": (rf"\s*[+-]?(?:{_FLOAT})\s*", "a number", "0.5"),
    "int": (rf"\s*[+-]?{_DIGITS}\s*", "a whole number", "5"),
    "bool": (r"(?i:true|false)", "true or false", "true"),
    "path": (r"(?s:.+)", "a path", "data/input.csv"),
    "uri": (r"(?s:[A-Za-z][\w+.-]*:.*)", "a URI", "dbfs:/data/input.csv"),
}


def rules(hook: Hook) -> Findings:
    """What is wrong with the values a project gets.

    SERVER: names of job parameters are `[A-Za-z0-9_.-]` (Jobs API 2.2); the splitting was seen with MLflow 3.17.2.
    """
    for parameter in hook.parameters:
        keys = "entry_points", hook.entry_point, "parameters", parameter.name
        declared = hook.project.mlproject
        if parameter.type not in TYPES:
            message = f"There is no type {parameter.type}; MLflow treats it as string."
            remedy = nearest(parameter.type, TYPES, "Write string, float, int, bool or uri.")
            yield warning(declared, keys, message, remedy)
        if parameter.widget and not _NAME.fullmatch(parameter.name):
            message = f"Databricks refuses a job parameter called {parameter.name}."
            yield error(declared, keys, message, "Use letters, digits, _, - and . in its name.")
        if parameter.widget and parameter.name in RESERVED and hook.engine is Engine.MLFLOW:
            message = f"The widget {parameter.name} of every hook notebook would hide the parameter of that name."
            remedy = "Give the parameter another name, or no widget."
            yield error(hook.document, ["parameters", parameter.name], message, remedy)
        if parameter.default is not None:
            for message, remedy in _value(parameter, parameter.default, hook.pasted and parameter.value is None):
                yield error(declared, keys, message, remedy)
        for key, value in (("value", parameter.value), ("trial", parameter.trial)):
            for message, remedy in _value(parameter, value, hook.pasted) if value is not None else ():
                yield error(hook.document, ["parameters", parameter.name, key], message, remedy)
    spark_job = hook.project.spark_job
    if spark_job and spark_job.python_file and hook.document.has("parameters"):
        message = "A databricks_spark_job with python_file gets its parameters from MLproject alone; these are ignored."
        yield error(hook.document, ["parameters"], message, "Write entry_points: in MLproject instead of python_file.")


def problem(parameter: Parameter, value: str, *, pasted: bool) -> str:
    """Why a value cannot be given, in a sentence; "" when it can. `pasted`: to a Spark job, which splits at blanks."""
    return next((message for message, _ in _value(parameter, value, pasted)), "")


def form(kind: str) -> str:
    """The regular expression for values of a type; one that is not known is treated as string."""
    return TYPES.get(kind, TYPES["string"])[0]


def _value(parameter: Parameter, value: str, pasted: bool) -> list[tuple[str, str]]:
    _, kind, example = TYPES.get(parameter.type, TYPES["string"])
    if not re.fullmatch(form(parameter.type), value):
        return [(f"{parameter.name} must be {kind}, not {value!r}.", f"Write {example}, for example.")]
    if "\n" in value or "\r" in value:
        message = f"The value of {parameter.name} has a line break, which breaks the command line."
        return [(message, "Write the value on one line.")]
    if pasted and shlex.quote(value) != value:
        message = (
            f"MLflow splits the command of a databricks_spark_job at blanks and does not remove quotes: "
            f"{parameter.name} would arrive as {shlex.quote(value).split(' ')[0]}."
        )
        return [(message, "Use a value of letters, digits and @%+=:,./-_ that is not empty.")]
    return []
