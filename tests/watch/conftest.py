from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from commands.conftest import person, project, pushed, workspace
from support.project import Project

from .world import Watching

__all__ = ["person", "project", "pushed", "workspace"]

if os.name == "nt":  # no Ctrl-C can be sent to these processes, and no terminal be opened for them
    collect_ignore_glob = ["test_*"]


@pytest.fixture
def watching(project: Project) -> Iterator[Callable[..., Watching]]:
    """Starts a watch, as `watching(command, *options)`; in the end each is stopped, and stops well."""
    started: list[Watching] = []

    def start(command: str = "to_databricks", *options: str, **how: object) -> Watching:
        started.append(Watching(project, command, *options, number=len(started), **how))  # type: ignore[arg-type]
        return started[-1]

    try:
        yield start
        for one in started:
            one.stop()
    finally:
        for one in started:
            one.kill()
