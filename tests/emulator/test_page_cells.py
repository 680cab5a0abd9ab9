"""What a person's edit of one cell does to a notebook: that, and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.formats import jupyter, source
from databricks_local.pages.cells import Jupyter, Source
from databricks_local.pages.markdown import rendered
from databricks_local.pages.outputs import of_jupyter

NOTEBOOK = """# Databricks notebook source
import os


# COMMAND ----------

# DBTITLE 1,Title <b>
x = 1   \n\n# COMMAND ----------

# MAGIC %md-sandbox # One
# MAGIC two  \n# MAGIC
# MAGIC three

# COMMAND ----------

# DBTITLE 0,hidden
# MAGIC %sql
# MAGIC select 1

# COMMAND ----------

"""

line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)
text = st.lists(line, max_size=4).map("\n".join)
chunk = st.one_of(
    text,
    st.sampled_from(
        [
            "# MAGIC %sql\n# MAGIC a",
            "# DBTITLE 1,t\nx",
            "# DBTITLE 0,t\n# MAGIC %md a",
            "",
            "\n\n",
            "# MAGIC a\nb",
            "%md a",
        ]
    ),
)
notebooks = st.lists(chunk, min_size=1, max_size=5).map(
    lambda chunks: "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(chunks)
)


def texts(notebook: str) -> list[str]:
    return [cell.text for cell in Source(notebook, "PYTHON").cells()]


def test_cells_as_the_editor_shows_them() -> None:
    """A cell's text has its magic but not the comment signs; its title stands apart, unless it is hidden."""
    cells = Source(NOTEBOOK, "PYTHON").cells()
    assert [cell.language for cell in cells] == ["PYTHON", "PYTHON", "MARKDOWN", "SQL", "PYTHON"]
    assert [cell.title for cell in cells] == [None, "Title <b>", None, None, None]
    assert cells[2].text == "%md-sandbox # One\ntwo  \n\nthree"
    assert cells[2].body == "# One\ntwo  \n\nthree"
    assert cells[4].text == ""


@given(notebooks, st.data())
def test_saving_what_is_shown_changes_no_cell(notebook: str, data: st.DataObject) -> None:
    """Saving a cell as it is shown leaves the meaning of every cell as it was."""
    number = data.draw(st.integers(1, len(texts(notebook))))
    again = Source(notebook, "PYTHON").changed(number, texts(notebook)[number - 1])
    assert texts(again) == texts(notebook)


@given(notebooks, text, st.data())
def test_editing_touches_one_cell(notebook: str, new: str, data: st.DataObject) -> None:
    """The other cells keep their text and titles whatever is typed into one."""
    before = Source(notebook, "PYTHON").cells()
    number = data.draw(st.integers(1, len(before)))
    after = Source(Source(notebook, "PYTHON").changed(number, new), "PYTHON").cells()
    others = [(cell.text, cell.title) for cell in before if cell.number != number]
    assert [(cell.text, cell.title) for cell in after if cell.number != number] == others


@given(notebooks, st.data())
def test_adding_and_deleting_are_opposites(notebook: str, data: st.DataObject) -> None:
    """A cell that is added and deleted again leaves the cells as they were."""
    before = texts(notebook)
    after = data.draw(st.integers(0, len(before)))
    added = Source(notebook, "PYTHON").added(after, "SQL", "select 1")
    assert texts(added) == [*before[:after], "%sql\nselect 1", *before[after:]]
    assert texts(Source(added, "PYTHON").deleted(after + 1)) == before


def test_other_lines_stay_byte_for_byte() -> None:
    """Lines outside the edited cell are the same, blank ones and trailing blanks too."""
    changed = Source(NOTEBOOK, "PYTHON").changed(4, "%sql\nselect 2")
    assert changed == NOTEBOOK.replace("select 1", "select 2")
    assert Source(NOTEBOOK, "PYTHON").changed(2, "y") == NOTEBOOK.replace("x = 1   ", "y")


@pytest.mark.parametrize("language", ["PYTHON", "SQL", "SCALA", "R"])
def test_every_language(language: str) -> None:
    """Cells are found and changed with the comment signs of the notebook's language."""
    prefix = source.PREFIXES[language]
    notebook = f"{source.header(language)}\na\n\n{prefix} COMMAND ----------\n\n{prefix} MAGIC %md\n{prefix} MAGIC b"
    assert [cell.text for cell in Source(notebook, language).cells()] == ["a", "%md\nb"]
    assert Source(notebook, language).changed(2, "%md\nc").endswith(f"{prefix} MAGIC c")


def test_ipynb_keeps_everything_else() -> None:
    """Editing a cell of an .ipynb keeps outputs, metadata and unknown keys, its own and those of the others."""
    cell = {"cell_type": "code", "metadata": {"k": 1}, "source": ["a\n", "b"], "outputs": [{"x": "y"}], "odd": True}
    document = {"cells": [cell, {**cell, "cell_type": "markdown"}], "metadata": {"m": {}}, "nbformat": 4, "more": "ü"}
    changed = json.loads(Jupyter(json.dumps(document).encode(), "PYTHON").changed(1, "c\nd"))
    assert changed == {**document, "cells": [{**cell, "source": ["c\n", "d"]}, document["cells"][1]]}


