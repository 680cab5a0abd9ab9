"""How both sides of a target stand, as one look shows it: what `--status` tells. Nothing is written to make it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync.errors import ValveError
from databricks_sync.local.folder import check_project
from databricks_sync.model import Direction, Mode, Problem
from databricks_sync.remote.pushed import Pushed
from databricks_sync.rules.plan import Step
from databricks_sync.rules.standing import Side, Standing, standings
from databricks_sync.state.backups import SavedRun
from databricks_sync.state.base import Base

from . import restore
from .compare import Comparison
from .look import Snapshot, check_branch
from .request import Request
from .run import Sync


class Status(NamedTuple):
    """How both sides of a target stood at one moment: `now`, in seconds since 1970."""

    request: Request
    folders: tuple[str, ...]
    host: str  # what the workspace is called
    standings: tuple[Standing, ...]
    exists: bool  # the target, in the workspace
    branch: str = ""  # which was pushed last, by the note on the target
    pushed: Pushed | None = None  # what that note says more
    stops: Mapping[Direction, ValveError] = MappingProxyType({})  # what would stop a run before its first write
    # The backups, the latest first, by the command that restores them.
    saves: Mapping[Direction, Sequence[SavedRun]] = MappingProxyType({})
    unfinished: frozenset[str] = frozenset()  # keys that a run, perhaps of a watch, began to carry and did not finish
    apart: tuple[int, int] | None = None  # how many commits only the one there has, and only the one here
    now: float = 0.0
    requests: int = 0
    seconds: float = 0.0

    def of(self, side: Side) -> list[Step]:
        """The steps of what stands so, in the order of their keys."""
        return [standing.step for standing in self.standings if standing.side is side]

    @property
    def problems(self) -> list[Problem]:
        """Why what is left alone is so, each reason once."""
        return list(dict.fromkeys(step.problem for step in self.of(Side.UNKNOWN) if step.problem))

    @property
    def settled(self) -> bool:
        """Whether there is nothing to bring to either side, and nothing to say of any object."""
        return self.exists and not self.stops and all(standing.side is Side.NEITHER for standing in self.standings)


def look(sync: Sync, request: Request) -> Status:
    """How both sides stand. Raises SyncError when they cannot be seen whole.

    `request` is that of a dry run of a pull: it looks at all that either plan asks for.
    """
    check_project(sync.local)
    began = time.monotonic()
    with sync.opened(sync.record(request.target), keep=False) as (base, pool):
        snapshot = sync.seen(request, base, pool)
        exists = snapshot.comparison.listing.exists
        pushing, pulling = (request._replace(mode=mode) for mode in (Mode.PUSH, Mode.PULL))
        if not exists:
            sync.require(pushing, snapshot.comparison)
        sync.tell(sync.nothing(pushing, snapshot.comparison))
        plans = [sync.chosen(asked, snapshot.comparison) for asked in (pushing, pulling)]
        check_branch(request, sync.repository.git_state())
        stops = _stops(sync, snapshot, base, zip((pushing, pulling), plans, strict=True))
        unfinished = _unfinished(base, snapshot.comparison, plans)
    marker = snapshot.view.marker
    pushed = marker.pushed if marker else None
    return Status(
        request,
        tuple(folder.shown for folder in sync.settings.folders),
        sync.settings.login.name,
        tuple(standings(*plans)),
        exists,
        marker.branch if marker else "",
        pushed,
        stops,
        _saves(sync, (pushing, pulling)),
        unfinished,
        sync.repository.apart(pushed.commit) if pushed and pushed.commit else None,
        now=time.time(),
        requests=sync.http.requests,
        seconds=time.monotonic() - began,
    )


def _stops(
    sync: Sync, snapshot: Snapshot, base: Base, plans: Iterable[tuple[Request, list[Step]]]
) -> dict[Direction, ValveError]:
    """What would stop a run of either direction, before it writes anything."""
    stops = {}
    for request, steps in plans:
        try:
            sync.check(request, snapshot, base, steps)
        except ValveError as error:
            stops[request.mode.direction] = error
    return stops


def _unfinished(base: Base, comparison: Comparison, plans: Iterable[Iterable[Step]]) -> frozenset[str]:
    """What still is to be carried the way that an earlier run has noted in the record, and never taken back."""
    arrived = {advance.key for advance in comparison.recovered}
    noted = {(intent.direction, intent.key) for intent in base.intents if intent.key not in arrived}
    both = zip((Direction.PUSH, Direction.PULL), plans, strict=True)
    return frozenset(step.key for way, steps in both for step in steps if step.writes and (way, step.key) in noted)


def _saves(sync: Sync, requests: Iterable[Request]) -> dict[Direction, list[SavedRun]]:
    listed = ((request.mode.direction, restore.listed(sync, request)[0]) for request in requests)
    return {direction: runs for direction, runs in listed if runs}
