"""What git says of the project, asked of a real git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.repo import Repo
from support.traps import bare_repository

from databricks_sync.errors import SettingsError
from databricks_sync.local.git import Entry, Repository
from databricks_sync.rules.finished_branches import Branch


def entries(repo: Repo, folder: str = ".") -> dict[str, Entry]:
    return {entry.path: entry for entry in Repository(repo.root).entries(repo.root / folder)}


def test_what_is_not_as_it_was_committed(repo: Repo) -> None:
    """Edited, staged, deleted, renamed and new files are named from the top; what git ignores is not."""
    for name in ("edited", "staged", "gone", "old", "same"):
        repo.write(f"sub/a/{name}", name)
    repo.write("beside", "1")
    repo.write(".gitignore", "*.log\n")
    repo.commit()
    for name in ("edited", "staged", "new/é x", "x.log"):
        repo.write(f"sub/a/{name}", "2")
    repo.write("beside", "2")
    repo.git("add", "sub/a/staged")
    repo.git("mv", "sub/a/old", "sub/a/moved")
    (repo.root / "sub/a/gone").unlink()
    names = ("edited", "gone", "moved", "new/é x", "old", "staged")
    commit, changed = Repository(repo.root / "sub").status(repo.root / "sub/a")
    assert commit == repo.git("rev-parse", "HEAD").strip()
    assert changed is not None and sorted(changed) == [f"sub/a/{name}" for name in names]


def test_what_is_in_conflict_is_not_as_it_was_committed(repo: Repo) -> None:
    """Nor is what both branches changed; and where nothing is committed yet, there is no commit."""
    repo.write("a b", "1")
    assert Repository(repo.root).status(repo.root) == ("", ["a b"])
    repo.commit()
    repo.git("checkout", "-q", "-b", "other")
    for branch in ("main", "other"):
        repo.git("checkout", "-q", branch)
        repo.write("a b", branch)
        repo.commit()
    repo.git("merge", "main", code=1)
    assert Repository(repo.root).status(repo.root) == (repo.git("rev-parse", "HEAD").strip(), ["a b"])


# --- branches and operations ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main", "feature/tools", "heads/main", "ünï"])
def test_the_branch_has_its_whole_name(repo: Repo, name: str) -> None:
    """The branch is named in full, also when it has no commit yet, and when a tag has its name."""
    repo.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
    assert Repository(repo.root).branch() == name
    repo.commit()
    repo.git("tag", name)
    assert Repository(repo.root).branch() == name


def test_a_detached_head_has_no_branch(repo: Repo) -> None:
    """A commit that is checked out by itself, or a tag, is no branch."""
    repo.commit()
    repo.git("checkout", "-q", "--detach")
    assert Repository(repo.root).branch() is None


def test_what_git_knows_of_branches(repo: Repo) -> None:
    """Which is the default one, which are merged into it, whose upstream is gone, and which are checked out."""
    repo.commit()
    repo.git("clone", "-q", str(repo.root), "clone")
    clone = Repo(repo.root / "clone")
    for name in ("ahead", "feature/merged", "gone", "there"):
        clone.git("switch", "-q", "-c", name, "main")
        clone.commit(name)
        clone.git("push", "-q", "-u", "origin", name)
    clone.git("switch", "-q", "main")
    clone.git("merge", "-q", "feature/merged")
    clone.git("branch", "-q", "-D", "there")
    repo.git("branch", "-q", "-D", "gone")
    clone.git("fetch", "-q", "--prune")
    assert Repository(clone.root).known_branches() == {
        "ahead": Branch("ahead"),
        "feature/merged": Branch("feature/merged", merged="main"),
        "gone": Branch("gone", upstream_gone=True),
        "main": Branch("main", default=True, checked_out=True, merged="main"),
        "there": Branch("there"),
    }


@pytest.mark.parametrize(
    ("branches", "setting", "default"),
    [
        (["main", "x"], "", "main"),
        (["master", "x"], "", "master"),
        (["trunk", "main"], "trunk", "trunk"),
        (["x", "y"], "trunk", ""),
    ],
)
def test_the_default_branch_where_no_remote_says_it(
    repo: Repo, branches: list[str], setting: str, default: str
) -> None:
    """Without a remote it is that of git's own setting or of one of the usual names; else nobody knows it."""
    repo.commit()
    repo.git("checkout", "-q", "--detach")
    for name in branches:
        repo.git("branch", "-q", "-f", name)
    repo.git("config", "init.defaultBranch", setting)
    if "main" not in branches:
        repo.git("branch", "-q", "-D", "main")
    if not default:
        with pytest.raises(SettingsError, match="unknown which branch is the default one"):
            Repository(repo.root).known_branches()
        return
    known = Repository(repo.root).known_branches()
    assert [name for name, branch in known.items() if branch.default] == [default]
    assert all(branch.merged == default for branch in known.values())


