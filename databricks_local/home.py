"""The folder a workspace lives in: its database, its token, who serves it. Only one server at a time."""

from __future__ import annotations

import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from databricks_sync import shell

DATABASE = "workspace.sqlite"
MARKER = "databricks_local.json"
OWN = (MARKER, DATABASE, "token", "server.")


def default_folder() -> Path:
    """The folder of the workspace where nobody named one."""
    named = os.environ.get("DATABRICKS_LOCAL_DIR")
    return Path(named) if named else Path.home() / ".databricks_local"


REFUSED = 2  # how the command ends then


class RefusedError(Exception):
    """What cannot be done, and the next step, in one sentence each."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.message = message
        self.hint = hint


class TakenError(RefusedError):
    """Another server holds the folder."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """What a running server says about itself in `server.json`."""

    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Home:
    """`folder` need not exist yet: `claim` makes it."""

    folder: Path

    @property
    def database(self) -> Path:
        """The file of the workspace's objects."""
        return self.folder / DATABASE

    def claim(self) -> None:
        """Makes the folder ours; refuses one that is somebody else's."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_private()
            ours = (self.folder / MARKER).exists()
            # RACE: another one of us may be settling here this moment: what is his is not foreign.
            if not ours and any(not file.name.startswith(OWN) for file in self.folder.iterdir()):
                raise RefusedError(
                    f"{self.folder} contains other files, so it cannot hold a local workspace.",
                    "Choose an empty or new folder with --dir.",
                )
            if not ours:
                (self.folder / MARKER).write_text('{"format": 1}\n', encoding="utf-8")
        except OSError as error:
            raise _unusable(self.folder, error) from None

    def _check_private(self) -> None:
        """As ssh does: who may write here could have put a database, a program to run or a link here."""
        if sys.platform == "win32":
            return
        status = self.folder.stat()
        if status.st_uid not in (0, os.geteuid()):
            raise RefusedError(
                f"{self.folder} belongs to another user, who could change what the workspace holds and runs.",
                "Choose a folder of your own with --dir.",
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise RefusedError(
                f"Others may write to {self.folder}, and so could change what the workspace holds and runs.",
                f"Type: chmod go-w {shell.path(str(self.folder))}",
            )

    def option(self) -> str:
        """The option that names this folder in a command, with a blank before it; "" where none has to."""
        return "" if self.folder == default_folder().absolute() else shell.option("dir", str(self.folder))

    def is_claimed(self) -> bool:
        """Whether the folder holds a local workspace."""
        return (self.folder / MARKER).is_file()

    def token(self, replacement: str | None) -> str:
        """The folder's token, made once; `replacement` replaces it. Readable by its owner only.

        Raises RefusedError for one that no header can carry.
        """
        if replacement is not None and not (
            replacement.isascii() and replacement.isprintable() and " " not in replacement
        ):
            raise RefusedError(
                "A token may contain only ASCII letters, digits and signs, without spaces.", "Choose another one."
            )
        stored = self.known_token()
        if replacement is None and stored:
            return stored
        token = replacement or f"dapi{secrets.token_hex(16)}"
        _write_private(self.folder / "token", token + "\n")
        return token

    def known_token(self) -> str | None:
        """The folder's token, if there is one already."""
        with suppress(OSError):
            return (self.folder / "token").read_text(encoding="ascii").strip() or None
        return None

    def announce(self, served: ServerAddress) -> None:
        """Tells other programs where the server is, for as long as it runs."""
        _write_private(self.folder / "server.json", json.dumps({"host": served.host, "pid": served.pid}))

    def withdraw(self) -> None:
        """The server is ending."""
        with suppress(OSError):
            (self.folder / "server.json").unlink()

    def announced(self) -> ServerAddress | None:
        """What the file says: whether that server still lives is another question."""
        try:
            document = json.loads((self.folder / "server.json").read_text(encoding="utf-8"))
            return ServerAddress(str(document["host"]), int(document["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The operating system's lock: it ends with the process, however that ends. Raises TakenError, RefusedError."""
        try:
            file = (self.folder / "server.lock").open("a+b")
        except OSError as error:
            raise _unusable(self.folder, error) from None
        with file:
            if not _lock(file):
                raise TakenError(
                    f"A server is already running for {self.folder}.",
                    f"Type `databricks_local status{self.option()}` to see where, or choose another folder with --dir.",
                )
            yield

    def is_locked(self) -> bool:
        """Whether a server runs over the folder, of whatever process."""
        if not self.is_claimed():
            return False
        try:
            with self.locked():
                return False
        except TakenError:
            return True


def _unusable(folder: Path, error: OSError) -> RefusedError:
    return RefusedError(f"{folder} cannot be used: {error.strerror}.", "Choose another folder with --dir.")


def _write_private(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    temporary.replace(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
