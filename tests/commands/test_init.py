"""`to_databricks --init` sets a project up without touching what is there, and says who we are."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import ME, Project

from databricks_sync.cli.init import filled
from databricks_sync.errors import SettingsError

NOBODY: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}


def test_first_time(project: Project) -> None:
    """It writes .env for this workspace, without the token, hides it from git, and says who is connected."""
    ran = project.push("--init")
    assert f"Connected to {project.workspace.host} as {ME}." in ran.out
    assert f"/Users/{ME}/main" in ran.out and "There is no folder notebooks yet" in ran.out
    assert f"DATABRICKS_HOST={project.workspace.host}\n" in project.text(".env")
    assert project.workspace.token not in project.text(".env")
    assert project.git("check-ignore", ".env") == ".env"
    if os.name == "posix":
        assert stat.S_IMODE((project.root / ".env").stat().st_mode) == 0o600


def test_again(project: Project) -> None:
    """What is in .env and .gitignore stays as it is, byte for byte."""
    project.write(".env", "NOTEBOOK_FOLDER=src\n")
    project.write(".gitignore", "*.log")
    project.push("--init")
    before = project.carried()
    ran = project.push("--init")
    assert project.carried() == before
    assert project.text(".gitignore") == "*.log\n.env\n"
    assert project.text(".env") == "NOTEBOOK_FOLDER=src\n" and "was not changed" in ran.out


def test_then_it_works(project: Project) -> None:
    """After it, with the token put into .env and nothing in the environment, a push and a pull work."""
    project.notebook("notebooks/a.py", "print(1)")
    project.push("--init")
    project.write(
        ".env", project.text(".env").replace("#DATABRICKS_TOKEN=", f"DATABRICKS_TOKEN={project.workspace.token}")
    )
    project.run("to_databricks", env=NOBODY)
    assert "1 in sync" in project.run("from_databricks", env=NOBODY).out


@pytest.mark.parametrize(
    ("dotenv", "environ", "folders"),
    [(None, None, '["notebooks"]'), ("NOTEBOOK_FOLDER=src,lib\n", None, '["src", "lib"]'), (None, "./a b/", '["a b"]')],
)
def test_settings_for_everybody(project: Project, dotenv: str | None, environ: str | None, folders: str) -> None:
    """It writes a file for everybody with the folders as they are chosen now, so that the same is synced."""
    if dotenv:
        project.write(".env", dotenv)
    ran = project.push("--init", env={"NOTEBOOK_FOLDER": environ} if environ else {})
    assert "Wrote databricks_sync.toml" in ran.out and f"folders = {folders}\n" in project.text("databricks_sync.toml")
    assert "databricks_sync.toml has the settings of the project, and was not changed." in project.push("--init").out


def test_settings_that_are_there(project: Project) -> None:
    """Settings in pyproject.toml are those of the project, and a .env above it is the login of its projects."""
    project.push("--init")
    inner = Project(project.root / "inner", project.home, project.workspace)
    inner.write("pyproject.toml", "[tool.databricks_sync]\nfolders = ['src']\n")
    ran = inner.push("--init")
    assert f"{project.root / '.env'} exists already and was not changed." in ran.out
    assert "pyproject.toml has the settings of the project" in ran.out and "to push src to" in ran.out
    assert [path.name for path in inner.root.iterdir()] == ["pyproject.toml"]


def test_tracked(project: Project) -> None:
    """A .env that git tracks is pointed out."""
    project.write(".env", "NOTEBOOK_FOLDER=src\n")
    project.commit()
    assert "git rm --cached -f .env" in project.push("--init").out


def test_own_sample(project: Project) -> None:
    """A project's own env.sample is what .env is made of."""
    project.write("env.sample", "# ours\nDATABRICKS_HOST=\nOURS=1\n")
    project.push("--init")
    assert project.text(".env") == f"# ours\nDATABRICKS_HOST={project.workspace.host}\nOURS=1\n"


def test_a_sample_does_not_log_in(project: Project) -> None:
    """A sample came with the repository: what it says of a login is a comment in .env, and the rest is kept."""
    sample = (
        "NOTEBOOK_FOLDER=src\nexport DATABRICKS_HOST=https://theirs.example.com\nDATABRICKS_TOKEN=\n"
        "DATABRICKS_CLI_PATH='./\ntool'\nDATABRICKS_USER=you\n"
    )
    project.write("env.sample", sample)
    ran = project.quick("to_databricks", "--init")
    assert project.text(".env") == (
        "NOTEBOOK_FOLDER=src\n#export DATABRICKS_HOST=https://theirs.example.com\nDATABRICKS_TOKEN=\n"
        f"#DATABRICKS_CLI_PATH='./\n#tool'\nDATABRICKS_USER=you\nDATABRICKS_HOST={project.workspace.host}\n"
    )
    assert "note: env.sample of the repository sets DATABRICKS_CLI_PATH: commented out in .env" in ran.out
    (project.root / ".env").unlink()
    ran = project.quick("to_databricks", "--init", env=NOBODY, code=2)
    assert (
        "env.sample of the repository sets DATABRICKS_HOST and DATABRICKS_CLI_PATH:" in ran.out
        and "No workspace is configured" in ran.err
    )


