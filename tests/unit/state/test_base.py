"""What both sides last agreed on, through closing, damage and newer versions."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from databricks_sync.errors import SettingsError
from databricks_sync.model import JUPYTER, SOURCES, BaseEntry, Direction, Kind, Language, RemoteVersion, Stat
from databricks_sync.notebook.equality import CANON_VERSION
from databricks_sync.notebook.format import sha256
from databricks_sync.rules.journal import Advance, Content, Intent
from databricks_sync.state.base import SCHEMA, Base

VERSION = RemoteVersion(7, 1_700_000_000_000, "f" * 64)
FILE = BaseEntry("a.csv", "notebooks/a.csv", Kind.FILE, "file:1", VERSION, "sha", Stat(1, 2**62, 3, 2**62))
NOTEBOOK = BaseEntry(
    *(
        "ü b/#",
        "notebooks/ü b/#.py",
        Kind.NOTEBOOK,
        f"notebook:{CANON_VERSION}:SOURCE:1",
        RemoteVersion(1, 0, "", True),
        "s",
    ),
    *(None, SOURCES[Language.SCALA]),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def reopened(folder: Path) -> Base:
    return Base(folder, create=False)


def made(folder: Path, *entries: BaseEntry) -> Base:
    base = Base(folder, create=True)
    base.advance([Advance(entry.key, entry) for entry in entries])
    return base


def test_entries_round_trip(folder: Path) -> None:
    """What was agreed on is read back field by field by the next run."""
    made(folder, FILE, NOTEBOOK).close()
    assert reopened(folder).entries == {"a.csv": FILE, "ü b/#": NOTEBOOK}


CLOSING = """
import sys, threading
from pathlib import Path
from databricks_sync.state.base import SCHEMA, Base
for number in range(10):
    base = Base(Path(sys.argv[1], str(number)), create=True)
    readers = [threading.Thread(target=lambda: [base.meta("name") for _ in range(300)]) for _ in range(8)]
    for reader in readers:
        reader.start()
    base.close()
    for reader in readers:
        reader.join()
