"""Which branches are over, as far as git knows: merged into the default branch, or deleted. Pure.

A squash or a rebase merge makes other commits, and is none to git. What then tells is that the branch was deleted: at
the remote, which `git fetch --prune` finds out, or here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Branch(NamedTuple):
    """A branch as git knows it, of this repository or else of one that it fetches from."""

    name: str
    default: bool = False
    checked_out: bool = False  # here, or in another work tree of the repository
    upstream_gone: bool = False  # since the last `git fetch --prune`
    merged: str = ""  # the default branch that has all its commits, if one does


def over(name: str, branches: Mapping[str, Branch]) -> str:
    """Why the branch `name` is over; "" where it is not. `branches`: all that there are, by name."""
    branch = branches.get(name)
    if branch is None:
        return "there is no such branch any more"
    if branch.default or branch.checked_out:
        return ""
    if branch.merged:
        return f"merged into {branch.merged}"
    return "its branch at the remote is gone" if branch.upstream_gone else ""
