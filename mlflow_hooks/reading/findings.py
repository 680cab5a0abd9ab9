"""Short words for making findings: a mistake belongs to a document, and to the line of one of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from mlflow_hooks.model import Document, Finding, FindingSeverity

Findings = Iterator[Finding]


def error(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    return Finding(document.name, document.line(*keys), FindingSeverity.ERROR, message, remedy)


def warning(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    return Finding(document.name, document.line(*keys), FindingSeverity.WARNING, message, remedy)


def nearest(name: str, names: Iterable[str], otherwise: str) -> str:
    """What somebody who wrote `name` probably meant."""
    names = list(names)
    near = get_close_matches(name, names, n=1) or [candidate for candidate in names if candidate.endswith(f"_{name}")]
    return f"Write {near[0]}." if near else otherwise
