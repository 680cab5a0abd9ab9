"""The laws of the merge, what clashes and what does not, and notebooks with markers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databricks_sync.model import JUPYTER, SOURCES, Form, Language
from databricks_sync.notebook.cells import cells, pieces
from databricks_sync.notebook.equality import canonical, digest
from databricks_sync.notebook.format import COMMENTS, HEADER
from databricks_sync.notebook.merge import (
    AGREED,
    HERE,
    PARTED,
    THERE,
    Clash,
    Markers,
    Merge,
    NotebookVersion,
    merge,
    merge_without_base,
    unresolved,
)

PYTHON = Language.PYTHON


def source(*bodies: str, language: Language = PYTHON, end: str = "\n", apart: str = "\n\n") -> NotebookVersion:
    mark = COMMENTS[language]
    text = f"{apart}{mark} COMMAND ----------{apart}".join(bodies)
    return NotebookVersion(f"{mark} {HEADER}\n{text}{end}".encode(), SOURCES[language])


def cell(text: str, **more: Any) -> dict[str, Any]:
    kind = more.pop("cell_type", "code")
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": text, **code, **more}


def jupyter(*made: str | dict[str, Any], language: str = "python", ids: str = "") -> NotebookVersion:
    """A Jupyter notebook, of a format without ids unless they begin with `ids`."""
    whole = [cell(one) if isinstance(one, str) else one for one in made]
    if ids:
        whole = [{"id": f"{ids}{number}", **one} for number, one in enumerate(whole)]
    document = {
        "cells": whole, "metadata": {"language_info": {"name": language}}, "nbformat": 4,
        "nbformat_minor": 5 if ids else 4,
    }  # fmt: skip
    return NotebookVersion(json.dumps(document, indent=1).encode(), JUPYTER)


# The merge of two texts that leaves it all to the person.
WHOLE = Markers(lambda base, here, there: "")


def bodies(merged: Merge, like: NotebookVersion) -> list[str]:
    assert merged.raw is not None
    return [one.source for one in cells(merged.raw, like.format)]


def said(version: NotebookVersion) -> str:
    return canonical(version.raw, version.format)


# --- a table ------------------------------------------------------------------------------------------------

SPLIT = "one = 1 ; two = 2 ; three = 3"
# What the cells were, what they became here and there, and what the merge is.
CLEAN = {
    "different cells": ("abc", "Abc", "abC", "AbC"),
    "neighbours": ("ab", "Ab", "aB", "AB"),
    "the same edit": ("abc", "aXc", "aXc", "aXc"),
    "the same edit and another": ("abc", "Xbc", "XbY", "XbY"),
    "added here, edited there": ("ab", "aNb", "aB", "aNB"),
    "added at both ends": ("ab", "Nab", "abM", "NabM"),
    "added on either side of a cell": ("abc", "aNbc", "abMc", "aNbMc"),
    "added twice, the same": ("ab", "aNb", "aNb", "aNb"),
    "removed here, another edited there": ("abc", "ac", "abC", "aC"),
    "removed on both sides": ("abc", "ac", "ac", "ac"),
    "removed neighbours": ("abcd", "acd", "abd", "ad"),
    "added after a cell that was removed there": ("abc", "abNc", "ac", "aNc"),
    "moved here, another edited there": ("abcd", "bcda", "abCd", "bCda"),
    "moved to the same place": ("abcd", "bcda", "bcda", "bcda"),
    "an equal cell twice": ("aabb", "Aabb", "aabB", "AabB"),
    "equal cells, each edited on one side": ("aba", "Xba", "abY", "XbY"),
    "equal cells, one removed here, one edited there": ("aba", "ba", "abY", "bY"),
    "equal cells, the same one removed": ("abac", "bac", "baC", "baC"),
    "all of it here, nothing there": ("abc", "XYZW", "abc", "XYZW"),
    "nothing here, all of it there": ("abc", "abc", "X", "X"),
    "everything removed": ("a", "", "a", ""),
}
# The same, with what clashes: what each side did, and with which of its cells.
CLASHING = {
    "the same cell": ("abc", "aXc", "aYc", [("changed", 2, "changed", 2)]),
    "two of them": ("abcd", "XbYd", "ZbWd", [("changed", 1, "changed", 1), ("changed", 3, "changed", 3)]),
    "edited here, removed there": ("abc", "aXc", "ac", [("changed", 2, "removed", None)]),
    "removed here, edited there": ("abc", "ac", "aXc", [("removed", None, "changed", 2)]),
    "added at the same place": ("ab", "aNb", "aMb", [("added", 2, "added", 2)]),
    "added at the end": ("a", "aN", "aM", [("added", 2, "added", 2)]),
    "one the same, one not": ("ab", "aNb", "aNMb", [("added", 2, "added", 2)]),
    "moved to two places": ("abcde", "bcade", "bcdea", [("moved", 3, "removed", None), ("removed", None, "moved", 5)]),
    "moved here, removed there": ("abcd", "bcda", "bcd", [("moved", 4, "removed", None)]),
    "moved here, edited there": ("abcd", "bcda", "Xbcd", [("removed", None, "changed", 1)]),
    "equal cells, each removed on one side": (
        "aba",
        "ba",
        "ab",
        [("removed", None, "kept", 1), ("kept", 2, "removed", None)],
    ),
    "equal cells, each moved to one place": (
        "xdad",
        "dxad",
        "dxda",
        [("removed", None, "kept", 3), ("kept", 4, "removed", None)],
    ),
    "equal cells, another one in place of one": (
        "abpca",
        "pbca",
        "abpc",
        [("changed", 1, "kept", 1), ("kept", 4, "removed", None)],
    ),
    "rewritten in two ways": ("ab", "XYZ", "UVWT", [("added", 1, "added", 1)]),
}
MAKERS: dict[str, Callable[[str], NotebookVersion]] = {
    "source": lambda text: source(*text),
    "jupyter": lambda text: jupyter(*text),
    # The workspace draws new ids when it likes, so that they may say anything.
    "ids": lambda text: jupyter(*text, ids=f"{text}-"),
}


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize("name", CLEAN)
def test_what_merges(name: str, form: str) -> None:
    """Edits of different cells merge, whoever is asked to take the other's."""
    *three, expected = CLEAN[name]
    base, here, there = (MAKERS[form](text) for text in three)
    for ours, theirs in ((here, there), (there, here)):
        merged = merge(base, ours, theirs)
        assert merged.clashes == ()
        assert bodies(merged, ours) == ([*expected] or ([""] if form == "source" else []))


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize("name", CLASHING)
def test_what_clashes(name: str, form: str) -> None:
    """What the two sides want to have differently is told cell by cell, and nothing is merged."""
    *three, expected = CLASHING[name]
    base, here, there = (MAKERS[form](text) for text in three)
    merged = merge(base, here, there)
    assert merged.raw is None
    assert [(c.did_here.value, c.number_here, c.did_there.value, c.number_there) for c in merged.clashes] == expected
    turned = merge(base, there, here).clashes
    assert [(c.did_there, c.did_here) for c in turned] == [(c.did_here, c.did_there) for c in merged.clashes]


