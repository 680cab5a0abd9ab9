"""What the workspace has of each hook: which ref, which schedule, how its last run ended, and what differs.

It is only read. What differs is told as `deploy` would tell it: field by field against what was deployed last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_NOT_DEPLOYED: Mapping[str, Any] = {
    **dict.fromkeys(("job_id", "ref", "schedule", "last_result", "last_start")),
    "edited": [],
    "outdated": [],
}


def report_status(hooks: Mapping[str, Hook], session: Session, report: Reporter, now: float) -> bool:
    """Says what the workspace has of a hook; whether it is deployed. `now` in seconds since 1970.

    `hooks`: as it is for each of its targets; what was deployed decides which one is meant. Raises WorkspaceError;
    HookError where the engine cannot carry the project.
    """
    first = next(iter(hooks.values()))
    record = Records(session.http, session.target).of(first.name)
    hook = hooks.get(record.to if record else "", first)
    jobs = Jobs(session.http)
    same_name = jobs.of_hook(hook.name, record.job_id if record else 0)
    present = next((job for job in same_name if job.hook == hook.name and not job.deployed_by), None)
    if present is None:
        report.event("status", f"{hook.name:<12} not deployed", hook=hook.name, to=hook.to or None, **_NOT_DEPLOYED)
        return False
    edited, outdated = _differing(hook, record, present, session.target, Permissions(session.http))
    text = ""
    if hook.engine is Engine.MLFLOW:
        text = exported(Workspace(session.http, session.target), hook.notebook)
        outdated += ["the notebook"] if text != notebook(hook) else []
    result, started_ms = jobs.last_run(present.job_id)
    ref, schedule = _ref(hook, present, text), _schedule(present)
    run = f"last run {result}" if result else "never run"
    if started_ms and result:
        run += f", {ago(now - started_ms / 1000)}"
    lines = ["; ".join(filter(None, [hook.to, ref, schedule or "no schedule", run]))]
    if edited:
        lines.append(f"  edited in the workspace: {enumerated(edited)}")
    if outdated:
        lines.append(f"  to be deployed: {enumerated(outdated)}")
    report.event(
        "status",
        f"{hook.name:<12} " + "\n".join(lines),
        hook=hook.name,
        to=hook.to or None,
        job_id=present.job_id,
        ref=ref or None,
        schedule=schedule or None,
        edited=edited,
        outdated=outdated,
        last_result=result or None,
        last_start=started_ms or None,
    )
    return True


def _differing(
    hook: Hook, record: JobRecord | None, present: HookJob, target: str, permissions: Permissions
) -> tuple[list[str], list[str]]:
    """The settings that somebody edited in the workspace, and those that a deployment would change."""
    local = as_asked(hook, target)
    base = deployed_last(record, present.last, local)
    compared = as_compared(local, base)
    merged = merge(base, compared, permissions.added(present, base or {}, compared))
    return [*merged.kept, *merged.conflicts], [*merged.changed, *merged.conflicts]


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
