"""The cases that a tool like this has to survive, one short test for each; the number is the case's in the list."""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.project import BOM, EXPORT, HOME, IMPORT, LIST, RESET, Project, answer, jupyter, notebook, rule

from databricks_sync.errors import BranchSwitched
from databricks_sync.model import Allowed
from databricks_sync.output.wording import why
from databricks_sync.remote.http import Http

from .scenes import TORTURE
from .test_crashes import Property
from .world import ANYTHING, Clone, Hasty, Run, World, compose, script, values

STRICT = Allowed()
HASHES = "return_wsfs_metadata=true"
ELSEWHERE = {
    19: "test_kills.py: test_the_lock_of_another_machine_is_respected_until_it_is_stale",
    33: "test_faults.py: test_a_full_disk_costs_a_run_and_no_edit",
    35: "test_faults.py: test_a_file_that_is_written_while_it_is_read_is_left",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")


def synced(world: World, *names: str) -> Clone:
    """A clone with these files, in sync with the workspace."""
    clone = world.clone("A")
    for name in names or ("a.py", "b.py", "c.py"):
        clone.write(name, compose(name, "value0"))
    assert clone.sync("push").report
    return clone


def git_in(clone: Clone, *typed: str, code: int = 0) -> None:
    me = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
    done = subprocess.run(["git", "-C", str(clone.root), *me, *typed], check=False, capture_output=True)
    assert done.returncode == code, done.stderr


def edit(value: str) -> dict[str, str]:
    return {"source": compose("x.py", value).decode()}


def held(world: World, name: str) -> set[str]:
    """The values that an object of the workspace holds; none where there is no such object."""
    tree = world.tree()
    return values(tree[name].raw) if name in tree else set()


def code(run: Run) -> int:
    return run.report.exit_code if run.report else run.error.exit_code if run.error else -1


def action(run: Run, key: str) -> str:
    return next(step.action.value for step in run.steps if step.key == key)


def at_rest(clone: Clone) -> None:
    for way in ("push", "pull"):
        before = clone.files()
        run = clone.sync(way)
        assert code(run) == 0 and not run.writes and clone.files() == before, run.said


def test_every_case_is_here() -> None:
    """Each case of the list has a test, here or where it belongs more; the generated notebooks have their own tests."""
    here = {int(name[5:7]) for name in globals() if name.startswith("test_") and name[5:7].isdigit()}
    assert here | ELSEWHERE.keys() == set(range(1, 48))
    for place in ELSEWHERE.values():
        file, _, name = place.partition(": ")
        assert f"def {name}(" in Path(__file__).with_name(file).read_text(encoding="utf-8")


# --- edits on both sides ----------------------------------------------------------------------------------------


def test_01_an_edit_in_the_workspace_is_ahead_of_a_push(world: World) -> None:
    """A plain push leaves what was edited in the workspace alone, and that is no error."""
    clone = synced(world)
    world.person("a", **edit("value1"))
    run = clone.sync("push")
    assert code(run) == 0 and action(run, "a") == "ahead" and not run.writes and held(world, "a") == {"value1"}


def test_02_two_edits_are_a_conflict_and_the_rest_goes_on(world: World) -> None:
    """What was edited on both sides is left on both, and everything else is carried."""
    clone = synced(world)
    world.person("a", **edit("value1"))
    clone.write("a.py", compose("a.py", "value2"))
    clone.write("b.py", compose("b.py", "value3"))
    run = clone.sync("push")
    assert code(run) == 1 and run.conflicts == ["a"]
    assert held(world, "a") == {"value1"} and held(world, "b") == {"value3"}
    assert code(clone.sync("pull")) == 1 and values(clone.files()["a.py"]) == {"value2"}


@pytest.mark.parametrize("way", ["push", "pull", "push over"])
def test_02_an_edit_survives_a_deletion(world: World, way: str) -> None:
    """What was deleted on one side and edited on the other is not deleted: a conflict, both ways."""
    clone = synced(world)
    clone.remove("a.py")
    world.person("a", **edit("value1"))
    clone.write("b.py", compose("b.py", "value2"))
    world.person("b", delete=True)
    run = clone.sync(way)
    assert "a" in run.conflicts and held(world, "a") == {"value1"} and values(clone.files()["b.py"]) == {"value2"}


def test_03_the_same_edit_on_both_sides_is_adopted(world: World) -> None:
    """Two equal edits are no conflict, and nothing is written for them."""
    clone = synced(world)
    world.person("a", **edit("value1"))
    clone.write("a.py", compose("a.py", "value1"))
    run = clone.sync("push")
    assert code(run) == 0 and not run.writes and action(run, "a") == "adopt"


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("way", ["push", "push over", "mirror"])
def test_04_an_edit_after_the_plan_is_never_replaced(world: World, way: str, hashes: bool) -> None:
    """An edit that lands before the last look at an object is neither replaced nor deleted."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    clone.remove("b.py")
    world.server.set(hashes=hashes)
    late = [
        rule(
            LIST, {"kind": "edit", "edits": [world.change(name, **edit(value))]}, object=f"{world.target}/{name}", nth=1
        )
        for name, value in (("a", "value2"), ("b", "value3"))
    ]
    world.server.faults(*late)
    run = clone.sync(way)
    assert world.server.struck() == [1, 1] and code(run) == 1
    assert held(world, "a") == {"value2"} and held(world, "b") == {"value3"}


def test_04_an_edit_between_the_plan_and_the_backup_is_never_replaced(world: World) -> None:
    """What stands there when the backup is made must be what was planned with, or it is left."""
    clone = synced(world, "a.py", "data.csv")
    clone.write("data.csv", "value1")
    late = {"kind": "edit", "edits": [world.change("data.csv", text="value2")]}
    world.server.faults(rule(EXPORT, late, object=f"{world.target}/data.csv", nth=1))
    run = clone.sync("push")
    assert world.server.struck() == [1] and code(run) == 1 and held(world, "data.csv") == {"value2"}


def test_04_what_stands_at_the_last_look_is_what_was_saved(world: World) -> None:
    """An edit and its undoing while the plan is made do not hide from the backup what is then replaced."""
    clone = synced(world)
    world.person("a", **edit("value1"))
    clone.write("a.py", compose("a.py", "value2"))
    around = [(EXPORT, "value3"), (LIST, "value1")]
    world.server.faults(
        *(
            rule(endpoint, {"kind": "edit", "edits": [world.change("a", **edit(v))]}, object=f"{world.target}/a", nth=1)
            for endpoint, v in around
        )
    )
    clone.sync("push over")
    assert "value1" in world.kept()


def test_05_an_edit_in_the_one_window_is_replaced_and_nothing_else_suffers(world: World) -> None:
    """An edit between the last look and the write is lost, as the manual says; what stood before it is saved."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    world.server.faults(rule(IMPORT, late, object=f"{world.target}/a", nth=1))
    run = clone.sync("push")
    assert code(run) == 0 and held(world, "a") == {"value1"}
    assert any(values(raw) == {"value0"} for raw in clone.backups())


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_05_the_window_is_one_round_trip_however_much_is_carried(
    world: World, hashes: bool, record_property: Property
) -> None:
    """From the last look at an object to the end of its write it is one request, though fifty others are under way."""
    names, trip = [f"n{number}.py" for number in range(200 if TORTURE else 30)], 0.4
    clone = synced(world, *names)
    for name in names:
        clone.write(name, compose(name, f"value1 of {name}"))
    looked, found = threading.local(), []

    def listen(label: str) -> None:
        if label == "before import":  # between the last look and this, nothing but the writing of the request
            looked.at = time.perf_counter()
        elif label == "after import":
            found.append(time.perf_counter() - looked.at)

    world.server.set(hashes=hashes, latency_ms=trip * 1000)
    assert code(clone.sync("push", threads=True, listen=listen)) == 0
    widths = sorted(found[-len(names) :])
    median = widths[len(names) // 2]
    assert median < 2 * trip
    told = f"median {median * 1000:.0f} ms, widest {widths[-1] * 1000:.0f} ms of {len(names)} at {trip * 1000:.0f} ms"
    record_property(f"window {'with' if hashes else 'without'} hashes", told)


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_05_an_edit_within_one_tick_of_the_clock_is_seen(world: World, hashes: bool) -> None:
    """Two changes that carry the same time are told apart by what they hold."""
    world.server.clock(mode="frozen", at_ms=1_800_000_000_000)
    world.server.set(hashes=hashes)
    clone = synced(world)
    world.person("a", **edit("value1"))
    clone.write("a.py", compose("a.py", "value2"))
    assert clone.sync("push").conflicts == ["a"] and held(world, "a") == {"value1"}


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_05_a_workspace_that_tells_no_times_is_read(world: World, hashes: bool) -> None:
    """Where listings carry no times, edits are found by what objects hold, and what is in sync is not written."""
    world.server.clock(mode="absent")
    world.server.set(hashes=hashes)
    clone = synced(world)
    at_rest(clone)
    world.person("a", **edit("value1"))
    clone.write("a.py", compose("a.py", "value2"))
    clone.write("b.py", compose("b.py", "value3"))
    assert clone.sync("push").conflicts == ["a"] and held(world, "a") == {"value1"} and held(world, "b") == {"value3"}
    world.person("c", **edit("value4"))
    clone.sync("pull")
    assert values(clone.files()["c.py"]) == {"value4"}


def test_05_every_window_has_its_backup_when_two_clones_race(world: World) -> None:
    """When another clone pushes in the window, its text survives: in its tree, then in its backup."""
    clone, other = synced(world), world.clone("B")
    other.sync("pull")
    clone.write("a.py", compose("a.py", "value1"))
    other.write("a.py", compose("a.py", "value2"))
    clone.sync("push", upon=("before import", 2), act=lambda: other.sync("push"))
    assert held(world, "a") == {"value1"}
    other.sync("pull")
    assert values(other.files()["a.py"]) == {"value1"} and "value2" in world.kept()


def test_09_a_kill_before_the_base_is_no_conflict_after_another_edit(world: World) -> None:
    """After a kill between the write and the base, and another edit here, the next push is a plain update."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    dead = clone.sync("push", upon=("after import", 2))
    assert dead.died and held(world, "a") == {"value1"}
    clone.write("a.py", compose("a.py", "value2"))
    run = clone.sync("push")
    assert code(run) == 0 and held(world, "a") == {"value2"}


def test_09_what_cannot_be_read_yet_is_recovered_by_the_next_run(world: World) -> None:
    """Where the next run cannot read what a killed one had written, the one after it still knows whose write it was."""
    world.server.set(hashes=False)
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    assert clone.sync("push", upon=("after import", 2)).died
    world.server.faults(rule(EXPORT, answer(403, "PERMISSION_DENIED", "no"), object=f"{world.target}/a"))
    assert code(clone.sync("push")) == 4 and clone.intents() == ["a"]
    world.server.faults()
    clone.write("a.py", compose("a.py", "value2"))
    run = clone.sync("push")
    assert code(run) == 0 and held(world, "a") == {"value2"}, run.said


# --- answers that do not come -----------------------------------------------------------------------------------


def test_06_a_lost_answer_is_not_sent_again(world: World) -> None:
    """A write whose answer was lost is read back and believed, and never sent twice."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    world.server.faults(rule(IMPORT, RESET, object=f"{world.target}/a", nth=1, phase="after"))
    run = clone.sync("push")
    assert code(run) == 0 and run.writes.count(("import", f"{world.target}/a")) == 1 and held(world, "a") == {"value1"}


def test_06_an_edit_after_a_lost_answer_is_not_replaced(world: World) -> None:
    """What somebody saves while we wait for an answer that never comes stays."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    here = f"{world.target}/a"
    world.server.faults(
        rule(IMPORT, late, object=here, nth=1, phase="after"), rule(IMPORT, RESET, object=here, nth=1, phase="after")
    )
    clone.sync("push")
    assert held(world, "a") == {"value2"}


def test_07_a_write_that_was_not_applied_is_tried_again(world: World) -> None:
    """A write that certainly did not happen is done after another look."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    world.server.faults(rule(IMPORT, RESET, object=f"{world.target}/a", nth=1))
    assert code(clone.sync("push")) == 0 and held(world, "a") == {"value1"}


def test_07_a_write_that_arrives_late_is_ours(world: World) -> None:
    """A write that shows only at the second look after its lost answer is done, and not sent again."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    here = f"{world.target}/a"
    late = {"kind": "edit", "edits": [world.change("a", **edit("value1"))]}
    # One look before the write, and two after the answer that did not come.
    world.server.faults(rule(IMPORT, RESET, object=here, nth=1), rule(LIST, late, object=here, nth=3))
    run = clone.sync("push")
    assert code(run) == 0 and run.writes.count(("import", here)) == 1 and held(world, "a") == {"value1"}, run.said


@pytest.mark.parametrize(("text", "expected"), [("value1", 0), ("value2", 1)], ids=["equal", "different"])
def test_08_a_name_that_is_taken_is_adopted_or_left(world: World, text: str, expected: int) -> None:
    """A create that finds the name taken adopts what is equal and leaves what is not."""
    clone = synced(world)
    clone.write("n.py", compose("n.py", "value1"))
    late = {"kind": "edit", "edits": [world.change("n", **edit(text))]}
    world.server.faults(rule(IMPORT, late, object=f"{world.target}/n", nth=1))
    assert code(clone.sync("push")) == expected and held(world, "n") == {text}


def test_46_already_exists_in_spite_of_overwrite_is_no_conflict(world: World) -> None:
    """A refusal that cannot be meant is asked again, after another look."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    refusal = answer(400, "RESOURCE_ALREADY_EXISTS", "Path (a) already exists.")
    world.server.faults(rule(IMPORT, refusal, object=f"{world.target}/a", nth=1))
    assert code(clone.sync("push")) == 0 and held(world, "a") == {"value1"}


def test_31_too_many_requests_are_waited_for(world: World) -> None:
    """Every third request is refused for coming too fast, and everything arrives, once."""
    clone = synced(world)
    for name in ("a.py", "n.py", "m.py"):
        clone.write(name, compose(name, "value1"))
    clone.remove("b.py")
    slow = answer(429, "REQUEST_LIMIT_EXCEEDED", "slow", headers={"Retry-After": "0"})
    world.server.faults(rule("*", slow, every=3))
    run = clone.sync("push")
    world.server.faults()
    assert code(run) == 0 and [held(world, name) for name in "anm"] == [{"value1"}] * 3
    at_rest(clone)


def test_32_a_token_that_expires_in_the_middle_loses_nothing(world: World) -> None:
    """When the token expires the run stops, and what was done until then is known to the next one."""
    clone = synced(world)
    for name in ("n1.py", "n2.py", "n3.py"):
        clone.write(name, compose(name, "value1"))
    world.server.faults(rule(IMPORT, answer(401), object=f"{world.target}/n2"))
    run = clone.sync("push")
    assert code(run) == 2
    world.server.faults()
    again = clone.sync("push")
    assert code(again) == 0 and ("import", f"{world.target}/n1") not in again.writes
    at_rest(clone)


def test_32_what_a_stopped_run_never_began_is_nobody_s_write(world: World) -> None:
    """An edit that a stopped push never came to, given up here and made there by somebody else, is theirs and stays."""
    clone = synced(world)
    for name in ("a.py", "b.py", "c.py"):
        clone.write(name, compose(name, "value1"))
    world.server.faults(rule(IMPORT, answer(401), object=f"{world.target}/b"))
    assert code(clone.sync("push")) == 2 and "c" not in clone.intents()
    world.server.faults()
    clone.write("c.py", compose("c.py", "value0"))
    world.person("c", **edit("value1"))
    run = clone.sync("push")
    assert action(run, "c") == "ahead" and held(world, "c") == {"value1"}, run.said


def test_32_a_login_that_is_not_renewed_loses_nothing(world: World) -> None:
    """When a login cannot be renewed any more, the run stops like with a token that expired."""
    clone = synced(world)
    for name in ("n1.py", "n2.py", "n3.py"):
        clone.write(name, compose(name, "value1"))

    def headers() -> dict[str, str]:
        if "n1" in world.tree():
            raise ValueError("invalid_grant: the refresh token has expired")
        return {"Authorization": f"Bearer {world.server.token}"}

    run = clone.sync("push", http=Http(world.server.host, headers, clock=Hasty()))
    assert code(run) == 2 and {"n1", "n2", "n3"} & set(world.tree()) == {"n1"}
    again = clone.sync("push")
    assert code(again) == 0 and ("import", f"{world.target}/n1") not in again.writes
    at_rest(clone)


# --- lost, old and foreign state --------------------------------------------------------------------------------


def test_10_a_kill_in_a_pull_is_not_a_deletion(world: World) -> None:
    """Wherever a pull dies, the next push deletes nothing in the workspace."""
    world.person("n", **edit("value1"))
    clone = world.clone("A")
    dead = clone.sync("pull", dry_run=True)
    for at in itertools.count(len(dead.effects) - 2):
        dead = clone.sync("pull", at=at)
        run = clone.sync("push")
        assert held(world, "n") == {"value1"} and not run.writes, at
        if not dead.died:
            break
        (clone.notebooks / "n.py").unlink(missing_ok=True)
        clone.forget()


@pytest.mark.parametrize("harm", ["missing", "corrupt", "torn", "newer"])
def test_11_a_record_that_is_lost_or_damaged_never_deletes(world: World, harm: str) -> None:
    """Without a record of the last sync nothing is deleted or replaced; one of the future is refused."""
    clone = synced(world)
    clone.remove("b.py")
    clone.write("a.py", compose("a.py", "value1"))
    (record,) = clone.records
    if harm == "missing":
        clone.forget()
    elif harm == "corrupt":
        record.write_bytes(b"not a database, but long enough to look like one" * 100)
    elif harm == "torn":
        record.write_bytes(record.read_bytes()[:5000])
    else:
        import sqlite3

        with sqlite3.connect(record) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    run = clone.sync("push")
    assert not run.writes and held(world, "a") == {"value0"} == held(world, "b")
    assert code(run) == (2 if harm == "newer" else 1), run.said
    assert clone.sync("pull").report or harm == "newer"
    assert values(clone.files()["a.py"]) == {"value1"}


def test_11_an_old_copy_of_the_record_is_not_believed(world: World) -> None:
    """A record from before the last push takes nobody's revert for unchanged, in this run and in the next ones."""
    clone = synced(world)
    copy = clone.copy_state()
    clone.write("a.py", compose("a.py", "value1"))
    clone.sync("push")
    world.person("a", **edit("value0"))
    clone.restore_state(copy)
    clone.write("n.py", compose("n.py", "value2"))
    for _ in range(3):
        run = clone.sync("push")
        assert run.conflicts == ["a"] and held(world, "a") == {"value0"}


def test_11_after_an_old_copy_a_new_record_begins(world: World) -> None:
    """Once the sides were compared anew, an edit is an edit again, and no conflict for ever."""
    clone = synced(world)
    copy = clone.copy_state()
    clone.write("a.py", compose("a.py", "value1"))
    clone.sync("push")
    clone.restore_state(copy)
    assert code(clone.sync("push")) == 0
    clone.write("a.py", compose("a.py", "value2"))
    run = clone.sync("push")
    assert code(run) == 0 and held(world, "a") == {"value2"}, run.said


def test_11_an_old_copy_after_pulls_alone_costs_no_text(world: World) -> None:
    """Where nothing but pulls came after the copy it is believed: a revert is then replaced, and is in the backup."""
    clone = synced(world)
    copy = clone.copy_state()
    world.person("a", **edit("value1"))
    clone.sync("pull")
    world.person("a", **edit("value0"))
    clone.restore_state(copy)
    clone.sync("push")
    assert {"value0", "value1"} <= world.kept()
    assert {"value0"} in [values(raw) for raw in clone.backups()] or held(world, "a") == {"value0"}


def copied(world: World, clone: Clone, name: str) -> Clone:
    """All of a clone once more, its record included."""
    subprocess.run(["cp", "-a", str(clone.root), str(world.folder / name)], check=True)
    return world.clones.setdefault(name, Clone(world.folder / name, world.server, world.target))


def moved(world: World, clone: Clone, name: str) -> Clone:
    clone.root.rename(world.folder / name)
    return Clone(world.folder / name, world.server, world.target)


def test_11_a_copy_of_a_clone_is_a_clone_of_its_own(world: World) -> None:
    """After `cp -a` of a clone both are believed, whoever pushes, and in whatever order."""
    clone = synced(world)
    copy = copied(world, clone, "copy")
    runs = []
    for number, one in enumerate((copy, clone, copy, copy, clone, clone, copy)):
        other = clone if one is copy else copy
        one.write(f"n{number}.py", compose("n.py", f"value{number + 1}"))
        runs += [one.sync("push"), other.sync("pull")]
    assert not any("old copy" in run.said for run in runs) and [code(run) for run in runs] == [0] * len(runs)
    clone.write("a.py", compose("a.py", "value20"))
    assert code(clone.sync("push")) == 0 and held(world, "a") == {"value20"}
    assert code(copy.sync("pull")) == 0 and values(copy.files()["a.py"]) == {"value20"}


def test_11_a_copy_that_is_old_is_not_believed(world: World) -> None:
    """A copy made before the last push of its original takes no revert for unchanged, and is no old copy for ever."""
    clone = synced(world)
    copy = copied(world, clone, "copy")
    clone.write("a.py", compose("a.py", "value1"))
    clone.sync("push")
    world.person("a", **edit("value0"))
    copy.write("a.py", compose("a.py", "value2"))
    for _ in range(2):
        run = copy.sync("push")
        assert run.conflicts == ["a"] and held(world, "a") == {"value0"}, run.said
    assert "old copy" not in run.said
    runs = [one.sync("push") for one in (clone, copy) * 2]
    assert not any("old copy" in run.said for run in runs)


def test_11_a_copy_that_is_put_back_is_not_believed(world: World) -> None:
    """The record of a copy, put back from before its own first push, or from before its own last one, is noticed."""
    clone = synced(world)
    copy = copied(world, clone, "copy")
    for value, state in (("value1", copy.copy_state()), ("value2", None)):
        state = state or copy.copy_state()
        copy.write("a.py", compose("a.py", value))
        assert code(copy.sync("push")) == 0 and held(world, "a") == {value}
        world.person("a", **edit("value0"))
        copy.restore_state(state)
        assert copy.sync("push").conflicts == ["a"] and held(world, "a") == {"value0"}
        assert code(copy.sync("pull over")) == 0


def test_11_two_machines_with_one_image_are_told_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two clones that were copied with their path, each is an old copy once at most, not at each run for ever."""
    clone = synced(world)
    states = dict.fromkeys(("one", "two"), clone.copy_state())
    told = []
    for number in range(6):
        machine = ("one", "two")[number % 2]
        monkeypatch.setattr(socket, "gethostname", lambda name=machine: name)
        clone.restore_state(states[machine])
        clone.write(f"{machine}.txt", f"value{number}")
        told.append("old copy" in clone.sync("push").said)
        states[machine] = clone.copy_state()
    assert told == [False, True, False, False, False, False]


@pytest.mark.parametrize("earlier", [False, pytest.param(True, marks=pytest.mark.long)])
def test_11_a_clone_that_is_moved_is_still_believed(world: World, earlier: bool) -> None:
    """A clone that is renamed, or used at two paths in turn, is no old copy, and drives no other out of the note."""
    clone = synced(world)
    if earlier:  # as an earlier version left it
        with closing(sqlite3.connect(clone.records[0])) as db, db:
            db.execute("DELETE FROM meta WHERE name = 'ancestor'")
    world.clone("B").sync("pull")
    world.clone("B").write("b.txt", "value1")
    assert code(world.clone("B").sync("push")) == 0
    for number in range(30):
        clone = moved(world, clone, f"place{number % 2}")
        clone.write("a.py", compose("a.py", f"value{number}"))
        run = clone.sync("push")
        assert code(run) == 0 and "old copy" not in run.said, run.said
    (note,) = [raw.raw for name, raw in world.server.tree(f"{HOME}/.databricks_sync").items() if name.endswith(".json")]
    (other,) = world.clone("B").query("SELECT value FROM meta WHERE name = 'lineage'")
    assert other[0] in json.loads(note)["clones"]


@pytest.mark.parametrize("switched", ["workspace", "user"])
def test_15_another_workspace_or_user_has_another_record(world: World, switched: str) -> None:
    """After a switch to another workspace or user nothing of the old one's record is believed."""
    clone = synced(world)
    clone.remove("a.py")
    if switched == "workspace":  # the same server by another name, holding what somebody else put there
        world.server.renew()
        clone.server = replace(clone.server, host=clone.server.host.replace("127.0.0.1", "localhost"))
    else:
        clone.target = "/Users/you@example.com/main"
    theirs = {"path": f"{clone.target}/a", "source": compose("a.py", "value0").decode()}
    world.server.person(theirs)
    run = clone.sync("push", allowed=STRICT)
    assert action(run, "a") == "ahead" and len(clone.records) == 2, run.said
    assert set(world.server.tree(clone.target)) == {"a", "b", "c"}


def test_20_another_repository_is_kept_out(world: World) -> None:
    """A branch folder that belongs to another repository is refused before anything is written."""
    clone = synced(world)
    other = world.clone("B")
    subprocess.run(
        ["git", "-C", str(other.root), "config", "remote.origin.url", "https://git.example.com/team/else.git"],
        check=True,
    )
    environ = {**os.environ, "GIT_AUTHOR_DATE": "2001-01-01T00:00:00"}
    me = ("-c", "user.name=You", "-c", "user.email=you@example.com")
    typed = ["git", "-C", str(other.root), *me, "commit", "-q", "--amend", "--allow-empty", "-m", "else"]
    subprocess.run(typed, check=True, env=environ)
    other.write("a.py", compose("a.py", "value9"))
    run = other.sync("push over", allowed=STRICT)
    assert code(run) == 3 and not run.writes and held(world, "a") == {"value0"}
    assert code(clone.sync("push")) == 0


def test_21_a_folder_inside_another_is_refused(world: World) -> None:
    """A target inside another one's target is refused."""
    clone = synced(world)
    clone.target = f"{clone.target}/x"
    run = clone.sync("push", allowed=STRICT)
    assert code(run) == 3 and not run.writes


def test_45_two_spellings_of_a_target_are_one(world: World) -> None:
    """A target has one record and one lock, however it is spelled."""
    from databricks_sync.rules.target import normalise

    assert normalise(f"/Workspace{world.target}/") == world.target


# --- valves -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deletes", [None, "100%"])
@pytest.mark.parametrize("harm", ["empty", "gone"])
def test_12_an_empty_source_stops_the_run(world: World, harm: str, deletes: str | None) -> None:
    """A notebooks folder that is suddenly empty or gone deletes nothing, however many deletions are allowed."""
    clone = synced(world)
    for name in list(clone.files()):
        clone.remove(name)
    if harm == "gone":
        clone.notebooks.rmdir()
    run = clone.sync("push", allowed=Allowed(deletes=deletes))
    assert code(run) == 3 and not run.writes and len(world.tree()) == 3


def test_13_a_branch_folder_that_is_gone_stops_the_run(world: World) -> None:
    """When somebody deletes the branch folder neither command follows."""
    clone = synced(world)
    world.server.person({"path": world.target, "delete": True})
    before = clone.files()
    for way in ("push", "pull"):
        run = clone.sync(way, allowed=STRICT)
        assert code(run) == 3 and not run.writes and clone.files() == before


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_14_a_folder_that_cannot_be_listed_deletes_nothing(world: World, hashes: bool) -> None:
    """What cannot be listed is unknown, and not gone."""
    clone = synced(world, "a.py", "etl/b.py", "etl/c.py")
    world.server.set(hashes=hashes)
    world.server.control("permissions", {"path": f"{world.target}/etl", "access": "unreadable"})
    before = clone.files()
    for way in ("push", "pull", "pull over"):
        run = clone.sync(way, allowed=ANYTHING)
        assert clone.files() == before, run.said
        assert not [path for verb, path in run.writes if verb == "delete"]


def test_14_a_folder_that_is_hidden_counts_as_deleted_and_is_kept(world: World) -> None:
    """What nobody lists and nothing finds cannot be told from what was deleted: a pull follows, and keeps a backup."""
    clone = synced(world, "a.py", "etl/b.py")
    clone.write("etl/b.py", compose("b.py", "value1"))
    clone.sync("push")
    world.server.control("permissions", {"path": f"{world.target}/etl", "access": "hidden"})
    clone.sync("pull")
    assert {"value1"} in [values(raw) for raw in clone.backups()] and "etl/b.py" not in clone.files()


def test_14_a_listing_that_lies_deletes_nothing_here(world: World) -> None:
    """A listing that shows nothing is not believed before each object was looked at."""
    clone = synced(world)
    world.server.faults(rule("*/workspace/list-repo", {"kind": "answer", "status": 200, "body": "{}"}, times=2))
    before = clone.files()
    clone.sync("pull")
    assert clone.files() == before


@pytest.mark.parametrize("way", ["push", "pull", "push over", "pull over", "mirror", "merge"])
def test_14_a_listing_that_lacks_objects_costs_nothing(world: World, way: str) -> None:
    """A listing that is whole to look at, and leaves out objects, deletes and replaces none of them on either side."""
    clone = synced(world, *(f"n{number}.py" for number in range(6)))
    clone.write("n0.py", compose("n0.py", "value1"))
    world.person("n1", **edit("value2"))
    before, there = clone.files(), world.tree()
    told = json.loads(world.server.ask("GET", f"/api/2.0/workspace/list-repo?path={world.target}&{HASHES}")[1])
    kept = [one for one in told["objects"] if not one["path"].endswith(("/n0", "/n1", "/n2"))]
    partial = {"kind": "answer", "status": 200, "body": json.dumps({"objects": kept})}
    world.server.faults(rule("*/workspace/list-repo", partial, object=world.target))
    run = clone.sync(way, allowed=STRICT)
    assert clone.files() == before and world.tree() == there, run.said
    world.server.faults()
    run = clone.sync("push")
    assert code(run) == 0 and held(world, "n0") == {"value1"} and held(world, "n1") == {"value2"}, run.said


def test_38_a_moved_folder_is_no_mass_deletion(world: World) -> None:
    """Moving a folder is not stopped, and takes nothing away; deleting as much is."""
    names = [f"etl/n{number}.py" for number in range(8)]
    clone = synced(world, "a.py", *names)
    for number, name in enumerate(names):
        clone.write(name, compose(name, f"value{number + 1}"))
    clone.sync("push")
    (clone.notebooks / "etl").rename(clone.notebooks / "jobs")
    assert code(clone.sync("push", allowed=STRICT)) == 0
    assert set(world.tree()) == {"a", *(f"jobs/n{number}" for number in range(8))}
    for number in range(8):
        clone.remove(f"jobs/n{number}.py")
    assert code(clone.sync("push", allowed=STRICT)) == 3


def test_38_a_move_that_fails_half_way_loses_nothing(world: World) -> None:
    """What could not be created at its new place stays at its old one."""
    clone = synced(world)
    (clone.notebooks / "a.py").rename(clone.notebooks / "z.py")
    world.server.faults(rule(IMPORT, answer(403, "PERMISSION_DENIED", "no"), object=f"{world.target}/z"))
    clone.sync("push")
    assert held(world, "a") == {"value0"}


def test_42_everything_deleted_on_purpose_can_be_brought_back(world: World) -> None:
    """With the flag for it, everything is deleted, and everything is in the backup."""
    clone = synced(world)
    for name in list(clone.files()):
        clone.remove(name)
    assert code(clone.sync("push")) == 0 and not world.tree()
    assert [values(raw) for raw in clone.backups()] == [{"value0"}] * 3


def test_39_what_git_begins_to_ignore_stays_in_the_workspace(world: World) -> None:
    """A file that is no longer carried is forgotten, and deleted on neither side."""
    clone = synced(world)
    (clone.root / ".gitignore").write_text("/notebooks/a.py\n")
    for way in ("push", "pull", "push over", "pull over"):
        run = clone.sync(way)
        assert held(world, "a") == {"value0"} and "a.py" in clone.files(), run.said


@pytest.mark.parametrize("way", ["push", "mirror"])
def test_13_a_folder_is_only_removed_when_it_is_empty(world: World, way: str) -> None:
    """What somebody puts into a folder while its last notebook is deleted stays there."""
    clone = synced(world, "a.py", "etl/b.py")
    clone.remove("etl/b.py")
    late = {"kind": "edit", "edits": [world.change("etl/n", **edit("value1"))]}
    world.server.faults(rule("*/workspace/delete", late, object=f"{world.target}/etl", nth=1))
    clone.sync(way)
    assert held(world, "etl/n") == {"value1"} and "etl/b" not in world.tree()


# --- restores ----------------------------------------------------------------------------------------------------


def replaced(world: World, way: str) -> Clone:
    """A clone that has replaced an edit, of which there is a backup."""
    clone = synced(world)
    if way == "push":
        world.person("a", **edit("value1"))
        clone.sync("push over")
    else:
        clone.write("a.py", compose("a.py", "value1"))
        clone.sync("pull over")
    return clone


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("nth", [1, 2])
def test_an_edit_during_a_restore_there_is_left(world: World, nth: int, hashes: bool) -> None:
    """What somebody saves after the plan of a restore, or after the backup it makes, stays where it is."""
    clone = replaced(world, "push")
    world.server.set(hashes=hashes)
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    here = {"object": f"{world.target}/a", "nth": 1}
    world.server.faults(rule(EXPORT, late, phase="after", **here) if nth == 1 else rule(LIST, late, **here))
    restored = clone.restore("push")
    assert world.server.struck() == [1] and restored.code == 1
    assert held(world, "a") == {"value2"} and ("import", f"{world.target}/a") not in restored.writes


@pytest.mark.parametrize("label", ["before backup", "after backup"])
def test_an_edit_during_a_restore_here_is_left(world: World, label: str) -> None:
    """What an editor saves while a restore is at work on that file stays where it is."""
    clone = replaced(world, "pull")
    late = compose("a.py", "value2")
    restored = clone.restore("pull", upon=(label, 1), act=lambda: clone.write("a.py", late))
    assert restored.code == 1 and clone.files()["a.py"] == late


def test_a_name_that_is_taken_during_a_restore_is_left(world: World) -> None:
    """What was deleted, and is made again by somebody while it is being restored, stays as they made it."""
    clone = synced(world)
    clone.remove("a.py")
    clone.sync("push")
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    world.server.faults(rule(IMPORT, late, object=f"{world.target}/a", nth=1))
    assert clone.restore("push").code == 1 and held(world, "a") == {"value2"}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_restore_is_not_sent_again_blindly(world: World, phase: str) -> None:
    """When the answer to a restore is lost, nothing is sent again, and an edit after it is not replaced."""
    clone = replaced(world, "push")
    here = {"object": f"{world.target}/a", "nth": 1, "phase": phase}
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    world.server.faults(rule(IMPORT, late, **here), rule(IMPORT, RESET, **here))
    restored = clone.restore("push")
    assert held(world, "a") == {"value2"} and restored.writes.count(("import", f"{world.target}/a")) == 1


# --- git and machines -------------------------------------------------------------------------------------------


def test_16_a_checkout_during_a_run_carries_nothing_of_the_other_branch(world: World) -> None:
    """Whenever git checks out another branch during a push, nothing of it gets into the first one's folder."""
    clone = synced(world)
    git = partial(git_in, clone)
    git("add", "notebooks")
    git("commit", "-q", "-m", "main")
    git("checkout", "-q", "-b", "other")
    for name in ("a.py", "c.py", "n.py"):
        clone.write(name, compose(name, "value99"))  # as long as what it takes the place of
    clone.remove("b.py")
    git("add", "-A", "notebooks")
    git("commit", "-q", "-m", "other")
    noticed = 0
    for at in range(60):
        git("checkout", "-q", "-f", "main")
        clone.write("c.py", compose("c.py", f"value{at + 10}"))
        run = clone.sync("push", at=at, act=lambda: git("checkout", "-q", "-f", "other"), head="main")
        assert set(world.tree()) == {"a", "b", "c"}, (at, run.said)
        assert not any("value99" in values(found.raw) for found in world.tree().values()), (at, run.said)
        noticed += isinstance(run.error, BranchSwitched)
        if at >= len(run.effects):
            break
    assert noticed


def test_17_a_run_in_the_middle_of_a_rebase_is_refused(world: World) -> None:
    """While git is in the middle of something, the files here are in no state of anybody's."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    (clone.root / ".git/MERGE_HEAD").write_text("0" * 40 + "\n")
    run = clone.sync("push", allowed=STRICT)
    assert code(run) == 3 and not run.writes


@pytest.mark.parametrize(("where", "spoken"), [("here", "locally"), ("there", "in the workspace")])
def test_17_a_side_that_is_back_to_an_old_state_is_said(world: World, where: str, spoken: str) -> None:
    """A reset, or an old version restored in the browser, is carried as the edit that it is, and the plan says so."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    clone.sync("push")
    for value, older in (("value2", ()), ("value0", (where,))):
        clone.write("a.py", compose("a.py", value)) if where == "here" else world.person("a", **edit(value))
        (step,) = [one for one in clone.sync("push", dry_run=True).steps if one.key == "a"]
        assert step.older == older
        assert why(step) == f"edited {spoken}{': back to an older version' if older else ''}"


@pytest.mark.parametrize("stashed", ["edit", "deletion"])
def test_17_a_stash_in_conflict_is_not_carried(world: World, stashed: str) -> None:
    """What git could not put together is neither pushed with its markers nor taken for deleted, nor pulled over."""
    clone = synced(world)
    git_in(clone, "add", "notebooks")
    git_in(clone, "commit", "-q", "-m", "one")
    clone.write("a.py", compose("a.py", "value1")) if stashed == "edit" else clone.remove("a.py")
    git_in(clone, "stash", "-q")
    clone.write("a.py", compose("a.py", "value2"))
    git_in(clone, "commit", "-q", "-a", "-m", "two")
    clone.sync("push")
    git_in(clone, "stash", "pop", code=1)
    if stashed == "deletion":
        clone.remove("a.py")
    before = clone.files()
    run = clone.sync("push over")
    assert code(run) == 1 and "unresolved merge conflict" in run.said and held(world, "a") == {"value2"}
    world.person("a", **edit("value3"))
    assert code(clone.sync("pull over")) == 1 and clone.files() == before
    clone.write("a.py", compose("a.py", "value4"))
    git_in(clone, "add", "notebooks/a.py")
    assert code(clone.sync("push over")) == 0 and held(world, "a") == {"value4"}


def test_18_two_machines_at_once_never_share_the_lock(world: World) -> None:
    """Whoever is a moment later with the lock writes nothing."""
    clone, other = synced(world), world.clone("B")
    other.sync("pull")
    clone.write("a.py", compose("a.py", "value1"))
    other.write("b.py", compose("b.py", "value2"))
    late: list[Run] = []
    for at in range(60):
        run = clone.sync("push", lock=True, at=at, act=lambda: late.append(other.sync("push", lock=True)))
        if late and "Another run" in str(late[-1].error):
            assert not [path for verb, path in late[-1].writes if verb == "import" and not path.endswith(".lock")]
            assert code(run) == 0
            break
        clone.write("a.py", compose("a.py", f"value{at + 10}"))
        other.write("b.py", compose("b.py", f"value{at + 100}"))
    else:
        raise AssertionError("they never met")


def test_18_a_lock_that_is_made_at_the_same_moment_has_one_holder(world: World) -> None:
    """Between looking for a lock and making one nobody can slip in: the workspace lets only one be made."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    place = f"{world.target.rpartition('/')[0]}/.databricks_sync/main.lock"
    other = '{"id": "x", "host": "elsewhere", "pid": 1, "user": "you", "since": "now", "ttl": 120}'
    late = {"kind": "edit", "edits": [{"path": place, "text": other}]}
    world.server.faults(rule(IMPORT, late, object=place, nth=1))
    run = clone.sync("push", lock=True)
    assert "Another run" in str(run.error) and held(world, "a") == {"value0"}


def test_40_hooks_and_pipelines_are_no_obstacle(project: Project) -> None:
    """In a git hook, with its variables set and without a terminal, a push goes where it always goes, unasked."""
    project.write("notebooks/a.py", compose("a.py", "value0"))
    ran = project.run("to_databricks", env={"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index", "CI": "true"})
    assert ran.imports("a") == 1


@pytest.mark.parametrize("offset", [-86_400_000 * 3, 86_400_000 * 3])
@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_41_a_wrong_clock_changes_nothing(world: World, offset: int, hashes: bool) -> None:
    """Days between the clocks of both machines are no edit, and hide none."""
    world.server.set(hashes=hashes)
    world.server.clock(mode="real", offset_ms=offset)
    clone = synced(world)
    world.server.clock(mode="real", offset_ms=-offset)
    at_rest(clone)
    world.person("a", **edit("value1"))
    assert action(clone.sync("pull"), "a") == "update" and values(clone.files()["a.py"]) == {"value1"}


def test_43_two_runs_on_one_machine_never_mix(world: World) -> None:
    """While one run is at work, another one of the same clone is refused at once."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    late: list[Run] = []
    clone.sync("push", at=8, act=lambda: late.append(clone.sync("push")))
    assert "Another run is using this target" in str(late[0].error) and not late[0].writes


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_43_runs_on_two_targets_of_one_clone_leave_each_other_alone(world: World, links: bool) -> None:
    """While one run has a file in hand, another one of the same clone on another target takes nothing from it."""
    clone = synced(world)
    world.person("n", source=compose("n.py", "value1").decode())
    other = Clone(clone.root, clone.server, f"{world.target}-too")
    late: list[Run] = []
    run = clone.sync("pull", links=links, upon=("before local create", 1), act=lambda: late.append(other.sync("push")))
    assert code(run) == code(late[0]) == 0, run.said + late[0].said
    assert values(clone.files()["n.py"]) == {"value1"} and not clone.litter()
    at_rest(clone)


# --- names and types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("foo.py", "foo.sql"), ("foo.py", "foo/bar.py"), ("foo.py", "foo.ipynb")])
def test_22_two_files_of_one_name_are_both_left(world: World, names: tuple[str, str]) -> None:
    """Files that would be one object in the workspace are refused, with both names."""
    clone = world.clone("A")
    for name in names:
        clone.write(name, compose(name, "value1"))
    run = clone.sync("push")
    assert code(run) == 1 and "foo" not in world.tree() and all(name in run.said for name in names)


def test_23_a_script_that_becomes_a_notebook_and_back_is_exchanged(world: World) -> None:
    """An object that changes its type changes its name too: the new one is made, the old one goes, with a backup."""
    clone = synced(world)
    clone.write("a.py", script("value1"))
    assert code(clone.sync("push")) == 0 and set(world.tree()) == {"a.py", "b", "c"}
    clone.write("a.py", compose("a.py", "value2"))
    assert code(clone.sync("push")) == 0 and set(world.tree()) == {"a", "b", "c"}
    assert {"value0", "value1"} <= {value for raw in clone.backups() for value in values(raw)}
    at_rest(clone)


@pytest.mark.parametrize("way", ["push", "push over", "pull", "pull over"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_24_an_object_of_another_type_is_left(world: World, way: str, kind: str) -> None:
    """A notebook that became a file or a folder in the workspace is replaced by nobody."""
    clone = synced(world)
    world.person("a", delete=True)
    if kind == "file":
        world.person("a", text="value1")
    else:
        world.person("a/inner", **edit("value1"))
    clone.write("a.py", compose("a.py", "value2"))
    before = clone.files()
    run = clone.sync(way)
    assert code(run) in (1, 3, 4), run.said
    assert clone.files()["a.py"] == before["a.py"] and {"value1", "value2"} <= world.kept()
    assert any("value1" in values(found.raw) for found in world.tree().values())


@pytest.mark.parametrize("name", ["trailing.", "blank "])
def test_25_names_that_a_disk_cannot_store_are_refused(world: World, name: str) -> None:
    """What Windows cannot store under its name is not pulled, and said."""
    clone = synced(world)
    world.person(name, **edit("value1"))
    run = clone.sync("pull")
    assert code(run) == 1 and len(clone.files()) == 3


def test_25_names_that_only_differ_in_their_form_are_refused(world: World) -> None:
    """Two names that one disk could not hold apart are both left where they are."""
    clone = synced(world)
    world.person("caf\u00e9", **edit("value1"))
    world.person("cafe\u0301", **edit("value2"))
    run = clone.sync("pull")
    assert code(run) == 1 and len(clone.files()) == 3 and {"value1", "value2"} <= world.kept()


@pytest.mark.parametrize("name", ["../evil.py", "d/../../evil", ".git/hooks/pre-commit", "x\x1b[2Jy", "a\\..\\b"])
def test_37_names_from_the_workspace_are_not_trusted(world: World, name: str) -> None:
    """A name that would leave the folder, or enter git's, never becomes a path."""
    clone = synced(world)
    outside = sorted(clone.root.parent.glob("*")), sorted((clone.root / ".git").glob("hooks/*"))
    world.person(name, text="value1")
    clone.sync("pull")
    assert sorted(clone.files()) == ["a.py", "b.py", "c.py"]
    assert (sorted(clone.root.parent.glob("*")), sorted((clone.root / ".git").glob("hooks/*"))) == outside


@pytest.mark.parametrize("kind", ["DASHBOARD", "MLFLOW_EXPERIMENT", "LIBRARY", "REPO", "GIT_FOLDER"])
def test_47_objects_of_unknown_types_are_left(world: World, kind: str) -> None:
    """What is neither notebook nor file is said once, and deleted by nobody, not even by a mirror."""
    clone = synced(world)
    world.person("thing", text="{}", object_type=kind)
    for way in ("push", "push over", "pull", "mirror"):
        run = clone.sync(way)
        assert code(run) == 0 and "thing" not in [path.rpartition("/")[2] for _, path in run.writes]
    status, _ = world.server.ask("GET", f"/api/2.0/workspace/get-status?path={world.target}/thing")
    assert status == 200


def test_36_nothing_is_followed_out_of_the_folder(world: World, tmp_path: Any) -> None:
    """A symbolic link is neither read through on a push nor written through on a pull."""
    clone = synced(world)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("value1")
    (clone.notebooks / "link").symlink_to(outside)
    (clone.notebooks / "secret.py").symlink_to(outside / "secret.py")
    (clone.notebooks / "loop").symlink_to(clone.notebooks)
    run = clone.sync("push")
    assert not [path for verb, path in run.writes if verb == "import" and not path.endswith(".json")]
    world.person("link/n", **edit("value2"))
    clone.sync("pull")
    assert [one.name for one in outside.iterdir()] == ["secret.py"]


@pytest.mark.parametrize("way", ["push", "push over", "mirror"])
@pytest.mark.parametrize("harm", ["link", "dangling link", "repository"])
def test_36_what_lies_behind_a_link_or_in_a_repository_is_unknown(world: World, harm: str, way: str) -> None:
    """A folder here that is not looked into is not empty: what the workspace has under its name stays there."""
    clone = synced(world, "a.py", "lib/n.py")
    world.person("lib/other", **edit("value1"))
    (clone.notebooks / "lib/n.py").unlink()
    (clone.notebooks / "lib").rmdir()
    if harm == "repository":
        subprocess.run(["git", "init", "-q", str(clone.notebooks / "lib")], check=True)
    else:
        (clone.notebooks / "lib").symlink_to(world.folder if harm == "link" else world.folder / "nowhere")
    run = clone.sync(way)
    assert code(run) == 1 and held(world, "lib/n") == {"value0"} and held(world, "lib/other") == {"value1"}, run.said


# --- content ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newlines", ["preserve", pytest.param("legacy", marks=pytest.mark.long)])
def test_26_line_ends_are_stable_over_ten_round_trips(world: World, newlines: str) -> None:
    """However notebooks end their lines, ten round trips write each once, and leave the files as they are."""
    world.server.set(newlines=newlines)
    clone = world.clone("A")
    text = compose("a.py", "value1").rstrip(b"\n")
    texts = {
        "crlf.py": text.replace(b"\n", b"\r\n") + b"\r\n",
        "none.py": text,
        "one.py": text + b"\n",
        "three.py": text + b"\n\n\n",
        "bom.py": BOM + text,
    }
    for name, raw in texts.items():
        clone.write(name, raw)
    clone.sync("push")
    for _ in range(10):
        at_rest(clone)
        saved = (world.change(name, source=remote.raw.decode()) for name, remote in world.tree().items())
        world.server.person(*saved)
    assert clone.files() == texts


def test_26_a_trailing_newline_more_is_no_edit_and_loses_none(world: World) -> None:
    """A clone whose editor ends files otherwise is in sync."""
    clone = synced(world)
    clone.write("a.py", clone.files()["a.py"] + b"\n\n")
    run = clone.sync("push")
    assert not run.writes and action(run, "a") in ("nothing", "adopt")


def test_26_what_is_not_text_is_left(world: World) -> None:
    """A notebook that is not UTF-8 is said and left, and not taken for deleted."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1") + b"\xff")
    run = clone.sync("push")
    assert code(run) == 4 and held(world, "a") == {"value0"}


def test_27_a_write_that_does_not_show_is_not_believed(world: World) -> None:
    """When the workspace holds something else than what was sent, the base stays, and nothing is sent again."""
    clone = synced(world)
    before = clone.base()
    clone.write("a.py", compose("a.py", "value1"))
    late = {"kind": "edit", "edits": [world.change("a", **edit("value2"))]}
    world.server.faults(rule(IMPORT, late, object=f"{world.target}/a", nth=1, phase="after"))
    run = clone.sync("push")
    assert code(run) == 4 and run.writes.count(("import", f"{world.target}/a")) == 1
    assert clone.base() == before and held(world, "a") == {"value2"}
    assert clone.sync("push").conflicts == ["a"]


def test_28_a_browser_tab_that_saves_its_old_text_is_an_edit(world: World) -> None:
    """A tab that was open during a push and saves what it shows is heard, and nobody fights it."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    clone.sync("push")
    world.person("a", **edit("value0"))
    for _ in range(2):
        run = clone.sync("push")
        assert code(run) == 0 and action(run, "a") == "ahead" and not run.writes, run.said
    assert code(clone.sync("pull")) == 0 and values(clone.files()["a.py"]) == {"value0"}
    at_rest(clone)


def test_29_a_run_of_a_notebook_is_no_edit(world: World) -> None:
    """New outputs and a new time with the same cells are no edit there; new outputs here are pushed, once."""
    clone = synced(world, "a.ipynb", "b.py")
    world.person("b", **edit("value0"))
    ran = world.server.export(f"{world.target}/a", "JUPYTER").replace(b"ran", b"ran there")
    world.person("a", content=base64.b64encode(ran).decode(), object_type="NOTEBOOK")
    at_rest(clone)
    clone.write("a.ipynb", clone.files()["a.ipynb"].replace(b"ran", b"ran here"))
    assert [path for verb, path in clone.sync("push").writes if path.endswith("/a")]
    at_rest(clone)


def test_30_large_and_deep_trees_are_carried(world: World) -> None:
    """What is too large for a notebook is said; folders thirty deep are not."""
    clone = world.clone("A")
    deep = "/".join(["d"] * 30) + "/n.py"
    clone.write(deep, compose("n.py", "value1"))
    clone.write("big.py", compose("big.py", "value2") + b"#" * (10 * 2**20))
    run = clone.sync("push")
    assert code(run) == 4 and "big.py" in run.said and held(world, deep.removesuffix(".py")) == {"value1"}


def test_34_what_editors_leave_behind_is_not_carried(world: World) -> None:
    """Swap files, backups and checkpoints are nobody's notebooks."""
    clone = synced(world)
    for name in (".a.py.swp", "a.py~", ".#a.py", ".ipynb_checkpoints/a-checkpoint.ipynb", "__pycache__/a.pyc"):
        clone.write(name, compose(name, "value1"))
    assert not clone.sync("push").writes


@pytest.mark.parametrize("harm", ["half saved", "link", "unreadable"])
def test_44_a_notebook_that_cannot_be_read_is_not_gone(world: World, harm: str) -> None:
    """A file that cannot be judged is unknown, and its notebook in the workspace stays, whatever form it had."""
    clone = synced(world)
    clone.remove("a.py")
    if harm == "half saved":
        clone.write("a.ipynb", jupyter("1")[:40])
    elif harm == "link":
        (clone.notebooks / "a.ipynb").symlink_to(clone.notebooks / "b.py")
    else:
        clone.write("a.py", notebook("1").encode() + b"\xff")
    clone.sync("push")
    assert held(world, "a") == {"value0"}


@pytest.mark.parametrize("harm", ["not text", "link", "large"])
def test_44_a_mirror_from_a_fresh_clone_keeps_what_it_cannot_read(world: World, harm: str) -> None:
    """A pipeline that cannot read a notebook does not take it away from the workspace."""
    synced(world)
    fresh = world.clone("B")
    for name in ("b.py", "c.py"):
        fresh.write(name, compose(name, "value0"))
    if harm == "link":
        (fresh.notebooks / "a.py").symlink_to(fresh.notebooks / "b.py")
    else:
        more = b"\xff" if harm == "not text" else b"#" * (10 * 2**20)
        fresh.write("a.py", compose("a.py", "value0") + more)
    run = fresh.sync("mirror")
    assert code(run) in (1, 4) and held(world, "a") == {"value0"}, run.said
