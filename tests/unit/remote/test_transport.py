"""What comes over the wire, and what does not: against real sockets that say exactly what they were told to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import Listener, Talk, answering, certificate, listening, proxying, request, saying, secured

from databricks_sync.errors import LoginError, SettingsError, Unreachable
from databricks_sync.remote.http import Http
from databricks_sync.remote.limits import Limits
from databricks_sync.remote.transport import Failure, NoAnswer, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
MOST = 2**20  # bytes of a body
AUTHORIZED = b"Basic bWU6cCBhc3M="  # me:p ass
PATIENT = 600.0  # seconds: for an answer that is to end by what it says, on whatever machine


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.delenv(name)


def ask(transport: Transport, path: str = "/x", body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": "Bearer t"}
    with transport.request("GET" if body is None else "POST", path, headers, body) as response:
        return response.status, b"".join(response.pieces(MOST))


def why(transport: Transport, body: bytes | None = None) -> Failure:
    with pytest.raises(NoAnswer) as caught:
        ask(transport, body=body)
    return caught.value.failure


def plain(listener: Listener) -> Transport:
    return Transport(f"http://{listener.address}")


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        (CHUNKED, 200, b"abcde"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\n-", 404, b"-"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, b"ok"),
    ],
    ids=["length", "chunked", "empty", "no content", "an error", "continue", "hints"],
)
def test_an_answer(answer: bytes, status: int, body: bytes, piece: int) -> None:
    """Each kind of answer comes whole, in however small pieces, and its connection is used again."""
    with listening(saying(answer, OK, piece=piece)) as server:
        transport = plain(server)
        assert ask(transport) == (status, body) and ask(transport) == (200, b"ok")
        assert len(server.heard) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nuntil the end",
    ],
    ids=["no length", "HTTP/1.0", "close"],
)
def test_the_last_answer_of_a_connection(answer: bytes) -> None:
    """Where the answer ends the connection, the next request makes another one."""
    with listening(saying(answer, close=True)) as server:
        transport = plain(server)
        assert [ask(transport) for _ in range(2)] == [(200, b"until the end")] * 2
        assert len(server.heard) == 2


@pytest.mark.parametrize("answer", [OK, CHUNKED], ids=["length", "chunked"])
def test_a_torn_answer_is_none(answer: bytes) -> None:
    """Wherever an answer breaks off, nothing is made of what came of it."""
    for at in range(len(answer)):
        with listening(saying(answer[:at], close=True)) as server:
            assert why(plain(server)) is Failure.BROKEN, answer[:at]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50" * 3,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["ssh", "tls", "many headers", "a long header", "two lengths", "two framings", "upgrade"],
)
def test_what_is_no_answer(answer: bytes) -> None:
    """What is not HTTP, or of two minds about its length, is a connection that broke off."""
    with listening(saying(answer, close=True)) as server:
        assert why(plain(server)) is Failure.BROKEN


@settings(max_examples=60)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\n" + junk))
def test_any_bytes_are_an_answer_or_a_failure(junk: bytes) -> None:
    """Whatever comes, it is an answer or one of the failures."""
    with listening(saying(junk, close=True)) as server:
        transport = plain(server)
        try:
            assert ask(transport)[0] >= 200
        except NoAnswer as error:
            assert error.failure is Failure.BROKEN


def test_a_header_is_found_in_any_spelling() -> None:
    """The names of headers have no case, and those of a word before the answer are not its own."""
    early = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
    late = b"HTTP/1.1 429 x\r\nrEtry-aFter: 3\r\nContent-Length: 0\r\n\r\n"
    with listening(saying(early + late)) as server, plain(server).request("GET", "/", {}, None) as response:
        assert (response.header("Retry-After"), response.header("Date")) == ("3", "")


# --- requests -----------------------------------------------------------------------------------------------------


def test_a_request_is_what_was_meant() -> None:
    """Path, headers and body arrive byte for byte, once."""
    with listening(saying(OK, OK)) as server:
        transport = Transport(f"http://{server.address}/prefix/")
        ask(transport, "/a?b=c%20d", b"\0body")
        ask(transport)
        head, _, rest = bytes(server.heard[0]).partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[0] == b"POST /prefix/a?b=c%20d HTTP/1.1"
        said = {f"Host: {server.address}", "Authorization: Bearer t", "Content-Length: 5", "Accept-Encoding: identity"}
        assert set(head.decode().split("\r\n")[1:]) == said
        assert rest.startswith(b"\0bodyGET /prefix/x HTTP/1.1\r\n") and b"Content-Length" not in rest


def test_an_answer_that_comes_too_early() -> None:
    """Whoever refuses a body before having heard all of it is understood, though the connection is gone."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):  # else the system would answer with a reset, which may overtake the answer
                pass

        return act

    with listening(talk) as server:
        assert ask(plain(server), body=b"x" * 30_000_000) == (413, b"no")


