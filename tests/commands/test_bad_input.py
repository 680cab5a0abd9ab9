"""Bad input gets one sentence, the next step and the right exit code; nothing is lost and the rest is carried."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.project import Person, Project, Workspace, answer, jupyter, notebook, rule

NOBODY: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}
BOTH = ("to_databricks", "from_databricks")


def brief(err: str) -> bool:
    """Whether an error is a sentence and a next step, and no more."""
    lines = err.strip().splitlines()
    return len(lines) <= 2 and lines[0].startswith(("error:", "Error:"))


@pytest.mark.parametrize(
    "content", [b"DATABRICKS_HOST https://x\n", b"'\n", b"=x\n", b"A=1\nB='\n", b"\xff\xfe", b"NAME\n"]
)
def test_a_malformed_dotenv(one: Project, content: bytes) -> None:
    """A .env that is none ends with exit 2 and names the file, and never shows what stands in it."""
    one.write(".env", b"DATABRICKS_TOKEN=dapi-secret\n" + content)
    ran = one.push(code=2)
    assert brief(ran.err) and ".env" in ran.err and "dapi-secret" not in ran.said


def test_a_dotenv_that_is_a_folder(one: Project) -> None:
    """A folder called .env, as virtual environments were called once, does not stop a run that needs no .env."""
    (one.root / ".env").mkdir()
    ran = one.push(code=(0, 2))
    assert ran.code == 0 or brief(ran.err)


@pytest.mark.parametrize("paths", [("",), ("notebooks/a.py", " ")], ids=["alone", "among others"])
@pytest.mark.parametrize("command", BOTH)
def test_an_empty_path_is_refused(one: Project, person: Person, command: str, paths: tuple[str, ...]) -> None:
    """An empty PATH, as a variable that is not set gives, is a mistake and not everything there is."""
    person.edit("a", "theirs")
    one.notebook("notebooks/a.py", "mine")
    ran = one.quick(command, "--overwrite", *paths, code=2)
    assert "PATHS is empty" in ran.err and not ran.writes
    assert one.text("notebooks/a.py") == notebook("mine") and b"theirs" in person.read("a")


def test_not_a_repository(project: Project) -> None:
    """Outside of a repository both commands say so and what to type, also inside of .git."""
    project.notebook("notebooks/a.py", "print(1)")
    inside = project.push(cwd=project.root / ".git", code=2)
    assert brief(inside.err)
    shutil.rmtree(project.root / ".git")
    for command in BOTH:
        ran = project.quick(command, code=2)
        assert brief(ran.err) and "git init" in ran.err


def test_a_notebooks_folder_that_is_a_file(project: Project) -> None:
    """A folder that is a file or a link, or lies outside of the project, is a mistake of the settings."""
    project.write("notebooks", "a file")
    (project.root / "linked").symlink_to(project.home, target_is_directory=True)
    for folder in ("notebooks", "linked", "../outside", "/etc", "a,a", "a,a/b", ","):
        ran = project.quick("to_databricks", env={"NOTEBOOK_FOLDER": folder}, code=2)
        assert brief(ran.err) and not ran.writes, ran.said


def test_an_empty_folder(project: Project, person: Person) -> None:
    """A folder that is empty, or in which git ignores everything, is nothing to do, and that is pointed out."""
    (project.root / "notebooks").mkdir()
    assert "no file in notebooks" in project.push().err
    project.write(".gitignore", "*.py\n")
    project.notebook("notebooks/a.py", "print(1)")
    ran = project.push()
    assert "git ignores them all" in ran.err and "nothing to do" in ran.out and not ran.writes
    project.write(".gitignore", "")
    assert not project.push().err


@pytest.mark.parametrize("token", ["dapi-wrong", "dapi\u2026", "dapi wrong", "dapi\nInjected: yes", "ü"])
def test_a_wrong_token(one: Project, token: str) -> None:
    """A wrong token, however it was pasted, ends with exit 2, says where to get one and is never shown."""
    ran = one.push(env={"DATABRICKS_TOKEN": token}, code=2)
    assert brief(ran.err) and token not in ran.said and not ran.writes


def test_a_mispasted_token_is_in_no_log(one: Project) -> None:
    """A token that came with another line is shown nowhere and written into no file."""
    one.push(env={"DATABRICKS_TOKEN": f"{one.workspace.token}\nuser: me"}, code=2)
    assert one.secrets() == []


@pytest.mark.parametrize("command", BOTH)
def test_an_expired_token_is_told_by_both_commands(one: Project, workspace: Workspace, command: str) -> None:
    """A token that expired ends with exit 2, whatever the workspace answers it with."""
    for shape in (answer(401, "", "Credential was not sent"), answer(403, "403", "Invalid access token.")):
        workspace.faults(rule("/api/2.0/*", shape))
        ran = one.quick(command, code=2)
        assert brief(ran.err) and "token" in ran.err


@pytest.mark.parametrize(
    "host",
    ["http://127.0.0.1:1", "https://does-not-exist.invalid", "https://127.0.0.1:1"],
)
def test_an_unreachable_host(one: Project, host: str) -> None:
    """A host that is not there is told in a sentence, within seconds, and nothing is lost."""
    ran = one.push(env={"DATABRICKS_HOST": host}, code=(2, 4))
    assert brief(ran.err) and host in ran.err


@pytest.mark.parametrize(
    "host", ["http://example.com", "ftp://x", "https://", "https://u:p@x", "x:y:z", "https://x:port", "]["]
)
def test_a_host_that_is_none(one: Project, host: str) -> None:
    """What cannot be the address of a workspace is a mistake of the settings, found without a request."""
    ran = one.quick("to_databricks", env={"DATABRICKS_HOST": host}, code=2)
    assert brief(ran.err) and "DATABRICKS_HOST" in ran.err and ran.requests == []


def test_no_permission_on_the_target(project: Project, workspace: Workspace) -> None:
    """A target one may not write to is told with the next step, and no object is tried one by one for nothing."""
    project.notebook("notebooks/a.py", "print(1)")
    workspace.forbid("/Shared", "read-only")
    ran = project.push("--target", "/Shared/master", code=4)
    assert "--target" in ran.said and "permission" in ran.said.lower()


def test_no_permission_on_an_existing_target(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A read-only target keeps what it has; every refused object is named, and pulls still work."""
    workspace.forbid(person.folder, "read-only")
    pushed.notebook("notebooks/a.py", "edited")
    pushed.remove("notebooks/b.py")
    ran = pushed.push(code=4)
    assert "notebooks/a.py" in ran.out and "notebooks/b.py" in ran.out and "b" in person.names()
    pushed.pull()
    workspace.forbid(person.folder, None)
    pushed.push()
    assert b"edited" in person.read("a") and "b" not in person.names()


