"""`deploy` makes the workspace hold the hooks, touches nothing of anybody else's, and does nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Local

from databricks_local.embedded import running

from .desk import Desk, Ran
from .work import FILES, HOOK, URL, git, repository, write

FOLDER = "/Shared/mlflow_hooks"
NOTEBOOK = f"{FOLDER}/mlflow_demo_hook"
JOB = "mlflow_demo_hook"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("deploy") / "workspace"
    with running(folder) as there:
        yield Local(there.host, there.token)
    log = folder / "server.log"
    assert not log.exists(), log.read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: Local) -> Desk:
    """A repository with a hook whose files are generated and committed."""
    folder = tmp_path_factory.mktemp("made")
    desk = Desk(repository(folder / "team"), folder / "home", server)
    desk.quick("generate")
    git(desk.root, "add", "-A")
    git(desk.root, "commit", "--quiet", "-m", "generated")
    return desk


@pytest.fixture
def desk(made: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A clone of it that has never deployed anything, and an empty workspace, with the defaults of the real one."""
    made.api.control("reset")
    made.api.control("settings", {"job_defaults": True, "newlines": "preserve"})
    for job in jobs(made):
        made.work.post("2.2/jobs/delete", {"job_id": job["job_id"]})
    yield clone(made, tmp_path / "clone")


def clone(desk: Desk, folder: Path) -> Desk:
    git(desk.root, "clone", "--quiet", str(desk.root), str(folder))
    return Desk(folder, folder.parent / "home", desk.api)


def jobs(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.work.get("2.2/jobs/list", expand_tasks="true").json.get("jobs", [])
    return found


def deploy(desk: Desk, *words: str, code: int = 0) -> Ran:
    desk.api.control("requests", method="DELETE")
    return desk.quick("deploy", "--json", *words, code=code)


def counts(ran: Ran) -> tuple[int, ...]:
    told = ran.one("summary")
    return tuple(told[name] for name in ("created", "updated", "deleted", "in_sync", "left"))


def change(desk: Desk, was: str, now: str) -> None:
    """Edits hook.yml, and generates."""
    path = desk.root / "projects" / "Demo" / "hook.yml"
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))
    desk.quick("generate")


def edit(desk: Desk, text: str = "print('edited')") -> None:
    """Somebody edits the notebook in the browser."""
    desk.api.control("edit", {"path": NOTEBOOK, "source": f"# Databricks notebook source\n{text}\n"})


def identity(desk: Desk) -> int:
    """The number of the notebook, which a notebook that is made anew does not keep."""
    return int(desk.work.get("2.0/workspace/get-status", path=NOTEBOOK).json["object_id"])


def test_first_and_second(desk: Desk) -> None:
    """The first run makes notebook and job, the second one sends no write at all, and reads the job's record once."""
    ran = deploy(desk)
    assert ran.changes == {NOTEBOOK: "create", JOB: "create"} and counts(ran) == (2, 0, 0, 0, 0)
    (job,) = jobs(desk)
    assert job["settings"]["tags"].items() >= {"mlflow_hook": "demo"}.items()
    assert job["settings"]["tasks"][0]["notebook_task"]["notebook_path"] == NOTEBOOK
    desk.api.control("requests", method="DELETE")
    assert counts(deploy(desk)) == (0, 0, 0, 2, 0) and desk.asked() == []
    told = [f"{request['endpoint']} {request}" for request in desk.api.requests()]
    assert sum("demo.job" in request for request in told) == 1, told


def test_where_it_is(desk: Desk) -> None:
    """What is in the workspace is told with its page: notebook, job, and the folder; what is not there yet has none."""
    folder, pages = f"{desk.api.host}/workspace?path={NOTEBOOK.rpartition('/')[0]}", ("notebook", "job", "summary")
    ran = deploy(desk, "--dry-run")
    assert [ran.one(event)["address"] for event in pages] == [None] * 3
    ran = deploy(desk)
    (job,) = jobs(desk)
    told = [f"{desk.api.host}/workspace?path={NOTEBOOK}", f"{desk.api.host}/jobs/{job['job_id']}", folder]
    assert [ran.one(event)["address"] for event in pages] == told
    environment, opened = desk.browser()
    assert folder not in desk.type("deploy", "--open", **environment).out
    assert opened.read_text(encoding="utf-8").split() == [folder]
    edit(desk)
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    ran = deploy(desk, code=1)
    assert [ran.one(event)["address"] for event in pages] == told
    assert desk.quick("deploy", code=1).out.splitlines()[-1] == folder


def test_dry_run(desk: Desk) -> None:
    """--dry-run tells the same and sends no write."""
    assert deploy(desk, "--dry-run").changes == {NOTEBOOK: "create", JOB: "create"} and desk.asked() == []
    assert jobs(desk) == []