@pytest.mark.skipif(os.name == "nt", reason="not everybody may make a link there")
def test_gitignore_is_a_link(project: Project, tmp_path: Path) -> None:
    """Nothing is written through a link that came with the repository."""
    (tmp_path / "own").write_text("mine\n")
    (project.root / ".gitignore").symlink_to(tmp_path / "own")
    assert "is a link; replace it with a file" in project.quick("to_databricks", "--init").out
    assert (tmp_path / "own").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("env", "typed"),
    [
        ({"DATABRICKS_HOST": "HOST/?o=7"}, ()),
        ({"DATABRICKS_WORKSPACE_ID": "7"}, ()),
        ({"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None, "DATABRICKS_CONFIG_PROFILE": "it's #1"}, ()),
        ({"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}, ("--profile", "it's #1")),
        ({}, ("--user", "o'neil me@example.com")),
    ],
)
def test_it_takes_what_a_push_takes(project: Project, env: dict[str, str | None], typed: tuple[str, ...]) -> None:
    """Whatever names a workspace for a push does so for this, and the .env that is written says the same."""
    host, token = project.workspace.host, project.workspace.token
    (project.home / ".databrickscfg").write_text(f"[it's #1]\nhost = {host}\ntoken = {token}\n")
    env = {name: value and value.replace("HOST", host) for name, value in env.items()}
    project.notebook("notebooks/a.py", "1")
    pushed = project.push("--dry-run", *typed, env=env).out.splitlines()[0]
    project.push("--init", *typed, env=env)
    if "\nDATABRICKS_CONFIG_PROFILE=" not in (text := project.text(".env")):
        project.write(".env", text.replace("#DATABRICKS_TOKEN=", f"DATABRICKS_TOKEN={token}"))
    assert project.push("--dry-run", env=NOBODY).out.splitlines()[0] == pushed


def test_no_workspace(project: Project) -> None:
    """A workspace that cannot be reached is said in one sentence, and .env is there to be corrected."""
    ran = project.push("--init", code=4, env={"DATABRICKS_HOST": "http://127.0.0.1:9"})
    assert "cannot be reached" in ran.err and "`to_databricks --init` again" in ran.err
    assert "DATABRICKS_HOST=http://127.0.0.1:9\n" in project.text(".env")


def test_no_workspace_to_log_in_to(project: Project) -> None:
    """The same without a token, before anybody asks for five minutes how one logs in there."""
    ran = project.push(code=4, env={"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": None})
    assert "http://127.0.0.1:9 cannot be reached" in ran.err


def test_no_repository(project: Project, tmp_path: Path) -> None:
    """Outside of a git repository nothing is written."""
    (tmp_path / "bare").mkdir()
    ran = project.quick("to_databricks", "--init", code=2, cwd=tmp_path / "bare")
    assert "`git init`" in ran.err and not list((tmp_path / "bare").iterdir())


def test_json(project: Project) -> None:
    """A program is told the host, the user and the target."""
    ran = project.push("--init", "--json")
    [connected], [ready] = ran.all("connected"), ran.all("ready")
    assert (connected["user"], ready["target"]) == (ME, f"/Users/{ME}/main")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"A": "1"}, "# a\nA=1\nB=2\n"),
        ({"B": None}, "# a\n#A=x\n#B=\n"),
        ({"C": "you@example.com"}, "# a\n#A=x\nB=2\nC=you@example.com\n"),
        ({"C": None}, "# a\n#A=x\nB=2\n"),
        ({"A": r"\1"}, "# a\nA='\\\\1'\nB=2\n"),
        ({"A": "https://x/?o=1"}, "# a\nA='https://x/?o=1'\nB=2\n"),
        ({"A": "x\nTOKEN=1"}, None),
    ],
)
def test_filled(values: dict[str, str | None], text: str | None) -> None:
    """Variables are set, commented out or added, and nothing else can be written with them."""
    sample = "# a\n#A=x\nB=2\n"
    if text is None:
        with pytest.raises(SettingsError):
            filled(sample, values)
    else:
        assert filled(sample, values) == text


def test_sample() -> None:
    """The sample that is installed is the one at the top of the project."""
    top = Path(__file__).resolve().parents[2]
    assert (top / "env.sample").read_bytes() == (top / "databricks_sync" / "env.sample").read_bytes()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(project: Project, shell: str) -> None:
    """Each shell gets a script of its own that asks the command itself."""
    assert "_TO_DATABRICKS_COMPLETE=" in project.quick("to_databricks", "--completion", shell).out


def test_completed(project: Project) -> None:
    """Bash completes options, branches from git, and the targets that the project names."""
    project.write("databricks_sync.toml", "[targets.qa]\n[targets.prod]\n")
    project.commit()
    project.git("branch", "feature/maps")
    binary = project.home / "to_databricks"
    binary.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.argv[0] = \"to_databricks\"; "
                      "from databricks_sync.to_databricks import main; main()' \"$@\"\n")  # fmt: skip
    binary.chmod(0o755)

    def completed(words: str, number: int) -> list[str]:
        env = {
            **project.env,
            "_TO_DATABRICKS_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(number),
        }
        said = subprocess.run([binary], cwd=project.root, env=env, capture_output=True, text=True, check=True)
        return [line.partition(",")[2] for line in said.stdout.splitlines()]

    assert completed("to_databricks --ov", 1) == ["--overwrite"]
    assert completed("to_databricks --branch fe", 2) == ["feature/maps"]
    assert completed("to_databricks --to q", 2) == ["qa"]
