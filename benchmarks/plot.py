"""The table as a picture: for each piece of work a bar for each tool, each on a linear scale of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .contestants import OURS
from .results import Cell, Results

COLUMN, BETWEEN, LEFT, RIGHT = 440, 24, 112, 64
BAR, GAP, TITLE = 13, 4, 30
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}"
    ".ours{fill:#0969da}.peer{fill:#afb8c1}"
    "@media(prefers-color-scheme:dark){text{fill:#9ea7b3}.title{fill:#e6edf3}.ours{fill:#4493f8}.peer{fill:#545d68}}"
)


def plot(results: Results) -> str:
    """An SVG of all cells in two columns, in the order of the table."""
    names = dict.fromkeys((cell.conditions, cell.work) for cell in results.cells)
    groups = [[cell for cell in results.cells if (cell.conditions, cell.work) == name] for name in names]
    half = sum(map(_height, groups)) / 2
    parts: list[str] = []
    left, top, bottom = 0, 0, 0
    for group in groups:
        if left == 0 and top + _height(group) / 2 > half:
            left, top = COLUMN + BETWEEN, 0
        parts += _group(group, left, top)
        top += _height(group)
        bottom = max(bottom, top)
    about = results.about
    foot = (
        f"{about['date']}: {about['notebooks']:,} notebooks of {about['bytes_each']:,} bytes in {about['folders']} "
        "folders; medians of whole processes, in seconds"
    )
    parts.append(_text(0, bottom + TITLE - 9, foot, "foot"))
    width, height = 2 * COLUMN + BETWEEN, bottom + TITLE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(foot)}"><style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _height(group: Sequence[Cell]) -> int:
    return TITLE + len(group) * (BAR + GAP)


def _group(group: Sequence[Cell], left: int, top: int) -> Iterator[str]:
    yield _text(left, top + TITLE - 9, f"{group[0].work}, {group[0].conditions}", "title")
    longest = max(cell.wall for cell in group)
    for number, cell in enumerate(group):
        yield from _bar(cell, left + LEFT, top + TITLE + number * (BAR + GAP), longest)


def _bar(cell: Cell, left: int, top: int, longest: float) -> Iterator[str]:
    kind = "ours" if cell.contestant == OURS else "peer"
    length = max(2.0, (COLUMN - LEFT - RIGHT) * cell.wall / longest)
    said = f"{cell.wall:.2f}" + (f", {cell.throttled} × 429" if cell.throttled else "")
    yield _text(left - 8, top + BAR - 3, cell.contestant, "name", anchor="end")
    yield f'<rect class="{kind}" x="{left}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    yield _text(left + length + 6, top + BAR - 3, said, "value")


def _text(x: float, y: int, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
