"""A review as it is written: Markdown and a page, whatever the commits hold."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from databricks_sync.review import markdown
from databricks_sync.review.comparison import FileReview
from databricks_sync.review.highlight import MOST as MOST_COLOURED
from databricks_sync.review.highlight import coloured
from databricks_sync.review.markdown import MarkdownReview
from databricks_sync.review.page import MOST, PageReview

from .samples import COMMITS, jupyter, review, source

GITHUB = 65_536  # characters of a comment
EVIL = [
    "<script>alert(1)</script>",
    "</details></code></pre></td></table>",
    '"><img src=x onerror=alert(1)>',
    "```\n</details>\n<b>x</b>\n```",
    "`````",
    "@octocat fixes #12",
    "[x](javascript:alert(1)) ![x](http://a/b.png)",
    "::set-env name=x::y",
    "  ::error::x",
    "\u00a0\u200b:\u200b:error::x",
    "##vso[task.setvariable variable=x]y",
    "#\u200b#VS\u00adO[task.complete]",
    "##[error]x",
    "&lt;b&gt; &amp;",
    "\x1b]8;;http://a\x07",
    "*a* _b_ | c |\n|---|---|\n| 1 | 2 |\n\n    code",
    "<!-- ",
    "${digest} $style $$",
]
TEXT = st.lists(st.sampled_from([*EVIL, "x = 1", "\n"]), max_size=5).map("\n".join)
NAME = st.sampled_from(EVIL).map(lambda text: text.replace("/", "\\"))
MARKDOWN_TAGS = {"p", "b", "code", "details", "summary"}
_TAGS = (
    "html head meta title style body main h1 h2 h3 h4 h5 h6 p code nav ul ol li a span section details summary div "
    "table caption colgroup col tbody tr td th thead del ins pre em strong hr br blockquote s"
)
PAGE_TAGS = {*_TAGS.split()}
ATTRIBUTES = {"class", "id", "href", "open", "lang", "charset", "name", "content", "http-equiv", "colspan", "scope"}
ATTRIBUTES |= {"rel", "title", "aria-label", "start"}


class Tags(HTMLParser):
    """The tags, attributes and texts of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in ("meta", "col", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "code"} & {*self.open}:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def commanding(line: str) -> bool:
    """Whether an agent takes a line for a command; its comparisons pass over what has no width."""
    seen = re.sub("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]", "", line).strip().lower()
    return seen.startswith("::") or "##[" in seen or "##vso" in seen


def as_markdown(*files: FileReview) -> str:
    written = MarkdownReview(COMMITS._replace(head_name="x<b>`@y"))
    for file in files:
        written.add(file)
    return written.text()


def as_page(*files: FileReview, most: int = MOST) -> str:
    written = PageReview(COMMITS._replace(head_name="x<b>$style"), most)
    for file in files:
        written.add(file)
    return written.text()


def hostile(old: str, new: str, name: str) -> list[FileReview]:
    flat = " ".join(name.split())
    cell = f"# DBTITLE 1,{flat}\n"
    magic = "# MAGIC %md\n# MAGIC " + new.replace("\n", "\n# MAGIC ")
    return [
        review(source(cell + old, "a"), source(cell + new, magic, "a"), name),
        review(jupyter(old), jupyter(new, cell_type=name, outputs=[{"text/html": new}]), f"{name}.ipynb"),
        review(old.encode(), new.encode(), f"{name}.md", f"{name}.txt"),
    ]


@given(TEXT, TEXT, NAME)
def test_text_stays_text_in_markdown(old: str, new: str, name: str) -> None:
    """All that comes from a commit is in a fence or in <code>: no markup, no mention, no command of a CI."""
    written = as_markdown(*hostile(old, new, name))
    assert not any(map(commanding, written.splitlines()))
    tokens = MarkdownIt("commonmark").parse(written)
    assert {token.type for token in tokens} <= {"heading_open", "inline", "heading_close", "html_block", "fence"}
    assert sum(token.type == "inline" for token in tokens) == 1
    shown = Tags("".join(token.content for token in tokens if token.type == "html_block"))
    assert shown.tags <= MARKDOWN_TAGS and not shown.open
    assert {attribute for attribute, _ in shown.attributes} <= {"open"}
    assert not any(re.search(r"@\w", text) for text in shown.texts)


@pytest.mark.parametrize("line", ["## [Title](x)", "# # [x]", "a::b", "x = y[::2]", "##", "# vso", "a: :b"])
def test_what_is_no_command_stays_as_it_is(line: str) -> None:
    """Only what a CI would take for a command is broken."""
    assert f" {line}\n" in as_markdown(review(f"{line}\na\n".encode(), f"{line}\nb\n".encode(), "a.txt"))


