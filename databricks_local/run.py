"""`databricks_local run`: one notebook, now, in this process; what it prints is seen as it comes."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from databricks_sync import shell
from databricks_sync.exit_code import ExitCode

from .embedded import running
from .home import Home, RefusedError
from .runtime.client import Client, RefusedByServer
from .runtime.dbutils import InputWidgetNotDefined, SecretNotDefined
from .runtime.displays import Display, printed
from .runtime.environment import entered
from .runtime.notebook_runner import Runner
from .runtime.notebooks import NotebookMissing, locate
from .runtime.order import Order


def run(home: Home, notebook: str, parameters: Sequence[str], references: Sequence[str], pip_install: bool) -> int:
    """Runs a notebook with the workspace of that folder; the exit code. Raises RefusedError before anything has run.

    `parameters` are `name=value` for widgets, `references` are `scope/key=VARIABLE` for secrets, as they were typed.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # also into a pipe
    widgets, secrets = _widgets(parameters), _secrets(references)
    try:
        root, path = locate(notebook, Path.cwd())
    except NotebookMissing as error:
        raise _missing(error) from None
    folder = tempfile.TemporaryDirectory(prefix="databricks_local-", ignore_cleanup_errors=True)
    with folder as files, running(home.folder) as server, entered(server.host, server.token):
        _store(Client(server.host, server.token), secrets)
        order = Order(path, widgets, files, str(home.folder / "spark"), root, pip_install=pip_install)
        return _run(Runner(order, show=_show), _again(home, notebook, parameters, references, pip_install))


def _again(home: Home, notebook: str, parameters: Sequence[str], references: Sequence[str], pip_install: bool) -> str:
    """What was typed, to be typed again."""
    options = [
        *(f" -P {shell.word(text)}" for text in parameters),
        *(shell.option("secret", text) for text in references),
    ]
    install = " --pip-install" * pip_install
    return "".join(["databricks_local run", home.option(), " ", shell.path(notebook), *options, install])


def _run(runner: Runner, again: str) -> int:
    try:
        result = runner.run()
    except KeyboardInterrupt as error:
        location = runner.space.location(error)
        click.echo(f"\nInterrupted in {location}." if location else "\nInterrupted.", err=True)
        return ExitCode.INTERRUPTED
    except (Exception, SystemExit) as error:
        if isinstance(error, NotebookMissing) and runner.space.location(error) is None:
            raise _missing(error) from None
        _explain(error, runner, again)
        return ExitCode.LEFT
    if result is not None:
        click.echo(result)
    return ExitCode.DONE


def _missing(error: NotebookMissing) -> RefusedError:
    return RefusedError(f"{str(error).rstrip('.')}.", "Give a notebook: a file, or its path in the workspace.")


def _explain(error: BaseException, runner: Runner, again: str) -> None:
    """The trace, which is the notebook's own; where it happened; and what to type, if that may help."""
    line, trace = runner.space.describe(error)
    hint = _hint(error, again)
    click.echo(f"{trace}Failed in {runner.space.location(error)}: {line}" + (f"\n{hint}" if hint else ""), err=True)


def _hint(error: BaseException, again: str) -> str:
    if isinstance(error, InputWidgetNotDefined):
        return f"Type: {again} -P {shell.word(error.name)}=VALUE"
    if isinstance(error, SecretNotDefined):
        quoted = shell.word(f"{error.scope}/{error.key}")
        return f"Put the secret into an environment variable, and type: {again} --secret {quoted}=VARIABLE"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"If it is a package, type: pip install {shell.word(error.name.partition('.')[0])}"
    return ""


def _show(display: Display) -> None:
    print(printed(display.value))  # noqa: T201


def _widgets(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (name, separator, _) in zip(texts, pairs, strict=True):
        if not name or not separator:
            raise RefusedError(f"-P {text} is not name=value.", "Write -P day=2026-11-29, for example.")
    return {name: value for name, _, value in pairs}


def _secrets(texts: Sequence[str]) -> dict[tuple[str, str], str]:
    """The values, which no command line shows, by scope and key."""
    secrets = {}
    for text in texts:
        name, _, variable = text.partition("=")
        scope, _, key = name.partition("/")
        if not (scope and key and variable):
            raise RefusedError(f"--secret {text} is not scope/key=VARIABLE.", "Name an environment variable, no value.")
        if variable not in os.environ:
            raise RefusedError(
                f"--secret {text}: there is no environment variable {variable}.", "Set it, and type this again."
            )
        secrets[scope, key] = os.environ[variable]
    return secrets


def _store(client: Client, secrets: Mapping[tuple[str, str], str]) -> None:
    for (scope, key), value in secrets.items():
        try:
            client.put_secret(scope, key, value)
        except RefusedByServer as error:
            raise RefusedError(f"--secret {scope}/{key}: {error}", "Choose another scope or key.") from None
