"""What cells of an `.ipynb` have printed, as text: whatever the file says, nothing of it is ever markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_OUTPUT = 20_000
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Output:
    text: str
    is_error: bool = False


def shown(outputs: Sequence[Any]) -> list[Output]:
    found = (_output(given) for given in outputs if isinstance(given, dict))
    return [Output(_cut(one.text), one.is_error) for one in found if one.text]


def _output(given: dict[str, Any]) -> Output:
    if given.get("output_type") == "error":
        return Output(ANSI.sub("", _error(given)), True)
    if "text" in given:
        return Output(ANSI.sub("", _text(given["text"])), given.get("name") == "stderr")
    data = given.get("data")
    if not isinstance(data, dict):
        return Output("")
    for kind in ("text/plain", "text/markdown", "text/html"):
        if kind in data:
            return Output(_text(data[kind]))
    return Output(f"[{', '.join(sorted(map(str, data)))}: not shown here]" if data else "")


def _error(given: dict[str, Any]) -> str:
    trace = given.get("traceback")
    if isinstance(trace, list) and trace:
        return "\n".join(map(str, trace))
    return f"{given.get('ename', 'Error')}: {given.get('evalue', '')}"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    return f"{text[:MAX_OUTPUT]}\n… {len(text) - MAX_OUTPUT:,} more characters"
