"""What our users' other tools ask in passing: permissions, ACLs, repairs, users, compute, Git folders, snapshots."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from databricks_local.formats import html_page

from .client import HEADER, HOME, Local, Reply
from .work import GIT_URL, Work, git

pytestmark = pytest.mark.xdist_group("sdk")
ME = "me@example.com"


def asked(local: Local, name: str, **query: object) -> Reply:
    return local.call("GET", f"/api/2.0/{name}?{urlencode(query)}")


def levels(reply: Reply) -> dict[str, list[tuple[str, bool]]]:
    """Who has which permissions, and whether they are inherited."""
    return {
        entry.get("user_name") or entry["group_name"]: [
            (permission["permission_level"], permission["inherited"]) for permission in entry["all_permissions"]
        ]
        for entry in reply.json["access_control_list"]
    }


def identifier(local: Local, path: str) -> int:
    return int(local.get("get-status", path=path).json["object_id"])


def test_permissions_of_objects(local: Local) -> None:
    """What is granted on a folder is inherited by all in it, and a mirror of master can be made read-only."""
    local.post("mkdirs", path="/Shared/master/sub")
    local.put("/Shared/master/sub/n.py", HEADER + b"1")
    folder, notebook = identifier(local, "/Shared/master"), identifier(local, "/Shared/master/sub/n")
    readers = [{"group_name": "users", "permission_level": "CAN_READ"}]
    reply = local.call("PUT", f"/api/2.0/permissions/directories/{folder}", {"access_control_list": readers})
    assert (reply.json["object_id"], reply.json["object_type"]) == (f"/directories/{folder}", "directory")
    assert levels(reply)["users"] == [("CAN_READ", False), ("CAN_MANAGE", True)]
    ada = [{"user_name": "ada", "permission_level": "CAN_RUN"}]
    reply = local.call("PATCH", f"/api/2.0/permissions/notebooks/{notebook}", {"access_control_list": ada})
    assert levels(reply) == {
        "ada": [("CAN_RUN", False)],
        "admins": [("CAN_MANAGE", True)],
        "users": [("CAN_READ", True)],
    }
    sources = [entry["all_permissions"][0].get("inherited_from_object") for entry in reply.json["access_control_list"]]
    assert sources == [None, ["/directories/"], [f"/directories/{folder}"]]


def test_permissions_of_a_home(local: Local) -> None:
    """A home is managed by whose it is, and so is what is in it; an object is of one kind."""
    local.put(f"{HOME}/f.txt", b"1")
    file, home = identifier(local, f"{HOME}/f.txt"), identifier(local, HOME)
    assert levels(asked(local, f"permissions/directories/{home}"))[ME] == [("CAN_MANAGE", False)]
    assert levels(asked(local, f"permissions/files/{file}"))[ME] == [("CAN_MANAGE", True)]
    assert asked(local, f"permissions/notebooks/{file}").status == 404
    listed = asked(local, f"permissions/files/{file}/permissionLevels").json["permission_levels"]
    assert [row["permission_level"] for row in listed] == ["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]
    wrong = {"access_control_list": [{"user_name": "a", "permission_level": "IS_OWNER"}]}
    assert local.call("PUT", f"/api/2.0/permissions/files/{file}", wrong).status == 400


def test_secret_acls(local: Local) -> None:
    """A scope is managed by who made it, and by whom else it is given."""
    local.call("POST", "/api/2.0/secrets/scopes/create", {"scope": "s"})
    about: dict[str, Any] = {"scope": "s", "principal": "data-scientists"}
    assert asked(local, "secrets/acls/list", scope="s").json == {"items": [{"principal": ME, "permission": "MANAGE"}]}
    assert local.call("POST", "/api/2.0/secrets/acls/put", {**about, "permission": "READ"}).json == {}
    assert asked(local, "secrets/acls/get", **about).json == {"principal": "data-scientists", "permission": "READ"}
    assert local.call("POST", "/api/2.0/secrets/acls/put", {**about, "permission": "OWN"}).status == 400
    assert local.call("POST", "/api/2.0/secrets/acls/delete", about).status == 200
    assert asked(local, "secrets/acls/get", **about).shape[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    local.call("POST", "/api/2.0/secrets/scopes/create", {"scope": "t", "initial_manage_principal": "users"})
    assert asked(local, "secrets/acls/list", scope="t").json["items"][0]["principal"] == "users"


def test_users(local: Local) -> None:
    """There is one user, who is found by name and by identifier."""
    me = asked(local, "preview/scim/v2/Me").json
    found = asked(local, "preview/scim/v2/Users", filter=f'userName eq "{ME}"').json
    assert (found["totalResults"], found["Resources"]) == (1, [me])
    assert asked(local, "preview/scim/v2/Users", filter="userName eq nobody").json["Resources"] == []
    assert asked(local, "preview/scim/v2/Users", filter="nonsense").status == 400
    groups = asked(local, "preview/scim/v2/Groups").json["Resources"]
    assert [(group["displayName"], group["members"][0]["display"]) for group in groups] == [
        ("admins", ME),
        ("users", ME),
    ]
    assert asked(local, "preview/scim/v2/ServicePrincipals").json["totalResults"] == 0
    assert asked(local, "preview/scim/v2/Users", startIndex=2).json["Resources"] == []
    assert asked(local, f"preview/scim/v2/Users/{me['id']}").json == me
    assert asked(local, "preview/scim/v2/Users/7").json["detail"] == "User with id 7 not found."


def test_compute(local: Local) -> None:
    """Runtimes and machines are listed; there is no cluster, and none can be made."""
    versions = [row["key"] for row in local.call("GET", "/api/2.1/clusters/spark-versions").json["versions"]]
    assert "17.3.x-scala2.13" in versions and "15.4.x-cpu-ml-scala2.12" in versions
    types = asked(local, "clusters/list-node-types").json["node_types"]
    assert {"node_type_id": "Standard_DS3_v2", "num_cores": 4.0}.items() <= types[0].items()
    assert local.call("GET", "/api/2.1/clusters/list").json == {}
    assert asked(local, "clusters/get", cluster_id="x").shape == (
        400, "INVALID_PARAMETER_VALUE", "Cluster x does not exist",
    )  # fmt: skip
    assert local.call("POST", "/api/2.1/clusters/create", {}).shape[1] == "ENDPOINT_NOT_FOUND"


def test_telemetry(local: Local) -> None:
    """What the CLI tells of itself is taken."""
    reply = local.call("POST", "/telemetry-ext", {"uploadTime": 1, "items": [], "protoLogs": ["{}", "{}"]})
    assert reply.json == {"errors": [], "numProtoSuccess": 2}


def test_export_of_a_run(work: Work) -> None:
    """A run's notebook is exported as it was when the run began."""
    path = work.notebook("/Shared/exported", "print(1)")
    run = work.ended(work.submit({"notebook_task": {"notebook_path": path}})).output["run_id"]
    work.notebook(path, "print(2)")
    (view,) = work.get("2.1/jobs/runs/export", run_id=run, views_to_export="ALL").json["views"]
    assert (view["type"], view["name"]) == ("NOTEBOOK", "exported")
    assert html_page.to_source(view["content"].encode()) == (HEADER + b"print(1)", "PYTHON")
    assert work.get("2.1/jobs/runs/export", run_id=run, views_to_export="DASHBOARDS").json == {"views": []}
    assert work.get("2.1/jobs/runs/export", run_id=run, views_to_export="x").status == 400
    assert work.get("2.1/jobs/runs/export", run_id=1).status == 404


