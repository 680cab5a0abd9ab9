"""What the environment of a serverless task must say. Pure: `Environment` of databricks-sdk [DOCS]; texts are ours."""

from __future__ import annotations

from databricks_local.core.errors import invalid

from .fields import check_list, check_part

_CHOICES = ("environment_version", "base_environment", "client", "project_environment")


def check_environment(where: str, document: object) -> None:
    """`where` names it in messages. Raises ApiError (400) for the first thing that is wrong."""
    environment = check_part(where, document, "environment")
    if not any(environment.get(name) for name in _CHOICES):
        raise invalid(f"Missing required field: {where}.environment_version")
    if environment.get("environment_version") and environment.get("base_environment"):
        raise invalid(f"{where}: environment_version and base_environment exclude each other.")
    for name in ("environment_version", "client"):
        if not environment.get(name, "1").isdecimal():
            raise invalid(f"{where}.{name} is the number of an environment version, not {environment[name]!r}.")
    check_list(f"{where}.dependencies", environment.get("dependencies", []))
