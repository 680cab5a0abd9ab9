"""The statements of a SQL cell, which `;` divides where it stands in no text, name or comment. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

TOKEN = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|--[^\n]*|/\*.*?\*/|;|[^'"`;/-]+|.""",
    re.DOTALL,
)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
WIDGET = re.compile(r"\$\{(\w+)\}")
PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


def statements(text: str) -> list[str]:
    """Each statement, without those that say nothing."""
    parts = [""]
    for token in TOKEN.findall(text):
        if token == ";":
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts if COMMENT.sub("", part).strip()]


def with_widgets(statement: str, widgets: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The statement with each `${name}` replaced, and the values of each `:name` in it, as the service has both."""
    text = WIDGET.sub(lambda match: widgets.get(match[1], match[0]), statement)
    plain = "".join(token for token in TOKEN.findall(text) if token[0] not in "'\"`" and not COMMENT.match(token))
    return text, {name: widgets[name] for name in PARAMETER.findall(plain) if name in widgets}
