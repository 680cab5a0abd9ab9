"""The people and things of these tests: a project with its commands, a workspace, a person who works in it.

Nothing is replaced: the commands are the real ones, git is git, and the workspace answers over HTTP. `push`, `pull` and
`quick` call a command in this process, which costs a third of a process of its own; `run` and `start` type it as
somebody does, for tests of what only a process has: its streams, its environment, its signals.
"""

from __future__ import annotations

import base64
import http.client
import importlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlencode, urlsplit

from databricks_local.core.settings import ServerSettings

from .forked import Forked

ME = "me@example.com"
HOME = f"/Users/{ME}"
COMMENTS = {"python": "#", "r": "#", "sql": "--", "scala": "//"}
BOM = b"\xef\xbb\xbf"
IMPORT, EXPORT, DELETE = "*/workspace/import", "*/workspace/export", "*/workspace/delete"
LIST, LIST_REPO, MKDIRS = "*/workspace/list", "*/workspace/list-repo", "*/workspace/mkdirs"
RESET = {"kind": "reset"}
GIT_FOLDERS = ("REPO", "GIT_FOLDER")  # the classic kind, and that with Git CLI access


def notebook(*cells: str, language: str = "python") -> str:
    """The source of a notebook."""
    comment = COMMENTS[language]
    return f"{comment} Databricks notebook source\n" + f"\n\n{comment} COMMAND ----------\n\n".join(cells) + "\n"


def jupyter(*cells: str, language: str = "python", **more: Any) -> str:
    """A notebook as Jupyter writes it, with what a person's run leaves in it."""
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": number + 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["ran\n"]}],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(cells)
    ]
    metadata = {"language_info": {"name": language}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    document = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5, **more}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def sources(document: bytes) -> list[str]:
    """The cells of an .ipynb."""
    return ["".join(cell["source"]) for cell in json.loads(document)["cells"]]


