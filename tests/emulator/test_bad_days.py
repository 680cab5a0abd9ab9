"""Mishaps on request, the clock, permissions and other people."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from .client import HEADER, HOME, Local

BUSY = {"kind": "answer", "status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow"}


def statuses(local: Local, count: int) -> list[int]:
    return [local.get("list", path="/").status for _ in range(count)]


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"nth": 2}, [2]),
        ({"nth": [1, 4]}, [1, 4]),
        ({"every": 2}, [2, 4]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 1}, [2]),
        ({"method": "POST"}, []),
        ({"endpoint": "*/list"}, [1, 2, 3, 4, 5]),
        ({"endpoint": "*/export"}, []),
        ({"object": "/Users/*"}, []),
        ({"phase": "after", "nth": 3}, [3]),
    ],
)
def test_which_requests(local: Local, rule: dict[str, object], hit: list[int]) -> None:
    """A rule hits the requests it names and no other."""
    local.control("faults", {**rule, "action": BUSY})
    assert [number for number, status in enumerate(statuses(local, 5), 1) if status == 429] == hit


def test_scripted_answers(local: Local) -> None:
    """An answer can have any status, headers and body, JSON or not."""
    local.control("faults", [{"nth": 1, "action": {**BUSY, "headers": {"Retry-After": "3"}}},
                             {"nth": 2, "action": {"kind": "answer", "status": 502, "body": "<pre>no</pre>"}},
                             {"nth": 3, "action": {"kind": "answer", "status": 429, "body": ""}}])  # fmt: skip
    first, second, third = (local.get("list", path="/") for _ in range(3))
    assert (first.shape, first.headers["retry-after"]) == ((429, "REQUEST_LIMIT_EXCEEDED", "slow"), "3")
    assert (second.status, second.body) == (502, b"<pre>no</pre>")
    assert (third.status, third.body, third.headers.get("retry-after")) == (429, b"", None)


@pytest.mark.parametrize(("phase", "there"), [("before", None), ("after", "FILE")])
def test_reset(local: Local, phase: str, there: str | None) -> None:
    """A reset before the change leaves nothing, one after it leaves a change nobody was told of."""
    local.control("faults", {"endpoint": "*/import", "phase": phase, "action": {"kind": "reset"}})
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        local.put("/x.txt", b"1")
    assert local.type_of("/x.txt") == there
    assert local.requests()[0]["status"] is None


def test_truncated_answer(local: Local) -> None:
    """A truncated answer announces its whole length and breaks off."""
    local.upload("/x.txt", b"x" * 1000)
    local.control("faults", {"endpoint": "*/export", "action": {"kind": "truncate", "keep": 10}})
    with pytest.raises(http.client.IncompleteRead) as caught:
        local.download("/x.txt")
    assert (caught.value.partial, caught.value.expected) == (b"x" * 10, 990)


def test_packed_answer(local: Local) -> None:
    """A body may come packed without a word about it, as some proxies send it."""
    local.upload("/x.txt", b"x" * 1000)
    local.control("faults", {"endpoint": "*/export", "action": {"kind": "gzip"}})
    assert gzip.decompress(local.download("/x.txt")) == b"x" * 1000


def test_latency(local: Local) -> None:
    """Latency delays the requests it names."""
    local.control("faults", {"nth": 2, "action": {"kind": "latency", "ms": 600}})
    took = []
    for _ in range(10):
        begun = time.perf_counter()
        local.get("list", path="/")
        took.append(time.perf_counter() - begun)
    assert took[1] >= 0.6 > min(took)


def test_latency_is_half_on_the_way_there(local: Local) -> None:
    """A slow answer is as long under way as what was asked: a change is made before its client hears of it."""
    local.control("settings", {"latency_ms": 6000})
    begun = time.perf_counter()
    client = threading.Thread(target=Local(local.host, local.token).put, args=("/x.txt", b"1"))
    client.start()
    while not local.control("status", method="GET")["files"]:
        assert client.is_alive()
        time.sleep(0.1)
    assert client.is_alive() and time.perf_counter() - begun >= 3
    client.join()
    assert time.perf_counter() - begun >= 6


def test_stale_reads(local: Local) -> None:
    """Stale reads answer as of the moment the rule was set, whatever was written since."""
    local.put("/Shared/x.txt", b"old")
    local.control("faults", {"action": {"kind": "stale"}})
    assert local.put("/Shared/x.txt", b"new", overwrite=True).status == 200
    assert local.put("/Shared/y.txt", b"new").status == 200
    assert local.names("/Shared") == ["/Shared/x.txt"]
    assert local.download("/Shared/x.txt") == b"old"
    local.control("faults", method="DELETE")
    assert local.download("/Shared/x.txt") == b"new"


def test_a_stale_read_goes_on_while_the_rules_change(local: Local) -> None:
    """A stale read that is under way when its rule goes is answered as of that moment."""
    local.put("/Shared/x.txt", b"old")
    local.control("faults", [{"action": {"kind": "stale"}}, {"action": {"kind": "latency", "ms": 300}}])
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(Local(local.host, local.token).download, "/Shared/x.txt")
        while not local.control("faults", method="GET")["faults"][1]["struck"]:
            time.sleep(0.01)
        local.control("faults", method="DELETE")
        assert local.put("/Shared/x.txt", b"new", overwrite=True).status == 200
        assert read.result() == b"old"


@pytest.mark.parametrize("slow_ms", [0, 200])
def test_what_was_asked_before_the_workspace_was_emptied(local: Local, slow_ms: int) -> None:
    """What clients sent that are gone by now is in an emptied workspace neither at once nor later, however slow."""
    address = urlsplit(local.host)
    body = json.dumps({"path": "/x.txt", "format": "AUTO", "content": "MQ=="}).encode()
    head = f"POST /api/2.0/workspace/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {local.token}\r\n"
    local.control("settings", {"latency_ms": slow_ms})
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    local.control("reset")
    time.sleep(1.5 * slow_ms / 1000)
    assert local.type_of("/x.txt") is None


def test_kill(local: Local) -> None:
    """A client can be killed at the very request; its change is in the workspace."""
    client = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    local.control("faults", {"phase": "after", "nth": 1, "action": {"kind": "kill", "pid": client.pid}})
    local.put("/x.txt", b"1")
    assert client.wait(timeout=300) != 0
    assert local.type_of("/x.txt") == "FILE"


def test_edit_at_the_moment(local: Local) -> None:
    """Another person can edit between two requests of a client."""
    local.put("/Shared/x.py", HEADER + b"1")
    local.put("/Shared/y.txt", b"1")
    edits = [{"path": "/Shared/x", "source": "2\n"}, {"path": "/Shared/y.txt", "delete": True}]
    local.control("faults", {"endpoint": "*/get-status", "phase": "after", "action": {"kind": "edit", "edits": edits}})
    assert local.get("get-status", path="/Shared/y.txt").status == 200
    assert local.download("/Shared/x") == HEADER + b"2"
    assert local.get("get-status", path="/Shared/y.txt").status == 404


@pytest.mark.parametrize(("retry_after", "header"), [(2, "2"), (None, None)])
@pytest.mark.parametrize("setting", ["import_rate", "export_rate", "import_file_rate"])
def test_rate_limit(local: Local, retry_after: int | None, header: str | None, setting: str) -> None:
    """Beyond its rate a kind of request gets 429, with or without Retry-After, and others do not."""
    local.put("/x.txt", b"1")
    local.control("settings", {setting: 0.001, "retry_after": retry_after})
    ask = {
        "import_rate": lambda: local.put("/x.txt", b"1", overwrite=True),
        "export_rate": lambda: local.get("export", path="/x.txt"),
        "import_file_rate": lambda: local.import_file("/x.txt", b"1", overwrite=True),
    }
    assert ask[setting]().status == 200
    reply = ask[setting]()
    assert (reply.status, reply.headers.get("retry-after")) == (429, header)
    assert [ask[other]().status for other in ask if other != setting] == [200, 200]


def test_requests_are_recorded(local: Local) -> None:
    """Requests are recorded in order with their object, alone or not; control calls and what was forgotten are not."""
    local.put("/Workspace/Shared/x.txt", b"1")
    local.get("get-status", path="/no")
    told = [(one["sequence"], one["method"], one["endpoint"], one["object"], one["status"]) for one in local.requests()]
    assert told == [
        (1, "POST", "/api/2.0/workspace/import", "/Shared/x.txt", 200),
        (2, "GET", "/api/2.0/workspace/get-status", "/no", 404),
    ]
    assert [one["at_once"] for one in local.requests()] == [1, 1]
    local.control("requests", method="DELETE")
    assert local.requests() == []


def stamps(local: Local, count: int) -> list[int]:
    found = []
    for number in range(count):
        local.put("/Shared/x.txt", str(number).encode(), overwrite=True)
        found.append(local.get("get-status", path="/Shared/x.txt").json.get("modified_at"))
    return found


def test_clock(local: Local) -> None:
    """The clock can be coarse, stand still, run backwards or be hidden; the Date header follows it."""
    local.control("clock", {"mode": "coarse"})
    assert all(stamp % 1000 == 0 for stamp in stamps(local, 2))
    local.control("clock", {"mode": "frozen", "at_ms": 86_400_000})
    assert stamps(local, 2) == [86_400_000] * 2
    assert local.get("list", path="/").headers["date"] == "Fri, 02 Jan 1970 00:00:00 GMT"
    local.control("clock", {"mode": "backwards", "at_ms": 10_000, "step_ms": 3000})
    assert stamps(local, 2) == [7000, 4000]
    local.control("clock", {"mode": "absent"})
    assert "modified_at" not in local.get("get-status", path="/Shared/x.txt").json
    local.control("clock", {"mode": "real", "offset_ms": -3_600_000})
    assert abs(stamps(local, 1)[0] / 1000 - (time.time() - 3600)) < 60


@pytest.mark.parametrize("bump", [True, False])
def test_equal_import(local: Local, bump: bool) -> None:
    """Whether an import of equal bytes moves modified_at can be chosen."""
    local.control("settings", {"bump_on_equal": bump})
    local.control("clock", {"mode": "frozen", "at_ms": 1000})
    local.put("/x.txt", b"1")
    local.control("clock", {"mode": "frozen", "at_ms": 2000})
    local.put("/x.txt", b"1", overwrite=True)
    assert local.get("get-status", path="/x.txt").json["modified_at"] == (2000 if bump else 1000)


def test_permissions(local: Local) -> None:
    """A subtree can be read-only, unreadable or hidden, and opened again."""
    local.put("/Shared/x.txt", b"1")
    refusal = (
        "me@example.com does not have Manage permissions on /Shared/x.txt. "
        "Please contact the owner or an administrator for access."
    )
    expected = {
        # listed by parent, get-status, export, list, import, delete
        "read-only": (True, 200, 200, 200, 403, 403),
        "unreadable": (True, 403, 403, 404, 403, 403),
        "hidden": (False, 404, 404, 404, 403, 404),
    }
    for access, outcome in expected.items():
        local.control("permissions", {"path": "/Shared/x.txt", "access": access})
        listed = "/Shared/x.txt" in local.names("/Shared")
        reads = [local.get(name, path="/Shared/x.txt").status for name in ("get-status", "export", "list")]
        write = local.put("/Shared/x.txt", b"2", overwrite=True)
        removal = local.post("delete", path="/Shared/x.txt")
        assert (listed, *reads, write.status, removal.status) == outcome
        assert write.shape[1:] == ("PERMISSION_DENIED", refusal)
    local.control("permissions", {"path": "/Shared/x.txt", "access": None})
    assert local.put("/Shared/x.txt", b"2", overwrite=True).status == 200


def test_read_only_subtree(local: Local) -> None:
    """A restriction holds for everything below, also for what would be new."""
    local.control("permissions", {"path": "/Shared", "access": "read-only"})
    assert local.post("mkdirs", path="/Shared/a/b").status == 403
    assert local.put("/Shared/x.txt", b"1").status == 403
    assert local.put(f"{HOME}/x.txt", b"1").status == 200


def test_web_editor(local: Local) -> None:
    """An edit in the browser gives LF, no newline at the end, a header and a later time, in the same object."""
    before = local.put("/Shared/x.py", HEADER + b"1\r\n").json["object_id"]
    local.control("edit", {"path": "/Shared/x", "source": "2\r\n3\n\n"})
    told = local.get("get-status", path="/Shared/x").json
    assert local.download("/Shared/x") == HEADER + b"2\n3"
    assert (told["object_id"], told["language"]) == (before, "PYTHON")
    assert told["modified_at"] >= told["created_at"]


def test_web_editor_keeps_the_format(local: Local) -> None:
    """An edited Jupyter notebook stays one."""
    local.put("/Shared/x.ipynb", b'{"cells": []}')
    local.control("edit", {"path": "/Shared/x", "source": "1\n\n# COMMAND ----------\n\n2"})
    told = local.get("get-status", path="/Shared/x", return_export_info="true").json
    assert told["repos_export_format"] == "JUPYTER"
    assert local.download("/Shared/x") == HEADER + b"1\n\n# COMMAND ----------\n\n2"


def test_anything_can_be_put(local: Local) -> None:
    """Odd types and hostile names can be made, moved and removed behind the API's back."""
    local.control("edit", [{"path": "/Shared/..", "text": "1"}, {"path": "/Shared/a\\b\x01", "text": "1"},
                           {"path": "/Shared/e", "object_type": "MLFLOW_EXPERIMENT"},
                           {"path": "/Repos/me/r", "object_type": "REPO"}])  # fmt: skip
    assert local.names("/Shared") == ["/Shared/..", "/Shared/a\\b\x01", "/Shared/e"]
    assert local.get("export", path="/Shared/e").shape[2] == "No access to read file at /Shared/e"
    assert local.type_of("/Repos/me/r") == "REPO"
    local.control("edit", [{"path": "/Shared/..", "move_to": "/Repos/me/r/x"}, {"path": "/Shared/e", "delete": True}])
    assert local.names("/Repos/me/r") == ["/Repos/me/r/x"]
    assert local.type_of("/Shared/e") is None