# --- cells of all sorts -------------------------------------------------------------------------------------


def test_a_rewritten_cell_is_known_by_its_id() -> None:
    """An id that both versions have says which cell is which, however little of its text is left."""
    base = jupyter("a", "b", ids="c")
    here = jupyter(cell("X", id="c0"), cell("new", id="n"), cell("Y", id="c1"), ids="_")
    there = jupyter(cell("a", id="c0"), cell("Z", id="c1"), ids="_")
    (clash,) = merge(base, here, there).clashes
    assert [clash.here[0].text, clash.there[0].text] == ["Y", "Z"]


def test_a_cell_is_known_by_its_words() -> None:
    """A cell that was edited and got a neighbour is still the same cell."""
    base, here = source("a", SPLIT, "b"), source("a", f"{SPLIT} ; four", "new", "b")
    (clash,) = merge(base, here, source("a", f"zero ; {SPLIT}", "b")).clashes
    assert len(clash.base) == len(clash.here) == len(clash.there) == 1
    merged = merge(base, here, source("A", SPLIT, "b"))
    assert bodies(merged, here) == ["A", f"{SPLIT} ; four", "new", "b"]


def test_outputs_counts_and_ids_never_clash() -> None:
    """Outputs, counts, ids and metadata may differ in all three; those of the cells that stay are ours."""
    out = [{"output_type": "stream", "name": "stdout", "text": ["ran\n"]}]
    base = jupyter(cell("a", outputs=out, execution_count=1), "b = 1", ids="base")
    here = jupyter(cell("a", outputs=out, execution_count=2, metadata={"tags": ["x"]}), "b = 1", ids="here")
    there = jupyter(cell("a", execution_count=3), "b = 2", "n", ids="there")
    merged = merge(base, here, there)
    assert merged.raw and merged.taken == 2
    kept, *others = json.loads(merged.raw)["cells"]
    assert kept == json.loads(here.raw)["cells"][0] | {"source": kept["source"]}
    assert ["".join(one["source"]) for one in others] == ["b = 2", "n"]


