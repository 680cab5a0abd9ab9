"""Commands that are typed somewhere inside a project, or in the wrong place."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.project import Person, Project, until

NOBODY: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}
DANGEROUS = ("--allow-empty", "--max-delete", "--mirror", "deleted here")


@pytest.mark.parametrize("stands", ["notebooks", "notebooks/etl/deep", "src"])
def test_a_subfolder_is_the_project(pushed: Project, stands: str) -> None:
    """In a subfolder both commands carry the project, say which one, and find nothing to do where there is nothing."""
    where = pushed.root / stands
    where.mkdir(exist_ok=True)
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, cwd=where)
        assert "nothing to do" in ran.out and not any(word in ran.said for word in DANGEROUS)
        assert ran.err == f"note: Using the project in {pushed.root}.\n"
        assert pushed.quick(command, "--json", cwd=where).all("note") == [
            {"event": "note", "message": f"Using the project in {pushed.root}."}
        ]
        assert pushed.quick(command).err == ""


def test_settings_are_found_from_inside(project: Project, person: Person) -> None:
    """A .env at the top of the project counts in its folders too, and none that is above the repository."""
    project.notebook("notebooks/a.py", "print(1)")
    login = f"DATABRICKS_HOST={project.workspace.host}\nDATABRICKS_TOKEN={project.workspace.token}\n"
    inside, above = project.root / "notebooks", project.root.parent / ".env"
    above.write_text(login)
    assert "--init" in project.push(cwd=inside, env=NOBODY, code=2).err
    above.unlink()
    project.write(".env", login)
    project.push(cwd=inside, env=NOBODY)
    assert person.names() == {"a"}


def test_another_project_s_settings_are_pointed_out(project: Project) -> None:
    """In a project without settings, below one that has them, the way to its own ones is told, and leads out."""
    project.write(".env", f"DATABRICKS_HOST={project.workspace.host}\n")
    project.notebook("team/notebooks/a.py", "print(1)")
    team = project.root / "team"
    assert f"The .env in {project.root} belongs to another project" in project.push(cwd=team, env=NOBODY, code=2).err
    project.push("--init", cwd=team)
    assert (team / ".env").is_file()


def test_a_fresh_clone_is_pulled_into_its_top(pushed: Project) -> None:
    """A first pull in a subfolder, with or without notebooks in the clone, writes where the notebooks belong."""
    clone = pushed.clone()
    clone.pull(cwd=clone.root / "notebooks")
    assert clone.names() == pushed.names()
    fresh = Project(clone.home / "fresh", clone.home, clone.workspace)
    fresh.git("init", "-q", "-b", "main")
    (fresh.root / "src").mkdir()
    fresh.pull(cwd=fresh.root / "src")
    assert fresh.names() == pushed.names() and not (fresh.root / "src" / "notebooks").exists()


def test_paths_are_those_of_the_current_folder(pushed: Project, person: Person) -> None:
    """PATHS are relative to where they are typed, and so is every path in a command that is proposed."""
    here = pushed.root / "notebooks" / "etl"
    for name in ("etl/load", "etl/clean"):
        pushed.notebook(f"notebooks/{name}.py", "print('mine')", "print(2)")
        person.edit(name, "print('theirs')", "print(2)")
    ran = pushed.push("load.py", cwd=here, code=1)
    assert "clean" not in ran.out and "! notebooks/etl/load.py" in ran.out
    proposed = re.search(r"to keep the local version: +(.*)", ran.out)
    assert proposed is not None
    command, *typed = shlex.split(proposed[1])
    assert typed == ["--overwrite", "../../notebooks/etl/load.py"]
    assert "1 updated" in pushed.quick(command, *typed, cwd=here).out
    assert person.read("etl/load") == pushed.read("notebooks/etl/load.py")


def test_a_path_that_is_none_is_told_from_where(pushed: Project) -> None:
    """A path as the plan shows it, typed in a subfolder, is told how it is typed there."""
    ran = pushed.push("notebooks/a.py", cwd=pushed.root / "notebooks", code=2)
    assert "Give paths as the plan shows them, after ../: " in ran.err
    assert "1 in sync" in pushed.push("../notebooks/a.py", cwd=pushed.root / "notebooks").out


def test_the_wrong_place_is_no_reason_to_delete(pushed: Project, person: Person) -> None:
    """A folder with settings but no notebooks, beside a project that has them, is called the wrong place."""
    before = person.names()
    pushed.write("app/.env", "DATABRICKS_USER=me@example.com\n")
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, cwd=pushed.root / "app", code=(2, 3))
        assert not any(word in ran.said for word in DANGEROUS), ran.said
    assert f"There is one in {pushed.root}: run the command there" in pushed.push(cwd=pushed.root / "app", code=2).err
    assert person.names() == before


def test_a_folder_that_is_gone_is_still_told(pushed: Project) -> None:
    """Where the notebooks really are gone, the valve says so, from wherever it is typed."""
    (pushed.root / "src").mkdir()
    (pushed.root / "notebooks").rename(pushed.root.parent / "moved")
    for where in (pushed.root, pushed.root / "src"):
        assert "The notebooks folder is missing" in pushed.push(cwd=where, code=3).err


def test_local_from_inside(project: Project, tmp_path: Path) -> None:
    """The same with --local: the second time, from a subfolder, there is nothing to do."""
    project.notebook("notebooks/a.py", "print(1)")
    env = {**NOBODY, "DATABRICKS_LOCAL_DIR": str(tmp_path / "own")}
    project.push("--local", env=env)
    assert "nothing to do" in project.push("--local", cwd=project.root / "notebooks", env=env).out
    assert "nothing to do" in project.pull("--local", cwd=project.root / "notebooks", env=env).out


def test_a_watch_says_where_it_is(pushed: Project) -> None:
    """A watch in a subfolder follows the project, and says once which one."""
    watching = pushed.start("to_databricks", "--watch", "--json", cwd=pushed.root / "notebooks")
    try:
        assert watching.stdout is not None
        seen: list[bytes] = []
        until(lambda: seen.append(watching.stdout.readline()) or b'"watching"' in seen[-1])  # type: ignore[union-attr, func-returns-value]
        assert sum(b"Using the project in" in line for line in seen) == 1
    finally:
        watching.kill()
        watching.communicate()


@pytest.mark.parametrize(
    ("folders", "stands", "writes"), [(["src"], "src", "."), (["team/notebooks"], "team/notebooks", "team")]
)
def test_init_writes_where_the_project_is(project: Project, folders: list[str], stands: str, writes: str) -> None:
    """--init writes to the project that is found, else to the top of the repository, and says where."""
    for folder in folders:
        (project.root / folder).mkdir(parents=True)
    ran = project.quick("to_databricks", "--init", cwd=project.root / stands)
    home = (project.root / writes).resolve()
    assert f"Wrote {home / '.env'}; " in ran.out and f"Added .env to {home / '.gitignore'}." in ran.out
    assert (home / ".env").is_file() and not (project.root / stands / ".env").exists()
    again = project.quick("to_databricks", "--init", cwd=project.root / stands)
    assert f"{home / '.env'} exists already" in again.out


def test_init_says_it_of_a_tracked_dotenv_once(project: Project) -> None:
    """A tracked .env is pointed out with what to type where one stands, and .gitignore does not grow each time."""
    project.write(".env", "NOTEBOOK_FOLDER=src\n")
    project.commit()
    inside = project.root / "src"
    inside.mkdir()
    for _ in range(2):
        assert "type `git rm --cached -f ../.env`" in project.quick("to_databricks", "--init", cwd=inside).out
    assert project.text(".gitignore") == ".env\n"
