"""The steps of a pipeline, as hook.yml has them: what is read, what is wrong with them, and the job they become."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import pytest
import yaml

from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import Finding, Parameter, StepValue, ValueKind
from mlflow_hooks.reading.hook_file import HookReading, read_hooks
from mlflow_hooks.rules.check import check
from mlflow_hooks.schema import json_schema

from .work import CLUSTER, FILES, URL, git, repository, write

NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)
MLPROJECT = """\
name: Steps
databricks_spark_job:
  python_libraries: [mlflow-skinny==3.17.2]
entry_points:
  main:
    parameters:
      word: {type: string, default: hello}
    command: python demo.py --word {word}
  train:
    parameters:
      word: string
      rate: {type: float, default: 0.1}
    command: python demo.py --word {word} --rate {rate}
"""
HOOK = f"""\
name: steps
git:
  url: {URL}
  tag: v1.0
experiment: /Shared/experiments/steps
parameters:
  word: {{value: given, widget: true}}
steps:
  prepare:
  train:
    after: prepare
    parameters:
      rate: {{step: prepare, metric: rate}}
    cluster: large.json
    timeout: 30m
    retries: 2
  other:
    project: ../Other
    entry_point: main
    after: [prepare]
    parameters:
      word: own
retries: 1
"""
LARGE = json.dumps({**CLUSTER, "num_workers": 8})


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a pipeline, and another project beside it."""
    top = repository(tmp_path_factory.mktemp("steps"), name="Other")
    write(top / "projects" / "Other", {"hook.yml": None})
    write(top / "projects" / "Steps", {**FILES, "MLproject": MLPROJECT, "hook.yml": HOOK, "large.json": LARGE})
    git(top, "add", "-A")
    git(top, "commit", "--quiet", "-m", "steps")
    git(top, "tag", "--force", "v1.0")
    return top


def reading(top: Path, hook_yml: str = HOOK) -> HookReading:
    write(top / "projects" / "Steps", {"hook.yml": hook_yml})
    (read,) = read_hooks(top / "projects")
    return read


def findings(top: Path, hook_yml: str) -> list[Finding]:
    try:
        return [found for found in check([reading(top, hook_yml)], NOW) if "differs" not in found.message]
    finally:
        write(top / "projects" / "Steps", {"hook.yml": HOOK})


def test_steps_are_read(top: Path) -> None:
    """Each step has its project, entry point, parameters, cluster, timeout and order, and the pipeline's parameters."""
    read = reading(top)
    hook = read.hook
    assert hook is not None and read.sound and check([read], NOW) == []
    prepare, train, other = hook.steps
    assert (
        hook.parameters == (Parameter("word", default=None, value="given", widget=True),) or hook.parameters[0].widget
    )
    assert (prepare.hook.entry_point, prepare.after, prepare.retries) == ("main", (), 1)
    assert prepare.hook.parameters == (Parameter("word", "string", "hello", "given", widget=True, shared=True),)
    assert (train.hook.entry_point, train.after, train.retries) == ("train", ("prepare",), 2)
    assert train.hook.timeout.total_seconds() == 1800
    source = StepValue("prepare", ValueKind.METRIC, "rate")
    assert train.hook.parameters == (
        Parameter("word", "string", None, "given", widget=True, shared=True),
        Parameter("rate", "float", "0.1", source=source),
    )
    assert train.hook.project.cluster is not None and train.hook.project.cluster.spec["num_workers"] == 8
    assert other.hook.project.subfolder == "projects/Other"
    assert other.hook.parameters[0] == Parameter("word", "string", "hello", "own")


def test_schema(top: Path) -> None:
    """An editor finds nothing wrong with the steps, and marks a key that no step has."""
    validator = jsonschema.Draft7Validator(json.loads(json_schema()))
    assert validator.is_valid(yaml.safe_load(HOOK))
    assert not validator.is_valid(yaml.safe_load(HOOK.replace("retries:", "retry:")))


