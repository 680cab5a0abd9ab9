"""Everything that can go wrong once, on the way to the workspace or on the disk: it costs a run, and no edit."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.project import DELETE, IMPORT, LIST, RESET, Project, answer, rule, until

from databricks_sync.local.files import Changing, stable_read
from databricks_sync.model import Allowed

from .scenes import SCENES, TORTURE, Scene, Stage, end, undisturbed
from .test_crashes import Property
from .world import Clone, World, compose, values

MISHAPS: dict[str, dict[str, Any]] = {
    "reset": RESET,
    "truncated": {"kind": "truncate"},
    "400": answer(400, "INVALID_PARAMETER_VALUE", "no"),
    "already exists": answer(400, "RESOURCE_ALREADY_EXISTS", "Path (x) already exists."),
    "401": answer(401),
    "403": answer(403, "PERMISSION_DENIED", "no"),
    "404": answer(404, "RESOURCE_DOES_NOT_EXIST", "gone"),
    "404 of something else": answer(404, "FEATURE_DISABLED", "no"),
    "409": answer(409, "CONFLICT", "busy"),
    "429": answer(429, "REQUEST_LIMIT_EXCEEDED", "slow"),
    "429 with Retry-After": answer(429, "REQUEST_LIMIT_EXCEEDED", "slow", headers={"Retry-After": "0"}),
    "500": answer(500, "INTERNAL_ERROR", "oops"),
    "503": answer(503, "TEMPORARILY_UNAVAILABLE", "later"),
    "no JSON": {"kind": "answer", "status": 200, "body": "<html>"},
    "nothing": {"kind": "answer", "status": 200, "body": "{}"},
    "another address": {"kind": "answer", "status": 302, "body": "", "headers": {"Location": "https://example.com"}},
    "an old state": {"kind": "stale"},
}
ENDPOINTS = {
    "push": ("import", "delete", "mkdirs", "list", "list-repo", "export"),
    "pull": ("export", "list", "list-repo", "get-status"),
}
# Without hashes an answer of 200 with other bytes is what the workspace holds, as far as anybody can tell.
BELIEVED = {("export", "no JSON"), ("export", "nothing")}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def cases() -> Iterator[tuple[str, str, str, str]]:
    number = 0
    for way, endpoints in ENDPOINTS.items():
        for endpoint in endpoints:
            for mishap, action in MISHAPS.items():
                for phase in ("before", "after"):
                    number += 1
                    if action["kind"] == "stale" and phase == "after":
                        continue
                    if TORTURE or number % 31 == 0:
                        yield way, endpoint, mishap, phase


@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_fault_costs_a_run_and_no_edit(stage: Stage, way: str, record_property: Property) -> None:
    """After any fault of any request nothing is lost, and the next run without it ends where it would have."""
    scene = SCENES[way]
    count = 0
    for hashes in (True, False):
        expected, _, before = undisturbed(stage, scene, hashes, way)
        for _, endpoint, mishap, phase in (case for case in cases() if case[0] == way):
            if not hashes and (endpoint, mishap) in BELIEVED:
                continue
            for nth in (1, 2) if TORTURE else (1 + count % 2,):
                what = f"{endpoint} {mishap} {phase} {nth}"
                world, clone = stage.set(scene, hashes)
                world.server.faults(rule(f"*/workspace/{endpoint}", MISHAPS[mishap], phase=phase, nth=nth, times=1))
                first = clone.sync(way, allowed=Allowed(deletes="60%", all_changed=True))
                world.server.faults()
                assert not clone.litter() and before <= world.kept(), (what, first.said)
                last = clone.sync(way)
                found = end(world, clone, last)
                assert found == expected or mishap in ("404", "nothing"), (what, first.said, last.said)
                assert before <= world.kept(found.there), (what, first.said, last.said)
                count += 1
    record_property("faults", count)


def test_a_fault_that_stays_is_told_and_loses_nothing(stage: Stage, record_property: Property) -> None:
    """A workspace that never answers a kind of request stops the run, or its objects, and nothing else."""
    count = 0
    for way, endpoints in ENDPOINTS.items():
        scene = SCENES[way]
        expected, _, before = undisturbed(stage, scene, True, way)
        for endpoint in endpoints:
            world, clone = stage.set(scene, True)
            world.server.faults(rule(f"*/workspace/{endpoint}", MISHAPS["503"]))
            clone.sync(way)
            world.server.faults()
            assert before <= world.kept()
            assert end(world, clone, clone.sync(way)) == expected, endpoint
            count += 1
    record_property("faults", count)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("endpoint", ["import", "delete", "mkdirs", "list", "export"])
def test_an_answer_that_is_too_late_costs_nothing(
    stage: Stage, endpoint: str, phase: str, record_property: Property
) -> None:
    """A request that times out, and may be applied long after we gave up on it, loses nothing and is made up for."""
    scene = SCENES["push"]
    expected, _, before = undisturbed(stage, scene, True, "push")
    world, clone = stage.set(scene, True)
    late = {"kind": "latency", "ms": 600}
    world.server.faults(rule(f"*/workspace/{endpoint}", late, phase=phase, object=f"{world.target}*", nth=1))
    run = clone.sync("push", patience=0.3)
    time.sleep(0.4)
    world.server.faults()
    assert before <= world.kept(), run.said
    assert end(world, clone, clone.sync("push")) == expected, run.said
    record_property("faults", 1)


def test_an_edit_after_a_timeout_is_not_replaced(world: World) -> None:
    """What somebody saves while we wait for the answer of a write that was not applied stays: it is looked at again."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    here = f"{world.target}/a"
    edit = {"kind": "edit", "edits": [world.change("a", source=compose("a.py", "value2").decode())]}
    world.server.faults(rule(IMPORT, edit, object=here, nth=1), rule(IMPORT, RESET, object=here, nth=1))
    run = clone.sync("push")
    assert values(world.tree()["a"].raw) == {"value2"} and run.writes.count(("import", here)) == 1, run.said


