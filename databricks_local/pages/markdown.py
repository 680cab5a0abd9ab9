"""Markdown cells as HTML: as a reviewer sees them (databricks_sync/review/prose.py), but for HTML comments, which are
left out here as in the workspace. Pure.
"""

from __future__ import annotations

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markupsafe import Markup

from databricks_sync.review import prose

# The notebook's name is the first heading of the page, the cell's the second.
ABOVE = 2


def rendered(text: str) -> Markup:
    """The text as HTML whose headings begin at the third level. Raises nothing."""
    return Markup(prose.rendered(text, _PARSER, ABOVE))


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


_PARSER = prose.parser()
_PARSER.block.ruler.before("html_block", "comment", _comment_block, {"alt": ["paragraph", "blockquote"]})
_PARSER.inline.ruler.before("html_inline", "comment", _comment)
