"""The laws of canonical content, what a file is, and how a notebook is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from databricks_sync.errors import BrokenNotebook
from databricks_sync.model import JUPYTER, SOURCES, Format, Language
from databricks_sync.notebook.cells import Cell, cells
from databricks_sync.notebook.equality import canonical, cleared, digest, digests, file_digest
from databricks_sync.notebook.format import (
    BOM,
    COMMENTS,
    EXTENSIONS,
    HEADER,
    Identity,
    file_name,
    has_header,
    identify,
    parse,
    sha256,
    source_language,
    uploads,
    wire,
)
from databricks_sync.notebook.rewrite import materialise

LANGUAGES = list(Language)


def head(language: Language) -> str:
    return f"{COMMENTS[language]} {HEADER}"


def separator(language: Language) -> str:
    return f"{COMMENTS[language]} COMMAND ----------"


# --- what the workspace does to a source notebook, in its two eras (workspace-api, section 3.1) --------------


def preserved(raw: bytes) -> bytes:
    """Since 2025-12-16: an export is what was imported."""
    return raw


def normalised(raw: bytes) -> bytes:
    """Before: line ends become LF, a header alone gets one, and an export drops exactly one final newline."""
    text = raw.removeprefix(BOM).replace(b"\r\n", b"\n")
    if b"\n" not in text:
        return text + b"\n"
    return text[:-1] if text.endswith(b"\n") else text


def edited(raw: bytes) -> bytes:
    """The editor writes LF, a blank after a bare MAGIC prefix, and no final newline."""
    text = raw.removeprefix(BOM).decode().replace("\r\n", "\n").rstrip("\n")
    comment = re.escape(text.split(" ")[0])
    return re.sub(rf"^({comment} MAGIC)$", r"\1 ", text, flags=re.MULTILINE).encode()


ERAS = [preserved, normalised, edited]

# --- notebooks of all sorts ---------------------------------------------------------------------------------

LINES = st.sampled_from(
    ["", "a = 1", "  b", "# MAGIC", "# MAGIC ", "# MAGIC %md", "# MAGIC\t", "# MAGICAL", "-- MAGIC", "ü", "\f"]
)
ANY_LINES = LINES | st.text(alphabet="ab %#\r\t-M\x85\u2028", max_size=6)
ENDINGS = st.sampled_from(["", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\r\r\n"])


@st.composite
def sources(draw: st.DrawFn) -> tuple[bytes, Language]:
    """A source notebook: any language, line ends, marks, cells and ends."""
    language = draw(st.sampled_from(LANGUAGES))
    newline = draw(st.sampled_from(["\n", "\r\n", "\r\r\n"]))
    body = [draw(st.lists(ANY_LINES, max_size=4)) for _ in range(draw(st.integers(0, 3)))]
    lines = [head(language) + draw(st.sampled_from(["", "  "]))]
    for number, cell in enumerate(body):
        lines += ([separator(language)] if number else []) + cell
    text = newline.join(lines) + draw(ENDINGS)
    return (draw(st.sampled_from([b"", BOM])) + text.encode()), language


TEXTS = st.text(alphabet="ab\n\r%1é\ud800", max_size=8)


def one_of_both(text: str) -> Any:
    return st.sampled_from([text, text.splitlines(keepends=True)])


@st.composite
def jupyter_cells(draw: st.DrawFn) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": draw(st.sampled_from(["code", "markdown", "raw"])),
        "source": draw(TEXTS.flatmap(one_of_both)),
        "metadata": draw(st.sampled_from([{}, {"tags": ["x"]}, {"application/vnd.databricks.v1+cell": {"nuid": "7"}}])),
    }
    if cell["cell_type"] == "code":
        cell |= {"outputs": draw(st.sampled_from([[], [STREAM]])), "execution_count": draw(st.sampled_from([None, 3]))}
    return cell


@st.composite
def jupyters(draw: st.DrawFn) -> bytes:
    """A Jupyter notebook of format 4.0, 4.4 or 4.5, in any layout."""
    made = draw(st.lists(jupyter_cells(), max_size=4))
    minor = draw(st.sampled_from([0, 4, 5]))
    if minor == 5:
        made = [{**cell, "id": f"id-{number}"} for number, cell in enumerate(made)]
    language = draw(st.sampled_from(["python", "R", "scala", "sql"]))
    document = {
        "cells": made,
        "metadata": {"language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": minor,
    }
    indent = draw(st.sampled_from([None, 1, 2, "\t"]))
    return json.dumps(document, indent=indent, sort_keys=draw(st.booleans())).encode()


STREAM = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}


def code(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source, **more}


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def document(*made: dict[str, Any], minor: int = 5, **more: Any) -> bytes:
    whole = {
        "cells": list(made),
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": minor,
    }
    return (
        json.dumps(whole | more, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace")
        + b"\n"
    )


def exported(*made: dict[str, Any]) -> bytes:
    """As the workspace exports: format 4.0, no ids, counts and marks of its own (workspace-api, section 3)."""
    marks = {"application/vnd.databricks.v1+cell": {"nuid": "0", "title": ""}}
    shown = [{k: v for k, v in {**cell, "metadata": marks}.items() if k != "id"} for cell in made]
    return document(*[c | {"execution_count": 0} if c["cell_type"] == "code" else c for c in shown], minor=0)


def valid(raw: bytes) -> dict[str, Any]:
    """The notebook, once nbformat has found nothing wrong with it."""
    notebook = nbformat.reads(raw.decode(), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return json.loads(raw)


# --- the laws -----------------------------------------------------------------------------------------------


class TestSourceLaws:
    @given(sources(), st.none() | sources())
    @example((b"# Databricks notebook source\r\na\r\r\n\r\n", Language.PYTHON), None)
    @example((b"# Databricks notebook source\n", Language.PYTHON), (b"# Databricks notebook source", Language.PYTHON))
    @example((b"# Databricks notebook source\n# MAGIC \r", Language.PYTHON), None)
    def test_writable_and_idempotent(self, one: tuple[bytes, Language], like: tuple[bytes, Language] | None) -> None:
        """L1, L3: what is written down is canonically what was read, in the style of any file."""
        raw, language = one
        written = materialise(raw, SOURCES[language], like[0] if like else None)
        assert canonical(written, SOURCES[language]) == canonical(raw, SOURCES[language])
        assert materialise(written, SOURCES[language], written) == written

    @pytest.mark.parametrize("era", ERAS)
    @given(sources())
    def test_blind_to_the_server(self, era: Any, one: tuple[bytes, Language]) -> None:
        """L2: an import and export changes nothing, and twenty of them change no more than one."""
        raw, language = one
        held = raw = wire(raw, SOURCES[None])
        for _ in range(20):
            held = era(held) if source_language(era(held).decode().split("\n")[0]) else held
        assert canonical(era(raw), SOURCES[language]) == canonical(raw, SOURCES[language])
        assert canonical(held, SOURCES[language]) == canonical(raw, SOURCES[language])

    @pytest.mark.parametrize("era", ERAS)
    @given(sources())
    def test_at_rest(self, era: Any, one: tuple[bytes, Language]) -> None:
        """L4: pulling what was pushed gives the file that was there, byte for byte, when it was clean."""
        raw, language = one
        file = materialise(raw, SOURCES[language], None)
        pulled = materialise(era(file), SOURCES[language], file)
        assert digest(pulled, SOURCES[language]) == digest(file, SOURCES[language])
        assert materialise(era(pulled), SOURCES[language], pulled) == pulled

    @given(sources(), sources())
    def test_not_too_coarse(self, one: tuple[bytes, Language], other: tuple[bytes, Language]) -> None:
        """L5: notebooks whose cells or languages differ are not equal."""
        if one[1] is not other[1] or cells(*part(one)) != cells(*part(other)):
            assert canonical(*part(one)) != canonical(*part(other))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            *(("a", "b"), ("a", "a "), ("a", " a"), ("a\n\nb", "a\nb"), ("a", "a\n# COMMAND ----------")),
            ("é", "e\u0301"),
            ("# MAGIC %md a", "# MAGIC  %md a"),
            ("# MAGICAL", "# MAGICAL "),
            ("a\n ", "a\n"),
            ("A", "a"),
            ("a\rb", "a\nb"),
        ],
    )
    def test_tells_apart(self, one: str, other: str) -> None:
        """Everything the workspace is not known to change on its own counts."""
        raws = [f"{head(Language.PYTHON)}\n{text}".encode() for text in (one, other)]
        assert canonical(raws[0], SOURCES[Language.PYTHON]) != canonical(raws[1], SOURCES[Language.PYTHON])

    def test_python_and_r_differ(self) -> None:
        """The same bytes in R and in Python, which share a header, are two notebooks."""
        raw = f"{head(Language.R)}\nx".encode()
        assert digest(raw, SOURCES[Language.R]) != digest(raw, SOURCES[Language.PYTHON])


def part(one: tuple[bytes, Language]) -> tuple[bytes, Format]:
    return one[0], SOURCES[one[1]]


class TestJupyterLaws:
    @given(jupyters(), st.none() | jupyters())
    def test_writable_and_idempotent(self, raw: bytes, like: bytes | None) -> None:
        """L1, L3: what is written down is canonically what was read, in the layout of any notebook."""
        written = materialise(raw, JUPYTER, like)
        assert canonical(written, JUPYTER) == canonical(raw, JUPYTER)
        assert materialise(written, JUPYTER, written) == written

    @given(jupyters(), st.none() | jupyters())
    def test_the_result_is_valid(self, raw: bytes, like: bytes | None) -> None:
        """nbformat accepts every notebook we write, and the same pull gives the same bytes."""
        written = materialise(raw, JUPYTER, like)
        valid(written)
        assert materialise(raw, JUPYTER, like) == written

    @given(jupyters())
    def test_blind_to_the_server(self, raw: bytes) -> None:
        """L2: outputs, counts, ids, marks, key order and minor version may all change, and it is still equal."""
        shown = parse(raw)
        again = (
            exported(*shown["cells"]).decode().replace('"python"', f'"{shown["metadata"]["language_info"]["name"]}"')
        )
        assert canonical(again.encode(), JUPYTER) == canonical(raw, JUPYTER)

    @given(jupyters(), jupyters())
    def test_not_too_coarse(self, one: bytes, other: bytes) -> None:
        """L5: notebooks whose cells differ are not equal, whatever language they name."""
        alike = [json.dumps({**parse(raw), "metadata": {}}).encode() for raw in (one, other)]
        if cells(alike[0], JUPYTER) != cells(alike[1], JUPYTER):
            assert canonical(one, JUPYTER) != canonical(other, JUPYTER)

    @pytest.mark.parametrize(
        ("change", "counts"),
        [
            ({"outputs": [STREAM]}, True),
            ({"metadata": {"tags": ["x"]}}, True),
            ({"attachments": {"a.png": {"image/png": "AA"}}}, True),
            ({"cell_type": "raw"}, True),
            ({"execution_count": 7}, False),
            ({"id": "7"}, False),
        ],
        ids=["outputs", "tags", "attachments", "raw", "count", "id"],
    )
    def test_extras_are_beside_the_content(self, change: dict[str, Any], counts: bool) -> None:
        """Outputs, tags, images and raw cells are extras and no content; a title is content; a count is neither."""
        plain, changed = document(code("a")), document({**code("a"), **change})
        assert canonical(plain, JUPYTER) == canonical(changed, JUPYTER)
        assert (digests(plain, JUPYTER)[1] != digests(changed, JUPYTER)[1]) is counts

    def test_a_title_is_content(self) -> None:
        """The title of a cell counts as it does in a source notebook; an empty one is none."""
        texts = [
            canonical(
                document({**code("a"), "metadata": {"application/vnd.databricks.v1+cell": of_databricks}}),
                JUPYTER,
            )
            for of_databricks in ({}, {"title": ""}, {"title": "T"}, {"title": 7}, 7)
        ]
        assert texts[0] == texts[1] == texts[3] == texts[4] != texts[2]

    def test_a_cleared_output_is_seen(self) -> None:
        """A cell with outputs in the workspace and none here is one whose outputs were cleared; not the other way."""
        here, there = document(code("a"), code("b")), document(code("a"), {**code("b"), "outputs": [1]})
        assert cleared(here, there) and not cleared(there, here) and not cleared(there, there)


# --- what a file is -------------------------------------------------------------------------------------------

PY = b"# Databricks notebook source"
EXPORTED = PY + b" exported at Mon, 8 Feb 2016 02:39:31 UTC"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.py", PY, Identity("a", SOURCES[Language.PYTHON])),
        ("a.py", PY + b"\nprint(1)", Identity("a", SOURCES[Language.PYTHON])),
        ("a.py", PY + b"\r\nprint(1)", Identity("a", SOURCES[Language.PYTHON])),
        ("a.py", BOM + PY + b"\n", Identity("a", SOURCES[Language.PYTHON])),
        ("a.py", PY + b" \t \nx", Identity("a", SOURCES[Language.PYTHON])),
        ("a.py", EXPORTED + b"\nx", Identity("a", SOURCES[Language.PYTHON])),
        ("a.r", EXPORTED, Identity("a", SOURCES[Language.R])),
        ("a.sql", b"--" + EXPORTED[1:], Identity("a", SOURCES[Language.SQL])),
        ("A.PY", PY, Identity("A", SOURCES[Language.PYTHON])),
        ("a.r", PY, Identity("a", SOURCES[Language.R])),
        ("a.R", PY, Identity("a", SOURCES[Language.R])),
        ("a.sql", b"-- Databricks notebook source", Identity("a", SOURCES[Language.SQL])),
        ("a.scala", b"// Databricks notebook source", Identity("a", SOURCES[Language.SCALA])),
        ("a.b.py", PY, Identity("a.b", SOURCES[Language.PYTHON])),
        ("a.ipynb", b"", Identity("a", JUPYTER)),
        ("a.IPYNB", b"{}", Identity("a", JUPYTER)),
        ("a.py", b"", Identity("a.py")),
        ("a.py", b"print(1)", Identity("a.py")),
        ("a.py", b" " + PY, Identity("a.py")),
        ("a.py", b"\n" + PY, Identity("a.py")),
        ("a.py", b"`" + PY, Identity("a.py")),
        ("a.py", PY + b"s\n", Identity("a.py")),
        ("a.py", b"x = 1  " + PY, Identity("a.py")),
        ("a.py", PY.lower(), Identity("a.py")),
        ("a.sql", PY, Identity("a.sql")),
        ("a.txt", PY, Identity("a.txt")),
        ("a", PY, Identity("a")),
        (".py", PY, Identity(".py")),
        (".ipynb", b"{}", Identity(".ipynb")),
    ],
)
def test_identify(name: str, content: bytes, expected: Identity) -> None:
    """The extension in any case and the header at the very beginning make a notebook, which loses its extension."""
    assert identify(name, content[:64]) == expected


@given(st.text(min_size=1, max_size=12), st.binary(max_size=64))
def test_identify_judges_everything(name: str, content: bytes) -> None:
    """Any name and content is something, and only a notebook's name changes."""
    found = identify(name, content)
    assert name.startswith(found.name) and (found.format or found.name == name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_round_trips(language: Language) -> None:
    """The file name given to a notebook is taken for that notebook."""
    name = file_name("x", SOURCES[language])
    assert identify(name, head(language).encode()) == Identity("x", SOURCES[language])
    assert file_name("x", JUPYTER) == "x.ipynb" and file_name("x", None) == "x"
    assert EXTENSIONS[name[1:]] is language


def test_a_byte_order_mark_is_not_sent() -> None:
    """It would hide the header from the workspace; a file keeps it."""
    assert wire(BOM + PY, SOURCES[None]) == PY
    assert wire(BOM + PY, None) == BOM + PY
    assert has_header(BOM + PY, Language.PYTHON)


def test_digests_of_kinds_and_forms_never_meet() -> None:
    """A file and a notebook, and a notebook in two forms, are never equal."""
    raw = document(code("x"))
    found = {digest(raw, JUPYTER), file_digest(sha256(raw)), digest(PY, SOURCES[None])}
    assert len(found) == 3


# --- cells ----------------------------------------------------------------------------------------------------

CELLS = [
    ("", [("python", "", "")]),
    ("a = 1", [("python", "a = 1", "")]),
    ("a\n\n# COMMAND ----------\n\nb\n", [("python", "a", ""), ("python", "b", "")]),
    ("a\n# COMMAND ------\nb", [("python", "a", ""), ("python", "b", "")]),
    ("a\n # COMMAND ----------\nb", [("python", "a\n # COMMAND ----------\nb", "")]),
    ("# DBTITLE 1,Load, then go\na", [("python", "a", "Load, then go")]),
    ("# MAGIC %md\n# MAGIC # T\n# MAGIC\n# MAGIC x", [("markdown", "# T\n\nx", "")]),
    ("# MAGIC %md-sandbox\n# MAGIC x", [("markdown", "x", "")]),
    ("# DBTITLE 1,T\n# MAGIC %sql\n# MAGIC select 1", [("sql", "select 1", "T")]),
    ("# MAGIC %sh ls -l", [("sh", "ls -l", "")]),
    ("# MAGIC %pip install x", [("pip", "install x", "")]),
    ("# MAGIC %run ./a b", [("run", "./a b", "")]),
    ("# MAGIC %%time\n# MAGIC x", [("python", "%%time\nx", "")]),
    ("# MAGICAL = 1", [("python", "# MAGICAL = 1", "")]),
    ("    a\n\n    b", [("python", "    a\n\n    b", "")]),
]


@pytest.mark.parametrize(("body", "expected"), CELLS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_source_cells(body: str, expected: list[tuple[str, str, str]], newline: str) -> None:
    """A source notebook is split at its separators, and magics become languages."""
    raw = f"{head(Language.PYTHON)}\n{body}".replace("\n", newline).encode()
    assert cells(raw, SOURCES[Language.PYTHON]) == tuple(Cell(*cell) for cell in expected)


@pytest.mark.parametrize("language", LANGUAGES)
def test_source_cells_of_each_language(language: Language) -> None:
    """Separator, title and magic follow the language's comment."""
    mark = COMMENTS[language]
    raw = f"{head(language)}\nx\n{separator(language)}\n{mark} DBTITLE 1,T\n{mark} MAGIC %md\n{mark} MAGIC y".encode()
    assert cells(raw, SOURCES[None if language is not Language.R else language]) == (
        Cell(language.value.lower(), "x"),
        Cell("markdown", "y", "T"),
    )


def test_jupyter_cells() -> None:
    """A Jupyter cell's language is its magic's, else the notebook's; a raw one is what the workspace makes of it."""
    raw = document(
        markdown("# T\n"), code("a\n"), code("%sql\nselect 1"), code("%md x"), {"cell_type": "raw", "source": "r"}
    )
    kinds = [(cell.language, cell.source) for cell in cells(raw, JUPYTER)]
    assert kinds == [("markdown", "# T"), ("python", "a"), ("sql", "select 1"), ("markdown", "x"), ("python", "r")]


DATABRICKS = "application/vnd.databricks.v1+notebook"


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "python"),
        ({"language_info": {"name": "scala"}}, "scala"),
        ({"language_info": {"name": "r"}}, "r"),
        ({"kernelspec": {"language": "R"}}, "r"),
        ({"kernelspec": {"name": "sql"}}, "sql"),
        ({"kernelspec": {"name": "python3"}}, "python"),
        ({"language_info": {"name": "julia"}}, "python"),
        ({"language_info": "x", "kernelspec": 3}, "python"),
        ({DATABRICKS: {"language": "sql"}}, "sql"),
        ({DATABRICKS: {"language": "sql"}, "kernelspec": {"name": "python3"}}, "sql"),
        ({DATABRICKS: {"language": "scala"}, "language_info": {"name": "r"}}, "r"),
        ({DATABRICKS: "sql"}, "python"),
        ({"language_info": {"name": 7}}, "python"),
    ],
)
def test_jupyter_language(metadata: dict[str, Any], language: str) -> None:
    """The notebook's language is what its metadata names, if we know it."""
    assert cells(document(code("x"), metadata=metadata), JUPYTER)[0].language == language


