"""Runs the `console` blocks of the manual, so that what its pages show is what the commands say.

`python docs/readme.py` writes their output of today into README.md and docs/*.md, or into the pages named; the tests
compare instead of writing. All blocks of a page share one git project, with a copy of `notebooks/`, and one embedded
workspace in a home folder of its own. Programs can be typed, `cd`, `export` and `echo $?`. Comments do the rest:

    <!-- also here: PATH -->                      this repository's file or folder is in the project too, committed
    <!-- also there: PATH -> FOLDER -->           this repository's folder is in the workspace, from some other tool
    <!-- here: PATH -->                           the block that follows is the file's new content
    <!-- here: PATH: OLD -> NEW -->               an edit of the file
    <!-- in the browser: PATH: OLD -> NEW -->     an edit of the notebook in the branch folder; `/PATH`: of any other
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

from demo import ROOT, Workspace, clean_environment, installed, make_project

from databricks_local.embedded import running

BRANCH = "better-forecast"
_ME = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "Me"), ("EMAIL", "me@example.com"))}  # fmt: skip
RUN = re.compile(r"\b\d{8}T\d{6}(?:-\d+)?\b")  # a backup is named after its time
_PIECE = re.compile(
    r"<!-- also here: (?P<copied>\S+) -->"
    r"|<!-- also there: (?P<sent>\S+) -> (?P<folder>\S+) -->"
    r"|<!-- here: (?P<file>[^:\n]+) -->\s+```\w*\n(?P<content>.*?)```"
    r"|<!-- (?P<side>here|in the browser): (?P<edit>.*?) -->"
    r"|(?<=```console\n)(?P<block>.*?)(?=```)",
    re.S,
)
# What differs from run to run, and what stands for it where two texts are compared.
_VARIES = (
    (re.compile(r"\(\d+\.\d+ s\)"), "(… s)"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in …s"),  # pytest
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "TIME UTC"),
    (re.compile(r"\bcommit [0-9a-f]{10}\b"), "commit HASH"),
    (re.compile(r"(?<=pushed just now by )[^\s,)]+"), "SOMEBODY"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"(<<<<<<<|>>>>>>>) (ours|HEAD|theirs|better-forecast)\b"), r"\1 NAME"),  # before git 2.44, and since
    (RUN, "RUN"),
)


class Reader:
    """Somebody who types everything a page shows."""

    def __init__(self, project: Path, home: Path, workspace: Workspace, environ: dict[str, str]) -> None:
        self.top = self.project = project
        self.home = home
        self.workspace = workspace
        self.environ = environ
        self.runs: dict[str, str] = {}  # backups as the page names them -> as they are called here
        self.code = 0

    def follow(self, text: str) -> str:
        """The text with what the commands said just now in its blocks."""
        return _PIECE.sub(self._piece, text)

    def _piece(self, match: re.Match[str]) -> str:
        if match["block"] is not None:
            return "".join(self._screen(command, output) for command, output in screens(match["block"]))
        if match["copied"]:
            self._copy(match["copied"])
        elif match["sent"]:
            self._send(ROOT / match["sent"], match["folder"])
        elif match["file"]:
            file = self.top / match["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(match["content"].encode())
        else:
            path, change = match["edit"].split(": ", 1)
            self._edit(match["side"], path, *change.split(" -> "))
        return match[0]

    def _copy(self, path: str) -> None:
        original, copy = ROOT / path, self.top / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if original.is_dir():
            shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"), dirs_exist_ok=True)
        else:
            shutil.copyfile(original, copy)
        for words in (["add", path], ["commit", "-qm", f"Add {path}"]):
            subprocess.run(["git", *words], cwd=self.top, env=self.environ, check=True)

    def _send(self, original: Path, folder: str) -> None:
        server = self.workspace.server
        for file in sorted(path for path in original.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            path = f"{folder}/{file.relative_to(original).as_posix()}"
            self.workspace.call("POST", "/api/2.0/workspace/mkdirs", {"path": path.rpartition("/")[0]})
            # What `databricks sync` asks for: unlike JSON, it can carry an empty file.
            url = f"{server.host}/api/2.0/workspace-files/import-file/{quote(path[1:], safe='')}"
            with urlopen(Request(url, file.read_bytes(), {"Authorization": f"Bearer {server.token}"}), timeout=60):
                pass

    def _edit(self, side: str, path: str, old: str, new: str) -> None:
        if side == "here":
            file = self.top / path
            before = file.read_bytes()
            assert old.encode() in before, f"{path} has no {old!r}"
            file.write_bytes(before.replace(old.encode(), new.encode()))
        else:
            whole = path if path.startswith("/") else f"/Users/me@example.com/{BRANCH}/{path}"
            source = self.workspace.source(whole)
            assert old in source, f"{whole} has no {old!r}"
            self.workspace.save(whole, source.replace(old, new))

    def _screen(self, command: str, output: str) -> str:
        """One command and its output. Names of backups become those of this run in both."""
        words = shlex.split(RUN.sub(lambda run: self.runs.get(run[0], run[0]), command), comments=True)
        if words == ["echo", "$?"]:
            return f"$ {command}\n{self.code}\n"
        if words[0] == "cd":
            self.project /= words[1]
            return f"$ {command}\n"
        if words[0] == "export":
            self.environ |= dict(word.split("=", 1) for word in words[1:])
            return f"$ {command}\n"
        self.code, printed = self.type(words)
        shown = printed.replace(str(self.home), "~").replace(str(self.top), "~/project")
        self.runs |= dict(zip(RUN.findall(output), RUN.findall(shown), strict=False))
        return f"$ {RUN.sub(lambda run: self.runs.get(run[0], run[0]), command)}\n{shown}"

    def type(self, words: Sequence[str]) -> tuple[int, str]:
        """A command from its start to its end: its exit code, and all that it said."""
        process = self.start(words)
        printed, _ = process.communicate()
        return process.returncode, printed

    def start(self, words: Sequence[str], folder: Path | None = None, **variables: str) -> subprocess.Popen[str]:
        """Begins a command, in the project or a folder; all that it says comes in one stream, as on a screen."""
        return subprocess.Popen(
            [installed(words[0]), *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            cwd=folder or self.project,
            env=self.environ | variables,
        )


def files(text: str) -> dict[str, str]:
    """The files that a page writes: path -> content."""
    return {match["file"]: match["content"] for match in _PIECE.finditer(text) if match["file"]}


def pages() -> list[Path]:
    """The pages that have something typed in them."""
    every = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in every if "```console\n" in page.read_text(encoding="utf-8")]


def screens(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output below it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def steady(text: str) -> str:
    """The text without what differs from run to run: times, and the names made of them."""
    for varying, instead in _VARIES:
        text = varying.sub(instead, text)
    return text


@contextmanager
def new_reader(kind: type[Reader] = Reader, home: Path | None = None) -> Iterator[Reader]:
    """Somebody with a new project, and a workspace in their home folder (default: a new one), until the block ends."""
    with tempfile.TemporaryDirectory(prefix="databricks-readme-") as name:
        folder = Path(name).resolve()
        home = home or folder / "home"
        data = home / ".databricks_local"
        environ = clean_environment(home, data) | _ME | {"PYTHONIOENCODING": "utf-8"}
        make_project(folder / "project", environ, BRANCH)
        with running(data) as server:
            yield kind(folder / "project", home, Workspace(server), environ)


def followed(text: str, kind: type[Reader] = Reader, home: Path | None = None) -> str:
    """A page's text with the output of now."""
    with new_reader(kind, home) as reader:
        return reader.follow(text)


def main() -> None:
    for page in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        before = page.read_text(encoding="utf-8")
        after = followed(before)
        if steady(before) != steady(after):
            page.write_text(after, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{page.relative_to(ROOT).as_posix()} was brought up to date.\n")


if __name__ == "__main__":
    main()
