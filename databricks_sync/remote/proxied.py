"""Connections through a proxy: a tunnel to where TLS is spoken; for plain HTTP the proxy is told the whole address."""

from __future__ import annotations

import socket
import time
from base64 import b64encode
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, unquote, urlsplit

from .connections import Failure
from .direct import PORTS, Direct, dialled
from .limits import LIMITS, Limits

if TYPE_CHECKING:
    import ssl

_HEADERS = 2**16  # bytes of a proxy's word on a tunnel


class _NoWayThrough(ConnectionError):
    """The proxy cannot be reached, or does not let us through."""


class Proxied(Direct):
    def __init__(self, url: SplitResult, proxy: str, trusted: ssl.SSLContext | None, limits: Limits = LIMITS) -> None:
        """`proxy` is its URL, with a name and a password where it asks for them. Raises ValueError for others."""
        super().__init__(url, trusted if url.scheme == "https" else None, limits)
        to = urlsplit(proxy)
        user = unquote(to.netloc.rpartition("@")[0])
        self._who = {"Proxy-Authorization": f"Basic {b64encode(user.encode()).decode()}"} if user else {}
        if not to.hostname or to.scheme not in PORTS:
            raise ValueError("no proxy of ours")
        self._proxy = to.hostname, to.port or PORTS[to.scheme]
        self._proxy_trusted = trusted if to.scheme == "https" else None
        if self._trusted is None:
            self._prefix = f"http://{self._host}{self._prefix}"
            self._always |= self._who

    def why(self, error: Exception) -> Failure:
        return Failure.PROXY if isinstance(error, _NoWayThrough) else super().why(error)

    def _dial(self) -> socket.socket:
        try:
            connection = dialled(self._proxy, self._patience)
        except OSError as error:
            raise _NoWayThrough from error
        try:
            if self._proxy_trusted:
                connection = self._proxy_trusted.wrap_socket(connection, server_hostname=self._proxy[0])
            if self._trusted:
                self._tunnel(connection)
        except (OSError, UnicodeError) as error:
            connection.close()
            raise _NoWayThrough from error
        return connection

    def _tunnel(self, connection: socket.socket) -> None:
        """Asks for a way to the host: the proxy hears its name, and nothing else. Raises OSError where it refuses."""
        port, name = self._address[1], self._name if self._name.isascii() else self._name.encode("idna").decode()
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        said = {"Host": place, **self._who}
        lines = [f"CONNECT {place} HTTP/1.1", *(f"{key}: {value}" for key, value in said.items()), "\r\n"]
        due, heard = time.monotonic() + self._patience, b""
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        while b"\r\n\r\n" not in heard:
            piece = connection.recv(4096)
            heard += piece
            if not piece or len(heard) > _HEADERS or time.monotonic() > due:
                raise ConnectionAbortedError
        if not heard.startswith(b"HTTP/1.") or heard[9:10] != b"2":
            raise ConnectionRefusedError

    def _secured(self, connection: socket.socket, trusted: ssl.SSLContext) -> socket.socket:
        if not self._proxy_trusted:
            return super()._secured(connection, trusted)
        from urllib3.util.ssltransport import SSLTransport  # Python's own sockets cannot speak TLS within TLS

        return cast("socket.socket", SSLTransport(connection, trusted, self._name))
