"""Merges two versions of a notebook that come from a common one, cell by cell. Pure.

Theory of operation. Each cell of the common version is looked for in both others (`_traced`): cells that say the
same first, then, among what is left between those, cells of one id or of similar text. Each has then been kept,
changed or removed on either side, and what has no origin was added between two of them. Cells are decided one by
one, and so is what was added at one place:

    one side left it as it was     the other side's version, or its removal
    both did the same              that, once
    anything else                  a clash: both versions are kept, and a person decides

So edits of different cells never clash, and nothing that either side wrote is missing where there is no clash. Nor is
anything that both still hold: of cells that say the same each side may have removed another one, which is a clash too.
What does not count for equality (outputs, execution counts, ids, metadata) cannot clash; here, ours are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from enum import Enum
from typing import NamedTuple

from databricks_sync.model import Form, Language

from .cells import Piece, assembled, cells, pieces, remark, rewritten
from .format import digest, materialise

LABELS = ("local", "last sync", "workspace")
HERE, AGREED, PARTED, THERE = f"<<<<<<< {LABELS[0]}", f"||||||| {LABELS[1]}", "=======", f">>>>>>> {LABELS[2]}"
_TELLING = (HERE, AGREED, THERE)  # a line of equals signs alone may be anything
_MARKERS = tuple(line.encode() for line in _TELLING)
_ALIKE = 0.5  # the share of words that two versions of a cell have in common, at least
_MANY = 400  # pairs of cells that are worth comparing word by word

Pieces = Sequence[Piece]
TextMerge = Callable[[str, str, str], str]  # base, here, there -> the text of a cell, marked where they clash


class Version(NamedTuple):
    """A notebook as one side holds it."""

    raw: bytes
    form: Form
    language: Language | None = None


class Did(str, Enum):
    """What a side did with the cells of a clash."""

    KEPT = "kept"
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    MOVED = "moved"


class Clash(NamedTuple):
    """Cells that the two sides want to have differently. The numbers count from 1; None where a side has none."""

    base: tuple[Piece, ...]
    here: tuple[Piece, ...]
    there: tuple[Piece, ...]
    did_here: Did
    did_there: Did
    number_here: int | None
    number_there: int | None


class Merge(NamedTuple):
    """What became of a notebook that both sides changed.

    `raw` is what to write here, in the style of the local file: the merged notebook, the one with markers, or None
    when the conflict stays; `digest` is what it is known by. `taken` counts the cells that came from there, and
    `reason` says why nothing was merged at all.
    """

    raw: bytes | None = None
    digest: str = ""
    taken: int = 0
    clashes: tuple[Clash, ...] = ()
    reason: str = ""


def merge(base: Version, here: Version, there: Version, text: TextMerge | None = None) -> Merge:
    """Merges `there` into `here`; clashes are written with markers if `text` merges the text of a cell.

    `here` and `there` are of one form and language; `base` may be of another. Raises BrokenNotebook.
    """
    agreed, ours, theirs = (pieces(one.raw, one.form, one.language) for one in (base, here, there))
    alike = (base.form, base.language) == (here.form, here.language)
    if not alike:
        agreed = tuple(piece._replace(text=piece.cell.source) for piece in agreed)
    known = _Cells(agreed, alike)
    merged = _Merging(known, _Side(known, _Cells(ours, alike)), _Side(known, _Cells(theirs, alike)))
    made = list(merged.result())
    clashes = tuple(one for one in made if isinstance(one, Clash))
    if clashes and text is None:
        return Merge(taken=merged.taken, clashes=clashes)
    whole: list[Piece] = []
    for one in made:
        if not isinstance(one, Clash):
            whole.append(one)
        elif text:
            whole += _marked(one, text)
    exported = assembled(whole, here.raw, here.form, here.language)
    raw = materialise(exported, here.form, here.language, here.raw)
    return Merge(raw, digest(exported, here.form, here.language), merged.taken, clashes)


def unresolved(raw: bytes, form: Form, language: Language | None) -> int:
    """The number of the first cell that still holds markers, 0 when there is none. Raises BrokenNotebook."""
    if not any(mark in raw for mark in _MARKERS):
        return 0
    found = (number for number, cell in enumerate(cells(raw, form, language), 1) if _has_markers(cell.source))
    return next(found, 0)


def _has_markers(source: str) -> bool:
    return any(line.rstrip() in _TELLING for line in source.split("\n"))


# --- what is decided ----------------------------------------------------------------------------------------


class _Cells:
    """Cells, and the marks that tell which of them are equal to cells of the other versions."""

    def __init__(self, found: Pieces, alike: bool) -> None:
        self.cells = found
        self.marks = [piece.essence if alike else piece.meaning for piece in found]


class _Side:
    """What one side did: where the cells of the base are now, and what was added at each place between them."""

    def __init__(self, base: _Cells, now: _Cells) -> None:
        self.cells, self.marks = now.cells, now.marks
        self.to = _traced(base, now)
        self.added = _added(self.to, len(base.cells), len(now.cells))
        self.lost = {mark for number, mark in enumerate(base.marks) if number not in self.to}
        self.moved = self.lost & {self.marks[number] for place in self.added for number in place}
        self.did = [self._did(mark, self.to.get(number)) for number, mark in enumerate(base.marks)]
        # What says now what another cell of the base says is no new version of this one.
        known = {*base.marks}
        replaced = {i for i, j in self.to.items() if self.did[i] is Did.CHANGED and self.marks[j] in known}
        self.gone = replaced.union(i for i, did in enumerate(self.did) if did is Did.REMOVED)

    def now(self, number: int) -> list[int]:
        """The cell that a cell of the base is now, if it still is one."""
        return [self.to[number]] if number in self.to else []

    def _did(self, mark: Hashable, now: int | None) -> Did:
        return Did.REMOVED if now is None else Did.KEPT if self.marks[now] == mark else Did.CHANGED


class _Merging:
    """One merge under way; `taken` counts the cells that came from there, or went there."""

    def __init__(self, base: _Cells, here: _Side, there: _Side) -> None:
        self.base, self.here, self.there = base, here, there
        self.taken = 0
        # What one side moved, and the other moved elsewhere or removed.
        self.contested = (here.moved & there.lost) | (there.moved & here.lost)
        # What both sides have less of, and each of them without a cell that the other kept.
        self.torn = self._gone(here, there) & self._gone(there, here)

    def _gone(self, one: _Side, other: _Side) -> set[Hashable]:
        return {self.base.marks[i] for i in one.gone if other.did[i] is Did.KEPT}

    def result(self) -> Iterator[Piece | Clash]:
        for number in range(len(self.base.cells) + 1):
            yield from self._between(self.here.added[number], self.there.added[number])
            if number < len(self.base.cells):
                yield from self._cell(number)

    def _between(self, ours: list[int], theirs: list[int]) -> Iterator[Piece | Clash]:
        """What was added at one place."""
        here, there = [self.here.cells[j] for j in ours], [self.there.cells[k] for k in theirs]
        if [piece.essence for piece in here] == [piece.essence for piece in there]:
            yield from here
            return
        moved = self.contested & {*(self.here.marks[j] for j in ours), *(self.there.marks[k] for k in theirs)}
        if (ours and theirs) or moved:
            done = Did.MOVED if moved else Did.ADDED
            yield self._clash([], ours, theirs, done if ours else Did.REMOVED, done if theirs else Did.REMOVED)
            return
        self.taken += len(there)
        yield from here
        yield from there

    def _cell(self, i: int) -> Iterator[Piece | Clash]:
        """What became of one cell of the base."""
        ours, theirs = self.here.now(i), self.there.now(i)
        here, there = self.here.did[i], self.there.did[i]
        equal = [self.here.cells[j].essence for j in ours] == [self.there.cells[k].essence for k in theirs]
        if here is there is Did.KEPT and not equal:
            here = there = Did.CHANGED  # a base of another form does not tell who did it
        gone = i in self.here.gone or i in self.there.gone
        if gone and self.base.marks[i] in self.torn if Did.KEPT in (here, there) else not equal:
            yield self._clash([i], ours, theirs, here, there)
            return
        taken = here is Did.KEPT and there is not Did.KEPT
        self.taken += taken
        if ours and theirs:
            base, mine, other = self.base.cells[i], self.here.cells[ours[0]], self.there.cells[theirs[0]]
            yield _framed(other if taken else mine, base, mine, other)

    def _clash(self, base: list[int], ours: list[int], theirs: list[int], here: Did, there: Did) -> Clash:
        return Clash(
            tuple(self.base.cells[i] for i in base),
            tuple(self.here.cells[j] for j in ours),
            tuple(self.there.cells[k] for k in theirs),
            here,
            there,
            ours[0] + 1 if ours else None,
            theirs[0] + 1 if theirs else None,
        )


def _framed(chosen: Piece, base: Piece, here: Piece, there: Piece) -> Piece:
    """The cell with the blank lines around it as the side has them that changed them."""
    return chosen._replace(frame=there.frame if here.frame == base.frame else here.frame)


# --- which cell is which ------------------------------------------------------------------------------------


def _traced(old: _Cells, new: _Cells) -> dict[int, int]:
    """Where in `new` the cells of `old` are, as far as they are there; always in the same order."""

    found: dict[int, int] = {}
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old.marks, new.marks, autojunk=False).get_opcodes():
        if tag == "equal":
            found |= dict(zip(range(i1, i2), range(j1, j2), strict=True))
        elif tag == "replace":
            found |= {i1 + i: j1 + j for i, j in _pairs(old.cells[i1:i2], new.cells[j1:j2])}
    return found


def _pairs(old: Pieces, new: Pieces) -> Iterator[tuple[int, int]]:
    """The pairs of cells, none of which say the same, that are most likely two versions of one; in order."""
    found = [] if len(old) * len(new) > _MANY else list(_alike(old, new))
    i = j = 0
    for p, q in [*found, (len(old), len(new))]:
        if p - i == q - j:  # as many as there were: each in its place
            yield from zip(range(i, p), range(j, q), strict=True)
        if p < len(old):
            yield p, q
        i, j = p + 1, q + 1


def _alike(old: Pieces, new: Pieces) -> Iterator[tuple[int, int]]:
    """The pairs of similar cells, as many and as similar as can be had in this order."""
    likeness = [[_likeness(one, other) for other in new] for one in old]
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


def _likeness(one: Piece, other: Piece) -> float:
    """How likely two cells are versions of one: 0 for not at all. An id says more than any text."""
    if one.id and one.id == other.id:
        return 2.0

    words = SequenceMatcher(None, one.text.split(), other.text.split())
    if min(words.real_quick_ratio(), words.quick_ratio()) < _ALIKE:
        return 0.0
    ratio = words.ratio()
    return ratio if ratio >= _ALIKE else 0.0


def _added(to: dict[int, int], old: int, new: int) -> list[list[int]]:
    """For each place before, between and after the old cells, the new cells that have no origin.

    What took the place of removed cells stands after them.
    """
    places: list[list[int]] = [[] for _ in range(old + 1)]
    origins = {j: i for i, j in to.items()}
    place = old
    for j in reversed(range(new)):
        if j in origins:
            place = origins[j]
        else:
            places[place].insert(0, j)
    return places


# --- markers ------------------------------------------------------------------------------------------------


def _marked(clash: Clash, text: TextMerge) -> list[Piece]:
    """The clash as a person resolves it in an editor: markers within a cell, or cells that are markers."""
    if len(clash.base) == len(clash.here) == len(clash.there) == 1:
        (base,), (here,), (there,) = clash.base, clash.here, clash.there
        kinds = {_kind(here), _kind(there)}
        if len(kinds) == 1:
            merged = text(base.text, here.text, there.text)
            if not _has_markers(merged):  # both changed it, if not in the same lines
                merged = "\n".join([HERE, here.text, AGREED, base.text, PARTED, there.text, THERE])
            return [rewritten(here, merged)]
    return [remark(HERE), *clash.here, remark(PARTED), *clash.there, remark(THERE)]


def _kind(piece: Piece) -> Hashable:
    """What of a cell is not text."""
    return piece.attachments, piece.document and piece.document["cell_type"]