def conflicting(repo: Repo) -> None:
    """Two branches that changed one file in two ways."""
    repo.write("a", "1")
    repo.commit()
    repo.git("checkout", "-q", "-b", "other")
    repo.write("a", "2")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("a", "3")
    repo.commit()


@pytest.mark.parametrize(
    ("command", "operation", "branch"),
    [
        (["merge", "other"], "a merge", "main"),
        (["rebase", "other"], "a rebase", None),
        (["rebase", "--apply", "other"], "a rebase", None),
        (["cherry-pick", "other"], "a cherry-pick", "main"),
        (["revert", "--no-edit", "HEAD~1"], "a revert", "main"),
        (["bisect", "start"], "a bisect", "main"),
    ],
)
def test_an_operation_in_progress_is_seen(repo: Repo, command: list[str], operation: str, branch: str | None) -> None:
    """While git is in the middle of something, its name is known."""
    conflicting(repo)
    assert Repository(repo.root).operation() is None
    repo.git(*command, code=0 if command[0] == "bisect" else 1)
    assert (Repository(repo.root).operation(), Repository(repo.root).branch()) == (operation, branch)


# --- where things are ---------------------------------------------------------------------------------------------


def test_state_lies_in_the_git_directory(repo: Repo) -> None:
    """State is where git keeps its own, and shows in no status."""
    (repo.root / "sub").mkdir()
    found = Repository(repo.root / "sub")
    assert found.state == repo.root / ".git/databricks_sync" and found.top == repo.root
    found.state.mkdir()
    (found.state / "x").write_text("")
    assert repo.git("status", "--porcelain") == ""


def test_each_worktree_has_its_own_state(repo: Repo) -> None:
    """Two worktrees of one repository, on two branches, share nothing but their origin."""
    repo.commit()
    repo.git("worktree", "add", "-q", "../tree", "-b", "other")
    one, other = Repository(repo.root), Repository(repo.root.parent / "tree")
    assert one.state != other.state and repo.root / ".git" in other.state.parents
    assert (one.branch(), other.branch()) == ("main", "other")
    assert one.common_dir == other.common_dir and one.first_commits() == other.first_commits()


@pytest.mark.parametrize("inside", [True, False])
def test_a_worktree_of_a_bare_repository(repo: Repo, tmp_path: Path, inside: bool) -> None:
    """A work tree that a bare repository was given, in its own folder or beside it, is one like any other."""
    repo.write("sub/a")
    repo.commit()
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.root), str(bare)], check=True)
    tree = bare / "tree" if inside else tmp_path / "tree"
    subprocess.run(["git", "-C", str(bare), "worktree", "add", "-q", "-b", "other", str(tree)], check=True)
    found = Repository(tree / "sub")
    assert (found.top, found.branch(), found.common_dir) == (tree, "other", bare)
    assert found.state == bare / "worktrees/tree/databricks_sync" and not found.dirty(tree)
    assert [entry.path for entry in found.entries(tree)] == ["sub/a"]


def test_an_operation_is_of_its_worktree(repo: Repo) -> None:
    """A merge in one worktree stops nobody in another."""
    conflicting(repo)
    repo.git("worktree", "add", "-q", "../tree", "-b", "third")
    repo.git("merge", "other", code=1)
    assert Repository(repo.root.parent / "tree").operation() is None


