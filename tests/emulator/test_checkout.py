"""A git source is a stranger's: its address and its files make the server run nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from databricks_local.jobs.checkout import CheckoutError, checkout

from .work import git


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit; git sees no configuration but the test's own."""
    for name in [one for one in os.environ if one.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    made = tmp_path / "source"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    (made / "a.py").write_text("print(1)")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "one")
    return made


def test_hooks_of_this_machine_are_not_run(source: Path, tmp_path: Path) -> None:
    """What the person's git runs in repositories of their own is not run in that of somebody else."""
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    (hooks / "post-checkout").chmod(0o755)
    for setting in (f"[init]\n\ttemplateDir = {hooks.parent}\n", f"[core]\n\thooksPath = {hooks}\n"):
        (tmp_path / "gitconfig").write_text(setting)
        checkout({"git_url": f"file://{source}", "git_branch": "main"}, tmp_path / setting[1:5])
    assert (tmp_path / "core/a.py").exists() and not (tmp_path / "ran").exists()


def test_a_program_is_no_address(source: Path, tmp_path: Path) -> None:
    """No address starts a program, also where the configuration of this machine would let it."""
    (tmp_path / "gitconfig").write_text('[protocol "ext"]\n\tallow = always\n')
    for address in (f"ext::sh -c touch% '{tmp_path}/ran'", f"--upload-pack=touch {tmp_path}/ran"):
        with pytest.raises(CheckoutError):
            checkout({"git_url": address, "git_branch": "main"}, tmp_path / "clone")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("commit", ["--force", "-b", "main", "HEAD", "abc", "g" * 40])
def test_a_commit_is_one(source: Path, tmp_path: Path, commit: str) -> None:
    """A commit is named by its hash; an option or another name is none."""
    with pytest.raises(CheckoutError, match="is no commit"):
        checkout({"git_url": f"file://{source}", "git_commit": commit}, tmp_path / "clone")


def test_no_other_repository_is_taken_for_the_clone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started by a hook of git, the server clones all the same, and leaves that hook's repository alone."""
    before = git(source, "rev-parse", "HEAD").strip()
    (tmp_path / "gitconfig").write_text("[safe]\n\tdirectory = *\n")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "trunk")
    for name, value in (("GIT_DIR", other / ".git"), ("GIT_WORK_TREE", other), ("GIT_INDEX_FILE", other / "index")):
        monkeypatch.setenv(name, str(value))
    assert checkout({"git_url": f"file://{source}", "git_commit": before}, tmp_path / "clone") == before
    assert (tmp_path / "clone/a.py").exists() and [one.name for one in other.iterdir()] == [".git"]
