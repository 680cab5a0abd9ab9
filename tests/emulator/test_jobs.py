"""Jobs: what is kept is what was sent, mistakes are refused before they cost anything, and lists stay quick."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from databricks_local.embedded import running

from .client import Local, Reply
from .work import CLUSTER, GIT_URL, Work

pytestmark = pytest.mark.xdist_group("sdk")

NOTEBOOK = {"task_key": "hook", "notebook_task": {"notebook_path": "/Shared/x"}}
SINGLE_NODE = {
    "num_workers": 0,
    "spark_conf": {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
    "custom_tags": {"ResourceClass": "SingleNode"},
}

FULL: dict[str, Any] = {
    "name": "hooks: Training ü",
    "description": "trains",
    "tags": {"project": "Training", "managed-by": "mlflow_hooks"},
    "parameters": [{"name": "alpha", "default": "0.1"}, {"name": "run", "default": "{{job.run_id}}"}],
    "job_clusters": [{"job_cluster_key": "small", "new_cluster": {**CLUSTER, **SINGLE_NODE}}],
    "tasks": [
        {
            "task_key": "train",
            "job_cluster_key": "small",
            "timeout_seconds": 3600,
            "max_retries": 0,
            "notebook_task": {
                "notebook_path": "/Shared/mlflow_hooks/train",
                "source": "WORKSPACE",
                "base_parameters": {"alpha": "0.2"},
            },
            "libraries": [{"pypi": {"package": "mlflow-skinny==3.17.2"}}],
        },
        {
            "task_key": "score",
            "depends_on": [{"task_key": "train"}],
            "run_if": "ALL_DONE",
            "environment_key": "default",
            "spark_python_task": {"python_file": "score.py", "source": "GIT", "parameters": ["--alpha", "1"]},
        },
    ],
    "environments": [{"environment_key": "default", "spec": {"client": "2", "dependencies": ["mlflow"]}}],
    "git_source": {"git_url": f"{GIT_URL}/x", "git_provider": "azureDevOpsServices", "git_tag": "v1"},
    "schedule": {
        "quartz_cron_expression": "0 0 3 ? * MON-FRI",
        "timezone_id": "Europe/Berlin",
        "pause_status": "PAUSED",
    },
    "email_notifications": {"on_failure": ["a@example.com"], "no_alert_for_skipped_runs": True},
    "max_concurrent_runs": 1,
    "timeout_seconds": 7200,
    "queue": {"enabled": True},
    "run_as": {"user_name": "me@example.com"},
}


def test_settings_come_back_as_they_were(work: Work) -> None:
    """The whole of a job's settings is given back unchanged, and unchanged through databricks-sdk."""
    from databricks.sdk.service import jobs

    job_id = work.job(FULL)
    assert work.get("2.2/jobs/get", job_id=job_id).json["settings"] == FULL
    through = work.sdk.jobs.get(job_id).settings
    assert through is not None and through.as_dict() == FULL == jobs.JobSettings.from_dict(FULL).as_dict()


def test_defaults_on_request(work: Work) -> None:
    """With the setting on, a job comes back with what the service adds, as a deployment has to expect."""
    job_id = work.job({"name": "bare", "tasks": [NOTEBOOK]})
    work.api.control("settings", {"job_defaults": True})
    settings = work.get("2.2/jobs/get", job_id=job_id).json["settings"]
    assert (settings["max_concurrent_runs"], settings["format"]) == (1, "MULTI_TASK")
    assert settings["tasks"][0]["run_if"] == "ALL_SUCCESS"


