"""A command in a process of its own that need not import MLflow, which takes seconds: it is forked from one that has.

It waits for a word before it begins, so that its number can be given to whoever is to kill it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
_CONTEXT.set_forkserver_preload(["mlflow.projects", "mlflow_hooks.commands"])


def forked(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[BaseProcess, Connection]:
    """The process, which waits, and where it is told to begin. What it says goes into `folder`/../said."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_run, args=(theirs, list(words), str(folder), dict(environ)))
    process.start()
    return process, ours


def _run(begin: Connection, words: list[str], folder: str, environ: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    with Path("../said").open("a", encoding="utf-8") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.argv = ["mlflow_hooks", *words]
    begin.recv()
    from mlflow_hooks.cli import main

    main()
