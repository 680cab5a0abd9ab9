"""The page over plain HTTP: who gets in, what is shown, what an edit does, and that data stays data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from databricks_local.embedded import running
from databricks_local.pages.sessions import CODE_S, MAX_CODES, LoginCodes

from .client import HEADER, HOME, Local
from .page import Visitor, read, text_of

HOSTILE = """<script>alert(1)</script>'"><img src=x onerror=alert(2)>&amp;{{ 7777*7777 }}"""
PAGES = ("/", "/workspace?path=/Shared", "/jobs", "/edit?path=/Shared/n&cell=1", "/add?path=/Shared/n&after=0")
EDITORS = ("/edit?", "/add?", "/file?")
SCRIPT = re.compile(r'<script src="/editor\.js\?v=\w+" defer></script>')
CELLS = HEADER + b"a = 1\n\n# COMMAND ----------\n\nb = 2\n\n# COMMAND ----------\n\nc = 3\n"


@pytest.fixture
def visitor(local: Local) -> Visitor:
    """Somebody who is logged in."""
    made = Visitor(local)
    made.log_in()
    return made


@pytest.fixture
def opened(visitor: Visitor) -> Visitor:
    """The same, with a notebook of three cells at /Shared/n."""
    visitor.local.put("/Shared/n.py", CELLS)
    return visitor


def modified(local: Local, path: str) -> int:
    return int(local.get("get-status", path=path).json["modified_at"])


# --- who gets in ---


@pytest.mark.parametrize("url", PAGES)
def test_nothing_without_logging_in(local: Local, url: str) -> None:
    """Without a session every page leads to the login and shows nothing."""
    reply = Visitor(local).get(url)
    assert (reply.status, reply.body) == (303, b"")
    assert reply.headers["location"].startswith("/login")


def test_log_in(local: Local) -> None:
    """The token opens a session in a cookie that scripts and other sites cannot use, and leads on."""
    reply = Visitor(local).log_in(to="/workspace?path=/Shared")
    assert (reply.status, reply.headers["location"]) == (303, "/workspace?path=/Shared")
    cookie = reply.headers["set-cookie"]
    assert re.fullmatch(r"databricks_local_\d+=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert local.token not in str(reply)


@pytest.mark.parametrize("token", ["", "wrong", "dapi😀"])
def test_wrong_token(local: Local, token: str) -> None:
    """A wrong token gives no session, and the page says so without repeating it."""
    reply = Visitor(local).log_in(token)
    assert reply.status == 403
    assert "set-cookie" not in reply.headers
    assert "not this workspace's token" in read(reply)


def test_old_links() -> None:
    """A link is good for ten minutes, and only the latest ten are."""
    now = [0.0]
    codes = LoginCodes(lambda: now[0])
    first, second = codes.new(), codes.new()
    now[0] = CODE_S - 1
    assert codes.use(first) and not codes.use(first)
    now[0] = CODE_S
    assert not codes.use(second)
    many = [codes.new() for _ in range(MAX_CODES + 1)]
    assert [codes.use(code) for code in many] == [False] + [True] * MAX_CODES


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "/\r\nX: y", ""])
def test_login_leads_nowhere_else(local: Local, to: str) -> None:
    """After logging in nobody is led to another site."""
    assert Visitor(local).log_in(to=to).headers["location"] == "/"


def test_log_out(visitor: Visitor) -> None:
    """Logging out ends the session itself, not only the cookie."""
    reply = visitor.post("/logout", {"csrf": visitor.csrf()})
    assert reply.headers["location"] == "/login"
    assert visitor.get("/").status == 303


def test_made_up_session(local: Local) -> None:
    """A cookie nobody was given opens nothing."""
    port = local.host.rpartition(":")[2]
    assert Visitor(local, cookie=f"databricks_local_{port}=x").get("/").status == 303


