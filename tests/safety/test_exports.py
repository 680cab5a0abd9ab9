"""What the workspace sends is never taken for what it lists: the bytes must have the hash that the listing told of."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from support.project import EXPORT, IMPORT, edits, notebook, rule

from .world import TARGET, Clone, Run, World, compose, values

NAMES = ("a.py", "data.csv", "n.ipynb")
STALE = {"kind": "stale"}
SPOILED: dict[str, dict[str, Any]] = {
    "older": STALE,
    "packed": {"kind": "gzip"},
    "a login page": {"kind": "answer", "status": 200, "body": "<html>Sign in</html>"},
    "empty": {"kind": "answer", "status": 200, "body": ""},
    "cut off": {"kind": "answer", "status": 200, "body": "# Databricks notebook source\nprint('val"},
}


def provable(how: str) -> tuple[str, ...]:
    """An .ipynb is written anew for each export, so that its hash cannot tell an older one."""
    return NAMES[:2] if how == "older" else NAMES


def there(world: World, name: str, value: str) -> dict[str, Any]:
    """A colleague's edit of what is called `name` here."""
    if name.endswith(".csv"):
        return world.change(name, content=base64.b64encode(compose(name, value)).decode(), object_type="FILE")
    form = "JUPYTER" if name.endswith(".ipynb") else "SOURCE"
    return world.change(name.rpartition(".")[0], source=notebook(f"print('{value}')"), export_format=form)


def written(clone: Clone, names: Iterable[str], value: str) -> Clone:
    for name in names:
        clone.write(name, compose(name, value))
    return clone


def synced(world: World, *names: str) -> Clone:
    clone = written(world.clone("A"), names, "value0")
    assert clone.sync("push").report
    return clone


def told(run: Run) -> dict[str, str]:
    """What is said of which file."""
    problems = run.report.problems if run.report else []
    return {one.path.removeprefix("notebooks/"): f"{one.what} {one.hint}" for one in problems}


def each_there(world: World) -> list[set[str]]:
    return [values(remote.raw) for remote in world.tree().values()]


def asked(run: Run) -> list[str]:
    return [one["endpoint"].rpartition("/")[2] for one in run.requests]


@pytest.mark.parametrize("how", SPOILED)
def test_a_push_replaces_nothing_that_is_in_no_backup(world: World, how: str) -> None:
    """A colleague's text stays while the workspace sends something else for it, and goes once it is in the backup."""
    names = provable(how)
    clone = written(synced(world, *names), names, "value1")
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.server.person(*(there(world, name, "value2") for name in names))
    run = clone.sync("push over")
    world.server.faults()
    assert each_there(world) == [{"value2"}] * len(names), run.said
    assert all("Run the command again" in told(run)[name] for name in names)
    last = clone.sync("push over")
    assert last.report and last.report.exit_code == 0, last.said
    assert [values(raw) for raw in clone.backups()] == [{"value2"}] * len(names)
    assert each_there(world) == [{"value1"}] * len(names)


@pytest.mark.parametrize("how", ["older", "empty"])
def test_a_mirror_deletes_nothing_that_is_in_no_backup(world: World, how: str) -> None:
    """What was deleted here and edited there stays there while the workspace sends something else for it."""
    names = provable(how)
    clone = synced(world, *names)
    for name in names:
        clone.remove(name)
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.server.person(*(there(world, name, "value2") for name in names))
    run = clone.sync("mirror")
    world.server.faults()
    assert each_there(world) == [{"value2"}] * len(names), run.said
    clone.sync("mirror")
    assert not world.tree() and [values(raw) for raw in clone.backups()] == [{"value2"}] * len(names)


@pytest.mark.parametrize(("way", "how"), [*(("pull", how) for how in SPOILED), ("pull over", "older")])
def test_a_pull_writes_and_records_nothing_else(world: World, way: str, how: str) -> None:
    """Bytes that are not what was listed are neither stored here nor recorded; the next pull brings the right ones."""
    names = provable(how)
    clone = synced(world, *names)
    before, files = clone.query("SELECT key, digest, sha FROM base"), clone.files()
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.server.person(*(there(world, name, "value2") for name in names))
    world.server.person(*(there(world, f"new_{name}", "value3") for name in names))
    run = clone.sync(way)
    assert clone.files() == files and run.report and run.report.exit_code == 4, run.said
    assert clone.query("SELECT key, digest, sha FROM base") == before
    world.server.faults()
    assert clone.sync(way).report
    assert {name: values(raw) for name, raw in clone.files().items()} == {
        **{name: {"value2"} for name in names},
        **{f"new_{name}": {"value3"} for name in names},
    }
    assert {step.action.value for step in clone.sync(way).steps} == {"nothing"}


