"""A version of one registered model made one of another: by the registry itself, or from one registry to the other.

Done twice it is one copy: whatever a killed command has left is found again by what it was made with.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_hooks.run.tracking import mlflow_errors

from .records import Records
from .versions import Versions, address

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# SERVER: see versions.py.
_NO_TAG_OF_UNITY_CATALOG = re.compile(r"[.,\-=/:]")
_FOLDER = "model"  # of the record's MLflow run


@dataclass(frozen=True, slots=True)
class Copying:
    """From `source`, of the registry that `there` connects with, to the model of `versions`. Raises HookError.

    `within`: both are in one registry. `about`: the values that the records of all such copies have.
    """

    source: ModelVersion
    versions: Versions
    records: Records
    there: Callable[[], AbstractContextManager[MlflowClient]]
    about: Mapping[str, str]
    within: bool

    def found(self) -> ModelVersion | None:
        """The copy, if there is one; a version needs none where its model is the same.

        SERVER: MLflow 3.17.2, `AbstractStore.copy_model_version`: a copy names its source as `models:/name/version`.
        """
        if self.within and self.source.name == self.versions.name:
            return self.source
        made_by = set() if self.within else self.records.of(self.about)
        for version in self.versions.ready():
            if version.source == address(self.source) if self.within else version.run_id in made_by:
                return self.versions.get(str(version.version))
        return None

    def made(self, run_id: str) -> ModelVersion:
        """A new copy. The files of a model of another registry go into the MLflow run of the record, and from there
        into the registry."""
        if self.within:
            with _quiet():
                copy = self.versions.client.copy_model_version(address(self.source), self.versions.name)
        else:
            with tempfile.TemporaryDirectory() as folder:
                with self.there(), _quiet():
                    import mlflow

                    files = mlflow.artifacts.download_artifacts(address(self.source), dst_path=folder)
                copy = _registered(self.versions, self.source, Path(files), run_id)
        version = self.versions.get(str(copy.version))
        assert version is not None  # it has just been made
        return version


def _registered(versions: Versions, source: ModelVersion, files: Path, run_id: str) -> ModelVersion:
    client = versions.client
    in_catalog = versions.name.count(".") == 2
    tags = {
        name: value
        for name, value in source.tags.items()
        if not (in_catalog and _NO_TAG_OF_UNITY_CATALOG.search(name)) and not name.startswith("mlflow.")
    }
    with _quiet():
        if versions.model() is None:
            client.create_registered_model(versions.name)
        client.log_artifacts(run_id, str(files), _FOLDER)
        place = f"{client.get_run(run_id).info.artifact_uri}/{_FOLDER}"
        made = client.create_model_version(versions.name, place, run_id, tags=tags, description=source.description)
    return made


@contextmanager
def _quiet() -> Iterator[None]:
    """Meanwhile MLflow says nothing of what it does, but for its errors, which are raised as HookError."""
    with redirect_stderr(StringIO()), mlflow_errors():
        yield