def test_update_in_place(desk: Desk) -> None:
    """A changed hook changes its notebook and its job, which keep their identity."""
    deploy(desk)
    (before,) = jobs(desk)
    number = identity(desk)
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    ran = deploy(desk)
    assert (
        ran.changes == {NOTEBOOK: "update", JOB: "update"}
        and ran.one("job")["why"] == "schedule.quartz_cron_expression"
    )
    (after,) = jobs(desk)
    assert after["job_id"] == before["job_id"]
    assert after["settings"]["schedule"]["quartz_cron_expression"] == "0 0 7 * * ?"
    assert identity(desk) == number and "/api/2.2/jobs/delete" not in desk.asked()


def test_fresh_clone(desk: Desk, tmp_path: Path) -> None:
    """A clone in CI that remembers nothing replaces what was generated before, and finds nothing to do after."""
    deploy(desk)
    other = clone(desk, tmp_path / "other")
    assert counts(deploy(other)) == (0, 0, 0, 2, 0)
    change(other, "0 0 6 * * ?", "0 0 7 * * ?")
    shutil.rmtree(other.root / ".git" / "databricks_sync")
    assert deploy(other).changes == {NOTEBOOK: "update", JOB: "update"}
    assert counts(deploy(other)) == (0, 0, 0, 2, 0)


def test_edited_in_the_workspace(desk: Desk) -> None:
    """An edit there is never replaced unasked: alone it stays, against ours it is a conflict; --overwrite keeps it."""
    deploy(desk)
    edit(desk)
    ran = deploy(desk)
    assert ran.one("notebook")["problem"] == "is skipped: edited in the workspace." and desk.asked() == []
    change(desk, "value: hello", "value: hi")
    ran = deploy(desk, code=1)
    assert ran.one("notebook")["problem"] == "is skipped: edited on both sides."
    assert "--overwrite" in ran.one("notebook")["hint"]
    assert deploy(desk, "--overwrite").changes[NOTEBOOK] == "update"
    kept = [path for path in (desk.root / ".git" / "databricks_sync" / "backups").rglob("*") if path.is_file()]
    assert any(b"print('edited')" in path.read_bytes() for path in kept)


def test_edited_before_the_first_time(desk: Desk, tmp_path: Path) -> None:
    """A clone that remembers nothing tells an edited hook notebook from a generated one."""
    deploy(desk)
    edit(desk)
    ran = deploy(clone(desk, tmp_path / "other"), code=1)
    assert (
        ran.one("notebook")["problem"]
        == "is skipped: differs from the workspace (no earlier sync of it is known in this clone)."
    )


def test_deleted_in_the_workspace(desk: Desk) -> None:
    """A notebook or a job that somebody deleted there is made again."""
    deploy(desk)
    desk.api.control("edit", {"path": NOTEBOOK, "delete": True})
    desk.work.post("2.2/jobs/delete", {"job_id": jobs(desk)[0]["job_id"]})
    assert deploy(desk).changes == {NOTEBOOK: "create", JOB: "create"}


def edit_job(desk: Desk, **settings: object) -> int:
    """Somebody edits the job in the workspace; its number."""
    number = int(jobs(desk)[0]["job_id"])
    desk.work.post("2.2/jobs/update", {"job_id": number, "new_settings": settings})
    return number


PAUSED = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "PAUSED"}


def test_paused_in_the_workspace(desk: Desk, tmp_path: Path) -> None:
    """A pause of the job stays through changes of other fields, from any clone; --overwrite alone takes it back."""
    deploy(desk)
    edit_job(desk, schedule=PAUSED)
    ran = deploy(desk)
    assert ran.one("job")["problem"] == "keeps schedule.pause_status: edited in the workspace." and desk.asked() == []
    other = clone(desk, tmp_path / "other")
    change(other, "0 0 6 * * ?", "0 0 7 * * ?")
    update, kept = (event for event in deploy(other).events if event["event"] == "job")
    assert update["why"] == "schedule.quartz_cron_expression" and "keeps schedule.pause_status" in kept["problem"]
    assert jobs(desk)[0]["settings"]["schedule"] == {**PAUSED, "quartz_cron_expression": "0 0 7 * * ?"}
    assert deploy(other, "--overwrite").one("job")["why"] == 'schedule.pause_status (was "PAUSED")'
    assert jobs(desk)[0]["settings"]["schedule"]["pause_status"] == "UNPAUSED"
    assert counts(deploy(other, "--overwrite")) == (0, 0, 0, 2, 0) and desk.asked() == []


@pytest.mark.long
def test_renamed_in_the_workspace(desk: Desk) -> None:
    """A job that somebody renamed is still the hook's: there is no second one, which would run beside it."""
    deploy(desk)
    number = edit_job(desk, name="ours")
    assert deploy(desk).one("job")["problem"] == "keeps name: edited in the workspace."
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    deploy(desk)
    (job,) = jobs(desk)
    assert (job["job_id"], job["settings"]["name"]) == (number, "ours")
    assert desk.quick("status", "--json").one("status")["job_id"] == number
    assert job["settings"]["schedule"]["quartz_cron_expression"] == "0 0 7 * * ?"
    desk.work.post("2.2/jobs/delete", {"job_id": number})
    assert deploy(desk).changes[JOB] == "create"


