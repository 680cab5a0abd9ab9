"""Python literals of plain values, printed the same by every Python: a value in generated code is data, never code.

Pure. Text is printed in ASCII and on one line whatever is in it, so that it cannot end a cell, begin a magic or leave
its quotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH = 120


def literal(value: object, indent: int = 0, used: int = 0) -> str:
    """The value as a Python literal, in the layout of a formatter. `used`: columns taken before and after it.

    Takes what JSON can hold; raises TypeError for anything else.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, Mapping):
        start, end, items = "{", "}", [(f"{_text(key)}: ", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        start, end, items = "[", "]", [("", item) for item in value]
    else:
        raise TypeError(f"{value!r} is not a plain value")
    flat = start + ", ".join(key + _flat(item) for key, item in items) + end
    # The outermost table is one line per key, however short.
    if not items or (indent and indent + used + len(flat) < WIDTH):
        return flat
    inner = indent + 4
    lines = [f"{' ' * inner}{key}{literal(item, inner, len(key) + 1)},\n" for key, item in items]
    return f"{start}\n{''.join(lines)}{' ' * indent}{end}"


def _flat(value: object) -> str:
    """On one line, for measuring and for what fits."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key)}: {_flat(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return literal(value)


def _text(text: str) -> str:
    """Double quotes unless that needs more escapes; never anything but ASCII."""
    shown = ascii(text)
    if shown[0] == "'" and '"' not in text and "\\'" not in shown:
        return f'"{shown[1:-1]}"'
    return shown


def one_line(text: str) -> str:
    """For a comment or a heading: in ASCII, on one line, and closing no backquotes."""
    return ascii(" ".join(text.split()))[1:-1].replace("`", "'")