@pytest.mark.parametrize("how", ["older", "cut off"])
def test_nothing_else_is_merged(world: World, how: str) -> None:
    """A merge is of what is there: it waits until that is sent, and then has both edits."""
    clone = synced(world)
    clone.write("a.py", notebook("print('value0')", "one", "two"))
    clone.sync("push")
    clone.write("a.py", notebook("print('value1')", "one", "two"))
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.person("a", source=notebook("print('value0')", "one", "print('value2')"))
    run = clone.sync("merge")
    assert values(clone.files()["a.py"]) == {"value1"} and "cannot be read" in told(run)["a.py"]
    world.server.faults()
    clone.sync("merge")
    assert values(clone.files()["a.py"]) == {"value1", "value2"}


@pytest.mark.parametrize("how", SPOILED)
def test_an_export_that_is_wrong_once_is_asked_for_again(world: World, how: str) -> None:
    """One answer that is not what was listed costs another one, and the run does what it is for."""
    names = NAMES[:2]
    clone = synced(world, *names)
    once = [rule(EXPORT, SPOILED[how], object=f"{TARGET}/{key}", nth=1) for key in ("a", "data.csv")]
    world.server.faults(*once)
    world.server.person(*(there(world, name, "value2") for name in names))
    run = clone.sync("pull")
    assert run.report and run.report.exit_code == 0, run.said
    assert [values(raw) for raw in clone.files().values()] == [{"value2"}] * 2
    written(clone, names, "value1")
    world.server.faults(*once)
    world.server.person(*(there(world, name, "value3") for name in names))
    last = clone.sync("push over")
    assert last.report and last.report.exit_code == 0, last.said
    assert sum(values(raw) == {"value3"} for raw in clone.backups()) == 2


@pytest.mark.parametrize("how", ["older", "empty"])
def test_a_first_push_replaces_nothing_that_is_in_no_backup(world: World, how: str) -> None:
    """A clone without a memory replaces what it finds there only once it has it."""
    names = provable(how)
    world.server.person(*(there(world, name, "value8") for name in names))
    clone = written(world.clone("A"), names, "value1")
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.server.person(*(there(world, name, "value2") for name in names))
    run = clone.sync("push over")
    world.server.faults()
    assert each_there(world) == [{"value2"}] * len(names), run.said
    clone.sync("push over")
    assert each_there(world) == [{"value1"}] * len(names) and "value2" in world.kept()


@pytest.mark.parametrize("how", ["older", "empty"])
def test_a_name_that_is_taken_meanwhile_is_read_as_it_is(world: World, how: str) -> None:
    """What somebody makes under the same name at that moment stays, whatever the workspace sends for it."""
    clone = written(synced(world, "a.py"), ["b.py"], "value1")
    twin = {"kind": "edit", "edits": [there(world, "b.py", "value2")]}
    world.server.faults(rule(IMPORT, twin, object=f"{TARGET}/b", nth=1), rule(EXPORT, SPOILED[how]))
    run = clone.sync("push")
    world.server.faults()
    assert values(world.tree()["b"].raw) == {"value2"} and "b.py" in told(run)
    assert clone.sync("push").conflicts == ["b"]


@pytest.mark.parametrize("how", ["older", "packed"])
def test_a_restore_replaces_nothing_that_is_in_no_backup(world: World, how: str) -> None:
    """A restore saves what it replaces there, or replaces nothing."""
    names = provable(how)
    clone = written(synced(world, *names), names, "value1")
    clone.sync("push")
    world.server.faults(rule(EXPORT, SPOILED[how]))
    world.server.person(*(there(world, name, "value2") for name in names))
    run = clone.restore("push")
    world.server.faults()
    assert run.code == 4 and each_there(world) == [{"value2"}] * len(names)
    assert clone.restore("push").code == 0 and "value2" in world.kept()
    assert each_there(world) == [{"value0"}] * len(names)