def test_repair(work: Work) -> None:
    """The tasks of a run that failed run again in it, with other parameters; the history tells both."""
    path = work.notebook("/Shared/repaired", "if dbutils.widgets.get('fail') == 'yes': raise ValueError")
    good = work.notebook("/Shared/repaired_before", "1")
    tasks: list[Mapping[str, Any]] = [
        {"task_key": "before", "notebook_task": {"notebook_path": good}},
        {"task_key": "main", "notebook_task": {"notebook_path": path}, "depends_on": [{"task_key": "before"}]},
        {"task_key": "after", "notebook_task": {"notebook_path": good}, "depends_on": [{"task_key": "main"}]},
    ]
    job = work.job({"name": "repaired", "tasks": tasks, "parameters": [{"name": "fail", "default": "yes"}]})
    run = work.post("2.2/jobs/run-now", {"job_id": job}).json["run_id"]
    before = work.ended(run).run
    assert before["state"]["result_state"] == "FAILED"
    for wrong in ({}, {"rerun_tasks": ["none"]}, {"rerun_tasks": ["main"], "rerun_all_failed_tasks": True}):
        assert work.post("2.2/jobs/runs/repair", {"run_id": run, **wrong}).status == 400
    body = {"run_id": run, "rerun_all_failed_tasks": True, "job_parameters": {"fail": "no"}}
    repair = work.post("2.2/jobs/runs/repair", body).json["repair_id"]
    ended = work.ended(run)
    assert ended.state == ("TERMINATED", "SUCCESS")
    numbers = {task["task_key"]: task["run_id"] for task in before["tasks"]}
    again = {task["task_key"]: (task["run_id"], task["attempt_number"]) for task in ended.run["tasks"]}
    assert again["before"] == (numbers["before"], 0) and again["main"][1] == again["after"][1] == 1
    history = work.get("2.2/jobs/runs/get", run_id=run, include_history="true").json["repair_history"]
    assert [(row["type"], row.get("id"), row["state"]["result_state"]) for row in history] == [
        ("ORIGINAL", None, "FAILED"),
        ("REPAIR", repair, "SUCCESS"),
    ]
    assert history[1]["task_run_ids"] == [again["main"][0], again["after"][0]]
    assert work.post("2.2/jobs/runs/repair", {"run_id": run, "rerun_tasks": ["after"]}).status == 400
    more = {"run_id": run, "rerun_tasks": ["before"], "rerun_dependent_tasks": True, "latest_repair_id": repair}
    assert work.post("2.2/jobs/runs/repair", more).status == 200
    assert work.ended(run).state == ("TERMINATED", "SUCCESS")


