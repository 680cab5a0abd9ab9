"""What counts as equal: two texts are the same notebook when their *canonical* text is. Pure.

Canonical text is blind to everything the workspace is known to change on its own, and to nothing else:

- source: byte order mark, carriage returns at line ends, what follows the header in its line, blanks after a bare MAGIC
  prefix, trailing newlines (until 2025-12-16 an export dropped exactly one of them; since then it keeps them all);
- Jupyter: outputs, execution counts, ids, metadata but for titles, key order and minor version: an export rewrites them
  all. Attachments, and whether a cell is raw or code: a workspace may be unable to hold them. The language: a workspace
  may read another one from the metadata; and when somebody switches it there, the cells of the old one are marked.

A Jupyter notebook has more that people care for than a workspace gives back. So what a *file* holds beside its content
has a digest of its own. It is compared with that of the file as it was synced last, never with what the
workspace exports: an edit of it here is pushed, and what the workspace made of it is no edit there.
"""

from __future__ import annotations

import json
import re
from typing import Any

from databricks_sync.model import JUPYTER, Form, Format

from .format import COMMENTS, parse, sha256, source_of, spoken_in, text_of

CELL_METADATA = "application/vnd.databricks.v1+cell"
# Raised when `canonical` changes its mind; digests of another version are never compared with ours.
CANON_VERSION = 2


def file_digest(sha: str) -> str:
    """The digest of a workspace file with this sha256: files are compared byte for byte."""
    return f"file:{sha}"


def digest(raw: bytes, format: Format) -> str:
    """The digest of a notebook. Raises BrokenNotebook."""
    return _digest(canonical(raw, format), format)


def _digest(text: str, format: Format) -> str:
    return f"notebook:{CANON_VERSION}:{format.form.value}:{sha256(text.encode('utf-8', 'surrogatepass'))}"


def digests(raw: bytes, format: Format) -> tuple[str, str]:
    """The digest of a notebook in a file, and that of its extras: what it holds beside its content.

    Extras are outputs, metadata and attachments; of a source notebook, which has none, it is "". Execution counts and
    ids are no part of them: tools draw new ones without an edit. Raises BrokenNotebook.
    """
    if format != JUPYTER:
        return digest(raw, format), ""
    document = parse(raw)
    return _digest(_canonical_jupyter(document), format), _extras(document)


def canonical(raw: bytes, format: Format) -> str:
    """The text that decides equality. Raises BrokenNotebook when `raw` is not such a notebook."""
    if format.form is Form.JUPYTER:
        return _canonical_jupyter(parse(raw))
    first, _, rest = text_of(raw).partition("\n")
    spoken = spoken_in(first, format.language)
    bare = f"{COMMENTS[spoken]} MAGIC"
    if bare in rest:
        rest = re.sub(rf"^({bare})[ \t]+$", r"\1", rest, flags=re.MULTILINE)
    return f"{spoken.value}\n{rest}".rstrip("\n")


def essence(cell: dict[str, Any]) -> tuple[str, str, str]:
    """What of a Jupyter cell decides equality: its type, its source, its title."""
    kind = cell["cell_type"]
    return "code" if kind == "raw" else kind, source_of(cell), title_of(cell)


def title_of(cell: dict[str, Any]) -> str:
    """The title that Databricks shows above a Jupyter cell; "" where it has none."""
    metadata = cell.get("metadata")
    of_databricks = metadata.get(CELL_METADATA) if isinstance(metadata, dict) else None
    title = of_databricks.get("title") if isinstance(of_databricks, dict) else None
    return title if isinstance(title, str) else ""


def _extras(document: dict[str, Any]) -> str:
    cells = [kept for kept in map(extras_of, document["cells"]) if kept]
    text = json.dumps([document.get("metadata"), cells], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode())


def is_unkept(raw: bytes) -> bool:
    """Whether a Jupyter notebook has raw cells or attachments, which a workspace may be unable to keep.

    Raises BrokenNotebook.
    """
    if b'"raw"' not in raw and b'"attachments"' not in raw:
        return False
    return any(cell["cell_type"] == "raw" or cell.get("attachments") for cell in parse(raw)["cells"])


def same_outputs(one: bytes, other: bytes) -> bool:
    """Whether two Jupyter notebooks of equal content have the same outputs and attachments. Raises BrokenNotebook."""
    pairs = zip(parse(one)["cells"], parse(other)["cells"], strict=True)
    return all(
        (cell.get(part) or None) == (another.get(part) or None)
        for cell, another in pairs
        for part in ("outputs", "attachments")
    )


def cleared(local: bytes, exported: bytes) -> bool:
    """Whether a cell has outputs in the workspace and none here; the two are Jupyter notebooks of equal content.

    Raises BrokenNotebook.
    """
    pairs = zip(parse(local)["cells"], parse(exported)["cells"], strict=True)
    return any(there.get("outputs") and not here.get("outputs") for here, there in pairs)


def extras_of(cell: dict[str, Any]) -> dict[str, Any]:
    """What a Jupyter cell has beside its content, without what a plain cell of code or Markdown has.

    So that the coming and going of such a cell is no edit of extras.
    """
    kept = {key: value for key, value in cell.items() if value and key not in ("source", "id", "execution_count")}
    if cell["cell_type"] != "raw":
        del kept["cell_type"]
    if isinstance(outputs := kept.get("outputs"), list):
        kept["outputs"] = [_without_count(output) for output in outputs]
    return kept


def _without_count(output: Any) -> Any:
    if not isinstance(output, dict):
        return output
    return {key: value for key, value in output.items() if key != "execution_count"}


def _canonical_jupyter(document: dict[str, Any]) -> str:
    cells = [essence(cell) for cell in document["cells"]]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
