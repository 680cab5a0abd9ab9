"""Tables of many rows that are alike, of which the short run takes a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

EACH = 3  # every so-manieth row is tried in the short run, and all are in the long one


def thinned(names: Iterable[str]) -> list[Any]:
    """The parameters of a test that is done for each of `names`."""
    return [pytest.param(name, marks=[pytest.mark.long] if n % EACH else []) for n, name in enumerate(names)]
