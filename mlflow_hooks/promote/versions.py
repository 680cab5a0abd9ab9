"""The versions of one registered model: which has an alias, which has passed where, and moving an alias."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from mlflow_hooks.run.tracking import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

T = TypeVar("T")

_MISSING = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_PAGE = 200
# SERVER: no tag's name in Unity Catalog may have one of . , - = / :
# (https://docs.databricks.com/database-objects/tags, "Constraints"); values are at most 1,000 characters.
_PREFIX = "mlflow_hooks_"
_LONGEST = 1000


def address(version: ModelVersion) -> str:
    """A version as MLflow's commands name it."""
    return f"models:/{version.name}/{version.version}"


def is_same(one: ModelVersion | None, other: ModelVersion) -> bool:
    """Whether both are one version of one model."""
    return one is not None and address(one) == address(other)


class Versions:
    """Those of the model `name`. Every method raises HookError with what MLflow says."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client = client
        self.name = name

    def model(self) -> RegisteredModel | None:
        """The model itself, if there is one."""
        return self._unless_missing(lambda: self.client.get_registered_model(self.name))

    def with_alias(self, alias: str) -> ModelVersion | None:
        """The version that has the alias, if any has."""
        # SERVER: asked for an alias that none has, each registry answers with another error.
        model = self.model()
        number = (model.aliases or {}).get(alias) if model is not None else None
        return self.get(str(number)) if number is not None else None

    def get(self, number: str) -> ModelVersion | None:
        """The version of that number, if there is one."""
        return self._unless_missing(lambda: self.client.get_model_version(self.name, number))

    def ready(self) -> list[ModelVersion]:
        """All that are complete, the newest first. SERVER: Unity Catalog lists them without tags and aliases."""
        found: list[ModelVersion] = []
        token = None
        with mlflow_errors():
            while True:
                page = self.client.search_model_versions(f"name = '{self.name}'", _PAGE, page_token=token)
                found += page
                if not (token := page.token):
                    break
        ready = [version for version in found if version.status in (None, "", "READY")]
        return sorted(ready, key=lambda version: int(version.version), reverse=True)

    def note(self, version: ModelVersion, values: Mapping[str, str]) -> None:
        """Notes these in tags of a version, under names of ours; what is there already is not written again."""
        for name, value in values.items():
            key, text = f"{_PREFIX}{name}", value[:_LONGEST]
            if value and version.tags.get(key) != text:
                with mlflow_errors():
                    self.client.set_model_version_tag(self.name, str(version.version), key, text)

    def move(self, alias: str, version: str) -> None:
        """Gives the alias to that version, and takes it from any other."""
        with mlflow_errors():
            self.client.set_registered_model_alias(self.name, alias, version)

    def _unless_missing(self, ask: Callable[[], T]) -> T | None:
        from mlflow.exceptions import MlflowException

        with mlflow_errors():
            try:
                return ask()
            except MlflowException as error:
                if error.error_code in _MISSING:
                    return None
                raise


def passed_tag(to: str, version: ModelVersion, run_id: str) -> dict[str, str]:
    """What is noted of a version that has passed in a target, with the MLflow run that is the record.

    It names the version: a copy has not passed by that. Who promoted it is in the record alone, because Unity Catalog
    replicates tags everywhere (https://docs.databricks.com/database-objects/tags).
    """
    return {_passed(to): f"{to}: {address(version)}; record {run_id}"}


def has_passed(to: str, version: ModelVersion) -> bool:
    """Whether that was noted of this very version."""
    return str(version.tags.get(f"{_PREFIX}{_passed(to)}", "")).startswith(f"{to}: {address(version)};")


def _passed(to: str) -> str:
    return f"passed_{to.replace('-', '_')}" if to else "passed"
