"""What is carried, under which name, and that carrying it twice does nothing."""

from __future__ import annotations

import json
import os

import pytest
from support.project import HOME, MKDIRS, Person, Project, Workspace, jupyter, notebook, rule, sources

AT = f"{HOME}/main"
LANGUAGES = {"n1.py": "python", "n2.sql": "sql", "n3.scala": "scala", "n4.r": "r", "n5.R": "r"}


def test_each_language_goes_up_and_comes_back(project: Project, person: Person) -> None:
    """A notebook of every language is one in the workspace, and an edit there comes back into its file."""
    for name, language in LANGUAGES.items():
        project.notebook(f"notebooks/{name}", "one", "two", language=language)
    project.push()
    for name, language in LANGUAGES.items():
        told = person.details()[name[:2]]
        assert (told["object_type"], told["language"]) == ("NOTEBOOK", language.upper())
        person.edit(name[:2], "one", "edited", language=language)
    project.pull("--allow-all-changed")
    assert project.files() == {
        name: notebook("one", "edited", language=language).encode() for name, language in LANGUAGES.items()
    }
    project.at_rest()


def test_a_jupyter_notebook_keeps_its_form(project: Project, person: Person) -> None:
    """An .ipynb is a notebook in the workspace, and an edit there changes the edited cell and no other."""
    project.write("notebooks/n.ipynb", jupyter("x = 1", "y = 2"))
    project.push()
    assert person.tree() == {"n": "NOTEBOOK"}
    person.edit("n", "x = 1", "y = 3", export_format="JUPYTER")
    project.pull()
    first, second = json.loads(project.read("notebooks/n.ipynb"))["cells"]
    assert first == json.loads(jupyter("x = 1"))["cells"][0]
    assert (second["id"], second["source"]) == ("cell-1", ["y = 3"])
    project.at_rest()


def test_a_jupyter_notebook_of_another_language_stays_one(project: Project, person: Person) -> None:
    """An .ipynb in R, Scala or SQL survives a push and an edit in the workspace."""
    for language in ("r", "scala", "sql"):
        project.write(f"notebooks/{language}.ipynb", jupyter("one", language=language))
    project.push()
    for language in ("r", "scala", "sql"):
        person.edit(language, "two", language=language, export_format="JUPYTER")
    project.pull()
    assert project.names() == {"r.ipynb", "scala.ipynb", "sql.ipynb"}
    assert all(sources(raw) == ["two"] for raw in project.files().values())
    project.at_rest()


CONTENTS = {
    "empty.txt": b"",
    "binary.bin": b"\x00\xff\x80binary",
    "crlf.csv": b"a\r\nb\r\n",
    "no newline": b"text",
    "marked.md": b"\xef\xbb\xbftext\n\n\n",
    "header.txt": notebook("in a text file").encode(),
}


def test_workspace_files_are_carried_to_the_byte(project: Project, person: Person) -> None:
    """Whatever is no notebook arrives with exactly its bytes, and its edited bytes come back."""
    for name, content in CONTENTS.items():
        project.write(f"notebooks/{name}", content)
    project.push()
    for name, content in CONTENTS.items():
        assert person.file(name) == content
        person.put(name, content + b"\x00more")
    project.pull("--allow-all-changed")
    assert project.files() == {name: content + b"\x00more" for name, content in CONTENTS.items()}


def test_a_large_workspace_file_is_carried(project: Project, person: Person) -> None:
    """A file of 11 MB, which is more than the JSON calls take, goes up and comes back."""
    content = os.urandom(11 * 2**20)
    project.write("notebooks/big.bin", content)
    project.push()
    assert person.file("big.bin") == content
    clone = project.clone()
    clone.remove("notebooks/big.bin")
    clone.pull()
    assert clone.read("notebooks/big.bin") == content


def test_a_script_without_the_header_is_a_file(project: Project, person: Person) -> None:
    """A `.py .sql .scala .r` file that is no notebook keeps its whole name and is a workspace file."""
    for suffix in ("py", "sql", "scala", "r", "R"):
        project.write(f"notebooks/script_{suffix}.{suffix}", "just a script\n")
    project.write("notebooks/empty.py", "")
    project.push()
    assert set(person.tree().values()) == {"FILE"}
    assert person.names() == project.names()
    project.at_rest()


