"""Databricks source and Jupyter notebooks: what is one, and what it says. Pure.

A notebook is a `.py .sql .scala .r` file whose first line is the Databricks header, or any `.ipynb`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook
from databricks_sync.model import JUPYTER, SOURCES, Form, Format, Language

from .old_format import converted, is_old, may_be_old

HEADER = "Databricks notebook source"
EXTENSIONS = {
    ".py": Language.PYTHON,
    ".sql": Language.SQL,
    ".scala": Language.SCALA,
    ".r": Language.R,
}
SUFFIXES = {language: suffix for suffix, language in EXTENSIONS.items()}
COMMENTS = {Language.PYTHON: "#", Language.SQL: "--", Language.SCALA: "//", Language.R: "#"}
_HEADERS = {language: f"{comment} {HEADER}".encode() for language, comment in COMMENTS.items()}
BOM = b"\xef\xbb\xbf"
# Where the metadata of a Jupyter notebook names its language; the first that is one we know counts.
_LANGUAGE_FIELDS = (
    ("language_info", "name"),
    ("kernelspec", "language"),
    ("application/vnd.databricks.v1+notebook", "language"),
    ("kernelspec", "name"),
)


class Identity(NamedTuple):
    """What a local file is called in the workspace, and the format of the notebook that it is; None for a file."""

    name: str
    format: Format | None = None


def identify(name: str, head: bytes) -> Identity:
    """What the file called `name` is, whose content begins with `head` (64 bytes are enough)."""
    suffix = _suffix(name)
    stem = name[: -len(suffix)] if suffix else name
    if suffix.lower() == ".ipynb":
        return Identity(stem, JUPYTER)
    language = EXTENSIONS.get(suffix.lower())
    if language and has_header(head, language):
        return Identity(stem, SOURCES[language])
    return Identity(name)


def has_header(head: bytes, language: Language) -> bool:
    """Whether content beginning with `head` is a notebook in `language`: its first line begins with the header.

    SERVER: what follows the header, such as `exported at <date>`, is no matter. Nor is what stands before it on the
    line (databricks/cli, TestImportFileUsingContentFormatAuto); that may be code, so here it makes a file.
    """
    first = head.removeprefix(BOM).split(b"\n", 1)[0]
    header = _HEADERS[language]
    return first.startswith(header) and not first[len(header) : len(header) + 1].strip()


def uploads(exported: bytes, language: Language | None) -> Iterator[bytes]:
    """What else may have been uploaded for a source notebook to be exported as these bytes.

    SERVER: the export adds a header where there was none, to this day; until 2025-12-16 line ends became LF, the last
    newline was dropped, and a header alone got one (databricks/cli PR 4256, inspera/blackbricks PR 36).
    """
    header = _HEADERS[language] + b"\n" if language else b""
    for text in {exported, exported.removeprefix(header)}:
        crlf = text.replace(b"\n", b"\r\n")
        yield from (text, text + b"\n", text.removesuffix(b"\n"), crlf, crlf + b"\r\n")


def cut_short(name: str, raw: bytes) -> bool:
    """Whether `raw` is but the beginning of a notebook's first line: what an editor has of it while it saves."""
    language = EXTENSIONS.get(_suffix(name).lower())
    return language is not None and _HEADERS[language].startswith(raw.removeprefix(BOM))


def _suffix(name: str) -> str:
    """That of a file name, with its dot; "" for `.py` and `a.`."""
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def file_name(name: str, format: Format | None) -> str:
    """The local file name of an object the workspace calls `name`."""
    if format is None:
        return name
    return f"{name}.ipynb" if format.form is Form.JUPYTER else name + SUFFIXES[format.language or Language.PYTHON]


def wire(raw: bytes, format: Format | None) -> bytes:
    """The bytes to send: of a file its own.

    Those of a notebook come without a byte order mark, which would hide its header, and a Jupyter one's in format 4;
    what is broken stays as it is.
    """
    if format is None:
        return raw
    text = raw.removeprefix(BOM)
    return in_format_4(text) if format.form is Form.JUPYTER else text


def in_format_4(raw: bytes) -> bytes:
    """The bytes of a Jupyter notebook of an older format in format 4; all others as they are."""
    if may_be_old(raw):
        try:
            document = _loaded(raw)
            return converted(document) if is_old(document) else raw
        except BrokenNotebook:
            pass
    return raw


def sha256(data: bytes) -> str:
    """The hash of bytes as the workspace tells it: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def spoken_in(first_line: str, language: Language | None) -> Language:
    """The language of a source notebook: the one that is known, or else what its first line says."""
    spoken = language or source_language(first_line)
    if spoken is None:
        raise BrokenNotebook("its first line is not the header of a Databricks notebook")
    return spoken


def source_language(first_line: str) -> Language | None:
    """The language family a header line speaks; Python and R share one, so R is told by its extension."""
    for language in COMMENTS:
        if has_header(first_line.encode("utf-8", "replace"), language):
            return language
    return None


def lines_of(raw: bytes) -> list[str]:
    """The lines of a source notebook, whatever ends them. Raises BrokenNotebook."""
    return text_of(raw).split("\n")


def text_of(raw: bytes) -> str:
    """A source notebook with plain newlines. Raises BrokenNotebook."""
    try:
        text = raw.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenNotebook(f"it is not UTF-8 (byte {error.start + 1})") from None
    return _plain_newlines(text)


def _plain_newlines(text: str) -> str:
    # Several carriage returns are one line end converted too often; kept, they would not survive a CRLF checkout.
    return re.sub(r"\r+(\n|\Z)", r"\1", text) if "\r" in text else text


# --- Jupyter ---------------------------------------------------------------------------------------------


def parse(raw: bytes) -> dict[str, Any]:
    """A Jupyter notebook as a dictionary of format 4. Raises BrokenNotebook."""
    document = _loaded(raw)
    if is_old(document):
        document = _loaded(converted(document))
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        raise BrokenNotebook("it has the worksheets of an old notebook format, but not its number")
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise BrokenNotebook("it has no list of cells, so it is not a Jupyter notebook")
    if not isinstance(document.get("metadata", {}), dict):
        raise BrokenNotebook("its metadata is not an object, so it is not a Jupyter notebook")
    return dict(document)


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw.removeprefix(BOM).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also a number of too many digits
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BrokenNotebook(f"it is not valid JSON{where}") from None


def _is_cell(cell: object) -> bool:
    return isinstance(cell, dict) and isinstance(cell.get("cell_type"), str) and _is_text(cell.get("source", ""))


def _is_text(source: object) -> bool:
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))


def jupyter_language(document: dict[str, Any]) -> Language:
    """The notebook's default language: Python unless its metadata names another we know."""
    metadata = document.get("metadata") or {}
    for section, field in _LANGUAGE_FIELDS:
        values = metadata.get(section)
        name = values.get(field) if isinstance(values, dict) else None
        if isinstance(name, str) and name.upper() in Language.__members__:
            return Language[name.upper()]
    return Language.PYTHON


def source_of(cell: dict[str, Any]) -> str:
    """What is written in a Jupyter cell."""
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    return _plain_newlines(text).rstrip("\n")
