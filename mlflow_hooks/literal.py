"""Python literals of plain values, printed the same by every Python: a value in generated code is data, never code.

Pure. Text is printed in ASCII and on one line whatever is in it, so that it cannot end a cell, begin a magic or leave
its quotes.
"""

from __future__ import annotations

from collections.abc import Mapping

WIDTH = 120


def literal(value: object, indent: int = 0, used: int = 0) -> str:
    """The value as a Python literal, in the layout of a formatter. `used`: columns taken before and after it.

    Takes what JSON can hold; raises TypeError for anything else.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        items = [(f"{_text(key)}: ", one) for key, one in value.items()]
        start, end = "{", "}"
    elif isinstance(value, (list, tuple)):
        items = [("", one) for one in value]
        start, end = "[", "]"
    else:
        raise TypeError(f"{type(value).__name__} is not a plain value")
    # A top-level table is one line per key, however short.
    flat = start + ", ".join(key + literal(one) for key, one in items) + end
    fits = "\n" not in flat and indent + used + len(flat) <= WIDTH
    if not items or (indent and fits):
        return flat
    inner = indent + 4
    lines = [f"{' ' * inner}{key}{literal(one, inner, len(key) + 1)},\n" for key, one in items]
    return f"{start}\n{''.join(lines)}{' ' * indent}{end}"


def _text(text: str) -> str:
    """Double quotes unless that needs more escapes; never anything but ASCII."""
    shown = ascii(text)
    if shown[0] == "'" and '"' not in text and "\\'" not in shown:
        return f'"{shown[1:-1]}"'
    return shown
