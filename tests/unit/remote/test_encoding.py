"""What was packed on its way is unpacked, and nothing else is made of it."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire import cut

from databricks_sync.remote.encoding import decoded
from databricks_sync.remote.limits import BadBody


def parts(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 7], mtime=0) for at in range(0, len(data), 7)) or gzip.compress(b"")


PACKERS = [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("GZIP ", parts), ("deflate", zlib.compress)]
PACKERS += [("identity", bytes), ("", bytes)]


@given(st.sampled_from(PACKERS), st.binary(max_size=200), st.lists(st.integers(0, 9), max_size=20))
def test_what_was_packed_is_unpacked(
    packer: tuple[str, Callable[[bytes], bytes]], data: bytes, lengths: list[int]
) -> None:
    """In each form, in several parts too, and however it is cut."""
    encoding, pack = packer
    assert b"".join(decoded(cut(pack(data), lengths), encoding)) == data


@pytest.mark.parametrize("packer", [packer for packer in PACKERS if packer[1] is not bytes])
def test_a_torn_pack_is_none(packer: tuple[str, Callable[[bytes], bytes]]) -> None:
    """Wherever it breaks off, it is not taken for a shorter one."""
    encoding, pack = packer
    whole = pack(b"print(1)\n")
    for at in range(1, len(whole)):
        if pack is parts and at == len(pack(b"print(1")):
            continue  # the end of a part: only the length of the answer can tell
        with pytest.raises((ConnectionResetError, BadBody)):
            list(decoded([whole[:at]], encoding))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "identity, gzip", "\x00", "x" * 1000])
def test_other_encodings_are_refused(encoding: str) -> None:
    """What cannot be unpacked is not taken as it is."""
    with pytest.raises(BadBody):
        list(decoded([b"x"], encoding))


@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=60))
def test_any_bytes_are_unpacked_or_refused(encoding: str, junk: bytes) -> None:
    """Whatever comes, it is a body or a failure."""
    try:
        list(decoded([junk], encoding))
    except (BadBody, ConnectionResetError):
        pass


def test_nothing_is_nothing() -> None:
    """An answer without a body is one, whatever it says of its encoding."""
    assert list(decoded([], "gzip")) == [] == list(decoded([b""], "gzip"))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_little_is_unpacked_at_once(pack: Callable[[bytes], bytes]) -> None:
    """A small pack of a great many zeros takes no more memory than a step, and no more time than is asked of it."""
    packed = pack(bytes(100_000_000))
    tracemalloc.start()
    try:
        assert sum(len(piece) for _, piece in zip(range(20), decoded([packed], "deflate"), strict=False)) > 2**20
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