def test_sdk_life(work: Work) -> None:
    """create, update, reset, get, list and delete of databricks-sdk do what they say."""
    from databricks.sdk.errors import ResourceDoesNotExist
    from databricks.sdk.service import compute, jobs

    task = jobs.Task(task_key="a", notebook_task=jobs.NotebookTask("/Shared/x"), new_cluster=compute.ClusterSpec(
        spark_version="17.3.x-scala2.13", node_type_id="n", num_workers=1))  # fmt: skip
    job_id = work.sdk.jobs.create(name="sdk life", tasks=[task], tags={"a": "1"}).job_id
    assert job_id is not None
    work.sdk.jobs.update(job_id, new_settings=jobs.JobSettings(name="sdk life 2"), fields_to_remove=["tags"])
    got = work.sdk.jobs.get(job_id)
    assert got.creator_user_name == "me@example.com" and got.settings is not None
    assert (got.settings.name, got.settings.tags) == ("sdk life 2", None)
    assert [one.as_dict() for one in got.settings.tasks or []] == [task.as_dict()]
    work.sdk.jobs.reset(job_id, jobs.JobSettings(name="sdk life 3"))
    settings = work.sdk.jobs.get(job_id).settings
    assert settings is not None and settings.as_dict() == {"name": "sdk life 3"}
    assert [one.job_id for one in work.sdk.jobs.list(name="SDK Life 3")] == [job_id]
    work.sdk.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist):
        work.sdk.jobs.get(job_id)


def test_update_merges_lists_by_key(work: Work) -> None:
    """An update replaces the task of the same key, keeps the others, and takes away those it is told to."""
    other = {**NOTEBOOK, "task_key": "other"}
    job_id = work.job({"name": "merge", "tasks": [NOTEBOOK, other]})
    changed = {**NOTEBOOK, "notebook_task": {"notebook_path": "/Shared/y"}}
    third = {**NOTEBOOK, "task_key": "third"}
    body = {"job_id": job_id, "new_settings": {"tasks": [changed, third]}, "fields_to_remove": ["tasks/other"]}
    assert work.post("2.2/jobs/update", body).status == 200
    assert work.get("2.2/jobs/get", job_id=job_id).json["settings"]["tasks"] == [changed, third]


def test_refused_update_changes_nothing(work: Work) -> None:
    """An update or reset that is refused leaves the job as it was."""
    job_id = work.job({"name": "firm", "tasks": [NOTEBOOK]})
    for name in ("update", "reset"):
        body = {"job_id": job_id, "new_settings": {"name": "x", "task": []}}
        assert work.post(f"2.2/jobs/{name}", body).status == 400
    assert work.get("2.2/jobs/get", job_id=job_id).json["settings"] == {"name": "firm", "tasks": [NOTEBOOK]}


def test_missing_in_both_shapes(work: Work) -> None:
    """A missing job is 404 or 400, the same sentence, and databricks-sdk makes the same error of both."""
    from databricks.sdk.errors import ResourceDoesNotExist

    assert work.get("2.1/jobs/get", job_id=7).shape == (404, "RESOURCE_DOES_NOT_EXIST", "Job 7 does not exist.")
    work.api.control("settings", {"missing_job_status": 400})
    assert work.get("2.1/jobs/get", job_id=7).shape == (400, "INVALID_PARAMETER_VALUE", "Job 7 does not exist.")
    assert work.get("2.1/jobs/runs/get", run_id=7).shape == (400, "INVALID_PARAMETER_VALUE", "Run 7 does not exist.")
    for ask in (lambda: work.sdk.jobs.get(7), lambda: work.sdk.jobs.get_run(7)):
        with pytest.raises(ResourceDoesNotExist):
            ask()


def test_list_pages(work: Work) -> None:
    """Lists come newest first, page by page, without tasks unless asked for."""
    made = [work.job({"name": "paged", "tasks": [NOTEBOOK]}) for _ in range(5)]
    first = work.get("2.2/jobs/list", name="PAGED", limit=2).json
    assert [one["job_id"] for one in first["jobs"]] == made[:2:-1] and first["has_more"]
    assert "tasks" not in first["jobs"][0]["settings"]
    found = list(work.sdk.jobs.list(name="paged", limit=2, expand_tasks=True))
    assert [one.job_id for one in found] == made[::-1] and found[0].settings and found[0].settings.tasks
    assert "jobs" not in work.get("2.2/jobs/list", name="page").json
    assert work.get("2.2/jobs/list", limit=101).status == 400


