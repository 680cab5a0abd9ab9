"""The action table on real files and real notebooks: every row, every way to run, with hashes and without."""

from __future__ import annotations

import pytest
from support.project import Person, Project, Workspace, notebook

# base, here, there (letters are contents, - is absent) -> push, pull, push --overwrite, pull --overwrite, --mirror
TABLE = """
    - - x   ahead     create    ahead     create    delete
    - x -   create    ahead     create    ahead     create
    - x x   adopt     adopt     adopt     adopt     adopt
    - x y   conflict  conflict  update    update    update
    b b b   nothing   nothing   nothing   nothing   nothing
    b b y   ahead     update    update    update    update
    b b -   ahead     delete    create    delete    create
    b x b   update    ahead     update    update    update
    b - b   delete    ahead     delete    create    delete
    b x x   adopt     adopt     adopt     adopt     adopt
    b x y   conflict  conflict  update    update    update
    b x -   conflict  conflict  create    conflict  create
    b - y   conflict  conflict  conflict  create    delete
    b - -   forget    forget    forget    forget    forget
"""
ROWS = {"".join(line.split()[:3]).replace("-", "0"): line.split()[3:] for line in TABLE.strip().splitlines()}
WAYS = [
    ("to_databricks", ()),
    ("from_databricks", ()),
    ("to_databricks", ("--overwrite",)),
    ("from_databricks", ("--overwrite",)),
    ("to_databricks", ("--mirror",)),
]


def stage(project: Project, person: Person) -> None:
    """One notebook for each row, each in the state its row says."""
    for row in ROWS:
        if row[0] == "b":
            project.notebook(f"notebooks/{row}.py", "b")
    project.quick("to_databricks")
    for row in ROWS:
        _, here, there = row
        if here == "0":
            (project.root / f"notebooks/{row}.py").unlink(missing_ok=True)
        else:
            project.notebook(f"notebooks/{row}.py", here)
        if there == "0":
            person.delete(row)
        elif there != "b":
            person.edit(row, there)


def expected(row: str, action: str, command: str) -> tuple[str, str]:
    """What stands here and there in the end."""
    _, here, there = row
    if action not in ("create", "update", "delete"):
        return here, there
    return (here, here) if command == "to_databricks" else (there, there)


def standing(project: Project, person: Person, row: str) -> tuple[str, str]:
    """What stands here and there now, as the letter of its only cell; 0 where there is nothing."""
    here, there = project.files().get(f"{row}.py"), person.read(row) if row in person.names() else None
    letters = {None: "0", **{notebook(letter).strip().encode(): letter for letter in "bxy"}}
    return letters[here and here.strip()], letters[there and there.strip()]


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("way", range(5), ids=["push", "pull", "push -o", "pull -o", "mirror"])
def test_every_row_of_the_action_table_holds(
    project: Project, person: Person, workspace: Workspace, way: int, hashes: bool
) -> None:
    """Each of the states of content gets the action of its row, and nothing else happens to it."""
    workspace.set(hashes=hashes)
    stage(project, person)
    command, options = WAYS[way]
    actions = {row: ROWS[row][way] for row in ROWS}
    code = 1 if "conflict" in actions.values() else 0
    ran = project.quick(command, "--json", "--max-delete=9", *options, code=code)
    assert {key: action for key, action in ran.actions.items() if key in ROWS} == actions
    ends = {row: standing(project, person, row) for row in ROWS}
    assert ends == {row: expected(row, actions[row], command) for row in ROWS}
    again = project.quick(command, "--json", "--max-delete=9", *options, code=code)
    assert not again.writes and not {"create", "update", "delete", "adopt", "forget"} & set(again.actions.values())


@pytest.mark.parametrize("way", range(5), ids=["push", "pull", "push -o", "pull -o", "mirror"])
def test_what_a_run_replaces_is_in_its_backup(project: Project, person: Person, way: int) -> None:
    """Every content that an update or a delete takes away can be read in the backups afterwards."""
    stage(project, person)
    command, options = WAYS[way]
    code = 1 if "conflict" in [actions[way] for actions in ROWS.values()] else 0
    project.quick(command, "--max-delete=9", *options, code=code)
    side = 2 if command == "to_databricks" else 1
    gone = [row[side] for row, actions in ROWS.items() if actions[way] in ("update", "delete")]
    kept = [raw.decode().strip()[-1] for raw in project.backups()]
    assert sorted(kept) == sorted(gone)


