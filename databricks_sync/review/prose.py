"""Markdown cells as HTML, rendered by markdown-it. Pure.

Nothing that a notebook holds is trusted: HTML stays text, so do images (none is fetched) and links that lead elsewhere
than to the web or to a mailbox.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

MOST = 20_000  # characters beyond which a text is not rendered: the time may grow with their square
_LINKS = ("http://", "https://", "mailto:")
_ABOVE = 3  # levels of headings that the page itself has


def rendered(text: str) -> str:
    """The text as HTML: CommonMark with tables and ~~strikethrough~~; its headings begin at the fourth level."""
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _ABOVE, 6)}"
        if token.type == "th_open":
            token.attrSet("scope", "col")
        token.attrs.pop("style", None)  # the alignment of a table's column, which the page's policy forbids
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer nofollow")
    return str(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def _may_be_linked(url: str) -> bool:
    return url.lower().startswith(_LINKS)


_PARSER = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 20}).disable("image")
_PARSER.validateLink = _may_be_linked  # type: ignore[method-assign]
