"""Who shows no token gets nothing, and can make the server hold, read and remember next to nothing."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.routing import Route

from databricks_local.core.settings import ServerSettings
from databricks_local.pages.site import MAX_NEXT, MAX_UNSAVED
from databricks_local.protocol import pipeline as limits
from databricks_local.protocol.bodies import MAX_FORM
from databricks_local.protocol.pipeline import Pipeline
from databricks_local.protocol.wire import MAX_DISCARDED, MAX_HEAD
from databricks_local.server.app import routes
from databricks_local.services import Services
from databricks_local.workspace.store import opened
from databricks_local.workspace.tree import LocalWorkspace

from .client import HEADER, Local
from .page import Visitor, read

# What everybody may see: the form to log in with, and how. All else is refused, or leads to that form.
PUBLIC = {
    ("GET", "/login"),
    ("GET", "/style.css"),
    ("GET", "/editor.js"),
    ("GET", "/.well-known/databricks-config"),
    ("GET", "/oidc/.well-known/oauth-authorization-server"),
}
LEADS_ON = {("GET", "/mlflow"), ("GET", "/ml/{path:path}"), ("POST", "/logout")}
ONCE = {("GET", "/login/once"): {403}, ("HEAD", "/login/once"): {425}}  # a link that is good no more
FORMS = {("POST", "/login"): {403}, ("POST", "/oidc/v1/token"): {400}}
WRONG = {
    "none": {},
    "empty": {"Authorization": ""},
    "an empty token": {"Authorization": "Bearer "},
    "a wrong token": {"Authorization": "Bearer wrong"},
    "another kind": {"Authorization": "Basic bWU6cHc="},
    "a made-up session": {"Cookie": "databricks_local_{port}=x"},
}
MIB = 2**20


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, str]]]:
    """Method and path of every route that the application has, as it has them itself."""
    folder = tmp_path_factory.mktemp("routes")
    store = opened(folder / "workspace.sqlite")
    pipeline = Pipeline(LocalWorkspace(store, ServerSettings(), time.monotonic), "t", folder)
    services = Services(pipeline, "http://127.0.0.1:1", "t")
    found = routes(pipeline, services)
    assert all(isinstance(one, Route) for one in found)
    yield [(method, one.path) for one in found if isinstance(one, Route) for method in sorted(one.methods or {"GET"})]
    services.close()
    store.close()


def url_of(path: str) -> str:
    return re.sub(r"\{\w+:path\}", "a/b", re.sub(r"\{\w+:int\}", "1", path))


def expected(method: str, path: str, shown: str) -> set[int]:
    """The answers that a request without the token may have."""
    if (method.replace("HEAD", "GET"), path) in PUBLIC:
        return {200}
    if (method.replace("HEAD", "GET"), path) in LEADS_ON:
        return {303, 307}
    if (method, path) in FORMS:
        return FORMS[method, path]
    if (method, path) in ONCE:
        return ONCE[method, path]
    if path.startswith(("/api/", "/dbfs/", "/ajax-api/", "/mlflow/", "/telemetry-ext")):
        return {403} if shown == "a wrong token" else {401}
    return {403} if method == "POST" else {303}


@pytest.mark.parametrize("shown", WRONG)
def test_every_route(local: Local, every: list[tuple[str, str]], shown: str) -> None:
    """Without a token, with an empty and with a wrong one, each route answers as its kind does: never 200 or 500."""
    port = local.host.rpartition(":")[2]
    headers = {name: value.format(port=port) for name, value in WRONG[shown].items()}
    assert len(every) > 120
    for method, path in every:
        reply = local.raw(method, url_of(path), headers=headers)
        assert reply.status in expected(method, path, shown), (method, path, reply.status)
        assert len(reply.body) < 4096 or path in ("/style.css", "/editor.js")
        assert local.token.encode() not in reply.body and "set-cookie" not in reply.headers


def test_every_route_under_another_name(local: Local, every: list[tuple[str, str]]) -> None:
    """A site whose name leads to this machine gets no answer from any route but that it gets none."""
    for method, path in every:
        reply = local.raw(method, url_of(path), headers={"Host": "evil.example"})
        assert reply.status in (401, 403) and b"token" not in reply.body.lower()[:40], (method, path, reply.status)


class Raw:
    """A connection whose bytes a test sends itself."""

    def __init__(self, local: Local) -> None:
        address = urlsplit(local.host)
        self.port = address.port
        self.socket = socket.create_connection((address.hostname, address.port), timeout=300)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def head(self, method: str, url: str, *lines: str) -> None:
        head = "\r\n".join((f"{method} {url} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *lines, "", ""))
        self.socket.sendall(head.encode())

    def status(self) -> int:
        """That of the next answer; 0 when the connection ends without one."""
        try:
            with self.socket.makefile("rb", buffering=0) as answer:
                return int(answer.readline().split()[1])
        except (OSError, IndexError):
            return 0

    def flood(self, piece: bytes, most: int) -> int:
        """How many bytes could be sent until the other end had enough of them."""
        sent = 0
        try:
            while sent < most:
                self.socket.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        return sent


def test_no_route_waits_for_a_body(local: Local, every: list[tuple[str, str]]) -> None:
    """Every route answers who has no token without a byte of the 40 MB that are announced: it holds none of them."""
    for method, path in every:
        for length in (f"Content-Length: {40 * MIB}", "Transfer-Encoding: chunked"):
            if (method, path) in FORMS and length.startswith("Transfer"):
                continue  # they have to begin to read
            with Raw(local) as connection:
                connection.head(method, url_of(path), length)
                allowed = {413} if (method, path) in FORMS else expected(method, path, "none")
                assert connection.status() in allowed, (method, path)


CHUNK = b"%x\r\n%s\r\n" % (MIB, b"a=1&" * (MIB // 4))
FLOODS = [
    ("/login", "Transfer-Encoding: chunked", CHUNK, {413}),
    ("/oidc/v1/token", "Transfer-Encoding: chunked", CHUNK, {413}),
    ("/edit?path=/Shared/n&cell=1", "Transfer-Encoding: chunked", CHUNK, {403}),
    ("/api/2.0/workspace/import", f"Content-Length: {1024 * MIB}", b"{" * MIB, {401}),
    ("/api/local/edit", f"Content-Length: {1024 * MIB}", b"[" * MIB, {401}),
    ("/logout", "Transfer-Encoding: chunked", CHUNK, {303}),
]


@pytest.mark.parametrize(("url", "length", "piece", "statuses"), FLOODS, ids=[row[0] for row in FLOODS])
@pytest.mark.parametrize("origin", ["ours", "none"])
def test_floods(local: Local, url: str, length: str, piece: bytes, statuses: set[int], origin: str) -> None:
    """Who goes on sending is answered at once, and cut off long before all was read; others are served meanwhile."""
    with Raw(local) as connection:
        lines = [length, *([f"Origin: http://127.0.0.1:{connection.port}"] if origin == "ours" else [])]
        connection.head("POST", url, *lines)
        sent = connection.flood(piece, 4 * MIB)
        assert connection.status() in statuses
        assert local.call("GET", "/api/local/status").status == 200
        sent += connection.flood(piece, 200 * MIB)
        assert sent < MAX_DISCARDED + 60 * MIB  # what both ends' buffers hold comes on top
        assert local.call("GET", "/api/local/status").status == 200


def test_memory(local: Local) -> None:
    """What strangers send is not kept: after 200 MB the server is larger by a small part of that."""
    pid = local.control("status", method="GET")["pid"]
    file = Path(f"/proc/{pid}/status")
    if not file.exists():
        pytest.skip("only Linux says how much memory a process had at most")

    def most() -> int:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read_text())[1])  # type: ignore[index]

    local.raw("POST", "/login", b"token=x")
    before = most()
    for url in ("/login", "/edit?path=/n&cell=1", "/oidc/v1/token", "/api/2.0/workspace/import") * 3:
        with Raw(local) as connection:
            connection.head("POST", url, "Transfer-Encoding: chunked")
            connection.flood(CHUNK, 20 * MIB)
    assert most() - before < 20 * 1024


HEADS = {
    "a long name": b"GET / HTTP/1.1\r\n" + b"x" * 8 * MAX_HEAD,
    "a long value": b"GET / HTTP/1.1\r\nx: " + b"x" * 8 * MAX_HEAD,
    "a long address": b"GET /" + b"x" * 8 * MAX_HEAD,
    "a whole long address": b"GET /" + b"x" * 8 * MAX_HEAD + b" HTTP/1.1\r\n\r\n",
    "many lines": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200,
    "many requests": b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n" * 200,
}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_heads(local: Local, data: bytes) -> None:
    """A head, or a queue of requests, that does not end is refused: 431, and the connection is closed."""
    with Raw(local) as connection:
        connection.flood(data, len(data))
        got = b""
        try:
            while (piece := connection.socket.recv(65536)) and len(got) < 8 * MIB:
                got += piece
        except ConnectionError:
            pass
        assert b"HTTP/1.1 431 " in got or got == b"" or got.count(b"HTTP/1.1 ") < 100
    assert local.call("GET", "/api/local/status").status == 200


def test_head_that_fits(local: Local) -> None:
    """The longest path that a workspace has, escaped, and the headers of three proxies are no trouble."""
    path = "/Shared/" + "ü" * 250 + ("/" + "ü" * 250) * 8
    more = {f"X-Proxy-{number}": "x" * 300 for number in range(60)}
    headers = {**local.auth, **more}
    url = local.get("get-status", path=path)
    assert url.status == 404 and local.raw("GET", "/api/2.0/workspace/list?path=/", headers=headers).status == 200


def test_refused_requests_are_kept_with_a_bound(local: Local) -> None:
    """Of requests without the token the latest are recorded, shortened; they push no other out of the record."""
    local.get("list", path="/")
    for number in range(limits.MAX_REFUSED + 50):
        local.raw("GET", f"/api/2.0/mlflow/{number:05}{'x' * 5000}")
    records = local.requests()
    refused = [one for one in records if one["status"] == 401]
    assert [one["status"] for one in records if one not in refused] == [200] and records[0]["status"] == 200
    assert len(refused) == limits.MAX_REFUSED and refused[-1]["sequence"] == limits.MAX_REFUSED + 51
    assert max(len(one["endpoint"]) for one in refused) == limits.MAX_ADDRESS


@pytest.mark.parametrize("url", ["/login", "/oidc/v1/token"])
def test_many_fields(local: Local, url: str) -> None:
    """A form of many fields is none."""
    body = b"a=1&" * (MAX_FORM // 4)
    assert local.raw("POST", url, body).status in (400, 403)


def test_long_way_back(local: Local) -> None:
    """Where to go after logging in is remembered as far as a form can carry it; else it is the first page."""
    short, long = "/workspace?path=/" + "x" * 100, "/workspace?path=/" + "x" * MAX_NEXT
    assert "next=" in Visitor(local).get(short).headers["location"]
    assert Visitor(local).get(long).headers["location"] == "/login"
    assert Visitor(local).get(f"/login?next={'/x' * MAX_FORM}").status == 200


def test_unsaved_edit(local: Local) -> None:
    """What a person typed in a session that has ended is shown again, as much as a cell; to no other site's form."""
    local.put("/Shared/n.py", HEADER + b"a = 1\n")
    stranger, text = Visitor(local), "precious = " + "x" * 1000
    reply = stranger.post("/edit?path=/Shared/n&cell=1", {"text": text})
    assert reply.status == 403 and text in read(reply)
    reply = stranger.post("/edit?path=/Shared/n&cell=1", {"text": "x" * MAX_UNSAVED})
    assert reply.status == 403 and "not logged in any more" in read(reply)
    reply = stranger.post("/edit?path=/Shared/n&cell=1", {"text": text}, Origin="http://evil.example")
    assert reply.status == 403 and text not in read(reply)


def test_many_parts(local: Local) -> None:
    """Nor are parts without number taken apart."""
    headers = {**local.auth, "Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    assert local.raw("POST", "/api/2.0/workspace/import", part * 10_000 + b"--x--\r\n", headers).status == 400
