"""A run that dies at any effect, and is run again, ends where it would have ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .scenes import SCENES, SMALL, Stage, chosen, deaths, end, few, found, undisturbed
from .world import Clone, World, compose, values

Property = Callable[[str, object], None]


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("name", SCENES)
def test_a_death_at_any_effect_changes_nothing(
    stage: Stage, name: str, hashes: bool, record_property: Property
) -> None:
    """Wherever a run dies, the next one ends where it would have: same trees, same base, no conflict, no loss."""
    scene = SCENES[name]
    expected, runs, before = undisturbed(stage, scene, hashes, scene.way, *scene.then)
    points = chosen(runs[0], hashes)
    world, clone = stage.set(scene, hashes)
    for point in deaths(stage, clone, scene, runs[0], points):
        ended, kept = found(world, clone, scene, scene.way, *scene.then)
        assert ended == expected, f"died at {point}: {runs[0].effects[point]}"
        assert before <= kept, f"died at {point}: {runs[0].effects[point]}: {before - kept} lost"
    record_property("crash points", len(points))


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("name", ["push", "pull", "push after the folders grew"])
def test_after_a_death_the_other_command_does_no_harm(
    stage: Stage, name: str, hashes: bool, record_property: Property
) -> None:
    """Whoever runs the other command after a death finds the same as if there had been none."""
    scene = SCENES[name]
    other = {"push": "pull", "pull": "push"}[scene.way]
    expected, runs, before = undisturbed(stage, scene, hashes, scene.way, other, scene.way)
    points = chosen(runs[0], hashes)
    world, clone = stage.set(scene, hashes)
    for point in deaths(stage, clone, scene, runs[0], points):
        ended, kept = found(world, clone, scene, other, scene.way)
        assert ended == expected, f"died at {point}: {runs[0].effects[point]}"
        assert before <= kept, f"died at {point}: {runs[0].effects[point]}: {before - kept} lost"
    record_property("crash points", len(points))


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("name", SMALL)
def test_a_second_death_changes_nothing_either(
    stage: Stage, name: str, hashes: bool, record_property: Property
) -> None:
    """A run that dies, and whose successor dies as well, still ends where it would have."""
    scene = SMALL[name]
    expected, runs, before = undisturbed(stage, scene, hashes, scene.way)
    count = 0
    world, clone = stage.set(scene, hashes)
    for point in deaths(stage, clone, scene, runs[0], few(chosen(runs[0]))):
        left = stage.snapshot(clone)
        successor = clone.sync(scene.way)
        stage.restore(left, clone)
        for second in deaths(stage, clone, scene, successor, few(chosen(successor))):
            ended, kept = found(world, clone, scene, scene.way)
            where = f"died at {point}: {runs[0].effects[point]}, then at {second}: {successor.effects[second]}"
            assert ended == expected, where
            assert before <= kept, where
            count += 1
    record_property("crash points", count)


@pytest.mark.parametrize("name", ["push", "pull", "mirror"])
def test_a_death_among_threads_changes_nothing(stage: Stage, name: str, record_property: Property) -> None:
    """The same holds when many objects are in hand at once, each in a thread of its own."""
    scene = SCENES[name]
    expected, runs, before = undisturbed(stage, scene, True, scene.way)
    points = chosen(runs[0])
    for point in points:
        world, clone = stage.set(scene, True)
        clone.sync(scene.way, at=point, threads=True)
        ended = end(world, clone, clone.sync(scene.way, threads=True))
        assert ended == expected and before <= world.kept(ended.there), point
    record_property("crash points", len(points))


@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_restore_that_dies_is_finished_by_the_next(stage: Stage, way: str, record_property: Property) -> None:
    """Wherever a restore dies, nothing is lost, and typing it again brings back what the first would have."""

    def replaced() -> tuple[World, Clone]:
        world, clone = stage.set(SCENES[f"{way} over"], True)
        clone.sync(f"{way} over")
        return world, clone

    def seen(world: World, clone: Clone) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        here = {name: values(raw) for name, raw in clone.files().items()}
        return here, {name: values(found.raw) for name, found in world.tree().items()}

    world, clone = replaced()
    before, whole = world.kept(), clone.restore(way)
    expected = seen(world, clone)
    assert whole.code == 0 and before <= world.kept()
    points = chosen(whole)
    for point in points:
        world, clone = replaced()
        (name,) = clone.saved_runs()
        clone.restore(way, at=point)
        assert before <= world.kept(), f"died at {point}: {whole.effects[point]}"
        last = clone.restore(way, clone.saved_runs().index(name))
        assert last.code == 0 and seen(world, clone) == expected, f"died at {point}: {whole.effects[point]}"
        assert before <= world.kept() and clone.sync("push").report and not clone.litter()
    record_property("crash points", len(points))


def test_a_removal_leaves_a_dead_pull_to_the_next(world: World) -> None:
    """A removal does not look at the files, and so says nothing of what a pull had done to them before it died."""
    clone = world.clone("A")
    for name in ("a.py", "b.py"):
        clone.write(name, compose(name, "value0"))
    clone.sync("push")
    world.person("a", source=compose("a.sql", "value1").decode(), language="SQL")
    world.person("b", delete=True)
    assert clone.sync("pull", upon=("os.remove notebooks/a.py", 1)).died and "a.sql" in clone.files()
    removed = clone.sync("removal")
    assert removed.report and removed.report.exit_code == 1 and set(world.tree()) == {"a"}, removed.said
    run = clone.sync("pull")
    assert run.report and run.report.exit_code == 0 and set(clone.files()) == {"a.sql"}, run.said
