"""One HTTP request to another server on this machine, and its whole answer."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import NamedTuple

# Headers of one hop, and those that are said anew.
HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "authorization",
    "cookie",
    "expect",
)


class Reply(NamedTuple):
    """The answer: status, headers with names in small letters, and the whole body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def forward(port: int, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Reply:
    """Waits for the answer. Raises OSError when nobody listens, or the answer is none or breaks off."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in HOP:
                connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, [(name.lower(), value) for name, value in answer.getheaders()], answer.read())
    except http.client.HTTPException as error:
        raise ConnectionResetError(f"the answer broke off: {error!r}") from None
    finally:
        connection.close()
