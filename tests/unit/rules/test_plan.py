"""The action table against a copy of the specification's, written down independently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from databricks_sync.model import (
    JUPYTER,
    SOURCES,
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
from databricks_sync.rules.layout import Moves
from databricks_sync.rules.plan import TABLE, Action, Sides, Step, decide, extras_edited, shape, steps

VALUES = (None, "a", "b", "c")
STATES = [state for state in product(VALUES, repeat=3) if state != (None, None, None)]

# sync-safety, section 3.6, copied by hand, and what was added for extras (o): base, local, remote -> push, pull,
# push -o, pull -o.
SPECIFIED = """
- - x | ahead    | create   | ahead    | create
- x - | create   | ahead    | create   | ahead
- x x | adopt    | adopt    | adopt    | adopt
- x o | adopt    | update   | update   | update
- x y | conflict | conflict | update   | update
b b b | nothing  | nothing  | nothing  | nothing
b b o | nothing  | update   | update   | update
b o b | update   | ahead    | update   | ahead
b o o | update   | update   | update   | update
b o y | conflict | update   | update   | update
b o - | conflict | conflict | create   | conflict
b b y | ahead    | update   | update   | update
b b - | ahead    | delete   | create   | delete
b x b | update   | ahead    | update   | update
b - b | delete   | ahead    | delete   | create
b x x | adopt    | adopt    | adopt    | adopt
b x o | adopt    | update   | update   | update
b x y | conflict | conflict | update   | update
b x - | conflict | conflict | create   | conflict
b - y | conflict | conflict | conflict | create
b - - | forget   | forget   | forget   | forget
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in SPECIFIED.strip().splitlines()]
COLUMNS = (Mode.PUSH, Mode.PULL, Mode.PUSH_OVERWRITE, Mode.PULL_OVERWRITE)
GOLDEN = [
    (row[0].replace(" ", ""), mode, row[number + 1], row[0].split())
    for row in ROWS
    for number, mode in enumerate(COLUMNS)
]


def sides(base: str | None, local: str | None, remote: str | None, **more: object) -> Sides:
    """`o` for `local` is the content of the base with other extras, for `remote` that of the file."""
    edited = local == "o"
    local = base if edited else local
    if remote == "o":
        remote, more = local, {"others": frozenset({"k"}), **more}
    stat, version = Stat(1, 1, 1, 1), RemoteVersion(1, 1)
    entry = BaseEntry("k", "notebooks/k.ipynb", Kind.NOTEBOOK, base or "", version, "", format=JUPYTER, extras="e")
    extras = "f" if edited else "e"
    here = LocalObject("k", "notebooks/k.ipynb", Kind.NOTEBOOK, local or "", "", stat, format=JUPYTER, extras=extras)
    there = RemoteObject("k", "/Users/me/main", more.pop("kind", Kind.NOTEBOOK), version)  # type: ignore[arg-type]
    known: dict[str, object] = {
        "base": {"k": entry} if base else {},
        "local": {"k": here} if local else {},
        "remote": {"k": there} if remote else {},
        "digests": {"k": remote} if remote else {},
        "problems": {},
        "outside": frozenset(),
    }
    return Sides(**(known | more))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    mode: Mode
    base: str | None
    local: str | None
    remote: str | None
    step: Step

    @property
    def source(self) -> str | None:
        return self.local if self.mode.direction is Direction.PUSH else self.remote

    @property
    def destination(self) -> str | None:
        return self.remote if self.mode.direction is Direction.PUSH else self.local

    @property
    def equal(self) -> bool:
        return self.local == self.remote


def cases(mode: Mode, delete: bool, **more: object) -> Iterator[Case]:
    for state in STATES:
        (step,) = steps(sides(*state, **more), mode, delete=delete)
        yield Case(mode, *state, step)


def planned(mode: Mode, base: str | None, local: str | None, remote: str | None) -> Step:
    (step,) = steps(sides(base, local, remote), mode)
    return step