"""


def test_a_base_may_be_closed_while_it_is_read(folder: Path) -> None:
    """Threads that still ask a base when it is closed are told that nothing is known, and the process lives on."""
    ended = subprocess.run([sys.executable, "-c", CLOSING, folder], capture_output=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_advance_replaces_and_removes(folder: Path) -> None:
    """A key that both sides lack is gone from the base, and one they hold anew is replaced."""
    base = made(folder, FILE, NOTEBOOK)
    newer = BaseEntry("a.csv", "notebooks/a.csv", Kind.FILE, "file:2", VERSION, "sha2")
    base.advance([Advance("a.csv", newer), Advance(NOTEBOOK.key, None), Advance("never", None)])
    base.close()
    assert reopened(folder).entries == {"a.csv": newer}


INTENTS = [
    Intent("a", Direction.PUSH, "notebooks/a.py", Kind.NOTEBOOK, "d", "sha", VERSION, JUPYTER),
    Intent("b", Direction.PULL, "notebooks/b", Kind.FILE, None),
]


def test_intents_stand_until_they_are_answered(folder: Path) -> None:
    """What a run meant to do is known to the next one, until it is done or found not to be."""
    base = made(folder)
    base.intend(INTENTS)
    base.close()
    again = reopened(folder)
    assert [(i.key, i.direction, i.after, i.format) for i in again.intents] == [
        ("a", Direction.PUSH, "d", JUPYTER),
        ("b", Direction.PULL, None, None),
    ]
    again.advance([Advance("a", None)], finished=["b"])
    assert reopened(folder).intents == []


def test_an_intent_s_token_is_not_trusted_by_its_time(folder: Path) -> None:
    """The version of an intent proves something by its hash alone."""
    made(folder).intend(INTENTS)
    (version, _) = (intent.version for intent in reopened(folder).intents)
    assert version.same_as(VERSION) and not RemoteVersion(7, version.modified_at).same_as(version)


def test_content_is_verified(folder: Path) -> None:
    """Kept bytes come back only whole: what is damaged is as if it had not been kept."""
    base = made(folder)
    base.advance([Advance(FILE.key, FILE, Content.of(b"bytes")), Advance("other", None, Content.of(b""))])
    assert base.content(sha256(b"bytes")) == b"bytes" and base.content(sha256(b"")) == b""
    assert base.content("unknown") is None and base.content("") is None
    base.close()
    for damage in (b"junk", sqlite_body(folder, sha256(b""))):
        with sqlite3.connect(folder / "state.db") as db:
            db.execute("UPDATE content SET body = ? WHERE sha = ?", (damage, sha256(b"bytes")))
        assert reopened(folder).content(sha256(b"bytes")) is None


def sqlite_body(folder: Path, sha: str) -> bytes:
    with sqlite3.connect(folder / "state.db") as db:
        return bytes(db.execute("SELECT body FROM content WHERE sha = ?", (sha,)).fetchone()[0])


def test_content_nobody_refers_to_is_dropped(folder: Path) -> None:
    """Only the bytes of a current entry are kept."""
    base = made(folder)
    raw = b"bytes"
    current = BaseEntry("a", "a", Kind.FILE, "file:1", RemoteVersion(1, 1, sha256(raw)), "s")
    base.advance([Advance("a", current, Content.of(raw)), Advance("b", None, Content.of(b"old"))])
    base.prune()
    assert base.content(sha256(raw)) == raw and base.content(sha256(b"old")) is None


def test_notes_round_trip(folder: Path) -> None:
    """Facts about the target are kept, and replaced."""
    base = made(folder)
    base.note(user="me", host="h")
    base.note(user="you")
    base.close()
    again = reopened(folder)
    assert (again.meta("user"), again.meta("host"), again.meta("none")) == ("you", "h", "")


def test_a_dry_run_leaves_no_trace(folder: Path) -> None:
    """Without permission to create, nothing is created, and nothing was agreed on."""
    base = Base(folder, create=False)
    base.note(a="b")
    base.intend(INTENTS)
    base.advance([Advance(FILE.key, FILE, Content.of(b"x"))])
    base.prune()
    assert base.entries == {} and base.meta("a") == "" and base.content("x") is None and not folder.exists()


DAMAGES = {
    "garbage": lambda raw: b"this is no database" * 99,
    "a torn head": lambda raw: b"\0" * 100 + raw[100:],
    "a torn page": lambda raw: raw[:4096] + b"\xff" * (len(raw) - 4096),
    "a short file": lambda raw: raw[: len(raw) // 2],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_set_aside(folder: Path, damage: object) -> None:
    """A file that cannot be read is kept under another name, said so, and nothing counts as agreed on."""
    made(folder, FILE, NOTEBOOK).close()
    torn = damage((folder / "state.db").read_bytes())  # type: ignore[operator]
    (folder / "state.db").write_bytes(torn)
    base = Base(folder, create=True)
    (kept,) = folder.glob("state.corrupt-*.db")
    assert kept.read_bytes() == torn and kept.name in base.notice and base.entries == {}
    base.advance([Advance(FILE.key, FILE)])
    base.close()
    assert reopened(folder).entries == {"a.csv": FILE} and reopened(folder).notice == ""


def test_a_dry_run_sets_nothing_aside(folder: Path) -> None:
    """A dry run says that the file is damaged, and does not touch it."""
    folder.mkdir()
    (folder / "state.db").write_bytes(b"junk" * 999)
    base = Base(folder, create=False)
    assert base.notice and base.entries == {} and (folder / "state.db").read_bytes() == b"junk" * 999
    assert [path.name for path in folder.iterdir()] == ["state.db"]


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "folder"), ("form", "DBC"), ("language", "JULIA"), ("object_id", "x"), ("size", "x")]
)
def test_a_value_of_another_world_is_damage(folder: Path, column: str, value: str) -> None:
    """An entry that makes no sense sets the whole file aside: half a base is worse than none."""
    made(folder, FILE).close()
    with sqlite3.connect(folder / "state.db") as db:
        db.execute(f"UPDATE base SET {column} = ?", (value,))
    base = Base(folder, create=True)
    assert base.notice and base.entries == {}


@pytest.mark.parametrize("table", ["intent", "past"])
def test_a_missing_table_is_damage(folder: Path, table: str) -> None:
    """A file of the right version that lacks a table is set aside, not a reason to wait."""
    made(folder, FILE).close()
    with sqlite3.connect(folder / "state.db") as db:
        db.execute(f"DROP TABLE {table}")
    base = Base(folder, create=True)
    assert base.notice and base.entries == {}


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_file_is_refused(folder: Path, create: bool) -> None:
    """A file of a later version is neither read nor changed."""
    made(folder, FILE).close()
    with sqlite3.connect(folder / "state.db") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    before = (folder / "state.db").read_bytes()
    with pytest.raises(SettingsError, match="newer version") as caught:
        Base(folder, create=create)
    assert "pip install -U" in caught.value.hint and (folder / "state.db").read_bytes() == before


def test_digests_of_another_canon_are_not_compared(folder: Path) -> None:
    """Notebooks weighed by another definition of equality count as never agreed on; files are bytes and stay."""
    old = BaseEntry("n", "n.py", Kind.NOTEBOOK, "notebook:0:SOURCE:1", VERSION, "s")
    made(folder, FILE, old).close()
    assert set(reopened(folder).entries) == {"a.csv"}


def test_a_killed_start_is_no_damage(folder: Path) -> None:
    """An empty file, as a kill at the very start leaves it, is simply filled."""
    folder.mkdir()
    (folder / "state.db").write_bytes(b"")
    base = Base(folder, create=True)
    base.advance([Advance(FILE.key, FILE)])
    assert base.notice == "" and reopened(folder).entries == {"a.csv": FILE}


def agreed_on(base: Base, *digests: str) -> None:
    """Both sides agree on one state of `a.csv` after the other, each in a run of its own."""
    for state in digests:
        again = Base(base.file.parent, create=True)
        again.advance([Advance(FILE.key, FILE._replace(digest=state) if state else None)])
        again.close()


def test_what_was_agreed_on_before_is_remembered(folder: Path) -> None:
    """The last twenty states of a key are known again, a deleted one's too, and never what is agreed on now."""
    base = made(folder, FILE)
    agreed_on(base, "file:2", "file:2", "file:3", "", "file:4")
    states = [(key, f"file:{number}") for key in (FILE.key, "other") for number in range(6)]
    assert reopened(folder).earlier(states) == {(FILE.key, f"file:{number}") for number in (1, 2, 3)}
    agreed_on(base, *(f"file:{number}" for number in range(5, 25)))
    found = reopened(folder).earlier((FILE.key, f"file:{number}") for number in range(30))
    assert found == {(FILE.key, f"file:{number}") for number in range(4, 24)}


