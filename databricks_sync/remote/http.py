"""Requests to a workspace: one place where the token is, one rate limiter an endpoint, one translation of errors.

They do not go over databricks-sdk's client, because that one sends `import` and `delete` again on its own after a
dropped connection: a blind second write could land on top of somebody's edit. Here only reads are repeated; a
write whose outcome is unknown is raised as Unreachable, and the caller looks before it judges.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import chain
from math import isnan
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from databricks_sync import __version__, shell
from databricks_sync.errors import (
    Again,
    AlreadyExists,
    BadAnswer,
    Denied,
    LoginError,
    NotEmpty,
    NotFound,
    Throttled,
    TooLarge,
    TypeMismatch,
    Unreachable,
    WorkspaceError,
    printable,
)
from databricks_sync.failpoints import reached
from databricks_sync.system import CLOCK, CONNECTIONS, Clock

from .limits import LIMITS, BadBody, Limits, beginning
from .rate_limit import Permit, RateLimiter
from .transport import Failure, NoAnswer, Response, Transport

READ_ATTEMPTS = 5
_MESSAGE = 300
_CODE = re.compile(r"[A-Za-z0-9_]{1,80}")
_PLAIN = re.compile(r"\s*([A-Z][A-Z_]+): ([^\n]*)")
_MAX_RETRY_AFTER = 60.0  # seconds to wait after one 429
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_SECRET = re.compile(r"[\w~+=-]{32,}")
_DATE_LETTERS = 64  # what is longer is no date
_EXISTS = re.compile(r"^Path \(.*\) already exists")

Headers = Callable[[], Mapping[str, str]]
T = TypeVar("T")
Header = Callable[[str], str]  # the value of a header; "" where there is none
Take = Callable[[Iterator[bytes], Header], T]  # what to make of the pieces of a body, and of the headers


class Answer(NamedTuple):
    """The whole body of an answer."""

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
            raise Unreachable("The workspace sent an answer that is not JSON.", _OR_ELSEWHERE)
        return document


_AGAIN = Again("; nothing is lost.")
_OR_ELSEWHERE = Again("; if this stays, something else answers, such as the login page of a network, or a proxy.")
# Whose word it was, this layer does not know.
_HOST = "the address of the workspace (DATABRICKS_HOST, or the host of the profile)"
_ELSEWHERE = f"Check {_HOST}, and whether something else answers: the login page of a VPN or a network, or a proxy."


def page() -> BadAnswer:
    """What to say of a web page that came from where the workspace's API should be."""
    return BadAnswer("The answer is a web page, such as a login page, and not the answer of a workspace.", _ELSEWHERE)


class Http:
    """Requests to one workspace, from any number of threads. `requests` is how many were sent so far."""

    def __init__(self, host: str, headers: Headers, limits: Limits = LIMITS, clock: Clock = CLOCK) -> None:
        """`headers` are made anew for each request: a login may expire. Raises SettingsError as Transport does."""
        self.host = host
        self.clock = clock
        self.limits = limits
        self.transport = Transport(host, limits)
        self._headers = headers
        self._lock = threading.Lock()
        self._limiters: dict[str, RateLimiter] = {}
        self.requests = 0

    def close(self) -> None:
        """Ends the connections that no request uses."""
        self.transport.close()

    def read(self, path: str, query: Mapping[str, str], most: int = 0) -> Answer:
        """The answer to a GET, which is repeated within reason: reading twice harms nobody.

        The answer may have `most` bytes; 0: what one about a single thing may have. Raises WorkspaceError, LoginError.
        """
        return self.stream(path, query, _whole, most or self.limits.answer)

    def stream(self, path: str, query: Mapping[str, str], take: Take[T], most: int) -> T:
        """What `take` makes of the answer to a GET as it comes: for a body too large to be held as a whole.

        `take` is called again where a read is repeated, and raises Unreachable where the body cannot be read.
        """
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
        self,
        path: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        permit: Permit | None = None,
        method: str = "POST",
    ) -> Answer:
        """A POST, or a PUT, that is applied once at most; with a `permit` of one's own it is sent and refused at once.

        Raises Unreachable (whether it was applied is unknown), Throttled (with a `permit`; it was not applied), another
        WorkspaceError, or LoginError.
        """

        def send(permit: Permit) -> Answer:
            return self._send(method, path, permit, _word, self.limits.answer, body, content_type)

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
                raise ValueError("what it gave is not a header")
            return headers
        except Exception as error:  # databricks-sdk raises what its many ways to log in raise
            raise LoginError(
                f"The login to {self.host} could not be renewed ({reason(error)}).",
                "Log in again as before, for example with "
                f"`databricks auth login{shell.option('host', self.host)}` or `az login`.",
            ) from None


def reason(error: Exception) -> str:
    """The text of an error of databricks-sdk in one line, without anything that could be a secret."""
    text = printable(next(iter(str(error).splitlines()), "") or type(error).__name__)
    return _SECRET.sub("***", text.split(". Config:")[0])[:_MESSAGE]


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


