"""The frozen values everybody passes. No behaviour beyond what can be derived from the fields.

A *key* names an object on both sides: its path in the workspace relative to the branch folder, in Unicode
NFC. The notebook `notebooks/etl/load.py` has the key `etl/load`, the workspace file `notebooks/etl/util.py`
the key `etl/util.py`. A *digest* is the hash of an object's canonical content: equal digests mean that a
person would see no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from decimal import Decimal
from enum import Enum, IntEnum
from os.path import splitext
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .exit_code import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

TOP = "."  # the project at the top of its repository
BACKUP_DAYS = 30  # backups are kept for so long, unless somebody says otherwise


class Kind(str, Enum):
    """What an object of the workspace is. Folders are not objects here."""

    NOTEBOOK = "notebook"
    FILE = "file"


class Language(str, Enum):
    """The languages of notebooks, by the workspace's own names."""

    PYTHON = "PYTHON"
    SQL = "SQL"
    SCALA = "SCALA"
    R = "R"


class Form(str, Enum):
    """How a notebook is written down: the workspace's own names for its two formats."""

    SOURCE = "SOURCE"
    JUPYTER = "JUPYTER"


class Format(NamedTuple):
    """How to read a notebook's bytes, and to name its file. A workspace file has none.

    `language` is that of a source notebook, whose header tells it too, but for Python and R, which share one; of a
    Jupyter notebook, which says it itself, it is None.
    """

    form: Form
    language: Language | None = None


# One value for each format, as there may be very many objects.
JUPYTER = Format(Form.JUPYTER)
SOURCES = {language: Format(Form.SOURCE, language) for language in (None, *Language)}  # None: its header tells


def same_form(one: Format | None, other: Format | None) -> bool:
    """Whether both are written down alike, in whatever language; None is a file's format."""
    return (one and one.form) is (other and other.form)


class Direction(str, Enum):
    """Which side a run writes to: a push to the workspace, a pull to the local folder."""

    PUSH = "push"
    PULL = "pull"

    @property
    def command(self) -> str:
        """The command that goes this way."""
        return "to_databricks" if self is Direction.PUSH else "from_databricks"

    @property
    def side(self) -> str:
        """What it writes to, as people call it."""
        return "the workspace" if self is Direction.PUSH else "the folder"


class Mode(IntEnum):
    """The ways to run, each a column of the action table."""

    PUSH = 0
    PULL = 1
    PUSH_OVERWRITE = 2
    PULL_OVERWRITE = 3
    PUSH_MIRROR = 4
    PULL_MERGE = 5

    @property
    def direction(self) -> Direction:
        """Which side it writes to."""
        return Direction.PULL if self in (Mode.PULL, Mode.PULL_OVERWRITE, Mode.PULL_MERGE) else Direction.PUSH

    @property
    def source_wins(self) -> bool:
        """Whether an edit on the side that is written to is replaced."""
        return self not in (Mode.PUSH, Mode.PULL, Mode.PULL_MERGE)


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
    format: Format | None = None
    extras: str = ""  # the digest of what a Jupyter notebook has beside its content: see notebook/equality.py
    unresolved: int = 0  # the first cell that holds the markers of a conflict
    credentials: tuple[str, ...] = ()  # the kinds of what looks like one in it, where it was read


class RemoteVersion(NamedTuple):
    """Answers "unchanged since we looked?" without a download; may only ever save work.

    `sha` (strong) is the workspace's hash of the bytes it holds, where offered; in the version of what was read it is
    missing where the bytes that came cannot be proved to be those. Without it, `object_id` and
    `modified_at` (milliseconds, server clock) decide, unless `racy`: then the object changed so shortly
    before we looked that a second change could carry the same time.
    """

    object_id: int
    modified_at: int
    sha: str = ""
    racy: bool = False

    def same_as(self, other: RemoteVersion | None) -> bool:
        """True when both versions are certainly of the same content."""
        if other is None:
            return False
        if self.sha and other.sha:
            return self.sha == other.sha
        if self.racy or other.racy or not self.modified_at:
            return False
        return (self.object_id, self.modified_at) == (other.object_id, other.modified_at)


UNKNOWN = RemoteVersion(0, 0)  # proves nothing of any content


class RemoteObject(NamedTuple):
    """A notebook or workspace file in the folder `root` of the workspace, as a listing shows it."""

    key: str
    root: str
    kind: Kind
    version: RemoteVersion
    language: Language | None = None

    @property
    def path(self) -> str:
        """Where it is in the workspace."""
        return f"{self.root}/{self.key}"


class BaseEntry(NamedTuple):
    """What both sides last agreed on for one key. `path` is the local one, relative to the project folder.

    `format` is None of a file, and where a run died before it knew that of a notebook.
    """

    key: str
    path: str
    kind: Kind
    digest: str
    version: RemoteVersion
    local_sha: str
    stat: Stat | None = None
    format: Format | None = None
    extras: str = ""  # of the file, if the workspace is known to have got just these, or to have given them

    @classmethod
    def of(cls, item: LocalObject, version: RemoteVersion, stat: Stat | None) -> BaseEntry:
        """That the workspace holds at `version` what `item` is; `stat`: of its file, where that may be trusted."""
        return cls(
            key=item.key,
            path=item.path,
            kind=item.kind,
            digest=item.digest,
            version=version,
            local_sha=item.sha,
            stat=stat,
            format=item.format,
            extras=item.extras,
        )


