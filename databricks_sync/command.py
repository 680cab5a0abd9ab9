"""What both commands share: settings -> target -> one run, and every error -> one sentence and an exit code."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .errors import SettingsError, SyncError
from .options import again

if TYPE_CHECKING:
    from .http import Http
    from .plan import Mode
    from .report import JsonReport, TextReport
    from .run import Request
    from .settings import Login, Settings


def run(command: click.Command) -> None:
    """Runs a command as a program: click's own mistakes exit with 2, ours with their own code, and no traceback."""
    code = 0
    try:
        try:
            command.main(standalone_mode=False)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing was left half done.", err=True)
        code = 130
    except BrokenPipeError:
        # Whoever read our output has had enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    sys.exit(code)


def sync(mode: Mode, chosen: dict[str, Any]) -> int:
    """One run of a command with its parsed options; returns the exit code."""
    from .report import for_streams

    report = for_streams(mode.direction, chosen["as_json"])
    with _spoken(report) as code:
        code[0] = _run(mode, chosen, report)
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
        about = f"Something unexpected went wrong ({type(error).__name__}); nothing that was not reported was done."
        where = _logged(traceback.format_exc())
        hint = f"Please report it with {where}, and run the command again: nothing is lost." if where else ""
        report.error(SyncError(about, hint))
        code[0] = 4


def _logged(text: str) -> str:
    """Writes what went wrong to a file for a report; where it is, or nothing when there is no room for it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="databricks_sync-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(f"databricks-branch-sync {__version__}, Python {sys.version}\n{_scrubbed(text)}")
        return log.name
    except OSError:
        return ""


def _scrubbed(text: str) -> str:
    """`text` without anything that could be a token."""
    for name, value in os.environ.items():
        if value and ("TOKEN" in name or "SECRET" in name):
            text = text.replace(value, "***")
    return re.sub(r"(Bearer\s+|dapi|dose)[^\s'\"\\]+", r"\1***", text)


def _run(mode: Mode, chosen: dict[str, Any], report: TextReport | JsonReport) -> int:
    from . import restore, settings
    from .git import Repository
    from .http import connect
    from .sync import Sync
    from .target import ci_branch
    from .valves import unfinished

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
        if not (chosen["branch"] or chosen["target"]) and (operation := repository.operation()):
            raise unfinished(operation)
        branch = chosen["branch"] or repository.branch() or ci_branch(os.environ)
        target = _target(chosen["target"], branch, known, http)
        run = Sync(known, repository, http, report)
        paths = _paths(chosen["paths"], known)
        if chosen["restore"] is not None:
            return restore.run(run, mode.direction, target, chosen["restore"], paths, report)
        done = run.run(_request(mode, target, branch, paths, chosen))
        report.summary(done)
        return done.exit_code


def _request(mode: Mode, target: str, branch: str | None, paths: tuple[str, ...], chosen: dict[str, Any]) -> Request:
    from .run import Request
    from .survey import Scope
    from .valves import Allowed

    allowed = Allowed(
        deletes=chosen["max_delete"],
        all_changed=chosen["allow_all_changed"],
        empty=chosen["allow_empty"],
        take_over=chosen["take_over"],
    )
    return Request(
        mode=mode,
        target=target,
        scope=Scope(paths),
        dry_run=chosen["dry_run"],
        diff=chosen["diff"],
        delete=not chosen["no_delete"],
        insisted=bool(chosen["target"] or chosen["branch"]),
        allowed=allowed,
        lock=chosen.get("lock", False),
        wait=chosen["wait"],
        branch=branch or "",
        again=again(chosen),
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


def _target(named: str | None, branch: str | None, known: Settings, http: Http) -> str:
    """The branch folder. Asks the workspace who we are only where nobody said."""
    from . import target as targets

    if named:
        path = targets.normalise(named)
        owner = targets.home_of(path)
        user = (known.user or _me(http)) if owner else None
        targets.check_target(path, user)
        return path
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
