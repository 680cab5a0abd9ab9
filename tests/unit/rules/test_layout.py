"""Which key the object of a file has, and where it stands after another choice of folders."""

from __future__ import annotations

import pytest

from databricks_sync.model import BaseEntry, Kind, LocalObject, RemoteVersion, Stat
from databricks_sync.rules.layout import Layout, Moves

ONE, TWO, THREE = Layout.of(["n"]), Layout.of(["n", "src"]), Layout.of(["src", "lib", "n"])


def base(**paths: str) -> dict[str, BaseEntry]:
    return {
        key.replace("_", "/"): BaseEntry(key.replace("_", "/"), path, Kind.FILE, "", RemoteVersion(1, 1), "")
        for key, path in paths.items()
    }


def file(key: str, path: str) -> LocalObject:
    return LocalObject(key, path, Kind.FILE, "", "", Stat(0, 0, 0, 0))


@pytest.mark.parametrize(
    ("layout", "path", "key", "expected"),
    [
        (ONE, "n/etl/a.py", "etl/a", "etl/a"),
        (TWO, "n/etl/a.py", "etl/a", "n/etl/a"),
        (TWO, "src/x.py", "x.py", "src/x.py"),
        (ONE, "n/a.py", "n/a", "a"),
        (ONE, "src/x.py", "src/x.py", None),
        (ONE, "nn/a.py", "a", None),
        (Layout.of(["."]), "n/a.py", "a", "n/a"),
        (Layout.of(["x/deep", "n"]), "x/deep/e/a.py", "a", "deep/e/a"),
        (TWO, "n/u\u0308/a.py", "\u00fc/a", "n/\u00fc/a"),
    ],
)
def test_the_key_of_a_file(layout: Layout, path: str, key: str, expected: str | None) -> None:
    """One folder is the target itself, of several each is a child of it; keys are NFC."""
    assert layout.key(path, key) == expected
    assert layout.moved(key, path) == (None if expected == key else expected)


def test_which_choices_get_in_each_other_s_way() -> None:
    """Two choices are apart when a file would be doubled, or look deleted; one folder more beside several is not."""
    assert ONE.apart(TWO) and TWO.apart(ONE) and TWO.apart(Layout.of(["m", "src"]))
    assert not TWO.apart(THREE) and not THREE.apart(TWO) and not ONE.apart(Layout.of(["m"])) and not ONE.apart(ONE)


def test_which_base_a_layout_made() -> None:
    """A base tells which layout it was made with, but for a folder that has another name by now; an empty one not."""
    assert ONE.made(base(a="n/a.py").values()) and not TWO.made(base(a="n/a.py").values())
    assert TWO.made(base(n_a="n/a.py").values()) and not ONE.made(base(n_a="n/a.py").values())
    assert not ONE.made([]) and ONE.made(base(a="m/a.py").values())
    assert TWO.made(base(n_a="m/a.py").values()) and not TWO.made(base(m_a="m/a.py").values())


@pytest.mark.parametrize(
    ("known", "there", "expected"),
    [
        (base(a="n/a.py"), {"a"}, Moves(moving={"a": "n/a"})),
        (base(a="n/a.py"), set(), Moves(moving={"a": "n/a"})),
        (base(a="n/a.py"), {"a", "n/a"}, Moves(left={"a": "n/a"})),
        (base(a="n/a.py", n_a="n/a.py"), {"a", "n/a"}, Moves(left={"a": "n/a"})),
        (base(a="n/a.py"), {"n/a"}, Moves(followed={"a": "n/a"})),
        (base(n_a="n/a.py"), {"n/a"}, Moves()),
        (base(a="gone/a.py"), {"a"}, Moves()),
        (base(a="n/a.py", n_a="n/n/a.py"), {"a", "n/a"}, Moves(moving={"a": "n/a", "n/a": "n/n/a"})),
    ],
    ids=["here", "gone", "both", "half way", "by another", "in place", "not carried", "one after the other"],
)
def test_where_objects_stand(known: dict[str, BaseEntry], there: set[str], expected: Moves) -> None:
    """An object at its old place moves when the new one is free; one that stands at the new place has moved."""
    assert TWO.moves(known, [], there, None) == expected


def test_what_the_note_tells_of_a_target() -> None:
    """Without a base, the folders that the note names tell where the objects of these files stand."""
    files = [file("n/a", "n/a.py"), file("n/b", "n/b.py"), file("src/x", "src/x.py")]
    assert TWO.moves({}, files, {"a", "b", "n/b"}, ONE) == Moves(moving={"a": "n/a"})
    assert TWO.moves({}, files, {"a"}, None) == TWO.moves({}, files, {"a"}, TWO) == Moves()
    found = ONE.moves(base(a="n/a.py"), [file("a", "n/a.py")], {"n/a"}, TWO)
    assert found == Moves({"n/a": "a"}, {}, {"a": "n/a"})
