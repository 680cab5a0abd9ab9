"""Copies of what a run replaces: durable, found again, and pruned by age."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from databricks_sync.backups import Backups, Saved
from databricks_sync.errors import SyncError
from databricks_sync.model import Direction, Form, Kind, Language
from databricks_sync.notebook import sha256

TARGET = "/Users/me/main"


def saved(key: str = "a", raw: bytes = b"x", **more: object) -> Saved:
    usual: dict[str, object] = {"form": Form.SOURCE, "language": Language.R}
    facts = (key, f"notebooks/{key}.r", Direction.PUSH, Kind.NOTEBOOK, "replaced by a push", sha256(raw), len(raw))
    return Saved(*facts, **(usual | more))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_what_was_saved_comes_back(folder: Path) -> None:
    """Bytes and everything said about them are read back by another run."""
    backups = Backups(folder, TARGET)
    backups.save(saved("a", b"one"), b"one")
    backups.save(saved("ü/b", b"", form=None, language=None), b"")
    (run,) = Backups(folder, TARGET).runs()
    assert (run.name, run.target) == (backups.run, TARGET)
    assert [(s.key, s.form, s.language, s.size) for s in run.objects] == [
        ("a", Form.SOURCE, Language.R, 3),
        ("ü/b", None, None, 0),
    ]
    assert [backups.read(run, one) for one in run.objects] == [b"one", b""]


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
    assert run.objects[0].key == key and backups.read(run, run.objects[0]) == b"x"


def test_many_threads_save_at_once(folder: Path) -> None:
    """Every object has its number and its line, whichever thread saved it."""
    backups = Backups(folder, TARGET)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: backups.save(saved(f"k{n}", b"%d" % n), b"%d" % n), range(100)))
    (run,) = backups.runs()
    assert {one.key: backups.read(run, one) for one in run.objects} == {f"k{n}": b"%d" % n for n in range(100)}


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
        backups.read(run, run.objects[0])
    (folder / backups.run / "00001").unlink()
    with pytest.raises(SyncError, match="cannot be read"):
        backups.read(run, run.objects[0])


def test_a_backup_that_fails_says_so(folder: Path) -> None:
    """Where nothing can be saved, the caller is told, so that nothing is changed."""
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(SyncError, match="could not be backed up"):
        Backups(folder, TARGET).save(saved(), b"x")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def aged(folder: Path, days: float, lines: bool = True) -> str:
    name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - days * 86400))
    backups = Backups(folder, TARGET)
    backups.save(saved(), b"x")
    (folder / backups.run).rename(folder / name)
    if not lines:
        (folder / name / "manifest.jsonl").unlink()
    return name


def test_old_runs_are_pruned(folder: Path) -> None:
    """Runs of more than so many days go, younger ones and this one stay."""
    aged(folder, 31)
    young = aged(folder, 29)
    mine = Backups(folder, TARGET)
    mine.save(saved(), b"x")
    assert mine.prune(30) == 1 and mine.prune(30) == 0
    assert names(folder) == {young, mine.run}
    assert mine.prune(28) == 1 and names(folder) == {mine.run}


def test_the_latest_run_is_never_pruned(folder: Path) -> None:
    """However old the last backup is, and however few days are wanted, it stays."""
    aged(folder, 4000)
    last = aged(folder, 400)
    assert Backups(folder, TARGET).prune(0) == 1 and names(folder) == {last}
    assert Backups(folder, TARGET).prune(99_999) == 0


def test_a_killed_run_is_pruned_too(folder: Path) -> None:
    """A run that was killed before its first line goes when it is old, as any other."""
    aged(folder, 31, lines=False)
    last = aged(folder, 1)
    Backups(folder, TARGET).prune(30)
    assert names(folder) == {last}


def test_what_is_not_ours_is_left(folder: Path) -> None:
    """A file or folder that no run made is neither listed nor pruned."""
    aged(folder, 1)
    (folder / "00000000-mine").mkdir()
    (folder / "0note").write_text("keep")
    backups = Backups(folder, TARGET)
    assert backups.prune(30) == 0 and len(backups.runs()) == 1
    assert {"00000000-mine", "0note"} <= names(folder)
