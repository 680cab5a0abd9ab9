"""Lines that IPython takes and Python does not: `!command` and `%magic`, alone or assigned to a name. Pure.

On the service a Python cell is IPython's, whose rules these are: such a line may stand wherever a statement may, goes
on after a backslash, and takes `{expression}` and `$name` from the notebook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

# What a newline or a bracket may stand in without meaning anything; an unclosed quote is one sign like others.
TOKEN = re.compile(
    r"""'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|"""
    r"""\#[^\n]*|\\\n|[^'"\#\\()\[\]{}\n]+|.""",
    re.DOTALL,
)
SHELL_LINE = re.compile(r"([ \t]*)(\w[\w ,.*\t]*=[ \t]*)?(!!?|%)((?:[^\\\n]|\\.)*)", re.DOTALL)
INDENT = re.compile(r"[ \t]+(?=[^\s#])")
# Not between single quotes.
DOLLAR = re.compile(r"\$(\$?)([A-Za-z_][\w.]*)(?=(?:[^']*'[^']*')*[^']*$)")


def translated(text: str) -> str:
    """The cell as Python, with a call of `get_ipython()` for each such line. Line numbers stay.

    A cell that is indented as a whole is moved to the left.
    """
    if indent := INDENT.match(text):
        text = re.sub(f"^{indent[0]}", "", text, flags=re.MULTILINE)
    parts, position, depth, begins = [], 0, 0, True
    while position < len(text):
        shell_line = SHELL_LINE.match(text, position) if begins else None
        token = shell_line or TOKEN.match(text, position)
        assert token is not None  # any sign is a token
        if shell_line is None:
            depth = max(0, depth + (token[0] in "([{") - (token[0] in ")]}"))
        begins = token[0] == "\n" and not depth
        parts.append(_call(shell_line) if shell_line else token[0])
        position = token.end()
    return "".join(parts)


def _call(line: re.Match[str]) -> str:
    indent, name, sign, rest = line[1], line[2] or "", line[3], line[4].replace("\\\n", " ").strip()
    call = f"getoutput({rest!r})" if name or sign == "!!" else f"system({rest!r})"
    if sign == "%":
        magic, argument = [*rest.split(None, 1), "", ""][:2]
        if magic == "time":  # the statement itself: nobody reads a clock here
            return f"{indent}{name}{argument}" + "\n" * line[4].count("\\\n")
        call = f"run_line_magic({magic!r}, {argument!r})"
    return f"{indent}{name}get_ipython().{call}" + "\n" * line[4].count("\\\n")


def expanded(text: str, names: Mapping[str, Any]) -> str:
    """With `{expression}` and `$name` filled in; as it is when any of them cannot be, as IPython does."""
    try:
        return "".join(
            _filled(literal, names) + ("" if expression is None else _formatted(expression, conversion, form, names))
            for literal, expression, form, conversion in Formatter().parse(text)
        )
    except Exception:
        return text


def _filled(literal: str, names: Mapping[str, Any]) -> str:
    return DOLLAR.sub(lambda match: f"${match[2]}" if match[1] else str(eval(match[2], dict(names))), literal)


def _formatted(expression: str, conversion: str | None, form: str | None, names: Mapping[str, Any]) -> str:
    return format(Formatter().convert_field(eval(expression, dict(names)), conversion), form or "")
