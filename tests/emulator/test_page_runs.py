"""Notebooks run from their page: what a run has left stands below the cells, and what is HTML stays in its frame."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.jobs import cell_log
from databricks_local.jobs.cell_log import CellLog, CellOutput
from databricks_local.pages import widgets
from databricks_local.pages.cells import Source
from databricks_local.pages.outputs import MAX_IMAGES, MAX_SHOWN, Shown, bounded, of_displays, of_jupyter
from databricks_local.pages.running import _places
from databricks_local.runtime.cell_marks import mark

from .client import HEADER, Local
from .page import Visitor, read, text_of

HOSTILE = "<script>alert(1)</script>"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
SOURCE = f"""dbutils.widgets.text("city", "{HOSTILE}")
print("in", dbutils.widgets.get("city"))
!echo from the shell
# COMMAND ----------
displayHTML("<b>bold</b>{HOSTILE}")
displayHTML('<img src="{PICTURE}">')
# COMMAND ----------
1 / 0
# COMMAND ----------
print("never")"""


@pytest.fixture
def visitor(local: Local) -> Visitor:
    """Somebody who is logged in."""
    made = Visitor(local)
    made.log_in()
    return made


def cells_of(page: str) -> list[str]:
    """What a person reads in each cell."""
    parts = re.split(r'<div class="cell" id="cell-\d+">', page)[1:]
    return [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", part)) for part in parts]


def ended(visitor: Visitor, path: str) -> str:
    """The page of a notebook once its run has ended."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        page = text_of(visitor.look(path))
        if "Cancel this run" not in page:
            return page
        time.sleep(0.05)
    raise AssertionError("the run did not end")


def test_a_notebook_is_run(visitor: Visitor) -> None:
    """Each cell gets what it has printed, shown and raised; an edited one nothing; HTML stands in a sandboxed frame."""
    visitor.local.control("edit", {"path": "/Shared/n", "source": SOURCE})
    page = text_of(visitor.look("/Shared/n"))
    assert 'name="widget city" value="&lt;script&gt;alert(1)&lt;/script&gt;"' in page
    reply = visitor.post("/run?path=/Shared/n", {"csrf": visitor.csrf(), "widget city": f"Bern {HOSTILE}"})
    assert reply.headers["location"] == "/workspace?path=%2FShared%2Fn&follow=yes"
    page = ended(visitor, "/Shared/n")
    cells = cells_of(page)
    assert "in Bern &lt;script&gt;alert(1)&lt;/script&gt; from the shell" in cells[0]
    assert "ZeroDivisionError: division by zero" in cells[2] and "ZeroDivisionError" not in cells[1] + cells[3]
    assert "in cell 3" in read(visitor.look("/Shared/n"))
    assert f'<img src="{PICTURE}"' in page and "<script" not in page
    frame = re.search(r'<iframe class="output" src="([^"]+)" height="\d+" sandbox loading', page)
    assert frame is not None
    shown = visitor.get(frame[1].replace("&amp;", "&"))
    assert text_of(shown).endswith(f"<b>bold</b>{HOSTILE}")
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert "allow" not in shown.headers["content-security-policy"]
    visitor.edit("/Shared/n", 1, "a = 1")
    visitor.send(visitor.form("/add?path=/Shared/n&after=1"), language="PYTHON", text="b = 2")
    cells = cells_of(text_of(visitor.look("/Shared/n")))
    assert "from the shell" not in cells[0] and "ZeroDivisionError" in cells[3]
    assert "in cell 4" in read(visitor.look("/Shared/n"))


