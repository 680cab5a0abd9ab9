"""Short words for making findings: a mistake belongs to a document, and to the line of one of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from mlflow_hooks.model import Document, Finding, FindingSeverity

Findings = Iterator[Finding]


def error(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    """A mistake in the value at `keys` of a document, on the line of that value or of what is around it."""
    return Finding(*document.place(*keys), FindingSeverity.ERROR, message, remedy)


def warning(document: Document, keys: Iterable[str], message: str, remedy: str) -> Finding:
    """A warning about the value at `keys` of a document, on the line of that value or of what is around it."""
    return Finding(*document.place(*keys), FindingSeverity.WARNING, message, remedy)


def closest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that somebody who wrote `name` probably meant; "" where none is like it."""
    candidates = list(names)
    near = get_close_matches(name, candidates, n=1) or [other for other in candidates if other.endswith(f"_{name}")]
    return near[0] if near else ""


def nearest(name: str, names: Iterable[str], otherwise: str) -> str:
    """The remedy for a wrong name: to write the closest of `names`, or `otherwise` where none is like it."""
    near = closest(name, names)
    return f"Write {near}." if near else otherwise