def test_ten_thousand_jobs(tmp_path: Path) -> None:
    """Among thousands of jobs one is found by name as soon as alone."""
    from databricks_local.jobs.store import JobStore, StoredJob

    (tmp_path / "own").mkdir()
    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path, tmp_path)
        store = JobStore(tmp_path / "own" / "jobs.sqlite")
        store.put_job(StoredJob(1, "me", 0, {"name": "job 0", "tasks": [NOTEBOOK]}), False)
        few = quickest(work, [0] * 20)
        store._db.execute("BEGIN")
        for number in range(1, 10_000):
            store.put_job(StoredJob(number + 1, "me", number, {"name": f"job {number}", "tasks": [NOTEBOOK]}), False)
        store._db.execute("COMMIT")
        store.close()
        assert quickest(work, range(0, 10_000, 500)) < 20 * few


def quickest(work: Work, numbers: Iterable[int]) -> float:
    """The seconds in which one of these jobs is found by its name, at best: no matter what else the machine does."""
    took = []
    for number in numbers:
        begun = time.perf_counter()
        found = work.get("2.2/jobs/list", name=f"job {number}").json["jobs"]
        took.append(time.perf_counter() - begun)
        assert [one["job_id"] for one in found] == [number + 1]
    return min(took)


def changed(**more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(FULL), **more}


def with_cluster(**more: Any) -> dict[str, Any]:
    """A job whose cluster differs from a good one; None takes a field away."""
    cluster = {key: value for key, value in {**CLUSTER, **more}.items() if value is not None}
    return {"name": "x", "tasks": [{**NOTEBOOK, "new_cluster": cluster}]}


