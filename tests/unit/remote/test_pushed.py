"""What a note says of the last push: written as it is read, and believed in nothing."""

from __future__ import annotations

import json

import pytest

from databricks_sync.remote.marker import Marker, from_json, to_json
from databricks_sync.remote.pushed import Pushed, from_fields

TARGET = "/Shared/master"
PUSHED = Pushed("a" * 40, clean=False, by="me@laptop", at=1_700_000_000, run="https://github.com/a/b/actions/runs/1")
NOTE = Marker(TARGET, frozenset({"origin x/y"}), "main", {"one": 3}, ".", ("notebooks",), "y")


@pytest.mark.parametrize("pushed", [None, PUSHED, Pushed(), Pushed("b" * 64, clean=True), Pushed(clean=None, by="x")])
def test_it_is_read_as_it_was_written(pushed: Pushed | None) -> None:
    """What is noted comes back."""
    assert from_json(to_json(NOTE._replace(pushed=pushed)), TARGET) == NOTE._replace(pushed=pushed)


def test_it_is_one_field_more() -> None:
    """For earlier versions, which ignore what they do not know, the note is what it was; theirs says nothing of it."""
    before, after = (json.loads(to_json(note)) for note in (NOTE, NOTE._replace(pushed=PUSHED)))
    assert after == {**before, "pushed": after["pushed"]} and "pushed" not in before
    assert from_json(to_json(NOTE), TARGET) == NOTE


@pytest.mark.parametrize("fields", ["x", 1, [], ["commit"], None], ids=str)
def test_what_says_nothing(fields: object) -> None:
    """What is no such thing tells nothing, and spoils nothing else in the note."""
    note = json.loads(to_json(NOTE)) | {"pushed": fields}
    assert from_json(json.dumps(note).encode(), TARGET) == NOTE


@pytest.mark.parametrize(
    "fields",
    [
        *({"commit": commit} for commit in ("--output=x", "HEAD", "A" * 40, "a" * 39, "a" * 40 + "\n", 1, None)),
        *({"at": at} for at in (-1, 0, True, 1.5, "1", 2**60)),
        *({"clean": clean} for clean in (1, "yes", [])),
        *({"by": by} for by in (1, ["x"], "x" * 1000)),
        *({"run": run} for run in ("javascript:x", "https://a\x1b[2J", 1, "x" * 1000)),
    ],
    ids=str,
)
def test_nothing_is_believed(fields: dict[str, object]) -> None:
    """What cannot be a commit, a time or an address is none: it goes to no git and no terminal."""
    assert from_fields(fields) == Pushed()
