"""What both sides of a merge did to what a Jupyter notebook holds beside its content: outputs, metadata. Pure.

Of each value, what only one side changed is taken; where both did, it stays as it is here. So none of it can clash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cells import jupyter_pieces
from .equality import essence, title_of
from .format import BOM, in_format_4, jupyter_language, parse
from .jupyter_text import with_values
from .trace import traced

_CONTENT = ("source", "id")  # what the merge of the cells decides, and what tools draw anew
_RUN = ("outputs", "execution_count")  # what belongs to the text that was run
_ABSENT = object()


def merged_extras(base: bytes, here: bytes, there: bytes) -> bytes:
    """The Jupyter notebook `here` with the outputs and metadata that only `there` changed; its content stays.

    Raises BrokenNotebook, RecursionError.
    """
    agreed, ours, theirs = map(parse, (base, here, there))
    before = jupyter_pieces(agreed)
    to, other = traced(before, jupyter_pieces(ours)), traced(before, jupyter_pieces(theirs))
    cells: dict[int, dict[str, Any]] = {}
    for i in to.keys() & other.keys():
        own = ours["cells"][to[i]]
        merged = _merged_cell(agreed["cells"][i], own, theirs["cells"][other[i]])
        if merged != own:
            cells[to[i]] = merged
    own, metadata = ours.get("metadata", {}), ours.get("metadata", {})
    if jupyter_language(ours) is jupyter_language(theirs):
        metadata = _merged(agreed.get("metadata", {}), own, theirs.get("metadata", {}))
    if not cells and metadata == own:
        return here
    text = in_format_4(here.removeprefix(BOM)).decode()
    return here[: len(here) - len(here.removeprefix(BOM))] + with_values(text, metadata, cells).encode()


def _merged_cell(base: dict[str, Any], here: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    if not base["cell_type"] == here["cell_type"] == there["cell_type"] or title_of(base) != title_of(there):
        return here
    keys = _CONTENT if essence(base) == essence(here) else (*_CONTENT, *_RUN)
    content = {key: here[key] for key in keys if key in here}
    return {**_merged(base, here, {**there, **content}), **content}


def _merged(base: Any, here: Any, there: Any) -> Any:
    """The value of both; of objects key by key, but for what is changed as a whole."""
    if there == base or here == there:
        return here
    if here == base:
        return there
    if not all(isinstance(value, Mapping) for value in (base, here, there)):
        return here
    keys = [*here, *(key for key in there if key not in here)]
    merged = {key: _merged(*(value.get(key, _ABSENT) for value in (base, here, there))) for key in keys}
    return {key: value for key, value in merged.items() if value is not _ABSENT}
