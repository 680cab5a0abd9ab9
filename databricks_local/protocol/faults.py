"""Bad days on request: which requests are hit, and by what. Pure; pipeline.py carries it out.

A rule is a JSON object:

    method, endpoint, object   whom it hits: exact method; glob patterns on the URL path and the object's path
    nth                        which of the matching requests, counted from 1: a number or a list
    every                      or every so-manieth
    times                      at most so often
    phase                      "before" (default) or "after" the change is applied
    action                     one of ACTIONS:

    {"kind": "answer", "status", "error_code", "message", "headers", "details", "body"}   `body` is raw text
    {"kind": "latency", "ms"}
    {"kind": "reset"}                       the connection is reset, no answer
    {"kind": "truncate", "keep"}            the answer breaks off after `keep` bytes (default: half)
    {"kind": "gzip"}                        the body is packed, and no header says so
    {"kind": "stale"}                       the answer is as of the moment the rule was set; reads only
    {"kind": "kill", "pid"}                 that process is killed
    {"kind": "edit", "edits": [edit, ...]}  another person edits (control.py) at this very moment
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ACTIONS = ("answer", "latency", "reset", "truncate", "gzip", "stale", "kill", "edit")
LONGEST_MS = 86_400_000
MAX_PID = 2**31 - 1
_NAME, _VALUE = re.compile(r"[A-Za-z0-9-]+"), re.compile(r"[ -~]*")
KEYS = ("method", "endpoint", "object", "nth", "every", "times", "phase", "action")


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom it hits, when, and with what: see the head of this file."""

    kind: str
    action: Mapping[str, Any]
    method: str | None = None
    endpoint: str = "*"
    object: str = "*"
    nth: frozenset[int] = field(default_factory=frozenset)
    every: int | None = None
    times: int | None = None
    phase: str = "before"

    def matches(self, method: str, endpoint: str, path: str) -> bool:
        """Whether it is about requests like this one; `path` is the object's."""
        return self.method in (None, method) and fnmatchcase(endpoint, self.endpoint) and fnmatchcase(path, self.object)

    def is_due(self, seen: int, applied: int) -> bool:
        """Whether the `seen`-th matching request is hit, after `applied` were."""
        if self.times is not None and applied >= self.times:
            return False
        if self.nth:
            return seen in self.nth
        return self.every is None or seen % self.every == 0


def rule(document: Mapping[str, Any]) -> Rule:
    """A rule from JSON; ValueError says what is wrong with it."""
    unknown = sorted(set(document) - set(KEYS))
    if unknown:
        raise ValueError(f"unknown key '{unknown[0]}'; there are: {', '.join(KEYS)}")
    action = document.get("action")
    if not isinstance(action, Mapping) or action.get("kind") not in ACTIONS:
        raise ValueError(f"action.kind is one of {', '.join(ACTIONS)}")
    _check_action(action)
    phase = document.get("phase", "before")
    if phase not in ("before", "after"):
        raise ValueError("phase is 'before' or 'after'")
    nth = document.get("nth", [])
    if not isinstance(document.get("method"), (str, type(None))):
        raise ValueError("method is a text")
    numbers = frozenset(_positive("nth", number) for number in (nth if isinstance(nth, list) else [nth]))
    every, times = document.get("every"), document.get("times")
    return Rule(
        kind=str(action["kind"]),
        action=action,
        method=document.get("method"),
        endpoint=str(document.get("endpoint", "*")),
        object=str(document.get("object", "*")),
        nth=numbers,
        every=None if every is None else _positive("every", every),
        times=None if times is None else _positive("times", times),
        phase=phase,
    )


def _check_action(action: Mapping[str, Any]) -> None:
    """What an action needs, so that a mistake shows here and not in some later request."""
    kind = action["kind"]
    ms = action.get("ms")
    if kind == "latency" and (not isinstance(ms, (int, float)) or not 0 <= ms <= LONGEST_MS):
        raise ValueError(f"a latency needs its ms, at most {LONGEST_MS}")
    if kind == "answer":
        _check_answer(action)
    if "keep" in action and (not isinstance(action["keep"], int) or action["keep"] < 0):
        raise ValueError("keep is a number of bytes")
    if kind == "kill" and _positive("pid", action.get("pid")) > MAX_PID:
        raise ValueError(f"pid is at most {MAX_PID}")
    edits = action.get("edits")
    if kind == "edit" and not (isinstance(edits, list) and all(_has_path(edit) for edit in edits)):
        raise ValueError("an edit action needs its list of edits, each with a path")


def _check_answer(action: Mapping[str, Any]) -> None:
    status, headers = action.get("status", 500), action.get("headers", {})
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError("status is a number from 200 to 599")
    if not isinstance(headers, Mapping) or not all(
        _NAME.fullmatch(name) and _VALUE.fullmatch(str(value)) for name, value in headers.items()
    ):
        raise ValueError("headers is an object of names and values, in ASCII")


def _has_path(edit: object) -> bool:
    return isinstance(edit, Mapping) and str(edit.get("path", "")).startswith("/")


def _positive(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} takes whole numbers from 1, not {value!r}")
    return value


class Faults:
    """The rules in force, each with its counts."""

    def __init__(self) -> None:
        self._rules: Sequence[Rule] = ()
        self._seen: list[int] = []
        self._applied: list[int] = []

    def set(self, rules: Sequence[Rule]) -> None:
        """Replaces the rules in force, and counts from 0 again."""
        self._rules = tuple(rules)
        self._seen = [0] * len(rules)
        self._applied = [0] * len(rules)

    def due(self, phase: str, method: str, endpoint: str, path: str) -> list[Rule]:
        """The rules that hit this request now; counts it."""
        due = []
        for number, rule in enumerate(self._rules):
            if rule.phase != phase or not rule.matches(method, endpoint, path):
                continue
            self._seen[number] += 1
            if rule.is_due(self._seen[number], self._applied[number]):
                self._applied[number] += 1
                due.append(rule)
        return due

    def counts(self) -> list[dict[str, Any]]:
        """The rules as the control endpoint shows them: requests `seen` that match, and `struck` of them."""
        return [
            {"action": dict(rule.action), "phase": rule.phase, "seen": seen, "struck": applied}
            for rule, seen, applied in zip(self._rules, self._seen, self._applied, strict=True)
        ]
