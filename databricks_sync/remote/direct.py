"""Connections to the host itself, over HTTP/1.1; httptools, Node.js's parser in C, reads the answers.

urllib3 takes three times as long for a request, mostly in reading headers, and in that time fifty threads wait for
each other: that is a tenth of a first push, and a fifth of the processor time of each command that does nothing.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult

import httptools

from .connections import Failure
from .limits import LIMITS, Limits

if TYPE_CHECKING:
    import ssl

PORTS = {"http": 80, "https": 443}
_PIECE = 2**14  # bytes, as much as TLS gives at once; more takes memory for each thread, and time to get it
_HEADERS = 2**18  # bytes of headers, of words before an answer, and of what is between the pieces of its body
_QUIET = 0.01  # seconds; a look at whether a connection was given up costs as much as sending a request over it
_NO_ANSWER = (httptools.HttpParserError, httptools.HttpParserUpgrade)  # the latter: something else than HTTP follows


class Unreached(ConnectionError):
    """There is no connection."""


class Direct:
    failures: tuple[type[Exception], ...] = (OSError, *_NO_ANSWER)

    def __init__(self, url: SplitResult, trusted: ssl.SSLContext | None, limits: Limits = LIMITS) -> None:
        self.timeout = limits.silence
        self._patience = limits.connect
        self._rate = limits.rate
        self._name = url.hostname or ""
        # As bytes where it is ASCII: for any text Python loads what other names are spelled with, which takes 3 ms.
        spelled = self._name.encode() if self._name.isascii() else self._name
        self._address = cast("str", spelled), url.port or PORTS[url.scheme]
        self._host = url.netloc.rpartition("@")[2]
        self._prefix = url.path.rstrip("/")
        self._always = {"Host": self._host, "Accept-Encoding": "identity"}
        self._trusted = trusted
        self._free: list[_Connection] = []

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> _Reply:
        said = {**self._always, **headers}
        if body is not None:
            said["Content-Length"] = str(len(body))
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
        connection = self._connection()
        try:
            connection.send("\r\n".join((*lines, "\r\n")).encode("latin-1") + (body or b""))
            return _Reply(connection, self._free)
        except BaseException:
            connection.close()
            raise

    def why(self, error: Exception) -> Failure:
        if isinstance(error, Unreached):
            return Failure.UNREACHED
        import ssl

        if isinstance(error, ssl.SSLCertVerificationError):
            return Failure.UNTRUSTED
        return Failure.LATE if isinstance(error, TimeoutError) else Failure.BROKEN

    def _connection(self) -> _Connection:
        while True:
            try:
                connection = self._free.pop()  # the one that was used last
            except IndexError:
                return self._another()
            if connection.usable():
                return connection
            connection.close()

    def _another(self) -> _Connection:
        connection = self._dial()
        try:
            if self._trusted:
                connection = self._secured(connection, self._trusted)
            connection.settimeout(self.timeout)
        except BaseException:
            connection.close()
            raise
        return _Connection(connection, self.timeout, self._rate)

    def _dial(self) -> socket.socket:
        return dialled(self._address, self._patience)

    def _secured(self, connection: socket.socket, trusted: ssl.SSLContext) -> socket.socket:
        return trusted.wrap_socket(connection, server_hostname=self._name)


def dialled(address: tuple[str, int], patience: float) -> socket.socket:
    """A connection to a host. Raises TimeoutError, or Unreached where there is nobody."""
    try:
        connection = socket.create_connection(address, patience)
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:  # the latter of what cannot be a name
        raise Unreached from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class _Connection:
    """One that is used by one thread at a time. No request may take for ever: see limits.py."""

    def __init__(self, connection: socket.socket, silence: float, rate: int) -> None:
        self.lasting = True  # whether another request may follow
        self._socket = connection
        self._silence = silence
        self._rate = rate
        self._used = self._due = time.monotonic()

    def send(self, data: bytes) -> None:
        """Begins a request."""
        self._due = time.monotonic() + self._silence
        try:
            sent = self._socket.send(data)
            self.went(sent)
            while sent < len(data):
                self._in_time()
                more = self._socket.send(memoryview(data)[sent:])
                sent += more
                self.went(more)
        except ConnectionError:
            self.lasting = False  # but whoever did not hear all of it may have answered

    def receive(self) -> bytes:
        self._used = self._in_time()
        return self._socket.recv(_PIECE)

    def went(self, count: int) -> None:
        """So many bytes more of what was to be carried, there or back."""
        self._due += count / self._rate

    def _in_time(self) -> float:
        now = time.monotonic()
        if now > self._due:
            raise TimeoutError
        return now

    def usable(self) -> bool:
        """Whether nothing came since the last answer: that could only be a farewell."""
        if time.monotonic() - self._used < _QUIET:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return not selector.select(0)

    def close(self) -> None:
        self._socket.close()


class _Reply:
    def __init__(self, connection: _Connection, free: list[_Connection]) -> None:
        self.status = 0
        self._connection = connection
        self._free = free
        self._headers: dict[str, str] = {}
        self._idle = 0  # bytes that came and are no body, but for as many as were
        self._body: deque[bytes] = deque()
        self._complete = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        while not self.status:
            self._receive()

    def header(self, name: str) -> str:
        return self._headers.get(name.lower(), "")

    def pieces(self) -> Iterator[bytes]:
        while self._body or not self._complete:
            if self._body:
                yield self._body.popleft()
            else:
                self._receive()

    def __enter__(self) -> _Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self._parser = None  # each knows the other, and only the garbage collector would part them
        if self._complete and self._connection.lasting:
            self._free.append(self._connection)
        else:
            self._connection.close()

    def _receive(self) -> None:
        assert self._parser
        data = self._connection.receive()
        if not data:
            self._ended()
            return
        self._idle += len(data)
        try:
            self._parser.feed_data(data)
        except _NO_ANSWER:
            if not self._complete:
                raise
            self._connection.lasting = False
        if self._idle > _HEADERS:
            raise ConnectionAbortedError

    def _ended(self) -> None:
        """The end of the connection ends an answer that does not say how long it is."""
        told = "content-length" in self._headers or "chunked" in self.header("Transfer-Encoding").lower()
        if not self.status or told:
            raise ConnectionResetError
        self._complete, self._connection.lasting = True, False

    # --- what httptools calls -------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:  # nobody asked for it, and the next request would take it for its answer
            raise ConnectionAbortedError

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # else what follows the body
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        assert self._parser
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            if self.header("Transfer-Encoding").lower() not in ("", "chunked"):
                raise ConnectionAbortedError
        else:  # a word before the answer
            self._headers.clear()

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)
        length = len(piece)
        self._idle = max(self._idle - 2 * length, 0)
        self._connection.went(length)

    def on_message_complete(self) -> None:
        assert self._parser
        if self.status:
            self._complete = True
            self._connection.lasting &= self._parser.should_keep_alive()