# --- writing down: source ---------------------------------------------------------------------------------------

NEW = PY + b"\na\n# MAGIC %md\n# MAGIC \nb"


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        (None, PY + b"\na\n# MAGIC %md\n# MAGIC \nb\n"),
        (PY + b"\nx\n", PY + b"\na\n# MAGIC %md\n# MAGIC \nb\n"),
        (PY + b"\nx", PY + b"\na\n# MAGIC %md\n# MAGIC \nb"),
        (PY + b"\nx\n\n\n", PY + b"\na\n# MAGIC %md\n# MAGIC \nb\n\n\n"),
        (PY + b"\r\nx\r\n", PY + b"\r\na\r\n# MAGIC %md\r\n# MAGIC \r\nb\r\n"),
        (PY + b"\n# MAGIC\n", PY + b"\na\n# MAGIC %md\n# MAGIC\nb\n"),
        (PY + b"\n# MAGIC \n\n# MAGIC\n", PY + b"\na\n# MAGIC %md\n# MAGIC \nb\n"),
    ],
)
def test_the_style_of_the_file_is_kept(like: bytes | None, expected: bytes) -> None:
    """Line ends, final newlines and the blank after a bare MAGIC stay as they are in the file."""
    assert materialise(NEW, SOURCES[Language.PYTHON], like) == expected


