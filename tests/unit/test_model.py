"""What a token proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.model import Token

ONE = Token(7, 1000)
PROOFS = [
    ("the same time and id", ONE, ONE, True),
    ("no other token", ONE, None, False),
    ("another time", ONE, Token(7, 1001), False),
    ("another object", ONE, Token(8, 1000), False),
    ("racy now", Token(7, 1000, racy=True), ONE, False),
    ("racy then", ONE, Token(7, 1000, racy=True), False),
    ("no time", Token(7, 0), Token(7, 0), False),
    ("the same hash", Token(7, 1000, "h"), Token(8, 2000, "h"), True),
    ("the same hash, racy", Token(7, 1000, "h", True), Token(7, 1000, "h", True), True),
    ("another hash at the same time", Token(7, 1000, "h"), Token(7, 1000, "g"), False),
    ("a hash only now", Token(7, 1000, "h"), ONE, True),
    ("a hash only now, racy", Token(7, 1000, "h", True), ONE, False),
]
TOKENS = st.builds(Token, st.integers(1, 2), st.integers(0, 2), st.sampled_from(["", "h", "g"]), st.booleans())


@pytest.mark.parametrize(("one", "other", "proof"), [row[1:] for row in PROOFS], ids=[row[0] for row in PROOFS])
def test_proves(one: Token, other: Token | None, proof: bool) -> None:
    """A hash decides where both have one; otherwise id and time, unless they could hide a second change."""
    assert one.proves(other) is proof


@given(TOKENS, TOKENS)
def test_a_proof_is_mutual(one: Token, other: Token) -> None:
    """What one token proves of the other, the other proves of it; different hashes prove nothing."""
    assert one.proves(other) is other.proves(one)
    if one.proves(other):
        assert not (one.sha and other.sha and one.sha != other.sha)
        assert one.sha == other.sha != "" or not (one.racy or other.racy)