def test_a_file_of_an_older_version_is_set_aside(folder: Path) -> None:
    """What another version wrote down in another way says nothing, and is kept."""
    made(folder, FILE).close()
    with sqlite3.connect(folder / "state.db") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA - 1}")
    base = Base(folder, create=True)
    assert base.entries == {} and "set aside" in base.notice and list(folder.glob("state.corrupt-*.db"))
    base.close()
    assert reopened(folder).notice == ""


def test_a_distrusted_base_is_missing(folder: Path) -> None:
    """An old copy of a base counts as none."""
    made(folder, FILE).close()
    base = reopened(folder)
    base.distrust()
    assert base.entries == {} and base.intents == []


def known(base: Base) -> dict[str, str]:
    return {name: base.meta(name) for name in ("lineage", "ancestor", "serial")}


def test_a_copied_base_gets_a_name_of_its_own_and_keeps_what_it_knows(folder: Path, tmp_path: Path) -> None:
    """The copy of a base is another from its first run on, and believed; the one it was copied from stays as it was."""
    base = made(folder, FILE)
    base.settle(0)
    before = known(base)
    base.close()
    shutil.copytree(folder, tmp_path / "copy")
    copy = reopened(tmp_path / "copy")
    assert copy.names()[0] == before["lineage"]  # until then it is known by the name it came with
    copy.settle(0)
    assert known(copy)["lineage"] not in ("", before["lineage"]) and set(copy.entries) == {FILE.key}
    base = reopened(folder)
    base.settle(0)
    assert known(base) == before and not set(base.names()) & set(copy.names())


def test_a_base_has_as_many_names_as_places(folder: Path, tmp_path: Path) -> None:
    """One that is moved to and fro, or mounted at two paths, has two names; put back from a copy it has its old one."""
    made(folder, FILE).close()
    seen = []
    for _ in range(3):
        for place in (folder, tmp_path / "there"):
            if not place.exists():
                (folder if place != folder else tmp_path / "there").rename(place)
            base = reopened(place)
            base.settle(0)
            seen.append(base.meta("lineage"))
            base.close()
    assert len(set(seen)) == 2 and seen[:2] * 3 == seen


def test_a_base_of_an_earlier_version_is_known_by_its_old_name_too(folder: Path) -> None:
    """A base that was never settled is looked up by the name that it had, and then has one of its place."""
    made(folder, FILE).close()
    base = reopened(folder)
    old = base.meta("lineage")
    assert old and not base.meta("ancestor") and old in base.names()
    base.settle(0)
    assert base.meta("ancestor") == old != base.meta("lineage") and set(base.entries) == {FILE.key}


def test_a_base_that_was_not_believed_begins_anew(folder: Path) -> None:
    """It is another one from then on, and by that name an old copy of what it was is told again."""
    base = made(folder, FILE)
    base.settle(0)
    base.close()
    copy = (folder / "state.db").read_bytes()
    for _ in range(2):
        (folder / "state.db").write_bytes(copy)
        base = reopened(folder)
        names = base.names()
        base.distrust()
        base.settle(7)
        assert base.meta("lineage") == names[2] and base.meta("serial") == "7"
        base.close()
    assert reopened(folder).entries == {}
