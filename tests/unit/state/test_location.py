"""Where the record of a target lies."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from databricks_sync.model import TOP
from databricks_sync.state.location import record_folder


def test_each_target_of_each_project_has_its_own(tmp_path: Path) -> None:
    """Another host, target or project is another record."""
    hosts, targets = ["https://a", "https://b"], ["/Users/me/x", "/Users/you/x", "/Users/me/x/y"]
    names = {record_folder(tmp_path, *one) for one in product(hosts, targets, [TOP, "a", "b", "a/b"])}
    assert len(names) == 24 and all(path.parent == tmp_path for path in names)


@pytest.mark.parametrize(
    "target", ["/Users/me/..", "/Shared/a\nb", "/Shared/" + "x" * 500, "/Shared/ü:*?", "/Shared/a\udcff"]
)
def test_a_target_s_name_is_never_a_path(tmp_path: Path, target: str) -> None:
    """The folder of any target's record is one plain name."""
    one = record_folder(tmp_path, "h", target, TOP)
    one.mkdir()
    assert one.parent == tmp_path and len(one.name) < 60
