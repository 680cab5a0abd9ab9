"""The pages that are written from the code say what it says today."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.sources import ROOT, nodes, reads_sources


@pytest.mark.parametrize("name", ["reference", "emulator"])
def test_written_pages(name: str) -> None:
    """docs/reference.md has the commands, docs/emulator.md the calls and their evidence, as the code has them."""
    # In a process of its own: click remembers in a command how it was asked for help before.
    printed = subprocess.run([sys.executable, ROOT / "docs" / f"{name}.py", "--print"], capture_output=True, check=True)
    page = (ROOT / "docs" / f"{name}.md").read_bytes()
    assert page == printed.stdout.replace(b"\r\n", b"\n"), f"python docs/{name}.py writes it"


def texts() -> Iterator[str]:
    """Every text in the code, those of one message together; what is filled in is a `…`."""
    for package in ("databricks_sync", "databricks_local"):
        for _, node in nodes(package):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@reads_sources
def test_messages() -> None:
    """Every message that the page on troubleshooting explains is one that the program says."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    known = list(texts())
    explained = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(explained) > 25
    assert [one for one in explained if not any(one in text for text in known)] == []
