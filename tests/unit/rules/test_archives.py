"""Which folders cross as a whole."""

from __future__ import annotations

from hashlib import sha256

import pytest

from databricks_sync.model import (
    JUPYTER,
    SOURCES,
    Direction,
    Format,
    Kind,
    Language,
    LocalObject,
    RemoteObject,
    RemoteVersion,
    Stat,
)
from databricks_sync.remote.limits import LIMITS
from databricks_sync.rules.archives import MOST, Archive, archives, batches, exports, identified, member
from databricks_sync.rules.journal import Saved
from databricks_sync.rules.plan import Action, Step

PYTHON = SOURCES[Language.PYTHON]
SURE = LIMITS.in_json


def create(key: str, *, size: int = 100, format: Format | None = PYTHON) -> Step:
    kind = Kind.NOTEBOOK if format else Kind.FILE
    item = LocalObject(key, f"notebooks/{key}", kind, "digest", "sha", Stat(size, 0, 0, 0), format)
    return Step(key, Action.CREATE, "-x-", local=item)


def sent(steps: list[Step], *taken: str, few: int = 1, most: int = 0) -> dict[str, list[str]]:
    return {one.folder: [step.key for step in one.steps] for one in archives(steps, taken, few, SURE, most)}


KEYS = ("a/1", "a/2", "a/b/3", "a/b/4", "c/5", "d", "e")


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ((), {"": list(KEYS)}),
        (("",), {"a": ["a/1", "a/2", "a/b/3", "a/b/4"]}),
        (("", "a"), {"a/b": ["a/b/3", "a/b/4"]}),
        (("", "a", "a/b"), {}),
    ],
    ids=str,
)
def test_the_outermost_new_folders_go_as_a_whole(taken: tuple[str, ...], expected: dict[str, list[str]]) -> None:
    """A folder whose path nothing has takes all that is in it along, and what stands takes nothing."""
    steps = [create(key) for key in reversed(KEYS)]
    assert {folder: sorted(keys) for folder, keys in sent(steps, *taken).items()} == {
        folder: sorted(keys) for folder, keys in expected.items()
    }


def test_a_handful_goes_singly() -> None:
    """Up to `few` notebooks are no archive."""
    steps = [create(f"a/{number}") for number in range(4)]
    assert sent(steps, "", few=4) == {} and sent(steps, "", few=3) == {"a": ["a/0", "a/1", "a/2", "a/3"]}


