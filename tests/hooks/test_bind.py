"""`bind` makes a job that exists that of a hook, says before what a deployment changes, and takes nobody's job."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Local

from databricks_local.embedded import Running

from .desk import Desk
from .work import CLUSTER, HOOK, repository, write

JOB = "mlflow_demo_hook"
BY_HAND: dict[str, Any] = {
    "name": "Nightly training",
    "tags": {"team": "ml"},
    "max_concurrent_runs": 1,
    "webhook_notifications": {"on_failure": [{"id": "7"}]},
    "schedule": {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "UNPAUSED"},
    "tasks": [
        {
            "task_key": "train",
            "new_cluster": {**CLUSTER, "spark_version": "15.4.x-cpu-ml-scala2.12"},
            "notebook_task": {"notebook_path": "/Users/me@example.com/train"},
        }
    ],
}


@pytest.fixture
def desk(tmp_path: Path, embedded: Running) -> Iterator[Desk]:
    """A repository with a hook, and a workspace with a job that somebody made by hand."""
    api = Local(embedded.host, embedded.token)
    api.control("reset")
    desk = Desk(repository(tmp_path / "team"), tmp_path / "home", api)
    desk.quick("generate")
    yield desk
    api.control("reset")


def settings(desk: Desk, number: int) -> dict[str, Any]:
    return dict(desk.work.get("2.2/jobs/get", job_id=number).json["settings"])


def test_bind(desk: Desk) -> None:
    """The job keeps its number, and what hook.yml says nothing of; the next deployment changes what was shown."""
    number = desk.work.job(BY_HAND)
    desk.api.control("requests", method="DELETE")
    shown = desk.quick("bind", "demo", str(number), "--dry-run", "--json").one("job")["changes"]
    assert 'name (was "Nightly training")' in shown and desk.asked() == []
    assert settings(desk, number) == BY_HAND
    bound = desk.quick("bind", "demo", str(number), "--yes", "--json").one("summary")
    assert bound["bound"] and bound["job_id"] == number
    assert settings(desk, number)["tags"].items() >= {"team": "ml", "mlflow_hook": "demo"}.items()
    desk.quick("deploy", "--dry-run")
    (job,) = (event for event in desk.quick("deploy", "--json").events if event["event"] == "job")
    assert job["action"] == "update" and job["why"].startswith("name, ")
    after = settings(desk, number)
    assert (after["name"], after["tags"]["team"]) == (JOB, "ml")
    assert [task["task_key"] for task in after["tasks"]] == ["hook"]
    assert after["webhook_notifications"] == BY_HAND["webhook_notifications"]
    assert len(desk.work.get("2.2/jobs/list").json["jobs"]) == 1
    assert desk.quick("deploy", "--json").one("summary")["in_sync"] == 2
    desk.api.control("requests", method="DELETE")
    assert "is that of demo already" in desk.quick("bind", "demo", str(number), "--yes").out and desk.asked() == []


def test_edited_meanwhile(desk: Desk) -> None:
    """What somebody edits between the two is an edit in the workspace, and stays."""
    number = desk.work.job({**BY_HAND, "name": JOB})
    desk.quick("bind", "demo", str(number), "--yes")
    paused = {**BY_HAND["schedule"], "pause_status": "PAUSED"}
    desk.work.post("2.2/jobs/update", {"job_id": number, "new_settings": {"schedule": paused}})
    said = desk.quick("deploy").out
    assert "keeps schedule.pause_status: edited in the workspace" in said
    assert settings(desk, number)["schedule"]["pause_status"] == "PAUSED"
    assert settings(desk, number)["schedule"]["quartz_cron_expression"] == "0 0 6 * * ?"


def test_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sits at a terminal is asked, and a no changes nothing."""
    number = desk.work.job(BY_HAND)
    monkeypatch.setattr("mlflow_hooks.commands.is_terminal", lambda: True)
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        ran = desk.quick("bind", "demo", str(number), code=1)
        assert ran.err == "Let demo use this job? [y/N] " and settings(desk, number) == BY_HAND
    assert f"demo ← job {number} Nightly training" in ran.out and '  ~ name (was "Nightly training")' in ran.out
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert "the next deployment makes these changes" in desk.quick("bind", "demo", str(number)).out


def another_job(desk: Desk) -> None:
    desk.quick("deploy")


def another_target(desk: Desk) -> None:
    write(desk.root / "projects/Demo", {"hook.yml": HOOK + "targets: {qa: {timeout: 1h}, prod: {timeout: 3h}}\n"})
    desk.quick("generate")
    desk.quick("deploy", "--to", "qa")
    (job,) = desk.work.get("2.2/jobs/list", name=JOB).json["jobs"]
    desk.work.post("2.2/jobs/delete", {"job_id": job["job_id"]})


def another_repository(desk: Desk) -> None:
    other = Desk(repository(desk.root.parent / "other", {"README": "another"}), desk.home, desk.api)
    other.quick("generate")
    other.quick("deploy")


REFUSED = {
    "a bundle's": ({"deployment": {"kind": "BUNDLE"}}, None, "belongs to a bundle"),
    "another hook's": ({"tags": {"mlflow_hook": "other"}}, None, "is that of the hook other"),
    "there is one": ({}, another_job, "which deploy takes for that of demo"),
    "another target": ({}, another_target, "as it is for qa"),
    "another repository": ({}, another_repository, "was deployed from another repository"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(desk: Desk, case: str) -> None:
    """A job that is somebody else's, or one too many, is not touched."""
    more, before, words = REFUSED[case]
    number = desk.work.job({**BY_HAND, **more})
    if before:
        before(desk)
    desk.api.control("requests", method="DELETE")
    assert words in desk.quick("bind", "demo", str(number), "--yes", code=1).err
    assert desk.asked() == [] and settings(desk, number) == {**BY_HAND, **more}
