"""`{{job.id}}` and its like in parameters: replaced by what they stand for when a task starts. Pure.

The documented ones this workspace knows; any other stays as it is written, which is what the service does with a
name it does not know [DOCS].
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .runs import Run, TaskRun

REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")


def values(run: Run, task: TaskRun, workspace_url: str, workspace_id: str) -> dict[str, str]:
    """What each known reference stands for in one task of a run [DOCS]."""
    started = datetime.fromtimestamp(run.created_ms / 1000, timezone.utc)
    return {
        "job.id": str(run.job_id),
        "job.name": run.name,
        "job.run_id": str(run.run_id),
        "job.repair_count": str(max(0, len(run.attempts) - 1)),
        "job.start_time.timestamp_ms": str(run.created_ms),
        "job.start_time.iso_date": started.date().isoformat(),
        "job.start_time.iso_datetime": started.isoformat(timespec="seconds"),
        "job.start_time.year": str(started.year),
        "job.start_time.month": str(started.month),
        "job.start_time.day": str(started.day),
        "job.start_time.is_weekday": str(started.isoweekday() < 6).lower(),
        "job.trigger.type": {"PERIODIC": "periodic", "ONE_TIME": "one_time"}.get(run.trigger, run.trigger.lower()),
        "task.name": task.key,
        "task.run_id": str(task.run_id),
        "task.execution_count": str(task.attempt + 1),
        "task.notebook_path": str(task.spec.get("notebook_task", {}).get("notebook_path", "")),
        "workspace.id": workspace_id,
        "workspace.url": workspace_url,
        # The names before 2024.
        "job_id": str(run.job_id),
        "run_id": str(task.run_id),
        "parent_run_id": str(run.run_id),
        "task_key": task.key,
        "start_date": started.date().isoformat(),
        "start_time": str(run.created_ms),
        "task_retry_count": str(task.attempt),
        **{f"job.parameters.{name}": value for name, value in run.parameters.items()},
    }


def of_task_values(values: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """`{{tasks.load.values.rows}}`: what earlier tasks have left; what is no text, as JSON [DOCS]."""
    return {
        f"tasks.{task}.values.{name}": value if isinstance(value, str) else json.dumps(value)
        for task, left in values.items()
        for name, value in left.items()
    }


def resolve(text: str, references: Mapping[str, str]) -> str:
    """Twice, since a job parameter's default may itself be a reference."""
    for _ in range(2):
        text = REFERENCE.sub(lambda match: references.get(match[1], match[0]), text)
    return text
