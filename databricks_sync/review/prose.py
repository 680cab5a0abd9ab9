"""Markdown cells as HTML, rendered by markdown-it. Pure.

Nothing that a notebook holds is trusted: HTML stays text, so do images (none is fetched) and links that lead elsewhere
than to the web or to a mailbox. The page of the workspace on this machine renders its cells by this, too.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

MOST = 20_000  # characters beyond which a text is not rendered: the time may grow with their square
_LINKS = ("http://", "https://", "mailto:")
_ABOVE = 3  # levels of headings that the page itself has


def parser() -> MarkdownIt:
    """A new parser of CommonMark with tables and ~~strikethrough~~, to which rules may be added."""
    made = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 20}).disable("image")
    made.validateLink = _may_be_linked  # type: ignore[method-assign]
    return made


def _may_be_linked(url: str) -> bool:
    return url.lower().startswith(_LINKS)


_PARSER = parser()


def rendered(text: str, parser: MarkdownIt = _PARSER, above: int = _ABOVE) -> str:
    """The text as HTML; its headings begin at the level after `above`.

    It may take a time that grows with the square of the text (`[[[[…`). Raises nothing.
    """
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + above, 6)}"
        if token.type == "th_open":
            token.attrSet("scope", "col")
        token.attrs.pop("style", None)  # the alignment of a table's column, which the page's policy forbids
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer nofollow")
    return str(parser.renderer.render(tokens, parser.options, {}))