def test_ids_stay_unique() -> None:
    """New cells of both sides that happen to have one id get two."""
    base, here = jupyter("a", "b", ids="c"), jupyter("a", cell("mine", id="new"), "b", ids="c")
    there = jupyter("a", "b", cell("theirs", id="new"), ids="c")
    merged = merge(base, here, there)
    assert merged.raw
    nbformat.validate(json.loads(merged.raw))
    assert len({one["id"] for one in json.loads(merged.raw)["cells"]}) == 4


def test_the_type_of_a_cell_is_an_edit() -> None:
    """A cell that became Markdown here and was edited there clashes; where it was left alone there, it does not."""
    base, here = jupyter("a", "b"), jupyter(cell("a", cell_type="markdown"), "b")
    assert [c.number_here for c in merge(base, here, jupyter("A", "b")).clashes] == [1]
    merged = merge(base, here, jupyter("a", "B"))
    assert [one.language for one in cells(merged.raw or b"", JUPYTER)] == ["markdown", "python"]


@pytest.mark.parametrize("language", list(Language))
def test_magics_and_titles_are_merged_as_they_stand(language: Language) -> None:
    """The title of one cell, the text of a Markdown cell and the language of a third merge."""
    mark = COMMENTS[language]

    def made(title: str, text: str, magic: str) -> NotebookVersion:
        first, second = f"{mark} DBTITLE 1,{title}\nx", f"{mark} MAGIC %md\n{mark} MAGIC\n{mark} MAGIC {text}"
        return source(first, second, f"{mark} MAGIC %{magic}\n{mark} MAGIC y", language=language)

    base, here, there = made("t", "text", "sql"), made("T", "text", "sh"), made("t", "TEXT", "sql")
    merged = merge(base, here, there)
    assert merged.raw == made("T", "TEXT", "sh").raw and merged.taken == 1


def test_attachments_stay() -> None:
    """An image that was pasted into a cell here stays, whatever became of the text of that cell there."""
    base, there = jupyter(cell("a", cell_type="markdown")), jupyter(cell("A", cell_type="markdown"))
    here = jupyter(cell("a", cell_type="markdown", attachments={"i.png": {"image/png": "AA=="}}))
    merged = merge(base, here, there)
    assert b'"A"' in (merged.raw or b"") and b"i.png" in (merged.raw or b"")
    assert merge(base, here, base).raw == here.raw


def test_titles_of_jupyter_cells_merge() -> None:
    """A title that was set there joins the text that was edited in another cell here; two titles of one cell clash."""

    def made(text: str, title: str) -> NotebookVersion:
        return jupyter(cell("a", metadata={"application/vnd.databricks.v1+cell": {"title": title}}), cell(text))

    merged = merge(made("b", ""), made("B", ""), made("b", "T"))
    assert merged.raw == made("B", "T").raw and merged.taken == 1
    assert len(merge(made("b", ""), made("b", "S"), made("b", "T")).clashes) == 1


def test_the_style_of_the_file_stays() -> None:
    """Line ends, final newlines and blank lines round the cells are those of the local file."""
    base, there = source("a", "b", "c"), source("a", "b", "C", end="")
    here = NotebookVersion(
        source("A", "b", "c", apart="\n\n\n", end="\n\n").raw.replace(b"\n", b"\r\n"), SOURCES[PYTHON]
    )
    assert merge(base, here, there).raw == here.raw.replace(b"c\r\n\r\n", b"C\r\n\r\n")


def test_blank_lines_merge_too() -> None:
    """Blank lines that one side put round a cell, and text that the other put into it, are both there."""
    base, here, there = source("a", "b", "c"), source("a", "\n\nb", "c"), source("a", "B", "c")
    for ours, theirs in ((here, there), (there, here)):
        assert merge(base, ours, theirs).raw == source("a", "\n\nB", "c").raw