def test_a_git_hook_s_environment_is_not_ours(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR and its kin, as git sets them around hooks, do not lead to another repository."""
    repo.write("a")
    other = Repo(tmp_path / "other")
    other.git("init", "-q", "-b", "elsewhere")
    for name, value in {
        "GIT_DIR": other.root / ".git",
        "GIT_WORK_TREE": other.root,
        "GIT_INDEX_FILE": other.root / ".git/index",
        "GIT_OBJECT_DIRECTORY": other.root / ".git/objects",
        "GIT_COMMON_DIR": other.root / ".git",
        "GIT_PREFIX": "sub/",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert Repository(repo.root).branch() == "main" and list(entries(repo)) == ["a"]


def test_it_works_inside_a_real_hook(repo: Repo) -> None:
    """Run by git itself before a commit, the project is still this one."""
    code = (
        "from pathlib import Path; from databricks_sync.local.git import Repository; "
        "found = Repository(Path('.').resolve()); paths = sorted(e.path for e in found.entries(found.top)); "
        "Path('said').write_text(f'{found.branch()} {paths}')"
    )
    hook = repo.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec '{sys.executable}' -c \"{code}\"\n")
    hook.chmod(0o755)
    repo.write("a")
    repo.commit()
    assert (repo.root / "said").read_text() == "main ['a']"


@pytest.mark.parametrize("kind", ["no repository", "bare", "inside .git", "missing"])
def test_what_is_no_work_tree_is_refused(tmp_path: Path, kind: str) -> None:
    """Where git has no work tree, one sentence says so."""
    where = tmp_path / "x"
    if kind != "missing":
        where.mkdir()
    if kind == "bare":
        subprocess.run(["git", "init", "-q", "--bare", str(where)], check=True)
    if kind == "inside .git":
        subprocess.run(["git", "init", "-q", str(where)], check=True)
        where = where / ".git"
    with pytest.raises(SettingsError, match="is not a folder" if kind == "missing" else "not in a git repository"):
        Repository(where)


def test_no_git_at_all(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without git on the PATH, the next step is to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="git is not installed"):
        Repository(repo.root)


# --- what git must not be led to ------------------------------------------------------------------------------------


def armed(folder: Path, ran: Path) -> bool:
    """Whether git itself is led to run something in a folder."""
    subprocess.run(["git", "-c", "safe.bareRepository=all", "status"], cwd=folder, capture_output=True, check=False)
    if ran.exists():
        ran.unlink()
        return True
    return False


def everything(repository: Repository, folder: Path) -> None:
    """Asks all there is to ask, about a folder that is carried."""
    list(repository.entries(folder))
    repository.ignored(["a", "sub/b"])
    repository.dirty(folder)
    for ask in (repository.branch, repository.branches, repository.origin, repository.address):
        ask()
    for ask in (repository.first_commits, repository.ignores_case, repository.operation, repository.git_state):
        ask()
    repository.at("HEAD", "a"), repository.blobs("HEAD", "a"), repository.commit("main")
    repository.merged_text("a", "b", "c", ("1", "2", "3"))


@pytest.fixture
def old_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git of the time before `safe.bareRepository` (2.38), as far as that goes."""
    real = shutil.which("git")
    program = tmp_path / "old" / "git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nset -- $(printf "%s\\n" "$@" | sed s/^safe.bareRep.*/safe.x=1/)\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("trap", ["", "team", "team/project", "team/project/notebooks", "team/project/notebooks/sub"])
def test_what_looks_like_a_git_directory_is_none(repo: Repo, tmp_path: Path, trap: str) -> None:
    """Wherever in the work tree files of somebody else make up a git directory, none of its programs is run."""
    repo.write("team/project/notebooks/sub/a")
    repo.commit()
    ran = bare_repository(repo.root / trap, tmp_path / "ran")
    assert trap == "" or armed(repo.root / trap, ran)
    found = Repository(repo.root / "team/project")
    assert found.top == repo.root and found.git_dir == repo.root / ".git"
    for folder in ("team/project", "team/project/notebooks", "team/project/notebooks/sub"):
        everything(found, repo.root / folder)
    assert not ran.exists()
    assert {"a"} <= {entry.path for entry in found.entries(repo.root / "team/project/notebooks/sub")}


def test_an_older_git_is_not_led_there_either(repo: Repo, tmp_path: Path, old_git: None) -> None:
    """The same with a git that knows no safe.bareRepository, also where the work tree's own git directory is broken."""
    repo.write("notebooks/a")
    repo.commit()
    ran = bare_repository(repo.root / "notebooks", tmp_path / "ran")
    everything(Repository(repo.root), repo.root / "notebooks")
    bare_repository(repo.root, ran)
    shutil.rmtree(repo.root / ".git/objects")
    with pytest.raises(SettingsError, match="not in a git repository"):
        Repository(repo.root)
    assert not ran.exists()


def test_nothing_of_the_repository_s_own_configuration_is_run(repo: Repo, tmp_path: Path) -> None:
    """In a repository that came with its git directory, as from an archive, no program of its configuration is run."""
    repo.write(".gitattributes", "a filter=f diff=d\nb filter=x=y\n")
    repo.write("a")
    repo.commit()
    ran = tmp_path / "ran"
    program = f"touch '{ran}'; false"
    hooks = repo.root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\n{program}\n")
        (hooks / name).chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "gpg.program", "diff.external"):
        repo.git("config", key, program)
    for key in ("filter.f.clean", "filter.f.process", "diff.d.command", "diff.d.textconv", "log.showSignature"):
        repo.git("config", key, "true" if key == "log.showSignature" else program)
    repo.git("config", "filter.f.required", "true")
    os.utime(repo.root / "a", (1, 1))  # so that git looks into the file
    everything(Repository(repo.root), repo.root)
    assert not Repository(repo.root).dirty(repo.root)
    assert not ran.exists()
    repo.git("config", "filter.x=y.clean", program)
    assert Repository(repo.root).dirty(repo.root) and not ran.exists()


