"""Two texts side by side, line by line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from .trace import equal_ends

CONTEXT = 3
_MATCHED = 3_000  # lines of either text beyond which equal ones are not looked for between its ends
_LONGEST = 500  # characters of a line whose words are compared
_ALIKE = 0.4  # the share of characters that two versions of a line have in common, at least
_WORD = re.compile(r"\w+|\s+|.")

Span = tuple[int, int]


class Row(NamedTuple):
    """A line of the old text beside one of the new. The numbers count from 1; None where a text has no such line."""

    number_before: int | None
    number_after: int | None
    before: str = ""
    after: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether it is in both texts, and the same."""
        return bool(self.number_before and self.number_after and self.before == self.after)


@lru_cache(256)  # they are asked for by all that show them
def rows(old: str, new: str) -> list[Row]:
    """All lines of both texts; an edited line stands beside what it was."""
    return list(_rows(_lines(old), _lines(new)))


def hunks(all_rows: Sequence[Row]) -> list[Sequence[Row]]:
    """The rows that changed with a few around them, in groups; between two groups, and at the ends, are equal ones."""
    groups: list[list[int]] = []
    for number, row in enumerate(all_rows):
        if not row.is_equal:
            start, end = max(number - CONTEXT, 0), min(number + CONTEXT + 1, len(all_rows))
            if groups and start <= groups[-1][1]:
                groups[-1][1] = end
            else:
                groups.append([start, end])
    return [all_rows[start:end] for start, end in groups]


def signed(group: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The lines of a group as `git diff` has them, each after its sign; the old ones before those in their place."""
    new: list[tuple[str, str]] = []
    for row in group:
        if row.is_equal:
            yield from new
            new = []
            yield " ", row.after
            continue
        if row.number_before:
            yield "-", row.before
        if row.number_after:
            new.append(("+", row.after))
    yield from new


def edited(row: Row) -> tuple[list[Span], list[Span]]:
    """What of an edited line is new, word by word: where it stands in the old one, and in the new one.

    Nothing where the two have little in common, or are long.
    """
    if row.is_equal or not (row.number_before and row.number_after) or max(len(row.before), len(row.after)) > _LONGEST:
        return [], []
    before, after = _WORD.findall(row.before), _WORD.findall(row.after)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    common = sum(len(word) for block in blocks for word in before[block.a : block.a + block.size] if word.strip())
    if common < _ALIKE * max(len(row.before.strip()), len(row.after.strip())):
        return [], []
    return (
        _others(before, [(block.a, block.a + block.size) for block in blocks]),
        _others(after, [(block.b, block.b + block.size) for block in blocks]),
    )


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _rows(old: list[str], new: list[str]) -> Iterator[Row]:
    for start, end, first, last in _blocks(old, new, *equal_ends(old, new)):
        for n in range(max(end - start, last - first)):
            i, j = start + n if start + n < end else None, first + n if first + n < last else None
            yield Row(
                None if i is None else i + 1,
                None if j is None else j + 1,
                "" if i is None else old[i],
                "" if j is None else new[j],
            )


def _blocks(old: list[str], new: list[str], head: int, tail: int) -> Iterator[tuple[int, int, int, int]]:
    """Where lines of the two texts belong together, from the first on; `head` and `tail` of them are equal."""
    i, j = len(old) - tail, len(new) - tail
    yield 0, head, 0, head
    if max(i, j) - head > _MATCHED:
        yield head, i, head, head
        yield i, i, head, j
    else:
        for _, i1, i2, j1, j2 in SequenceMatcher(None, old[head:i], new[head:j]).get_opcodes():
            yield i1 + head, i2 + head, j1 + head, j2 + head
    yield i, len(old), j, len(new)


def _others(words: Sequence[str], common: Sequence[Span]) -> list[Span]:
    """The characters of all words but these."""
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    edges = [0, *(edge for span in common for edge in span), len(words)]
    spans = ((starts[a], starts[b]) for a, b in zip(edges[::2], edges[1::2], strict=True))
    return [(a, b) for a, b in spans if a < b]
