"""Which room of the code may import which: docs/architecture.md tells what each room is for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache

import pytest
from support.sources import ROOT, nodes, reads_sources

pytestmark = reads_sources

# A room, or a module at the top, may import itself and what stands before it.
ORDER = {
    "databricks_sync": (
        "__init__ startup exit_code errors clock shell model failpoints system interrupt notebook git_textconv "
        "git_difftool git_merge rules state local remote engine output review cli to_databricks from_databricks"
    ),
    "databricks_local": (
        "__init__ home extras core formats workspace protocol files runtime jobs repos mlflow_server "
        "services pages server embedded testing pytest_plugin run cli __main__"
    ),
    "mlflow_hooks": (
        "__init__ options errors credentials schema model report change "
        "reading rules generate deploy run promote commands cli __main__"
    ),
}
# Two rooms that must not know each other, though one stands before the other.
APART = {
    ("databricks_sync", "local", "state"),
    ("databricks_sync", "remote", "state"),
    ("databricks_sync", "remote", "local"),
}
# What a package may import of the others.
DOORS = {
    ("databricks_sync", "databricks_local"): {"databricks_local.embedded"},
    ("databricks_sync", "mlflow_hooks"): set[str](),
    ("databricks_local", "mlflow_hooks"): set[str](),
    # What writes for people, and what a command line needs; no rule and no parser.
    ("databricks_local", "databricks_sync"): {
        "databricks_sync",
        "databricks_sync.startup",
        "databricks_sync.interrupt",
        "databricks_sync.cli.completion",
        "databricks_sync.errors",
        "databricks_sync.exit_code",
        "databricks_sync.shell",
        "databricks_sync.review.prose",
    },
}


@cache
def imports(package: str) -> list[tuple[str, str]]:
    """Each import of a module of ours by a module of `package`: their dotted names."""
    found = []
    for file, node in nodes(package):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found += [(".".join(parts), name) for name in named(parts, node)]
    return found


def named(parts: Sequence[str], node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """What an import in a module with these parts in its name brings in: a module, or the module that has it."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
        return
    base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
    source = ".".join(filter(None, [base, node.module]))
    for name in node.names:
        yield f"{source}.{name.name}" if is_module(f"{source}.{name.name}") else source


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def room(module: str) -> str:
    """The room of a module, or its own name if it stands at the top of its package."""
    return f"{module}.__init__".split(".")[1]


@pytest.mark.parametrize("package", ORDER)
def test_the_rooms(package: str) -> None:
    """No room imports a room that stands after it, and each has a place in the order."""
    order = ORDER[package].split()
    seen = [(who, what) for who, what in imports(package) if what.partition(".")[0] == package]
    assert len(seen) > 50
    assert {room(who) for who, _ in seen} <= {*order}
    assert not [
        f"{who} imports {what}"
        for who, what in seen
        if order.index(room(who)) < order.index(room(what)) or (package, room(who), room(what)) in APART
    ]


@pytest.mark.parametrize("package", ORDER)
def test_no_module_of_a_room_needs_itself(package: str) -> None:
    """There is no circle of imports, also not of those that a function makes late."""
    needs: dict[str, set[str]] = {}
    for who, what in imports(package):
        if what.partition(".")[0] == package and not who.endswith("__init__"):
            needs.setdefault(who, set()).add(what)
    while free := [who for who, those in needs.items() if not those & {*needs}]:
        for who in free:
            del needs[who]
    assert not needs


@pytest.mark.parametrize("package, other", DOORS)
def test_doors(package: str, other: str) -> None:
    """databricks_sync knows one module of the workspace on this machine, and neither of them knows of hooks.

    They share no rule and no parser: one of both would hide a mistake that both make.
    """
    assert {what for _, what in imports(package) if what.partition(".")[0] == other} == DOORS[package, other]


def test_hooks_know_the_rules_of_jobs_alone() -> None:
    """mlflow_hooks asks the workspace on this machine what a job must look like, and nothing else."""
    known = {what for _, what in imports("mlflow_hooks") if what.partition(".")[0] == "databricks_local"}
    assert known and all(what.startswith("databricks_local.jobs.rules.") for what in known)


def test_the_page_shows_the_house() -> None:
    """docs/architecture.md has a row for every room, and every file that it names is there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.M)
    for package in ORDER:
        rows = next(part for part in sections if part.startswith(f"{package}\n"))
        rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert {*re.findall(r"^\| `(\w+)/`", rows, re.M)} == rooms
    folders = (ROOT / name for name in (*ORDER, "tests", "docs"))
    files = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("*.py")}
    for name in re.findall(r"`([\w/]+\.py)`", page):
        assert any(file == name or file.endswith(f"/{name}") for file in files), name
