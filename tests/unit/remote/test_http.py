"""What an error answer of the workspace means."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync import errors
from databricks_sync.errors import (
    AlreadyExists,
    Denied,
    LoginError,
    NotEmpty,
    NotFound,
    SyncError,
    Throttled,
    TooLarge,
    TypeMismatch,
    Unreachable,
    WorkspaceError,
)
from databricks_sync.model import Login
from databricks_sync.remote.auth import connect
from databricks_sync.remote.http import Answer, Headers, Http, milliseconds, pause, translate

HOST = "https://adb-1.7.azuredatabricks.net"
SIZE = "File size imported is (16777216 bytes), exceeded max size (10485760 bytes)"
REASON = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "WORKSPACE_OBJECT_TYPE_MISMATCH"}]
TOO_LARGE = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "MAX_READ_SIZE_EXCEEDED"}]

# workspace-api, section 6: situation, status, error_code, message -> class
ROWS = [
    ("missing path", 404, "RESOURCE_DOES_NOT_EXIST", "Path (/p) doesn't exist.", NotFound),
    ("parent missing", 404, "RESOURCE_DOES_NOT_EXIST", "The parent folder (/d) does not exist.", NotFound),
    ("exists", 400, "RESOURCE_ALREADY_EXISTS", "/p already exists. Please pass overwrite=true.", AlreadyExists),
    ("exists, two writers", 409, "ALREADY_EXISTS", "Node with name /p already exists.", AlreadyExists),
    ("file exists", 409, "", "Creating file failed. An item with path /p already exists", AlreadyExists),
    ("notebook exists", 400, "", "Path (/p) already exists.", AlreadyExists),
    ("notebook exists, newer", 400, "", "RESOURCE_ALREADY_EXISTS: /p already exists. Please", AlreadyExists),
    ("exists despite overwrite", 400, "RESOURCE_ALREADY_EXISTS", "Node named 'f' already exists", AlreadyExists),
    ("another type", 400, "INVALID_PARAMETER_VALUE", "Cannot overwrite /p due to type mismatch (asked:", TypeMismatch),
    ("another type, source view", 400, "INVALID_PARAMETER_VALUE",
     "Requested node type [FILE] is different from the existing node type [NOTEBOOK]", TypeMismatch),
    ("another value", 400, "INVALID_PARAMETER_VALUE", "The path is too long", WorkspaceError),
    ("not a zip", 400, "", "The zip archive contains no items.", WorkspaceError),
    ("not empty", 400, "DIRECTORY_NOT_EMPTY", "Folder (/p) is not empty", NotEmpty),
    ("protected", 403, "DIRECTORY_PROTECTED", "Folder (/Users/me) is protected", Denied),
    ("protected, 400", 400, "DIRECTORY_PROTECTED", "Folder (/Users/me) is protected", WorkspaceError),
    ("an object on the way", 400, "RESOURCE_ALREADY_EXISTS", "/p is not a folder", AlreadyExists),
    ("no permission", 403, "PERMISSION_DENIED", "me does not have Manage permissions on /p.", Denied),
    ("no permission on a token", 403, "PERMISSION_DENIED", "me may not use token /p.", Denied),
    ("folder full", 403, "MAX_CHILD_NODE_SIZE_EXCEEDED", "Size limit exceeded for folder '/d'.", WorkspaceError),
    ("too large", 400, "MAX_NOTEBOOK_SIZE_EXCEEDED", SIZE, TooLarge),
    ("too large to read", 400, "MAX_READ_SIZE_EXCEEDED", "", TooLarge),
    ("too large, older", 400, "BAD_REQUEST", SIZE, TooLarge),
    ("throttled", 429, "REQUEST_LIMIT_EXCEEDED", "", Throttled),
    ("throttled, exhausted", 429, "RESOURCE_EXHAUSTED", "", Throttled),
    ("throttled, bare", 429, "", "", Throttled),
    ("unavailable", 503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable.", Unreachable),
    ("gone wrong", 500, "INTERNAL_ERROR", "", Unreachable),
    ("bad gateway", 502, "", "", Unreachable),
    ("gateway timeout", 504, "DEADLINE_EXCEEDED", "", Unreachable),
    ("request timeout", 408, "", "", Unreachable),
    ("feature disabled", 404, "FEATURE_DISABLED", "Files in Workspace is disabled.", WorkspaceError),
    ("no such endpoint", 404, "ENDPOINT_NOT_FOUND", "Unsupported path", WorkspaceError),
    ("no such page", 404, "", "", WorkspaceError),
    ("not logged in", 401, "", "", LoginError),
    ("an expired token", 403, "403", "Invalid access token.", LoginError),
    ("a wrong token", 403, "", "Invalid Token", LoginError),
    ("elsewhere", 302, "", "", LoginError),
]  # fmt: skip


def body(code: str, message: str, **more: object) -> bytes:
    return json.dumps({"error_code": code, "message": message, **more}).encode()


@pytest.mark.parametrize(("status", "code", "message", "kind"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_translate(status: int, code: str, message: str, kind: type[SyncError]) -> None:
    """Each error of the workspace becomes exactly one class, by status and code."""
    assert type(translate(status, body(code, message), HOST)) is kind


@pytest.mark.parametrize(
    ("details", "kind"), [(REASON, TypeMismatch), (TOO_LARGE, TooLarge), ([], WorkspaceError), (None, WorkspaceError)]
)
def test_details_tell(details: object, kind: type[SyncError]) -> None:
    """Newer backends give the reason in the details."""
    answer = body("INVALID_PARAMETER_VALUE", "It did not work.", details=details)
    assert type(translate(400, answer, HOST)) is kind


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (b"", WorkspaceError, ""),
        (b"RESOURCE_ALREADY_EXISTS: /p exists", AlreadyExists, "/p exists"),
        (b'{"error": "Bad target"}', WorkspaceError, "Bad target"),
        (b'{"detail": "No such user", "status": "400", "scimType": "x"}', WorkspaceError, "No such user"),
        (b"<html><pre>nginx</pre></html>", WorkspaceError, ""),
        (b"[]", WorkspaceError, ""),
        (b"null", WorkspaceError, ""),
        (b"\xff\xfe", WorkspaceError, ""),
        (b'{"message": {"a": 1}, "error_code": 7}', WorkspaceError, "a"),
        (b'{"message"', WorkspaceError, ""),
    ],
)
def test_an_error_has_many_shapes(raw: bytes, kind: type[SyncError], text: str) -> None:
    """JSON of three kinds, text, HTML, nothing: each is one sentence."""
    error = translate(400, raw, HOST)
    assert type(error) is kind and text in error.message and "400" in error.message and "<" not in error.message


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 10_000], ids=["lists", "objects", "digits"])
def test_an_absurd_answer_is_no_traceback(raw: bytes) -> None:
    """An answer that exhausts the parser says nothing, like any torn one."""
    assert type(translate(400, raw, HOST)) is WorkspaceError
    with pytest.raises(Unreachable):
        Answer(raw).json()


@given(st.integers(300, 599), st.binary(max_size=40) | st.text(max_size=40).map(lambda text: body(text, text)))
def test_any_answer_is_one_error(status: int, raw: bytes) -> None:
    """Whatever comes back, it is an error of ours, in one printable line, with an exit code of the design."""
    error = translate(status, raw, HOST)
    assert error.exit_code in (2, 4) and len(error.message.splitlines()) == 1
    assert isinstance(error, LoginError) or error.status == status


def test_a_long_message_is_cut() -> None:
    """A page of text does not fill the screen, and control characters do not move its cursor."""
    error = translate(400, body("X", "\x1b[2J" + "y" * 5000), HOST)
    assert len(error.message) < 400 and "\x1b" not in error.message


@pytest.mark.parametrize(
    ("status", "code"), [(403, "MAX_CHILD_NODE_SIZE_EXCEEDED"), (403, "PERMISSION_DENIED"), (401, "")]
)
def test_what_can_be_done_is_said(status: int, code: str) -> None:
    """The errors that a person can do something about say what."""
    assert translate(status, body(code, "x"), HOST).hint


@pytest.mark.parametrize(
    ("status", "code", "text", "hint", "kind"),
    [
        (403, "403", "Source IP address: 192.0.2.1 is blocked by Databricks IP ACL", "IP access list", LoginError),
        (403, "PERMISSION_DENIED", "Source IP address: 192.0.2.1 is blocked", "IP access list", Denied),
        (403, "403", "Personal access tokens are disabled.", "databricks auth login", LoginError),
        (403, "403", "Provided OAuth token does not have required scopes: workspace", "scope", LoginError),
        (403, "PERMISSION_DENIED", "The token does not have the scope workspace", "scope", Denied),
        (403, "PERMISSION_DENIED", "me does not have Manage permissions on /p.", "owner of the folder", Denied),
    ],
)  # fmt: skip
def test_who_is_denied_is_told_what_is_in_the_way(
    status: int, code: str, text: str, hint: str, kind: type[SyncError]
) -> None:
    """An IP access list, a kind of token or a missing scope is no matter of the folder's owner."""
    error = translate(status, body(code, text), HOST)
    assert type(error) is kind and hint in error.hint and text.rstrip(".") in error.message


