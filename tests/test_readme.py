"""The manual and the program agree: what the README shows, lists and promises to run is what there is."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.project import Workspace
from support.sources import ROOT, nodes, reads_sources

from databricks_local.embedded import Running
from databricks_sync.cli.project_file import KEYS, TARGET_KEYS, read
from databricks_sync.from_databricks import from_databricks
from databricks_sync.to_databricks import to_databricks

sys.path.insert(0, str(ROOT / "docs"))

import readme
from support.reader import QuickReader

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {"to_databricks": to_databricks, "from_databricks": from_databricks}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is `heading`."""
    lines = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def options(command: click.Command) -> set[str]:
    declared = [param for param in command.params if isinstance(param, click.Option)]
    return {name for param in declared for name in param.opts} | {"-h", "--help"}


def documented(only: str) -> set[str]:
    """The options in the README's table, without those that only the other command has."""
    found = {}
    for cell, effect in rows("option"):
        found |= dict.fromkeys(re.findall(r"(?<![\w-])--?[a-z][\w-]*", cell), effect)
    other = next(name for name in COMMANDS if name != only)
    return {name for name, effect in found.items() if f"`{other}` only" not in effect}


# What they show takes a second each, and is tried in tests/pipelines and tests/hooks as well.
LONG = ("library.md", "monorepo.md", "offline.md", "release.md", "testing-notebooks.md")
PAGES = [pytest.param(page, marks=[pytest.mark.long] if page.name in LONG else []) for page in readme.pages()]


@pytest.fixture
def home(embedded: Running, workspace_folder: Path) -> Iterator[Path]:
    """A home folder with nothing in it but the workspace, which is empty."""
    Workspace(embedded.host, embedded.token).renew()
    yield workspace_folder.parent
    for left in workspace_folder.parent.iterdir():
        if left != workspace_folder:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in readme.pages()])
def test_screens(page: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows is what its commands print, up to times, also where a CI tries it."""
    for name, value in {"CI": "true", "GITHUB_ACTIONS": "true", "COLUMNS": "200", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    text = page.read_text(encoding="utf-8")
    assert readme.steady(readme.followed(text, QuickReader, home)) == readme.steady(text), (
        "python docs/readme.py brings it up to date"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_options(name: str) -> None:
    """The table of options has every option of the command, and no other."""
    assert documented(name) == options(COMMANDS[name])


@reads_sources
def test_sentences_name_real_options() -> None:
    """Every option that a message of the commands tells people to type exists."""
    others = {"--dir", "--cached", "--unset-all"}  # of databricks_local; git rm; git config
    known = options(to_databricks) | options(from_databricks) | others
    for file, node in nodes("databricks_sync"):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            ours = re.sub(r"`?\bgit [^`]*`?", "", node.value)
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) <= known, (file.name, node.value)


def test_ci_command(home: Path) -> None:
    """The command for CI makes an exact copy, also from a new clone that has two notebooks fewer."""
    [command] = re.findall(r"^(to_databricks --target /Shared/master --mirror)$", TEXT, re.M)
    said = readme.followed(
        f"""```console
$ {command}
$ git rm -q notebooks/02_daily_demand.sql notebooks/reports/rain_effect.r
$ git -c user.name=Me -c user.email=me@example.com commit -qm "Remove two notebooks"
$ git clone -q . clone
$ cd clone
$ {command}
$ echo $?
```""",
        QuickReader,
        home,
    )
    assert "2 deleted, 9 in sync" in said
    assert "$ echo $?\n0\n" in said


def test_exit_codes() -> None:
    """The table of exit codes has those of the help text."""
    told = " ".join((to_databricks.help or "").partition("Exit codes:")[2].split())
    assert [cells[0] for cells in rows("exit code")] == re.findall(r"(?:^|, )(\d+) ", f", {told}")


def test_settings() -> None:
    """The table of settings has the variables of env.sample, and no other."""
    sample = (ROOT / "env.sample").read_text(encoding="utf-8")
    listed = [name for cells in rows("variable") for name in re.findall(r"`([A-Z_]+)`", cells[0])]
    assert set(listed) == set(re.findall(r"^#?([A-Z_]+)=", sample, re.M))


SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_committed_settings() -> None:
    """The table of what a project may commit has every key, and no other."""
    listed = re.findall(r"^\| `([\w.]+)` \| (?:array|string|`true)", SETTINGS, re.M)
    assert listed == [*KEYS[:2], "exclude", "include", *(f"targets.NAME.{key}" for key in TARGET_KEYS)]


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", SETTINGS, re.S))
def test_examples_of_committed_settings(tmp_path: Path, text: str) -> None:
    """What the page shows of them can be read."""
    (tmp_path / "databricks_sync.toml").write_text(text, encoding="utf-8")
    assert read(tmp_path).targets["qa"].mirror


def anchors(page: Path) -> set[str]:
    """What can follow `#` in a link to the page."""
    titles = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """Every link inside the repository leads somewhere."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


def test_demo(tmp_path: Path) -> None:
    """The demo ends well, says what can be typed next, and leaves no file behind, in the home folder neither."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    places = {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(temporary), "TEMP": str(temporary)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "demo.py")],
        cwd=tmp_path,
        env={**os.environ, **places, "DATABRICKS_HOST": "https://not.to.be.used", "USER": "somebody"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to do" in done.stdout
    assert shutil.which(shlex.split(done.stdout.split("`")[-2])[0])
    assert not done.stderr
    assert [*home.iterdir(), *temporary.iterdir()] == []