# --- notebooks that cannot have the hash ------------------------------------------------------------------------


def test_an_ipynb_of_a_colleague_is_carried(world: World) -> None:
    """A notebook that the workspace writes anew for each export is read by both clones, and at rest afterwards."""
    one, other = synced(world, "n.ipynb"), world.clone("B")
    other.sync("pull")
    assert values(other.files()["n.ipynb"]) == {"value0"}
    other.write("n.ipynb", compose("n.ipynb", "value1"))
    other.sync("push")
    run = one.sync("pull")
    assert values(one.files()["n.ipynb"]) == {"value1"}, run.said
    one.write("n.ipynb", compose("n.ipynb", "value2"))
    assert one.sync("push over").report and values(world.tree()["n"].raw) == {"value2"}
    assert other.sync("merge").report and values(other.files()["n.ipynb"]) == {"value2"}


def test_what_cannot_have_the_hash_is_known_by_its_time(world: World) -> None:
    """An .ipynb that was read once, and was not changed just before, is not read again by the runs after it."""
    synced(world, "n.ipynb")
    other = world.clone("B")
    world.server.control("clock", {"offset_ms": 60_000})
    other.sync("pull")
    for way in ("pull", "push"):
        run = other.sync(way)
        assert not {"export", "get-status"} & set(asked(run)), run.said
        assert [step.action.value for step in run.steps] == ["nothing"]


def test_an_older_ipynb_is_not_remembered(world: World) -> None:
    """What cannot be proved, and was changed just before, is read again by the next run, though it looked unchanged."""
    clone = synced(world, "n.ipynb")
    world.server.faults(rule(EXPORT, STALE))
    world.server.person(there(world, "n.ipynb", "value2"))
    assert [step.action.value for step in clone.sync("pull").steps] == ["nothing"]
    world.server.faults()
    clone.sync("pull")
    assert values(clone.files()["n.ipynb"]) == {"value2"}


@pytest.mark.parametrize("way", ["push", "push over", "mirror"])
def test_what_cannot_be_proved_is_read_again_at_the_last_look(world: World, way: str) -> None:
    """A colleague's .ipynb of a moment ago is not replaced for an older one that came when it was planned."""
    clone = written(synced(world, "n.ipynb"), ["n.ipynb"], "value1")
    world.server.faults(rule(EXPORT, STALE, nth=1))
    world.server.person(there(world, "n.ipynb", "value2"))
    run = clone.sync(way)
    assert each_there(world) == [{"value2"}] and "was changed in the workspace" in told(run)["n.ipynb"]
    clone.sync("push over")
    assert each_there(world) == [{"value1"}] and "value2" in world.kept()


def test_another_form_is_proved_by_the_one_that_is_kept(world: World) -> None:
    """An .ipynb here that is kept as source there is replaced only where its source is what is listed."""
    clone = written(synced(world, "n.ipynb"), ["n.ipynb"], "value1")
    world.server.person(there(world, "n.py", "value5"))
    world.server.faults(rule(EXPORT, STALE))
    world.server.person(there(world, "n.py", "value2"))
    run = clone.sync("push over")
    world.server.faults()
    assert each_there(world) == [{"value2"}] and "n.ipynb" in told(run)
    assert not told(clone.sync("push over")) and [values(raw) for raw in clone.backups()] == [{"value2"}]


@pytest.mark.parametrize(("name", "kept"), [("n.ipynb", "n.py"), ("n.py", "n.ipynb")])
def test_another_form_that_is_older_is_asked_for_again(world: World, name: str, kept: str) -> None:
    """What came before the form that is kept had the hash is not believed, and what comes after it is recorded."""
    clone = synced(world, name)
    world.server.faults(rule(EXPORT, STALE, nth=1))
    world.server.person(there(world, kept, "value2"))
    run = clone.sync("pull")
    assert values(clone.files()[name]) == {"value2"} and not told(run)
    assert "export" not in asked(clone.sync("pull"))


BARE = base64.b64encode(b"print('value2')\n").decode()
LOOSE = base64.b64encode(b"\xef\xbb\xbf# Databricks notebook source \nprint('value2')\n").decode()


