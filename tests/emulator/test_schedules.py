"""Quartz schedules: what they mean, across daylight saving too; that they are validated; and that they fire."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from databricks_local.embedded import running
from databricks_local.jobs.rules import quartz
from databricks_local.jobs.scheduler import Scheduler
from databricks_local.jobs.store import JobStore, StoredJob

from .client import Local
from .work import Work

pytestmark = pytest.mark.xdist_group("sdk")

BERLIN = "Europe/Berlin"


def fires(expression: str, where: str, after: str, count: int = 1) -> list[str]:
    """The next firings after a moment, both written in the zone's own time."""
    zone, schedule = quartz.zone(where), quartz.parse(expression)
    moment = datetime.fromisoformat(after).replace(tzinfo=zone).astimezone(timezone.utc)
    found = []
    for _ in range(count):
        following = quartz.next_fire(schedule, zone, moment)
        assert following is not None and following > moment
        moment = following
        found.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"))
    return found


# expression, after, next; the calendar of 2026 (1 January is a Thursday), in UTC
MEANINGS = [
    ("0 0 3 * * ?", "2026-03-01 02:59:59", "2026-03-01 03:00:00"),
    ("0 0 3 * * ?", "2026-03-01 03:00:00", "2026-03-02 03:00:00"),
    ("0 15 10 ? * *", "2026-03-01 11:00:00", "2026-03-02 10:15:00"),
    ("*/20 * * * * ?", "2026-03-01 11:00:01", "2026-03-01 11:00:20"),
    ("0 0/15 8-9 * * ?", "2026-03-01 08:50:00", "2026-03-01 09:00:00"),
    ("0 /15 8 * * ?", "2026-03-01 08:01:00", "2026-03-01 08:15:00"),
    ("0 0 8 ? * 1", "2026-03-02 00:00:00", "2026-03-08 08:00:00"),
    ("0 0 8 ? * SUN", "2026-03-02 00:00:00", "2026-03-08 08:00:00"),
    ("0 0 8 ? * MON-FRI", "2026-03-06 09:00:00", "2026-03-09 08:00:00"),
    ("0 0 8 ? * FRI-MON", "2026-03-03 09:00:00", "2026-03-06 08:00:00"),
    ("0 0 8 L * ?", "2026-02-10 00:00:00", "2026-02-28 08:00:00"),
    ("0 0 8 L-2 * ?", "2026-02-10 00:00:00", "2026-02-26 08:00:00"),
    ("0 0 8 LW * ?", "2026-02-10 00:00:00", "2026-02-27 08:00:00"),
    ("0 0 8 1W * ?", "2026-07-31 09:00:00", "2026-08-03 08:00:00"),
    ("0 0 8 15W * ?", "2026-08-01 00:00:00", "2026-08-14 08:00:00"),
    ("0 0 8 31 * ?", "2026-04-01 00:00:00", "2026-05-31 08:00:00"),
    ("0 0 8 ? * 6L", "2026-03-01 00:00:00", "2026-03-27 08:00:00"),
    ("0 0 8 ? * 6#3", "2026-03-01 00:00:00", "2026-03-20 08:00:00"),
    ("0 0 8 ? * L", "2026-03-01 00:00:00", "2026-03-07 08:00:00"),
    ("0 0 8 1 jan ? 2028", "2026-03-01 00:00:00", "2028-01-01 08:00:00"),
    ("0 0 8 29 2 ?", "2026-03-01 00:00:00", "2028-02-29 08:00:00"),
    ("0 0 22-2/2 * * ?", "2026-03-01 23:00:00", "2026-03-02 00:00:00"),
]


@pytest.mark.parametrize(("expression", "after", "expected"), MEANINGS)
def test_meaning(expression: str, after: str, expected: str) -> None:
    """An expression fires next when Quartz's documentation says."""
    assert fires(expression, "UTC", after) == [expected]


DAYLIGHT = [
    # Half past two does not exist on 29 March: it comes an hour later, once.
    ("0 30 2 * * ?", "2026-03-28 12:00:00", ["2026-03-29 03:30:00", "2026-03-30 02:30:00"]),
    ("0 0 4 * * ?", "2026-03-28 12:00:00", ["2026-03-29 04:00:00", "2026-03-30 04:00:00"]),
    # It comes twice on 25 October: fired once.
    ("0 30 2 * * ?", "2026-10-24 12:00:00", ["2026-10-25 02:30:00", "2026-10-26 02:30:00"]),
    ("0 0 * * * ?", "2026-10-25 00:30:00", ["2026-10-25 01:00:00", "2026-10-25 02:00:00", "2026-10-25 03:00:00"]),
]


@pytest.mark.parametrize(("expression", "after", "expected"), DAYLIGHT)
def test_daylight_saving(expression: str, after: str, expected: list[str]) -> None:
    """Each wall-clock time fires once, whether the clock skips it or shows it twice."""
    assert fires(expression, BERLIN, after, len(expected)) == expected


def test_never_stands_still() -> None:
    """An hourly schedule goes on and on, with no moment twice, in a zone of odd hours that sets its clocks back."""
    zone, schedule = ZoneInfo("Australia/Lord_Howe"), quartz.parse("0 0 * * * ?")
    moment, seen = datetime(2026, 4, 1, tzinfo=timezone.utc), 0
    while moment < datetime(2026, 4, 11, tzinfo=timezone.utc):
        following = quartz.next_fire(schedule, zone, moment)
        assert following is not None and following > moment
        moment, seen = following, seen + 1
    assert abs(seen - 10 * 24) <= 2


