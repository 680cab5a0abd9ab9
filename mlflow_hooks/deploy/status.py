"""What the workspace has of each hook: which ref, which schedule, how its last run ended, and what differs.

It is only read. What differs is told as `deploy` would tell it: field by field against what was deployed last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from databricks_sync.cli.session import Session
from databricks_sync.errors import enumerated
from databricks_sync.output.wording import ago
from databricks_sync.remote.folder import Workspace
from mlflow_hooks.generate import job
from mlflow_hooks.generate.notebook import notebook
from mlflow_hooks.model import Hook, RefKind
from mlflow_hooks.report import Reporter
from mlflow_hooks.schema import Engine

from .jobs import HookJob, Jobs
from .merge import merge
from .notebooks import exported
from .permissions import Permissions, as_asked, as_compared
from .record import JobRecord, Records, deployed_last

# In the heading of a hook notebook, see generate/notebook.py.
_REF = re.compile(r"# MAGIC - Repository: .*, (tag|commit|branch) .(\S+).$", re.M)


@dataclass(frozen=True, slots=True)
class HookStatus:
    """One hook in one workspace. `ref` is such as `tag v1.0`; `started_ms` since 1970, 0 where it never ran.

    `edited`: settings that somebody edited there; `outdated`: what a deployment would change.
    """

    hook: Hook
    job_id: int = 0
    ref: str = ""
    schedule: str = ""
    edited: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    last_result: str = ""
    started_ms: int = 0


def status(hooks: Mapping[str, Hook], session: Session, target: str) -> HookStatus:
    """The status of a hook. `hooks`: as it is for each of its targets; what was deployed decides which one is meant.

    Raises WorkspaceError; BrokenProject where the engine cannot carry the project.
    """
    name = next(iter(hooks.values())).name
    record = Records(session.http, target).of(name)
    hook = hooks.get(record.to if record else "", next(iter(hooks.values())))
    jobs = Jobs(session.http)
    ours = [present for present in jobs.named(hook.notebook) if present.hook == hook.name and not present.deployed_by]
    if not ours:
        return HookStatus(hook)
    present, run = jobs.get(ours[0].job_id), jobs.last_run(ours[0].job_id)
    edited, outdated = _differing(hook, record, present, target, Permissions(session.http))
    by_notebook = hook.engine is Engine.MLFLOW
    text = exported(Workspace(session.http, target), hook.notebook) if by_notebook else ""
    if by_notebook and text != notebook(hook):
        outdated = (*outdated, "the notebook")
    return HookStatus(
        hook,
        present.job_id,
        _ref(hook, present, text),
        _schedule(present),
        edited,
        outdated,
        run.result,
        run.started_ms,
    )


def _differing(
    hook: Hook, record: JobRecord | None, present: HookJob, target: str, permissions: Permissions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    local = as_asked(hook, target)
    base = deployed_last(record, present.last, local)
    compared = as_compared(local, base)
    merged = merge(base, compared, permissions.added(present, base or {}, compared))
    return (*merged.kept, *merged.conflicts), (*merged.changed, *merged.conflicts)


def _ref(hook: Hook, present: HookJob, text: str) -> str:
    """Of what is deployed, not of hook.yml."""
    if hook.engine is Engine.MLFLOW:
        match = _REF.search(text)
        return f"{match[1]} {match[2]}" if match else ""
    source: Any = present.settings.get("git_source") or {}
    kinds = {kind: source.get(key) for kind, key in job.REF_FIELDS.items()} if isinstance(source, Mapping) else {}
    return next((f"{kind.value} {kinds[kind]}" for kind in RefKind if kinds.get(kind)), "")


def _schedule(present: HookJob) -> str:
    schedule: Any = present.settings.get("schedule")
    if not isinstance(schedule, Mapping):
        return ""
    paused = ", paused" if schedule.get("pause_status") == "PAUSED" else ""
    return f"{schedule.get('quartz_cron_expression')} {schedule.get('timezone_id')}{paused}"


def report_status(found: HookStatus, report: Reporter, now: float) -> None:
    """Says it: a line for the hook, and one for each way in which it differs. `now` in seconds since 1970."""
    run = ""
    if found.last_result:
        when = f", {ago(now - found.started_ms / 1000)}" if found.started_ms else ""
        run = f"last run {found.last_result}{when}"
    about = [found.hook.to, found.ref, found.schedule or "no schedule", run or "never run"]
    lines = [f"{found.hook.name:<12} {'; '.join(filter(None, about)) if found.job_id else 'not deployed'}"]
    if found.edited:
        lines.append(f"  edited in the workspace: {enumerated(found.edited)}")
    if found.outdated:
        lines.append(f"  to be deployed: {enumerated(found.outdated)}")
    report.event(
        "status",
        "\n".join(lines),
        hook=found.hook.name,
        to=found.hook.to or None,
        job_id=found.job_id or None,
        ref=found.ref or None,
        schedule=found.schedule or None,
        edited=list(found.edited),
        outdated=list(found.outdated),
        last_result=found.last_result or None,
        last_start=found.started_ms or None,
    )