@pytest.mark.parametrize("turned", [False, True])
def test_a_base_of_the_other_form(turned: bool) -> None:
    """A notebook whose form was changed is still merged with what was agreed on in the old one."""
    markdown = "# MAGIC %md\n# MAGIC text"
    olds = [source("a", markdown, "b"), jupyter("a", cell("text", cell_type="markdown"), "b")]
    ours = [source("a", markdown, "B"), jupyter("a", cell("text", cell_type="markdown"), "B")]
    theirs = [source("A", markdown, "b"), jupyter("A", cell("text", cell_type="markdown"), "b")]
    merged = merge(olds[turned], ours[not turned], theirs[not turned])
    assert bodies(merged, ours[not turned]) == ["A", "text", "B"]


# --- markers ------------------------------------------------------------------------------------------------


def marked(base: NotebookVersion, here: NotebookVersion, there: NotebookVersion) -> str:
    merged = merge(base, here, there, WHOLE)
    assert merged.raw and merged.clashes
    assert unresolved(merged.raw, here.format)
    if here.format == JUPYTER:
        nbformat.validate(json.loads(merged.raw))
    return "\n--\n".join(bodies(merged, here))


@pytest.mark.parametrize("form", MAKERS)
def test_markers_within_a_cell(form: str) -> None:
    """A cell that both sides changed holds both versions and the common one, and all else is merged."""
    made = MAKERS[form]
    text = marked(made("abc"), made("aXc"), made("AYc"))
    assert text == f"A\n--\n{HERE}\nX\n{AGREED}\nb\n{PARTED}\nY\n{THERE}\n--\nc"


@pytest.mark.parametrize("form", MAKERS)
def test_markers_that_are_cells(form: str) -> None:
    """Cells that only one side has stand as they are, between cells that are markers."""
    made = MAKERS[form]
    text = marked(made("ab"), made("aNMb"), made("aLb"))
    assert text.split("\n--\n") == ["a", HERE, "N", "M", PARTED, "L", THERE, "b"]
    assert marked(made("ab"), made("aX"), made("a")).split("\n--\n") == ["a", HERE, "X", PARTED, THERE]


@pytest.mark.parametrize("form", MAKERS)
def test_markers_as_they_are_asked_for(form: str) -> None:
    """The markers have the names and the size that are asked for, and the common version only if it is."""
    made = MAKERS[form]
    markers = Markers(lambda base, here, there: "", ("HEAD", "base", "rain"), 9, with_base=False)
    merged = merge(made("abc"), made("aXcN"), made("aYcM"), markers)
    within = f"{'<' * 9} HEAD\nX\n{'=' * 9}\nY\n{'>' * 9} rain"
    assert bodies(merged, made("")) == ["a", within, "c", f"{'<' * 9} HEAD", "N", "=" * 9, "M", f"{'>' * 9} rain"]


@pytest.mark.parametrize("form", MAKERS)
def test_without_a_common_version(form: str) -> None:
    """Cells that both have stand there once, and whatever one side has more is a clash."""
    made = MAKERS[form]
    merged = merge_without_base(made("abXcd"), made("abYZc"), WHOLE)
    assert bodies(merged, made("")) == ["a", "b", HERE, "X", PARTED, "Y", "Z", THERE, "c", HERE, "d", PARTED, THERE]
    assert [(one.number_here, one.number_there) for one in merged.clashes] == [(3, 3), (5, None)]
    assert merge_without_base(made("ab"), made("ab"), WHOLE) == merge(made("ab"), made("ab"), made("ab"))
    assert bodies(merge_without_base(made("a"), made("a"), WHOLE, whole=True), made("")) == [
        HERE,
        "a",
        PARTED,
        "a",
        THERE,
    ]


def test_a_clash_is_marked_also_where_the_lines_fit() -> None:
    """A text merge that finds no common lines does not settle a cell that both sides changed."""
    merged = merge(source("a"), source("b"), source("c"), Markers(lambda base, here, there: "b\nc"))
    assert merged.raw == source(f"{HERE}\nb\n{AGREED}\na\n{PARTED}\nc\n{THERE}").raw


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (HERE, 1), (f"x\n\n# COMMAND ----------\n\n{THERE}", 2), (f"# MAGIC %md\n{AGREED}", 1), (f"{THERE}  \n", 1),
        (f"x {HERE}", 0), (f"# {HERE}", 0), (PARTED, 0), ("<<<<<<< HEAD", 0), ("x", 0),
    ],
)  # fmt: skip
def test_what_is_unresolved(text: str, number: int) -> None:
    """Each of our markers, alone in its line, makes a notebook unresolved; what merely looks like one does not."""
    assert unresolved(source(text).raw, SOURCES[PYTHON]) == number