def with_task(**more: Any) -> dict[str, Any]:
    return {"name": "x", "tasks": [{key: value for key, value in {**NOTEBOOK, **more}.items() if value is not None}]}


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (with_cluster(ENV_MANAGER="local"), "Unknown field 'tasks[0].new_cluster.ENV_MANAGER'"),
    (with_cluster(num_worker=1), "Did you mean 'num_workers'?"),
    (with_cluster(new_cluster={}), "Unknown field 'tasks[0].new_cluster.new_cluster'"),
    (with_cluster(num_workers=None), "Missing required field: tasks[0].new_cluster.size"),
    (with_cluster(autoscale={"min_workers": 1, "max_workers": 2}), "num_workers and autoscale exclude each other"),
    (with_cluster(num_workers=None, autoscale={"min_workers": 3, "max_workers": 2}), "must not exceed"),
    (with_cluster(num_workers=None, autoscale={"min_workers": 3}), "Missing required field"),
    (with_cluster(num_workers="1"), "num_workers is a whole number"),
    (with_cluster(num_workers=True), "num_workers is a whole number"),
    (with_cluster(num_workers=-1), "negative"),
    (with_cluster(num_workers=0), "singleNode"),
    (with_cluster(node_type_id=None), "Missing required field: tasks[0].new_cluster.node_type_id"),
    (with_cluster(instance_pool_id="p"), "node_type_id and instance_pool_id exclude"),
    (with_cluster(spark_version=None), "Missing required field: tasks[0].new_cluster.spark_version"),
    (with_cluster(spark_version="17.3"), "Invalid spark version 17.3"),
    (with_cluster(data_security_mode="DEDICATED"), "data_security_mode is one of"),
    (with_cluster(spark_env_vars={"A": 1}), "spark_env_vars.A is text"),
    (with_task(existing_cluster_id="my cluster"), "Cluster my cluster does not exist"),
    (with_task(existing_cluster_id="0101-120000-abc123", new_cluster=CLUSTER), "exclude each other"),
    (with_task(job_cluster_key="none"), "is not among job_clusters"),
    (with_task(environment_key="none"), "is not among environments"),
    (with_task(notebook_task=None), "needs exactly one kind of task, found: none"),
    (with_task(spark_python_task={"python_file": "/x.py"}), "found: notebook_task and spark_python_task"),
    (with_task(notebook_task=None, spark_python_task={"python_file": "/x.py"}), "needs one of"),
    (with_task(notebook_task={"notebook_path": "x"}), "absolute path"),
    (with_task(notebook_task={"notebook_path": "/x", "base_parameters": {"a": 1}}), "base_parameters.a is text"),
    (with_task(notebook_task={"notebook_path": "x", "source": "GIT"}), "has no git_source"),
    (with_task(notebook_task={"path": "/x"}), "Did you mean 'notebook_path'?"),
    (with_task(notebook_task={"notebook_path": "/x", "base_parameters": {"a": "x" * 2**20}}), "larger than 1 MB"),
    (with_task(task_key="a b"), "task key"),
    (with_task(task_key=None), "Missing required field: tasks[0].task_key"),
    (with_task(depends_on=[{"task_key": "gone"}]), "which does not exist"),
    (with_task(depends_on=[{"task_key": "hook"}]), "in a circle"),
    (with_task(libraries=[{"pypi": {"package": "a"}, "whl": "b"}]), "exactly one of"),
    (with_task(libraries=[{"pypi": {"name": "a"}}]), "Unknown field"),
    (with_task(run_if="SOMETIMES"), "run_if is one of"),
    (with_task(timeout_seconds=-1), "negative"),
    ({"name": "x", "tasks": [NOTEBOOK, NOTEBOOK]}, "is there twice"),
    ({"name": "x" * 4097}, "longer than 4096 bytes"),
    ({"name": "ü" * 2049}, "longer than 4096 bytes"),
    ({"name": 3}, "name is text"),
    ({"name": "x", "tags": {str(n): "" for n in range(26)}}, "at most 25 tags"),
    ({"name": "x", "parameters": [{"name": "a b", "default": ""}]}, "parameter name"),
    ({"name": "x", "parameters": [{"name": "a"}]}, "Missing required field: parameters[0].default"),
    ({"name": "x", "parameters": [{"name": "a", "default": 1}]}, "default is text"),
    ({"name": "x", "parameters": [{"name": "a", "default": ""}] * 2}, "is there twice"),
    ({"name": "x", "notebook_task": {"notebook_path": "/x"}}, "Unknown field 'notebook_task'"),
    ({"name": "x", "shedule": {}}, "Did you mean 'schedule'?"),
    ({"name": "x", "max_concurrent_runs": -1}, "negative"),
    (changed(git_source={"git_url": f"{GIT_URL}/x", "git_provider": "gitHub"}), "exactly one of git_branch"),
    (changed(git_source={"git_url": f"{GIT_URL}/x", "git_provider": "git", "git_tag": "v1"}), "git_provider is one of"),
    (changed(git_source={"git_url": "git@x:y", "git_provider": "gitHub", "git_tag": "v1"}), "begins with https://"),
    (changed(environments=[{"key": "default"}]), "Unknown field 'environments[0].key'"),
    (changed(job_clusters=[{"job_cluster_key": "small"}]), "Missing required field: job_clusters[0].new_cluster"),
]


@pytest.mark.parametrize(("settings", "reason"), MISTAKES)
def test_mistakes(work: Work, settings: dict[str, Any], reason: str) -> None:
    """Each mistake is refused by create, in words that name the field."""
    status, code, text = work.post("2.2/jobs/create", settings).shape
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE") and reason in text, text


GOOD = [
    with_cluster(num_workers=None, autoscale={"min_workers": 1, "max_workers": 8}),
    with_cluster(node_type_id=None, instance_pool_id="pool"),
    with_cluster(spark_version="auto:latest-lts"),
    with_cluster(num_workers=None, spark_version=None, node_type_id=None, policy_id="ABC"),
    with_cluster(num_workers=None, is_single_node=True, kind="CLASSIC_PREVIEW", use_ml_runtime=True),
    with_cluster(**SINGLE_NODE),
    with_task(existing_cluster_id="0101-120000-abc123"),
    with_task(notebook_task=None, sql_task={"warehouse_id": "x"}),
    {"name": "no tasks yet"},
]


