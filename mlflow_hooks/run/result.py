"""How a run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `run_id`: "" where there is none in MLflow; `output`: what it printed last, where it failed."""

    run_id: str
    succeeded: bool
    shown: str
    output: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    address: str = ""  # its page, where that outlives the command
