"""What has changed between two versions of a notebook, cell by cell. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, NamedTuple

from .cells import Cell
from .equality import CELL_METADATA
from .merge import Did
from .trace import Pieces, moves, traced

_BESIDE = ("outputs", "attachments", "cell_type")


class CellChange(NamedTuple):
    """One cell of two versions, changed or not. The numbers count from 1, and are None where a version has no such one.

    `beside` names what beside the text and the title of a Jupyter cell is not the same: `outputs`, `attachments`,
    `cell_type`, `metadata`. A change without numbers is about the whole text of a file that is no notebook.
    """

    did: Did
    before: Cell | None
    after: Cell | None
    number_before: int | None = None
    number_after: int | None = None
    beside: tuple[str, ...] = ()

    @property
    def cell(self) -> Cell:
        """The cell as it is, or as it was before it was removed."""
        cell = self.after or self.before
        assert cell
        return cell

    @property
    def number(self) -> int:
        """Its number as it is, or as it was before it was removed; 0 for the whole of a file."""
        return self.number_after or self.number_before or 0

    @property
    def texts(self) -> tuple[str, str]:
        """What was written in it, and what is."""
        return self.before.source if self.before else "", self.after.source if self.after else ""


def changes(old: Pieces, new: Pieces) -> list[CellChange]:
    """All cells of both versions, in the order of the new one; those that were removed stand where they were."""
    to = traced(old, new, _MEANING)
    return list(_Pairing(old, new, to).result())


_MEANING = attrgetter("meaning")


class _Pairing:
    def __init__(self, old: Pieces, new: Pieces, to: dict[int, int]) -> None:
        self.old, self.new, self.to = old, new, to
        self.origins = self._moves()
        self.to = to | self._rewritten()
        self.gone = {*range(len(old))} - {*to} - {*self.origins.values()}

    def _moves(self) -> dict[int, int]:
        """The new cells that say what an old one said at another place, and which one that is."""
        kept = {*self.to.values()}
        lost = ((i, piece.meaning) for i, piece in enumerate(self.old) if i not in self.to and piece.text.strip())
        return moves(lost, ((j, piece.meaning) for j, piece in enumerate(self.new) if j not in kept))

    def _rewritten(self) -> dict[int, int]:
        """Of what is left between two pairs, the cells in one language, in order: a short one has no similar words."""
        pairs, moved = {}, {*self.origins.values()}
        for old, new in self._between():
            removed = [i for i in old if i not in moved]
            for j in (j for j in new if j not in self.origins):
                language = self.new[j].cell.language
                i = next((i for i in removed if self.old[i].cell.language == language), None)
                if i is not None:
                    pairs[i] = j
                    removed = [other for other in removed if other > i]
        return pairs

    def _between(self) -> Iterator[tuple[range, range]]:
        """The cells before, between and after the pairs, of each version."""
        i = j = 0
        for p, q in [*sorted(self.to.items()), (len(self.old), len(self.new))]:
            yield range(i, p), range(j, q)
            i, j = p + 1, q + 1

    def result(self) -> Iterator[CellChange]:
        for old, new in self._between():
            yield from (self._change(i, None) for i in old if i in self.gone)
            yield from (self._change(self.origins.get(j), j) for j in new)
            if old.stop < len(self.old):
                yield self._change(old.stop, new.stop)

    def _change(self, i: int | None, j: int | None) -> CellChange:
        before, after = None if i is None else self.old[i], None if j is None else self.new[j]
        return CellChange(
            did=self._did(i, j),
            before=before and before.cell,
            after=after and after.cell,
            number_before=None if i is None else i + 1,
            number_after=None if j is None else j + 1,
            beside=tuple(_beside(before.document, after.document)) if before and after else (),
        )

    def _did(self, i: int | None, j: int | None) -> Did:
        if j is None:
            return Did.REMOVED
        if i is None:
            return Did.ADDED
        if j in self.origins:
            return Did.MOVED
        return Did.KEPT if self.old[i].meaning == self.new[j].meaning else Did.CHANGED


def _beside(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterator[str]:
    if before is None or after is None or before is after:
        return
    yield from (part for part in _BESIDE if (before.get(part) or None) != (after.get(part) or None))
    if _metadata(before) != _metadata(after):
        yield "metadata"


def _metadata(document: dict[str, Any]) -> Any:
    """The metadata of a cell without its title, which is told of as part of the cell."""
    metadata = document.get("metadata")
    of_databricks = metadata.get(CELL_METADATA) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(of_databricks, dict):
        return metadata or None
    rest = {key: value for key, value in of_databricks.items() if key != "title"}
    return {**metadata, CELL_METADATA: rest}
