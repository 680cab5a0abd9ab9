"""What a project commits of its settings: `databricks_sync.toml`, or `[tool.databricks_sync]` in `pyproject.toml`.

Whoever can commit writes it. So it says what is carried and where to, and nothing else: not how to log in, not which
host gets a credential, not what is started. A named target may say which workspace it is in; among the logins that a
person has, that is a choice (login.py), and never a reason to send one of them there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from databricks_sync.errors import SettingsError, near, printable
from databricks_sync.model import Patterns
from databricks_sync.rules.patterns import flaw
from databricks_sync.rules.target import pattern_flaw

from .dotenv_file import reason, text_of

NAME = "databricks_sync.toml"
SHARED = "pyproject.toml"
_TABLE = "tool.databricks_sync"
_OURS = re.compile(r"databricks_sync[\"']?\s*[].=]")  # the name of a table, or of a key
KEYS = ("folders", "target", "include", "exclude", "targets")
TARGET_KEYS = ("host", "target", "mirror")
_LOGIN = re.compile(r"host|profile|.*(token|secret|password|credential|client_id|auth|user|account|tenant).*", re.I)
_TYPES = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "an array", dict: "a table"}


class NamedTarget(NamedTuple):
    """A target that is chosen with `--to`. `host` is "" where it is in the workspace of everyday."""

    name: str
    host: str = ""
    target: str = ""  # its pattern, "" for that of the project
    mirror: bool = False


class ProjectFile(NamedTuple):
    """The settings in the file at `path`; None where the project has none."""

    path: Path | None = None
    folders: tuple[str, ...] = ()
    target: str = ""
    patterns: Patterns = Patterns()
    targets: Mapping[str, NamedTarget] = MappingProxyType({})

    def chosen(self, name: str) -> NamedTarget:
        """The target of this name. Raises SettingsError."""
        if name in self.targets:
            return self.targets[name]
        table = f"[targets.{name}]" if re.fullmatch(r"[\w-]+", name, re.ASCII) else "[targets.NAME]"
        if self.path is None:
            raise SettingsError(
                f"--to names the target {printable(name)}, but this project has no {NAME}.",
                f"Write it, with a table {table}; `to_databricks --init` writes one with examples.",
            )
        about = near(printable(name), [*self.targets]) if self.targets else ", which is unknown"
        table = f"[{_TABLE}.{table[1:]}" if self.path.name == SHARED else table
        raise SettingsError(f"--to names the target {printable(name)}{about}.", f"Correct it, or add a table {table}.")


def has_settings(folder: Path) -> bool:
    """Whether a project commits settings in `folder`, sound or not."""
    return os.path.lexists(folder / NAME) or _speaks_of_us(folder / SHARED)


def read(folder: Path) -> ProjectFile:
    """What the project in `folder` commits. Raises SettingsError, which names the file and the key."""
    alone, shared = folder / NAME, folder / SHARED
    files = [*([alone] if os.path.lexists(alone) else ()), *([shared] if _speaks_of_us(shared) else ())]
    if len(files) > 1:
        raise SettingsError(
            f"{printable(str(folder))} has settings in {NAME} and in {SHARED}, and only one of them can be right.",
            f"Keep {NAME}, and remove the tables of {_TABLE} from {SHARED}; or the other way round.",
        )
    return _Table(files[0], _table(files[0])).file() if files else ProjectFile()


def _speaks_of_us(shared: Path) -> bool:
    """Whether `pyproject.toml` has our table; it is parsed only where it has the name."""
    if not os.path.isfile(shared):  # noqa: PTH113 (where one may not look, there is none)
        return False
    try:
        return bool(_OURS.search(text_of(shared))) and _table(shared) is not None
    except (OSError, UnicodeDecodeError):
        return False  # other tools need it more, and say so
    except SettingsError:
        return True


def _table(file: Path) -> object:
    """The settings in a file, None where it has none. Raises SettingsError for what is not TOML."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        document = tomllib.loads(text_of(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({reason(error)}).", "Save it as UTF-8 text.") from None
    except (ValueError, RecursionError) as error:  # which says where, and repeats no value
        about = f"{printable(str(file))} cannot be read as TOML: {printable(str(error))}."
        raise SettingsError(about, "Correct that line.") from None
    if file.name == NAME:
        return document
    tools = document.get("tool", {})
    return tools.get("databricks_sync") if isinstance(tools, dict) else None


