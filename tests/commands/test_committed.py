"""Settings that a project commits: which files are synced, where to, and named targets."""

from __future__ import annotations

import pytest
from support.project import HOME, Person, Project, notebook

from databricks_sync.local.git import Repository

QA = "/Shared/qa"
MIRROR = f"[targets.qa]\ntarget = '{QA}'\nmirror = true\n"


def committed(project: Project, text: str, name: str = "databricks_sync.toml") -> Project:
    project.write(name, text)
    return project


# --- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("/Users/{user}/{project}-{branch}", f"{HOME}/repo-main"),
        ("/Users/{user}/work/{branch}/{project}", f"{HOME}/work/main/repo"),
    ],
)
def test_the_target_of_a_branch(one: Project, person: Person, pattern: str, target: str) -> None:
    """A branch goes where the pattern says, there and back; --target is stronger."""
    one.set_origin("https://token@example.com/team/repo.git")
    committed(one, f"target = '{pattern}'\n")
    assert target in one.push().out and person.at(target).names()
    assert target in one.pull().out
    assert "/main-2 " in one.push("--target", f"{HOME}/main-2").out and person.at(f"{HOME}/main-2").names()
    one.at_rest()


def test_projects_do_not_meet(project: Project, person: Person) -> None:
    """The name of a project holds that of its folder; without a remote repository that of the work tree is taken."""
    inner = Project(project.root / "germany", project.home, project.workspace)
    inner.notebook("notebooks/a.py", "print(1)")
    committed(inner, "target = '/Users/{user}/{project}-{branch}'\n")
    inner.git("checkout", "-qb", "feature/a")
    inner.push()
    [folder] = (
        person.at(HOME).tree().keys() - {".databricks_sync"} - {name for name in person.at(HOME).tree() if "/" in name}
    )
    assert folder.startswith("project-germany-feature-a-")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("/Users/{user}/../boss@example.com/{branch}", "cannot be used: '..' is not a valid name"),
        ("/Users/{user}/.databricks_sync/{branch}", "where this tool keeps its own files"),
        ("/Users/{user}/a\\\\b/{branch}", "contains a backslash"),
    ],
)
def test_a_hostile_target(one: Project, pattern: str, said: str) -> None:
    """A pattern leads out of nobody's home."""
    committed(one, f'target = "{pattern}"\n')
    ran = one.push(code=2)
    assert said in ran.err and not ran.writes


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/Users/boss@example.com/{branch}", "is in the home folder of boss@example.com"),
        ("/Users/{branch}/x", "is in the home folder of main"),
        ("/Users/boss@example.com", "is a protected folder"),
        ("/Shared", "is a protected folder"),
        ("/", "is a protected folder"),
        ("/Repos/{user}/x", "is in /Repos"),
        ("/users/boss@example.com/x", "is spelled /Users/boss@example.com/x"),
        ("/Workspace/Users/boss@example.com/x", "is in the home folder of boss@example.com"),
    ],
)
def test_a_hostile_named_target(one: Project, target: str, said: str) -> None:
    """A named target is nobody else's home, and no folder that is protected."""
    committed(one, f"[targets.qa]\ntarget = '{target}'\nmirror = true\n")
    for run in (one.push, one.pull):
        ran = run("--to", "qa", code=2)
        assert said in ran.err and not ran.carried


def test_a_named_target(one: Project, person: Person) -> None:
    """--to names it for a run of either direction, for --status and --check, and --target another folder there."""
    committed(one, MIRROR)
    one.push("--to", "qa")
    qa = person.at(QA)
    qa.edit("a", "print('theirs')")
    assert QA in one.push("--to", "qa", "--status").out
    assert one.push("--to", "qa", "--check", code=1).out
    one.notebook("notebooks/a.py", "print('mine')")
    assert "from_databricks --to qa --overwrite notebooks/a.py" in one.pull("--to", "qa", code=1).out
    one.pull("--to", "qa", "--overwrite")
    assert one.text("notebooks/a.py") == notebook("print('theirs')")
    one.push("--to", "qa", "--check")
    other = person.at("/Shared/other")
    other.put("mine.txt", "mine")
    one.push("--to", "qa", "--target", "/Shared/other")
    assert other.names() == {"a", "mine.txt"}  # the mirror is of the folder that was committed


def test_a_detached_head_needs_a_target_without_a_branch(one: Project, person: Person) -> None:
    """CI may push a named target that is no branch's."""
    committed(one, MIRROR).commit()
    one.git("checkout", "-q", "--detach")
    one.push("--to", "qa")
    assert person.at(QA).names() == {"a"}


# --- mirrors ---------------------------------------------------------------------------------------------------------


def test_what_is_committed_destroys_nothing(one: Project, person: Person) -> None:
    """In a folder that nobody pushed from here, a mirror of the settings overwrites and deletes nothing."""
    qa = person.at(QA)
    qa.edit("a", "print('theirs')")
    qa.edit("b", "print('theirs')")
    committed(one, MIRROR)
    for options, code in (((), 3), (("--dry-run",), 3), (("--overwrite",), 3)):
        ran = one.push("--to", "qa", *options, code=code)
        assert "only the settings of the project make it a mirror" in ran.err and not ran.writes
    one.push("--to", "qa", "--mirror")
    assert qa.names() == {"a"} and len(one.backups()) == 2
    qa.edit("b", "print('theirs')")
    one.push("--to", "qa")  # by now it is known to be ours
    assert qa.names() == {"a"}