def test_another_language_s_magic_is_left() -> None:
    """In SQL, a line that says `# MAGIC` is no magic, and keeps its blanks."""
    raw = b"-- Databricks notebook source\n# MAGIC  \n-- MAGIC\n"
    like = b"-- Databricks notebook source\n-- MAGIC \n# MAGIC\n"
    assert materialise(raw, SOURCES[None], like) == b"-- Databricks notebook source\n# MAGIC  \n-- MAGIC \n"


# --- writing down: Jupyter ----------------------------------------------------------------------------------------


def test_unchanged_cells_keep_everything() -> None:
    """An edit of one cell changes that cell's lines and no others."""
    one = code("a", id="one", outputs=[STREAM], execution_count=4, metadata={"tags": ["t"]})
    two, three = code("b", id="two", execution_count=0), markdown("c", id="three")
    file = document(one, two, three, metadata={"language_info": {"name": "python"}, "kernelspec": {"x": 1}})
    written = materialise(exported(one, code("B"), three), JUPYTER, file)
    assert written == file.replace(b'"source": "b"', b'"source": "B"')


def test_an_edited_cell_keeps_its_identity() -> None:
    """Its id and metadata stay, its source and outputs are the workspace's."""
    file = document(code("a", id="one", metadata={"tags": ["t"]}, outputs=[STREAM], execution_count=2))
    (cell,) = valid(materialise(exported(code("A", outputs=[])), JUPYTER, file))["cells"]
    assert (cell["id"], cell["metadata"], cell["source"], cell["outputs"]) == ("one", {"tags": ["t"]}, "A", [])


