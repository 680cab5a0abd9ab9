"""The frozen values everybody passes. No behaviour beyond what can be derived from the fields.

A *key* names an object on both sides: its path in the workspace relative to the branch folder, in Unicode
NFC. The notebook `notebooks/etl/load.py` has the key `etl/load`, the workspace file `notebooks/etl/util.py`
the key `etl/util.py`. A *digest* is the hash of an object's canonical content: equal digests mean that a
person would see no difference.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(str, Enum):
    NOTEBOOK = "notebook"
    FILE = "file"


class Language(str, Enum):
    PYTHON = "PYTHON"
    SQL = "SQL"
    SCALA = "SCALA"
    R = "R"


class Form(str, Enum):
    """How a notebook is written down: the workspace's own names for its two formats."""

    SOURCE = "SOURCE"
    JUPYTER = "JUPYTER"


class Direction(str, Enum):
    PUSH = "push"
    PULL = "pull"


class Stat(NamedTuple):
    """What the file system says of a file without reading it; equal stats save a read."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class LocalObject(NamedTuple):
    """A notebook or workspace file in the project. `path` is relative to the project folder, with `/`."""

    key: str
    path: str
    kind: Kind
    digest: str
    sha: str  # sha256 of the bytes as they would be sent
    stat: Stat
    form: Form | None = None
    language: Language | None = None
    unresolved: int = 0  # the first cell that holds the markers of a conflict
    credentials: tuple[str, ...] = ()  # the kinds of what looks like one in it, where it was read


class Token(NamedTuple):
    """Answers "unchanged since we looked?" without a download; may only ever save work.

    `sha` (strong) is the workspace's hash of the bytes it holds, where offered; in the token of what was read it is
    missing where the bytes that came cannot be proved to be those. Without it, `object_id` and
    `modified_at` (milliseconds, server clock) decide, unless `racy`: then the object changed so shortly
    before we looked that a second change could carry the same time.
    """

    object_id: int
    modified_at: int
    sha: str = ""
    racy: bool = False

    def proves(self, other: Token | None) -> bool:
        """True when both tokens are certainly of the same content."""
        if other is None:
            return False
        if self.sha and other.sha:
            return self.sha == other.sha
        if self.racy or other.racy or not self.modified_at:
            return False
        return (self.object_id, self.modified_at) == (other.object_id, other.modified_at)


UNKNOWN = Token(0, 0)  # proves nothing of any content


class RemoteObject(NamedTuple):
    """A notebook or workspace file in the folder `root` of the workspace, as a listing shows it."""

    key: str
    root: str
    kind: Kind
    token: Token
    language: Language | None = None

    @property
    def path(self) -> str:
        """Where it is in the workspace."""
        return f"{self.root}/{self.key}"


class BaseEntry(NamedTuple):
    """What both sides last agreed on for one key. `path` is the local one, relative to the project folder."""

    key: str
    path: str
    kind: Kind
    digest: str
    token: Token
    local_sha: str
    stat: Stat | None = None
    form: Form | None = None
    language: Language | None = None


class Severity(Enum):
    """What a problem does to the exit code."""

    NOTE = 0
    REFUSED = 1
    FAILED = 4


class Problem(NamedTuple):
    """Why one path is left alone: `what` is a sentence without its subject, `hint` the next thing to type."""

    path: str
    what: str
    hint: str = ""
    severity: Severity = Severity.REFUSED
