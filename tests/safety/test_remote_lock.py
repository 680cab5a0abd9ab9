"""The lock in the workspace: one holder, who renews it, and who notices when it is another's."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
from typing import Any

import pytest
from support.project import IMPORT, LIST, answer, rule, until
from support.variants import thinned

from databricks_sync.errors import Busy, LockLost, NotOurs
from databricks_sync.model import Login
from databricks_sync.remote.auth import connect
from databricks_sync.remote.lock import TTL, RemoteLock, machine

from .world import TARGET, Clone, World, compose

NOTES = f"{TARGET.rpartition('/')[0]}/.databricks_sync"
PLACE = f"{NOTES}/main.lock"
OTHER = {"id": "x", "host": "elsewhere", "machine": "another", "pid": 1, "user": "you", "since": "noon", "ttl": TTL}
HOLD = """
import sys, time
from databricks_sync.remote.auth import connect
from databricks_sync.model import Login
from databricks_sync.remote.lock import RemoteLock
with RemoteLock(connect(Login(sys.argv[1], sys.argv[2])), sys.argv[3], ttl=0.2).held(0):
    time.sleep(60)
"""

BRIEF = 0.2  # locks are renewed after a tenth of a second then, not after a minute

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")


@pytest.fixture(autouse=True)
def folder(world: World) -> None:
    """There is a folder for notes already."""
    world.server.ask("POST", "/api/2.0/workspace/mkdirs", {"path": NOTES})


def lock(world: World, ttl: float = TTL) -> RemoteLock:
    return RemoteLock(connect(Login(world.server.host, world.server.token)), TARGET, ttl)


def place(world: World, about: dict[str, Any] | str = OTHER) -> None:
    """Another machine's lock, or whatever somebody wrote there."""
    world.server.person({"path": PLACE, "text": about if isinstance(about, str) else json.dumps(about)})


def change(**about: Any) -> dict[str, Any]:
    """A fault's action: at that moment the lock becomes another machine's."""
    return {"kind": "edit", "edits": [{"path": PLACE, "text": json.dumps({**OTHER, **about})}]}


def found(world: World) -> dict[str, Any]:
    notes = world.server.tree(NOTES)
    return json.loads(notes["main.lock"].raw) if "main.lock" in notes else {}


def taken(world: World) -> None:
    """Another machine takes the lock, and its holder notices.

    It may have looked just before, and write its own over it (the race of `_renew`): then it is taken again.
    """
    assert _renewing()
    until(lambda: place(world) or not _renewing())


def _renewing() -> bool:
    return any("_renew" in thread.name for thread in threading.enumerate())


def deletes(world: World) -> int:
    return sum(1 for one in world.server.requests() if one["endpoint"].endswith("/delete"))


def two_files(world: World) -> Clone:
    clone = world.clone("A")
    for name in ("n1.py", "n2.py"):
        clone.write(name, compose(name, "value0"))
    return clone


def edit_both(world: World) -> None:
    for name in ("n1", "n2"):
        world.person(name, source=compose(f"{name}.py", "value1").decode())


def edited(world: World) -> dict[str, bool]:
    """Whether the workspace has what was edited there, by name."""
    return {name: b"value1" in one.raw for name, one in world.tree().items()}


# --- taking it over -----------------------------------------------------------------------------------------------


def test_a_stale_lock_that_another_broke_first_is_left(world: World) -> None:
    """Who saw a stale lock, and finds a fresh one in its place right before deleting it, leaves that."""
    place(world)
    world.server.clock(mode="real", offset_ms=int(TTL * 1000) + 5000)
    world.server.faults(rule(LIST, change(id="y", user="ann"), object=PLACE, phase="after", nth=1))
    with pytest.raises(Busy, match="ann on elsewhere"), lock(world).held(0):
        pass
    assert found(world)["id"] == "y" and not deletes(world)


def test_a_lock_that_is_lost_at_once_is_not_believed(world: World) -> None:
    """Who broke a stale lock looks once more: a delete of another breaker that came late makes it that one's."""
    place(world)
    world.server.clock(mode="real", offset_ms=int(TTL * 1000) + 5000)
    world.server.faults(rule(IMPORT, change(id="y", user="ann"), object=PLACE, phase="after", nth=2))
    with pytest.raises(Busy, match="ann on elsewhere"), lock(world).held(0):
        pass
    assert found(world)["id"] == "y" and deletes(world) == 1