@pytest.mark.parametrize("secret", ["a\r\nX: y", "a\0", "é", "\U0001f511"])
def test_a_login_cannot_add_a_header(secret: str) -> None:
    """What is no value of a header is never sent."""
    with listening(saying(OK)) as server:
        http = Http(f"http://{server.address}", lambda: {"Authorization": secret})
        with pytest.raises(LoginError) as caught:
            http.read("/x", {})
        assert not server.heard and secret not in str(caught.value)


# --- transport --------------------------------------------------------------------------------------------------


def test_an_answer_nobody_asked_for() -> None:
    """What comes after an answer is not taken for that of the next request."""
    for stray in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray", b"x", b"HTTP/1.1 2"):
        with listening(saying(OK + stray, OK)) as server:
            transport = plain(server)
            assert [ask(transport), ask(transport)] == [(200, b"ok")] * 2
            assert len(server.heard) == 2


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
def test_a_connection_that_was_given_up_is_not_used(farewell: bytes) -> None:
    """Where the other side closes a connection that had nothing to do, a request does not notice."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            request(connection, listener.heard[number])
            connection.sendall(OK)
            if number == 0:
                time.sleep(0.05)
                connection.sendall(farewell)
            else:
                request(connection, listener.heard[number])

        return act

    with listening(talk) as server:
        transport = plain(server)
        assert ask(transport) == (200, b"ok")
        time.sleep(0.4)
        assert ask(transport, body=b"once") == (200, b"ok")
        assert len(server.heard) == 2 and b"once" not in server.heard[0]


def test_an_answer_left_before_its_end_costs_the_connection() -> None:
    """What is left of a body is not taken for the next answer."""

    def talk(listener: Listener) -> Talk:
        long = b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n" + OK
        return lambda connection, number: saying(OK if number else long)(listener)(connection, number)

    with listening(talk) as server:
        transport = plain(server)
        with transport.request("GET", "/x", {}, None) as response:
            assert response.status == 200 and next(response.pieces(MOST)) == OK
        assert ask(transport) == (200, b"ok") and len(server.heard) == 2


def test_threads_get_their_own_answers() -> None:
    """Fifty threads at once: each hears what it asked, over no more transport than there are threads."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            while True:
                body = request(connection, listener.heard[number]).partition(b"\r\n\r\n")[2]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        return act

    with listening(talk) as server, ThreadPoolExecutor(50) as pool:
        transport = plain(server)
        said = [b"%d" % number * 50 for number in range(2000)]
        assert list(pool.map(lambda body: ask(transport, body=body), said)) == [(200, body) for body in said]
        assert len(server.heard) <= 50


