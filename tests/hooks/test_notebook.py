"""The generated notebook: its cells compile, its code is the same for every hook, and values stay values."""

from __future__ import annotations

import ast
import base64
import os
import shlex
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local import source
from databricks_local.notebook_cells import Step, steps
from mlflow_hooks.literal import literal
from mlflow_hooks.model import DEFAULT_MLFLOW, Cluster, GitSource, Hook, Parameter, Result, Secret
from mlflow_hooks.notebook import config, notebook
from mlflow_hooks.stamp import is_intact

from .samples import HOOK, HOOKS, NOWHERE, PROJECT, hook

HOSTILE = [
    '"""',
    "'''; import os; '''",
    '"\\',
    "\\",
    "a\n# COMMAND ----------\nimport os",
    "a\r# MAGIC %sh rm -rf /",
    "${secrets.x}",
    "{{job.id}}",
    "{x!r}",
    "%pip install evil",
    '"@CONFIG@"',
    "@TITLE@@MLFLOW@",
    "\u2028# COMMAND ----------\u2029",
    "\x00\x1b]0;title\x07",
    "`--><script>alert(1)</script>",
    "\ud800",
    "mlflow_hooks sha256:" + "0" * 64,
    "日本語 😀",
]


def cells(text: str) -> list[Step]:
    return [step for step in steps(source.parse(text, "PYTHON")) if step.kind != "nothing"]


def config_of(text: str) -> object:
    """What the notebook's code will find, read without running anything."""
    (cell,) = [step.text for step in cells(text) if step.text.startswith("CONFIG = ")]
    (assignment,) = ast.parse(cell).body
    assert isinstance(assignment, ast.Assign)
    return ast.literal_eval(assignment.value)


def code_of(text: str) -> list[str]:
    """All cells but the literal."""
    return [step.text for step in cells(text) if not step.text.startswith("CONFIG = ")]


def hostile(value: str) -> Hook:
    """A hook which says this everywhere."""
    return hook(
        git=GitSource(value, value, provider=value, secret=Secret(value, value, value, value), widget=True),
        experiment=value,
        entry_point=value,
        parameters=(Parameter("word", value, value, value, widget=True), Parameter(value, value=value)),
        result=Result((value,), (value,)),
        project=replace(PROJECT, subfolder=value, cluster=Cluster(NOWHERE, {"spark_conf": {value: value}})),
        schedule=None,
    )


@pytest.mark.parametrize("name", HOOKS)
def test_cells(name: str) -> None:
    """Every cell is one magic, or Python that every supported version compiles; the restart comes before the names."""
    found = cells(notebook(HOOKS[name]))
    assert [step.kind for step in found[:2]] == ["pip", "python"]
    assert found[0].text.endswith(f"install --quiet mlflow-skinny=={DEFAULT_MLFLOW}")
    assert found[1].text.strip() == "dbutils.library.restartPython()"
    for step in found[1:]:
        ast.parse(step.text, feature_version=(3, 10))


@pytest.mark.parametrize("name", HOOKS)
def test_form(name: str) -> None:
    """The text is stamped ASCII with one final newline, and the same each time."""
    text = notebook(HOOKS[name])
    assert text.startswith("# Databricks notebook source\n# MAGIC %md ") and text.isascii()
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert is_intact(text) and text == notebook(HOOKS[name])


def test_config() -> None:
    """All that differs between two hooks is one literal, and it says what the hook says."""
    assert config_of(notebook(HOOK)) == config(HOOK)
    assert len({tuple(code_of(notebook(one))) for one in HOOKS.values()}) == 1


def test_pin() -> None:
    """The release that hooks install by default is the one that was installed here, from an index."""
    assert version("mlflow-skinny") == DEFAULT_MLFLOW


def test_shapes() -> None:
    """MLflow gets the bare cluster for a Spark job and a wrapped one for a plain project, whatever the file has."""
    assert config(HOOK)["backend_config"] == PROJECT.cluster.spec  # type: ignore[union-attr]
    assert set(config(HOOKS["plain"])["backend_config"]) == {"new_cluster", "libraries"}


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(value: str) -> None:
    """A value that looks like code, a cell or a magic changes no line of code, and arrives as it is."""
    text = notebook(hostile(value))
    assert config_of(text) == config(hostile(value))
    assert code_of(text) == code_of(notebook(HOOK))
    assert is_intact(text)


