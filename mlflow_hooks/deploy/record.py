"""What was deployed last of each job: a file beside the notes of the sync, in the workspace.

It is there and not on this machine because CI deploys from a new clone each time; not in the job, whose tags are too
short for it and are forwarded to its clusters, and whose description is anybody's text.

A job names, in its tag mlflow_hook_settings, the digest of what hook.yml asked of it last; the record has the settings
of that digest. Before a job changes, its record is written, with what the job has and what it gets. So the two fit
whenever a run is killed, and a record that somebody changed is not believed, because its digest is another one then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from databricks_sync.model import Kind
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from databricks_sync.remote.marker import home, note_name
from databricks_sync.remote.notes import read, write
from databricks_sync.system import Pool
from mlflow_hooks.generate.origin import may_be_hook_file
from mlflow_hooks.model import Hook

_SUFFIX = ".job"
_LONGEST = 120  # characters of the target in a name, which has the hook's as well


def digest(settings: Mapping[str, Any]) -> str:
    """Sixteen digits by which settings are known."""
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def deployed_last(record: JobRecord | None, last: str, local: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The settings of the digest `last`, which may be those that hook.yml says now; None where they are not known."""
    if last == digest(local):
        return local
    return record.deployed(last) if record is not None else None


class JobRecord(BaseModel):
    """Of the job of one hook. `file`: its hook.yml, from the top of the repository, which goes by these names.

    `job_id`: by which it is known though somebody renames it; 0 where an older record does not say. `to`: the target of
    hook.yml that was deployed.
    `settings` has what the job was asked to have last, by digest; beside it, perhaps, what a killed run asked for.
    """

    model_config = ConfigDict(frozen=True, strict=True)
    about: str = (
        "Written by mlflow_hooks: the settings of a job as they were deployed last. "
        "Without it, edits of the job cannot be told from changes of hook.yml."
    )
    hook: str
    file: str
    repository: frozenset[str]
    job_id: int = 0
    to: str = ""
    settings: dict[str, dict[str, Any]]

    def deployed(self, last: str) -> Mapping[str, Any] | None:
        """The settings of that digest; None where they are not known."""
        settings = self.settings.get(last)
        return settings if settings is not None and digest(settings) == last else None

    def of_another(self, repository: frozenset[str]) -> bool:
        """Whether this is certainly the record of another repository."""
        return bool(self.repository and repository) and not self.repository & repository


def record_of(
    hook: Hook,
    repository: frozenset[str],
    before: JobRecord | None,
    settings: Mapping[str, Mapping[str, Any]],
    job_id: int,
) -> JobRecord:
    """What is noted of the job of a hook, which goes by these names of its repository, and by those that it had
    `before`, unless that was another one; `settings` by digest."""
    had = before.repository if before is not None and not before.of_another(repository) else frozenset()
    return JobRecord(
        hook=hook.name,
        file=hook.document.name,
        repository=repository | had,
        job_id=job_id,
        to=hook.to,
        settings={key: dict(value) for key, value in settings.items()},
    )


class Records:
    """The records of what was deployed with one target. Raises WorkspaceError; NotOurs where a file is huge."""

    def __init__(self, http: Http, target: str) -> None:
        self._notes = Workspace(http, home(target))
        place = note_name(target).removesuffix(".json")
        if len(place) > _LONGEST:
            place = f"{place[:_LONGEST]}~{sha256(target.encode()).hexdigest()[:12]}"
        self._prefix = f"{place}~~"  # no note has two in its name

    def of(self, hook: str) -> JobRecord | None:
        """The record of the hook of that name; None where there is none that can be understood."""
        raw = read(self._notes, self._name(hook))
        record = _from_json(raw) if raw is not None else None
        return record if record is not None and record.hook == hook else None

    def hooks(self) -> list[str]:
        """The names of all hooks that have a record, whoever deployed them."""
        with Pool() as pool:
            objects = self._notes.listing(pool).objects
        names = (name for name, item in objects.items() if item.kind is Kind.FILE and name.endswith(_SUFFIX))
        return sorted(name[len(self._prefix) : -len(_SUFFIX)] for name in names if name.startswith(self._prefix))

    def write(self, record: JobRecord) -> None:
        """Writes it in place of the one before."""
        text = json.dumps(record.model_dump(), indent=1, default=sorted)  # a set has no order
        write(self._notes, self._name(record.hook), text.encode(), overwrite=True)

    def delete(self, record: JobRecord) -> None:
        """Deletes it: its job is gone."""
        self._notes.delete(self._name(record.hook))

    def _name(self, hook: str) -> str:
        return f"{self._prefix}{hook}{_SUFFIX}"


def _from_json(raw: bytes) -> JobRecord | None:
    """The record as it was written; None when it is none of ours. Anybody may write there."""
    try:
        record = JobRecord.model_validate_json(raw)
    except ValidationError:
        return None
    return record if may_be_hook_file(record.file) else None
