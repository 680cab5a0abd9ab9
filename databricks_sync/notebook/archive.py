"""Archives of source notebooks, as zips: put together, and taken apart without believing anything in them. Pure."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
_END, _END_64, _END_SIZE, _LOCATOR_SIZE = b"PK\5\6", b"PK\6\7", 22, 20
_MOST_DIRECTORY = 4 * 2**20  # bytes of the table of contents: some fifty thousand notebooks


class BadArchive(ValueError):
    """Bytes that are no archive which may be taken apart; the text says why."""


def packed(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of these members, each with its name; no larger than all of them and a little for each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name, _DATE), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpacked(raw: bytes, most: int) -> dict[str, bytes]:
    """The members of a zip that are no folders, by their names as they stand there; of several of one name, none.

    Nothing is written anywhere, and a name is not to be taken for a path. Raises BadArchive, before it has unpacked
    more than `most` bytes.
    """
    _check_directory(raw)
    members: dict[str, bytes] = {}
    twice: set[str] = set()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in infos) > most:
                raise BadArchive(f"more than {most} bytes")
            for info in infos:
                with archive.open(info) as member:
                    body = member.read(info.file_size)  # so many: asked for all, it unpacks what no header told of
                if info.filename in members:
                    twice.add(info.filename)
                members[info.filename] = body
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadArchive(str(error)) from None
    return {name: body for name, body in members.items() if name not in twice}


def _check_directory(raw: bytes) -> None:
    """That the table of contents, which is read whole, is not too long. Raises BadArchive."""
    end = raw[-_END_SIZE:]
    size = int.from_bytes(end[12:16], "little")
    large = raw[-_END_SIZE - _LOCATOR_SIZE : -_END_SIZE].startswith(_END_64)
    if not end.startswith(_END) or large or size > _MOST_DIRECTORY:
        raise BadArchive("no plain zip")
