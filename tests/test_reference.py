"""The reference is what the commands say of themselves today."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_reference() -> None:
    """docs/reference.md has every option, exit code and variable of every command, as the code has them."""
    # In a process of its own: click remembers in a command how it was asked for help before.
    printed = subprocess.run(
        [sys.executable, ROOT / "docs" / "reference.py", "--print"], capture_output=True, check=True
    )
    page = (ROOT / "docs" / "reference.md").read_bytes()
    assert page == printed.stdout.replace(b"\r\n", b"\n"), "python docs/reference.py writes it"


def texts() -> Iterator[str]:
    """Every text in the code, those of one message together; what is filled in is a `…`."""
    for package in ("databricks_sync", "databricks_local"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_messages() -> None:
    """Every message that the page on troubleshooting explains is one that the program says."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    known = list(texts())
    explained = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(explained) > 25
    assert [one for one in explained if not any(one in text for text in known)] == []
