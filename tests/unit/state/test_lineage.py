"""The names of a record: the same where it was, another where it was copied to."""

from __future__ import annotations

from pathlib import Path

import pytest

from databricks_sync.state import lineage


def test_a_copy_has_another_name_and_what_was_put_back_the_same(tmp_path: Path) -> None:
    """The name follows from the root and the place alone, and is of neither, so that a note tells no path."""
    here, there = tmp_path / "one/state.db", tmp_path / "two/state.db"
    assert lineage.name("r", here) == lineage.name("r", here) != lineage.name("r", there)
    assert lineage.name("r", here) != lineage.name("s", here) and "one" not in lineage.name("r", here)
    assert len({"r", lineage.successor("r"), lineage.successor(lineage.successor("r"))}) == 3


def test_a_place_has_one_name_however_it_is_reached(tmp_path: Path) -> None:
    """Through a symbolic link it is the same place."""
    (tmp_path / "real").mkdir()
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    assert lineage.name("r", tmp_path / "link/state.db") == lineage.name("r", tmp_path / "real/state.db")
