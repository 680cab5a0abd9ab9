"""Logging in as CI does, through databricks-sdk; that it works is seen in the pipelines."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from support.project import Project, Workspace

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.mark.xdist_group("sdk")
@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABRICKS_AUTH_TYPE": "oauth-m2m", "DATABRICKS_CLIENT_SECRET": "dose-of-nobody"},
        {"DATABRICKS_AUTH_TYPE": "github-oidc"},  # without the permission to ask who one is
    ],
    ids=lambda wrong: wrong["DATABRICKS_AUTH_TYPE"],
)
def test_refused(tmp_path: Path, dev: Workspace, wrong: dict[str, str]) -> None:
    """A login that the workspace does not accept ends the run in a sentence that does not show the secret."""
    project = Project(tmp_path / "project", tmp_path / "home", dev)
    project.git("init", "-q", "-b", "main")
    project.notebook("notebooks/a.py", "print(1)")
    login = {"DATABRICKS_TOKEN": None, "DATABRICKS_CLIENT_ID": "someone", **wrong}
    ran = project.push("--target", "/Shared/master", "--mirror", code=2, env=login)
    assert "No way to log in" in ran.err
    assert "nobody" not in ran.said


@pytest.mark.parametrize(
    ("form", "secret", "status", "error"),
    [
        ({"grant_type": "client_credentials", "scope": "all-apis"}, "{token}", 200, None),
        ({"grant_type": "client_credentials", "scope": "all-apis"}, "other", 401, "invalid_client"),
        ({"grant_type": "client_credentials", "scope": "all-apis"}, "", 401, "invalid_client"),
        ({"grant_type": EXCHANGE, "subject_token": "{token}"}, "", 200, None),
        ({"grant_type": EXCHANGE, "subject_token": "other"}, "{token}", 401, "invalid_client"),
        ({"grant_type": "password"}, "{token}", 400, "unsupported_grant_type"),
    ],
)
def test_token_endpoint(dev: Workspace, form: Mapping[str, str], secret: str, status: int, error: str | None) -> None:
    """The workspace on this machine gives a token for its secret, and for the identity it trusts, and for no other."""
    filled = {name: value.format(token=dev.token) for name, value in form.items()}
    basic = base64.b64encode(f"someone:{secret.format(token=dev.token)}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"} if secret else {}
    asked = Request(f"{dev.host}/oidc/v1/token", urlencode(filled).encode(), headers)
    try:
        with urlopen(asked) as answer:
            code, told = answer.status, json.load(answer)
    except HTTPError as refused:
        code, told = refused.code, json.load(refused)
    assert (code, told.get("error")) == (status, error)
    assert status != 200 or (told["access_token"], told["token_type"]) == (dev.token, "Bearer")
