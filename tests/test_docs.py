"""Every command that the manual shows is typed: in a `console` block, which test_readme.py runs, or else here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import readme  # noqa: E402
from support.reader import COMMANDS as QUICK  # noqa: E402
from support.reader import QuickReader  # noqa: E402
from support.variants import thinned  # noqa: E402

# Its commands share a project and a workspace.
pytestmark = pytest.mark.xdist_group("docs")

QUOTED = ROOT / "docs" / "emulator.md"  # the words of the code, not of a manual
PAGES = [
    page for where in ("*.md", "docs/*.md", "projects/*/*.md") for page in sorted(ROOT.glob(where)) if page != QUOTED
]
NOTEBOOK = "notebooks/models/demand_forecast.py"
FOLDER = f"/Users/me@example.com/{readme.BRANCH}"
# What a reader has to fill in, or has and this machine has not. And RUN, for which the backups are listed.
FILLED = {"PATH": NOTEBOOK, "[PATHS]": NOTEBOOK, "output=/Volumes/main/default/predictions": "output=predictions"}

# How the commands begin that are not typed, and why.
NOT_TYPED = {
    ".venv\\": "for Windows",
    "python -m venv": "for Windows",
    "pip install": "from the package index; test_installation.py installs what would lie there",
    "pip wheel": "test_installation.py builds one",
    "python docs/": "test_screens and test_reference compare what it would write",
    "python -m pytest": "this suite",
    "TORTURE_SEED=": "this suite",
    "python -m tests.safety.mutants": "takes half an hour; test_mutants.py does the same",
    "python FILE.py": "a project's, not a person's",
    "az ": "needs a subscription of Azure",
    "mlflow_hooks new": "the other commands are about the samples alone; tests/hooks/test_new.py types it",
    "mlflow_hooks bind": "needs a job that somebody made by hand; tests/hooks/test_bind.py has one",
    "databricks ": "another tool",
    "dbx ": "another tool",
    "mlflow run": "another tool",
    "git diff BASE": "another tool",
    "mlflow_hooks promote": "it needs a version of a model; tests/hooks/test_promote.py has some",
    "git remote set-head": "needs a remote; tests/commands/hints/targets.py has one",
    "to_databricks --branch rain": "a folder of one page; tests/commands/test_remove.py restores one",
}
# What is added to a command that begins so, and why.
ADDED = {
    "make": ("--dry-run", "this suite, and what has tests of its own"),
    "databricks_local serve": ("--port=0", "somebody else may have the usual port"),
    "mlflow_hooks run": ("--dry-run", "MLflow takes ten seconds; test_runs takes them"),
}
# The exit codes other than 0. There is a conflict: these tell of it, and leave it.
CODES = {
    "from_databricks": 1,
    "from_databricks --outputs": 1,
    "to_databricks notebooks/models": 1,
    "to_databricks --dry-run --diff": 1,
    "from_databricks --dry-run --diff": 1,
}
# What a command with this word says before it stays until Ctrl-C.
READY = {"--watch": "Watching notebooks", "serve": "DATABRICKS_TOKEN="}

OURS = "to_databricks|from_databricks|mlflow_hooks|databricks_local"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
_CODE = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(rf"(?:to|from)_databricks$|(?:{OURS}|git|make|python|pip|az|databricks|dbx|mlflow) ")
_ADVICE = re.compile(rf'(?::\s+|"command": ")((?:{OURS})\b[^"\n]*)')  # of a command, or a setting of an editor


def shown(page: str) -> Iterator[str]:
    """The commands of a page but for those typed in its `console` blocks."""
    for kind, block in _BLOCK.findall(page):
        lines = block.splitlines() if kind == "sh" else _ADVICE.findall(block)
        yield from (re.sub(r"\s+#.*", "", line) for line in lines if line)
    codes = (" ".join(code.split()) for code in _CODE.findall(_BLOCK.sub("", page)))
    yield from (code for code in codes if _COMMAND.match(code))


def ready(command: str) -> str:
    """What a command says that then stays until Ctrl-C; nothing for the others."""
    words = command.split()
    return next((said for word, said in READY.items() if word in words and "--help" not in words), "")


def filled(command: str) -> str:
    """The command with something of ours for what a reader has to fill in."""
    return shlex.join(FILLED.get(word, word) for word in shlex.split(readme.RUN.sub("RUN", command), comments=True))


TEXTS = [page.read_text(encoding="utf-8") for page in PAGES]
TYPED = {
    filled(command)
    for text in TEXTS
    for kind, block in _BLOCK.findall(text)
    if kind == "console"
    for command, _ in readme.screens(block)
}
SHOWN = list(dict.fromkeys(command for text in TEXTS for command in shown(text)))
WANTED = dict.fromkeys(filled(command) for command in SHOWN if not command.startswith(tuple(NOT_TYPED)))
COMMANDS = [command for command in WANTED if command not in TYPED]
# There is nothing to score with before a training.
RUNS = sorted((one for one in COMMANDS if one.startswith("mlflow_hooks run")), key=lambda one: "scoring" in one)

# Notebooks in step, and backups of both sides.
SETTING = """
<!-- also here: projects -->
<!-- also there: notebooks -> /Users/me@example.com/main -->
```console
$ git tag v0.1.0
$ git branch main
$ mlflow_hooks generate
$ to_databricks
$ to_databricks --target /Shared/master --mirror
```
<!-- in the browser: models/demand_forecast: DAYS_KEPT_ASIDE = 4 -> DAYS_KEPT_ASIDE = 5 -->
```console
$ from_databricks
$ to_databricks --target /Shared/master --mirror
```
"""
# Then a conflict of different cells.
HERE, THERE = ("DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 6"), ("The last four days", "The last days")
EDITS = f"""
<!-- here: {NOTEBOOK}: {" -> ".join(HERE)} -->
<!-- in the browser: models/demand_forecast: {" -> ".join(THERE)} -->
"""


@dataclass(frozen=True)
class Desk:
    """Somebody in that setting."""

    reader: readme.Reader
    unserved: Path  # another workspace, which no server holds

    @classmethod
    def of(cls, reader: readme.Reader) -> Desk:
        reader.follow(SETTING)
        source = "https://github.com/databricks-branch-sync/databricks-branch-sync"
        (reader.home / ".gitconfig").write_text(f'[url "{reader.top.as_uri()}"]\n\tinsteadOf = {source}\n')
        unserved = reader.home / "unserved"
        shutil.copytree(reader.home / ".databricks_local", unserved)
        return cls(reader, unserved)

    def disagree(self) -> None:
        """Has a conflict, whatever the last command did to it."""
        agreed = (ROOT / NOTEBOOK).read_text(encoding="utf-8")
        file, path = self.reader.top / NOTEBOOK, f"{FOLDER}/models/demand_forecast"
        here, there = file.read_text(encoding="utf-8"), self.reader.workspace.source(path)
        if here != agreed.replace(*HERE) or there.rstrip() != agreed.replace(*THERE).rstrip():
            file.write_text(agreed, encoding="utf-8", newline="\n")
            code, said = self.type(f"to_databricks --overwrite {NOTEBOOK}")
            assert code == 0, said
            self.reader.follow(EDITS)

    def type(self, command: str, *more: str) -> tuple[int, str]:
        """How a command ended, and what it said; with Ctrl-C for one that stays."""
        words = [*shlex.split(command), *more]
        if "RUN" in words:
            _, listed = self.type(shlex.join(words[: words.index("RUN")]))
            target = words[words.index("--target") + 1] if "--target" in words else FOLDER
            words[words.index("RUN")] = re.findall(rf"^(\S+) .*\({target}\)$", listed, re.M)[0]
        awaited = ready(command)
        if not awaited and words[0] in QUICK:
            return self.reader.type(words)
        apart = words[0] == "databricks_local" and words[1] != "status"
        variables = {"DATABRICKS_LOCAL_DIR": str(self.unserved)} if apart else {}
        process = self.reader.start(words, ROOT if words[0] == "make" else None, **variables)
        fuse = threading.Timer(300, process.kill)
        fuse.daemon = True
        fuse.start()
        said = line = ""
        if awaited:
            assert process.stdout is not None
            while awaited not in line:
                line = process.stdout.readline()
                said += line
                assert line, f"it ended with {process.wait()}: {said}"
            process.send_signal(signal.SIGINT)
        said += process.communicate()[0]
        fuse.cancel()
        return process.returncode, said


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One for all commands."""
    with readme.new_reader(QuickReader) as reader:
        yield Desk.of(reader)