def test_edited_on_both_sides(desk: Desk) -> None:
    """A field that both changed is a conflict, and the whole job stays as it is until hook.yml agrees with it."""
    deploy(desk)
    edit_job(desk, schedule={**PAUSED, "pause_status": "UNPAUSED", "timezone_id": "Asia/Tokyo"}, timeout_seconds=1)
    change(desk, "Europe/Berlin", "Europe/Paris")
    ran = deploy(desk, code=1)
    assert ran.one("job")["problem"] == "is skipped: schedule.timezone_id edited on both sides."
    assert "/api/2.2/jobs/reset" not in desk.asked()
    change(desk, "Europe/Paris", "Asia/Tokyo")
    update, kept = (event for event in deploy(desk).events if event["event"] == "job")
    assert update["action"] == "update" and kept["problem"] == "keeps timeout_seconds: edited in the workspace."
    change(desk, "Asia/Tokyo", "Asia/Seoul")  # they had agreed, so this is a change of hook.yml alone
    assert [event["action"] for event in deploy(desk).events if event["event"] == "job"] == ["update", "nothing"]


def test_added_by_hand(desk: Desk) -> None:
    """What somebody adds to the job stays too, and is told where it changes when or with what it runs."""
    deploy(desk)
    (job,) = jobs(desk)
    edit_job(desk, tags={**job["settings"]["tags"], "cost": "team"})
    assert counts(deploy(desk)) == (0, 0, 0, 2, 0)
    edit_job(desk, email_notifications={"on_failure": ["me@example.com"]})
    assert "keeps email_notifications" in deploy(desk).one("job")["problem"]
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    deploy(desk)
    (after,) = jobs(desk)
    assert after["settings"]["tags"]["cost"] == "team"
    assert after["settings"]["email_notifications"] == {"on_failure": ["me@example.com"]}


RUNNERS = "name: demo\npermissions:\n  - {group_name: runners, level: CAN_MANAGE_RUN}\n"


def grants(desk: Desk, **levels: str) -> dict[str, str]:
    """Who may do what with the job by its own permissions; `levels` are given to groups by hand first."""
    url = f"/api/2.0/permissions/jobs/{jobs(desk)[0]['job_id']}"
    given = [{"group_name": name, "permission_level": level} for name, level in levels.items()]
    entries = desk.api.call("PATCH", url, {"access_control_list": given}).json["access_control_list"]
    return {
        next(entry[field] for field in ("group_name", "user_name", "service_principal_name") if field in entry): one[
            "permission_level"
        ]
        for entry in entries
        for one in entry["all_permissions"]
        if not one["inherited"]
    }


def test_permissions(desk: Desk) -> None:
    """The job is created with the permissions of hook.yml; each is kept, changed and taken as any other setting is."""
    change(desk, "name: demo\n", RUNNERS)
    deploy(desk)
    me = {"me@example.com": "IS_OWNER"}
    assert grants(desk) == {"runners": "CAN_MANAGE_RUN", **me}
    assert counts(deploy(desk)) == (0, 0, 0, 2, 0) and desk.asked() == []
    grants(desk, guests="CAN_VIEW")
    assert deploy(desk).one("job")["problem"] == "keeps permissions.group guests: edited in the workspace."
    change(desk, "level: CAN_MANAGE_RUN}", "level: CAN_MANAGE}\n  - {user_name: you@example.com, level: CAN_VIEW}")
    update, kept = (event for event in deploy(desk).events if event["event"] == "job")
    assert update["why"] == "permissions.group runners, permissions.user you@example.com"
    assert "keeps permissions.group guests" in kept["problem"]
    mine = {"runners": "CAN_MANAGE", "you@example.com": "CAN_VIEW"}
    assert grants(desk) == {**mine, "guests": "CAN_VIEW", **me}
    grants(desk, runners="CAN_VIEW")
    assert "keeps permissions.group runners" in deploy(desk).one("job")["problem"]
    assert "permissions" in desk.quick("status").out
    why = deploy(desk, "--overwrite").one("job")["why"]
    assert 'permissions.group runners (was "CAN_VIEW")' in why and grants(desk) == {**mine, **me}


