"""Finds what looks like a credential in a text, without ever repeating it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Each is of a service whose tokens say what they are. Commits and checksums, plain hexadecimal, are none of them.
_KINDS = (
    ("a Databricks token", r"\b(?:dapi|dose|dkea|dsapi)[0-9a-f]{32}(?:-\d+)?\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt)-[\w-]{20,}"),
    ("an Azure DevOps token", r"\b(?:[a-z2-7]{52}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b"),
    ("an AWS key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a signed token", r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    ("a password in an address", r"://[^/\s:@{}]+:[^/\s@{}]+@"),
    ("a long secret", r"(?<![\w+/=-])(?=[\w+/]*[0-9])(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[\w+/]{44,}={0,2}(?![\w+/=-])"),
)
_PATTERNS = [(kind, re.compile(pattern)) for kind, pattern in _KINDS]
# A path is long, mixed and full of slashes; a secret in base64 has few.
_MOST_SLASHES = 3


def found(text: str) -> Iterator[tuple[int, str]]:
    """The lines (from 1) with something like a credential, and what it is like; the first on each line."""
    for number, line in enumerate(text.splitlines(), 1):
        for kind, pattern in _PATTERNS:
            match = pattern.search(line)
            if match and not (kind == "a long secret" and match[0].count("/") > _MOST_SLASHES):
                yield number, kind
                break
