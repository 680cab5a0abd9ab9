"""What an import becomes."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from .client import HEADER, HOME, Local

AUTO = [
    # name, content, resulting path, type, language
    ("plain", HEADER, "plain", "FILE", None),
    ("x.py", HEADER + b"print(1)", "x", "NOTEBOOK", "PYTHON"),
    ("x.py", b"`# Databricks notebook source\nprint(1)", "x", "NOTEBOOK", "PYTHON"),
    ("x.py", b"# Databricks notebook source\r\nprint(1)", "x", "NOTEBOOK", "PYTHON"),
    ("x.py", b"\n" + HEADER, "x.py", "FILE", None),
    ("not-a-notebook.py", b"print(1)", "not-a-notebook.py", "FILE", None),
    ("q.sql", b"-- Databricks notebook source\nselect 1", "q", "NOTEBOOK", "SQL"),
    ("s.scala", b"// Databricks notebook source\n1", "s", "NOTEBOOK", "SCALA"),
    ("s.r", HEADER, "s", "NOTEBOOK", "R"),
    ("s.R", HEADER, "s", "NOTEBOOK", "R"),
    ("s.PY", HEADER, "s", "NOTEBOOK", "PYTHON"),
    ("q.sql", HEADER, "q.sql", "FILE", None),
    ("data.csv", b"a,b\r\n1,2\r\n", "data.csv", "FILE", None),
    ("d.lvdash.json", b"{}", "d.lvdash.json", "DASHBOARD", None),
    ("d.designer.ipynb", b"{}", "d.designer.ipynb", "DESIGNER_FILE", None),
    (".py", HEADER, ".py", "FILE", None),
]


@pytest.mark.parametrize(("name", "content", "path", "kind", "language"), AUTO)
def test_auto(local: Local, name: str, content: bytes, path: str, kind: str, language: str | None) -> None:
    """AUTO decides by extension and first line, by JSON, by parts and by the older call alike."""
    for number, put in enumerate((local.put, local.upload, local.import_file)):
        folder = f"{HOME}/{number}"
        local.post("mkdirs", path=folder)
        assert put(f"{folder}/{name}", content).status == 200
        told = local.get("get-status", path=f"{folder}/{path}").json
        assert (told["object_type"], told.get("language")) == (kind, language)
        assert local.names(folder) == [f"{folder}/{path}"]


def ipynb(language: str | None = "python", *cells: str) -> bytes:
    metadata = {"language_info": {"name": language}} if language else {}
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}).encode()


@pytest.mark.parametrize("language", ["python", "R", "scala", "sql", None])
def test_ipynb(local: Local, language: str | None) -> None:
    """An .ipynb becomes a notebook in its own language, Python when it names none, and is marked JUPYTER."""
    assert local.put(f"{HOME}/n.ipynb", ipynb(language, "1")).status == 200
    told = local.get("get-status", path=f"{HOME}/n", return_export_info="true").json
    assert told["language"] == (language or "python").upper()
    assert told["repos_export_format"] == "JUPYTER"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 1}', b"\xff", b'{"cells": [1]}'])
def test_broken_ipynb(local: Local, content: bytes) -> None:
    """A broken .ipynb is refused with 400 and leaves nothing behind."""
    assert local.upload(f"{HOME}/n.ipynb", content).status == 400
    assert local.names(HOME) == []


def test_source_keeps_the_path(local: Local) -> None:
    """SOURCE with a language makes a notebook of anything and keeps the path verbatim."""
    assert local.put(f"{HOME}/x.py", b"print(1)", "SOURCE", language="PYTHON").status == 200
    assert local.type_of(f"{HOME}/x.py") == "NOTEBOOK"
    assert local.download(f"{HOME}/x.py") == b"# Databricks notebook source\nprint(1)"


def test_raw_is_a_file(local: Local) -> None:
    """RAW makes a file even of what carries the header."""
    local.put(f"{HOME}/x.py", HEADER, "RAW")
    assert local.type_of(f"{HOME}/x.py") == "FILE"
    assert local.download(f"{HOME}/x.py", "AUTO") == HEADER


def test_empty_content(local: Local) -> None:
    """An empty file comes in by parts and by the older call, never as JSON."""
    assert local.upload(f"{HOME}/a.py", b"").status == 200
    assert local.import_file(f"{HOME}/b.txt", b"").status == 200
    assert local.put(f"{HOME}/c.txt", b"").shape[::2] == (400, "No input data source provided")
    assert local.post("import", path=f"{HOME}/d", format="AUTO").status == 400
    assert [local.type_of(f"{HOME}/{name}") for name in ("a.py", "b.txt")] == ["FILE", "FILE"]


def test_identifier_survives_overwrites(local: Local) -> None:
    """An overwrite keeps the identifier and the time of creation, and may change the language."""
    first = local.put(f"{HOME}/x", b"1", "SOURCE", language="PYTHON").json["object_id"]
    second = local.put(f"{HOME}/x", b"2", "SOURCE", language="SQL", overwrite=True).json["object_id"]
    told = local.get("get-status", path=f"{HOME}/x").json
    assert first == second == told["object_id"]
    assert told["language"] == "SQL"
    assert told["created_at"] <= told["modified_at"]


def zipped(**members: bytes) -> bytes:
    """A zip of members, whose names have `__` for a slash and `_` for a dot."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, body in members.items():
            out.writestr(name.replace("__", "/").replace("_", "."), body)
    return packed.getvalue()