def test_a_run_that_goes_on(visitor: Visitor) -> None:
    """What a cell has written so far is seen while it runs; the page reloads if asked to, and the run can be ended."""
    source = "print('so far', flush=True)\nimport time\ntime.sleep(60)"
    visitor.local.control("edit", {"path": "/Shared/n", "source": source})
    url = visitor.post("/run?path=/Shared/n", {"csrf": visitor.csrf()}).headers["location"]
    deadline = time.monotonic() + 300
    while "Output so far" not in cells_of(text_of(visitor.get(url)))[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    page = text_of(visitor.get(url))
    assert 'http-equiv="refresh" content="1"' in page and "refresh" not in text_of(visitor.look("/Shared/n"))
    cancel = re.search(r'action="(/jobs/\d+/runs/\d+/cancel)"', page)
    assert cancel is not None
    visitor.post(cancel[1], {"csrf": visitor.csrf()})
    assert "Cancelled" in ended(visitor, "/Shared/n")


def test_outputs_that_are_not_there(visitor: Visitor) -> None:
    """An address of an output that nobody has left is a page that says so."""
    visitor.local.put("/Shared/n.py", HEADER + b"1")
    urls = ["/output?run=1&n=0", "/output?path=/Shared/n&cell=1&n=0", "/output?path=/Shared/n&cell=9", "/output"]
    assert [visitor.get(url).status for url in urls] == [404, 404, 404, 400]


def test_run_now_with_parameters(visitor: Visitor) -> None:
    """A job's parameters, or else its notebooks', are set for one run; what was not changed is not sent."""
    visitor.local.control("edit", {"path": "/Shared/t", "source": "print(dbutils.widgets.getAll())"})
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/t", "base_parameters": {"a": "1", "b": "2"}}}
    for more, field in (({}, "notebook_params"), ({"parameters": [{"name": "a", "default": "1"}]}, "job_parameters")):
        created = visitor.local.call("POST", "/api/2.1/jobs/create", {"name": HOSTILE, "tasks": [task], **more})
        job_id = created.json["job_id"]
        page = text_of(visitor.get(f"/jobs/{job_id}"))
        assert 'name="parameter a" value="1"' in page and ('name="parameter b"' in page) == (not more)
        fields = {"csrf": visitor.csrf(), "parameter a": "é", "parameter b": "2"}
        if more:
            del fields["parameter b"]
        url = visitor.post(f"/jobs/{job_id}/run", fields).headers["location"]
        runs = visitor.local.call("GET", f"/api/2.1/jobs/runs/list?job_id={job_id}").json["runs"]
        overriding = runs[0].get("overriding_parameters", {}).get(field) or runs[0].get("job_parameters")
        assert overriding in ({"a": "é"}, [{"name": "a", "default": "1", "value": "é"}]), runs[0]
        assert "<script" not in text_of(visitor.get(url))
    assert visitor.post(f"/jobs/{job_id}/run", {"csrf": visitor.csrf(), "parameter ?": "x"}).status == 400


def test_next_and_mlflow(visitor: Visitor) -> None:
    """When a schedule fires says that it does only with an option; a run leads to the runs of MLflow that it names."""
    address = f"/ml/experiments/7/runs/{'a' * 32}"
    visitor.local.control("edit", {"path": "/Shared/t", "source": f"print('View run at: {address}')"})
    schedule = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/t"}}
    body = {"name": "j", "tasks": [task], "schedule": schedule}
    job_id = visitor.local.call("POST", "/api/2.1/jobs/create", body).json["job_id"]
    assert "(only while the server runs with --run-schedules)" in read(visitor.get(f"/jobs/{job_id}"))
    url = visitor.post(f"/jobs/{job_id}/run", {"csrf": visitor.csrf()}).headers["location"]
    deadline = time.monotonic() + 300
    while f'href="/mlflow/#{address[3:]}"' not in text_of(visitor.get(url)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert f'href="/mlflow/#{address[3:]}"' in text_of(visitor.get(url))
    assert f'<a href="/jobs/{job_id}"' in text_of(visitor.get(f"/search?find={job_id}"))
    run_id = url.partition("?")[0].rpartition("/")[2]
    assert f'<a href="/jobs/{job_id}/runs/{run_id}"' in text_of(visitor.get(f"/search?find={int(run_id) + 1}"))
    assert "Nothing has" in read(visitor.get(f"/search?find={job_id + 999}"))
    assert "pip install 'databricks-branch-sync[mlflow]'" in read(visitor.get("/no-mlflow"))


# --- pure parts ---


@given(st.lists(st.tuples(st.integers(0, 99), st.text(max_size=6)), max_size=3), st.integers(1, 7))
def test_marks_in_any_pieces(tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, str]], size: int) -> None:
    """However the output is cut into pieces, each cell gets what it wrote, and the log all of it without the marks."""
    file = tmp_path_factory.getbasetemp() / "cells"
    stream = b"before" + b"".join(mark("secret", cell, 0) + text.encode() for cell, text in runs)
    log = CellLog(file, "secret")
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert b"".join([*map(log.take, pieces), log.rest()]) == b"before" + "".join(text for _, text in runs).encode()
    assert cell_log.cells(file) == [CellOutput(cell, 0, text.replace("\x1e", "")) for cell, text in runs]


def test_marks_of_others(tmp_path: Path) -> None:
    """A mark that was not made for this run is text; of very much output the beginning is kept."""
    log = CellLog(tmp_path / "c", "secret")
    forged = mark("other", 2, 0)
    assert log.take(mark("secret", 1, 0) + forged + b"x" * cell_log.MAX_CELL) + log.rest() == forged + b"x" * 65536
    [output] = cell_log.cells(tmp_path / "c")
    assert output.cell == 1 and output.text.endswith(cell_log.CUT) and len(output.text) < cell_log.MAX_CELL + 50


