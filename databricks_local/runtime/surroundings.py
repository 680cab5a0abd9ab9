"""The process of a notebook: what it changes there is as before when it has ended.

A notebook takes a process for its own: it changes the folder, the environment and the path, and imports what lies
beside it. A program that runs several in one process (pytest_plugin.py) gives each of them a process as if it were new,
except for packages of the installation: they stay imported, as some take seconds.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from .environment import kept

INSTALLED = {"site-packages", "dist-packages"}


@contextmanager
def restored(root: Path) -> Iterator[None]:
    """Leaves the process as it was, and forgets the modules of the project at `root` that were imported meanwhile."""
    cwd, path, argv = Path.cwd(), list(sys.path), list(sys.argv)
    out, err, modules = sys.stdout, sys.stderr, dict(sys.modules)
    importlib.invalidate_caches()
    try:
        with kept():
            yield
    finally:
        sys.stdout, sys.stderr = out, err
        sys.path[:], sys.argv[:] = path, argv
        os.chdir(cwd)
        for name in [name for name in sys.modules if name not in modules and _is_of_project(sys.modules[name], root)]:
            del sys.modules[name]
        sys.modules.pop("databricks.sdk.runtime", None)
        sys.modules.update(modules)


def hide_namesakes(folder: Path, root: Path) -> None:
    """Forgets modules of the project that have the name of one in `folder`, and lie elsewhere."""
    beside = {path.name.removesuffix(".py") for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in beside and _is_of_project(module, root):
            if folder not in _place(module).parents:
                del sys.modules[name]


def _is_of_project(module: ModuleType, root: Path) -> bool:
    place = _place(module)
    return root in place.parents and INSTALLED.isdisjoint(place.parts)


def _place(module: ModuleType) -> Path:
    """The file of a module, or its folder; none for what Python has built in."""
    names = getattr(module, "__dict__", {})  # to ask the module itself may import what it is lazy about
    return Path(names.get("__file__") or next(iter(names.get("__path__", ())), ""))
