"""What the other safety tests listen to is heard: nothing changes outside of a run but by an effect they know of.

They die, and are disturbed, at effects. An effect that is missed is a place where nobody has ever died, and no test
would say so. So the senses are tested here against what others have seen: the workspace its requests, git itself its
calls, and the disk what is on it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from databricks_sync.local.files import TEMPORARY
from databricks_sync.model import Direction

from .scenes import SCENES, TORTURE, Stage
from .world import WAYS, Clone, Observed, Run, World, compose, opened, program

QUICK = ("first push", "push", "pull", "pull with a merge", "push under the lock", "pull without hard links")
NAMES = ("a.py", "etl/b.ipynb")
RECORD = ("record", "note", "intents", "base", "pruning", "distrust")  # what SQLite writes, unreported


def set_up(world: World, way: str) -> Clone:
    """A clone that is about to push, or to pull, two notebooks: one is new, one was edited, and a file was deleted."""
    one, other = world.clone("one"), world.clone("other")
    for name in (NAMES[1], "old.csv"):
        one.write(name, compose(name, "value0"))
    one.sync("push")
    other.sync("pull")
    one.remove("old.csv")
    for name in NAMES:
        one.write(name, compose(name, "value1"))
    if way == "push":
        return one
    one.sync("push")
    return other


def written(run: Run) -> None:
    """That the run did what these tests are about."""
    assert run.report and run.report.exit_code == 0, run.said
    assert {one.step.action.value for one in run.report.outcomes} == {"create", "update", "delete"}


@pytest.mark.parametrize("way", ["push", "pull"])
@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "threads"])
def test_every_request_is_an_effect(world: World, way: str, threads: bool) -> None:
    """Each request that reaches the workspace was announced, and none was that did not reach it."""
    run = set_up(world, way).sync(way, threads=threads)
    written(run)
    heard = Counter(one for one in run.effects if one.startswith(("GET /", "POST /")))
    assert heard == Counter(f"{one['method']} {one['endpoint']}" for one in run.requests)
    assert len(run.requests) > 5


@pytest.mark.parametrize("way", ["push", "pull"])
def test_every_call_of_git_is_an_effect(
    world: World, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that git itself has traced was announced."""
    clone, traced = set_up(world, way), tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(traced))
    opened.cache_clear()  # so that this run opens the repository, too
    run = clone.sync(way)
    written(run)
    events = [json.loads(line) for line in traced.read_text().splitlines()]
    started = [one["argv"] for one in events if one["event"] == "start" and "/" not in one["sid"]]  # not git's own
    assert Counter(map(program, started)) == Counter(one for one in run.effects if one.startswith("git "))
    assert len(started) > 2


@pytest.mark.parametrize("name", SCENES if TORTURE else QUICK)
def test_whatever_changes_was_foretold(stage: Stage, name: str) -> None:
    """Between two effects nothing changes, on the disk or in the workspace, but what the first of them named."""
    scene = SCENES[name]
    world, clone = stage.set(scene, True)
    foretold(world, clone, lambda act: clone.sync(scene.way, act=act, lock=scene.lock, links=scene.links), scene.way)


@pytest.mark.parametrize("way", ["push", "pull"])
def test_whatever_a_restore_changes_was_foretold(stage: Stage, way: str) -> None:
    """The same holds of a restore."""
    world, clone = stage.set(SCENES[f"{way} over"], True)
    clone.sync(f"{way} over")
    foretold(world, clone, lambda act: clone.restore(way, act=act), way)


def foretold(world: World, clone: Clone, run: Callable[[Callable[[], object]], Observed], way: str) -> None:
    """Looks at everything at each effect of a run, and at its end."""
    seen: list[tuple[dict[str, bytes], dict[str, bytes]]] = []
    ran = run(lambda: seen.append(everything(world, clone)))
    seen.append(everything(world, clone))
    unforetold = []
    for effect, (before, after) in zip(ran.effects, pairwise(seen), strict=True):
        here, there = (changed(old, new) for old, new in zip(before, after, strict=True))
        unforetold += [f"{path} after {effect}" for path in here if not names_file(effect, path)]
        unforetold += [f"{path} after {effect}" for path in there if not effect.startswith("POST ")]
    assert not unforetold
    destination = WAYS[way].direction is Direction.PUSH
    assert changed(seen[0][destination], seen[-1][destination]), "and something did change"


def everything(world: World, clone: Clone) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """All files of a clone, git's and ours among them, and all objects of the workspace with the notes beside them."""
    files = {one.relative_to(clone.root).as_posix(): one for one in clone.root.rglob("*") if one.is_file()}
    home = world.target.rpartition("/")[0]
    return (
        {path: one.read_bytes() for path, one in files.items()},
        {name: found.raw for name, found in world.server.tree(home).items()},
    )


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


def names_file(effect: str, path: str) -> bool:
    """Whether an effect foretells that a file changes: it names it, or where it goes, or it is about the record."""
    if "/state.db" in path:
        return path in effect or effect.partition(" ")[2] in RECORD
    if path.endswith(TEMPORARY) and effect.startswith("os.rename "):  # told by where it goes
        return True
    return path in effect
