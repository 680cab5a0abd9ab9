"""Copies of what a run replaces: durable, found again, and pruned by age."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from databricks_sync.errors import SyncError
from databricks_sync.model import SOURCES, Direction, Format, Kind, Language
from databricks_sync.rules.journal import Saved
from databricks_sync.state.backups import Backups, made_at
from databricks_sync.state.lock import held

TARGET = "/Users/me/main"


def saved(key: str = "a", format: Format | None = SOURCES[Language.R]) -> Saved:
    return Saved(key, f"notebooks/{key}.r", Direction.PUSH, Kind.NOTEBOOK, "replaced by a push", format)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_what_was_saved_comes_back(folder: Path) -> None:
    """Bytes and everything said about them are read back by another run."""
    backups = Backups(folder, TARGET)
    backups.save(saved("a"), b"one")
    backups.save(saved("ü/b", None), b"")
    (run,) = Backups(folder, TARGET).runs()
    assert (run.name, run.target) == (backups.run, TARGET)
    assert [(s.key, s.format, s.size) for s in run.objects] == [
        ("a", SOURCES[Language.R], 3),
        ("ü/b", None, 0),
    ]
    assert [backups.read(one) for one in run.objects] == [b"one", b""]


@pytest.mark.parametrize(
    ("name", "at"), [("19700102T000001", 86_401), ("19700102T000001-12", 86_401), ("99999999T999999", 0)]
)
def test_a_name_is_a_time(name: str, at: float) -> None:
    """The name of a backup says when it was made, and a name that no run gives says nothing."""
    assert made_at(name) == at


def test_a_run_that_saves_nothing_leaves_nothing(folder: Path) -> None:
    """A run without a write has no folder and no name."""
    backups = Backups(folder, TARGET)
    assert backups.run == "" and backups.runs() == [] and backups.prune(0) == 0 and not folder.exists()


def test_two_runs_in_one_second_are_two(folder: Path) -> None:
    """Each run has a folder of its own, and the latest is told first."""
    for number in range(3):
        Backups(folder, TARGET).save(saved(str(number)), b"x")
    runs = Backups(folder, TARGET).runs()
    assert len(runs) == 3 and [run.name for run in runs] == sorted((run.name for run in runs), reverse=True)


@pytest.mark.parametrize("key", ["../../../x", "/etc/passwd", "a\0b", "a\nb", "..\\x", "con", "x" * 5000, "\u202e"])
def test_names_are_never_paths(folder: Path, key: str) -> None:
    """Whatever an object is called, its bytes lie in a numbered file of the run's folder."""
    backups = Backups(folder, TARGET)
    backups.save(saved(key), b"x")
    assert sorted(path.name for path in (folder / backups.run).iterdir()) == ["00001", "manifest.jsonl"]
    (run,) = backups.runs()
    assert run.objects[0].key == key and backups.read(run.objects[0]) == b"x"


def test_many_threads_save_at_once(folder: Path) -> None:
    """Every object has its number and its line, whichever thread saved it."""
    backups = Backups(folder, TARGET)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: backups.save(saved(f"k{n}"), b"%d" % n), range(100)))
    (run,) = backups.runs()
    assert {one.key: backups.read(one) for one in run.objects} == {f"k{n}": b"%d" % n for n in range(100)}


@pytest.mark.parametrize(
    "torn", [b'{"key": "b", "pa', b"{", b"\xff\xfe", b"[]", b"null", b'{"file": "../../x"}', b"{}"]
)
def test_a_torn_last_line_costs_nothing_else(folder: Path, torn: bytes) -> None:
    """A line that a killed run left unfinished, or that names a path, is skipped."""
    backups = Backups(folder, TARGET)
    backups.save(saved(), b"x")
    with (folder / backups.run / "manifest.jsonl").open("ab") as manifest:
        manifest.write(torn)
    assert [one.key for run in Backups(folder, TARGET).runs() for one in run.objects] == ["a"]


