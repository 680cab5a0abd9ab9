"""Nothing that takes long keeps the others waiting: it is done in threads, and changes still never cross."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest

from databricks_local.core.documents import written
from databricks_local.core.errors import ApiError
from databricks_local.core.settings import ServerSettings
from databricks_local.formats import jupyter
from databricks_local.home import DATABASE
from databricks_local.protocol.multipart import WINDOW, all_parts
from databricks_local.workspace.store import opened
from databricks_local.workspace.tree import LocalWorkspace

from .client import HEADER, Local, Reply
from .page import Visitor
from .test_hostile import answered_before

CELL = {"cell_type": "code", "source": ["x = 1\n"] * 5, "metadata": {}, "outputs": [], "execution_count": None}
LARGE = json.dumps({"cells": [CELL] * 25_000, "metadata": {}, "nbformat": 4}).encode()
READS = 5


@contextmanager
def nothing_written(local: Local) -> Iterator[None]:
    """Whatever changes the workspace has to wait."""
    folder = Path(local.control("status", method="GET")["folder"])
    database = sqlite3.connect(folder / DATABASE, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.close()


@contextmanager
def another(local: Local) -> Iterator[Callable[[Callable[[Local], Reply]], Future[Reply]]]:
    """Another client, which asks while the test goes on."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda ask: pool.submit(ask, Local(local.host, local.token))


def wait_for_another(local: Local) -> None:
    """Until another request is under way."""
    while local.get("list", path="/").status != 200 or local.requests()[-1]["at_once"] < 2:
        pass


CHANGES: list[tuple[str, Callable[[Local], Reply]]] = [
    ("import", lambda w: w.put("/Shared/n.py", HEADER + b"2", overwrite=True)),
    ("multipart", lambda w: w.upload("/Shared/f.bin", bytes(300_000))),
    ("import-file", lambda w: w.import_file("/Shared/f.bin", b"1")),
    ("folder", lambda w: w.post("mkdirs", path="/Shared/a/b")),
    ("delete", lambda w: w.post("delete", path="/Shared/n")),
    ("edit", lambda w: w.call("POST", "/api/local/edit", {"path": "/Shared/n", "source": "3"})),
    ("permission", lambda w: w.call("POST", "/api/local/permissions", {"path": "/Shared/n", "access": "read-only"})),
]


# The server does not tell whether these are under way.
UNCOUNTED = [row[1] for row in CHANGES[-2:]]


@pytest.mark.parametrize("ask", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_others_read_while_something_is_written(local: Local, ask: Callable[[Local], Reply]) -> None:
    """However long a change takes, others read meanwhile, and see the workspace as it was before."""
    local.put("/Shared/n.py", HEADER + b"1")
    with another(local) as begin:
        with nothing_written(local):
            change = begin(ask)
            if ask not in UNCOUNTED:
                wait_for_another(local)
            for _ in range(READS):
                assert local.names("/Shared") == ["/Shared/n"]
                assert local.download("/Shared/n") == HEADER + b"1"
            assert not change.done()
        assert change.result().status == 200


def test_a_small_workspace(tmp_path: Path) -> None:
    """However little a workspace holds, nothing is read on the event loop: it may be about jobs, which hold more."""
    workspace = LocalWorkspace(opened(tmp_path / DATABASE), ServerSettings(), time.monotonic)

    async def threads() -> tuple[threading.Thread, threading.Thread]:
        return threading.current_thread(), await workspace.read(lambda _: threading.current_thread())

    try:
        loop, reader = asyncio.run(threads())
        assert loop is not reader
    finally:
        workspace.close()
        workspace.store.close()


def test_pages_while_something_is_written(local: Local) -> None:
    """So do those who look at pages, and what a form changes waits for its turn."""
    local.put("/Shared/n.py", HEADER + b"1")
    visitor, other = Visitor(local), Visitor(Local(local.host, local.token))
    visitor.log_in()
    other.log_in()
    form = other.form("/edit?path=/Shared/n&cell=1")
    with ThreadPoolExecutor(1) as pool:
        with nothing_written(local):
            saved = pool.submit(other.send, form, text="2")
            for _ in range(READS):
                assert visitor.look("/Shared/n").status == 200
            assert not saved.done()
        assert saved.result().status == 303
    assert local.download("/Shared/n") == HEADER + b"2"


def test_what_cannot_be_read_waits_for_no_change(local: Local) -> None:
    """A large content is looked at before it is its turn to change something, beside the changes of others."""
    with another(local) as begin, nothing_written(local):
        change = begin(lambda w: w.post("mkdirs", path="/Shared/a"))
        assert local.upload("/Shared/n.ipynb", LARGE[:-1]).status == 400
        assert local.upload("/Shared/z", b"PK" + LARGE, "DBC").status == 400
        assert not change.done()


def test_a_reset_leaves_nothing_behind(local: Local) -> None:
    """What was asked before a reset, and could not be stopped any more, is not there after it."""
    with another(local) as begin, another(local) as begin_too:
        with nothing_written(local):
            late = begin(lambda w: w.put("/Shared/late.txt", b"1"))
            wait_for_another(local)
            reset = begin_too(lambda w: w.call("POST", "/api/local/reset"))
        assert reset.result().status == 200
        assert isinstance(late.exception(), ConnectionError) or late.result().status == 200
    assert local.names("/Shared") == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe with a name")
def test_a_reset_waits(local: Local) -> None:
    """A reset is over when nothing that was asked before goes on any more."""
    place = Path(local.control("status", method="GET")["folder"]) / "dbfs"
    place.mkdir(exist_ok=True)
    os.mkfifo(place / "slow")
    with another(local) as begin, another(local) as begin_too:
        read = begin(lambda w: w.raw("GET", "/dbfs/slow", headers=w.auth))
        with (place / "slow").open("wb"):
            wait_for_another(local)
            reset = begin_too(lambda w: w.call("POST", "/api/local/reset"))
            with pytest.raises(TimeoutError):
                reset.result(0.5)
        assert reset.result().status == 200
        assert isinstance(read.exception(), ConnectionError)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe with a name")
@pytest.mark.parametrize("name", ["dbfs", "artifact"])
def test_a_slow_disk(local: Local, name: str) -> None:
    """A file that takes long to be read, of DBFS or an artifact, keeps nobody else waiting."""
    folder = Path(local.control("status", method="GET")["folder"])
    url, place = {
        "dbfs": ("/dbfs/slow", folder / "dbfs"),
        "artifact": (
            "/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/1/Runs/x/artifacts/slow",
            folder / "mlflow" / "artifacts" / "1" / "x" / "artifacts",
        ),
    }[name]
    place.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place / "slow")
    with another(local) as begin:
        read = begin(lambda w: w.raw("GET", url, headers=w.auth))
        with (place / "slow").open("wb") as pipe:
            for _ in range(READS):
                assert local.get("list", path="/").status == 200
            assert not read.done()
            pipe.write(b"abc")
        assert read.result().body == b"abc"


