"""multipart/form-data as clients send it to `import`: a few small parts and one that is the content (RFC 7578).

Why not Starlette's parser: it makes text of a part without a file name, so that the bytes of its content are lost, and
takes a body that has no end. It would also be a package more (python-multipart), bounded since its 0.0.27 only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))')  # no escapes, as browsers write it
_MOST = 20
# Bytes in which a boundary is searched at once.
WINDOW = 2**20
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
    between, whole = b"\r\n--" + boundary, memoryview(body)
    # The first boundary may stand at the very beginning, where no line ends before it.
    end = -2 if body.startswith(between[2:]) else _next(body, between, 0)
    found = list[Part]()
    while not body.startswith(b"--", start := end + len(between)):
        if len(found) == most:
            raise ValueError("no body of that many parts")
        end = _next(body, between, start)
        found.append(_part(body, whole, start, end))
    return found


def _next(body: bytes, between: bytes, start: int) -> int:
    # A window at a time: other threads have to wait for a search to end.
    for place in range(start, len(body), WINDOW):
        found = body.find(between, place, place + WINDOW + len(between) - 1)
        if found >= 0:
            return found
    raise ValueError("no end")


def _part(body: bytes, whole: memoryview, start: int, end: int) -> Part:
    """The part between two places, of which nothing but its content is copied: that may be large."""
    blank = body.find(b"\r\n\r\n", start, end)
    if blank < 0:
        raise ValueError("a part without an end of its head")
    head, content = body[start:blank], bytes(whole[blank + 4 : end])
    lines = _FOLD.sub("", head.decode("utf-8", "replace")).split("\r\n")
    disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    return Part(_parameter("name", disposition), _parameter("filename", disposition), content)


def _parameter(name: str, header: str) -> str:
    for key, quoted, plain in _PARAMETER.findall(header):
        if key.lower() == name:
            return str(quoted or plain)
    return ""
