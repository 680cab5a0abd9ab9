"""The generated notebook: its cells compile, its code is the same for every hook, and values stay values."""

from __future__ import annotations

import ast
import base64
import copy
import json
import math
import os
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html import escape
from importlib.metadata import version
from types import SimpleNamespace as Some
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.formats import source
from databricks_local.runtime.notebook_cells import CellStep, steps
from mlflow_hooks.generate.notebook import config, notebook
from mlflow_hooks.generate.stamp import is_intact
from mlflow_hooks.model import Cluster, GitSource, Hook, Parameter, Step, StepValue, ValueKind
from mlflow_hooks.rules.parameters import TYPES, problem
from mlflow_hooks.schema import DEFAULT_MLFLOW, ResultKeys, Secret

from .samples import HOOK, HOOKS, NOWHERE, PLAIN, PROJECT, hook

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

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
    '\\"""',
    "@TITLE@@MLFLOW@",
    "\u2028# COMMAND ----------\u2029",
    "\x00\x1b]0;title\x07",
    "`--><script>alert(1)</script>",
    "\ud800",
    "mlflow_hooks sha256:" + "0" * 64,
    "日本語 😀",
]


CONFIG = 'import json\n\nCONFIG = json.loads(r"""{\n'


def cells(text: str) -> list[CellStep]:
    return [step for step in steps(source.parse(text, "PYTHON"), "PYTHON") if step.kind != "nothing"]


def config_and_code(text: str) -> tuple[object, list[str]]:
    """What the notebook's code will find, read without running anything, and all other cells."""
    code = [step.text for step in cells(text)]
    (settings,) = [cell for cell in code if cell.startswith(CONFIG)]
    code.remove(settings)
    _, assignment = ast.parse(settings).body
    assert isinstance(assignment, ast.Assign) and isinstance(assignment.value, ast.Call)
    return json.loads(ast.literal_eval(assignment.value.args[0])), code


@cache
def code() -> list[str]:
    """What is the same in every notebook."""
    return config_and_code(notebook(HOOK))[1]


def step_of(hook: Hook) -> dict[str, Any]:
    """The one step of a hook without steps, as its notebook knows it."""
    step: dict[str, Any] = config(hook)["steps"]["project"]
    return step


def hostile(value: str) -> Hook:
    """A hook which says this everywhere."""
    return hook(
        git=GitSource(
            value,
            value,
            provider=value,
            secret=Secret.model_construct(scope=value, key=value, username=value, username_key=value),
            widget=True,
        ),
        experiment=value,
        entry_point=value,
        parameters=(Parameter("word", value, value, value, widget=True), Parameter(value, value=value)),
        result=ResultKeys(metrics=(value,), tags=(value,)),
        project=replace(PROJECT, subfolder=value, cluster=Cluster(NOWHERE, {"spark_conf": {value: value}})),
        schedule=None,
    )


@pytest.mark.parametrize("name", HOOKS)
def test_cells(name: str) -> None:
    """Every cell is one magic, or Python that every supported version compiles; the restart comes before the names."""
    found = cells(notebook(HOOKS[name]))
    assert found[0].text == f"%pip install --quiet mlflow-skinny=={DEFAULT_MLFLOW}"
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
    """All that differs between hooks is one JSON text, and it says what the hook says."""
    for one in HOOKS.values():
        assert config_and_code(notebook(one)) == (config(one), code())


def test_pin() -> None:
    """The release that hooks install by default is the one that was installed here, from an index."""
    assert version("mlflow-skinny") == DEFAULT_MLFLOW


def test_shapes() -> None:
    """MLflow gets the bare cluster for a Spark job and a wrapped one for a plain project, whatever the file has."""
    assert step_of(HOOK)["backend_config"] == PROJECT.cluster.spec  # type: ignore[union-attr]
    assert set(step_of(HOOKS["plain"])["backend_config"]) == {"new_cluster", "libraries"}
    bare, wrapped = PROJECT.cluster, PLAIN.cluster
    assert step_of(hook(project=replace(PROJECT, cluster=wrapped)))["backend_config"] == wrapped.spec  # type: ignore[union-attr]
    other = step_of(hook(project=replace(PLAIN, cluster=bare)))["backend_config"]
    assert other == {"new_cluster": bare.spec, "libraries": []}  # type: ignore[union-attr]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(value: str) -> None:
    """A value that looks like code, a cell or a magic changes no line of code, and arrives as it is."""
    text = notebook(hostile(value))
    assert config_and_code(text) == (config(hostile(value)), code())
    assert is_intact(text)


