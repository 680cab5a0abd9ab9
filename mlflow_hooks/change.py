"""What becomes of one file, notebook or job, and how that is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from databricks_sync.errors import SyncError
from databricks_sync.exit_code import ExitCode
from databricks_sync.output.wording import SIGNS, STYLES
from databricks_sync.rules.plan import Action

from .report import Reporter

_DONE = {"create": "created", "update": "updated", "delete": "deleted"}
_WORDS = {"in_sync": "in sync", "left": "not changed"}  # of the counts in the summary


@dataclass(frozen=True, slots=True)
class Change:
    """`action` is create, update, delete or nothing; `problem` says why it is left alone, `hint` what to type."""

    kind: str  # notebook, job, experiment or file
    name: str
    action: str = "nothing"
    why: str = ""
    problem: str = ""
    hint: str = ""
    address: str = ""  # of what is in the workspace, where it has a page
    exit_code: ExitCode = ExitCode.DONE


def report_changes(
    changes: Sequence[Change], report: Reporter, *, dry_run: bool, stopped: SyncError | None = None, address: str = ""
) -> ExitCode:
    """Says what became of each, and of all; the exit code.

    `stopped`: why there are no more of them. `address`: the page of what they are in.
    """
    for change in changes:
        text = style = ""
        if change.problem:
            sign = "!" if change.exit_code else "?"
            text, style = f"{sign} {change.kind} {change.name} {change.problem}", STYLES[sign]
        elif change.action != "nothing":
            sign = SIGNS[Action(change.action)]
            text = f"{sign} {change.kind} {change.name}{f'  {change.why}' if change.why else ''}"
            style = STYLES[sign]
        report.event(
            change.kind,
            name=change.name,
            action=change.action,
            why=change.why,
            problem=change.problem or None,
            hint=change.hint or None,
            address=change.address or None,
        )
        report.line(text, style, (change.name, change.address))
        if change.hint:
            report.line(f"    {change.hint}")
    counts = {word: sum(1 for change in changes if change.action == action) for action, word in _DONE.items()}
    counts["in_sync"] = sum(1 for change in changes if change.action == "nothing" and not change.problem)
    counts["left"] = sum(1 for change in changes if change.problem)
    code = max((change.exit_code for change in changes), default=ExitCode.DONE)
    if stopped is not None:
        report.error(stopped)
        code = stopped.exit_code
    will = "to be " if dry_run else ""
    words = [
        f"{count} {will if word in _DONE.values() else ''}{_WORDS.get(word, word)}"
        for word, count in counts.items()
        if count
    ]
    text = ", ".join(words) or ("there are no hooks" if stopped is None else "nothing was done")
    style = "bold" if code else "bold green"
    report.event("summary", text, style, dry_run=dry_run, **counts, address=address or None, exit_code=code)
    if any(change.action != "nothing" or change.problem for change in changes):
        report.address("", address)
    return code
