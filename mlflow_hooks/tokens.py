"""Finds what looks like a credential in a text, and hides it, without ever repeating it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONG = "a long secret"
# Each is of a service whose tokens say what they are. Commits and checksums, plain hexadecimal, are none of them.
# What stands before one is no matter: in a message it may be the n of a line break.
_KINDS = (
    ("a Databricks token", r"(?:dapi|dose|dkea|dsapi)[0-9a-f]{32}(?:-\d+)?(?![0-9a-z])"),
    ("a GitHub token", r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"),
    ("a GitLab token", r"gl(?:pat|dt|rt)-[\w-]{20,}"),
    ("a Bitbucket token", r"ATBB[A-Za-z0-9]{24,}|AT(?:ATT|CTT)3x[\w=-]{20,}"),
    ("an Azure DevOps token", r"\b(?:[a-z2-7]{52}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b"),
    ("an AWS key", r"(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a signed token", r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)"),
    ("a password in an address", r"://[^/\s:@{}]+:[^/\s@{}]+@"),
    (_LONG, r"(?<![\w+/=-])(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[\w+/]{44,}={0,2}(?![\w+/=-])"),
)
_PATTERNS = [(kind, re.compile(pattern)) for kind, pattern in _KINDS]
_LOGIN = re.compile(r"://[^/\s@]+@")
# A path is long, mixed and full of slashes, and its digits are those of a year or a version; a secret in base64 has
# few slashes, and digits everywhere.
_MOST_SLASHES = 3
_FEWEST_NUMBERS = 3


def found(text: str) -> Iterator[tuple[int, str]]:
    """The lines (from 1) with something like a credential, and what it is like; the first on each line."""
    for number, line in enumerate(text.splitlines(), 1):
        for kind, pattern in _PATTERNS:
            if any(_is_one(kind, match[0]) for match in pattern.finditer(line)):
                yield number, kind
                break


def hidden(text: str) -> str:
    """The text with *** for all that looks like a credential, and for whoever logs in to an address."""
    text = _LOGIN.sub("://***@", text)
    for kind, pattern in _PATTERNS:
        text = _without(kind, pattern, text)
    return text


def _without(kind: str, pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: "***" if _is_one(kind, match[0]) else match[0], text)


def _is_one(kind: str, text: str) -> bool:
    if kind != _LONG:
        return True
    return text.count("/") <= _MOST_SLASHES and len(re.findall(r"\d+", text)) >= _FEWEST_NUMBERS
