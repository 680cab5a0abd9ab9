"""Markdown cells as HTML, rendered by markdown-it. Pure.

Nothing that a notebook holds is trusted: HTML stays text, so do images (none is fetched) and links that lead elsewhere
than to the web or to a mailbox.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

LINKS = ("http://", "https://", "mailto:")
# The notebook's name is the first heading of the page, the cell's the second.
ABOVE = 2


def rendered(text: str) -> Markup:
    """The text as HTML: CommonMark with tables and ~~strikethrough~~; its headings begin at the third level.

    It may take a time that grows with the square of the text (`[[[[…`). Raises nothing.
    """
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + ABOVE, 6)}"
        token.attrs.pop("style", None)  # the alignment of a table's column, which the page's policy forbids
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener nofollow")
    return Markup(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def _may_be_linked(url: str) -> bool:
    return url.lower().startswith(LINKS)


_PARSER = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 20}).disable("image")
_PARSER.validateLink = _may_be_linked  # type: ignore[method-assign]