@pytest.mark.parametrize(("row", "mode", "action", "values"), GOLDEN)
def test_the_table_is_the_specified_one(row: str, mode: Mode, action: str, values: list[str]) -> None:
    """Each of the 21 rows does what the specification says, in each of its four columns."""
    base, local, remote = (None if value == "-" else value for value in values)
    step = planned(mode, base, local, remote)
    assert (step.shape, step.action.value) == (row, action)


def test_the_table_has_no_other_rows() -> None:
    """The rows stand in the specification's order, and each of them can occur."""
    assert list(TABLE) == [row[0].replace(" ", "") for row in ROWS]
    extras = [{"edited": edited, "others": others} for edited in (False, True) for others in (False, True)]
    assert {shape(*state, **flags) for state in STATES for flags in extras} == set(TABLE)


@pytest.mark.parametrize("delete", [True, False], ids=["delete", "no delete"])
@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name)
class TestEveryCase:
    """For base, local and remote over {absent, a, b, c}."""

    def test_does_what_can_be_done(self, mode: Mode, delete: bool) -> None:
        """Each key has one step, without a problem, and its action fits what source and destination hold."""
        for case in cases(mode, delete):
            held = (case.source is not None, case.destination is not None)
            assert case.step.problem is None
            assert case.step.action is not Action.CREATE or held == (True, False)
            assert case.step.action is not Action.UPDATE or (held == (True, True) and not case.equal)
            assert case.step.action is not Action.DELETE or held == (False, True)

    def test_loses_nothing_unseen(self, mode: Mode, delete: bool) -> None:
        """I1: without --overwrite or --mirror, only what equals the base is replaced or deleted."""
        for case in cases(mode, delete):
            if case.step.action in (Action.UPDATE, Action.DELETE) and not mode.source_wins:
                assert case.destination == case.base

    def test_edits_beat_deletes(self, mode: Mode, delete: bool) -> None:
        """Only --mirror deletes what somebody edited."""
        for case in cases(mode, delete):
            if case.step.action is Action.DELETE and mode is not Mode.PUSH_MIRROR:
                assert case.destination == case.base

    def test_untracked_is_sacred(self, mode: Mode, delete: bool) -> None:
        """I7: only --mirror deletes what was never carried."""
        for case in cases(mode, delete):
            if case.base is None and case.step.action is Action.DELETE:
                assert mode is Mode.PUSH_MIRROR

    def test_writes_nothing_equal(self, mode: Mode, delete: bool) -> None:
        """What both sides hold alike is never written, and what differs is never taken for alike."""
        for case in cases(mode, delete):
            assert case.equal == (case.step.action in (Action.NOTHING, Action.ADOPT, Action.FORGET))

    def test_deletes_only_when_allowed(self, mode: Mode, delete: bool) -> None:
        """With deletes off, what would have been deleted is ahead, and all else is as it was."""
        for meant, case in zip(cases(mode, True), cases(mode, delete), strict=True):
            kept = meant.step.action is Action.DELETE and not delete
            assert case.step.action is (Action.AHEAD if kept else meant.step.action)

    def test_comes_to_rest(self, mode: Mode, delete: bool) -> None:
        """I4: after a step was carried out, the same run finds nothing to do."""
        for case in cases(mode, delete):
            if case.source is not None and (case.step.writes or case.equal):
                after = sides(case.source, case.source, case.source)
                assert steps(after, mode, delete=delete)[0].action is Action.NOTHING

    def test_a_mirror_is_exact(self, mode: Mode, delete: bool) -> None:
        """--mirror leaves no conflict, and no difference but what it must not delete."""
        for case in cases(mode, delete) if mode is Mode.PUSH_MIRROR else []:
            kept = case.source is None and case.destination is not None and not delete
            assert case.step.action is not Action.CONFLICT
            assert (case.step.action is Action.AHEAD) == kept

    def test_a_problem_stops_it(self, mode: Mode, delete: bool) -> None:
        """A key with a problem is left alone, whatever the three sides say, and the problem is reported."""
        problem = Problem("notebooks/k.py", "cannot be read")
        for case in cases(mode, delete, problems={"k": problem}):
            assert case.step.problem is problem and case.step.action is Action.NOTHING and not case.step.writes

    def test_outside_is_left_alone(self, mode: Mode, delete: bool) -> None:
        """What is no longer carried, though it stands here, is at most forgotten: neither side is touched."""
        for case in cases(mode, delete, outside=frozenset({"k"})):
            assert case.step.action is (Action.FORGET if case.base else Action.NOTHING)

    def test_kinds_never_meet(self, mode: Mode, delete: bool) -> None:
        """A notebook here and a file of that name there are a conflict, and named as such."""
        both = [case for case in cases(mode, delete, kind=Kind.FILE) if case.local and case.remote]
        assert both
        for case in both:
            assert case.step.action is Action.CONFLICT and not case.step.writes
            assert case.step.problem and "a notebook locally and a workspace file in the" in case.step.problem.what


