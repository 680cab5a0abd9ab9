"""Refusals: status, code and text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .client import HEADER, HOME, Local, Reply

Ask = Callable[[Local], Reply]
EXISTS = "already exists. Please pass overwrite=true to overwrite it."
MISSING = "RESOURCE_DOES_NOT_EXIST"
WRONG = "INVALID_PARAMETER_VALUE"
MALFORMED = "MALFORMED_REQUEST"

# Standing before each: notebook /n (Python), file /f.txt, file /s.py, folder /d with a file in it.
TABLE: list[tuple[str, Ask, tuple[int, str, str]]] = [
    ("status of nothing", lambda w: w.get("get-status", path="/no"), (404, MISSING, "Path (/no) doesn't exist.")),
    ("list of nothing", lambda w: w.get("list", path="/no/"), (404, MISSING, "Path (/no) doesn't exist.")),
    ("export of nothing", lambda w: w.get("export", path="/no"), (404, MISSING, "Path (/no) doesn't exist.")),
    ("delete of nothing", lambda w: w.post("delete", path="/no"), (404, MISSING, "Path (/no) doesn't exist.")),
    (
        "other spelling",
        lambda w: w.get("list", path="/Workspace/no"),
        (404, MISSING, "Path (/Workspace/no) doesn't exist."),
    ),
    ("no parent", lambda w: w.put("/no/x", b"1"), (404, MISSING, "The parent folder (/no) does not exist.")),
    ("file there", lambda w: w.put("/f.txt", b"1"), (400, "RESOURCE_ALREADY_EXISTS", f"/f.txt {EXISTS}")),
    ("notebook there", lambda w: w.put("/n.py", HEADER), (400, "RESOURCE_ALREADY_EXISTS", f"/n {EXISTS}")),
    (
        "import-file, file there",
        lambda w: w.import_file("/f.txt", b"1"),
        (409, "ALREADY_EXISTS", "Creating file failed. An item with path /f.txt already exists"),
    ),
    (
        "import-file, notebook there",
        lambda w: w.import_file("/n.py", HEADER),
        (400, "", f"RESOURCE_ALREADY_EXISTS: /n {EXISTS}"),
    ),
    (
        "file over notebook",
        lambda w: w.put("/n", b"1", overwrite=True),
        (400, WRONG, "Cannot overwrite the asset at /n due to type mismatch (asked: FILE, actual: NOTEBOOK)."),
    ),
    (
        "notebook over file",
        lambda w: w.put("/f.txt", b"1", "SOURCE", language="PYTHON", overwrite=True),
        (400, WRONG, "Cannot overwrite the asset at /f.txt due to type mismatch (asked: NOTEBOOK, actual: FILE)."),
    ),
    (
        "script became notebook",
        lambda w: w.put("/s.py", HEADER, overwrite=True),
        (400, WRONG, "Cannot overwrite the asset at /s.py due to type mismatch (asked: NOTEBOOK, actual: FILE)."),
    ),
    (
        "notebook became script",
        lambda w: w.put("/n.py", b"1", overwrite=True),
        (400, WRONG, "Requested node type [FILE] is different from the existing node type [NOTEBOOK]"),
    ),
    ("file over folder", lambda w: w.put("/d", b"1", "RAW", overwrite=True), (400, WRONG, "")),
    ("plain source", lambda w: w.put("/x", b"1", "SOURCE"), (400, "", "The zip archive contains no items.")),
    ("not empty", lambda w: w.post("delete", path="/d"), (400, "DIRECTORY_NOT_EMPTY", "Folder (/d) is not empty")),
    ("home", lambda w: w.post("delete", path=HOME, recursive=True), (400, "DIRECTORY_PROTECTED", "")),
    ("root", lambda w: w.post("delete", path="/Workspace", recursive=True), (400, "DIRECTORY_PROTECTED", "")),
    ("/Users", lambda w: w.post("delete", path="/Users/", recursive=True), (400, "DIRECTORY_PROTECTED", "")),
    ("folder through file", lambda w: w.post("mkdirs", path="/f.txt/d"), (400, "RESOURCE_ALREADY_EXISTS", "")),
    ("folder over file", lambda w: w.post("mkdirs", path="/f.txt"), (400, "RESOURCE_ALREADY_EXISTS", "")),
    ("wrong format", lambda w: w.put("/x", b"1", "auto"), (400, WRONG, "")),
    ("wrong language", lambda w: w.put("/x", b"1", "SOURCE", language="python"), (400, WRONG, "")),
    ("relative path", lambda w: w.get("list", path="x"), (400, WRONG, "Path (x) doesn't start with '/'")),
    ("no path", lambda w: w.get("list"), (400, WRONG, "")),
    ("half a character", lambda w: w.post("mkdirs", path="/\ud800"), (400, MALFORMED, "")),
    ("bad base64", lambda w: w.post("import", path="/x", format="AUTO", content="a"), (400, WRONG, "")),
    ("bad JSON", lambda w: w.raw("POST", "/api/2.0/workspace/mkdirs", b"{", w.auth), (400, MALFORMED, "")),
    ("JSON list", lambda w: w.raw("POST", "/api/2.0/workspace/mkdirs", b"[]", w.auth), (400, MALFORMED, "")),
    ("no such call", lambda w: w.get("nonsense"), (404, "ENDPOINT_NOT_FOUND", "")),
    ("wrong method", lambda w: w.post("list"), (404, "ENDPOINT_NOT_FOUND", "")),
    ("raw read of a notebook", lambda w: w.call("GET", "/api/2.0/workspace-files/n"), (404, "", "File Not Found")),
]


@pytest.mark.parametrize(("ask", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_refusal(local: Local, ask: Ask, expected: tuple[int, str, str]) -> None:
    """Every refusal has the status, the code and, where it is known, the text of the service."""
    local.put("/n.py", HEADER)
    local.put("/f.txt", b"1")
    local.put("/s.py", b"1")
    local.post("mkdirs", path="/d")
    local.put("/d/x.txt", b"1")
    before = local.get("list-repo", path="/", return_wsfs_metadata="true").json
    shape = ask(local).shape
    assert shape[0] == expected[0]
    assert all(want in ("", got) for want, got in zip(expected[1:], shape[1:], strict=True)), shape
    assert local.get("list-repo", path="/", return_wsfs_metadata="true").json == before


@pytest.mark.parametrize("body", [b"--y--", b"", b"--x\r\n\r\n"])
def test_broken_parts(local: Local, body: bytes) -> None:
    """Parts that cannot be read are 400, never 500."""
    headers = {**local.auth, "Content-Type": "multipart/form-data; boundary=x"}
    assert local.raw("POST", "/api/2.0/workspace/import", body, headers).status == 400


def test_type_mismatch_details(local: Local) -> None:
    """A type mismatch names the existing type in machine-readable details."""
    local.put("/n.py", HEADER)
    (details,) = local.put("/n", b"1", overwrite=True).json["details"]
    assert details["reason"] == "WORKSPACE_OBJECT_TYPE_MISMATCH"
    assert details["metadata"] == {"existing_type": "NOTEBOOK"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Basic bWU6cHc="}, 401), ({"Authorization": "Bearer wrong"}, 403),
     ({"Authorization": "Bearer "}, 401), ({"Authorization": "Bearer ü".encode().decode("latin-1")}, 403)],
)  # fmt: skip
@pytest.mark.parametrize("url", ["/api/2.0/workspace/list?path=/", "/api/local/status", "/api/local/attach"])
def test_token(local: Local, headers: dict[str, str], status: int, url: str) -> None:
    """Without a token it is 401, with a wrong one 403, and the answer never holds the right one."""
    reply = local.raw("GET", url, headers=headers)
    assert reply.status == status
    assert local.token.encode() not in reply.body


def test_concurrent_creation(local: Local) -> None:
    """Whoever arrived before the winner was done gets 409 instead of 400."""
    import threading

    local.control("settings", {"latency_ms": 150})
    replies: list[Reply] = []

    def create() -> None:
        replies.append(Local(local.host, local.token).put("/x.txt", b"1"))

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = max(replies, key=lambda reply: reply.status)
    assert sorted(reply.status for reply in replies) == [200, 409]
    text = "Node with name /x.txt already exists. Please pass overwrite=true to update it."
    assert lost.shape == (409, "ALREADY_EXISTS", text)
    assert local.put("/x.txt", b"1").status == 400


SIZES = [
    # import, setting lowered to 100, code
    (lambda w, n: w.put("/x.txt", b"x" * n), "max_json_bytes"),
    (lambda w, n: w.upload("/x.txt", b"x" * n), "max_file_bytes"),
    (lambda w, n: w.upload("/x.py", HEADER.ljust(n)), "max_source_bytes"),
    (lambda w, n: w.upload("/x.ipynb", b'{"cells": []}'.ljust(n)), "max_ipynb_bytes"),
    (lambda w, n: w.import_file("/x.txt", b"x" * n), "max_import_file_bytes"),
]


@pytest.mark.parametrize(("put", "setting"), SIZES)
def test_too_large(local: Local, put: Callable[[Local, int], Reply], setting: str) -> None:
    """Each way in has its limit: what is exactly as large passes, one byte more does not."""
    local.control("settings", {setting: 100})
    text = "File size imported is (101 bytes), exceeded max size (100 bytes)"
    assert put(local, 101).shape == (400, "MAX_NOTEBOOK_SIZE_EXCEEDED", text)
    assert put(local, 100).status == 200


def test_real_limits(local: Local) -> None:
    """JSON stops at 10 MB in and out; parts and streams carry more."""
    large = b"x" * (10 * 1024 * 1024 + 1)
    assert local.put("/x.bin", large).shape[1] == "MAX_NOTEBOOK_SIZE_EXCEEDED"
    assert local.upload("/x.bin", large).status == 200
    assert local.get("export", path="/x.bin").shape[1] == "MAX_READ_SIZE_EXCEEDED"
    assert local.download("/x.bin") == large


def test_full_folder(local: Local) -> None:
    """A full folder answers 403 with a code of its own, to imports and mkdirs, but not to overwrites."""
    local.control("settings", {"max_children": 2})
    local.post("mkdirs", path="/Shared/f")
    for name in ("a", "b"):
        local.put(f"/Shared/f/{name}.txt", b"1")
    text = "Size limit exceeded for folder '/Shared/f'. Current size: 2 Limit: 2"
    assert local.put("/Shared/f/c.txt", b"1").shape == (403, "MAX_CHILD_NODE_SIZE_EXCEEDED", text)
    assert local.post("mkdirs", path="/Shared/f/c").shape[1] == "MAX_CHILD_NODE_SIZE_EXCEEDED"
    assert local.put("/Shared/f/a.txt", b"2", overwrite=True).status == 200