def test_permissions_that_hook_yml_no_longer_says(desk: Desk) -> None:
    """They are taken, and the others stay; and a job without any in hook.yml is nobody's to look at."""
    deploy(desk)
    assert "/api/2.0/permissions" not in str(desk.api.requests())
    change(desk, "name: demo\n", RUNNERS)
    deploy(desk)
    grants(desk, guests="CAN_VIEW")
    change(desk, RUNNERS, "name: demo\n")
    assert "permissions.group runners" in deploy(desk).events[2]["why"]
    assert grants(desk) == {"guests": "CAN_VIEW", "me@example.com": "IS_OWNER"}
    assert "to be deployed" not in desk.quick("status").out
    change(desk, "name: demo\n", RUNNERS.replace("group_name: runners", "service_principal_name: x").replace(
        "CAN_MANAGE_RUN", "IS_OWNER"))  # fmt: skip
    deploy(desk)
    assert grants(desk) == {"guests": "CAN_VIEW", "x": "IS_OWNER"}


def test_permissions_of_the_owner(desk: Desk) -> None:
    """Whoever deploys owns the job, and so has what hook.yml gives to him: nothing differs."""
    change(desk, "name: demo\n", RUNNERS + "  - {user_name: me@example.com, level: CAN_MANAGE}\n")
    deploy(desk)
    assert grants(desk) == {"runners": "CAN_MANAGE_RUN", "me@example.com": "IS_OWNER"}
    assert counts(deploy(desk)) == (0, 0, 0, 2, 0) and desk.asked() == []


def test_permissions_of_a_killed_run(desk: Desk) -> None:
    """A run that set the permissions and not the settings is completed by the next one."""
    deploy(desk)
    change(desk, "name: demo\n", RUNNERS + "timeout: 3h\n")
    refusal = {"kind": "answer", "status": 400, "error_code": "INVALID_PARAMETER_VALUE", "message": "not now"}
    desk.api.control("faults", [{"endpoint": "/api/2.2/jobs/reset", "action": refusal}])
    deploy(desk, code=4)
    desk.api.control("faults", method="DELETE")
    assert deploy(desk).changes[JOB] == "update" and counts(deploy(desk)) == (0, 0, 0, 2, 0)
    assert grants(desk)["runners"] == "CAN_MANAGE_RUN"


def test_killed_between_record_and_job(desk: Desk) -> None:
    """A run that wrote the record and not the job leaves them fitting: the next one knows whose edit is whose."""
    deploy(desk)
    edit_job(desk, schedule=PAUSED)
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    refusal = {"kind": "answer", "status": 400, "error_code": "INVALID_PARAMETER_VALUE", "message": "not now"}
    desk.api.control("faults", [{"endpoint": "/api/2.2/jobs/reset", "action": refusal}])
    assert "not now" in deploy(desk, code=4).one("job")["problem"]
    desk.api.control("faults", method="DELETE")
    change(desk, "0 0 7 * * ?", "0 0 8 * * ?")
    deploy(desk)
    assert jobs(desk)[0]["settings"]["schedule"] == {**PAUSED, "quartz_cron_expression": "0 0 8 * * ?"}


def without_record(desk: Desk) -> None:
    """As if an earlier version had deployed."""
    desk.work.post("2.0/workspace/delete", {"path": "/Shared/.databricks_sync", "recursive": True})


def test_deployed_by_an_earlier_version(desk: Desk, tmp_path: Path) -> None:
    """Without a record an unchanged job gets one; what differs is a conflict, because nobody knows who changed it."""
    deploy(desk)
    without_record(desk)
    assert deploy(desk).changes[JOB] == "nothing"
    other = clone(desk, tmp_path / "other")
    change(other, "0 0 6 * * ?", "0 0 7 * * ?")
    assert deploy(other).one("job")["why"] == "schedule.quartz_cron_expression"
    without_record(desk)
    change(other, "0 0 7 * * ?", "0 0 8 * * ?")
    ran = deploy(other, code=1)
    assert "schedule.quartz_cron_expression differs, and nothing tells what" in ran.one("job")["problem"]
    assert "--overwrite" in ran.one("job")["hint"] and "/api/2.2/jobs/reset" not in desk.asked()
    assert deploy(other, "--overwrite").changes[JOB] == "update" and deploy(other).changes[JOB] == "nothing"
    without_record(desk)
    change(other, "widget: true", "widget: false")  # the job has one parameter more now, which may be somebody's
    assert "parameters.word differs" in deploy(other, code=1).one("job")["problem"]


@pytest.mark.parametrize("record", ["{", '{"settings": 1}', "[]", "x" * 10])
def test_a_record_of_somebody_else(desk: Desk, record: str) -> None:
    """A record that cannot be understood counts as none, and one whose settings were changed is not believed."""
    deploy(desk)
    path = "/Shared/.databricks_sync/mlflow_hooks~~demo.job"
    text = desk.api.download(path, "AUTO").decode() if record == "[]" else record
    desk.api.upload(path, text.replace("0 0 6", "0 0 7").encode(), "RAW", overwrite="true")
    change(desk, "0 0 6 * * ?", "0 0 8 * * ?")
    assert "nothing tells what was deployed last" in deploy(desk, code=1).one("job")["problem"]


