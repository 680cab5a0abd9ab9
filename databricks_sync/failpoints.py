"""The points of a run at which it may be killed: each has a name, and losing power there must lose nothing.

Production code only says that it has got there. The tests put a hook in, and stop the run, or the whole
process, at every one of them.
"""

from __future__ import annotations

from collections.abc import Callable

hook: Callable[[str], None] | None = None


def reached(label: str) -> None:
    """Says that the run has got to the point `label`. Raises what the hook of a test raises."""
    if hook is not None:
        hook(label)
