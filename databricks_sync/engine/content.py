"""What an object of the workspace holds: by its version where that is certain, else by a read; many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import NamedTuple

from databricks_sync.errors import WorkspaceError
from databricks_sync.model import (
    JUPYTER,
    BaseEntry,
    LocalObject,
    Problem,
    RemoteObject,
    RemoteVersion,
    Severity,
    same_form,
)
from databricks_sync.remote.exports import Export, read, read_as
from databricks_sync.remote.folder import Workspace


class KnownContent(NamedTuple):
    """What an object holds, as far as that is known without a download; `version` is of that very content."""

    digest: str
    version: RemoteVersion


def content_by_version(remote: RemoteObject, base: BaseEntry | None, local: LocalObject | None) -> KnownContent | None:
    """What a remote object holds if its version is that of the base, or of the local file; else None. Pure."""
    agreed = base if base and base.kind is remote.kind and remote.version.same_as(base.version) else None
    if agreed and agreed.version.sha == remote.version.sha:
        return KnownContent(agreed.digest, remote.version)
    if local and local.kind is remote.kind and remote.version.sha and remote.version.sha == local.sha:
        # Equal bytes, but Python and R share a header: the language must not differ either.
        if local.format == JUPYTER or remote.language in (None, local.format and local.format.language):
            return KnownContent(local.digest, remote.version)
    # What was agreed on was not what has the hash; so it is not of this content either.
    return KnownContent(agreed.digest, agreed.version) if agreed else None


def read_as_known(
    workspace: Workspace, remote: RemoteObject, base: BaseEntry | None, local: LocalObject | None
) -> Export:
    """Reads an object in the form of the base, and if that differs also in the local one. Raises WorkspaceError."""
    export = read(workspace, remote, base, local)
    if local and not same_form(local.format, export.format) and not (base and export.digest == base.digest):
        return read_as(workspace, remote, local.format)
    return export


def read_each(
    pool: Executor, fetch: Callable[[str], Export], keys: Iterable[str], name: Callable[[str], str]
) -> tuple[dict[str, Export], dict[str, Problem]]:
    """What `fetch` reads, by key; and of the others why they cannot be read, about what `name` calls them."""
    exports: dict[str, Export] = {}
    problems: dict[str, Problem] = {}
    for key, future in [(key, pool.submit(fetch, key)) for key in keys]:
        try:
            exports[key] = future.result()
        except WorkspaceError as error:
            problems[key] = Problem(name(key), f"cannot be read: {error.message}", error.hint, Severity.FAILED)
    return exports, problems
