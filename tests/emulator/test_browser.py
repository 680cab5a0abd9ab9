"""The page in a real Chromium: push, log in, edit, pull; by mouse, by keyboard, and for those who cannot see it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from unit.review.samples import COMMITS, jupyter, review, source

from databricks_sync.review.page import PageReview

from .client import HEADER, HOME, Local

if TYPE_CHECKING:
    from .chromium import Chromium

# Chromium takes seconds to start, and what steers it half of one to import: one worker has it.
pytestmark = pytest.mark.xdist_group("browser")

SCRIPT = "<script>window.taken = 1</script><img src=x onerror='window.taken = 2'><svg onload='window.taken = 3'>"
TAKEN = "top.taken = 4; document.body.append(4)"
FRAMED = f'what a cell shows<script>{TAKEN}</script><img src="data:," onerror="{TAKEN}">'
THEIRS = 'script:not([src^="/"]), img, [onload]'


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests."""
    from . import chromium

    with chromium.started(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(started: Chromium, local: Local) -> Chromium:
    """That browser, logged in, wide and light, with nothing to complain about so far."""
    started.set_view("light", 1200)
    started.log_in(local.host, local.token)
    started.complaints()
    return started


class Project:
    """A git repository whose notebooks are carried by the real commands."""

    def __init__(self, folder: Path, local: Local) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DATABRICKS_"))}
        given = {"DATABRICKS_HOST": local.host, "DATABRICKS_TOKEN": local.token, "HOME": str(folder.parent)}
        self.environment = {**clean, **given, "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONUTF8": "1"}
        (folder / "notebooks").mkdir(parents=True)
        self.notebook = folder / "notebooks" / "load.py"
        self.run("git", "init", "-q", "-b", "main")

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def carry(self, name: str) -> str:
        return self.run(sys.executable, "-m", f"databricks_sync.{name}")


@pytest.fixture
def project(tmp_path: Path, local: Local) -> Project:
    """A project whose only notebook has been pushed."""
    made = Project(tmp_path / "project", local)
    made.notebook.write_bytes(HEADER + b"days = 4\n\n# COMMAND ----------\n\nprint(days)\n")
    made.run("git", "add", ".")
    made.run("git", "-c", "user.name=me", "-c", "user.email=me@example.com", "commit", "-qm", "one")
    made.carry("to_databricks")
    return made


def shown(local: Local, path: str) -> str:
    return f"{local.host}/workspace?path={quote(path)}"


def test_push_edit_pull(browser: Chromium, local: Local, project: Project) -> None:
    """A pushed notebook is found by clicking, a cell is edited, and from_databricks brings exactly that edit back.

    Who leaves before the text is saved is asked.
    """
    browser.open(local.host)
    browser.click("main")
    browser.click("load")
    assert "days = 4" in browser.text()
    browser.click("Edit cell 1")
    assert not browser.asks_before_it_is_left()
    browser.find("textarea").clear()
    browser.find("textarea").send_keys("days = 5")
    assert browser.asks_before_it_is_left()
    browser.chord("s")
    assert "Cell 1 saved." in browser.text()
    assert "days = 5" in browser.text()
    project.carry("from_databricks")
    assert project.notebook.read_bytes() == HEADER + b"days = 5\n\n# COMMAND ----------\n\nprint(days)\n"
    assert browser.complaints() == []


@pytest.mark.long  # what it needs of a page, names, labels and an order, is looked at below
def test_keyboard_only(started: Chromium, local: Local) -> None:
    """Everything from logging in to saving is done without a mouse; Tab indents, and leaves the text after Esc."""
    from selenium.webdriver.common.keys import Keys

    local.control("edit", {"path": f"{HOME}/main/load", "source": "days = 4\n\n# COMMAND ----------\n\nprint(days)"})
    started.driver.delete_all_cookies()
    started.open(local.host)
    started.press(local.token)
    started.enter()
    started.press(Keys.TAB)
    assert started.driver.switch_to.active_element.text == "Skip to the content"
    started.press(Keys.ENTER)
    for name in ("main", "load", "Edit cell 2"):
        started.tab_to(name)
        started.enter()
    started.press("if days:", Keys.ENTER, Keys.TAB, "import os", Keys.ENTER, Keys.ESCAPE)
    started.tab_to("Save")
    started.enter()
    assert "Cell 2 saved." in started.text()
    assert local.download(f"{HOME}/main/load").endswith(b"\n\nif days:\n    import os\nprint(days)")


@pytest.mark.long  # test_page.py does so without a browser
def test_add_and_delete(browser: Chromium, local: Local) -> None:
    """A cell in another language is added below one and deleted again."""
    local.put("/Shared/n.py", HEADER + b"a = 1")
    browser.open(shown(local, "/Shared/n"))
    browser.click("Add below cell 1")
    browser.find("#language").send_keys("SQL")
    browser.find("textarea").send_keys("select 1")
    browser.click("Add")
    assert "Cell 2 added." in browser.text()
    assert local.download("/Shared/n").endswith(b"# MAGIC %sql\n# MAGIC select 1")
    browser.click("Edit cell 2")
    browser.named("Delete this cell").click()
    browser.click("Delete cell 2")
    assert "Cell 2 deleted." in browser.text()
    assert local.download("/Shared/n") == HEADER + b"a = 1"


@pytest.mark.long  # test_page.py edits without a browser
def test_text_survives_the_form(browser: Chromium, local: Local) -> None:
    """A cell that is saved as the browser shows it is the same, sign for sign, up to blank lines around it."""
    texts = ["\n\na\n\n", " </textarea>&lt; ", "\ta\u2028b\x0cé😀", "%md\n# x  \ny"]
    local.control("edit", {"path": "/Shared/n", "source": "\n# COMMAND ----------\n".join(texts)})
    before = local.download("/Shared/n")
    for cell, text in enumerate(texts, 1):
        browser.open(f"{local.host}/edit?path=/Shared/n&cell={cell}")
        typed = browser.run("const box = document.querySelector('textarea'); return box.value")
        assert typed == text.strip("\n")
        browser.click("Save")
        assert "Nothing changed." in browser.text()
        assert local.download("/Shared/n") == before


@pytest.mark.long  # test_page.py does so without a browser
def test_somebody_else_was_quicker(browser: Chromium, local: Local) -> None:
    """An edit of a notebook that has changed meanwhile is refused, and the typed text is there to be copied."""
    local.put("/Shared/n.py", HEADER + b"a = 1")
    browser.open(f"{local.host}/edit?path=/Shared/n&cell=1")
    local.control("edit", {"path": "/Shared/n", "source": "theirs = 1"})
    browser.find("textarea").send_keys("mine ")
    browser.click("Save")
    assert "nothing was saved" in browser.text()
    assert "mine" in browser.find("#typed").get_property("value")
    browser.click("Open the notebook as it is now")
    assert "theirs = 1" in browser.text()


def test_scripts_stay_text(browser: Chromium, local: Local) -> None:
    """Scripts in names, cells, titles, files, jobs and their logs are read, and none is run or even tried.

    What a cell shows as HTML is tried in its frame only, where the browser refuses it.
    """
    name = SCRIPT.replace("/", "∕")
    source = f"# DBTITLE 1,{SCRIPT}\nprint({SCRIPT!r})\ndisplayHTML({FRAMED!r})\n"
    source += f"\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # {SCRIPT}\n"
    local.control("edit", [{"path": f"/Shared/{name}", "source": source}, {"path": "/Shared/f.html", "text": SCRIPT}])
    task = {"task_key": "main", "notebook_task": {"notebook_path": f"/Shared/{name}"}}
    job = local.call("POST", "/api/2.1/jobs/create", {"name": SCRIPT, "tasks": [task]}).json["job_id"]
    run = local.call("POST", "/api/2.1/jobs/run-now", {"job_id": job}).json["run_id"]
    while local.call("GET", f"/api/2.1/jobs/runs/get?run_id={run}").json["state"]["life_cycle_state"] != "TERMINATED":
        time.sleep(0.1)
    where = [f"/workspace?path={quote(path)}" for path in ("/Shared", f"/Shared/{name}", "/Shared/f.html")]
    where += [f"/edit?cell=1&path={quote(f'/Shared/{name}')}", "/jobs", f"/jobs/{job}"]
    for url in where:
        browser.open(local.host + url)
        assert browser.run(f"return window.taken || document.querySelectorAll('{THEIRS}').length") == 0, url
        assert "window.taken = 1" in browser.run("return document.body.textContent"), url
    assert browser.complaints() == []
    browser.open(f"{local.host}/jobs/{job}/runs/{run}")
    assert browser.run(f"return window.taken || document.querySelectorAll('{THEIRS}').length") == 0
    browser.driver.switch_to.frame(browser.find("iframe"))
    assert browser.find("body").text == "what a cell shows"
    browser.driver.switch_to.default_content()
    assert browser.run("return window.taken") is None


def test_a_script_would_not_run(browser: Chromium, local: Local) -> None:
    """Even a script that got into the page would be refused by the browser."""
    browser.open(local.host)
    browser.run("""
        const script = document.createElement('script');
        script.textContent = 'window.taken = 1';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', "<img src=x onerror='window.taken = 2'>");
    """)
    time.sleep(0.2)
    assert browser.run("return window.taken") is None
    assert any("Content Security Policy" in text for text in browser.complaints())


@pytest.mark.long  # test_page_runs.py does so without a browser
def test_jobs(browser: Chromium, local: Local) -> None:
    """A job is started by its button, and its run is followed to its output."""
    local.control("edit", {"path": "/Shared/task", "source": "import time\ntime.sleep(1)\nprint('it has run')"})
    task = {"task_key": "main", "notebook_task": {"notebook_path": "/Shared/task"}}
    local.call("POST", "/api/2.1/jobs/create", {"name": "nightly", "tasks": [task]})
    browser.open(local.host)
    browser.click("Jobs")
    browser.click("nightly")
    browser.click("Run now: nightly")
    deadline = time.monotonic() + 300
    while "Succeeded" not in browser.run("return document.body.innerText") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "it has run" in browser.text()
    browser.click("notebook /Shared/task")
    assert "time.sleep(1)" in browser.text()


@pytest.mark.long
def test_mlflow(browser: Chromium, local: Local) -> None:
    """The link to MLflow opens its page, which shows the experiments without asking for the token again."""
    local.call("POST", "/api/2.0/mlflow/experiments/create", {"name": "/Shared/rides"})
    browser.open(local.host)
    browser.click("MLflow")
    deadline = time.monotonic() + 300
    while "/Shared/rides" not in browser.run("return document.body.innerText") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert "MLflow" in browser.driver.title
    assert "/Shared/rides" in browser.run("return document.body.innerText")


VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (320, 1200)]