def test_a_full_folder_is_no_question_of_permission(project: Project, person: Person, workspace: Workspace) -> None:
    """A folder with as many children as it may have is told as that; what fits is carried."""
    workspace.set(max_children=3)
    for number in range(5):
        project.notebook(f"notebooks/n{number}.py", "print(1)")
    ran = project.push(code=4)
    assert "permission" not in ran.said.lower() and "several folders" in ran.said
    assert len(person.names()) == 3 and "3 created" in ran.out


BROKEN = {
    "half.ipynb": jupyter("x = 1").encode()[:100],
    "list.ipynb": b"[]",
    "empty.ipynb": b"",
    "no_cells.ipynb": b'{"metadata": {}}',
    "bad_cells.ipynb": b'{"cells": [1]}',
    "latin.ipynb": b'{"cells": "\xe9"}',
    "latin.py": b"# Databricks notebook source\nprint('\xe9')\n",
    "utf16.sql": b"-- Databricks notebook source\n" + "é".encode("utf-16"),
}


def test_broken_notebooks_are_named_and_the_rest_goes(project: Project, person: Person) -> None:
    """A broken .ipynb and a notebook that is not UTF-8 are reported one by one, with exit 4; the rest is carried."""
    for name, content in BROKEN.items():
        project.write(f"notebooks/{name}", content)
    project.notebook("notebooks/good.py", "print(1)")
    ran = project.push(code=4)
    assert all(f"notebooks/{name}" in ran.out for name in BROKEN)
    assert person.names() == {"good"} and project.files()["half.ipynb"] == BROKEN["half.ipynb"]


def test_a_broken_notebook_is_not_a_deleted_one(project: Project, person: Person) -> None:
    """A half-saved .ipynb is unknown: neither command, nor a mirror, deletes or replaces it or its twin there."""
    project.write("notebooks/n.ipynb", jupyter("x = 1"))
    project.push()
    project.write("notebooks/n.ipynb", jupyter("x = 2")[:50])
    person.edit("n", "x = 3", export_format="JUPYTER")
    for command, options in (
        ("to_databricks", ["--mirror"]),
        ("from_databricks", ["--overwrite"]),
        ("to_databricks", []),
    ):
        project.quick(command, *options, code=4)
    assert b"x = 3" in person.read("n") and project.text("notebooks/n.ipynb") == jupyter("x = 2")[:50]


def test_a_limit_only_the_workspace_knows(project: Project, person: Person, workspace: Workspace) -> None:
    """An object that is too large for this workspace is told in its words, and the rest is carried."""
    workspace.set(max_ipynb_bytes=2000, max_file_bytes=2000)
    project.write("notebooks/big.ipynb", jupyter("x = 1" * 1000))
    project.write("notebooks/big.bin", b"x" * 5000)
    project.notebook("notebooks/good.py", "print(1)")
    ran = project.push(code=4)
    assert "big.ipynb" in ran.out and "big.bin" in ran.out and person.names() == {"good"}


