"""Finds what looks like a credential in the files of a hook, and hides it, without ever repeating it. Pure.

Beside what databricks_sync.rules.credentials knows: what tells less of itself, but does not belong into such files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from databricks_sync.rules.credentials import PATTERNS, Pattern, find, redacted

# A path is long, mixed and full of slashes, and its digits are those of a year or a version; a secret in base64 has
# few slashes, and digits everywhere.
_MOST_SLASHES = 3
_FEWEST_NUMBERS = 3


def _is_base64(text: str) -> bool:
    return text.count("/") <= _MOST_SLASHES and len(re.findall(r"\d+", text)) >= _FEWEST_NUMBERS


def _any(_: str) -> bool:
    return True


_PATTERNS = (
    *PATTERNS,
    Pattern("an Azure DevOps token", (), re.compile(r"\b[a-z2-7]{52}\b"), _any),
    Pattern("a password in an address", (), re.compile(r"://[^/\s:@{}]+:[^/\s@{}]+@"), _any),
    Pattern(
        "a long secret",
        (),
        re.compile(r"(?<![\w+/=-])(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[\w+/]{44,}={0,2}(?![\w+/=-])"),
        _is_base64,
    ),
)
_LOGIN = re.compile(r"://[^/\s@]+@")


def suspicious_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines (from 1) with something like a credential, and what it is like; the first on each line."""
    kinds: dict[int, str] = {}
    for match in find(text, _PATTERNS):
        kinds.setdefault(text.count("\n", 0, match.start) + 1, match.kind)
    yield from sorted(kinds.items())


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """What JSON can hold, with each text in it changed, those of keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): each_text(item, change) for key, item in value.items()}
    return [each_text(item, change) for item in value] if isinstance(value, (list, tuple)) else value


def hidden(text: str) -> str:
    """The text with *** for all that looks like a credential, and for whoever logs in to an address."""
    return redacted(_LOGIN.sub("://***@", text), _PATTERNS)
