"""JSON as text: where the values of a document stand, and how its author writes. Pure.

A parsed document has lost its layout, its escapes, the spelling of its numbers and its repeated keys: written back
whole, it differs where nobody edited it. Here a document stays text. Objects and lists are put together again of
their own parts, as they stand, and of new ones in the author's style.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

_decode = json.JSONDecoder().raw_decode
_BLANKS = re.compile(r"[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*\Z")
_INDENT = re.compile(r"\r?\n[ \t]*\Z")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SYNTAX = frozenset('{}[]:,"\\+-. \t\r\n')  # what JSON holds outside of strings, besides letters and digits


class Part(NamedTuple):
    """A member of an object or an item of a list: where it begins, and its value; `key` is "" in a list."""

    start: int
    end: int
    value_start: int
    value: Any
    key: str


class Block(NamedTuple):
    """An object or a list in a JSON text. A key that is repeated has a part each time, and its last one counts."""

    text: str
    start: int
    end: int
    parts: tuple[Part, ...]

    @property
    def line(self) -> str:
        """The line end and the indent that its parts stand after, "" where they share a line."""
        match = _INDENT.search(self._opening)
        return match[0] if match else ""

    @property
    def _opening(self) -> str:
        return self.text[self.start + 1 : self.parts[0].start] if self.parts else ""

    def gap(self, number: int) -> str:
        """What stands after the part of this number and before the next one."""
        if not 0 <= number < len(self.parts) - 1:
            return ""
        return self.text[self.parts[number].end : self.parts[number + 1].start]

    def joined(self, parts: Sequence[int | str], comma: str) -> str:
        """The text of the block with other parts: its own by number, new ones as their text.

        What stands between its own parts stays. `comma` separates two on one line where the block shows no way.
        """
        brackets = self.text[self.start], self.text[self.end - 1]
        if not parts:
            return "".join(brackets) if self.parts else self.text[self.start : self.end]
        usual = self.gap(0) or (f",{self.line}" if self.line else comma)
        texts = [brackets[0], self._opening]
        before: int | str = ""
        for part in parts:
            if len(texts) > 2:
                after = self.gap(before) if isinstance(before, int) else ""
                texts.append(after or (self.gap(part - 1) if isinstance(part, int) else "") or usual)
            texts.append(self.text[self.parts[part].start : self.parts[part].end] if isinstance(part, int) else part)
            before = part
        closing = self.text[self.parts[-1].end : self.end - 1] if self.parts else ""
        return "".join([*texts, closing, brackets[1]])


def block(text: str, start: int = 0, inner: str = "") -> Block:
    """The object or list that begins at `start` of a valid JSON text, or after blanks there.

    The value of a part is the parsed one, but a Block of its own where the key is `inner` and it is a list.
    """
    start = _after_blanks(text, start)
    keyed = text[start] == "{"
    parts: list[Part] = []
    at = _after_blanks(text, start + 1)
    while text[at] not in "]}":
        here, key = at, ""
        if keyed:
            key, at = _decode(text, at)
            at = _after_blanks(text, _after_blanks(text, at) + 1)
        if inner and key == inner and text[at] == "[":
            value: Any = block(text, at)
            end = value.end
        else:
            value, end = _decode(text, at)
        parts.append(Part(here, end, at, value, key))
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return Block(text, start, at + 1, tuple(parts))


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    assert match
    return match.end()


class Style(NamedTuple):
    """How the author of a document writes JSON.

    `escapes` has the characters that JSON would not ask to escape, and how they are spelled.
    """

    indent: str
    colon: str
    comma: str
    sort_keys: bool = False
    ascii_only: bool = False
    upper_case: bool = False
    slashes: bool = False  # whether </ is written <\/
    escapes: Mapping[int, str] = MappingProxyType({})

    def written(self, value: Any, line: str = "") -> str:
        """The text of a value: in one line, or in lines of their own after `line`, a line end and an indent.

        Raises RecursionError.
        """
        separators = ("," if line else self.comma, self.colon)
        text = json.dumps(
            value,
            ensure_ascii=self.ascii_only,
            indent=self.indent if line else None,
            separators=separators,
            sort_keys=self.sort_keys,
        )
        text = text.translate(self.escapes) if self.escapes else text
        if not text.isascii():  # half of a surrogate pair has no UTF-8, but JSON has an escape for it
            text = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        if self.upper_case:
            text = _ESCAPE.sub(lambda match: f"\\u{match[1][1:].upper()}" if match[1][1:] else match[0], text)
        text = text.replace("</", "<\\/") if self.slashes else text
        return text.replace("\n", line)


def style(document: Block) -> Style:
    """That of a whole document, which is an object with a member at least."""
    text, first = document.text, document.parts[0]
    lists = (part.value for part in document.parts if isinstance(part.value, Block))
    gaps = (whole.gap(0) for whole in (document, *lists))
    colon = _COLON.search(text, first.start, first.value_start)
    assert colon
    escapes = set(_ESCAPE.findall(text))
    codes = {int(escape[1:], 16): f"\\{escape}" for escape in escapes if len(escape) > 1}
    letters = {letter for escape in escapes if len(escape) > 1 for letter in escape[1:] if letter.isalpha()}
    needless = {code: escape for code, escape in codes.items() if _is_free(chr(code)) and chr(code) not in text}
    if "/" in escapes and not re.search(r"(?<!\\)/", text):
        needless[ord("/")] = "\\/"
    return Style(
        indent=document.line.lstrip("\r\n") or " ",
        colon=colon[0],
        comma=next((gap for gap in gaps if gap and "\n" not in gap), ", "),
        sort_keys=(keys := [part.key for part in document.parts]) == sorted(keys),
        ascii_only=text.isascii() and any(code >= 0x80 for code in codes),
        upper_case=bool(letters) and not any(letter.islower() for letter in letters),
        slashes="/" in escapes and ord("/") not in needless and "</" not in text,
        escapes=needless,
    )


def _is_free(char: str) -> bool:
    """Whether JSON may hold the character in strings only, and takes it there without an escape."""
    return char > "\x1f" and char not in _SYNTAX and not (char.isascii() and char.isalnum())
