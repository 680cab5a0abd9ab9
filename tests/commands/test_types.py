"""What changes its nature: scripts and notebooks, languages, folders, dashboards, and two of one name."""

from __future__ import annotations

import pytest
from support.project import GIT_FOLDERS, IMPORT, Person, Project, Workspace, edits, jupyter, notebook, rule

SCRIPT = "def util():\n    return 1\n"


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_a_script_becomes_a_notebook(project: Project, person: Person, workspace: Workspace, hashes: bool) -> None:
    """When a script gets the header, the push replaces the file by a notebook, and keeps the file in a backup."""
    workspace.set(hashes=hashes)
    project.write("notebooks/a.py", SCRIPT)
    project.push()
    project.notebook("notebooks/a.py", "print(1)")
    project.push()
    assert person.tree() == {"a": "NOTEBOOK"} and project.backups() == [SCRIPT.encode()]
    project.at_rest()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_a_notebook_becomes_a_script(project: Project, person: Person, workspace: Workspace, hashes: bool) -> None:
    """When a notebook loses its header, the push replaces it by a file, and keeps the notebook in a backup."""
    workspace.set(hashes=hashes)
    project.notebook("notebooks/a.py", "print(1)")
    project.push()
    project.write("notebooks/a.py", SCRIPT)
    project.push()
    assert person.tree() == {"a.py": "FILE"} and person.file("a.py") == SCRIPT.encode()
    assert project.backups() == [notebook("print(1)").encode()]
    project.at_rest()


def judged_otherwise(project: Project, person: Person, kind: str) -> str:
    """Local content of this kind, where another tool has made an object of the other one there; what is said of it."""
    if kind == "file":
        project.write("notebooks/a.py", SCRIPT)
        person.edit("a", "print(1)")
        return "notebooks/a.py is a workspace file locally and a notebook in the workspace"
    project.notebook("notebooks/a.py", "print(1)")
    person.put("a.py", SCRIPT)
    return "notebooks/a.py is a notebook locally and a workspace file in the workspace"


@pytest.mark.parametrize("kind", ["file", "notebook"])
def test_two_types_of_one_file(project: Project, person: Person, kind: str) -> None:
    """Where both sides differ in type, dry run, run and --overwrite say so alike, and neither side is written."""
    sentence = judged_otherwise(project, person, kind)
    before, there = project.files(), person.tree()
    for command in ("to_databricks", "from_databricks"):
        for options in (
            (),
            ("--overwrite",),
            ("--mirror", "--no-delete") if command == "to_databricks" else ("--merge",),
        ):
            dry, ran = (project.quick(command, *options, *more, code=(0, 1)) for more in (("--dry-run",), ()))
            assert ran.code == 1 and not ran.carried
            assert (
                f"{sentence}." in dry.out
                and f"{sentence}." in ran.out
                and "remove notebooks/a.py locally, or /" in ran.out
            )
    assert project.files() == before and person.tree() == there
    person.delete(*there)
    project.push()
    project.at_rest()


@pytest.mark.parametrize("kind", ["file", "notebook"])
def test_a_mirror_changes_a_type_with_a_word(project: Project, person: Person, kind: str) -> None:
    """A mirror makes what git has, keeps a backup of the object that it never pushed, and says which one that was."""
    sentence = judged_otherwise(project, person, kind)
    (old,) = person.names()
    for options in (("--dry-run",), ()):
        ran = project.push("--mirror", *options)
        assert f"note: {sentence}: this mirror deletes {person.folder}/{old}, with a backup" in ran.err
    assert person.names() == {"a.py" if kind == "file" else "a"} and len(project.backups()) == 1
    project.at_rest()


@pytest.mark.parametrize("kind", ["file", "notebook"])
def test_a_type_that_another_tool_changed(project: Project, person: Person, kind: str) -> None:
    """Of what was in sync before, --overwrite refuses to make the one type beside the other; a pull follows."""
    if kind == "file":
        project.write("notebooks/a.py", SCRIPT)
    else:
        project.notebook("notebooks/a.py", "print(1)")
    project.push()
    person.delete(*person.names())
    sentence = judged_otherwise(project, person, kind)
    for options in (("--overwrite", "--dry-run"), ("--overwrite",)):
        ran = project.push(*options, code=1)
        assert sentence in ran.out and not ran.carried
    project.pull()
    project.at_rest()


