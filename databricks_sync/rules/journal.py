"""What a run writes down of its writes: what each replaces, that it is tried, and what both sides hold after it."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from databricks_sync.model import UNKNOWN, BaseEntry, Direction, Format, Kind, RemoteVersion
from databricks_sync.notebook.format import sha256


class Content(NamedTuple):
    """Bytes as they are kept: packed by whoever has them, for most threads wait for the network anyway."""

    sha: str
    body: bytes

    @classmethod
    def of(cls, raw: bytes, sha: str | None = None) -> Content:
        """`sha` is the sha256 of `raw`, where it is known."""
        return cls(sha or sha256(raw), zlib.compress(raw, 1))

    @classmethod
    def named(cls, raw: bytes, sha: str) -> Content | None:
        """`raw`, if it is what has this sha256."""
        return cls.of(raw, sha) if sha256(raw) == sha else None


class Saved(NamedTuple):
    """One object as it stood before a run changed it. `direction` tells the side: a push changes the workspace."""

    key: str
    path: str
    direction: Direction
    kind: Kind
    reason: str
    format: Format | None = None
    # Once it is saved: the sha256 of its bytes, how many they are, and where they lie in the folder of the backups.
    sha: str = ""
    size: int = 0
    file: str = ""


class Intent(NamedTuple):
    """A write about to be tried: `after` is the digest the destination will have, None for a delete.

    `format` is None of a file, and of a notebook that is pulled for the first time, which was not read yet.

    `version` is the source's version for a pull, so that recovery need not ask the workspace; `extras` are those that
    the workspace will be known to have. A merge leaves here what
    the workspace does not hold: `agreed` is then the digest of what it does hold, and `content` its bytes.
    """

    key: str
    direction: Direction
    path: str
    kind: Kind
    after: str | None
    sha: str = ""
    version: RemoteVersion = UNKNOWN
    format: Format | None = None
    extras: str = ""
    agreed: str = ""
    content: Content | None = None


class Advance(NamedTuple):
    """What a run found out about one key: both sides hold `entry`, or (None) neither holds anything."""

    key: str
    entry: BaseEntry | None
    content: Content | None = None  # the bytes the workspace holds, for a notebook
