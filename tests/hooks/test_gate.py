"""What a gate lets pass, where an alias goes back to, and what `check` says of `promote:`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlflow_hooks.rules.gate import below, shown, worse
from mlflow_hooks.rules.promotions import Act, Record, in_use, taken_back
from mlflow_hooks.schema import Bound, Gate, Promotion

from .test_check import findings
from .work import HOOK, MLPROJECT, repository

NAN = float("nan")
BELOW = [
    (Bound(at_most=60.0), 60.0, ""),
    (Bound(at_most=60.0), 60.5, "rmse is 60.5, and must be at most 60."),
    (Bound(at_least=0.4), 0.4, ""),
    (Bound(at_least=0.4), 0.3, "rmse is 0.3, and must be at least 0.4."),
    (Bound(better="lower"), None, "rmse is not known."),
    (Bound(at_most=60.0), NAN, "rmse is not known."),
]
WORSE = [
    ("lower", 50.0, 55.0, True),
    ("lower", 55.0, 55.0, False),
    ("higher", 0.6, 0.5, True),
    ("higher", 0.5, 0.6, False),
    ("lower", 50.0, None, False),
    ("lower", 50.0, NAN, False),
]


@pytest.mark.parametrize(("bound", "value", "reason"), BELOW)
def test_bounds(bound: Bound, value: float | None, reason: str) -> None:
    """A version passes on its bounds; one of which a metric is missing, or is no number, never does."""
    assert below(Gate(metrics={"rmse": bound}), {"rmse": value}) == [reason] * bool(reason)
    assert shown("rmse", Bound(at_most=60.0, better="lower")) == (
        "rmse at most 60 and lower than that of the version in use"
    )


@pytest.mark.parametrize(("better", "value", "other", "passes"), WORSE)
def test_beside_the_version_in_use(better: str, value: float, other: float | None, passes: bool) -> None:
    """A version passes only where it is better; what is equal, or cannot be compared, is not."""
    gate = Gate.model_validate({"metrics": {"rmse": {"better": better}, "r2": {"at_least": "0"}}})
    assert (worse(gate, {"rmse": value}, {"rmse": other}) == []) is passes


def moved(act: str, before: str, version: str, status: str = "FINISHED") -> Record:
    return Record("run", Act(act), version, before, status)


A, B, C = moved("promote", "", "1"), moved("promote", "1", "2"), moved("promote", "2", "3")
BACK = moved("rollback", "3", "2")
IN_USE = [
    ((), []),
    ((A, B, C), ["1", "2", "3"]),
    ((A, B, C, BACK), ["1", "2"]),
    ((A, B, C, BACK, moved("rollback", "2", "1")), ["1"]),
    ((A, B, C, BACK, moved("promote", "2", "4")), ["1", "2", "4"]),
    ((B, moved("promote", "2", "3", "FAILED")), ["1", "2"]),  # 1 was in use before there was any record
    ((A, moved("promote", "7", "8")), ["1", "7", "8"]),  # somebody has moved the alias to 7 by hand
    ((A, moved("promote", "1", "1")), ["1"]),
]


@pytest.mark.parametrize(("records", "versions"), IN_USE)
def test_what_was_in_use(records: tuple[Record, ...], versions: list[str]) -> None:
    """Who goes back twice goes back two versions; what did not move the alias does not count."""
    assert in_use(records) == versions


def test_what_was_taken_back() -> None:
    """It counts until somebody promotes it again."""
    assert taken_back((A, B, C, BACK)) == {"3"}
    assert taken_back((A, B, C, BACK, moved("promote", "2", "3"))) == set()
    assert taken_back((A, B, C, moved("rollback", "3", "2", "KILLED"))) == set()


GOOD = "promote:\n  model: main.default.demo\n"
GATE = f"{GOOD}  gate: {{entry_point: judge, metrics: {{rmse: {{better: lower}}}}}}\n"
TARGETS = "targets:\n  qa: {}\n"
JUDGE = (
    MLPROJECT + "  judge:\n    parameters:\n      model: {type: string}\n    command: python demo.py --model {model}\n"
)
RULES = [
    (GOOD, MLPROJECT, ""),
    (GATE, JUDGE, ""),
    (GOOD + "  from: qa\n" + TARGETS, MLPROJECT, ""),
    ("promote:\n", MLPROJECT, "promote has no model."),
    ("promote: {model: demo}\n", MLPROJECT, "demo is a model of the workspace's own registry, which has no aliases."),
    ("promote: {model: 'a b'}\n", MLPROJECT, "promote.model must be the name of a registered model."),
    (GOOD + "  alias: v2\n", MLPROJECT, "MLflow refuses the alias v2."),
    (GOOD + "  alias: challenger\n", MLPROJECT, "The version to promote has the same alias as the one in use"),
    (GOOD + "  from: qaa\n" + TARGETS, MLPROJECT, "There is no target 'qaa'. Write qa."),
    (GOOD + "targets:\n  qa: {promote: {from: qa}}\n", MLPROJECT, "qa cannot be promoted from itself."),
    (GOOD + "  form: qa\n", MLPROJECT, "promote has no key 'form'. Write from."),
    (GATE, MLPROJECT, "Demo has no entry point 'judge'."),
    (GATE.replace("judge", "main"), MLPROJECT, "The entry point main has no parameter model"),
    (GATE.replace("entry_point: judge, ", ""), MLPROJECT, "nothing says that both saw the same data."),
    (GATE.replace("better: lower", ""), JUDGE, "rmse may be whatever it is, so the gate lets every version pass."),
    (GATE.replace("better: lower", "better: less"), JUDGE, "better must be 'lower' or 'higher', not 'less'."),
    (GATE.replace("better: lower", "at_most: few"), JUDGE, "promote.gate.metrics.rmse.at_most must be a number"),
    (GATE.replace("better: lower", "at_most: nan"), JUDGE, "promote.gate.metrics.rmse.at_most must be a number"),
    (GOOD + "  gate: {entry_point: judge}\n", JUDGE, "judge judges versions, but no metric decides."),
    (GATE, JUDGE.replace("demo.py --model", "gone.py --model"), "The command runs gone.py, but projects/Demo has no"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose project the tests break and mend."""
    return repository(tmp_path_factory.mktemp("gate"))


@pytest.mark.parametrize(("text", "mlproject", "expected"), RULES)
def test_rules(root: Path, text: str, mlproject: str, expected: str) -> None:
    """What could never be promoted is found, and nothing else is."""
    to = "qa" if "qa: {promote" in text else ""
    found = findings(root, {"hook.yml": HOOK + text, "MLproject": mlproject}, to)
    said = [f"{one.message} {one.remedy}" for one in found]
    said = [line for line in said if "differ" not in line]  # from what git has
    assert any(expected in line for line in said) if expected else said == []


def test_the_manual(root: Path) -> None:
    """What docs/hooks.md shows has every key, and no mistake."""
    page = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
    _, _, after = page.partition("## Promotion\n")
    (shown,) = re.findall(r"```yml\n(.*?)```", after.partition("\n## ")[0], re.S)
    mlproject = JUDGE.replace("  judge:", "  evaluate:")
    for to in ("", "qa", "prod"):
        assert findings(root, {"hook.yml": HOOK + shown, "MLproject": mlproject}, to)[1:] == []  # it differs from git's
    keys = set(re.findall(r"(\w+):", shown))
    assert {*Promotion.by_key(), *Gate.by_key(), *Bound.by_key()} - keys == set()
