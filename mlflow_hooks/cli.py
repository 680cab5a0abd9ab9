"""The command `mlflow_hooks`: options in, exit code out."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from databricks_sync import startup  # noqa: F401
except KeyboardInterrupt:
    raise SystemExit(130) from None  # ExitCode.INTERRUPTED, which may not be imported yet

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from databricks_sync import __version__, interrupt
from databricks_sync.cli import completion
from databricks_sync.cli.main import run as run_command
from databricks_sync.cli.main import spoken
from databricks_sync.cli.options import absolute, flag, named
from databricks_sync.errors import ExitCode, SettingsError

from .options import TARGET, HookOptions

if TYPE_CHECKING:
    from databricks_sync.cli.project import Project
    from databricks_sync.cli.session import Session
    from mlflow_hooks.reading.hook_file import HookReading

    from .model import Finding
    from .report import Report

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
    _run(values, _check)


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
    _run(values, _generate)


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
    _run(values, _deploy)


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
    _run(values, _run_project)


def main(prog_name: str = "mlflow_hooks") -> None:
    interrupt.ready()
    mlflow_hooks.name = prog_name
    run_command(mlflow_hooks)


def _run(values: dict[str, Any], work: Callable[[HookOptions, Report], int]) -> None:
    """Does the work of a command and ends the process with its exit code."""
    from .report import Report

    options = HookOptions(**values)
    report = Report(options.as_json)
    with spoken(lambda: report) as code:
        if find_spec("yaml") is None:
            hint = "Type: pip install 'databricks-branch-sync[hooks]'"
            raise SettingsError("What mlflow_hooks needs is not installed.", hint)
        code[0] = work(options, report)
    sys.exit(code[0])


def _check(options: HookOptions, report: Report) -> int:
    from mlflow_hooks.rules.check import tell

    readings = _readings(_project(options, report).folder, options.projects, options.names)
    return tell(_findings(readings), len(readings), report, strict=options.strict)


def _generate(options: HookOptions, report: Report) -> int:
    from mlflow_hooks.generate.files import Action, changes, write
    from mlflow_hooks.reading.selection import sound
    from mlflow_hooks.rules.check import refuse

    from .change import Change, tell

    project = _project(options, report).folder
    readings = _readings(project, options.projects, options.names)
    for finding in (one for reading in readings if reading.sound for one in reading.findings):
        report.notice(f"{finding.file}:{finding.line}: {finding.message} {finding.remedy}")
    hooks = [sound(reading) for reading in readings]
    refuse(_findings(readings, refs=False))  # what git has at a ref may come after the files that name it
    folder = _folder(project, options)
    planned = changes(hooks, folder, prune=not options.names)
    if not options.check:
        write(planned, folder, force=options.force)
    done = [
        Change(
            "file",
            f"{folder.name}/{one.path}",
            one.action.value,
            "edited by hand" if one.edited else "",
            exit_code=ExitCode.LEFT if options.check and one.action is not Action.NOTHING else ExitCode.DONE,
        )
        for one in planned
    ]
    return tell(done, report, dry_run=options.check)


def _deploy(options: HookOptions, report: Report) -> int:
    from databricks_sync.cli.session import opened
    from mlflow_hooks.deploy.deploy import deploy
    from mlflow_hooks.deploy.notebooks import DeployOptions
    from mlflow_hooks.reading.selection import sound
    from mlflow_hooks.rules.check import refuse

    found = _project(options, report)
    with opened(options.session(options.target or TARGET), found) as session:
        _tell(session, report)
        session.permitted()
        project = session.settings.project
        readings = _readings(project, options.projects, ())
        hooks = [sound(reading) for reading in readings]
        refuse(_findings(readings))
        deployment = DeployOptions(
            session.target,
            generate=f"mlflow_hooks generate{options.folders()}",
            deploy=f"mlflow_hooks deploy{options.login()}{options.folders()}",
            overwrite=options.overwrite,
            prune=options.prune,
            dry_run=options.dry_run,
            take_over=options.take_over,
            wait=options.wait,
        )
        return deploy(hooks, _folder(project, options), session, deployment, report)


def _run_project(options: HookOptions, report: Report) -> int:
    from databricks_sync.cli.session import opened
    from mlflow_hooks.reading.selection import one_by_name, sound
    from mlflow_hooks.run.local import on_this_machine
    from mlflow_hooks.run.resolve import run_spec
    from mlflow_hooks.run.workspace import on_databricks

    found = _project(options, report)
    project = found.folder
    hook = sound(one_by_name(_readings(project, options.projects, ()), options.name))
    if options.backend == "local":
        spec = run_spec(hook, options, None, report)
        folder = project / (options.tracking or "mlruns")
        return ExitCode.DONE if options.dry_run else on_this_machine(spec, folder, report)
    # A target is only named so that the session asks for no branch where the experiment needs none.
    with opened(options.session(TARGET if options.experiment else None), found) as session:
        _tell(session, report)
        spec = run_spec(hook, options, session, report)
        return ExitCode.DONE if options.dry_run else on_databricks(spec, session, report)


def _findings(readings: list[HookReading], *, refs: bool = True) -> list[Finding]:
    from datetime import datetime, timezone

    from mlflow_hooks.rules.check import check

    return check(readings, datetime.now(timezone.utc), refs=refs)


def _project(options: HookOptions, report: Report) -> Project:
    """The project we are in, which has the folder with the hooks' projects; says where that is not plain to see."""
    from databricks_sync.cli.project import find
    from mlflow_hooks.reading.hook_file import PROJECTS

    found = find(os.environ, Path.cwd(), (options.projects or PROJECTS,))
    if found.notice:
        report.notice(found.notice)
    return found._replace(notice="")


def _tell(session: Session, report: Report) -> None:
    for notice in session.settings.notices:
        report.notice(notice)


def _folder(project: Path, options: HookOptions) -> Path:
    """The folder of what is generated."""
    from mlflow_hooks.generate.files import FOLDER

    return Path(os.path.abspath(project / (options.folder or FOLDER)))


def _readings(project: Path, projects: str | None, names: tuple[str, ...]) -> list[HookReading]:
    """The hooks of the project folder, or those that are named."""
    from mlflow_hooks.reading.hook_file import PROJECTS, read_hooks
    from mlflow_hooks.reading.selection import chosen_by_name

    return chosen_by_name(read_hooks(project / (projects or PROJECTS)), names)