def test_nested_folders_are_made(project: Project, person: Person) -> None:
    """Folders thirty deep are made in the workspace, and new ones made there come back."""
    deep = "/".join(f"d{n}" for n in range(30))
    project.notebook(f"notebooks/{deep}/n.py", "print(1)")
    project.push()
    assert f"{deep}/n" in person.names()
    person.edit(f"{deep}/further/m", "print(2)")
    project.pull()
    assert f"{deep}/further/m.py" in project.names()


def test_a_slow_folder_holds_up_only_what_goes_into_it(project: Project, workspace: Workspace) -> None:
    """A file is sent as soon as its own folder is there, and none before."""
    for folder in ("fast", "slow", "slow/inner"):
        project.notebook(f"notebooks/{folder}/n.py", "print(1)")
    workspace.faults(rule(MKDIRS, {"kind": "latency", "ms": 400}, object=f"{AT}/slow/inner"))
    project.push()
    sent = [one for one in workspace.requests() if one["method"] == "POST" and one["object"].startswith(f"{AT}/")]
    at_once = {one["object"].removeprefix(f"{AT}/"): one["at_once"] for one in sent}
    assert len(sent) == len(at_once) == 2 + 3
    assert at_once["fast/n"] == 2  # beside the folder


NAMES = [
    "Ünïcode 日本 🚲",
    "with blanks  and more",
    "c# d+e",
    "100%25 sure",
    "why?&a=b;c",
    "[b]x[/b]",
    'quote\'d "twice"',
    "semi;colon$HOME`id`",
    "-dash",
    "two.dots.here",
    "e\u0301 decomposed",
]


def test_every_usual_name_goes_up_and_comes_back(project: Project, person: Person) -> None:
    """Names with blanks, unicode and characters special to URLs, shells and markup are carried both ways."""
    for name in NAMES:
        project.notebook(f"notebooks/{name}.py", "print(1)")
        project.write(f"notebooks/files/{name}.txt", name)
    project.push()
    assert len(person.names()) == 2 * len(NAMES)
    for name in sorted(person.names()):
        if not name.endswith(".txt"):
            person.edit(name, "print(2)")
    ran = project.pull()
    assert f"{len(NAMES)} updated" in ran.out
    assert all(project.text(f"notebooks/{name}.py") == notebook("print(2)") for name in NAMES)
    project.at_rest()


def test_usual_names_from_the_workspace_are_stored(project: Project, person: Person) -> None:
    """What people call notebooks in the browser comes down, colons and brackets included."""
    names = ["New Notebook 2026-05-04 13:54:24", "a+b c#d", "50%", "[red]x[/red]", "naïve", "x"]
    for name in names:
        person.edit(name, "print(1)")
    project.pull()
    assert project.names() == {f"{name}.py" for name in names}
    project.at_rest()


def test_several_folders_become_children_of_the_target(project: Project, person: Person) -> None:
    """Two folders in NOTEBOOK_FOLDER lie side by side in the workspace and come back each into its own."""
    project.env["NOTEBOOK_FOLDER"] = "notebooks, src/jobs"
    project.notebook("notebooks/a.py", "print(1)")
    project.notebook("src/jobs/b.py", "print(2)")
    project.push()
    assert person.names() == {"notebooks/a", "jobs/b"}
    person.edit("jobs/b", "print(3)")
    person.edit("stray", "print(4)")
    ran = project.pull()
    assert "none of the folders" in ran.out
    assert project.text("src/jobs/b.py") == notebook("print(3)")
    assert set(project.carried()) == {"notebooks/a.py", "src/jobs/b.py"}


def test_another_single_folder_is_carried_as_the_target_itself(project: Project, person: Person) -> None:
    """One folder in NOTEBOOK_FOLDER is the branch folder, whatever it is called."""
    project.notebook("src/a.py", "print(1)")
    project.push(env={"NOTEBOOK_FOLDER": "src"})
    assert person.names() == {"a"}


def test_the_project_itself_can_be_the_folder(project: Project, person: Person) -> None:
    """NOTEBOOK_FOLDER `.` carries the whole work tree without git's own files."""
    project.notebook("a.py", "print(1)")
    project.notebook("etl/b.py", "print(1)")
    project.push(env={"NOTEBOOK_FOLDER": "."})
    assert person.names() == {"a", "etl/b"}


