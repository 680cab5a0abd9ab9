"""What cells of an `.ipynb` have printed, as text: whatever the file says, nothing of it is ever markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_OUTPUT = 20_000
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class OutputText:
    """What a cell has printed, as plain text."""

    text: str
    is_error: bool = False


def shown(outputs: Sequence[Any]) -> list[OutputText]:
    """The outputs of a cell as text, of each at most MAX_OUTPUT characters; without those that say nothing."""
    texts = (_output(document) for document in outputs if isinstance(document, dict))
    return [OutputText(_cut(output.text), output.is_error) for output in texts if output.text]


def _output(document: dict[str, Any]) -> OutputText:
    if document.get("output_type") == "error":
        return OutputText(ANSI.sub("", _error(document)), True)
    if "text" in document:
        return OutputText(ANSI.sub("", _text(document["text"])), document.get("name") == "stderr")
    data = document.get("data")
    if not isinstance(data, dict):
        return OutputText("")
    for kind in ("text/plain", "text/markdown", "text/html"):
        if kind in data:
            return OutputText(_text(data[kind]))
    return OutputText(f"[{', '.join(sorted(map(str, data)))}: not shown here]" if data else "")


def _error(document: dict[str, Any]) -> str:
    trace = document.get("traceback")
    if isinstance(trace, list) and trace:
        return "\n".join(map(str, trace))
    return f"{document.get('ename', 'Error')}: {document.get('evalue', '')}"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    return f"{text[:MAX_OUTPUT]}\n… {len(text) - MAX_OUTPUT:,} more characters"