@pytest.mark.parametrize(
    "change", [{"direction": "sideways"}, {"kind": None}, {"form": "DBC"}, {"size": "x"}, {"file": "²"}, {"key": ...}]
)
def test_a_strange_line_costs_nothing_else(folder: Path, change: dict[str, object]) -> None:
    """A line of another version, or one that lacks a field, hides neither the other lines nor the other runs."""
    backups = Backups(folder, TARGET)
    backups.save(saved(), b"x")
    manifest = folder / backups.run / "manifest.jsonl"
    line = {name: value for name, value in (json.loads(manifest.read_bytes()) | change).items() if value is not ...}
    with manifest.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
    (run,) = Backups(folder, TARGET).runs()
    assert "a" in [one.key for one in run.objects] and Backups(folder, TARGET).prune(0) == 0


def test_damaged_bytes_are_not_given_out(folder: Path) -> None:
    """A backup that is not what was saved is refused."""
    backups = Backups(folder, TARGET)
    backups.save(saved(), b"x")
    (folder / backups.run / "00001").write_bytes(b"y")
    (run,) = backups.runs()
    with pytest.raises(SyncError, match="damaged"):
        backups.read(run.objects[0])
    (folder / backups.run / "00001").unlink()
    with pytest.raises(SyncError, match="cannot be read"):
        backups.read(run.objects[0])


def test_a_backup_that_fails_says_so(folder: Path) -> None:
    """Where nothing can be saved, the caller is told, so that nothing is changed."""
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(SyncError, match="could not be backed up"):
        Backups(folder, TARGET).save(saved(), b"x")


# --- how long they are kept -------------------------------------------------------------------------------------

DAY = 86_400
NOON = 1_790_000_000 // DAY * DAY + DAY / 2
FOR_EVER = 99_999


def at(folder: Path, day: float) -> Backups:
    """Another run, on a machine whose clock shows so many days after some day."""
    return Backups(folder, TARGET, lambda: NOON + day * DAY)


def made(folder: Path, day: float = 0, lines: bool = True) -> str:
    """A backup that was made when the clock showed that day; its name."""
    backups = at(folder, day)
    backups.save(saved(), b"x")
    if not lines:
        (folder / backups.run / "manifest.jsonl").unlink()
    return backups.run


def pass_days(folder: Path, days: range) -> None:
    for day in days:
        assert at(folder, day).prune(FOR_EVER) == 0


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("days", [0, 1, 30])
def test_a_backup_goes_after_so_many_days_on_which_it_was_seen(folder: Path, days: int) -> None:
    """On the day on which it is first seen, and on so many days after, a backup is kept; then it goes."""
    old = made(folder)
    young = made(folder, 0.1)
    assert [at(folder, day).prune(days) for day in range(days + 1)] == [0] * (days + 1)
    assert names(folder) == {old, young}
    mine = at(folder, days + 1)
    mine.save(saved(), b"x")
    assert mine.prune(days) == 2 and mine.prune(days) == 0 and names(folder) == {mine.run}


def test_days_without_a_run_do_not_count(folder: Path) -> None:
    """After a year in which nothing ran, no backup is older than before."""
    old, young = made(folder), made(folder, 0.1)
    pass_days(folder, range(5))
    assert at(folder, 400).prune(30) == 0 and names(folder) == {old, young}


@pytest.mark.parametrize("days", [1, 30])
@pytest.mark.parametrize("jump", [366, -366, 366_000, -20_000])
def test_a_jump_of_the_clock_removes_nothing(folder: Path, days: int, jump: int) -> None:
    """A clock that is wrong by a year, or a thousand, takes no backup, neither then nor when it is set right."""
    kept = {made(folder), made(folder, 0.1)}
    for day in (0, jump, 0, jump, 0):
        assert at(folder, day).prune(days) == 0 and names(folder) == kept


@pytest.mark.parametrize("wrong", [-366, 366])
def test_what_was_made_under_a_wrong_clock_is_young(folder: Path, wrong: int) -> None:
    """A backup with the name of another year lives as long as any other, and is the latest when it was made last."""
    for day in range(3):
        made(folder, day)
        at(folder, day).prune(1)
    strange = made(folder, wrong)
    assert at(folder, wrong).prune(1) == 1 and strange in names(folder)
    assert strange in names(folder) and at(folder, 3).prune(1) > 0 and strange in names(folder)
    pass_days(folder, range(10, 20))
    at(folder, 20).prune(0)
    assert names(folder) == {strange}


