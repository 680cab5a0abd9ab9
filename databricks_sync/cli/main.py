"""What both commands share: settings -> target -> one run, and every error -> one sentence and an exit code."""

from __future__ import annotations

import os
import re
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from databricks_sync import __version__, interrupt
from databricks_sync.errors import InterruptedRun, SyncError
from databricks_sync.exit_code import ExitCode

from . import browser

if TYPE_CHECKING:
    from databricks_sync.output.report import Reporter

    from .options import Options


def run(command: click.Command) -> None:
    """Runs a command as a program: click's own mistakes exit with 2, ours with their own code, and no traceback."""
    try:
        code = _outcome(command)
        interrupt.over()
    except KeyboardInterrupt:  # again, while the first one was told of, or just as it ended
        os._exit(ExitCode.INTERRUPTED)
    if interrupt.pressed() and threading.active_count() > 1:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # nobody waits for what is still being read
    sys.exit(code)


def _outcome(command: click.Command) -> int:
    """The exit code of a command that has run. Raises what nobody expects, and KeyboardInterrupt for a second one."""
    code: int = ExitCode.DONE
    try:
        interrupt.ready()
        try:
            command.main(standalone_mode=False)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = ExitCode.UNREAD
    except (KeyboardInterrupt, Exception) as error:
        if not isinstance(error, (click.Abort, KeyboardInterrupt)) and not interrupt.pressed():
            raise
        click.echo("Interrupted; nothing is half done.", err=True)
        code = ExitCode.INTERRUPTED
    return code


def sync(options: Options) -> int:
    """One run of a command; returns the exit code."""
    from databricks_sync.output.report import for_streams  # which --help does not need

    report = for_streams(options.direction, options.as_json)
    return spoken(lambda: _run(options, report), report.error)


def spoken(act: Callable[[], int], tell: Callable[[SyncError], None]) -> int:
    """The exit code that `act` returns, or that of its error, which is told in one sentence.

    What nobody expected goes to a file, with where it is.
    """
    try:
        return act()
    except SyncError as error:
        tell(error)
        return error.exit_code
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, Exception) as error:
        if interrupt.pressed() or isinstance(error, KeyboardInterrupt):
            tell(InterruptedRun("Interrupted."))
            return ExitCode.INTERRUPTED
        about = f"Something unexpected went wrong ({type(error).__name__}); nothing was changed that was not reported."
        where = _logged(traceback.format_exc())
        hint = f"Please report it with {where}, and run the command again: nothing is lost." if where else ""
        tell(SyncError(about, hint))
        return ExitCode.FAILED


def _logged(text: str) -> str:
    """Writes what went wrong to a file for a report; where it is, or nothing when there is no room for it."""
    import tempfile  # which no other run needs

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


def _run(options: Options, report: Reporter) -> int:
    from .session import opened

    if options.init:
        from . import init

        return init.run(options, report)
    if options.review is not None:
        from . import review

        return review.run(options, report)
    if options.git_drivers:
        from . import git_drivers

        return git_drivers.run(options, report)
    if options.watch:
        from .watch import watch

        return watch(options, report)
    with opened(options) as session:
        for notice in session.settings.notices:
            report.notice(notice)
        if options.status:
            from . import status

            return status.run(session, options, report)
        if options.remove:
            from . import remove

            return remove.run(session, options, report)
        run, request = session.sync(report), session.request(options)
        if options.restore is None:
            done = run.run(request)
        else:
            from databricks_sync.engine import restore

            if not options.restore:
                report.backups(request, *restore.listed(run, request))
                return 0
            done = restore.run(run, request)
        report.summary(done)
        if options.open:
            browser.show(request.address(), report.notice)
        return done.exit_code