def test_a_name_of_a_machine_is_no_machine(world: World) -> None:
    """A lock of another container of the same name is respected, though its process is not one of ours."""
    place(world, {**OTHER, "host": platform.node(), "pid": 4_194_000})
    with pytest.raises(Busy), lock(world).held(0):
        pass
    assert found(world)["id"] == "x"


def test_a_lock_with_a_strange_process_is_one(world: World) -> None:
    """A lock whose process nobody can have is respected, and stale one day, like any other."""
    place(world, {**OTHER, "machine": machine(), "pid": 10**30})
    with pytest.raises(Busy, match="Another run"), lock(world).held(0):
        pass
    world.server.clock(mode="real", offset_ms=int(TTL * 1000) + 5000)
    with lock(world).held(0) as notice:
        assert not notice


STRANGE: dict[str, tuple[dict[str, str], str]] = {
    "nested": ({"text": "[" * 100_000}, "is not a lock file of this tool"),
    "digits": ({"text": "9" * 5000}, "is not a lock file of this tool"),
    "a list": ({"text": "[]"}, "is not a lock file of this tool"),
    "nothing": ({"text": ""}, "is not a lock file of this tool"),
    "a shopping list": ({"text": '{"milk": 2}'}, "is not a lock file of this tool"),
    "large": ({"text": "x" * 2**21}, "is too large"),
    "a folder": ({"object_type": "DIRECTORY"}, "is a folder, not a lock file"),
    "a Git folder": ({"object_type": "GIT_FOLDER"}, "is a Git folder, not a lock file"),
    "a notebook": ({"source": "print(1)"}, "is a notebook, not a lock file"),
    "a dashboard": ({"object_type": "DASHBOARD", "text": "{}"}, "is a dashboard, not a lock file"),
}


@pytest.mark.parametrize("name", thinned(STRANGE))
def test_what_is_no_lock_is_named_and_left(world: World, name: str) -> None:
    """What stands in the place of a lock and is none is named, never called a run, and stays also when it is old."""
    edit, what = STRANGE[name]
    world.server.person({"path": PLACE, **edit})
    clone, kept = two_files(world), world.server.tree(NOTES)
    for offset in (0, int(TTL * 1000) + 5000, -int(TTL * 1000) - 5000):
        world.server.clock(mode="real", offset_ms=offset)
        run = clone.sync("push", lock=True)
        assert isinstance(run.error, NotOurs) and run.error.exit_code == 3, run.said
        assert run.error.message.startswith(f"{PLACE} {what}") and run.error.hint.startswith("Delete or rename it")
    assert world.tree() == {} and world.server.tree(NOTES) == kept and not deletes(world)
    world.server.person({"path": PLACE, "delete": True})
    run = clone.sync("push", lock=True)
    assert run.report and run.report.exit_code == 0 and set(world.tree()) == {"n1", "n2"}


def test_a_file_where_the_notes_belong_is_named(world: World) -> None:
    """Where a file has the name of the folder for notes, no lock is taken for held by anybody, and the file stays."""
    world.server.person({"path": NOTES, "delete": True}, {"path": NOTES, "text": "mine"})
    with pytest.raises(NotOurs, match=f"{NOTES} is a file, but this tool needs a folder there"), lock(world).held(0):
        pass
    assert world.server.export(NOTES, "AUTO") == b"mine"


def test_what_cannot_be_seen_is_not_asked_for_ever(world: World) -> None:
    """A lock that can neither be made nor seen ends the run with a sentence."""
    place(world)
    gone = answer(404, "RESOURCE_DOES_NOT_EXIST", "gone")
    world.server.faults(rule("*/workspace/export", gone), rule("*/workspace/get-status", gone))
    with pytest.raises(NotOurs, match="cannot be read"), lock(world).held(0):
        pass
    world.server.faults()
    assert found(world) == OTHER


@pytest.mark.parametrize("ahead", [3600, 10**8], ids=["an hour", "years"])
def test_a_lock_of_the_future_is_stale(world: World, ahead: int) -> None:
    """A lock from before the workspace's clock was set back is held by nobody: a holder would have renewed it."""
    world.server.clock(mode="real", offset_ms=ahead * 1000)
    place(world)
    world.server.clock(mode="real")
    with lock(world).held(0) as notice:
        assert not notice and found(world)["id"] != "x"