def pause(retry_after: str, date: str = "") -> float:
    """Seconds to wait after a 429, from 0 to a minute; one second where its headers do not say.

    `retry_after` is its Retry-After: seconds, or a date of the clock that its `date` shows (RFC 9110, 10.2.3).
    """
    try:
        seconds = float(retry_after or 1)
    except ValueError:
        until, now = milliseconds(retry_after), milliseconds(date)
        seconds = (until - now) / 1000 if until and now else 1.0
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if not isnan(seconds) else 1.0


def milliseconds(date: str) -> int:
    """A date in an HTTP header as milliseconds since 1970; 0 where it is none, or is not there."""
    if len(date) > _DATE_LETTERS:
        return 0
    try:
        return int(parsedate_to_datetime(date).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return 0


def _no_answer(host: str, failure: Failure) -> tuple[str, str]:
    """The sentence and the hint for a request without an answer."""
    if failure is Failure.UNTRUSTED:
        return (
            f"The certificate of {host} is not trusted on this machine.",
            "Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificates.",
        )
    if failure is Failure.UNREACHED:
        return f"{host} cannot be reached.", f"Check {_HOST} and the network."
    if failure is Failure.PROXY:
        return (
            f"The proxy cannot reach {host}.",
            "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY lists hosts without a proxy.",
        )
    if failure is Failure.LATE:
        return f"{host} did not answer in time.", _AGAIN
    return f"The connection to {host} broke.", _AGAIN


def translate(status: int, body: bytes, host: str) -> WorkspaceError | LoginError:
    """The error that an answer means, by status and error_code; its text is only shown, and never trusted."""
    code, text = _error(body)
    sentence = f"The workspace answered {status}{f' {code}' if code else ''}{f': {text}' if text else ''}"

    def error(kind: type[WorkspaceError], hint: str = "") -> WorkspaceError:
        return kind(sentence.rstrip(".") + ".", hint, code=code, status=status)

    way_in = _way_in(text, host) if status in (401, 403) else ""
    if way_in and code in ("", str(status)):
        return LoginError(f"{sentence.rstrip('.')}.", way_in)
    if status == 401 or (status == 403 and code in ("", "403") and "token" in text.lower()):
        return LoginError(
            f"{host} does not accept the token: it is wrong, expired or for another workspace.",
            "Make a new one in the workspace (Settings, Developer, Access tokens) and put it where the old one is: "
            "DATABRICKS_TOKEN, or the profile.",
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
        return error(WorkspaceError, "Spread the files of that folder over several folders.")
    if _mismatch(code, text, body):
        return error(TypeMismatch)
    # Unknown is not absent: any other 404 (a disabled feature, a proxy's page) says nothing about the object.
    if status == 404 and code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
        return error(NotFound)
    if status == 403:
        elsewhere = _ELSEWHERE if _PAGE.match(body) else ""
        return error(
            Denied, way_in or elsewhere or "Ask the owner of the folder for permission, or give another --target."
        )
    if 300 <= status < 400:
        return LoginError(f"{host} redirects elsewhere, so it is not a workspace.", f"Correct {_HOST}.")
    return error(WorkspaceError)


# SERVER: these come with 401 or 403, and a code that says no more than the status (public reports of 2024 to 2026).
_IP_LIST = re.compile(r"(?i)\bIP (?:ACL|access list)|source IP address")
_DISABLED = re.compile(r"(?i)token\w*\b.*\b(?:disabled|not (?:enabled|allowed|permitted))|disabled\b.*\btoken")
_SCOPE = re.compile(r"(?i)\bscopes?\b")


def _way_in(text: str, host: str) -> str:
    """What to type where what is denied is no matter of a folder: this machine, this kind of token, this API."""
    if _IP_LIST.search(text):
        return "Connect to your company's network or VPN, or have this address added to the workspace's IP access list."
    if _DISABLED.search(text):
        command = f"databricks auth login{shell.option('host', host)}"
        return f"Type `{command}`, remove DATABRICKS_TOKEN, and name the new profile with --profile."
    if _SCOPE.search(text):
        return "Make a token with the scopes that this API needs, or with the scope all-apis."
    return ""


def _error(body: bytes) -> tuple[str, str]:
    """The error_code and the text of an error, in whichever of its shapes it comes."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        match = _PLAIN.match(body[:1000].decode("utf-8", "replace"))
        return (match[1], printable(match[2])[:_MESSAGE]) if match else ("", "")
    if not isinstance(document, dict):
        return "", ""
    text = str(document.get("message") or document.get("error") or document.get("detail") or "")
    code = str(document.get("error_code") or "")
    if not code and (match := _PLAIN.match(text)):  # SERVER: an import-file error of 2026 has its code in its text
        code, text = match[1], match[2]
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
