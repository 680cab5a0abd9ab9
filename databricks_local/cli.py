"""The `databricks_local` command. Imports little: help and refusals must be quick."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from databricks_sync import startup  # noqa: F401
except KeyboardInterrupt:
    raise SystemExit(130) from None  # ExitCode.INTERRUPTED, which may not be imported yet

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from databricks_sync import __version__, interrupt
from databricks_sync.cli import completion
from databricks_sync.errors import quantity
from databricks_sync.exit_code import ExitCode

from . import extras
from .core.settings import ServerSettings
from .embedded import server_status
from .home import REFUSED, Home, RefusedError, TakenError, default_folder
from .protocol.faults import rule
from .workspace.store import opened

DEFAULT_PORT = 8377


def _folder(_: click.Context, __: click.Parameter, value: str | None) -> Home:
    return Home(Path(value).expanduser().absolute() if value else default_folder().absolute())


directory = click.option(
    "--dir",
    "home",
    metavar="FOLDER",
    callback=_folder,
    help="The folder of the workspace; default: $DATABRICKS_LOCAL_DIR, or else ~/.databricks_local.",
)


pip_install = click.option(
    "--pip-install",
    is_flag=True,
    help="Let %pip install packages for the run; default: only check that they are installed.",
)


@contextmanager
def _explained() -> Iterator[None]:
    """Refusals become two lines, what cannot be done and the next step, and an exit code of their own."""
    try:
        yield
    except RefusedError as error:
        click.echo(f"{error.message}\n{error.hint}".rstrip(), err=True)
        sys.exit(REFUSED)


@click.group("databricks_local", context_settings={"help_option_names": ["-h", "--help"]})
@completion.option()
@click.version_option(__version__, "--version", prog_name="databricks_local")
def main() -> None:
    """A Databricks workspace on this machine, for trials, tests and demos."""
    interrupt.ready()


@main.command()
@directory
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="The port; 0: any free one."
)
@click.option("--token", metavar="T", help="The token that clients must send; default: one for each folder, made once.")
@click.option("--user", default="me@example.com", show_default=True, help="The user whose token it is.")
@click.option("--newlines", type=click.Choice(["preserve", "legacy"]), default="preserve", show_default=True,
              help="Line endings on import: as Databricks does since December 2025, or before.")  # fmt: skip
@click.option("--hashes/--no-hashes", default=True, show_default=True, help="Give hashes in listings, or not.")
@click.option(
    "--latency-ms", type=click.FloatRange(0), default=0.0, help="Delay every answer by this many milliseconds."
)
@click.option(
    "--import-rate", type=click.FloatRange(0), default=0.0, help="Allow this many imports per second; 0: no limit."
)
@click.option(
    "--export-rate", type=click.FloatRange(0), default=0.0, help="Allow this many exports per second; 0: no limit."
)
@click.option("--retry-after", type=click.IntRange(-1), default=1, show_default=True,
              help="Seconds in the header Retry-After of a 429; -1: no header.")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="JSON", help="Add a fault rule, for tests; can be repeated.")
@click.option("--dbfs/--no-dbfs", default=True, show_default=True, help="Have DBFS in the workspace, or not.")
@click.option("--run-schedules", is_flag=True, help="Start jobs on their schedules.")
@pip_install
@click.option("--registry-uri", metavar="URI", default="",
              help="MLFLOW_REGISTRY_URI for jobs that run here; default: this workspace.")  # fmt: skip
@click.option("--exit-with-stdin", is_flag=True, hidden=True)
def serve(home: Home, port: int, token: str | None, faults: tuple[str, ...], exit_with_stdin: bool,
          **options: Any) -> None:  # fmt: skip
    """Run the workspace until Ctrl-C; print the lines for .env, and a link that logs a browser in once."""
    with _explained():
        extras.require()
    gc.disable()  # nothing that is imported is garbage
    from .server import serving

    gc.freeze()
    gc.enable()
    if options["retry_after"] < 0:
        options["retry_after"] = None
    rules, run_schedules = [_rule(text) for text in faults], bool(options.pop("run_schedules"))
    with _explained():
        try:
            serving.serve(
                home, port, token, ServerSettings(**options), rules, exit_with_stdin, click.echo, run_schedules
            )
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)


@main.command()
@directory
@click.argument("notebook")
@click.option("-P", "--param", "parameters", metavar="NAME=VALUE", multiple=True, help="The value of a widget.")
@click.option("--secret", "secrets", metavar="SCOPE/KEY=VARIABLE", multiple=True,
              help="Store the value of an environment variable as a secret of the workspace.")  # fmt: skip
@pip_install
def run(home: Home, notebook: str, parameters: tuple[str, ...], secrets: tuple[str, ...], pip_install: bool) -> None:
    """Run a notebook now: a file, or one of the workspace by its path.

    Its output is printed as it comes, and in the end what it gave to dbutils.notebook.exit. Exit code 1: it failed.
    """
    with _explained():
        extras.require()
        try:
            from .run import run as run_notebook

            sys.exit(run_notebook(home, notebook, parameters, secrets, pip_install))
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)


@main.command()
@directory
def status(home: Home) -> None:
    """Show whether a server is running for the folder, and what the workspace contains."""
    server = server_status(home)
    if server is None:
        click.echo(f"No server is running for {home.folder}. Start one with: databricks_local serve{home.option()}")
        sys.exit(ExitCode.LEFT)
    click.echo(f"Running at {server['host']} for {home.folder} (process {server['pid']}, user {server['user']})")
    click.echo(f"{quantity(server['notebooks'], 'notebook')}, {quantity(server['files'], 'file')}")


@main.command()
@directory
def reset(home: Home) -> None:
    """Delete everything in the workspace; keep the token."""
    from .services import wipe

    with _explained():
        if not home.is_claimed():
            raise RefusedError(f"There is no local workspace in {home.folder}.", "Give its folder with --dir.")
        try:
            with home.locked():
                store = opened(home.database)
                store.clear()
                store.close()
                wipe(home.folder)
        except TakenError:
            served = home.announced()
            process = f" (process {served.pid})" if served else ""
            raise RefusedError(
                f"A server is running for {home.folder}, so it cannot be emptied.",
                f"Stop the server with Ctrl-C in its terminal{process}, and run the command again.",
            ) from None
    click.echo(f"The workspace in {home.folder} is empty.")


def _rule(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("a rule must be a JSON object")
        rule(document)
    except ValueError as error:
        raise click.BadParameter(f"{text}: {error}", param_hint="--fault") from None
    return document
