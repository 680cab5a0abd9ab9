"""The environment of what runs here: it leads to this workspace, and to no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# What could lead programs to another workspace.
ELSEWHERE = ("MLFLOW_", "_MLFLOW_", "DATABRICKS_", "ARM_", "SPARK_REMOTE")


def variables(host: str, token: str, registry: str = "") -> dict[str, str]:
    """What leads databricks-sdk, the CLI and MLflow to the workspace; `registry` is another address for models."""
    return {
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": registry or host,
        # For the registry when it is reached by plain HTTP.
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@contextmanager
def kept() -> Iterator[None]:
    """Leaves the environment of this process as it was."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


@contextmanager
def entered(host: str, token: str) -> Iterator[None]:
    """Has this process know this workspace alone: no other by its environment, nor by a profile in a file."""
    with kept():
        for name in [name for name in os.environ if name.upper().startswith(ELSEWHERE)]:
            del os.environ[name]
        os.environ.update(variables(host, token), DATABRICKS_CONFIG_FILE=os.devnull)
        yield