def test_a_folder_that_vanishes_while_it_is_listed_deletes_nothing(world: World) -> None:
    """A folder that is in one listing and gone in the next one is unknown, and the run says so."""
    clone = synced(world)
    clone.write("etl/c.py", compose("c.py", "value0"))
    clone.sync("push")
    world.server.set(hashes=False)
    gone = {"kind": "edit", "edits": [world.change("etl", delete=True)]}
    world.server.faults(rule(LIST, gone, object=f"{world.target}/etl", nth=1))
    run = clone.sync("pull")
    assert run.error and run.error.exit_code == 3 and "etl/c.py" in clone.files(), run.said


def test_a_long_429_is_sat_out(world: World) -> None:
    """However often the workspace says that it is too much, a create, an update and a delete get through."""
    clone = synced(world)
    clone.write("a.py", compose("a.py", "value1"))
    clone.write("n.py", compose("n.py", "value2"))
    clone.remove("b.py")
    often = {"action": MISHAPS["429"], "nth": [*range(1, 7)]}
    refused = {"a": IMPORT, "n": IMPORT, "b": DELETE}
    world.server.faults(*({"endpoint": refused[name], "object": f"{world.target}/{name}", **often} for name in refused))
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0 and world.server.struck() == [6, 6, 6], run.said
    assert {name: values(remote.raw) for name, remote in world.tree().items()} == {"a": {"value1"}, "n": {"value2"}}


# --- this side --------------------------------------------------------------------------------------------------


