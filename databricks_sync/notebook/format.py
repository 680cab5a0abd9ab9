"""Databricks source and Jupyter notebooks: what is one, what it says, and how to write it down. Pure.

A notebook is a `.py .sql .scala .r` file whose first line is the Databricks header, or any `.ipynb`. Two
texts are the same notebook when their *canonical* text is equal. Canonical text is blind to everything the
workspace is known to change on its own, and to nothing else:

- source: byte order mark, carriage returns at line ends, blanks after the header and after a bare MAGIC prefix,
  trailing newlines (until 2025-12-16 an export dropped exactly one of them; since then it keeps them all);
- Jupyter: outputs, execution counts, ids, metadata, key order and minor version: an export rewrites them all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook, OldNotebook
from databricks_sync.model import Form, Kind, Language

# Raised when `canonical` changes its mind; digests of another version are never compared with ours.
CANON_VERSION = 1

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
# The workspace gives these a type of their own (DESIGNER_FILE, DASHBOARD) and keeps the whole name.
NOT_NOTEBOOKS = (".designer.ipynb", ".lvdash.json")


class Identity(NamedTuple):
    """What a local file is: a notebook (`form` set) or a workspace file, and its name in the workspace."""

    name: str
    kind: Kind
    form: Form | None = None
    language: Language | None = None


def identify(name: str, head: bytes) -> Identity:
    """What the file called `name` is, whose content begins with `head` (64 bytes are enough)."""
    suffix = _suffix(name)
    stem = name[: -len(suffix)] if suffix else name
    if suffix.lower() == ".ipynb" and not name.lower().endswith(NOT_NOTEBOOKS):
        return Identity(stem, Kind.NOTEBOOK, Form.JUPYTER)
    language = EXTENSIONS.get(suffix.lower())
    if language and has_header(head, language):
        return Identity(stem, Kind.NOTEBOOK, Form.SOURCE, language)
    return Identity(name, Kind.FILE)


def has_header(head: bytes, language: Language) -> bool:
    """Whether content beginning with `head` is a notebook in `language`: its first line is the header."""
    first = head.removeprefix(BOM).split(b"\n", 1)[0]
    return first.rstrip() == _HEADERS[language]


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


def file_name(name: str, form: Form, language: Language | None) -> str:
    """The local file name of a notebook the workspace calls `name`."""
    if form is Form.JUPYTER:
        return f"{name}.ipynb"
    return name + SUFFIXES[language or Language.PYTHON]


def wire(raw: bytes, kind: Kind) -> bytes:
    """The bytes to send: as they are, less a notebook's byte order mark, which would hide its header."""
    return raw.removeprefix(BOM) if kind is Kind.NOTEBOOK else raw


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_digest(sha: str) -> str:
    """The digest of a workspace file with this sha256: files are compared byte for byte."""
    return f"file:{sha}"


def digest(raw: bytes, form: Form, language: Language | None) -> str:
    """The digest of a notebook. Raises BrokenNotebook."""
    text = canonical(raw, form, language)
    return f"notebook:{CANON_VERSION}:{form.value}:{sha256(text.encode('utf-8', 'surrogatepass'))}"


def canonical(raw: bytes, form: Form, language: Language | None) -> str:
    """The text that decides equality. Raises BrokenNotebook when `raw` is not such a notebook."""
    if form is Form.JUPYTER:
        return _canonical_jupyter(parse(raw))
    first, _, rest = text_of(raw).partition("\n")
    spoken = spoken_in(first, language)
    bare = f"{COMMENTS[spoken]} MAGIC"
    if bare in rest:
        rest = re.sub(rf"^({bare})[ \t]+$", r"\1", rest, flags=re.MULTILINE)
    return f"{spoken.value}\n{rest}".rstrip("\n")


def spoken_in(first_line: str, language: Language | None) -> Language:
    """The language of a source notebook: the one that is known, or else what its first line says."""
    spoken = language or source_language(first_line)
    if spoken is None:
        raise BrokenNotebook("its first line is not the header of a Databricks notebook")
    return spoken


