"""What a promotion says: what is to be done, what was, and the history: a line for each record, the newest first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from databricks_sync.cli.session import Session
from databricks_sync.errors import quantity
from databricks_sync.exit_code import ExitCode
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules import gate
from mlflow_hooks.rules.promotions import Act, Record

from .request import Request
from .versions import address, is_same

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_WORDS = {Act.PROMOTE: "promoted", Act.ROLLBACK: "rolled back"}
# Of records that have not moved the alias.
_ENDS = {"RUNNING": "unfinished", "FAILED": "not promoted", "KILLED": "interrupted"}
_SHOWN = {"by": "", "approved_by": "approved by ", "source": "from ", "commit": "commit "}
_ABOUT = ("by", "approved_by", "commit", "ci_run", "source", "source_workspace", "source_run", "reason")


def say_start(
    request: Request, act: Act, version: ModelVersion, champion: ModelVersion | None, session: Session, report: Reporter
) -> None:
    """Which version is to get the alias, in which workspace, and what the gate asks of it."""
    promotion, hook, where = request.promotion, request.hook, session.settings.login.name
    now = _number(champion)
    asked = [gate.shown(name, bound) for name, bound in promotion.gate.metrics.items()]
    asked += ["approval"] * promotion.gate.approval
    text = f"{hook.name}: {address(version)} → {promotion.model}@{promotion.alias} (now {now or 'none'})  ({where})"
    if act is Act.PROMOTE:
        text += f"\ngate        {', '.join(asked) or 'none'}"
    report.event(
        "start",
        text,
        act=act.value,
        hook=hook.name,
        to=hook.to or None,
        source=address(version),
        model=promotion.model,
        alias=promotion.alias,
        before=now,
        gate=asked,
        host=where,
    )


def moved(request: Request, version: ModelVersion, champion: ModelVersion | None) -> str:
    """Which version has the alias now."""
    instead = f", in place of {champion.version}" if champion is not None and not is_same(champion, version) else ""
    return f"{version.version} is the {request.promotion.alias} of {version.name}{instead}"


def say_end(
    request: Request,
    act: Act,
    text: str,
    version: ModelVersion | None,
    champion: ModelVersion | None,
    report: Reporter,
    metrics: Mapping[str, float | None] | None = None,
) -> int:
    """What was done; the exit code. `version`: None where nothing was."""
    report.event(
        "summary",
        f"{request.hook.name}: {text}",
        "bold green",
        act=act.value,
        **{key: value for key, value in request.about.items() if value != "-"},
        version=_number(version),
        before=_number(champion),
        metrics=metrics or {},
        exit_code=ExitCode.DONE,
    )
    return ExitCode.DONE


def _number(version: ModelVersion | None) -> str | None:
    return str(version.version) if version is not None else None


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


def _line(record: Record) -> str:
    when = datetime.fromtimestamp(record.started_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")
    ended = _WORDS[record.act] if record.done else _ENDS.get(record.status, record.status.lower())
    known = {**record.about, "commit": record.about.get("commit", "")[:10]}
    about = [f"{word}{known[name]}" for name, word in _SHOWN.items() if known.get(name)]
    about += [f"{name} {value:g}" for name, value in record.metrics.items()]
    lines = [f"{when}  {ended:<12} {record.before or '-'} → {record.version or '?'}  {', '.join(about)}".rstrip()]
    lines += [f"    {record.about[name]}" for name in ("reason", "ci_run") if record.about.get(name)]
    return "\n".join(lines)
