from __future__ import annotations

from collections.abc import Iterator

import pytest

from .stage import Stage, staged


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The workspace in which projects are run, by hooks and from a desk."""
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage
