"""Which module may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def imported(package: str, other: str) -> Iterator[str]:
    """The modules of `other` that files of `package` import, wherever in the file."""
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == other:
                yield from (f"{other}.{name.name}" for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{other}."):
                yield node.module
            elif isinstance(node, ast.Import):
                yield from (name.name for name in node.names if name.name.partition(".")[0] == other)


def test_the_embedded_workspace_has_one_door() -> None:
    """databricks_sync knows one module of the workspace on this machine."""
    assert {*imported("databricks_sync", "databricks_local")} == {"databricks_local.embedded"}


def test_the_commands_know_no_hooks() -> None:
    """mlflow_hooks stands on databricks_sync, and nothing of that on it; nor does the emulator know of hooks."""
    assert not [*imported("databricks_sync", "mlflow_hooks"), *imported("databricks_local", "mlflow_hooks")]