# What a push does with the object at its old place, where its file is carried under another key by now.
MOVING = """
b b b | move     | move     | move
b x b | move     | move     | move
b x x | move     | move     | move
- x x | move     | move     | move
b b y | conflict | move     | move
b x y | conflict | move     | move
- x y | conflict | move     | move
b b - | ahead    | renew    | renew
b x - | conflict | renew    | renew
b - b | delete   | delete   | delete
b - y | conflict | conflict | delete
b - - | forget   | forget   | forget
- - x | ahead    | ahead    | delete
"""
PUSHES = (Mode.PUSH, Mode.PUSH_OVERWRITE, Mode.PUSH_MIRROR)
WHAT = {"move": {"n/k": "create", "k": "delete"}, "renew": {"n/k": "create", "k": "forget"}}
MOVES = [
    (*(None if one == "-" else one for one in row[0].split()), mode, row[number + 1])
    for row in [[cell.strip() for cell in line.split("|")] for line in MOVING.strip().splitlines()]
    for number, mode in enumerate(PUSHES)
]


@pytest.mark.parametrize(("base", "local", "remote", "mode", "expected"), MOVES)
def test_moves(base: str | None, local: str | None, remote: str | None, mode: Mode, expected: str) -> None:
    """A push moves what it would have carried or left; what was changed there it leaves where it is, unless it wins."""
    found = steps(sides(base, local, remote, moves=Moves(moving={"k": "n/k"})), mode)
    assert {step.key: step.action.value for step in found} == WHAT.get(expected, {"k": expected})
    if expected in WHAT:
        assert [(step.key, step.moved) for step in found] == [("k", "n/k"), ("n/k", "k")]
        kept = steps(sides(base, local, remote, moves=Moves(moving={"k": "n/k"})), mode, delete=False)
        assert {step.action for step in kept if step.writes} == {Action.CREATE}


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode.direction is Direction.PULL])
def test_a_pull_moves_nothing(mode: Mode) -> None:
    """For a pull, the object at the old place is the file's."""
    for base, local, remote in STATES:
        known = sides(base, local, remote)
        assert steps(known._replace(moves=Moves(moving={"k": "n/k"})), mode) == steps(known, mode)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("there", ["a", "b", None])
def test_what_was_left_at_an_old_place(mode: Mode, there: str | None) -> None:
    """A push takes it away, unless it was edited or the new one is in doubt; a pull never does."""
    known = sides("a", None, there, moves=Moves(left={"k": "n/k"}))
    (step,) = steps(known, mode)
    push = mode.direction is Direction.PUSH
    assert step.writes is (there is not None and push and (there == "a" or mode.source_wins))
    assert bool(step.problem) is (there == "b" and not (push and mode.source_wins))
    doubt = {"n/k": Problem("notebooks/k.py", "is not known")}
    assert not any(step.writes for step in steps(known._replace(problems=doubt), mode))


