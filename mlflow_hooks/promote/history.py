"""What was promoted and taken back: a line for each record, the newest first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timezone

from databricks_sync.errors import quantity
from databricks_sync.exit_code import ExitCode
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules.promotions import Act, Record

_WORDS = {Act.PROMOTE: "promoted", Act.ROLLBACK: "rolled back"}
# Of records that have not moved the alias.
_ENDS = {"RUNNING": "unfinished", "FAILED": "not promoted", "KILLED": "interrupted"}


def report_history(records: Iterable[Record], report: Reporter) -> int:
    """Says it; the exit code."""
    shown = [record for record in records if record.version or not record.done][::-1]
    for record in shown:
        report.event(
            "promotion",
            _line(record),
            run_id=record.run_id,
            act=record.act.value,
            status=record.status,
            version=record.version or None,
            before=record.before or None,
            started=record.started_ms,
            metrics={name: value if math.isfinite(value) else None for name, value in record.metrics.items()},
            about={name: record.about[name] for name in _ABOUT if record.about.get(name)},
        )
    done = sum(1 for record in shown if record.done)
    text = f"{quantity(len(shown), 'record')}, {done} done" if shown else "nothing has been promoted yet"
    report.event("summary", text, "bold green", records=len(shown), done=done, exit_code=ExitCode.DONE)
    return ExitCode.DONE


_SHOWN = {"by": "", "approved_by": "approved by ", "source": "from ", "commit": "commit "}
_ABOUT = ("by", "approved_by", "commit", "ci_run", "source", "source_workspace", "source_run", "reason")


def _line(record: Record) -> str:
    when = datetime.fromtimestamp(record.started_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")
    ended = _WORDS[record.act] if record.done else _ENDS.get(record.status, record.status.lower())
    known = {**record.about, "commit": record.about.get("commit", "")[:10]}
    about = [f"{word}{known[name]}" for name, word in _SHOWN.items() if known.get(name)]
    about += [f"{name} {value:g}" for name, value in record.metrics.items()]
    lines = [f"{when}  {ended:<12} {record.before or '-'} → {record.version or '?'}  {', '.join(about)}".rstrip()]
    lines += [f"    {record.about[name]}" for name in ("reason", "ci_run") if record.about.get(name)]
    return "\n".join(lines)
