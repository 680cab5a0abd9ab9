"""Files of two commits, short to write down."""

from __future__ import annotations

import json
from typing import Any

from databricks_sync.local.git import Difference
from databricks_sync.review.commits import Commits
from databricks_sync.review.comparison import FileReview, compared

COMMITS = Commits("a" * 40, "b" * 40, "main", "feature/x")
FILE, LINK, SUBMODULE = "100644", "120000", "160000"


def source(*cells: str) -> bytes:
    text = "\n\n# COMMAND ----------\n\n".join(cells)
    return f"# Databricks notebook source\n{text}\n".encode()


def jupyter(*cells: str, metadata: Any = None, **more: Any) -> bytes:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell, **more} for cell in cells]
    return json.dumps({"cells": made, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def review(
    old: bytes | None, new: bytes | None, path: str = "a.py", old_path: str = "", modes: tuple[str, str] = (FILE, FILE)
) -> FileReview:
    hashes = ["" if raw is None else digit * 40 for raw, digit in ((old, "1"), (new, "2"))]
    return compared(Difference(path, old_path or path, modes[1], modes[0], hashes[1], hashes[0]), old, new)
