"""DBFS: as databricks-sdk uses it, as MLflow's client uses it, and its refusals."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from databricks_local.files.tree import OutsideError, Tree

from .work import Work

pytestmark = pytest.mark.xdist_group("sdk")


def dbfs(work: Work, name: str, /, **body: object) -> tuple[int, dict[str, object]]:
    reads = name in ("get-status", "list", "read")
    reply = work.get(f"2.0/dbfs/{name}", **body) if reads else work.post(f"2.0/dbfs/{name}", body)
    return reply.status, reply.json


def test_sdk_streams(work: Work) -> None:
    """databricks-sdk uploads and downloads several megabytes by blocks, unchanged."""
    content = os.urandom(2_500_000)
    with work.sdk.dbfs.open("/t/streams/big.bin", write=True) as out:
        out.write(content)
    with work.sdk.dbfs.open("/t/streams/big.bin", read=True) as source:
        assert source.read() == content
    assert work.sdk.dbfs.get_status("/t/streams/big.bin").file_size == len(content)


def test_sdk_tree(work: Work) -> None:
    """mkdirs, list, move and delete of databricks-sdk do what they say."""
    work.sdk.dbfs.mkdirs("/t/tree/a/b")
    work.sdk.dbfs.put("/t/tree/a/x", contents=base64.b64encode(b"x").decode())
    assert [(one.path, one.is_dir) for one in work.sdk.dbfs.list("/t/tree/a")] == [
        ("/t/tree/a/b", True), ("/t/tree/a/x", False)]  # fmt: skip
    work.sdk.api_client.do("POST", "/api/2.0/dbfs/move",
                           body={"source_path": "/t/tree/a/x", "destination_path": "/t/tree/y"})  # fmt: skip
    assert work.sdk.dbfs.exists("/t/tree/y") and not work.sdk.dbfs.exists("/t/tree/a/x")
    work.sdk.dbfs.delete("/t/tree", recursive=True)
    assert not work.sdk.dbfs.exists("/t/tree")


def test_status_with_a_body_on_the_get(work: Work) -> None:
    """MLflow sends JSON with its GET, and finds what is there and what is not."""
    work.api.raw("POST", "/dbfs/t/body.txt", b"12345", work.api.auth)
    found = work.api.call("GET", "/api/2.0/dbfs/get-status", {"path": "/t/body.txt"})
    assert found.json["file_size"] == 5 and found.json["is_dir"] is False
    missing = work.api.call("GET", "/api/2.0/dbfs/get-status", {"path": "/t/nothing"})
    assert missing.shape == (404, "RESOURCE_DOES_NOT_EXIST", "No file or directory exists on path /t/nothing.")


def test_raw_upload(work: Work) -> None:
    """A POST creates with all parents, a second one is 409, a PUT replaces, a GET reads."""
    assert work.api.raw("POST", "/dbfs/t/raw/a%20b.bin", b"\0one", work.api.auth).status == 200
    again = work.api.raw("POST", "/dbfs/t/raw/a%20b.bin", b"two", work.api.auth)
    assert again.status == 409 and "File already exists" in again.json["message"]
    assert work.api.raw("GET", "/dbfs/t/raw/a%20b.bin", b"", work.api.auth).body == b"\0one"
    assert work.api.raw("PUT", "/dbfs/t/raw/a%20b.bin", b"two", work.api.auth).status == 200
    assert work.api.raw("GET", "/dbfs/t/raw/a%20b.bin", b"", work.api.auth).body == b"two"


def test_list_of_a_file_and_of_nothing(work: Work) -> None:
    """A file lists itself; an empty folder has no `files` at all."""
    dbfs(work, "put", path="/t/list/x", contents="")
    status, told = dbfs(work, "list", path="/t/list/x")
    assert status == 200 and [one["path"] for one in told["files"]] == ["/t/list/x"]  # type: ignore[attr-defined]
    dbfs(work, "mkdirs", path="/t/list/empty")
    assert dbfs(work, "list", path="/t/list/empty") == (200, {})


def test_read_in_pieces(work: Work) -> None:
    """A read gives what there is from the offset on, at most 1 MB of it."""
    dbfs(work, "put", path="/t/read", contents=base64.b64encode(b"0123456789").decode(), overwrite=True)
    _, told = dbfs(work, "read", path="/t/read", offset=7, length=100)
    assert (told["bytes_read"], told["data"]) == (3, base64.b64encode(b"789").decode())
    assert dbfs(work, "read", path="/t/read", length=1024 * 1024 + 1)[1]["error_code"] == "MAX_READ_SIZE_EXCEEDED"


REFUSED = [
    ("put", {"path": "/t/no/file", "contents": "eA=="}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("put", {"path": "/t/no", "contents": "eA==", "overwrite": True}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("put", {"path": "/t/no/file/below", "contents": "eA=="}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("put", {"path": "relative", "contents": "eA=="}, 400, "INVALID_PARAMETER_VALUE"),
    ("put", {"path": "/t/no/x", "contents": "no base64"}, 400, "INVALID_PARAMETER_VALUE"),
    ("mkdirs", {"path": "/t/no/file/x"}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("create", {"path": "/t/no/file"}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("add-block", {"handle": 999, "data": "eA=="}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("close", {"handle": 999}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("read", {"path": "/t/no"}, 400, "INVALID_PARAMETER_VALUE"),
    ("read", {"path": "/t/no/file", "offset": "-1"}, 400, "INVALID_PARAMETER_VALUE"),
    ("list", {"path": "/t/none"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("move", {"source_path": "/t/none", "destination_path": "/t/n"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("move", {"source_path": "/t/no", "destination_path": "/t/no/file"}, 400, "RESOURCE_ALREADY_EXISTS"),
    ("delete", {"path": "/t/no"}, 400, "BAD_REQUEST"),
]


@pytest.mark.parametrize(("name", "body", "status", "code"), REFUSED)
def test_refusals(work: Work, name: str, body: dict[str, object], status: int, code: str) -> None:
    """Each mistake has the status and code that clients know it by."""
    dbfs(work, "put", path="/t/no/file", contents="eA==", overwrite=True)
    given, told = dbfs(work, name, **body)
    assert (given, told["error_code"]) == (status, code)


def test_sdk_maps_refusals(work: Work) -> None:
    """databricks-sdk raises its own classes for them, and a missing path may be deleted."""
    from databricks.sdk.errors import ResourceAlreadyExists, ResourceDoesNotExist

    with pytest.raises(ResourceDoesNotExist):
        work.sdk.dbfs.get_status("/t/never")
    work.sdk.dbfs.put("/t/twice", contents="eA==", overwrite=True)
    with pytest.raises(ResourceAlreadyExists):
        work.sdk.dbfs.put("/t/twice", contents="eA==")
    work.sdk.dbfs.delete("/t/never")


def test_blocks_larger_than_a_megabyte(work: Work) -> None:
    """Inline content and blocks end at 1 MB."""
    large = base64.b64encode(b"x" * (1024 * 1024 + 1)).decode()
    assert dbfs(work, "put", path="/t/large", contents=large)[1]["error_code"] == "MAX_BLOCK_SIZE_EXCEEDED"
    _, told = dbfs(work, "create", path="/t/large", overwrite=True)
    assert dbfs(work, "add-block", handle=told["handle"], data=large)[1]["error_code"] == "MAX_BLOCK_SIZE_EXCEEDED"


def test_switched_off(work: Work) -> None:
    """A workspace without DBFS refuses everything with 403, the raw upload too."""
    work.api.control("settings", {"dbfs": False})
    assert dbfs(work, "list", path="/")[1]["error_code"] == "PERMISSION_DENIED"
    assert work.api.raw("POST", "/dbfs/t/off", b"x", work.api.auth).status == 403
    work.api.control("settings", {"dbfs": True})
    assert dbfs(work, "get-status", path="/t/off")[0] == 404


@pytest.mark.parametrize("path", ["/../x", "/a/../../x", "/a/./b", "/..", "/a\0b"])
def test_never_outside(work: Work, tmp_path: Path, path: str) -> None:
    """No path leads out of the folder, neither by dots nor by a NUL."""
    with pytest.raises(OutsideError):
        Tree(tmp_path / "root").file(path)
    assert dbfs(work, "put", path=path, contents="eA==")[0] == 400
    assert dbfs(work, "get-status", path=path)[0] == 400


def test_links_out_of_the_folder(work: Work, tmp_path: Path) -> None:
    """A link that something running here made is not followed out of the folder."""
    (tmp_path / "secret.txt").write_text("secret")
    root = work.folder / "dbfs"
    root.mkdir(exist_ok=True)
    (root / "way-out").symlink_to(tmp_path)
    try:
        for name in ("way-out", "way-out/secret.txt"):
            reply = work.api.raw("GET", f"/dbfs/{name}", b"", work.api.auth)
            assert reply.status == 400 and b"secret\n" not in reply.body
        assert "way-out" not in json.dumps(dbfs(work, "list", path="/")[1])
    finally:
        (root / "way-out").unlink()


def test_token_is_asked_for(work: Work) -> None:
    """Nothing of DBFS answers without the token."""
    assert work.api.raw("POST", "/dbfs/t/x", b"x").status == 401
    assert work.api.raw("GET", "/api/2.0/dbfs/list?path=/", b"", {"Authorization": "Bearer no"}).status == 403
