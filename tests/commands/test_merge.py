"""`from_databricks --merge`, and the notebooks with markers it writes."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import nbformat
import pytest
from support.project import Person, Project, Ran, Workspace, jupyter, notebook, sources
from support.starts import Starts

from databricks_sync import failpoints

THREE = ("a = 1", "b = 1", "c = 1")
CLASH = "<<<<<<< local\nb = 'mine'\n||||||| last sync\nb = 1\n=======\nb = 'theirs'\n>>>>>>> workspace"
VICTIM = Path(__file__).parents[1] / "safety/victim.py"
HASHES = pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])


@pytest.fixture
def three(project: Project, starts: Starts) -> Project:
    """A project of one notebook with three cells, in sync with the workspace."""
    return starts.begin("three", project, _push_three)


def _push_three(project: Project) -> None:
    project.notebook("notebooks/n.py", *THREE)
    project.push()


def pull(project: Project, *typed: str, code: int | tuple[int, ...] = 0) -> Ran:
    return project.quick("from_databricks", *typed, code=code)


def push(project: Project, *typed: str, code: int = 0) -> Ran:
    return project.quick("to_databricks", *typed, code=code)


def apart(project: Project, person: Person, here: str = "a = 2", there: str = "c = 2") -> None:
    """The first cell is edited here and the last one there."""
    project.notebook("notebooks/n.py", here, *THREE[1:])
    person.edit("n", *THREE[:2], there)


def same_cell(project: Project, person: Person) -> None:
    """The second cell is edited on both sides, the third only there."""
    project.notebook("notebooks/n.py", "a = 1", "b = 'mine'", "c = 1")
    person.edit("n", "a = 1", "b = 'theirs'", "c = 2")


@HASHES
def test_edits_of_different_cells_are_merged_here(
    project: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """The merge is written here, with a backup, and the next push carries it: then both sides have both edits."""
    workspace.set(hashes=hashes)
    project.notebook("notebooks/n.py", *THREE)
    project.push()
    apart(project, person)
    ran = project.pull("--merge")
    assert "Merge locally (1)" in ran.out and "edited on both sides, 1 cell from the workspace" in ran.out
    assert "1 merged" in ran.out and "to push these changes:  to_databricks" in ran.out and not ran.writes
    assert project.text("notebooks/n.py") == notebook("a = 2", "b = 1", "c = 2")
    assert notebook("a = 2", *THREE[1:]).encode() in project.backups()
    assert "1 updated" in project.push().out
    assert person.read("n").decode() == notebook("a = 2", "b = 1", "c = 2")
    project.at_rest()


def test_a_second_merge_has_nothing_to_do(three: Project, person: Person) -> None:
    """What is merged is merged: run again, the folder is ahead and nothing is written."""
    apart(three, person)
    pull(three, "--merge")
    state = three.files()
    assert "1 skipped" in pull(three, "--merge").out and three.files() == state


def test_what_is_edited_there_again_is_merged_again(three: Project, person: Person) -> None:
    """After a merge, another edit there meets the merged notebook, and what was merged is what was agreed on."""
    apart(three, person)
    pull(three, "--merge")
    person.edit("n", "a = 1", "b = 3", "c = 2")
    pull(three, "--merge")
    assert three.text("notebooks/n.py") == notebook("a = 2", "b = 3", "c = 2")


def test_a_merge_that_brings_nothing_new_writes_nothing(three: Project, person: Person) -> None:
    """Where all that was edited there was edited here too, the file stays as it is, and the conflict is over."""
    three.notebook("notebooks/n.py", "a = 2", "b = 1", "c = 2")
    person.edit("n", "a = 2", *THREE[1:])
    before = (three.root / "notebooks/n.py").stat().st_mtime_ns
    assert "nothing new from the workspace" in pull(three, "--merge").out and not three.backups()
    assert (three.root / "notebooks/n.py").stat().st_mtime_ns == before
    assert "1 updated" in push(three).out


def test_a_jupyter_notebook_is_merged(project: Project, person: Person) -> None:
    """An .ipynb stays valid, and cells that nobody edited there keep their outputs and ids here."""
    project.write("notebooks/n.ipynb", jupyter(*THREE))
    push(project)
    ours = json.loads(jupyter("a = 2", *THREE[1:]))
    ours["cells"][1]["outputs"] = []
    project.write("notebooks/n.ipynb", json.dumps(ours))
    person.edit("n", *THREE[:2], "c = 2", "d = 1", export_format="JUPYTER")
    assert "2 cells from the workspace" in pull(project, "--merge").out
    merged = json.loads(project.read("notebooks/n.ipynb"))
    nbformat.validate(merged)
    assert sources(project.read("notebooks/n.ipynb")) == ["a = 2", "b = 1", "c = 2", "d = 1"]
    assert merged["cells"][:2] == ours["cells"][:2]
    push(project)
    project.at_rest()


def test_the_same_cell_stays_a_conflict(three: Project, person: Person) -> None:
    """A cell that both sides changed leaves both as they are, and is named with the ways out."""
    same_cell(three, person)
    before = three.everything()
    ran = pull(three, "--merge", "--dry-run", code=1)
    assert three.everything() == before
    assert "cell 2 (python) changed on both sides" in ran.out and "cell 3" not in ran.out
    assert "from_databricks --merge --markers notebooks/n.py" in ran.out
    before = three.files()
    pull(three, "--merge", code=1)
    assert three.files() == before and b"theirs" in person.read("n")


def test_a_conflict_proposes_a_merge(three: Project, person: Person) -> None:
    """Without --merge, a conflict of two edits of a notebook says how to merge; one of a file does not."""
    apart(three, person)
    assert "from_databricks --merge notebooks/n.py" in push(three, code=1).out
    pull(three, "--merge", "notebooks/n.py")
    three.write("notebooks/x.csv", "1")
    push(three)
    three.write("notebooks/x.csv", "2")
    person.put("x.csv", "3")
    assert "--merge" not in push(three, code=1).out
    assert "--merge" not in pull(three, "--merge", code=1).out


def test_the_diff_shows_the_merge(three: Project, person: Person) -> None:
    """--dry-run --diff --merge shows what the file would get, and no edit of its own as a change."""
    apart(three, person)
    before = three.everything()
    out = pull(three, "--merge", "--dry-run", "--diff").out
    assert "Would merge locally (1)" in out and "+c = 2" in out and "a = 2" not in out
    assert three.everything() == before


def test_markers_are_resolved_in_an_editor(three: Project, person: Person) -> None:
    """--markers writes both versions into the cell; nothing is carried until they are gone, and then all is."""
    same_cell(three, person)
    ran = three.pull("--merge", "--markers", code=1)
    assert "Write conflict markers locally (1)" in ran.out and "1 marked" in ran.out
    assert three.text("notebooks/n.py") == notebook("a = 1", CLASH, "c = 2")
    assert notebook("a = 1", "b = 'mine'", "c = 1").encode() in three.backups()
    for options in ((), ("--overwrite",), ("--mirror",)):
        ran = three.push(*options, code=1)
        assert "notebooks/n.py still contains conflict markers (cell 2)" in ran.out and not ran.carried
    three.notebook("notebooks/n.py", "a = 1", "b = 'both'", "c = 2")
    assert "1 updated" in three.push().out
    assert person.read("n").decode() == notebook("a = 1", "b = 'both'", "c = 2")
    three.at_rest()


def test_markers_of_git_are_resolved_too(three: Project, person: Person) -> None:
    """What git merged with markers, and somebody committed all the same, is not pushed before they are gone."""
    three.commit()
    three.git("checkout", "-q", "-b", "other")
    three.notebook("notebooks/n.py", "a = 1", "b = 'other'", "c = 1")
    three.commit()
    three.git("checkout", "-q", "main")
    three.notebook("notebooks/n.py", "a = 1", "b = 'mine'", "c = 1")
    three.commit()
    three.git("merge", "-q", "other", check=False)
    three.commit()
    for options in ((), ("--overwrite",), ("--mirror",)):
        ran = three.push(*options, code=1)
        assert "notebooks/n.py still contains conflict markers (cell 2)" in ran.out and not ran.carried
    three.notebook("notebooks/n.py", "a = 1", "b = 'both'", "c = 1")
    three.push()
    three.at_rest()


def test_markers_hold_up_no_other_path(three: Project, person: Person) -> None:
    """A push refuses the notebook with markers and carries the others."""
    same_cell(three, person)
    pull(three, "--merge", "--markers", code=1)
    three.notebook("notebooks/other.py", "1")
    ran = push(three, code=1)
    assert "1 created" in ran.out and "1 refused" in ran.out and person.names() == {"n", "other"}


def test_markers_within_long_cells_are_short(three: Project, person: Person) -> None:
    """Within a cell only the lines that clash are between markers, as git would have it."""
    lines = [f"x{number} = {number}" for number in range(9)]
    three.notebook("notebooks/n.py", "\n".join(lines))
    push(three)
    three.notebook("notebooks/n.py", "\n".join(["mine", *lines[1:-1], "m"]))
    person.edit("n", "\n".join(["theirs", *lines[1:-1], "x8 = 8"]))
    pull(three, "--merge", "--markers", code=1)
    text = three.text("notebooks/n.py")
    assert text.count("<<<<<<< local") == 1 and text.count("x4 = 4") == 1 and text.endswith("x7 = 7\nm\n")


def test_markers_of_a_jupyter_notebook(project: Project, person: Person) -> None:
    """An .ipynb with markers is a valid notebook, and refused all the same."""
    project.write("notebooks/n.ipynb", jupyter(*THREE))
    push(project)
    project.write("notebooks/n.ipynb", jupyter("a = 1", "b = 'mine'"))
    person.edit("n", "a = 1", "b = 'theirs'", "c = 2", export_format="JUPYTER")
    pull(project, "--merge", "--markers", code=1)
    document = json.loads(project.read("notebooks/n.ipynb"))
    nbformat.validate(document)
    cells = sources(project.read("notebooks/n.ipynb"))
    assert "b = 'mine'" in cells[1] and "b = 'theirs'" in cells[1]
    assert cells[2:] == ["<<<<<<< local", "=======", "c = 2", ">>>>>>> workspace"]
    assert "still contains conflict markers (cell 2)" in push(project, code=1).out


def test_a_file_with_markers_is_not_merged_into(three: Project, person: Person) -> None:
    """Where markers are still to be resolved, a further edit there stays a conflict and says why."""
    same_cell(three, person)
    pull(three, "--merge", "--markers", code=1)
    before = three.files()
    person.edit("n", "a = 1", "b = 'again'")
    assert "not merged: it still contains the markers of an earlier conflict" in pull(three, "--merge", code=1).out
    assert three.files() == before


def test_without_a_common_version_nothing_is_merged(three: Project, person: Person) -> None:
    """In a clone without a record of the last sync a conflict stays, with a sentence."""
    apart(three, person)
    clone = three.clone()
    assert "not merged: no earlier sync of it is known in this clone" in pull(clone, "--merge", code=1).out
    assert clone.text("notebooks/n.py") == three.text("notebooks/n.py")


def test_a_damaged_common_version_is_none(three: Project, person: Person) -> None:
    """Bytes that are not what both sides agreed on are never merged from."""
    other = notebook("a = 1", "b = 1").encode()
    (record,) = (three.root / ".git/databricks_sync").glob("*/state.db")
    with closing(sqlite3.connect(record)) as db, db:
        db.execute("UPDATE content SET sha = ?, body = ?", (sha256(other).hexdigest(), zlib.compress(other)))
        db.execute("UPDATE base SET sha = '', local_sha = ?", (sha256(other).hexdigest(),))
    apart(three, person)
    assert "no earlier sync of it is known in this clone" in pull(three, "--merge", code=1).out


def test_another_language_is_not_merged(three: Project, person: Person) -> None:
    """A notebook that got another language there stays a conflict, and says so."""
    three.notebook("notebooks/n.py", "a = 2", *THREE[1:])
    person.edit("n", *THREE, language="sql")
    assert "its language is PYTHON locally and SQL in the workspace" in pull(three, "--merge", code=1).out


def test_a_program_reads_the_merge(three: Project, person: Person) -> None:
    """--json tells the cells of a merge and of a conflict under stable keys."""
    apart(three, person)
    ran = pull(three, "--merge", "--json")
    (plan,) = ran.all("plan")
    assert plan["action"] == "merge" and plan["merge"] == {"cells_from_there": 1, "conflicts": [], "reason": None}
    assert [one["result"] for one in ran.all("result")] == ["done"] and ran.summary["merge"] == 1
    same_cell(three, person)
    ran = pull(three, "--merge", "--markers", "--json", code=1)
    (plan,) = ran.all("plan")
    clash = {"cell": 2, "cell_there": 2, "here": "changed", "there": "changed", "language": "python", "title": ""}
    assert plan["action"] == "mark" and plan["merge"]["conflicts"] == [clash]
    assert ran.summary["mark"] == 1 and ran.summary["exit_code"] == 1


def test_an_edit_here_during_the_merge_is_left_alone(
    three: Project, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is saved between the plan and the write is not replaced."""
    apart(three, person)
    here = three.root / "notebooks/n.py"

    def saved(label: str) -> None:
        if label == "planned":
            here.write_bytes(here.read_bytes() + b"# saved\n")

    monkeypatch.setattr(failpoints, "hook", saved)
    ran = pull(three, "--merge", code=1)
    assert "was changed locally during the run" in ran.out
    assert three.text("notebooks/n.py") == notebook("a = 2", *THREE[1:]) + "# saved\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9")
