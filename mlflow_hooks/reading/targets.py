"""The targets of a hook.yml, such as dev, qa and prod: each replaces some of what the file says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .document import Reader
from .extends import merged

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_REFS = {"tag", "commit", "branch"}


def targets_of(reader: Reader) -> tuple[str, ...]:
    """The names of the file's targets; what is wrong with them is added to the findings of `reader`."""
    targets = reader.tree.get("targets") if isinstance(reader.tree, dict) else None
    names = []
    for name, values in targets.items() if isinstance(targets, dict) else ():
        if not _NAME.fullmatch(name):
            message = f"The name of the target {name!r} must begin with a-z and go on with a-z, 0-9, _ and -."
            reader.error(["targets", name], message, "Write qa:, for example.")
        elif values is not None and not isinstance(values, dict):
            message = f"targets.{name} must be a mapping of keys to values."
            reader.error(["targets", name], message, f"Write {name}: with the keys of hook.yml that differ below it.")
        else:
            names.append(name)
    return tuple(names)


def choose(reader: Reader, target: str) -> None:
    """Makes the file say what it says for one of its targets."""
    values: Mapping[str, Any] = reader.tree["targets"][target] or {}
    base = {key: value for key, value in reader.tree.items() if key != "targets"}
    git = values.get("git")
    if isinstance(git, dict) and isinstance(base.get("git"), dict) and _REFS & git.keys():
        base["git"] = {key: value for key, value in base["git"].items() if key not in _REFS}
    for key in values.keys() & {"extends", "targets"}:
        reader.error(["targets", target, key], f"A target has no {key}: of its own.", "Write it at the top.")
    reader.tree = merged(base, values)
    reader.document = reader.document.within("targets", target)
