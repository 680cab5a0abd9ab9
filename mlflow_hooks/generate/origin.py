"""Which hook.yml something in the workspace was generated from, and whether that hook is still there.

What is deployed says it: a notebook in its heading, a job in its description. What belongs to a hook of another
project folder of this repository is as little stale as what belongs to one of these.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from mlflow_hooks.model import Hook
from mlflow_hooks.reading.hook_file import HOOK_FILE, read_hook

_FROM = re.compile(
    r"Generated (?:from `(.+?)` by `mlflow_hooks generate`|by mlflow_hooks from (.+?)): change it there\."
)


def hook_file(text: str) -> str:
    """The path of the hook.yml, from the top of its repository; "" where the text names none."""
    found = _FROM.search(text)
    if found is None:
        return ""
    # In a heading it stands in ASCII, see literal.one_line().
    path = PurePosixPath(found[2] or found[1].encode().decode("unicode_escape"))
    return str(path) if path.name == HOOK_FILE and not path.is_absolute() and ".." not in path.parts else ""


def hook_at(path: str, top: Path) -> Hook | None:
    """The hook of a hook.yml in this repository. None where there is no such file, or no hook in it."""
    there = top / path
    return read_hook(there.parent).hook if there.is_file() else None


def is_gone(path: str, name: str, top: Path) -> bool:
    """Whether the hook called `name`, which was in that hook.yml once, is not in it any more."""
    hook = hook_at(path, top)
    return hook.name not in ("", name) if hook is not None else not (top / path).is_file()
