"""Which files the committed patterns carry: as git reads the same lines of a .gitignore."""

from __future__ import annotations

import pytest
from support.repo import Repo

from databricks_sync.model import Patterns
from databricks_sync.rules.patterns import excluded, flaw, included

PATHS = (
    *("a.csv", "b.py", "nb/a.csv", "nb/deep/a.csv", "nb/deep/b.py", "nb/x/deep/c.py", "scratch/a.py", "nb/scratch/b/c"),
    *("nb/scratch.py", "data/a", "nb/data/a", ".hidden", "nb/.hidden/a", "x*y", "xay", "[a]", "a", "-", "nb/A.CSV"),
    *("nb/a b.txt", "dist/one.whl", "dist/old/one.whl", "nb/éa.py"),
)
LINES = (
    *("*.csv", "scratch/", "scratch", "/data", "data/", "nb/*.csv", "nb/**", "nb/**/", "**/deep", "nb/**/deep/", "*"),
    *("nb/*/b.py", "?", "[ab]", "[!a]", "[^a].py", "[a-c].*", r"x\*y", r"\[a\]", ".*", "nb/deep", "/nb/deep/", "b*"),
    *("nb/**/c.py", "**", "**/a", "a/**/b", "nb/a b.txt", "dist/*.whl", "/*", "éa.py", "**/**/b.py", "*.whl/"),
)


@pytest.mark.parametrize("line", LINES)
def test_a_pattern_is_read_as_git_reads_it(repo: Repo, line: str) -> None:
    """Each path is excluded just where git would ignore it for the same line."""
    repo.write(".git/info/exclude", f"{line}\n")
    listed = "\0".join(PATHS)
    answer = repo.git(
        "-c", "core.quotePath=false", "check-ignore", "--no-index", "-z", "--stdin", code=None, stdin=listed
    )
    assert {path for path in PATHS if excluded(Patterns(exclude=(line,)), path)} == {*answer.split("\0")} - {""}


@pytest.mark.parametrize(
    ("patterns", "path", "ignored", "carried"),
    [
        (Patterns(), "a", False, True),
        (Patterns(), "a", True, False),
        (Patterns(include=("dist/",)), "dist/a.whl", True, True),
        (Patterns(include=("dist/",), exclude=("*.whl",)), "dist/a.whl", True, False),
        (Patterns(exclude=(".*",)), "../common/a.py", False, True),
        (Patterns(exclude=("*",)), "../common", False, False),
        (Patterns(exclude=("../common/tests/",)), "../common/tests/a.py", False, False),
        (Patterns(exclude=("tests/",)), "../common/tests/a.py", False, False),
        (Patterns(exclude=("common/tests/",)), "../common/tests/a.py", False, True),
    ],
)
def test_what_is_carried(patterns: Patterns, path: str, ignored: bool, carried: bool) -> None:
    """What git ignores is carried where it is included, and `exclude` wins; no wildcard stands for a folder above."""
    assert (included(patterns, path) if ignored else not excluded(patterns, path)) is carried


def test_no_pattern_takes_long() -> None:
    """A stranger's pattern does not keep the command busy."""
    assert not excluded(Patterns(exclude=("*a" * 100 + "b",)), "a" * 240)
    assert not excluded(Patterns(exclude=("**/a/" * 100 + "b",)), "a/" * 2000 + "c")


@pytest.mark.parametrize(("pattern", "sound"), [("!a", False), ("", False), (" / ", False), ("a", True), ("#a", True)])
def test_what_is_no_pattern(pattern: str, sound: bool) -> None:
    """What git would read as nothing, or as the contrary, is no pattern."""
    assert (flaw(pattern) == "") is sound