def test_session_is_no_token(visitor: Visitor) -> None:
    """The browser's session does not open the API, which other sites could reach with it."""
    reply = visitor.get("/api/2.0/workspace/list?path=/")
    assert reply.status == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_other_names_for_this_machine(visitor: Visitor, host: str) -> None:
    """A Host that is not a loopback name with our port is refused everywhere: DNS rebinding."""
    host = host.format(port=visitor.local.host.rpartition(":")[2])
    for url in (*PAGES, "/login", "/style.css", "/mlflow/"):
        assert visitor.get(url, Host=host).status in (401, 403), url
    assert visitor.post("/login", {"token": visitor.local.token}, Host=host).status == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_names(visitor: Visitor, name: str) -> None:
    """Every loopback name with our port is answered."""
    port = visitor.local.host.rpartition(":")[2]
    assert visitor.get("/", Host=f"{name}:{port}").status == 200


@pytest.mark.parametrize(
    "url",
    [
        "/edit?path=/Shared/n&cell=1",
        "/add?path=/Shared/n&after=1",
        "/delete?path=/Shared/n&cell=1",
        "/new?path=/Shared",
        "/upload?path=/Shared",
        "/move?path=/Shared/n",
        "/remove?path=/Shared/n",
        "/file?path=/Shared/n",
        "/jobs/1/run",
        "/jobs/1/runs/1/cancel",
        "/logout",
    ],
)
def test_forms_of_others(opened: Visitor, url: str) -> None:
    """A form without the session's CSRF token, or from another origin, changes nothing."""
    good = {**opened.form("/edit?path=/Shared/n&cell=1").fields, "language": "SQL", "text": "x"}
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null"):
        assert opened.post(url, good, Origin=origin).status == 403
    for csrf in ("", "x", "é"):
        assert opened.post(url, {**good, "csrf": csrf}).status in (303, 403)
    assert opened.local.download("/Shared/n") == CELLS
    assert opened.get("/").status == 200


def test_csrf_token_of_another_session(opened: Visitor) -> None:
    """The CSRF token of one session does not serve in another."""
    other = Visitor(opened.local)
    other.log_in()
    reply = opened.edit("/Shared/n", 1, "x", csrf=other.csrf())
    assert reply.status == 403
    assert opened.local.download("/Shared/n") == CELLS


def test_headers(opened: Visitor) -> None:
    """Every answer forbids scripts but our own, frames, guessing of types and keeping copies."""
    for url in (*PAGES, "/login", "/workspace?path=/none", "/jobs/1"):
        headers = opened.get(url).headers
        policy = headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        scripts = {rule for rule in policy if rule.startswith("script-src") or "unsafe" in rule}
        assert scripts == ({"script-src 'self'"} if url.startswith(EDITORS) else set())
        assert {"style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_nothing_from_elsewhere(opened: Visitor) -> None:
    """Pages have no inline script or style, and load nothing but the style sheet and our own script."""
    for url in (
        *PAGES,
        "/workspace?path=/Shared/n",
        "/new?path=/Shared",
        "/move?path=/Shared/n",
        "/remove?path=/Shared/n",
    ):
        page, scripts = SCRIPT.subn("", text_of(opened.get(url)))
        assert scripts == url.startswith(EDITORS), url
        assert not re.search(r"<script|\sstyle=|\son\w+=|https?://", page)
        assert len(re.findall(r'<link rel="stylesheet" href="(/style\.css\?v=\w+)">', page)) == 1
    assert opened.get("/style.css").headers["content-type"] == "text/css; charset=utf-8"
    assert opened.get("/editor.js").headers["content-type"] == "text/javascript; charset=utf-8"


# --- what is shown ---


def test_start(visitor: Visitor) -> None:
    """The first page shows the root and, before it, one's own branch folders without those of programs."""
    for name in ("main", ".hidden"):
        visitor.local.post("mkdirs", path=f"{HOME}/{name}")
    page = text_of(visitor.get("/"))
    for name in ("Repos", "Shared", "Users", "main"):
        assert f"<bdi>{name}</bdi></a>" in page
    assert ".hidden" not in page


def test_folder(visitor: Visitor) -> None:
    """A folder shows its children, folders first, with kind, language and time, and the way up."""
    visitor.local.post("mkdirs", path="/Shared/z")
    visitor.local.put("/Shared/n.sql", b"-- Databricks notebook source\nselect 1")
    visitor.local.put("/Shared/a.csv", b"1")
    page = text_of(visitor.look("/Shared"))
    rows = [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row)).strip() for row in re.findall("<tr>.*?</tr>", page, re.S)]
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", row) for row in rows] == [
        "Name Kind Modified",
        "z Folder",
        "a.csv File TIME",
        "n SQL notebook TIME",
    ]
    assert 'aria-label="Breadcrumb"' in page