def test_a_folder_that_is_too_large_is_cut() -> None:
    """What does not fit into one archive goes by the folders in it, and what lies in it directly by itself."""
    for size, many in ((SURE // 3, 2), (1, MOST - 1)):
        steps = [create(f"{folder}/{number}", size=size) for folder in "ab" for number in range(many)] + [create("c")]
        assert sent(steps).keys() == {"a", "b"}
    assert sent([create(f"a/{number}") for number in range(MOST + 1)]) == {}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("a/1 a/2 a/3 a/4", "a"),
        ("a/b/1 a/b/2 a/c/3 a/c/4", "a/b a/c"),
        ("a/b/1 a/b/2 a/c/3 a/c/4 a/5", "a/b a/c"),
        ("a/b/1 a/b/2 a/3 a/4", "a"),
        ("a/b/1 a/c/2 a/d/3 a/e/4", "a"),
        ("a/b/1 a/b/2 a/c/3 a/c/4 d/5 d/6 d/7 d/8", "a/b a/c d"),
        ("a/1 a/2 a/3 a/4 a/5 a/6", ""),
    ],
)
def test_a_large_archive_is_tried_for_what_would_go_singly(keys: str, expected: str) -> None:
    """As large as it may be, and only where more than a few notebooks are in no archive that is certainly taken."""
    steps = [create(key, size=SURE // 3) for key in keys.split()]
    assert [*sent(steps, "", most=2 * SURE)] == expected.split()


def test_what_is_sent_at_once_has_bounds() -> None:
    """So many archives, and so many bytes; one that is larger goes alone."""
    made = [
        Archive(name, (create(name, size=size),)) for name, size in zip("abcdef", (5, 5, 5, 900, 1, 1), strict=True)
    ]
    assert made[0].size == 5 + 2 + 128
    grouped = ["".join(one.folder for one in batch) for batch in batches(made, 2, 300)]
    assert grouped == ["ab", "c", "d", "ef"] and list(batches([], 2, 300)) == []


def test_the_content_of_the_request_stays_below_its_limit() -> None:
    """As base64, what is as large as may be is no larger than the 10 MB that are documented."""
    assert SURE * 4 / 3 < 10_000_000


@pytest.mark.parametrize(
    "step",
    [
        create("x", format=JUPYTER),
        create("x.csv", format=None),
        create("x")._replace(action=Action.UPDATE),
        create("x")._replace(saved=Saved("x", "x", Direction.PUSH, Kind.NOTEBOOK, "", "", 0)),
        *map(create, ("x.py", "x.IPYNB.R", "x\\y", "x:y", ".x", "x.", "x ", "x\ny", "a/..", "x\u202ey", "a//x", "~x")),
    ],
    ids=lambda step: step.key,
)
def test_only_what_arrives_right_goes(step: Step) -> None:
    """Files, Jupyter notebooks, restores, updates and names that a zip may not hold as they are go by themselves."""
    assert sent([create("a"), create("b"), step]) == {"": ["a", "b"]}


@pytest.mark.parametrize("key", ["x", "x y", "0.1 Intro (old)", "gr\u00fc\u00dfe", "\u5206\u6790", "a-b_c+d=e@f,g"])
def test_usual_names_go(key: str) -> None:
    """Letters of all languages, and what people write between them."""
    assert sent([create(key), create("b")]) != {}


def test_the_extension_tells_the_language() -> None:
    """A member is called as its file would be, from its folder on."""
    assert member("", create("a/b")) == "a/b.py"
    assert member("a", create("a/b c", format=SOURCES[Language.R])) == "b c.r"


@pytest.mark.parametrize(
    ("wanted", "others", "expected"),
    [
        ("a/1 a/2 b/3", "", {"": "a/1 a/2 b/3"}),
        ("a/1 a/2 b/3", "b/4 b/5 b/6 b/7", {"a": "a/1 a/2"}),
        ("a/1 b/3", "a/2 b/4 b/5", {}),
        ("a/1", "", {}),
    ],
)
def test_a_folder_is_read_as_a_whole_where_most_of_it_is_wanted(
    wanted: str, others: str, expected: dict[str, str]
) -> None:
    """At least half of the notebooks that it would bring."""
    folders = exports(wanted.split(), wanted.split() + others.split(), 1)
    assert folders == {folder: keys.split() for folder, keys in expected.items()}


def listed(key: str, language: Language = Language.PYTHON, sha: str = "") -> RemoteObject:
    return RemoteObject(key, "/Shared/x", Kind.NOTEBOOK, RemoteVersion(1, 1, sha, False), language)


ONE, OTHER = b"# Databricks notebook source\n1\n", b"-- Databricks notebook source\n2\n"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"one.py": ONE, "b/two.sql": OTHER}, {"a/one": ONE, "a/b/two": OTHER}),
        ({"one.py": ONE}, {}),
        ({"one.py": ONE, "b/two.sql": OTHER, "new.py": ONE}, {}),
        ({"a/one.py": ONE, "a/b/two.sql": OTHER}, {}),
        ({"one": ONE, "b/two": OTHER}, {}),
    ],
    ids=lambda made: " ".join(made),
)
def test_without_hashes_all_names_prove_each(members: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """One name more or less than what was listed, and nothing counts."""
    assert identified("a", [listed("a/one"), listed("a/b/two", Language.SQL)], members) == expected


def test_a_hash_proves_whatever_the_name() -> None:
    """And the very name proves nothing where there is a hash."""
    sha = sha256(ONE).hexdigest()
    items = [listed("a/one", sha=sha), listed("a/two", sha="0" * 64)]
    assert identified("a", items, {"x": ONE}) == {"a/one": ONE}
    assert identified("a", items, {"one.py": OTHER, "two.py": ONE}) == {"a/one": ONE}


def test_a_folder_that_is_too_large_is_read_in_parts() -> None:
    """So that no answer is too large, nor takes too long."""
    keys = [f"{folder}/{number}" for folder in "ab" for number in range(MOST - 1)]
    assert exports(keys, keys, LIMITS.few).keys() == {"a", "b"} and LIMITS.few < MOST
