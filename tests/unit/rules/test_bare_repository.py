"""Which files would make a folder look like a git repository; git itself is asked whether that is so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.repo import Repo

from databricks_sync.rules.bare_repository import made_by

ARMED = ("HEAD", "config", "objects/x", "refs/x")


def nothing(_: str) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (ARMED, ARMED),
        (("HEAD", "commondir"), ("HEAD", "commondir")),
        (("HEAD", "objects/pack/a", "refs/heads/main", "a.py"), ("HEAD", "objects/pack/a", "refs/heads/main")),
        (("head", "Objects/x", "REFS/x"), ("head", "Objects/x", "REFS/x")),
        (("HEAD", "objects", "refs"), ("HEAD", "objects", "refs")),
        (("H\u200cEAD", "objects/x", "refs/x"), ("H\u200cEAD", "objects/x", "refs/x")),
        (("HEAD", "objects/x", "config"), ()),
        (("HEAD/x", "objects/x", "refs/x"), ()),
        (("HEAD.py", "objects/x", "refs/x"), ()),
        (("commondir", "objects/x", "refs/x"), ()),
        (("a/HEAD", "b/objects/x", "b/refs/x"), ()),
        (("overhead", "objects/x", "refs/x"), ()),
    ],
)
def test_what_makes_one(paths: tuple[str, ...], found: tuple[str, ...]) -> None:
    """Exactly the files that git would take for a repository are told, at the top and in any folder."""
    for folder in ("", "a", "a/objects", "x/refs/y"):
        within = [f"{folder}/{path}".lstrip("/") for path in paths]
        expected = {f"{folder}/{path}".lstrip("/"): folder for path in found}
        assert made_by(within, nothing) == expected


def test_what_stands_there_counts() -> None:
    """A folder that has the rest already, whether carried or not, becomes one by a single file."""
    assert made_by(["a/HEAD"], {"a": ["Objects", "refs", "x"]}.__getitem__) == {"a/HEAD": "a"}
    assert made_by(["a/config"], {"a": ["HEAD", "commondir"]}.__getitem__) == {"a/config": "a"}
    assert made_by(["a/config"], {"a": ["HEAD", "refs"]}.__getitem__) == {}


def test_folders_of_one_name_are_one() -> None:
    """Its parts may come under spellings of a folder that a disk would not tell apart."""
    assert made_by(["a/HEAD", "A/objects/x", "a/refs/x"], nothing).keys() == {"a/HEAD", "A/objects/x", "a/refs/x"}


def test_git_sees_it_so(repo: Repo, tmp_path: Path) -> None:
    """What git itself makes for a bare repository is told, and so is a linked work tree's git directory."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    repo.commit()
    repo.git("worktree", "add", "-q", "../tree")
    for folder in (tmp_path / "bare", next((repo.root / ".git/worktrees").iterdir())):
        names = [one.relative_to(folder).as_posix() for one in folder.rglob("*")]
        assert "HEAD" in made_by(names, nothing)
