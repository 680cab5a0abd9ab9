"""What a notebook is to be run with, as one value; as JSON it is handed to a program (notebook_runner.py). Frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """Which notebook, with which values of its widgets.

    `files` is a folder for what belongs to this run alone: packages, copies of the workspace's files, further orders.
    `tables` is the one of Spark's tables.
    `root` is the folder whose files the notebooks are, and None for those of the workspace. In a repository that a
    job has checked out, that folder is on Python's path too. `task_values` are those of earlier tasks, None for what no
    job has started.
    """

    notebook_path: str
    parameters: Mapping[str, str]
    files: str
    tables: str
    root: str | None = None
    is_repository: bool = False
    pip_install: bool = False
    task_values: Mapping[str, Mapping[str, Any]] | None = None

    def write(self, file: Path) -> None:
        """Writes it as JSON."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read(file: Path) -> Order:
    """The order in a file."""
    return Order(**json.loads(file.read_text(encoding="utf-8")))
