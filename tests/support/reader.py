"""The reader of the manual who calls our commands in this process, which costs a third of a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from databricks_sync import from_databricks, to_databricks
from mlflow_hooks import cli

from .project import shown

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

import readme

COMMANDS: dict[str, Callable[[], object]] = {
    "to_databricks": to_databricks.main,
    "from_databricks": from_databricks.main,
    "mlflow_hooks": cli.main,
}


class QuickReader(readme.Reader):  # type: ignore[misc]
    def type(self, words: Sequence[str]) -> tuple[int, str]:
        """A command from its start to its end: its exit code, and all that it said."""
        if words[0] in COMMANDS and "--backend" not in words:  # which starts a program that writes to the screen itself
            return shown(COMMANDS[words[0]], [*words], self.project, self.environ)
        return super().type(words)  # type: ignore[no-any-return]