def source_language(first_line: str) -> Language | None:
    """The language family a header line speaks; Python and R share one, so R is told by its extension."""
    for language, comment in COMMENTS.items():
        if first_line.rstrip() == f"{comment} {HEADER}":
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
    try:
        document = json.loads(raw.removeprefix(BOM).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also a number of too many digits
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BrokenNotebook(f"it is not valid JSON{where}") from None
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        # SERVER: what the workspace makes of it is not documented; what comes back from there is always format 4.
        raise OldNotebook("it has an old notebook format, and the workspace needs format 4")
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise BrokenNotebook("it has no list of cells, so it is not a Jupyter notebook")
    if not isinstance(document.get("metadata", {}), dict):
        raise BrokenNotebook("its metadata is not an object, so it is not a Jupyter notebook")
    return dict(document)


def _is_cell(cell: object) -> bool:
    return isinstance(cell, dict) and isinstance(cell.get("cell_type"), str) and _is_text(cell.get("source", ""))


def _is_text(source: object) -> bool:
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))


def jupyter_language(document: dict[str, Any]) -> Language:
    """The notebook's default language: Python unless its metadata names another we know."""
    metadata = document.get("metadata") or {}
    for section, field in (("language_info", "name"), ("kernelspec", "language"), ("kernelspec", "name")):
        found = metadata.get(section)
        name = found.get(field) if isinstance(found, dict) else None
        if isinstance(name, str) and name.upper() in Language.__members__:
            return Language[name.upper()]
    return Language.PYTHON


def source_of(cell: dict[str, Any]) -> str:
    """What is written in a Jupyter cell."""
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    return _plain_newlines(text).rstrip("\n")


def essence(cell: dict[str, Any]) -> tuple[str, str, str]:
    """What of a Jupyter cell decides equality: its type, its source, its attachments."""
    attachments = cell.get("attachments") or {}
    return cell["cell_type"], source_of(cell), json.dumps(attachments, sort_keys=True) if attachments else ""


def _canonical_jupyter(document: dict[str, Any]) -> str:
    cells = [essence(cell) for cell in document["cells"]]
    return json.dumps([jupyter_language(document).value, cells], ensure_ascii=False, separators=(",", ":"))


# --- writing down -----------------------------------------------------------------------------------------


def materialise(exported: bytes, form: Form, language: Language | None, like: bytes | None) -> bytes:
    """The bytes to store locally for what the workspace `exported`, in the style of the file they replace.

    The result has the canonical text of `exported`. From `like` it takes what is not content: line endings,
    final newline and MAGIC style of a source notebook; ids, outputs and metadata of a Jupyter notebook's
    unchanged cells, and how its JSON is laid out. So a pull changes the lines somebody edited and no others.
    Raises BrokenNotebook.
    """
    if form is Form.JUPYTER:
        return _materialise_jupyter(exported, like)
    return _materialise_source(exported, language, like)


def _materialise_source(exported: bytes, language: Language | None, like: bytes | None) -> bytes:
    lines = lines_of(exported)
    prefix = re.escape(COMMENTS[spoken_in(lines[0], language)]) + " MAGIC"
    text = "\n".join(lines).rstrip("\n")
    style = "\n" if like is None else "\n".join(lines_of(like))
    ending = style[len(style.rstrip("\n")) :]
    blanks = set(re.findall(rf"^{prefix}([ \t]*)$", style, re.MULTILINE))
    if len(blanks) == 1:
        text = re.sub(rf"^({prefix})[ \t]*$", rf"\g<1>{blanks.pop()}", text, flags=re.MULTILINE)
    text += ending
    if like is not None and b"\r\n" in like:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8")


