"""A `.env` file: its values as they are written, and what it may say when somebody else may have written it."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import UNTRACK, typed

if TYPE_CHECKING:
    from dotenv.parser import Original

NAME = ".env"
_LARGEST = 1_000_000  # bytes
_LOGIN = ("DATABRICKS_", "ARM_", "GOOGLE_CREDENTIALS")
# What is carried and where to, and what neither this tool nor a login reads.
_HARMLESS = frozenset(
    {"DATABRICKS_USER", "DATABRICKS_CLUSTER_ID", "DATABRICKS_WAREHOUSE_ID", "DATABRICKS_SERVERLESS_COMPUTE_ID"}
)
_OF_ONE_PROJECT = ("NOTEBOOK_FOLDER", "PROJECT_FOLDER")
_OURS = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?['\"]?"
    r"(?:NOTEBOOK_FOLDER|PROJECT_FOLDER|BACKUP_DAYS|MLFLOW_TRACKING_URI|DATABRICKS_\w+|ARM_\w+)['\"]?[ \t]*="
)


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The variables of a `.env`; what is about a login, or starts something, only through `login` and `own`."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def login(self, overridden: Mapping[str, str], tracks: Callable[[Path], bool]) -> dict[str, str]:
        """What it says of logging in, but for what is `overridden`.

        Raises SettingsError where git tracks the file or it is another user's: then somebody else chose the host that
        gets a credential, or the program that is started. `tracks` is asked only where there is such a variable.
        """
        values = {name: value for name, value in self.values.items() if is_login(name) and value.strip()}
        values = {name: value for name, value in values.items() if not overridden.get(name, "").strip()}
        self._require([name for name in values if not _names_this_machine(name, values[name])], tracks)
        return values

    def shared(self) -> Dotenv:
        """What it says to another project than its own: who somebody is, but not what is carried."""
        values = {name: value for name, value in self.values.items() if name not in _OF_ONE_PROJECT}
        return Dotenv(self.path, values)

    def own(self, name: str, tracks: Callable[[Path], bool]) -> str:
        """One such variable, "" where there is none. Raises SettingsError as `login` does."""
        value = self.values.get(name, "").strip()
        self._require([name] if value else [], tracks)
        return value

    def _require(self, names: list[str], tracks: Callable[[Path], bool]) -> None:
        if not names:
            return
        why, remedy = self._foreign(tracks)
        if why:
            listed = " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
            raise SettingsError(
                f"{printable(str(self.path))} {why}, so it may not set {listed}.",
                f"{remedy}; or set {'it' if len(names) == 1 else 'them'} in the environment.",
            )

    def _foreign(self, tracks: Callable[[Path], bool]) -> tuple[str, str]:
        """Why its word on a login does not count and what to do about it; ("", "") where it does."""
        target = Path(os.path.realpath(self.path))
        for file in (self.path, target):
            if not _belongs_to_us(file):
                return "belongs to another user", "Replace it with a copy of your own, if you trust it"
        if tracks(self.path):
            return (
                "is tracked by git, where others can change it",
                f"Type `{typed(UNTRACK, self.path.parent, self.path.name)}` and add it to .gitignore",
            )
        if self.path.is_symlink() and tracks(target):  # git may hold another name for it, and others write to that
            return "is a link to a file that is tracked by git", "Replace the link with a copy of that file"
        return "", ""


def is_login(name: str) -> bool:
    """Whether a variable says where or how to log in, or what is started for it."""
    return name.startswith(_LOGIN) and name not in _HARMLESS


def read(path: Path) -> Dotenv:
    """A `.env` file, empty where there is none. Raises SettingsError naming the line it stumbles on.

    Nothing is replaced in a value: `${GITHUB_TOKEN}` would put one secret in the place of another.
    """
    try:
        text = text_of(path)
    except FileNotFoundError:
        return Dotenv(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({reason(error)}).", "Save it as UTF-8 text.") from None

    from dotenv.parser import parse_stream  # five milliseconds, for those who have such a file

    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(
                f"{path}, line {_line(binding.original)}: this is not NAME=value.",
                "Correct that line; put quotes around a value with spaces or #.",
            )
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return Dotenv(path, values)


def without_login(text: str) -> tuple[str, list[str]]:
    """The text of a sample with what it says of a login commented out, and the names of that. Pure.

    A sample came with the repository, and what is made of it is the user's own.
    """
    from dotenv.parser import parse_stream

    parts, names = [], []
    for binding in parse_stream(io.StringIO(text)):
        name, value, part = binding.key or "", binding.value or "", binding.original.string
        if is_login(name) and value.strip() and not _names_this_machine(name, value):
            part = re.sub(r"(?m)^(?=.*\S)", "#", part)
            names.append(name)
        parts.append(part)
    return "".join(parts), list(dict.fromkeys(names))


def speaks_of_us(path: Path) -> bool:
    """Whether there is a file that sets something for this tool, as far as it can be read: others have a `.env` too."""
    if not os.path.isfile(path):  # noqa: PTH113 (where one may not look, there is none)
        return False
    try:
        return bool(_OURS.search(text_of(path)))
    except (OSError, UnicodeDecodeError):
        return True


def text_of(path: Path) -> str:
    """The text of a regular file of a size that settings may have: a link to a device would be read for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if status.st_size > _LARGEST:
        raise OSError(errno.EFBIG, "it is too large")
    return path.read_text(encoding="utf-8-sig")


def _names_this_machine(name: str, value: str) -> bool:
    """Whether it only says `local`: the workspace on this machine has a token of its own, and gets no other."""
    return name == "DATABRICKS_HOST" and value.strip().lower() == "local"


def _belongs_to_us(file: Path) -> bool:
    if sys.platform == "win32":
        return True
    trusted = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():  # as git judges the owner of a repository
        trusted.add(int(os.environ["SUDO_UID"]))
    return file.lstat().st_uid in trusted


def _line(original: Original) -> int:
    """The line something begins on; the parser counts the blank lines before it as a part of it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def reason(error: Exception) -> str:
    """Why a file of settings cannot be read, for people."""
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"