@pytest.mark.parametrize("label", ["after intents", "after backup", "after local replace", "in base", "after base"])
def test_a_killed_merge_is_finished_by_the_next(three: Project, person: Person, label: str) -> None:
    """Wherever a run dies that writes markers, the next one leaves the file as the first would have, to be resolved."""
    same_cell(three, person)
    typed = [sys.executable, str(VICTIM), "from_databricks", label, "1", "--merge", "--markers"]
    died = subprocess.run(typed, cwd=three.root, env=three.env, capture_output=True, check=False, timeout=300)
    assert died.returncode == -signal.SIGKILL
    pull(three, "--merge", "--markers", code=(0, 1))
    assert three.text("notebooks/n.py") == notebook("a = 1", CLASH, "c = 2")
    assert notebook("a = 1", "b = 'mine'", "c = 1").encode() in three.backups()
    three.notebook("notebooks/n.py", "a = 1", "b = 'both'", "c = 2")
    assert "1 updated" in push(three).out
    assert person.read("n").decode() == notebook("a = 1", "b = 'both'", "c = 2")


@pytest.mark.parametrize("typed", [("--merge", "--overwrite"), ("--markers",), ("--merge", "--watch")])
def test_options_that_do_not_go_together(three: Project, typed: tuple[str, ...]) -> None:
    """Contradictory options are a mistake of usage."""
    pull(three, *typed, code=2)
