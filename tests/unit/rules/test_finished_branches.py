"""Which branches are over, from what git knows of them."""

from __future__ import annotations

import pytest

from databricks_sync.rules.finished_branches import Branch, over


@pytest.mark.parametrize(
    ("branch", "reason"),
    [
        (None, "there is no such branch any more"),
        (Branch("b"), ""),
        (Branch("b", merged="main"), "merged into main"),
        (Branch("b", upstream_gone=True), "its branch at the remote is gone"),
        (Branch("b", merged="main", upstream_gone=True), "merged into main"),
        (Branch("b", merged="main", upstream_gone=True, checked_out=True), ""),
        (Branch("b", merged="b", upstream_gone=True, default=True), ""),
    ],
)
def test_over(branch: Branch | None, reason: str) -> None:
    """A branch is over when git knows a merge of it or that it was deleted; the default one and those in use never."""
    assert over("b", {"b": branch} if branch else {}) == reason
