"""What became of the alias of a registered model, promotion by promotion. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Act(str, Enum):
    """What moves the alias."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Record:
    """One promotion or rollback. `before`: the version that had the alias, "" for none; `started_ms` since 1970.

    `status` is that of its MLflow run: RUNNING until it is over, FINISHED when the alias was moved.
    """

    run_id: str
    act: Act
    version: str
    before: str
    status: str = "RUNNING"
    started_ms: int = 0
    about: Mapping[str, str] = field(default_factory=dict)  # by, commit, source ...
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether it has moved the alias."""
        return self.status == "FINISHED"


def in_use(records: Iterable[Record]) -> list[str]:
    """The versions that can be gone back to, and last the one in use; `records`: the oldest first.

    Who goes back twice goes back two versions: a rollback takes the last one off, and adds none.
    """
    versions: list[str] = []
    for record in records:
        if record.done and record.act is Act.ROLLBACK:
            versions = versions[:-1] if versions[-2:-1] == [record.version] else [record.version]
        elif record.done:
            if record.before and versions[-1:] != [record.before]:  # somebody had moved the alias
                versions.append(record.before)
            if versions[-1:] != [record.version]:
                versions.append(record.version)
    return versions


def taken_back(records: Iterable[Record]) -> set[str]:
    """The versions that a rollback has taken out of use, and nobody has promoted since."""
    versions: set[str] = set()
    for record in records:
        if record.done:
            versions.discard(record.version)
            if record.act is Act.ROLLBACK:
                versions.add(record.before)
    return versions
