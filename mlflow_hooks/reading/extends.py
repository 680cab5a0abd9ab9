"""A hook.yml that begins with what another file says: `extends: hook.yml`, for hooks that differ in a few values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from .document import Reader


def extend(reader: Reader, top: Path, around: tuple[Path, ...] = ()) -> None:
    """Adds what the file that `reader` names has and `reader` has not. `top`: of the repository.

    What is wrong is added to the findings of `reader`.
    """
    name = reader.tree.get("extends") if isinstance(reader.tree, dict) else None
    if not isinstance(name, str) or not name:
        return
    here = (*around, reader.path.resolve())
    path = (reader.path.parent / name).resolve()
    if path in here:
        reader.error(["extends"], f"{reader.name} extends itself.", "Name another file, or remove extends:.")
        return
    if top not in path.parents:
        message = f"{name} is not in this repository."
        reader.error(["extends"], message, "Write the path to a file here, such as hook.yml or ../common.yml.")
        return
    base = Reader(path, normpath(join(dirname(reader.name), name)))
    extend(base, top, here)
    reader.findings += base.findings
    if isinstance(base.tree, dict):
        reader.tree = merged(base.tree, reader.tree)
        reader.document = replace(reader.document, base=base.document)


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own`, with what only `base` has, section by section; a list and a single value are replaced as a whole."""
    tree = {**base, **own}
    for key in base.keys() & own.keys():
        if isinstance(base[key], dict) and isinstance(own[key], dict):
            tree[key] = merged(base[key], own[key])
    return tree
