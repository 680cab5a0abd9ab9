"""Connections to one host over HTTP/1.1, kept open between requests; Python's `http.client` writes and reads them.

What `http.client` leaves open is closed here, below it and after it:

- Time and memory. It reads and writes a `_Line`, which looks at the clock whenever something goes or comes, and counts
  what comes besides bodies: see limits.py.
- Truth. For `http.client` the end of a connection also ends headers, and a length that is none is no length. Here a
  connection may end only an answer that names no length, and an answer of two minds about its length is none.
- Once. Nothing is sent again, and no redirect is followed: whoever asked knows whether a request may be repeated.
- Leftovers. Where something came after an answer, or an answer was left before its end, the connection is not used
  again: the next request would take the rest for its answer.

Why this library: libcurl sends a POST a second time where a connection that was kept open breaks, without telling, and
takes an answer that ends within its headers for a whole one; tests keep that we do neither. For 2,000 uploads by 50
threads urllib3 took twice the processor time. HTTP/2 would need a third library, and was not measured.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from http.client import HTTPConnection, HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from databricks_sync.errors import SettingsError

from .encoding import decoded
from .limits import LIMITS, Limits, bounded

PORTS = {"http": 80, "https": 443}
_PIECE = 2**14  # bytes, as much as TLS gives at once; more takes memory for each thread, and time to get it
_SLICE = 2**16  # bytes that are sent between two looks at the clock
_OVERHEAD = 2**18  # bytes of headers, of words before an answer, and of what is between the pieces of its body

T = TypeVar("T")


class Failure(Enum):
    """Why there is no answer."""

    UNTRUSTED = "its certificate is not trusted"
    UNREACHED = "the connection was refused"
    PROXY = "the proxy could not be reached, or refused the connection"
    LATE = "it did not answer in time"
    BROKEN = "the connection broke"


class NoAnswer(Exception):
    """A request without an answer. Unless it was UNTRUSTED, UNREACHED or PROXY, the host may have applied it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class Transport:
    """Requests to one host, from any number of threads; each has a connection for itself while it is under way."""

    def __init__(self, host: str, limits: Limits = LIMITS) -> None:
        """`host`: the beginning of each URL, such as https://adb-1.7.azuredatabricks.net.

        Raises SettingsError where the certificates to trust cannot be read, or a proxy is none that can be used.
        """
        url = urlsplit(host)
        self.limits = limits
        self._host = _ascii(url.netloc.rpartition("@")[2])
        self._name = urlsplit(f"//{self._host}").hostname or ""
        self._port = url.port or PORTS[url.scheme]
        self._tls = url.scheme == "https"
        self._proxy = _proxy(url.scheme, self._name)
        self._prefix = url.path.rstrip("/")
        self._headers = {"Host": self._host}
        if self._proxy and not self._tls:
            self._prefix = f"http://{self._host}{self._prefix}"
            self._headers |= _authorization(self._proxy)
        self._trusted = _trusted() if self._tls or (self._proxy and self._proxy.scheme == "https") else None
        self._free: list[_Connection] = []

    @contextmanager
    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Iterator[Response]:
        """Sends a request, once; the answer's body may still be on its way inside the `with` block.

        `path` is quoted already, and no header may hold a line end. A block that is left before all of the body was
        read costs the connection. Raises NoAnswer, inside the block as well.
        """
        connection = None
        try:
            connection = self._idle() or self._connect()
            response = connection.exchange(
                method, self._prefix + path, {**self._headers, **headers}, body, self.limits.silence
            )
            yield response
            if response.whole and connection.line.lasting:
                response.close()
                self._free.append(connection)
                connection = None
        except (OSError, HTTPException) as error:
            raise NoAnswer(_failure(error)) from None
        finally:
            if connection:
                connection.close()

    def close(self) -> None:
        """Closes the connections that no request uses; what is asked later gets a new one."""
        while self._free:
            self._free.pop().close()

    def _idle(self) -> _Connection | None:
        """The open connection that was used last."""
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return None
            if connection.line.is_quiet():
                return connection
            connection.close()

    def _connect(self) -> _Connection:
        connection = _Connection(_Line(self._dial(), self.limits))
        line = connection.line
        try:
            if self._proxy:
                try:
                    if self._trusted and self._proxy.scheme == "https":
                        line.secure(self._trusted, self._proxy.hostname or "")
                    if self._tls:
                        self._tunnel(connection, self._proxy)
                except (OSError, HTTPException):
                    raise NoAnswer(Failure.PROXY) from None
            if self._trusted and self._tls:
                line.secure(self._trusted, self._name)
            line.settle()
        except BaseException:
            connection.close()
            raise
        return connection

    def _dial(self) -> socket.socket:
        name, port = self._name, self._port
        if self._proxy:
            name, port = self._proxy.hostname or "", self._proxy.port or PORTS[self._proxy.scheme]
        try:
            connection = socket.create_connection((name, port), self.limits.connect)
        except (OSError, UnicodeError) as error:  # the latter of what cannot be a name
            if isinstance(error, TimeoutError) and not self._proxy:
                raise
            raise NoAnswer(Failure.PROXY if self._proxy else Failure.UNREACHED) from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _tunnel(self, connection: _Connection, proxy: SplitResult) -> None:
        """Asks for a way to the host: the proxy hears its name, and nothing else. Raises OSError where it refuses."""
        place = f"[{self._name}]:{self._port}" if ":" in self._name else f"{self._name}:{self._port}"
        headers = {"Host": place, **_authorization(proxy)}
        response = connection.exchange("CONNECT", place, headers, None, self.limits.connect)
        if response.status // 100 != 2:
            raise ConnectionRefusedError
        response.close()


