"""Between HTTP and calls: reads requests, sends answers, and breaks connections for real when asked to."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from databricks_local.core.documents import malformed, parsed, whole_number
from databricks_local.core.errors import ApiError, body_too_large, invalid
from databricks_local.core.model import ApiAnswer, Call, refusal
from databricks_local.core.paths import Spelling, spelled
from databricks_local.core.settings import MIB, ServerSettings
from databricks_local.core.threads import beside

from .multipart import is_multipart, parts

TRANSPORT = "databricks_local.transport"
ARRIVED = "databricks_local.arrived"

# Linger on, for no time: a close becomes a reset.
LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

# Calls that are about no object.
WITHOUT_PATH = ("/api/2.0/preview/scim/v2/Me",)


# Of a request before its body: an object's path, escaped, and all that a proxy adds are less than a quarter.
MAX_HEAD = 64 * 1024
MAX_HEADERS = 100
MAX_QUEUED = 16  # requests that a client sends before it has the answer to the first
# Of a body that nobody wants, as its request was refused: who sends more, or for longer, is cut off.
MAX_DISCARDED = 16 * 2**20
DISCARDING_S = 30
# Of JSON with content in base64: what is too large for the service, but no larger, is told its size.
MAX_JSON = 64 * MIB
# Of a body, beside what it carries: the other parts of it, and what surrounds them.
MARGIN = 64 * 1024
PIECE = MIB  # of an answer
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _TooLarge(Exception):
    """A head, or a queue of requests, of which a client could make as much as it likes."""


class Protocol(HttpToolsProtocol):
    """uvicorn's, telling the application when a request arrived and which connection it came by.

    It bounds what anybody can make the server hold who has not shown a token yet: uvicorn bounds no head, reads a body
    to its end although the request was refused, and queues all requests that come in one piece.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._messages = 0
        self._in_head = False
        self._head = 0  # bytes of names and values that are complete
        self._awaited = 0  # bytes that came since, before the head was complete
        self._is_too_large = False
        self._unwanted: int | None = None  # bytes of a body after its request was answered

    def data_received(self, data: bytes) -> None:
        """Bytes of the client: bounds a head that does not end, and a body nobody wants."""
        if self._unwanted is not None:
            self._unwanted += len(data)
            if self._unwanted > MAX_DISCARDED:
                self.transport.abort()
                return
        before = self._messages
        super().data_received(data)
        if self._in_head and self._messages == before:
            self._awaited += len(data)
            if self._awaited > MAX_HEAD and not self.transport.is_closing():
                self._is_too_large = True
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins: bounds how many may wait, and notes when it came and by which connection."""
        self._messages += 1
        self._in_head, self._head, self._awaited = True, 0, 0
        if len(self.pipeline) >= MAX_QUEUED:
            self._refuse()
        super().on_message_begin()
        scope = cast(dict[str, Any], self.scope)
        scope["extensions"] = {TRANSPORT: self.transport, ARRIVED: time.monotonic()}

    def on_url(self, url: bytes) -> None:
        """A piece of the address: counts for the head."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header: counts for the head, and bounds how many there may be."""
        self._grow(len(name) + len(value))
        if len(self.headers) >= MAX_HEADERS:
            self._refuse()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is over."""
        self._unwanted = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered: what still comes of the body is not wanted, and may not take for ever."""
        super().on_response_complete()
        cycle = self.cycle
        if cycle.response_complete and cycle.more_body and not self.transport.is_closing():
            self._unwanted = 0
            self.loop.call_later(DISCARDING_S, self._cut_off, self._messages)

    def send_400_response(self, msg: str) -> None:
        """A request that cannot be parsed; 431 for a head that is too large. Closes the connection."""
        if not self._is_too_large:
            super().send_400_response(msg)
            return
        self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            self._refuse()

    def _refuse(self) -> None:
        """From within the parser, which then ends with `send_400_response`."""
        self._is_too_large = True
        raise _TooLarge

    def _cut_off(self, message: int) -> None:
        if self._unwanted is not None and self._messages == message:
            self.transport.abort()


class TooLongError(ValueError):
    """A body larger than it may be."""


async def body(request: Request, limit: int) -> bytes:
    """The body of a request, not read any further than `limit` and MARGIN. Raises ApiError (413)."""
    try:
        return await bounded_body(request, limit + MARGIN)
    except TooLongError:
        raise body_too_large(limit) from None