@pytest.mark.long  # test_reading.py lists as many
def test_folder_of_ten_thousand(visitor: Visitor) -> None:
    """A folder with 10,000 children is shown in pages, and can be searched."""
    visitor.local.control("edit", [{"path": f"/Shared/many/f{number:05}", "text": ""} for number in range(10_000)])
    visitor.look("/Shared/many")
    first = visitor.look("/Shared/many")
    assert "1 to 200 of 10,000" in read(first)
    assert len(first.body) < 150_000
    last = read(visitor.look("/Shared/many", page=50))
    assert "9,801 to 10,000 of 10,000" in last
    assert "f09999" in last
    assert read(visitor.look("/Shared/many", page=999)).count("f09999") == 1
    assert "10 objects with “F0123” in the name" in read(visitor.look("/Shared/many", find="F0123"))


def test_notebook(opened: Visitor) -> None:
    """A notebook is shown cell by cell, coloured, with each cell's language."""
    content = (
        HEADER
        + b"import os\n# COMMAND ----------\n# MAGIC %md # Head\n# COMMAND ----------\n# MAGIC %sql\n# MAGIC select 1"
    )
    opened.local.put("/Shared/m.py", content)
    page = text_of(opened.look("/Shared/m"))
    assert re.findall(r'class="label">(\w+)<', page) == ["Python", "Markdown", "SQL"]
    assert '<span class="c-kn">import</span>' in page
    assert "<h3>Head</h3>" in page
    assert '<span class="c-k">select</span>' in page


def test_long_notebook(visitor: Visitor) -> None:
    """A notebook of many cells is shown in pages, and an edit leads back to the right one."""
    cells = "\n\n# COMMAND ----------\n\n".join(f"x = {number}" for number in range(1, 251))
    visitor.local.put("/Shared/long.py", HEADER + cells.encode())
    page = visitor.look("/Shared/long", page=3)
    assert "Cell 250" in read(page)
    assert "201 to 250 of 250" in read(page)
    assert visitor.edit("/Shared/long", 250, "y").headers["location"].endswith("page=3&done=saved&cell=250#cell-250")


def test_large_cell(visitor: Visitor) -> None:
    """A huge cell is shown without colours and shortened; the editor has all of it."""
    visitor.local.put("/Shared/big.py", HEADER + b"x = 1\n" * 300_000)
    page = visitor.look("/Shared/big")
    assert "more characters" in read(page)
    assert len(str(visitor.form("/edit?path=/Shared/big&cell=1").fields["text"])) == 1_799_999


