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
from typing import Any, NamedTuple

from databricks_sync.model import Kind
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from databricks_sync.remote.marker import home, note_name
from databricks_sync.remote.notes import read, write
from databricks_sync.system import Pool
from mlflow_hooks.generate.origin import may_be_hook_file

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


class JobRecord(NamedTuple):
    """Of the job of one hook. `file`: its hook.yml, from the top of the repository, which goes by these names.

    `job_id`: by which it is known though somebody renames it; 0 where an older record does not say. `to`: the target of
    hook.yml that was deployed.
    `settings` has what the job was asked to have last, by digest; beside it, perhaps, what a killed run asked for.
    """

    hook: str
    file: str
    repository: frozenset[str]
    settings: Mapping[str, Mapping[str, Any]]
    job_id: int = 0
    to: str = ""

    def deployed(self, last: str) -> Mapping[str, Any] | None:
        """The settings of that digest; None where they are not known."""
        settings = self.settings.get(last)
        return settings if settings is not None and digest(settings) == last else None

    def of_another(self, repository: frozenset[str]) -> bool:
        """Whether this is certainly the record of another repository."""
        return bool(self.repository and repository) and not self.repository & repository


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
        write(self._notes, self._name(record.hook), _to_json(record), overwrite=True)

    def delete(self, record: JobRecord) -> None:
        """Deletes it: its job is gone."""
        self._notes.delete(self._name(record.hook))

    def _name(self, hook: str) -> str:
        return f"{self._prefix}{hook}{_SUFFIX}"


def _to_json(record: JobRecord) -> bytes:
    about = "Written by mlflow_hooks: the settings of a job as they were deployed last."
    return json.dumps(
        {
            "about": f"{about} Without it, edits of the job cannot be told from changes of hook.yml.",
            "hook": record.hook,
            "file": record.file,
            "repository": sorted(record.repository),
            "job_id": record.job_id,
            "to": record.to,
            "settings": record.settings,
        },
        indent=1,
    ).encode()


def _from_json(raw: bytes) -> JobRecord | None:
    """The record as it was written; None when it is none of ours. Anybody may write there."""
    try:
        fields = json.loads(raw.decode())
        hook, file, names, settings = (fields[name] for name in ("hook", "file", "repository", "settings"))
        job_id, to = fields.get("job_id", 0), fields.get("to", "")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = all(isinstance(text, str) for text in (hook, file, to)) and isinstance(names, list)
    if not texts or not all(isinstance(name, str) for name in names) or not isinstance(settings, dict):
        return None
    if not all(isinstance(value, dict) for value in settings.values()) or not may_be_hook_file(file):
        return None
    return JobRecord(hook, file, frozenset(names), settings, job_id if type(job_id) is int else 0, to)
