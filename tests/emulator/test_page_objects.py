"""What a person does on the page with whole objects: new, upload, edit, download, move, delete."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import quote

import pytest

from .client import HEADER, Local
from .page import Visitor, read, text_of

HOSTILE = """<script>alert(1)</script>'">{{ 7777*7777 }}"""


@pytest.fixture
def visitor(local: Local) -> Visitor:
    """Somebody who is logged in."""
    made = Visitor(local)
    made.log_in()
    return made


def make(visitor: Visitor, name: str, kind: str = "file", **more: str) -> str:
    """Where the form for a new object leads, or what it says."""
    fields = {"csrf": visitor.csrf(), "kind": kind, "name": name, "language": "PYTHON", "form": "SOURCE", **more}
    reply = visitor.post("/new?path=/Shared", fields)
    return reply.headers.get("location", "") or read(reply)


def test_new(visitor: Visitor) -> None:
    """A folder, a file and notebooks of every kind are made, and lead to where one goes on."""
    assert make(visitor, "d", "folder") == "/workspace?path=%2FShared%2Fd"
    assert make(visitor, "f.txt") == "/file?path=%2FShared%2Ff.txt"
    assert make(visitor, "n", "notebook", language="SQL") == "/edit?path=%2FShared%2Fn&cell=1"
    assert make(visitor, "j", "notebook", form="JUPYTER").startswith("/edit")
    assert visitor.get("/edit?path=/Shared/j&cell=1").status == 200
    assert visitor.local.download("/Shared/n") == b"-- Databricks notebook source"
    assert json.loads(visitor.local.download("/Shared/j", "JUPYTER"))["metadata"]["language_info"]["name"] == "python"
    assert [visitor.local.type_of(f"/Shared/{name}") for name in ("d", "f.txt", "n")] == [
        "DIRECTORY",
        "FILE",
        "NOTEBOOK",
    ]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "n", "n.py"])
def test_names_that_cannot_be(visitor: Visitor, name: str) -> None:
    """A name that is none, that is taken, or that means a notebook that is there, is refused and shown again."""
    visitor.local.put("/Shared/n.py", HEADER + b"a = 1")
    said = make(visitor, name)
    assert "A name is needed" in said or "Requested node type" in said or "already" in said
    assert visitor.local.download("/Shared/n") == HEADER + b"a = 1"
    assert visitor.local.names("/Shared") == ["/Shared/n"]


def test_upload(visitor: Visitor) -> None:
    """Files are uploaded as an import takes them, all or none; what is there is replaced only by who wants it."""
    url, csrf = "/upload?path=/Shared", visitor.csrf()
    files = [("a%22b.bin", b"\0\r\n--y"), ("n.py", HEADER + b"a = 1"), (f"{HOSTILE.replace('/', '')}.txt", b"1")]
    reply = visitor.upload(url, *files[:2], csrf=csrf)
    assert reply.headers["location"] == "/workspace?path=%2FShared&done=uploaded&count=2"
    assert "2 files uploaded." in read(visitor.get(reply.headers["location"]))
    assert (visitor.local.type_of("/Shared/n"), visitor.local.download('/Shared/a"b.bin')) == ("NOTEBOOK", b"\0\r\n--y")
    reply = visitor.upload(url, ("new.txt", b"1"), ("n.py", HEADER + b"b = 2"), csrf=csrf)
    assert reply.status == 400 and "/Shared/n is there already" in read(reply)
    assert visitor.local.type_of("/Shared/new.txt") is None
    assert visitor.upload(url, ("n.py", HEADER + b"b = 2"), csrf=csrf, replace="yes").status == 303
    assert visitor.local.download("/Shared/n") == HEADER + b"b = 2"
    assert visitor.upload(url, csrf=csrf).status == 400
    assert visitor.upload(url, files[0], csrf="x").status == 403
    assert visitor.upload(url, *[("a", b"")] * 300, csrf=csrf).status == 400
    visitor.local.control("settings", {"max_file_bytes": 1000})
    assert visitor.upload(url, ("large", b"x" * 100_000), csrf=csrf).status == 413