@pytest.mark.parametrize("count", [1, pytest.param(len(VIEWS), marks=pytest.mark.long)], ids=["in turn", "all"])
def test_everybody_can_use_it(browser: Chromium, local: Local, count: int) -> None:
    """Every page has landmarks, headings in order, names, labels and enough contrast, and fits a narrow window.

    Each is looked at in so many of the views: a page in the first, the next one in the second, and so on.
    """
    cells = [
        "def f(x: int) -> str:\n    # why\n    return 'a' + \"b\" * 3",
        "%md\n# One\n- two `three`\n\n```\nfour\n```",
    ]
    source = "\n# COMMAND ----------\n".join([*cells, "%sql\nselect 1", "%sh\nls", ""])
    local.control("edit", [{"path": f"{HOME}/main/n", "source": source}, {"path": f"{HOME}/main/f.py", "text": "1"}])
    local.control("edit", {"path": "/Shared/bad", "source": "print('x' * 500)\n1/0"})
    task = {"task_key": "main", "notebook_task": {"notebook_path": "/Shared/bad"}}
    job = local.call("POST", "/api/2.1/jobs/create", {"name": "j" * 100, "tasks": [task]}).json["job_id"]
    run = local.call("POST", "/api/2.1/jobs/run-now", {"job_id": job}).json["run_id"]
    path = quote(f"{HOME}/main")
    urls = [
        "/",
        f"/workspace?path={path}",
        f"/workspace?path={path}/n&done=saved&cell=1",
        f"/workspace?path={path}/f.py",
    ]
    urls += [f"/edit?path={path}/n&cell=1", f"/add?path={path}/n&after=1", "/workspace?path=/none"]
    urls += ["/jobs", f"/jobs/{job}", f"/jobs/{job}/runs/{run}", f"/new?path={path}", f"/remove?path={path}"]
    urls += [f"/file?path={path}/f.py", "/search?find=n", "/changes?path=/Shared/bad"]
    views = cycle(VIEWS)
    for url in [*urls, "/login"]:
        if url == "/login":
            browser.driver.delete_all_cookies()
        browser.open(local.host + url)
        assert browser.nameless() == [], url
        for scheme, width in islice(views, count):
            browser.set_view(scheme, width)
            assert browser.faults() + browser.pale() == [], (url, scheme, width)