class Response(HTTPResponse):
    """An answer, as far as it came: its `status`, its headers, and then its body."""

    whole = False  # whether all of the body was read, and the connection goes on
    fp: _Reader

    def begin(self) -> None:
        """Reads the headers. Raises OSError or HTTPException where they are none, or not clear about the body."""
        super().begin()
        while self.status // 100 == 1 and self.status != 101:  # words before the answer
            self.headers = None  # type: ignore[assignment]
            super().begin()
        lengths, coding = self.headers.get_all("Content-Length", []), self.headers.get("Transfer-Encoding", "")
        ambiguous = len(lengths) > 1 or (lengths and coding) or coding.lower() not in ("", "chunked")
        if ambiguous or (lengths and self.length is None) or self.headers.defects or self.status == 101:
            raise ConnectionAbortedError
        line = self.fp.line
        line.may_end = self.length is None and not self.chunked
        line.lasting = line.lasting and not self.will_close
        self.will_close = False  # else http.client would close the connection before the body was read

    def header(self, name: str) -> str:
        """The value of a header; "" where there is none."""
        return self.getheader(name) or ""

    def pieces(self, most: int) -> Iterator[bytes]:
        """The body as it comes, unpacked; once. Raises BadBody where it has more than `most` bytes, packed or not."""
        return bounded(decoded(bounded(self._pieces(), most), self.header("Content-Encoding")), most)

    def _pieces(self) -> Iterator[bytes]:
        line = self.fp.line
        while piece := self.read1(_PIECE):
            line.carried(len(piece))
            yield piece
        self.whole = True


class _Connection(HTTPConnection):
    """One that is used by one thread at a time."""

    response_class = Response
    auto_open = 0

    def __init__(self, line: _Line) -> None:
        super().__init__("")  # of no name, as it connects to nobody itself
        self.line = line
        self.sock: Any = line  # of which http.client takes `makefile` and `close`
        self._unsent: list[bytes] = []

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: float
    ) -> Response:
        """Sends a request, and reads the headers of its answer. Raises OSError, HTTPException."""
        self.line.start(patience)
        self.request(method, url, body, headers)
        self.line.send(b"".join(self._unsent))
        self._unsent.clear()
        response = self.getresponse()
        assert isinstance(response, Response)
        return response

    def send(self, data: Any) -> None:
        """What http.client calls for the headers, and again for the body: two system calls where one is enough."""
        self._unsent.append(data)