class Severity(Enum):
    """What a problem does to the exit code."""

    NOTE = ExitCode.DONE
    REFUSED = ExitCode.LEFT
    FAILED = ExitCode.FAILED


class Problem(NamedTuple):
    """Why one path is left alone: `what` is a sentence without its subject, `hint` the next thing to type."""

    path: str
    what: str
    hint: str = ""
    severity: Severity = Severity.REFUSED


# Hosts that are of one workspace each, whose records have their bare name: of Azure, AWS and Google Cloud.
_OF_ONE_WORKSPACE = re.compile(r"https://(?:adb-\d+\.\d+\.azuredatabricks\.|dbc-[\w-]+\.cloud\.|\d+\.\d+\.gcp\.)")


class Login(NamedTuple):
    """How to reach and log in to the workspace. `token` is empty when databricks-sdk has to find the way."""

    host: str
    token: str = ""
    profile: str | None = None
    variables: Mapping[str, str] = MappingProxyType({})  # of .env, for databricks-sdk
    withheld: frozenset[str] = frozenset()  # of the environment's variables: they are of another host, or of none
    notice: str = ""
    where: str = ""  # what to call the workspace on this machine, whose port changes from run to run
    workspace_id: str = ""  # of one workspace among several of a host, "" where none was named
    ends: bool = False  # the workspace, with this command

    def __repr__(self) -> str:
        """Without what nobody may see."""
        return f"Login(host={self.host!r}, profile={self.profile!r}, where={self.where!r})"

    @property
    def local(self) -> bool:
        """Whether it is of the workspace on this machine."""
        return self.host == "local"

    @property
    def name(self) -> str:
        """What identifies the workspace, to people and in the state."""
        return self.where or (f"{self.host}?o={self.one_of_many}" if self.one_of_many else self.host)

    @property
    def one_of_many(self) -> str:
        """The id of the workspace, where its host may be of others too."""
        return "" if _OF_ONE_WORKSPACE.match(self.host) else self.workspace_id

    def withhold(self, environ: MutableMapping[str, str]) -> None:
        """Takes from this process's environment what must not go to the host, before databricks-sdk looks there."""
        for name in self.withheld:
            environ.pop(name, None)


class Folder(NamedTuple):
    """A folder to carry: where it is, relative to the project, and the child of the target it becomes."""

    path: Path
    shown: str
    prefix: str  # "" when it is the only one, else its name and a slash


class Patterns(NamedTuple):
    """What is carried although git ignores it, and what is not although git does not: see rules/patterns.py."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Settings(NamedTuple):
    """What to carry where, as the command line, the environment, `.env`, the project's file and the profile say."""

    project: Path
    folders: tuple[Folder, ...]
    login: Login
    user: str | None  # None: whoever the workspace says we are
    local_folder: str = ""  # where the workspace on this machine lives, if that was said
    backup_days: int = BACKUP_DAYS
    notices: tuple[str, ...] = ()  # what to tell about where they came from
    target: str = ""  # the pattern of the target, for a run that names none
    mirror: bool = False  # whether a push to it is a mirror, though nobody types so
    patterns: Patterns = Patterns()


class Scope(NamedTuple):
    """The part of the folders that a run is about: all of them, or the paths given on the command line."""

    paths: tuple[str, ...] = ()
    exact: frozenset[str] = frozenset()  # those that are the very path of an object, and mean no other one
    keys: frozenset[str] = frozenset()  # those of the others that are the very key of one

    def among(self, objects: Iterable[tuple[str, str]]) -> Scope:
        """The same, where these are the paths and keys of all objects."""
        if not self.paths:
            return self
        both = list(objects)
        paths = frozenset(path for path, _ in both).intersection(self.paths)
        keys = frozenset(key for _, key in both).intersection(self.paths)
        return self._replace(exact=paths, keys=keys - paths)

    def holds(self, path: str, key: str) -> bool:
        """Whether the object with this path and key is meant, or lies below what is."""
        return not self.paths or any(self._means(typed, path, key) for typed in self.paths)

    def _means(self, typed: str, path: str, key: str) -> bool:
        """What no object is called exactly may be either name, and a notebook's without its extension."""
        if typed in self.exact:
            return _within(path, typed)
        if typed in self.keys:
            return _within(key, typed)
        stem = splitext(typed)[0]
        return any(_within(name, typed) or name == stem for name in (path, key))

    def names(self, path: str) -> bool:
        """Whether one of the paths is `path` itself or below it: a folder around it names nothing in particular."""
        return any(p == path or p.startswith(f"{path}/") for p in self.paths)


def _within(name: str, folder: str) -> bool:
    return folder in (".", name) or name.startswith(f"{folder}/")


class Allowed(NamedTuple):
    """What the person at the keyboard has allowed for this run."""

    deletes: str | None = None  # "12" or "40%"
    all_changed: bool = False
    empty: bool = False
    take_over: bool = False
    older: bool = False

    def deletes_of(self, tracked: int) -> int | None:
        """How many deletes are allowed; None when nothing was said."""
        if self.deletes is None:
            return None

        if self.deletes.endswith("%"):
            return int(tracked * Decimal(self.deletes[:-1]) / 100)
        return int(Decimal(self.deletes))  # a Decimal may have as many digits as somebody types