@pytest.mark.parametrize("name", ["a", "a.py"])
def test_the_workspace_makes_another_type(project: Project, person: Person, workspace: Workspace, name: str) -> None:
    """The type that came of a push is read back: where it is another one, the push fails, and says which it is."""
    project.write("notebooks/a.py", SCRIPT)
    made = [person.change("a.py", delete=True), person.change(name, source=notebook("print(1)"), language="PYTHON")]
    workspace.faults(rule(IMPORT, edits(*made), object="*/a.py", phase="after", times=1))
    sentence = "is a workspace file locally and a notebook in the workspace"
    assert f"notebooks/a.py was written, but {sentence}" in project.push(code=4).out
    for options in (("--dry-run",), (), ("--overwrite",)):
        assert f"notebooks/a.py {sentence}" in project.push(*options, code=(0, 1)).out


def test_a_jupyter_notebook_beside_a_script(project: Project, person: Person) -> None:
    """A notebook `a` that the workspace keeps as .ipynb does not want the file of `a.py`: both are synced."""
    project.write("notebooks/a.py", SCRIPT)
    project.push()
    person.edit("a", "print(1)", export_format="JUPYTER")
    project.pull()
    assert project.names() == {"a.py", "a.ipynb"}
    project.at_rest()


EXPORTED = "# Databricks notebook source exported at Mon, 8 Feb 2016 02:39:31 UTC\n"


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_a_notebook_that_was_exported_long_ago(
    project: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """A header with the date of an export makes a notebook, as in the workspace; a pull leaves that line as it is."""
    workspace.set(hashes=hashes)
    project.write("notebooks/a.py", EXPORTED + "a = 1\n\n# COMMAND ----------\n\nb = 1\n")
    project.push()
    assert person.tree() == {"a": "NOTEBOOK"}
    project.at_rest()
    person.edit("a", "a = 2", "b = 1")
    project.pull()
    assert project.text("notebooks/a.py") == EXPORTED + "a = 2\n\n# COMMAND ----------\n\nb = 1\n"
    project.at_rest()


def test_a_language_that_only_databricks_names(project: Project, person: Person, workspace: Workspace) -> None:
    """The language of an .ipynb is that of its Databricks metadata, where nothing else names one."""
    workspace.set(hashes=False)
    metadata = {"application/vnd.databricks.v1+notebook": {"language": "sql"}}
    project.write("notebooks/a.ipynb", jupyter("select 1", metadata=metadata))
    project.push()
    assert person.details()["a"]["language"] == "SQL"
    project.at_rest()


def test_a_script_becomes_a_notebook_there(project: Project, person: Person) -> None:
    """When a file was replaced by a notebook in the workspace, the pull replaces the script by it."""
    project.write("notebooks/a.py", SCRIPT)
    project.push()
    person.delete("a.py")
    person.edit("a", "print(1)")
    project.pull()
    assert project.files() == {"a.py": notebook("print(1)").encode()}
    assert project.backups() == [SCRIPT.encode()]
    project.at_rest()


def test_a_notebook_becomes_a_script_there(project: Project, person: Person) -> None:
    """When a notebook was replaced by a file in the workspace, the pull replaces the notebook by it."""
    project.notebook("notebooks/a.py", "print(1)")
    project.push()
    person.delete("a")
    person.put("a.py", SCRIPT)
    project.pull()
    assert project.files() == {"a.py": SCRIPT.encode()}
    project.at_rest()


def test_a_script_that_became_a_notebook_on_one_side_and_was_edited_on_the_other(
    project: Project, person: Person
) -> None:
    """The edit of the script in the workspace survives, and is reported."""
    project.write("notebooks/a.py", SCRIPT)
    project.push()
    project.notebook("notebooks/a.py", "print(1)")
    person.put("a.py", "edited")
    ran = project.push(code=1)
    assert person.file("a.py") == b"edited" and "conflict" in ran.out


LANGUAGES = [("py", "python", "sql", "sql"), ("sql", "sql", "scala", "scala"), ("py", "python", "r", "r")]


@pytest.mark.parametrize(("old", "old_language", "new", "new_language"), LANGUAGES)
def test_a_language_changes_here(
    project: Project, person: Person, old: str, old_language: str, new: str, new_language: str
) -> None:
    """A notebook that is written in another language now is the same notebook in that language there."""
    project.notebook(f"notebooks/a.{old}", "same", language=old_language)
    project.push()
    project.remove(f"notebooks/a.{old}")
    project.notebook(f"notebooks/a.{new}", "same", language=new_language)
    project.push()
    assert {name: told["language"] for name, told in person.details().items()} == {"a": new_language.upper()}
    project.at_rest()


@pytest.mark.parametrize(("old", "old_language", "new", "new_language"), LANGUAGES)
def test_a_language_changes_there(
    project: Project, person: Person, old: str, old_language: str, new: str, new_language: str
) -> None:
    """A notebook whose language was changed in the browser gets a file with the other extension."""
    project.notebook(f"notebooks/a.{old}", "same", language=old_language)
    project.push()
    person.delete("a")
    person.edit("a", "same", language=new_language)
    project.pull()
    assert project.files() == {f"a.{new}": notebook("same", language=new_language).encode()}
    assert project.backups() == [notebook("same", language=old_language).encode()]
    project.at_rest()


def test_a_source_notebook_becomes_a_jupyter_one_here(project: Project, person: Person) -> None:
    """A .py that was converted to .ipynb is the same notebook, pushed in its new form."""
    project.notebook("notebooks/a.py", "x = 1")
    project.push()
    project.remove("notebooks/a.py")
    project.write("notebooks/a.ipynb", jupyter("x = 2"))
    project.push()
    assert person.tree() == {"a": "NOTEBOOK"} and b"x = 2" in person.read("a")
    project.at_rest()


def test_a_notebook_replaced_by_a_file_there_is_refused(one: Project, person: Person) -> None:
    """A file with a notebook's name is replaced by neither command, not even with --overwrite."""
    person.delete("a")
    person.put("a", b"a file now")
    for command, options in (("to_databricks", ()), ("from_databricks", ()), ("from_databricks", ("--overwrite",))):
        ran = one.quick(command, *options, code=1)
        assert "notebook locally and a workspace file" in ran.out and not ran.writes
    one.push("--overwrite", code=1)
    assert person.file("a") == b"a file now" and one.text("notebooks/a.py") == notebook("print(1)")


def test_a_notebook_replaced_by_a_folder_there_is_refused(pushed: Project, person: Person) -> None:
    """A folder with a notebook's name is reported with both names, and the other notebooks are carried."""
    person.delete("a")
    person.edit("a/inner", "print(1)")
    pushed.notebook("notebooks/b.py", "edited")
    before = pushed.read("notebooks/a.py")
    for options in ((), ("--overwrite",)):
        assert "folder" in pushed.push(*options, code=1).out
    assert b"edited" in person.read("b") and person.names() > {"a/inner"}
    pushed.pull(code=1)
    assert pushed.read("notebooks/a.py") == before


def test_a_notebook_replaced_by_a_folder_here_is_carried(pushed: Project, person: Person) -> None:
    """A notebook that was split into a folder of its name here goes up as that folder."""
    pushed.remove("notebooks/a.py")
    pushed.notebook("notebooks/a/inner.py", "print(1)")
    pushed.push()
    assert "a/inner" in person.names() and person.tree()["a"] == "DIRECTORY"
    pushed.at_rest()


def test_a_folder_replaced_by_a_notebook_here_is_carried(pushed: Project, person: Person) -> None:
    """A folder whose notebooks were joined into one of its name here goes up as that notebook."""
    pushed.remove("notebooks/etl/deep/save.py")
    pushed.notebook("notebooks/etl/deep.py", "print(1)")
    pushed.push()
    assert person.tree()["etl/deep"] == "NOTEBOOK"


def test_a_file_in_the_way_of_a_folder_is_refused(pushed: Project, person: Person) -> None:
    """When a folder's name is taken by a file in the workspace, the notebooks below it are reported and stay here."""
    person.put("new", b"a file")
    pushed.notebook("notebooks/new/inner.py", "print(1)")
    pushed.notebook("notebooks/b.py", "edited")
    ran = pushed.push(code=(1, 4))
    assert "new" in ran.said
    assert person.file("new") == b"a file" and b"edited" in person.read("b")


def test_two_files_for_one_notebook_are_refused(pushed: Project, person: Person) -> None:
    """`a.py` and `a.sql` would be one notebook: neither is carried, both are named, the rest goes."""
    pushed.notebook("notebooks/a.sql", "select 1", language="sql")
    pushed.notebook("notebooks/b.py", "edited")
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, code=1)
        assert "notebooks/a.py" in ran.out and "notebooks/a.sql" in ran.out
    assert b"edited" in person.read("b") and b"select" not in person.read("a")


