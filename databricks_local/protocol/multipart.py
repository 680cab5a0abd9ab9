"""multipart/form-data as clients send it to `import`: a few small parts and one that is the content (RFC 7578).

Why not Starlette's parser: it makes text of a part without a file name, so that the bytes of its content are lost, and
takes a body that has no end. It would also be a package more (python-multipart), bounded since its 0.0.27 only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))')  # no escapes, as browsers write it
_MOST = 20
_FOLD = re.compile(r"\r\n(?=[ \t])")  # a head of several lines, as email writes it


class Part(NamedTuple):
    """One part: the name of its field, the name of the file that it is (else ""), and its bytes."""

    name: str
    filename: str
    content: bytes


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type is that of parts."""
    return content_type.lower().startswith("multipart/form-data")


def parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of `body` by name; the last of two with one name. Raises ValueError for what is no such body."""
    return {part.name: part.content for part in all_parts(content_type, body, _MOST)}


def all_parts(content_type: str, body: bytes, most: int) -> list[Part]:
    """All parts of `body`, at most so many. Raises ValueError for what is no such body, or has more."""
    boundary = _parameter("boundary", content_type).encode()
    if not boundary:
        raise ValueError("no boundary")
    _, *pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, most + 1)
    if len(pieces) > most:
        raise ValueError("no body of that many parts")
    if not pieces or not pieces[-1].startswith(b"--"):
        raise ValueError("no end")
    return list(map(_part, pieces[:-1]))


def _part(piece: bytes) -> Part:
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank:
        raise ValueError("a part without an end of its head")
    lines = _FOLD.sub("", head.decode("utf-8", "replace")).split("\r\n")
    disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    return Part(_parameter("name", disposition), _parameter("filename", disposition), content)


def _parameter(name: str, header: str) -> str:
    for key, quoted, plain in _PARAMETER.findall(header):
        if key.lower() == name:
            return str(quoted or plain)
    return ""
