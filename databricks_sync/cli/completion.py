"""Shell completion: `eval "$(to_databricks --completion bash)"` in ~/.bashrc, and the like for zsh and fish."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from databricks_sync.errors import SyncError

_SHELLS = ("bash", "zsh", "fish")


def option() -> Callable[..., Any]:
    """The option `--completion SHELL` of a command or group."""
    return click.option(
        "--completion",
        type=click.Choice(_SHELLS),
        expose_value=False,
        is_eager=True,
        callback=_print,
        help="Print the completion script for this shell; evaluate it in the shell's start file.",
    )


def _print(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is None:
        return

    name = context.command.name or ""
    made = get_completion_class(shell)
    assert made is not None
    # click's own name for it, from the name of the program.
    click.echo(made(context.command, {}, name, f"_{name.upper()}_COMPLETE").source())
    context.exit()


def targets(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The targets that the settings of the project name."""
    from .project import find

    try:
        names = find(os.environ, Path.cwd()).file.targets
    except SyncError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def branches(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The branches of the repository we are in."""
    from databricks_sync.local.git import Repository  # which --help does not need

    try:
        names = Repository(Path.cwd()).branches()
    except SyncError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(begun)]
