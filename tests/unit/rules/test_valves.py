"""Which situations stop a run before its first write, and the one flag that lets each of them go on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from databricks_sync.errors import NotOurs, ValveError
from databricks_sync.model import (
    Allowed,
    BaseEntry,
    Direction,
    Kind,
    LocalObject,
    Mode,
    Problem,
    RemoteObject,
    RemoteVersion,
    Stat,
)
from databricks_sync.rules.plan import Action, Step
from databricks_sync.rules.valves import Situation, check

PUSH, PULL = Mode.PUSH, Mode.PULL
NUMBERS = count()


def step(action: Action, *, base: str = "", local: str = "", remote: str = "", read: bool = True) -> Step:
    """One step; each side is named by its content, and lacks what is not named."""
    key = f"k{next(NUMBERS)}"
    return Step(
        key,
        action,
        "",
        BaseEntry(key, key, Kind.FILE, base, RemoteVersion(1, 1), "") if base else None,
        LocalObject(key, key, Kind.FILE, local, f"sha of {local}", Stat(0, 0, 0, 0)) if local else None,
        RemoteObject(key, "/Users/me/main", Kind.FILE, RemoteVersion(1, 1, f"sha of {remote}")) if remote else None,
        remote if remote and read else None,
    )


def kept(number: int) -> list[Step]:
    return [step(Action.NOTHING, base=f"b{n}", local=f"b{n}", remote=f"b{n}") for n in range(number)]


def deleted(number: int, mode: Mode = PUSH) -> Iterator[Step]:
    for n in range(number):
        side = {"remote": f"d{n}"} if mode.direction is Direction.PUSH else {"local": f"d{n}"}
        yield step(Action.DELETE, base=f"d{n}", **side)


def edited(number: int) -> list[Step]:
    return [step(Action.UPDATE, base=f"b{n}", local=f"l{n}", remote=f"b{n}") for n in range(number)]


def situation(mode: Mode, steps: list[Step], **more: object) -> Situation:
    usual = Situation(
        mode,
        steps,
        tracked=sum(1 for one in steps if one.base),
        local_exists=True,
        remote_exists=True,
        local_empty=False,
        remote_empty=False,
        operation=None,
        insisted=False,
        target="/Users/me/main",
    )
    return usual._replace(**more)


def stops(found: Situation, allowed: Allowed | None = None) -> str:
    """What the run is stopped with; empty when it goes on."""
    try:
        check(found, allowed or Allowed())
    except ValveError as error:
        assert error.exit_code == 3 and error.hint and error.option.startswith("--")
        return f"{error.message} {error.hint}"
    return ""


GONE = {"remote_exists": False, "remote_empty": True}
NO_FOLDER = {"local_exists": False, "local_empty": True}
STRANGE = NotOurs("/x.json is not a marker file.", "Delete it.")
SITUATIONS = [
    ("nothing to do", situation(PUSH, kept(10)), ""),
    ("the very first push", situation(PUSH, [step(Action.CREATE, local="a")], **GONE), ""),
    ("the very first pull", situation(PULL, [step(Action.CREATE, remote="a")], **NO_FOLDER), ""),
    ("an empty project", situation(PUSH, [], local_empty=True), ""),
    ("a rebase", situation(PUSH, kept(3), operation="a rebase"), "--branch or --target"),
    ("a rebase, for a pull", situation(PULL, kept(3), operation="a rebase"), "a rebase"),
    ("a rebase, with --target", situation(PUSH, kept(3), operation="a rebase", insisted=True), ""),
    ("another repository", situation(PUSH, kept(3), other=("It is another's.", "--take-over")), "--take-over"),
    ("other folders", situation(PUSH, kept(3), laid_out=("It is laid out anew.", "--take-over")), "--take-over"),
    ("other folders, pull", situation(PULL, kept(3), laid_out=("It is laid out anew.", "--take-over")), "laid out"),
    ("other folders, mirror", situation(Mode.PUSH_MIRROR, kept(1), laid_out=("Anew.", "--take-over")), "Anew"),
    ("other folders, CI", situation(Mode.PUSH_MIRROR, kept(0), laid_out=("Anew.", "--take-over")), ""),
    ("a folder in a folder", situation(PUSH, kept(3), nested={"/Users/me/main/x": "/y"}), "--take-over"),
    ("no folder", situation(PUSH, list(deleted(1)), **NO_FOLDER), "--allow-empty"),
    ("no folder, mirror", situation(Mode.PUSH_MIRROR, list(deleted(1)), **NO_FOLDER), "--allow-empty"),
    ("an empty folder", situation(PUSH, list(deleted(2)), local_empty=True), "--allow-empty"),
    ("one object, deleted", situation(PUSH, list(deleted(1)), local_empty=True), ""),
    ("an empty folder, for a pull", situation(PULL, kept(2), local_empty=True), ""),
    ("the target is gone, push", situation(PUSH, kept(1), **GONE), "--allow-empty"),
    ("the target is gone, pull", situation(PULL, list(deleted(1, PULL)), **GONE), "--allow-empty"),
    ("the target is gone, pull -o", situation(Mode.PULL_OVERWRITE, list(deleted(1, PULL)), **GONE), "--allow-empty"),
    ("the target is put back", situation(Mode.PUSH_OVERWRITE, kept(1), **GONE), ""),
    ("the target is mirrored again", situation(Mode.PUSH_MIRROR, kept(1), **GONE), ""),
    ("the target is empty, pull", situation(PULL, list(deleted(2, PULL)), remote_empty=True), "--allow-empty"),
    ("the target is empty, push", situation(PUSH, kept(2), remote_empty=True), ""),
    ("a strange note", situation(PUSH, edited(1), strange=STRANGE), "--take-over"),
    ("a strange note, mirror", situation(Mode.PUSH_MIRROR, edited(1), strange=STRANGE), "--take-over"),
    ("a strange note, push in step", situation(PUSH, kept(1), strange=STRANGE), ""),
    ("a strange note, pull", situation(PULL, edited(1), strange=STRANGE), ""),
    ("notes unread, mirror", situation(Mode.PUSH_MIRROR, edited(1), noted=False), "--take-over"),
    ("notes unread, mirror in step", situation(Mode.PUSH_MIRROR, kept(1), noted=False), ""),
    ("notes unread, push", situation(PUSH, edited(1), noted=False), ""),
    ("notes unread, overwriting push", situation(Mode.PUSH_OVERWRITE, edited(1), noted=False), ""),
    ("an older commit, mirror", situation(Mode.PUSH_MIRROR, edited(1), newer="c" * 40), "--allow-older"),
    ("an older commit, mirror in step", situation(Mode.PUSH_MIRROR, kept(1), newer="c" * 40), ""),
    ("an older commit, push", situation(PUSH, edited(1), newer="c" * 40), ""),
    ("all changed", situation(PUSH, edited(5)), "--allow-all-changed"),
    ("all changed, pull", situation(PULL, edited(5)), "--allow-all-changed"),
    ("all of four changed", situation(PUSH, edited(4)), ""),
    ("all but one changed", situation(PUSH, edited(9) + kept(1)), ""),
    ("all changed, of those in view", situation(PUSH, edited(5), tracked=6), ""),
    ("many new ones", situation(PUSH, [step(Action.CREATE, local=f"n{n}") for n in range(9)]), ""),
]


@pytest.mark.parametrize(("found", "said"), [row[1:] for row in SITUATIONS], ids=[row[0] for row in SITUATIONS])
def test_situations(found: Situation, said: str) -> None:
    """A situation goes on, or stops and names the flag that insists."""
    stopped = stops(found)
    assert said in stopped and bool(stopped) == bool(said)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (situation(PUSH, list(deleted(1)), **NO_FOLDER), "but 1 object was synced with it"),
        (situation(PUSH, list(deleted(2)), **NO_FOLDER), "but 2 objects were synced with it"),
        (situation(PULL, kept(1), **GONE), "but 1 object was synced with it"),
        (situation(PUSH, list(deleted(1))), "delete 1 of 1 object in the workspace"),
    ],
)
def test_one_and_several(found: Situation, said: str) -> None:
    """One object is told of as one."""
    assert said in stops(found, Allowed(deletes="0"))


@pytest.mark.parametrize("mode", [PUSH, PULL, Mode.PUSH_OVERWRITE, Mode.PULL_OVERWRITE, Mode.PUSH_MIRROR])
@pytest.mark.parametrize(
    ("gone", "of", "stop"),
    [
        *((24, 100, False), (25, 100, False), (26, 100, True)),  # a quarter
        *((4, 10, False), (5, 10, True), (4, 5, False), (5, 20, False), (6, 20, True)),  # few
        *((1, 1, False), (2, 2, True), (3, 3, True), (4, 4, True), (5, 5, True), (1, 2, False)),  # all
    ],
)
def test_how_many_deletes_are_too_many(mode: Mode, gone: int, of: int, stop: bool) -> None:
    """More than a quarter stops from five on, and all of two or more always; one is never too many."""
    found = situation(mode, [*deleted(gone, mode), *kept(of - gone)])
    assert bool(stops(found)) is stop
    if stop:
        assert f"delete {gone} of {of} objects" in stops(found) and f"--max-delete {gone}" in stops(found)


@pytest.mark.parametrize(
    ("limit", "stop"),
    [
        ("4", True),
        ("5", False),
        ("99", False),
        ("0", True),
        ("49%", True),
        ("50%", False),
        ("100%", False),
        ("0%", True),
    ],
)
def test_max_delete(limit: str, stop: bool) -> None:
    """--max-delete N or P% moves the valve, up or down."""
    assert bool(stops(situation(PUSH, [*deleted(5), *kept(5)]), Allowed(deletes=limit))) is stop


def test_max_delete_holds_for_one() -> None:
    """--max-delete 0 stops the deletion of a single object."""
    assert stops(situation(PUSH, [*deleted(1), *kept(9)]), Allowed(deletes="0"))


def test_what_a_problem_keeps_is_not_counted() -> None:
    """A delete that will not be carried out, because of a problem, does not count."""
    troubled = [one._replace(problem=Problem("x", "is unreadable")) for one in deleted(5)]
    assert stops(situation(PUSH, [*troubled, *kept(1)])) == ""


def test_a_removal_deletes_what_it_is_for() -> None:
    """All that was carried may go, if it was not edited; more than that counts as ever, and a typed limit for all."""
    ours = [one._replace(shape="b-b") for one in deleted(9)]
    found = situation(PUSH, ours, removing=True, **NO_FOLDER)
    assert stops(found) == ""
    assert "delete 9 of 9" in stops(found, Allowed(deletes="8"))
    edited_there = [one._replace(shape="b-y") for one in deleted(5)]
    assert "delete 14 of 14" in stops(found._replace(steps=[*ours, *edited_there], tracked=14))
    theirs = [step(Action.DELETE, remote=f"f{n}")._replace(shape="--x") for n in range(9)]
    assert "add --max-delete 9." in stops(found._replace(mode=Mode.PUSH_MIRROR, steps=theirs, tracked=0))


def test_nobody_asks_a_removal_for_the_local_side() -> None:
    """A rebase, a missing folder, other folders and a missing target are nothing to a removal; the owner is."""
    more = {**NO_FOLDER, **GONE, "operation": "a rebase", "laid_out": ("Anew.", "--take-over")}
    assert stops(situation(PUSH, kept(3), removing=True, **more)) == ""
    assert stops(situation(PUSH, kept(3), removing=True, other=("It is another's.", "--take-over")))


@pytest.mark.parametrize("read", [True, False], ids=["read", "by its hash"])
@pytest.mark.parametrize("mode", [PUSH, PULL])
def test_a_move_is_no_delete(mode: Mode, read: bool) -> None:
    """Objects that turn up under another name are not counted, in either direction, read or known by their hash."""
    source = "local" if mode is PUSH else "remote"
    created = [step(Action.CREATE, **{source: f"d{n}"}, read=read) for n in range(8)]
    assert stops(situation(mode, [*deleted(8, mode), *created, *kept(2)])) == ""
    assert stops(situation(mode, [*deleted(8, mode), *created])) == ""


def test_a_move_to_another_folder_is_no_delete() -> None:
    """What only has another place by now does not count, edited or not, and moving all of it is no change of all."""
    left = [one._replace(moved=f"n/{one.key}") for one in deleted(9)]
    created = [step(Action.CREATE, local=f"edited{n}")._replace(moved=one.key) for n, one in enumerate(left)]
    assert stops(situation(PUSH, [*left, *created])) == ""
    assert stops(situation(PUSH, [*left, *created, *deleted(9)]))


def test_a_move_that_was_edited_counts() -> None:
    """An object that is gone and only resembles a new one counts as deleted."""
    created = [step(Action.CREATE, local=f"other{n}") for n in range(5)]
    assert "delete 5 of 10" in stops(situation(PUSH, [*deleted(5), *created, *kept(5)]))


def test_new_objects_do_not_open_the_valve() -> None:
    """All tracked objects deleted is all of them, however many new ones there are here or there."""
    new = [step(Action.CREATE, local=f"n{n}") for n in range(50)]
    foreign = [step(Action.AHEAD, remote=f"f{n}") for n in range(50)]
    assert stops(situation(PUSH, [*deleted(2), *new, *foreign]))


def test_a_mirror_without_a_base_counts_what_is_there() -> None:
    """On a fresh clone, as in CI, a mirror's share is of the objects in the workspace."""
    same = [step(Action.ADOPT, local=f"s{n}", remote=f"s{n}") for n in range(98)]
    foreign = [step(Action.DELETE, remote=f"f{n}") for n in range(60)]
    assert stops(situation(Mode.PUSH_MIRROR, same + foreign[:2])) == ""
    assert "delete 60 of 158" in stops(situation(Mode.PUSH_MIRROR, same + foreign))
    assert stops(situation(Mode.PUSH_MIRROR, foreign[:2]))


