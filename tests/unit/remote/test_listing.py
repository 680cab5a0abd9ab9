"""A listing is parsed object by object, however it is cut on its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire import cut

from databricks_sync.remote.limits import BadBody, Limits
from databricks_sync.remote.listing import each_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=5)
MORE = st.dictionaries(st.text().filter(lambda name: name != "objects"), VALUES, max_size=2)


@given(OBJECTS, MORE, st.booleans(), st.sampled_from([None, 1]), st.lists(st.integers(0, 30), max_size=8))
def test_every_object_comes_once(
    objects: list[dict[str, Any]], more: dict[str, Any], first: bool, indent: int | None, lengths: list[int]
) -> None:
    """Wherever the text is cut, within a letter too, and whatever is said besides, the objects are those sent."""
    document = {"objects": objects, **more} if first else {**more, "objects": objects}
    raw = json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return
    assert list(each_object(cut(raw, lengths))) == objects


@pytest.mark.parametrize("raw", [b"", b" \n", b"{}", b'{"objects": []}'])
def test_nothing_is_an_empty_listing(raw: bytes) -> None:
    """The workspace says `{}` of an empty folder."""
    assert list(each_object([raw])) == []


@pytest.mark.parametrize("length", range(1, 59))
def test_a_torn_listing_is_none(length: int) -> None:
    """A listing that breaks off anywhere is not taken for a shorter one."""
    raw = b'{"objects": [{"path": "/a", "n": 1}, {"path": "/b"}], "k": 2}'
    assert len(list(each_object([raw]))) == 2
    with pytest.raises(ValueError):
        list(each_object([raw[:length]]))


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b"<html>", b'{"objects": 1}', b'{"objects": [1]}', b"\xff"])
def test_anything_else_is_refused(raw: bytes) -> None:
    """What is no list of objects says nothing about a folder."""
    with pytest.raises(ValueError):
        list(each_object([raw]))


def test_a_listing_may_come_in_crumbs() -> None:
    """However small its first piece is, a listing is read object by object, and not as a whole."""
    raw = json.dumps({"objects": [{"path": "a" * 50}] * 5}).encode()
    assert len(list(each_object(cut(raw, [1] * len(raw)), Limits(answer=100)))) == 5


@pytest.mark.parametrize(
    "raw",
    [
        b'{"objects": [' + b'{"path": "/a"},' * 30,
        b'{"objects": [{"path": "' + b"y" * 300,
        b'{"objects": [{"path": "/a"}]' + b" " * 300,
        b'{"objects": [' + b"," * 300,
        b'{"path": "' + b"y" * 300,
        b" " * 300,
    ],
    ids=["many", "large", "more after it", "nothing between", "something else", "blanks"],
)
def test_there_is_a_limit(raw: bytes) -> None:
    """A listing of too many objects, or with one that is too large, is refused before it is there as a whole."""

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(raw), 5):
            yield raw[at : at + 5]
        raise AssertionError("all of it was read")

    with pytest.raises(BadBody):
        list(each_object(pieces(), Limits(objects=10, object=100, answer=100)))


def test_two_lists_of_objects_are_none() -> None:
    """Where it is not clear which objects are meant, none are."""
    with pytest.raises(ValueError):
        list(each_object([b'{"objects": [{"path": "/a"}], "objects": [{"path": "/b"}]}']))
