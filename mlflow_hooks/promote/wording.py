"""What a promotion says: what is to be done, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from databricks_sync.exit_code import ExitCode
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules import gate
from mlflow_hooks.rules.promotions import Act

from .request import Request
from .versions import address, is_same

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def say_start(
    request: Request, act: Act, version: ModelVersion, champion: ModelVersion | None, where: str, report: Reporter
) -> None:
    """Which version is to get the alias, and what the gate asks of it; `where`: in which workspace."""
    promotion, hook = request.promotion, request.hook
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
