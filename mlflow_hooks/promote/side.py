"""A workspace as MLflow reaches it: a login, the environment that goes with it, and the registry of a model.

MLflow knows one workspace at a time, the one of the process's environment. Two of them take turns in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from databricks_sync.cli import login as logins
from databricks_sync.cli.dotenv_file import Dotenv
from databricks_sync.cli.project import Project
from databricks_sync.errors import SettingsError
from databricks_sync.model import Login
from mlflow_hooks.run.tracking import log_in, require_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

# A variable that begins so is for the earlier workspace what it is for ours without it.
PREFIX = "FROM_"
_REGISTRY = "MLFLOW_REGISTRY_URI"
# How to log in to our workspace is nothing for the other one; which file has the profiles, is.
_OURS = ("DATABRICKS_", "ARM_", "MLFLOW_TRACKING_", _REGISTRY)
_SHARED = ("DATABRICKS_CONFIG_FILE", "DATABRICKS_CLI_PATH")


@dataclass(frozen=True, slots=True)
class Side:
    """`environ`: the variables to be there while MLflow speaks with it."""

    login: Login
    environ: Mapping[str, str] = field(repr=False)

    def registry(self, model: str) -> str:
        """The address of the registry with that model, as MLflow has it.

        SERVER: a model in Unity Catalog has three names. The workspace on this machine has no Unity Catalog, and is
        the only one without https.
        """
        if named := self.environ.get(_REGISTRY, ""):
            return named
        if self.login.host.startswith("http://"):
            return self.login.host
        kind = "databricks-uc" if model.count(".") == 2 else "databricks"
        return f"{kind}://{self.login.profile}" if self.login.profile and not self.login.token else kind

    def is_one_with(self, other: Side, model: str, others: str) -> bool:
        """Whether both models are in one registry, which knows how to copy from one to the other."""
        return self.login.name == other.login.name and self.registry(model) == other.registry(others)

    @contextmanager
    def connected(self, model: str) -> Iterator[MlflowClient]:
        """Meanwhile MLflow, in all that it does in this process, means this workspace and the registry of the model."""
        import mlflow

        before, uris = dict(os.environ), (mlflow.get_tracking_uri(), mlflow.get_registry_uri())
        try:
            _become(self.environ)
            require_mlflow()  # which also sees to it that MLflow prints nothing
            tracking, registry = log_in(self.login), self.registry(model)
            if registry == self.login.host:  # no `databricks` in the address, so MLflow asks databricks-sdk for nothing
                os.environ["MLFLOW_TRACKING_TOKEN"] = self.login.token or _token()
            mlflow.set_tracking_uri(tracking)
            mlflow.set_registry_uri(registry)
            yield mlflow.MlflowClient(tracking, registry)
        finally:
            mlflow.set_tracking_uri(uris[0])
            mlflow.set_registry_uri(uris[1])
            _become(before)


def earlier(profile: str | None, environ: Mapping[str, str], project: Project) -> Side | None:
    """The workspace that the version comes from, as the option or FROM_ variables say; None where neither does.

    Raises SettingsError.
    """
    prefixed = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
    named = {name: value for name, value in prefixed.items() if name.startswith(_OURS)}
    if not profile and not named.get("DATABRICKS_HOST") and not named.get("DATABRICKS_CONFIG_PROFILE"):
        return None
    others = {name: value for name, value in environ.items() if name in _SHARED or not name.startswith(_OURS)}
    there = {**others, **named}
    login = logins.find({"profile": profile}, there, Dotenv(project.folder / ".env"), lambda _: True)
    if login is None or login.local:
        message = "The earlier workspace is not named by an address."
        raise SettingsError(message, f"Set {PREFIX}DATABRICKS_HOST to its https:// address, or give --from-profile.")
    return Side(login, there)


def _token() -> str:
    """The token that databricks-sdk logs in with, in this environment."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient().config.authenticate()["Authorization"].removeprefix("Bearer ")


def _become(environ: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    os.environ.update(environ)