def test_patterns_do_not_empty_a_mirror(project: Project, person: Person) -> None:
    """Who commits that everything is excluded makes no mirror delete it: the safety checks stop that."""
    for name in "abcdefgh":
        project.notebook(f"notebooks/{name}.py", f"print('{name}')")
    committed(project, MIRROR)
    project.push("--to", "qa")
    for pattern in ("*", "notebooks/", "[a-e].py"):
        committed(project, f"exclude = ['{pattern}']\n{MIRROR}")
        assert not project.push("--to", "qa", code=(0, 3)).carried
        assert not project.push("--to", "qa", code=3).carried
    assert len(person.at(QA).names()) == 8


@pytest.mark.parametrize("options", [("--watch",), ("notebooks/a.py",)])
def test_a_mirror_is_one_run_of_everything(one: Project, options: tuple[str, ...]) -> None:
    """A mirror of the settings can be no watch and be about no single paths, as one that is typed cannot."""
    committed(one, MIRROR)
    assert "is a mirror, which is one run on the whole folder" in one.push("--to", "qa", *options, code=2).err


# --- patterns --------------------------------------------------------------------------------------------------------


def test_patterns(project: Project, person: Person) -> None:
    """What is excluded stays on its side, tracked or not; what git ignores and is included is synced both ways."""
    project.notebook("notebooks/a.py", "print(1)")
    for path in ("notebooks/data.csv", "notebooks/scratch/x.py", "notebooks/dist/lib.whl", "notebooks/dist/.env"):
        project.write(path, "x")
    project.write(".gitignore", "dist/\n")
    project.commit()
    committed(project, "exclude = ['*.csv', 'scratch/']\ninclude = ['notebooks/dist/*']\n")
    project.push()
    assert person.names() == {"a", "dist/lib.whl"}
    person.put("dist/new.whl", "new")
    person.put("more.csv", "more")
    person.put("scratch/y.py", "y")
    ran = project.pull()
    assert project.read("notebooks/dist/new.whl") == b"new"
    assert not (project.root / "notebooks/more.csv").exists() and not (project.root / "notebooks/scratch/y.py").exists()
    assert "more.csv is ignored by the settings of the project" in " ".join(ran.said.split()), ran.said
    project.at_rest()


def test_a_pattern_takes_no_secret_along(project: Project, person: Person) -> None:
    """What git ignores and holds a credential is not pushed because somebody commits a pattern, but if it is named."""
    token = "dapi" + "0123456789abcdef" * 2
    project.write(".gitignore", "*.ini\n")
    for path in ("notebooks/own.ini", "notebooks/.env.prod", "notebooks/seen.txt"):
        project.write(path, f"token = {token}\n")
    committed(project, f"include = ['*']\n{MIRROR}")
    for options in ((), ("--to", "qa")):
        assert "is ignored by git and contains what looks like a credential" in project.push(*options).out
    assert person.names() == person.at(QA).names() == {"seen.txt"}  # of which the push says that it holds one
    project.push("notebooks/own.ini")
    assert person.names() == {"seen.txt", "own.ini"}
    project.write("notebooks/own.ini", f"token = {token}\nmore = 1\n")
    assert "1 updated" in project.push().out


def test_what_is_excluded_later_stays_on_both_sides(pushed: Project, person: Person) -> None:
    """What was synced and is excluded by now is deleted on neither side, and comes back into sync where it is not."""
    committed(pushed, "exclude = ['notebooks/etl/', 'data']\n")
    before, there = pushed.carried(), person.names()
    for run in (pushed.push, pushed.pull):
        assert not run().writes
    assert (pushed.carried(), person.names()) == (before, there)
    committed(pushed, "")
    assert not pushed.push().carried
    pushed.at_rest()


def test_a_repository_has_a_name(project: Project) -> None:
    """The last part of its address, without a credential; or that of its folder."""
    for url, name in (
        ("https://user:secret@example.com", "example.com"),
        ("git@github.com:team/bikes.git", "bikes"),
        ("https://dev.azure.com/org/project/_git/bikes/", "bikes"),
        (r"C:\repos\bikes.git", "bikes"),
        ("", project.root.name),
    ):
        project.git("config", "remote.origin.url", url)
        assert Repository(project.root).name() == name


def test_removing_where_the_settings_lead(one: Project, person: Person) -> None:
    """A removal finds the folders of the project's own pattern, and is no mirror because a named target is one."""
    committed(one, "target = '/Users/{user}/work/{branch}'\n" + MIRROR)
    one.git("add", "-A")
    one.git("commit", "-qm", "first")
    one.git("checkout", "-qb", "over")
    one.push()
    one.push("--to", "qa", "--mirror")
    one.git("checkout", "-q", "main")
    one.git("branch", "-D", "over")
    assert f"{HOME}/work/over" in one.push("--remove", "--merged").out
    assert "over" not in person.at(f"{HOME}/work").names()
    person.at(QA).put("theirs.txt", "theirs")
    one.push("--to", "qa", "--remove", code=1)
    assert person.at(QA).names() == {"theirs.txt"}
