"""Lets schedules fire: one thread that looks every second which jobs are due.

What a server that was not running has missed is missed, as after a pause on the service.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from databricks_local.core.errors import ApiError
from databricks_local.jobs.rules import quartz

from .store import JobStore, StoredJob

# Two firings of one schedule are at least so far apart [DOCS].
LEAST_INTERVAL = timedelta(seconds=10)


class Scheduler:
    """`fire` gets the identifier of a job that is due, and may raise ApiError."""

    def __init__(self, store: JobStore, fire: Callable[[int], None]) -> None:
        self._store = store
        self._fire = fire
        self._stop = threading.Event()
        self._began: dict[tuple[int, str, str], datetime] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks from now on."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether schedules fire."""
        return self._thread is not None

    def stop(self) -> None:
        """Waits for what is being fired, five seconds at most."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def look(self, now: datetime) -> list[int]:
        """The jobs that are due: each fires once, however long ago it was due."""
        due, began = [], {}
        for job in self._store.scheduled():
            schedule = job.settings["schedule"]
            key = (job.job_id, schedule["quartz_cron_expression"], schedule["timezone_id"])
            since = self._began.get(key, now)
            moment = next_of(job, since)
            if moment is not None and moment <= now:
                due.append(job.job_id)
                since = max(now, moment + LEAST_INTERVAL - timedelta(seconds=1))
            began[key] = since
        self._began = began
        return due

    def _watch(self) -> None:
        while not self._stop.wait(1 - time.time() % 1):
            for job_id in self.look(datetime.now(timezone.utc)):
                # An override that refuses the run, or a job without tasks: nothing runs.
                with suppress(ApiError):
                    self._fire(job_id)


def next_of(job: StoredJob, after: datetime) -> datetime | None:
    """When a job that has a schedule fires next, in UTC; None when it does not any more."""
    schedule = job.settings["schedule"]
    return quartz.next_fire(
        quartz.parse(schedule["quartz_cron_expression"]), quartz.zone(schedule["timezone_id"]), after
    )