def test_two_files_for_one_notebook_are_refused_by_a_mirror(pushed: Project, person: Person) -> None:
    """Neither --mirror nor --overwrite picks one of two, or removes the notebook they stand for."""
    pushed.notebook("notebooks/a.sql", "select 1", language="sql")
    before = person.read("a")
    pushed.push("--mirror", code=1)
    pushed.push("--overwrite", code=1)
    assert person.read("a") == before


def test_a_notebook_and_a_folder_of_one_name_are_refused(pushed: Project, person: Person) -> None:
    """`new.py` and `new/inner.py` cannot both be carried: both are named."""
    pushed.notebook("notebooks/new.py", "print(1)")
    pushed.notebook("notebooks/new/inner.py", "print(1)")
    ran = pushed.push(code=1)
    assert "notebooks/new.py" in ran.out and "notebooks/new/inner.py" in ran.out


def test_a_dashboard_is_left_alone(pushed: Project, person: Person) -> None:
    """What is neither notebook nor file is told once by both commands and never deleted, moved or written."""
    person.put("sales", "{}", object_type="DASHBOARD")
    person.put("etl/exp", "", object_type="MLFLOW_EXPERIMENT")
    person.put("flow.designer.ipynb", "{}", object_type="DESIGNER_FILE")
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command)
        assert ran.out.count("dashboard") == 1 and "experiment" in ran.out and not ran.writes
    pushed.remove("notebooks/etl/load.py", "notebooks/etl/clean.py", "notebooks/etl/deep/save.py")
    pushed.push("--max-delete=3")
    assert person.tree().keys() > {"sales", "etl/exp", "flow.designer.ipynb"}


