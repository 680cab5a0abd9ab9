"""The words for what a run does and did, the same wherever they are shown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from databricks_sync.engine.report import Report
from databricks_sync.engine.request import Request
from databricks_sync.errors import printable, quantity
from databricks_sync.model import Direction, Kind, Mode, Problem, Severity
from databricks_sync.rules.outcome import Outcome, Result
from databricks_sync.rules.plan import REPLACES, Action, Step

THERE = {Direction.PUSH: "in the workspace", Direction.PULL: "locally"}
AHEAD = {Direction.PUSH: "changed only in the workspace", Direction.PULL: "changed only locally"}
WHY = {
    "--x": "only in the workspace",
    "-x-": "only local",
    "-xo": "other outputs or metadata in the workspace",
    "-xy": "differs from the workspace (no earlier sync of it is known in this clone)",
    "bbo": "other outputs or metadata in the workspace",
    "bob": "outputs or metadata edited locally",
    "boo": "outputs or metadata edited locally, others in the workspace",
    "boy": "outputs or metadata edited locally, content in the workspace",
    "bo-": "outputs or metadata edited locally, deleted in the workspace",
    "bby": "edited in the workspace",
    "bb-": "deleted in the workspace",
    "bxb": "edited locally",
    "b-b": "deleted locally",
    "bxo": "same edit on both sides, other outputs or metadata in the workspace",
    "bxy": "edited on both sides",
    "bx-": "edited locally, deleted in the workspace",
    "b-y": "deleted locally, edited in the workspace",
}
_WHY_REMOVED = {"--x": "not pushed from this clone", "b-b": "", "b-y": "edited in the workspace"}
_SIDES = {"here": "locally", "there": "in the workspace"}
MOVED = ">"
SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.AHEAD: "<",
    Action.CONFLICT: "!",
    Action.MERGE: "&",
    Action.MARK: "!",
}
STYLES = {
    "+": "green",
    ">": "green",
    "~": "yellow",
    "&": "yellow",
    "-": "red",
    "<": "cyan",
    "!": "bold red",
    "@": "bold",
    "?": "magenta",
}
PAST = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.MERGE: "merged",
    Action.MARK: "marked",
}


def why(step: Step) -> str:
    """What has happened to an object since both sides agreed on it."""
    reason = WHY.get(step.shape, "")
    if step.moved:
        return _moved(step, reason)
    if not step.older:
        return reason
    edits = len(step.shape.replace("b", ""))
    sides = " " + " and ".join(_SIDES[side] for side in step.older)
    return f"{reason}: back to an older version{'' if edits == 1 else sides}"


def ways_out(request: Request, conflicts: Sequence[Step], path: str) -> list[tuple[str, str]]:
    """What can be done about conflicts, each with its command; `path`: theirs, as it is typed."""
    ways = [
        ("keep the local version", f"to_databricks{request.again} --overwrite {path}"),
        ("keep the workspace version", f"from_databricks{request.again} --overwrite {path}"),
    ]
    if any(step.shape in ("bxy", "boy") and step.local and step.local.kind is Kind.NOTEBOOK for step in conflicts):
        merging = f"from_databricks{request.again} --merge"
        if request.mode is not Mode.PULL_MERGE:
            ways.append(("merge the cells", f"{merging} {path}"))
        elif any(step.merge and step.merge.clashes for step in conflicts):
            ways.append(("choose in an editor", f"{merging} --markers {path}"))
    return ways


def reason(step: Step, request: Request) -> str:
    """The same, as far as it matters to what a run was asked for."""
    return _WHY_REMOVED.get(step.shape, "") if request.removing else why(step)


def _moved(step: Step, reason: str) -> str:
    if step.action is Action.CREATE:
        return f"from {printable(step.moved)}"
    if step.local or not step.remote:
        return f"{reason}, and moved locally to {printable(step.moved)}"
    return f"the old location, {printable(step.key)}"


def whole(steps: Sequence[Step]) -> list[Step]:
    """The steps as a person counts them: one for each move."""
    moved = {step.key for step in steps if step.is_move}
    return [step for step in steps if step.moved not in moved] if moved else list(steps)


def shown_as(steps: Sequence[Step], action: Action) -> list[Step]:
    """What a plan shows as this action: a move is neither a creation nor a deletion."""
    return [step for step in whole(steps) if step.action is action and not step.is_move]


def takes_away(outcome: Outcome, direction: Direction) -> bool:
    """Whether something was deleted, or replaced that was not what both sides had agreed on."""
    step = outcome.step
    before = step.shape[2 if direction is Direction.PUSH else 1 :][:1]  # nothing for a restore: who knows what it was
    took = step.action is Action.DELETE or (step.action in REPLACES and before != "b")
    return took and outcome.result is Result.DONE


def ago(seconds: float) -> str:
    """How long ago something was, in the largest unit that fits; clocks of two machines may differ."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{quantity(int(seconds // length), unit)} ago"
    return "just now"


def summed(report: Report) -> str:
    """The last line of a run."""
    counts = counted(report)
    dry = report.request.dry_run
    if report.request.restore:
        past, rest = {"restore": "restored"}, f"{counts['unchanged']:,} unchanged"
    else:
        past = {"move": "moved", **{action.value: done for action, done in PAST.items()}}
        rest = _fate(report) if report.request.removing else f"{counts['in_sync']:,} in sync"
    parts = [f"{counts[name]:,} {f'to {name}' if dry else done}" for name, done in past.items() if counts[name]]
    if counts["conflict"]:
        parts.append(quantity(counts["conflict"], "conflict"))
    parts += [f"{counts[name]:,} {name}" for name in ("refused", "failed") if counts[name]]
    if counts["ahead"]:
        parts.append(f"{counts['ahead']:,} skipped")
    if report.interrupted:
        parts = parts or ["nothing done"]
    elif len(parts) == 0:
        parts = ["nothing to do"]
    parts.append(rest)
    return f"{', '.join(parts)} ({report.seconds:.{1 if report.seconds >= 1 else 2}f} s)"


def _fate(report: Report) -> str:
    """What becomes of the folder itself, with a removal."""
    if report.request.dry_run:
        return "the folder would stay" if report.remains else "the folder would go"
    return "the folder stays" if report.remains else "the folder is gone"


def severities(problems: Sequence[Problem]) -> dict[str, int]:
    """How many of these are refused, have failed, or are only told of."""
    counts = Counter(problem.severity for problem in problems)
    return {"refused": counts[Severity.REFUSED], "failed": counts[Severity.FAILED], "noted": counts[Severity.NOTE]}


def counted(report: Report) -> dict[str, int]:
    """How many objects a run left in each state, as the summary of --json has them."""
    done = [outcome.step for outcome in report.outcomes if outcome.result is Result.DONE]
    planned = [step for step in report.steps if step.writes]
    wrote = planned if report.request.dry_run else done
    counts = {action.value: len(shown_as(wrote, action)) for action in PAST}
    counts["move"] = sum(1 for step in wrote if step.is_move)
    counts |= {"conflict": len(report.conflicts), **severities(report.problems)}
    clean = [step for step in report.steps if not step.problem]
    counts["ahead"] = sum(1 for step in clean if step.action is Action.AHEAD)
    agreed = sum(1 for step in clean if step.action in (Action.NOTHING, Action.ADOPT))
    made = counts["create"] + counts["update"] + counts["move"]
    if report.request.restore:  # after which the sides need not be in sync
        return counts | {"restore": made, "unchanged": agreed}
    return counts | {"in_sync": agreed + (0 if report.request.dry_run else made)}