def test_widgets() -> None:
    """Widgets are found by what is written as constants, each once, and nothing of a cell is executed."""
    cells = [
        'dbutils.widgets.text("a", "1")\n!ls\ndbutils.widgets.dropdown(name="b", defaultValue="x", choices=["x", "y"])',
        "dbutils.widgets.text('a', '2')\ndbutils.widgets.text('c', str(now()))\ndbutils.widgets.text(f'{x}', '')",
        "dbutils.widgets.combobox('d', 'x', ['x'])\nother.widgets.text('e', '')",
        "dbutils.widgets.text('f', " + "(" * 500,
        "%md\ndbutils.widgets.text('g', '')",
    ]
    text = "# Databricks notebook source\n" + "\n# COMMAND ----------\n".join(
        "\n".join(f"# MAGIC {line}" for line in cell.split("\n")) if cell.startswith("%") else cell for cell in cells
    )
    found = widgets.declared(Source(text, "PYTHON").cells())
    assert [(it.name, it.default, it.choices) for it in found] == [
        ("a", "1", ()),
        ("b", "x", ("x", "y")),
        ("c", None, ()),
        ("d", "x", ()),
    ]


def test_outputs_of_jupyter() -> None:
    """Pictures are shown, HTML gets a frame, all else is text; what only looks like a picture is none."""
    outputs = [
        {"output_type": "display_data", "data": {"image/png": ["iVBO\n", "Rw0="], "text/plain": "x"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
        {"output_type": "execute_result", "data": {"text/html": [HOSTILE], "text/plain": "x"}},
        {"output_type": "display_data", "data": {"image/png": "'><script>"}},
        {"output_type": "display_data", "data": {"application/x": "1"}},
        {"output_type": "display_data", "data": {}},
    ]
    shown = of_jupyter(outputs)
    assert [it.image for it in shown[:2]] == ["data:image/png;base64,iVBORw0=", "data:image/svg+xml;base64,PHN2Zy8+"]
    assert shown[2].height > 0 and shown[2].number == 2
    assert [it.text for it in shown[3:]] == ["[image/png: not shown here]", "[application/x: not shown here]"]
    displays = [
        {"kind": "html", "text": f'<img src="{PICTURE}">'},
        {"kind": "html", "text": f'<img src="{PICTURE}" x>'},
    ]
    assert [it.image for it in of_displays(displays, 0)] == [PICTURE, ""]


@pytest.mark.parametrize(
    ("ran", "now", "places"),
    [
        ("abc", "abc", {1: 0, 2: 1, 3: 2}),
        ("abc", "axbc", {1: 0, 2: 2, 3: 3}),
        ("abc", "ac", {1: 0, 3: 1}),
        ("abcd", "acbd", {1: 0, 2: 2, 3: 1, 4: 3}),
        ("xaax", "xabax", {1: 0, 2: 1, 3: 3, 4: 4}),
        ("abab", "baba", {}),
        ("aa", "aaa", {1: 0, 2: 1}),
        ("ab", "", {}),
        ("", "ab", {}),
    ],
)
def test_places(ran: str, now: str, places: dict[int, int]) -> None:
    """Cells that say the same are found again, also where they have moved; of several the same none is guessed."""
    assert _places(ran, now) == places


def test_more_than_a_page_holds() -> None:
    """Of very many outputs, and of very large pictures, a page shows some and says so."""
    picture = Shown(image="data:" + "x" * (MAX_IMAGES // 2))
    [texts, pictures] = bounded([[Shown("x")] * (MAX_SHOWN + 5), [picture] * 3])
    assert [it.text for it in texts] == ["x"] * MAX_SHOWN + ["… 5 more outputs"]
    assert [bool(it.image) for it in pictures] == [True, False, False] and "too many" in pictures[1].text


def test_html_of_an_ipynb(visitor: Visitor) -> None:
    """The HTML that an .ipynb brings is shown in a frame too."""
    output = {"output_type": "execute_result", "metadata": {}, "data": {"text/html": HOSTILE}, "execution_count": 1}
    cell = {"cell_type": "code", "metadata": {}, "source": ["1"], "outputs": [output]}
    document = {"cells": [cell], "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 0}
    visitor.local.put("/Shared/o.ipynb", json.dumps(document).encode())
    page = text_of(visitor.look("/Shared/o"))
    frame = re.search(r'<iframe class="output" src="([^"]+)"', page)
    assert frame is not None and "<script" not in page
    assert text_of(visitor.get(frame[1].replace("&amp;", "&"))).endswith(HOSTILE)