def test_a_lock_of_the_next_moment_is_held(world: World) -> None:
    """Clocks of one workspace may differ a little: a lock that is some seconds ahead is respected."""
    world.server.clock(mode="real", offset_ms=30_000)
    place(world)
    world.server.clock(mode="real")
    with pytest.raises(Busy), lock(world).held(0):
        pass
    assert found(world) == OTHER


def test_a_lock_without_an_age_can_be_removed(world: World) -> None:
    """Where the workspace tells no times a lock is never stale, so the sentence names what to delete."""
    place(world)
    world.server.clock(mode="absent")
    with pytest.raises(Busy) as caught, lock(world).held(0):
        pass
    assert f"delete {PLACE} in the workspace" in caught.value.hint


# --- keeping it ---------------------------------------------------------------------------------------------------


def test_a_lock_is_renewed_as_long_as_it_is_held(world: World) -> None:
    """Twice in its time a lock is written anew, through all kinds of refusals, and is gone when it is given up."""
    refused = [answer(401), answer(403, "PERMISSION_DENIED"), {"kind": "reset"}]
    world.server.faults(*(rule(IMPORT, one, object=PLACE, nth=nth) for nth, one in enumerate(refused, 2)))
    mine = lock(world, BRIEF)
    with mine.held(0):
        since = found(world)["since"]
        until(lambda: found(world)["renewed"] > len(refused))
        assert found(world)["since"] == since and mine.lost() is None
    assert found(world) == {} and world.server.struck() == [1, 1, 1]


@pytest.mark.parametrize("gone", [False, True], ids=["taken", "deleted"])
def test_a_lock_that_is_another_s_is_not_renewed(world: World, gone: bool) -> None:
    """Who finds the lock to be another's, or gone, leaves it as it is, also in the end, and knows that it is lost."""
    mine = lock(world, BRIEF)
    with mine.held(0):
        if gone:
            until(lambda: (found(world) and world.server.person({"path": PLACE, "delete": True})) or mine.lost())
        else:
            taken(world)
            assert mine.lost()
    assert found(world) == ({} if gone else OTHER)


def test_a_lock_that_is_another_s_is_not_given_up(world: World) -> None:
    """Who finds another's lock at the end of a run, before it was to be renewed, leaves it there."""
    with lock(world).held(0):
        place(world)
    assert found(world) == OTHER


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_death_while_the_lock_is_renewed(world: World, phase: str) -> None:
    """A process that is killed while it renews its lock, before or after that is done, holds up nobody here."""
    clone = two_files(world)
    there = (world.server.host, world.server.token, TARGET)
    process = subprocess.Popen([sys.executable, "-c", HOLD, *there])
    world.server.faults(rule(IMPORT, {"kind": "kill", "pid": process.pid}, object=PLACE, phase=phase, nth=2))
    assert process.wait(timeout=300) == -9
    world.server.faults()
    assert found(world)["pid"] == process.pid
    run = clone.sync("push", lock=True)
    assert run.report and run.report.exit_code == 0, run.said
    assert found(world) == {} and set(world.tree()) == {"n1", "n2"}


# --- losing it ----------------------------------------------------------------------------------------------------


# Who writes a notebook has saved what it replaces just before, so that this is the moment in which to lose the lock.
SAVED = ("in backup", 1)


def test_a_push_that_lost_its_lock_begins_nothing_more(world: World) -> None:
    """When another run has the lock, what is under way is finished, nothing else begun, and the run says so."""
    clone = two_files(world)
    clone.ttl = BRIEF
    clone.sync("push")
    edit_both(world)
    run = clone.sync("push over", lock=True, upon=SAVED, act=lambda: taken(world))
    assert run.report and isinstance(run.report.trouble, LockLost) and run.report.exit_code == 4, run.said
    assert edited(world) == {"n1": False, "n2": True} and found(world) == OTHER
    world.server.person({"path": PLACE, "delete": True})
    again = clone.sync("push over", lock=True)
    assert again.report and again.report.exit_code == 0 and edited(world) == {"n1": False, "n2": False}


def test_a_restore_that_lost_its_lock_begins_nothing_more(world: World) -> None:
    """A restore ends in the same way."""
    clone = two_files(world)
    clone.ttl = BRIEF
    clone.sync("push")
    edit_both(world)
    clone.sync("push over")
    restored = clone.restore("push", lock=True, upon=SAVED, act=lambda: taken(world))
    assert restored.code == 4 and edited(world) == {"n1": True, "n2": False} and found(world) == OTHER