def test_outputs(visitor: Visitor) -> None:
    """The outputs of an .ipynb are shown as text."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": [HOSTILE]}]
    cell = {"cell_type": "code", "metadata": {}, "source": ["1"], "outputs": outputs}
    document = {"cells": [cell], "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 0}
    visitor.local.put("/Shared/o.ipynb", json.dumps(document).encode())
    assert HOSTILE in read(visitor.look("/Shared/o"))


def test_files(visitor: Visitor) -> None:
    """A file is shown as text, or as binary with its size."""
    for name, content in (("t.txt", "naïve <b>".encode()), ("e.txt", b""), ("b.bin", b"\0\1\2"), ("l.txt", b"\xff")):
        visitor.local.upload(f"/Shared/{name}", content)
    assert "naïve <b>" in read(visitor.look("/Shared/t.txt"))
    assert "This file is empty." in read(visitor.look("/Shared/e.txt"))
    assert "Binary, 3 bytes." in read(visitor.look("/Shared/b.bin"))
    assert "Binary, 1 byte." in read(visitor.look("/Shared/l.txt"))


def test_alias(visitor: Visitor) -> None:
    """/Workspace is the same tree; a folder that really has this name is reached too."""
    visitor.local.control("edit", [{"path": "/Workspace/Workspace/n", "source": "a = 1"}])
    assert "a" in read(visitor.look("/Workspace/Workspace/n"))
    assert visitor.edit("/Workspace/Workspace/n", 1, "a = 2").status == 303
    assert visitor.local.download("/Workspace/Workspace/n") == HEADER + b"a = 2"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/workspace?path=/none", 404),
        ("/workspace?path=none", 400),
        ("/workspace?path=/Shared&page=x", 400),
        ("/workspace?path=/Shared&page=%EF%BC%91", 400),
        ("/edit?path=/Shared&cell=1", 400),
        ("/edit?path=/Shared/n&cell=4", 404),
        ("/edit?path=/Shared/n&cell=0", 404),
        ("/edit?path=/Shared/n", 404),
        ("/add?path=/Shared/n&after=9", 404),
        ("/jobs/99999999999999999999999", 404),
        (f"/jobs/{'9' * 5000}", 404),
        ("/jobs/1/runs/99999999999999999999999", 404),
    ],
)
def test_wrong_addresses(opened: Visitor, url: str, status: int) -> None:
    """What is not there, or not understood, is a page that says so."""
    reply = opened.get(url)
    assert reply.status == status
    assert "<h1>" in text_of(reply)


def test_rights(opened: Visitor) -> None:
    """What may not be read is not shown, and what may not be changed has no way to change it."""
    form = opened.form("/edit?path=/Shared/n&cell=1")
    opened.local.control("permissions", {"path": "/Shared/n", "access": "read-only"})
    assert "/edit" not in text_of(opened.look("/Shared/n"))
    assert opened.send(form, text="x").status == 403
    opened.local.control("permissions", {"path": "/Shared/n", "access": "unreadable"})
    assert opened.look("/Shared/n").status == 403
    opened.local.control("permissions", {"path": "/Shared/n", "access": "hidden"})
    assert opened.look("/Shared/n").status == 404
    assert "/n" not in read(opened.look("/Shared"))
    opened.local.control("permissions", {"path": "/Shared/n", "access": None})
    assert opened.local.download("/Shared/n") == CELLS


# --- edits ---


def test_edit(opened: Visitor) -> None:
    """An edited cell is saved as the web editor saves: LF, no newline at the end, a later modified_at."""
    opened.local.control("clock", {"mode": "real", "offset_ms": 5000})
    before = modified(opened.local, "/Shared/n")
    reply = opened.edit("/Shared/n", 2, "b = 4\r\nd = 5")
    assert (reply.status, reply.headers["location"]) == (
        303,
        "/workspace?path=%2FShared%2Fn&done=saved&cell=2#cell-2",
    )
    assert opened.local.download("/Shared/n") == CELLS.replace(b"b = 2", b"b = 4\nd = 5").rstrip()
    assert modified(opened.local, "/Shared/n") > before
    assert "Cell 2 saved." in read(opened.get(reply.headers["location"]))


def test_edit_of_nothing(opened: Visitor) -> None:
    """Saving a cell unchanged writes nothing."""
    before = modified(opened.local, "/Shared/n")
    assert "done=same" in opened.edit("/Shared/n", 2, "b = 2").headers["location"]
    assert modified(opened.local, "/Shared/n") == before
    assert opened.local.download("/Shared/n") == CELLS


def test_add_and_delete(opened: Visitor) -> None:
    """Cells are added where they were asked for, in their language, and deleted."""
    form = opened.form("/add?path=/Shared/n&after=1")
    reply = opened.send(form, language="SQL", text="select 1")
    assert "cell=2#cell-2" in reply.headers["location"]
    assert b"a = 1\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC select 1\n\n" in opened.local.download("/Shared/n")
    opened.send(opened.form("/edit?path=/Shared/n&cell=2", "delete"))
    assert opened.local.download("/Shared/n") == CELLS.rstrip()


def test_stale_edits(opened: Visitor) -> None:
    """What was made on an older notebook is refused and shown again, and the newer notebook stays."""
    edit, add = opened.form("/edit?path=/Shared/n&cell=1"), opened.form("/add?path=/Shared/n&after=1")
    delete = opened.form("/edit?path=/Shared/n&cell=1", "delete")
    opened.local.control("edit", {"path": "/Shared/n", "source": "theirs = 1"})
    theirs = opened.local.download("/Shared/n")
    for form in (edit, add, delete):
        reply = opened.send(form, language="PYTHON", text="mine = 1 </textarea>")
        assert reply.status == 409
        assert "nothing was saved" in read(reply)
        assert "mine = 1 &lt;/textarea&gt;</textarea>" in text_of(reply)
    assert opened.local.download("/Shared/n") == theirs


def test_edit_of_what_is_gone(opened: Visitor) -> None:
    """The typed text is shown again when the notebook has been deleted meanwhile."""
    form = opened.form("/edit?path=/Shared/n&cell=1")
    opened.local.post("delete", path="/Shared/n")
    reply = opened.send(form, text="mine")
    assert reply.status == 404
    assert "mine</textarea>" in text_of(reply)
    assert opened.local.type_of("/Shared/n") is None


def test_edit_after_the_session_has_ended(opened: Visitor) -> None:
    """The typed text is shown again when nobody is logged in any more, as after a restart."""
    form = opened.form("/edit?path=/Shared/n&cell=1")
    opened.cookie = ""
    reply = opened.send(form, text="mine")
    assert reply.status == 403
    assert "mine</textarea>" in text_of(reply)
    assert opened.local.download("/Shared/n") == CELLS


def test_edit_of_an_ipynb(visitor: Visitor) -> None:
    """Editing one cell of an .ipynb keeps the outputs of all, and its form."""
    output = {"output_type": "stream", "name": "stdout", "text": ["kept\n"]}
    cells = [{"cell_type": "code", "metadata": {}, "source": [f"{n}"], "outputs": [output]} for n in range(2)]
    document = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 0}
    visitor.local.put("/Shared/j.ipynb", json.dumps(document).encode())
    assert visitor.edit("/Shared/j", 1, "new").status == 303
    exported = json.loads(visitor.local.download("/Shared/j", "JUPYTER"))
    assert [cell["source"] for cell in exported["cells"]] == [["new"], ["1"]]
    assert [cell["outputs"] for cell in exported["cells"]] == [[output], [output]]
    status = visitor.local.get("get-status", path="/Shared/j", return_export_info="true").json
    assert status["repos_export_format"] == "JUPYTER"


def test_what_saving_would_spoil(visitor: Visitor) -> None:
    """A notebook that is not UTF-8, and a cell no form can carry, are shown but not edited."""
    visitor.local.put("/Shared/latin.py", HEADER + b"x = '\xe9'")
    visitor.local.put("/Shared/nul.py", HEADER + b"x = '\0'\n\n# COMMAND ----------\n\ny = 1")
    assert "not UTF-8" in read(visitor.look("/Shared/latin"))
    assert "cannot carry" in read(visitor.get("/edit?path=/Shared/nul&cell=1"))
    assert visitor.edit("/Shared/nul", 2, "y = 2").status == 303
    assert visitor.local.download("/Shared/nul") == HEADER + b"x = '\0'\n\n# COMMAND ----------\n\ny = 2"


def test_too_large(opened: Visitor) -> None:
    """An edit beyond the size of a notebook is refused like an import, and shown again."""
    form = opened.form("/edit?path=/Shared/n&cell=1")
    opened.local.control("settings", {"max_source_bytes": 1000})
    reply = opened.send(form, text="x" * 1000)
    assert reply.status == 400
    assert "x" * 1000 in text_of(reply)
    assert opened.send(form, text="x" * 200_000).status == 413
    assert opened.local.download("/Shared/n") == CELLS


@pytest.mark.parametrize("body", [b"\xff", b"text=%ff", b"a=1&" * 300])
def test_no_form_at_all(opened: Visitor, body: bytes) -> None:
    """A body that is no form is refused without a trace."""
    headers = {"Cookie": opened.cookie, "Origin": opened.local.host}
    assert opened.local.raw("POST", "/edit", body, headers).status == 400
    assert opened.local.raw("POST", "/login", body, headers).status in (303, 403)


# --- data stays data ---


def test_hostile_names_and_contents(visitor: Visitor) -> None:
    """Names, paths, titles, cells, outputs and files are text wherever they appear."""
    name = HOSTILE.replace("/", "∕") + "\u202e"
    path = f"/Shared/{name}"
    source = f"# DBTITLE 1,{HOSTILE}\n# MAGIC %md\n# MAGIC # {HOSTILE}\n\n# COMMAND ----------\n\n'{HOSTILE}'"
    visitor.local.control("edit", [{"path": f"{path}/n", "source": source}, {"path": f"{path}/f", "text": HOSTILE}])
    where = [{"path": path}, {"path": f"{path}/n"}, {"path": f"{path}/f"}, {"path": path, "find": HOSTILE}]
    urls = [f"/workspace?{urlencode(one)}" for one in [*where, {"path": "/Shared"}, {"path": f"/{HOSTILE}"}]]
    urls += [f"/{page}?{urlencode({'path': f'{path}/n', 'cell': 2, 'after': 1})}" for page in ("edit", "add")]
    urls += [f"/login?next={quote(HOSTILE)}", f"/workspace?path=/Shared&done={quote(HOSTILE)}"]
    for url in urls:
        page = text_of(visitor.get(url))
        page = SCRIPT.sub("", page)
        assert not re.search(r"<script|<img|onerror=[^&]*>|60481729", page.replace("onerror=alert(2)&gt;", "")), url
    assert HOSTILE in read(visitor.look(f"{path}/f"))
    assert HOSTILE in str(visitor.form(f"/edit?{urlencode({'path': f'{path}/n', 'cell': 2})}").fields["text"])


@pytest.mark.parametrize(
    "name", ["..", ".", "a?b", "a#b", "a%2fb", "a b+c", "\\", "a\nb", "a\r\nb", "é", "😀", "x" * 300]
)
def test_odd_names(visitor: Visitor, name: str) -> None:
    """Whatever a name is, its link leads to the object."""
    visitor.local.control("edit", {"path": f"/Shared/{name}", "source": "found = 1"})
    links = re.findall(r'<a href="([^"]+)"><bdi>', text_of(visitor.look("/Shared")))
    assert "found" in read(visitor.get(links[-1].replace("&amp;", "&")))
    assert visitor.edit(f"/Shared/{name}", 1, "found = 2").status == 303
    assert visitor.local.download(f"/Shared/{name}") == HEADER + b"found = 2"


def test_text_that_is_no_text(visitor: Visitor) -> None:
    """Half a surrogate pair in a cell does not break the page."""
    document = {"cells": [{"cell_type": "code", "source": ["'\ud800'"]}], "metadata": {}, "nbformat": 4}
    visitor.local.put("/Shared/s.ipynb", json.dumps(document).encode())
    assert visitor.look("/Shared/s").status == 200


# --- jobs ---


def job(local: Local, name: str, source: str, **more: object) -> int:
    """A job of one notebook task."""
    local.control("edit", {"path": "/Shared/task", "source": source})
    task = {"task_key": "main", "notebook_task": {"notebook_path": "/Shared/task"}}
    reply = local.call("POST", "/api/2.1/jobs/create", {"name": name, "tasks": [task], **more})
    assert reply.status == 200, reply.body
    return int(reply.json["job_id"])


def ended(visitor: Visitor, url: str) -> str:
    """What the page of a run says once it has ended."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        page = visitor.get(url)
        if "Cancel this run" not in text_of(page):
            return re.sub(r"\s+", " ", read(page))
        time.sleep(0.05)
    raise AssertionError("the run did not end")