# A change of a hook.yml without mistakes, the line of the finding, and some of its words.
MISTAKES = [
    (("retries: 2", "retry: 2"), 16, "has no key 'retry'"),
    (("retries: 2", "retries: many"), 16, "must be a whole number from 0 to 99, not 'many'"),
    (("timeout: 30m", "timeout: soon"), 15, "must be a duration"),
    (("timeout: 30m", "timeout: 3h"), 15, "never reaches its timeout"),
    (("after: prepare", "after: prpare"), 11, "comes after prpare, which is no step"),
    (("step: prepare,", "step: prpare,"), 13, "comes after prpare, which is no step"),
    (("  prepare:\n", "  prepare: {after: other}\n"), 9, "wait for each other for ever: prepare → other → prepare"),
    (("  prepare:\n", "  Prepare:\n"), 9, "must begin with a-z"),
    (("entry_point: main", "entry_point: mian"), 19, "Other has no entry point 'mian'"),
    (("word: own", "wrod: own"), 22, "The entry point main has no parameter 'wrod'"),
    (("  word: {value: given, widget: true}", "  wrod: x"), 7, "No step has a parameter 'wrod'"),
    (("  word: {value: given, widget: true}", "  word: {widget: true}"), 7, "different defaults for word"),
    (("parameters:\n  word: {value: given, widget: true}\n", ""), 10, "The parameter word has no value"),
    (("metric: rate}", "metric: rate, tag: x}"), 13, "It is not clear what rate gets of the step prepare"),
    (("metric: rate}", "value: 1}"), 13, "It is not clear what rate gets"),
    (("{step: prepare, metric: rate}", "{metric: rate}"), 13, "does not say which step leaves its metric"),
    (("{step: prepare, metric: rate}", "soon"), 13, "rate must be a number, not 'soon'"),
    (("project: ../Other", "project: ../../../.."), 18, "is not in this repository"),
    (("project: ../Other", "project: ../Nobody"), 0, "projects/Nobody/MLproject does not exist"),
    (("cluster: large.json", "cluster: none.json"), 0, "none.json does not exist"),
    (("experiment:", "entry_point: main\nexperiment:"), 5, "A hook with steps has no entry_point of its own"),
    (("name: steps", "name: steps\nengine: jobs-git"), 14, "cannot get rate from prepare: scripts set no task values"),
]


@pytest.mark.parametrize(("change", "line", "words"), MISTAKES, ids=[row[2] for row in MISTAKES])
def test_mistakes(top: Path, change: tuple[str, str], line: int, words: str) -> None:
    """A mistake in a step is told with the line of that step, and what to write instead."""
    assert change[0] in HOOK
    matches = [found for found in findings(top, HOOK.replace(*change, 1)) if words in found.message]
    assert [found.line for found in matches] == [line] and matches[0].remedy


def test_folder_without_a_project(top: Path) -> None:
    """A pipeline of other projects alone needs none in its own folder."""
    folder = top / "projects" / "Alone"
    steps = "steps:\n  one: {project: ../Other}\n  two: {project: ../Other, after: one}\n"
    try:
        write(folder, {"hook.yml": f"name: alone\ngit: {{url: {URL}, tag: v1.0}}\nexperiment: /Shared/e\n{steps}"})
        alone, _ = read_hooks(top / "projects")
        assert alone.sound and check([alone], NOW) == []
    finally:
        write(folder, {"hook.yml": None})


