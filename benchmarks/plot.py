"""The table as a picture: for each piece of work a bar for each tool, seconds on a logarithmic scale. Pure."""

from __future__ import annotations

import math
from html import escape

from .contestants import OURS
from .results import Cell, Results

WIDTH, LEFT, RIGHT = 760, 130, 110
BAR, GAP, TITLE = 14, 4, 30
SMALLEST = 0.05  # seconds; where the scale begins


def plot(results: Results) -> str:
    """An SVG of all cells, in the order of the table."""
    parts: list[str] = []
    top = 0.0
    groups = list(dict.fromkeys((cell.conditions, cell.work) for cell in results.cells))
    largest = max((cell.wall for cell in results.cells), default=1.0)
    for conditions, work in groups:
        cells = [cell for cell in results.cells if (cell.conditions, cell.work) == (conditions, work)]
        parts.append(_text(0, top + TITLE - 9, f"{work}, {conditions}", "title"))
        top += TITLE
        for cell in cells:
            parts += _bar(cell, top, largest)
            top += BAR + GAP
    style = (
        "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}"
        ".ours{fill:#0969da}.peer{fill:#afb8c1}"
        "@media(prefers-color-scheme:dark){text{fill:#9ea7b3}.title{fill:#e6edf3}.ours{fill:#4493f8}.peer{fill:#545d68}}"
    )
    about = results.about
    foot = (
        f"{about['notebooks']} notebooks of {about['bytes_each']} bytes in {about['folders']} folders; "
        "whole processes; seconds, medians, logarithmic scale"
    )
    parts.append(_text(0, top + TITLE - 9, foot, "foot"))
    height = top + TITLE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(foot)}"><style>{style}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(cell: Cell, top: float, largest: float) -> list[str]:
    kind = "ours" if cell.contestant == OURS else "peer"
    span = math.log(max(largest, 2 * SMALLEST) / SMALLEST)
    length = max(2.0, (WIDTH - LEFT - RIGHT) * math.log(max(cell.wall, SMALLEST) / SMALLEST) / span)
    said = f"{cell.wall:.2f} s" + (f", {cell.throttled} × 429" if cell.throttled else "")
    return [
        _text(LEFT - 8, top + BAR - 3, cell.contestant, "name", anchor="end"),
        f'<rect class="{kind}" x="{LEFT}" y="{top:.0f}" width="{length:.1f}" height="{BAR}" rx="2"/>',
        _text(LEFT + length + 6, top + BAR - 3, said, "value"),
    ]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
