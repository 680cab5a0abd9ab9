"""The notes beside the branch folders: their names, and what is in them, whoever wrote it."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.remote.marker import Marker, another, from_json, nested, note_name, other_folders, to_json

TARGET = "/Shared/a~b"
NAMES = ["a", "a~b", "a%7Eb", "a b", "a.json", "~", "x~0123456789ab", "ü", "a~b/c", "a/zzz"]


def test_no_two_targets_share_a_note() -> None:
    """Each target has a note of its own, however its name is spelled, and however long it is."""
    targets = [f"/Shared/{name}" for name in [*NAMES, "x" * 300, "x" * 299 + "y", "~" * 100]]
    assert len({note_name(target) for target in targets}) == len(targets)


@pytest.mark.parametrize("outer", NAMES)
@pytest.mark.parametrize("top", ["/Shared", "/Users/me", "/team"])
def test_a_folder_in_a_folder_is_noticed(top: str, outer: str) -> None:
    """A target inside another is recognised by the names of the notes alone, from both sides."""
    pair = (f"{top}/{outer}", f"{top}/{outer}/zzz")
    for one, other in permutations(pair):
        assert nested(one, [note_name(one), note_name(other)]) == (other,)
    assert nested(pair[0], [note_name(f"{pair[0]}x"), "zzz.lock", "strange", ".json"]) == ()


def test_all_nested_folders_are_noticed() -> None:
    """Every target inside or around one is told, so that none hides another."""
    targets = ["/Shared/a/b/c", "/Shared/a/b/d", "/Shared/a"]
    assert nested("/Shared/a/b", [note_name(target) for target in targets]) == tuple(sorted(targets))


@pytest.mark.parametrize("name", ["main/x.json", "main%2fx.json", "ma%69n%2Fx.json", "main%2Fx~0.json", "main%2F.json"])
def test_a_name_that_this_tool_does_not_give_is_no_note(name: str) -> None:
    """A file that only looks like a note on a nested target says nothing."""
    assert nested("/Shared/main", [name]) == ()


def test_a_note_is_read_as_it_was_written() -> None:
    """What is noted comes back."""
    marker = Marker(
        TARGET, frozenset({"origin x/y", "commit 1"}), "main", {"one": 3, "two": 1}, "a/b", ("../common", "n")
    )
    assert from_json(to_json(marker), TARGET) == marker


@pytest.mark.parametrize(
    "folders",
    [["a/../x"], ["../.."], ["a,b"], ["a\n"], [7], ["/x"], "n", {"n": 1}, ["n"] * 21, ["x" * 300], [""], ["$(x)\x00"]],
    ids=str,
)
def test_what_names_no_folders_says_nothing_of_them(folders: object) -> None:
    """Only what can be the folders of a project is believed, and told to be typed."""
    assert from_json(json.dumps({"repository": [], "folders": folders, "project": 7}).encode(), TARGET) == Marker(
        TARGET
    )


def test_another_project_is_another_owner() -> None:
    """A note of this repository is another's when it names another project; one that names none is anybody's."""
    ours = Marker(TARGET, frozenset({"x"}), project="a")
    assert another(Marker(TARGET, frozenset({"x"})), ours) is another(ours, ours) is None
    assert another(ours, ours._replace(project="")) is None
    said, typed = another(ours._replace(project="."), ours) or ("", "")
    assert (
        "the project in the top folder of this repository, and this is the project a" in said and "--take-over" in typed
    )
    said, _ = another(Marker(TARGET, frozenset({"y"}), project="a"), ours) or ("", "")
    assert "another repository" in said


def test_folders_are_told_as_they_are_typed() -> None:
    """What is to be set is quoted: the note may be anybody's."""
    _, typed = other_folders(Marker(TARGET, folders=("$(rm x)", "n")), ["n"])
    assert "NOTEBOOK_FOLDER='$(rm x),n'" in typed


@pytest.mark.parametrize(
    "raw",
    [
        b'{"clones": {"a": ' + b"9" * 5000 + b"}}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"repository": [], "clones": []}',
        b'{"repository": 7}',
        b'{"repository": [7]}',
        b'{"clones": {}}',
        json.dumps({"repository": []}).encode("utf-16"),
        b"null",
        b"\xff",
        b"",
    ],
    ids=lambda raw: raw[:24].decode("latin-1"),
)
def test_what_is_no_note_is_not_taken_for_one(raw: bytes) -> None:
    """Whatever somebody wrote in the place of a note is not a note that claims nothing, but none at all."""
    assert from_json(raw, TARGET) is None


@pytest.mark.parametrize(
    "clones",
    [
        '{"a": Infinity}',
        '{"a": NaN}',
        '{"a": 1e999}',
        json.dumps({"a": 10**4000, "b": -1, "c": "1", "d": None, "e": 2**53}),
        "{}",
    ],
    ids=lambda text: text[:24],
)
def test_numbers_that_nobody_counted_to_are_left_out(clones: str) -> None:
    """A note with strange numbers of pushes still says whose the target is."""
    raw = f'{{"repository": ["r"], "branch": "b", "clones": {clones}}}'.encode()
    assert from_json(raw, TARGET) == Marker(TARGET, frozenset({"r"}), "b")


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["clones", "repository", "branch", "project", "folders", "a"]), inner)
        ),
    ).map(lambda found: json.dumps(found).encode())
)
def test_any_note_can_be_read(raw: bytes) -> None:
    """Whatever is read can be written again."""
    marker = from_json(raw, TARGET)
    assert marker is None or from_json(to_json(marker), TARGET) == marker
