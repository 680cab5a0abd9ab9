"""A listing, parsed object by object while it arrives, so that a large one is never there as a whole. Pure."""

from __future__ import annotations

import json
import re
from codecs import iterdecode
from collections.abc import Iterable, Iterator
from typing import Any

from .limits import LIMITS, BadBody, Limits, size

_BEGIN = re.compile(r'\s*\{\s*"objects"\s*:\s*\[')
_BEGUN = 64  # letters in which a listing has certainly begun
_BETWEEN = re.compile(r"[\s,]*")


def each_object(body: Iterable[bytes], limits: Limits = LIMITS) -> Iterator[dict[str, Any]]:
    """The objects of `{"objects": [...]}`. Raises ValueError for anything else: a torn listing says nothing.

    Of which BadBody where there are too many, or one of them is too large.
    """
    pieces = iterdecode(body, "utf-8")
    window = ""
    while len(window) < _BEGUN and (more := next(pieces, "")):
        window += more
    begin = _BEGIN.match(window)
    if begin is None:
        yield from _whole(window, pieces, limits)
        return
    decode, at, left = json.JSONDecoder().raw_decode, begin.end(), limits.objects
    while True:
        try:
            item, at = decode(window, _after_between(window, at))
        except ValueError:  # the end, or one that lies across two pieces
            grown = _grown(window[at:], pieces, limits)
            if len(grown) == len(window) - at:
                break
            window, at = grown, 0
        else:
            left -= 1
            if left < 0:
                raise BadBody(f"more than {limits.objects:,} objects")
            yield _checked(item)
    rest = json.loads('{"objects": [' + window[_after_between(window, at) :])
    if rest["objects"]:
        raise ValueError("two lists of objects")


def _grown(text: str, pieces: Iterator[str], limits: Limits) -> str:
    """At least twice as much of the text, if there is: so all tries to read it take no longer than one more would."""
    if len(text) > limits.object:
        raise BadBody(f"an object of more than {size(limits.object)}")
    came, missing = [text], len(text) + 1
    while missing > 0 and (piece := next(pieces, "")):
        came.append(piece)
        missing -= len(piece)
    return "".join(came)


def _after_between(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    assert match
    return match.end()


def _whole(begun: str, pieces: Iterator[str], limits: Limits) -> list[dict[str, Any]]:
    """An empty listing, or one that says something else first."""
    came, left = [begun], limits.answer - len(begun)
    for piece in pieces:
        came.append(piece)
        left -= len(piece)
        if left < 0:
            raise BadBody(f"more than {size(limits.answer)} that is not a list of objects")
    text = "".join(came)
    document = json.loads(text) if text.strip() else {}
    objects = document.get("objects", []) if isinstance(document, dict) else None
    if not isinstance(objects, list):
        raise ValueError("not a list of objects")
    return [_checked(item) for item in objects]


def _checked(item: object) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return item