ASKED = (
    f"/api/2.0/workspace/export?{urlencode({'path': '/Shared/n', 'format': 'SOURCE'})}",
    f"/search?{urlencode({'path': '/Shared', 'find': 'nowhere'})}",
    f"/api/local/objects?path={quote('/Shared')}",
)


def test_a_large_notebook_and_others(local: Local) -> None:
    """While a large notebook is taken apart for one client the others are answered."""
    assert local.upload("/Shared/n.ipynb", LARGE).status == 200
    visitor = Visitor(local)
    visitor.log_in()
    for url in ASKED:
        assert answered_before(local, f"GET {url}", [f"Cookie: {visitor.cookie}"], b"") > 3


def calls(work: Callable[[], object]) -> int:
    """How often Python code is called: before each call other threads may go on."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_parsing_lets_others_in() -> None:
    """The parser of notebooks lets other threads go on at each object, and at each number with a fraction."""
    numbers = json.dumps({"cells": [{"outputs": [{"data": [0.5] * 1000}]}]}).encode()
    assert calls(lambda: jupyter.load(numbers)) > 1000
    assert calls(lambda: jupyter.load(json.dumps({"cells": [CELL] * 1000}).encode())) > 2000


def test_values_of_a_notebook() -> None:
    """More values than can be parsed in a moment are refused before."""
    cells = b'{"cells": [], "a": [' + b"1," * jupyter.MAX_VALUES
    with pytest.raises(ApiError):
        jupyter.load(cells + b"1]}")


@pytest.mark.parametrize("count", [0, 1, 2_000, 2_001, 5_000])
def test_long_lists(count: int) -> None:
    """A document is written as `json.dumps` writes it, however long its lists are."""
    document = {"objects": [{"path": "/ü", "size": number} for number in range(count)], "more": None, "ä": {"a": [1]}}
    assert written(document) == json.dumps(document)
    assert calls(lambda: written({"a": [1] * 100_000})) > 50


def test_a_notebook_as_text() -> None:
    """A notebook of many parts is the text that `json.dumps` makes of it."""
    document = {"cells": [CELL] * 6_000, "text": "ü\ud800"}
    expected = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
    assert jupyter.dumped(document) == expected


def test_boundaries_anywhere() -> None:
    """A boundary is seen wherever it stands in a large body."""
    head = b'--boundary\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    start = len("--boundary")  # of the search for its end
    for size in range(start + WINDOW - len(head) - 20, start + WINDOW - len(head) + 2):
        body = head + bytes(size) + b"\r\n--boundary--\r\n"
        [part] = all_parts("multipart/form-data; boundary=boundary", body, 1)
        assert len(part.content) == size


def test_a_large_answer(local: Local) -> None:
    """A large answer that its client does not take keeps nobody else waiting, and is whole in the end."""
    content = os.urandom(2**20) * 8
    assert local.upload("/Shared/f.bin", content).status == 200
    address = urlsplit(local.host)
    with socket.create_connection((address.hostname, address.port), timeout=300) as slow:
        request = "GET /api/2.0/workspace-files/Shared%2Ff.bin HTTP/1.0\r\nHost: localhost\r\n"
        slow.sendall(f"{request}Authorization: Bearer {local.token}\r\n\r\n".encode())
        select.select([slow], [], [])
        for _ in range(READS):
            assert local.get("list", path="/").status == 200
        received = b"".join(iter(lambda: slow.recv(2**20), b""))
    assert received.endswith(content[-(2**20) :]) and len(received) > len(content)
