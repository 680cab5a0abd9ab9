"""How objects stand between the sides, by the plans of both directions."""

from __future__ import annotations

import pytest

from databricks_sync.model import Mode, Problem, Severity
from databricks_sync.rules.plan import TABLE, Step
from databricks_sync.rules.standing import Side, Standing, standings

# Each shape of the action table, and how `git status` would put it. Nothing is said of what both sides lack.
STANDS = {
    "--x": ("workspace", " A"),
    "-x-": ("local", "A "),
    "-xx": ("neither", "  "),
    "-xo": ("workspace", " A"),
    "-xy": ("both", "AA"),
    "bbb": ("neither", "  "),
    "bbo": ("workspace", " M"),
    "bob": ("local", "M "),
    "boo": ("local", "M "),
    "boy": ("workspace", " M"),
    "bo-": ("both", "MD"),
    "bby": ("workspace", " M"),
    "bb-": ("workspace", " D"),
    "bxb": ("local", "M "),
    "b-b": ("local", "D "),
    "bxx": ("neither", "  "),
    "bxo": ("workspace", " M"),
    "bxy": ("both", "MM"),
    "bx-": ("both", "MD"),
    "b-y": ("both", "DM"),
    "b--": None,
}


def standing(shape: str, problem: Problem | None = None) -> list[Standing]:
    """How the object of a shape stands."""
    steps = (Step("k", TABLE[shape][mode], shape, problem=problem) for mode in (Mode.PUSH, Mode.PULL))
    return standings(*([step] for step in steps))


@pytest.mark.parametrize("shape", TABLE)
def test_every_row(shape: str) -> None:
    """For each row of the action table the two plans agree on whose change it is, and on git's letters for it."""
    assert [(stands.side.value, stands.letters) for stands in standing(shape)] == [*filter(None, [STANDS[shape]])]


@pytest.mark.parametrize(("severity", "letters"), [(Severity.NOTE, "??"), (Severity.REFUSED, "!!")])
def test_what_is_left_alone(severity: Severity, letters: str) -> None:
    """What no run would carry is on no side, whatever has changed, and says whether that is a refusal."""
    problem = Problem("notebooks/k.py", "is odd", severity=severity)
    (stands,) = standing("bxb", problem)
    assert (stands.side, stands.letters, stands.step.problem) == (Side.UNKNOWN, letters, problem)