def test_the_page_of_a_review(started: Chromium, tmp_path: Path) -> None:
    """Nothing of a notebook runs on it; it can be read in both schemes at every width, also by who cannot see it."""
    written = PageReview(COMMITS)
    markdown = f"# MAGIC %md\n# MAGIC # Title\n# MAGIC {SCRIPT} [x](javascript:taken=4) *a*"
    code = "# DBTITLE 1,{}\n@f\ndef g(x: int) -> str:  # why\n    return 'a{}' + str(1.5) if x else None"
    written.add(review(source(markdown, "a", code.format(SCRIPT, 1)), source(markdown + "b", "a", code.format("T", 2))))
    written.add(review(jupyter(SCRIPT), jupyter("x", outputs=[{"data": {"text/html": SCRIPT}}]), f"{SCRIPT}.ipynb"))
    written.add(review(b"a\n" * 50 + b"b", b"a\n" * 50 + b"c" * 5000, "x.csv"))
    file = tmp_path / "review.html"
    file.write_text(written.text(), encoding="utf-8")
    started.complaints()
    for scheme, width in (("light", 1200), ("dark", 1200), ("dark", 360)):
        started.set_view(scheme, width)
        started.open(file.as_uri())
        started.run("for (const part of document.querySelectorAll('details')) part.open = true")
        assert started.faults() == started.pale() == started.nameless() == []
        assert started.run("return window.taken") is None
    assert "<script>window.taken = 1</script>" in started.text() and "unchanged lines" in started.text()
    assert started.complaints() == []
