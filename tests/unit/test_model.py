"""What a version proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.model import RemoteVersion

ONE = RemoteVersion(7, 1000)
PROOFS = [
    ("the same time and id", ONE, ONE, True),
    ("no other version", ONE, None, False),
    ("another time", ONE, RemoteVersion(7, 1001), False),
    ("another object", ONE, RemoteVersion(8, 1000), False),
    ("racy now", RemoteVersion(7, 1000, racy=True), ONE, False),
    ("racy then", ONE, RemoteVersion(7, 1000, racy=True), False),
    ("no time", RemoteVersion(7, 0), RemoteVersion(7, 0), False),
    ("the same hash", RemoteVersion(7, 1000, "h"), RemoteVersion(8, 2000, "h"), True),
    ("the same hash, racy", RemoteVersion(7, 1000, "h", True), RemoteVersion(7, 1000, "h", True), True),
    ("another hash at the same time", RemoteVersion(7, 1000, "h"), RemoteVersion(7, 1000, "g"), False),
    ("a hash only now", RemoteVersion(7, 1000, "h"), ONE, True),
    ("a hash only now, racy", RemoteVersion(7, 1000, "h", True), ONE, False),
]
TOKENS = st.builds(RemoteVersion, st.integers(1, 2), st.integers(0, 2), st.sampled_from(["", "h", "g"]), st.booleans())


@pytest.mark.parametrize(("one", "other", "proof"), [row[1:] for row in PROOFS], ids=[row[0] for row in PROOFS])
def test_proves(one: RemoteVersion, other: RemoteVersion | None, proof: bool) -> None:
    """A hash decides where both have one; otherwise id and time, unless they could hide a second change."""
    assert one.same_as(other) is proof


@given(TOKENS, TOKENS)
def test_a_proof_is_mutual(one: RemoteVersion, other: RemoteVersion) -> None:
    """What one version proves of the other, the other proves of it; different hashes prove nothing."""
    assert one.same_as(other) is other.same_as(one)
    if one.same_as(other):
        assert not (one.sha and other.sha and one.sha != other.sha)
        assert one.sha == other.sha != "" or not (one.racy or other.racy)