BUNDLES = {
    "production": {"edit_mode": "UI_LOCKED", "deployment": {"kind": "BUNDLE", "metadata_file_path": "/x"}},
    "development": {"deployment": {"kind": "BUNDLE"}},
}


@pytest.mark.parametrize("mode", BUNDLES)
def test_jobs_of_bundles(desk: Desk, mode: str) -> None:
    """A job that a bundle deployed, perhaps of our own files, is neither taken over nor deleted, whatever is typed."""
    deploy(desk)
    number = edit_job(desk, **BUNDLES[mode])
    before = jobs(desk)[0]["settings"]
    change(desk, "0 0 6 * * ?", "0 0 7 * * ?")
    ran = deploy(desk, "--overwrite", "--take-over", code=1)
    assert ran.one("job")["problem"] == f"belongs to a bundle, which deployed job {number}."
    change(desk, "name: demo", "name: other")
    deploy(desk, "--prune", "--overwrite", "--take-over")
    (after,) = (job["settings"] for job in jobs(desk) if job["job_id"] == number)
    assert after == before


def test_removed_from_the_hook(desk: Desk) -> None:
    """What hook.yml says no more the job loses too, however deep it was, and keeps its identity."""
    cluster = "cluster: {spark_version: 17.3.x-scala2.13, node_type_id: x, num_workers: 1"
    mail = "notifications: {on_failure: a@example.com"
    less = f"{mail}}}\n{cluster}}}\nparameters:"
    more = f"{mail}, on_success: b@example.com}}\n{cluster}, spark_env_vars: {{MODE: 'on'}}}}\nparameters:"
    change(desk, "parameters:", more)
    deploy(desk)
    (before,) = jobs(desk)
    change(desk, more, less)
    assert deploy(desk).changes[JOB] == "update"
    (after,) = jobs(desk)
    assert after["job_id"] == before["job_id"] and "on_success" not in after["settings"]["email_notifications"]
    assert "spark_env_vars" not in after["settings"]["job_clusters"][0]["new_cluster"]
    assert deploy(desk).changes[JOB] == "nothing"


def test_job_of_another_case(desk: Desk) -> None:
    """Somebody's job whose name differs from ours in upper and lower case is in nobody's way."""
    desk.work.job({"name": JOB.upper(), "tasks": []})
    assert deploy(desk).changes[JOB] == "create" and deploy(desk).changes[JOB] == "nothing"


def test_jobs_of_others(desk: Desk) -> None:
    """A job of our name without the tag mlflow_hook stays as it is, and so do two of that name."""
    theirs = desk.work.job({"name": JOB, "tasks": []})
    ran = deploy(desk, code=1)
    assert "without the tag mlflow_hook" in ran.one("job")["problem"] and "Rename that job" in ran.one("job")["hint"]
    desk.work.job({"name": JOB, "tasks": [], "tags": {"mlflow_hook": "demo"}})
    ran = deploy(desk, code=1)
    assert "is the name of 2 jobs" in ran.one("job")["problem"] and len(jobs(desk)) == 2
    assert any(job["job_id"] == theirs and "tags" not in job["settings"] for job in jobs(desk))


def test_a_hostile_place_is_quoted(desk: Desk) -> None:
    """What is advised where somebody gave a job another folder names that folder, whatever it is called, and us."""
    deploy(desk)
    (job,) = jobs(desk)
    tasks = job["settings"]["tasks"]
    tasks[0]["notebook_task"]["notebook_path"] = "/Shared/x; touch pwned/mlflow_demo_hook"
    desk.work.post("2.2/jobs/update", {"job_id": job["job_id"], "new_settings": {"tasks": tasks}})
    ran = deploy(desk, "--user", "me@example.com", code=1)
    typed = "mlflow_hooks deploy --user me@example.com --target '/Shared/x; touch pwned'"
    assert ran.one("job")["hint"] == f"Type `{typed}`, or delete job {job['job_id']}."


def test_deployed_elsewhere(desk: Desk) -> None:
    """A job that runs the notebook of another folder, another team's perhaps, stays as it is."""
    deploy(desk, "--target", "/Shared/team/hooks")
    ran = deploy(desk, code=1)
    assert "runs the notebook in /Shared/team/hooks" in ran.one("job")["problem"]
    assert counts(deploy(desk, "--target", "/Shared/team/hooks")) == (0, 0, 0, 2, 0)


def test_pipelines_of_another_folder(desk: Desk) -> None:
    """Who deploys to another folder is told which parameter of the pipelines has to name it."""
    change(desk, "schedule:", "data_factory: {linked_service: Db}\nschedule:")
    (note,) = [event["message"] for event in deploy(desk, "--target", "/Shared/qa").events if event["event"] == "note"]
    assert note == "In Data Factory, give the parameter notebook_folder of the pipelines the value /Shared/qa."
    (pipeline,) = (desk.root / "hooks" / "data_factory").iterdir()
    assert "notebook_folder" in json.loads(pipeline.read_text())["properties"]["parameters"]


