"""What both commands share: their options, where the target comes from, and errors -> exit codes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .errors import SettingsError, SyncError
from .model import Direction

if TYPE_CHECKING:
    from .git import Repository
    from .http import Http
    from .plan import Mode
    from .report import JsonReport, TextReport
    from .settings import Login, Settings

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def options(name: str, direction: Direction) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a function the command `name` with the options both directions have."""
    source, destination = ("folder", "workspace") if direction is Direction.PUSH else ("workspace", "folder")
    declared = [
        click.argument("paths", nargs=-1),
        click.option(
            "--overwrite",
            is_flag=True,
            help=f"The {source} wins where the sides differ; what it replaces is kept in a backup.",
        ),
        click.option("-n", "--dry-run", is_flag=True, help="Show the plan; change nothing on either side."),
        click.option("--diff", is_flag=True, help="With the plan, show the differences, cell by cell."),
        click.option("--target", metavar="PATH", help="The workspace folder, instead of /Users/<user>/<branch>."),
        click.option("--branch", metavar="NAME", help="The branch, instead of the one that is checked out."),
        click.option("--user", metavar="NAME", help="The workspace user, instead of the one who is logged in."),
        click.option("--profile", metavar="NAME", help="The profile of ~/.databrickscfg to log in with."),
        click.option(
            "--local", is_flag=True, help="Use the workspace on this machine (as DATABRICKS_HOST=local does)."
        ),
        click.option("--no-delete", is_flag=True, help=f"Delete nothing in the {destination}."),
        click.option(
            "--max-delete",
            metavar="N|P%",
            help="Let the run delete so many objects, or such a share of them.",
        ),
        click.option("--allow-all-changed", is_flag=True, help="Let the run change every object at once."),
        click.option("--allow-empty", is_flag=True, help=f"Believe a {source} that is suddenly empty or gone."),
        click.option(
            "--restore",
            metavar="[RUN]",
            is_flag=False,
            flag_value="",
            default=None,
            help="List the backups, or bring one back: a whole run, or the PATHS of it.",
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="One JSON object per line: an event per path and a summary.",
        ),
        click.version_option(__version__, "--version", prog_name=name),
    ]

    def decorate(function: Callable[..., Any]) -> click.Command:
        for option in reversed(declared):
            function = option(function)
        return click.command(name, context_settings=_CONTEXT)(function)

    return decorate