@pytest.mark.parametrize(
    "now",
    [["n", "a", "b"], ["a", "n", "b"], ["a", "b", "n"], ["b"], ["b", "a"], [], ["n", "n"], ["a", "a", "b", "b"]],
)
def test_ids_are_unique_and_stable(now: list[str]) -> None:
    """Whatever was added, removed or moved, the same pull gives the same unique ids, and kept cells keep theirs."""
    file = document(code("a", id="one"), code("b", id="two"))
    written = materialise(exported(*map(code, now)), JUPYTER, file)
    ids = [cell["id"] for cell in valid(written)["cells"]]
    assert len(set(ids)) == len(ids) == len(now)
    assert materialise(exported(*map(code, now)), JUPYTER, file) == written


def test_old_formats_get_no_ids() -> None:
    """A file of format 4.4 stays valid: a cell that comes with an id loses it."""
    fresh = document(code("a"), code("n", id="fresh"))
    written = valid(materialise(fresh, JUPYTER, document(code("a"), minor=4)))
    assert written["nbformat_minor"] == 4 and not any("id" in cell for cell in written["cells"])


def test_a_cell_may_change_its_type() -> None:
    """Code that became text is written as text, with nothing of a code cell left."""
    written = valid(materialise(exported(markdown("a")), JUPYTER, document(code("a", id="one"))))
    assert set(written["cells"][0]) == {"cell_type", "id", "metadata", "source"}


