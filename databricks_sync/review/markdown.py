"""A review as Markdown, for a comment of a pull request or the summary of a job. Pure.

Whatever comes from a commit stands inside of <code>, as HTML, or in a fence that is longer than any in it: there it is
no markup, mentions nobody and links to nothing. What a CI would take for a command, where this text is printed into its
log, is broken by a blank.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from databricks_sync.errors import quantity
from databricks_sync.notebook.changes import CellChange
from databricks_sync.notebook.lines import Row, hunks, rows, signed
from databricks_sync.notebook.merge import Did

from .commits import Commits
from .comparison import FileReview
from .wording import did, kind, language, sentence, summary, titles, total

# SOURCE: a comment on GitHub has at most 65,536 characters ("body is too long"), one in Azure DevOps 150,000 ("A
# discussion comment cannot be longer"), a summary on GitHub 1 MiB: so the shortest of them, less room for a heading.
MOST = 65_000
_NAMES = 35_000  # of these, characters for the names of the files
_FEW = 3  # files that are shown unfolded
_LONGEST = 500  # characters of a line
_LEAST = 200  # characters that are left for what stands around a text, and for a line that says what is missing
_LEFT_OUT = "<p>… {} here: the text would be too long.</p>\n"
# Unicode's Default_Ignorable_Code_Point, which the agents, whose comparisons know of languages, pass over.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff"
)
# ##vso[ of Azure, ##[ of both, and :: of GitHub at the start of a line.
_HASHES = re.compile("#(?=X#X(?:\\[|vXsXo))".replace("X", f"[{_UNSEEN}]*"), re.IGNORECASE)
_COLONS = re.compile(f"^([\\s{_UNSEEN}]*):(?=[{_UNSEEN}]*:)", re.MULTILINE)


class MarkdownReview:
    """A review that grows file by file."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._kinds: Counter[str] = Counter()
        self._files: list[FileReview] = []
        self._bodies: list[str] = []

    def add(self, file: FileReview) -> None:
        """Adds the next file."""
        self._kinds[kind(file)] += 1
        self._files.append(file._replace(cells=tuple(file.changed)))
        self._bodies.append(_body(file, MOST))

    def text(self) -> str:
        """The whole review: no longer than MOST characters, and it says what is left out."""
        head = _head(self._commits, total(self._kinds))
        named = self._named()
        left = len(self._files) - len(named)
        room = MOST - _length(head) - sum(map(_frame, named)) - _LEAST
        bodies = self._bodies[: len(named)]
        shown = (
            _framed(file, body if _length(body) <= share else _body(file, share), is_open=len(self._files) <= _FEW)
            for file, body, share in zip(named, bodies, _shares([*map(_length, bodies)], room), strict=True)
        )
        return head + "".join(shown) + (_LEFT_OUT.format(f"{quantity(left, 'more file')} not named") if left else "")

    def _named(self) -> list[FileReview]:
        """The files for whose names there is room."""
        named, room = [], _NAMES
        for file in self._files:
            room -= _frame(file)
            if room < 0:
                break
            named.append(file)
        return named


def _head(commits: Commits, files: str) -> str:
    both = ((commits.base_name, commits.base), (commits.head_name, commits.head))
    names = " → ".join(f"{_code(name)} ({hash[:10]})" for name, hash in both)
    return f"### Notebook review\n\n<p>{files}: {names}</p>\n\n"


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """How much of the room each gets: the small ones all that they need, the others equally much of the rest."""
    shares = [0] * len(sizes)
    for place, number in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[number] = min(sizes[number], room // (len(sizes) - place))
        room -= shares[number]
    return shares


def _framed(file: FileReview, body: str, *, is_open: bool) -> str:
    name = f"<b>{_code(file.path)}</b>"
    if file.path != file.old_path:
        name = f"{_code(file.old_path)} → {name}"
    title = f"{name} — {summary(file)}"
    look = " open" if is_open else ""
    return _inert(f"<details{look}><summary>{title}</summary>\n\n") + f"{body}</details>\n\n"


def _frame(file: FileReview) -> int:
    """The characters that its name takes, and a line that says what is missing."""
    return _length(_framed(file, _LEFT_OUT, is_open=True)) + len(str(len(file.cells))) + 20


def _body(file: FileReview, room: int) -> str:
    """What there is to say about a file, in this many characters and a line that says what is missing."""
    parts = [_inert(f"<p>{_plain(sentence(note))}</p>\n\n") for note in file.notes]
    if sum(map(_length, parts)) > room:
        parts = []
    for number, cell in enumerate(file.changed):
        shown = _cell(cell, room - sum(map(_length, parts)))
        if not shown:
            parts.append(_LEFT_OUT.format(f"{quantity(len(file.changed) - number, 'more cell')} not shown"))
            break
        parts.append(shown)
    return "".join(parts)


def _cell(cell: CellChange, room: int) -> str:
    """A cell in no more than this many characters; "" where even its heading has more."""
    lines = list(_lines(hunks(rows(*cell.texts)))) if cell.did is not Did.MOVED else []
    kept: list[str] = []
    size = _length(heading := _heading(cell)) + _LEAST
    if size > room:
        return ""
    for line in lines:
        size += _length(line) + 1
        if size > room:
            break
        kept.append(line)
    rest = _LEFT_OUT.format(f"{quantity(len(lines) - len(kept), 'more line')} not shown")
    return _inert(heading + _fenced("\n".join(kept))) + (rest if len(kept) < len(lines) else "")


def _heading(cell: CellChange) -> str:
    if not cell.number:
        return ""
    title = " →".join(f" {_code(_cut(title))}" for title in titles(cell))
    return f"<p><b>Cell {cell.number}</b>{title} · {_code(_cut(language(cell)))} · {did(cell)}</p>\n\n"


def _fenced(text: str) -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}diff\n{text}\n{fence}\n\n" if text else ""


def _lines(groups: Sequence[Sequence[Row]]) -> Iterator[str]:
    for number, group in enumerate(groups):
        start = group[0].number_after or group[0].number_before
        if number or (start or 0) > 1:
            yield f"@@ line {start} @@"
        yield from (f"{sign}{_cut(text)}" for sign, text in signed(group))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} … {len(line) - _LONGEST:,} more characters"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _plain(text: str) -> str:
    """Text that stands by itself: it mentions nobody."""
    return escape(text).replace("@", "@\u200b")


def _inert(text: str) -> str:
    """The text without what a CI would take for a command."""
    return _COLONS.sub(r"\1: ", _HASHES.sub("# ", text)) if "#" in text or ":" in text else text


def _length(text: str) -> int:
    """The characters as a service counts them, of which some are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
