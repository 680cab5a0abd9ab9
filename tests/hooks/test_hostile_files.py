"""Files of a hook that nobody wrote by hand: each ends in findings, none in a report of a crash, and none is quoted."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.variants import thinned

from mlflow_hooks.cli import mlflow_hooks

from .test_check import PLAIN_FILES
from .work import CLUSTER, FILES, HOOK, repository, write

LAUGHS = "a: &a [x, x]\n" + "".join(f"{one}: &{one} [{f'*{last}, ' * 10}]\n" for last, one in pairwise("abcdefgh"))
HOSTILE = {
    "deep JSON": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "deep lists": "[" * 2_000,
    "deep YAML": "\n".join(f"{' ' * level}a:" for level in range(900)),
    "aliases": LAUGHS,
    "an alias of itself": "a: &a [*a]\n",
    "a chain of aliases": "a0: &a0 x\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(3_000)),
    "a large number": '{"num_workers": 1' + "0" * 30 + "}",
    "a huge number": '{"num_workers": ' + "9" * 10_000 + "}",
    "no number": '{"azure_attributes": {"spot_bid_max_price": 1e999}}',
    "called a number": 'name: !!int "[[[["\ntimeout: !!bool "{a: *x}"\npoll: !!float "-"\n',
    "sixties": "name: 1" + ":59" * 5_000 + "\n",
    "a program": "name: !!python/object/apply:os.system ['exit 7']\n",
    "large": "#" * 1_000_001,
    "bytes": "\x00\x01\ufffe",
}

NAMES = ("hook.yml", "MLproject", "cluster.json", "env.yaml")
CASES = {f"{kind} in {name}": (name, text) for kind, text in HOSTILE.items() for name in NAMES}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("hostile"))


def said(root: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code and all that `check` and `generate` say of the project with these files."""
    monkeypatch.chdir(root)
    folder = root / "projects" / "Demo"
    try:
        write(folder, files)
        ran = [CliRunner().invoke(mlflow_hooks, words) for words in (("check",), ("generate", "--check"))]
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        write(folder, FILES)
    return ran[0].exit_code, "".join(one.output for one in ran)


@pytest.mark.parametrize("case", thinned(CASES))
def test_each_ends_in_findings(root: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file is deep, huge, an alias of itself or a lie about its types: it ends in findings."""
    name, text = CASES[case]
    code, told = said(root, {**(PLAIN_FILES if name == "env.yaml" else {}), name: text}, monkeypatch)
    assert code == 1 and "unexpected" not in told and ": error: " in told, told


def test_script(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that Python itself cannot read is a finding, too."""
    code, told = said(root, {"demo.py": "x = " + "-" * 200_000 + "1\n"}, monkeypatch)
    assert code == 1 and "unexpected" not in told and "not Python" in told


ENTRA = "abc8" + "Q~" + "x1.Y2-z3_W4" * 3
PLAIN = "hunter2-of-nobody"
MISPLACED = {
    "a mapping written as text": {"cluster.json": json.dumps({**CLUSTER, "spark_env_vars": f"PASSWORD={PLAIN}"})},
    "inside of the wrong kind": {"cluster.json": json.dumps({**CLUSTER, "num_workers": {"p": PLAIN}})},
    "in a list of texts": {"cluster.json": json.dumps({**CLUSTER, "spark_conf": {"p": [PLAIN]}})},
    "for the name of a secret": {
        "hook.yml": HOOK.replace("tag: v1.0", f"tag: v1.0\n  secret: {{scope: s, key: {PLAIN}!}}")
    },
    "one that has a form": {"cluster.json": json.dumps({**CLUSTER, "data_security_mode": ENTRA})},
    "one where a name belongs": {"hook.yml": HOOK.replace("tag: v1.0", f"tag: v1.0\n  provider: {ENTRA}")},
}


@pytest.mark.parametrize("files", MISPLACED.values(), ids=MISPLACED.keys())
def test_misplaced(root: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding does not repeat a secret that stands where something else belongs."""
    code, told = said(root, files, monkeypatch)
    assert code == 1 and PLAIN not in told and ENTRA not in told and ENTRA[8:] not in told, told
