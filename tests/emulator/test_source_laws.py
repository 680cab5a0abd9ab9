"""Source and Jupyter: what must hold for any notebook."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.core.model import WorkspaceObject
from databricks_local.formats import dbc, jupyter, source
from databricks_local.formats.source import NotebookCell

LANGUAGES = st.sampled_from(sorted(source.PREFIXES))
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)


def _plain(text: str) -> bool:
    """No line that is itself source syntax, and no blank edge that separators swallow."""
    lines = text.split("\n")
    starts = ("%", "#", "--", "//")
    return text.strip() != "" and all(
        line.strip() != "" and line == line.rstrip() and not line.startswith(starts) for line in lines
    )


TEXTS = st.lists(LINES, min_size=1, max_size=4).map("\n".join).filter(_plain)
CELLS = st.lists(
    st.builds(NotebookCell, kind=st.sampled_from(["code", "markdown"]), text=TEXTS), min_size=1, max_size=5
)


@given(CELLS, LANGUAGES)
def test_source_round_trip(cells: list[NotebookCell], language: str) -> None:
    """Cells written as source and read again are the same cells."""
    assert source.parse(source.render(cells, language), language) == cells


@given(CELLS, LANGUAGES)
def test_jupyter_round_trip(cells: list[NotebookCell], language: str) -> None:
    """Cells written as Jupyter and read again are the same cells, in the same language."""
    document = jupyter.render(cells, language, "n", 1)
    assert jupyter.parse(document) == cells
    assert jupyter.language(jupyter.load(document)) == language


@given(st.binary(max_size=60), LANGUAGES)
def test_header_is_added_once(content: bytes, language: str) -> None:
    """A source export begins with the header, and exporting it again changes nothing."""
    once = source.with_header(content, language)
    assert once.startswith(source.header(language).encode())
    assert source.with_header(once, language) == once


@given(st.binary(max_size=60))
def test_legacy_newlines(content: bytes) -> None:
    """The old rules leave no CRLF and take at most one newline from the end."""
    kept = source.legacy_newlines(content)
    assert content.replace(b"\r\n", b"\n") in (kept, kept + b"\n")


@pytest.mark.parametrize("kind", ["code", "markdown"])
@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("language", sorted(source.PREFIXES))
def test_titles_survive(language: str, is_shown: bool, kind: str) -> None:
    """A cell's title, shown or hidden, goes through source, Jupyter and DBC."""
    cells = [NotebookCell(kind, "1", "Load it", title_shown=is_shown)]
    number = int(is_shown)
    assert f"{source.PREFIXES[language]} DBTITLE {number},Load it\n" in source.render(cells, language)
    assert dbc.parse(dbc.document(WorkspaceObject(1, "/n", "NOTEBOOK", language), cells)) == cells
    assert source.parse(source.render(cells, language), language) == cells
    assert jupyter.parse(jupyter.render(cells, language, "n", 1)) == cells
