"""A server that says what it was told to, byte by byte, and a proxy before it."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

Talk = Callable[[socket.socket, int], None]  # what to do with the connection of this number, from 0 on


def cut(raw: bytes, lengths: list[int]) -> list[bytes]:
    """The bytes in pieces of these lengths, and the rest."""
    pieces = []
    for length in lengths:
        pieces.append(raw[:length])
        raw = raw[length:]
    return [*pieces, raw]


@dataclass
class Listener:
    """A server on this machine; `heard` is what each connection received, in the order they came."""

    port: int
    heard: list[bytearray] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def listening(talk: Callable[[Listener], Talk], context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        listener = Listener(server.getsockname()[1])
        act = talk(listener)

        def serve(connection: socket.socket, number: int) -> None:
            with connection, suppress(OSError):
                if context is None:
                    act(connection, number)
                else:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        act(secure, number)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connection.settimeout(60)
                    listener.heard.append(bytearray())
                    number = len(listener.heard) - 1
                    threading.Thread(target=serve, args=(connection, number), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def request(connection: socket.socket, heard: bytearray) -> bytes:
    """One whole request, as it came. Raises ConnectionError when there is none any more."""
    begun = len(heard)
    while b"\r\n\r\n" not in heard[begun:]:
        _more(connection, heard)
    head, _, body = bytes(heard[begun:]).partition(b"\r\n\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")] or [0]
    while len(body) < length:
        _more(connection, heard)
        body = bytes(heard[begun:]).partition(b"\r\n\r\n")[2]
    return bytes(heard[begun:])


def _more(connection: socket.socket, heard: bytearray) -> None:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError
    heard += data


def saying(*answers: bytes, close: bool = False, piece: int = 0) -> Callable[[Listener], Talk]:
    """Answers the requests of each connection with these, in turn; `piece`: so many bytes at a time."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for answer in answers:
                request(connection, listener.heard[number])
                for at in range(0, len(answer), piece or len(answer) or 1):
                    connection.sendall(answer[at : at + (piece or len(answer))])
            if not close:
                request(connection, listener.heard[number])  # waits until the client goes

        return act

    return talk


def answering(answer: Callable[[bytes], Iterable[bytes]], close: bool = False) -> Callable[[Listener], Talk]:
    """Answers each request with what `answer` makes of it, piece by piece, for as long as the client takes it."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for piece in answer(request(connection, listener.heard[number])):
                    connection.sendall(piece)
                if close:
                    return

        return act

    return talk


def proxying(allowed: bytes = b"") -> Callable[[Listener], Talk]:
    """A proxy that lets through whoever says `allowed` in its Proxy-Authorization; "" asks for none."""

    def talk(listener: Listener) -> Talk:
        def act(connection: socket.socket, number: int) -> None:
            asked = request(connection, listener.heard[number])
            if allowed and allowed not in asked:
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            method, target, _ = asked.split(b" ", 2)
            where = target if method == b"CONNECT" else target.split(b"/")[2]
            name, _, port = where.decode().rpartition(":")
            with socket.create_connection((name, int(port)), 300) as onward:
                if method == b"CONNECT":
                    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    onward.sendall(asked)
                _join(connection, onward)

        return act

    return talk


def _join(one: socket.socket, other: socket.socket) -> None:
    """Carries what either says to the other, until one ends.

    In one thread: where one thread reads a TLS socket while another writes to it, Python's `ssl` damages its records.
    """
    across = {one: other, other: one}
    while True:
        decoded = [end for end in across if isinstance(end, ssl.SSLSocket) and end.pending()]
        for source in decoded or select.select(list(across), [], [])[0]:
            source.setblocking(False)
            try:
                data = source.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):  # what came was for TLS itself
                continue
            finally:
                source.settimeout(60)
            if not data:
                return
            across[source].sendall(data)


def certificate(folder: Path, host: str) -> Path:
    """A new certificate for this host, which signed itself, in one file with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a workspace")])
    now = datetime.now(timezone.utc)
    known = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / f"{host}.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(made.public_bytes(pem) + secret)
    return file


def secured(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