def test_prune(desk: Desk, tmp_path: Path) -> None:
    """What belongs to no hook any more stays until --prune, which leaves what others made, also from a fresh clone."""
    write(desk.root / "projects" / "Other", {"MLproject": (desk.root / "projects/Demo/MLproject").read_text()})
    shutil.copytree(desk.root / "projects" / "Demo", desk.root / "projects" / "Other", dirs_exist_ok=True)
    write(desk.root / "projects" / "Other", {"hook.yml": HOOK.replace("name: demo", "name: other")})
    desk.quick("generate")
    assert counts(deploy(desk)) == (4, 0, 0, 0, 0)
    desk.api.control("edit", {"path": f"{FOLDER}/mlflow_their_hook", "source": "# Databricks notebook source\n1"})
    desk.api.control("edit", {"path": f"{FOLDER}/empty", "object_type": "DIRECTORY"})
    theirs = desk.work.job({"name": "mlflow_their_hook", "tasks": [], "tags": {"mlflow_hook": "their"}})

    other = clone(desk, tmp_path / "other")
    stale = {f"{FOLDER}/mlflow_other_hook", "mlflow_other_hook"}
    ran = deploy(other)
    left = {
        one["name"] for one in ran.events if one.get("problem") == "belongs to no hook any more; it was not deleted."
    }
    assert left == stale and desk.asked() == []
    assert deploy(other, "--prune", "--dry-run").changes.items() >= dict.fromkeys(stale, "delete").items()
    assert desk.asked() == []
    ran = deploy(other, "--prune")
    assert {name for name, action in ran.changes.items() if action == "delete"} == stale
    assert desk.api.type_of(f"{FOLDER}/mlflow_their_hook") == "NOTEBOOK" and desk.api.type_of(f"{FOLDER}/empty")
    assert {job["job_id"] for job in jobs(desk)} >= {theirs}


@pytest.mark.long
def test_prune_what_was_edited(desk: Desk) -> None:
    """A notebook of no hook that somebody edited goes only with --overwrite."""
    deploy(desk)
    path = f"{FOLDER}/mlflow_gone_hook"
    text = next((desk.root / "hooks" / "notebooks").iterdir()).read_text()
    desk.api.control("edit", {"path": path, "source": f"{text}\nedited"})
    assert deploy(desk, "--prune", code=1).changes[path] == "nothing"
    assert deploy(desk, "--prune", "--overwrite").changes[path] == "delete"


def test_prune_a_job_that_was_edited(desk: Desk) -> None:
    """So does the job of no hook that somebody edited; without a record it stays in any case."""
    deploy(desk)
    edit_job(desk, schedule=PAUSED)
    change(desk, "name: demo", "name: other")
    ran = deploy(desk, "--prune", code=1)
    assert ran.changes[JOB] == "nothing" and len(jobs(desk)) == 2
    assert deploy(desk, "--prune", "--overwrite").changes[JOB] == "delete"
    change(desk, "name: other", "name: third")
    without_record(desk)
    assert "mlflow_other_hook" not in deploy(desk, "--prune", "--overwrite", "--take-over").changes
    assert {job["settings"]["name"] for job in jobs(desk)} == {"mlflow_other_hook", "mlflow_third_hook"}


def test_renamed(desk: Desk) -> None:
    """A hook that got another name, or another engine, leaves behind what --prune removes."""
    deploy(desk)
    change(desk, "name: demo", "name: other")
    assert deploy(desk, "--prune").changes.items() >= {NOTEBOOK: "delete", JOB: "delete"}.items()
    change(
        desk, f"name: other\ngit:\n  url: {URL}", "name: other\nengine: jobs-git\ngit:\n  url: https://github.com/o/r"
    )
    notebooks = desk.root / "hooks" / "notebooks"
    notebooks.rmdir()  # git keeps no empty folder, so a fresh clone has none
    assert deploy(desk, "--prune").changes == {f"{FOLDER}/mlflow_other_hook": "delete", "mlflow_other_hook": "update"}
    assert not notebooks.exists()


@pytest.mark.long
def test_two_project_folders(desk: Desk) -> None:
    """The hooks of another project folder of the same repository are not gone: --prune leaves them alone."""
    two = desk.root / "b" / "projects" / "Two"
    shutil.copytree(desk.root / "projects" / "Demo", two)
    write(two, {"hook.yml": HOOK.replace("name: demo", "name: two")})
    beside = {"PROJECT_FOLDER": str(desk.root / "b")}
    desk.quick("generate", **beside)
    deploy(desk)
    for words in ((), ("--prune",)):
        ran = desk.quick("deploy", "--json", *words, **beside)
        assert set(ran.changes) == {f"{FOLDER}/mlflow_two_hook", "mlflow_two_hook"} and ran.one("summary")["left"] == 0
    assert {job["settings"]["name"] for job in jobs(desk)} == {JOB, "mlflow_two_hook"}
    assert desk.api.type_of(NOTEBOOK) == "NOTEBOOK"