@pytest.mark.parametrize("settings", GOOD)
def test_good_shapes(work: Work, settings: dict[str, Any]) -> None:
    """Every documented way to size a cluster is taken."""
    work.job(settings)


def test_flat_jobs_of_2_0(work: Work) -> None:
    """Jobs 2.0 takes one task beside the settings, and lists all jobs with their tasks."""
    settings = {"name": "flat", "new_cluster": CLUSTER, "spark_python_task": {"python_file": "dbfs:/x.py"}}
    reply = work.post("2.0/jobs/create", settings)
    assert reply.status == 200
    assert work.get("2.0/jobs/get", job_id=reply.json["job_id"]).json["settings"] == settings
    assert settings in [one["settings"] for one in work.get("2.0/jobs/list").json["jobs"]]
    assert work.post("2.0/jobs/create", {**settings, "tasks": [NOTEBOOK]}).status == 400


def test_numbers_may_be_text(work: Work) -> None:
    """Identifiers are numbers or their digits, nothing else."""
    job_id = work.job({"name": "digits"})
    assert work.post("2.2/jobs/update", {"job_id": str(job_id), "new_settings": {}}).status == 200
    for wrong in ("x", None, True, -1, "1e3"):
        assert work.post("2.2/jobs/delete", {"job_id": wrong}).status == 400


def test_restart_keeps_jobs_and_secrets(tmp_path: Path) -> None:
    """Jobs, secrets and DBFS are there after the server was killed; identifiers are not given again."""
    import os
    import signal

    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path, tmp_path)
        first = work.job(FULL)
        work.secret("git", pat="s3cret")
        work.api.raw("PUT", "/dbfs/kept.txt", b"kept", work.api.auth)
        os.kill(there.pid, signal.SIGKILL)
    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path, tmp_path)
        assert work.get("2.2/jobs/get", job_id=first).json["settings"] == FULL
        assert work.sdk.secrets.get_secret("git", "pat").value == "czNjcmV0"
        assert work.api.raw("GET", "/dbfs/kept.txt", b"", work.api.auth).body == b"kept"
        work.api.control("reset")
        assert "jobs" not in work.get("2.2/jobs/list").json and list(work.sdk.secrets.list_scopes()) == []
        assert work.api.raw("GET", "/dbfs/kept.txt", b"", work.api.auth).status == 404
        assert work.job({"name": "new"}) > first


def test_sdk_secrets(work: Work) -> None:
    """databricks-sdk makes scopes and secrets, lists them without their values, and deletes them."""
    from databricks.sdk.errors import ResourceDoesNotExist

    secrets = work.sdk.secrets
    secrets.create_scope("sdk-scope")
    secrets.put_secret("sdk-scope", "a", string_value="x")
    assert [one.key for one in secrets.list_secrets("sdk-scope")] == ["a"]
    assert "sdk-scope" in [one.name for one in secrets.list_scopes()]
    secrets.delete_secret("sdk-scope", "a")
    with pytest.raises(ResourceDoesNotExist):
        secrets.get_secret("sdk-scope", "a")
    secrets.delete_scope("sdk-scope")
    with pytest.raises(ResourceDoesNotExist):
        secrets.put_secret("sdk-scope", "a", string_value="x")


OWNED = {"user_name": "me@example.com", "permission_level": "IS_OWNER"}
VIEWERS = {"group_name": "analysts", "permission_level": "CAN_VIEW"}


def levels_of(reply: Reply) -> dict[str, list[str]]:
    """What the entries of permissions say: whom, and which levels, inherited ones with where they come from."""
    found = {}
    for entry in reply.json["access_control_list"]:
        name = next(entry[field] for field in ("user_name", "group_name", "service_principal_name") if field in entry)
        found[name] = [
            " ".join([one["permission_level"], *one.get("inherited_from_object", [])])
            for one in entry["all_permissions"]
        ]
    return found


