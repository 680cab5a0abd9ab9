"""Logging in: with a plain token, which needs no import of databricks-sdk (0.9 s), or by one of its many ways."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from databricks_sync import shell
from databricks_sync.errors import LoginError, SettingsError, Unreachable, WorkspaceError
from databricks_sync.model import Login
from databricks_sync.system import CLOCK, Clock

from .http import Headers, Http, reason

# SOURCE: databricks-sdk 0.162, mixins/workspace.py: a host of several workspaces routes a request by this header.
_ROUTING = "X-Databricks-Workspace-Id"


def connect(login: Login, clock: Clock = CLOCK) -> Http:
    """Requests to a workspace that is logged in to.

    Raises SettingsError where there is no way to log in, Unreachable where nothing answers.
    """
    routed = {_ROUTING: login.workspace_id} if login.workspace_id else {}
    if login.token:
        bearer = {"Authorization": f"Bearer {login.token}", **routed}
        return Http(login.host, lambda: bearer, clock=clock)
    _reach(login.host)
    headers = _sdk_headers(login)
    return Http(login.host, lambda: {**headers(), **routed}, clock=clock)


def _reach(host: str) -> None:
    """Raises Unreachable where nothing answers: databricks-sdk would ask for five minutes, and say nothing of it."""
    try:
        Http(host, dict).read("/.well-known/databricks-config", {})
    except (WorkspaceError, LoginError) as error:
        if isinstance(error, Unreachable) and not error.status:
            raise


def _sdk_headers(login: Login) -> Headers:
    """What makes the headers of a login by another way than a token. Raises SettingsError where there is none."""
    login.withhold(os.environ)
    import logging

    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    from databricks.sdk.core import Config  # 0.9 s: only for those who log in by other ways than a token

    try:
        variables = {**login.variables, "DATABRICKS_WORKSPACE_ID": login.workspace_id or None}
        config = Config(host=login.host, profile=login.profile, **_attributes(Config.attributes(), variables))
        config.authenticate()
    except Exception as error:
        raise SettingsError(
            f"No way to log in to {login.host} was found ({reason(error)}).",
            f"Log in with `databricks auth login{shell.option('host', login.host)}` or `az login`, "
            "or set DATABRICKS_TOKEN where the host is set.",
        ) from None
    return config.authenticate


def _attributes(attributes: Iterable[Any], variables: Mapping[str, str | None]) -> dict[str, Any]:
    """The variables as the arguments of databricks-sdk's Config: what is in the environment, every child gets."""
    names = {
        variable: attribute.name
        for attribute in attributes
        for variable in (attribute.env, *getattr(attribute, "env_aliases", ()))
        if variable
    }
    return {names[name]: value for name, value in variables.items() if value and name in names}
