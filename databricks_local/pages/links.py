"""Paths as links: how a place is called in an address, and the way up to the root. Pure."""

from __future__ import annotations

from databricks_local.core.paths import ALIAS, ancestors


def address(path: str) -> str:
    """A spelling that means exactly this object, also where a name looks like the alias."""
    return ALIAS + path if path == ALIAS or path.startswith(ALIAS + "/") else path


def trail(path: str) -> list[dict[str, str]]:
    """Name and address of each place from the root to the object itself."""
    above = ["/", *ancestors(path), *([path] if path != "/" else [])]
    return [{"name": place.rpartition("/")[2] or "Workspace", "address": address(place)} for place in above]
