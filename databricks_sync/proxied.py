"""Connections through a proxy. urllib3 knows how to speak to all of them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import exceptions

from .connections import CONNECT, CONNECTIONS, READ, Failure

_PIECE = 2**20


class Proxied:
    failures: tuple[type[Exception], ...] = (exceptions.HTTPError,)

    def __init__(self, host: str, proxy: str, trusted: ssl.SSLContext | None) -> None:
        """`proxy` is its URL, with a name and a password where it asks for them."""
        self.timeout = READ
        self._host = host
        user = unquote(urlsplit(proxy).netloc.rpartition("@")[0])
        self._pool = urllib3.ProxyManager(
            proxy,
            maxsize=CONNECTIONS,
            block=True,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=user) if user else None,
            ssl_context=trusted,
            proxy_ssl_context=trusted,
        )

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> _Reply:
        answer = self._pool.urlopen(
            method,
            self._host + path,
            body=body,
            headers=headers,
            # Redirects are not followed: they would carry the token to wherever they point.
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT, read=self.timeout),
            preload_content=False,
        )
        return _Reply(answer)

    def why(self, error: Exception) -> Failure:
        if isinstance(error, exceptions.ProxyError):
            return Failure.PROXY
        if isinstance(error, exceptions.SSLError):
            return Failure.UNTRUSTED
        return Failure.LATE if isinstance(error, exceptions.TimeoutError) else Failure.BROKEN


class _Reply:
    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status

    def header(self, name: str) -> str:
        return self._answer.headers.get(name, "")

    def pieces(self) -> Iterator[bytes]:
        return self._answer.stream(_PIECE)

    def __enter__(self) -> _Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()  # a connection whose answer was not read to its end cannot be used again
        self._answer.release_conn()
