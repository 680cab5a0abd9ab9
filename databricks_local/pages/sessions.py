"""Who may see the page: logging in with the token, and what keeps other sites out.

The address. A site whose name was made to point to this machine (DNS rebinding) still says its own name in `Host`:
only loopback names with our port are answered.
The session. A random identifier in a cookie that scripts cannot read and other sites cannot send. Cookies know no
ports, so its name has ours: two servers on one machine do not log each other out.
The form. Another server on this machine counts as the same site, so every POST must come from our own origin and
carry the session's CSRF token. The form that logs in has no session yet: it carries the token itself.

The link. `serve` prints an address with a code that opens one session, once and for ten minutes. It is not the token,
and worth nothing afterwards; whoever looks at the address without opening it, as a preview does, does not use it up.

Sessions live in memory and end with the server.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

MAX_SESSIONS = 100
MAX_CODES = 10
CODE_S = 600
NAMES = ("127.0.0.1", "localhost", "[::1]")


class Sessions:
    """The CSRF token of each session, which stands in all of its forms.

    By the hash of the session's identifier, so that the time of a look-up tells nothing about identifiers.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, str] = OrderedDict()

    def begin(self, request: Request, response: Response) -> None:
        """A new session for the browser that gets `response`; the oldest ends when there are too many."""
        identifier = secrets.token_urlsafe(32)
        self._open[_hashed(identifier)] = secrets.token_urlsafe(32)
        if len(self._open) > MAX_SESSIONS:
            self._open.popitem(last=False)
        response.set_cookie(_cookie(request), identifier, httponly=True, samesite="strict", path="/")

    def csrf(self, request: Request) -> str | None:
        """The CSRF token of the browser's session; None when it has none."""
        identifier = request.cookies.get(_cookie(request))
        return self._open.get(_hashed(identifier)) if identifier else None

    def end(self, request: Request, response: Response) -> None:
        """The browser's session is over; nothing when it has none."""
        self._open.pop(_hashed(request.cookies.get(_cookie(request), "")), None)
        response.delete_cookie(_cookie(request), httponly=True, samesite="strict", path="/")


class LoginCodes:
    """Codes that log in once, by their hashes; `now` is in seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends: OrderedDict[str, float] = OrderedDict()

    def new(self) -> str:
        """A new code; the oldest is void when there are too many."""
        code = secrets.token_urlsafe(32)
        self._ends[_hashed(code)] = self._now() + CODE_S
        if len(self._ends) > MAX_CODES:
            self._ends.popitem(last=False)
        return code

    def use(self, code: str) -> bool:
        """Whether a code is still good; it is not any more."""
        return self._ends.pop(_hashed(code), 0.0) > self._now()


def is_look_ahead(request: Request) -> bool:
    """Whether a browser only fetches what a person may open next."""
    return request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", "").lower()


def is_form_of(csrf: str, form: Mapping[str, str]) -> bool:
    """Whether a form carries the CSRF token of its session."""
    return hmac.compare_digest(form.get("csrf", "").encode(), csrf.encode())


def is_addressed_to_us(request: Request) -> bool:
    """Whether `Host` is a name of this machine with our own port."""
    port = _port(request)
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    return request.headers.get("host", "").lower() in hosts


def is_for_loopback(request: Request) -> bool:
    """Whether the name asked for, with whatever port, is this machine's own. A site's own name never is."""
    name = request.headers.get("host", "").lower()
    return (name[: name.rfind(":")] if name.rpartition(":")[2].isdigit() else name) in NAMES


def is_from_us(request: Request) -> bool:
    """Browsers name the origin of every POST; what names none is no browser, and has no cookie to abuse."""
    origin = request.headers.get("origin")
    return origin is None or origin.lower() == f"http://{request.headers.get('host', '').lower()}"


def local_path(path: str) -> str:
    """Where to go after logging in: a path of ours, never another site."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


def _port(request: Request) -> int:
    server = request.scope.get("server")
    return int(server[1]) if server else 0


def _cookie(request: Request) -> str:
    return f"databricks_local_{_port(request)}"


def _hashed(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogateescape")).hexdigest()