def test_permissions_of_jobs(work: Work) -> None:
    """A job belongs to its creator, permissions are replaced and changed, and go with the job."""
    job_id = work.job({"name": "owned"})
    url = f"/api/2.0/permissions/jobs/{job_id}"
    admins = {"admins": ["CAN_MANAGE /jobs/"]}
    assert levels_of(work.api.call("GET", url)) == {"me@example.com": ["IS_OWNER"], **admins}
    robot = {"service_principal_name": "6a1c2e6e", "permission_level": "IS_OWNER"}
    replaced = work.api.call("PUT", url, {"access_control_list": [robot, VIEWERS]})
    assert replaced.json["object_id"] == f"/jobs/{job_id}" and replaced.json["object_type"] == "job"
    assert levels_of(replaced) == {"6a1c2e6e": ["IS_OWNER"], "analysts": ["CAN_VIEW"], **admins}
    changed = work.api.call("PATCH", url, {"access_control_list": [{**VIEWERS, "permission_level": "CAN_MANAGE_RUN"}]})
    assert levels_of(changed) == {"6a1c2e6e": ["IS_OWNER"], "analysts": ["CAN_MANAGE_RUN"], **admins}
    assert levels_of(work.api.call("GET", url)) == levels_of(changed)
    work.post("2.2/jobs/delete", {"job_id": job_id})
    assert work.api.call("GET", url).status == 404


def test_permissions_through_the_sdk(work: Work) -> None:
    """databricks-sdk reads and sets them, of a job as of any object; a job is created with its own."""
    from databricks.sdk.service import iam, jobs

    run = jobs.JobAccessControlRequest(group_name="ops", permission_level=jobs.JobPermissionLevel.CAN_MANAGE_RUN)
    job_id = work.sdk.jobs.create(name="with permissions", access_control_list=[run]).job_id
    entries = work.sdk.jobs.get_permissions(str(job_id)).access_control_list or []
    assert {entry.group_name or entry.user_name for entry in entries} == {"ops", "me@example.com", "admins"}
    given = [iam.AccessControlRequest(user_name="you@example.com", permission_level=iam.PermissionLevel.CAN_VIEW)]
    work.sdk.permissions.update("jobs", str(job_id), access_control_list=given)
    listed = work.sdk.permissions.get_permission_levels("jobs", str(job_id)).permission_levels or []
    assert len(listed) == 4
    assert "access_control_list" not in work.get("2.2/jobs/get", job_id=job_id).json["settings"]


REFUSED_PERMISSIONS: dict[str, tuple[list[dict[str, str]] | str, str]] = {
    "no owner": ([VIEWERS], "The job must have exactly one owner."),
    "two owners": ([OWNED, {**OWNED, "user_name": "you"}], "The job must have exactly one owner."),
    "group": ([{"group_name": "ops", "permission_level": "IS_OWNER"}], "Groups can not be owners."),
    "level": ([OWNED, {**VIEWERS, "permission_level": "CAN_RUN"}], "CAN_VIEW, CAN_MANAGE_RUN, CAN_MANAGE, IS_OWNER"),
    "nobody": ([{"permission_level": "CAN_VIEW"}], "names exactly one of"),
    "two": ([{**OWNED, "group_name": "ops"}], "names exactly one of"),
    "field": ([{**OWNED, "level": "CAN_VIEW"}], "Unknown field 'access_control_list[0].level'"),
    "no list": ("CAN_VIEW", "is a list"),
}


@pytest.mark.parametrize("case", REFUSED_PERMISSIONS)
def test_refused_permissions(case: str, work: Work) -> None:
    """What cannot be the permissions of a job is refused, and changes nothing."""
    entries, text = REFUSED_PERMISSIONS[case]
    url = f"/api/2.0/permissions/jobs/{work.job({'name': case})}"
    reply = work.api.call("PUT", url, {"access_control_list": entries})
    assert (reply.status, text in reply.json["message"]) == (400, True)
    assert levels_of(work.api.call("GET", url))["me@example.com"] == ["IS_OWNER"]
    assert work.api.call("GET", "/api/2.0/permissions/gardens/1").status == 400