def test_edit_a_file(visitor: Visitor) -> None:
    """A text is edited with the line ends it has; what was changed meanwhile is not overwritten."""
    for name, content in (("lf", b"\na\nb\n"), ("crlf", b"a\r\nb\r\n")):
        visitor.local.upload(f"/Shared/{name}", content)
        url = f"/file?path=/Shared/{name}"
        form = visitor.form(url, "file")
        assert form.fields["text"] == content.replace(b"\r", b"").decode()
        assert "done=same" in visitor.send(form).headers["location"]
        assert visitor.send(form, text="é\r\nb\r\n").headers["location"].endswith("done=saved")
        newline = b"\r\n" if name == "crlf" else b"\n"
        assert visitor.local.download(f"/Shared/{name}") == newline.join(["é".encode(), b"b", b""])
        reply = visitor.send(form, text="mine </textarea>")
        assert reply.status == 409 and "mine &lt;/textarea&gt;" in text_of(reply)
        assert visitor.local.download(f"/Shared/{name}").startswith("é".encode())


@pytest.mark.parametrize("content", [b"a\r\nb\n", b"a\rb", b"\0", b"\xff"])
def test_files_that_a_form_would_spoil(visitor: Visitor, content: bytes) -> None:
    """What saving would change elsewhere too is shown, not edited."""
    visitor.local.upload("/Shared/f", content)
    assert 'href="/file' not in text_of(visitor.look("/Shared/f"))
    assert visitor.get("/file?path=/Shared/f").status == 400
    assert visitor.post("/file?path=/Shared/f", {"csrf": visitor.csrf(), "text": "x"}).status == 400
    assert visitor.local.download("/Shared/f") == content


def test_download(visitor: Visitor) -> None:
    """A file comes byte for byte, a notebook in the formats of an export, a folder as an archive; none is shown."""
    name = HOSTILE.replace("/", "") + "é"
    visitor.local.upload(f"/Shared/{name}", b"<script>\0")
    visitor.local.put("/Shared/n.py", HEADER + b"a = 1")
    reply = visitor.get(f"/download?path={quote(f'/Shared/{name}')}")
    assert reply.body == b"<script>\0"
    assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    reply = visitor.get("/download?path=/Shared/n&as=JUPYTER")
    assert reply.headers["content-disposition"].endswith("''n.ipynb") and json.loads(reply.body)["nbformat"] == 4
    assert visitor.get("/download?path=/Shared/n").body == HEADER + b"a = 1"
    with zipfile.ZipFile(io.BytesIO(visitor.get("/download?path=/Shared").body)) as packed:
        assert sorted(packed.namelist()) == sorted([name, "n.py"])
    assert visitor.get("/download?path=/Shared/n&as=EXE").status == 400
    assert visitor.get("/download?path=/none").status == 404


def test_move(visitor: Visitor) -> None:
    """An object gets another name and place with all below it, and never one that is taken."""
    visitor.local.control("edit", [{"path": "/Shared/a/n", "source": "a = 1"}, {"path": "/Shared/b", "text": "b"}])
    form = visitor.form("/move?path=/Shared/a", "move")
    for to, said in (
        ("/Shared/b", "there already"),
        ("/Shared/a/c", "into itself"),
        ("x", "start with"),
        ("/Shared/b/c", ""),
    ):
        reply = visitor.send(form, to=to)
        assert reply.status == 400 and said in read(reply), to
    assert visitor.send(form, to="/Shared/x/y").headers["location"] == "/workspace?path=%2FShared%2Fx%2Fy&done=moved"
    assert visitor.local.download("/Shared/x/y/n") == HEADER + b"a = 1"
    assert visitor.send(form, to="/Shared/z").status == 404
    assert visitor.get("/move?path=/Shared").status == 400


def test_delete(visitor: Visitor) -> None:
    """Deleting asks, names what goes, and asks again when that has changed; standing folders stay."""
    visitor.local.control(
        "edit", [{"path": "/Shared/d/n", "source": "a"}, {"path": f"/Shared/d/{HOSTILE}", "text": ""}]
    )
    form = visitor.form("/remove?path=/Shared/d", "remove")
    said = read(visitor.get("/remove?path=/Shared/d"))
    assert "With it 1 file, 1 folder and 1 notebook will be gone" in said and HOSTILE in said
    visitor.local.control("edit", {"path": "/Shared/d/n", "source": "theirs"})
    reply = visitor.send(form)
    assert reply.status == 409 and "nothing was deleted" in read(reply)
    assert visitor.local.type_of("/Shared/d/n") == "NOTEBOOK"
    reply = visitor.send(visitor.form("/remove?path=/Shared/d", "remove"))
    assert reply.headers["location"] == "/workspace?path=%2FShared&done=removed"
    assert visitor.local.type_of("/Shared/d") is None
    assert visitor.get("/remove?path=/Shared").status == 400


