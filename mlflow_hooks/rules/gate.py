"""What a version must pass before it is promoted, and whether it did. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from mlflow_hooks.schema import Bound, Gate

Metrics = Mapping[str, "float | None"]  # None, as a metric that is missing, is no number


def below(gate: Gate, candidate: Metrics) -> list[str]:
    """Why the version does not pass by its own metrics, a sentence for each."""
    return [reason for name, bound in gate.metrics.items() for reason in _bounds(name, bound, candidate.get(name))]


def worse(gate: Gate, candidate: Metrics, champion: Metrics) -> list[str]:
    """Why it does not pass beside the version in use, a sentence for each. What is equal is not better."""
    return [
        f"{name} is {_shown(candidate.get(name))}, not better than {_shown(champion.get(name))} of the version in use."
        for name, bound in gate.metrics.items()
        if bound.better and not _is_better(bound, candidate.get(name), champion.get(name))
    ]


def compares(gate: Gate) -> bool:
    """Whether it asks for the metrics of the version in use."""
    return any(bound.better for bound in gate.metrics.values())


def shown(name: str, bound: Bound) -> str:
    """What is asked of a metric, for people."""
    asked = [
        f"at most {bound.at_most:g}" if bound.at_most is not None else "",
        f"at least {bound.at_least:g}" if bound.at_least is not None else "",
        f"{bound.better} than that of the version in use" if bound.better else "",
    ]
    return f"{name} {' and '.join(filter(None, asked))}"


def _bounds(name: str, bound: Bound, value: float | None) -> Iterator[str]:
    if value is None or not math.isfinite(value):
        yield f"{name} is not known."
        return
    if bound.at_most is not None and not value <= bound.at_most:
        yield f"{name} is {value:g}, and must be at most {bound.at_most:g}."
    if bound.at_least is not None and not value >= bound.at_least:
        yield f"{name} is {value:g}, and must be at least {bound.at_least:g}."


def _is_better(bound: Bound, value: float | None, other: float | None) -> bool:
    if value is None or other is None or not (math.isfinite(value) and math.isfinite(other)):
        return False
    return value < other if bound.better == "lower" else value > other


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"
