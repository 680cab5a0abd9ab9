"""What a run that died had done: its intents, answered by what stands at their destinations.

Never by their source, which may have changed since: the destination alone shows whether the write arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from databricks_sync.local.folder import Scan
from databricks_sync.model import BaseEntry, Direction, LocalObject, RemoteObject
from databricks_sync.remote.exports import Export, read
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.journal import Advance, Intent
from databricks_sync.rules.layout import Moves

from .content import read_each


class Recovery(NamedTuple):
    """What came of the intents: what both sides hold by them, those that are answered, and what was read for it."""

    advances: tuple[Advance, ...]
    settled: frozenset[str]
    exports: dict[str, Export]


def recover(
    intents: Sequence[Intent],
    entries: Mapping[str, BaseEntry],
    scan: Scan,
    workspace: Workspace,
    remote: Mapping[str, RemoteObject],
    pool: Executor,
) -> Recovery:
    """Answers the intents; `entries` are those of the base. One whose destination cannot be read stays."""
    by_key = {intent.key: intent for intent in intents}
    doubtful = [
        i.key
        for i in intents
        if i.direction is Direction.PUSH and i.after and i.key in remote and remote[i.key].version.sha != i.sha
    ]

    def fetch(key: str) -> Export:
        return read(workspace, remote[key], by_key[key])

    exports, unread = read_each(pool, fetch, doubtful, lambda key: by_key[key].path)
    arrived = {key: export for key, export in exports.items() if export.digest == by_key[key].after}
    settled = [intent for intent in intents if intent.key not in unread]
    answers = (
        _answered(i, entries.get(i.key), scan.objects.get(i.key), remote.get(i.key), arrived.get(i.key))
        for i in settled
    )
    return Recovery(tuple(filter(None, answers)), frozenset(intent.key for intent in settled), arrived)


def _answered(
    intent: Intent,
    before: BaseEntry | None,
    local: LocalObject | None,
    remote: RemoteObject | None,
    export: Export | None,
) -> Advance | None:
    """What the destination says of an intent: what both sides agreed on, or None when it was not carried out.

    `export`: of an object that was read, and holds what the intent says. Where the content was so `before`, only the
    hash proves anything; without it, there is nothing to be learned.
    """
    pushed = intent.direction is Direction.PUSH
    if intent.after is None:
        return Advance(intent.key, None) if (remote if pushed else local) is None else None
    version = intent.version
    if pushed and remote and remote.version.sha == intent.sha != "":
        applied, version = True, remote.version
    elif before and before.digest == intent.after:
        applied = False
    elif not pushed:
        applied = local is not None and local.digest == intent.after
    elif applied := export is not None:
        version = export.version
    if not applied:
        return None
    entry = BaseEntry(
        key=intent.key,
        path=intent.path,
        kind=intent.kind,
        digest=intent.agreed or intent.after,
        version=version,
        local_sha=intent.sha,
        format=intent.format,
        extras=intent.extras,
    )
    return Advance(intent.key, entry)


def replaced_files(
    intents: Sequence[Intent], scan: Scan, entries: Mapping[str, BaseEntry], moves: Moves
) -> tuple[LocalObject, ...]:
    """The old files of notebooks whose extension a pull changed before it was killed.

    Only where both are certain: the old one is what was agreed on, the new one what the pull meant to write.
    """
    meant = {intent.key: intent.after for intent in intents if intent.direction is Direction.PULL}
    standing = moves.standing()
    claims = [(standing.get(item.key, item.key), item) for item in scan.claims] if meant else []
    written = {key for key, item in claims if item.digest == meant.get(key)}
    return tuple(
        item
        for key, item in claims
        if key in written
        and (base := entries.get(key))
        and (item.path, item.digest) == (base.path, base.digest)
        and item.digest != meant[key]
    )
