"""Short words for making findings: a mistake belongs to a document, and to the line of one of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from mlflow_hooks.model import Document, Finding, Severity

Findings = Iterator[Finding]


def error(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    return Finding(document.name, document.line(*keys), Severity.ERROR, message, remedy)


def warning(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    return Finding(document.name, document.line(*keys), Severity.WARNING, message, remedy)


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """What somebody who wrote `name` probably meant."""
    known = list(known)
    near = get_close_matches(name, known, n=1) or [one for one in known if one.endswith(f"_{name}")]
    return f"Write {near[0]}." if near else otherwise
