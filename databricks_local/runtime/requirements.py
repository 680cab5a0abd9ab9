"""Whether a package a notebook asks for is there: in the version it asks for, in this very Python."""

from __future__ import annotations


def lacking(requirement: str) -> str | None:
    """None when it is satisfied; else what is missing, in a sentence."""
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        named = Requirement(requirement.strip().strip("'\""))
        installed = version(named.name)
    except InvalidRequirement:
        return f"'{requirement}' is not understood"
    except PackageNotFoundError:
        return f"{named.name} is not installed"
    if named.specifier.contains(installed, prereleases=True):
        return None
    return f"{named.name} is installed in version {installed}, not {named.specifier}"
