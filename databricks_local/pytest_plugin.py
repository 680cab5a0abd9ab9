"""The plug-in for pytest: a workspace for each test, and notebooks that run in it (docs/testing-notebooks.md).

Every pytest of an environment loads this module, so that it imports nothing of ours until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .embedded import Running
    from .testing import DatabricksWorkspace, Notebook


@pytest.fixture(scope="session")
def _databricks_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from .embedded import RefusedError, running

    try:
        with running(tmp_path_factory.mktemp("databricks") / "workspace") as server:
            yield server
    except RefusedError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def databricks_workspace(
    _databricks_server: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabricksWorkspace]:
    """A Databricks workspace on this machine, empty for each test: `host`, `token`, and `client` of databricks-sdk.

    During the test the environment leads to it, and to no other workspace.
    """
    from .testing import emptied

    with emptied(_databricks_server, tmp_path_factory.getbasetemp() / "tables") as workspace:
        yield workspace


@pytest.fixture
def notebook(
    databricks_workspace: DatabricksWorkspace, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Notebook:
    """Runs a notebook of the project: `run = notebook("notebooks/load.py", widgets={"day": "2026-11-29"})`.

    `run` has `result`, `names`, `displays` and `error`; see `databricks_local.testing.Notebook`.
    """
    from .testing import Notebook

    return Notebook(request.config.rootpath, databricks_workspace, lambda: tmp_path_factory.mktemp("notebook"))
