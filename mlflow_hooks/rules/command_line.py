"""What `engine: jobs-git` runs: the command of an entry point as a Python file and its arguments. Pure.

MLflow formats the command with `str.format` and gives it to a shell; a job's task gets a list of words, in which
`{{job.parameters.x}}` stands for what the caller sets.
"""

from __future__ import annotations

import re
import shlex
import string
from collections.abc import Mapping
from posixpath import normpath

from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Document, EntryPoint, Finding, FindingSeverity, Hook, Parameter
from mlflow_hooks.reading.findings import Findings, error

from .mlproject import placeholders

# SERVER: the Jobs API replaces the one, and has no escape for it. Bundles replace the other; only late ones have one.
REFERENCE = re.compile(r"\{\{|\$\{")
# What a shell would not pass on as it is; within double quotes that is a name or a command alone.
_QUOTED = re.compile(r"""'[^']*'|"(?P<inside>(?:[^"\\]|\\.)*)"|\\[^\n]|(?P<bare>[$`;&|<>*?~\n])""", re.S)
_SUBSTITUTED = re.compile(r"(?<!\\)[$`]")


def rules(hook: Hook) -> Findings:
    """Why a job's task cannot be what the command says, besides the placeholders that no engine could fill."""
    entry = hook.project.entry_points.get(hook.entry_point)
    if entry is not None:
        yield from _form(hook, entry)
        yield from _values(hook, entry)
    elif hook.project.spark_job is not None and hook.project.spark_job.python_file:
        yield _broken(hook, "python_file and no entry point", "Write entry_points: in MLproject instead.")


def command_line(hook: Hook) -> tuple[str, list[str]]:
    """The file, relative to the repository, and its arguments.

    Raises HookError for a command that only a shell understands, and for values that would be taken for references.
    """
    for finding in rules(hook):
        raise HookError(finding.message, finding.remedy)
    entry = hook.project.entry_points[hook.entry_point]  # else hook.yml was not sound
    for finding in placeholders(hook.project, entry):
        if finding.severity is FindingSeverity.ERROR:
            raise HookError(finding.message, finding.remedy)
    words = shlex.split(_in_one_line(entry.command))
    parameters = {parameter.name: parameter for parameter in hook.parameters}
    return normpath(hook.project.path(words[1])), [_filled(word, parameters) for word in words[2:]]


def _form(hook: Hook, entry: EntryPoint) -> Findings:
    if shell := _needs_shell(_in_one_line(entry.command).strip()):
        remedy = f"Quote {shell!r} if it is plain text; otherwise do the same in Python."
        yield _broken(hook, "a command that needs a shell", remedy)
    try:
        words = shlex.split(_in_one_line(entry.command))
    except ValueError as wrong:
        yield _broken(hook, f"a command with a mistake ({wrong})", "Correct the quotes.")
        return
    if len(words) < 2 or words[0] not in ("python", "python3") or not re.fullmatch(r"[^{}]+\.py", words[1]):
        yield _broken(hook, "a command that is not `python FILE.py ...`", "A job's task runs one Python file.")


def _in_one_line(command: str) -> str:
    """As a shell reads it: a line that ends with a backslash goes on in the next one."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\\n", r"\1", command)


def _needs_shell(command: str) -> str:
    """The first part of it that only a shell would understand."""
    for part in _QUOTED.finditer(command):
        shell = part["bare"] or _SUBSTITUTED.search(part["inside"] or "")
        if shell:
            return shell if isinstance(shell, str) else shell[0]
    return ""


def _values(hook: Hook, entry: EntryPoint) -> Findings:
    for parameter in hook.parameters:
        value = parameter.effective or ""
        if not REFERENCE.search(value) or not (parameter.widget or f"{{{parameter.name}}}" in entry.command):
            continue
        message = (
            f"The value {value!r} of {parameter.name} would be replaced in a job, where {{{{ and ${{ are references."
        )
        place: tuple[Document, list[str]] = hook.document, ["parameters", parameter.name]
        if parameter.value is None:
            place = hook.project.mlproject, ["entry_points", entry.name, "parameters", parameter.name]
        yield error(*place, message, "Give it another value.")


def _filled(word: str, parameters: Mapping[str, Parameter]) -> str:
    parts = string.Formatter().parse(word)
    return "".join(text + ("" if name is None else _value(parameters[name])) for text, name, _, _ in parts)


def _value(parameter: Parameter) -> str:
    return f"{{{{job.parameters.{parameter.name}}}}}" if parameter.widget else parameter.effective or ""


def _broken(hook: Hook, what: str, remedy: str) -> Finding:
    message = f"{hook.project.name} has {what}, so engine jobs-git cannot start it."
    return error(hook.project.mlproject, ["entry_points", hook.entry_point, "command"], message, remedy)
