"""The scenes in which runs die: what had happened before on both sides, how it ends undisturbed, what is compared."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.contents import Contents, Rows
from support.project import notebook, sources

from databricks_sync.remote.limits import LIMITS

from .world import Clone, Observed, Remote, Run, Server, World, compose, script

TREE = ("a.py", "b.py", "old.py", "q.sql", "data.csv", "etl/c.ipynb", "etl/gone.py")
TORTURE = bool(os.environ.get("TORTURE_SECONDS"))


@dataclass(frozen=True)
class Scene:
    """A way to run, and what had happened on both sides before."""

    way: str
    happened: Callable[[World, Clone], None]
    then: tuple[str, ...] = ()  # what is run afterwards, undisturbed
    first: bool = False  # the first sync of this clone
    lock: bool = False
    links: bool = True  # whether the disk here has hard links
    few: int = LIMITS.few  # so many notebooks are not worth an archive
    in_json: int = LIMITS.in_json  # bytes up to which an archive is not large


@dataclass(frozen=True)
class Snapshot:
    """All there is at one instant: the clone's files with git's and the tool's, and the workspace."""

    folder: Path
    rows: Rows


class Stage:
    """Sets the same scene again and again, quickly: a tree in sync with the workspace, in a clone named A."""

    def __init__(self, server: Server, contents: Contents, origin: Path, folder: Path) -> None:
        self.server, self.contents, self.folder, self._snapshots = server, contents, folder, 0
        server.renew()
        made = World(server, origin, folder / "stage")
        self.empty = made.clone("empty").root
        self.synced = made.clone("synced")
        for name in TREE:
            self.synced.write(name, compose(name, "value0"))
        self.synced.write("etl/util.py", script("value0"))
        self.synced.sync("push")
        self.held = [self._object(name) for name in self.synced.files()]
        note = server.export(f"{made.target.rpartition('/')[0]}/.databricks_sync/main.json", "AUTO")
        path = f"{made.target.rpartition('/')[0]}/.databricks_sync/main.json"
        self.held.append({"path": path, "content": base64.b64encode(note).decode()})
        self.target = made.target

    def _object(self, name: str) -> dict[str, str]:
        raw = self.synced.files()[name]
        content = {"content": base64.b64encode(raw).decode()}
        stem, _, suffix = name.rpartition(".")
        if suffix == "csv" or name == "etl/util.py":
            return {"path": f"{self.target_of()}/{name}", **content}
        form = "JUPYTER" if suffix == "ipynb" else "SOURCE"
        kind = {"object_type": "NOTEBOOK", "language": "SQL" if suffix == "sql" else "PYTHON", "export_format": form}
        return {"path": f"{self.target_of()}/{stem}", **kind, **content}

    def target_of(self) -> str:
        return self.synced.target

    def set(self, scene: Scene, hashes: bool) -> tuple[World, Clone]:
        """The world in which `scene` is about to be run; that of the scene before is gone."""
        for name in ("acts", "snapshots"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        origin = self.empty if scene.first else self.synced.root
        self.server.renew(hashes=hashes)
        world = World(self.server, origin, self.folder / "acts")
        if not scene.first:
            self.server.person(*self.held)
        clone = world.clone("A")
        clone.few, clone.in_json = scene.few, scene.in_json
        scene.happened(world, clone)
        return world, clone

    def snapshot(self, clone: Clone) -> Snapshot:
        """What is there now."""
        self._snapshots += 1
        folder = self.folder / "snapshots" / str(self._snapshots)
        shutil.copytree(clone.root, folder, symlinks=True)
        return Snapshot(folder, self.contents.held())

    def restore(self, snapshot: Snapshot, clone: Clone) -> None:
        """Makes all there is what it was then; the settings of the workspace are those of the scene all the while."""
        shutil.rmtree(clone.root)
        shutil.copytree(snapshot.folder, clone.root, symlinks=True)
        self.server.control("reset")
        self.contents.lay(snapshot.rows)


# --- what had happened ------------------------------------------------------------------------------------------


def edited_here(world: World, clone: Clone) -> None:
    """One of everything: an update, a creation in new folders, a deletion, a move, of every kind of object."""
    clone.write("a.py", compose("a.py", "value1"))
    clone.write("etl/c.ipynb", compose("c.ipynb", "value2"))
    clone.write("data.csv", compose("data.csv", "value3"))
    clone.write("new/deep/n.py", compose("n.py", "value4"))
    clone.write("data/e.csv", compose("e.csv", "value5"))
    clone.remove("b.py")
    clone.remove("etl/gone.py")
    (clone.notebooks / "old.py").rename(clone.notebooks / "etl/moved.py")


def outputs_edited_here(world: World, clone: Clone) -> None:
    """A notebook was run here, and nothing else: its content is what it was."""
    ran = clone.files()["etl/c.ipynb"].replace(b'"ran\\n"', b'"ran again\\n"')
    assert ran != clone.files()["etl/c.ipynb"]
    clone.write("etl/c.ipynb", ran)


def run_here_and_edited_there(world: World, clone: Clone) -> None:
    """A notebook was run here, and another cell of it edited in the workspace."""
    outputs_edited_here(world, clone)
    there = notebook("print('value0')", "'value1'")
    world.server.person(world.change("etl/c", source=there, export_format="JUPYTER"))


def edited_there(world: World, clone: Clone) -> None:
    world.server.person(
        world.change("a", source=compose("a.py", "value1").decode()),
        world.change("etl/c", source=compose("c.py", "value2").decode()),
        world.change("data.csv", text="value3"),
        world.change("new/deep/n", source=compose("n.py", "value4").decode()),
        world.change("b", delete=True),
        world.change("etl/gone", delete=True),
        world.change("old", move_to=f"{world.target}/etl/moved"),
    )


def edited_on_both_sides(world: World, clone: Clone) -> None:
    """Every row of the action table in which both sides have changed, or the destination alone."""
    world.server.person(
        world.change("a", source=compose("a.py", "value1").decode()),
        world.change("b", source=compose("b.py", "value2").decode()),
        world.change("q", delete=True),
        world.change("data.csv", text="value3"),
        world.change("old", delete=True),
        world.change("both", source=compose("both.py", "value4").decode()),
        world.change("foreign/thing", source=compose("both.py", "value5").decode()),
    )
    clone.write("a.py", compose("a.py", "value6"))
    clone.write("q.sql", compose("q.sql", "value7"))
    clone.remove("data.csv")
    clone.write("both.py", compose("both.py", "value8"))
    clone.write("etl/c.ipynb", compose("c.ipynb", "value9"))


def edited_in_other_cells(world: World, clone: Clone) -> None:
    """Notebooks of both forms are edited in one cell here and in another one there; one of them in the same cell."""
    there = notebook("print('value0')", "print('value1')")
    world.server.person(
        world.change("a", source=there),
        world.change("etl/c", source=notebook("print('value0')", "'value2'")),
        world.change("b", source=compose("b.py", "value3").decode()),
        world.change("q", source=compose("q.sql", "value4").decode(), language="SQL"),
    )
    clone.write("a.py", compose("a.py", "value5"))
    clone.write("etl/c.ipynb", compose("c.ipynb", "value6"))
    clone.write("b.py", compose("b.py", "value7"))


def turned_here(world: World, clone: Clone) -> None:
    """Notebooks become scripts, scripts notebooks, and notebooks change their form or language."""
    clone.write("a.py", script("value1"))
    clone.write("etl/util.py", compose("util.py", "value2"))
    clone.remove("q.sql")
    clone.write("q.py", compose("q.py", "value3"))
    clone.remove("etl/c.ipynb")
    clone.write("etl/c.py", compose("c.py", "value4"))
    clone.remove("b.py")
    clone.write("b.ipynb", compose("b.ipynb", "value5"))


def turned_there(world: World, clone: Clone) -> None:
    world.server.person(
        world.change("a", delete=True),
        world.change("a.py", text=script("value1").decode()),
        world.change("etl/util.py", delete=True),
        world.change("etl/util", source=compose("util.py", "value2").decode()),
    )


def translated_there(world: World, clone: Clone) -> None:
    world.person("a", source=compose("a.sql", "value1").decode(), language="SQL")


def made_here(world: World, clone: Clone) -> None:
    for name in ("a.py", "etl/c.ipynb", "etl/n.sql", "data.csv", "data/e.csv"):
        clone.write(name, compose(name, "value1"))


def made_here_and_too_large(world: World, clone: Clone) -> None:
    """The target as an archive is refused, one of a folder in it is not."""
    made_here(world, clone)
    world.server.set(posted_archives=False)


def made_there(world: World, clone: Clone) -> None:
    world.server.person(
        world.change("a", source=compose("a.py", "value1").decode()),
        world.change("etl/c", source=compose("a.py", "value2").decode(), export_format="JUPYTER"),
        world.change("data.csv", text="value3"),
    )


def little_here(world: World, clone: Clone) -> None:
    for year in (2019, 2020):  # to be pruned
        old = clone.state / f"backups/{year}0101T000000"
        old.mkdir(parents=True)
        (old / "00001").write_text("old")
        (old / "seen").write_text("".join(f"\n2019-01-{day:02}\n" for day in range(1, 32)))
    clone.write("a.py", compose("a.py", "value1"))
    clone.remove("b.py")


def little_there(world: World, clone: Clone) -> None:
    world.server.person(world.change("a", source=compose("a.py", "value1").decode()), world.change("b", delete=True))


def more_there(world: World, clone: Clone) -> None:
    world.server.person(
        world.change("n", source=compose("n.py", "value1").decode()), world.change("d.csv", text="value2")
    )


def grown(world: World, clone: Clone) -> None:
    """One folder more is carried, so that all objects move, some of them with an edit; and one was edited there."""
    edited_here(world, clone)
    world.person("q", source=compose("q.sql", "value5").decode(), language="SQL")
    more = clone.root / "src/lib.py"
    more.parent.mkdir()
    more.write_bytes(script("value6"))
    clone.folders = "notebooks,src"


def grown_and_edited_there(world: World, clone: Clone) -> None:
    edited_there(world, clone)
    clone.folders = "notebooks,src"


def grown_and_translated_there(world: World, clone: Clone) -> None:
    translated_there(world, clone)
    clone.folders = "notebooks,src"


def nothing(world: World, clone: Clone) -> None:
    """Both sides are as the last sync left them."""


def left_by_a_removal(world: World, clone: Clone) -> None:
    """Somebody has edited one notebook and added another, and all else was removed."""
    world.person("a", source=compose("a.py", "value1").decode())
    world.person("etl/theirs", source=compose("a.py", "value2").decode())
    clone.sync("removal")


SCENES = {
    "first push": Scene("push", made_here_and_too_large, first=True, few=0, in_json=300),
    "first pull": Scene("pull", made_there, first=True, few=0),
    "push": Scene("push", edited_here, few=0),
    "pull": Scene("pull", edited_there, few=0),
    "push of outputs": Scene("push", outputs_edited_here),
    "pull beside outputs": Scene("pull", run_here_and_edited_there, then=("push",)),
    "push over": Scene("push over", edited_on_both_sides),
    "pull over": Scene("pull over", edited_on_both_sides),
    "mirror": Scene("mirror", edited_on_both_sides),
    "push of other types": Scene("push", turned_here),
    "pull with a merge": Scene("merge", edited_in_other_cells),
    "pull of other types": Scene("pull", turned_there),
    "pull of another language": Scene("pull", translated_there),
    "push after the folders grew": Scene("push", grown),
    "push over after the folders grew": Scene("push over", grown),
    "pull after the folders grew": Scene("pull", grown_and_edited_there),
    "pull of another language after the folders grew": Scene("pull", grown_and_translated_there),
    "removal": Scene("removal", nothing, lock=True),
    "removal of what is left": Scene("removal of all", left_by_a_removal, then=("removal of all",)),
    "push under the lock": Scene("push", little_here, lock=True),
    "pull without hard links": Scene("pull", more_there, links=False),
}
SMALL = {
    "push": Scene("push", little_here),
    "pull": Scene("pull", little_there),
}


# --- what is compared -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """Everything that can be seen of a world at rest."""

    here: dict[str, object]
    there: dict[str, Remote]
    outputs: dict[str, object]  # of the .ipynb files, in the workspace
    folder: bool  # whether the target itself is there
    notes: list[str]  # beside it, but for a lock of the dead
    base: dict[str, str]
    intents: list[str]
    litter: list[str]
    conflicts: list[str]


def end(world: World, clone: Clone, last: Run) -> End:
    # The workspace draws ids for the cells of an .ipynb: of such a file only the cells can be compared.
    files = clone.files()
    here: dict[str, object] = {name: sources(raw) if name.endswith(".ipynb") else raw for name, raw in files.items()}
    there = world.tree()
    shown = {
        name: [
            cell.get("outputs")
            for cell in json.loads(world.server.export(f"{clone.target}/{name[:-6]}", "JUPYTER"))["cells"]
        ]
        for name in files
        if name.endswith(".ipynb") and name[:-6] in there
    }
    folder, beside = world.server.stands(world.target), f"{world.target.rpartition('/')[0]}/.databricks_sync"
    notes = sorted(name for name in world.server.tree(beside) if not name.endswith(".lock"))
    return End(here, there, shown, folder, notes, clone.base(), clone.intents(), clone.litter(), last.conflicts)


def undisturbed(stage: Stage, scene: Scene, hashes: bool, *ways: str) -> tuple[End, list[Run], set[str]]:
    """How it ends when nothing dies, what was done on the way, and the values that were there before."""
    world, clone = stage.set(scene, hashes)
    before = world.kept()
    runs = [clone.sync(way, lock=scene.lock, links=scene.links) for way in ways]
    assert all(run.report and run.report.exit_code in (0, 1) for run in runs), [run.said for run in runs]
    ended = end(world, clone, runs[-1])
    assert before <= world.kept(ended.there)
    return ended, runs, before


def unlocked(world: World, clone: Clone) -> None:
    """The lock of a dead run is in nobody's way, and gone after the next run that writes."""
    clone.write("later.txt", "later")
    run = clone.sync("push", lock=True)
    assert run.report and run.report.exit_code == 0, run.said
    notes = world.server.tree(f"{world.target.rpartition('/')[0]}/.databricks_sync")
    assert not [name for name in notes if name.endswith(".lock")]


def deaths(stage: Stage, clone: Clone, scene: Scene, like: Run, points: Sequence[int]) -> Iterator[int]:
    """Each of these points of a run, with all there is as a run leaves it that dies there; `like`: the same run before.

    A process that is killed does nothing any more: what it leaves is what is there before that effect. So one run,
    looked at on its way, gives what many would, that die at one of them each.
    """
    # Not by the numbers of all effects: the first run of all asks git for more.
    wanted = {like.points.index(point): point for point in points}
    seen: dict[int, Snapshot] = {}

    def look() -> None:
        process = clone.process
        assert process
        here = len(process.points) - 1
        if process.points[-1:] == [len(process.effects) - 1] and here in wanted:
            seen[wanted[here]] = stage.snapshot(clone)

    clone.sync(scene.way, act=look, lock=scene.lock, links=scene.links)
    assert list(seen) == points
    for point, snapshot in seen.items():
        stage.restore(snapshot, clone)
        if scene.lock:  # whoever held it lives on here, so that only time shows it to be dead
            clone.server.clock(mode="real", offset_ms=200_000)
        yield point


def found(world: World, clone: Clone, scene: Scene, *ways: str) -> tuple[End, set[str]]:
    """How it ends when all these ways are gone in full after a death, and the values that are still there."""
    runs = [clone.sync(way, lock=scene.lock, links=scene.links) for way in ways]
    ended = end(world, clone, runs[-1])
    kept = world.kept(ended.there)
    if scene.lock:
        unlocked(world, clone)
    return ended, kept


def chosen(run: Observed, half: bool = False) -> list[int]:
    """All effects where there is time for them, else the last one of each kind: every other one, or the `half` else."""
    if TORTURE:
        return run.points
    kinds = {re.sub(r" \S*[/\d]\S*$", "", run.effects[point]): point for point in run.points}
    return sorted(kinds.values())[half::2]


def few(points: list[int]) -> list[int]:
    """Some of many points, evenly."""
    return points[:: max(1, -(-len(points) // (16 if TORTURE else 3)))]
