"""One server for DBFS, jobs, runs and MLflow. MLflow takes seconds to start, and databricks-sdk one to import: who uses
them is in the group `sdk`, which one worker has, and imports databricks-sdk in the test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from databricks_local.embedded import running

from .client import Local
from .work import Work, mapped


@pytest.fixture(scope="session")
def work_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """A server whose git finds https addresses in a folder, and which has nothing to complain about at its end."""
    folder, repositories = tmp_path_factory.mktemp("work") / "workspace", tmp_path_factory.mktemp("repositories")
    before = dict(os.environ)
    os.environ.update(mapped(repositories), AWS_SECRET_ACCESS_KEY="of whoever started the server")
    try:
        with running(folder) as there:
            os.environ.clear()
            os.environ.update(before)
            yield Work(Local(there.host, there.token), folder, repositories)
    finally:
        os.environ.clear()
        os.environ.update(before)
    log = folder / "server.log"
    assert not log.exists(), log.read_text()


@pytest.fixture
def work(work_server: Work) -> Work:
    """That server without faults and overrides, settings as they are at the start; what others made is still there."""
    from dataclasses import asdict

    from databricks_local.core.settings import ServerSettings

    work_server.api.control("settings", {**asdict(ServerSettings()), "cancel_grace_s": 1.0})
    work_server.api.control("faults", method="DELETE")
    work_server.api.control("run-states", method="DELETE")
    return work_server


@pytest.fixture
def client_environment(work: Work, tmp_path: Path) -> dict[str, str]:
    """What somebody's own machine has: the workspace's address and token, a home with nothing in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DATABRICKS_"))}
    home = tmp_path / "home"
    home.mkdir()
    return {
        **kept,
        **mapped(work.repositories),
        "HOME": str(home),
        "DATABRICKS_HOST": work.api.host,
        "DATABRICKS_TOKEN": work.api.token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": work.api.host,
        "MLFLOW_TRACKING_TOKEN": work.api.token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
