"""What an answer may take, in time and in bytes. Whoever answers may be broken or hostile, and runs must end.

There is no clock besides: a request has `silence` seconds, and more for all that was sent and came, at `rate`. Time is
looked at whenever something comes, and nothing is waited for longer than `silence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from databricks_sync.errors import quantity

MEGABYTE = 2**20


class Limits(NamedTuple):
    """How long an answer may take, and how large it may be; each number beyond what an honest workspace needs."""

    connect: float = 10.0  # seconds to wait for a connection, and for a proxy's way through
    silence: float = 60.0  # seconds without a byte: the listing of a large tree may take a while to begin
    rate: int = 10_000  # bytes a second on the whole, a tenth of what a bad mobile connection still has
    throttled: float = 300.0  # seconds to go on asking while the workspace says 429
    again: float = 0.1  # seconds before a read is repeated; doubled each time
    repeated: float = 90.0  # seconds after which it is not repeated: twice is enough of what takes `silence`
    error: int = 2**16  # bytes of an error that are read: its code and its text are at the beginning
    answer: int = MEGABYTE  # bytes of an answer about one thing, which are some hundred
    jobs: int = 32 * MEGABYTE  # bytes of a page of jobs with all their tasks, or of the output of a run
    # SERVER: 500 MB is the most that a file may have, 10 and 100 a notebook; a notebook may come with its results.
    file: int = 512 * MEGABYTE
    notebook: int = 128 * MEGABYTE
    few: int = 8  # notebooks that are not worth an archive: they go at once anyway
    # SERVER: content in JSON may be 10 MB (API reference); as base64 it is a third larger.
    in_json: int = 7 * MEGABYTE
    # Bytes of the notebooks of a folder: packed where they are read, unpacked where they are sent. So what was sent can
    # be read back, and a request takes a few times as much memory for a while; two such are under way at once.
    archive: int = 32 * MEGABYTE
    unpacked: int = 128 * MEGABYTE  # and unpacked where they are read
    # An object in a listing takes some 400 bytes here and there. A folder holds 10,000 at most, a Git folder 10,000.
    objects: int = 250_000
    object: int = MEGABYTE // 4  # bytes of one of them
    listing: int = 128 * MEGABYTE  # bytes of all of them
    path: int = 8192  # letters: folders that lie in each other without an end would have more


LIMITS = Limits()


class BadBody(ValueError):
    """A body that is not taken: it is too long, or packed in a way that cannot be undone; the text says which."""


def bounded(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The pieces of a body. Raises BadBody where they are more than `most` bytes."""
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise BadBody(f"more than {size(most)}")
        yield piece


def beginning(pieces: Iterable[bytes], most: int) -> bytes:
    """The first `most` bytes of a body."""
    taken, length = [], 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length >= most:
            break
    return b"".join(taken)[:most]


def size(count: int) -> str:
    """So many bytes, in words."""
    return f"{count // MEGABYTE} MB" if count >= MEGABYTE else quantity(count, "byte")
