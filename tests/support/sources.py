"""What tests of the code and of the tests look at, read once.

The packages as syntax are for one worker: tests that read them are in one group.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("databricks_sync", "databricks_local", "mlflow_hooks")
OLDEST = (3, 10)  # Python that is supported
COLLECTED = pytest.StashKey[list[str]]()  # by pytest, all tests with their parameters, those that are not run too

reads_sources = pytest.mark.xdist_group("sources")


@cache
def modules(folder: Path) -> dict[Path, ast.Module]:
    """Each module below a folder as the oldest supported Python reads it; nobody may change it."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.py"))}
    return {file: ast.parse(text, str(file), feature_version=OLDEST) for file, text in texts.items()}


@cache
def nodes(package: str) -> tuple[tuple[Path, ast.AST], ...]:
    """All that the modules of a package consist of, each node with its file."""
    return tuple((file, node) for file, module in modules(ROOT / package).items() for node in ast.walk(module))
