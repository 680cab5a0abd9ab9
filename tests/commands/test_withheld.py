"""What others wrote is never code: what comes with a pull, or lies in a clone, makes no tool of the person run it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.project import Person, Project
from support.traps import bare_files, bare_repository

from databricks_sync.cli.completion import branches

TOOLS = (
    *(".github/workflows/ci.yml", ".vscode/tasks.json", ".devcontainer/devcontainer.json"),
    ".husky/pre-commit",
    *(".pre-commit-config.yaml", ".gitattributes", ".gitmodules", "Jenkinsfile", "ops/azure-pipelines.yml"),
)
SECRETS = (".env.prod", ".envrc", ".databrickscfg", ".netrc", "keys/server.pem", "keys/id_rsa")


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


def test_a_project_of_a_monorepo_becomes_no_repository(project: Project, person: Person, ran: Path) -> None:
    """Where the project itself is carried, below the top of the repository, it is not made one of its own."""
    project.notebook("team/project/a.py", "print(1)")
    project.commit()
    inside = Project(project.root / "team/project", project.home, project.workspace)
    inside.env |= {"NOTEBOOK_FOLDER": ".", "PROJECT_FOLDER": "."}
    inside.push()
    for name, text in bare_files(ran).items():
        person.put(name, text)
    person.edit("b", "print(2)")
    assert "! . would look like a git repository" in inside.pull(code=1).out
    everything(inside)
    assert set(inside.files(".")) == {"a.py", "b.py"}
    prompt(inside, inside.root)


def test_completion_is_not_led_there(project: Project, ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that a shell completes come from the repository of the project, though nobody has typed a command."""
    project.notebook("notebooks/a.py", "print(1)")
    project.commit()
    bare_repository(project.root / "notebooks", ran)
    monkeypatch.chdir(project.root / "notebooks")
    assert [one.value for one in branches(None, None, "ma")] == ["main"]  # type: ignore[arg-type]


# --- what tools run by themselves ---------------------------------------------------------------------------------


@pytest.fixture
def whole(project: Project) -> Project:
    """A project that is carried as a whole, in sync with the workspace."""
    project.env["NOTEBOOK_FOLDER"] = "."
    project.notebook("etl/a.py", "print(1)")
    project.push()
    return project


@pytest.mark.parametrize("options", [(), (".",), ("--overwrite",), ("--merge",)])
def test_no_new_file_of_a_tool_comes_unasked(whole: Project, person: Person, options: tuple[str, ...]) -> None:
    """A pull leaves each new file that tools run by themselves where it is, and says how to have it."""
    for name in TOOLS:
        person.put(name, "run me")
    person.put("ops/x.csv", "1")
    person.put("ops/.gitkeep")
    pulled = whole.pull(*options)
    assert whole.read("ops/x.csv") == b"1" and (whole.root / "ops/.gitkeep").exists()
    for name in TOOLS:
        assert not (whole.root / name).exists() and f"? {name} is new, and tools may run it" in pulled.out
        assert f"Type `from_databricks {name}` to sync it" in pulled.out


@pytest.mark.parametrize("name", [TOOLS[0], TOOLS[-1]])
def test_the_hint_of_a_tool_s_file_leads_out(whole: Project, person: Person, name: str) -> None:
    """Named once, as the note says, such a file comes, and from then on like any other."""
    person.put(name, "run me")
    hint = next(one["hint"] for one in whole.pull("--json").all("plan") if one["key"] == name)
    command, *typed = hint.split("`")[1].split()
    whole.quick(command, *typed)
    assert whole.text(name) == "run me"
    person.put(name, "run me again")
    whole.pull()
    assert whole.text(name) == "run me again"
    whole.at_rest()


def test_a_folder_that_is_named(whole: Project, person: Person) -> None:
    """The folder that makes a file such a one names it; one around it does not, nor does another one in it."""
    person.put("sub/.github/workflows/ci.yml", "run me")
    for path in (".", "sub"):
        whole.pull(path)
        assert not (whole.root / "sub/.github").exists()
    whole.pull("sub/.github/other", code=2)
    whole.pull("sub/.github")
    assert whole.text("sub/.github/workflows/ci.yml") == "run me"


def test_a_tool_s_file_is_pushed(whole: Project, person: Person) -> None:
    """What is hidden here is the person's own, and carried as before; deleted here it does not come back unasked."""
    whole.write(".github/workflows/ci.yml", "mine")
    whole.push()
    assert person.file(".github/workflows/ci.yml") == b"mine"
    person.put(".github/workflows/ci.yml", "theirs")
    whole.pull()
    assert whole.text(".github/workflows/ci.yml") == "theirs"


# --- credentials --------------------------------------------------------------------------------------------------


def test_no_credential_is_pushed_unasked(pushed: Project, person: Person) -> None:
    """Keys and logins in the folder stay here, also for a mirror, and a note says how to carry them."""
    before = person.names()
    for name in SECRETS:
        pushed.write(f"notebooks/{name}", "secret")
    for options in ((), ("--overwrite",), ("--mirror",), ("notebooks",)):
        ran = pushed.push(*options)
        assert person.names() == before
        for name in SECRETS:
            assert f"? notebooks/{name} may contain a credential" in ran.out
            assert f"Type `to_databricks notebooks/{name}` to sync it, or add it to .gitignore." in ran.out
    pushed.push("notebooks/keys/server.pem")
    assert person.file("keys/server.pem") == b"secret"
    pushed.write("notebooks/keys/server.pem", "another")
    pushed.push()
    assert person.file("keys/server.pem") == b"another" and person.names() == {*before, "keys/server.pem"}


def test_no_credential_is_pulled_unasked(pushed: Project, person: Person) -> None:
    """Nor do they come from the workspace, replace one that is here, or go where a mirror removes what is not here."""
    for name in SECRETS:
        person.put(name, "theirs")
    pushed.write("notebooks/.netrc", "mine")
    for options in ((), ("--overwrite",)):
        ran = pushed.pull(*options)
        assert ran.out.count("may contain a credential") == len(SECRETS)
    assert pushed.text("notebooks/.netrc") == "mine" and not (pushed.root / "notebooks/keys").exists()
    pushed.push("--mirror")
    assert set(SECRETS) <= person.names() and person.file(".netrc") == b"theirs"
    pushed.pull("notebooks/keys/id_rsa")
    assert pushed.text("notebooks/keys/id_rsa") == "theirs"


def test_a_credential_that_both_sides_have_is_not_taken_up(pushed: Project, person: Person) -> None:
    """The same bytes on both sides are no word of the person's: a later edit of them is not carried either."""
    person.put(".netrc", "same")
    pushed.write("notebooks/.netrc", "same")
    pushed.push()
    pushed.write("notebooks/.netrc", "mine")
    assert "may contain a credential" in pushed.push().out and person.file(".netrc") == b"same"