def test_another_language_replaces_the_metadata() -> None:
    """When the plain cells are of another language now, the metadata is the workspace's; not where one stayed."""
    metadata = {"language_info": {"name": "scala"}}
    fresh = document(code("%python\nx", id="a"), code("y"), metadata=metadata)
    assert valid(materialise(fresh, JUPYTER, document(code("x", id="b"))))["metadata"] == metadata
    own = document(code("y", id="b"), code("x"))
    assert valid(materialise(fresh, JUPYTER, own))["metadata"] == json.loads(own)["metadata"]


@pytest.mark.parametrize("like", [None, b"", b"{", b"\xff", b"[]", b'{"cells": 1}', PY])
def test_a_broken_file_lends_no_style(like: bytes | None) -> None:
    """What is replaced need not be a notebook."""
    written = materialise(exported(code("a")), JUPYTER, like)
    assert valid(written)["cells"][0]["source"] == ["a"] and written.endswith(b"}\n")


def test_a_bare_export_becomes_whole() -> None:
    """Fields that the format asks for and an export lacks are added."""
    shown = valid(materialise(b'{"cells": [{"cell_type": "code", "source": "a"}]}', JUPYTER, None))
    assert shown["cells"][0] == {**code("a"), "source": ["a"]} and shown["nbformat"] == 4