def test_both_kinds_of_git_folder(local: Local) -> None:
    """A classic Git folder is a REPO; one with Git CLI access is a DIRECTORY that says so, wherever it is told of."""
    local.control("edit", [{"path": "/Shared/classic", "object_type": "REPO"}, {"path": "/Shared/plain/x", "text": "1"},
                           {"path": "/Shared/new", "object_type": "GIT_FOLDER"},
                           {"path": "/Shared/new/x", "text": "1"}])  # fmt: skip
    kinds = {"classic": ("REPO", None), "plain": ("DIRECTORY", {"is_git_folder": False}),
             "new": ("DIRECTORY", {"is_git_folder": True})}  # fmt: skip
    for call in ("list", "list-repo"):
        told = {one["path"]: one for one in local.get(call, path="/Shared").json["objects"]}
        for name, (kind, about) in kinds.items():
            one = told[f"/Shared/{name}"]
            assert (one["object_type"], one.get("directory_info")) == (kind, about)
            alone = local.get("get-status", path=f"/Shared/{name}").json
            assert (alone["object_type"], alone.get("directory_info")) == (kind, about)
    assert local.names("/Shared/new") == ["/Shared/new/x"]


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("faults", {"action": {"kind": "nonsense"}}, "action.kind is one of"),
        ("faults", {"action": {"kind": "kill"}}, "pid takes whole numbers"),
        ("faults", {"action": {"kind": "edit"}}, "needs its list of edits"),
        ("faults", {"action": {"kind": "latency"}}, "needs its ms"),
        ("faults", {"acton": {}}, "unknown key 'acton'"),
        ("faults", {"nth": 0, "action": {"kind": "reset"}}, "nth takes whole numbers from 1"),
        ("faults", {"phase": "during", "action": {"kind": "reset"}}, "phase is"),
        ("settings", {"newline": "legacy"}, "unknown setting 'newline'"),
        ("settings", {"newlines": "old"}, "newlines is one of"),
        ("settings", {"hashes": 1}, "hashes does not take 1"),
        ("clock", {"mode": "fast"}, "mode is one of"),
        ("clock", [], "the body is a JSON object"),
        ("permissions", {"path": "/x", "access": "none"}, "access is null or one of"),
        ("edit", {"source": "1"}, "an edit needs a path"),
        ("edit", {"path": "/x", "move_to": "/y"}, "there is nothing to move"),
        ("edit", {"path": "/Users", "move_to": "/Users/x"}, "cannot move into itself"),
        ("edit", {"path": "/", "delete": True}, "the root is not edited"),
    ],
)
def test_control_mistakes(local: Local, name: str, body: object, text: str) -> None:
    """A mistake in a control call is 400 with a sentence that says which."""
    reply = local.call("POST", f"/api/local/{name}", body)
    assert reply.status == 400
    assert text in reply.json["message"]
