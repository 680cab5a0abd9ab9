"""No request makes a 500, none keeps the others waiting, and none is remembered in a way that breaks the next one."""

from __future__ import annotations

import io
import json
import select
import socket
import zipfile
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import pytest

from databricks_local.core.documents import MAX_VALUES
from databricks_local.formats import rmarkdown
from databricks_local.jobs.rules.jobs import check_job
from databricks_local.pages.highlight import MAX_COLOURED, coloured
from databricks_local.workspace.archive import MAX_MEMBERS

from .client import HEADER, Local, Reply
from .fuzz import NOT_ASKED, hostile_request
from .test_strangers import Raw, every  # noqa: F401

MALFORMED = (400, "MALFORMED_REQUEST")
WRONG = (400, "INVALID_PARAMETER_VALUE")
ARTIFACT = "/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/1/Runs/x/artifacts/f"


def zipped(*names: str, body: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in names:
            out.writestr(name, body)
    return packed.getvalue()


def posted(name: str, body: str) -> Callable[[Local], Reply]:
    return lambda w: w.raw("POST", f"/api/{name}", body.encode(), w.auth)


TABLE: list[tuple[str, Callable[[Local], Reply], tuple[int, str]]] = [
    ("65 bits", posted("2.2/jobs/delete", '{"job_id": 9223372036854775808}'), MALFORMED),
    ("65 bits in digits", posted("2.2/jobs/delete", '{"job_id": "9223372036854775808"}'), WRONG),
    ("65 bits in a query", lambda w: w.call("GET", f"/api/2.2/jobs/runs/get?run_id={2**63}"), WRONG),
    ("65 bits for the clock", posted("local/clock", '{"mode": "frozen", "at_ms": 1e999}'), MALFORMED),
    ("no number", posted("local/settings", '{"latency_ms": NaN}'), MALFORMED),
    ("another alphabet", lambda w: w.call("GET", "/api/2.2/jobs/get?job_id=%C2%B2"), WRONG),
    ("of DBFS", lambda w: w.call("GET", "/api/2.0/dbfs/read?path=/x&offset=%C2%B2"), WRONG),
    ("half a letter", posted("2.2/jobs/create", '{"name": "\\ud800"}'), MALFORMED),
    ("half a letter for us", posted("local/edit", '{"path": "/x", "text": "\\udc00"}'), MALFORMED),
    ("deep", posted("2.0/secrets/put", '{"a":' + "[" * 50_000 + "]" * 50_000 + "}"), MALFORMED),
    ("deep for us", posted("local/faults", "[" * 500 + "]" * 500), MALFORMED),
    ("many values", posted("2.2/jobs/create", f'{{"tasks": [{"1," * MAX_VALUES}1]}}'), MALFORMED),
    ("a long path", lambda w: w.post("mkdirs", path="/a" * 5000), WRONG),
    ("a deep path", lambda w: w.call("POST", "/api/2.0/dbfs/mkdirs", {"path": "/a" * 1000}), WRONG),
    ("many members", lambda w: w.upload("/z", zipped(*map(str, range(MAX_MEMBERS + 1))), "SOURCE"), WRONG),
    ("a bomb", lambda w: w.upload("/z", zipped("b.bin", body=bytes(50 * 2**20)), "SOURCE"), (400, "")),
    ("a language", lambda w: w.call("POST", "/api/local/edit", {"path": "/n", "object_type": "NOTEBOOK",
                                                                "language": "COBOL"}), WRONG),
    ("a notebook that is none", lambda w: w.call("POST", "/api/local/edit", {
        "path": "/n", "object_type": "NOTEBOOK", "export_format": "JUPYTER", "text": "{"}), WRONG),
    ("a clock", lambda w: w.call("POST", "/api/local/clock", {"offset_ms": 10**18}), (200, "")),
    ("a status", lambda w: w.call("POST", "/api/local/settings", {"missing_job_status": 7}), WRONG),
    ("half a child", lambda w: w.call("POST", "/api/local/settings", {"max_children": 1.5}), WRONG),
    ("a fault", lambda w: w.call("POST", "/api/local/faults", {"action": {"kind": "answer", "status": "x"}}), WRONG),
    ("a secret", lambda w: w.raw("POST", "/oidc/v1/token", b"grant_type=client_credentials",
                                 {"Authorization": "Basic \xfc"}), (401, "")),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_refused(local: Local, ask: Callable[[Local], Reply], expected: tuple[int, str]) -> None:
    """Each is refused as the service refuses what it cannot read, and leaves nothing that breaks another answer."""
    status, code, _ = ask(local).shape
    assert (status, code if expected[1] else "") == expected
    assert local.get("list", path="/").status == 200
    assert local.get("export", path="/", format="AUTO", direct_download="true").status == 200
    assert local.requests()[-1]["status"] == 200
    assert local.control("settings", method="GET")["user"] == "me@example.com"


BODIES = ("2.2/jobs/create", "2.0/workspace/import", "2.0/workspace-files/import-file/x", "2.0/repos/snapshots")


@pytest.mark.parametrize("url", [*(f"/api/{name}" for name in BODIES), "/api/local/edit", "/dbfs/x"])
def test_large_bodies(local: Local, url: str) -> None:
    """A body that is larger than its kind may be is refused before a byte of it has come."""
    with Raw(local) as connection:
        connection.head("POST", url, f"Authorization: Bearer {local.token}", f"Content-Length: {2**40}")
        assert connection.status() == 413


@pytest.mark.parametrize(("digits", "status"), [("2", 200), ("3", 200), ("4", 416), ("9" * 5000, 416), ("²", 200)])
def test_ranges(local: Local, digits: str, status: int) -> None:
    """A range that the file does not have is 416, whatever number it is; what is no range is not looked at."""
    assert local.raw("PUT", ARTIFACT, b"abc", local.auth).status == 204
    headers = {**local.auth, "Range": f"bytes={digits}-".encode().decode("latin-1")}
    assert local.raw("GET", ARTIFACT, headers=headers).status == status


class Counted(str):
    """A text that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_many_parameters() -> None:
    """Work grows with the number of a job's parameters, and not with its square."""
    Counted.compared, number = 0, 20_000
    check_job({"parameters": [{"name": Counted(f"p{at}"), "default": ""} for at in range(number)]}, "2.2")
    assert Counted.compared < 10 * number


BLANK = {"blanks": " \n" * 15_000, "nothing": "\n" * MAX_COLOURED, "tabs": "a\n" + "\t\n" * 400}


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK.keys())
def test_blank_lines(text: str) -> None:
    """No lexer sees white space without an end; what little there is of it usually is coloured all the same."""
    assert "<span" not in coloured(text, "python")
    assert "<span" in coloured("def f():\n" + "\n" * 400, "python")


def test_fences() -> None:
    """Fences of R Markdown that do not end are text; each line is looked at once."""
    assert rmarkdown.to_source(b"```{r}\n" * 100_000).count(b"COMMAND") == 0
    whole = b"---\ntitle: x\n---\nText\n\n```{r a}\n1\n```\n\nmore\n```{r}\n"
    assert rmarkdown.to_source(whole).decode().split("\n\n# COMMAND ----------\n\n") == [
        "# Databricks notebook source\n# MAGIC %md\n# MAGIC Text",
        "1",
        "# MAGIC %md\n# MAGIC more\n# MAGIC ```{r}",
    ]


def test_a_long_import_and_others(local: Local) -> None:
    """While an archive of many notebooks is imported others are answered, and the folder is whole in the end."""
    content = zipped(*(f"{at}.py" for at in range(1000)), body=HEADER + b"1")
    head = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = head % (b"path", b"/Shared/z") + head % (b"format", b"SOURCE") + head % (b"content", content) + b"--x--"
    lines = ["Content-Type: multipart/form-data; boundary=x", f"Content-Length: {len(body)}"]
    assert answered_before(local, "POST /api/2.0/workspace/import", lines, body) > 1
    assert len(local.names("/Shared/z")) == 1000


def test_a_long_export_and_others(local: Local) -> None:
    """While much is packed for one client the others are answered."""
    for number in range(8):
        local.upload(f"/Shared/{number}.bin", Random(number).randbytes(2**20))
    url = "/api/2.0/workspace/export?path=/Shared&format=AUTO&direct_download=true"
    assert answered_before(local, f"GET {url}", [], b"") > 0


def test_a_refused_import_leaves_nothing(local: Local) -> None:
    """An archive that is refused in the middle of it is not there in part."""
    names = [*(f"{at}.py" for at in range(300)), "broken.ipynb"]
    assert local.upload("/Shared/z", zipped(*names, body=HEADER), "SOURCE").status == 400
    assert local.names("/Shared") == []


def answered_before(local: Local, request: str, lines: list[str], body: bytes) -> int:
    """How many requests of another client were answered before this one was, which is answered with 200."""
    address = urlsplit(local.host)
    common = [f"Host: {address.netloc}", f"Authorization: Bearer {local.token}"]
    answered = 0
    with socket.create_connection((address.hostname, address.port), timeout=300) as slow:
        # Others are answered before a new connection is looked at: this one is no longer new.
        slow.sendall("\r\n".join(["GET /api/2.0/preview/scim/v2/Me HTTP/1.1", *common, "", ""]).encode())
        while not slow.recv(65536).endswith(b"}"):
            pass
        slow.sendall("\r\n".join([f"{request} HTTP/1.1", *common, *lines, "", ""]).encode() + body)
        while not select.select([slow], [], [], 0)[0]:
            assert local.get("list", path="/").status == 200
            answered += 1
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    return answered - 1  # the last may have been answered after it


def fuzzed(local: Local, routes: list[tuple[str, str]], count: int, seed: int) -> None:
    random, other = Random(seed), Local(local.host, local.token)
    local.put("/Shared/n.py", HEADER + b"1")
    local.put("/Shared/j.ipynb", json.dumps({"cells": [], "metadata": {}, "nbformat": 4}).encode())
    job = local.call("POST", "/api/2.2/jobs/create", {"name": "a"}).json["job_id"]
    for number in range(count):
        request = hostile_request(random, routes, [str(job)])
        try:
            reply = local.raw(request.method, request.url, request.body, {**local.auth, **request.headers})
        except ConnectionError:
            continue  # it was cut off, which is an answer too
        assert reply.status < 500 or reply.status == 501, (number, request, reply.body)
        if number % 10 == 0:
            assert other.call("GET", "/api/local/status").status == 200
    assert other.control("requests", method="GET")["requests"]


def asked(routes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in routes if not row[1].startswith(NOT_ASKED)]


def test_a_thousand_requests(local: Local, every: list[tuple[str, str]]) -> None:  # noqa: F811
    """None is answered with 500, and the server answers others all the while."""
    fuzzed(local, asked(every), 1000, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_twenty_thousand_requests(local: Local, every: list[tuple[str, str]], seed: int) -> None:  # noqa: F811
    """Nor is any of these."""
    fuzzed(local, asked(every), 1000, seed)