def test_half_a_surrogate_pair_survives() -> None:
    """A character that has no UTF-8 is written as JSON's escape for it."""
    raw = b'{"cells": [{"cell_type": "markdown", "source": "\\ud83d!"}]}'
    written = materialise(raw, JUPYTER, None)
    assert b"\\ud83d!" in written and digest(written, JUPYTER) == digest(raw, JUPYTER)


# --- broken notebooks ------------------------------------------------------------------------------------------------

BROKEN = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"cells"',
    b"{}",
    b"\xff\xfe{}",
    "{}".encode("utf-16"),
    b'{"cells": {}}',
    b'{"cells": [1]}',
    b'{"cells": [{}]}',
    b'{"cells": [{"cell_type": 1}]}',
    b'{"cells": [{"cell_type": "code", "source": 1}]}',
    b'{"cells": [{"cell_type": "code", "source": [1]}]}',
    b'{"cells": [], "metadata": []}',
    b'{"cells": [], "x": ' + b"1" * 5000 + b"}",
    b'{"cells": ' + b"[" * 100_000,
    b'{"worksheets": []}',
    b'{"worksheets": [1], "nbformat": 3}',
    b'{"worksheets": [{}], "nbformat": 3, "nbformat_minor": 0, "metadata": {}}',
    b'{"worksheets": [{"cells": [{"cell_type": "code"}]}], "nbformat": 3, "metadata": {}}',
    b'{"worksheets": [], "nbformat": 99, "metadata": {}}',
    b"<<<<<<< HEAD\n{}",
    document(code("a"))[:-9],
]


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_notebook_is_said_to_be_one(raw: bytes) -> None:
    """What cannot be a Jupyter notebook is BrokenNotebook, with a reason in one line."""
    with pytest.raises(BrokenNotebook, match=r"^it[ s]") as caught:
        digest(raw, JUPYTER)
    assert len(str(caught.value)) < 300


