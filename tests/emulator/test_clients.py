"""Clients that were not written here, as they ship: databricks-sdk, and the legacy `databricks` command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .client import HEADER, HOME, Local

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

pytestmark = pytest.mark.xdist_group("sdk")


@pytest.fixture
def sdk(local: Local) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=local.host, token=local.token, auth_type="pat")


def test_sdk_knows_who_it_is(sdk: WorkspaceClient) -> None:
    """databricks-sdk logs in and is told its user."""
    assert sdk.current_user.me().user_name == "me@example.com"


def test_sdk_upload_and_download(sdk: WorkspaceClient) -> None:
    """databricks-sdk uploads by parts and downloads by stream, names of any script included."""
    from databricks.sdk.service.workspace import ExportFormat, ImportFormat

    sdk.workspace.upload(f"{HOME}/ü b.py", HEADER + b"1\n", format=ImportFormat.AUTO)
    sdk.workspace.upload(f"{HOME}/x.py", b"print(1)")
    sdk.workspace.upload(f"{HOME}/empty.txt", b"", format=ImportFormat.AUTO)
    with sdk.workspace.download(f"{HOME}/ü b") as body:
        assert body.read() == HEADER + b"1\n"
    with sdk.workspace.download(f"{HOME}/x.py") as body:
        assert body.read() == HEADER + b"print(1)"
    with sdk.workspace.download(f"{HOME}/empty.txt") as body:
        assert body.read() == b""
    with sdk.workspace.download(f"{HOME}/x.py", format=ExportFormat.JUPYTER) as body:
        assert json.loads(body.read())["cells"][0]["source"] == ["print(1)"]


def test_sdk_download_of_much(sdk: WorkspaceClient) -> None:
    """A large, compressed download arrives whole in databricks-sdk."""
    from databricks.sdk.service.workspace import ImportFormat

    sdk.workspace.upload(f"{HOME}/x.txt", b"0123456789" * 300_000, format=ImportFormat.AUTO)
    with sdk.workspace.download(f"{HOME}/x.txt") as body:
        assert body.read() == b"0123456789" * 300_000


def test_sdk_tree(sdk: WorkspaceClient) -> None:
    """mkdirs, recursive list, get_status, import_ and delete of databricks-sdk do what they say."""
    from databricks.sdk.service.workspace import ImportFormat, Language, ObjectType

    sdk.workspace.mkdirs(f"{HOME}/a/b")
    content = "c2VsZWN0IDE="
    for path in (f"{HOME}/a/q", f"{HOME}/a/b/q"):
        sdk.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.SQL)
    found = {one.path: one.object_type for one in sdk.workspace.list(HOME, recursive=True)}
    assert found == {f"{HOME}/a/q": ObjectType.NOTEBOOK, f"{HOME}/a/b/q": ObjectType.NOTEBOOK}
    assert sdk.workspace.get_status(f"{HOME}/a/q").language == Language.SQL
    sdk.workspace.delete(f"{HOME}/a", recursive=True)
    assert list(sdk.workspace.list(HOME)) == []


def test_sdk_errors(sdk: WorkspaceClient, local: Local) -> None:
    """Refusals arrive in databricks-sdk as the classes it has for them."""
    from databricks.sdk.errors import AlreadyExists, NotFound, PermissionDenied, ResourceAlreadyExists
    from databricks.sdk.service.workspace import ImportFormat

    with pytest.raises(NotFound):
        sdk.workspace.get_status("/no")
    sdk.workspace.upload("/x.txt", b"1", format=ImportFormat.AUTO)
    with pytest.raises(ResourceAlreadyExists):
        sdk.workspace.upload("/x.txt", b"1", format=ImportFormat.AUTO)
    local.control("permissions", {"path": "/x.txt", "access": "read-only"})
    with pytest.raises(PermissionDenied, match="does not have Manage permissions"):
        sdk.workspace.delete("/x.txt")
    fault = {"kind": "answer", "status": 409, "error_code": "ALREADY_EXISTS", "message": "Node"}
    local.control("faults", {"endpoint": "*/import", "action": fault})
    with pytest.raises(AlreadyExists):
        sdk.workspace.upload("/y.txt", b"1", format=ImportFormat.AUTO)


def test_sdk_unknown_type(sdk: WorkspaceClient, local: Local) -> None:
    """An object of a type that databricks-sdk does not know has no type there."""
    local.control("edit", {"path": "/Shared/e", "object_type": "MLFLOW_EXPERIMENT"})
    assert [one.object_type for one in sdk.workspace.list("/Shared")] == [None]


def test_sdk_retries_reads_and_not_uploads(sdk: WorkspaceClient, local: Local) -> None:
    """A 503 is retried by databricks-sdk when it lists, and not when it uploads."""
    from databricks.sdk.errors import TemporarilyUnavailable
    from databricks.sdk.service.workspace import ImportFormat

    busy = {"kind": "answer", "status": 503, "error_code": "TEMPORARILY_UNAVAILABLE", "headers": {"Retry-After": "0"}}
    local.control("faults", {"nth": 1, "action": busy})
    assert list(sdk.workspace.list(HOME)) == []
    local.control("faults", {"nth": 1, "action": busy})
    with pytest.raises(TemporarilyUnavailable):
        sdk.workspace.upload("/x.txt", b"1", format=ImportFormat.AUTO)
    statuses = [request["status"] for request in local.requests()]
    assert statuses == [503, 200, 503]


class LegacyCli:
    """databricks-cli 0.18. It drops the port of its host: so it is sent here as through a proxy."""

    def __init__(self, local: Local, home: Path) -> None:
        cleared = {name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("DATABRICKS")}
        self.environment = {name: value for name, value in os.environ.items() if name not in cleared} | {
            "http_proxy": local.host,
            "DATABRICKS_HOST": "http://workspace.example.test",
            "DATABRICKS_TOKEN": local.token,
            "DATABRICKS_CLI_DO_NOT_EXECUTE_NEWER_VERSION": "1",
            "DATABRICKS_CONFIG_FILE": str(home / "none"),
            "HOME": str(home),
        }

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        program = Path(sys.executable).with_name("databricks")
        command = [str(program), "workspace", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def legacy(local: Local, tmp_path: Path) -> LegacyCli:
    return LegacyCli(local, tmp_path)


@pytest.mark.long  # test_legacy_cli_folders starts it once
def test_legacy_cli_objects(legacy: LegacyCli, local: Local, tmp_path: Path) -> None:
    """The legacy command makes folders, imports, lists, exports and removes."""
    (tmp_path / "n.py").write_bytes(HEADER + b"1\n")
    legacy("mkdirs", f"{HOME}/a/b")
    assert legacy("ls", f"{HOME}/a/b").strip() == ""
    legacy("import", "-l", "PYTHON", tmp_path / "n.py", f"{HOME}/a/n")
    assert "NOTEBOOK" in legacy("ls", "-l", f"{HOME}/a")
    assert "RESOURCE_ALREADY_EXISTS" in legacy("import", "-l", "PYTHON", tmp_path / "n.py", f"{HOME}/a/n", code=1)
    legacy("export", f"{HOME}/a/n", tmp_path / "out.py")
    assert (tmp_path / "out.py").read_bytes() == HEADER + b"1\n"
    assert "DIRECTORY_NOT_EMPTY" in legacy("rm", f"{HOME}/a", code=1)
    legacy("rm", "-r", f"{HOME}/a")
    assert local.names(HOME) == []


def test_legacy_cli_folders(legacy: LegacyCli, local: Local, tmp_path: Path) -> None:
    """A folder goes up and comes back by the legacy command with the same notebooks."""
    sources = {"a.py": b"1", "deep/b.sql": b"select 1", "deep/c d.scala": b"1", "deep/e.r": b"1"}
    for name, content in sources.items():
        file = tmp_path / "up" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    legacy("import_dir", tmp_path / "up", f"{HOME}/all")
    legacy("export_dir", f"{HOME}/all", tmp_path / "down")
    down = tmp_path / "down"
    found = {str(file.relative_to(down)).lower() for file in down.rglob("*") if file.is_file()}
    assert found == {str(Path(name)) for name in sources}
    assert (down / "deep" / "b.sql").read_bytes() == b"-- Databricks notebook source\nselect 1"