def test_jobs(visitor: Visitor) -> None:
    """Jobs are listed with schedule and last result, and a job shows its tasks, runs and settings."""
    schedule = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC", "pause_status": "PAUSED"}
    assert "There are no jobs." in read(visitor.get("/jobs"))
    job_id = job(visitor.local, HOSTILE, "1", schedule=schedule)
    listed = re.sub(r"\s+", " ", read(visitor.get("/jobs")))
    assert f"{HOSTILE} 0 0 6 * * ?, UTC (paused) Never" in listed
    shown = read(visitor.get(f"/jobs/{job_id}"))
    assert "notebook /Shared/task" in shown
    assert '"quartz_cron_expression"' in shown
    assert "<script" not in text_of(visitor.get("/jobs")) + text_of(visitor.get(f"/jobs/{job_id}"))


def test_run_now(visitor: Visitor) -> None:
    """The button starts a run; its page follows it and then shows state, log and result as text."""
    job_id = job(visitor.local, "good", f"print({HOSTILE!r})\ndbutils.notebook.exit({HOSTILE!r})")
    reply = visitor.post(f"/jobs/{job_id}/run", {"csrf": visitor.csrf()})
    assert re.fullmatch(rf"/jobs/{job_id}/runs/\d+\?follow=yes", reply.headers["location"])
    said = ended(visitor, reply.headers["location"])
    assert "Succeeded" in said
    assert f"Result {HOSTILE}" in said
    assert f"Log {HOSTILE}" in said
    assert "<script" not in text_of(visitor.get(reply.headers["location"]))
    assert "Succeeded" in read(visitor.get("/jobs"))
    assert "Succeeded" in read(visitor.get(f"/jobs/{job_id}"))