def test_backups_of_earlier_versions_are_as_young_as_when_they_are_first_seen(folder: Path) -> None:
    """A backup whose name is years old, and that no run has seen yet, is kept as long as a new one."""
    kept = {made(folder, -4000), made(folder, -400)}
    assert [at(folder, day).prune(1) for day in range(2)] == [0, 0] and names(folder) == kept


def test_the_latest_run_is_never_pruned(folder: Path) -> None:
    """However often the last backup was seen, and however few days are wanted, it stays."""
    made(folder)
    last = made(folder, 1)
    pass_days(folder, range(1, 60))
    assert at(folder, 60).prune(0) == 1 and names(folder) == {last}
    assert at(folder, 61).prune(0) == 0 and names(folder) == {last}


@pytest.mark.parametrize("shell", [-1, 1])
def test_a_killed_run_is_pruned_too_and_is_not_the_latest(folder: Path, shell: int) -> None:
    """A run that was killed before its first line goes when it is old, and takes the last real backup not with it."""
    last = made(folder)
    made(folder, shell, lines=False)
    pass_days(folder, range(5))
    assert at(folder, 5).prune(0) == 1 and names(folder) == {last}


def test_a_new_number_of_days_counts_at_once(folder: Path) -> None:
    """Another run of the same day has nothing to do, unless other days are wanted."""
    for day in range(5):
        made(folder, day)
        at(folder, day).prune(FOR_EVER)
    assert at(folder, 4).prune(3) == 1 and at(folder, 4).prune(3) == 0 and at(folder, 4).prune(1) == 2


@pytest.mark.parametrize("torn", [b"\n2026-1", b"\n2026-11-2", b"\0" * 40, b"\xff\xfe\n", b"\n\n", b"\nyesterday"])
def test_torn_days_make_nothing_older(folder: Path, torn: bytes) -> None:
    """What a run that was killed left of a day is no day, and hides no other."""
    old = made(folder)
    made(folder, 0.1)
    for day in range(3):
        at(folder, day).prune(FOR_EVER)
        with (folder / old / "seen").open("ab") as file:
            file.write(torn)
    assert at(folder, 3).prune(3) == 0 and old in names(folder)
    assert at(folder, 4).prune(3) == 1 and old not in names(folder)


def test_while_another_run_prunes_nothing_is_removed(folder: Path) -> None:
    """Two runs at once do not take each other's backup for the latest: the second one leaves it to the first."""
    kept = {made(folder), made(folder, 1)}
    pass_days(folder, range(5))
    with held(folder.parent):
        assert at(folder, 5).prune(0) == 0 and names(folder) == kept
    assert at(folder, 5).prune(0) == 1


def test_where_nothing_can_be_noted_nothing_is_removed_and_nobody_is_bothered(folder: Path) -> None:
    """A folder in the place of a file of ours costs no run; nothing gets older there."""
    kept = {made(folder), made(folder, 1)}
    for name in kept:
        (folder / name / "seen").mkdir()
    (folder.parent / "pruned").mkdir()
    assert [at(folder, day).prune(0) for day in range(5)] == [0] * 5 and names(folder) == kept


DYING = """
import os, sys
from pathlib import Path
from databricks_sync.state.backups import Backups
sys.addaudithook(lambda event, given: event == "os.remove" and str(given[0]).endswith("00001") and os._exit(9))
Backups(Path(sys.argv[1]), "", lambda: 0).prune(0)
"""


def test_what_a_removal_left_is_listed_by_nobody(folder: Path) -> None:
    """A run that dies while it removes a backup leaves none that is listed and lacks its bytes."""
    made(folder)
    made(folder, 1)
    pass_days(folder, range(5))

    ended = subprocess.run([sys.executable, "-c", DYING, folder], timeout=300)
    assert ended.returncode == 9
    assert len(names(folder)) == 2 and len(Backups(folder, TARGET).runs()) == 1


def test_what_is_not_ours_is_left(folder: Path) -> None:
    """A file or folder that no run made is neither listed nor pruned."""
    made(folder)
    (folder / "00000000-mine").mkdir()
    (folder / "0note").write_text("keep")
    pass_days(folder, range(3))
    backups = at(folder, 3)
    assert backups.prune(0) == 0 and len(backups.runs()) == 1
    assert {"00000000-mine", "0note"} <= names(folder)
