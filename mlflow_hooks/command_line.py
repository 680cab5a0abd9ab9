"""What `engine: jobs-git` runs: the command of an entry point as a Python file and its arguments. Pure.

MLflow formats the command with `str.format` and gives it to a shell; a job's task gets a list of words, in which
`{{job.parameters.x}}` stands for what the caller sets.
"""

from __future__ import annotations

import re
import shlex
import string
from posixpath import normpath

from .errors import BrokenProject
from .model import Hook, Parameter

# The Jobs API replaces the one, bundles the other; neither can be escaped.
REFERENCE = re.compile(r"\{\{|\$\{")


def command_line(hook: Hook) -> tuple[str, list[str]]:
    """The file, relative to the repository, and its arguments.

    Raises BrokenProject for a command that only a shell understands, and for values that would be taken for references.
    """
    entry = hook.project.entry_points.get(hook.entry_point)
    if entry is None:
        raise _broken(hook, f"no entry point {hook.entry_point!r}", "Name one that its MLproject has.")
    try:
        words = shlex.split(entry.command)
    except ValueError as error:
        raise _broken(hook, f"a command with a mistake ({error})", "Correct the quotes.") from None
    if len(words) < 2 or words[0] not in ("python", "python3") or not words[1].endswith(".py"):
        raise _broken(hook, "a command that is not `python FILE.py ...`", "A job's task runs one Python file.")
    if any(word in ("|", "&&", "||", ";", ">", "<", "&") for word in words):
        raise _broken(hook, "a command that needs a shell", "Do in Python what it does there.")
    parameters = {one.name: one for one in hook.parameters}
    return normpath(f"{hook.project.subfolder}/{words[1]}"), [_word(hook, word, parameters) for word in words[2:]]


def _word(hook: Hook, word: str, parameters: dict[str, Parameter]) -> str:
    try:
        parts = list(string.Formatter().parse(word))
    except ValueError:
        raise _broken(hook, f"{word!r} in its command", "Write braces around names of parameters only.") from None
    filled = ""
    for text, name, _, _ in parts:
        filled += text
        if name is None:
            continue
        if name not in parameters:
            raise _broken(hook, f"{{{name}}} in its command, which is no parameter", "Declare it.")
        filled += _value(hook, parameters[name])
    return filled


def _value(hook: Hook, parameter: Parameter) -> str:
    if parameter.widget:
        return f"{{{{job.parameters.{parameter.name}}}}}"
    return fixed(hook, parameter)


def fixed(hook: Hook, parameter: Parameter) -> str:
    """The value, where nothing may be replaced in it."""
    value = parameter.effective or ""
    if REFERENCE.search(value):
        raise _broken(hook, f"{value!r} for {parameter.name}", "{{ and ${ are references in a job: take another value.")
    return value


def _broken(hook: Hook, what: str, remedy: str) -> BrokenProject:
    return BrokenProject(f"{hook.project.name} has {what}, so engine jobs-git cannot start it.", remedy)