def test_assets_in_files_are_left_alone(pushed: Project, person: Person) -> None:
    """Queries, dashboards and alerts in git are pushed as nothing else, with a note; none is taken away anywhere."""
    names = ("top.dbquery.ipynb", "sales.lvdash.json", "late.dbalert.json")
    for name in names:
        pushed.write(f"notebooks/{name}", "{}")
    person.put("sales.lvdash.json", "{}", object_type="DASHBOARD")
    person.put("old.lvdash.json", "{}")  # an earlier version pushed it as a file
    before = person.tree()
    for options in ((), ("--overwrite",), ("--mirror",)):
        ran = pushed.push(*options)
        assert "notebooks/top.dbquery.ipynb is a query of Databricks, which is not synced" in ran.out
        assert "notebooks/late.dbalert.json is an alert of" in ran.out and not ran.carried
    pushed.pull("--overwrite")
    assert person.tree() == before and {*names} < pushed.names() and "old.lvdash.json" not in pushed.names()


def test_a_notebook_with_the_name_of_an_asset_is_not_stored(pushed: Project, person: Person) -> None:
    """What would be taken for a query, or for a designer file, here stays where it is, and the remedy is named."""
    for name in ("top.dbquery", "flow.designer"):
        person.edit(name, "1", export_format="JUPYTER")
    ran = pushed.pull(code=1)
    assert "local file notebooks/top.dbquery.ipynb with that content would be a query" in ran.out
    assert "would be a Lakeflow Designer file" in ran.out and "Rename it in the workspace." in ran.out
    assert not [name for name in pushed.names() if "dbquery" in name or "designer" in name]


