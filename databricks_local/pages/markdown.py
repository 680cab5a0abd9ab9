"""Markdown cells as HTML, rendered by markdown-it. Pure.

Nothing that a notebook holds is trusted: HTML stays text, so do images (none is fetched) and links that lead elsewhere
than to the web or to a mailbox. HTML comments are left out, as everywhere.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
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


def _comment_block(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """Lines of a comment, if it ends and nothing follows it: CommonMark's second kind of HTML block."""
    if state.is_code_block(first) or not state.src.startswith("<!--", state.bMarks[first] + state.tShift[first]):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    stop = state.src.find("-->", begin + 4, state.eMarks[end - 1])
    last = first + state.src.count("\n", begin, stop)
    if stop < 0 or state.src[stop + 3 : state.eMarks[last]].strip():
        return False
    if not silent:
        state.line = last + 1
    return True


def _comment(state: StateInline, silent: bool) -> bool:
    """A comment within a line of text."""
    stop = state.src.find("-->", state.pos + 4, state.posMax) if state.src.startswith("<!--", state.pos) else -1
    if stop < 0:
        return False
    state.pos = stop + 3
    return True


_PARSER = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 20}).disable("image")
_PARSER.block.ruler.before("html_block", "comment", _comment_block, {"alt": ["paragraph", "blockquote"]})
_PARSER.inline.ruler.before("html_inline", "comment", _comment)
_PARSER.validateLink = _may_be_linked  # type: ignore[method-assign]