class _Line(RawIOBase):
    """A socket on which nothing takes for ever: see limits.py."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        super().__init__()
        self.reader = _Reader(self, _PIECE)
        self.lasting = True  # whether another request may follow
        self.may_end = False  # whether the end of the connection is the end of the answer
        self._limits = limits
        self._socket: socket.socket | _TlsWithinTls = connection
        self._silence = limits.connect  # seconds without a byte
        self._overhead = 0  # bytes that came and are no body, but for as many as were
        self._due = 0.0

    def start(self, patience: float) -> None:
        """A request begins: `patience` seconds, and more for all that goes and comes."""
        self._due = time.monotonic() + patience
        self._overhead, self.may_end = 0, False

    def carried(self, count: int) -> None:
        """So many bytes more of a body went, or came."""
        self._due += count / self._limits.rate
        self._overhead = max(self._overhead - 2 * count, 0)

    def send(self, data: bytes) -> None:
        """Sends all of it. Raises OSError; where the other side does not want it all, its answer may still come."""
        view, sent = memoryview(data), 0
        try:
            while sent < len(view):
                self._in_time()
                count = self._socket.send(view[sent : sent + _SLICE])
                sent += count
                self._due += count / self._limits.rate
        except ConnectionError:
            self.lasting = False

    def secure(self, trusted: ssl.SSLContext, name: str) -> None:
        """From now on TLS is spoken. Raises OSError."""
        if not self.is_quiet():
            raise ConnectionAbortedError  # else what a proxy says would be taken for the host's, as if it were secret
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket = _TlsWithinTls(self._socket, trusted, name, self._in_time)
        elif isinstance(self._socket, socket.socket):
            self._socket = trusted.wrap_socket(self._socket, server_hostname=name)

    def settle(self) -> None:
        """The connection stands; from now on it is the host's, and waited for longer."""
        self.lasting, self._silence = True, self._limits.silence
        self._socket.settimeout(self._silence)

    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer: that could only be a farewell, or what nobody asked for."""
        self.start(self._silence)
        try:
            self._socket.settimeout(0)
            self.reader.peek()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        finally:
            self._socket.settimeout(self._silence)
        return False

    def _in_time(self) -> None:
        if time.monotonic() > self._due:
            raise TimeoutError

    # --- what http.client calls -----------------------------------------------------------------------------

    def makefile(self, _mode: str) -> _Reader:
        return self.reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._in_time()
        count = self._socket.recv_into(buffer)
        self._overhead += count
        if self._overhead > _OVERHEAD:
            raise ConnectionAbortedError
        if not count and not self.may_end:
            raise ConnectionResetError
        return count

    def close(self) -> None:
        self._socket.close()  # and for http.client, which still closes the answer, this is no closed file


class _Reader(BufferedReader):
    """What came over a line and was not read yet; http.client closes it after each answer, and the line goes on."""

    def __init__(self, line: _Line, size: int) -> None:
        super().__init__(line, size)
        self.line = line

    def close(self) -> None:
        pass


class _TlsWithinTls:
    """TLS to a host through a proxy that is spoken to over TLS: Python's own sockets do not go into each other."""

    def __init__(self, outer: ssl.SSLSocket, trusted: ssl.SSLContext, name: str, in_time: Callable[[], None]) -> None:
        self._outer = outer
        self._in_time = in_time
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = trusted.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._carry(self._inner.do_handshake)

    def _carry(self, act: Callable[[], T]) -> T:
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self._outer.sendall(self._outgoing.read())
            else:
                self._outer.sendall(self._outgoing.read())
                return result
            self._in_time()
            if data := self._outer.recv(_PIECE):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def send(self, data: memoryview) -> int:
        return self._carry(lambda: self._inner.write(data))

    def recv_into(self, buffer: memoryview) -> int:
        try:
            data = self._carry(lambda: self._inner.read(len(buffer)))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0
        buffer[: len(data)] = data
        return len(data)

    def settimeout(self, seconds: float) -> None:
        self._outer.settimeout(seconds)

    def close(self) -> None:
        self._outer.close()


def _failure(error: Exception) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure.UNTRUSTED
    return Failure.LATE if isinstance(error, TimeoutError) else Failure.BROKEN


def _ascii(name: str) -> str:
    """A host as it goes over the wire; one that cannot be a name stays, and is not found."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def _authorization(proxy: SplitResult) -> dict[str, str]:
    """The header with the name and the password that a proxy's URL has, if any."""
    user = unquote(proxy.netloc.rpartition("@")[0])
    return {"Proxy-Authorization": f"Basic {b64encode(user.encode()).decode()}"} if user else {}


def _proxy(scheme: str, name: str) -> SplitResult | None:
    """The proxy to use for a host, if any. Raises SettingsError for one of another kind."""
    # Windows and macOS have them in their settings too; to look there takes 20 ms.
    if sys.platform not in ("win32", "darwin") and not any(key.lower().endswith("_proxy") for key in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    address = getproxies().get(scheme, "")
    if not address or proxy_bypass(name):
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    try:
        usable = proxy.scheme in PORTS and proxy.hostname and proxy.port != 0
    except ValueError:  # the port is no number
        usable = False
    if not usable:
        raise SettingsError(
            f"{scheme.upper()}_PROXY is not the address of a usable proxy.",
            f"Write it as http://name:port, or add {name} to NO_PROXY.",
        )
    return proxy


def _trusted() -> ssl.SSLContext:
    """The certificates to trust. One for all connections: without it each one parses the bundle again."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    if not bundle:
        import certifi

        bundle = certifi.where()
    try:
        return ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"The certificates in {bundle} cannot be read.", "Correct REQUESTS_CA_BUNDLE or SSL_CERT_FILE."
        ) from None
