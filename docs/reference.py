"""Writes docs/reference.md: every command with its options, exit codes and variables, from the code that has them.

`python docs/reference.py` writes it, with `--print` to the screen; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from databricks_local.cli import main as databricks_local
from databricks_sync.from_databricks import from_databricks
from databricks_sync.to_databricks import to_databricks
from mlflow_hooks.cli import mlflow_hooks

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
COMMANDS = {
    "to_databricks": to_databricks,
    "from_databricks": from_databricks,
    "mlflow_hooks": mlflow_hooks,
    "databricks_local": databricks_local,
}
_CODES = "Exit codes:"


def page() -> str:
    """The whole page."""
    parts = ["# Reference", "Written by `python docs/reference.py` from the commands themselves.", *_variables()]
    for name, command in COMMANDS.items():
        parts += _command(name, command, 2)
    return "\n\n".join(parts) + "\n"


def _variables() -> Iterator[str]:
    yield "## Variables"
    yield "In the process environment, or in `.env` in the project folder; the environment is stronger."
    sample = (ROOT / "env.sample").read_text(encoding="utf-8")
    rows, about = ["| variable | meaning |", "|---|---|"], []
    for line in sample.splitlines():
        if match := re.match(r"#?([A-Z_]+)=(.*)", line):
            rows.append(f"| `{match[1]}` | {' '.join(about)} |")
            about = []
        elif line.startswith("# "):
            about.append(line[2:])
        else:
            about = []
    yield "\n".join(rows)


def _command(name: str, command: click.Command, level: int, parent: click.Context | None = None) -> Iterator[str]:
    context = click.Context(command, parent, info_name=name.rpartition(" ")[2])
    yield f"{'#' * level} {name}"
    yield f"```text\n{command.get_usage(context).replace('Usage: ', '')}\n```"
    about, _, codes = (command.help or "").partition(_CODES)
    yield from (" ".join(paragraph.split()) for paragraph in about.split("\n\n") if paragraph.strip())
    yield "\n".join(["| option | effect |", "|---|---|", *_options(command, context)])
    if codes:
        yield f"{_CODES} {' '.join(codes.split())}"
    if isinstance(command, click.Group):
        for other in command.list_commands(context):
            inner = command.get_command(context, other)
            assert inner is not None
            yield from _command(f"{name} {other}", inner, level + 1, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.get_params(context):
        if record := option.get_help_record(context):
            names, effect = record
            yield f"| `{names.replace('|', chr(92) + '|')}` | {' '.join(effect.split()).replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