@pytest.mark.parametrize(
    ("flag", "opened"),
    [
        (Allowed(deletes="100%"), {"many deletes", "all deleted"}),
        (Allowed(all_changed=True), {"all changed"}),
        (Allowed(older=True), {"an older commit"}),
        (Allowed(empty=True), {"no folder", "an empty folder", "the target is gone", "the target is empty"}),
        (
            Allowed(take_over=True),
            {"another repository", "other folders", "nobody knows whose", "a strange note", "a folder in a folder"},
        ),
        (Allowed(), set()),
    ],
)
def test_each_flag_opens_only_its_own_valve(flag: Allowed, opened: set[str]) -> None:
    """A flag lets through what it is named for, and nothing else."""
    stopped = {
        "a rebase": situation(PUSH, kept(1), operation="a rebase"),
        "another repository": situation(PUSH, kept(1), other=("x", "y")),
        "other folders": situation(PUSH, kept(1), laid_out=("x", "y")),
        "nobody knows whose": situation(Mode.PUSH_MIRROR, edited(1), noted=False),
        "an older commit": situation(Mode.PUSH_MIRROR, edited(1), newer="c" * 40),
        "a folder in a folder": situation(PUSH, kept(1), nested={"/x/y": "/z"}),
        "a strange note": situation(PUSH, edited(1), strange=STRANGE),
        "no folder": situation(PUSH, list(deleted(7)), **NO_FOLDER),
        "an empty folder": situation(PUSH, list(deleted(7)), local_empty=True),
        "the target is gone": situation(PULL, list(deleted(7, PULL)), **GONE),
        "the target is empty": situation(PULL, list(deleted(7, PULL)), remote_empty=True),
        "many deletes": situation(PUSH, [*deleted(7), *kept(3)]),
        "all deleted": situation(PUSH, list(deleted(7))),
        "all changed": situation(PUSH, edited(7)),
    }
    assert {name for name, found in stopped.items() if not stops(found, flag)} == opened


def test_the_first_valve_speaks() -> None:
    """Where several valves would stop a run, the cause is named before its effects."""
    found = situation(PUSH, list(deleted(9)), operation="a merge", **NO_FOLDER)
    assert "a merge" in stops(found)
    assert "is missing" in stops(found._replace(operation=None))


@pytest.mark.parametrize("limit", ["9" * 5000, "9" * 400 + "%", "9" * 5000 + ".5%", "1." + "0" * 5000 + "1%"], ids=len)
def test_absurd_limits(limit: str) -> None:
    """A limit of however many digits is a limit like any other."""
    assert bool(stops(situation(PUSH, [*deleted(5), *kept(5)]), Allowed(deletes=limit))) is limit.startswith("1.")


@pytest.mark.parametrize(
    ("said", "tracked", "number"),
    [(None, 9, None), ("7", 9, 7), ("25%", 100, 25), ("33%", 10, 3), ("0.5%", 1000, 5), ("29%", 100, 29)],
)
def test_deletes_of(said: str | None, tracked: int, number: int | None) -> None:
    """A share is of what there is, rounded down."""
    assert Allowed(deletes=said).deletes_of(tracked) == number
