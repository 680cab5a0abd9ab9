"""The widgets that a notebook declares, found without running it. Pure.

Only what is written as constants can be known so: a widget whose name is computed is not found.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from databricks_local.runtime.shell_lines import translated

from .cells import PageCell

KINDS = ("text", "dropdown", "combobox", "multiselect")
MAX_WIDGETS = 50
# Characters of all cells together.
MAX_READ = 200_000


@dataclass(frozen=True, slots=True)
class Widget:
    """One widget; `default` is None where it is computed, `choices` empty for one that takes any text."""

    name: str
    default: str | None
    choices: tuple[str, ...] = ()


def declared(cells: Sequence[PageCell]) -> list[Widget]:
    """The widgets in the order in which they are declared, each name once."""
    widgets: dict[str, Widget] = {}
    room = MAX_READ
    for cell in cells:
        room -= len(cell.text)
        if cell.language == "PYTHON" and "dbutils.widgets" in cell.text and room >= 0:
            for widget in _declared(cell.text):
                widgets.setdefault(widget.name, widget)
    return list(widgets.values())[:MAX_WIDGETS]


def _declared(text: str) -> Iterator[Widget]:
    try:
        calls = [node for node in ast.walk(_parsed(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for call in sorted(calls, key=lambda call: call.lineno):
        kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if kind in KINDS and _is_of_widgets(call.func):
            arguments = dict(zip(("name", "defaultValue", "choices"), call.args, strict=False))
            arguments |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            name, default, choices = (_constant(arguments.get(key)) for key in ("name", "defaultValue", "choices"))
            if isinstance(name, str) and name:
                # Any text may stand in a combobox.
                closed = choices if kind == "dropdown" and isinstance(choices, list | tuple) else ()
                yield Widget(name, None if default is None else str(default), tuple(map(str, closed)))


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a newer Python, on the terminal of the server: about escapes like `\d`
        try:
            return ast.parse(text)
        except SyntaxError:
            return ast.parse(translated(text))


def _is_of_widgets(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Attribute(attr="widgets", value=ast.Name(id="dbutils"))):
            return True
    return False


def _constant(node: ast.expr | None) -> object:
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