def limited(size: int) -> Callable[[], None]:
    """No file may grow beyond so many bytes: for writers the same as a full disk, also for root."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


FULL = [  # at each of these sizes a file is cut off; each command at every second one, and at all where there is time
    pytest.param(command, size, marks=[pytest.mark.long] if number % 2 != other else [])
    for other, command in enumerate(("to_databricks", "from_databricks"))
    for number, size in enumerate((0, 10, 64, 1000, 4096, 20_000, 40_000))
]


@pytest.mark.parametrize(("command", "size"), FULL)
def test_a_full_disk_costs_a_run_and_no_edit(stage: Stage, command: str, size: int, record_property: Property) -> None:
    """Whatever can no longer be written here, nothing is changed without its backup, and nothing is lost."""
    way = "push" if command == "to_databricks" else "pull"
    scene = Scene(way, SCENES[way].happened)
    expected, _, before = undisturbed(stage, scene, True, way)
    world, clone = stage.set(scene, True)
    project = Project(clone.root, clone.root.parent / "home", world.server)
    typed = [sys.executable, "-m", f"databricks_sync.{command}"]
    ran = subprocess.run(
        typed,
        cwd=clone.root,
        # Without this, the interpreter would leave torn bytecode of the package behind.
        env=project.env | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        preexec_fn=limited(size),
        check=False,
        timeout=300,
    )
    said = (ran.stdout + ran.stderr).decode()
    assert "Traceback" not in said and "unexpected" not in said, said
    assert before <= world.kept() and not clone.litter(), said
    assert end(world, clone, clone.sync(way)) == expected, said
    record_property("faults", 1)


def synced(world: World) -> Clone:
    clone = world.clone("A")
    for name in ("a.py", "b.py"):
        clone.write(name, compose(name, "value0"))
    clone.sync("push")
    return clone


def test_a_file_that_is_written_while_it_is_read_is_left(world: World) -> None:
    """What an editor is still writing is not sent half."""
    clone = synced(world)
    whole = compose("a.py", "value1") + b"# padding\n" * 100_000
    clone.write("a.py", whole)
    program = "import sys, time\nwhile True: open(sys.argv[1], 'ab').write(b'# value1\\n'); time.sleep(0.0002)"
    writer = subprocess.Popen([sys.executable, "-c", program, str(clone.notebooks / "a.py")])
    try:
        time.sleep(0.2)
        run = clone.sync("push")
    finally:
        writer.kill()
        writer.wait()
    told = [one.path for one in run.report.problems] if run.report else []
    assert told == ["notebooks/a.py"] or values(world.tree()["a"].raw) == {"value1"}
    assert clone.sync("push").report and values(world.tree()["a"].raw) == {"value1"}


def test_a_file_that_is_written_all_the_time_is_never_believed(tmp_path: Path) -> None:
    """What was read while somebody wrote is of no moment, and is not given out."""
    where = tmp_path / "log"
    with where.open("wb") as file:
        file.truncate(100 * 2**20)  # long enough to read for a write to fall into it
    program = "import sys, time\nwhile True: open(sys.argv[1], 'r+b').write(b'x'); time.sleep(0.0002)"
    writer = subprocess.Popen([sys.executable, "-c", program, str(where)])
    try:
        until(lambda: where.open("rb").read(1) == b"x")
        with pytest.raises(Changing):
            stable_read(where)
    finally:
        writer.kill()
        writer.wait()


@pytest.mark.parametrize("label", ["planned", "before intents", "before backup", "after backup"])
@pytest.mark.parametrize("harm", ["edited", "folder", "link", "gone"])
def test_a_file_that_changes_during_a_pull_is_left(world: World, tmp_path: Path, label: str, harm: str) -> None:
    """What happens to a file between the plan and its replacement is never undone, and nothing outside is touched."""
    clone = synced(world)
    world.person("a", source=compose("a.py", "value1").decode())
    outside = tmp_path / "outside.py"
    outside.write_bytes(compose("a.py", "value8"))
    where = clone.notebooks / "a.py"

    def change() -> None:
        where.unlink()
        if harm == "edited":
            where.write_bytes(compose("a.py", "value2"))
        elif harm == "folder":
            where.mkdir()
            (where / "inner.txt").write_text("value2")
        elif harm == "link":
            where.symlink_to(outside)

    clone.sync("pull", upon=(label, 1), act=change)
    assert values(outside.read_bytes()) == {"value8"}
    assert harm in ("gone", "link") or "value2" in world.kept()
    assert where.is_symlink() == (harm == "link") and not clone.litter()
    if harm == "edited":
        assert values(where.read_bytes()) == {"value2"}


def test_a_folder_that_becomes_a_link_out_of_the_tree_is_not_followed(world: World, tmp_path: Path) -> None:
    """A pull never writes through a link, even one that was made after the plan."""
    clone = synced(world)
    clone.write("etl/c.py", compose("c.py", "value0"))
    clone.sync("push")
    world.person("etl/c", source=compose("c.py", "value1").decode())
    outside = tmp_path / "outside"
    (clone.notebooks / "etl").rename(outside)
    (clone.notebooks / "etl").symlink_to(outside)
    clone.sync("pull")
    assert values((outside / "c.py").read_bytes()) == {"value0"}


@pytest.mark.parametrize("option", [(), ("--mirror",)], ids=["push", "mirror"])
def test_a_folder_that_may_not_be_read_is_not_gone(world: World, option: tuple[str, ...]) -> None:
    """A folder here that cannot be opened stops the push: what is in it is unknown, and not deleted."""
    clone = synced(world)
    clone.write("etl/c.py", compose("c.py", "value0"))
    clone.sync("push")
    project = Project(clone.root, clone.root.parent / "home", world.server)
    typed = [sys.executable, "-m", "databricks_sync.to_databricks", *option]
    if os.geteuid() == 0:  # for root there is no such folder, unless it gives up that right
        if not shutil.which("setpriv"):
            pytest.skip("root may read everything")
        typed = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *typed]
    (clone.notebooks / "etl").chmod(0)
    try:
        ran = subprocess.run(typed, cwd=clone.root, env=project.env, capture_output=True, check=False, timeout=300)
    finally:
        (clone.notebooks / "etl").chmod(0o755)
    assert "etl/c" in world.tree() and ran.returncode != 0, ran.stdout


def test_a_read_only_file_is_replaced_by_no_accident(world: World) -> None:
    """A pull keeps the permissions of what it replaces."""
    clone = synced(world)
    (clone.notebooks / "a.py").chmod(0o444)
    world.person("a", source=compose("a.py", "value1").decode())
    clone.sync("pull")
    assert (clone.notebooks / "a.py").stat().st_mode & 0o777 == 0o444
    assert "value0" in world.kept() and "value1" in world.kept()


@pytest.mark.parametrize("years", [-20, 20])
def test_a_jump_of_the_clock_here_changes_nothing(world: World, years: int) -> None:
    """Files from the past or the future are compared by what they hold."""
    clone = synced(world)
    then = time.time() + years * 31_556_952
    for name in ("a.py", "b.py"):
        os.utime(clone.notebooks / name, (then, then))
    assert not clone.sync("push").writes
    status = (clone.notebooks / "a.py").stat()
    clone.write("a.py", compose("a.py", "value1"))
    os.utime(clone.notebooks / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    clone.sync("push")
    assert values(world.tree()["a"].raw) == {"value1"}


@pytest.mark.parametrize("way", ["pull", "pull over"])
@pytest.mark.parametrize("effect", ["os.rename notebooks/a.py", "os.remove notebooks/b.py"])
def test_a_file_that_another_program_holds_is_left(world: World, way: str, effect: str) -> None:
    """A file that cannot be renamed over or removed, as Windows has it, stays whole and is carried by the next run."""
    clone = synced(world)
    world.person("a", source=compose("a.py", "value1").decode())
    world.person("b", delete=True)

    def refuse() -> None:
        raise PermissionError(13, "it is being used by another process")

    run = clone.sync(way, upon=(effect, 1), act=refuse)
    assert run.report and run.report.exit_code == 4 and effect in run.effects, run.said
    assert values(clone.files()[effect.rpartition("/")[2]]) == {"value0"} and not clone.litter()
    last = clone.sync(way)
    assert last.report and last.report.exit_code == 0, last.said
    assert {name: values(raw) for name, raw in clone.files().items()} == {"a.py": {"value1"}}


def test_a_disk_without_hard_links_gets_whole_files(world: World) -> None:
    """Where a finished file cannot be linked to its name it is renamed, and an edit is never replaced."""
    clone = synced(world)
    world.person("n", source=compose("n.py", "value1").decode())

    def refuse() -> None:
        raise OSError(1, "Operation not permitted")

    run = clone.sync("pull", upon=("os.link notebooks/n.py", 1), act=refuse)
    assert run.report and run.report.exit_code == 0 and "os.rename notebooks/n.py" in run.effects
    assert values(clone.files()["n.py"]) == {"value1"} and not clone.litter()
