"""Markdown, as little of it as is safe without a thought: the text is escaped first, and links stay text. Pure.

Headings, lists, fenced code, paragraphs, `code` and **bold**; everything else shows as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
BULLET = re.compile(r"\s{0,8}[-*+][ \t]+(.*)")
NUMBERED = re.compile(r"\s{0,8}\d{1,4}[.)][ \t]+(.*)")
FENCE = re.compile(r"\s{0,3}(```|~~~)")
INLINE = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*")

# The notebook's name is the first heading of the page, the cell's the second.
ABOVE = 2


def rendered(text: str) -> Markup:
    return Markup("\n").join(_blocks(text.split("\n")))


def _blocks(lines: Sequence[str]) -> Iterator[Markup]:
    prose: list[str] = []
    fenced: list[str] | None = None
    for line in lines:
        if FENCE.match(line):
            if fenced is None:
                yield from _prose(prose)
                prose, fenced = [], []
            else:
                yield _code(fenced)
                fenced = None
        elif fenced is not None:
            fenced.append(line)
        else:
            prose.append(line)
    yield from _prose(prose)
    if fenced is not None:
        yield _code(fenced)


def _prose(lines: Sequence[str]) -> Iterator[Markup]:
    for kind, group in groupby(lines, _kind):
        if kind == "heading":
            yield from map(_heading, group)
        elif kind == "bullet":
            yield _list("ul", BULLET, group)
        elif kind == "numbered":
            yield _list("ol", NUMBERED, group)
        elif kind == "text":
            yield Markup("<p>{}</p>").format(Markup("<br>").join(map(_inline, group)))


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    kinds = (("heading", HEADING), ("bullet", BULLET), ("numbered", NUMBERED))
    return next((name for name, pattern in kinds if pattern.fullmatch(line)), "text")


def _heading(line: str) -> Markup:
    found = HEADING.fullmatch(line)
    assert found is not None
    level = min(len(found[1]) + ABOVE, 6)
    return Markup("<h{0}>{1}</h{0}>").format(level, _inline(found[2]))


def _list(tag: str, pattern: re.Pattern[str], lines: Iterable[str]) -> Markup:
    found = (pattern.fullmatch(line) for line in lines)
    points = (Markup("<li>{}</li>").format(_inline(one[1])) for one in found if one is not None)
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), Markup("").join(points))


def _code(lines: Sequence[str]) -> Markup:
    return Markup("<pre><code>{}</code></pre>").format("\n".join(lines))


def _inline(text: str) -> Markup:
    parts, end = [], 0
    for found in INLINE.finditer(text):
        parts.append(escape(text[end : found.start()]))
        tag = "code" if found[1] else "strong"
        parts.append(Markup("<{0}>{1}</{0}>").format(Markup(tag), found[1] or found[2]))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
