"""The tests are tested: a safeguard that is taken away is missed."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, ROOT, Mutant, survived
from .scenes import TORTURE
from .test_crashes import Property

QUICK = ("recovery looks at the wrong side",)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_every_mutant_still_changes_something(mutant: Mutant) -> None:
    """Each mutant is made for the package as it is now, and is Python."""
    folder = ROOT / "databricks_sync"
    text = mutant.applied(folder)
    assert text != (folder / mutant.file).read_text(encoding="utf-8")
    compile(text, mutant.file, "exec")


@pytest.mark.long
@pytest.mark.parametrize(
    "mutant", [one for one in MUTANTS if TORTURE or one.name in QUICK], ids=lambda mutant: mutant.name.replace(" ", "-")
)
def test_a_mutant_is_killed(mutant: Mutant, record_property: Property) -> None:
    """The tests fail without the safeguard."""
    assert not survived(mutant)
    record_property("mutants killed", 1)
