"""What became of one step of a plan: done, left alone, failed, or put off. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from databricks_sync.errors import Again
from databricks_sync.model import Problem, Severity

from .journal import Advance, Content
from .plan import Step


class Result(str, Enum):
    """How one step ended."""

    DONE = "done"
    LEFT = "left"  # a conflict or a refusal: the problem says why
    FAILED = "failed"
    POSTPONED = "postponed"  # wants something else to be deleted first


class Outcome(NamedTuple):
    """What became of one step. `advance` is what both sides now hold; None while that is not known.

    `sent` is what a push sent of a notebook, until it is read back.
    """

    step: Step
    result: Result
    problem: Problem | None = None
    advance: Advance | None = None
    sent: Content | None = None


def done(step: Step, advance: Advance | None = None) -> Outcome:
    """The step was carried out and read back: `advance` is what both sides hold now."""
    return Outcome(step, Result.DONE, advance=advance)


def left(step: Step, what: str, hint: str = "") -> Outcome:
    """Nothing was written, and that is how it should be: `problem` says why."""
    return Outcome(step, Result.LEFT, Problem(step.path, what, hint, Severity.REFUSED))


def changed_locally(step: Step) -> Outcome:
    """Nothing was written: the file is not what was planned with."""
    return left(step, "was changed locally during the run", Again())


def postponed(step: Step, what: str, hint: str = "") -> Outcome:
    """Nothing was written yet: something else has to be deleted first."""
    return Outcome(step, Result.POSTPONED, Problem(step.path, what, hint, Severity.REFUSED))


def failed(step: Step, what: str, hint: str = "") -> Outcome:
    """The write failed, or it is not known whether it was applied."""
    return Outcome(step, Result.FAILED, Problem(step.path, what, hint, Severity.FAILED))
