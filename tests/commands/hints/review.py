"""Hints about a review: which commits it is about, and where it is written."""

from __future__ import annotations

import shutil

from support.project import Person, Project

from . import settings, targets
from .table import adds, does, types

one = settings.one


def two_commits(project: Project, _: Person) -> None:
    project.commit("one")
    project.notebook("notebooks/a.py", "y")
    project.commit("two")


def two_beginnings(project: Project, person: Person) -> None:
    """A branch that began with nothing of the other one."""
    project.commit("one")
    project.git("switch", "-q", "--orphan", "gh-pages")
    project.git("commit", "-q", "--allow-empty", "-m", "two")
    project.git("switch", "-q", "main")


def shallow(project: Project, person: Person) -> None:
    """The clone that many a CI makes."""
    two_commits(project, person)
    remote = project.home / "remote"
    project.git("clone", "-q", "--bare", ".", str(remote))
    shutil.rmtree(project.root / ".git")
    project.git("init", "-q")
    project.git("remote", "add", "origin", remote.as_uri())
    project.git("fetch", "-q", "--depth=1", "origin")
    project.git("checkout", "-q", "-f", "-B", "main", "origin/main")


def reviewed(project: Project, _: Person) -> bool:
    return "-x\n+y\n" in project.quick("to_databricks", "--review", "HEAD~1").out


SCENES = {
    "the default branch alone": one(
        two_commits,
        "main is the default branch, and no remote has it to compare with.",
        "Name a commit: `to_databricks --review HEAD~1`.",
        types(),
        reviewed,
        ran="to_databricks --review",
        then="to_databricks --review HEAD~1",
    ),
    "a review without a default branch": one(
        targets.without_a_default_branch,
        "It is unknown which branch is the default one, so also what to compare with.",
        "Type `git remote set-head origin --auto`, or name a commit: `to_databricks --review HEAD~1`.",
        types(),
        lambda *_: True,
        ran="to_databricks --review",
    ),
    "no such commit": one(
        two_commits,
        "This clone knows no commit called v1.",
        "Type `git fetch`, or name another one after --review.",
        adds("--review", "HEAD~1"),
        reviewed,
        ran="to_databricks --review v1",
    ),
    "a shallow clone": one(
        shallow,
        "This clone knows no commit called HEAD~1.",
        "It holds only the latest commits: type `git fetch --unshallow`; in CI, check out two (`fetch-depth: 2`).",
        types(),
        reviewed,
        ran="to_databricks --review HEAD~1",
    ),
    "commits with nothing in common": one(
        two_beginnings,
        "gh-pages and HEAD have no commit in common that this clone knows.",
        "Compare them as they are: `to_databricks --review gh-pages..HEAD`.",
        types(),
        lambda *_: True,
        ran="to_databricks --review gh-pages",
        then="to_databricks --review gh-pages..HEAD",
    ),
    "a path elsewhere": one(
        two_commits,
        "/etc is outside the repository.",
        "Name paths inside it.",
        does(lambda *_: None),
        reviewed,
        ran="to_databricks --review HEAD~1 /etc",
        then="to_databricks --review HEAD~1 notebooks",
    ),
    "a folder in the place of the review": one(
        two_commits,
        "The review cannot be written into notebooks (Is a directory).",
        "Give another --output.",
        does(lambda *_: None),
        reviewed,
        ran="to_databricks --review HEAD~1 --output notebooks",
        then="to_databricks --review HEAD~1 --output review.md",
    ),
}