class _Table:
    """A table of settings, and where it stands."""

    def __init__(self, path: Path, table: object, keys: tuple[str, ...] = KEYS, inside: str = "") -> None:
        self.path = path
        self.inside = inside
        self.table = self._required("", table, dict, "a table")
        for key in self.table:
            if key not in keys:
                raise self._unknown(key, keys)

    def file(self) -> ProjectFile:
        """All of it. Raises SettingsError."""
        targets = {name: self._named(name, table) for name, table in self._value("targets", dict, "a table").items()}
        patterns = Patterns(self._patterns("include"), self._patterns("exclude"))
        return ProjectFile(self.path, self._folders(), self._target(named=False), patterns, targets)

    def _named(self, name: str, table: object) -> NamedTarget:
        inner = _Table(self.path, table, TARGET_KEYS, f"targets.{printable(name)}")
        host = inner._value("host", str, "a string")
        return NamedTarget(name, host, inner._target(named=True), inner._value("mirror", bool, "true or false"))

    def _target(self, *, named: bool) -> str:
        pattern: str = self._value("target", str, "a string")
        if pattern and (what := pattern_flaw(pattern, named=named)):
            raise self._wrong("target", what)
        return pattern

    def _folders(self) -> tuple[str, ...]:
        names = self._strings("folders")
        for name in names:
            if Path(name).anchor or name.startswith("/") or set(name) & set(",\\"):
                raise self._wrong("folders", f"names {name}, which is no folder relative to this file")
        if not names and "folders" in self.table:
            raise self._wrong("folders", "names no folder")
        return names

    def _patterns(self, key: str) -> tuple[str, ...]:
        patterns = self._strings(key)
        for pattern in patterns:
            if what := flaw(pattern):
                raise self._wrong(key, f"has the pattern {pattern!r}, which {what}")
        return patterns

    def _strings(self, key: str) -> tuple[str, ...]:
        """An array of strings without what no name has."""
        strings = self._value(key, list, "an array of strings")
        for string in strings:
            self._required(key, string, str, "an array of strings", "has ")
            if not string.strip() or printable(string) != string:
                raise self._wrong(key, "has a string that is empty, or has a control character")
        return tuple(strings)

    def _value(self, key: str, kind: type, called: str) -> Any:
        """The value of a key, the empty one of its type where there is none."""
        return self._required(key, self.table[key], kind, called) if key in self.table else kind()

    def _required(self, key: str, value: object, kind: type, called: str, but: str = "is ") -> Any:
        if type(value) is kind:
            return value
        raise self._wrong(key, f"must be {called}, but {but}{_TYPES.get(type(value), 'a date or time')}")

    def _wrong(self, key: str, what: str) -> SettingsError:
        name = ".".join(filter(None, (self.inside, key))) or _TABLE
        return SettingsError(f"`{name}` in {printable(str(self.path))} {printable(what)}.", "Correct it.")

    def _unknown(self, key: str, keys: tuple[str, ...]) -> SettingsError:
        """What is said of a key that would log in names no value: it may be a token."""
        name = printable(".".join(filter(None, (self.inside, key))))
        if _LOGIN.fullmatch(key):
            return SettingsError(
                f"{printable(str(self.path))} sets `{name}`, but a file for everybody does not say how to log in.",
                "Remove it, and set it in the environment, in .env or in ~/.databrickscfg.",
            )
        about = near(printable(key), keys)
        return SettingsError(f"{printable(str(self.path))} sets `{name}`{about}.", "Correct or remove it.")
