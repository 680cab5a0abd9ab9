"""Where the record of a target lies, and which record of version 0.1 is believed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from support.repo import Repo, agreed

from databricks_sync.errors import Busy
from databricks_sync.rules.journal import Advance
from databricks_sync.state.base import Base
from databricks_sync.state.location import TOP, folder_for, former_folder, record
from databricks_sync.state.lock import held

HOST, TARGET = "https://a", "/Users/me/main"


def old(repo: Repo, folders: tuple[str, ...] = ("notebooks",), carried: tuple[str, ...] = ("notebooks",)) -> Path:
    """A record of version 0.1, of all files that are here."""
    found = repo.open(*carried).scan({})
    folder = former_folder(repo.root / "state", HOST, TARGET, folders)
    base = Base(folder, create=True)
    base.advance([Advance(item.key, agreed(item)) for item in found.claims])
    base.close()
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.git("init", "-q")
    made.notebook("notebooks/a.py")
    made.notebook("notebooks/b.py", "print(2)\n")
    return made


def found(repo: Repo, project: str = TOP, *folders: str) -> tuple[Path, Path | None]:
    one = record(repo.root / "state", HOST, TARGET, project, folders or ("notebooks",), repo.root)
    return one.folder, one.former


def test_each_target_of_each_project_has_its_own(tmp_path: Path) -> None:
    """Another host, target or project is another record."""
    hosts, targets = ["https://a", "https://b"], ["/Users/me/x", "/Users/you/x", "/Users/me/x/y"]
    names = {folder_for(tmp_path, *one) for one in product(hosts, targets, [TOP, "a", "b", "a/b"])}
    assert len(names) == 24 and all(path.parent == tmp_path for path in names)
    assert former_folder(tmp_path, "h", "/t/x", ["a", "b"]) == former_folder(tmp_path, "h", "/t/x", ["b", "a"])
    assert former_folder(tmp_path, "h", "/t/x", ["a"]) != folder_for(tmp_path, "h", "/t/x", "a")


@pytest.mark.parametrize(
    "target", ["/Users/me/..", "/Shared/a\nb", "/Shared/" + "x" * 500, "/Shared/ü:*?", "/Shared/a\udcff"]
)
def test_a_target_s_name_is_never_a_path(tmp_path: Path, target: str) -> None:
    """The folder of any target's record is one plain name."""
    one = folder_for(tmp_path, "h", target, TOP)
    one.mkdir()
    assert one.parent == tmp_path and len(one.name) < 60


@pytest.mark.parametrize("folders", [("notebooks",), ("notebooks", "src"), ("src", "notebooks")])
def test_the_record_of_yesterday_goes_on(repo: Repo, folders: tuple[str, ...]) -> None:
    """At the top, a record of version 0.1 is taken over, also when the folders grow on that very day."""
    former = old(repo)
    assert found(repo, TOP, *folders) == (folder_for(repo.root / "state", HOST, TARGET, TOP), former)
    assert found(repo, TOP, "src")[1] is None


def test_of_two_of_yesterday_that_of_these_folders(repo: Repo) -> None:
    """Where there was one for each choice of folders, it is the one of today's choice."""
    old(repo)
    former = old(repo, ("notebooks", "src"))
    assert found(repo, TOP, "notebooks", "src")[1] == former


def test_a_project_in_a_folder_takes_over_what_is_its_own(repo: Repo) -> None:
    """In a folder of the repository, a record may be another project's: it is taken over with its own files alone."""
    former = old(repo)
    assert found(repo, "projA")[1] == former
    (repo.root / "notebooks/b.py").unlink()  # or it is the other project that has it
    assert found(repo, "projA")[1] is None
    assert found(repo, TOP)[1] == former


def test_files_of_the_same_names_are_not_its_own(repo: Repo, tmp_path: Path) -> None:
    """Files of the same names in another project folder do not make a record its own."""
    old(repo)
    other = Repo(tmp_path / "other")
    other.notebook("notebooks/a.py")
    other.notebook("notebooks/b.py", "print(2)\n")
    assert record(repo.root / "state", HOST, TARGET, "projB", ("notebooks",), other.root).former is None


def test_an_empty_record_is_nobody_s(repo: Repo) -> None:
    """A record of version 0.1 that tracks nothing says nothing of a project in a folder."""
    Base(former_folder(repo.root / "state", HOST, TARGET, ["notebooks"]), create=True).close()
    assert found(repo, "projA")[1] is None


def test_taking_over_moves_it_once(repo: Repo) -> None:
    """What it tracked and its lineage are there afterwards, and the old one is gone."""
    former = old(repo)
    with closing(Base(former, create=False)) as base:
        entries, lineage = base.entries(), base.meta("lineage")
    one = record(repo.root / "state", HOST, TARGET, TOP, ("notebooks",), repo.root)
    assert one.stands == former
    with held(one.folder):
        one.taken_over(0)
    assert found(repo) == (one.folder, None) and not (former / "state.db").exists()
    with closing(Base(one.folder, create=False)) as base:
        assert (base.entries(), base.meta("lineage")) == (entries, lineage) and len(entries) == 2


def test_a_run_of_the_older_version_is_waited_for(repo: Repo) -> None:
    """While the older version is at work on its record, nobody takes it away from under it."""
    former = old(repo)
    one = record(repo.root / "state", HOST, TARGET, TOP, ("notebooks",), repo.root)
    with held(former), held(one.folder), pytest.raises(Busy):
        one.taken_over(0)
    assert found(repo)[1] == former


def test_what_a_killed_run_had_begun_is_undone_first(repo: Repo) -> None:
    """A record whose last run died in the middle of a transaction is taken over as it was before that."""
    former = old(repo)
    file = former / "state.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA cache_spill = 1")
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM base")
        db.executemany("INSERT INTO content VALUES (?, ?)", [(str(n), b"x" * 5000) for n in range(200)])
        torn = {one.name: one.read_bytes() for one in former.iterdir() if one.name.startswith("state.db")}
        db.execute("ROLLBACK")
    assert "state.db-journal" in torn
    for name, raw in torn.items():
        (former / name).write_bytes(raw)
    one = record(repo.root / "state", HOST, TARGET, TOP, ("notebooks",), repo.root)
    with held(one.folder):
        one.taken_over(0)
    with closing(Base(one.folder, create=False)) as base:
        assert set(base.entries()) == {"a", "b"} and not base.notice
