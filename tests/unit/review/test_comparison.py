"""One file of two commits: which cells changed, and what else there is to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.notebook.merge import Did
from databricks_sync.review.comparison import FileReview
from databricks_sync.review.markdown import MarkdownReview
from databricks_sync.review.page import PageReview
from databricks_sync.review.wording import did, summary

from .samples import COMMITS, FILE, LINK, jupyter, review, source

TOKEN = "dapi" + "0123456789abcdef" * 2
A, B = source("a", "b"), source("a", "B")
ROWS = [
    ("an edit", review(A, B), "1 changed cell", ["unchanged", "changed"], []),
    ("three kinds", review(source("a", "b", "c"), source("c", "a2", "x", "b")), "1 changed cell, 1 new, 1 moved",
     ["moved from 3", "changed", "new", "unchanged"], []),
    ("a new notebook", review(None, A), "new, 2 cells", ["new", "new"], []),
    ("a removed one", review(A, None), "removed, 2 cells", ["removed", "removed"], []),
    ("a renamed one", review(A, A, old_path="b.py"), "renamed", [], ["its content did not change"]),
    ("renamed and edited", review(A, B, old_path="b.py"), "renamed, 1 changed cell", ["unchanged", "changed"], []),
    ("of other outputs", review(jupyter("a"), jupyter("a", outputs=[1]), "a.ipynb"), "changed", ["unchanged"],
     ["outputs of cell 1 changed"]),
    ("of another kernel", review(jupyter("a"), jupyter("a", metadata={"x": 1}), "a.ipynb"), "changed", ["unchanged"],
     ["metadata of the notebook changed"]),
    ("of another format", review(A, jupyter("a", "b"), "a.ipynb", "a.py"), "renamed", ["unchanged", "unchanged"],
     ["format source (PYTHON) → Jupyter"]),
    ("blank lines", review(A, source("a\n", "b")), "changed", ["unchanged", "unchanged"],
     ["no cell changed: only blank lines, counts, ids, or how the file is written"]),
    ("broken", review(b"{", b"{}", "a.ipynb"), "+1 −1 lines", ["changed"],
     ["shown as text, because as a notebook it cannot be read: it is not valid JSON (line 1)"]),
    ("that became a file", review(A, b"a\n"), "+0 −5 lines", ["changed"], []),
    ("a file", review(b"a\nb\n", b"a\nc\nd\n", "a.csv"), "+2 −1 lines", ["changed"], []),
    ("its end", review(b"a\n", b"a", "a.csv"), "changed", [], ["only the newline at the end changed"]),
    ("binary", review(b"\0", b"\0\0", "a.bin"), "changed", [], ["binary, 1 byte → 2 bytes"]),
    ("no text", review(None, b"\xff", "a.csv"), "new", [], ["binary, 1 byte"]),
    ("its mode", review(b"a", b"a", "a.sh", modes=(FILE, "100755")), "changed", [], ["mode 100644 → 100755"]),
    ("a link", review(b"a", b"b", "a", modes=(LINK, LINK)), "+1 −1 lines", ["changed"], ["a symbolic link"]),
    ("a credential", review(A, source("a", f"t = '{TOKEN}'")), "1 changed cell", ["unchanged", "changed"],
     ["what looks like a Databricks token is shown as ***"]),
    ("another credential", review(source(f"t = '{TOKEN}'"), source(f"t = '{TOKEN[:-1]}0'")), "1 changed cell",
     ["changed"], ["what looks like a Databricks token is shown as ***",
                   "what changed in cell 1 is not shown, because it looks like a credential"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "words", "cells", "notes"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_changed(file: FileReview, words: str, cells: list[str], notes: list[str]) -> None:
    """A few words say what became of a file; each cell, and what is no part of a cell, is told of."""
    assert summary(file) == words
    assert [did(cell) for cell in file.cells] == (cells or [did(cell) for cell in file.cells if cell.did is Did.KEPT])
    assert list(file.notes) == notes
    assert TOKEN[:-1] not in repr(file)


NESTED = jupyter("a", outputs=["deep"])
DEEP = [
    NESTED.replace(b'"deep"', b"[" * depth + digit + b"]" * depth)
    for depth in (700, 900, 2000)
    for digit in (b"1", b"2")
]
SOME = st.none() | st.binary(max_size=40) | st.sampled_from([A, B, jupyter("a", "\ud800"), b'{"cells": [{}]}', *DEEP])


@given(SOME, SOME, st.sampled_from(["a.py", "a.ipynb", "a.r", "a.md", "a"]))
def test_a_review_never_fails(old: bytes | None, new: bytes | None, path: str) -> None:
    """Any two contents can be compared and written, broken or not."""
    for written in (MarkdownReview(COMMITS), PageReview(COMMITS)):
        written.add(review(old, new, path))
        assert written.text().encode()


def test_control_characters() -> None:
    """What a terminal or a reader's eye obeys is shown as an escape, in paths, titles and texts."""
    file = review(None, source("# DBTITLE 1,\x1b[2J\n\tx\u202ey\x07"), "\x1b[1mä.py")
    assert file.path == "\\x1b[1mä.py"
    assert file.cells[0].after == ("python", "    x\\u202ey\\x07", "\\x1b[2J")
