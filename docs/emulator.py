"""Writes docs/emulator.md: what the workspace on this machine does, how sure we are of each of it, and what is unknown.

`python docs/emulator.py` writes it, with `--print` to the screen; a test compares. It reads the code of
databricks_local: its routes, and the tags in docstrings and comments (core/errors.py says what they mean).
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
import tempfile
import textwrap
import time
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.routing import Route

from databricks_local.core.settings import ServerSettings
from databricks_local.jobs.rules.fields import OTHER_TASKS, TASKS
from databricks_local.mlflow_server.proxy import WITHHELD
from databricks_local.protocol.pipeline import Pipeline
from databricks_local.server.app import routes
from databricks_local.services import Services
from databricks_local.workspace.store import opened
from databricks_local.workspace.tree import LocalWorkspace

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "databricks_local"
PAGE = ROOT / "docs" / "emulator.md"

TAGS = {
    "REAL": "a test against a real workspace says so",
    "PROBED": "seen by an engineer, or in a user's raw log",
    "LOCAL": "measured with a client that has to understand it",
    "DOCS": "documented by Databricks",
    "FAKE": "only what the fake in the tests of the official CLI does",
    "INFERRED": "concluded by us",
    "src": "read in the source of a client",
    "seen": "seen in what people have published",
}
_TAG = re.compile(rf"\s*\[((?:{'|'.join(TAGS)})\b[^\]]*)\]")
_UNKNOWN = re.compile(
    r"\bunknown\b(?=[.,:;)]| for\b| but\b| here\b|$)|\bnot published\b|\bnobody (?:says|published)\b", re.I
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`/*(\d])")
# Paths that a real workspace has; all else is the page, and what tests ask for.
_API = ("/api/2", "/api/3", "/dbfs/", "/oidc/", "/.well-known/", "/ajax-api/", "/telemetry-ext")


@dataclass(frozen=True)
class Statement:
    """One sentence of the code about the service, with its tags."""

    file: str
    place: str
    text: str

    @property
    def has_evidence(self) -> bool:
        return _TAG.search(self.text) is not None

    @property
    def is_unknown(self) -> bool:
        return _UNKNOWN.search(_TAG.sub("", self.text)) is not None

    @property
    def where(self) -> str:
        return f"`{self.file}`" + (f" `{self.place}`" if self.place else "")


def page() -> str:
    """The whole page."""
    facts = list(statements())
    parts = [
        "# What the workspace on this machine is, and how sure we are",
        "Written by `python docs/emulator.py` from the routes and the tags in the code of `databricks_local`. Each fact"
        " about Databricks that it relies on stands here with its evidence, in the words of the code.",
        "\n".join(
            ["| evidence | meaning |", "|---|---|", *(f"| {tag} | {meaning} |" for tag, meaning in TAGS.items())]
        ),
        "## The calls that are answered",
        "A call that is not listed is answered as the service answers one that it does not know: 404,"
        " `ENDPOINT_NOT_FOUND`. A dash says that the code names no evidence for the call as a whole; the"
        " [facts](#facts) have that for its parts.",
        *_calls(),
        "## Facts",
        *_facts([fact for fact in facts if fact.has_evidence]),
        "## What is unknown",
        "Nobody has published it. What is done here instead is a guess, and a setting where tests want both.",
        "\n".join(f"- {_escaped(fact.text)} ({fact.where})" for fact in facts if fact.is_unknown),
        "## What there is not",
        *_missing(),
    ]
    return "\n\n".join(parts) + "\n"


def statements() -> Iterator[Statement]:
    """The sentences of all docstrings and comments that name evidence, or say that something is unknown."""
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        name = file.relative_to(PACKAGE).as_posix()
        tree = ast.parse(source)
        texts = [*_docstrings(tree), *_comments(source, tree)]
        for _, place, text in sorted(texts):
            paragraph = re.sub("^[A-Z]{4,}: ", "", " ".join(text.split()))
            for sentence in _SENTENCE.split(paragraph):
                statement = Statement(name, place, sentence)
                if statement.is_unknown and sentence.count(" ") < 7:
                    statement = Statement(name, place, paragraph)  # "The text is unknown." says nothing by itself
                if sentence.count(" ") > 1 and (statement.has_evidence or statement.is_unknown):
                    yield statement


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for paragraph in re.split(r"\n\s*\n", ast.get_docstring(node) or ""):
                if paragraph.startswith("Tags name the evidence"):
                    continue
                line = 0 if isinstance(node, ast.Module) else node.lineno
                yield line, getattr(node, "name", ""), paragraph


def _comments(source: str, tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Comments of several lines as one, and what stands before one that is nothing but a tag."""
    lines, block = source.splitlines(), list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        text, code = token.string.lstrip("#: "), lines[row - 1][:column].strip()
        if not code:
            block.append(text)
            if row < len(lines) and lines[row].strip().startswith("#"):
                continue
            yield row, _place(tree, row), " ".join(block)
        elif re.match(r"\w+: [\w ]+ = ", code):
            yield row, _place(tree, row), f"`{code}` {text}"
        elif not _TAG.fullmatch(f" {text}"):
            yield row, _place(tree, row), text
        block = []


