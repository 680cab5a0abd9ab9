"""Which files a project carries beside what git says, by the patterns that it commits. Pure.

A pattern reads as a line of `.gitignore` does, and is relative to the project folder: `*.csv` and `scratch/` are found
at any depth, `notebooks/draft_*` and `/data` only there, and `**` stands for any number of folders. Unlike git's own, a
pattern of `exclude` is also about files that git tracks.

SOURCE: gitignore(5). Names are read as characters, where git reads bytes; classes such as `[[:alpha:]]` are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import cache, lru_cache

from databricks_sync.model import Patterns

_ANY = "**"
_UP = ".."  # a folder beside the project is reached through it; no wildcard stands for it
_QUOTED = re.compile(r"\\(.)")


def excluded(patterns: Patterns, path: str) -> bool:
    """Whether the file at `path`, relative to the project folder, is not carried."""
    return _found(patterns.exclude, path)


def included(patterns: Patterns, path: str) -> bool:
    """Whether it is carried, if git ignores it; `exclude` is the stronger one."""
    return _found(patterns.include, path) and not excluded(patterns, path)


def flaw(pattern: str) -> str:
    """Why `pattern` is none; empty when it is one."""
    if pattern.startswith("!"):
        return "begins with an exclamation mark: what git ignores is for include"
    return "" if pattern.strip("/ ") else "names nothing"


def _found(patterns: Sequence[str], path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return any(_matches(pattern, folder, name) for pattern in patterns)


def _matches(pattern: str, folder: str, name: str) -> bool:
    """Whether a file, or a folder that it is in, is meant."""
    places, end = _walked(pattern, folder), len(_segments(pattern))
    return places is None or (not pattern.endswith("/") and end in _after(pattern, places, name))


@lru_cache(maxsize=65536)  # many files lie in a folder
def _walked(pattern: str, folder: str) -> frozenset[int] | None:
    """How far a pattern is read on the way into a folder; None where that, or one around it, is meant.

    All ways to read it are followed at once, so that no pattern takes long.
    """
    places = _reached(pattern, {0})
    for name in folder.split("/") if folder else ():
        after = _after(pattern, places, name)
        if len(_segments(pattern)) in after:
            return None
        places = _reached(pattern, after)
    return places


def _after(pattern: str, places: Iterable[int], name: str) -> set[int]:
    """The places behind one more name."""
    segments = _segments(pattern)
    return {place if _stays(segments, place) else place + 1 for place in places if _fits(segments[place], name)}


def _reached(pattern: str, places: Iterable[int]) -> frozenset[int]:
    """The places, and those behind a `**` that stands for no folder at all."""
    segments, reached = _segments(pattern), set(places)
    for place in places:
        while _stays(segments, place):
            place += 1
            reached.add(place)
    return frozenset(reached)


def _stays(segments: Sequence[str], place: int) -> bool:
    return segments[place] == _ANY and place < len(segments) - 1  # the last one means what is inside


@cache
def _segments(pattern: str) -> tuple[str, ...]:
    inner = pattern.rstrip("/")
    return (_ANY, inner) if "/" not in inner else tuple(segment for segment in inner.split("/") if segment)


def _fits(segment: str, part: str) -> bool:
    if segment == _ANY:
        return True
    return part == segment if part == _UP else _regex(segment).match(part) is not None


@cache
def _regex(segment: str) -> re.Pattern[str]:
    """The stdlib's wildcards are git's, but for a backslash before what is meant literally."""
    plain = _QUOTED.sub(lambda match: f"[{match[1]}]" if match[1] in "*?[\\" else match[1], segment)
    return re.compile(translate(plain.replace("[^", "[!")))
