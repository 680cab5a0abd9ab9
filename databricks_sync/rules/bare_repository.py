"""Which files make a folder look like a git repository to git. Pure.

SOURCE: git's is_git_directory() in setup.c, asked of every folder from the current one upwards: `HEAD`, and `objects`
and `refs`, or `commondir` to name a folder with these two. What the `config` in it says is then run, by the person's
prompt and editor too. On Windows also files pass for `objects` and `refs`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from .names import folded

_FILES = frozenset({"head", "commondir", "config"})
_FOLDERS = frozenset({"objects", "refs"})
_SOME = re.compile(rf"(?:^|/)(?:{'|'.join(sorted(_FILES | _FOLDERS))})(?:/|$)")


def made_by(paths: Iterable[str], standing: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """Those of `paths` that would be a part of such a folder if all of them were written -> that folder ("": the top).

    `standing` tells what is in a folder already, by name. Names are compared as on a disk that ignores case.
    """
    parts: dict[str, dict[str, str]] = defaultdict(dict)  # folder -> path -> the part of a repository it is
    spelled: dict[str, str] = {}
    for path in paths:
        if _SOME.search(folded(path)):
            names = path.split("/")
            for number, name in enumerate(names):
                part = folded(name)
                if part in _FOLDERS or (part in _FILES and number == len(names) - 1):
                    above = "/".join(names[:number])
                    parts[spelled.setdefault(folded(above), above)][path] = part
    return {
        path: folder
        for folder, found in parts.items()
        if _is_one({*found.values(), *(folded(name) for name in standing(folder))})
        for path in found
    }


def _is_one(names: set[str]) -> bool:
    return "head" in names and ("commondir" in names or names >= _FOLDERS)