def test_a_dashboard_with_the_name_of_a_notebook_is_refused(project: Project, person: Person) -> None:
    """A notebook whose name a dashboard has in the workspace is reported, also when overwriting."""
    person.put("a", "{}", object_type="DASHBOARD")
    project.notebook("notebooks/a.py", "print(1)")
    for options in ((), ("--overwrite",), ("--mirror",)):
        assert "dashboard" in project.push(*options, code=1).out
    assert person.tree() == {"a": "DASHBOARD"}


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("kind", GIT_FOLDERS)
def test_a_git_folder_in_the_workspace_is_left_alone(
    pushed: Project, person: Person, workspace: Workspace, kind: str, hashes: bool
) -> None:
    """A Git folder inside the branch folder is entered by no command, not even by --mirror."""
    workspace.set(hashes=hashes)
    person.do("repo", object_type=kind)
    person.edit("repo/inner", "theirs")
    before = pushed.names()
    pushed.pull()
    pushed.push("--mirror")
    assert person.at(f"{person.folder}/repo").names() == {"inner"} and pushed.names() == before


# --- names from the workspace ---------------------------------------------------------------------------------

HOSTILE = [
    "..", "up/../../../out", "back\\slash", "line\nbreak", "esc\x1b[31m", "trailing.", "blank ",
    ".git/hooks/pre-commit", "sub/.GIT/config", "git~1/config", "x" * 250, ".g\u200cit/config",
]  # fmt: skip


def test_hostile_names_are_never_stored(project: Project, person: Person) -> None:
    """Names that would leave the folder, reach into .git or confuse a system are reported; the others come."""
    for name in HOSTILE:
        person.do(name, text="hostile")
    person.edit("good", "print(1)")
    before = {path for path in project.root.parent.rglob("*") if "databricks_sync" not in path.parts}
    ran = project.pull(code=1)
    after = {path for path in project.root.parent.rglob("*") if "databricks_sync" not in path.parts}
    assert "good.py" in project.names() and "\x1b" not in ran.said
    new = {path.relative_to(project.root).as_posix() for path in after - before}
    assert new == {"notebooks", "notebooks/good.py"}


def test_hostile_names_stop_nothing_else(project: Project, person: Person) -> None:
    """A push beside hostile names carries what is here, and removes none of them."""
    for name in HOSTILE:
        person.do(name, text="hostile")
    there = person.names()
    project.notebook("notebooks/a.py", "print(1)")
    for options in ((), ("--mirror", "--max-delete=99")):
        project.push(*options, code=(0, 1))
    assert person.names() == {"a", *there}


def test_a_name_that_git_ignores_is_not_stored(project: Project, person: Person) -> None:
    """A notebook whose file git would ignore is reported and not written."""
    project.write(".gitignore", "secret*\n")
    person.edit("secret", "print(1)")
    person.edit("good", "print(1)")
    ran = project.pull(code=(0, 1, 4))
    assert "ignore" in ran.out and project.names() == {"good.py"}


def test_a_language_whose_files_git_ignores_is_not_stored(one: Project, person: Person) -> None:
    """A notebook that became SQL stays the Python file it is here where git ignores SQL files, and is not forgotten."""
    one.write(".gitignore", "*.sql\n")
    person.edit("a", "select 1", language="sql")
    before = one.files()
    for _ in range(2):
        ran = one.quick("from_databricks")
        assert "notebooks/a.sql is ignored by git, so it is not synced" in ran.out and one.files() == before
    one.remove(".gitignore")
    one.quick("from_databricks")
    assert one.names() == {"a.sql"}


