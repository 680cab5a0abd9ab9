"""The `databricks_local` command. Imports little: help and refusals must be quick."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from databricks_sync import __version__, shell, startup  # noqa: F401 (where programs are looked for)
from databricks_sync.cli import completion

from . import extras
from .home import Home, RefusedError, TakenError, default_folder

DEFAULT_PORT = 8377


def _folder(_: click.Context, __: click.Parameter, value: str | None) -> Home:
    return Home(Path(value).expanduser().absolute() if value else default_folder().absolute())


directory = click.option(
    "--dir",
    "home",
    metavar="FOLDER",
    callback=_folder,
    help="Where the workspace lives; default $DATABRICKS_LOCAL_DIR, else ~/.databricks_local.",
)


@contextmanager
def _explained() -> Iterator[None]:
    """Refusals become one sentence and exit code 2."""
    try:
        yield
    except RefusedError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@click.group("databricks_local", context_settings={"help_option_names": ["-h", "--help"]})
@completion.option()
@click.version_option(__version__, "--version", prog_name="databricks_local")
def main() -> None:
    """A Databricks workspace on this machine, for trying, testing and demonstrating."""


@main.command()
@directory
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free.")
@click.option("--token", metavar="T", help="The token to ask for; default: made once per folder.")
@click.option("--user", default="me@example.com", show_default=True, help="Who the token belongs to.")
@click.option("--newlines", type=click.Choice(["preserve", "legacy"]), default="preserve", show_default=True,
              help="What an import does to line ends: since, or before December 2025.")  # fmt: skip
@click.option("--hashes/--no-hashes", default=True, show_default=True, help="Whether listings can give hashes.")
@click.option("--latency-ms", type=click.FloatRange(0), default=0.0, help="What every answer takes at least.")
@click.option("--import-rate", type=click.FloatRange(0), default=0.0, help="Imports per second; 0: no limit.")
@click.option("--export-rate", type=click.FloatRange(0), default=0.0, help="Exports per second; 0: no limit.")
@click.option("--retry-after", type=click.IntRange(-1), default=1, show_default=True,
              help="Seconds in the Retry-After of a 429; -1 leaves it out.")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="JSON", help="A fault rule; may be repeated.")
@click.option("--dbfs/--no-dbfs", default=True, show_default=True, help="Whether the workspace has DBFS.")
@click.option("--run-schedules", is_flag=True, help="Let the schedules of jobs fire.")
@click.option("--pip-install", is_flag=True, help="Let %pip install, for the run only; else it checks what is there.")
@click.option("--registry-uri", metavar="URI", default="",
              help="MLFLOW_REGISTRY_URI of what runs here; default: this workspace.")  # fmt: skip
@click.option("--exit-with-stdin", is_flag=True, hidden=True)
def serve(home: Home, port: int, token: str | None, faults: tuple[str, ...], exit_with_stdin: bool,
          **options: Any) -> None:  # fmt: skip
    """Serve the workspace until Ctrl-C; prints the .env lines to use."""
    with _explained():
        extras.require()
    from databricks_local.core.settings import Settings
    from databricks_local.server import serving

    if options["retry_after"] < 0:
        options["retry_after"] = None
    rules, run_schedules = [_rule(text) for text in faults], bool(options.pop("run_schedules"))
    with _explained():
        try:
            serving.serve(home, port, token, Settings(**options), rules, exit_with_stdin, click.echo, run_schedules)
        except KeyboardInterrupt:
            sys.exit(130)


@main.command()
@directory
def status(home: Home) -> None:
    """Say whether a server is running over the folder, and what it holds."""
    from .embedded import asked

    told = asked(home)
    if told is None:
        named = "" if home.folder == default_folder().absolute() else shell.option("dir", str(home.folder))
        click.echo(f"No server is running over {home.folder}. Start one with: databricks_local serve{named}")
        sys.exit(1)
    click.echo(f"Running at {told['host']} over {home.folder} (process {told['pid']}, user {told['user']})")
    click.echo(", ".join(f"{told[kind]:,} {kind[:-1] if told[kind] == 1 else kind}" for kind in ("notebooks", "files")))


@main.command()
@directory
def reset(home: Home) -> None:
    """Empty the workspace: every object goes, the token stays."""
    from databricks_local.workspace.store import opened

    from .services import wipe

    with _explained():
        if not home.is_settled():
            raise RefusedError(f"{home.folder} holds no local workspace. Name its folder with --dir.")
        try:
            with home.held():
                store = opened(home.database)
                store.clear()
                store.close()
                wipe(home.folder)
        except TakenError:
            served = home.announced()
            raise RefusedError(
                f"A server is running over {home.folder}, so it cannot be emptied. End it with Ctrl-C where it was "
                f"started{f' (process {served.pid})' if served else ''}, and type this again."
            ) from None
    click.echo(f"The workspace in {home.folder} is empty.")


def _rule(text: str) -> dict[str, Any]:
    from databricks_local.protocol.faults import rule

    try:
        wanted = json.loads(text)
        if not isinstance(wanted, dict):
            raise ValueError("a rule is a JSON object")
        rule(wanted)
    except ValueError as error:
        raise click.BadParameter(f"{text}: {error}", param_hint="--fault") from None
    return wanted
