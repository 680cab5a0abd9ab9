"""Words of a command that is printed to be typed: shell and command read them as the very text they stand for. Pure.

Everywhere but on Windows they are quoted for a POSIX shell; what must not be sent to a terminal stands in `$'...'`,
which bash, zsh, ksh and POSIX.1-2024 know. On Windows PowerShell, cmd and the bash of Git each quote in a way of their
own, and click replaces `*`, `?`, `[`, `~` and `%NAME%` once more: a word that all of them read alike in double quotes
stands there, and for any other one a placeholder, which whoever types it has to fill in.
"""

from __future__ import annotations

import os
import re
import shlex

ON_WINDOWS = os.name == "nt"
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # by a terminal
_PLAIN = re.compile(r"[\w./][\w./:@%+,=-]*", re.ASCII)  # not `=ls`, which zsh replaces
_PLAIN_ON_WINDOWS = re.compile(r"[\w./][\w./:+-]*", re.ASCII)
_READ_ALIKE = re.compile(r'[^"$`%!\\*?\[~\u201c-\u201f]+')  # PowerShell takes curly quotes for quotes
_PATH_BEGINS = re.compile(r"[\w./]")
_PATTERN = re.compile(r"[*?\[\\]")  # SOURCE: gitglossary(7), pathspec


def word(text: str, instead: str = "NAME", *, windows: bool = ON_WINDOWS) -> str:
    """`text` as one word, which may still be read as an option; `instead`: the placeholder where that cannot be."""
    if windows:
        if _PLAIN_ON_WINDOWS.fullmatch(text):
            return text
        return f'"{text}"' if _READ_ALIKE.fullmatch(text) and not _OBEYED.search(text) else instead
    if _PLAIN.fullmatch(text):
        return text
    if _OBEYED.search(text):
        return "$'" + re.sub(rf"{_OBEYED.pattern}|[\\'!]", lambda match: _octal(match[0]), text) + "'"
    quoted = shlex.quote(text)
    return quoted if quoted != text else f"'{text}'"


def path(text: str, *, windows: bool = ON_WINDOWS) -> str:
    """A path as one word that no command takes for an option, and no shell for a home or a file of arguments."""
    return word(text if _PATH_BEGINS.match(text) else f"./{text}", "PATH", windows=windows)


def pathspec(text: str, *, windows: bool = ON_WINDOWS) -> str:
    """A path as one word that git takes for this very path, and not for a pattern."""
    return word(f":(literal){text}", "PATH", windows=windows) if _PATTERN.search(text) else path(text, windows=windows)


def argument(text: str, *, windows: bool = ON_WINDOWS) -> str:
    """A name, which is no path, as what stands last in a command."""
    typed = word(text, windows=windows)
    return f"-- {typed}" if text.startswith("-") else typed


def option(name: str, value: str, *, windows: bool = ON_WINDOWS) -> str:
    """An option with its value, and a blank before it."""
    typed = word(value, "PATH" if name == "target" else "NAME", windows=windows)
    return f" --{name}{'=' if value.startswith('-') else ' '}{typed}"


def _octal(sign: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in sign.encode("utf-8", "surrogateescape" if _is_byte(sign) else "replace"))


def _is_byte(sign: str) -> bool:
    """Whether it stands for a byte that is not UTF-8, as Python writes it in the name of a file."""
    return "\udc80" <= sign <= "\udcff"
