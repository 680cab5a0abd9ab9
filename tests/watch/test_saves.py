"""What editors and people do to files, and what of it arrives in the workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import HOME, IMPORT, Person, Project, Workspace, answer, jupyter, notebook, rule

from .world import Watching

Start = Callable[..., Watching]
AT = f"{HOME}/main"


def writes(workspace: Workspace) -> list[tuple[str, str]]:
    """The writing requests about the branch folder: what was done to which object."""
    return [
        (one["endpoint"].rpartition("/")[2], one["object"].removeprefix(f"{AT}/"))
        for one in workspace.requests()
        if one["method"] == "POST" and one["object"].startswith(f"{AT}/")
    ]


def holds(person: Person, name: str, *cells: str) -> Callable[[], bool]:
    return lambda: name in person.names() and person.read(name).decode() == notebook(*cells)


# --- a save -------------------------------------------------------------------------------------------------


def test_a_save_is_in_the_workspace_at_once(pushed: Project, person: Person, watching: Start) -> None:
    """A saved notebook is in the workspace with one import, and nothing else is written.

    How soon says `make bench`, and test_rhythm.py for how long it is waited with.
    """
    watch = watching()
    pushed.workspace.forget()
    pushed.notebook("notebooks/a.py", "saved")
    watch.until(holds(person, "a", "saved"))
    watch.until_state("watching")
    assert writes(pushed.workspace) == [("import", "a")]
    assert len(watch.all("result", path="notebooks/a.py", action="update", result="done")) == 1


def test_new_and_deleted_files(pushed: Project, person: Person, watching: Start) -> None:
    """New files and folders appear in the workspace, and deleted ones go."""
    watch = watching()
    pushed.notebook("notebooks/new/deep/er.py", "new")
    pushed.remove("notebooks/b.py")
    watch.until(holds(person, "new/deep/er", "new"))
    watch.until(lambda: "b" not in person.names())


def test_a_renamed_folder(pushed: Project, person: Person, watching: Start) -> None:
    """A folder that is renamed is renamed in the workspace, with everything in it, and is followed there."""
    watch = watching()
    (pushed.root / "notebooks/etl").rename(pushed.root / "notebooks/elt")
    watch.until(lambda: {"elt/load", "elt/clean", "elt/deep/save"} <= person.names())
    watch.until(lambda: not any(name.startswith("etl/") for name in person.names()))
    pushed.notebook("notebooks/elt/load.py", "after")
    watch.until(holds(person, "elt/load", "after"))


def test_equal_content_is_not_written(pushed: Project, watching: Start) -> None:
    """Saving a file as it is writes nothing."""
    watch = watching()
    pushed.workspace.forget()
    (pushed.root / "notebooks/a.py").write_bytes(pushed.read("notebooks/a.py"))
    watch.until(lambda: any("/list" in one["endpoint"] for one in pushed.workspace.requests()))
    pushed.notebook("notebooks/c.py", "a change")
    watch.until(lambda: writes(pushed.workspace) == [("import", "c")])


def test_only_the_named_paths(pushed: Project, person: Person, watching: Start) -> None:
    """With PATHS, only what was named is carried."""
    watch = watching("to_databricks", "notebooks/etl")
    pushed.workspace.forget()
    pushed.notebook("notebooks/a.py", "not meant")
    pushed.notebook("notebooks/etl/load.py", "meant")
    watch.until(holds(person, "etl/load", "meant"))
    assert writes(pushed.workspace) == [("import", "etl/load")]


def test_nothing_is_asked_for_while_nothing_happens(pushed: Project, watching: Start) -> None:
    """A watch of files alone sends no request as long as no file changes."""
    watching()
    time.sleep(0.3)
    pushed.workspace.forget()
    time.sleep(0.7)
    assert pushed.workspace.requests() == []


# --- editors ------------------------------------------------------------------------------------------------


def by_rename(path: Path, text: str) -> None:
    """gedit, VS Code on some systems, many libraries: a new file takes the name."""
    temporary = path.with_name(f".{path.name}.goutputstream-XYZ~")
    temporary.write_text(text)
    temporary.rename(path)


def vim(path: Path, text: str) -> None:
    """Vim with a backup: a swap file, a probe called 4913, the old file renamed, the new one written, the old gone."""
    swap, probe, backup = path.with_name(f".{path.name}.swp"), path.with_name("4913"), Path(f"{path}~")
    swap.write_bytes(b"b0VIM 8.2")
    probe.write_bytes(b"")
    probe.unlink()
    path.rename(backup)
    with path.open("w") as file:
        for piece in (text[:20], text[20:]):
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    path.chmod(0o644)
    backup.unlink()
    swap.unlink()


def emacs(path: Path, text: str) -> None:
    """Emacs: a lock that is a link to nowhere, an autosave, a backup by copying."""
    lock, autosave = path.with_name(f".#{path.name}"), path.with_name(f"#{path.name}#")
    lock.symlink_to("me@machine.123:456")
    autosave.write_text(text)
    Path(f"{path}~").write_bytes(path.read_bytes())
    path.write_text(text)
    autosave.unlink()
    lock.unlink()


def in_pieces(path: Path, text: str) -> None:
    """An editor on a slow disk: the file is emptied, then written bit by bit."""
    with path.open("w") as file:
        for begin in range(0, len(text), 10):
            file.write(text[begin : begin + 10])
            file.flush()
            time.sleep(0.02)


def test_an_editor_saves(pushed: Project, person: Person, watching: Start) -> None:
    """However an editor saves, the file is carried once, in its final state, and nothing that lies beside it is."""
    watch = watching()
    before = person.names()
    for save in (by_rename, vim, emacs, in_pieces):
        pushed.workspace.forget()
        save(pushed.root / "notebooks/a.py", notebook("saved by an editor", f"{save.__name__} by name"))
        watch.until(holds(person, "a", "saved by an editor", f"{save.__name__} by name"))
        watch.until_state("watching")
        pushed.notebook("notebooks/b.py", f"the next save after {save.__name__}")
        watch.until(holds(person, "b", f"the next save after {save.__name__}"))
        made = writes(pushed.workspace)
        if save is in_pieces:  # where the disk is slow indeed, what stands there between two pieces is a save
            made = list(dict.fromkeys(made))
        assert made == [("import", "a"), ("import", "b")], save.__name__
        assert person.names() == before and not watch.parked()


@pytest.mark.long  # it is ignored, as in the test of that
def test_what_jupyter_leaves_behind(pushed: Project, person: Person, watching: Start) -> None:
    """Checkpoints, caches and backups cause no request at all."""
    watch = watching()
    time.sleep(0.2)
    pushed.workspace.forget()
    for name in (
        ".ipynb_checkpoints/a-checkpoint.ipynb",
        "__pycache__/a.pyc",
        "etl/.load.py.swp",
        "b.py~",
        ".DS_Store",
    ):
        pushed.write(f"notebooks/{name}", "litter")
    time.sleep(0.4)
    asked = pushed.workspace.requests()
    pushed.notebook("notebooks/a.py", "still alive")
    watch.until(holds(person, "a", "still alive"))
    assert len(asked) <= 4 and not any(one["method"] == "POST" for one in asked)  # that two folders were made, is news
    assert not any("checkpoint" in name or "litter" in name for name in person.names())


def test_a_half_written_notebook(pushed: Project, person: Person, watching: Start) -> None:
    """An .ipynb that is half written is parked, never sent and never taken for deleted; complete, it is carried."""
    pushed.write("notebooks/j.ipynb", jupyter("first"))
    watch = watching()
    assert "j" in person.names()
    pushed.workspace.forget()
    whole = jupyter("second", "third")
    pushed.write("notebooks/j.ipynb", whole[:100])
    watch.until(lambda: watch.parked() == {"notebooks/j.ipynb"})
    pushed.notebook("notebooks/a.py", "others go on")
    watch.until(holds(person, "a", "others go on"))
    pushed.write("notebooks/j.ipynb", whole)
    watch.until(lambda: not watch.parked())
    assert b"third" in person.read("j", "JUPYTER")
    assert writes(pushed.workspace) == [("import", "a"), ("import", "j")]


@pytest.mark.long  # test_a_half_written_notebook has the other form
@pytest.mark.parametrize("begun", ["", "# Databricks note"])
def test_a_half_written_source(pushed: Project, person: Person, watching: Start, begun: str) -> None:
    """A notebook whose file is empty, or holds half of its first line, is neither deleted nor made a plain file."""
    watch = watching()
    pushed.workspace.forget()
    pushed.write("notebooks/a.py", begun)
    pushed.notebook("notebooks/b.py", "others go on")
    watch.until(holds(person, "b", "others go on"))
    pushed.notebook("notebooks/a.py", "complete")
    watch.until(holds(person, "a", "complete"))
    assert writes(pushed.workspace) == [("import", "b"), ("import", "a")]


# --- many files ---------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_thousand_files_unpacked(project: Project, person: Person, watching: Start) -> None:
    """A thousand files that are unpacked into the folder are imported once, each or with its folder, and are there."""
    project.notebook("notebooks/a.py", "print(1)")
    watch = watching()
    packed = project.home / "many.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(1000):
            archive.writestr(f"unpacked/part_{number % 20}/n{number}.py", notebook(f"print({number})"))
    project.workspace.forget()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(project.root / "notebooks")
    watch.until(lambda: len(person.at(f"{AT}/unpacked").names()) == 1000)
    watch.until_state("watching")
    imported = Counter(name for verb, name in writes(project.workspace) if verb == "import")
    assert set(imported.values()) == {1}


def test_a_checkout_of_many_files(project: Project, person: Person, watching: Start) -> None:
    """Git giving many files another content within one branch leads to exactly that, with one import for each."""
    project.notebook("notebooks/same.py", "in both")
    for text in ("old", "new"):
        for number in range(80):
            project.notebook(f"notebooks/n{number}.py", f"print('{text} {number}')")
        project.commit(text)
    watch = watching()
    project.workspace.forget()
    project.git("checkout", "-q", "HEAD~1", "--", "notebooks")
    watch.until(lambda: len(writes(project.workspace)) >= 80)
    watch.until_state("watching")
    assert set(Counter(writes(project.workspace)).values()) == {1}
    assert all(person.read(f"n{number}") == notebook(f"print('old {number}')").encode() for number in (0, 40, 79))


# --- what is not carried ------------------------------------------------------------------------------------


def test_ignored_files_cause_no_request(pushed: Project, person: Person, watching: Start) -> None:
    """What git ignores may change as often as it likes: the workspace is not asked for anything."""
    pushed.write(".gitignore", "*.log\n")
    watch = watching()
    time.sleep(0.2)
    pushed.workspace.forget()
    for number in range(10):
        pushed.write("notebooks/run.log", f"line {number}\n" * number)
        time.sleep(0.05)
    time.sleep(0.3)
    assert pushed.workspace.requests() == []
    pushed.notebook("notebooks/a.py", "carried")
    watch.until(holds(person, "a", "carried"))


def test_what_is_no_longer_ignored_is_carried(pushed: Project, person: Person, watching: Start) -> None:
    """A file that git ignored is carried as soon as it no longer does."""
    pushed.write(".gitignore", "a_*.py\n")
    pushed.notebook("notebooks/a_draft.py", "draft")
    watch = watching()
    assert "a_draft" not in person.names()
    pushed.write(".gitignore", "")
    watch.until(holds(person, "a_draft", "draft"))
    pushed.write(".git/info/exclude", "b_*.py\n")
    pushed.notebook("notebooks/b_draft.py", "draft")
    pushed.notebook("notebooks/a.py", "carried")
    watch.until(holds(person, "a", "carried"))
    assert "b_draft" not in person.names()
    pushed.write(".git/info/exclude", "")
    watch.until(holds(person, "b_draft", "draft"))


@pytest.mark.long  # test_rhythm.py has the figures
def test_a_file_that_is_written_for_ever(pushed: Project, person: Person, watching: Start) -> None:
    """A log that grows without a pause is carried now and then, and saves beside it are carried too."""
    watch = watching()
    pushed.workspace.forget()
    log = pushed.write("notebooks/run.txt", "")
    with log.open("a") as file:
        for number in range(60):
            if number == 20:
                pushed.notebook("notebooks/a.py", "beside it")
            file.write(f"{number}\n")
            file.flush()
            time.sleep(0.04)
    watch.until(holds(person, "a", "beside it"))
    watch.until(lambda: "run.txt" in person.names() and person.file("run.txt").endswith(b"59\n"))
    assert writes(pushed.workspace).count(("import", "run.txt")) < 60  # lines


# --- what cannot be carried ---------------------------------------------------------------------------------


def left(project: Project) -> dict[str, str]:
    """What a status says that a watch has left: each conflict, refusal and failure."""
    events = project.push("--status", "--json").all("status")
    sides = {event["path"]: "unfinished" if event["unfinished"] else event["side"] for event in events}
    return {path: side for path, side in sides.items() if side not in ("local", "workspace")}


def test_one_failure_stops_nobody(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """What the workspace refuses is parked with what it said, and a status tells of it; the others are carried."""
    watch = watching()
    workspace.faults(rule(IMPORT, answer(400, "BAD_REQUEST", "not today"), object=f"{AT}/a"))
    pushed.notebook("notebooks/a.py", "refused")
    pushed.notebook("notebooks/b.py", "carried")
    watch.until(holds(person, "b", "carried"))
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    pushed.notebook("notebooks/c.py", "carried too")
    watch.until(holds(person, "c", "carried too"))
    assert "not today" in watch.all("parked")[0]["problem"]
    assert left(pushed) == {"notebooks/a.py": "unfinished"}
    assert "edited   notebooks/a.py  an earlier run did not finish it" in pushed.pull("--status").out
    workspace.faults()
    pushed.notebook("notebooks/a.py", "accepted")
    watch.until(holds(person, "a", "accepted"))
    watch.until(lambda: not watch.parked())
    assert left(pushed) == {}


def test_a_mishap_of_a_moment_is_no_news(
    pushed: Project, person: Person, workspace: Workspace, watching: Start
) -> None:
    """What fails is tried again by itself, and was never parked if it succeeds a moment later."""
    watch = watching()
    workspace.faults(rule(IMPORT, answer(400, "BAD_REQUEST", "not today"), object=f"{AT}/a", times=1))
    pushed.notebook("notebooks/a.py", "at the second try")
    watch.until(holds(person, "a", "at the second try"))
    watch.until_state("watching")
    assert not watch.all("parked")


def test_what_no_event_told_of(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """A change of which the system told nothing is found when everything is looked at again without a reason."""
    elsewhere = pushed.home / "elsewhere.py"
    elsewhere.hardlink_to(pushed.root / "notebooks/a.py")
    watch = watching()
    workspace.faults(rule(IMPORT, answer(400, "BAD_REQUEST", "not today"), object=f"{AT}/b", times=1))
    pushed.notebook("notebooks/b.py", "the reason")
    watch.until(lambda: workspace.struck() == [1])
    elsewhere.write_text(notebook("written by another name"))
    watch.until(holds(person, "a", "written by another name"))


def test_the_folder_is_taken_away_and_comes_back(project: Project, person: Person, watching: Start) -> None:
    """A folder that is renamed away and made anew is followed as before."""
    project.notebook("notebooks/a.py", "one")
    project.notebook("notebooks/b.py", "two")
    watch = watching()
    (project.root / "notebooks").rename(project.root / "away")
    watch.until_state("halted")
    (project.root / "away").rename(project.root / "notebooks")
    watch.until_state("watching")
    for text in ("three", "four"):
        project.notebook("notebooks/a.py", text)
        watch.until(holds(person, "a", text))


@pytest.mark.long
def test_a_folder_of_folders_comes_back(project: Project, person: Person, watching: Start) -> None:
    """Also where what was taken away and came back is the folder above."""
    project.notebook("src/team/notebooks/a.py", "one")
    watch = watching("to_databricks", env={"NOTEBOOK_FOLDER": "src/team/notebooks"})
    (project.root / "src").rename(project.root / "away")
    watch.until_state("halted")
    (project.root / "away").rename(project.root / "src")
    watch.until_state("watching")
    project.notebook("src/team/notebooks/a.py", "two")
    watch.until(holds(person, "a", "two"))


def test_the_whole_project(project: Project, person: Person, watching: Start) -> None:
    """With the project itself as the folder, what git and the watch keep in the git directory is no change."""
    project.notebook("a.py", "one")
    watch = watching("to_databricks", env={"NOTEBOOK_FOLDER": "."})
    project.notebook("a.py", "two")
    watch.until(holds(person, "a", "two"))
    watch.until_state("watching")
    time.sleep(0.3)
    project.workspace.forget()
    time.sleep(0.6)
    assert project.workspace.requests() == []


# A user namespace of one's own, in which there are no more watches to be had once a file is there: user_namespaces(7).
RUN_OUT = """
(until [ -e "$0" ]; do sleep 0.02; done; echo 0 > /proc/sys/user/max_inotify_watches; rm "$0") &
exec "$@"
"""


def test_watches_run_out(pushed: Project, person: Person, watching: Start, tmp_path: Path) -> None:
    """Where no watch is left for a folder that is made meanwhile, the watch says so, and goes on by polling."""
    mark = tmp_path / "now"
    within = ["unshare", "--user", "--map-root-user", "sh", "-c", RUN_OUT, str(mark)]
    if shutil.which("unshare") is None or subprocess.run([*within[:3], "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    watch = watching("to_databricks", within=within)
    mark.touch()
    watch.until(lambda: not mark.exists())
    pushed.notebook("notebooks/new/a.py", "one")
    watch.until(lambda: any("max_user_watches" in one["message"] for one in watch.all("note")))
    pushed.notebook("notebooks/new/a.py", "two")
    watch.until(holds(person, "new/a", "two"))


def test_polling(pushed: Project, person: Person, watching: Start) -> None:
    """With --poll a save is found by looking, as on a drive that tells nothing of changes."""
    watch = watching("to_databricks", "--poll")
    assert watch.all("note")[0]["message"] == "Files are checked at intervals: --poll was given."
    pushed.notebook("notebooks/a.py", "polled")
    watch.until(holds(person, "a", "polled"))
    pushed.git("switch", "-q", "-c", "other")
    watch.until(lambda: person.at(f"{HOME}/other").names() == person.names())