@pytest.mark.parametrize("command", thinned(COMMANDS))
def test_commands(desk: Desk, command: str) -> None:
    """Each command of the manual works where a reader would type it, and ends with the exit code it is to end with."""
    if sys.platform == "win32" and (ready(command) or command.startswith("make")):
        pytest.skip("Windows sends no signal to another process, and has no make")
    desk.disagree()
    code, said = desk.type(command, *(more for start, (more, _) in ADDED.items() if command.startswith(start)))
    assert "Traceback" not in said
    assert code == (130 if ready(command) else CODES.get(command, 0)), said


@pytest.mark.long
@pytest.mark.parametrize("command", RUNS)
def test_runs(desk: Desk, command: str) -> None:
    """The projects of the manual train and score in every way that is shown."""
    desk.disagree()
    code, said = desk.type(command)
    assert code == 0 and f"{command.split()[2]}: SUCCESS" in said, said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
def test_events(desk: Desk) -> None:
    """The fields of an event are those that the page for editors tells."""
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    told = {name: set(_CODE.findall(fields)) for name, fields in re.findall(r"^\| `(\w+)` \| (.*) \|.*\|$", page, re.M)}
    desk.disagree()
    commands = (
        "to_databricks --watch --pull --json",
        "from_databricks --merge --diff --json",
        "to_databricks --json --target /",
        "to_databricks --status --json",
    )
    events = [json.loads(line) for command in commands for line in desk.type(command)[1].splitlines()]
    assert {*told} - {event["event"] for event in events} == {"settled", "note"}
    for event in events:
        assert {*event} - {"event"} <= told[event["event"]], event


