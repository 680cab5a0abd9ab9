"""`mlflow_hooks` as it is typed: help, exit codes, sentences for people, lines for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.project import called

from mlflow_hooks.cli import main, mlflow_hooks

from .work import FILES, HOOK, MLPROJECT, URL, git, repository, write

COMMANDS = mlflow_hooks.commands
PLACES = ("notebooks/{}.py", "jobs/{}.json", "bundle/{}.yml")


def typed(cwd: Path, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command from its start to its end, in this process: a Python of its own costs ten times as much."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "MLFLOW_"))}
    given = ["mlflow_hooks", *words]
    done = subprocess.CompletedProcess(
        given, *called(main, given, cwd, {**kept, "HOME": str(cwd / "none"), **environment})
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(tmp_path: Path, name: str) -> None:
    """Every command explains itself, its exit codes and each of its options."""
    told = typed(tmp_path, *name.split(), "--help").stdout
    assert told.startswith("Usage: ")
    if name:
        assert "Exit codes: 0 " in told
        options = [one for one in COMMANDS[name].params if isinstance(one, click.Option)]
        assert all(one.help and max(one.opts, key=len) in told for one in options)
        assert "--json" in told


def test_help_is_quick(tmp_path: Path) -> None:
    """Asking for help imports nothing that takes time."""
    code = (
        "import sys\nfrom mlflow_hooks import cli\n"
        "heavy = {'mlflow', 'pydantic', 'yaml', 'urllib3', 'rich', 'databricks.sdk'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_check_for_people(root: Path) -> None:
    """Findings are lines as compilers write them, with a closing count; only errors fail, unless with --strict."""
    told = typed(root, "check")
    assert told.stdout == "1 hook: nothing wrong\n"
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("tag: v1.0", "branch: main")})
    told = typed(root, "check", "Demo")
    assert told.stdout.startswith("projects/Demo/hook.yml:4: warning: ") and told.stdout.endswith(": 1 warning\n")
    typed(root, "check", "--strict", code=1)
    write(root / "projects" / "Demo", {"MLproject": MLPROJECT.replace("{word}", "{wird}")})
    told = typed(root, "check", code=1)
    assert "projects/Demo/MLproject:9: error: " in told.stdout
    assert told.stdout.endswith("1 hook: 1 error, 2 warnings\n")


def test_check_for_programs(root: Path) -> None:
    """With --json each finding is an object, closed by a summary with the exit code."""
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("0 0 6 * * ?", "0 6 * * *")})
    finding, summary = map(json.loads, typed(root, "check", "--json", code=1).stdout.splitlines())
    assert (finding["file"], finding["line"], finding["severity"]) == ("projects/Demo/hook.yml", 9, "error")
    assert finding["remedy"] == 'Write "0 0 6 * * ?".'
    assert summary == {"event": "summary", "hooks": 1, "errors": 1, "warnings": 0, "exit_code": 1}


def test_generate(root: Path) -> None:
    """What is generated is listed; a second time nothing is, and --check agrees until hook.yml changes."""
    files = {f"hooks/{place.format('mlflow_demo_hook')}" for place in PLACES}
    told = typed(root, "generate")
    assert {line.removeprefix("+ file ") for line in told.stdout.splitlines()[:-1]} == files
    assert all((root / name).is_file() for name in files)
    assert typed(root, "generate").stdout == "3 in sync\n" == typed(root, "generate", "--check").stdout
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("0 0 6", "0 0 7")})
    told = typed(root, "generate", "--check", code=1)
    assert "~ file hooks/jobs/mlflow_demo_hook.json" in told.stdout and "3 to be updated" in told.stdout


def test_schema(root: Path) -> None:
    """`schema` writes what editors complete from, and replaces an older one."""
    path = root / "projects" / "hook.schema.json"
    for present, change in ((None, "+ file"), ("{}", "~ file"), ("same", "1 in s")):
        if present == "{}":
            path.write_text(present)
        assert typed(root, "schema").stdout.startswith(change)
        assert json.loads(path.read_text())["title"] == "hook.yml"


def test_edited_by_hand(root: Path) -> None:
    """A generated file that somebody edited is not replaced, except with --force."""
    typed(root, "generate")
    notebook = root / "hooks" / "notebooks" / "mlflow_demo_hook.py"
    notebook.write_text(notebook.read_text() + "\n# mine\n")
    told = typed(root, "generate", code=1)
    assert told.stderr.startswith(
        "error: These files were edited by hand and would be overwritten: hooks/notebooks/mlflow_demo_hook.py."
    )
    assert "# mine" in notebook.read_text()
    typed(root, "generate", "--force")
    assert "# mine" not in notebook.read_text()


def test_generate_warns(root: Path) -> None:
    """A hook that follows a branch is generated, with a warning."""
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("tag: v1.0", "branch: main")})
    told = typed(root, "generate")
    assert told.stderr.startswith("note: projects/Demo/hook.yml:4: The hook runs whatever the branch main holds")


def test_generate_refuses(root: Path) -> None:
    """Nothing is generated that `check` says would fail; what git has at the ref may come later than the files."""
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("https://", "http://")})
    for words in (("generate",), ("generate", "--check")):
        told = typed(root, *words, code=1)
        assert "hook.yml: git.url begins with http://" in told.stderr and "mlflow_hooks check" in told.stderr
    assert not (root / "hooks").exists()
    write(root / "projects" / "Demo", {"hook.yml": HOOK})
    git(root, "remote", "add", "origin", URL)
    git(root, "mv", "projects/Demo", "projects/Moved")
    typed(root, "check", code=1)
    typed(root, "generate")


def test_run_refuses(root: Path) -> None:
    """A project that cannot run is not started; what is wrong with its hook alone is no obstacle."""
    words = ("run", "demo", "--backend", "local", "--dry-run")
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("https://", "http://"), "cluster.json": "{}"})
    typed(root, *words)
    write(root / "projects" / "Demo", {"MLproject": MLPROJECT.replace("demo.py", "deno.py")})
    assert "runs deno.py, but projects/Demo has no such file" in typed(root, *words, code=1).stderr


def test_name_of_two(root: Path) -> None:
    """`run` does not choose between two projects of one name: it names both, and what to type for either."""
    write(root / "projects" / "other", {**FILES, "hook.yml": HOOK.replace("name: demo", "name: second")})
    write(root / "projects" / "Demo", {"hook.yml": HOOK.replace("name: demo", "name: other")})
    words = ("run", "other", "--backend", "local", "--dry-run")
    told = typed(root, *words, code=2).stderr
    assert "projects/Demo/hook.yml and projects/other/hook.yml are both called other." in told
    assert "Give Demo or second instead." in told
    assert typed(root, "run", "second", *words[2:]).stdout.startswith("second: ")
    write(root / "projects" / "other", {"hook.yml": HOOK.replace("name: demo", "name: other")})
    assert "Give each hook a name of its own" in typed(root, *words, code=2).stderr


def test_other_folders(root: Path) -> None:
    """--projects and --folder name other places, and PROJECT_FOLDER the project itself."""
    git(root, "mv", "projects", "pipelines")
    typed(root / "pipelines", "generate", "--projects", "pipelines", "--folder", "out", PROJECT_FOLDER=str(root))
    assert (root / "out" / "notebooks" / "mlflow_demo_hook.py").is_file()


def test_from_a_folder_of_the_project(root: Path) -> None:
    """Typed anywhere inside, every command is about the whole project, and says so; what is written goes to its top."""
    inside = root / "projects" / "Demo"
    told = typed(inside, "check")
    assert told.stdout == "1 hook: nothing wrong\n" and told.stderr == f"note: Using the project in {root}.\n"
    typed(inside, "generate")
    assert (root / "hooks" / "notebooks" / "mlflow_demo_hook.py").is_file() and not (inside / "hooks").exists()
    typed(root / "hooks" / "notebooks", "generate", "--check")
    note = json.loads(typed(inside, "run", "demo", "--backend", "local", "--dry-run", "--json").stdout.splitlines()[0])
    assert note == {"event": "note", "message": f"Using the project in {root}."}
    assert "No workspace is configured" in typed(inside, "deploy", code=2).stderr


def test_a_project_of_another_repository(root: Path) -> None:
    """Nothing above the repository one stands in is taken up."""
    nested = root / "vendor"
    nested.mkdir()
    git(nested, "init", "-q")
    assert f"No folder in {nested}" in typed(nested, "check", code=2).stderr


REFUSED = [
    (["check", "nobody"], 2, "No project has a hook called nobody."),
    (["check", "--projects", "none"], 2, "No folder in "),
    (["run", "demo"], 2, "No workspace is configured"),
    (["deploy"], 2, "No workspace is configured"),
    (["deploy", "--target", "Shared/x"], 2, "is not an absolute path; write `--target /Shared/x`."),
    (["deploy", "--target", "/Shared"], 2, ""),
    (["run"], 2, "Missing argument 'NAME'"),
    (["nothing"], 2, "No such command 'nothing'"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), REFUSED)
def test_refused(root: Path, words: list[str], code: int, sentence: str) -> None:
    """What cannot be done is one sentence and an exit code."""
    assert sentence in typed(root, *words, code=code).stderr


def test_broken_hook_file(root: Path) -> None:
    """A project that cannot be read is told of by every command, with the way to see all that is wrong."""
    write(root / "projects" / "Demo", {"hook.yml": "name: [\n"})
    for words in (("generate",), ("run", "Demo", "--backend", "local")):
        told = typed(root, *words, code=1)
        assert "projects/Demo/hook.yml, line " in told.stderr and "`mlflow_hooks check`" in told.stderr


def test_outside_of_a_repository(tmp_path: Path) -> None:
    """Without git there is nothing a hook could run, and check says so."""
    write(tmp_path / "projects" / "Demo", {"hook.yml": HOOK, "MLproject": MLPROJECT})
    told = typed(tmp_path, "check", code=1)
    assert "is not in a git repository" in told.stdout
