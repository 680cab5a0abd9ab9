"""What a project may commit of its settings, and what is said of everything else."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from support.place import HOST, OTHER, SECRET, Place, to

from databricks_sync.cli.project import find, locate
from databricks_sync.cli.project_file import NamedTarget, ProjectFile, has_settings, read
from databricks_sync.model import Patterns

ALL = f"""
folders = ["notebooks", "src"]
target = "/Users/{{user}}/{{project}}-{{branch}}"
include = ["dist/*.whl"]
exclude = ["*.csv"]
[targets.qa]
host = "{HOST}"
target = "/Shared/{{project}}"
mirror = true
[targets.dev]
"""
WHOLE = (
    ("notebooks", "src"),
    "/Users/{user}/{project}-{branch}",
    Patterns(("dist/*.whl",), ("*.csv",)),
    {"qa": NamedTarget("qa", HOST, "/Shared/{project}", mirror=True), "dev": NamedTarget("dev")},
)


def in_pyproject(text: str) -> str:
    """The same settings as tables of pyproject.toml, beside those of others."""
    tables = re.sub(r"(?m)^\[", "[tool.databricks_sync.", text)
    return f'[project]\nname = "databricks_sync"\n[tool.databricks_sync]\n{tables}\n[tool.ruff]\nline-length = 1\n'


@pytest.mark.parametrize(
    ("name", "text"), [("databricks_sync.toml", ALL), ("pyproject.toml", in_pyproject(ALL)), ("pyproject.toml", "")]
)
def test_either_file(tmp_path: Path, name: str, text: str) -> None:
    """A file of its own and a table of pyproject.toml say the same."""
    (tmp_path / name).write_text(text)
    found = read(tmp_path)
    assert has_settings(tmp_path) is bool(text)
    assert found == (ProjectFile(tmp_path / name, *WHOLE) if text else ProjectFile())


@pytest.mark.parametrize(
    "text",
    [
        "[tool.ruff]\n",
        '[tool.setuptools.package-data]\ndatabricks_sync = ["x"]\n',
        '[project]\ndependencies = ["databricks_sync"]\n',
        "not TOML at all [",
    ],
)
def test_a_pyproject_of_others(tmp_path: Path, text: str) -> None:
    """A pyproject.toml that has no table of ours is none of our business, broken or not."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert not has_settings(tmp_path) and read(tmp_path) == ProjectFile()