def test_push_and_pull_make_both_sides_equal(project: Project, person: Person) -> None:
    """After the conflicts are settled, a push and a pull leave nothing to do."""
    stage(project, person)
    project.push("--max-delete=9", code=1)
    project.pull("--max-delete=9", code=1)
    project.pull("--overwrite", "--max-delete=9", code=1)
    project.push("--overwrite", "--max-delete=9")
    project.at_rest()
    assert {f"{name}.py" for name in person.names()} == project.names()


def test_foreign_objects_are_nobodys_business(pushed: Project, person: Person) -> None:
    """What was never carried is left alone by pushes, also where everything around it is deleted."""
    person.put("etl/deep/foreign.csv", "mine")
    pushed.remove("notebooks/etl/deep/save.py")
    pushed.push()
    pushed.push("--overwrite")
    assert person.file("etl/deep/foreign.csv") == b"mine" and "etl/deep/save" not in person.names()


def test_a_deleted_notebook_is_deleted_there(pushed: Project, person: Person) -> None:
    """A notebook deleted here goes from the workspace, with its folder once that is empty."""
    pushed.remove("notebooks/etl/deep/save.py")
    pushed.push()
    assert "etl/deep" not in person.tree() and "etl/load" in person.names()


def test_a_notebook_deleted_there_is_deleted_here(pushed: Project, person: Person) -> None:
    """A notebook deleted in the workspace goes from here, with its folder once that is empty."""
    person.delete("etl/deep/save")
    pushed.pull()
    assert not (pushed.root / "notebooks/etl/deep").exists() and "etl/load.py" in pushed.names()


def test_the_same_edit_on_both_sides_is_no_conflict(one: Project, person: Person) -> None:
    """Two people who type the same are in sync, and nothing is written."""
    one.notebook("notebooks/a.py", "print(2)")
    person.edit("a", "print(2)")
    assert one.push().writes == []
    one.at_rest()


def test_an_edit_is_never_deleted(one: Project, person: Person) -> None:
    """What was edited on one side and deleted on the other is a conflict for a plain run."""
    one.notebook("notebooks/b.py", "print(1)")
    one.push()
    one.remove("notebooks/a.py")
    person.edit("a", "edited")
    one.notebook("notebooks/b.py", "edited")
    person.delete("b")
    for run in (one.push, one.pull):
        ran = run(code=1)
        assert "2 conflicts" in ran.out and not ran.writes
    assert one.names() == {"b.py"} and person.names() == {"a"}


def test_an_ignored_notebook_is_forgotten_not_deleted(one: Project, person: Person) -> None:
    """A notebook that git ignores from now on stays in the workspace, and a pull does not bring it back."""
    one.write(".gitignore", "a.py\n")
    one.push()
    assert person.names() == {"a"} and one.names() == {"a.py"}
    one.pull()
    assert one.names() == {"a.py"}


@pytest.mark.parametrize("damage", ["missing", "torn", "nonsense", "old"])
def test_a_damaged_state_deletes_and_replaces_nothing(pushed: Project, person: Person, damage: str) -> None:
    """Without a readable memory, a run adopts what is equal, reports what differs and deletes nothing."""
    state = next(pushed.root.glob(".git/databricks_sync/*/state.db"))
    raw = state.read_bytes()
    pushed.remove("notebooks/b.py")
    pushed.notebook("notebooks/a.py", "edited")
    person.edit("a", "edited there")
    if damage == "missing":
        state.unlink()
    else:
        state.write_bytes({"torn": raw[: len(raw) // 2], "nonsense": b"nonsense" * 999, "old": b""}[damage])
    ran = pushed.push(code=1)
    assert not ran.writes and "1 conflict" in ran.out and "b" in person.names()
    assert damage in ("missing", "old") or "cannot be read" in ran.err


def test_a_state_of_a_newer_version_is_refused(one: Project) -> None:
    """A state that a newer version wrote ends the run with exit 2, and is left as it is."""
    import sqlite3

    state = next(one.root.glob(".git/databricks_sync/*/state.db"))
    with sqlite3.connect(state) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    raw = state.read_bytes()
    assert "newer version" in one.push(code=2).err
    assert state.read_bytes() == raw
