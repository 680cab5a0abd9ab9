"""The metrics by which the gate decides: those that a run of the judge logs now, or those of the version's own run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from databricks_sync.cli.session import Session
from mlflow_hooks.errors import HookError, Overdue
from mlflow_hooks.model import MODEL, Hook
from mlflow_hooks.report import Reporter
from mlflow_hooks.run.run import results
from mlflow_hooks.run.spec import RunSpec, values
from mlflow_hooks.run.tracking import Tracking, metrics_of, mlflow_errors
from mlflow_hooks.run.workspace import backend_of

from .versions import address

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_STEP = "gate"


def judged(
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


def logged(version: ModelVersion, client: MlflowClient) -> Mapping[str, float | None]:
    """The metrics of the run that a version comes from. Raises HookError."""
    if not version.run_id:
        message = f"{address(version)} does not say which MLflow run it comes from."
        raise HookError(message, "Write entry_point: below gate: in hook.yml, which judges it now.")
    with mlflow_errors():
        return metrics_of(client.get_run(version.run_id))
