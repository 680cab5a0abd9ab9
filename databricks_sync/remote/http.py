"""The transport: one place where the token is, one pace for all threads, one translation of errors.

databricks-sdk is the way to log in for everything but a plain token, which needs no import of it (measured:
0.9 s). Requests do not go over its client, because that one sends `import` and `delete` again on its own after a
dropped connection: a blind second write could land on top of somebody's edit. Here only reads are repeated; a
write whose outcome is unknown is raised as Unreachable, and the caller looks before it judges.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from itertools import chain
from math import isnan
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from databricks_sync import __version__
from databricks_sync.clock import CLOCK, Clock
from databricks_sync.errors import (
    AlreadyExists,
    BadAnswer,
    Denied,
    FolderFull,
    LoginError,
    NotEmpty,
    NotFound,
    SettingsError,
    Throttled,
    TooLarge,
    TypeMismatch,
    Unreachable,
    WorkspaceError,
    printable,
)
from databricks_sync.failpoints import reached
from databricks_sync.model import Login
from databricks_sync.system import CONNECTIONS

from .limits import LIMITS, BadBody, Limits, beginning
from .rate_limit import Permit, RateLimiter
from .transport import Failure, NoAnswer, Response, Transport

READ_ATTEMPTS = 5
_MESSAGE = 300
_CODE = re.compile(r"[A-Za-z0-9_]{1,80}")
_PLAIN = re.compile(r"\s*([A-Z][A-Z_]+): ([^\n]*)")
_LONGEST = 60.0  # seconds to wait after one 429, at most
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_SECRET = re.compile(r"[\w~+=-]{32,}")
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_DATES = 64  # letters; what is longer is no date
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EXISTS = re.compile(r"^Path \(.*\) already exists")

Headers = Callable[[], Mapping[str, str]]
T = TypeVar("T")
Header = Callable[[str], str]  # the value of a header; "" where there is none
Take = Callable[[Iterator[bytes], Header], T]  # what to make of the pieces of a body, and of the headers


class Answer(NamedTuple):
    data: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises Unreachable: a torn answer says nothing."""
        if _PAGE.match(self.data):
            raise page()
        try:
            document = json.loads(self.data) if self.data.strip() else {}
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Unreachable("The workspace sent an answer that is not JSON.", _AGAIN)
        return document


_AGAIN = "Run the command again; nothing is lost."
_ELSEWHERE = (
    "Check DATABRICKS_HOST, and whatever answers in its place here: a VPN's or a network's login page, a proxy."
)


def page() -> BadAnswer:
    """What to say of a web page that came from where the workspace's API should be."""
    return BadAnswer("What answered is a web page, such as a login page, and not a workspace.", _ELSEWHERE)