async def bounded_body(request: Request, limit: int) -> bytes:
    """The body of a request, not read any further than `limit`. Raises TooLongError."""
    length = whole_number(request.headers.get("content-length", "0"))
    if length is None or length > limit:
        raise TooLongError
    raw = bytearray()  # which grows in place, and stays what it is: to join or to copy a large one takes long
    async for piece in request.stream():
        raw += piece
        if len(raw) > limit:
            raise TooLongError
    return cast(bytes, raw)


async def read(request: Request, settings: ServerSettings) -> Call:
    """The call in a request: parameters from the query, JSON or parts, the path also from the URL.

    Raises ApiError (400, 413).
    """
    parameters: dict[str, Any] = dict(
        parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    )
    content: bytes | None = None
    json_body = False
    url_path = request.path_params.get("path")
    if url_path is not None:
        # The client escapes the slashes between segments: they arrive decoded here [REAL].
        parameters["path"] = f"/{url_path}"
        content = await body(request, settings.max_import_file_bytes)
    elif request.method == "POST":
        if is_multipart(request.headers.get("content-type", "")):
            content, texts = await read_parts(request, "content", settings.max_file_bytes)
            parameters.update(texts)
        else:
            json_body = True
            raw = await body(request, max(MAX_JSON, settings.max_json_bytes // 3 * 4))
            parameters.update(await beside(len(raw), partial(json_object, raw)))
    path = parameters.get("path", "/" if request.scope["path"] in WITHOUT_PATH else None)
    if not isinstance(path, str) or path == "":
        raise invalid("Missing required field: path")
    return call(request, spelled(path), parameters, content, json_body=json_body)


def call(
    request: Request, target: Spelling, parameters: Mapping[str, Any], content: bytes | None, *, json_body: bool = False
) -> Call:
    """The call that a request is, once it is known what it is about and what it holds."""
    return Call(
        method=request.method,
        endpoint=request.scope["path"],
        target=target,
        parameters=parameters,
        content=content,
        json_body=json_body,
        arrived=request.scope["extensions"][ARRIVED],
        gzip_accepted="gzip" in request.headers.get("accept-encoding", ""),
    )


async def read_parts(request: Request, name: str, limit: int) -> tuple[bytes | None, dict[str, str]]:
    """The part of that name of a multipart body, which is the content, and the others as texts. Raises ApiError."""
    whole = await body(request, limit)
    try:
        fields = await beside(len(whole), partial(parts, request.headers.get("content-type", ""), whole))
    except ValueError:
        # How the service words it is unknown.
        raise invalid("Could not parse the request: its parts are not valid.") from None
    content = fields.pop(name, None)
    return content, {name: value.decode("utf-8", "replace") for name, value in fields.items()}


def json_object(raw: bytes) -> Mapping[str, Any]:
    """The body whatever its content type: the legacy CLI sends JSON as text/json. Raises ApiError (400)."""
    document = parsed(raw or b"{}")
    if not isinstance(document, dict):
        raise malformed("it is not an object")
    return document


def response(answer: ApiAnswer, date: str) -> Response:
    """An answer as Starlette sends it, with a Date header."""
    return Pieces(answer.body, answer.status, {"Date": date, **answer.headers}, answer.media_type)


def refused(error: ApiError) -> Response:
    """The refusal as an answer of those endpoints that no fault concerns."""
    answer = refusal(error)
    return Response(answer.body, answer.status, answer.headers, answer.media_type)


class Pieces(Response):
    """An answer of any size, sent as fast as the client takes it: else the whole of it would be copied at once."""

    def render(self, content: Any) -> bytes | memoryview:
        """The body as it is sent."""
        return memoryview(content) if isinstance(content, bytearray) else super().render(content)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head, and the body a piece at a time."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = memoryview(self.body)
        for start in range(0, len(whole) or 1, PIECE):
            more = start + PIECE < len(whole)
            await send({"type": "http.response.body", "body": whole[start : start + PIECE], "more_body": more})


class Reset(Response):
    """No answer: the connection is reset under the client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends a reset (RST) instead of an answer."""
        transport = scope["extensions"][TRANSPORT]
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.fileno() != -1:  # the client may have closed it before
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        transport.abort()
        await _let_uvicorn_notice()


class Truncated(Response):
    """The head and a part of the body, then the end of the connection."""

    def __init__(self, whole: Response, keep: int) -> None:
        super().__init__(bytes(whole.body)[:keep], whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the beginning of the answer, and closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        scope["extensions"][TRANSPORT].close()
        await _let_uvicorn_notice()


async def _let_uvicorn_notice() -> None:
    """Lets uvicorn notice that the client is gone: else it complains about an unfinished answer."""
    for _ in range(3):
        await asyncio.sleep(0)