def test_rights(visitor: Visitor) -> None:
    """Where nothing may be changed there is no way to, and a form sent anyway changes nothing."""
    visitor.local.upload("/Shared/d.txt", b"1")
    forms = [visitor.form(f"/{what}?path=/Shared/d.txt", what) for what in ("move", "remove", "file")]
    visitor.local.control("permissions", {"path": "/Shared", "access": "read-only"})
    for url in ("/workspace?path=/Shared/d.txt", "/workspace?path=/Shared"):
        page = text_of(visitor.get(url))
        assert not any(f'href="/{what}?' in page for what in ("move", "remove", "file", "new")), url
    assert [visitor.send(form, to="/x", text="x").status for form in forms] == [403] * 3
    assert visitor.upload("/upload?path=/Shared", ("x", b""), csrf=visitor.csrf()).status == 403
    visitor.local.control("permissions", {"path": "/Shared", "access": None})
    assert visitor.local.download("/Shared/d.txt") == b"1"


def test_search(visitor: Visitor) -> None:
    """Names and texts are searched, below a folder or everywhere; a line leads to its cell; what is hidden stays so."""
    cells = "\n# COMMAND ----------\n".join(["x = 1"] * 120 + [f"rides = '{HOSTILE}'"])
    changes = [{"path": "/Shared/a/n", "source": cells}, {"path": "/Shared/Rides.bin", "text": "\0rides"}]
    visitor.local.control("edit", [*changes, {"path": "/Shared/secret", "text": "rides"}])
    visitor.local.control("permissions", {"path": "/Shared/secret", "access": "unreadable"})
    page = text_of(visitor.get("/search?find=RIDES"))
    assert "2 objects with" in page and "<script" not in page and "secret" not in page
    assert '/workspace?path=%2FShared%2Fa%2Fn&amp;page=2#cell-121"' in page
    assert page.index("Rides.bin") < page.index(">n<")
    assert "Nothing has" in read(visitor.get("/search?find=rides&path=/Users"))
    assert "Nothing has" in read(visitor.get(f"/search?find={quote(HOSTILE)}&path=/Users"))
    assert visitor.get("/search?path=/none&find=x").status == 404
    visitor.local.put("/Shared/j.ipynb", json.dumps({"cells": [{"source": "ridesx", "outputs": ["y"]}]}).encode())
    assert "1 object with" in read(visitor.get("/search?find=ridesX"))
    visitor.local.upload("/Shared/big", b"x" * 9_000_000)
    assert "not all was looked at" in read(visitor.get("/search?find=x"))


def test_since_the_last_import(visitor: Visitor) -> None:
    """What was edited here since it was imported is told and shown line by line, until it is imported again."""
    imported = HEADER + b"a = 1\n\n# COMMAND ----------\n\nb = 2\n"
    visitor.local.put("/Shared/n.py", imported)
    assert "Nothing was changed here" in read(visitor.get("/changes?path=/Shared/n"))
    visitor.edit("/Shared/n", 2, f"b = '{HOSTILE}'")
    visitor.edit("/Shared/n", 1, "a = 2")
    assert "edited here since" in read(visitor.look("/Shared/n"))
    assert "edited here" in read(visitor.look("/Shared"))
    said = read(visitor.get("/changes?path=/Shared/n"))
    assert "\n-a = 1\n" in said and "\n+a = 2\n" in said and f"\n+b = '{HOSTILE}'\n" in said
    visitor.edit("/Shared/n", 2, "b = 2")
    visitor.edit("/Shared/n", 1, "a = 1")
    assert "Its text is as it was imported." in read(visitor.get("/changes?path=/Shared/n"))
    visitor.local.put("/Shared/n.py", imported, overwrite=True)
    assert "edited here" not in read(visitor.look("/Shared/n")) + read(visitor.look("/Shared"))
    make(visitor, "f")
    visitor.send(visitor.form("/file?path=/Shared/f", "file"), text="x")
    assert "made here" in read(visitor.look("/Shared")) and "never imported" in read(
        visitor.get("/changes?path=/Shared/f")
    )
    visitor.local.upload("/Shared/b", b"\0")
    visitor.local.control("edit", {"path": "/Shared/b", "text": "1"})
    assert "It is no text, and was changed." in read(visitor.get("/changes?path=/Shared/b"))
