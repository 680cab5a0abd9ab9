"""What others wrote is never code: what comes with a pull, or lies in a clone, makes no tool of the person run it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sync.traps import bare_files, bare_repository

from databricks_sync.completion import branches

from .world import Person, Project


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Path]:
    """The file that a stranger's program would make; it is never made."""
    yield tmp_path / "ran"
    assert not (tmp_path / "ran").exists()


def prompt(project: Project, folder: Path) -> str:
    """What the git of the person's prompt says in a folder."""
    done = subprocess.run(["git", "status", "--porcelain"], cwd=folder, env=project.env, capture_output=True, text=True)
    return done.stdout + done.stderr


def everything(project: Project, code: int = 0) -> None:
    """Every command, as somebody types them all."""
    for command in ("to_databricks", "from_databricks"):
        for options in (("--dry-run",), (), ("--overwrite",)):
            project.quick(command, *options, code=(code, 1))


# --- what looks like a git directory ------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "etl", "new/deep"])
def test_a_pull_makes_no_git_directory(pushed: Project, person: Person, ran: Path, folder: str) -> None:
    """A folder that git would take for a repository is refused in one sentence; the rest comes, and nothing is run."""
    for name, text in bare_files(ran).items():
        person.put(f"{folder}/{name}".lstrip("/"), text)
    person.put("data2.csv", "1")
    place = f"notebooks/{folder}".rstrip("/")
    pulled = pushed.pull(code=1)
    assert pulled.out.count("would look like a git repository") == 1 and f"! {place} would" in pulled.out
    assert "1 created, 1 refused" in pulled.out and pushed.read("notebooks/data2.csv") == b"1"
    assert not {"HEAD", "config", "objects", "refs"} & {one.name for one in (pushed.root / place).glob("*")}
    everything(pushed)
    for where in (pushed.root / place, pushed.root / "notebooks"):
        prompt(pushed, where if where.exists() else pushed.root)


def test_a_git_directory_in_two_pulls(pushed: Project, person: Person, ran: Path) -> None:
    """What came with one pull, or lies there though nobody carries it, is no half of a repository for the next one."""
    files = bare_files(ran)
    person.put("x/HEAD", files["HEAD"])
    pushed.write("notebooks/x/refs/here", "")
    pushed.write(".gitignore", "refs/\n")
    pushed.pull()
    person.put("x/objects/y", "")
    assert "! notebooks/x would look like a git repository" in pushed.pull(code=1).out
    assert not (pushed.root / "notebooks/x/objects").exists()


def test_a_git_directory_is_not_armed(pushed: Project, person: Person, ran: Path) -> None:
    """The configuration of a repository that lies there as data is not replaced by what the workspace holds."""
    for name, text in bare_files(ran).items():
        pushed.write(f"notebooks/data.git/{name}", "[core]\n" if name == "config" else text)
    pushed.push()
    person.put("data.git/config", bare_files(ran)["config"])
    assert "would look like a git repository" in pushed.pull("--overwrite", code=1).out
    assert pushed.text("notebooks/data.git/config") == "[core]\n"
    prompt(pushed, pushed.root / "notebooks/data.git")


@pytest.mark.parametrize("trap", ["team/project", "team", "team/project/notebooks", "team/project/notebooks/etl"])
@pytest.mark.parametrize("carried", [".", "notebooks"])
def test_a_hostile_clone_runs_nothing(project: Project, person: Person, ran: Path, trap: str, carried: str) -> None:
    """In a project below the top, wherever a git directory seems to lie, no command runs what its config says."""
    project.notebook("team/project/notebooks/etl/a.py", "print(1)")
    bare_repository(project.root / trap, ran)
    project.commit()
    inside = Project(project.root / "team/project", project.home, project.workspace)
    inside.env["NOTEBOOK_FOLDER"] = carried
    everything(inside)
    assert any(name.endswith("etl/a") for name in person.names())


def test_completion_is_not_led_there(project: Project, ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that a shell completes come from the repository of the project, though nobody has typed a command."""
    project.notebook("notebooks/a.py", "print(1)")
    project.commit()
    bare_repository(project.root / "notebooks", ran)
    monkeypatch.chdir(project.root / "notebooks")
    assert [one.value for one in branches(None, None, "ma")] == ["main"]  # type: ignore[arg-type]
