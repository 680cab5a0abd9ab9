"""Connections over which a workspace is asked, and which of the two kinds: direct ones, or through a proxy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from databricks_sync.errors import SettingsError

from .limits import LIMITS, Limits

if TYPE_CHECKING:  # 9 ms, for nothing where the workspace is on this machine
    import ssl


class Failure(Enum):
    """Why there is no answer."""

    UNTRUSTED = "its certificate is not trusted"
    UNREACHED = "nobody took the call"
    PROXY = "the proxy could not be reached, or did not let us through"
    LATE = "it did not answer in time"
    BROKEN = "it broke off"


class Reply(Protocol):
    """An answer, whose body may still be on its way. Left before it is read to its end, it costs the connection."""

    status: int

    def header(self, name: str) -> str:
        """Its value; "" where there is none."""

    def pieces(self) -> Iterator[bytes]:
        """The body, as it comes; once. Raises what `Connections.failures` names, also where it is torn."""

    def __enter__(self) -> Reply: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Connections(Protocol):
    """To one host, kept open between requests, for any number of threads. Nothing is sent twice, or elsewhere."""

    timeout: float  # seconds without a byte of an answer
    failures: tuple[type[Exception], ...]

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Sends a request, of which `path` is quoted already. Raises what `failures` names."""

    def why(self, error: Exception) -> Failure:
        """What one of the `failures` means."""


def connections_to(host: str, limits: Limits = LIMITS) -> Connections:
    """Raises SettingsError where the certificates to trust cannot be read, or a proxy is none that we can use."""
    url = urlsplit(host)
    proxy = _proxy(url.scheme, url.hostname or "")
    trusted = _trusted() if "https" in (url.scheme, urlsplit(proxy).scheme) else None
    if not proxy:
        from .direct import Direct

        return Direct(url, trusted, limits)
    from .proxied import Proxied

    try:
        return Proxied(url, proxy, trusted, limits)
    except ValueError:  # no port, or another kind of proxy
        raise SettingsError(
            f"{url.scheme.upper()}_PROXY names no proxy that can be used here.",
            f"Write it as http://name:port, or let NO_PROXY name {url.hostname}.",
        ) from None


def _proxy(scheme: str, name: str) -> str:
    """The URL of the proxy to use for a host; "" for none."""
    # Windows and macOS have them in their settings too; to look there takes 20 ms.
    named = any(variable.lower().endswith("_proxy") for variable in os.environ)
    if not named and sys.platform not in ("win32", "darwin"):
        return ""
    from urllib.request import getproxies, proxy_bypass

    proxy = getproxies().get(scheme, "")
    if not proxy or proxy_bypass(name):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _trusted() -> ssl.SSLContext:
    """One for all connections: without it each one parses the bundle of certificates again."""
    import ssl

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
