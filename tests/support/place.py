"""A person's settings in a place of their own: a project folder with its .env, a home, an environment and options."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from databricks_sync.cli.project import find
from databricks_sync.cli.settings import load
from databricks_sync.errors import SettingsError
from databricks_sync.model import Settings

HOST = "https://adb-1.7.azuredatabricks.net"
OTHER = "https://other.cloud.databricks.com"
SECRET = "dapi0123456789abcdef"


class Place:
    """A project folder with its .env, a home with its profiles, an environment and options."""

    def __init__(self, root: Path) -> None:
        self.project = root / "project"
        self.home = root / "home"
        self.project.mkdir()
        self.home.mkdir()
        self.environ = {"HOME": str(self.home)}
        self.tracked: set[Path] = set()
        self.asked: list[Path] = []  # of which files it was asked whether git tracks them

    def dotenv(self, text: str) -> Place:
        (self.project / ".env").write_text(text, encoding="utf-8")
        return self

    def committed(self, text: str, name: str = "databricks_sync.toml") -> Place:
        (self.project / name).write_text(text, encoding="utf-8")
        return self

    def profiles(self, text: str) -> Place:
        (self.home / ".databrickscfg").write_text(text, encoding="utf-8")
        return self

    def load(self, environ: dict[str, str] | None = None, **options: str) -> Settings:
        merged = self.environ | (environ or {})
        return load(options, merged, find(merged, self.project), self.tracks)

    def tracks(self, file: Path) -> bool:
        self.asked.append(file)
        return file in self.tracked

    def refused(self, environ: dict[str, str] | None = None, **options: str) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            self.load(environ, **options)
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert SECRET not in told and caught.value.exit_code == 2
        return caught.value


def to(host: str, **more: str) -> dict[str, str]:
    return {"DATABRICKS_HOST": host, **more}
