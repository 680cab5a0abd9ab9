"""Real processes, killed with signal 9: by the workspace at a request, or by themselves at a labelled point."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.project import IMPORT, Project, rule, until

from databricks_sync.remote.limits import LIMITS

from .scenes import SCENES, TORTURE, Stage, end, undisturbed
from .test_crashes import Property
from .world import Clone, Server, World, compose

VICTIM = "victim.py"
NOWHERE = Path(os.devnull)
COMMANDS = {"push": ("to_databricks",), "pull": ("from_databricks",), "mirror": ("to_databricks", "--mirror")}
COMMANDS |= {"removal": ("to_databricks", "--remove", "--branch", "main")}
INSIST = ("--allow-all-changed", "--max-delete", "100%")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9")


def place(clone: Clone) -> Project:
    """The clone, as commands are typed in it."""
    return Project(clone.root, clone.root.parent / "home", clone.server)


def killed(clone: Clone, command: str, *options: str, **where: object) -> bool:
    """Whether a command in a process of its own lived long enough to make that request, and was killed at it."""
    process = place(clone).forked(command, *options, *INSIST, out=NOWHERE, err=NOWHERE)
    clone.server.faults({**where, "action": {"kind": "kill", "pid": process.pid}})
    process.begin()
    code = process.wait()
    clone.server.faults()
    return code == -signal.SIGKILL


def killed_at_label(clone: Clone, command: str, *options: str, label: str, number: int) -> bool:
    """Whether it got so often to that labelled point, and killed itself there."""
    typed = (VICTIM, command, label, str(number), *options, *INSIST)
    process = place(clone).forked(*typed, out=NOWHERE, err=NOWHERE, module="safety.victim")
    process.begin()
    return process.wait() == -signal.SIGKILL


def points(requests: int) -> list[tuple[int, str]]:
    """Every request, before and after it is applied; where time is short, alternately."""
    every = [(number, phase) for number in range(1, requests + 1) for phase in ("before", "after")]
    return every if TORTURE else every[1::16]


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_at_any_request_changes_nothing(
    stage: Stage, name: str, hashes: bool, record_property: Property
) -> None:
    """A process that is killed at a request, before or after it is applied, is finished by the next one."""
    scene = SCENES[name]
    expected, runs, before = undisturbed(stage, scene, hashes, scene.way)
    kills = 0
    for number, phase in points(len(runs[0].requests)):
        world, clone = stage.set(scene, hashes)
        kills += killed(clone, *COMMANDS[name], nth=number, phase=phase)
        last = clone.sync(scene.way)
        found = end(world, clone, last)
        assert found == expected, f"killed {phase} request {number}"
        assert before <= world.kept(found.there)
    assert kills > 1
    record_property("kills", kills)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_at_any_label_changes_nothing(stage: Stage, name: str, record_property: Property) -> None:
    """A process that is killed at a labelled point is finished by the next one: nothing but its death cleans up."""
    scene = SCENES[name]
    expected, runs, before = undisturbed(stage, scene, True, scene.way)
    labels = Counter(one for one in runs[0].effects if not {"/", "body"} & {*one, one})
    every = [(label, number) for label, count in labels.items() for number in range(1, count + 1)]
    kills = 0
    for label, number in every if TORTURE else every[1::20]:
        world, clone = stage.set(scene, True)
        kills += killed_at_label(clone, *COMMANDS[name], label=label, number=number)
        last = clone.sync(scene.way)
        found = end(world, clone, last)
        assert found == expected, f"killed at {label} {number}"
        assert before <= world.kept(found.there)
    assert kills > 1
    record_property("kills", kills)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_at_an_archive_changes_nothing(world: World, phase: str) -> None:
    """Where a process is killed at the one request for many notebooks, the next run finds them, and sends nothing."""
    clone = world.clone("A")
    for number in range(LIMITS.few + 1):
        clone.write(f"etl/{number}.py", compose("a.py", f"value{number}"))
    assert killed(clone, "to_databricks", endpoint=IMPORT, object=world.target, phase=phase)
    until(lambda: len(world.tree()) == LIMITS.few + 1)
    assert len(clone.intents()) == LIMITS.few + 1
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0 and not clone.intents(), run.said
    assert not [path for _, path in run.writes if path.startswith(world.target)]
    assert len(clone.base()) == LIMITS.few + 1 and not clone.sync("push").writes


# --- locks ------------------------------------------------------------------------------------------------------


def one_file(world: World) -> Clone:
    clone = world.clone("A")
    clone.write("a.py", compose("a.py", "value0"))
    return clone


def lock_of(world: World) -> str | None:
    notes = world.server.tree(f"{world.target.rpartition('/')[0]}/.databricks_sync")
    return notes["main.lock"].raw.decode() if "main.lock" in notes else None


def test_the_lock_of_a_killed_process_of_this_machine_is_taken_over_at_once(world: World) -> None:
    """A lock in the workspace whose holder was killed here holds up nobody."""
    clone = one_file(world)
    assert killed(clone, "to_databricks", "--lock", endpoint=IMPORT, object=f"{world.target}/a") and lock_of(world)
    clone.write("b.py", compose("b.py", "value1"))
    run = clone.sync("push", lock=True)
    assert run.report and run.report.exit_code == 0, run.said
    assert lock_of(world) is None and {"a", "b"} == set(world.tree())


def test_the_lock_of_another_machine_is_respected_until_it_is_stale(world: World) -> None:
    """A lock in the workspace is taken over when it was not renewed for two minutes of the workspace's clock."""
    clone = one_file(world)
    other = {"id": "x", "host": "elsewhere", "pid": 1, "user": "you", "since": "now", "ttl": 120.0}
    place = f"{world.target.rpartition('/')[0]}/.databricks_sync/main.lock"
    world.server.person({"path": place, "text": json.dumps(other)})
    refused = clone.sync("push", lock=True)
    assert refused.error and "you on elsewhere" in str(refused.error) and not world.tree()
    world.server.clock(mode="real", offset_ms=121_000)
    run = clone.sync("push", lock=True)
    assert run.report and run.report.exit_code == 0, run.said
    assert lock_of(world) is None and "a" in world.tree()


def test_the_lock_of_a_killed_process_on_this_machine_is_released_by_the_system(world: World) -> None:
    """A run that is killed while it holds the lock of this machine holds up nobody; a living one does."""
    clone = one_file(world)
    world.server.faults(rule(IMPORT, {"kind": "latency", "ms": 3000}, object=f"{world.target}/a"))
    process = place(clone).start("to_databricks", *INSIST)
    until(lambda: world.server.struck()[0])
    refused = clone.sync("push")
    assert refused.error and f"process {process.pid}" in str(refused.error)
    process.kill()
    process.communicate(timeout=300)
    world.server.faults()
    assert clone.sync("push").report


@pytest.mark.parametrize("times", [2, 3])
def test_an_impatient_ctrl_c_is_recovered_from(stage: Stage, server: Server, times: int) -> None:
    """However often Ctrl-C is pressed in the middle of a push, the next one ends where the first would have."""
    scene = SCENES["push"]
    expected, _, before = undisturbed(stage, scene, True, scene.way)
    world, clone = stage.set(scene, True)
    server.faults(rule(IMPORT, {"kind": "latency", "ms": 400}, object=f"{world.target}/*"))
    process = place(clone).start("to_databricks", *INSIST)
    until(lambda: server.struck()[0])
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    server.faults()
    assert process.returncode == 130
    assert end(world, clone, clone.sync("push")) == expected and before <= world.kept()