def test_extras_are_edited_where_they_differ_from_the_last_sync() -> None:
    """Of a Jupyter notebook only; where those of the last sync are not noted, other bytes count, if they are noted."""
    known = sides("a", "o", "a")
    base, local = known.base["k"], known.local["k"]
    assert extras_edited(base, local) and not extras_edited(base, local._replace(extras="e"))
    assert not extras_edited(base, local._replace(format=SOURCES[None]))
    unnoted = base._replace(extras="")
    assert not extras_edited(unnoted, local)
    assert extras_edited(unnoted._replace(local_sha="s"), local._replace(sha="t"))
    assert not extras_edited(unnoted._replace(local_sha="s"), local._replace(sha="s"))


@pytest.mark.parametrize("mode", list(Mode))
def test_an_unread_object_equals_nothing(mode: Mode) -> None:
    """A remote object whose content was not needed is never taken for equal to anything."""
    (step,) = steps(sides("a", "a", "a", digests={}), mode)
    assert step.shape == "bby"


@pytest.mark.parametrize("mode", list(Mode))
def test_only_the_mirror_column_is_new(mode: Mode) -> None:
    """Every action of the table is reached by `decide`, in the column its mode names."""
    assert [decide(row, mode) for row in TABLE] == [actions[mode.value] for actions in TABLE.values()]


def test_steps_are_sorted_and_complete() -> None:
    """There is a step for every key of any side, in the order of the keys."""
    known = sides("a", "a", "a")
    more = Sides(
        known.base, {"z": known.local["k"]}, {"b": known.remote["k"]}, {}, {"p": Problem("p", "x")}, frozenset()
    )
    assert [step.key for step in steps(more, Mode.PUSH)] == ["b", "k", "p", "z"]


def test_a_step_is_called_by_its_local_path() -> None:
    """A step is shown by its path here: the file's, the base's, or where it would be put."""
    assert planned(Mode.PUSH, None, "a", None).path == "notebooks/k.ipynb"
    assert planned(Mode.PUSH, "a", None, "a").path == "notebooks/k.ipynb"
    assert Step("k", Action.CREATE, "--x", place="notebooks/k").path == "notebooks/k"
    assert Step("k", Action.CREATE, "--x").path == "k"


def test_directions() -> None:
    """A push writes to the workspace and a pull to the folder; only plain runs leave the other's edits."""
    assert {mode.name for mode in Mode if mode.direction is Direction.PULL} == {"PULL", "PULL_OVERWRITE", "PULL_MERGE"}
    assert {mode.name for mode in Mode if not mode.source_wins} == {"PUSH", "PULL", "PULL_MERGE"}


def test_a_merge_is_a_pull_that_tries_more() -> None:
    """With --merge, a pull does what it does without, but for notebooks whose content both sides changed."""
    differing = {row for row in TABLE if decide(row, Mode.PULL) is not decide(row, Mode.PULL_MERGE)}
    assert differing == {"bxy"} and decide("bxy", Mode.PULL_MERGE) is Action.MERGE


def test_files_are_not_merged() -> None:
    """Two edits of a workspace file are a conflict, also with --merge."""
    known = sides("a", "b", "c", kind=Kind.FILE)
    file = known.local["k"]._replace(kind=Kind.FILE)
    (step,) = steps(known._replace(local={"k": file}), Mode.PULL_MERGE)
    assert step.action is Action.CONFLICT and not step.problem


@pytest.mark.parametrize("mode", list(Mode))
def test_markers_are_never_carried(mode: Mode) -> None:
    """No way to run sends a notebook that still holds markers; a pull is none of their business."""
    for case in cases(mode, True):
        known = sides(case.base, case.local, case.remote)
        here = {key: item._replace(unresolved=2) for key, item in known.local.items()}
        (step,) = steps(known._replace(local=here), mode)
        sends = mode.direction is Direction.PUSH and case.step.action in (Action.CREATE, Action.UPDATE)
        assert bool(step.problem) is sends and (sends or step.action is case.step.action)
        if step.problem:
            assert not step.writes and "conflict markers (cell 2)" in step.problem.what