@pytest.mark.parametrize("made", [source, jupyter])
@pytest.mark.parametrize(
    ("texts", "number"),
    [
        (["a", "<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> main"], 2),
        (["<<<<<<< Updated upstream\nx\n||||||| base\nz\n=======\ny\n>>>>>>> Stashed changes"], 1),
        (["a", "<<<<<<< HEAD\nx", "b", "=======\ny\n>>>>>>> main", "c"], 2),
        (["<<<<<<< not this", "<<<<<<< HEAD\nx\n=======\n>>>>>>> 1a2b3c4 (work)"], 2),
        (["Title\n=======\n>>>>>>> quoted"], 0),
        (["<<<<<<< HEAD\nx\n>>>>>>> main\n======="], 0),
        (["s = 1 <<<<<<< HEAD\n=======\n>>>>>>> main"], 0),
        (["    <<<<<<< HEAD\n=======\n>>>>>>> main"], 0),
        (["<<<<<<< HEAD\n======= x\n>>>>>>> main"], 0),
    ],
)
def test_what_git_left_unresolved(made: Callable[..., NotebookVersion], texts: list[str], number: int) -> None:
    """The three markers of git at the beginnings of lines, in their order, make a notebook unresolved, also over
    several cells; one or two of them do not."""
    assert unresolved(*made(*texts)) == number


def test_a_text_about_conflicts_of_git() -> None:
    """Where a source notebook explains them in Markdown, each line has its MAGIC, which git does not write."""
    lesson = "\n".join(f"# MAGIC {line}" for line in ("%md", "<<<<<<< HEAD", "x", "=======", "y", ">>>>>>> main"))
    assert not unresolved(source(lesson).raw, SOURCES[PYTHON])


# --- laws ---------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    ["", "a", "b", "a\nb", "x = 1", "# MAGIC %md\n# MAGIC text", "# MAGIC", "\nc", "%sql\nselect 1"]
)


@st.composite
def edited(draw: st.DrawFn, texts: list[str], fresh: str) -> list[str]:
    """The cells after somebody worked on them; what they write is theirs alone."""
    made = list(texts)
    for turn in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(made)))
        what = draw(st.sampled_from(["add", "change", "remove", "move"]))
        if what == "add" or not made:
            made.insert(at, draw(TEXTS | st.just(f"{fresh}{turn}")))
        elif what == "change":
            made[at - 1] = draw(st.sampled_from([f"{fresh}{turn}", f"{made[at - 1]}\n{fresh}{turn}"]))
        else:
            text = made.pop(at - 1)
            if what == "move":
                made.insert(draw(st.integers(0, len(made))), text)
    return made


@st.composite
def versions(draw: st.DrawFn) -> tuple[NotebookVersion, NotebookVersion, NotebookVersion]:
    """Three versions of one notebook: a common one, edited on each side."""
    texts = draw(st.lists(TEXTS, min_size=1, max_size=5))
    form = draw(st.sampled_from(list(Form)))

    def made(one: list[str], side: str) -> NotebookVersion:
        if form is Form.SOURCE:
            return source(
                *one, end=draw(st.sampled_from(["", "\n", "\n\n"])), apart=draw(st.sampled_from(["\n\n", "\n"]))
            )
        kinds = [draw(st.sampled_from(["code", "code", "markdown"])) for _ in one] if side else ["code"] * len(one)
        ids = draw(st.sampled_from(["", "same", side or "base"]))
        return jupyter(*(cell(text, cell_type=kind) for text, kind in zip(one, kinds, strict=True)), ids=ids)

    here, there = draw(edited(texts, "mine")), draw(edited(texts, "theirs"))
    return made(texts, ""), made(here, "here"), made(there, "there")


def merged_text(base: NotebookVersion, here: NotebookVersion, there: NotebookVersion) -> str:
    merged = merge(base, here, there)
    assert merged.raw is not None and merged.clashes == ()
    return canonical(merged.raw, here.format)