def test_job_of_steps(top: Path) -> None:
    """With engine jobs-git each step is a task, after those it comes after, on a cluster that it shares or not."""
    text = HOOK.replace("name: steps", "name: steps\nengine: jobs-git").replace(
        "tag: v1.0", "tag: v1.0\n  provider: gitHub"
    )
    read = reading(top, text.replace("{step: prepare, metric: rate}", "0.5"))
    assert read.hook is not None and read.sound, read.findings
    job = settings(read.hook)
    write(top / "projects" / "Steps", {"hook.yml": HOOK})
    assert {task["task_key"]: task.get("depends_on") for task in job["tasks"]} == {
        "prepare": None,
        "train": [{"task_key": "prepare"}],
        "other": [{"task_key": "prepare"}],
    }
    assert [task["job_cluster_key"] for task in job["tasks"]] == ["prepare", "train", "other"]
    assert [cluster["job_cluster_key"] for cluster in job["job_clusters"]] == ["prepare", "train", "other"]
    train = job["tasks"][1]
    assert (train["max_retries"], train["timeout_seconds"], job["timeout_seconds"]) == (2, 1800, 7200 + 900)
    assert train["spark_python_task"] == {
        "python_file": "projects/Steps/demo.py",
        "parameters": ["--word", "{{job.parameters.word}}", "--rate", "0.5"],
        "source": "GIT",
    }
    assert job["tasks"][2]["spark_python_task"]["parameters"] == ["--word", "own", "--count", "1"]


def test_extends(top: Path) -> None:
    """A hook begins with what another file says, and has what differs, section by section; each is one of its own."""
    folder = top / "projects" / "Steps"
    more = (
        "extends: hook.yml\nname: steps_de\nexperiment: /Shared/experiments/de\nparameters:\n  word: {value: hallo}\n"
    )
    more += "steps:\n  train: {timeout: 10m}\n  other:\n    parameters: {count: 5}\n"
    try:
        write(folder, {"hook.de.yml": more})
        own, base = read_hooks(top / "projects")
        assert own.sound and base.sound and own.hook is not None, own.findings
        hook = own.hook
        assert (hook.name, hook.document.name) == ("steps_de", "projects/Steps/hook.de.yml")
        assert [step.name for step in hook.steps] == ["prepare", "train", "other"]
        assert hook.parameters == (Parameter("word", "string", "hello", "hallo", widget=True),)
        assert hook.steps[1].hook.timeout.total_seconds() == 600 and hook.steps[1].retries == 2
        assert [made.value for made in hook.steps[2].hook.parameters] == ["own", "5"]
        assert jsonschema.Draft7Validator(json.loads(json_schema())).is_valid(yaml.safe_load(more))
        assert check([own, base], NOW) == []
    finally:
        write(folder, {"hook.de.yml": None})


EXTENDS = [
    ("extends: hook.de.yml\n", ("projects/Steps/hook.de.yml", 1), "hook.de.yml extends itself"),
    ("extends: ../../../x.yml\n", ("projects/Steps/hook.de.yml", 1), "x.yml is not in this repository"),
    ("extends: none.yml\n", ("projects/Steps/none.yml", 0), "none.yml does not exist"),
    ("extends: hook.yml\n", ("projects/Steps/hook.yml", 1), "the same name, steps, as that of projects/Steps/hook"),
    ("extends: hook.yml\nname: de\nsteps:\n  train: {retries: x}\n", ("projects/Steps/hook.de.yml", 4), "whole number"),
    ("extends: hook.yml\nname: de\nsteps:\n  prepare: {after: train}\n", ("projects/Steps/hook.de.yml", 4), "for ever"),
    ("extends: hook.yml\nname: de\nparameters:\n  word:\n", ("projects/Steps/hook.de.yml", 4), "different defaults"),
    ("extends: hook.yml\nname: de\ntimeout: 5m\n", ("projects/Steps/hook.yml", 15), "never reaches its timeout"),
]


@pytest.mark.parametrize(("text", "place", "words"), EXTENDS, ids=[row[2] for row in EXTENDS])
def test_mistakes_in_two_files(top: Path, text: str, place: tuple[str, int], words: str) -> None:
    """A mistake is told in the file in which its value stands."""
    folder = top / "projects" / "Steps"
    try:
        write(folder, {"hook.de.yml": text})
        matches = [found for found in check(read_hooks(top / "projects"), NOW) if words in found.message]
        assert [(found.file, found.line) for found in matches] == [place] and matches[0].remedy
    finally:
        write(folder, {"hook.de.yml": None})
