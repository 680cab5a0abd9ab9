"""A listing, parsed object by object while it arrives, so that a large one is never there as a whole. Pure."""

from __future__ import annotations

import json
import re
from codecs import iterdecode
from collections.abc import Iterable, Iterator
from typing import Any

_BEGIN = re.compile(r'\s*\{\s*"objects"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


def each_object(body: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of `{"objects": [...]}`. Raises ValueError for anything else: a torn listing says nothing."""
    pieces = iterdecode(body, "utf-8")
    window = next(pieces, "")
    begin = _BEGIN.match(window)
    if begin is None:
        yield from _whole(window + "".join(pieces))
        return
    decode, at = json.JSONDecoder().raw_decode, begin.end()
    while True:
        try:
            item, at = decode(window, _after(_BETWEEN, window, at))
        except ValueError:  # the end, or one that lies across two pieces
            more = next(pieces, None)
            if more is None:
                break
            window, at = window[at:] + more, 0
        else:
            yield _checked(item)
    json.loads('{"objects": [' + window[_after(_BETWEEN, window, at) :])


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _whole(text: str) -> list[dict[str, Any]]:
    """An empty listing, or one that says something else first."""
    document = json.loads(text) if text.strip() else {}
    found = document.get("objects", []) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("no list of objects")
    return [_checked(item) for item in found]


def _checked(item: object) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return item
