"""One HTTP request to another server on this machine, and its whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import httptools

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


@dataclass(slots=True)
class Reply:
    """What httptools calls while it reads."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    complete: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called for each header."""
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        """Called for each piece of the body."""
        self.parts.append(body)

    def on_message_complete(self) -> None:
        """Called at the end of the answer."""
        self.complete = True

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.parts)


def _feed(parser: httptools.HttpResponseParser, chunk: bytes) -> None:
    try:
        parser.feed_data(chunk)
    except httptools.HttpParserError as error:
        raise ConnectionResetError(f"the answer is none: {error}") from None


async def forward(port: int, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Reply:
    """ConnectionError when nobody listens, or the answer breaks off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        kept = [(name, value) for name, value in headers if name.lower() not in HOP]
        kept += [("Host", f"127.0.0.1:{port}"), ("Connection", "close"), ("Content-Length", str(len(body)))]
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in kept)
        writer.write(head.encode("latin-1") + b"\r\n" + body)
        await writer.drain()
        reply = Reply()
        parser = httptools.HttpResponseParser(reply)
        while chunk := await reader.read(262_144):
            _feed(parser, chunk)
        reply.status = parser.get_status_code()
        if not reply.complete and method != "HEAD":
            raise ConnectionResetError("the answer broke off")
        return reply
    finally:
        writer.close()
