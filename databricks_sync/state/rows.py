"""Entries and intents as rows of the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from databricks_sync.model import JUPYTER, SOURCES, BaseEntry, Direction, Format, Kind, RemoteVersion, Stat
from databricks_sync.rules.journal import Intent

# How the record and the manifests of backups write down a format: by the names of its form and its language.
Names = tuple[str | None, str | None]

NAMES: dict[Format | None, Names] = {
    None: (None, None),
    JUPYTER: (JUPYTER.form.value, None),
    **{format: (format.form.value, language and language.value) for language, format in SOURCES.items()},
}
# Looked up for every row: asking the classes takes three times as long.
FORMATS: dict[Names, Format | None] = {names: format for format, names in NAMES.items()}

PUT_ENTRY = "INSERT OR REPLACE INTO base VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
PUT_INTENT = "INSERT OR REPLACE INTO intent VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"

_KINDS = {kind.value: kind for kind in Kind}  # looked up for every row, as FORMATS are


def entry_row(entry: BaseEntry) -> tuple[object, ...]:
    """What PUT_ENTRY takes."""
    stat, version = entry.stat, entry.version
    numbers = (stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode) if stat else (None,) * 4
    return (
        entry.key,
        entry.path,
        entry.kind.value,
        entry.digest,
        *NAMES[entry.format],
        entry.local_sha,
        *numbers,
        version.object_id,
        version.modified_at,
        version.sha,
        int(version.racy),
        entry.extras,
    )


def entry_of(row: Sequence[Any]) -> BaseEntry:
    """The entry in a row of `base`. Raises KeyError, ValueError for what makes no sense."""
    key, path, kind, digest, form, language, local_sha, *numbers, object_id, modified, sha, racy, extras = row
    stat = Stat(*map(int, numbers)) if None not in numbers else None
    # Most hold the same bytes on both sides: one string for both hashes, as there may be very many.
    version = RemoteVersion(int(object_id), int(modified), local_sha if sha == local_sha else str(sha), bool(racy))
    return BaseEntry(
        key=str(key),
        path=str(path),
        kind=_KINDS[kind],
        digest=str(digest),
        version=version,
        local_sha=str(local_sha),
        stat=stat,
        format=FORMATS[form, language],
        extras=extras,
    )


def intent_row(intent: Intent) -> tuple[object, ...]:
    """What PUT_INTENT takes."""
    version = intent.version
    return (
        intent.key,
        intent.direction.value,
        intent.path,
        intent.kind.value,
        *NAMES[intent.format],
        intent.after,
        intent.agreed or intent.sha,  # a pull has no use for the hash of what was sent, and a push merges nothing
        version.object_id,
        version.modified_at,
        version.sha,
        intent.extras,
    )


def intent_of(row: Sequence[Any]) -> Intent:
    """The intent in a row of `intent`. Raises KeyError, ValueError for what makes no sense."""
    key, direction, path, kind, form, language, after, sha, object_id, modified, remote_sha, extras = row
    pulled = direction == Direction.PULL.value
    return Intent(
        key=str(key),
        direction=Direction(direction),
        path=str(path),
        kind=Kind(kind),
        after=None if after is None else str(after),
        sha="" if pulled else str(sha),
        # Racy on purpose: the time was not weighed against the server's clock again.
        version=RemoteVersion(int(object_id), int(modified), str(remote_sha), racy=True),
        format=FORMATS[form, language],
        extras=extras,
        agreed=str(sha) if pulled else "",
    )