ALL = zipped(a_py=HEADER + b"1", deep__b_sql=b"select 1", c_ipynb=b'{"cells": []}', d_csv=b"1", e_csv=b"2")
AS_SENT = {
    "a": "NOTEBOOK",
    "deep": "DIRECTORY",
    "deep/b": "NOTEBOOK",
    "c": "NOTEBOOK",
    "d.csv": "FILE",
    "e.csv": "FILE",
}


@pytest.mark.parametrize(
    ("settings", "different"),
    [
        ({}, {}),
        ({"archive_sources": "files"}, {"a": None, "deep/b": None, "a.py": "FILE", "deep/b.sql": "FILE"}),
        ({"archive_sources": "dropped"}, {"deep": None, "deep/b": None}),
        ({"archive_jupyter": "files"}, {"c": None, "c.ipynb": "FILE"}),
        ({"archive_files": "dropped"}, {"d.csv": None}),
    ],
    ids=str,
)
def test_zip_of_sources(local: Local, settings: dict[str, str], different: dict[str, str | None]) -> None:
    """SOURCE without a language takes a zip and makes a folder, of what the settings say of its members."""
    local.control("settings", settings)
    assert local.put(f"{HOME}/all", ALL, "SOURCE").status == 200
    objects = local.get("list-repo", path=f"{HOME}/all").json["objects"]
    found = {one["path"].removeprefix(f"{HOME}/all/"): one["object_type"] for one in objects}
    assert found == {name: kind for name, kind in {**AS_SENT, **different}.items() if kind}


def test_a_zip_that_is_altered(local: Local) -> None:
    """Every second notebook holds something else than was sent, if that is asked for."""
    local.control("settings", {"archive_sources": "altered"})
    local.put(f"{HOME}/all", zipped(a_py=HEADER, b_py=HEADER), "SOURCE")
    assert [local.download(f"{HOME}/all/{name}") for name in "ab"] == [HEADER, HEADER + b"\naltered"]