def run(command: click.Command) -> None:
    """Runs a command as a program: click's own mistakes exit with 2, ours with their own code, and no traceback."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing was left half done.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output has had enough
        sys.exit(141)


def sync(direction: Direction, mode: Mode, chosen: dict[str, Any]) -> int:
    """One run of a command with its parsed options; returns the exit code."""
    from .report import for_streams

    name = "to_databricks" if direction is Direction.PUSH else "from_databricks"
    report = for_streams(name, chosen["as_json"])
    with _spoken(report) as code:
        _run(direction, mode, chosen, report, code)
    return code[0]


@contextmanager
def _spoken(report: TextReport | JsonReport) -> Iterator[list[int]]:
    """Says every error in one sentence; what nobody expected goes to a file, with where it is."""
    code = [0]
    try:
        yield code
    except SyncError as error:
        report.error(error)
        code[0] = error.exit_code
    except KeyboardInterrupt:
        report.error(SyncError("Interrupted before anything was written."))
        code[0] = 130
    except BrokenPipeError:
        raise
    except Exception as error:
        with tempfile.NamedTemporaryFile(
            "w", prefix="databricks_sync-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(f"databricks-branch-sync {__version__}, Python {sys.version}\n{traceback.format_exc()}")
        report.error(
            SyncError(
                f"Something unexpected went wrong ({type(error).__name__}); nothing that was not reported was done.",
                f"Please report it with {log.name}, and run the command again: nothing is lost.",
            )
        )
        code[0] = 4


def _run(
    direction: Direction, mode: Mode, chosen: dict[str, Any], report: TextReport | JsonReport, code: list[int]
) -> None:
    from . import restore, settings
    from .git import Repository
    from .http import connect
    from .sync import Sync

    wanted = {
        "profile": chosen["profile"],
        "user": chosen["user"],
        "host": "local" if chosen["local"] else None,
    }
    known = settings.load(wanted, os.environ, Path.cwd())
    repository = Repository(known.project)
    with _workspace(known) as login:
        known = replace(known, login=login)
        http = connect(login)
        target = _target(chosen, known, repository, http)
        run = Sync(known, repository, http, report)
        paths = _paths(chosen["paths"], known)
        if chosen["restore"] is not None:
            code[0] = restore.run(run, direction, target, chosen["restore"], paths, report)
            return
        done = run.run(_request(mode, target, paths, chosen))
        report.summary(done)
        code[0] = done.exit_code


def _request(mode: Mode, target: str, paths: tuple[str, ...], chosen: dict[str, Any]) -> Any:
    from .survey import Scope
    from .sync import Request
    from .valves import Allowed

    share = chosen["max_delete"]
    if share is not None and not re.fullmatch(r"\d+|\d+(\.\d+)?%", share):
        raise SettingsError(
            f"--max-delete {share} is neither a number nor a percentage.", "Write --max-delete 12 or 40%."
        )
    return Request(
        mode=mode,
        target=target,
        scope=Scope(paths),
        dry_run=chosen["dry_run"],
        diff=chosen["diff"],
        delete=not chosen["no_delete"],
        insisted=bool(chosen["target"] or chosen["branch"]),
        allowed=Allowed(share, chosen["allow_all_changed"], chosen["allow_empty"]),
    )


def _paths(given: tuple[str, ...], known: Settings) -> tuple[str, ...]:
    """The PATHS of the command line, relative to the project folder as the plan shows them."""
    found = []
    for text in given:
        path = Path(os.path.abspath(Path.cwd() / text))
        inside = path == known.project or known.project in path.parents
        found.append(path.relative_to(known.project).as_posix() if inside else text)
    return tuple(found)


@contextmanager
def _workspace(known: Settings) -> Iterator[Login]:
    """The login to use; for host `local`, that of the embedded workspace, started for this run if need be."""
    login = known.login
    if not login.local:
        yield login
        return
    try:
        from databricks_local.cli import default_folder
        from databricks_local.embedded import running
        from databricks_local.home import RefusedError
    except ImportError:
        raise SettingsError(
            "The workspace on this machine is not installed.",
            "Type: pip install 'databricks-branch-sync[local]'",
        ) from None
    folder = (known.project / known.local_folder) if known.local_folder else default_folder()
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running(folder))
        except RefusedError as error:
            raise SettingsError(str(error)) from None
        yield replace(login, host=server.host, token=server.token, where=f"local, in {folder}")


def _target(chosen: dict[str, Any], known: Settings, repository: Repository, http: Http) -> str:
    """The branch folder. Asks the workspace who we are only where nobody said."""
    from . import target as targets

    if chosen["target"]:
        path = chosen["target"]
        if not path.startswith("/"):
            raise SettingsError(f"--target {path} is not an absolute path.", f"Write --target /Shared/{path}.")
        path = targets.normalise(path)
        owner = targets.home_of(path)
        user = (known.user or _me(http)) if owner else None
        targets.check_target(path, user)
        return path
    branch = chosen["branch"] or repository.branch() or targets.ci_branch(os.environ)
    if not branch:
        raise SettingsError(
            "No branch is checked out (detached HEAD), so there is no branch folder.",
            "Name one with --branch NAME, or a folder with --target PATH.",
        )
    path = f"/Users/{known.user or _me(http)}/{targets.branch_folder(branch)}"
    targets.check_target(path, None)
    return path


def _me(http: Http) -> str:
    from .workspace import Workspace

    return Workspace(http, "/").me()
