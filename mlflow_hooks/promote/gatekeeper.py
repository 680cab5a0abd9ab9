"""Asks the gate of hook.yml about a version: its metrics, those of the version in use, and a person's approval.

The metrics are those that a run of the judge logs now, or those of the version's own run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks_sync.cli.session import Session
from mlflow_hooks.errors import HookError, Overdue
from mlflow_hooks.model import MODEL, Hook
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules import gate
from mlflow_hooks.run.run import results
from mlflow_hooks.run.spec import RunSpec, values
from mlflow_hooks.run.tracking import Tracking, mlflow_errors
from mlflow_hooks.run.workspace import backend_of

from .records import Records
from .request import Request
from .versions import address, is_same

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_STEP = "gate"
_CHAMPION = "champion_"  # before the name of a metric: that of the version in use
Metrics = dict[str, "float | None"]


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """`there`: connects with the registry that versions come from. What it finds goes into the record `run_id`."""

    request: Request
    session: Session
    report: Reporter
    records: Records
    there: Callable[[], AbstractContextManager[MlflowClient]]

    def let_pass(
        self, source: ModelVersion, candidate: ModelVersion, champion: ModelVersion | None, run_id: str
    ) -> Metrics:
        """The metrics by which the version passes. Raises HookError where it does not, WorkspaceError, InterruptedRun.

        `source`: the version where it comes from; `champion`: the one in use.
        """
        asked = self.request.promotion.gate
        if not asked.metrics:
            return {}
        mine = self._metrics(source, candidate, run_id)
        self.records.note(run_id, {}, mine)
        reasons, others = gate.below(asked, mine), Metrics()
        if not reasons and gate.compares(asked) and champion is not None and not is_same(champion, candidate):
            others = self._metrics(champion, champion, run_id)
            self.records.note(run_id, {}, _prefixed(others))
            reasons = gate.worse(asked, mine, others)
        if reasons:
            message = f"Version {candidate.version} of {candidate.name} is not promoted: {' '.join(reasons)}"
            raise HookError(message, "Promote another version, or change promote: in hook.yml.")
        return {**mine, **_prefixed(others)}

    def require_approval(self, candidate: ModelVersion) -> None:
        """Raises HookError where somebody has to approve, and nobody has."""
        if self.request.promotion.gate.approval and not self.request.approved_by:
            message = f"Version {candidate.version} of {candidate.name} has passed, and waits for a person's approval."
            raise HookError(message, self._approving)

    def require_insistence(self, candidate: ModelVersion, taken_back: set[str]) -> None:
        """Raises HookError for a version that was taken back, where nobody wants that very one."""
        if str(candidate.version) in taken_back and not self.request.insisted:
            message = f"Version {candidate.version} of {candidate.name} was taken back by a rollback."
            raise HookError(message, self._approving)

    @property
    def _approving(self) -> str:
        return f"Look at it, and type `{self.request.typed} --approve`."

    def _metrics(self, source: ModelVersion, version: ModelVersion, run_id: str) -> Metrics:
        judge = self.request.hook.judge
        if judge is None:
            with self.there() as client:
                found = _logged(source, client)
        else:
            tracking = Tracking(self.records.client.tracking_uri, judge.experiment)
            found = _judged(judge, version, self.session, tracking, run_id, self.report)
        asked = {name: found.get(name) for name in self.request.promotion.gate.metrics}
        return {name: value if value is not None and math.isfinite(value) else None for name, value in asked.items()}


def _prefixed(metrics: Metrics) -> Metrics:
    return {f"{_CHAMPION}{name}": value for name, value in metrics.items()}


def _judged(
    judge: Hook, version: ModelVersion, session: Session, tracking: Tracking, parent: str, report: Reporter
) -> Mapping[str, float | None]:
    """The metrics of a run of the judge, below the MLflow run `parent`.

    Raises HookError where the run fails, WorkspaceError, SettingsError, InterruptedRun.
    """
    parameters = values(judge, [f"{MODEL}={address(version)}"], pasted=judge.pasted)
    spec = RunSpec(judge, parameters, judge.experiment, judge.timeout, remote=True, step=_STEP, parent=parent)
    report.line(f"\njudging     {address(version)}")
    try:
        result = results(spec, lambda one: backend_of(one, session, tracking, report), tracking, report)[_STEP]
    except Overdue as error:
        raise HookError(error.message, "Write a longer timeout: in hook.yml.") from None
    if not result.succeeded:
        message = f"{judge.entry_point} could not judge {address(version)}: {result.shown}."
        raise HookError(message, "Look at its log above, correct it, and promote again.")
    return result.metrics


def _logged(version: ModelVersion, client: MlflowClient) -> Mapping[str, float | None]:
    """The metrics of the run that a version comes from. Raises HookError."""
    if not version.run_id:
        message = f"{address(version)} does not say which MLflow run it comes from."
        raise HookError(message, "Write entry_point: below gate: in hook.yml, which judges it now.")
    with mlflow_errors():
        return dict(client.get_run(version.run_id).data.metrics)
