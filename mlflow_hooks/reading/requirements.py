"""What pip is asked to install, in the environment file and in the requirement files that it names.

The format is that of pip (https://pip.pypa.io/en/stable/reference/requirements-file-format/): lines that go on after a
backslash, comments, options, hashes, files that name files. A job's libraries are single packages of one index, so what
else pip is told is kept apart, and `rules/jobs_git.py` says that a job cannot do it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from posixpath import dirname, join, normpath

from mlflow_hooks.credentials import hidden
from mlflow_hooks.model import Requirements

from .document import Reader, credentials, read_bytes

# As pip looks for them (`pip._internal.utils.encoding`): Windows PowerShell writes UTF-16.
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTION = re.compile(r"(--[a-z][a-z-]*|-[a-zA-Z])(?:\s*=\s*|\s+)?(.*)")
_OPTIONS_BEHIND = re.compile(r"\s+-{1,2}[a-z].*$")  # of one requirement
_FILES, _INDEXES, _HASH = ("-r", "--requirement"), ("-i", "--index-url", "--pypi-url"), "--hash"
# A path of this machine, or an archive in the folder of the project.
_NOT_ON_AN_INDEX = re.compile(r"[./~]|file:|[A-Za-z]:[\\/]|[^:@]+\.(?:whl|zip|tar\.gz)(?:\s|$)")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")  # of the environment, which pip puts into a line


def read_requirements(reader: Reader, folder: Path, lines: Iterable[str]) -> Requirements:
    """Those of `lines`, and of the files in `folder` that they name; what cannot be read is a finding of `reader`."""
    packages: list[str] = []
    others: list[str] = []
    index, hashed = "", False
    for line in _lines(reader, folder, reader.name, "\n".join(lines), frozenset()):
        option = _OPTION.fullmatch(line)
        if _VARIABLE.search(line):
            others.append(line)
        elif option is None and not _NOT_ON_AN_INDEX.match(line):
            package, behind = _OPTIONS_BEHIND.sub("", line), _OPTIONS_BEHIND.search(line)
            words = [word for word in (behind[0] if behind else "").split() if word.startswith("-")]
            hashed = hashed or any(word.startswith(_HASH) for word in words)
            packages.append(package)
            others += [line] if any(not word.startswith(_HASH) for word in words) else []
        elif option is not None and option[1] in _INDEXES:
            index = option[2].strip()
        else:
            others.append(line)
    return Requirements(tuple(packages), index, tuple(others), hashed)


def _lines(reader: Reader, folder: Path, file: str, text: str, inside: frozenset[Path]) -> Iterator[str]:
    """The lines of `file` in `folder`, with those of each file that it names. `inside`: the files that we are in."""
    for line in logical_lines(text):
        option = _OPTION.fullmatch(line)
        if option is None or option[1] not in _FILES or "://" in option[2]:
            yield line
            continue
        name = option[2].strip().strip("\"'")
        path = (folder / name).resolve()
        if path in inside:
            reader.error(["dependencies"], f"The requirement file {name} names itself.", f"Remove -r {name}.")
            continue
        try:
            raw = read_bytes(path)
            text = raw.decode(next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "utf-8"))
        except (OSError, ValueError):
            message = f"The requirement file {name} cannot be read."
            reader.error(["dependencies"], message, f"Create {name}, or leave it out.")
            continue
        shown = normpath(join(dirname(file), name))
        reader.findings += credentials(shown, text)
        yield from _lines(reader, path.parent, shown, hidden(text), inside | {path})


def logical_lines(text: str) -> list[str]:
    """The lines of a requirement file as pip reads them: joined where one goes on, without comments and blanks."""
    joined, before = list[str](), ""
    for line in text.splitlines():
        if line.endswith("\\") and not _COMMENT.match(line):
            before += line[:-1]
            continue
        joined.append(f"{before} {line}" if before and _COMMENT.match(line) else f"{before}{line}")
        before = ""
    joined.append(before)
    return [line for line in (_COMMENT.sub("", line).strip() for line in joined) if line]