def test_failed_run(visitor: Visitor) -> None:
    """A run that failed shows the error and where it happened."""
    job_id = job(visitor.local, "bad", "1/0")
    said = ended(visitor, visitor.post(f"/jobs/{job_id}/run", {"csrf": visitor.csrf()}).headers["location"])
    assert "Failed" in said
    assert "ZeroDivisionError: division by zero" in said


def test_cancel(visitor: Visitor) -> None:
    """A run that goes on is reloaded only when asked to, and can be cancelled."""
    job_id = job(visitor.local, "slow", "import time\ntime.sleep(60)")
    url = visitor.post(f"/jobs/{job_id}/run", {"csrf": visitor.csrf()}).headers["location"].partition("?")[0]
    assert 'http-equiv="refresh" content="2"' in text_of(visitor.get(f"{url}?follow=yes"))
    assert "refresh" not in text_of(visitor.get(url))
    assert visitor.post(f"{url}/cancel", {"csrf": visitor.csrf()}).status == 303
    assert "Cancelled" in ended(visitor, url)


def test_addresses_the_api_gives(visitor: Visitor) -> None:
    """The page of a run is where `run_page_url` points, also that of a task of it."""
    job_id = job(visitor.local, "good", "1")
    run_id = visitor.local.call("POST", "/api/2.1/jobs/run-now", {"job_id": job_id}).json["run_id"]
    run = visitor.local.call("GET", f"/api/2.1/jobs/runs/get?run_id={run_id}").json
    address = run["run_page_url"].removeprefix(visitor.local.host)
    assert "good, run 1" in ended(visitor, address)
    task = run["tasks"][0]["run_page_url"].removeprefix(visitor.local.host)
    assert visitor.get(task).headers["location"] == address.partition("?")[0]


def test_many_jobs(visitor: Visitor) -> None:
    """Jobs are shown in pages, newest first."""
    for number in range(51):
        job(visitor.local, f"job-{number}", "1")
    first = text_of(visitor.get("/jobs"))
    assert "51 jobs" in first
    assert "job-0<" not in first
    older = re.search(r'href="(/jobs\?before=\d+)"', first)
    assert older is not None
    assert "job-0<" in text_of(visitor.get(older[1]))


# --- the server ---


def test_start_stays_quick() -> None:
    """The server imports neither Jinja2 nor markdown-it before the first page."""
    program = "import sys, databricks_local.server.serving; print({'jinja2', 'markdown_it'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_sessions_end_with_the_server(folder: Path) -> None:
    """A session does not outlive its server, and two servers do not share one."""
    with running(folder) as first:
        visitor = Visitor(Local(first.host, first.token))
        visitor.log_in()
        assert visitor.get("/").status == 200
    with running(folder) as second:
        port = second.host.rpartition(":")[2]
        again = Visitor(Local(second.host, second.token), re.sub(r"_\d+=", f"_{port}=", visitor.cookie))
        assert again.get("/").status == 303