def test_nobody_is_there() -> None:
    """A closed port, and names that nobody can have: there is no connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        hosts = [f"http://127.0.0.1:{free.getsockname()[1]}", "http://a..b", f"http://{'a' * 70}.com"]
        assert [why(Transport(host)) for host in hosts] == [Failure.UNREACHED] * 3


def test_an_answer_that_does_not_come() -> None:
    """Whoever says nothing for the time there is, or stops in the middle, is late."""
    for begun in (b"", OK[:20], OK[:-1]):
        with listening(saying(begun)) as server:
            transport = Transport(f"http://{server.address}", Limits(silence=0.2))
            assert why(transport) is Failure.LATE


@pytest.mark.parametrize("kept", [False, True])
def test_a_write_is_never_sent_again(kept: bool) -> None:
    """A connection that breaks, also one that was kept open, makes no second request of a write that arrived."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            while b"POST" not in request(connection, listener.heard[number]):
                connection.sendall(OK)

        return act

    with listening(talk) as server:
        http = Http(f"http://{server.address}", dict)
        if kept:
            http.read("/x", {})
        with pytest.raises(Unreachable):
            http.write("/api/2.0/workspace/import", b"x")
        assert sum(heard.count(b"POST") for heard in server.heard) == 1 == len(server.heard)


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture
def secure(pem: Path) -> Iterator[Listener]:
    with listening(saying(OK, OK), secured(pem)) as server:
        yield server


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_trusted_certificate(secure: Listener, pem: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the certificates that a variable names one is connected, and stays so."""
    monkeypatch.setenv(variable, str(pem))
    transport = Transport(f"https://{secure.address}")
    assert [ask(transport), ask(transport, body=b"y" * 100_000)] == [(200, b"ok")] * 2 and len(secure.heard) == 1


def test_a_certificate_nobody_knows(secure: Listener) -> None:
    """Nothing is said to a host whose certificate is not trusted."""
    assert why(Transport(f"https://{secure.address}"), b"secret") is Failure.UNTRUSTED
    assert secure.heard == [b""]


def test_a_certificate_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor to one whose certificate is trusted, but another host's."""
    other = certificate(tmp_path, "other.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with listening(saying(OK), secured(other)) as server:
        assert why(Transport(f"https://{server.address}")) is Failure.UNTRUSTED and server.heard == [b""]


def test_https_where_http_is_spoken() -> None:
    """A host that does not speak TLS breaks off."""

    def talk(_: Listener) -> Talk:
        return lambda connection, _: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(talk) as server:
        assert why(Transport(f"https://{server.address}")) is Failure.BROKEN


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read(tmp_path: Path, content: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is missing or is none is said before anything is asked."""
    file = tmp_path / "bundle.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(SettingsError, match=r"bundle\.pem"):
        Transport("https://adb-1.7.azuredatabricks.net")


# --- proxies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_a_proxy_is_gone_through(secure: Listener, pem: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace behind a proxy is spoken to through a tunnel, of which the proxy sees nothing but the name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with listening(proxying()) as proxy:
        monkeypatch.setenv(name, proxy.address)  # as people write it, without a scheme
        transport = Transport(f"https://{secure.address}")
        assert [ask(transport), ask(transport, body=b"y")] == [(200, b"ok")] * 2
        assert proxy.heard[0].startswith(b"CONNECT " + secure.address.encode()) and b"Bearer" not in proxy.heard[0]
        assert len(proxy.heard) == len(secure.heard) == 1


def test_a_proxy_spoken_to_over_tls(secure: Listener, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may have a certificate too: one of those that are trusted, or it hears not even the host's name."""
    with listening(proxying(), secured(pem)) as proxy:
        monkeypatch.setenv("https_proxy", f"https://{proxy.address}")
        assert why(Transport(f"https://{secure.address}"), b"secret") is Failure.PROXY
        assert not any(proxy.heard)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        transport = Transport(f"https://{secure.address}")
        assert [ask(transport), ask(transport, body=b"y" * 100_000)] == [(200, b"ok")] * 2
        assert proxy.heard[-1].startswith(b"CONNECT ") and b"Bearer" not in proxy.heard[-1]


def test_a_proxy_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS the proxy is told the whole address."""
    with listening(saying(CHUNKED)) as server, listening(proxying()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        assert ask(plain(server), body=b"z") == (200, b"abcde")
        assert proxy.heard[0].startswith(b"POST http://" + server.address.encode() + b"/x HTTP/1.1\r\n")


def test_a_proxy_that_asks_who_one_is(secure: Listener, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name and the password in a proxy's URL are told to the proxy, and to nobody else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with listening(proxying(AUTHORIZED)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:p%20ass@{proxy.address}")
        assert ask(Transport(f"https://{secure.address}")) == (200, b"ok")
        assert AUTHORIZED not in secure.heard[0]
        monkeypatch.setenv("https_proxy", f"http://me:wrong@{proxy.address}")
        assert why(Transport(f"https://{secure.address}")) is Failure.PROXY


def test_a_proxy_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the proxy that is named as the reason, and not the workspace; its password is not shown."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://me:hidden@127.0.0.1:{free.getsockname()[1]}")
        http = Http("https://adb-1.7.azuredatabricks.net", dict)
        with pytest.raises(Unreachable) as caught:
            http.write("/x", b"")
    assert "proxy" in caught.value.message and "HTTPS_PROXY" in caught.value.hint
    assert "hidden" not in f"{caught.value!r}{caught.value.hint}"


def test_an_untrusted_certificate_behind_a_proxy(secure: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that reads along is told from one that is broken."""
    with listening(proxying()) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert why(Transport(f"https://{secure.address}")) is Failure.UNTRUSTED


def test_no_proxy_for_those_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is heeded."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with listening(saying(OK)) as server:
        assert ask(plain(server)) == (200, b"ok")


def test_a_proxy_that_breaks_off(secure: Listener, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torn and late answers are the same through a proxy as without one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    for close, silence, meant in ((True, PATIENT, Failure.BROKEN), (False, 0.5, Failure.LATE)):
        with listening(saying(OK[:-1], close=close), secured(pem)) as server, listening(proxying()) as proxy:
            monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
            transport = Transport(f"https://{server.address}", Limits(silence=silence))
            assert why(transport) is meant


def test_a_proxy_does_not_speak_for_the_host(secure: Listener, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy sends behind its word on the way through, in plain text, is not taken for the host's answer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with listening(saying(b"HTTP/1.1 200 Connection established\r\n\r\n" + OK)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert why(Transport(f"https://{secure.address}")) is Failure.BROKEN
        assert b"Bearer" not in proxy.heard[0]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200",
    ],
)
@pytest.mark.parametrize("slow", [False, True])
def test_a_proxy_that_is_broken(said: bytes, slow: bool, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that says nothing, nothing sensible, too much, or a byte now and then, does not lead to the host."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))

    def say(_: bytes) -> Iterator[bytes]:
        yield said
        while slow:
            time.sleep(0.02)
            yield b"x"

    with listening(answering(say)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert why(Transport("https://127.0.0.1:9", Limits(connect=0.1)), b"secret") is Failure.PROXY
        assert b"secret" not in proxy.heard[0]


@pytest.mark.parametrize("way", ["TLS", "a proxy", "a tunnel", "a tunnel from a proxy spoken to over TLS"])
def test_no_way_is_without_a_deadline(way: str, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is late, and headers without an end break off, however one gets there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    trusted = secured(pem)

    def slow(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while True:
            time.sleep(0.02)
            yield b"x"

    def long(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X: y\r\n" * 1000

    for say, silence, meant in ((slow, 0.2, Failure.LATE), (long, PATIENT, Failure.BROKEN)):
        with (
            listening(answering(say), None if way == "a proxy" else trusted) as server,
            listening(proxying(), trusted if "over TLS" in way else None) as proxy,
        ):
            if way != "TLS":
                scheme = "https" if "over TLS" in way else "http"
                monkeypatch.setenv("https_proxy", f"{scheme}://{proxy.address}")
                monkeypatch.setenv("http_proxy", f"{scheme}://{proxy.address}")
            host = f"{'http' if way == 'a proxy' else 'https'}://{server.address}"
            assert why(Transport(host, Limits(silence=silence))) is meant


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://127.0.0.1:x", "http://:80", "file:///etc/passwd"])
def test_what_is_no_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of another kind, or none at all, is said before anything is asked."""
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        Transport("https://adb-1.7.azuredatabricks.net")


def test_a_body_that_nobody_reads() -> None:
    """Whoever stops reading what is sent, or reads a byte now and then, is late."""

    def talk(_: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            while connection.recv(1):
                time.sleep(0.01)

        return act

    with listening(talk) as server:
        transport = Transport(f"http://{server.address}", Limits(silence=0.2))
        assert why(transport, b"x" * 50_000_000) is Failure.LATE


def test_a_slow_answer_that_goes_on() -> None:
    """What takes longer than one may be silent, but comes at a bearable rate, is waited for."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"

    def say(_: bytes) -> Iterator[bytes]:
        yield answer
        for _number in range(15):
            time.sleep(0.15)
            yield b"x" * 200

    with listening(answering(say)) as server:
        assert ask(Transport(f"http://{server.address}", Limits(silence=2.0, rate=50))) == (200, b"x" * 3000)


def test_what_a_start_does_not_need_is_not_imported() -> None:
    """Proxies are not paid for where there is none, nor the certificates where the workspace is on this machine."""
    code = (
        "import sys; from databricks_sync.remote.http import Http; Http('http://127.0.0.1:1', dict)\n"
        "print([m for m in ('urllib3', 'urllib.request', 'certifi', 'databricks.sdk') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
