"""What counts as equal: two texts are the same notebook when their *canonical* text is. Pure.

Canonical text is blind to everything the workspace is known to change on its own, and to nothing else:

- source: byte order mark, carriage returns at line ends, what follows the header in its line, blanks after a bare MAGIC
  prefix, trailing newlines (until 2025-12-16 an export dropped exactly one of them; since then it keeps them all);
- Jupyter: outputs, execution counts, ids, metadata, key order and minor version: an export rewrites them all.
"""

from __future__ import annotations

import json
import re
from typing import Any

from databricks_sync.model import Form, Format

from .format import COMMENTS, jupyter_language, parse, sha256, source_of, spoken_in, text_of

# Raised when `canonical` changes its mind; digests of another version are never compared with ours.
CANON_VERSION = 1


def file_digest(sha: str) -> str:
    """The digest of a workspace file with this sha256: files are compared byte for byte."""
    return f"file:{sha}"


def digest(raw: bytes, format: Format) -> str:
    """The digest of a notebook. Raises BrokenNotebook."""
    text = canonical(raw, format)
    return f"notebook:{CANON_VERSION}:{format.form.value}:{sha256(text.encode('utf-8', 'surrogatepass'))}"


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
    """What of a Jupyter cell decides equality: its type, its source, its attachments."""
    attachments = cell.get("attachments") or {}
    return cell["cell_type"], source_of(cell), json.dumps(attachments, sort_keys=True) if attachments else ""


def _canonical_jupyter(document: dict[str, Any]) -> str:
    cells = [essence(cell) for cell in document["cells"]]
    return json.dumps([jupyter_language(document).value, cells], ensure_ascii=False, separators=(",", ":"))