@given(TEXT, TEXT, NAME)
def test_text_stays_text_on_the_page(old: str, new: str, name: str) -> None:
    """No tag, attribute or address on the page comes from a commit but those that Markdown may make."""
    written = as_page(*hostile(old, new, name))
    shown = Tags(written)
    assert shown.tags <= PAGE_TAGS and not shown.open
    assert {attribute for attribute, _ in shown.attributes} <= ATTRIBUTES
    links = [value or "" for attribute, value in shown.attributes if attribute == "href"]
    assert all(link.startswith(("#f", "http://", "https://", "mailto:")) for link in links)
    [style] = re.findall(r"<style>(.*?)</style>", written, re.S)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in written


class Large:
    """Files that are long or many; none is made where no test of them is run."""

    @cached_property
    def many(self) -> list[FileReview]:
        long = "x" * 60
        return [review(source("a", f"b{n}"), source("a", f"c{n}"), f"notebooks/{long}/n{n}.py") for n in range(900)]

    @cached_property
    def long(self) -> FileReview:
        return review(b"", "\n".join(f"{n} ä😀<" + "x" * 90 for n in range(5_000)).encode(), "long.txt")

    @cached_property
    def wide(self) -> FileReview:
        return review(source("a"), source("b" * 200_000), "wide.py")

    @cached_property
    def cells(self) -> FileReview:
        return review(source(), source(*(f"# DBTITLE 1,{'<' * 2_000}\nx{n}" for n in range(600))), "cells.py")


LARGE = Large()
EDIT = review(source("a", "b"), source("a", "B"), "edit.py")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (lambda: [EDIT], ""),
        (lambda: [*LARGE.many, EDIT], "more files not named"),
        (lambda: [LARGE.long, EDIT], "more lines not shown"),
        (lambda: [LARGE.wide, EDIT], ""),
        (lambda: [LARGE.cells, EDIT], "more cells not shown"),
        (lambda: [*LARGE.many[:100], LARGE.long, LARGE.wide, LARGE.cells], "more lines not shown"),
    ],
    ids=["short", "many files", "a long one", "a wide one", "many cells", "all of them"],
)
def test_markdown_fits_into_a_comment(chosen: Callable[[], list[FileReview]], said: str) -> None:
    """It is never longer than a comment on GitHub may be, as whoever counts, and says what is left out."""
    files = chosen()
    written = as_markdown(*files)
    assert len(written.encode("utf-16-le")) // 2 <= min(markdown.MOST + 100, GITHUB)
    assert written.count("<details") == written.count("</details>") and written.count("```") % 2 == 0
    assert (said in written) if said else ("not shown here" not in written)
    if EDIT in files and len(files) < 5:
        assert "-b\n+B\n" in written  # a long file takes nothing from a short one
    if len(files) > 100:
        left = re.findall(r"… ([\d,]+) more files not named", written)
        named = len(re.findall("<summary>", written))
        assert named + sum(int(number.replace(",", "")) for number in left) == len(files)


def test_the_page_is_bounded() -> None:
    """Beyond what a browser can show, files are named, and long cells and lines are cut, which is said."""
    written = as_page(LARGE.long, LARGE.wide, LARGE.cells)
    assert "3,000 more lines not shown" in written and "195,000 more characters" in written
    assert as_page(EDIT, EDIT, EDIT, most=100).count("this page would be too long") == 2


def test_unchanged_cells_are_folded() -> None:
    """Cells that did not change are there to be unfolded, and one that only moved shows no change."""
    written = as_page(review(source("one", "two", "three", "four"), source("two", "three", "4", "one")))
    assert "<summary>2 unchanged cells</summary>" in written and "moved from 1" in written
    assert written.count('class="w"') == written.count('class="o"') == 1


@pytest.mark.parametrize(("text", "language"), [("\n", "markdown"), (" \n", "python"), ("<", "scala"), ("*", "yaml")])
def test_a_text_that_would_take_a_lexer_long(text: str, language: str) -> None:
    """It has no colours, as it would be looked at again from each of its characters; a short one has."""
    parts = coloured(f"x = 1  # one\n{text * (MOST_COLOURED // len(text) - 20)}", language)
    assert not any(part.colour for line in parts for part in line)
    assert any(part.colour for line in coloured("x = 1  # one\n" + "\n" * 400, "python") for part in line)