@given(st.text() | st.sampled_from(HOSTILE).flatmap(lambda one: st.text().map(lambda more: more + one + more)))
def test_any_value(value: str) -> None:
    """Whatever text a value is, the code stays."""
    text = notebook(hostile(value))
    assert config_of(text) == config(hostile(value)) and code_of(text) == code_of(notebook(HOOK))


PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN_VALUES)
def test_literal(value: object) -> None:
    """A literal is read back as the value it was made of."""
    assert ast.literal_eval(literal(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_no_literal(value: object) -> None:
    """What has no literal is refused, not printed as a name."""
    with pytest.raises(TypeError):
        literal({"a": [value]})


class Dbutils:
    """As much of it as the functions of the notebook ask for: what callers set, and one secret."""

    def __init__(self, **given: str) -> None:
        self.widgets = self.secrets = self
        self._given = given

    def get(self, name: str, key: str = "") -> str:
        return "s3cret" if key else self._given.get(name, "")


def function(hook: Hook, name: str, **given: str) -> Callable[[], Any]:
    """One function of the notebook, with nothing of MLflow around it."""
    parsed = [node for step in cells(notebook(hook))[1:] for node in ast.parse(step.text).body]
    wanted = [node for node in parsed if isinstance(node, ast.FunctionDef) and node.name == name]
    modules = {"base64": base64, "os": os, "shlex": shlex, "urlsplit": urlsplit, "contextmanager": contextmanager}
    space: dict[str, Any] = {**modules, "CONFIG": config(hook), "dbutils": Dbutils(**given)}
    exec(compile(ast.Module(wanted, []), name, "exec"), space)
    found: Callable[[], Any] = space[name]
    return found


def test_git_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token joins what git was told before, for its host only, and is gone afterwards, also after a failure."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    before = dict(os.environ)
    secret = Secret("git", "token", username="me")
    private = hook(git=GitSource("https://org@git.example.com:8443/r", "v1", secret=secret))
    with pytest.raises(KeyError), function(private, "git_credentials")():
        said = {name: value for name, value in os.environ.items() if before.get(name) != value}
        raise KeyError
    assert said == {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
        "GIT_HTTP_LOW_SPEED_TIME": "60",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_1": "http.https://git.example.com:8443/.extraHeader",
        "GIT_CONFIG_VALUE_1": "Authorization: Basic " + base64.b64encode(b"me:s3cret").decode(),
    }
    assert dict(os.environ) == before


ASKED = [
    ({}, {"word": "hello", "count": "3"}),
    ({"word": "given"}, {"word": "given", "count": "3"}),
    ({"count": "9"}, {"word": "hello", "count": "3"}),  # callers may not set this one
]


@pytest.mark.parametrize(("given_by_caller", "parameters"), ASKED)
def test_parameters(given_by_caller: dict[str, str], parameters: dict[str, str]) -> None:
    """The project gets what the caller says where callers may, and else what hook.yml says."""
    assert function(HOOK, "asked_for", **given_by_caller)() == parameters


REFUSED = [
    (Parameter("word", widget=True), "", "word has no value"),
    (Parameter("word", "int", widget=True), "1.5", "invalid literal"),
    (Parameter("word", "float", widget=True), "x", "could not convert"),
    *((Parameter("word", widget=True), bad, "plain words") for bad in ("a b", "'a'", "a;b", "$(a)", "a\nb")),
]


@pytest.mark.parametrize(("parameter", "value", "words"), REFUSED)
def test_refused_parameters(parameter: Parameter, value: str, words: str) -> None:
    """What MLflow would tear apart, or the script refuse on a paid cluster, is refused before one starts."""
    with pytest.raises(ValueError, match=words):
        function(hook(parameters=(parameter,)), "asked_for", word=value)()


def test_plain_project_takes_any_text() -> None:
    """A plain project gets a value of any form: there MLflow quotes it for the shell that reads it."""
    plain = replace(HOOKS["plain"], parameters=(Parameter("word", widget=True),))
    assert function(plain, "asked_for", word="a 'b'; $c")() == {"word": "a 'b'; $c"}