@pytest.mark.parametrize("place", ["config", "another case", "an included file", "config.worktree"])
def test_a_program_is_found_wherever_git_looks_for_one(repo: Repo, tmp_path: Path, place: str) -> None:
    """No filter of the repository's own configuration is run, in whichever of its files that names it."""
    repo.write(".gitattributes", "a filter=f\n")
    repo.write("a")
    repo.commit()
    ran = tmp_path / "ran"
    text = f"[filter \"f\"]\n\tclean = touch '{ran}'\n"
    file = repo.root / ".git" / (place if place.startswith("config") else "config")
    if place == "an included file":
        (repo.root / ".git/more").write_text(text)
        text = "[include]\n\tpath = more\n"
    if place == "config.worktree":
        repo.git("config", "extensions.worktreeConfig", "true")
    with file.open("a") as config:
        config.write(text.replace("filter", "FilTer") if place == "another case" else text)
    os.utime(repo.root / "a", (1, 1))  # so that git looks into the file
    assert not Repository(repo.root).dirty(repo.root) and not ran.exists()
    repo.git("status")
    assert ran.exists(), "git itself would have run it"


def test_the_owner_of_the_work_tree_is_git_s_to_judge(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A work tree of another user of the machine is refused as git refuses it, with the way to trust it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(SettingsError, match="belongs to another user") as caught:
        Repository(repo.root)
    assert f"safe.directory {repo.root}" in caught.value.hint


def test_a_git_directory_without_a_head_is_passed_over(repo: Repo) -> None:
    """A `.git` that holds nothing, as some tools leave behind, hides no repository."""
    (repo.root / "sub/.git").mkdir(parents=True)
    assert Repository(repo.root / "sub").top == repo.root


def test_a_submodule_can_be_the_project(repo: Repo, tmp_path: Path) -> None:
    """In a submodule the repository is its own, with its git directory where git keeps it."""
    other = Repo(tmp_path / "other")
    other.git("init", "-q", "-b", "trunk")
    other.write("sub/a")
    other.commit()
    repo.git("submodule", "add", "-q", str(other.root), "module")
    found = Repository(repo.root / "module/sub")
    assert (found.top, found.branch()) == (repo.root / "module", "trunk")
    assert found.git_dir == repo.root / ".git/modules/module"
    assert [entry.path for entry in found.entries(repo.root / "module/sub")] == ["a"]


@pytest.mark.parametrize(
    ("value", "ignores"), [("true", True), ("Yes", True), ("1", True), ("false", False), ("", False), (None, False)]
)
def test_ignores_case(repo: Repo, value: str | None, ignores: bool) -> None:
    """Whether the disk tells `A` from `a` is what git found out about it."""
    repo.git("config", "--unset-all", "core.ignorecase", code=5)
    if value is not None:
        repo.git("config", "core.ignorecase", value)
    assert Repository(repo.root).ignores_case() is ignores


def test_a_setting_without_a_value(repo: Repo) -> None:
    """A name alone in git's configuration is a yes, and of two addresses of the origin the last one counts."""
    with (repo.root / ".git/config").open("a") as file:
        file.write('[core]\n\tignorecase\n[remote "origin"]\n\turl = git@one.com:a/b\n\turl = git@two.com:a/b\n')
    repository = Repository(repo.root)
    assert repository.ignores_case() and repository.origin() == {"origin two.com/a/b"}


# --- what identifies a repository -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/team/repo.git",
        "https://github.com/team/repo",
        "https://github.com/team/repo/",
        "https://me:dapi-secret@github.com/team/repo.git",
        "https://me:dapi@secret@github.com/team/repo.git",
        "https://GitHub.com:443/team/repo.git",
        "git@github.com:team/repo.git",
        "ssh://git@github.com:22/team/repo.git",
    ],
)
def test_one_repository_has_one_origin(repo: Repo, url: str) -> None:
    """However it was cloned, a repository is known by host and path, and never by a credential."""
    repo.git("remote", "add", "origin", url)
    assert Repository(repo.root).origin() == {"origin github.com/team/repo"}


