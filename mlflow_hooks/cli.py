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

from databricks_sync import __version__
from databricks_sync.cli import completion
from databricks_sync.cli.main import run as run_command
from databricks_sync.cli.main import spoken
from databricks_sync.cli.options import absolute, flag, named
from databricks_sync.errors import SettingsError

from .options import TARGET, HookOptions

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line, and a summary at the end."
)
_PROJECTS = click.option(
    "--projects", metavar="FOLDER", help="The folder with the projects (default: projects in the project folder)."
)

_TO = click.option(
    "--to", metavar="TARGET", default="", help="As hook.yml says for this target, such as qa (targets: in hook.yml)."
)
_FOLDER = click.option(
    "--folder", metavar="FOLDER", help="The folder of the generated files (default: hooks in the project folder)."
)
_TARGET = click.option("--target", metavar="PATH", callback=absolute, help=f"The workspace folder (default: {TARGET}).")


def _connection(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which workspace is meant, and who we are there."""
    for option in (
        flag("--local", "Use the workspace on this machine, as DATABRICKS_HOST=local does."),
        named("--profile", "The profile of ~/.databrickscfg to log in with."),
        named("--user", "The workspace user (default: the one who is logged in)."),
    ):
        function = option(function)
    return function


@click.group("mlflow_hooks", context_settings=_CONTEXT)
@completion.option()
@click.version_option(__version__, "--version", prog_name="mlflow_hooks")
def mlflow_hooks() -> None:
    """Hook notebooks: what a Databricks job or Azure Data Factory starts to run an MLflow project that lives in git."""


@mlflow_hooks.command(short_help="Find mistakes before a cluster runs.")
@click.argument("names", nargs=-1)
@_TO
@_PROJECTS
@flag("--strict", "Treat warnings as errors.")
@_JSON
def check(**values: Any) -> None:
    """Check hooks and projects for every mistake that can be found before a cluster runs.

    NAMES are hooks or projects; without names, all are checked, for each of their targets. Each finding is one line:
    `file:line: error: what will happen, and what to write instead`. Nothing is sent to the workspace.

    Exit codes: 0 no errors (warnings are possible), 1 errors, 2 usage or configuration.
    """
    _run("check", values)


@mlflow_hooks.command(short_help="Write notebooks, jobs, bundle and Data Factory files.")
@click.argument("names", nargs=-1)
@_TO
@_PROJECTS
@_FOLDER
@flag("--check", "Write nothing; exit with 1 if a file is out of date (for CI).")
@flag("--force", "Overwrite files that were edited by hand.")
@_JSON
def generate(**values: Any) -> None:
    """Write the hook notebooks, their jobs, bundle resources and Data Factory pipelines.

    NAMES are hooks or projects; without names, all are generated, and files of hooks that no longer exist are deleted.
    Those of a target have a folder of their own, such as hooks/qa. Files that are up to date are not written again.

    Exit codes: 0 done, 1 a project has mistakes, a file was edited by hand or cannot be written, or (with --check) a
    file is out of date, 2 usage or configuration.
    """
    _run("generate", values)


@mlflow_hooks.command(short_help="Write a minimal project.")
@click.argument("name")
@_PROJECTS
@_JSON
def new(**values: Any) -> None:
    """Write a minimal project with its hook.yml, to begin with.

    NAME is its folder, and in lower case its hook. It runs at once in the workspace on this machine. Nothing that
    exists is overwritten.

    Exit codes: 0 done, 2 usage or configuration.
    """
    _run("new", values)


@mlflow_hooks.command(short_help="Write the schema from which editors complete hook.yml.")
@_PROJECTS
@_JSON
def schema(**values: Any) -> None:
    """Write hook.schema.json, from which editors complete and check hook.yml.

    The file is written into the folder with the projects. The first line of each hook.yml names it:

    # yaml-language-server: $schema=../hook.schema.json

    Exit codes: 0 done, 1 the file cannot be written, 2 usage or configuration.
    """
    _run("schema", values)


@mlflow_hooks.command(short_help="Copy the notebooks to the workspace and create their jobs.")
@_TO
@_PROJECTS
@_FOLDER
@_TARGET
@flag("--overwrite", "Replace what was edited in the workspace: notebooks (a backup is kept) and settings of jobs.")
@flag("--prune", "Delete the notebooks and jobs of hooks that no longer exist.")
@flag("--take-over", "Take over a target folder that belongs to another repository.")
@flag("-n/--dry-run", "Show what would be done and change nothing.")
@flag("--open", "Open the workspace folder in the browser, when it is done.")
@click.option("--wait", type=float, default=0, metavar="SECONDS", help="Wait this long for another run to end.")
@_connection
@_JSON
def deploy(**values: Any) -> None:
    """Copy the generated notebooks to the workspace, and create or update their jobs.

    Jobs are updated in place and keep their number and history. What somebody edited in the workspace is not replaced:
    notebooks, and single settings of jobs, such as a paused schedule. Jobs of bundles, and those without the tag
    mlflow_hook, are not touched. A second run changes nothing.

    Exit codes: 0 done, 1 conflicts or mistakes, 2 usage or configuration, 3 stopped by a safety limit before any write,
    4 some objects failed and the others were done, 130 interrupted.
    """
    _run("deploy", values)


@mlflow_hooks.command(short_help="Let a hook use a job that exists.")
@click.argument("name")
@click.argument("job_id", type=click.IntRange(min=1))
@_TO
@_PROJECTS
@_TARGET
@flag("-y/--yes", "Do not ask.")
@flag("-n/--dry-run", "Show what deploy would change in the job, and change nothing.")
@_connection
@_JSON
def bind(**values: Any) -> None:
    """Make a job that exists in the workspace that of a hook.

    NAME is a hook or a project, JOB_ID the number of the job. You see what the next deployment will change in the job,
    and are asked whether that is meant. The job keeps its number and history. A job of a bundle is refused.

    Exit codes: 0 done, 1 the job is somebody else's, or you said no, 2 usage or configuration, 4 the workspace refused
    a request, 130 interrupted.
    """
    _run("bind", values)


@mlflow_hooks.command(short_help="Show what the workspace has of each hook.")
@click.argument("names", nargs=-1)
@_TO
@_PROJECTS
@_TARGET
@_connection
@_JSON
def status(**values: Any) -> None:
    """Show what the workspace has of each hook: target, ref, schedule, last run, and what differs.

    NAMES are hooks or projects; without names, all are shown. Nothing is changed.

    Exit codes: 0 shown, 1 a project has mistakes, 2 usage or configuration, 4 the workspace refused a request.
    """
    _run("status", values)


@mlflow_hooks.command("run")
@click.argument("name")
@click.option("-P", "--param", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter of the project.")
@flag("--trial", "Give parameters their values for a trial (trial: in hook.yml), such as a few rows.")
@click.option(
    "--ref",
    metavar="[REF]",
    is_flag=False,
    flag_value="",
    default=None,
    help="Run the project at REF in git (without REF: the ref of hook.yml) instead of the local folder.",
)
@click.option(
    "--backend",
    type=click.Choice(["databricks", "local"]),
    default="databricks",
    help="local: on this machine, without a workspace.",
)
@click.option("--tracking", metavar="FOLDER", help="Where --backend local tracks runs (default: mlruns).")
@click.option(
    "--experiment", metavar="PATH", callback=absolute, help="The experiment (default: /Shared/<user>/<branch>_expr)."
)
@named("--branch", "The branch (default: the one that is checked out).")
@click.option(
    "--max-name", type=click.IntRange(min=20), metavar="BYTES", help="The maximum length of the experiment's name."
)
@click.option(
    "--timeout",
    metavar="DURATION",
    help="Cancel the run after this time, such as 90m (default: the timeout of hook.yml).",
)
@flag("-n/--dry-run", "Show what would be run and start nothing.")
@flag("--open", "Open the page of the run in the browser, as soon as it has started.")
@_PROJECTS
@_connection
@_JSON
def run_project(**values: Any) -> None:
    """Run the project of a hook now and wait until it ends.

    NAME is a hook or a project. The local folder is run, with the parameters of hook.yml, as a job of the workspace and
    in an experiment for your branch. The timeout, an error and Ctrl-C cancel the run.

    Exit codes: 0 the run succeeded, 1 it failed or took too long, 2 usage or configuration, 4 the workspace refused a
    request, 130 interrupted.
    """
    _run("run", values)


@mlflow_hooks.command(short_help="Put a model version into use that has passed, or take that back.")
@click.argument("name")
@_TO
@flag("--approve", "Approve the promotion, where the gate of hook.yml wants a person to.")
@flag("--history", "Show what was promoted and taken back, the newest first.")
@flag("--rollback", "Put the version into use again that was in use before.")
@named("--from-profile", "The profile of the workspace that the version comes from (default: the same one).")
@flag("-n/--dry-run", "Show what would be done and change nothing.")
@_PROJECTS
@_connection
@_JSON
def promote(**values: Any) -> None:
    """Put the version of a registered model into use that has passed in the target before.

    NAME is a hook or a project whose hook.yml has promote:. The version gets the alias of the target, once the gate of
    hook.yml lets it pass; it is copied where the target has another model or another registry. No version is built.

    Exit codes: 0 done, 1 it has not passed or not been approved, 2 usage or configuration, 4 the workspace refused a
    request, 130 interrupted.
    """
    _run("promote", values)


def main(prog_name: str = "mlflow_hooks") -> None:
    """The command, under the name it was typed as. Ends the process with its exit code."""
    mlflow_hooks.name = prog_name
    run_command(mlflow_hooks)


def _run(command: str, values: dict[str, Any]) -> None:
    """Does the work of a command, the function of that name in commands.py, and ends the process with its exit code."""
    from .report import Reporter

    options = HookOptions(**values)
    report = Reporter(options.as_json)

    def work() -> int:
        if find_spec("yaml") is None or find_spec("pydantic") is None:
            hint = "Type: pip install 'databricks-branch-sync[hooks]'"
            raise SettingsError("The packages that mlflow_hooks needs are not installed.", hint)
        from . import commands  # a tenth of a second, which --help does not take

        return int(getattr(commands, command)(options, report))

    sys.exit(spoken(work, report.error))
