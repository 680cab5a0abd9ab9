"""From which folder a project is found, and that nothing above its repository is."""

from __future__ import annotations

from pathlib import Path

import pytest

from databricks_sync.cli.project import find, locate
from databricks_sync.errors import SettingsError
from databricks_sync.local.git import work_tree

SETTINGS = "DATABRICKS_HOST=local\n"

# What there is, where somebody stands, and the project; `.git` is at the top of a repository.
FOUND = [
    (["r/.git/HEAD", "r/notebooks/a.py"], "r", "r"),
    (["r/.git/HEAD", "r/notebooks/deep/a.py"], "r/notebooks/deep", "r"),
    (["r/.git/HEAD", "r/notebooks/a.py", "r/src/"], "r/src", "r"),
    (["r/.git/HEAD", "r/.env", "r/src/deep/"], "r/src/deep", "r"),
    (["r/.git/HEAD", "r/src/"], "r/src", "r"),  # nothing is known yet: the top
    (["r/.git", "r/.env", "r/src/"], "r/src", "r"),  # a linked work tree has a file there
    (["r/.git/", "r/notebooks/a.py", "r/src/"], "r/src", "r/src"),  # and git takes an empty folder for no repository
    (["r/.git/HEAD", "r/.env", "r/one/notebooks/", "r/two/notebooks/"], "r/two/notebooks", "r/two"),
    (["r/.git/HEAD", "r/notebooks/", "r/one/.env", "r/one/src/"], "r/one/src", "r/one"),
    (["r/.git/HEAD", "r/notebooks/etl/notebooks/a.py"], "r/notebooks/etl", "r"),  # a folder that is carried
    (["r/.git/HEAD", "r/notebooks/a/notebooks/b/notebooks/c/"], "r/notebooks/a/notebooks/b", "r"),
    (["r/.git/HEAD", "r/notebooks/a/.env"], "r/notebooks/a", "r/notebooks/a"),  # but for one with settings
    ([".env", "r/.git/HEAD", "r/src/"], "r/src", "r"),  # never above the repository
    (["notebooks/", "r/.git/HEAD", "r/src/"], "r/src", "r"),
    (["r/.git/HEAD", "r/.env", "r/notebooks/", "r/lib/.git/HEAD", "r/lib/src/"], "r/lib/src", "r/lib"),
    (["r/.git/HEAD", "r/.env", "r/lib/.git", "r/lib/src/"], "r/lib/src", "r/lib"),  # a submodule
    ([".env", "notebooks/", "r/src/"], "r/src", "r/src"),  # no repository: nothing is looked for
]


