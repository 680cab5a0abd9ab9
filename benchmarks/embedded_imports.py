"""How many imports a second the embedded workspace takes, and how quickly it starts and lists.

    python benchmarks/embedded_imports.py [--imports 1000] [--bytes 4096] [--connections 50] [--notebooks 10000]

The client is a bare asyncio socket loop in this process, the server a process of its own, over a new folder.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from databricks_local.embedded import Running, running

FOLDER = "/Shared/bench"


def request(server: Running, path: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(server.host + path, data, {"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(asked) as answer:
        return bytes(answer.read())


def imports(server: Running, count: int, size: int) -> Iterator[bytes]:
    text = b"# Databricks notebook source\n".ljust(size, b"x")
    for number in range(count):
        body = json.dumps(
            {
                "path": f"{FOLDER}/d{number % 100}/notebook-{number}",
                "format": "SOURCE",
                "language": "PYTHON",
                "content": base64.b64encode(text).decode(),
            }
        ).encode()
        head = (
            f"POST /api/2.0/workspace/import HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer {server.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def send(server: Running, waiting: Iterator[bytes]) -> None:
    """One connection that takes requests until there are none left."""
    address = urlsplit(server.host)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for message in waiting:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise SystemExit(f"refused: {body.decode()}")
    writer.close()


async def fill(server: Running, messages: list[bytes], connections: int) -> float:
    waiting = iter(messages)
    begun = time.perf_counter()
    await asyncio.gather(*(send(server, waiting) for _ in range(connections)))
    return time.perf_counter() - begun


def timed(server: Running, path: str) -> tuple[float, int]:
    begun = time.perf_counter()
    answer = json.loads(request(server, path))
    return time.perf_counter() - begun, len(answer.get("objects", []))


def list_recursively(server: Running, folder: str) -> tuple[float, int]:
    begun = time.perf_counter()
    found, folders = 0, [folder]
    while folders:
        objects = json.loads(request(server, f"/api/2.0/workspace/list?path={folders.pop()}")).get("objects", [])
        folders += [one["path"] for one in objects if one["object_type"] == "DIRECTORY"]
        found += sum(one["object_type"] != "DIRECTORY" for one in objects)
    return time.perf_counter() - begun, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imports", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=4096)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--notebooks", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with running(Path(folder) / "workspace") as server:
            report("start", f"{time.perf_counter() - begun:.3f} s from spawn to first answer")
            for number in range(100):
                request(server, "/api/2.0/workspace/mkdirs", {"path": f"{FOLDER}/d{number}"})
            messages = list(imports(server, options.notebooks, options.bytes))
            first, rest = messages[: options.imports], messages[options.imports :]
            took = asyncio.run(fill(server, first, options.connections))
            report("imports", f"{len(first)} in {took:.2f} s, {len(first) / took:.0f} a second")
            if rest:
                took = asyncio.run(fill(server, rest, options.connections))
                report("more", f"{len(rest)} in {took:.2f} s, {len(rest) / took:.0f} a second")
            took, found = list_recursively(server, FOLDER)
            report("list", f"{found} objects folder by folder in {took:.3f} s")
            took, found = timed(server, f"/api/2.0/workspace/list-repo?path={FOLDER}&return_wsfs_metadata=true")
            report("list-repo", f"{found} objects with hashes in {took:.3f} s")


def report(what: str, figure: str) -> None:
    print(f"{what:10}{figure}")  # noqa: T201


if __name__ == "__main__":
    main()