def test_a_notebook_without_a_header_is_proved(world: World) -> None:
    """The header that an export adds is no reason not to believe it."""
    clone = synced(world, "a.py")
    world.person("a", content=BARE, object_type="NOTEBOOK", language="PYTHON")
    run = clone.sync("pull")
    assert values(clone.files()["a.py"]) == {"value2"} and not told(run)
    assert asked(run).count("export") == 1
    assert [step.action.value for step in clone.sync("push").steps] == ["nothing"]


def test_a_hash_of_something_else_refuses_for_a_moment_only(world: World) -> None:
    """Where a notebook never has its hash, it is carried both ways once its export can no longer be an older one."""
    clone = synced(world, "a.py")
    world.person("a", content=LOOSE, object_type="NOTEBOOK", language="PYTHON")
    assert "again in a minute" in told(clone.sync("pull"))["a.py"]
    world.server.control("clock", {"offset_ms": 60_000})
    assert not told(clone.sync("pull")) and values(clone.files()["a.py"]) == {"value2"}
    assert "export" not in asked(clone.sync("pull"))
    clone.write("a.py", compose("a.py", "value1"))
    assert not told(clone.sync("push")) and values(world.tree()["a"].raw) == {"value1"}
    assert "value2" in world.kept()


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_in_the_browser_costs_one_export(world: World, name: str) -> None:
    """What is changed in the form it has here is read once, by a pull and by a push that replaces it."""
    clone = synced(world, name)
    for way in ("pull", "push over"):
        world.server.person(there(world, name, "value2" if way == "pull" else "value3"))
        run = clone.sync(way)
        assert asked(run).count("export") == 1 and "get-status" not in asked(run), run.said
        assert not run.conflicts and run.report and run.report.exit_code == 0


# --- records that are not true ----------------------------------------------------------------------------------


def misled(world: World, name: str) -> Clone:
    """A clone whose record, as a tool left it that believed an older export, has old bytes under the listed hash."""
    clone = synced(world, name)
    copy = clone.copy_state()
    world.server.person(there(world, name, "value2"))
    clone.sync("pull")
    ((token,),) = clone.query("SELECT sha FROM base")
    clone.restore_state(copy)
    clone.write(name, compose(name, "value0"))
    (file,) = clone.records
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE base SET sha = ?", (token,))
    return clone


@pytest.mark.parametrize("name", NAMES)
def test_a_record_that_is_wrong_does_not_stop_a_push_for_ever(world: World, name: str) -> None:
    """However a record came to be wrong, running the command again, as the hint says, leads to what is so."""
    clone = written(misled(world, name), [name], "value1")
    first = clone.sync("push")
    assert "was changed in the workspace" in told(first)[name]
    assert clone.sync("push").conflicts == [name.removesuffix(".py").removesuffix(".ipynb")]
    assert clone.sync("push over").report and "value2" in world.kept()
    assert clone.sync("push").report and {"value1"} == {v for one in world.tree().values() for v in values(one.raw)}


def test_an_edit_while_it_is_read_is_read(world: World) -> None:
    """An edit between the listing and the export is what comes, and what is recorded is of the same moment."""
    clone = synced(world, "a.py")
    world.person("a", source=notebook("print('value1')"))
    world.server.faults(rule(EXPORT, edits(there(world, "a.py", "value2")), nth=1))
    clone.sync("pull")
    assert values(clone.files()["a.py"]) == {"value2"}
    assert [step.action.value for step in clone.sync("push").steps] == ["nothing"]


def test_an_edit_that_is_undone_is_in_a_backup_or_stays(world: World) -> None:
    """What was saved is what is deleted, and not what was listed: they may differ for a moment."""
    clone = synced(world, "b.py")
    world.server.person(there(world, "a.py", "value1"))
    there_and_back = [
        rule(EXPORT, edits(there(world, "a.py", "value2")), object=f"{TARGET}/a", nth=1),
        rule(EXPORT, edits(there(world, "a.py", "value1")), object=f"{TARGET}/a", nth=2, phase="after"),
    ]
    world.server.faults(*there_and_back)
    run = clone.sync("mirror")
    assert "value1" in world.kept() and world.server.struck() == [1, 1], run.said