FILES = {"nb/a.py": HEADER.decode() + "1", "lib.py": "x = 1\n", "README.md": "hi", "broken.ipynb": "{"}


@pytest.fixture
def project(work: Work) -> str:
    """The address of a repository with two branches and a tag."""
    name = f"repo{len(list(work.repositories.iterdir()))}"
    work.repository(name, FILES)
    folder = work.repositories / name
    git(folder, "tag", "v1")
    git(folder, "checkout", "-q", "-b", "dev")
    (folder / "nb/a.py").write_text(HEADER.decode() + "2")
    (folder / "lib.py").unlink()
    git(folder, "commit", "-qam", "second")
    git(folder, "checkout", "-q", "main")
    return f"{GIT_URL}/{name}"


def created(work: Work, url: str, path: str) -> dict[str, Any]:
    work.api.post("mkdirs", path=path.rpartition("/")[0])
    reply = work.post("2.0/repos", {"url": url, "provider": "github", "path": path})
    assert reply.status == 200, reply.body
    return dict(reply.json)


def test_git_folders(work: Work, project: str) -> None:
    """A Git folder shows a commit; another branch or tag is checked out, unless somebody has edited what is shown."""
    made = created(work, project, "/Repos/me/r1")
    assert (made["branch"], made["url"], made["provider"]) == ("main", project, "gitHub")
    assert work.api.type_of("/Repos/me/r1") == "REPO"
    assert work.api.names("/Repos/me/r1") == [
        f"/Repos/me/r1/{name}" for name in ("README.md", "broken.ipynb", "lib.py", "nb")
    ]
    assert work.api.type_of("/Repos/me/r1/nb/a") == "NOTEBOOK"
    told = work.api.get("get-status", path="/Workspace/Repos/me/r1/nb/a", return_git_info="true").json["git_info"]
    assert (told["id"], told["path"], told["branch"]) == (made["id"], "/Workspace/Repos/me/r1", "main")
    assert told["head_commit_id"] == made["head_commit_id"] and len(told["head_commit_id"]) == 40
    address = f"/api/2.0/repos/{made['id']}"
    assert work.api.call("PATCH", address, {"branch": "dev"}).json == {}
    assert work.api.download("/Repos/me/r1/nb/a") == HEADER + b"2"
    assert work.api.type_of("/Repos/me/r1/lib.py") is None
    work.api.control("edit", {"path": "/Repos/me/r1/nb/a", "source": "mine"})
    refused = work.api.call("PATCH", address, {"tag": "v1"})
    assert refused.shape[1] == "GIT_CONFLICT" and work.api.download("/Repos/me/r1/nb/a") == HEADER + b"mine"
    assert work.api.call("PATCH", address, {"tag": "v1", "dangerously_force_discard_all": True}).status == 200
    assert work.api.download("/Repos/me/r1/nb/a") == HEADER + b"1" and work.api.type_of("/Repos/me/r1/lib.py") == "FILE"
    assert "branch" not in work.api.call("GET", address).json
    assert made["id"] in [row["id"] for row in work.get("2.0/repos").json["repos"]]
    assert work.api.call("DELETE", address).json == {}
    assert work.api.call("GET", address).status == 404 and work.api.type_of("/Repos/me/r1") is None


