"""The tests are tested: a safeguard that is taken away is missed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from support.sources import COLLECTED, reads_sources

from .mutants import HARMLESS, MUTANTS, ROOT, pytest_in, survived
from .mutation import Mutant
from .scenes import TORTURE
from .test_crashes import Property

QUICK = ("recovery looks at the wrong side",)


ALL = (*MUTANTS, HARMLESS)


@reads_sources
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_every_mutant_still_changes_something(mutant: Mutant) -> None:
    """Each mutant is made for the package as it is now, and is Python."""
    file, place = mutant.changed(ROOT / mutant.package)
    compile(ast.unparse(place), file, "exec")


def test_every_mutant_names_tests_that_there_are(request: pytest.FixtureRequest) -> None:
    """None waits for a test that was renamed: it would be killed by nothing, and nobody would hear of it."""
    tests, files = [name.lower() for name in request.config.stash[COLLECTED]], {one.where for one in MUTANTS}
    if not files <= {name.partition("::")[0] for name in tests}:  # only some of all tests are run
        ran = pytest_in(ROOT, "--collect-only", *files)
        assert ran.returncode == 0, ran.stdout
        tests = ran.stdout.lower().splitlines()
    for mutant in MUTANTS:
        chosen = Expression.compile(mutant.tests)
        names = [name for name in tests if name.startswith(mutant.where)]
        assert any(chosen.evaluate(lambda word, name=name, **_: word.lower() in name) for name in names), mutant.name


def _mutated(folder: Path, place: str, old: str, new: str) -> tuple[str, str]:
    file, text = Mutant("", place, old, new, "", "").applied(folder)
    return file.relative_to(folder).as_posix(), text


def test_a_mutant_finds_code_wherever_it_is(tmp_path: Path) -> None:
    """Neither its module counts, nor its layout."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room/one.py").write_text(
        "class A:\n    def b(self):\n        return safe(  # why\n            self)\n"
    )
    assert _mutated(tmp_path, "A.b", "safe(self)", "True") == (
        "room/one.py",
        "class A:\n\n    def b(self):\n        return True\n",
    )


def test_a_mutant_drops_statements_and_leaves_the_rest(tmp_path: Path) -> None:
    """A body that is left out is taken over as it is."""
    (tmp_path / "one.py").write_text("def a():\n    check()\n    with lock:\n        b()\n        c()\n")
    assert _mutated(tmp_path, "a", "check()\nwith lock:\n    ...", "if True:\n    ...") == (
        "one.py",
        "def a():\n    if True:\n        b()\n        c()\n",
    )


def test_places_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    """The place is the one that holds what is to be replaced; where two do, there is no telling."""
    (tmp_path / "one.py").write_text("def a():\n    return first(both)\n")
    (tmp_path / "two.py").write_text("def a():\n    return second(both)\n")
    assert _mutated(tmp_path, "a", "second", "third") == ("two.py", "def a():\n    return third(both)\n")
    with pytest.raises(ValueError, match="2 places named a "):
        _mutated(tmp_path, "a", "both", "none")


@pytest.mark.parametrize(
    ("place", "old", "new"), [("gone", "1", "2"), ("a", "3", "4"), ("a", "1", "1"), ("a", "True", "2")]
)
def test_a_mutant_that_changes_nothing_is_refused(tmp_path: Path, place: str, old: str, new: str) -> None:
    """Be it that the place is gone, or what was in it, or that there is no difference."""
    (tmp_path / "one.py").write_text("def a():\n    return 1\n")
    with pytest.raises(ValueError, match="0 places"):
        _mutated(tmp_path, place, old, new)


@pytest.mark.long
@pytest.mark.parametrize(
    "mutant", [one for one in MUTANTS if TORTURE or one.name in QUICK], ids=lambda mutant: mutant.name.replace(" ", "-")
)
def test_a_mutant_is_killed(mutant: Mutant, record_property: Property) -> None:
    """The tests fail without the safeguard."""
    assert not survived(mutant)
    record_property("mutants killed", 1)
