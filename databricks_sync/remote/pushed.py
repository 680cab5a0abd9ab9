"""What the note on a target says of the last push of all of it: which commit, by whom, when. Pure.

Only data: anybody may write there, so what is read back is shown, and asked of git where it can be a commit, and
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from databricks_sync.rules.ci_run import shown

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST = 300
_LATEST = 2**40  # seconds since 1970; a time after that is none


class Pushed(NamedTuple):
    """The last push of all of a target. `at`: seconds since 1970, by the clock of who pushed."""

    commit: str = ""  # "" where there was none yet
    clean: bool | None = None  # whether what was pushed was all committed; None where git was not to be asked
    by: str = ""  # the login name and the machine
    at: int = 0
    run: str = ""  # the address of the CI's run, if it was one

    def fields(self) -> dict[str, object]:
        """As it stands in the note."""
        return {name: value for name, value in self._asdict().items() if value not in ("", None)}


def from_fields(fields: object) -> Pushed | None:
    """What a note says; None where that is nothing, and each thing that cannot be is left out."""
    if not isinstance(fields, Mapping):
        return None
    commit, clean, at = fields.get("commit"), fields.get("clean"), fields.get("at")
    return Pushed(
        commit=commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else "",
        clean=clean if isinstance(clean, bool) else None,
        by=_text(fields.get("by")),
        at=at if type(at) is int and 0 < at < _LATEST else 0,
        run=shown(_text(fields.get("run"))),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST else ""
