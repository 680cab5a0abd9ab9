"""A review as one HTML page that stands alone: no script, nothing that is fetched. Pure.

Whatever comes from a commit is escaped, or rendered by `prose.py`; and should that ever fail, the page's policy lets
nothing run or load.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import groupby, pairwise
from string import Template

from databricks_sync.errors import quantity
from databricks_sync.notebook.changes import CellChange
from databricks_sync.notebook.lines import Row, Span, edited, hunks, rows
from databricks_sync.notebook.merge import Did

from . import prose
from .commits import Commits
from .comparison import FileReview
from .highlight import Part, coloured
from .wording import did, kind, language, sentence, summary, titles, total

MOST = 20_000_000  # characters of all files: a browser shows more, but nobody reads it
_ROWS = 2_000  # lines of one cell
_LONGEST = 5_000  # characters of a line
_UNCHANGED = 20_000  # characters of unchanged cells that are there to be unfolded, between two others
_OPEN = 50  # files that are shown unfolded
_COLUMNS = {True: '<col class="n"><col><col class="n"><col>', False: '<col class="n"><col>'}


class PageReview:
    """A review that grows file by file."""

    def __init__(self, commits: Commits, most: int = MOST) -> None:
        self._commits = commits
        self._kinds: Counter[str] = Counter()
        self._links: list[str] = []
        self._sections: list[str] = []
        self._room = most

    def add(self, file: FileReview) -> None:
        """Adds the next file."""
        self._kinds[kind(file)] += 1
        number = len(self._links) + 1
        name = f"{escape(file.old_path)} → {escape(file.path)}" if file.path != file.old_path else escape(file.path)
        about = f'<span class="soft">{escape(summary(file))}</span>'
        self._links.append(f'<li><a href="#f{number}"><code>{name}</code></a> {about}</li>')
        body = "".join(_body(file)) if self._room > 0 else _note("not shown, because this page would be too long")
        self._room -= len(body)
        self._sections.append(
            f'<section class="file" id="f{number}"><details{" open" if number <= _OPEN else ""}>'
            f"<summary><h2>{name}</h2> {about}</summary>\n{body}</details></section>\n"
        )

    def text(self) -> str:
        """The whole page."""
        style, page = ((files(__package__) / name).read_text(encoding="utf-8") for name in ("style.css", "page.html"))
        commits = self._commits
        return Template(page).substitute(
            digest=b64encode(sha256(style.encode()).digest()).decode(),
            style=style,
            names=f"{escape(commits.base_name)} → {escape(commits.head_name)}",
            hashes=f"{commits.base[:10]}..{commits.head[:10]}",
            total=total(self._kinds),
            links="\n".join(self._links),
            files="".join(self._sections),
        )


def _body(file: FileReview) -> Iterator[str]:
    yield from map(_note, file.notes)
    for is_unchanged, cells in groupby(file.cells, lambda cell: cell.did is Did.KEPT):
        together = list(cells)
        yield from _unchanged(together) if is_unchanged else map(_cell, together)


def _note(text: str) -> str:
    return f'<p class="note">{escape(sentence(text))}</p>\n'


def _unchanged(cells: Sequence[CellChange]) -> Iterator[str]:
    """Cells that did not change, to be unfolded."""
    called = quantity(len(cells), "unchanged cell")
    texts = [cell.texts[1] for cell in cells]
    if sum(map(len, texts)) > _UNCHANGED:
        yield f'<div class="cell"><p class="more">{called}</p></div>\n'
        return
    shown = "".join(_bar(cell) + _one_sided(cell, is_coloured=False) for cell in cells)
    yield f'<div class="cell"><details><summary>{called}</summary>{shown}</details></div>\n'


def _cell(cell: CellChange) -> str:
    """A cell that changed, or the whole of a file that is no notebook."""
    content = _both_sides(cell) if cell.did is Did.CHANGED else _one_sided(cell)
    if cell.did is Did.MOVED:
        content = f"<details><summary>Its text, which did not change</summary>{content}</details>"
    return f'<div class="cell">{_bar(cell)}{content}{_prose(cell)}</div>\n'


def _bar(cell: CellChange) -> str:
    if not cell.number:
        return ""
    title = " →".join(f" “{escape(title)}”" for title in titles(cell))
    word = did(cell)
    return (
        f'<div class="bar {word.split()[0]}"><h3>Cell {cell.number}{title}</h3> '
        f'<span class="soft">{escape(language(cell))}</span> <span class="soft">{word}</span></div>\n'
    )


def _prose(cell: CellChange) -> str:
    """A Markdown cell as it is read, before and after."""
    sides = [side for side in (cell.before, cell.after) if side and side.language == "markdown"]
    if cell.did in (Did.KEPT, Did.MOVED) or not any(side.source.strip() for side in sides):
        return ""
    if any(len(side.source) > prose.MOST for side in sides):
        return ""
    shown = "".join(f'<div class="prose">{prose.rendered(side.source)}</div>' for side in sides)
    look = "pair" if len(sides) > 1 else "alone"
    is_open = " open" if cell.number else ""  # a file may be long
    return f'<details{is_open}><summary>Rendered</summary><div class="{look}">{shown}</div></details>'


# --- lines --------------------------------------------------------------------------------------------------


def _one_sided(cell: CellChange, *, is_coloured: bool = True) -> str:
    """The text of a cell that is only new or only old, or the same."""
    text = cell.cell.source
    sign = {Did.ADDED: "w", Did.REMOVED: "o"}.get(cell.did, "")
    lines = coloured(text, cell.cell.language if is_coloured else "") if text else []
    shown = (
        f'<tr><td class="n">{number}</td><td class="{sign}">{_line(parts)}</td></tr>\n'
        for number, parts in enumerate(lines[:_ROWS], 1)
    )
    return _table(cell, shown, len(lines) - _ROWS, both=False) if lines else ""


def _both_sides(cell: CellChange) -> str:
    """The lines that changed, with what is around them, and what they were."""
    assert cell.before and cell.after
    every = rows(*cell.texts)
    groups = hunks(every)
    old, new = coloured(cell.before.source, cell.before.language), coloured(cell.after.source, cell.after.language)
    shown: list[str] = []
    end = count = 0
    for group in groups:
        start = every.index(group[0], end)
        shown += _gap(start - end)
        shown += (_row(row, old, new) for row in group[: max(_ROWS - count, 0)])
        count += len(group)
        end = start + len(group)
    return _table(cell, [*shown, *_gap(len(every) - end)], count - _ROWS, both=True) if groups else ""


def _table(cell: CellChange, lines: Iterable[str], left_out: int, *, both: bool) -> str:
    caption = f"Cell {cell.number}" if cell.number else "Lines"
    more = f'<p class="more">… {quantity(left_out, "more line")} not shown</p>\n' if left_out > 0 else ""
    return (
        f'<table class="{"both" if both else "one"}"><caption>{caption}</caption>'
        f"<colgroup>{_COLUMNS[both]}</colgroup><tbody>\n{''.join(lines)}</tbody></table>\n{more}"
    )


def _gap(lines: int) -> list[str]:
    return [f'<tr class="gap"><td colspan="4">⋯ {quantity(lines, "unchanged line")}</td></tr>\n'] if lines else []


def _row(row: Row, old: Sequence[Sequence[Part]], new: Sequence[Sequence[Part]]) -> str:
    gone, come = edited(row)
    look, before, after = (' class="same"', "", "") if row.is_equal else ("", "o", "w")
    left = _side(row.number_before, before, old, gone, "del")
    return f"<tr{look}>{left}{_side(row.number_after, after, new, come, 'ins')}</tr>\n"


def _side(number: int | None, sign: str, lines: Sequence[Sequence[Part]], spans: Sequence[Span], tag: str) -> str:
    if number is None:
        return '<td class="n x"></td><td class="x"></td>'
    return f'<td class="n">{number}</td><td class="{sign}">{_line(lines[number - 1], spans, tag)}</td>'


def _line(parts: Sequence[Part], spans: Sequence[Span] = (), tag: str = "") -> str:
    """A line in colours, with `tag` around what stands at these places."""
    size = sum(len(part.text) for part in parts)
    if size > _LONGEST:
        text = "".join(part.text for part in parts)[:_LONGEST]
        return f"{escape(text)} … {size - _LONGEST:,} more characters"
    if not spans:
        return "".join(map(_part, parts))
    edges = sorted({edge for span in spans for edge in span})
    shown, start = [], 0
    for part in parts:
        end = start + len(part.text)
        cuts = [start, *(edge for edge in edges if start < edge < end), end]
        for a, b in pairwise(cuts):
            piece = _part(Part(part.text[a - start : b - start], part.colour))
            shown.append(f"<{tag}>{piece}</{tag}>" if any(c <= a < d for c, d in spans) else piece)
        start = end
    return "".join(shown)


def _part(part: Part) -> str:
    text = escape(part.text, quote=False)
    return f'<span class="{part.colour}">{text}</span>' if part.colour else text