class Http:
    """Requests to one workspace, from any number of threads."""

    def __init__(self, host: str, headers: Headers, limits: Limits = LIMITS, clock: Clock = CLOCK) -> None:
        self.host = host
        self.clock = clock
        self.limits = limits
        self.transport = Transport(host, limits)
        self._headers = headers
        self._lock = threading.Lock()
        self._limiters: dict[str, RateLimiter] = {}
        self.requests = 0

    def read(self, path: str, query: Mapping[str, str], most: int = 0) -> Answer:
        """A GET, repeated within reason: reading twice harms nobody. Raises WorkspaceError, LoginError.

        The answer may have `most` bytes, or what one about a single thing may have.
        """
        return self.stream(path, query, _whole, most or self.limits.answer)

    def stream(self, path: str, query: Mapping[str, str], take: Take[T], most: int) -> T:
        """The same for a body too large to be held as a whole; `take` raises Unreachable where it is torn."""
        url = f"{path}?{urlencode(query)}"
        attempt, begun = 0, time.monotonic()
        while True:
            try:
                return self._once_taken(path, lambda permit: self._send("GET", url, permit, take, most))
            except BadAnswer:
                raise
            except Unreachable:
                attempt += 1
                if attempt == READ_ATTEMPTS or time.monotonic() > begun + self.limits.repeated:
                    raise
                import random

                self.clock.sleep(random.uniform(0.5, 1) * self.limits.again * 2**attempt)

    def write(
        self, path: str, body: bytes, content_type: str = "application/json", *, permit: Permit | None = None
    ) -> Answer:
        """A POST that is applied once at most; with a `permit` of one's own it is sent at once, and refused at once.

        Raises Unreachable (whether it was applied is unknown), Throttled (with a `permit`; it was not applied), another
        WorkspaceError, or LoginError.
        """

        def send(permit: Permit) -> Answer:
            return self._send("POST", path, permit, _word, self.limits.answer, body, content_type)

        if permit is None:
            return self._once_taken(path, send)
        with permit:
            return send(permit)

    def permit(self, path: str) -> Permit:
        """Waits until a request may go to an endpoint: for those who have to look there right before they write.

        Raises WorkspaceError where the endpoint has been refusing everything for too long.
        """
        endpoint = path.rpartition("/")[2]
        with self._lock:
            limiter = self._limiters.get(endpoint)
            if limiter is None:
                limiter = RateLimiter(endpoint, CONNECTIONS, self.limits.throttled, self.clock)
                self._limiters[endpoint] = limiter
        return limiter.acquire()

    def _once_taken(self, path: str, send: Callable[[Permit], T]) -> T:
        """Sends a request until it is not refused as one too many (429): refused is not applied."""
        while True:
            with self.permit(path) as permit:
                try:
                    return send(permit)
                except Throttled:
                    pass

    def _send(
        self,
        method: str,
        url: str,
        permit: Permit,
        take: Take[T],
        most: int,
        body: bytes | None = None,
        content_type: str = "",
    ) -> T:
        headers = {**self._login(), "User-Agent": f"databricks-branch-sync/{__version__}"}
        if body is not None:
            headers["Content-Type"] = content_type
        with self._lock:
            self.requests += 1
        reached(f"{method} {url.partition('?')[0]}")  # here, so that no change of the library hides a request
        try:
            with self.transport.request(method, url, headers, body) as response:
                if response.status == 429:
                    permit.refused(pause(response.header("Retry-After"), response.header("Date")))
                else:
                    permit.taken()
                if response.status >= 300:
                    raise translate(response.status, _beginning(response, self.limits.error), self.host)
                return take(response.pieces(most), response.header)
        except NoAnswer as error:
            raise Unreachable(*_no_answer(self.host, error.failure)) from None
        except BadBody as error:
            raise BadAnswer(f"{self.host} sent an answer that no workspace gives ({error}).", _ELSEWHERE) from None

    def _login(self) -> Mapping[str, str]:
        """The headers that say who we are; those of a login that expires are made anew now and then."""
        try:
            headers = self._headers()
            if not all(value.isascii() and value.isprintable() for value in headers.values()):
                raise ValueError("what it gave is no header")
            return headers
        except Exception as error:  # databricks-sdk raises what its many ways to log in raise
            raise LoginError(
                f"The login to {self.host} could not be renewed ({_reason(error)}).",
                "Log in again as before, for example with `databricks auth login` or `az login`.",
            ) from None


def _reason(error: Exception) -> str:
    """What an error says, in one line, without anything that could be a secret."""
    said = printable(next(iter(str(error).splitlines()), "") or type(error).__name__)
    return _SECRET.sub("***", said.split(". Config:")[0])[:_MESSAGE]


def _whole(pieces: Iterator[bytes], _: Header) -> Answer:
    return Answer(b"".join(pieces))


def _word(pieces: Iterator[bytes], _: Header) -> Answer:
    """What is said to a write: hardly anything, but a page is no word of the workspace's."""
    answer = Answer(b"".join(pieces))
    if _PAGE.match(answer.data):
        raise page()
    return answer


