from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from databricks_local.core.settings import ServerSettings
from databricks_local.embedded import Running

from .client import Local
from .work_fixtures import client_environment, work, work_server  # noqa: F401


@pytest.fixture(scope="session")
def server(embedded: Running) -> Local:
    """The workspace, as these tests talk to it."""
    return Local(embedded.host, embedded.token)


@pytest.fixture
def local(server: Local) -> Local:
    """That server, empty and well-behaved."""
    server.control("settings", asdict(ServerSettings()))
    server.control("reset")
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a server of one's own."""
    return tmp_path / "own"