def test_azure_devops_has_two_addresses(repo: Repo) -> None:
    """Azure DevOps over ssh and https is one repository."""
    repo.git("remote", "add", "origin", "git@ssh.dev.azure.com:v3/org/project/repo")
    one = Repository(repo.root).origin()
    repo.git("remote", "set-url", "origin", "https://org@dev.azure.com/org/project/_git/repo")
    assert Repository(repo.root).origin() == one


def test_a_repository_of_nowhere(repo: Repo) -> None:
    """Without a remote or a commit nothing identifies it; the first commit does, also for a clone."""
    assert Repository(repo.root).origin() == Repository(repo.root).first_commits() == frozenset()
    repo.commit()
    repo.commit("two")
    subprocess.run(["git", "clone", "-q", str(repo.root), str(repo.root.parent / "clone")], check=True)
    assert len(Repository(repo.root).first_commits()) == 1
    assert Repository(repo.root.parent / "clone").first_commits() == Repository(repo.root).first_commits()


def test_a_shallow_clone_knows_no_first_commit(repo: Repo) -> None:
    """What a shallow clone takes for its first commit is not."""
    repo.commit()
    repo.commit("two")
    clone = repo.root.parent / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{repo.root}", str(clone)], check=True)
    assert Repository(clone).first_commits() == frozenset()


# --- what is carried --------------------------------------------------------------------------------------------------


def test_git_decides_what_is_carried(repo: Repo) -> None:
    """Tracked files and those that are neither tracked nor ignored, wherever the rule stands."""
    for path in ("tracked", "new", "skip.log", "forced.log", "sub/skip.txt", "sub/keep.txt", "build/x", "ex"):
        repo.write(path)
    repo.write(".gitignore", "*.log\nbuild/\n")
    repo.write("sub/.gitignore", "skip.txt\n")
    repo.write(".git/info/exclude", "ex\n")
    repo.git("add", "-f", "tracked", "forced.log")
    found = entries(repo)
    assert {path for path, entry in found.items() if entry.tracked} == {"tracked", "forced.log"}
    assert {path for path, entry in found.items() if not entry.tracked} == {
        *(".gitignore", "new", "sub/.gitignore", "sub/keep.txt"),
    }


@pytest.mark.parametrize(
    "name", ["a b", "ünï", 'q"uote', "tab\tx", "new\nline", "#x", "-x", ":(top)x", "*", "[a]", "\\x"]
)
def test_any_name_is_told_exactly(repo: Repo, name: str) -> None:
    """Names come as they are, whatever git would quote."""
    repo.write(f"sub/{name}")
    assert list(entries(repo, "sub")) == [name]
    repo.git("add", "-A")
    assert list(entries(repo, "sub")) == [name]


def test_a_name_that_is_not_utf8_is_told(repo: Repo) -> None:
    """A name of other bytes comes through as Python shows such names."""
    Path(os.fsdecode(os.fsencode(repo.root) + b"/x\xff")).write_text("")
    assert list(entries(repo)) == ["x\udcff"]


def test_only_what_is_below_the_folder(repo: Repo) -> None:
    """Paths are relative to the folder that was asked about, and only those below it are told."""
    repo.write("a/b/c")
    repo.write("d")
    assert list(entries(repo, "a")) == ["b/c"]


def test_a_deleted_file_is_still_tracked(repo: Repo) -> None:
    """Git goes on telling of a tracked file that was removed; whether it is there is for the disk to say."""
    repo.write("a")
    repo.commit()
    (repo.root / "a").unlink()
    assert entries(repo) == {"a": Entry("a", True)}


