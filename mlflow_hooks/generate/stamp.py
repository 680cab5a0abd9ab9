"""The checksum in a generated file, by which an edit by hand is noticed. Pure.

A file says `mlflow_hooks sha256:<digest>` once, before anything that a user wrote. The digest is that of the file with
zeros in its place, with the line ends of Unix: git may have checked it out with others.
"""

from __future__ import annotations

import re
from hashlib import sha256

BLANK = "mlflow_hooks sha256:" + "0" * 64
_STAMP = re.compile(r"mlflow_hooks sha256:([0-9a-f]{64})")


def stamped(text: str) -> str:
    """The text with its first BLANK filled in. Raises ValueError where there is none."""
    if BLANK not in text:
        raise ValueError("the text has no place for its checksum")
    return text.replace(BLANK, f"mlflow_hooks sha256:{_digest(text)}", 1)


def is_stamped(text: str) -> bool:
    """Whether the text claims to be generated, intact or not."""
    return _STAMP.search(text) is not None


def is_intact(text: str) -> bool:
    """Whether the text is, byte for byte but for line ends, what was generated."""
    text = unix(text)
    match = _STAMP.search(text)
    return match is not None and match[1] == _digest(_STAMP.sub(BLANK, text, count=1))


def unix(text: str) -> str:
    """The text with the line ends of Unix."""
    return text.replace("\r\n", "\n")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