def test_symbolic_links_are_never_followed(project: Project, person: Person) -> None:
    """Links to files and folders, outside or in a circle, are reported and not carried; the rest is."""
    (project.home / "secret.txt").write_text("secret")
    project.notebook("notebooks/good.py", "print(1)")
    for name, to in {
        "file.txt": project.home / "secret.txt",
        "folder": project.home,
        "loop": Path(),
        "gone": Path("x"),
    }.items():
        (project.root / "notebooks" / name).symlink_to(to)
    ran = project.push(code=1)
    assert all(f"notebooks/{name}" in ran.out for name in ("file.txt", "folder", "loop", "gone"))
    assert person.names() == {"good"}


def test_a_tracked_file_behind_a_link_is_not_followed(pushed: Project, person: Person) -> None:
    """A folder that was replaced by a link out of the project deletes and replaces nothing, here or there."""
    outside = pushed.home / "outside"
    shutil.copytree(pushed.root / "notebooks/etl", outside)
    shutil.rmtree(pushed.root / "notebooks/etl")
    (pushed.root / "notebooks/etl").symlink_to(outside, target_is_directory=True)
    (outside / "load.py").write_text(notebook("outside"))
    names = person.names()
    pushed.push(code=(0, 1, 4))
    person.edit("etl/load", "edited there")
    pushed.pull("--overwrite", code=(0, 1, 4))
    assert (outside / "load.py").read_text() == notebook("outside")
    assert person.names() == names


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_not_a_deleted_one(pushed: Project, person: Person) -> None:
    """A file without permission is unknown: it is reported, and its twin in the workspace stays."""
    (pushed.root / "notebooks/a.py").chmod(0)
    assert "notebooks/a.py" in pushed.push(code=4).out
    assert "a" in person.names()
    (pushed.root / "notebooks/a.py").chmod(0o644)  # for whoever looks for tokens in the end


def test_a_dotenv_is_never_carried(project: Project, person: Person) -> None:
    """Where the project itself is carried its .env, with the token, is not, and none comes from the workspace."""
    project.write(".env", f"DATABRICKS_TOKEN={project.workspace.token}\nNOTEBOOK_FOLDER=.\n")
    project.notebook("a.py", "print(1)")
    pushed = project.quick("to_databricks")
    assert person.names() == {"a"} and ".env may contain a token, so it is never synced" in pushed.out
    before = project.read(".env")
    person.put(".env", "DATABRICKS_HOST=https://elsewhere.example.com\n")
    person.put("sub/.ENV", "DATABRICKS_HOST=https://elsewhere.example.com\n")
    project.quick("from_databricks", "--overwrite")
    assert project.read(".env") == before and not (project.root / "sub").exists()
    project.quick("to_databricks", "--mirror")
    assert person.names() == {"a", ".env", "sub/.ENV"}


def test_names_the_workspace_cannot_take(project: Project, person: Person) -> None:
    """Local names with control characters or backslashes are reported, and the rest is carried."""
    for name in ("line\nbreak.txt", "back\\slash.txt", "esc\x1b[2J.txt", "trailing."):
        project.write(f"notebooks/{name}", "x")
    project.notebook("notebooks/good.py", "print(1)")
    ran = project.push(code=1)
    assert person.names() == {"good"} and "\x1b" not in ran.said and "4 refused" in ran.out


def test_a_name_that_is_not_unicode(project: Project, person: Person) -> None:
    """A file whose name is no UTF-8 is reported without a crash, and the rest is carried."""
    project.notebook("notebooks/good.py", "print(1)")
    project.write("notebooks/" + os.fsdecode(b"caf\xe9.txt"), "x")
    ran = project.push(code=(1, 4))
    assert "caf" in ran.out and person.names() == {"good"}


def test_one_bad_object_does_not_stop_a_pull(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A notebook that cannot be exported is reported with exit 4, and the others come."""
    person.edit("a", "edited")
    person.edit("b", "edited")
    workspace.forbid(f"{person.folder}/a", "unreadable")
    ran = pushed.pull(code=4)
    assert "notebooks/a.py" in ran.out and "edited" in pushed.text("notebooks/b.py")


def test_a_workspace_without_enough_disk_here(pushed: Project, person: Person) -> None:
    """A state folder that cannot be written ends the run with a sentence, before anything is carried."""
    shutil.rmtree(pushed.root / ".git/databricks_sync")
    pushed.write(".git/databricks_sync", "a file")
    pushed.notebook("notebooks/a.py", "edited")
    ran = pushed.push(code=(2, 4))
    assert brief(ran.err) and not ran.writes
