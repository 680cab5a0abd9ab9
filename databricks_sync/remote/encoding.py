"""What Content-Encoding means: it is never asked for, and large exports and some proxies pack all the same.

SERVER: seen with large exports (`test_workspace_unzip_notebooks` of the Terraform provider).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .limits import BadBody

_STEP = 2**18  # bytes that are unpacked at once: a thousand times as many may come out of what came
_GZIP_OR_ZLIB = 32 + 15


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

    unpacker, came = zlib.decompressobj(_GZIP_OR_ZLIB), 0
    try:
        for piece in pieces:
            packed, came = piece, came + len(piece)
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
    if came and not unpacker.eof:
        raise ConnectionResetError