def test_git_folders_with_git_cli(work: Work, project: str) -> None:
    """Where new Git folders have Git CLI access they are directories, and no list of Git folders has them."""
    work.api.control("settings", {"git_folders": "cli"})
    made = created(work, project, "/Shared/cli")
    status = work.api.get("get-status", path="/Shared/cli").json
    assert (status["object_type"], status["directory_info"]) == ("DIRECTORY", {"is_git_folder": True})
    assert work.get("2.0/repos", path_prefix="/Shared").json == {}
    assert work.api.call("DELETE", f"/api/2.0/repos/{made['id']}").status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": f"{GIT_URL}/none", "path": "/Repos/me/none"}, 400),
        ({"url": "ext::sh -c true", "path": "/Repos/me/none"}, 400),
        ({"url": "PROJECT", "path": "/Repos/none/x"}, 404),
        ({"url": "PROJECT", "path": "/Repos/x"}, 400),
        ({"url": "PROJECT", "path": "/Shared"}, 400),
        ({"url": "PROJECT", "path": "/Repos/me/none", "provider": "svn"}, 400),
        ({"url": "PROJECT", "path": "/Repos/me/none", "sparse_checkout": {"patterns": ["a"]}}, 404),
    ],
)
def test_git_folders_that_cannot_be(work: Work, project: str, body: dict[str, Any], status: int) -> None:
    """What cannot be cloned, or not be where it is to be, is refused and leaves nothing."""
    work.api.post("mkdirs", path="/Repos/me")
    body = {"provider": "gitHub", **body, "url": str(body["url"]).replace("PROJECT", project)}
    assert work.post("2.0/repos", body).status == status
    assert work.api.type_of("/Repos/me/none") is None


def test_snapshots(work: Work) -> None:
    """A snapshot is what its hash says, stays the same for ever, and is made once."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("src/n.py", HEADER + b"1")
        out.writestr("src/m.py", b"1")
    name = hashlib.sha256(packed.getvalue()).hexdigest()
    reader = json.dumps([{"user_name": "ada", "permission_level": "CAN_READ"}])

    def sent(snapshot: str) -> Reply:
        fields = {"snapshot_id": snapshot, "bundle_id": "b1", "access_control_list": reader}
        head = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
        body = "".join(head.format(field) + value + "\r\n" for field, value in fields.items()) + head.format("file")
        headers = {**work.api.auth, "Content-Type": "multipart/form-data; boundary=x"}
        return work.api.raw(
            "POST", "/api/2.0/repos/snapshots", body.encode() + packed.getvalue() + b"\r\n--x--", headers
        )

    path = sent(name).json["snapshot"]["path"]
    assert path.startswith("/Workspace/Users/") and path.endswith(f"/.snapshots/b1/{name}")
    assert (work.api.type_of(f"{path}/src/n"), work.api.type_of(f"{path}/src/m.py")) == ("NOTEBOOK", "FILE")
    assert work.api.put(f"{path}/src/m.py", b"2", overwrite=True).status == 403
    assert work.api.post("delete", path=path, recursive=True).status == 403
    assert sent(name).json["snapshot"]["path"] == path and sent("0" * 64).status == 400
    folder = identifier(work.api, path)
    assert levels(work.get(f"2.0/permissions/directories/{folder}"))["ada"] == [("CAN_READ", False)]