@given(versions())
def test_one_side_alone_is_taken_as_it_is(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """Where only one side has edits, or both have the same, the merge says what that side says."""
    base, here, there = three
    assert merged_text(base, here, base) == said(here)
    assert merged_text(base, base, there) == said(there)
    assert merged_text(base, here, here) == said(here)


@given(versions())
def test_nothing_is_taken_from_a_side_without_edits(
    three: tuple[NotebookVersion, NotebookVersion, NotebookVersion],
) -> None:
    """Without an edit there the local file stays as it is, byte for byte."""
    base, here, _ = three
    merged = merge(base, here, base)
    assert (merged.raw, merged.taken) == (here.raw, 0)


def clash_texts(clashes: tuple[Clash, ...]) -> set[str]:
    return {line for one in clashes for piece in (*one.here, *one.there) for line in piece.text.split("\n")}


def lines(version: NotebookVersion) -> set[str]:
    return {line for one in pieces(version.raw, version.format) for line in one.text.split("\n")}


@given(versions())
def test_it_is_the_same_from_both_sides(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """Whoever merges, the result says the same, and the same cells clash."""
    base, here, there = three
    one, other = merge(base, here, there), merge(base, there, here)
    assert clash_texts(one.clashes) == clash_texts(other.clashes)
    if one.raw is not None and other.raw is not None:
        apart = [cells(merged.raw or b"", here.format) for merged in (one, other)]
        assert apart[0] == apart[1]


@given(versions())
def test_no_edit_is_lost(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """What either side wrote is in the merge, or in what clashes; and with markers it is all in the notebook."""
    base, here, there = three
    written = (lines(here) | lines(there)) - lines(base)
    merged = merge(base, here, there, WHOLE)
    assert merged.raw is not None
    held = lines(NotebookVersion(merged.raw, here.format))
    assert written <= held
    clean = merge(base, here, there)
    assert (clean.raw is None) == bool(clean.clashes) == bool(unresolved(merged.raw, here.format))


@st.composite
def doubles(draw: st.DrawFn) -> tuple[NotebookVersion, NotebookVersion, NotebookVersion]:
    """Three versions of a notebook in which many cells say the same; each side rearranged it, and wrote some more."""
    texts = draw(st.lists(st.sampled_from(["", "a", "b"]), min_size=2, max_size=5))

    def rearranged(fresh: str) -> list[str]:
        made = list(texts)
        for _ in range(draw(st.integers(0, 3))):
            moved = [made.pop(draw(st.integers(0, len(made) - 1)))] if made else []
            at = draw(st.integers(0, len(made)))
            made[at:at] = draw(st.sampled_from([[], moved, [], moved, [fresh]]))
        return made

    return jupyter(*texts), jupyter(*rearranged("mine")), jupyter(*rearranged("theirs"))


def counted(version: NotebookVersion) -> Counter[str]:
    return Counter(one.text for one in pieces(version.raw, version.format))


@settings(max_examples=300)
@given(doubles())
def test_what_both_hold_stays(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """Without a clash a cell is there as often as both sides have it, less those of which one wrote a new version."""
    base, here, there = three
    merged = merge(base, here, there)
    if merged.raw is None:
        return
    held = counted(NotebookVersion(merged.raw, here.format))
    missing = (counted(here) & counted(there)) - held
    new = {text: count for text, count in held.items() if text not in counted(base)}
    assert sum(missing.values()) <= sum(new.values())


@given(versions())
def test_the_result_is_a_notebook(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """With markers or without, the result is a valid notebook, and the one it was meant to be."""
    base, here, there = three
    for markers in (None, WHOLE):
        merged = merge(base, here, there, markers)
        if merged.raw is None:
            continue
        assert digest(merged.raw, here.format) == merged.digest
        if here.format == JUPYTER:
            nbformat.validate(json.loads(merged.raw))


@given(versions())
def test_a_merge_comes_to_rest(three: tuple[NotebookVersion, NotebookVersion, NotebookVersion]) -> None:
    """Merged again with the same version from there, the result stays as it is."""
    base, here, there = three
    merged = merge(base, here, there)
    if merged.raw is not None:
        again = merge(there, NotebookVersion(merged.raw, here.format), there)
        assert again.raw == merged.raw
