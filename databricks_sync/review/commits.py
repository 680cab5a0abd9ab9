"""Two commits of a repository, read file by file: git is asked a few times, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from databricks_sync.errors import quantity
from databricks_sync.local.git import Difference, Repository

from .comparison import LARGEST, FileReview, compared

_AT_ONCE = 4 * LARGEST  # bytes that are asked for in one call


class Commits(NamedTuple):
    """Two commits to compare: their hashes, and what people call them, as it may be shown."""

    base: str
    head: str
    base_name: str
    head_name: str


def reviews(repository: Repository, commits: Commits, paths: Sequence[str]) -> Iterator[FileReview]:
    """What changed from one commit to the other, at or below these paths from the top of the repository."""
    differences = list(repository.differences(commits.base, commits.head, paths))
    sizes = repository.sizes([blob for difference in differences for blob in _blobs(difference)])
    for together in _chunks(differences, sizes):
        wanted = dict.fromkeys(blob for difference in together for blob in _readable(difference, sizes))
        contents = repository.contents(list(wanted)) if wanted else {}
        yield from (_review(difference, sizes, contents) for difference in together)


def _review(difference: Difference, sizes: dict[str, int], contents: dict[str, bytes]) -> FileReview:
    if all(blob in contents for blob in _blobs(difference)):
        return compared(difference, contents.get(difference.old_hash), contents.get(difference.hash))
    review = compared(difference, None, None)
    note = "its content is not in this clone"
    if all(blob in sizes for blob in _blobs(difference)):
        note = "too large to be shown, " + " → ".join(quantity(sizes[blob], "byte") for blob in _blobs(difference))
    return review._replace(notes=(*review.notes, note))


def _blobs(difference: Difference) -> list[str]:
    """The hashes of its contents that git has: a submodule's are commits of another repository."""
    both = ((difference.old_hash, difference.old_mode), (difference.hash, difference.mode))
    return [blob for blob, mode in both if blob and mode != "160000"]


def _readable(difference: Difference, sizes: dict[str, int]) -> list[str]:
    blobs = _blobs(difference)
    return blobs if all(sizes.get(blob, LARGEST + 1) <= LARGEST for blob in blobs) else []


def _chunks(differences: Sequence[Difference], sizes: dict[str, int]) -> Iterator[list[Difference]]:
    chunk: list[Difference] = []
    total = 0
    for difference in differences:
        size = sum(sizes[blob] for blob in _readable(difference, sizes))
        if chunk and total + size > _AT_ONCE:
            yield chunk
            chunk, total = [], 0
        chunk.append(difference)
        total += size
    if chunk:
        yield chunk