def no_page(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a body that is to be JSON. Raises BadAnswer where it is a page."""
    first = next(pieces, b"")
    if _PAGE.match(first):
        raise page()
    return chain((first,), pieces)


def _beginning(response: Response, most: int) -> bytes:
    """As much of an error as is read; nothing of one that cannot be."""
    try:
        return beginning(response.pieces(2 * most), most)
    except BadBody:
        return b""


def pause(said: str, date: str = "") -> float:
    """Seconds to wait after a 429: what Retry-After says, if anything, in seconds or as a date of the clock of `date`.

    At least none, and at most a minute.
    """
    try:
        seconds = float(said or 1)
    except ValueError:
        until, now = milliseconds(said), milliseconds(date)
        seconds = (until - now) / 1000 if until and now else 1.0
    return min(max(seconds, 0.0), _LONGEST) if not isnan(seconds) else 1.0


def milliseconds(date: str) -> int:
    """The time that an answer's Date says; 0 when it says none."""
    if len(date) > _DATES:
        return 0
    try:
        if usual := _DATE.fullmatch(date):
            day, month, *rest = usual.groups()
            year, hour, minute, second = map(int, rest)
            at = datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=timezone.utc)
        else:
            from email.utils import parsedate_to_datetime  # 8 ms, for forms of a date that hardly any server sends

            at = parsedate_to_datetime(date)
        return int(at.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return 0


def _no_answer(host: str, why: Failure) -> tuple[str, str]:
    if why is Failure.UNTRUSTED:
        return (
            f"The certificate of {host} is not trusted here.",
            "Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificates.",
        )
    if why is Failure.UNREACHED:
        return f"{host} cannot be reached.", "Check DATABRICKS_HOST and the network."
    if why is Failure.PROXY:
        return f"The proxy does not lead to {host}.", "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names who needs none."
    return f"{host} {'did not answer in time' if why is Failure.LATE else 'broke off the connection'}.", _AGAIN


def translate(status: int, body: bytes, host: str) -> WorkspaceError | LoginError:
    """The error that an answer means, by status and error_code; its text is only shown, and never trusted."""
    code, text = _error(body)
    said = f"The workspace answered {status}{f' {code}' if code else ''}{f': {text}' if text else ''}"

    def error(kind: type[WorkspaceError], hint: str = "") -> WorkspaceError:
        return kind(said.rstrip(".") + ".", hint, code=code, status=status)

    if status == 401 or (status == 403 and code in ("", "403") and "token" in text.lower()):
        return LoginError(
            f"{host} does not accept the token: it is wrong, expired or for another workspace.",
            "Make a new one in the workspace (Settings, Developer, Access tokens) and put it into DATABRICKS_TOKEN.",
        )
    if status == 429:
        return error(Throttled)
    if status in (408, 500, 502, 503, 504):
        return error(Unreachable, _AGAIN)
    if code in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS") or status == 409 or (not code and _EXISTS.search(text)):
        return error(AlreadyExists)
    if code == "DIRECTORY_NOT_EMPTY":
        return error(NotEmpty)
    if _too_large(code, text, body):
        return error(TooLarge)
    if code == "MAX_CHILD_NODE_SIZE_EXCEEDED":  # a 403 that has nothing to do with permissions
        return error(FolderFull, "Spread the files of that folder over several folders.")
    if _mismatch(code, text, body):
        return error(TypeMismatch)
    # Unknown is not absent: any other 404 (a disabled feature, a proxy's page) says nothing about the object.
    if status == 404 and code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
        return error(NotFound)
    if status == 403:
        return error(Denied, "Ask the folder's owner for the permission, or give another --target.")
    if 300 <= status < 400:
        return LoginError(f"{host} redirects elsewhere, so it is not a workspace.", "Correct DATABRICKS_HOST.")
    return error(WorkspaceError)


def _error(body: bytes) -> tuple[str, str]:
    """The error_code and the text of an error, in whichever of its shapes it comes."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        found = _PLAIN.match(body[:1000].decode("utf-8", "replace"))
        return (found[1], printable(found[2])[:_MESSAGE]) if found else ("", "")
    if not isinstance(document, dict):
        return "", ""
    text = str(document.get("message") or document.get("error") or document.get("detail") or "")
    code = str(document.get("error_code") or "")
    if not code and (found := _PLAIN.match(text)):  # SERVER: an import-file error of 2026 has its code in its text
        code, text = found[1], found[2]
    return (code if _CODE.fullmatch(code) else ""), printable(text)[:_MESSAGE]


def _too_large(code: str, text: str, body: bytes) -> bool:
    # SERVER: as an error_code, as a reason in the details, or as BAD_REQUEST with the limit in its text.
    sizes = ("MAX_NOTEBOOK_SIZE_EXCEEDED", "MAX_READ_SIZE_EXCEEDED")
    return code in sizes or any(size.encode() in body for size in sizes) or "exceeded max size (10485760" in text


def _mismatch(code: str, text: str, body: bytes) -> bool:
    # Newer backends give a reason; older ones only one of two texts (SERVER: seen 2026-06, rollout incomplete).
    return code == "INVALID_PARAMETER_VALUE" and (
        b"WORKSPACE_OBJECT_TYPE_MISMATCH" in body
        or "due to type mismatch" in text
        or "is different from the existing node type" in text
    )


def connect(login: Login, clock: Clock = CLOCK) -> Http:
    """A transport that is logged in. Raises SettingsError when there is no way to, Unreachable when nothing answers."""
    if login.token:
        bearer = {"Authorization": f"Bearer {login.token}"}
        return Http(login.host, lambda: bearer, clock=clock)
    _reach(login.host)
    return Http(login.host, _sdk_headers(login), clock=clock)


def _reach(host: str) -> None:
    """Raises Unreachable where nothing answers: databricks-sdk would ask for five minutes, and say nothing of it."""
    try:
        Http(host, dict).read("/.well-known/databricks-config", {})
    except (WorkspaceError, LoginError) as error:
        if isinstance(error, Unreachable) and not error.status:
            raise


def _sdk_headers(login: Login) -> Headers:
    login.withhold(os.environ)
    import logging

    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    from databricks.sdk.core import Config  # 0.9 s: only for those who log in by other ways than a token

    try:
        config = Config(host=login.host, profile=login.profile, **_attributes(Config.attributes(), login.variables))
        config.authenticate()
    except Exception as error:
        raise SettingsError(
            f"No way to log in to {login.host} was found ({_reason(error)}).",
            "Log in with `databricks auth login` or `az login`, or set DATABRICKS_TOKEN where the host is set.",
        ) from None
    return config.authenticate


def _attributes(known: Iterable[Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """The variables as the arguments of databricks-sdk's Config: what is in the environment, every child gets."""
    names = {name: one.name for one in known for name in (one.env, *getattr(one, "env_aliases", ())) if name}
    return {names[name]: value for name, value in variables.items() if name in names}
