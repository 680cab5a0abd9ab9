"""A notebook as a person sees it, and what he changes in it: one cell, every other byte as it was. Pure.

The text of a cell is what the web editor shows: magics (`%sql`, `%md`) without the comment signs that carry them
in a source file. A cell of an `.ipynb` keeps its outputs and metadata when its text changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.formats import jupyter, source

MARKDOWN = "MARKDOWN"

# Magic -> the language of what follows; %fs, %run, %pip and others are plain text.
MAGICS = {
    "%python": "PYTHON",
    "%sql": "SQL",
    "%scala": "SCALA",
    "%r": "R",
    "%sh": "SHELL",
    "%md": MARKDOWN,
    "%md-sandbox": MARKDOWN,
}
WRITTEN = {"PYTHON": "%python", "SQL": "%sql", "SCALA": "%scala", "R": "%r", "SHELL": "%sh", MARKDOWN: "%md"}


@dataclass(frozen=True, slots=True)
class PageCell:
    """`text` is what the editor shows, `body` what it says: for markdown, without its magic."""

    number: int
    language: str
    text: str
    body: str
    title: str | None = None
    outputs: tuple[Any, ...] = ()

    @property
    def fits_a_form(self) -> bool:
        """Whether a form can carry its text."""
        return fits_a_form(self.text)


class Source:
    """A notebook kept as source. Lines outside the changed cell stay."""

    def __init__(self, text: str, language: str) -> None:
        self.language = language
        self._prefix = source.PREFIXES[language]
        self._between = f"{self._prefix} COMMAND ----------"
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._spans = source.spans(self._lines, language)

    def cells(self) -> list[PageCell]:
        """All cells, numbered from 1."""
        return [self._cell(number, *span) for number, span in enumerate(self._spans, 1)]

    def changed(self, number: int, text: str) -> str:
        """The whole text with other text in one cell. Raises IndexError for a cell that is not there."""
        start, stop = self._spans[number - 1]
        first, last = source.trimmed(self._lines, start, stop)
        new = self._source_lines(text)
        if first == last:
            return self._replaced(start, stop, [*([""] if number > 1 else []), *new, ""])
        return self._replaced(first + (self._titled(first, last) is not None), last, new)

    def added(self, after: int, language: str, text: str) -> str:
        """A cell after another one; after 0 it becomes the first."""
        new = self._source_lines(with_magic(text, language, self.language))
        if after == 0:
            first = self._spans[0][0]
            return self._replaced(first, first, [*new, "", self._between, ""])
        stop = self._spans[after - 1][1]
        space = [""] if self._lines[stop - 1].strip() else []
        return self._replaced(stop, stop, [*space, self._between, "", *new, ""])

    def deleted(self, number: int) -> str:
        """The whole text without one cell."""
        start, stop = self._spans[number - 1]
        if number > 1:
            return self._replaced(start - 1, stop, [])
        following = self._spans[1:2]
        return self._replaced(start, source.trimmed(self._lines, *following[0])[0] if following else stop, [])

    def _titled(self, first: int, last: int) -> tuple[str, bool] | None:
        return source.titled(self._lines[first], self._prefix) if first < last else None

    def _cell(self, number: int, start: int, stop: int) -> PageCell:
        first, last = source.trimmed(self._lines, start, stop)
        title, is_shown = self._titled(first, last) or (None, True)
        lines = self._lines[first + (title is not None) : last]
        text = source.without_magic(lines, self._prefix)
        text = "\n".join(lines) if text is None else text
        return PageCell(number, *_read_magic(text, self.language), title if is_shown else None)

    def _source_lines(self, text: str) -> list[str]:
        lines = text.strip("\n").split("\n")
        if not lines[0].startswith("%"):
            return lines
        return [f"{self._prefix} MAGIC {line}" if line else f"{self._prefix} MAGIC" for line in lines]

    def _replaced(self, start: int, stop: int, new: Sequence[str]) -> str:
        return "\n".join([*self._lines[:start], *new, *self._lines[stop:]])


class Jupyter:
    """A notebook kept as `.ipynb`. Everything but the changed cell's text stays."""

    def __init__(self, content: bytes, language: str) -> None:
        self.language = language
        self._content = content

    def cells(self) -> list[PageCell]:
        """All cells, numbered from 1. Raises ApiError (400) for content that is no notebook."""
        return [
            PageCell(
                number,
                *self._read(cell.kind, cell.text.replace("\r\n", "\n")),
                title=cell.title if cell.title_shown else None,
                outputs=cell.outputs,
            )
            for number, cell in enumerate(jupyter.parse(self._content), 1)
        ]

    def changed(self, number: int, text: str) -> bytes:
        """The whole document with other text in one cell. Raises IndexError for a cell that is not there."""
        return self._saved(lambda cells: cells[number - 1].update(source=text.splitlines(keepends=True)))

    def added(self, after: int, language: str, text: str) -> bytes:
        """A cell after another one; after 0 it becomes the first."""
        new: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}
        if language != MARKDOWN:
            text = with_magic(text, language, self.language)
            new = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
            new["source"] = text.splitlines(keepends=True)
        return self._saved(lambda cells: cells.insert(after, new))

    def deleted(self, number: int) -> bytes:
        """The whole document without one cell."""
        return self._saved(lambda cells: cells.pop(number - 1))

    def _read(self, kind: str, text: str) -> tuple[str, str, str]:
        return (MARKDOWN, text, text) if kind == "markdown" else _read_magic(text, self.language)

    def _saved(self, change: Callable[[list[dict[str, Any]]], object]) -> bytes:
        return jupyter.changed(self._content, change)


def fits_a_form(text: str) -> bool:
    """Forms turn NUL and a lone CR into something else, and half a surrogate pair is no text at all."""
    return not any(sign in "\0\r" or "\ud800" <= sign <= "\udfff" for sign in text)


def with_magic(text: str, language: str, default: str) -> str:
    """The text of a new cell in a language that may not be the notebook's."""
    return text if language == default else f"{WRITTEN[language]}\n{text}"


def _read_magic(text: str, default: str) -> tuple[str, str, str]:
    """Language, text and body of a cell from the magic it begins with."""
    first, _, rest = text.partition("\n")
    word, _, inline = first.partition(" ")
    if not word.startswith("%"):
        return default, text, text
    language = MAGICS.get(word.strip().lower(), "TEXT")
    if language != MARKDOWN:
        return language, text, text
    return language, text, "\n".join(part for part in (inline, rest) if part)