NAMES = st.sampled_from(
    [
        *("cells", "cell_type", "source", "metadata", "nbformat", "nbformat_minor", "worksheets", "outputs", "id"),
        *("attachments", "language_info", "kernelspec", "name", "input", "output_type", "x"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(
            st.fixed_dictionaries(
                {"cell_type": st.sampled_from(["code", "markdown", "x"])},
                optional=dict.fromkeys(("source", "outputs", "metadata", "id", "attachments"), ANYTHING),
            )
            | ANYTHING,
            max_size=3,
        ),
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(ANYTHING, max_size=2)}), max_size=2),
        "nbformat": st.sampled_from([1, 2, 3, 4, 5, "4", None, 4.5]),
        "nbformat_minor": ANYTHING,
        "metadata": ANYTHING,
    },
)
DOCUMENTS = (NEAR | ANYTHING).map(lambda value: json.dumps(value).encode())


@given(DOCUMENTS | st.binary(max_size=60), DOCUMENTS)
def test_no_notebook_breaks_us(raw: bytes, like: bytes) -> None:
    """Whatever JSON or bytes stand in an .ipynb, it is a notebook or BrokenNotebook, and never another error."""
    for act in (
        lambda: digest(raw, JUPYTER),
        lambda: wire(raw, JUPYTER),
        lambda: cells(raw, JUPYTER),
        lambda: materialise(raw, JUPYTER, like),
        lambda: materialise(document(code("a")), JUPYTER, raw),
    ):
        try:
            act()
        except BrokenNotebook:
            pass


