"""What the server needs beside the commands: the extra `local`, which not every installation has."""

from __future__ import annotations

from importlib.util import find_spec

from .home import RefusedError

_NEEDED = ("httptools", "jinja2", "markdown_it", "packaging", "pygments", "starlette", "uvicorn")


def require() -> None:
    """Raises RefusedError when a package that the server needs is not installed."""
    if not all(find_spec(name) for name in _NEEDED):
        raise RefusedError(
            "The workspace on this machine is not installed.", "Type: pip install 'databricks-branch-sync[local]'"
        )