def another_repository(desk: Desk, folder: Path, *names: str) -> Desk:
    """The desk of another team, with committed hooks of these names that need no notebook."""
    hook = HOOK.replace(URL, "https://github.com/team/theirs").replace("name: demo", "name: {}\nengine: jobs-git")
    root = folder / "theirs"
    for name in names:
        write(root / "projects" / name, {**FILES, "hook.yml": hook.replace("{}", name)})
    theirs = Desk(repository(root, {"hook.yml": hook.replace("{}", "demo")}), folder / "home", desk.api)
    theirs.quick("generate")
    return theirs


def test_another_repository(desk: Desk, tmp_path: Path) -> None:
    """Where several repositories deploy to one folder, each takes for stale only what was its own."""
    deploy(desk)
    (ours,) = jobs(desk)
    renamed = {"name": "mlflow_ours_hook", "tags": {"mlflow_hook": "ours"}}
    desk.work.post("2.2/jobs/update", {"job_id": ours["job_id"], "new_settings": renamed})
    theirs = another_repository(desk, tmp_path, "gone")
    deploy(theirs)
    shutil.rmtree(theirs.root / "projects" / "gone")
    theirs.quick("generate")
    ran = deploy(theirs, "--prune")
    assert ran.changes == {JOB: "nothing", "mlflow_gone_hook": "delete"} and ran.one("summary")["left"] == 0
    assert not (theirs.root / "hooks" / "notebooks").exists()
    assert {job["settings"]["name"] for job in jobs(desk)} == {JOB, "mlflow_ours_hook"}


def test_take_over(desk: Desk, tmp_path: Path) -> None:
    """A repository that has moved, and is another one now, makes the folder its own with the option it is told of."""
    deploy(desk)
    moved = another_repository(desk, tmp_path)
    change(moved, "name: demo\nengine: jobs-git", "name: demo")
    ran = deploy(moved, code=3)
    assert "belongs to another repository" in ran.one("error")["message"]
    assert ran.one("error")["hint"] == "Choose another folder with --target, or add --take-over to take over this one."
    assert deploy(moved, "--take-over").changes == {NOTEBOOK: "update", JOB: "nothing"}
    assert counts(deploy(moved)) == (0, 0, 0, 2, 0)


@pytest.mark.parametrize("place", [FOLDER, f"{FOLDER}/below"])
def test_a_git_folder(desk: Desk, place: str) -> None:
    """Nothing is deployed into a Git folder, also not into one that the workspace calls a directory."""
    desk.api.control("edit", {"path": FOLDER, "object_type": "GIT_FOLDER"})
    ran = deploy(desk, "--target", place, code=2)
    assert "Git folder" in ran.one("error")["message"]
    assert desk.api.names(FOLDER) == [] and jobs(desk) == []


def test_jobs_git(desk: Desk) -> None:
    """A hook without a notebook has a job alone, and the folder of its experiment is made."""
    change(desk, "https://git.example.com", "https://github.com")
    change(desk, "name: demo\n", "name: demo\nengine: jobs-git\n")
    ran = deploy(desk)
    assert ran.changes == {JOB: "create"} and desk.api.type_of("/Shared/experiments") == "DIRECTORY"
    assert deploy(desk).changes == {JOB: "nothing"} and desk.asked() == []


@pytest.mark.skipif(os.name == "nt", reason="a path there is another one")
def test_a_repository_of_this_machine(desk: Desk) -> None:
    """A hook whose code is in a folder here goes to the workspace on this machine, and to no other."""
    change(desk, URL, str(desk.root))
    assert deploy(desk).one("summary")["left"] == 0
    ran = desk.quick("deploy", "--dry-run", code=1, DATABRICKS_HOST="https://adb-1.2.azuredatabricks.net")
    assert "git.url is a folder of this machine, which the workspace does not find." in ran.err


IN_THE_WAY = [
    ("/Shared/a-notebook", "is a notebook, so every run would fail."),
    ("/Users/nobody@example.com/x", "is in the home of nobody@example.com, which does not exist"),
]


@pytest.mark.parametrize(("experiment", "problem"), IN_THE_WAY)
def test_experiment(desk: Desk, experiment: str, problem: str) -> None:
    """An experiment that no run could have is found here, where the workspace can be asked."""
    desk.api.control("edit", {"path": "/Shared/a-notebook", "source": "# Databricks notebook source\n1"})
    change(desk, "/Shared/experiments/demo", experiment)
    assert problem in deploy(desk, code=1).one("experiment")["problem"]


