"""What Content-Encoding means: it is never asked for, and large exports and some proxies pack all the same.

SERVER: seen with large exports (`test_workspace_unzip_notebooks` of the Terraform provider).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .limits import BadBody

_STEP = 2**18  # bytes that are unpacked at once: a thousand times as many may come out of what came
_GZIP_OR_ZLIB, _RAW = 32 + 15, -15


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A body as it was before it was packed.

    Raises BadBody where it is packed in an unknown way, or wrongly; ConnectionResetError, as connections do, where
    it breaks off.
    """
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return iter(pieces)
    if named in ("gzip", "x-gzip", "deflate"):
        return _unpacked(pieces)
    raise BadBody("packed in a way that was not asked for")


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import zlib  # only for the few that need it

    head, unpacker = b"", None
    try:
        for piece in pieces:
            packed = head + piece
            if unpacker is None and len(packed) < 2:
                head = packed
                continue
            if unpacker is None:
                head, unpacker = b"", zlib.decompressobj(_form(packed))
            while True:
                made = unpacker.decompress(packed, _STEP)
                if made:
                    yield made
                packed = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:  # gzip may come in several parts, one after the other
                    packed = unpacker.unused_data
                    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
                elif not packed and len(made) < _STEP:
                    break
    except zlib.error:
        raise BadBody("packed, and cannot be unpacked") from None
    if head or (unpacker is not None and not unpacker.eof):
        raise ConnectionResetError


def _form(head: bytes) -> int:
    """`deflate` means zlib's form, but some send the bare one: only the others begin like this (RFC 1950, 1952)."""
    zlibs = head[0] & 15 == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return _GZIP_OR_ZLIB if zlibs or head[:2] == b"\x1f\x8b" else _RAW
