"""The world of the safety tests: clones and a person on one branch folder, and runs that can die at any effect.

Nothing of ours is replaced. The workspace is a real server, the clones are real git work trees, and a run is the
`Sync` of the commands. Only it gets no threads, so that the k-th effect is the same one in every run, and a clock
that goes faster. An *effect* is whatever may change something outside of the process, or ask git: a labelled
point, a request as it goes out (the transport says so itself, in the one place where it sends), a file that is made,
renamed or removed, a call of git (Python's audit events report these). `test_senses.py` shows that none is missed.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from support.project import HOME, Workspace, jupyter, notebook

from databricks_sync import failpoints
from databricks_sync.cli import settings
from databricks_sync.cli.project import find
from databricks_sync.engine import removal, restore
from databricks_sync.engine.report import RunListener
from databricks_sync.engine.run import Report, Request, Sync
from databricks_sync.errors import SyncError
from databricks_sync.local.files import TEMPORARY
from databricks_sync.local.git import Repository
from databricks_sync.model import Mode, Settings
from databricks_sync.remote.auth import connect
from databricks_sync.remote.http import Http
from databricks_sync.remote.limits import LIMITS
from databricks_sync.remote.lock import TTL
from databricks_sync.rules.plan import Step
from databricks_sync.rules.valves import Allowed
from databricks_sync.state.backups import Backups
from databricks_sync.system import Clock, Pool

TARGET = f"{HOME}/main"
ANYTHING = Allowed(deletes="1000000", all_changed=True, empty=True)
WAYS = {
    "push": Mode.PUSH,
    "push over": Mode.PUSH_OVERWRITE,
    "mirror": Mode.PUSH_MIRROR,
    "pull": Mode.PULL,
    "pull over": Mode.PULL_OVERWRITE,
    "merge": Mode.PULL_MERGE,
    "removal": Mode.PUSH,
    "removal of all": Mode.PUSH_MIRROR,
}
_VALUE = re.compile(rb"value\d+\b")
_HASTE = 40  # how much shorter the tool's pauses are here


# --- effects ----------------------------------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone: nothing of it may touch anything any more."""


@dataclass
class Process:
    """One run as its machine sees it: it counts effects, and at one of them it dies or something happens."""

    root: Path
    at: int | None = None
    upon: tuple[str, int] | None = None  # the effect by its name, and the so-manieth of that name
    act: Callable[[], object] | None = None  # what happens there, or else at every effect; without it, the process dies
    effects: list[str] = field(default_factory=list)
    dead: bool = False

    @property
    def points(self) -> list[int]:
        """The effects before which a death leaves something else behind than before the next: all but reads."""
        return [number for number, effect in enumerate(self.effects) if not effect.startswith(("GET ", "git "))]

    def meet(self, effect: str) -> None:
        if self.dead:
            raise Died
        self.effects.append(effect)
        here = len(self.effects) - 1 == self.at or (effect, self.effects.count(effect)) == self.upon
        if here or (self.act and self.at is None and self.upon is None):
            if self.act is None:
                self.dead = True
                raise Died
            with _aside():
                self.act()


_running: list[Process | None] = []  # the innermost run is the one that acts; None: somebody else


@contextmanager
def _aside(process: Process | None = None) -> Iterator[None]:
    _running.append(process)
    try:
        yield
    finally:
        _running.pop()


def _meet(effect: str) -> None:
    if _running and _running[-1] is not None:
        _running[-1].meet(effect)


def _writes(mode: str | None, flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if mode is None else any(c in mode for c in "wax+")


def program(typed: Sequence[str]) -> str:
    """A program that was started, by its name and its first argument that is no option: `git ls-files`."""
    name, *rest = (os.fspath(word) for word in typed)
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] in ("-C", "-c", "--git-dir", "--work-tree") else 1]
    return f"{Path(name).name} {rest[0] if rest else ''}".strip()


_FILES = {"os.remove": 0, "os.rename": 1, "os.link": 1, "os.mkdir": 0, "os.rmdir": 0, "os.chmod": 0, "os.truncate": 0}
_BY_FOLDER = {"os.remove", "os.rmdir"}  # of which shutil names only the last part, in an open folder


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _running or (process := _running[-1]) is None:
        return
    if event == "subprocess.Popen":
        process.meet(program(arguments[1]))
    elif event == "sqlite3.connect" and not os.path.exists(arguments[0]):  # noqa: PTH110
        process.meet(f"{event} {os.path.relpath(arguments[0], process.root)}")
    elif event == "open" or event in _FILES:
        path = arguments[_FILES.get(event, 0)]
        if event in _BY_FOLDER and arguments[1] >= 0:
            path = Path(f"/proc/self/fd/{arguments[1]}").readlink() / path
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(f"{process.root}{os.sep}"):
            if event == "open" and not _writes(arguments[1], arguments[2]):
                return
            if event != "os.mkdir" or not os.path.exists(path):  # noqa: PTH110
                process.meet(f"{event} {os.path.relpath(path, process.root)}")


