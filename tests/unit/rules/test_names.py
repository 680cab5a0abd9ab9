"""Which names may cross, and which collide."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.errors import printable
from databricks_sync.model import Kind, LocalObject, Stat
from databricks_sync.rules.names import flaw, local_collisions, nfc, twins

ACCEPTED = [
    "a", "etl/load", "etl/util.py", "New Notebook 2026-05-04 13:54:24", "a b", "a+b#c", "ünï", "日本語", ".gitignore",
    ".github/x", ".hidden", "a.b.c", "-x", "~x", "~", "$HOME", "%2e%2e", "a%00b", "console", "com", "null", "auxiliary",
    "gita", "a.git", "x" * 240, "é" * 120, " leading", "...a", "(1)", "a'b", 'a"b', "a*b", "C:", "a@b", "\U0001f600",
]  # fmt: skip
REFUSED = {
    "it has no name": [""],
    "is not a valid name": ["/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "./a"],
    "control character": ["a\0b", "a\nb", "a\rb", "\x1b[31m", "a\x7f", "a\x85", "a\u2028b", "a\u2029b", "d\t/x"],
    "not valid Unicode": ["a\udcff", "\ud800"],
    "backslash": ["a\\b", "..\\..\\a", "\\\\server\\share"],
    "git directory": [
        *(".git", ".GIT", ".Git/hooks/pre-commit", "a/.git/config", ".git.", ".git ", "git~1", "GIT~2/x"),
        *(".g\u200cit", ".git\ufeff", "\u200e.git", ".gi\u206at"),
    ],
    "a dot or a space": ["a.", "a ", "a/b./c", "..."],
    "longer than 240 bytes": ["x" * 241, "é" * 121, "a/" + "x" * 300],
}


@pytest.mark.parametrize("key", ACCEPTED)
def test_a_name_that_any_disk_can_hold_may_cross(key: str) -> None:
    """Blanks, signs, scripts and colons are no reason to refuse a name."""
    assert flaw(key, windows=False) == ""


@pytest.mark.parametrize(("reason", "key"), [(reason, key) for reason, keys in REFUSED.items() for key in keys])
def test_a_hostile_name_may_not(reason: str, key: str) -> None:
    """What climbs, hides, obeys or confuses a system is refused, with the reason."""
    assert reason in flaw(key, windows=False)
    assert flaw(key, windows=True)


DEVICES = ["con", "NUL", "aux.py", "prn.tar.gz", "com1", "COM¹", "lpt9.txt", "a/nul", "nul .txt", "CONIN$"]


@pytest.mark.parametrize(
    "key", ["a:b", "a<b", "a>b", "a|b", "a?b", "a*b", 'a"b', "x/.git::$INDEX_ALLOCATION", "C:", *DEVICES]
)
def test_windows_stores_less(key: str) -> None:
    """What only Windows cannot store is refused only there."""
    assert flaw(key, windows=False) == ""
    assert "Windows" in flaw(key, windows=True)


@given(st.text(max_size=20) | st.text(alphabet="./\\ \0:~giITcon\u200c1", max_size=10), st.booleans())
def test_an_accepted_name_stays_inside(key: str, windows: bool) -> None:
    """A name without a flaw is relative, has no step upwards, and can be encoded and shown as it is."""
    if not flaw(key, windows=windows):
        path = PurePosixPath(key)
        assert not path.is_absolute() and ".." not in path.parts and str(path) == key
        assert ".git" not in key.casefold().split("/")
        assert key.encode("utf-8").decode() == key


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 日本", "plain ünï 日本"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("a\x07\x85", "a\\x07\\x85"),
        ("\u2028", "\\u2028"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("bad\udcff", "bad?"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """What a terminal would obey is shown escaped."""
    assert printable(text) == shown


@given(st.text())
def test_printable_is_harmless(text: str) -> None:
    """Whatever comes in, what comes out is one line of UTF-8 without control characters."""
    shown = printable(text)
    assert len(shown.splitlines()) < 2 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert shown.encode().decode() == shown == printable(shown)


def test_nfc() -> None:
    """A decomposed name and a composed one are one name."""
    assert nfc("e\u0301") == "é"


def local(key: str, path: str) -> LocalObject:
    return LocalObject(key, path, Kind.NOTEBOOK, "", "", Stat(0, 0, 0, 0))


def test_two_files_of_one_key_collide() -> None:
    """`a.py` and `a.sql` would be one notebook; both are named."""
    found = local_collisions([local("a", "n/a.py"), local("a", "n/a.sql"), local("b", "n/b.py")])
    assert found == {"a": ("n/a.py", "n/a.sql")}


def test_a_notebook_and_a_folder_collide() -> None:
    """A notebook `a` and a folder `a` collide, however deep what the folder holds."""
    found = local_collisions([local("a", "n/a.py"), local("a/b/c", "n/a/b/c.py"), local("ab", "n/ab.py")])
    assert found == {"a": ("n/a.py", "n/a/b/c.py")}


def test_nothing_else_collides() -> None:
    """A notebook and a workspace file of one stem have two keys, and go their ways."""
    assert local_collisions([local("a", "n/a.py"), local("a.py", "m/a.py"), local("d/a", "n/d/a.py")]) == {}


@pytest.mark.parametrize(
    ("keys", "ignore_case", "groups"),
    [
        (["a", "A", "b"], True, {("A", "a")}),
        (["a", "A", "b"], False, set()),
        (["é", "e\u0301"], False, {("e\u0301", "é")}),
        (["É", "e\u0301"], True, {("e\u0301", "É")}),
        (["É", "e\u0301"], False, set()),
        (["straße", "STRASSE"], True, {("STRASSE", "straße")}),
        (["a/B", "A/b"], True, {("A/b", "a/B")}),
        (["a/x", "A/y", "b/x"], True, {("A/y", "a/x")}),
        ([], True, set()),
    ],
)
def test_twins(keys: list[str], ignore_case: bool, groups: set[tuple[str, ...]]) -> None:
    """Names that the disk cannot hold apart are found, each with its whole group."""
    found = twins(keys, ignore_case=ignore_case)
    assert set(found.values()) == groups and set(found) == {key for group in groups for key in group}
