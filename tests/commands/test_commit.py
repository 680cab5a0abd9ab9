"""Which commit is in a folder: what the note says of it, and a mirror that would go back to an older one."""

from __future__ import annotations

import json

import pytest
from support.project import Person, Project

MIRROR = ("--target", "/Shared/master", "--mirror")
STATUS = ("--target", "/Shared/master", "--status")


@pytest.fixture
def mirrored(pushed: Project) -> Project:
    """A project with two commits, the later one of which is in a shared folder."""
    pushed.notebook("notebooks/a.py", "later")
    pushed.commit("later")
    pushed.push(*MIRROR)
    return pushed


def noted(project: Project) -> dict[str, object]:
    """What the note on the shared folder says of the last push."""
    note = json.loads(Person(project.workspace, "/Shared/.databricks_sync").file("master.json"))
    fields: dict[str, object] = note["pushed"]
    return fields


def test_a_note_says_which_commit_is_there(mirrored: Project) -> None:
    """It names the commit, whether all was committed, and who pushed; of a CI also the run. PATHS change none of it."""
    commit = mirrored.git("rev-parse", "HEAD")
    assert {"commit": commit, "clean": True}.items() <= noted(mirrored).items() and "@" in str(noted(mirrored)["by"])
    mirrored.notebook("notebooks/b.py", "not committed")
    mirrored.notebook("notebooks/c.py", "not committed")
    mirrored.push(*MIRROR[:2], "notebooks/b.py")
    assert noted(mirrored)["clean"] is True
    ci = {
        "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "17",
    }  # fmt: skip
    mirrored.push(*MIRROR, env=ci)
    run = "https://github.com/a/b/actions/runs/17"
    assert {"commit": commit, "clean": False, "run": run}.items() <= noted(mirrored).items()
    mirrored.notebook("notebooks/d.py", "new")
    out = mirrored.push(*STATUS).out
    assert f", branch main: commit {commit[:10]}, with changes that are not committed\n    {run}\n" in out


def test_the_status_says_how_far_it_is(mirrored: Project) -> None:
    """It counts the commits between what is there and what is checked out, as far as git here knows them."""
    there = mirrored.git("rev-parse", "HEAD")[:10]
    assert f"in sync, 8 objects (commit {there}, pushed just now by " in mirrored.push(*STATUS).out
    for number in range(3):
        mirrored.commit(str(number))
    assert f"(commit {there}, 3 commits behind main, pushed " in mirrored.push(*STATUS).out
    mirrored.git("checkout", "-q", "HEAD~4")
    assert f"commit {there}, 1 commit ahead of the commit here" in mirrored.push(*STATUS).out
    summary = mirrored.push(*STATUS, "--json").summary["pushed"]
    assert (summary["commit"][:10], summary["ahead"], summary["behind"]) == (there, 1, 0)
    mirrored.git("clone", "-q", "--depth=1", f"file://{mirrored.root}", str(mirrored.home / "shallow"))
    shallow = Project(mirrored.home / "shallow", mirrored.home, mirrored.workspace)
    assert f"commit {there}, which this clone does not have" in shallow.push(*STATUS).out


def test_a_mirror_does_not_go_back_unasked(mirrored: Project, person: Person) -> None:
    """A mirror of a commit older than the one there stops before any change, also as a check, unless it is allowed."""
    shared = person.at("/Shared/master")
    mirrored.git("checkout", "-q", "HEAD~1")
    before = shared.details()
    for more in ((), ("--dry-run",), ("--check",)):
        ran = mirrored.push(*MIRROR, *more, code=3)
        assert "is newer than the one checked out here" in ran.err and "--allow-older" in ran.err and not ran.writes
    assert shared.details() == before
    mirrored.push(*MIRROR, "--allow-older")
    assert b"later" not in shared.read("a") and noted(mirrored)["commit"] == mirrored.git("rev-parse", "HEAD")


def test_what_is_not_older_is_mirrored(mirrored: Project, person: Person) -> None:
    """Another line of commits, one that git here does not know, and a note of an earlier version stop nobody."""
    mirrored.git("checkout", "-q", "-b", "aside", "HEAD~1")
    mirrored.notebook("notebooks/a.py", "aside")
    mirrored.commit("aside")
    mirrored.push(*MIRROR)
    notes = person.at("/Shared/.databricks_sync")
    fields = json.loads(notes.file("master.json"))
    for number, pushed in enumerate(({"commit": "f" * 40}, {"commit": "--output=x"}, None)):
        notes.put("master.json", json.dumps({**fields, "pushed": pushed}))
        mirrored.notebook("notebooks/a.py", f"aside {number}")
        mirrored.push(*MIRROR)
