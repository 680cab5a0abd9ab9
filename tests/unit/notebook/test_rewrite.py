"""A file keeps its own bytes where nobody edited it, however it is laid out, and an edit is written in its style."""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.model import JUPYTER, SOURCES, Language
from databricks_sync.notebook.cells import Placed, pieces
from databricks_sync.notebook.equality import canonical
from databricks_sync.notebook.json_text import block, style
from databricks_sync.notebook.merge import NotebookVersion, merge
from databricks_sync.notebook.rewrite import materialise, rewrite

PYTHON = Language.PYTHON
HEADER = "# Databricks notebook source"

# --- JSON in any layout -------------------------------------------------------------------------------------


class Author:
    """Writes JSON as nobody would: blanks, escapes, numbers and repeated keys at random, and never two times alike."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def blank(self) -> str:
        return self.random.choice(["", "", " ", "\n", "\r\n\t", "\n    "])

    def text(self, value: str) -> str:
        return f'"{"".join(map(self.character, value))}"'

    def character(self, char: str) -> str:
        units = [int.from_bytes(pair, "big") for pair in _pairs(char.encode("utf-16-be", "surrogatepass"))]
        escaped = "".join(self.random.choice([f"\\u{unit:04x}", f"\\u{unit:04X}"]) for unit in units)
        short = json.dumps(char, ensure_ascii=False)[1:-1]
        ways = [escaped, "\\/" if char == "/" else short]
        return escaped if "\ud800" <= char <= "\udfff" else self.random.choice([*ways, short, short])

    def written(self, value: Any) -> str:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float):
            return repr(value).replace("e", self.random.choice(["e", "E"]))
        if isinstance(value, list):
            return self.brackets("[]", [self.written(item) for item in value])
        if isinstance(value, dict):
            return self.object({key: self.written(item) for key, item in value.items()})
        return json.dumps(value)

    def object(self, members: dict[str, str]) -> str:
        pairs = [f"{self.text(key)}{self.blank()}:{self.blank()}{text}" for key, text in members.items()]
        if members and self.random.random() < 0.2:
            pairs.insert(0, f"{self.text(self.random.choice([*members]))}:7")
        return self.brackets("{}", pairs)

    def brackets(self, pair: str, parts: list[str]) -> str:
        comma = f"{self.blank()},{self.blank()}"
        return f"{pair[0]}{self.blank()}{comma.join(parts)}{self.blank()}{pair[1]}"


def _pairs(raw: bytes) -> list[bytes]:
    return [raw[at : at + 2] for at in range(0, len(raw), 2)]


TEXTS = st.text(alphabet="a</é\n\x1b'\\\"\u2028🚲\ud83d", max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1) | st.lists(VALUES), st.integers(0))
def test_a_block_is_what_json_reads(value: Any, seed: int) -> None:
    """Its parts hold the values that JSON has there, and put together again they are the same text."""
    text = Author(seed).written(value)
    whole = block(f" {text}\n")
    values = (
        {part.key: part.value for part in whole.parts} if isinstance(value, dict) else [p.value for p in whole.parts]
    )
    assert values == value == json.loads(text)
    assert whole.joined(range(len(whole.parts)), ",") == text


@given(st.dictionaries(TEXTS, VALUES, min_size=1), st.integers(0), VALUES)
def test_a_style_writes_json(document: dict[str, Any], seed: int, value: Any) -> None:
    """Whatever a document looks like, what is written in its style has UTF-8 and is the same value."""
    whole = block(Author(seed).written(document))
    text = style(whole).written(value, whole.line)
    assert json.loads(text.encode()) == value


# --- the law of Jupyter notebooks -----------------------------------------------------------------------------


class Laid(NamedTuple):
    """A notebook and how it is laid out: the texts before, between and after its cells, and those of the cells."""

    cells: list[dict[str, Any]]
    texts: list[str]
    apart: list[str]

    @property
    def raw(self) -> bytes:
        start, end = self.around(0)
        return start + self.texts[0].encode() + end

    def around(self, number: int) -> tuple[bytes, bytes]:
        """What stands before the cell of this number, and after it."""
        before = map("".join, zip(self.apart, self.texts[:number], strict=False))
        after = map("".join, zip(self.texts[number + 1 :], self.apart[number + 2 :], strict=True))
        start = f"{''.join(before)}{self.apart[number]}"
        return start.encode(), f"{self.apart[number + 1]}{''.join(after)}".encode()


STREAM = {"output_type": "stream", "name": "stdout", "text": ["1e-05\n", "</b>\x1b[0m"]}
SCRAPS = st.text(alphabet="ab</é\n\r'\x1b🚲", max_size=8)


@st.composite
def jupyter_cells(draw: st.DrawFn) -> dict[str, Any]:
    source = draw(SCRAPS)
    cell: dict[str, Any] = {
        "cell_type": draw(st.sampled_from(["code", "markdown", "raw"])),
        "source": draw(st.sampled_from([source, source.splitlines(keepends=True)])),
        "metadata": draw(st.sampled_from([{}, {"x": [1e-05, 2, {}]}])),
    }
    if cell["cell_type"] == "markdown" and draw(st.booleans()):
        cell["attachments"] = {"a.png": {"image/png": "AA=="}}
    if cell["cell_type"] == "code":
        cell |= {"outputs": draw(st.sampled_from([[], [STREAM]])), "execution_count": draw(st.sampled_from([None, 3]))}
    return cell


@st.composite
def laid_out(draw: st.DrawFn) -> Laid:
    """A valid notebook in any layout whatever."""
    cells = draw(
        st.lists(jupyter_cells(), min_size=1, max_size=4, unique_by=lambda cell: "".join(cell["source"]).strip())
    )
    minor = draw(st.sampled_from([4, 5]))
    if minor == 5:
        cells = [{"id": f"c{number}", **cell} for number, cell in enumerate(cells)]
    author = Author(draw(st.integers(0)))
    texts = [author.written(cell) for cell in cells]
    frame = {"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": minor}
    members = {key: author.written(value) for key, value in frame.items()}
    place = draw(st.integers(0, 3))
    ordered = [*members.items()]
    ordered.insert(place, ("cells", author.brackets("[]", [f"@{number}@" for number in range(len(cells))])))
    text = draw(st.sampled_from(["", "\ufeff"])) + author.object(dict(ordered)) + author.blank()
    apart = []
    for number in range(len(cells)):
        before, text = text.split(f"@{number}@")
        apart.append(before)
    return Laid(cells, texts, [*apart, text])


def exported(cells: list[dict[str, Any]]) -> bytes:
    """As a workspace gives a notebook that cannot hold raw cells or images: format 4.0, no ids, metadata of its own."""
    marks = {"application/vnd.databricks.v1+cell": {"nuid": "7", "title": ""}}
    shown = [
        {key: cell[key] for key in cell if key not in ("id", "attachments")} | {"metadata": marks} for cell in cells
    ]
    code = {"cell_type": "code", "outputs": [], "execution_count": 0}
    shown = [cell | code if cell["cell_type"] == "raw" else cell for cell in shown]
    frame = {"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 0}
    return json.dumps({"cells": shown, **frame}).encode()


def version(raw: bytes) -> NotebookVersion:
    return NotebookVersion(raw, JUPYTER)


@given(laid_out())
def test_a_notebook_comes_back_byte_for_byte(file: Laid) -> None:
    """Pulled as it was pushed, merged with itself or written with its own cells, a file is what it was."""
    raw = file.raw
    own = [Placed(piece, number) for number, piece in enumerate(pieces(raw, JUPYTER))]
    assert rewrite(raw, JUPYTER, own) == raw
    assert materialise(exported(file.cells), JUPYTER, raw) == raw
    there = version(exported(file.cells))
    assert merge(there, version(raw), there).raw == raw


@given(laid_out(), st.data())
def test_an_edit_stays_within_its_cell(file: Laid, data: st.DataObject) -> None:
    """A cell edited there changes in the file, all around it stays; pulled or merged, and with what belongs to it."""
    number = data.draw(st.integers(0, len(file.cells) - 1))
    cells = list(file.cells)
    cells[number] = cells[number] | {"source": "edited\n" + "".join(cells[number]["source"])}
    pulled = materialise(exported(cells), JUPYTER, file.raw)
    start, end = file.around(number)
    assert pulled.startswith(start) and pulled.endswith(end)
    own = json.loads(pulled[len(start) : len(pulled) - len(end)])
    same = {key: value for key, value in file.cells[number].items() if key != "source"}
    assert {key: value for key, value in own.items() if key != "source"} == same
    assert merge(version(exported(file.cells)), version(file.raw), version(exported(cells))).raw == pulled


@given(laid_out(), st.data())
def test_cells_come_and_go_whole(file: Laid, data: st.DataObject) -> None:
    """Whatever is added, removed or moved there: the cells that stay are as they were, and the file is valid."""
    new = [{"cell_type": "code", "source": "new", "metadata": {}, "outputs": [], "execution_count": 0}]
    order = data.draw(st.permutations([*range(len(file.cells)), -1]))
    order = order[: data.draw(st.integers(0, len(order)))]
    cells = [file.cells[number] if number >= 0 else new[0] for number in order]
    pulled = materialise(exported(cells), JUPYTER, file.raw)
    assert canonical(pulled, JUPYTER) == canonical(exported(cells), JUPYTER)
    nbformat.validate(nbformat.reads(pulled.decode("utf-8-sig"), as_version=nbformat.NO_CONVERT))
    text = pulled.decode()
    assert all(text.count(file.texts[number]) for number in order if number >= 0)
    assert text.startswith(file.apart[0].rstrip()) and text.endswith(file.apart[-1].lstrip())


# --- the style around an edit ---------------------------------------------------------------------------------

FRAME = '"metadata": {}, "nbformat": 4, "nbformat_minor": 4'
A, B = (f'{{"cell_type": "raw", "metadata": {{}}, "source": ["{text}"]}}' for text in "ab")
ONE, TWO = f'{{"cells": [{A}], {FRAME}}}', f'{{"cells": [{A}, {B}], {FRAME}}}'
TABS = json.dumps(json.loads(TWO), indent="\t").replace("\n", "\r\n")
# A file, what its cells say then, and what of the file is replaced by what.
EDITS = {
    "one line": (TWO, ["a", "b\n\x1b"], ('["b"]', '["b\\n", "\\u001b"]')),
    "one line, nothing apart": (
        TWO.replace(" ", ""),
        ["a", "b\nc", "d"],
        ('["b"]}', '["b\\n","c"]},{"cell_type":"raw","metadata":{},"source":["d"]}'),
    ),
    "tabs, CRLF, no newline at the end": (TABS, ["a", "b\nc"], ('\t\t\t\t"b"', '\t\t\t\t"b\\n",\r\n\t\t\t\t"c"')),
    "a new cell in tabs": (
        TABS,
        ["a", "b", "c"],
        (
            '"b"\r\n\t\t\t]\r\n\t\t}',
            '"b"\r\n\t\t\t]\r\n\t\t},\r\n\t\t'
            + TABS[TABS.index("{\r\n\t\t\t") :].split("]\r\n\t\t}")[0].replace('"a"', '"c"')
            + "]\r\n\t\t}",
        ),
    ),
    "a line for each cell": (f'{{"cells": [\n{A},\n{B}\n], {FRAME}}}\n', ["a", "a", "b"], (A, f"{A},\n{A}")),
    "a byte order mark": (f"\ufeff{ONE}", ["A"], ('["a"]', '["A"]')),
    "a source that is a text": (ONE.replace('["a"]', '"a"'), ["a\nb"], ('"a"', '"a\\nb"')),
    "an upper case escape": (TWO.replace('"a"', '"\\u001B"'), ["\x1b", "\x1f"], ('"b"', '"\\u001F"')),
    "escaped for HTML": (
        TWO.replace('"a"', '"\\u003cb\\u003e\\u0027"'),
        ["<b>'", "'<i>\n+1"],
        ('["b"]', '["\\u0027\\u003ci\\u003e\\n", "+1"]'),
    ),
    "end tags": (TWO.replace('"a"', '"a/<\\/b>"'), ["a/</b>", "</i> /"], ('"b"', '"<\\/i> /"')),
    "all slashes": (TWO.replace('"a"', '"a\\/"'), ["a/", "b/"], ('"b"', '"b\\/"')),
    "all ASCII": (TWO.replace('"a"', '"\\u00e9"'), ["é", "ö"], ('"b"', '"\\u00f6"')),
    "only some escaped": (TWO.replace('"a"', '"é\\u2028"'), ["é\u2028", "ö\u2028"], ('"b"', '"ö\\u2028"')),
    "nothing escaped": (TWO, ["a", "é/</b>\x7f"], ('"b"', '"é/</b>\x7f"')),
    "lines that stay": (
        ONE.replace('["a"]', '["\\u003c\\n","<\\n" , "x"]'),
        ["<\n<\ny"],
        ('"x"', '"y"'),
    ),
    "numbers and repeated keys": (TWO.replace("{}", '{"x": 1, "x": 1.0E-5}'), ["a", "c"], ('"b"', '"c"')),
    "the first of two removed": (TWO.replace("}, {", "} , {"), ["b"], (f"{A} , ", "")),
    "the last of two removed": (TWO.replace("}, {", "} , {"), ["a"], (f" , {B}", "")),
    "all removed": (f'{{"cells": [\n {A}\n], {FRAME}}}', [], (f"\n {A}\n", "")),
    "swapped": (TWO.replace("}, {", "} , {"), ["b", "a"], (f"{A} , {B}", f"{B} , {A}")),
    "one in place of none": (f'{{"cells": [ ], {FRAME}}}', ["a"], ("[ ]", f"[{A}]")),
    "none": (f'{{"cells": [ ], {FRAME}}}', [], ("", "")),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_in_the_style_of_the_file(name: str) -> None:
    """What is written looks like what stands around it, and nothing else is written."""
    text, sources, (old, new) = EDITS[name]
    cells = [{"cell_type": "raw", "metadata": {}, "source": source} for source in sources]
    pulled = materialise(json.dumps({"cells": cells}).encode(), JUPYTER, text.encode())
    assert pulled.decode() == text.replace(old, new, 1)


def test_outputs_come_with_an_edit_only() -> None:
    """The outputs of a cell that ran there are taken where somebody edited it, and its count with them."""
    cell = {"cell_type": "code", "metadata": {"x": 1}, "execution_count": 3, "outputs": [], "source": "a"}
    raw = json.dumps({"cells": [cell, cell | {"source": "b"}], "nbformat": 4, "nbformat_minor": 4, "metadata": {}})
    ran = [
        cell | {"source": source, "outputs": [STREAM], "execution_count": 8, "metadata": {}} for source in ("a", "B")
    ]
    pulled = materialise(exported(ran), JUPYTER, raw.encode())
    first, second = json.loads(pulled)["cells"]
    assert first == cell
    assert second == cell | {"source": "B", "outputs": [STREAM], "execution_count": 8}


def test_outputs_come_when_asked_for() -> None:
    """With `outputs`, those of a cell that nobody edited come too; all else stays, and so do raw cells."""
    cell = {"cell_type": "code", "metadata": {"x": 1}, "execution_count": 3, "outputs": [], "source": "a"}
    cells = [cell, cell | {"source": "b"}, {"cell_type": "raw", "metadata": {}, "source": "r"}]
    raw = json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}).encode()
    ran = exported([cell | {"outputs": [STREAM], "execution_count": 8}, *cells[1:]])
    pulled = materialise(ran, JUPYTER, raw, outputs=True)
    assert json.loads(pulled)["cells"] == [cell | {"outputs": [STREAM], "execution_count": 8}, *cells[1:]]
    assert materialise(ran, JUPYTER, pulled, outputs=True) == pulled
    assert materialise(ran, JUPYTER, raw) == raw


def test_an_image_goes_with_the_text_that_shows_it() -> None:
    """An edit there of a cell with images keeps those that it still shows, and takes away the others."""
    images = {name: {"image/png": name} for name in ("a b.png", "c.png", "old.png")}
    source = "![](attachment:a%20b.png) ![](attachment:c.png)"
    cell = {"cell_type": "markdown", "metadata": {}, "source": source, "attachments": images}
    raw = json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 4, "metadata": {}}).encode()
    edited = exported([cell | {"source": "edited ![](attachment:a%20b.png)"}])
    (pulled,) = json.loads(materialise(edited, JUPYTER, raw))["cells"]
    assert pulled["attachments"] == {name: images[name] for name in ("a b.png", "old.png")}


def test_a_title_comes_alone() -> None:
    """A title that was set there goes into the cell's metadata; what else stands in it stays."""
    of_databricks = "application/vnd.databricks.v1+cell"
    cell = {"cell_type": "raw", "metadata": {"x": 1, of_databricks: {"nuid": "1"}}, "source": "a"}
    raw = json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 4, "metadata": {}}).encode()
    titled = {**cell, "metadata": {of_databricks: {"nuid": "2", "title": "T", "showTitle": True}}}
    there = json.dumps({"cells": [titled], "nbformat": 4, "nbformat_minor": 0, "metadata": {}}).encode()
    (pulled,) = json.loads(materialise(there, JUPYTER, raw))["cells"]
    metadata = {"x": 1, of_databricks: {"nuid": "1", "title": "T", "showTitle": True}}
    assert pulled == {**cell, "metadata": metadata}