@pytest.mark.parametrize(("name", "hours"), [("GMT+2", 2), ("UTC-05:00", -5), ("GMT+0", 0), ("Asia/Tokyo", 9)])
def test_zones_of_java(name: str, hours: int) -> None:
    """A schedule may be in an offset of whole hours, as Java calls it, which IANA names the other way round."""
    assert datetime(2026, 3, 1, tzinfo=quartz.zone(name)).utcoffset() == timedelta(hours=hours)


def test_an_end() -> None:
    """A schedule whose years are over never fires again."""
    assert quartz.next_fire(quartz.parse("0 0 8 1 1 ? 2020"), ZoneInfo("UTC"), datetime.now(timezone.utc)) is None


WRONG = [
    ("0 3 * * *", "5 fields"),
    ("0 0 3 * *", "5 fields"),
    ("0 0 3 * * * * *", "8 fields"),
    ("0 0 3 * * *", "exactly one"),
    ("0 0 3 ? * ?", "exactly one"),
    ("60 0 3 * * ?", "out of range in seconds"),
    ("0 0 24 * * ?", "out of range in hours"),
    ("0 0 3 32 * ?", "out of range in day of month"),
    ("0 0 3 ? * 0", "out of range in day of week"),
    ("0 0 3 ? * 8", "out of range in day of week"),
    ("0 0 3 ? FEBRUARY MON", "out of range in month"),
    ("0 0 ? * * ?", "`?` stands only"),
    ("0 0/0 3 * * ?", "step"),
    ("0 a-b-c 3 * * ?", "not understood in minutes"),
    ("0 0 3 ? * 2#6", "first to a fifth"),
    ("0 0 3 * * ? 2030-2028", "goes backwards"),
    ("", "0 fields"),
]


@pytest.mark.parametrize(("expression", "reason"), WRONG)
def test_refused(work: Work, expression: str, reason: str) -> None:
    """A schedule that Quartz would not take is refused when the job is created, with the reason."""
    with pytest.raises(ValueError, match=reason):
        quartz.parse(expression)
    schedule = {"quartz_cron_expression": expression or " ", "timezone_id": "UTC"}
    reply = work.post("2.2/jobs/create", {"name": "x", "schedule": schedule})
    assert reply.status == 400 and reason.replace("`", "") in reply.json["message"].replace("`", "")


@pytest.mark.parametrize("schedule", [
    {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "Berlin"},
    {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "../UTC"},
    {"quartz_cron_expression": "0 0 3 * * ?"},
    {"timezone_id": "UTC"},
    {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC", "pause_status": "OFF"},
    {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC", "pause": "PAUSED"},
])  # fmt: skip
def test_refused_schedules(work: Work, schedule: dict[str, str]) -> None:
    """A schedule needs both fields, a zone there is, and a pause status of the two."""
    assert work.post("2.2/jobs/create", {"name": "x", "schedule": schedule}).shape[:2] == (
        400, "INVALID_PARAMETER_VALUE")  # fmt: skip


def test_scheduler_looks(tmp_path: Path) -> None:
    """A job is due once per firing, a paused one never, and not twice within ten seconds."""
    store = JobStore(tmp_path / "jobs.sqlite")
    for job_id, expression, unpaused in ((1, "0 0 3 * * ?", True), (2, "* * * * * ?", True), (3, "* * * * * ?", False)):
        settings = {"schedule": {"quartz_cron_expression": expression, "timezone_id": "UTC"}}
        store.put_job(StoredJob(job_id, "me", 0, settings), unpaused)
    scheduler = Scheduler(store, lambda _: None)
    at = [datetime(2026, 3, 1, 2, 59, 58 + second, tzinfo=timezone.utc) for second in (0, 1)]
    at += [datetime(2026, 3, 1, 3, 0, second, tzinfo=timezone.utc) for second in range(12)]
    looked = [sorted(scheduler.look(moment)) for moment in at]
    assert looked == [[], [2], [1], *[[]] * 8, [2], [], []]
    store.close()


def test_firing(tmp_path: Path) -> None:
    """With --run-schedules a job runs by itself, as PERIODIC, unless its schedule is paused."""
    with running(tmp_path / "own", options=("--run-schedules",)) as there:
        work = Work(Local(there.host, there.token), tmp_path / "own", tmp_path)
        path = work.notebook("/Shared/tick", "dbutils.notebook.exit('tick')")
        task = {"task_key": "a", "notebook_task": {"notebook_path": path}}
        schedule = {"quartz_cron_expression": "* * * * * ?", "timezone_id": "UTC"}
        job_id = work.job({"name": "tick", "tasks": [task], "schedule": schedule})
        paused = work.job({"name": "no", "tasks": [task], "schedule": {**schedule, "pause_status": "PAUSED"}})
        deadline = time.monotonic() + 300
        while not (runs := work.get("2.2/jobs/runs/list", job_id=job_id, completed_only="true").json.get("runs")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert (runs[0]["trigger"], runs[0]["state"]["result_state"]) == ("PERIODIC", "SUCCESS")
        assert "runs" not in work.get("2.2/jobs/runs/list", job_id=paused).json
