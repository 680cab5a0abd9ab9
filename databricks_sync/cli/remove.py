"""`--remove`: the folder of one branch that is over, or (`--merged`) of all that git knows to be."""

from __future__ import annotations

from databricks_sync.engine import removal
from databricks_sync.errors import SettingsError, ValveError, enumerated
from databricks_sync.exit_code import ExitCode
from databricks_sync.output.report import Reporter
from databricks_sync.rules.finished_branches import over

from .options import Options
from .session import Session

_KEPT = "These folders stay, because git knows no merge of their branches"
_SQUASHED = "Git cannot tell a squash merge: delete such a branch, or name it with --branch in place of --merged."
_NOTHING = "nothing to do: no folder that was pushed from this clone is of a branch that is merged or gone"


def run(session: Session, options: Options, report: Reporter) -> int:
    """Removes the folder, or all of them; returns the exit code. Raises SyncError."""
    if not options.merged:
        return _removed(session, options, report)
    branches = session.repository.known_branches()
    codes, kept = [], []
    for target, branch in [*removal.pushed_branches(session.sync(report))]:
        there = session.at(branch)
        if there.target != target or branch == session.head:  # a folder of choice goes only where it is named
            continue
        if reason := over(branch, branches):
            codes.append(_stopped(there, options._replace(branch=branch), report, reason))
        elif not branches[branch].checked_out and not branches[branch].default:
            kept.append(branch)
        if ExitCode.INTERRUPTED in codes:
            return ExitCode.INTERRUPTED
    if kept:
        report.notice(f"{_KEPT}: {enumerated(kept)}. {_SQUASHED}")
    if not codes:
        report.say(_NOTHING, "summary", command=options.direction.command, exit_code=0)
    return _worst(codes)


def _removed(session: Session, options: Options, report: Reporter, because: str = "") -> int:
    request = session.request(options)._replace(because=because)
    done = removal.run(session.sync(report), request)
    report.summary(done)
    return done.exit_code


def _stopped(session: Session, options: Options, report: Reporter, because: str) -> int:
    """As `_removed`; what stops one of them before its first write does not stop the others."""
    try:
        return _removed(session, options, report, because)
    except (ValveError, SettingsError) as error:
        report.error(error)
        return error.exit_code


def _worst(codes: list[int]) -> int:
    """The exit code of several runs: where only some were stopped, the rest was done."""
    stopped = [code for code in codes if code in (ExitCode.USAGE, ExitCode.STOPPED)]
    return ExitCode.FAILED if 0 < len(stopped) < len(codes) else max(codes, default=ExitCode.DONE)
