"""What one write sends."""

from __future__ import annotations

from typing import NamedTuple

from databricks_sync.rules.journal import Content
from databricks_sync.rules.outcome import Outcome, Result


class Load(NamedTuple):
    """The bytes to send; of a notebook also packed, as somebody may want to merge with them one day."""

    raw: bytes
    content: Content | None

    def on(self, outcome: Outcome) -> Outcome:
        """The outcome with what was sent, if it was."""
        return outcome._replace(sent=self.content) if outcome.result is Result.DONE else outcome
