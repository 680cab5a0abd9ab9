"""Whether a package a notebook asks for is there: in the version it asks for, in this very Python."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import InvalidSpecifier, SpecifierSet

NAMED = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(.*)")


def lacking(requirement: str) -> str | None:
    """None when it is satisfied; else what is missing, in a sentence."""
    named = NAMED.fullmatch(requirement.strip().strip("'\""))
    if named is None:
        return f"'{requirement}' is not understood"
    name, specifier = named[1], named[2].partition(";")[0].strip()
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    if _satisfies(installed, specifier):
        return None
    return f"{name} is installed in version {installed}, not {specifier}"


def _satisfies(installed: str, specifier: str) -> bool:
    if not specifier:
        return True
    try:
        return SpecifierSet(specifier).contains(installed, prereleases=True)
    except InvalidSpecifier:
        return False