sys.addaudithook(_audit)


class Inline(Executor):
    """Does everything at once, in the thread that asks: the same effects in the same order in every run."""

    def submit(self, act: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(act(*given, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


class Hasty(Clock):
    """Goes faster than the machine's."""

    def monotonic(self) -> float:
        return time.monotonic() * _HASTE

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / _HASTE)

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        changed.wait(None if seconds is None else seconds / _HASTE)


@contextmanager
def _machine(process: Process, listen: Callable[[str], None]) -> Iterator[None]:
    """While `process` runs, its effects are met, and `listen` hears of the labelled points."""
    saved = failpoints.hook
    try:
        failpoints.hook = listen
        with _aside(process):
            yield
    finally:
        failpoints.hook = saved


@contextmanager
def _disk(links: bool) -> Iterator[None]:
    """A disk with or without hard links, as those that Windows and cameras share have none."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    saved = os.link
    try:
        os.link = saved if links else refused
        yield
    finally:
        os.link = saved


# --- the workspace ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server(Workspace):
    """The workspace of one test worker, and what can be seen of it."""

    def tree(self, target: str = TARGET) -> dict[str, Remote]:
        """Everything below `target` but folders, by name."""
        seen = self.control(f"objects?{urlencode({'path': target})}", method="GET")["objects"]
        return {
            one["path"][len(target) + 1 :]: Remote(
                one["object_type"], base64.b64decode(one["content"]), one["language"]
            )
            for one in seen
        }

    def export(self, path: str, form: str) -> bytes:
        query = urlencode({"path": path, "format": form, "direct_download": "true"}, quote_via=quote)
        status, raw = self.ask("GET", f"/api/2.0/workspace/export?{query}")
        assert status == 200, raw
        return raw

    def stands(self, path: str) -> bool:
        """Whether anything is at `path`, a folder included."""
        return self.ask("GET", f"/api/2.0/workspace/get-status?{urlencode({'path': path})}")[0] == 200

    def person(self, *edits: Mapping[str, Any]) -> None:
        """Somebody at work in the workspace."""
        self.control("edit", list(edits))


@dataclass(frozen=True)
class Remote:
    """An object of the workspace as anybody can see it."""

    kind: str
    raw: bytes
    language: str = ""


@cache
def opened(root: Path, host: str, token: str, folders: str) -> tuple[Settings, Repository]:
    """What a watch, too, finds out once: nobody changes it here, and git is not asked again."""
    environ = {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token, "NOTEBOOK_FOLDER": folders}
    known = settings.load({}, environ, find(environ, root), lambda _: False)
    return known, Repository(known.project)


# --- clones -----------------------------------------------------------------------------------------------------


class Silent(RunListener):
    """Listens to a run and remembers what it was told."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def say(self, *_: object, **__: object) -> None: ...

    def error(self, *_: object) -> None: ...


@dataclass(frozen=True)
class Observed:
    """What a process did, and what the workspace was asked meanwhile."""

    process: Process
    server: Server
    record: int  # in which the workspace has noted it

    def __post_init__(self) -> None:
        if _running:
            _ = self.requests  # it was run within another one, which goes on

    @cached_property
    def requests(self) -> list[dict[str, Any]]:
        """To be looked at before the next run begins: few tests want them, so that nobody keeps them."""
        assert self.record == self.server.record, "another run has begun since"
        return self.server.requests()

    @property
    def effects(self) -> list[str]:
        return self.process.effects

    @property
    def points(self) -> list[int]:
        return self.process.points

    @cached_property
    def writes(self) -> list[tuple[str, str]]:
        """The writing requests: what was done to which object."""
        return [(one["endpoint"].rpartition("/")[2], one["object"]) for one in self.requests if one["method"] == "POST"]


@dataclass(frozen=True, kw_only=True)
class Run(Observed):
    """What became of one run."""

    way: str
    report: Report | None
    error: SyncError | None
    notices: list[str]

    @property
    def died(self) -> bool:
        return self.report is None and self.error is None

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.report.steps if self.report else ()

    @property
    def conflicts(self) -> list[str]:
        return [step.key for step in self.report.conflicts] if self.report else []

    @property
    def said(self) -> str:
        problems = [f"{one.path} {one.what}" for one in self.report.problems] if self.report else []
        return f"{self.way}: {self.error or ''} {problems} {self.conflicts} {self.notices}"


@dataclass(frozen=True, kw_only=True)
class Restoring(Observed):
    """What became of one restore; no exit code when it died, or when there was nothing to restore."""

    code: int | None
    error: SyncError | None


class Clone:
    """A git work tree of the project on some machine, with a state of its own."""

    def __init__(self, root: Path, server: Server, target: str = TARGET) -> None:
        self.root = root
        self.server = server
        self.target = target
        self.notebooks = root / "notebooks"
        self.state = root / ".git/databricks_sync"
        self.ttl = TTL  # of its remote locks
        self.few = LIMITS.few  # so many notebooks are not worth an archive
        self.in_json = LIMITS.in_json  # bytes up to which an archive is not large
        self.folders = "notebooks"  # that are carried; `write` and `files` are about the notebooks
        self.process: Process | None = None  # the latest
        self.notebooks.mkdir(exist_ok=True)

    # --- runs -------------------------------------------------------------------------------------------------

    def sync(
        self,
        way: str,
        *,
        at: int | None = None,
        upon: tuple[str, int] | None = None,
        act: Callable[[], object] | None = None,
        threads: bool = False,
        lock: bool = False,
        links: bool = True,
        allowed: Allowed = ANYTHING,
        patience: float | None = None,
        listen: Callable[[str], None] | None = None,
        http: Http | None = None,
        **asked: Any,
    ) -> Run:
        """One run, which dies at an effect (`at`, or `upon` its name), or in which `act` happens there.

        Without `links` the disk has no hard links. `patience`: for so many seconds it waits for an answer. `listen`
        hears of the labelled points. `http`: another way to the workspace, or another login.
        """
        process, listener = self._begin(at, upon, act), Silent()
        report, error = None, None
        with _machine(process, listen or _meet), _disk(links):
            try:
                with self._sync(listener, Pool if threads else Inline, http) as made:
                    if patience is not None:
                        made.http.transport.limits = made.http.limits._replace(silence=patience)
                    asked |= {"allowed": allowed, "lock": lock, "branch": "main", "removing": way.startswith("removal")}
                    request = Request(WAYS[way], self.target, **asked)
                    report = removal.run(made, request) if request.removing else made.run(request)
            except SyncError as caught:
                error = caught
            except Died:
                pass
        record = self.server.record
        return Run(process, self.server, record, way=way, report=report, error=error, notices=listener.notices)

    def restore(
        self,
        way: str,
        number: int = 0,
        *,
        at: int | None = None,
        upon: tuple[str, int] | None = None,
        act: Callable[[], object] | None = None,
        **asked: Any,
    ) -> Restoring:
        """Brings back what the so-manieth latest backup holds of one side; it may die, or `act` happens there."""
        process, listener = self._begin(at, upon, act), Silent()
        code, error = None, None
        with _machine(process, _meet):
            try:
                with self._sync(listener, Inline) as made:
                    if runs := self.saved_runs():
                        name = runs[number % len(runs)]
                        code = restore.run(made, Request(WAYS[way], self.target, restore=name, **asked)).exit_code
            except SyncError as caught:
                error = caught
            except Died:
                pass
        return Restoring(process, self.server, self.server.record, code=code, error=error)

    def _begin(self, at: int | None, upon: tuple[str, int] | None, act: Callable[[], object] | None) -> Process:
        self.server.forget()
        self.process = Process(self.root, at, upon, act)
        return self.process

    @contextmanager
    def _sync(self, listener: Silent, pool: Callable[[], Executor], http: Http | None = None) -> Iterator[Sync]:
        known, repository = opened(self.root, self.server.host, self.server.token, self.folders)
        with closing(http or connect(known.login, Hasty())) as http:
            http.limits = http.limits._replace(few=self.few, in_json=self.in_json)
            yield Sync(known, repository, http, listener, pool=pool, ttl=self.ttl)

    # --- the work tree ----------------------------------------------------------------------------------------

    def write(self, name: str, raw: bytes | str) -> None:
        where = self.notebooks / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(raw.encode() if isinstance(raw, str) else raw)

    def remove(self, name: str) -> None:
        (self.notebooks / name).unlink()

    def files(self) -> dict[str, bytes]:
        """All files here, by name, but for what a dead run has left half-written."""
        found = (one for one in sorted(self.notebooks.rglob("*")) if one.is_file() and one.suffix != TEMPORARY)
        return {one.relative_to(self.notebooks).as_posix(): one.read_bytes() for one in found}

    def litter(self) -> list[str]:
        return [one.name for one in self.root.rglob(f"*{TEMPORARY}")]

    # --- the state --------------------------------------------------------------------------------------------

    @property
    def records(self) -> list[Path]:
        """The files that hold what was last agreed on."""
        return sorted(self.state.glob("*/state.db"))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for file in self.records:
            with closing(sqlite3.connect(file)) as db:
                if db.execute("SELECT 1 FROM sqlite_master").fetchone():  # none where a run died as it made the record
                    rows += db.execute(sql).fetchall()
        return rows

    def base(self) -> dict[str, str]:
        return dict(self.query("SELECT key, digest FROM base"))

    def intents(self) -> list[str]:
        return [key for (key,) in self.query("SELECT key FROM intent")]

    def forget(self) -> None:
        """The record of the last sync is lost."""
        for file in self.records:
            shutil.rmtree(file.parent)

    def copy_state(self) -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in self.records}

    def restore_state(self, copy: dict[Path, bytes]) -> None:
        """The record is again what it was when it was copied."""
        self.forget()
        for file, raw in copy.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)

    def saved_runs(self) -> list[str]:
        """The names of the backups, the latest first."""
        return [run.name for run in Backups(self.state / "backups", self.target).runs()]

    def backups(self) -> list[bytes]:
        return [one.read_bytes() for one in self.state.glob("backups/*/*") if one.name.isdigit()]

    def told_backups(self) -> set[str]:
        """The hashes of what the manifests list: what `--restore` can bring back."""
        lines = [line for one in self.state.glob("backups/*/manifest.jsonl") for line in one.read_text().splitlines()]
        return {json.loads(line)["sha256"] for line in lines if line.endswith("}")}


