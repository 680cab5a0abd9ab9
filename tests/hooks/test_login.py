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


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (Login(HOST, "of-one"), "false"),
        (Login(HOST, "of-one", workspace_id="7"), None),
        (Login(HOST, profile="p"), None),
        (Login(HOST, variables={"ARM_CLIENT_ID": "one"}), None),
    ],
    ids=["token", "one of many workspaces", "profile", "variables"],
)
def test_a_token_needs_no_sdk(environ: dict[str, str], login: Login, expected: str | None) -> None:
    """With a plain token MLflow need not import databricks-sdk, which asks the host about itself at each request."""
    log_in(login)
    assert environ.get("MLFLOW_ENABLE_DB_SDK") == expected


def test_whoever_wants_the_sdk_has_it(environ: dict[str, str]) -> None:
    """What somebody has said of it stays."""
    environ["MLFLOW_ENABLE_DB_SDK"] = "true"
    log_in(Login(HOST, "of-one"))
    assert environ["MLFLOW_ENABLE_DB_SDK"] == "true"
