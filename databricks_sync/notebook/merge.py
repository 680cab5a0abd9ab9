"""Merges two versions of a notebook that come from a common one, cell by cell. Pure.

Theory of operation. Each cell of the common version is looked for in both others (`trace.py`): cells that say the
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
from enum import Enum
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from databricks_sync.model import Format

from .cells import Piece, Placed, pieces, remark, rewritten
from .equality import digest, essence
from .rewrite import rewrite
from .trace import Pieces, traced

LABELS = ("local", "last sync", "workspace")
_SIZE = 7  # of git's markers, where nobody says otherwise
_OF_GIT = (b"<<<<<<< ", b"=======", b">>>>>>> ")  # each alone may be anything

TextMerge = Callable[[str, str, str], str]  # base, here, there -> the text of a cell, marked where they clash


class Markers(NamedTuple):
    """How clashes are written: what merges the text of a cell, what here, base and there are called, and in which size.

    `with_base`: whether the base stands there too, as with git's `diff3`.
    """

    text: TextMerge
    labels: tuple[str, str, str] = LABELS
    size: int = _SIZE
    with_base: bool = True

    @property
    def here(self) -> str:
        """The line above what stands here."""
        return f"{'<' * self.size} {self.labels[0]}"

    @property
    def base(self) -> str:
        """The line above what both come from."""
        return f"{'|' * self.size} {self.labels[1]}"

    @property
    def parted(self) -> str:
        """The line above what stands there."""
        return "=" * self.size

    @property
    def there(self) -> str:
        """The line below what stands there."""
        return f"{'>' * self.size} {self.labels[2]}"

    @property
    def telling(self) -> tuple[str, ...]:
        """The lines that are nothing else; one of equals signs alone may be anything."""
        return self.here, self.base, self.there

    def whole(self, base: str, here: str, there: str) -> str:
        """The text of a cell with all of its versions."""
        agreed = [self.base, base] if self.with_base else []
        return "\n".join([self.here, here, *agreed, self.parted, there, self.there])


_OURS = Markers(lambda base, here, there: "")
HERE, AGREED, PARTED, THERE = _OURS.here, _OURS.base, _OURS.parted, _OURS.there
_MARKERS = tuple(line.encode() for line in _OURS.telling)


class NotebookVersion(NamedTuple):
    """A notebook as one side holds it."""

    raw: bytes
    format: Format


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


def merge(
    base: NotebookVersion, here: NotebookVersion, there: NotebookVersion, markers: Markers | None = None
) -> Merge:
    """Merges `there` into `here`; clashes are written if it is said how.

    `here` and `there` are of one format; `base` may be of another. Raises BrokenNotebook.
    """
    agreed, ours, theirs = (pieces(version.raw, version.format) for version in (base, here, there))
    alike = base.format == here.format
    if not alike:
        agreed = tuple(piece._replace(text=piece.cell.source) for piece in agreed)
    mark = attrgetter("essence" if alike else "meaning")
    merged = _Merging(agreed, _Side(agreed, ours, mark), _Side(agreed, theirs, mark), mark)
    made = list(merged.result())
    clashes = tuple(item for item in made if isinstance(item, Clash))
    if clashes and markers is None:
        return Merge(taken=merged.taken, clashes=clashes)
    return _written(here, made, markers)._replace(taken=merged.taken)


def merge_without_base(
    here: NotebookVersion, there: NotebookVersion, markers: Markers, *, whole: bool = False
) -> Merge:
    """What both have once, and whatever else either of them has with markers; `whole`: all of both.

    `here` and `there` are of one format. Raises BrokenNotebook.
    """
    ours, theirs = pieces(here.raw, here.format), pieces(there.raw, there.format)
    to = {} if whole else {i: j for i, j in traced(ours, theirs).items() if ours[i].essence == theirs[j].essence}
    made: list[Placed | Clash] = []
    begun = began = 0
    for i, j in [*to.items(), (len(ours), len(theirs))]:
        if begun < i or began < j:
            at = begun + 1 if begun < i else None, began + 1 if began < j else None
            made.append(Clash((), ours[begun:i], theirs[began:j], Did.ADDED, Did.ADDED, *at))
        made += [Placed(piece, i) for piece in ours[i : i + 1]]
        begun, began = i + 1, j + 1
    return _written(here, made, markers)


def _written(here: NotebookVersion, made: Sequence[Placed | Clash], markers: Markers | None) -> Merge:
    placed: list[Placed] = []
    for item in made:
        if not isinstance(item, Clash):
            placed.append(item)
        elif markers:
            placed += _marked(item, markers)
    raw = rewrite(here.raw, here.format, placed)
    return Merge(raw, digest(raw, here.format), clashes=tuple(item for item in made if isinstance(item, Clash)))


def unresolved(raw: bytes, format: Format) -> int:
    """The number of the first cell that still holds markers, 0 when there is none. Raises BrokenNotebook."""
    if not any(mark in raw for mark in _MARKERS) and not all(mark in raw for mark in _OF_GIT):
        return 0
    notebook = pieces(raw, format)
    ours = next((number for number, piece in enumerate(notebook, 1) if _has_markers(piece.cell.source, _OURS)), 0)
    return ours or _unresolved_in_git([piece.text for piece in notebook])


def _has_markers(source: str, markers: Markers) -> bool:
    return any(line.rstrip() in markers.telling for line in source.split("\n"))


def _unresolved_in_git(texts: list[str]) -> int:
    """The number of the cell in which a conflict of git begins, 0 when there is none. It may end in a later cell.

    `texts`: as they stand in the file, for git knows nothing of MAGIC.
    """
    began, parted = 0, False
    for number, text in enumerate(texts, 1):
        for line in text.split("\n"):
            if line.startswith("<<<<<<< "):
                began, parted = number, False
            elif line.rstrip() == PARTED:
                parted = began > 0
            elif parted and line.startswith(">>>>>>> "):
                return began
    return 0


# --- what is decided ----------------------------------------------------------------------------------------


class _Side:
    """What one side did: where the cells of the base are now, and what was added at each place between them."""

    def __init__(self, base: Pieces, now: Pieces, mark: Callable[[Piece], Hashable]) -> None:
        before = [mark(piece) for piece in base]
        self.cells, self.marks = now, [mark(piece) for piece in now]
        self.to = traced(base, now, mark)
        self.added = _added(self.to, len(base), len(now))
        self.lost = {mark for number, mark in enumerate(before) if number not in self.to}
        self.moved = self.lost & {self.marks[number] for place in self.added for number in place}
        self.did = [self._did(mark, self.to.get(number)) for number, mark in enumerate(before)]
        # What says now what another cell of the base says is no new version of this one.
        old_marks = {*before}
        replaced = {i for i, j in self.to.items() if self.did[i] is Did.CHANGED and self.marks[j] in old_marks}
        self.gone = replaced.union(i for i, did in enumerate(self.did) if did is Did.REMOVED)

    def now(self, number: int) -> list[int]:
        """The cell that a cell of the base is now, if it still is one."""
        return [self.to[number]] if number in self.to else []

    def _did(self, mark: Hashable, now: int | None) -> Did:
        return Did.REMOVED if now is None else Did.KEPT if self.marks[now] == mark else Did.CHANGED


class _Merging:
    """One merge under way; `taken` counts the cells that came from there, or went there."""

    def __init__(self, base: Pieces, here: _Side, there: _Side, mark: Callable[[Piece], Hashable]) -> None:
        self.base, self.here, self.there = base, here, there
        self.marks = [mark(piece) for piece in base]
        self.taken = 0
        # What one side moved, and the other moved elsewhere or removed.
        self.contested = (here.moved & there.lost) | (there.moved & here.lost)
        # What both sides have less of, and each of them without a cell that the other kept.
        self.torn = self._gone(here, there) & self._gone(there, here)

    def _gone(self, side: _Side, other: _Side) -> set[Hashable]:
        return {self.marks[i] for i in side.gone if other.did[i] is Did.KEPT}

    def result(self) -> Iterator[Placed | Clash]:
        for number in range(len(self.base) + 1):
            yield from self._between(self.here.added[number], self.there.added[number])
            if number < len(self.base):
                yield from self._cell(number)

    def _between(self, ours: list[int], theirs: list[int]) -> Iterator[Placed | Clash]:
        """What was added at one place."""
        here, there = [self.here.cells[j] for j in ours], [self.there.cells[k] for k in theirs]
        if [piece.essence for piece in here] == [piece.essence for piece in there]:
            yield from map(Placed, here, ours)
            return
        moved = self.contested & {*(self.here.marks[j] for j in ours), *(self.there.marks[k] for k in theirs)}
        if (ours and theirs) or moved:
            done = Did.MOVED if moved else Did.ADDED
            yield self._clash([], ours, theirs, done if ours else Did.REMOVED, done if theirs else Did.REMOVED)
            return
        self.taken += len(there)
        yield from map(Placed, here, ours)
        yield from map(Placed, there)

    def _cell(self, i: int) -> Iterator[Placed | Clash]:
        """What became of one cell of the base."""
        ours, theirs = self.here.now(i), self.there.now(i)
        here, there = self.here.did[i], self.there.did[i]
        equal = [self.here.cells[j].essence for j in ours] == [self.there.cells[k].essence for k in theirs]
        if here is there is Did.KEPT and not equal:
            here = there = Did.CHANGED  # a base of another form does not tell who did it
        gone = i in self.here.gone or i in self.there.gone
        if gone and self.marks[i] in self.torn if Did.KEPT in (here, there) else not equal:
            yield self._clash([i], ours, theirs, here, there)
            return
        taken = here is Did.KEPT and there is not Did.KEPT
        self.taken += taken
        if ours and theirs:
            base, mine, other = self.base[i], self.here.cells[ours[0]], self.there.cells[theirs[0]]
            yield Placed(_framed(other if taken else mine, base, mine, other), ours[0])

    def _clash(self, base: list[int], ours: list[int], theirs: list[int], here: Did, there: Did) -> Clash:
        return Clash(
            tuple(self.base[i] for i in base),
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


def _marked(clash: Clash, markers: Markers) -> list[Placed]:
    """The clash as a person resolves it in an editor: markers within a cell, or cells that are markers."""
    first = (clash.number_here or 1) - 1
    if len(clash.base) == len(clash.here) == len(clash.there) == 1:
        (base,), (here,), (there,) = clash.base, clash.here, clash.there
        kinds = {_kind(here), _kind(there)}
        if len(kinds) == 1:
            merged = markers.text(base.text, here.text, there.text)
            if not _has_markers(merged, markers):  # both changed it, if not in the same lines
                merged = markers.whole(base.text, here.text, there.text)
            return [Placed(rewritten(here, merged), first)]
    ours, theirs = map(Placed, clash.here, count(first)), map(Placed, clash.there)
    begins, parts, ends = (Placed(remark(line)) for line in (markers.here, markers.parted, markers.there))
    return [begins, *ours, parts, *theirs, ends]


def _kind(piece: Piece) -> Hashable:
    """What of a cell is not text."""
    return essence(piece.document)[::2] if piece.document else None
