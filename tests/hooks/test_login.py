"""MLflow logs in as the other commands do, through this process's environment."""

from __future__ import annotations

import os

import pytest

from databricks_sync.model import Login
from mlflow_hooks.run.tracking import log_in

HOST = "https://one.example.com"
OTHERS = {"DATABRICKS_HOST": "https://two.example.com", "DATABRICKS_TOKEN": "of-two", "ARM_CLIENT_SECRET": "of-two"}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    made = dict(OTHERS)
    monkeypatch.setattr(os, "environ", made)
    return made


@pytest.mark.parametrize(
    ("login", "uri", "expected"),
    [
        (Login(HOST, profile="p"), "databricks://p", {}),
        (Login(HOST, "of-one"), "databricks", {"DATABRICKS_TOKEN": "of-one"}),
        (Login(HOST, variables={"ARM_CLIENT_ID": "one"}), "databricks", {"ARM_CLIENT_ID": "one"}),
    ],
    ids=["profile", "token", "variables"],
)
def test_no_other_host_s_credential(environ: dict[str, str], login: Login, uri: str, expected: dict[str, str]) -> None:
    """MLflow finds the host that was chosen, and no credential of the environment that is for another."""
    withheld = frozenset(OTHERS) - {"DATABRICKS_HOST"}
    assert log_in(Login(login.host, login.token, login.profile, login.variables, withheld)) == uri
    found = {name: value for name, value in environ.items() if name.startswith(("DATABRICKS_", "ARM_"))}
    assert found == {"DATABRICKS_HOST": HOST, **expected}