def values(raw: bytes) -> set[str]:
    """The values of human edits that some bytes hold."""
    return {found.decode() for found in _VALUE.findall(raw)}


def compose(name: str, value: str) -> bytes:
    """What a person writes into a file of that name: a notebook by its extension, unless it is a script or data."""
    if name.endswith(".ipynb"):
        return jupyter(f"print('{value}')", "2").encode()
    if name.endswith(".sql"):
        return notebook(f"select '{value}'", "select 2", language="sql").encode()
    if name.endswith(".py"):
        return notebook(f"print('{value}')", "print(2)").encode()
    return f"{value},1\n".encode()


def script(value: str) -> bytes:
    """A Python file that is no notebook."""
    return f"print('{value}')\n".encode()


# --- the world --------------------------------------------------------------------------------------------------


def template(folder: Path) -> Path:
    """An empty repository with one commit and an origin, to be copied."""
    environ = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    made = folder / "template"
    me = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
    for typed in (
        ("init", "-q", "-b", "main", "--template=", str(made)),
        ("-C", str(made), *me, "commit", "-q", "--allow-empty", "-m", "begin"),
        ("-C", str(made), "config", "remote.origin.url", "https://git.example.com/team/project.git"),
    ):
        subprocess.run(["git", *typed], env=environ, check=True, capture_output=True)
    return made


