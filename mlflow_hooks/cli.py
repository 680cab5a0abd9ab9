"""The command `mlflow_hooks`: options in, exit code out."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from databricks_sync import startup  # noqa: F401
except KeyboardInterrupt:
    raise SystemExit(130) from None  # ExitCode.INTERRUPTED, which may not be imported yet

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import click

from databricks_sync import __version__, interrupt
from databricks_sync.cli import completion
from databricks_sync.cli.main import run as run_command
from databricks_sync.cli.main import spoken
from databricks_sync.cli.options import absolute, flag, named
from databricks_sync.errors import SettingsError

from .options import TARGET, HookOptions

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, closed by a summary.")
_PROJECTS = click.option(
    "--projects", metavar="FOLDER", help="The folder with the projects; default: projects in the project folder."
)

_FOLDER = click.option(
    "--folder", metavar="FOLDER", help="The folder of what is generated; default: hooks in the project folder."
)


def _connection(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which workspace is meant, and who we are there."""
    for option in (
        flag("--local", "Use the workspace on this machine, as DATABRICKS_HOST=local does."),
        named("--profile", "The profile of ~/.databrickscfg to log in with."),
        named("--user", "The workspace user, instead of the one who is logged in."),
    ):
        function = option(function)
    return function


@click.group("mlflow_hooks", context_settings=_CONTEXT)
@completion.option()
@click.version_option(__version__, "--version", prog_name="mlflow_hooks")
def mlflow_hooks() -> None:
    """Hook notebooks: what a Databricks job or Azure Data Factory starts to run an MLflow project that lives in git."""


@mlflow_hooks.command(short_help="Find the mistakes that can be found without a cluster.")
@click.argument("names", nargs=-1)
@_PROJECTS
@flag("--strict", "Let warnings count as errors.")
@_JSON
def check(**values: Any) -> None:
    """Find every mistake that can be found before a cluster is paid for.

    NAMES are hooks or projects; without any, all are checked. Each finding is a line `file:line: error: what will
    happen, and what to write instead`. Nothing is sent anywhere.

    Exit codes: 0 nothing but warnings, 1 errors, 2 usage or configuration.
    """
    _run("check", values)


@mlflow_hooks.command(short_help="Write notebooks, jobs, bundle and Data Factory files.")
@click.argument("names", nargs=-1)
@_PROJECTS
@_FOLDER
@flag("--check", "Write nothing; exit with 1 when something is not as it would be generated, for CI.")
@flag("--force", "Throw away edits by hand.")
@_JSON
def generate(**values: Any) -> None:
    """Write the hook notebooks, their jobs, bundle resources and Data Factory pipelines.

    NAMES are hooks or projects; without any, all are generated, and files of hooks that are gone are removed. What is
    as it should be is not written again.

    Exit codes: 0 done, 1 a project has mistakes, a file was edited by hand or cannot be written, or with --check is out
    of date, 2 usage or configuration.
    """
    _run("generate", values)


@mlflow_hooks.command(short_help="Write the schema from which editors complete hook.yml.")
@_PROJECTS
@_JSON
def schema(**values: Any) -> None:
    """Write hook.schema.json, from which editors complete and check hook.yml.

    It goes into the folder with the projects. A hook.yml names it in its first line:

    # yaml-language-server: $schema=../hook.schema.json

    Exit codes: 0 done, 1 the file cannot be written, 2 usage or configuration.
    """
    _run("schema", values)


@mlflow_hooks.command(short_help="Carry notebooks to the workspace, with their jobs.")
@_PROJECTS
@_FOLDER
@click.option("--target", metavar="PATH", callback=absolute, help=f"The workspace folder; default: {TARGET}.")
@flag("--overwrite", "Replace what was edited in the workspace; it is kept in a backup.")
@flag("--prune", "Remove the notebooks and jobs of hooks that are gone.")
@flag("--take-over", "Make a target that belongs to another repository this one's.")
@flag("-n/--dry-run", "Show what would be done; change nothing.")
@click.option("--wait", type=float, default=0, metavar="SECONDS", help="Wait so long for another run to end.")
@_connection
@_JSON
def deploy(**values: Any) -> None:
    """Carry the generated notebooks to the workspace, and create or update their jobs in place.

    Nothing is deleted and made anew, nothing that somebody edited is replaced, and no job without our tag is touched. A
    second run changes nothing.

    Exit codes: 0 done, 1 conflicts or mistakes, 2 usage or configuration, 3 stopped by a safety valve before any write,
    4 some objects failed and the rest was done, 130 interrupted.
    """
    _run("deploy", values)


@mlflow_hooks.command("run")
@click.argument("name")
@click.option("-P", "--param", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter of the project.")
@click.option(
    "--ref",
    metavar="[REF]",
    is_flag=False,
    flag_value="",
    default=None,
    help="Run what git has at REF, or where the hook is pinned, instead of the folder here.",
)
@click.option(
    "--backend", type=click.Choice(["databricks", "local"]), default="databricks", help="local: no workspace at all."
)
@click.option("--tracking", metavar="FOLDER", help="Where --backend local tracks runs; default: mlruns.")
@click.option("--experiment", metavar="PATH", callback=absolute, help="Not /Shared/<user>/<branch>_expr.")
@named("--branch", "The branch, instead of the one that is checked out.")
@click.option("--max-name", type=click.IntRange(min=20), metavar="BYTES", help="The longest name of an experiment.")
@click.option("--timeout", metavar="DURATION", help="Cancel the run after 90m, say; default: the hook's timeout.")
@flag("-n/--dry-run", "Show what would be run; start nothing.")
@_PROJECTS
@_connection
@_JSON
def run_project(**values: Any) -> None:
    """Run the project of a hook now, and wait for its end.

    NAME is a hook or a project. It runs as it lies here, with the parameters of hook.yml, as a job of the workspace and
    in an experiment of your branch's own. The deadline, an error and Ctrl-C cancel it.

    Exit codes: 0 it succeeded, 1 it failed or was too late, 2 usage or configuration, 4 the workspace did not do what
    it was asked, 130 interrupted.
    """
    _run("run", values)


def main(prog_name: str = "mlflow_hooks") -> None:
    interrupt.ready()
    mlflow_hooks.name = prog_name
    run_command(mlflow_hooks)


def _run(command: str, values: dict[str, Any]) -> None:
    """Does the work of a command and ends the process with its exit code."""
    from .report import Reporter

    options = HookOptions(**values)
    report = Reporter(options.as_json)
    with spoken(lambda: report) as code:
        if find_spec("yaml") is None or find_spec("pydantic") is None:
            hint = "Type: pip install 'databricks-branch-sync[hooks]'"
            raise SettingsError("What mlflow_hooks needs is not installed.", hint)
        from .commands import WORK  # a tenth of a second, which --help does not take

        code[0] = WORK[command](options, report)
    sys.exit(code[0])