def test_git_decides_what_is_carried(project: Project, person: Person) -> None:
    """Untracked files go, ignored ones stay, and tracked ones go although they are ignored."""
    for name in ("tracked", "untracked", "ignored", "forced"):
        project.notebook(f"notebooks/{name}.py", "print(1)")
    project.write(".gitignore", "ignored.py\nforced.py\n")
    project.git("add", "notebooks/tracked.py")
    project.git("add", "-f", "notebooks/forced.py")
    project.push()
    assert person.names() == {"tracked", "untracked", "forced"}


def test_litter_of_editors_is_not_carried(project: Project, person: Person) -> None:
    """Swap files and checkpoints stay here, whether or not .gitignore names them."""
    project.notebook("notebooks/a.py", "print(1)")
    for name in (".a.py.swp", "a.py~", ".#a.py", ".ipynb_checkpoints/a-checkpoint.ipynb", ".DS_Store"):
        project.write(f"notebooks/{name}", "litter")
    project.push()
    assert person.names() == {"a"}


def test_a_second_run_writes_nothing(pushed: Project) -> None:
    """Running either command again sends no writing request and touches no file."""
    pushed.at_rest()


@pytest.mark.parametrize(
    "settings", [{"newlines": "legacy"}, {"hashes": False}, {"newlines": "legacy", "hashes": False}]
)
def test_a_second_run_writes_nothing_whatever_the_workspace_can(
    project: Project, workspace: Workspace, settings: dict[str, object]
) -> None:
    """Neither the old newline rules nor a workspace without hashes make a run find something to do."""
    workspace.set(**settings)
    project.notebook("notebooks/a.py", "print(1)", "# MAGIC %md\n# MAGIC\n# MAGIC text")
    project.write("notebooks/b.sql", notebook("select 1", language="sql") + "\n\n")
    project.write("notebooks/c.ipynb", jupyter("x = 1"))
    project.write("notebooks/d.txt", "text\n\n")
    project.write("notebooks/e.txt", "")
    project.push()
    project.at_rest()


def test_a_push_never_touches_the_folder(pushed: Project, person: Person) -> None:
    """A push changes no local file, though the workspace has edits, deletions and new notebooks."""
    person.edit("a", "edited")
    person.edit("new", "new")
    person.delete("b")
    before = pushed.files()
    pushed.push("--overwrite")
    pushed.push("--mirror")
    assert pushed.files() == before


def test_a_pull_never_touches_the_workspace(pushed: Project) -> None:
    """A pull sends no writing request, though the folder has edits, deletions and new notebooks."""
    pushed.notebook("notebooks/a.py", "edited")
    pushed.notebook("notebooks/new.py", "new")
    pushed.remove("notebooks/b.py")
    assert pushed.pull().writes == []
    assert pushed.pull("--overwrite").writes == []


def test_a_new_notebook_comes_in_the_form_the_workspace_says(project: Project, person: Person) -> None:
    """A notebook made in the workspace comes as .ipynb when its format there is JUPYTER, else as source."""
    person.edit("as_source", "print(1)")
    person.edit("as_jupyter", "print(2)", export_format="JUPYTER")
    person.edit("in_sql", "select 1", language="sql")
    project.pull()
    assert project.names() == {"as_source.py", "as_jupyter.ipynb", "in_sql.sql"}
    assert sources(project.read("notebooks/as_jupyter.ipynb")) == ["print(2)"]
    project.at_rest()


def test_a_dry_run_changes_nothing(pushed: Project, person: Person) -> None:
    """With --dry-run neither side changes, no writing request is sent and not even the state moves."""
    pushed.notebook("notebooks/a.py", "edited here")
    pushed.notebook("notebooks/new.py", "new")
    pushed.remove("notebooks/b.py")
    person.edit("c", "edited there")
    person.edit("made there", "x")
    before, there = pushed.everything(), person.details()
    for run, *options in (
        (pushed.push, "-n"),
        (pushed.pull, "--dry-run"),
        (pushed.push, "-n", "--mirror"),
        (pushed.pull, "-n", "--overwrite"),
    ):
        assert run(*options).writes == []
    assert (pushed.everything(), person.details()) == (before, there)


def test_a_first_dry_run_leaves_no_trace(project: Project, person: Person) -> None:
    """A dry run before anything was ever carried makes no folder, here or there, and no state."""
    project.notebook("notebooks/a.py", "print(1)")
    before = project.everything()
    assert "+ notebooks/a.py" in project.push("--dry-run").out
    project.pull("--dry-run", code=(0, 2))
    assert project.everything() == before and person.at(HOME).tree() == {}


