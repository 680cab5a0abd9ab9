"""What git holds in place of a large file: a pointer of git-lfs or git-annex, which is not the file's content. Pure."""

from __future__ import annotations

import re
from enum import Enum

SIZE = 1024  # bytes; a pointer is smaller


class StandIn(str, Enum):
    """The program whose pointer it is."""

    LFS = "git-lfs"
    ANNEX = "git-annex"


# SOURCE: git-lfs, docs/spec.md, and lfs/pointer.go for the two older addresses and the lines of extensions.
_LFS = re.compile(
    rb"version (?:https://(?:git-lfs|hawser)\.github\.com/spec/v1|http://git-media\.io/v/2)\r?\n"
    rb"(?:ext-\d-\S+ sha256:[0-9a-f]{64}\r?\n)*"
    rb"oid sha256:[0-9a-f]{64}\r?\nsize \d+\s*"
)
# SOURCE: git-annex, doc/internals/pointer_file.mdwn and key_format.mdwn. Where a disk has no links, a file holds what
# the link would point to.
_ANNEX = re.compile(
    rb"(?:(?:\.\.[/\\])*\.git)?[/\\]annex[/\\]objects[/\\][^\r\n]*--[^\r\n]+"
    rb"(?:\r?\n[^\r\n]*/annex/[^\r\n]*)*\s*"
)
_ANNEX_LINK = re.compile(r"(?:^|[/\\])\.git[/\\](?:.+[/\\])?annex[/\\]objects[/\\]")


def stand_in(raw: bytes) -> StandIn | None:
    """Whose pointer a file with this content is, if it is one and nothing else."""
    if len(raw) >= SIZE:
        return None
    if raw.startswith(b"version ") and _LFS.fullmatch(raw):
        return StandIn.LFS
    return StandIn.ANNEX if b"annex" in raw and _ANNEX.fullmatch(raw) else None


def is_annex_link(target: str) -> bool:
    """Whether a symbolic link to `target` stands for a file that git-annex keeps, whether or not it is here."""
    return _ANNEX_LINK.search(target) is not None