# --- the law of source notebooks --------------------------------------------------------------------------------

LINES = st.sampled_from(["a = 1", "b", "", "# MAGIC", "# MAGIC ", "# MAGIC %md", "# DBTITLE 1,T", "ü"])


@st.composite
def source_lines(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """The lines of a source notebook cell by cell, each as it is spelled, and what ends the file."""
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\n", "\r\n", "\r\r\n"]]))
    header = draw(st.sampled_from(["", "\ufeff"])) + HEADER + draw(st.sampled_from(["", "  "]))
    cells = [[header, "cell = 0"]]
    for number in range(1, draw(st.integers(2, 4))):
        cells.append([f"# COMMAND ----------{draw(st.sampled_from(['', ' ']))}", f"cell = {number}"])
    for cell in cells:
        cell += draw(st.lists(LINES, max_size=3))
        cell[1:1] = [""] * draw(st.integers(0, 2))
    spelled = [[line + draw(st.sampled_from(ends)) for line in cell] for cell in cells]
    spelled[-1].append("end")
    return spelled, draw(st.sampled_from(["", "\n", "\r\n", "\n\n\n", "\r\n\n"]))


def saved(text: str) -> bytes:
    """As the workspace gives it after an edit in the browser: LF, a blank after a bare MAGIC, no newline at the end."""
    lines = text.removeprefix("\ufeff").replace("\r", "").rstrip("\n").split("\n")
    return "\n".join(line.rstrip() + " " if line.rstrip() == "# MAGIC" else line for line in lines).encode()


@given(source_lines(), st.data())
def test_untouched_lines_keep_their_bytes(file: tuple[list[list[str]], str], data: st.DataObject) -> None:
    """A line edited there changes in the file, and all others keep their bytes; pulled or merged."""
    cells, ending = file
    text = "".join(map("".join, cells)) + ending
    base, here = NotebookVersion(saved(text), SOURCES[PYTHON]), NotebookVersion(text.encode(), SOURCES[PYTHON])
    assert materialise(base.raw, SOURCES[PYTHON], here.raw) == here.raw
    assert merge(base, here, base).raw == here.raw
    number = data.draw(st.integers(0, len(cells) - 1))
    there = NotebookVersion(base.raw.replace(b"cell = %d" % number, b"edited"), SOURCES[PYTHON])
    expected = text.replace(f"cell = {number}", "edited").encode()
    pulled = materialise(there.raw, SOURCES[PYTHON], here.raw)
    before, after = expected.split(b"\n"), pulled.split(b"\n")
    assert [line.rstrip() for line in after] == [line.rstrip() for line in before]
    assert len([line for line, same in zip(after, before, strict=True) if line != same]) <= 1
    assert merge(base, here, there).raw == pulled


SOURCE_EDITS = {
    "one CRLF among LF": ("a\r\nb\nc\n", "a\nB\nc", "a\r\nB\r\nc\n"),
    "two styles of a bare MAGIC": (
        "# MAGIC\n# MAGIC \nb",
        "# MAGIC \n# MAGIC \nB\n# MAGIC ",
        "# MAGIC\n# MAGIC \nB\n# MAGIC ",
    ),
    "a bare MAGIC where there is none": ("a\n", "a\n# MAGIC ", "a\n# MAGIC \n"),
    "blank lines between the cells": (
        "a\n\n\n# COMMAND ----------\nb\n\n\n",
        "a\n\n\n# COMMAND ----------\nB\n\n# COMMAND ----------\n\nc",
        "a\n\n\n# COMMAND ----------\nB\n\n# COMMAND ----------\n\nc\n\n\n",
    ),
    "the last cell removed": ("a\r\n\r\n# COMMAND ----------\r\n\r\nb\r\n", "a", "a\r\n"),
}


@pytest.mark.parametrize("name", SOURCE_EDITS)
def test_a_line_in_the_style_of_the_file(name: str) -> None:
    """New lines end as the line before them, a bare MAGIC is spelled as the one before, and the file ends as it did."""
    here, there, expected = (f"{HEADER}  \n{text}".encode() for text in SOURCE_EDITS[name])
    assert materialise(there, SOURCES[PYTHON], here) == expected
