"""Colours for programs, by Pygments: it only ever adds `<span class>` round text that it escapes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from markupsafe import Markup, escape

# Beyond this a text is shown without colours: lexers are slow, and people do not read that far.
MAX_COLOURED = 100_000
MAX_SHOWN = 400_000
# White space without an end is looked at again from each of its signs, by more than one lexer.
_GAP = re.compile(r"\s{500}")

LEXERS = {"PYTHON": "python", "SQL": "sql", "SCALA": "scala", "R": "r", "SHELL": "bash", "MARKDOWN": "markdown"}
# Extension of a file -> lexer; any other file is plain text.
SAME_NAME = ("css", "html", "json", "r", "scala", "sql", "toml", "xml", "yaml")
OTHERS = {"cfg": "ini", "ini": "ini", "js": "javascript", "md": "markdown", "py": "python", "sh": "bash", "yml": "yaml"}
EXTENSIONS = {**OTHERS, **{name: name for name in SAME_NAME}}


def lexer_of_file(name: str) -> str:
    """The lexer for a file of that name, for `coloured`; "" for plain text."""
    return EXTENSIONS.get(name.rpartition(".")[2].lower(), "")


def coloured(text: str, lexer: str) -> Markup:
    """`lexer` is one of ours; with "" the text is only escaped."""
    if not lexer or len(text) > MAX_COLOURED or _GAP.search(text):
        cut = text[:MAX_SHOWN]
        rest = "" if len(text) == len(cut) else f"\n… {len(text) - len(cut):,} more characters"
        return escape(cut + rest)
    from pygments import highlight  # takes long to import, and most servers colour nothing

    made = highlight(text, _lexer(lexer), _formatter())
    # The formatter ends every line.
    return Markup(made if text.endswith("\n") else made.removesuffix("\n"))


@cache
def _formatter() -> Any:
    from pygments.formatters.html import HtmlFormatter

    return HtmlFormatter(nowrap=True, classprefix="c-")


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    # What stands in a fence would choose lexers of its own.
    options = {"handlecodeblocks": False} if name == "markdown" else {}
    return get_lexer_by_name(name, stripnl=False, ensurenl=False, **options)
