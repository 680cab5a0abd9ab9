"""JSON and numbers as strangers write them: read within bounds, so that none costs more than its size says. Pure.

The service answers a body it cannot take with 400 MALFORMED_REQUEST, as users quote it; the rest of the text is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from .errors import ApiError

MAX_DEPTH = 100  # SERVER: as deep as its own parser of messages goes (protobuf's) [INFERRED]
# Values in one document: each needs up to fifty times the bytes that it is written with, and a microsecond.
MAX_VALUES = 300_000
MAX_INTEGER = 2**63 - 1

_AT_ONCE = 2_000
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS = re.compile(r"[0-9]{1,19}")


def malformed(text: str) -> ApiError:
    """A request whose body cannot be read."""
    return ApiError(400, "MALFORMED_REQUEST", f"Could not parse request object: {text}.")


def parsed(body: bytes) -> Any:
    """What a JSON body says; integers fit into 64 bit, and texts are Unicode. Raises ApiError (400)."""
    if sum(map(body.count, (b"{", b"[", b","))) > MAX_VALUES:
        raise malformed(f"it has more than {MAX_VALUES} values")
    try:
        document = json.loads(body, parse_int=_integer, parse_float=_number, parse_constant=_constant)
        if b"\\u" in body and _HALF.search(body):
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        text = "a text is not valid Unicode" if isinstance(error, UnicodeEncodeError) else "it is not valid JSON"
        raise malformed(text) from None
    _check_depth(body, document)
    return document


def written(document: Mapping[str, Any]) -> str:
    """As JSON. A long list is written a part at a time: other threads wait until a call of the writer is over."""
    return "{" + ", ".join(f"{json.dumps(name)}: {_written(value)}" for name, value in document.items()) + "}"


def _written(value: Any) -> str:
    if not isinstance(value, list) or len(value) <= _AT_ONCE:
        return json.dumps(value)
    firsts = range(0, len(value), _AT_ONCE)
    return "[" + ", ".join(json.dumps(value[first : first + _AT_ONCE])[1:-1] for first in firsts) + "]"


def whole_number(value: object) -> int | None:
    """An integer from 0 that fits into 64 bit, as a number or as its ASCII digits; None for anything else."""
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER
    return value if isinstance(value, int) and is_whole else None


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 20 else MAX_INTEGER + 1
    if not -MAX_INTEGER - 1 <= number <= MAX_INTEGER:
        raise malformed(f"numeric value ({text[:40]}) out of range of long")
    return number


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise malformed(f"numeric value ({text[:40]}) out of range of double")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(text)


def _check_depth(body: bytes, document: Any) -> None:
    """Whatever is as deep as that cannot be copied or written again without a thought for the stack."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    level, depth = [document], 0
    while level := [part for whole in level for part in _parts(whole)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise malformed(f"it is nested more than {MAX_DEPTH} levels deep")


def _parts(whole: Any) -> list[Any]:
    values = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return [value for value in values if isinstance(value, (dict, list))]