def test_ipynb_added_and_deleted() -> None:
    """Cells of an .ipynb are added in a language or as markdown, and deleted down to none."""
    content = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 0}).encode()
    content = Jupyter(content, "PYTHON").added(0, "MARKDOWN", "# m")
    content = Jupyter(content, "PYTHON").added(1, "SQL", "select 1")
    assert [(cell.kind, cell.text) for cell in jupyter.parse(content)] == [
        ("markdown", "# m"),
        ("code", "%sql\nselect 1"),
    ]
    for _ in range(2):
        content = Jupyter(content, "PYTHON").deleted(1)
    assert Jupyter(content, "PYTHON").cells() == []


def test_what_no_form_can_carry() -> None:
    """A cell with NUL, a lone CR or half a surrogate pair is known for what it is, and stays in a UTF-8 file."""
    cells = [{"cell_type": "code", "source": text} for text in ("a", "\0", "a\rb", "\ud800", "a\r\nb")]
    found = Jupyter(json.dumps({"cells": cells}).encode(), "PYTHON").cells()
    assert [cell.fits_a_form for cell in found] == [True, False, False, False, True]
    saved = Jupyter(json.dumps({"cells": cells}).encode(), "PYTHON").changed(1, "b")
    assert rb'"source": "\ud800"' in saved and saved.decode()


MARKDOWN = {
    "## A\n####### no": "<h4>A</h4>\n<p>####### no</p>",
    "*i* __b__ ~~s~~ `<c>`": "<p><em>i</em> <strong>b</strong> <s>s</s> <code>&lt;c&gt;</code></p>",
    "- a\n  1. b": "<ul>\n<li>a\n<ol>\n<li>b</li>\n</ol>\n</li>\n</ul>",
    "|a|b|\n|-|-:|\n|1|<b>|": "<table>\n<thead>\n<tr>\n"
    '<th scope="col">a</th>\n<th scope="col">b</th>\n</tr>\n</thead>\n'
    "<tbody>\n<tr>\n<td>1</td>\n<td>&lt;b&gt;</td>\n</tr>\n</tbody>\n</table>",
    "```py\n# <z>\n```": '<pre><code class="language-py"># &lt;z&gt;\n</code></pre>',
    "[l](https://x/?a=%22&b) <m@x.y>": '<p><a href="https://x/?a=%22&amp;b" rel="noopener noreferrer nofollow">l</a> '
    '<a href="mailto:m@x.y" rel="noopener noreferrer nofollow">m@x.y</a></p>',
    "![i](http://x/i.png)": '<p>!<a href="http://x/i.png" rel="noopener noreferrer nofollow">i</a></p>',
    "![i](data:image/png;base64,)": "<p>![i](data:image/png;base64,)</p>",
    "[a](JavaScript:x) [b](//x) [c](/logout)": "<p>[a](JavaScript:x) [b](//x) [c](/logout)</p>",
    "[a](&#106;avascript:x)": "<p>[a](javascript:x)</p>",
    "[a]\n\n[a]: vbscript:x": "<p>[a]</p>\n<p>[a]: vbscript:x</p>",
    "a <!-- b --> c\n<!-- d\n\ne -->\n- f": "<p>a  c</p>\n<ul>\n<li>f</li>\n</ul>",
    "<!-- a --> *b* `<!-- c -->`\n\n<!-- d": "<p> <em>b</em> <code>&lt;!-- c --&gt;</code></p>\n<p>&lt;!-- d</p>",
    "<script>x</script>": "<p>&lt;script&gt;x&lt;/script&gt;</p>",
}


@pytest.mark.parametrize("text", MARKDOWN)
def test_markdown(text: str) -> None:
    """Markdown is rendered below the page's own headings; HTML, images and other links stay text; comments go."""
    assert str(rendered(text)) == MARKDOWN[text] + "\n"


@given(st.text(alphabet="<>&\"'()[]!:#-*`1. \na\ud800"))
def test_markdown_never_lets_markup_through(given_text: str) -> None:
    """Whatever is written, only the few tags of our own come out."""
    tags = "h[3-6]|ul|ol|li|p|pre|code|strong|em|blockquote|br|hr"
    assert "<" not in re.sub(
        rf"</?(?:{tags})>|<ol start=\"1+\">|<code class=\"[^\"<>]*\">", "", str(rendered(given_text))
    )


def test_outputs() -> None:
    """Outputs become text whatever shape they have: colours go, HTML gets a frame, what is no picture is named."""
    given_outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
        {"output_type": "error", "traceback": ["\x1b[31mT\x1b[0m", "E"]},
        {"output_type": "error", "ename": "E", "evalue": "v"},
        {"output_type": "display_data", "data": {"text/html": "<b>", "text/plain": "plain"}},
        {"output_type": "display_data", "data": {"image/png": "…"}},
        {"data": []},
        {"text": 5},
        "odd",
        None,
        {"text": "x" * 30_000},
    ]
    found = [(one.text, one.is_error) for one in of_jupyter(given_outputs)]
    assert found[:-1] == [
        ("a\nb", False),
        ("T\nE", True),
        ("E: v", True),
        ("", False),
        ("[image/png: not shown here]", False),
        ("5", False),
    ]
    assert found[-1][0].endswith("… 10,000 more characters")