@pytest.mark.parametrize("depth", [100, 400, 900, 20_000])
def test_a_deep_notebook_breaks_nothing(depth: int) -> None:
    """Metadata nested beyond all measure is kept, or it is BrokenNotebook."""
    raw = b'{"cells": [], "metadata": {"x": ' + b"[" * depth + b"]" * depth + b"}}"
    try:
        assert materialise(raw, JUPYTER, raw) == raw
    except BrokenNotebook:
        assert depth > 100


@given(st.binary(max_size=80), st.sampled_from([None, *LANGUAGES]))
def test_no_source_breaks_us(raw: bytes, language: Language | None) -> None:
    """Whatever bytes stand in a source notebook, it is one or BrokenNotebook, and never another error."""
    for act in (canonical, cells, digest):
        try:
            act(PY + b"\n" + raw, SOURCES[language])
            act(raw, SOURCES[language])
        except BrokenNotebook:
            pass


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(PY + b"\n\xe9", "not UTF-8 (byte 30)"), (b"print(1)", "not the header"), (b"", "not the header")],
)
def test_a_broken_source_is_said_to_be_one(raw: bytes, reason: str) -> None:
    """Source that is not UTF-8 or lacks its header says so."""
    with pytest.raises(BrokenNotebook, match=re.escape(reason)):
        digest(raw, SOURCES[None])


# --- what was uploaded ------------------------------------------------------------------------------------------

LINE = head(Language.PYTHON).encode()
UPLOADED = {
    "as it is exported": LINE + b"\nx = 1\n",
    "no newline at the end": LINE + b"\nx = 1",
    "several newlines at the end": LINE + b"\nx = 1\n\n\n",
    "CRLF": LINE + b"\r\nx = 1\r\ny = 2\r\n",
    "only a header": LINE,
    "no header": b"print(1)\nprint(2)",
    "no header, and a newline": b"print(1)\nprint(2)\n",
    "no header, and CRLF": b"print(1)\r\nprint(2)\r\n",
}


@pytest.mark.parametrize("era", [preserved, normalised])
@pytest.mark.parametrize("name", UPLOADED)
def test_an_export_tells_what_was_uploaded(name: str, era: Callable[[bytes], bytes]) -> None:
    """Among what may have been uploaded is what was, whatever the workspace is known to change of it."""
    raw = UPLOADED[name]
    exported = era(raw) if has_header(raw, Language.PYTHON) else LINE + b"\n" + era(raw)
    assert raw in set(uploads(exported, Language.PYTHON))


def test_an_export_tells_of_nothing_else() -> None:
    """No notebook that says something else may have been uploaded for it."""
    exported = LINE + b"\nx = 1\n"
    told = [one for one in uploads(exported, Language.PYTHON) if has_header(one, Language.PYTHON)]
    assert {digest(one, SOURCES[Language.PYTHON]) for one in told} == {digest(exported, SOURCES[Language.PYTHON])}
