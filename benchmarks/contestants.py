"""Who is measured, and what each is told to do: a row for each tool. Nobody is told to do less than the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .peers import DBX, LEGACY, SDK, THIS, Peer, go_cli

HOME = "/Users/me@example.com"
_CLIENTS = Path(__file__).parent / "clients"
OURS = "this tool"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contestant works: a project to push, one to pull into, a folder of its own in the workspace."""

    project: Path
    clone: Path
    branch: str
    home: Path
    host: str
    token: str

    @property
    def target(self) -> str:
        return f"{HOME}/{self.branch}"

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """Nothing of this machine but the PATH: no proxy, no profile, no settings of the person at it."""
        login = {"DATABRICKS_HOST": self.host, "DATABRICKS_TOKEN": self.token}
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        return {**kept, **login, **more}


Command = Callable[[Place], list[str]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tool: its commands, each run in the project or the clone; None for what it cannot do.

    `start` does nothing but start: it shows the help or, for a library, imports it.
    """

    name: str
    start: Command
    push: Command
    pull: Command | None = None
    peer: Peer | None = None  # whose environment it is in
    environ: Mapping[str, str] = field(default_factory=dict)
    release: str = ""  # of a program that is in none

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-").replace(",", "")

    @property
    def version(self) -> str:
        """Of what is installed."""
        return self.peer.version if self.peer else self.release


def _legacy(place: Place, *arguments: str) -> list[str]:
    return [str(LEGACY.python), str(_CLIENTS / "legacy_cli.py"), "workspace", *arguments]


def _dbx(place: Place) -> list[str]:
    # Without `--profile=` it would not look at DATABRICKS_HOST.
    options = ["--profile=", "--no-watch", "--source", str(place.project / "notebooks"), "--dest-dir", place.branch]
    return [str(DBX.program("dbx")), "sync", "workspace", *options]


def _sdk(threads: int) -> Contestant:
    name = f"SDK, {threads} threads" if threads > 1 else "SDK, one by one"

    def typed(what: str, folder: Path, place: Place) -> list[str]:
        return [str(SDK.python), str(_CLIENTS / "sdk_tool.py"), what, str(folder), place.target, str(threads)]

    return Contestant(
        name,
        lambda _: [str(SDK.python), "-c", "import databricks.sdk"],
        lambda place: typed("push", place.project / "notebooks", place),
        lambda place: typed("pull", place.clone / "notebooks", place),
        SDK,
    )


def contestants() -> list[Contestant]:
    """This tool first, then every peer that can be had here."""
    there = [
        Contestant(
            OURS,
            lambda _: [str(THIS.program("to_databricks")), "--help"],
            lambda place: [str(THIS.program("to_databricks")), "--target", place.target],
            lambda place: [str(THIS.program("from_databricks")), "--target", place.target],
            THIS,
        ),
        Contestant(
            "databricks-cli",
            lambda place: _legacy(place, "--help"),
            lambda place: _legacy(place, "import_dir", "-o", str(place.project / "notebooks"), place.target),
            lambda place: _legacy(place, "export_dir", "-o", place.target, str(place.clone / "notebooks")),
            LEGACY,
            {"DATABRICKS_CLI_DO_NOT_EXECUTE_NEWER_VERSION": "1"},
        ),
        Contestant("dbx", lambda _: [str(DBX.program("dbx")), "sync", "workspace", "--help"], _dbx, None, DBX),
        _sdk(1),
        _sdk(20),
        _sdk(50),
    ]
    if official := go_cli():
        program, release = official
        there.append(
            Contestant(
                "databricks (Go)",
                lambda _: [program, "sync", "--help"],
                lambda place: [program, "sync", str(place.project / "notebooks"), place.target],
                lambda place: [
                    *(program, "workspace", "export-dir", "--overwrite"),
                    *(place.target, str(place.clone / "notebooks")),
                ],
                release=release,
            )
        )
    return there