def test_a_dry_run_tells_what_the_run_then_does(pushed: Project, person: Person) -> None:
    """The plan of a dry run and of the run after it are the same."""
    pushed.notebook("notebooks/a.py", "edited")
    pushed.remove("notebooks/b.py")
    person.edit("c", "edited there")
    planned = pushed.push("-n", "--json").actions
    assert pushed.push("--json").actions == planned


def test_only_the_named_paths_are_carried(pushed: Project, person: Person) -> None:
    """PATHS restrict a run to a file or a folder, and the rest waits."""
    for name in ("a", "b", "etl/load", "etl/deep/save"):
        pushed.notebook(f"notebooks/{name}.py", "edited")
    pushed.push("notebooks/a.py", "notebooks/etl/deep")
    assert b"edited" in person.read("a") and b"edited" in person.read("etl/deep/save")
    assert b"edited" not in person.read("b") and b"edited" not in person.read("etl/load")
    assert "2 updated" in pushed.push().out


def test_paths_are_those_of_the_folder_one_stands_in(pushed: Project, person: Person) -> None:
    """PATHS typed in a folder below the project are found as the shell completes them."""
    pushed.notebook("notebooks/etl/load.py", "edited")
    pushed.push("etl/load.py", cwd=pushed.root / "notebooks", env={"PROJECT_FOLDER": str(pushed.root)})
    assert b"edited" in person.read("etl/load")


def test_paths_restrict_a_pull(pushed: Project, person: Person) -> None:
    """A pull of one path leaves the other edits where they are."""
    person.edit("a", "edited")
    person.edit("b", "edited")
    pushed.pull("notebooks/a.py")
    assert "edited" in pushed.text("notebooks/a.py") and "edited" not in pushed.text("notebooks/b.py")


def test_a_path_nobody_has_is_a_mistake(pushed: Project) -> None:
    """A name that neither side has ends the run with exit 2 and writes nothing."""
    ran = pushed.push("notebooks/nowhere.py", code=2)
    assert "notebooks/nowhere.py" in ran.err and not ran.writes


def test_a_fresh_clone_adopts_what_is_equal(pushed: Project, person: Person) -> None:
    """Another machine finds everything in sync, and its next edit is a plain update."""
    clone = pushed.clone()
    assert "nothing to do" in clone.push().out
    clone.notebook("notebooks/a.py", "edited")
    assert "1 updated" in clone.push().out
    assert b"edited" in person.read("a")


def test_a_fresh_clone_replaces_nothing_that_differs(pushed: Project, person: Person) -> None:
    """Without a memory of a sync, what differs is a conflict and what is missing is deleted nowhere."""
    clone = pushed.clone()
    person.edit("a", "edited there")
    clone.remove("notebooks/b.py")
    ran = clone.push("--json", code=1)
    assert (ran.actions["a"], ran.actions["b"]) == ("conflict", "ahead")
    assert not ran.writes


def test_a_renamed_notebook_is_renamed_there(pushed: Project, person: Person) -> None:
    """A move is carried as a move: the new name is written before the old one goes."""
    pushed.git("mv", "notebooks/a.py", "notebooks/renamed.py")
    ran = pushed.push()
    assert "renamed" in person.names() and "a" not in person.names()
    verbs = [verb for verb, _ in ran.writes]
    assert verbs.index("import") < verbs.index("delete")


def test_a_moved_folder_is_no_mass_deletion(pushed: Project, person: Person) -> None:
    """Renaming the folder of most notebooks needs no flag, for nothing is lost."""
    pushed.git("mv", "notebooks/etl", "notebooks/pipeline")
    pushed.push()
    assert {"pipeline/load", "pipeline/deep/save"} < person.names()
    assert "etl" not in person.tree()


def test_a_rename_in_the_workspace_comes_back(pushed: Project, person: Person) -> None:
    """A notebook that was renamed in the browser has the new name here after a pull."""
    person.do("a", move_to=f"{person.folder}/renamed")
    pushed.pull()
    assert "renamed.py" in pushed.names() and "a.py" not in pushed.names()
    pushed.at_rest()


def test_a_hundred_notebooks_are_carried(project: Project, person: Person) -> None:
    """A hundred notebooks in ten folders go up in one run and need three requests to be found in sync."""
    for number in range(100):
        project.notebook(f"notebooks/f{number % 10}/n{number}.py", f"print({number})")
    project.push()
    assert len(person.names()) == 100
    assert len(project.push().requests) <= 3