def made(root: Path, things: list[str]) -> None:
    for name in things:
        where = root / name
        (where if name.endswith("/") else where.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            where.write_text(SETTINGS if where.name == ".env" else "")


@pytest.mark.parametrize(("things", "stands", "expected"), FOUND)
def test_the_project_is_found_from_inside(tmp_path: Path, things: list[str], stands: str, expected: str) -> None:
    """It is the nearest folder upwards with settings or notebooks, never above the repository; and it is told."""
    made(tmp_path, things)
    found = find({}, tmp_path / stands)
    assert found.folder == tmp_path / expected and found.dotenv.path == tmp_path / expected / ".env"
    assert found.notice == ("" if stands == expected else f"Using the project in {tmp_path / expected}.")


@pytest.mark.parametrize(
    ("dotenv", "stands", "expected"),
    [
        ("NOTEBOOK_FOLDER=src\n", "r/src/notebooks/deep", "r"),
        ("NOTEBOOK_FOLDER=lib,src/notebooks\n", "r/src/notebooks/deep", "r/src"),  # beside what is carried
        ("NOTEBOOK_FOLDER=.\n", "r/src", "r"),
        ("PROJECT_FOLDER=src\n", "r/src/notebooks", "r/src"),
        ("PROJECT_FOLDER=src\n", "r", "r/src"),
        ("# NOTEBOOK_FOLDER=src\nDJANGO_DEBUG=1\n", "r/src/notebooks", "r/src"),
    ],
)
def test_settings_say_what_is_part_of_them(tmp_path: Path, dotenv: str, stands: str, expected: str) -> None:
    """A folder that the settings further up carry, or name as the root, is no project of its own."""
    made(tmp_path, ["r/.git/HEAD", "r/src/notebooks/deep/notebooks/a.py"])
    (tmp_path / "r" / ".env").write_text(dotenv)
    if "src/notebooks" in dotenv:
        (tmp_path / "r" / "src" / "notebooks" / "deep" / "notebooks" / "a.py").unlink()
    found = find({}, tmp_path / stands)
    assert found.folder == tmp_path / expected


@pytest.mark.parametrize(
    "text", ["DJANGO_DEBUG=1\n", "no settings at all", "#DATABRICKS_HOST=local\n", "XDATABRICKS_HOST=1"]
)
def test_another_tool_s_dotenv_is_no_project(tmp_path: Path, text: str) -> None:
    """A .env that says nothing of ours, and a virtual environment of that name, make no folder a project."""
    made(tmp_path, ["r/.git/HEAD", "r/notebooks/", "r/app/.env", "r/venv/.env/"])
    (tmp_path / "r" / "app" / ".env").write_text(text)
    assert locate({}, tmp_path / "r" / "app") == locate({}, tmp_path / "r" / "venv") == tmp_path / "r"


@pytest.mark.parametrize(
    "text", ["export DATABRICKS_HOST=x", "\ufeffNOTEBOOK_FOLDER = x", " ARM_CLIENT_ID=1", "'BACKUP_DAYS'=1"]
)
def test_settings_of_any_form_are_seen(tmp_path: Path, text: str) -> None:
    """Settings are recognised as they may be written."""
    made(tmp_path, ["r/.git/HEAD", "r/notebooks/", "r/app/.env"])
    (tmp_path / "r" / "app" / ".env").write_text(f"A=1\n{text}\n" if text[0] != "\ufeff" else text, encoding="utf-8")
    assert locate({}, tmp_path / "r" / "app") == tmp_path / "r" / "app"


@pytest.mark.parametrize(
    ("named", "expected"),
    [("src", "r/app"), ("src,notebooks", "r/app"), ("notebooks", "r"), (".", "r"), ("..", "r"), ("/", "r"), ("", "r")],
)
def test_the_environment_names_the_notebooks_folder(tmp_path: Path, named: str, expected: str) -> None:
    """NOTEBOOK_FOLDER of the environment is what a project is known by; what is everywhere tells nothing."""
    made(tmp_path, ["r/.git/HEAD", "r/notebooks/", "r/app/src/deep/"])
    assert locate({"NOTEBOOK_FOLDER": named}, tmp_path / "r" / "app" / "src" / "deep") == tmp_path / expected


def test_other_marks(tmp_path: Path) -> None:
    """The folder with the hooks' projects marks a project for mlflow_hooks, and notebooks in one of those do not."""
    made(tmp_path, ["r/.git/HEAD", "r/projects/Demo/notebooks/", "r/projects/Demo/projects/", "r/sub/notebooks/"])
    for stands in ("r/projects/Demo/notebooks", "r/projects/Demo", "r/sub/notebooks", "r"):
        assert locate({}, tmp_path / stands, ("projects",)) == tmp_path / "r"


def test_the_environment_names_any_folder(tmp_path: Path) -> None:
    """PROJECT_FOLDER of the environment is the project, wherever it is, and nothing is looked for or told."""
    made(tmp_path, ["r/.git/HEAD", "r/.env", "r/src/", "other/src/"])
    for named in (str(tmp_path / "other" / "src"), "../../other/src"):
        found = find({"PROJECT_FOLDER": named}, tmp_path / "r" / "src")
        assert (found.folder, found.notice) == (tmp_path / "other" / "src", "")


@pytest.mark.parametrize("named", ["..", "../other", "/", "{other}", "sub/../../other", "link", "link/deep", "sub/up"])
def test_settings_name_no_folder_outside(tmp_path: Path, named: str) -> None:
    """PROJECT_FOLDER of a .env stays inside the repository, links followed."""
    made(tmp_path, ["r/.git/HEAD", "r/sub/", "other/deep/"])
    (tmp_path / "r" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "r" / "sub" / "up").symlink_to("../..")
    (tmp_path / "r" / ".env").write_text(f"PROJECT_FOLDER={named.format(other=tmp_path / 'other')}\n")
    with pytest.raises(SettingsError, match="outside the repository"):
        find({}, tmp_path / "r")


@pytest.mark.parametrize("named", ["sub", "./sub/", "..", "{root}/r/sub", "../sub", "link"])
def test_settings_may_name_a_folder_inside(tmp_path: Path, named: str) -> None:
    """A folder of the same repository may be named, also beside the .env or by a link."""
    made(tmp_path, ["r/.git/HEAD", "r/sub/", "r/one/.env", "r/one/sub/"])
    (tmp_path / "r" / "one" / "link").symlink_to("../sub")
    (tmp_path / "r" / "one" / ".env").write_text(f"PROJECT_FOLDER={named.format(root=tmp_path)}\n")
    assert find({}, tmp_path / "r" / "one").folder.is_relative_to(tmp_path / "r")


@pytest.mark.parametrize("named", ["missing", "../missing", "file", "a\0b"])
def test_settings_name_a_folder(tmp_path: Path, named: str) -> None:
    """What PROJECT_FOLDER of a .env names is a folder, or that it is none is said."""
    made(tmp_path, ["r/.git/HEAD", "r/file"])
    (tmp_path / "r" / ".env").write_text(f"PROJECT_FOLDER={named}\n")
    with pytest.raises(SettingsError, match="is not a folder"):
        find({}, tmp_path / "r")


def test_where_there_is_no_repository(tmp_path: Path) -> None:
    """A .env outside of a repository names no folder outside of its own."""
    made(tmp_path, ["one/.env", "one/sub/", "two/"])
    (tmp_path / "one" / ".env").write_text("PROJECT_FOLDER=sub\n")
    assert work_tree(tmp_path / "one") is None and find({}, tmp_path / "one").folder == tmp_path / "one" / "sub"
    (tmp_path / "one" / ".env").write_text("PROJECT_FOLDER=../two\n")
    with pytest.raises(SettingsError, match="outside the repository"):
        find({}, tmp_path / "one")