def answer(status: int, code: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    """A fault's action: this answer instead of the right one."""
    return {"kind": "answer", "status": status, "error_code": code, "message": message, **more}


def rule(endpoint: str, action: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"endpoint": endpoint, "action": action, **more}


def edits(*wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A fault's action: another person edits at that very moment."""
    return {"kind": "edit", "edits": list(wanted)}


_connections: dict[tuple[str, int], http.client.HTTPConnection] = {}
_records: Counter[str] = Counter()  # how many each workspace has begun of what it is asked


@dataclass(frozen=True)
class Workspace:
    """One embedded workspace, as tests talk to it: by HTTP alone."""

    host: str
    token: str

    def ask(self, method: str, url: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of an answer; over one connection for each thread."""
        place = self.host, threading.get_ident()
        sent = None if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            address = urlsplit(self.host)
            connection = _connections.setdefault(
                place, http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)
            )
            try:
                connection.request(method, url, sent, {"Authorization": f"Bearer {self.token}"})
                answered = connection.getresponse()
                return answered.status, answered.read()
            except (OSError, http.client.HTTPException):
                _connections.pop(place).close()  # the server has closed it, idle
                if attempt == 2:
                    raise
        raise AssertionError

    def control(self, name: str, body: Any = None, method: str = "POST") -> Any:
        status, told = self.ask(method, f"/api/local/{name}", body)
        assert status == 200, told
        return json.loads(told)

    def set(self, **settings: Any) -> None:
        self.control("settings", settings)

    def renew(self, **settings: Any) -> None:
        """As a server starts, with these settings: empty, well-behaved, its records empty."""
        self.control("reset")
        self.set(**{**asdict(ServerSettings()), **settings})

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """These mishaps from now on, instead of those before."""
        self.control("faults", list(rules))

    def struck(self) -> list[int]:
        """How often each fault has struck."""
        return [one["struck"] for one in self.control("faults", method="GET")["faults"]]

    def forbid(self, path: str, access: str | None) -> None:
        self.control("permissions", {"path": path, "access": access})

    def clock(self, **how: Any) -> None:
        self.control("clock", how)

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("requests", method="GET")["requests"]
        return [one for one in found if one["endpoint"].startswith("/api/2.0/")]

    def forget(self) -> None:
        _records[self.host] += 1
        self.control("requests", method="DELETE")

    @property
    def record(self) -> int:
        """The number of the record that `requests` tells of: each `forget` begins another."""
        return _records[self.host]


@dataclass(frozen=True)
class Person:
    """Somebody who works in the workspace; names are relative to their folder."""

    workspace: Workspace
    folder: str = f"{HOME}/main"

    def at(self, folder: str) -> Person:
        return Person(self.workspace, folder)

    def change(self, name: str, **what: Any) -> dict[str, Any]:
        """An edit that is yet to happen, for a fault."""
        return {"path": f"{self.folder}/{name}", **what}

    def do(self, name: str, **what: Any) -> None:
        self.workspace.control("edit", self.change(name, **what))

    def edit(self, name: str, *cells: str, language: str = "python", **more: Any) -> None:
        """Saves a notebook in the browser."""
        self.do(name, source=notebook(*cells, language=language), language=language.upper(), **more)

    def put(self, name: str, content: bytes | str = b"", object_type: str = "FILE") -> None:
        raw = content.encode() if isinstance(content, str) else content
        self.do(name, content=base64.b64encode(raw).decode(), object_type=object_type)

    def delete(self, name: str = "") -> None:
        self.workspace.control("edit", {"path": f"{self.folder}/{name}".rstrip("/"), "delete": True})

    def tree(self) -> dict[str, str]:
        """Everything in the folder: name -> type."""
        return {name: told["object_type"] for name, told in self.details().items()}

    def details(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        waiting = [self.folder]
        while waiting:
            folder = waiting.pop()
            status, told = self.workspace.ask("GET", f"/api/2.0/workspace/list?{urlencode({'path': folder})}")
            for one in json.loads(told).get("objects", []) if status == 200 else []:
                found[one["path"][len(self.folder) + 1 :]] = one
                if one["object_type"] == "DIRECTORY":
                    waiting.append(one["path"])
        return found

    def names(self) -> set[str]:
        """The notebooks and files in the folder."""
        return {name for name, kind in self.tree().items() if kind != "DIRECTORY"}

    def read(self, name: str, form: str = "SOURCE") -> bytes:
        query = urlencode({"path": f"{self.folder}/{name}", "format": form, "direct_download": "true"})
        status, raw = self.workspace.ask("GET", f"/api/2.0/workspace/export?{query}")
        assert status == 200, raw
        return raw

    def file(self, name: str) -> bytes:
        return self.read(name, "AUTO")

    def resave(self, name: str) -> None:
        """Opens a notebook and saves it as it is, which makes the editor write it its own way."""
        self.do(name, source=self.read(name).decode())


@dataclass(frozen=True)
class Ran:
    """One run of a command, and what the workspace was asked meanwhile."""

    code: int
    out: str
    err: str
    workspace: Workspace | None = None
    record: int = 0  # where the workspace has noted it

    @cached_property
    def requests(self) -> list[dict[str, Any]]:
        """To be looked at before the next run begins: few tests want them, so that nobody keeps them."""
        assert self.workspace and self.workspace.record == self.record, "another run has begun since"
        return self.workspace.requests()

    @property
    def said(self) -> str:
        return self.out + self.err

    @cached_property
    def writes(self) -> list[tuple[str, str]]:
        """The writing requests: what was done to which object."""
        return [(one["endpoint"].rpartition("/")[2], one["object"]) for one in self.requests if one["method"] == "POST"]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """The writing requests that are not about the tool's own notes beside the folder."""
        return [(verb, path) for verb, path in self.writes if "/.databricks_sync" not in path]

    def imports(self, name: str) -> int:
        return sum(1 for verb, path in self.carried if verb == "import" and path.endswith(f"/{name}"))

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def all(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    @property
    def summary(self) -> dict[str, Any]:
        return self.all("summary")[-1]

    @property
    def actions(self) -> dict[str, str]:
        """What was planned: key -> action."""
        return {one["key"]: one["action"] for one in self.all("plan")}


def called(main: Callable[[], object], typed: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
    """A command in this process, as if it were one of its own: its exit code, and what it said on both streams."""
    out, err = _stream(), _stream()
    code = _ended(main, typed, cwd, env, out, err)
    return code, _text(out), _text(err)


def shown(main: Callable[[], object], typed: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """The same as on a screen, which has one stream."""
    screen = _stream()
    code = _ended(main, typed, cwd, env, screen, screen)
    return code, _text(screen)


def _ended(
    main: Callable[[], object], typed: list[str], cwd: Path, env: Mapping[str, str], out: TextIO, err: TextIO
) -> int:
    environ, here, argv = dict(os.environ), Path.cwd(), sys.argv
    try:
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        sys.argv = typed
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = argv
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environ)
    return 0


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined,no-any-return]


@dataclass
class Project:
    """A git work tree and the commands as somebody types them in it, in an environment of their own."""

    root: Path
    home: Path
    workspace: Workspace

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "DATABRICKS_HOST": self.workspace.host,
            "DATABRICKS_TOKEN": self.workspace.token,
            **{name: os.environ[name] for name in ("SYSTEMROOT", "USERPROFILE", "PYTHONPATH") if name in os.environ},
        }

    # --- files ----------------------------------------------------------------------------------------------

    def write(self, path: str, content: str | bytes) -> Path:
        where = self.root / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content.encode() if isinstance(content, str) else content)
        return where

    def notebook(self, path: str, *cells: str, language: str = "python") -> Path:
        return self.write(path, notebook(*cells, language=language))

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def text(self, path: str) -> str:
        return self.read(path).decode()

    def remove(self, *paths: str) -> None:
        for path in paths:
            (self.root / path).unlink()

    def files(self, folder: str = "notebooks") -> dict[str, bytes]:
        """All files of a folder: path relative to it -> content."""
        top = self.root / folder
        return {one.relative_to(top).as_posix(): one.read_bytes() for one in sorted(top.rglob("*")) if one.is_file()}

    def names(self) -> set[str]:
        return set(self.files())

    def carried(self) -> dict[str, bytes]:
        """All files of the project but git's own."""
        return {name: raw for name, raw in self.files(".").items() if not name.startswith(".git/")}

    def everything(self) -> dict[str, bytes]:
        """All files of the project, git's and the tool's state among them."""
        return self.files(".")

    def state(self) -> dict[str, bytes]:
        return self.files(".git/databricks_sync")

    def backups(self) -> list[bytes]:
        """The contents of all backups."""
        return [raw for name, raw in self.state().items() if re.search(r"backups/[^/]+/\d+$", name)]

    # --- git ------------------------------------------------------------------------------------------------

    def git(self, *arguments: str, check: bool = True) -> str:
        said = subprocess.run(
            ["git", "-c", "user.name=Me", "-c", "user.email=me@example.com", *arguments],
            cwd=self.root, env=self.env, capture_output=True, text=True, check=check,
        )  # fmt: skip
        return said.stdout.strip()

    def commit(self, message: str = "work") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def set_origin(self, address: str = "") -> None:
        """Where it was cloned from, in place of what all these projects have; "" for nowhere."""
        self.git("remote", "remove", "origin")
        if address:
            self.git("remote", "add", "origin", address)

    def clone(self, name: str = "clone") -> Project:
        """The same work tree on another machine: without any memory of a sync."""
        self.commit()
        self.git("clone", "-q", str(self.root), str(self.home / name))
        cloned = Project(self.home / name, self.home, self.workspace)
        if origin := self.git("config", "remote.origin.url", check=False):
            cloned.git("config", "remote.origin.url", origin)
        return cloned

    # --- the commands ---------------------------------------------------------------------------------------

    def start(
        self, command: str, *arguments: str, cwd: Path | None = None, env: Mapping[str, str | None] | None = None,
        within: Sequence[str] = (), **how: Any,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Begins a command; `env` adds variables, or (None) takes them away, `within` is a program to run it in."""
        merged = self._environment(env)
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **how}
        typed = [*within, sys.executable, "-m", f"databricks_sync.{command}", *arguments]
        return subprocess.Popen(typed, cwd=cwd or self.root, env=merged, **how)

    def forked(
        self, command: str, *arguments: str, out: Path, err: Path, cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None, module: str = "",
    ) -> Forked:  # fmt: skip
        """The same in a process that has imported it already, and waits for `begin`; `module`: what runs it."""
        typed = [command, *arguments]
        module = module or f"databricks_sync.{command}"
        return Forked(module, typed, cwd or self.root, self._environment(env), out, err)

    def finish(self, process: subprocess.Popen[bytes]) -> Ran:
        """What the command said in the end: in sentences, and never its secret."""
        out, err = process.communicate(timeout=600)
        ran = Ran(process.returncode, out.decode(), err.decode(), self.workspace, self.workspace.record)
        return self._checked(ran, process.returncode, "", ())

    def run(self, command: str, *arguments: str, code: int | tuple[int, ...] = 0, **how: Any) -> Ran:
        """A command as a process, from its start to its end, which is to be `code`."""
        self.workspace.forget()
        return self._checked(self.finish(self.start(command, *arguments, **how)), code, command, arguments)

    def push(self, *arguments: str, code: int | tuple[int, ...] = 0, **how: Any) -> Ran:
        return self.quick("to_databricks", *arguments, code=code, **how)

    def pull(self, *arguments: str, code: int | tuple[int, ...] = 0, **how: Any) -> Ran:
        return self.quick("from_databricks", *arguments, code=code, **how)

    def at_rest(self) -> None:
        """Both commands find nothing to do, and write nothing."""
        before = self.carried()
        for command in ("to_databricks", "from_databricks"):
            ran = self.quick(command)
            assert "nothing to do" in ran.out and not ran.writes, ran.said
        assert self.carried() == before

    def quick(
        self,
        command: str,
        *arguments: str,
        code: int | tuple[int, ...] = 0,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """The same as `run`, in this process."""
        self.workspace.forget()
        main = importlib.import_module(f"databricks_sync.{command}").main
        ended, out, err = called(main, [command, *arguments], cwd or self.root, self._environment(env))
        return self._checked(Ran(ended, out, err, self.workspace, self.workspace.record), code, command, arguments)

    def _environment(self, env: Mapping[str, str | None] | None) -> dict[str, str]:
        return {name: value for name, value in {**self.env, **(env or {})}.items() if value is not None}

    def _checked(self, ran: Ran, code: int | tuple[int, ...], command: str, arguments: tuple[str, ...]) -> Ran:
        for text in (ran.out, ran.err):
            assert "Traceback" not in text and "Something unexpected" not in text, ran.said + self._logged()
            assert self.workspace.token not in text
        expected = (code,) if isinstance(code, int) else code
        assert ran.code in expected, f"{command} {' '.join(arguments)}: exit {ran.code}, not {code}\n{ran.said}"
        return ran

    def _logged(self) -> str:
        """What the tool wrote down about a mishap nobody expected."""
        return "\n".join(one.read_text() for one in (self.home / "tmp").glob("databricks_sync-*.log"))

    def secrets(self) -> list[Path]:
        """Files that hold the token, other than where a person writes it: state, logs, notebooks."""
        token, found = self.workspace.token.encode(), []
        for folder, below, names in (step for top in (self.root, self.home / "tmp") for step in os.walk(top)):
            if folder.endswith(f"{os.sep}.git"):
                below[:] = {*below} - {"objects"}  # which are packed
            places = [Path(folder, name) for name in names if name != ".env"]
            found += [place for place in places if place.is_file() and token in place.read_bytes()]
        return found


def until(true: Callable[[], object], seconds: float = 180.0) -> None:
    """Waits for what another process is about to do."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(pause)
        pause = min(1.2 * pause, 0.05)  # whoever is asked has work to do