class World:
    """One branch folder in the workspace, and as many clones as are asked for."""

    def __init__(self, server: Server, origin: Path, folder: Path, target: str = TARGET) -> None:
        self.server = server
        self.origin = origin
        self.folder = folder
        self.target = target
        self.clones: dict[str, Clone] = {}

    def clone(self, name: str) -> Clone:
        """The clone of that name; a new one is as git makes it, without any memory."""
        if name not in self.clones:
            root = self.folder / name
            shutil.copytree(self.origin, root)
            self.clones[name] = Clone(root, self.server, self.target)
        return self.clones[name]

    def change(self, name: str, **what: Any) -> dict[str, Any]:
        """An edit in the workspace, to be done or to be a fault."""
        return {"path": f"{self.target}/{name}", **what}

    def person(self, name: str, **what: Any) -> None:
        self.server.person(self.change(name, **what))

    def tree(self) -> dict[str, Remote]:
        return self.server.tree(self.target)

    def kept(self, tree: Mapping[str, Remote] | None = None) -> set[str]:
        """The values that are in a tree, in the workspace or in a backup; `tree`: the workspace as just seen."""
        found = {value for remote in (tree or self.tree()).values() for value in values(remote.raw)}
        for clone in self.clones.values():
            for raw in (*clone.files().values(), *clone.backups()):
                found |= values(raw)
        return found
