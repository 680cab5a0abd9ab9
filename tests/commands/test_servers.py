"""The commands, where something else than a workspace answers, or a workspace that is out of its mind.

tests/unit/remote/test_servers.py has the whole table; these are the ways that go through all of a command.
"""

from __future__ import annotations

import gc
import gzip
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.project import HOME, Project, Ran, notebook
from support.wire import answering, listening

ROOT = f"{HOME}/main"
SOURCE = notebook("print(1)").encode()
PAGE = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>"
MISSING = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Path doesn't exist."}).encode()

Say = Callable[[], Iterable[bytes]]


def said(body: bytes, status: str = "200 OK", *headers: str) -> Say:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "\r\n")
    return lambda: ["\r\n".join(lines).encode() + body]


def told(document: object, **how: Any) -> Say:
    return said(json.dumps(document).encode(), **how)


def endless(begin: bytes, more: bytes) -> Say:
    def say() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n" + begin
        while True:
            yield more * (2**16 // len(more))

    return say


def holding(**fields: object) -> dict[str, Say]:
    """A workspace with the notebook `a`."""
    shown = {"object_type": "NOTEBOOK", "path": f"{ROOT}/a", "language": "PYTHON", "object_id": 1, "modified_at": 1}
    listing = told({"objects": [{**shown, **fields}]})
    return {"list-repo": listing, "list": listing, "get-status": told({**shown, **fields})}


def packed(say: Say) -> Say:
    """The same, packed without having been asked for."""
    body = b"".join(say()).partition(b"\r\n\r\n")[2]
    return said(gzip.compress(body), "200 OK", "Content-Encoding: gzip")


# An empty workspace in its right mind: what each call answers.
SANE: Mapping[str, Say] = {
    "Me": told({"userName": HOME.rpartition("/")[2]}),
    "list-repo": said(MISSING, "404 Not Found"),
    "list": said(MISSING, "404 Not Found"),
    "get-status": said(MISSING, "404 Not Found"),
    "export": said(SOURCE),
    "import": told({}),
    "mkdirs": told({}),
    "delete": told({}),
}
PAGES = said(PAGE, "200 OK", "Content-Type: text/html; charset=utf-8")
REDIRECT = said(b"", "302 Found", "Location: http://127.0.0.1:9/login")


@contextmanager
def server(changed: Mapping[str, Say]) -> Iterator[str]:
    """Something that is like a workspace in its right mind but for these calls; its address."""

    def answer(asked: bytes) -> Iterable[bytes]:
        url = urlsplit(asked.split(b" ")[1].decode())
        path = parse_qs(url.query).get("path", [ROOT])[0]
        call = url.path.rpartition("/")[2]
        if not path.startswith(ROOT):  # our own notes beside the folder
            return SANE["list"]()
        return {**SANE, **changed}[call]()

    with listening(answering(answer)) as listener:
        yield f"http://{listener.address}"


def typed(project: Project, command: str, changed: Mapping[str, Say], code: int) -> Ran:
    with server(changed) as host:
        return project.quick(*command.split(), code=code, env={"DATABRICKS_HOST": host})


LISTING_64_MB = endless(b'{"objects": [{"path": "', b"y")
PUSH, PULL = "to_databricks", "from_databricks"


@pytest.mark.parametrize(
    ("command", "changed", "code", "sentence"),
    [
        (PUSH, dict.fromkeys(SANE, PAGES), 4, "web page"),
        (PULL, dict.fromkeys(SANE, PAGES), 4, "web page"),
        (f"{PUSH} --dry-run", dict.fromkeys(SANE, PAGES), 4, "web page"),
        (PUSH, dict.fromkeys(SANE, REDIRECT), 2, "redirects elsewhere"),
        (PULL, {"list-repo": REDIRECT, "list": REDIRECT}, 2, "redirects elsewhere"),
        (PUSH, {"list-repo": PAGES}, 4, "web page"),
        (PULL, {**holding(), "export": PAGES}, 4, "web page"),
        (PUSH, {"import": PAGES}, 4, "could not be written: The answer is a web page"),
        (PUSH, {"Me": endless(b"", b" ")}, 4, "more than 1 MB"),
        (PULL, {"list-repo": LISTING_64_MB}, 4, "an object of more than"),
        (PUSH, {"Me": told({"userName": {"a": "me"}})}, 2, "who is logged in"),
        (PUSH, {"Me": said(b"[" * 100_000)}, 4, "not JSON"),
        (PULL, holding(path=f"{ROOT}/a\0b"), 1, "control character"),
        (PULL, {**holding(), "export": said(SOURCE, "200 OK", "Content-Encoding: br")}, 4, "packed in a way"),
    ],
)  # fmt: skip
def test_what_is_no_workspace(
    project: Project, command: str, changed: Mapping[str, Say], code: int, sentence: str
) -> None:
    """It ends with a sentence and the exit code of its kind; nothing of what came is written here."""
    project.write("notebooks/b.py", SOURCE)
    before = project.carried()
    ran = typed(project, command, changed, code)
    assert sentence in ran.said
    assert project.carried() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"object_id": 10**30},
        {"modified_at": 10**30},
        {"object_id": -1, "modified_at": -(10**30)},
        {"object_id": "1", "modified_at": [1]},
        {"object_id": True, "modified_at": 1.5},
        {"language": 7, "content_sha256_hex": {"a": 1}},
        {"content_sha256_hex": "short", "object_id": None, "modified_at": None},
    ],
)
def test_numbers_that_are_none_prove_nothing(project: Project, fields: Mapping[str, object]) -> None:
    """What is no id, no time or no hash is not believed, and not kept; the notebook comes all the same, once."""
    changed = holding(**fields)
    with server(changed) as host:
        env = {"DATABRICKS_HOST": host}
        project.quick(PULL, env=env)
        assert project.read("notebooks/a.py") == SOURCE
        assert "nothing to do" in project.quick(PULL, env=env).out
        changed["export"] = said(SOURCE + b"# more\n")
        project.quick(PULL, env=env)
    assert project.read("notebooks/a.py").endswith(b"# more\n")


@pytest.mark.parametrize("hashed", [False, True])
def test_what_was_packed_on_its_way(project: Project, hashed: bool) -> None:
    """Listings and exports that come packed, though nobody asked for that, are what they were before."""
    sane = {**SANE, **holding(content_sha256_hex=sha256(SOURCE).hexdigest() if hashed else "")}
    typed(project, PULL, {call: packed(sane[call]) for call in ("Me", "list-repo", "list", "get-status", "export")}, 0)
    assert project.read("notebooks/a.py") == SOURCE


def test_no_connection_outlives_a_run(project: Project) -> None:
    """A run closes the connections that it made: a program that makes many runs has none left of them."""
    project.write("notebooks/a.py", notebook("1"))
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        project.push()
        gc.collect()
    assert not [warning for warning in caught if "socket" in str(warning.message)]
