"""`--status`: what differs between the two sides, on either, in one look that writes nothing."""

from __future__ import annotations

from databricks_sync.engine import status
from databricks_sync.exit_code import ExitCode
from databricks_sync.model import Mode
from databricks_sync.output import status as output
from databricks_sync.output.report import Reporter

from . import browser
from .options import Options
from .session import Session


def run(session: Session, options: Options, report: Reporter) -> int:
    """Tells how both sides stand; returns the exit code. Raises SyncError when they cannot be seen whole."""
    request = session.request(options, Mode.PULL)._replace(dry_run=True)
    output.show(report, status.look(session.sync(report), request), short=options.short)
    if options.open:
        browser.show(request.address(), report.notice)
    return ExitCode.DONE
