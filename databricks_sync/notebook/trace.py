"""Which cell of one version of a notebook is which of another. Pure.

Cells that say the same come first, then, among what is left between those, cells of one id or of similar text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from operator import attrgetter

from .cells import Piece, Placed

Pieces = Sequence[Piece]
_ALIKE = 0.5  # the share of words that two versions of a cell have in common, at least
_LONG = 2_000  # words of a cell of which the order is not looked at
_MANY = 400  # pairs of cells that are worth comparing word by word


def traced(old: Pieces, new: Pieces, mark: Callable[[Piece], Hashable] = attrgetter("essence")) -> dict[int, int]:
    """Where in `new` the cells of `old` are, as far as they are there; always in the same order.

    Cells of one `mark` say the same.
    """
    before, after = [*map(mark, old)], [*map(mark, new)]
    head, tail = equal_ends(before, after)
    origins = {n: n for n in range(head)} | {len(old) - n: len(new) - n for n in range(1, tail + 1)}
    matcher = SequenceMatcher(None, before[head : len(old) - tail], after[head : len(new) - tail], autojunk=False)
    for tag, *bounds in matcher.get_opcodes():
        i1, i2, j1, j2 = (bound + head for bound in bounds)
        if tag == "equal":
            origins |= dict(zip(range(i1, i2), range(j1, j2), strict=True))
        elif tag == "replace":
            origins |= {i1 + i: j1 + j for i, j in _pairs(old[i1:i2], new[j1:j2])}
    return origins


def equal_ends(before: Sequence[Hashable], after: Sequence[Hashable]) -> tuple[int, int]:
    """How many are equal from the first on, and of the others from the last on: an edit is looked for in between."""
    most = min(len(before), len(after))
    head = next((n for n in range(most) if before[n] != after[n]), most)
    return head, next((n for n in range(most - head) if before[-1 - n] != after[-1 - n]), most - head)


def with_moves(cells: Sequence[Placed], own: Sequence[Hashable]) -> list[Placed]:
    """The cells for a file, with the origin of those that only moved: a cell that says the same, and would be lost.

    `own` has the essence of each cell in the file.
    """
    kept = {cell.origin for cell in cells if cell.origin is not None and own[cell.origin] == cell.piece.essence}
    lost = ((number, mark) for number, mark in enumerate(own) if number not in kept)
    moved = moves(lost, ((n, cell.piece.essence) for n, cell in enumerate(cells) if cell.origin not in kept))
    gone = {*moved.values()}
    return [
        cell._replace(origin=moved.get(number, None if cell.origin in gone else cell.origin))
        for number, cell in enumerate(cells)
    ]


def moves(lost: Iterable[tuple[int, Hashable]], found: Iterable[tuple[int, Hashable]]) -> dict[int, int]:
    """Which of the cells that were found is which of those that are lost elsewhere, because both say the same.

    Each cell is its number, and what it says.
    """
    left: dict[Hashable, list[int]] = {}
    for number, mark in reversed([*lost]):
        left.setdefault(mark, []).append(number)
    return {number: left[mark].pop() for number, mark in found if left.get(mark)}


def _pairs(old: Pieces, new: Pieces) -> Iterator[tuple[int, int]]:
    """The pairs of cells, none of which say the same, that are most likely two versions of one; in order."""
    similar = list(_alike(old, new)) if 1 < len(old) * len(new) <= _MANY else []
    i = j = 0
    for p, q in [*similar, (len(old), len(new))]:
        if p - i == q - j:  # as many as there were: each in its place
            yield from zip(range(i, p), range(j, q), strict=True)
        if p < len(old):
            yield p, q
        i, j = p + 1, q + 1


def _alike(old: Pieces, new: Pieces) -> Iterator[tuple[int, int]]:
    """The pairs of similar cells, as many and as similar as can be had in this order."""
    likeness = [[_likeness(piece, other) for other in new] for piece in old]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]  # of the cells from i and j on
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    i = j = 0
    while i < len(old) and j < len(new):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _likeness(piece: Piece, other: Piece) -> float:
    """How likely two cells are versions of one: 0 for not at all. An id says more than any text."""
    if piece.id and piece.id == other.id:
        return 2.0
    before, after = piece.text.split(), other.text.split()
    words = SequenceMatcher(None, before, after)
    if min(words.real_quick_ratio(), words.quick_ratio()) < _ALIKE:
        return 0.0
    ratio = words.ratio() if max(len(before), len(after)) < _LONG else words.quick_ratio()
    return ratio if ratio >= _ALIKE else 0.0