@pytest.mark.parametrize(
    "text", ["[tool]\ndatabricks_sync = { folders = ['x'] }", "tool.'databricks_sync'.folders = ['x']"]
)
def test_any_spelling_of_the_table(tmp_path: Path, text: str) -> None:
    """TOML has several ways to write a table, and each of them counts."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert has_settings(tmp_path) and read(tmp_path).folders == ("x",)


def test_the_sample_of_init_is_sound(tmp_path: Path) -> None:
    """What --init writes can be read, also with every example in it switched on."""
    sample = files("databricks_sync").joinpath("settings.sample").read_text(encoding="utf-8")
    (tmp_path / "databricks_sync.toml").write_text(sample)
    assert read(tmp_path)[1:] == (("notebooks",), "", Patterns(), {})
    switched_on = re.sub(r"(?m)^#(?! )", "", sample)
    (tmp_path / "databricks_sync.toml").write_text(switched_on)
    found = read(tmp_path)
    assert found.target and found.patterns.include and found.patterns.exclude and found.targets["qa"].mirror
    assert set(re.findall(r"(?m)^(\w+) =", switched_on)) == {
        "folders",
        "host",
        *ProjectFile._fields[2:3],
        "exclude",
        "include",
        "mirror",
    }


# What is written -> what is said of it, and of which key.
WRONG = {
    "folder = ['a']": ("sets `folder`, which is unknown (did you mean folders?)"),
    "zzz = 1": "sets `zzz`, which is unknown (known: folders, target, include, exclude, targets)",
    "[targets.qa]\nmirorr = true": "sets `targets.qa.mirorr`, which is unknown (did you mean mirror?)",
    "folders = 'notebooks'": "`folders` in {} must be an array of strings, but is a string.",
    "folders = ['a', 1]": "`folders` in {} must be an array of strings, but has a number.",
    "folders = []": "`folders` in {} names no folder.",
    "folders = ['a', '']": "`folders` in {} has a string that is empty",
    'folders = ["a\\u0000"]': "`folders` in {} has a string that is empty, or has a control character",
    "folders = ['/etc']": "names /etc, which is no folder relative to this file",
    "folders = ['a,b']": "names a,b, which is no folder relative to this file",
    r"folders = ['..\common']": r"names ..\common, which is no folder relative to this file",
    "target = 1": "`target` in {} must be a string, but is a number.",
    "target = 2026-01-01": "`target` in {} must be a string, but is a date or time.",
    "target = '/Users/{user}/{brnch}'": "has {{brnch}}, which is unknown (did you mean {{branch}}?)",
    "target = '/Users/{user}/{}-{branch}'": "has {{}}, which is unknown (known: {{user}}, {{project}}, {{branch}})",
    "target = '/Users/{user}/{branch'": "has a brace that does not belong to",
    "target = '/Users/{user}/x'": "must contain {{branch}}, or the branches would meet",
    "target = '/Shared/{branch}'": "must begin with /Users/{{user}}/",
    "target = '/Users/boss@example.com/{branch}'": "must begin with /Users/{{user}}/",
    "target = '/Users/{user}{branch}/x'": "must begin with /Users/{{user}}/",
    "target = '{branch}'": "must be an absolute path of the workspace",
    "include = ['']": "has a string that is empty",
    "exclude = ['!a']": "has the pattern '!a', which begins with an exclamation mark",
    "exclude = ['/']": "has the pattern '/', which names nothing",
    "targets = 'qa'": "`targets` in {} must be a table, but is a string.",
    "[targets]\nqa = 1": "`targets.qa` in {} must be a table, but is a number.",
    "[targets.qa]\nmirror = 'yes'": "`targets.qa.mirror` in {} must be true or false, but is a string.",
    "[targets.qa]\nmirror = 1": "`targets.qa.mirror` in {} must be true or false, but is a number.",
    "[targets.qa]\ntarget = 'Shared'": "`targets.qa.target` in {} must be an absolute path",
    "[targets.qa]\nhost = true": "`targets.qa.host` in {} must be a string, but is true or false.",
    f"token = '{SECRET}'": "sets `token`, but a file for everybody does not say how to log in.",
    f"host = '{OTHER}'": "sets `host`, but a file for everybody does not say how to log in.",
    "profile = 'DEFAULT'": "sets `profile`, but a file for everybody does not say how to log in.",
    f"[targets.qa]\nclient_secret = '{SECRET}'": "sets `targets.qa.client_secret`, but",
    "[targets.qa]\nuser = 'boss@example.com'": "sets `targets.qa.user`, but",
    f"folders = [\n'a',\n{SECRET}": "{} cannot be read as TOML: Invalid value (at line 3, column 1).",
    "a = 1\na = 2\n": "{} cannot be read as TOML: Cannot overwrite a value (at line 2, column 6).",
    f"a = '{SECRET}": "{} cannot be read as TOML: ",
    f"a = {SECRET}": "{} cannot be read as TOML: Invalid value (at line 1, column 5).",
    "a = " + "[" * 5000: "{} cannot be read as TOML: ",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_mistakes_are_told_with_file_and_key(place: Place, text: str) -> None:
    """Unknown keys, values of a wrong type and settings that do harm are refused, and no value of a secret is shown."""
    error = place.committed(text).refused(to("local"))
    file = place.project / "databricks_sync.toml"
    assert WRONG[text].format(file) in error.message and str(file) in error.message and error.hint


def test_a_mistake_in_pyproject_is_told_too(place: Place) -> None:
    """A key of the table is called as it stands in the file, or nearly so."""
    error = place.committed("[tool.databricks_sync]\nfolders = 1\n", "pyproject.toml").refused(to("local"))
    assert "`folders` in" in error.message and "pyproject.toml" in error.message


def test_two_files_are_one_too_many(place: Place) -> None:
    """With settings in both files nobody knows which are meant."""
    place.committed("folders = ['a']").committed("[tool.databricks_sync]\n", "pyproject.toml")
    assert "settings in databricks_sync.toml and in pyproject.toml" in place.refused(to("local")).message


@pytest.mark.parametrize("link", ["folder", "nowhere", "/dev/zero", "databricks_sync.toml"])
def test_a_file_that_is_none(place: Place, link: str) -> None:
    """A folder, or a link to a device, to nothing or to itself, is named, and nothing waits for it."""
    (place.project / "folder").mkdir()
    (place.project / "databricks_sync.toml").symlink_to(link)
    assert "databricks_sync.toml cannot be read" in place.refused(to("local")).message


# --- order of strength ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "dotenv", "folders"),
    [
        ({}, "", ["committed"]),
        ({}, "NOTEBOOK_FOLDER=own\n", ["own"]),
        ({"NOTEBOOK_FOLDER": "typed"}, "NOTEBOOK_FOLDER=own\n", ["typed"]),
        ({"NOTEBOOK_FOLDER": " "}, "", ["committed"]),
    ],
)
def test_what_is_one_s_own_is_stronger(place: Place, environ: dict[str, str], dotenv: str, folders: list[str]) -> None:
    """The environment goes before .env, and .env before what is committed."""
    place.committed("folders = ['committed']\n").dotenv(dotenv)
    assert [folder.shown for folder in place.load(to("local", **environ)).folders] == folders


@pytest.mark.parametrize(("dotenv", "told"), [("own", True), ("committed", False), ("", False)])
def test_an_older_dotenv_is_told_of(place: Place, dotenv: str, told: bool) -> None:
    """Where .env says otherwise than the file for everybody, nobody has to wonder why."""
    place.committed("folders = ['committed']\n").dotenv(f"NOTEBOOK_FOLDER={dotenv}\n")
    notices = place.load(to("local")).notices
    said = "NOTEBOOK_FOLDER in .env says own, and so the folders in databricks_sync.toml do not count."
    assert notices == ((said,) if told else ())
    assert not place.load(to("local", NOTEBOOK_FOLDER="typed")).notices


def test_what_is_said_of_targets(place: Place) -> None:
    """A named target has what it does not say from the project, and the project from the tool."""
    place.committed("target = '/Users/{user}/x-{branch}'\n[targets.qa]\nmirror = true\n[targets.p]\ntarget='/Shared/p'")
    loaded = place.load(to("local"))
    assert (loaded.target, loaded.mirror) == ("/Users/{user}/x-{branch}", False)
    loaded = place.load(to("local"), to="qa")
    assert (loaded.target, loaded.mirror) == ("/Users/{user}/x-{branch}", True)
    assert place.load(to("local"), to="p").target == "/Shared/p"
    assert place.committed("").load(to("local")).target == "/Users/{user}/{branch}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "--to names the target qa, but this project has no databricks_sync.toml."),
        ("", "--to names the target qa, which is unknown."),
        ("[targets.qaa]\n", "which is unknown (did you mean qaa?)"),
        ("[targets.production]\n", "which is unknown (known: production)"),
    ],
)
def test_a_target_that_nobody_named(place: Place, text: str | None, said: str) -> None:
    """--to says what there is, and what to write."""
    if text is not None:
        place.committed(text)
    error = place.refused(to("local"), to="qa")
    assert said in error.message and "[targets.qa]" in error.hint


# --- which project ----------------------------------------------------------------------------------------------------


def repository(tmp_path: Path, *things: str) -> Path:
    for name in (".git/HEAD", *things):
        where = tmp_path / "r" / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text("")
    return tmp_path / "r"


def test_committed_settings_make_a_project(tmp_path: Path) -> None:
    """A project is found by them from anywhere inside it, also inside a folder that the project above carries."""
    top = repository(tmp_path, "databricks_sync.toml", "a/databricks_sync.toml", "a/src/deep/x", "b/src/x")
    (top / "databricks_sync.toml").write_text("folders = ['a', 'b']")
    assert locate({}, top / "a/src/deep") == top / "a"
    assert locate({}, top / "b/src") == top
    (top / "b/notebooks").mkdir()
    assert locate({}, top / "b/notebooks") == top  # what the project above carries is a part of it
    (top / "databricks_sync.toml").write_text("folders = ['a']")
    assert locate({}, top / "b/notebooks") == top / "b"


def test_projects_share_a_login(tmp_path: Path) -> None:
    """A project that commits its settings logs in as the .env above it says, which does not say what is carried."""
    top = repository(tmp_path, "a/databricks_sync.toml", "b/notebooks/x")
    (top / ".env").write_text(f"DATABRICKS_HOST={HOST}\nNOTEBOOK_FOLDER=x\nPROJECT_FOLDER=.\nDATABRICKS_USER=me\n")
    found = find({}, top / "a")
    assert found.folder == top / "a" and found.dotenv.path == top / ".env"
    assert dict(found.dotenv.values) == {"DATABRICKS_HOST": HOST, "DATABRICKS_USER": "me"}
    assert {top / ".env", top / "a/.env", top / "a/databricks_sync.toml"} < found.settings_files
    assert find({}, top / "b").dotenv.path == top / "b/.env"  # it says nothing, so nobody knows that it belongs to it
    (top / "a/.env").write_text("")
    assert find({}, top / "a").dotenv.path == top / "a/.env"