@pytest.mark.parametrize(
    ("settings", "code", "text"),
    [
        ({"source_archives": False}, "INVALID_PARAMETER_VALUE", "only supported for the DBC format"),
        ({"archive_files": "refused"}, "INVALID_PARAMETER_VALUE", "is not a notebook"),
        ({"max_archive_bytes": 100}, "MAX_NOTEBOOK_SIZE_EXCEEDED", "exceeded max size"),
        ({"max_json_bytes": 100}, "MAX_NOTEBOOK_SIZE_EXCEEDED", "exceeded max size"),
        ({"max_unpacked_bytes": 20}, "MAX_NOTEBOOK_SIZE_EXCEEDED", "exceeded max size"),
        ({"max_source_bytes": 1}, "MAX_NOTEBOOK_SIZE_EXCEEDED", "exceeded max size"),
    ],
    ids=str,
)
def test_a_zip_that_is_refused(local: Local, settings: dict[str, object], code: str, text: str) -> None:
    """A zip that is not taken leaves nothing behind."""
    local.control("settings", settings)
    refused = local.put(f"{HOME}/all", ALL, "SOURCE")
    assert (refused.status, refused.shape[1]) == (400, code) and text in refused.json["message"]
    assert local.get("get-status", path=f"{HOME}/all").status == 404


def test_a_zip_that_is_posted(local: Local) -> None:
    """A zip may also come as a part of a body, larger than JSON may hold, if the settings do not say otherwise."""
    local.control("settings", {"max_json_bytes": 100})
    assert local.upload(f"{HOME}/all", ALL, "SOURCE").status == 200
    assert local.names(f"{HOME}/all") == [f"{HOME}/all/{name}" for name in ("a", "c", "d.csv", "deep", "e.csv")]
    local.control("settings", {"posted_archives": False, "max_json_bytes": 10_000})
    assert local.upload(f"{HOME}/other", ALL, "SOURCE").shape[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert local.get("get-status", path=f"{HOME}/other").status == 404
    assert local.put(f"{HOME}/other", ALL, "SOURCE").status == 200


def test_a_zip_never_replaces(local: Local) -> None:
    """Where anything has the path, nothing is touched, with `overwrite` or without."""
    local.post("mkdirs", path=f"{HOME}/folder")
    local.put(f"{HOME}/notebook", HEADER, "SOURCE", language="PYTHON")
    for name in ("folder", "notebook"):
        for more in ({}, {"overwrite": True}):
            assert local.put(f"{HOME}/{name}", ALL, "SOURCE", **more).shape[1] == "RESOURCE_ALREADY_EXISTS"
    assert local.names(f"{HOME}/folder") == [] and local.download(f"{HOME}/notebook") == HEADER


def test_folder_archive_comes_back(local: Local) -> None:
    """A folder exported as DBC and imported elsewhere holds the same notebooks."""
    local.post("mkdirs", path=f"{HOME}/a/deep")
    cells = HEADER + b"1\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC text\n\n# COMMAND ----------\n\n2"
    local.put(f"{HOME}/a/deep/x", cells, "SOURCE", language="PYTHON")
    packed = local.download(f"{HOME}/a", "DBC")
    assert local.put(f"{HOME}/b", packed, "DBC").status == 200
    assert local.download(f"{HOME}/b/deep/x") == cells
    assert local.put(f"{HOME}/b", packed, "DBC", overwrite=True).shape[1] == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.parametrize("form", ["HTML", "R_MARKDOWN", "JUPYTER"])
def test_other_formats_come_back(local: Local, form: str) -> None:
    """HTML, R Markdown and Jupyter exports can be imported again and hold the same cells."""
    text = HEADER + b"# MAGIC %md\n# MAGIC Title <b>\n\n# COMMAND ----------\n\nx <- 1"
    local.put(f"{HOME}/x", text, "SOURCE", language="R")
    assert local.put(f"{HOME}/y", local.download(f"{HOME}/x", form), form).status == 200
    assert local.download(f"{HOME}/y") == text
    assert local.get("get-status", path=f"{HOME}/y").json["language"] == "R"


@pytest.mark.parametrize("name", ["a b+c.txt", "e#i.txt", "ü b.txt", "日本.txt", "x:1.txt", "100%.txt", "a?b&c=d.txt"])
def test_names(local: Local, name: str) -> None:
    """Names with blanks, signs and letters of any script come back as they were sent."""
    for put in (local.put, local.upload, local.import_file):
        local.control("reset")
        assert put(f"{HOME}/{name}", b"1").status == 200
        assert local.names(HOME) == [f"{HOME}/{name}"]
        assert local.download(f"{HOME}/{name}") == b"1"