def test_tables() -> None:
    """No row of the tables above is about something that no page shows any more."""
    for start in (*NOT_TYPED, *ADDED):
        assert any(command.startswith(start) for command in SHOWN), start
    assert set(CODES) <= set(COMMANDS)


def test_option_names() -> None:
    """Every option that is named by itself is one of ours; the first column of a table may name another tool's."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for page, text in zip(PAGES, TEXTS, strict=True):
        prose = re.sub(r"^\|[^|]*", "", _BLOCK.sub("", text), flags=re.M)
        alone = " ".join(code for code in _CODE.findall(prose) if code.startswith("--"))
        named = set(re.findall(r"--[a-z-]+", alone))
        assert {name for name in named if not re.search(rf"^\| `[^`]*{name}\b", reference, re.M)} == set(), page


def test_extras() -> None:
    """Every extra that a page installs is one of the package's."""
    extras = {name for text in TEXTS for name in re.findall(r"databricks-branch-sync\[(\w+)\]", text)}
    assert extras <= set(metadata("databricks-branch-sync").get_all("Provides-Extra") or ())


def test_test_names() -> None:
    """Every test that a page names is there, or in a file that the page has written."""
    tests = {file.stem: file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py")}
    for file, content in [one for text in TEXTS for one in readme.files(text).items()]:
        tests.setdefault(Path(file).stem, content)
    for name in {name for text in TEXTS for name in re.findall(r"\btest_\w+", text)}:
        assert name in tests or any(f"def {name}(" in text for text in tests.values()), name