def _place(tree: ast.Module, row: int) -> str:
    """The innermost function or class round a line."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    around = [
        node for node in ast.walk(tree) if isinstance(node, kinds) and node.lineno <= row <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno).name if around else ""


def _facts(facts: list[Statement]) -> Iterator[str]:
    for room in sorted({fact.file.partition("/")[0] for fact in facts}):
        rows = [f"| {_escaped(fact.text)} | {fact.where} |" for fact in facts if fact.file.partition("/")[0] == room]
        yield f"### {room}"
        yield "\n".join(["| what is so | in |", "|---|---|", *rows])


def _calls() -> Iterator[str]:
    calls: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for route in _routes():
        if route.path.startswith(_API):
            version, path = re.fullmatch(r"(/api/\d\.\d)?(.*)", route.path).groups()  # type: ignore[union-attr]
            about = inspect.getdoc(_operation(route.endpoint)) or ""
            methods, versions = calls.setdefault((re.sub(r":\w+\}", "}", path), about), (set(), set()))
            allowed = route.methods or {"GET"}
            methods |= allowed - {"HEAD"} if "GET" in allowed else allowed
            versions.add((version or "").removeprefix("/api/"))
    rows = []
    for (path, about), (methods, versions) in sorted(calls.items()):
        prefix = f"/api/{', '.join(sorted(versions))}" if any(versions) else ""
        text = _TAG.sub("", " ".join(about.split("\n\n")[0].split()))
        evidence = "; ".join(dict.fromkeys(_TAG.findall(" ".join(about.split())))) or "–"
        rows.append(f"| {', '.join(sorted(methods))} `{prefix}{path}` | {_escaped(text)} | {_escaped(evidence)} |")
    yield "\n".join(["| call | what it does | evidence |", "|---|---|---|", *rows])


def _routes() -> list[Route]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        store = opened(Path(name, "workspace.sqlite"))
        pipeline = Pipeline(LocalWorkspace(store, ServerSettings(), time.monotonic), "t", Path(name))
        services = Services(pipeline, "http://127.0.0.1:1", "t")
        try:
            return [route for route in routes(pipeline, services) if isinstance(route, Route)]
        finally:
            services.close()
            store.close()


def _operation(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """What a route does in the end: each layer round it calls it `operation`."""
    if isinstance(endpoint, partial):
        return _operation(endpoint.func)
    function = getattr(endpoint, "__func__", endpoint)
    names = function.__code__.co_freevars if inspect.isfunction(function) else ()
    if "operation" not in names:
        return endpoint
    return _operation(function.__closure__[names.index("operation")].cell_contents)


def _missing() -> Iterator[str]:
    kinds, run = (", ".join(f"`{kind}`" for kind in sorted(table)) for table in (OTHER_TASKS, TASKS))
    yield textwrap.dedent(
        f"""\
        - Tasks of these kinds are kept in a job and fail when they are to run: {kinds}. These are run: {run}.
        - Clusters: `new_cluster` and its like are checked and kept; everything runs in the Python of the server.
        - Of MLflow's server, paths with {", ".join(f"`{name}`" for name in WITHHELD)}: they run commands or ask others.
        - Unity Catalog, volumes, SQL warehouses, dashboards, model serving, and a trash."""
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
