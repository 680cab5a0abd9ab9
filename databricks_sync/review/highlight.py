"""Programs in colours, by Pygments: which part of each line is a keyword, a string, a comment ... Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String, _TokenType

MOST = 20_000  # characters of a text beyond which it has no colours: nobody reads that far
# A run of one sign, or of white space: more than one lexer looks at it again from each of its characters.
_RUN = re.compile(r"\s{500}|(\S)\1{500}")
_LEXERS = {"python": "python", "sql": "sql", "scala": "scala", "r": "r", "sh": "bash", "markdown": "markdown"}
_LEXERS |= {"json": "json", "toml": "toml", "yaml": "yaml", "ini": "ini"}
# The first that holds a token gives it its colour, which style.css has.
_COLOURS = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Literal, "n"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Builtin, "b"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Tag, "k"),
)


class Part(NamedTuple):
    """A piece of a line, and its colour; "" for none."""

    text: str
    colour: str = ""


def coloured(text: str, language: str) -> list[list[Part]]:
    """The lines of a text, each in parts. One without a language that is known, or a long one, has no colours.

    Nor has one that would take a lexer long: whoever asks for a review has not written what is reviewed.
    """
    plain = [[Part(line)] for line in text.split("\n")]
    if language not in _LEXERS or len(text) > MOST or _RUN.search(text):
        return plain
    lines: list[list[Part]] = [[]]
    for part in _parts(text, language):
        first, *others = part.text.split("\n")
        lines[-1].append(Part(first, part.colour))
        lines += ([Part(line, part.colour)] for line in others)
    return lines if len(lines) == len(plain) else plain  # what a lexer makes of line ends is not ours


def _parts(text: str, language: str) -> Iterator[Part]:
    for kind, value in _lexer(_LEXERS[language]).get_tokens(text):
        yield Part(value, _colour(kind))


@cache
def _colour(kind: _TokenType) -> str:
    return next((colour for whole, colour in _COLOURS if kind[: len(whole)] == whole), "")


@cache
def _lexer(name: str) -> Any:
    # What stands in a fence would choose lexers of its own.
    options = {"handlecodeblocks": False} if name == "markdown" else {}
    return get_lexer_by_name(name, stripnl=False, ensurenl=False, **options)