def test_workspace_refuses(desk: Desk) -> None:
    """A job that the workspace refuses is told of with its reason, after all the others were done."""
    refusal = {"kind": "answer", "status": 400, "error_code": "INVALID_PARAMETER_VALUE", "message": "no such node"}
    desk.api.control("faults", [{"endpoint": "/api/2.2/jobs/create", "action": refusal}])
    ran = deploy(desk, code=4)
    desk.api.control("faults", method="DELETE")
    assert ran.changes == {NOTEBOOK: "create", JOB: "nothing"} and "no such node" in ran.one("job")["problem"]


NO_LIST = {"kind": "answer", "status": 403, "error_code": "PERMISSION_DENIED", "message": "no list"}


def test_list_refused(desk: Desk) -> None:
    """Where the workspace does not list the jobs that may be stale, what was done is told all the same."""
    listing = {"endpoint": "/api/2.0/workspace/list-repo", "object": "/Shared/.databricks_sync"}
    desk.api.control("faults", [{**listing, "nth": [2], "action": NO_LIST}])
    ran = deploy(desk, code=4)
    desk.api.control("faults", method="DELETE")
    assert ran.changes == {NOTEBOOK: "create", JOB: "create", "mlflow_*_hook": "nothing"}
    assert "could not be listed: " in ran.one("job")["problem"] and ran.one("summary")["exit_code"] == 4


SLOW = {"kind": "latency", "ms": 700}
INTERRUPTIONS = [
    pytest.param(
        "/api/2.0/workspace/import",
        lambda desk: desk.api.type_of(NOTEBOOK),
        1,
        {NOTEBOOK: "create"},
        marks=pytest.mark.long,
    ),
    ("/api/2.2/jobs/create", jobs, 1, {NOTEBOOK: "create", JOB: "create"}),
    pytest.param("/api/2.2/jobs/create", jobs, 2, {NOTEBOOK: "create"}, marks=pytest.mark.long),
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
@pytest.mark.parametrize(("endpoint", "begun", "times", "changes"), INTERRUPTIONS)
def test_interrupted(
    desk: Desk, endpoint: str, begun: Callable[[Desk], object], times: int, changes: dict[str, str]
) -> None:
    """Ctrl-C lets what is in hand be done and tells of all that was; twice, it says that this may have been done."""
    there = NOTEBOOK if "import" in endpoint else "*"
    desk.api.control("faults", [{"endpoint": endpoint, "object": there, "phase": "after", "action": SLOW}])
    process = desk.start("deploy", "--json")
    deadline = time.monotonic() + 300
    while not begun(desk) and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    ran = desk.finish(process, 130)
    desk.api.control("faults", method="DELETE")
    assert ran.changes == changes and ran.one("summary")["exit_code"] == ran.one("error")["exit_code"] == 130
    said = "nothing else was started" if times == 1 else "one more change may have been made"
    assert ran.one("error")["message"] == f"Interrupted: the changes above were made, {said}."
    assert deploy(desk).one("summary")["left"] == 0 and len(jobs(desk)) == 1


def test_not_generated(desk: Desk) -> None:
    """What was not generated anew is not deployed, and neither is a project with mistakes."""
    path = desk.root / "projects" / "Demo" / "hook.yml"
    write(path.parent, {"hook.yml": HOOK.replace("0 0 6", "0 0 7")})
    assert "is out of date" in deploy(desk, code=1).one("error")["message"]
    elsewhere = deploy(desk, "--folder", "other hooks", code=1).one("error")
    assert elsewhere["hint"].startswith("Type `mlflow_hooks generate --folder 'other hooks'`, ")
    write(path.parent, {"hook.yml": HOOK.replace("0 0 6 * * ?", "0 6 * * *")})
    assert "mlflow_hooks check" in deploy(desk, code=1).one("error")["hint"]
    assert desk.asked() == []


def test_folder_elsewhere(desk: Desk, tmp_path: Path) -> None:
    """What was generated outside of the project is not deployed: git has none of it."""
    outside = str(tmp_path / "outside")
    desk.quick("generate", "--folder", outside)
    ran = deploy(desk, "--folder", outside, code=2)
    assert f"{outside} is not in the project folder " in ran.one("error")["message"] and desk.asked() == []


def test_ignored_by_git(desk: Desk) -> None:
    """Where git ignores what is generated, nothing would be carried, and that is said."""
    write(desk.root, {".gitignore": "hooks/\n"})
    git(desk.root, "rm", "-r", "--quiet", "--cached", "hooks")
    ran = deploy(desk, code=1)
    assert ran.one("notebook")["problem"] == "was not copied." and ".gitignore" in ran.one("notebook")["hint"]


def test_newlines_of_the_workspace(desk: Desk) -> None:
    """Where the workspace changes the end of a notebook, a generated one is still known, and nothing is done twice."""
    desk.api.control("settings", {"newlines": "legacy"})
    deploy(desk)
    assert counts(deploy(desk)) == (0, 0, 0, 2, 0)
    change(desk, "value: hello", "value: hi")
    shutil.rmtree(desk.root / ".git" / "databricks_sync")
    assert deploy(desk).changes[NOTEBOOK] == "update"
