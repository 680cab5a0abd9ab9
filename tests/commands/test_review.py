"""`--review`: two commits for a reviewer, with git and no workspace."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from support.project import Project, Ran, jupyter
from support.starts import Starts

NOWHERE = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "rain"}
AZURE = {"TF_BUILD": "True", "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}
AZURE |= {"SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/rain"}


@pytest.fixture
def branch(project: Project, starts: Starts) -> Project:
    """A project on the branch `rain`; `main` has gone on since: `a` and `beside` changed on `rain`, `b` on `main`."""
    return starts.begin("branch", project, _commit_three)


def _commit_three(project: Project) -> None:
    for name in ("a", "b"):
        project.notebook(f"notebooks/{name}.py", "x = 1", "print(x)")
    project.write("notebooks/c.ipynb", jupyter("x = 1"))
    project.write("beside.txt", "1\n")
    project.commit("one")
    project.git("switch", "-q", "-c", "rain")
    project.notebook("notebooks/a.py", "x = 2", "print(x)")
    project.write("beside.txt", "2\n")
    project.commit("two")
    project.git("switch", "-q", "main")
    project.notebook("notebooks/b.py", "x = 3", "print(x)")
    project.commit("three")
    project.git("switch", "-q", "rain")


def review(project: Project, *typed: str, **env: str) -> Ran:
    ran = project.quick("to_databricks", "--review", *typed, env={**NOWHERE, **env})
    assert ran.requests == []
    return ran


def files(text: str) -> list[str]:
    """The files that a review in Markdown is about."""
    return re.findall(r"<summary>.*?<b><code>(.*?)</code></b>", text)


def test_a_branch(branch: Project) -> None:
    """By itself it is about what the branch did in the notebooks folder since it left the default branch."""
    said = review(branch).out
    assert files(said) == ["notebooks/a.py"] and "<code>main</code>" in said and "<code>rain</code>" in said
    assert "-x = 1\n+x = 2\n" in said and "print" not in said
    branch.notebook("notebooks/a.py", "x = 4")
    again = review(branch)
    assert again.out == said and "what is not committed yet is not in it" in again.err


@pytest.mark.parametrize(
    ("typed", "about"),
    [
        (["main"], ["notebooks/a.py"]),
        (["main...rain"], ["notebooks/a.py"]),
        (["main..rain"], ["notebooks/a.py", "notebooks/b.py"]),
        (["..main"], ["notebooks/a.py", "notebooks/b.py"]),
        (["rain...main"], ["notebooks/b.py"]),
        (["HEAD~1"], ["notebooks/a.py"]),
        (["HEAD"], []),
        (["main", "."], ["beside.txt", "notebooks/a.py"]),
        (["main", "beside.txt"], ["beside.txt"]),
        (["main", "notebooks/b.py"], []),
    ],
    ids=" ".join,
)
def test_commits_and_paths(branch: Project, typed: list[str], about: list[str]) -> None:
    """Commits are typed as for `git diff`, but that one alone means since its fork; PATHS may be any in it."""
    assert files(review(branch, *typed).out) == about


def test_the_default_branch(branch: Project) -> None:
    """On the default branch it is about what the remote has not got yet."""
    branch.git("switch", "-q", "main")
    clone = branch.clone()
    assert "No file changed" in review(clone).out
    clone.notebook("notebooks/new.py", "1")
    clone.commit()
    assert files(review(clone).out) == ["notebooks/new.py"]


@pytest.mark.parametrize("ci", [GITHUB, AZURE], ids=["GitHub", "Azure DevOps"])
def test_a_pull_request(branch: Project, ci: dict[str, str]) -> None:
    """In CI it is about the pull request: its merge with two commits of history, or its branch with all of it."""
    branch.git("update-ref", "refs/remotes/origin/main", "main")
    branch.git("branch", "-q", "-D", "main")
    branch.git("checkout", "-q", "--detach")
    assert files(said := review(branch, **ci).out) == ["notebooks/a.py"] and "<code>rain</code>" in said
    branch.git("checkout", "-q", "--detach", "origin/main")
    branch.git("merge", "-q", "--no-ff", "--no-edit", "rain")
    branch.git("update-ref", "refs/pull/1/merge", "HEAD")
    clone = Project(branch.home / "agent", branch.home, branch.workspace)
    clone.git("init", "-q")
    clone.git("fetch", "-q", "--depth=2", branch.root.as_uri(), "refs/pull/1/merge")
    clone.git("checkout", "-q", "--detach", "FETCH_HEAD")
    merged = dict.fromkeys(("GITHUB_REF", "BUILD_SOURCEBRANCH"), "refs/pull/1/merge")
    merged |= dict.fromkeys(("GITHUB_SHA", "BUILD_SOURCEVERSION"), clone.git("rev-parse", "HEAD"))
    assert files(review(clone, **ci, **merged).out) == ["notebooks/a.py"]


def test_a_merge_request_of_gitlab(branch: Project) -> None:
    """There the branch that it is merged into is not fetched, but the CI says at which commit it was left."""
    start = branch.git("merge-base", "main", "rain")
    branch.git("checkout", "-q", "--detach", "rain")
    branch.git("branch", "-q", "-D", "main")
    ci = {"GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": start}
    assert files(review(branch, **ci).out) == ["notebooks/a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not take")
def test_files_of_all_kinds(branch: Project) -> None:
    """Names of every kind, links, submodules, broken and binary files are told of, in files and on the screen."""
    odd = "notebooks/<b>é \x1b[1m`x`.py"
    branch.notebook(odd, "1")
    branch.write("notebooks/data.bin", b"\0\1")
    branch.write("notebooks/c.ipynb", "{")
    (branch.root / "notebooks" / "link").symlink_to("a.py")
    branch.git("add", "-A")
    branch.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},notebooks/sub")
    branch.git("commit", "-q", "-m", "odd")
    page, text = branch.root / "review.html", branch.root / "review.md"
    ran = review(branch, "main", "-o", str(page), "-o", str(text), "--output", "-")
    assert text.read_text(encoding="utf-8") == ran.out and len(files(ran.out)) == 6
    for said in (ran.out, page.read_text(encoding="utf-8")):
        for part in ("&lt;b&gt;é \\x1b[1m`x`.py", "inary, 2 bytes", "cannot be read", "symbolic", "submodule"):
            assert part in said


def test_many_notebooks(branch: Project) -> None:
    """However many notebooks changed, git is called a few times."""
    for number in range(120):
        branch.notebook(f"notebooks/many/n{number}.py", f"x = {number}")
    branch.commit("many")
    trace = branch.home / "trace"
    assert len(files(review(branch, "main", GIT_TRACE=str(trace)).out)) == 121
    assert 3 < len(re.findall("built-in: git", trace.read_text(encoding="utf-8"))) < 15


def test_a_page_is_opened(branch: Project, tmp_path: Path) -> None:
    """`--open` shows the page, in a file of its own where none is named."""
    opened, program = tmp_path / "opened", tmp_path / "browser.py"
    program.write_text(f"import sys\nopen({str(opened)!r}, 'w').write(sys.argv[1])\n")
    # A process: `webbrowser` looks once for browsers.
    env = {**NOWHERE, "BROWSER": f"{sys.executable} {program} %s"}
    branch.run("to_databricks", "--review", "main", "--open", env=env)
    [address] = opened.read_text(encoding="utf-8").split()
    assert "x = 2" in re.sub("<[^>]*>", "", Path(address.removeprefix("file://")).read_text(encoding="utf-8"))


def test_no_mistake_is_silent(branch: Project) -> None:
    """What does not go with a review is refused."""
    for typed in (["--review", "--status"], ["--review", "--json"], ["--output", "x"], ["--review", "--output", ""]):
        assert branch.quick("to_databricks", *typed, code=2, env=NOWHERE).err
    assert not (branch.root / "x").exists()