def test_a_pull_never_replaces_an_ignored_file(project: Project, person: Person) -> None:
    """A file here that git ignores is nobody's: a new notebook of its name does not replace it."""
    project.write(".gitignore", "mine.csv\n")
    project.write("notebooks/mine.csv", "precious")
    person.put("mine.csv", "theirs")
    project.pull("--overwrite", code=(0, 1, 4))
    assert project.text("notebooks/mine.csv") == "precious"


def test_a_file_and_a_notebook_of_one_local_name_do_not_replace_each_other(project: Project, person: Person) -> None:
    """The workspace file `a.py` and the notebook `a` want one file here: at most one comes, the other is reported."""
    person.put("a.py", SCRIPT)
    person.edit("a", "print(1)")
    ran = project.pull(code=(1, 4))
    assert "a.py" in ran.out and len(project.names()) <= 1
    first = project.files()
    project.pull(code=(1, 4))
    assert project.files() == first


def test_twins_of_normalisation_are_refused(project: Project, person: Person) -> None:
    """Two names that differ only in how an accent is written are reported and not stored over each other."""
    person.edit("caf\u00e9", "composed")
    person.edit("cafe\u0301", "decomposed")
    ran = project.pull(code=1)
    assert project.names() == set() and "caf" in ran.out


def test_twins_of_case_are_refused_where_the_disk_cannot_hold_them(project: Project, person: Person) -> None:
    """On a disk that ignores case, as git has found it to, `A` and `a` are reported and not stored over each other."""
    project.git("config", "core.ignorecase", "true")
    person.edit("A", "one")
    person.edit("a", "two")
    project.pull(code=1)
    assert project.names() == set()


def test_a_new_notebook_behind_a_symbolic_link_is_not_stored(project: Project, person: Person) -> None:
    """A folder that is a link out of the project is never written through."""
    outside = project.home / "outside"
    outside.mkdir()
    project.write("notebooks/a.txt", "a")
    (project.root / "notebooks/linked").symlink_to(outside, target_is_directory=True)
    person.edit("linked/evil", "print(1)")
    project.pull("--overwrite", code=(0, 1, 4))
    assert list(outside.iterdir()) == []


def test_a_file_that_becomes_a_folder_is_pushed(project: Project, person: Person) -> None:
    """A file that moved into a folder of its own name does so in the workspace, with one push."""
    project.write("notebooks/data", "1,2\n")
    project.notebook("notebooks/a.py", "print(1)")
    project.quick("to_databricks")
    project.remove("notebooks/data")
    project.write("notebooks/data/data", "1,2\n")
    project.quick("to_databricks")
    assert person.names() == {"a", "data/data"}
    project.at_rest()


def test_a_folder_that_becomes_a_file_is_pulled(project: Project, person: Person) -> None:
    """A folder whose last file went, and whose name a file took, does so here, with one pull."""
    project.write("notebooks/data/x.csv", "1,2\n")
    project.notebook("notebooks/a.py", "print(1)")
    project.quick("to_databricks")
    person.delete("data")
    person.put("data", "3,4\n")
    project.quick("from_databricks")
    assert project.names() == {"a.py", "data"}
    project.at_rest()


def test_a_folder_in_the_way_of_a_new_notebook_is_reported(project: Project, person: Person) -> None:
    """A notebook whose file name a folder has here is reported, and the others come."""
    (project.root / "notebooks/a.py").mkdir(parents=True)
    person.edit("a", "print(1)")
    person.edit("b", "print(1)")
    ran = project.pull(code=(1, 4))
    assert "a.py" in ran.out and (project.root / "notebooks/b.py").is_file()


def test_a_file_in_the_way_of_a_new_folder_is_reported(project: Project, person: Person) -> None:
    """A notebook whose folder is a file here is reported, and the others come."""
    project.write("notebooks/sub", "a file")
    person.edit("sub/a", "print(1)")
    person.edit("b", "print(1)")
    ran = project.pull(code=(1, 4))
    assert "sub" in ran.out and (project.root / "notebooks/b.py").is_file()
    assert project.text("notebooks/sub") == "a file"