def test_a_page_that_denies_is_no_workspace() -> None:
    """A proxy's own page with a 403 is not taken for the word of a folder's owner."""
    assert "something else answers" in translate(403, b"<html>Forbidden</html>", HOST).hint


def test_the_code_and_status_are_kept() -> None:
    """Callers tell errors apart by their code, and never by their text."""
    error = translate(400, body("SOME_CODE", "x"), HOST)
    assert isinstance(error, WorkspaceError) and (error.code, error.status) == ("SOME_CODE", 400)


@pytest.mark.parametrize("raw", [b"{}", b"", b"  "])
def test_an_empty_answer_is_an_empty_object(raw: bytes) -> None:
    """The workspace says `{}`, or nothing at all, when there is nothing to say."""
    assert Answer(raw).json() == {}


@pytest.mark.parametrize("raw", [b"[]", b"{", b"<html>", b"\xff", b"1", b"null"])
def test_a_torn_answer_says_nothing(raw: bytes) -> None:
    """What is no JSON object is no answer."""
    with pytest.raises(Unreachable):
        Answer(raw).json()


def test_no_error_shows_the_token() -> None:
    """Whatever goes wrong on the way, the token is in no message, hint or printed form."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        login = Login(f"http://127.0.0.1:{free.getsockname()[1]}", "dapi-secret")
    http = connect(login)
    with pytest.raises(Unreachable) as caught:
        http.write("/api/2.0/workspace/import", b"")
    told = [translate(status, b"", login.host) for status in (401, 403, 404, 429, 500)] + [caught.value]
    assert not any("dapi-secret" in f"{error!r} {error} {error.hint} {error.__cause__!r}" for error in told)


@pytest.mark.parametrize("error", [ValueError("default auth: no refresh. Config: x"), OSError(""), KeyError("a\nb")])
@pytest.mark.parametrize("call", ["read", "write"])
def test_a_login_that_is_not_renewed(error: Exception, call: str) -> None:
    """Whatever is raised by what knows how to log in, it is an error of the login, in one sentence and with a hint."""
    http = Http("http://127.0.0.1:9", unable(error))
    with pytest.raises(LoginError) as caught:
        http.read("/x", {}) if call == "read" else http.write("/x", b"")
    assert "login to http://127.0.0.1:9" in caught.value.message and "az login" in caught.value.hint
    assert len(caught.value.message.splitlines()) == 1 and "Config" not in caught.value.message


@pytest.mark.parametrize(
    "secret", ["dapi" + "0123456789abcdef" * 2, "eyJhbGciOiJSUzI1NiIs" + "x" * 300], ids=["a token", "a JWT"]
)
def test_a_login_that_is_not_renewed_shows_no_secret(secret: str) -> None:
    """What a login says of its failure is shown without anything in it that could be a token."""
    with pytest.raises(LoginError) as caught:
        Http("http://127.0.0.1:9", unable(ValueError(f"token {secret} was refused"))).read("/x", {})
    assert secret not in caught.value.message and "was refused" in caught.value.message
    assert caught.value.__cause__ is None


def unable(error: Exception) -> Headers:
    def headers() -> dict[str, str]:
        raise error

    return headers


def test_every_error_has_an_exit_code_of_the_design() -> None:
    """2 usage and login, 3 valves, 4 the rest, 130 interrupted."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SyncError)]
    assert {kind.exit_code for kind in kinds} == {2, 3, 4, 130}
    assert all(kind.exit_code == 4 for kind in kinds if issubclass(kind, WorkspaceError))


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 01 Jan 1970 00:00:01 GMT", 1000),
        ("Thu, 1 Jan 1970 00:00:01 GMT", 1000),
        ("Thu, 01 Jan 1970 01:00:01 +0100", 1000),
        ("Thursday, 01-Jan-70 00:00:01 GMT", 1000),
        ("Thu, 32 Jan 1970 00:00:01 GMT", 0),
        ("Thu, 01 Foo 1970 00:00:01 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:60 GMT", 0),
        ("now", 0),
        ("", 0),
    ],
)
def test_dates(date: str, expected: int) -> None:
    """A date is understood in the usual form and in older ones; what is none proves nothing."""
    assert milliseconds(date) == expected


def test_a_date_is_not_read_at_any_length() -> None:
    """What is far too long for a date is none, and costs no time."""
    assert milliseconds("9 " * 1_000_000) == 0


NOW = "Thu, 01 Jan 1970 00:01:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", 1.0),
        ("7", 7.0),
        ("0", 0.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("3600", 60.0),
        ("9" * 5000, 60.0),
        ("inf", 60.0),
        ("-inf", 0.0),
        ("nan", 1.0),
        ("soon", 1.0),
        ("Thu, 01 Jan 1970 00:01:09 GMT", 9.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Thu, 01 Jan 2970 00:00:00 GMT", 60.0),
        ("Thu, 32 Jan 1970 00:00:00 GMT", 1.0),
    ],
)
def test_retry_after(said: str, seconds: float) -> None:
    """Whatever Retry-After says, in whichever form, there is a sensible time to wait."""
    assert pause(said, NOW) == seconds


@given(st.text(max_size=20) | st.floats().map(str) | st.integers().map(str), st.text(max_size=20) | st.just(NOW))
def test_any_retry_after_is_a_time(said: str, date: str) -> None:
    """Nothing that a server could say makes a pause that has no end, or is no number."""
    assert 0 <= pause(said, date) <= 60
