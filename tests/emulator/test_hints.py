"""What databricks_local advises leads out, done as it is printed; tests/commands/hints has the same of the sync."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commands.hints.table import pattern, words
from commands.hints.test_sources import in_sources, is_tried
from support.project import notebook
from support.sources import reads_sources

from databricks_local.embedded import running

from .test_command import Served, finished

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
Way = Callable[[Path, str], list[str]]  # given a new folder and the hint: what is typed in the end


def elsewhere(new: Path, _: str) -> list[str]:
    return ["serve", "--dir", str(new)]


# What is typed in a folder called `it's`, its message and its hint, and what then works.
ROWS: dict[str, tuple[list[str], str, str, Way]] = {
    "no server": (
        ["status", "--dir", "DIR"],
        "No server is running for …",
        "Start one with: databricks_local serve --dir …",
        lambda new, hint: words(hint.partition(": ")[2])[1:],
    ),
    "no workspace": (
        ["reset", "--dir", "DIR"],
        "There is no local workspace in …",
        "Give its folder with --dir.",
        elsewhere,
    ),
    "other files": (
        ["serve", "--dir", "FULL"],
        "… contains other files, so it cannot hold a local workspace.",
        "Choose an empty or new folder with --dir.",
        elsewhere,
    ),
    "no folder": (
        ["serve", "--dir", "FULL/file/x"],
        "… cannot be used: …",
        "Choose another folder with --dir.",
        elsewhere,
    ),
    "a folder of others": (
        ["serve", "--dir", "OPEN"],
        "Others may write to …, and so could change what the workspace holds and runs.",
        "Type: chmod go-w …",
        lambda new, hint: _after(words(hint.removeprefix("Type: "))),
    ),
    "no port": (
        ["serve", "--dir", "DIR", "--port", "TAKEN"],
        "Port … cannot be used: …",
        "Choose another one with --port; 0 means any free one.",
        elsewhere,
    ),
    "no user": (
        ["serve", "--dir", "DIR", "--user", "a/b"],
        "The user must be a name without slashes, such as me@example.com.",
        "Give it with --user.",
        lambda new, hint: ["serve", "--dir", str(new), "--user", "me@example.com"],
    ),
    "no token": (
        ["serve", "--dir", "DIR", "--token", "a b"],
        "A token may contain only ASCII letters, digits and signs, without spaces.",
        "Choose another one.",
        lambda new, hint: ["serve", "--dir", str(new), "--token", "ab"],
    ),
}


def _after(typed: list[str]) -> list[str]:
    """The server that starts once `typed` has been done with its folder."""
    subprocess.run(typed, check=True)
    return ["serve", "--dir", typed[-1]]


RUNNING = (
    "A server is already running for …",
    "Type `databricks_local status --dir …` to see where, or choose another folder with --dir.",
    "A server is running for …, so it cannot be emptied.",
    "Stop the server with Ctrl-C in its terminal (process …), and run the command again.",
)
# What is typed after `run` in a folder that has a notebook called `it's.py`, and what is said; what is advised is then
# typed all at once.
RUNS = {
    ("no.py",): ("There is no notebook … in ….", "Give a notebook: a file, or its path in the workspace."),
    ("it's.py", "-P", "day"): ("-P … is not name=value.", "Write -P day=2026-11-29, for example."),
    ("it's.py", "--secret", "s/k"): (
        "--secret … is not scope/key=VARIABLE.",
        "Name an environment variable, no value.",
    ),
    ("it's.py", "--secret", "s/k=NONE"): (
        "--secret …: there is no environment variable ….",
        "Set it, and type this again.",
    ),
    ("it's.py", "--secret", "a b/k=HOME"): ("--secret …/…: …", "Choose another scope or key."),
    ("it's.py",): (
        "Failed in it's.py, cell 1, line 2: SecretNotDefined: Secret does not exist …",
        "Put the secret into an environment variable, and type: … --secret …=VARIABLE",
    ),
    ("it's.py", "--secret", "s/k=HOME"): (
        "Failed in it's.py, cell 1, line 3: InputWidgetNotDefined: No input widget named day is defined",
        "Type: … -P …=VALUE",
    ),
}
NOT_TYPED = {
    "Type: pip install 'databricks-branch-sync[local]'": "it asks a registry",
    "Choose a folder of your own with --dir.": "it needs a second user of this machine",
    "Move it away, or choose another --dir.": "tests/emulator/test_command.py has a database that is none",
}
# What the API answers, what a notebook prints and what is written into files tells nobody to type it.
ELSEWHERE = ("jobs/rules", "jobs/run_folder.py", "jobs/secrets_api.py", "runtime", "workspace/archive.py", "formats")
ELSEWHERE += ("workspace/exporting.py", "pages", "protocol", "files", "mlflow_server")


@pytest.mark.parametrize("name", ROWS)
def test_what_is_done_as_printed_leads_out(tmp_path: Path, name: str) -> None:
    """What a hint says is done as it is printed, and a server starts."""
    typed, message, text, way = ROWS[name]
    folder = tmp_path / "it's"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("x")
    folder.with_name("it's open").mkdir()
    folder.with_name("it's open").chmod(0o777)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        stands = {
            "DIR": str(folder),
            "OPEN": f"{folder} open",
            "FULL": str(tmp_path / "full"),
            "TAKEN": str(taken.getsockname()[1]),
        }
        typed = [re.sub("|".join(stands), lambda match: stands[match[0]], word) for word in typed]
        code, out, err = finished(*typed)
    assert code and re.search(pattern(message), out + err), out + err
    hint = re.search(pattern(text), out + err)
    assert hint, out + err
    if way is elsewhere and name != "no port":  # that starts the same server for all of them
        return
    _, _, at, *options = way(tmp_path / "new", hint[0])
    with Served(Path(at), *options) as served:
        assert served.local.get("list", path="/").status == 200


def test_a_running_server_is_found(tmp_path: Path) -> None:
    """Who starts a second one is told where the first is; who empties the workspace, to stop it."""
    folder = tmp_path / "it's"
    with Served(folder):
        _, _, err = finished("serve", "--dir", folder, "--port", "0")
        assert re.search(pattern(RUNNING[0]), err)
        hint = re.search(pattern(RUNNING[1]), err)
        assert hint
        _, out, _ = finished(*words(hint[0].split("`")[1])[1:])
        assert f"for {folder}" in out
        _, _, err = finished("reset", "--dir", folder)
        assert all(re.search(pattern(text), err) for text in RUNNING[2:])
    code, out, _ = finished("reset", "--dir", folder)
    assert code == 0 and "is empty" in out


def test_a_notebook_runs_as_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notebook lacks, and what is wrong with its command, is said with what to type: then it runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "it's.py").write_text(notebook("dbutils.secrets.get('s', 'k')\ndbutils.widgets.get('day')"))
    with running(tmp_path / "workspace"):
        monkeypatch.setenv("DATABRICKS_LOCAL_DIR", str(tmp_path / "workspace"))
        for typed, (message, hint) in RUNS.items():
            code, _, err = finished("run", *typed)
            assert code and re.search(f"{pattern(message)}\n{pattern(hint)}$", err.rstrip()), err
        assert finished(*words(err.rstrip().partition("Type: ")[2])[1:])[0] == 0


@reads_sources
def test_every_hint_is_tried() -> None:
    """A hint that is new in the sources gets a row in the table, or a reason why it cannot have one."""
    rows = [text for _, message, hint, _ in ROWS.values() for text in (message, hint)] + [*RUNNING]
    rows += [text for row in RUNS.values() for text in row]
    hints = list(in_sources("databricks_local", ELSEWHERE))
    assert [text for text in hints if not is_tried(text, rows) and text not in NOT_TYPED] == []
    assert [text for text in NOT_TYPED if text not in hints or is_tried(text, rows)] == []
