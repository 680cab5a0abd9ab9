"""The record of each promotion: an MLflow run in the experiment of the hook, where everybody looks for runs.

It is begun before anything is done, and FINISHED once the alias has moved; how one ended that a killed command has left
RUNNING, the alias tells. The model that comes from another registry is kept in it, and the runs that judge versions
are its children.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlflow_hooks.rules.promotions import Act, Record
from mlflow_hooks.run.tracking import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_TAG = "mlflow_hooks.promotion"
_PAGE = 1000


class Records:
    """Those of one hook for one target, which move one alias of one model. Raises HookError with what MLflow says."""

    def __init__(self, client: MlflowClient, experiment: str, about: Mapping[str, str]) -> None:
        """`about`: the values that tell these records from those of others; there need not be such an experiment."""
        self.client = client
        self.about = about
        with mlflow_errors():
            found = client.get_experiment_by_name(experiment)
        self.experiment_id = str(found.experiment_id) if found is not None else ""

    def all(self) -> list[Record]:
        """The oldest first."""
        return [record for run in self._runs(self.about) if (record := _record(run)) is not None]

    def of(self, about: Mapping[str, str]) -> set[str]:
        """The MLflow runs of the records with these values."""
        return {run.info.run_id for run in self._runs({**self.about, **about})}

    def get(self, run_id: str) -> Record | None:
        """The one that is the MLflow run of that id."""
        with mlflow_errors():
            return _record(self.client.get_run(run_id))

    def begin(self, act: Act, before: str, about: Mapping[str, str]) -> str:
        """A new one; its MLflow run."""
        tags = {**self.about, "act": act.value, "before": before, **about}
        with mlflow_errors():
            name = f"{act.value} {self.about['model']}"
            run = self.client.create_run(self.experiment_id, run_name=name, tags=_tags(tags))
        return str(run.info.run_id)

    def note(self, run_id: str, about: Mapping[str, str], metrics: Mapping[str, float | None] | None = None) -> None:
        """Adds what is known by now."""
        with mlflow_errors():
            for name, value in _tags(about).items():
                self.client.set_tag(run_id, name, value)
            for name, number in (metrics or {}).items():
                if number is not None:
                    self.client.log_metric(run_id, name, number)

    def close(self, run_id: str, status: str) -> None:
        """Ends it."""
        with mlflow_errors():
            self.client.set_terminated(run_id, status)

    def _runs(self, about: Mapping[str, str]) -> Iterator[Run]:
        conditions = " and ".join(f'tags."{name}" = {_quoted(value)}' for name, value in _tags(about).items())
        token = None
        while self.experiment_id:
            with mlflow_errors():
                page = self.client.search_runs(
                    [self.experiment_id], conditions, max_results=_PAGE, order_by=["start_time ASC"], page_token=token
                )
            yield from page
            if not (token := page.token):
                return


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def _tags(about: Mapping[str, str]) -> dict[str, str]:
    return {f"{_TAG}.{name}": value for name, value in about.items() if value}


def _record(run: Run) -> Record | None:
    """The record that a run is, if it is one that can be understood: anybody may make runs."""
    about = {name[len(_TAG) + 1 :]: value for name, value in run.data.tags.items() if name.startswith(f"{_TAG}.")}
    version, before = about.get("version", ""), about.get("before", "")
    if about.get("act") not in {act.value for act in Act} or not re.fullmatch(r"\d*", f"{version}{before}"):
        return None
    info = run.info
    return Record(
        info.run_id, Act(about["act"]), version, before, info.status, info.start_time, about, dict(run.data.metrics)
    )
