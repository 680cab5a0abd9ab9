"""Runs whose course a test chooses: those that never start, never end, or end without a result.

A rule is a JSON object:

    name      glob on the run's name; default: every run
    times     for at most so many runs
    state     {"life_cycle_state", "result_state"?, "state_message"?}: the run gets it at once and nothing is
              executed; PENDING and RUNNING last until the run is cancelled or times out
    refuse    {"status", "error_code", "message"}: submit and run-now are refused instead
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from databricks_local.core.errors import ApiError

from .runs import RunState

LIFE_CYCLES = ("PENDING", "RUNNING", "QUEUED", "TERMINATED", "SKIPPED", "INTERNAL_ERROR")


@dataclass(frozen=True, slots=True)
class RunOverride:
    """One rule; either a `state` or what to `refuse` with."""

    name: str = "*"
    times: int | None = None
    state: RunState | None = None
    refuse: Mapping[str, Any] | None = None


def override(document: Mapping[str, Any]) -> RunOverride:
    """A rule from JSON; ValueError says what is wrong with it."""
    if not isinstance(document, Mapping):
        raise ValueError("a rule is an object")
    unknown = sorted(set(document) - {"name", "times", "state", "refuse"})
    if unknown:
        raise ValueError(f"unknown key '{unknown[0]}'; there are: name, times, state, refuse")
    if ("state" in document) == ("refuse" in document):
        raise ValueError("a rule has either a state or a refusal")
    state = None
    if "state" in document:
        forced = document["state"]
        if not isinstance(forced, Mapping) or forced.get("life_cycle_state") not in LIFE_CYCLES:
            raise ValueError(f"state.life_cycle_state is one of {', '.join(LIFE_CYCLES)}")
        result = forced.get("result_state")
        if not isinstance(result, (str, type(None))):
            raise ValueError("state.result_state is a text")
        code = str(result) if result in ("SUCCESS", "CANCELED") else "INTERNAL_ERROR"
        state = RunState(str(forced["life_cycle_state"]), result, str(forced.get("state_message", "")), code)
    refuse, times = document.get("refuse"), document.get("times")
    if state is None and not (isinstance(refuse, Mapping) and refuse.get("status", 400) in range(400, 600)):
        raise ValueError("refuse is an object with a status from 400 to 599")
    if not isinstance(times, (int, type(None))):
        raise ValueError(f"times is a whole number, not {times!r}")
    return RunOverride(str(document.get("name", "*")), times, state, refuse)


class RunOverrides:
    """The rules in force; the first that concerns a run decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[RunOverride] = []
        self._used: list[int] = []

    def set(self, rules: Sequence[RunOverride]) -> None:
        """Replaces the rules in force."""
        with self._lock:
            self._rules, self._used = list(rules), [0] * len(rules)

    def of(self, name: str) -> RunState | None:
        """The state forced on a run of this name. Raises the refusal when one was chosen."""
        with self._lock:
            for number, rule in enumerate(self._rules):
                spent = rule.times is not None and self._used[number] >= rule.times
                if spent or not fnmatchcase(name, rule.name):
                    continue
                self._used[number] += 1
                if rule.refuse is not None:
                    raise _refusal(rule.refuse)
                return rule.state
        return None


def _refusal(refusal: Mapping[str, Any]) -> ApiError:
    code = str(refusal.get("error_code", "INVALID_PARAMETER_VALUE"))
    return ApiError(int(refusal.get("status", 400)), code, str(refusal.get("message", "Refused.")))