def _materialise_jupyter(exported: bytes, like: bytes | None) -> bytes:
    document: dict[str, Any] = {"metadata": {}, "nbformat": 4, "nbformat_minor": 0} | parse(exported)
    document["cells"] = [_whole(cell) for cell in document["cells"]]
    try:
        known = parse(like) if like is not None else None
    except BrokenNotebook:
        known = None
    if known is not None and jupyter_language(known) is jupyter_language(document):
        frame = {field: document[field] for field in ("metadata", "nbformat", "nbformat_minor") if field not in known}
        document = {**known, **frame, "cells": _graft(known["cells"], document["cells"])}
    document["cells"] = _with_ids(document["cells"]) if _wants_ids(document) else _without_ids(document["cells"])
    try:
        return _laid_out(document, like if known is not None else None)
    except RecursionError:
        raise BrokenNotebook("it is nested too deeply") from None


def _laid_out(document: dict[str, Any], like: bytes | None) -> bytes:
    """The document as JSON: laid out as `like`, whose order of keys it has, or else as Jupyter does."""
    style = (like or b"").removeprefix(BOM).decode("utf-8")
    indent = re.match(r"\{\r?\n([ \t]+)", style)
    text = json.dumps(
        document,
        indent=indent[1] if indent else 1,
        sort_keys=not style,
        ensure_ascii=style.isascii() and "\\u" in style,
    )
    text += style[len(style.rstrip()) :].replace("\r", "") if style else "\n"
    if "\r\n" in style:
        text = text.replace("\n", "\r\n")
    # Half of a surrogate pair has no UTF-8, but JSON has an escape for it, which is the one Python writes.
    return text.encode("utf-8", "backslashreplace")


def _whole(cell: dict[str, Any]) -> dict[str, Any]:
    """The cell with the fields that the format asks for, its source in lines."""
    source = cell.get("source", "")
    lines = source.splitlines(keepends=True) if isinstance(source, str) else source
    asked: dict[str, Any] = {"metadata": {}}
    if cell["cell_type"] == "code":
        asked |= {"execution_count": None, "outputs": []}
    return dict(sorted({**asked, **cell, "source": lines}.items()))


def _graft(old: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fresh cells, each replaced by the old one of the same content, or given its identity."""

    matcher = SequenceMatcher(None, [essence(c) for c in old], [essence(c) for c in fresh], autojunk=False)
    result: list[dict[str, Any]] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            result += old[i1:i2]
        else:
            paired = old[i1:i2] if i2 - i1 == j2 - j1 else []
            result += [_fresh_cell(cell, paired[n] if paired else None) for n, cell in enumerate(fresh[j1:j2])]
    return result


def _fresh_cell(cell: dict[str, Any], replaces: dict[str, Any] | None) -> dict[str, Any]:
    if replaces is None or replaces["cell_type"] != cell["cell_type"]:
        return cell
    kept = {field: replaces[field] for field in ("id", "metadata") if field in replaces}
    fresh = {field: value for field, value in cell.items() if field != "id"} | kept
    order = [*(field for field in replaces if field in fresh), *(field for field in fresh if field not in replaces)]
    return {field: fresh[field] for field in order}


def _wants_ids(document: dict[str, Any]) -> bool:
    major, minor = document.get("nbformat"), document.get("nbformat_minor")
    return major == 4 and isinstance(minor, int) and minor >= 5


def _without_ids(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{field: value for field, value in cell.items() if field != "id"} for cell in cells]


def _with_ids(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Format 4.5 wants a unique id per cell; derived from content, so that the same pull gives the same file."""
    taken = {cell["id"] for cell in cells if isinstance(cell.get("id"), str)}
    seen: set[str] = set()
    result: list[dict[str, Any]] = []
    for number, cell in enumerate(cells):
        if not isinstance(cell.get("id"), str) or cell["id"] in seen:
            salt = 0
            while (fresh := _id(number, salt, cell)) in taken:
                salt += 1
            taken.add(fresh)
            cell = dict(sorted({**cell, "id": fresh}.items()))
        seen.add(cell["id"])
        result.append(cell)
    return result


def _id(number: int, salt: int, cell: dict[str, Any]) -> str:
    return sha256(f"{number}:{salt}:{source_of(cell)}".encode("utf-8", "surrogatepass"))[:8]