@given(st.text() | st.sampled_from(HOSTILE).flatmap(lambda one: st.text().map(lambda more: more + one + more)))
def test_any_value(value: str) -> None:
    """Whatever text a value is, the code stays."""
    assert config_and_code(notebook(hostile(value))) == (config(hostile(value)), code())


class Dbutils:
    """As much of it as the functions of the notebook ask for: what callers set, and one secret."""

    def __init__(self, **given: str) -> None:
        self.widgets = self.secrets = self
        self._given = given

    def get(self, name: str, key: str = "") -> str:
        return "s3cret" if key else self._given.get(name, "")


class Clock:
    """Time that passes when somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def strftime(self, _: str) -> str:
        return "12:00:00"


def function(hook: Hook, name: str, *, others: Mapping[str, object] | None = None, **given: str) -> Callable[..., Any]:
    """One function of the notebook, among the others of it and what the standard library has, and `others`."""
    parsed = [node for step in cells(notebook(hook))[1:] for node in ast.parse(step.text).body]
    wanted = [node for node in parsed if isinstance(node, ast.FunctionDef)]
    modules = {one.__name__: one for one in (base64, copy, json, math, os, re, shlex)}
    names = {one.__name__: one for one in (contextmanager, escape, suppress, urlsplit)}
    space: dict[str, Any] = {**modules, **names, "time": Clock(), "CONFIG": config(hook), "dbutils": Dbutils(**given)}
    space |= others or {}
    exec(compile(ast.Module(wanted, []), name, "exec"), space)
    found: Callable[..., Any] = space[name]
    return found


def test_git_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token joins what git was told before, for its host only, and is gone afterwards, also after a failure."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    before = dict(os.environ)
    secret = Secret(scope="git", key="token", username="me")
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
    assert function(HOOK, "asked_for", **given_by_caller)(step_of(HOOK)) == parameters


REFUSED = [
    (Parameter("word", widget=True), "", "word has no value"),
    (Parameter("word", "int", widget=True), "1.5", "word must be of type int, not '1.5'"),
    (Parameter("word", "float", widget=True), "x", "word must be of type float"),
    (Parameter("word", "bool", widget=True), "1", "word must be of type bool"),
    (Parameter("word", "uri", widget=True), "/data", "word must be of type uri"),
    (Parameter("word", "path", "", widget=True), "", "word must be of type path"),
    *((Parameter("word", widget=True), bad, "must not have blanks") for bad in ("a b", "'a'", "a;b", "$(a)")),
    (Parameter("word", widget=True), "a\nb", "must not have a line break"),
]


@pytest.mark.parametrize(("parameter", "value", "words"), REFUSED)
def test_refused_parameters(parameter: Parameter, value: str, words: str) -> None:
    """What MLflow would tear apart, or the script refuse on a paid cluster, is refused before one starts."""
    wrong = hook(parameters=(parameter,))
    with pytest.raises(ValueError, match=words):
        function(wrong, "asked_for", word=value)(step_of(wrong))


def test_plain_project_takes_any_text() -> None:
    """A plain project gets a value of any form: there MLflow quotes it for the shell that reads it."""
    plain = replace(HOOKS["plain"], parameters=(Parameter("word", widget=True),))
    assert function(plain, "asked_for", word="a 'b'; $c")(step_of(plain)) == {"word": "a 'b'; $c"}
    with pytest.raises(ValueError, match="line break"):
        function(plain, "asked_for", word="a\rb")(step_of(plain))


VALUES = (
    "",
    "x",
    "1",
    " -1 ",
    "+1_0",
    "1_",
    "_1",
    "1__0",
    "0x1",
    "٣",
    "1.5",
    "1.",
    ".5",
    ".",
    "1e5",
    "1e-0_5",
    "e5",
    "1e",
)
VALUES += ("inf", "-Infinity", "nan", "infinit", "true", "No", "FALSE", "dbfs:/a", "dbfs:", "/a", ":", "1:2", "a b")


@pytest.mark.parametrize("kind", TYPES)
def test_callers_and_check_agree(kind: str) -> None:
    """What a caller may give is what `check` lets hook.yml say; a number is what Python takes for one."""
    parameter = Parameter("word", kind, widget=True)
    plain = replace(HOOKS["plain"], parameters=(parameter,))
    usable, step = function(plain, "usable"), step_of(plain)
    number: Callable[[str], object] = {"int": int, "float": float}.get(kind, str)
    for value in VALUES:
        if problem(parameter, value, pasted=False):
            with pytest.raises(ValueError, match="word must be of type"):
                usable(step, "word", value)
            if number is not str:
                with pytest.raises(ValueError, match=r"could not convert|invalid literal"):
                    number(value)
        else:
            assert usable(step, "word", value) == value
            number(value)


def test_defaults_are_passed_on() -> None:
    """A default that hook.yml leaves as it is arrives as it is written, and MLflow makes nothing else of it."""
    dated = hook(parameters=(Parameter("since", default="2024-01-01T00:00:00Z"),))
    assert function(dated, "asked_for")(step_of(dated)) == {"since": "2024-01-01T00:00:00Z"}


def test_unknown_parameters() -> None:
    """What a caller passes that the hook has not, mistyped perhaps, is refused by its name."""
    refuse = function(HOOK, "refuse_unknown")
    refuse({"word": "x", "trigger": "y"}, {"word": "", "trigger": ""})
    with pytest.raises(ValueError, match=r"demo has no dept, wrod for a caller to set\. It has word, trigger"):
        refuse({"wrod": "x", "dept": "9", "word": "x"}, {"word": "", "trigger": ""})


SETTINGS = [
    ("experiment_path", "experiment", {"": HOOK.experiment, "/Shared/x": "/Shared/x"}, ["x", "/Workspace/Shared/x"]),
    ("time_limit", "timeout_seconds", {"": 7200, "60": 60, "7200": 7200}, ["7201", "0", "-1", "1h", "1.5"]),
]


@pytest.mark.parametrize(("name", "widget", "taken", "refused"), SETTINGS)
def test_settings(name: str, widget: str, taken: dict[str, object], refused: list[str]) -> None:
    """A caller may name another experiment, and a shorter time; nothing is as hook.yml says, and the rest refused."""
    assert {text: function(HOOK, name, **{widget: text})() for text in taken} == taken
    for text in refused:
        with pytest.raises(ValueError, match=f"{widget} must be "):
            function(HOOK, name, **{widget: text})()


class Jobs:
    """A workspace and its MLflow, in which each step of a hook is a job that answers as it is told.

    `answer` is asked with the name of the step and the number of the attempt; what it gives or raises is the job's run.
    """

    def __init__(self, hook: Hook, answer: Callable[[str, int], Any], **given: str) -> None:
        self.started: list[tuple[str, dict[str, str]]] = []
        self.cancelled: list[str] = []
        self.clock = Clock()
        self._answer = answer
        self._runs: list[Any] = []
        jobs = Some(
            get_run=self._job, cancel_run=self._cancel, get_run_output=lambda _: Some(error="the cause", logs="")
        )
        others: dict[str, Any] = {"time": self.clock, "workspace": Some(jobs=jobs), "displayHTML": lambda _: None}
        others |= {"mlflow": Some(run=self._run), "client": self}
        self._hook = hook
        self._run_steps = function(hook, "run_steps", others=others, **given)

    def steps(self, seconds: float = 60.0) -> dict[str, Any]:
        """What each step came to, within so many seconds."""
        runs, errors = self._run_steps({name: {} for name in config(self._hook)["steps"]}, "v1", "7", seconds)
        return {**runs, **errors}

    def get_run(self, run_id: str) -> Any:
        return self._runs[int(run_id)]

    def search_runs(self, *_: object) -> list[Any]:
        return []

    def set_terminated(self, run_id: str, status: str) -> None:
        self._runs[int(run_id)].info.status = status

    def _run(self, _: str, *, run_name: str, parameters: dict[str, str], **__: Any) -> Any:
        number = str(len(self._runs))
        self._runs.append(mlflow_run("RUNNING", {"rmse": 0.5, "n": 7.0}, path=f"/{run_name}"))
        self._runs[-1].info.run_id, self._runs[-1].info.name = number, run_name
        self._runs[-1].data.tags["mlflow.databricks.shellJobRunID"] = number
        self.started.append((run_name, parameters))
        return Some(run_id=number)

    def _job(self, number: int) -> Any:
        name = self._runs[number].info.name
        answer = self._answer(name, [run.info.name for run in self._runs[: number + 1]].count(name))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _cancel(self, number: int) -> None:
        self.cancelled.append(self._runs[number].info.name)


def job(life_cycle: str, result: str | None = None) -> Any:
    """A run of a job, as much of it as the notebook looks at."""
    state = Some(life_cycle_state=Some(value=life_cycle), result_state=result and Some(value=result), state_message="")
    return Some(state=state, run_page_url="https://w/run/1", tasks=[Some(run_id=2)])


GOOD, BAD, GOING = job("TERMINATED", "SUCCESS"), job("TERMINATED", "FAILED"), job("RUNNING")


@pytest.mark.parametrize("poll", [1, 60])
def test_the_deadline_is_kept(poll: int) -> None:
    """A run that ends after the deadline is late, however seldom the hook looks at it."""
    seldom = hook(poll=timedelta(seconds=poll))
    early = Jobs(seldom, lambda *_: GOOD if early.clock.now > 4.5 else GOING)
    assert early.steps(5.0)["project"].info.status == "FINISHED"
    late = Jobs(seldom, lambda *_: GOOD if late.clock.now > 6 else GOING)
    with pytest.raises(TimeoutError):
        late.steps(5.0)


def pipeline(**changed: dict[str, Any]) -> Hook:
    """Steps a → b → d and a → c → d; `changed` says what is different of a step."""
    after = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    alone = hook(poll=timedelta(seconds=1), parameters=())
    steps = [Step(name, replace(alone, **changed.get(f"hook_{name}", {})), before) for name, before in after.items()]
    return replace(alone, steps=tuple(replace(step, **changed.get(step.name, {})) for step in steps))


def states(ended: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(run) if isinstance(run, Exception) else run.info.status for name, run in ended.items()}


def test_steps() -> None:
    """Each step starts once those before it have succeeded, at the same time as others, and gets what they left."""
    sources = [
        Parameter("n", "int", source=StepValue("a", ValueKind.METRIC, "n")),
        Parameter("rmse", "float", source=StepValue("a", ValueKind.METRIC, "rmse")),
        Parameter("path", source=StepValue("a", ValueKind.TAG, "path")),
    ]
    jobs = Jobs(pipeline(hook_b={"parameters": tuple(sources)}), lambda *_: GOOD)
    assert set(states(jobs.steps()).values()) == {"FINISHED"}
    assert jobs.started == [("a", {}), ("b", {"n": "7", "rmse": "0.5", "path": "/a"}), ("c", {}), ("d", {})]


def test_a_step_that_fails() -> None:
    """It keeps those after it from starting, and no others; the error names all of them."""
    jobs = Jobs(pipeline(), lambda name, _: BAD if name == "b" else GOOD)
    ended = jobs.steps()
    assert {name: text.partition(" ")[0] for name, text in states(ended).items()} == {
        "a": "FINISHED",
        "b": "b",
        "c": "FINISHED",
        "d": "It",
    }
    with pytest.raises(RuntimeError) as failed:
        function(pipeline(), "require_success")(
            {name: end for name, end in ended.items() if isinstance(end, Exception)}
        )
    assert "a: It succeeded.\nb: b ended as FAILED" in str(failed.value) and "https://w/run/1" in str(failed.value)
    assert "d: It was not started, because b did not succeed." in str(failed.value)


def test_a_step_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    """As often as hook.yml says, and no further; the attempt that failed is closed."""
    again = pipeline(b={"retries": 2})
    jobs = Jobs(again, lambda name, attempt: BAD if name == "b" and attempt < 3 else GOOD)
    assert set(states(jobs.steps()).values()) == {"FINISHED"}
    assert [name for name, _ in jobs.started] == ["a", "b", "c", "b", "b", "d"]
    assert capsys.readouterr().out.count("b is tried again") == 2
    ended = Jobs(again, lambda name, _: BAD if name == "b" else GOOD).steps()
    assert "b ended as FAILED" in states(ended)["b"]
    alone = hook(poll=timedelta(seconds=1), retries=1)
    assert states(Jobs(alone, lambda _, attempt: BAD if attempt < 2 else GOOD).steps()) == {"project": "FINISHED"}
    with pytest.raises(RuntimeError, match="demo ended as FAILED"):
        Jobs(alone, lambda *_: BAD).steps()


def test_a_step_that_takes_too_long() -> None:
    """Its own timeout cancels it alone, and it is not tried again; that of the hook ends all."""
    late = pipeline(b={"retries": 2}, hook_b={"timeout": timedelta(seconds=5)})
    jobs = Jobs(late, lambda name, _: GOING if name == "b" else GOOD)
    ended = jobs.steps(3600)
    assert states(ended)["b"] == "b took longer than its 5 seconds." and states(ended)["c"] == "FINISHED"
    assert jobs.cancelled == ["b"] and [name for name, _ in jobs.started] == ["a", "b", "c"]
    with pytest.raises(TimeoutError, match="demo took longer"):
        Jobs(late, lambda *_: GOING).steps(3)


def test_a_step_that_leaves_nothing() -> None:
    """A value that the step before did not leave, or that does not fit, is said before a cluster starts."""
    for left, words in (
        (StepValue("a", ValueKind.TAG, "none"), "x has no value: the MLflow run of a has no tag none."),
        (StepValue("a", ValueKind.METRIC, "rmse"), "x must be of type int, not '0.5'."),
    ):
        wanting = pipeline(hook_b={"parameters": (Parameter("x", "int", source=left),)}, b={"retries": 2})
        jobs = Jobs(wanting, lambda *_: GOOD)
        assert states(jobs.steps())["b"] == words
        assert [name for name, _ in jobs.started] == ["a", "c"]


def test_the_result_of_a_pipeline() -> None:
    """Every step is in it; of a metric that several have, the last one counts; and the run is that of the hook."""
    wanted = replace(pipeline(), result=ResultKeys(metrics=("rmse", "zero"), tags=("path",)))
    runs = {name: mlflow_run("FINISHED", {"rmse": float(i), "zero": 0.0}, path=name) for i, name in enumerate("abcd")}
    runs["d"].data.metrics.clear()
    around = Some(info=Some(run_id="h", experiment_id="7"))
    told = function(wanted, "outcome", others={"workspace": Some(config=Some(host="https://w"))})(
        around, runs, "v1", "/e"
    )
    assert (told["run_id"], told["run_url"]) == ("h", "https://w/ml/experiments/7/runs/h")
    assert told["metrics"] == {"rmse": 2.0, "zero": 0.0} and told["tags"] == {"path": "d"}
    assert list(told["steps"]) == ["a", "b", "c", "d"] and told["steps"]["a"]["metrics"] == {"rmse": 0.0, "zero": 0.0}


# --- what the notebook makes of the answers it gets ------------------------------------------------------------------

# As databricks-sdk has them, which takes a second to import: the worker that has it anyway has these as well.
of_answers = pytest.mark.xdist_group("sdk")


def run_of(life_cycle: str | None, result: str | None = None, message: str = "") -> Run:
    """A run of a job as the SDK hands it on, which makes nothing of states it does not know."""
    from databricks.sdk.service.jobs import Run

    state = {"life_cycle_state": life_cycle, "result_state": result, "state_message": message}
    return Run.from_dict({"state": state, "run_page_url": "https://w/run/1", "tasks": [{"task_key": "t", "run_id": 2}]})


def mlflow_run(status: str = "FINISHED", metrics: Mapping[str, float] | None = None, **tags: str) -> Any:
    """As much of an MLflow run as is looked at."""
    return Some(info=Some(status=status, run_id="r", experiment_id="7"), data=Some(metrics=metrics or {}, tags=tags))


def judged(run: Run, status: str, logs: str = "") -> None:
    output = Some(error="the cause", logs=logs)
    jobs, own = Some(get_run_output=lambda _: output), mlflow_run(status)
    client = Some(get_run=lambda _: own, search_runs=lambda *_: [], set_terminated=lambda *_: None)
    others = {"workspace": Some(jobs=jobs), "client": client}
    function(HOOK, "judge", others=others)({"name": "demo", "mlflow_run": own}, run)


VERDICTS = [
    ("TERMINATED", "SUCCESS", "FAILED", "ended as SUCCESS, its MLflow run as FAILED"),
    ("TERMINATED", "SUCCESS", "KILLED", "ended as SUCCESS, its MLflow run as KILLED"),
    ("TERMINATED", "SUCCESS_WITH_FAILURES", "FINISHED", "ended as SUCCESS_WITH_FAILURES"),
    ("SKIPPED", None, "RUNNING", "ended as SKIPPED"),
    ("TERMINATED", "NEVER_HEARD_OF", "FINISHED", "ended as TERMINATED"),
    ("NEVER_HEARD_OF", None, "RUNNING", "ended as something that is not known here"),
]


@of_answers
@pytest.mark.parametrize(("life_cycle", "result", "status", "words"), VERDICTS)
def test_verdict(life_cycle: str, result: str | None, status: str, words: str) -> None:
    """A hook succeeds where both the job and the MLflow run did; else it says how they ended, why, and where."""
    for good in ("FINISHED", "RUNNING"):
        judged(run_of("TERMINATED", "SUCCESS"), good)
    with pytest.raises(RuntimeError, match=words) as failed:
        judged(run_of(life_cycle, result), status)
    assert "https://w/run/1\nthe cause" in str(failed.value)


@of_answers
def test_end_of_the_log() -> None:
    """Of a long log the error has the end, where the reason is."""
    with pytest.raises(RuntimeError) as failed:
        judged(run_of("TERMINATED", "FAILED"), "FAILED", "a" * 9000 + "b" * 4000)
    assert "b" * 4000 in str(failed.value) and "ab" not in str(failed.value)


@of_answers
def test_outcome() -> None:
    """The result is JSON that everybody reads: a metric that is no number is null, and long tags are cut."""
    wanted = hook(result=ResultKeys(metrics=("rmse", "nan", "inf", "none"), tags=("long", "none")))
    metrics = {"rmse": 0.5, "nan": math.nan, "inf": math.inf}
    runs = {"project": mlflow_run("FINISHED", metrics, long="x" * 5000)}
    told = function(wanted, "outcome")(mlflow_run(), runs, "v1", "/e")
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["metrics"] == {"rmse": 0.5, "nan": None, "inf": None, "none": None}
    assert told["tags"] == {"long": "x" * 1000, "none": ""}


def waiting(answers: list[Any], **given: str) -> Any:
    """Waits, with a deadline in a minute, for what comes after these answers; the last one is given for ever."""
    quick = hook(poll=timedelta(seconds=1))
    return Jobs(quick, lambda *_: answers.pop(0) if len(answers) > 1 else answers[0], **given).steps()["project"]


@of_answers
def test_patience(capsys: pytest.CaptureFixture[str]) -> None:
    """Short disturbances are waited out, long ones are not; and a state that is not known is no end."""
    over, going, away = run_of("TERMINATED", "SUCCESS"), run_of("RUNNING"), ConnectionError("away")
    ended = waiting([away, going, *[away] * 19, run_of("NEVER_HEARD_OF"), over])
    assert ended.info.status == "FINISHED"
    assert "No answer, trying again: away" in capsys.readouterr().out
    with pytest.raises(ConnectionError):
        waiting([going, *[away] * 60, over])
    with pytest.raises(TimeoutError, match="took longer than its 60 seconds"):
        waiting([going], timeout_seconds="60")


def test_launch() -> None:
    """MLflow, which writes into the cluster it is given, gets one of its own; the link is shown, as text."""
    shown: list[str] = []
    asked: dict[str, Any] = {}

    def run(_: str, **given: Any) -> Any:
        asked.update(given)
        given["backend_config"]["ENV_MANAGER"] = "local"
        return Some(run_id="r")

    started = mlflow_run(**{"mlflow.databricks.runURL": 'https://w/"><b>'})
    others: dict[str, Any] = {"mlflow": Some(run=run), "client": Some(get_run=lambda _: started)}
    others |= {"displayHTML": shown.append, "CONFIG": copy.deepcopy(config(HOOK))}
    assert function(HOOK, "launch", others=others)(step_of(HOOK), {"word": "x"}, "v2", "7") is started
    assert (asked["parameters"], asked["version"], asked["experiment_id"]) == ({"word": "x"}, "v2", "7")
    assert asked["synchronous"] is False and others["CONFIG"] == config(HOOK)
    assert "https://w/&quot;&gt;&lt;b&gt;" in shown[0] and "<b>" not in shown[0]