def test_a_sparse_checkout_is_marked(repo: Repo) -> None:
    """What a sparse checkout keeps off the disk is told, and told apart."""
    repo.write("in/a")
    repo.write("out/b")
    repo.commit()
    repo.git("sparse-checkout", "set", "in")
    found = entries(repo)
    assert found["in/a"].sparse is False and found["out/b"] == Entry("out/b", True, sparse=True)


def test_a_conflicted_file_is_told_once(repo: Repo) -> None:
    """A file in a merge conflict has three entries in the index, and is one file, of which it is known."""
    conflicting(repo)
    repo.git("merge", "other", code=1)
    assert list(Repository(repo.root).entries(repo.root)) == [Entry("a", True, unmerged=True)]


# --- what would be ignored -------------------------------------------------------------------------------------------


def test_ignored(repo: Repo) -> None:
    """Of paths that do not exist yet, those are told that git would ignore; a tracked one never is."""
    repo.write(".gitignore", "*.log\n/out/\n")
    repo.write("kept.log")
    repo.git("add", "-f", "kept.log")
    paths = ["a.py", "a.log", "out/a.py", "sub/out/a.py", "kept.log", "ü.log", "new\nline.log", ":(top)x", "*"]
    assert Repository(repo.root).ignored(paths) == {"a.log", "out/a.py", "ü.log", "new\nline.log"}
    assert Repository(repo.root).ignored([]) == set()


def test_one_path_behind_a_link_spoils_nothing(repo: Repo) -> None:
    """A path that git cannot judge, behind a link or in a submodule, counts as ignored, and the rest is judged."""
    repo.write(".gitignore", "*.log\n")
    repo.write("real/x")
    (repo.root / "link").symlink_to("real")
    sub = Repo(repo.root.parent / "sub")
    sub.git("init", "-q")
    sub.commit()
    repo.git("submodule", "add", "-q", str(sub.root), "module")
    paths = ["a.py", "link/a.py", "b.py", "c.log", "module/a.py", "d.py"]
    assert Repository(repo.root).ignored(paths) == {"link/a.py", "c.log", "module/a.py"}


# --- what is tracked -------------------------------------------------------------------------------------------------


def test_tracks(repo: Repo) -> None:
    """A file is tracked by its own name, in its own folder; a link is what it is, not what it leads to."""
    for name in ("sub/.env", "[a].env", "team.env", "a.env"):
        repo.write(name)
    repo.git("add", "sub/.env", "[a].env", "team.env")
    (repo.root / "link").symlink_to("team.env")
    found = Repository(repo.root)
    tracked = {name for name in ("sub/.env", "[a].env", "team.env", "a.env", "link") if found.tracks(repo.root / name)}
    assert tracked == {"sub/.env", "[a].env", "team.env"}
    repo.git("add", "link")
    assert found.tracks(repo.root / "link")
    repo.git("rm", "-q", "--cached", "sub/.env")
    assert not found.tracks(repo.root / "sub" / ".env")


def test_tracked_under_another_case(repo: Repo) -> None:
    """Where .ENV and .env are one file, the tracked one is both; where they are two, the other is not tracked."""
    repo.write(".ENV")
    repo.git("add", ".ENV")
    one_file = (repo.root / ".env").exists()
    if not one_file:
        repo.write(".env")
    assert Repository(repo.root).tracks(repo.root / ".env") is one_file
    (repo.root / ".env").unlink()
    os.link(repo.root / ".ENV", repo.root / ".env")  # as such a file system would have it
    assert Repository(repo.root).tracks(repo.root / ".env")


def test_how_far_two_commits_are_apart(repo: Repo) -> None:
    """Git counts the commits that only one of two has; of a commit that it does not have it says nothing."""
    repository = Repository(repo.root)
    assert repository.commit() == "" and repository.apart("0" * 40) is None
    hashes = []
    for message in ("one", "two", "three"):
        repo.commit(message)
        hashes.append(repository.commit())
    assert [repository.apart(commit) for commit in hashes] == [(0, 2), (0, 1), (0, 0)]
    repo.git("checkout", "-q", hashes[0])
    assert repository.apart(hashes[2]) == (2, 0)
    repo.commit("aside")
    assert repository.apart(hashes[2]) == (2, 1) and repository.apart("f" * 40) is None
