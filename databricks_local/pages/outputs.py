"""What cells have left, as text, as a picture, or as HTML for a frame in which it can do nothing. Pure.

Whatever a notebook or an `.ipynb` says, none of it becomes markup of a page of ours.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_OUTPUT = 20_000
# Of a cell, so many are shown: each may need a frame.
MAX_SHOWN = 100
# Characters of a picture; of all pictures of a page.
MAX_IMAGE = 8 * 2**20
MAX_IMAGES = 32 * 2**20
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
# HTML that is one picture needs no frame.
_PICTURE = re.compile(rf'<img src="(data:(?:{"|".join(IMAGES)});base64,[A-Za-z0-9+/=]*)"\s*/?>')
_TAG = re.compile(r"<[^>]*>|\s+")
HIGHEST, LOWEST = 480, 60
# Characters of HTML by which its height is guessed.
MAX_MEASURED = 100_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One output: `text`; or the address of an `image`; or the `height` of the frame that holds its HTML.

    `number` counts the outputs of what it came from, from 0.
    """

    text: str = ""
    is_error: bool = False
    image: str = ""
    height: int = 0
    number: int = 0


def of_jupyter(outputs: Sequence[Any]) -> list[Shown]:
    """The outputs of a cell of an `.ipynb`, without those that say nothing."""
    shown = (_jupyter(number, document) for number, document in enumerate(outputs) if isinstance(document, dict))
    return [output for output in shown if output]


def of_displays(displays: Sequence[Mapping[str, Any]], first: int) -> list[Shown]:
    """What a run has displayed; the first of these has the number `first`."""
    return [
        _display(number, str(entry.get("kind")), str(entry.get("text", "")))
        for number, entry in enumerate(displays, first)
    ]


def printed(text: str, is_error: bool = False) -> list[Shown]:
    """What was printed, as one output, or as none; at most MAX_OUTPUT characters."""
    text = ANSI.sub("", text)
    return [Shown(_cut(text), is_error)] if text.strip() else []


def bounded(cells: Sequence[Sequence[Shown]]) -> list[list[Shown]]:
    """The outputs of several cells, as many of them and of their pictures as a page may hold."""
    room, kept = MAX_IMAGES, []
    for outputs in cells:
        fitting = []
        for output in outputs[:MAX_SHOWN]:
            room -= len(output.image)
            fitting.append(output if room >= 0 or not output.image else Shown("[too many pictures for one page]"))
        more = len(outputs) - MAX_SHOWN
        kept.append([*fitting, Shown(f"… {more:,} more outputs")] if more > 0 else fitting)
    return kept


def html_of(document: Any) -> str | None:
    """The HTML of an output of an `.ipynb` that is shown in a frame; None for any other."""
    data = document.get("data") if isinstance(document, dict) else None
    return _text(data["text/html"]) if isinstance(data, dict) and "text/html" in data else None


def _display(number: int, kind: str, text: str) -> Shown:
    if kind != "html":
        return Shown(_cut(ANSI.sub("", text)), number=number)
    picture = _PICTURE.fullmatch(text.strip())
    return _image(number, picture[1]) if picture else Shown(height=_height(text), number=number)


def _jupyter(number: int, document: dict[str, Any]) -> Shown | None:
    if document.get("output_type") == "error":
        return next(iter(printed(_error(document), True)), None)
    if "text" in document:
        return next(iter(printed(_text(document["text"]), document.get("name") == "stderr")), None)
    data = document.get("data")
    if not isinstance(data, dict) or not data:
        return None
    for kind in IMAGES:
        text = _text(data[kind]) if kind in data else None
        if text is not None and len(text) > MAX_IMAGE:  # which is only said, so nothing in it is looked at
            return _image(number, f"data:{kind};base64,{text}")
        if text is not None and re.fullmatch(r"[A-Za-z0-9+/=\s]*", text):
            return _image(number, f"data:{kind};base64,{''.join(text.split())}")
    if "image/svg+xml" in data:
        # As a picture it runs no scripts and fetches nothing.
        encoded = base64.b64encode(_text(data["image/svg+xml"]).encode("utf-8", "replace")).decode()
        return _image(number, f"data:image/svg+xml;base64,{encoded}")
    if "text/html" in data:
        return Shown(height=_height(_text(data["text/html"])), number=number)
    for kind in ("text/markdown", "text/plain"):
        if kind in data:
            return next(iter(printed(_text(data[kind]))), None)
    return Shown(f"[{', '.join(sorted(map(str, data)))}: not shown here]")


def _image(number: int, address: str) -> Shown:
    if len(address) > MAX_IMAGE:
        return Shown(f"[a picture of {len(address):,} characters: too large to be shown here]", number=number)
    return Shown(image=address, number=number)


def _height(html: str) -> int:
    """About as high as it is, for a frame cannot tell: rows of a table, or lines of text, or a picture."""
    html = html[:MAX_MEASURED]
    lines = html.count("<tr") or len(_TAG.sub(" ", html)) // 100 + html.count("<br") + html.count("<p") + 1
    pictures = HIGHEST if "<img" in html or "<svg" in html else 0
    return max(LOWEST, min(HIGHEST, 30 * lines + 30 + pictures))


def _error(document: dict[str, Any]) -> str:
    trace = document.get("traceback")
    if isinstance(trace, list) and trace:
        return "\n".join(map(str, trace))
    return f"{document.get('ename', 'Error')}: {document.get('evalue', '')}"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    return f"{text[:MAX_OUTPUT]}\n… {len(text) - MAX_OUTPUT:,} more characters"
