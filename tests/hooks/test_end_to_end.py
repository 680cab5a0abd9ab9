"""Generated hooks, executed: real git, real MLflow, the project really run; and every way in which it may fail."""

from __future__ import annotations

import base64
import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlflow_hooks.generate.data_factory import pipeline, pipeline_json
from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import GitSource, Hook
from mlflow_hooks.schema import Engine, ResultKeys, Secret

from .factory import Factory
from .private_git import private
from .stage import OVER, Stage, commit, hook_of, until
from .work import MLPROJECT, QUICK_SCRIPT, URL

# One workspace with one MLflow, which takes seconds to start: one worker has all that run projects.
pytestmark = pytest.mark.xdist_group("hooks")

PROJECTS = Path(__file__).parents[2] / "projects"
TOKEN = "a-token-of-nobody"
NO_TESTS = shutil.ignore_patterns("test_*", "__pycache__")

HOOK = f"""\
name: {{name}}
git: {{{{url: {URL}, tag: v1.0}}}}
experiment: /Shared/deep/er/{{name}}
parameters:
  word: {{{{value: hello, widget: true}}}}
timeout: 2m
result: {{{{metrics: [letters, none], tags: [word]}}}}
"""
# The caller's word goes to all steps that have none of their own; the second one gets what the first one leaves.
PIPELINE = """\
steps:
  first: {entry_point: main, retries: 1}
  second:
    entry_point: main
    parameters:
      word: {step: first, tag: word}
      count: {step: first, metric: letters}
  third: {entry_point: main, after: first}
"""
LATE = """\
steps:
  good: {entry_point: main}
  endless: {project: ../Endless, timeout: 2s, retries: 1}
  last: {entry_point: main, after: [good, endless]}
"""
PRINT = "print('no word of MLflow')\n"
# Runs the notebooks of many hooks one after the other, and tells the outcome of each. A Python of its own for each
# takes four seconds, to import MLflow. And MLflow repeats what fails for minutes.
ONE_PYTHON = """
import json, os
from pathlib import Path
from dataclasses import replace
from databricks_local.runtime.notebook_runner import Runner
from databricks_local.runtime.order import read

os.environ["MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT"] = "1"
order, outcomes = read(Path(os.environ["TMPDIR"], "../order.json")), {}
for path, parameters in json.loads(dbutils.widgets.get("hooks")):
    outcomes[path] = Runner(replace(order, notebook_path=path, parameters=parameters)).outcome()
dbutils.notebook.exit(json.dumps(outcomes))
"""


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The workspace without faults and overrides; what others did there is still there."""
    shared.work.api.control("faults", method="DELETE")
    shared.work.api.control("run-states", method="DELETE")
    return shared


def test_training_then_scoring(stage: Stage) -> None:
    """A job trains and registers a model, Data Factory has it scored, and each gets its result as JSON."""
    shutil.copytree(PROJECTS, stage.samples / "projects", ignore=NO_TESTS, dirs_exist_ok=True)
    at = commit(stage.samples, "v0.1.0")
    training = hook_of(stage.samples / "projects" / "ExampleTrainingProject")
    trained = stage.result(stage.start(training, alpha="0.2"))
    assert (trained["status"], trained["git_ref"], trained["commit"]) == ("SUCCESS", "v0.1.0", at)
    assert trained["metrics"]["rmse"] > 0 and trained["tags"]["model_version"] == "1"
    assert stage.statuses(training) == ["FINISHED", "FINISHED"]
    project, around = stage.mlflow_runs(training)
    assert project["info"]["run_id"] == trained["run_id"]
    assert around["tags"]["trigger"] == "one_time" and around["tags"]["job_run_id"].isdigit()

    scoring = hook_of(stage.samples / "projects" / "ExampleScoringProject")
    stage.publish(scoring)
    factory = Factory(stage)
    factory.run(json.loads(pipeline_json(scoring)), experiment="/Shared/data_factory/scored")
    scored = factory.outputs[scoring.notebook]["runOutput"]
    assert factory.states == {scoring.notebook: "Succeeded"}
    assert scored["metrics"]["rows"] > 0
    # As docs/data-factory.md says what a later activity can use.
    assert factory.evaluated("@activity('mlflow_scoring_hook').output.runOutput.tags.model_version") == "1"
    assert scored["experiment"] == "/Shared/data_factory/scored" and stage.mlflow_runs(scoring) == []
    assert stage.mlflow_runs(replace(scoring, experiment=scored["experiment"]))[1]["tags"]["trigger"] == "data_factory"


@pytest.mark.long  # eight scripts that import MLflow and scikit-learn
def test_sample_pipeline(stage: Stage) -> None:
    """Data is prepared, a model trained, judged and registered; one that errs too much is not registered."""
    shutil.copytree(PROJECTS, stage.samples / "projects", ignore=NO_TESTS, dirs_exist_ok=True)
    commit(stage.samples, "v0.1.0")
    hook = hook_of(stage.samples / "projects" / "ExamplePipelineProject")
    told = stage.result(stage.start(hook, rows="100"))
    assert list(told["steps"]) == ["preprocess", "train", "validate", "register"]
    assert told["tags"]["model_version"] == "1" and told["metrics"] == {"rmse": told["metrics"]["rmse"], "rows": 100}
    assert stage.statuses(hook) == ["FINISHED"] * 5
    error = stage.ended(stage.start(hook, limit="1")).output["error"]
    assert "and the limit is 1: it is not registered." in error
    assert "register: It was not started, because validate did not succeed." in error


@pytest.mark.long  # test_run.py runs such a task for real, and test_job.py judges the job and the activity
def test_jobs_git(stage: Stage) -> None:
    """With the engine jobs-git the same project runs with no notebook and no MLflow Projects."""
    hook = replace(stage.project("Git", HOOK.format(name="git")), engine=Engine.JOBS_GIT)
    hook = replace(hook, git=replace(hook.git, provider="gitHub"))
    stage.work.post("2.0/workspace/mkdirs", {"path": "/Shared/deep/er"})
    factory = Factory(stage)
    job = stage.work.job(settings(hook))
    factory.run(in_factory(hook), job_id=str(job), word="given")
    assert factory.states == {hook.notebook: "Succeeded", "after": "Skipped"}
    (run,) = stage.mlflow_runs(hook)
    assert run["data"]["metrics"][0]["value"] == 5


def in_factory(hook: Hook) -> dict[str, Any]:
    """A pipeline of somebody's with the activity of a hook, and another one that comes after a failure of it."""
    made = pipeline(hook)
    (first,) = made["properties"]["activities"]
    after = {**first, "name": "after", "dependsOn": [{"activity": first["name"], "dependencyConditions": ["Failed"]}]}
    made["properties"]["activities"].append(after)
    return made


@pytest.mark.long
def test_disturbances(stage: Stage) -> None:
    """A script that knows nothing of MLflow succeeds through brief errors of the API, and its run is FINISHED."""
    hook = stage.project("Quiet", HOOK.format(name="quiet"), {"demo.py": PRINT})
    broken = {"kind": "answer", "status": 500, "error_code": "INTERNAL_ERROR", "message": "oh"}
    stage.faults([{"endpoint": "/api/2.2/jobs/runs/get", "times": 4, "action": broken}])
    run = stage.start(hook)
    told = stage.result(run)
    assert (told["metrics"], told["tags"]) == ({"letters": None, "none": None}, {"word": ""})
    assert "No answer, trying again: oh" in stage.ended(run).output["log"]
    assert stage.statuses(hook) == ["FINISHED", "FINISHED"]


def refuse(**answer: object) -> dict[str, Any]:
    return {"refuse": {"status": 400, "error_code": "INVALID_PARAMETER_VALUE", "message": "no such quota", **answer}}


def ends(life_cycle: str, result: str | None = None, message: str = "") -> dict[str, Any]:
    return {"state": {"life_cycle_state": life_cycle, "result_state": result, "state_message": message}}


def down(name: str, status: int, message: str) -> dict[str, Any]:
    """A fault that meets the experiment of one hook only."""
    action = {"kind": "answer", "status": status, "error_code": "X", "message": message}
    return {"endpoint": "*/experiments/get-by-name", "object": f"/Shared/deep/er/{name}", "action": action}


EXPIRED = {
    "endpoint": "/api/2.2/jobs/runs/get",
    "action": {"kind": "answer", "status": 403, "error_code": "PERMISSION_DENIED", "message": "Token is expired."},
}

# What is wrong: a change of the hook, an override of the project's run or a fault; what the error says; and how the
# MLflow runs end, that of the project before that of the hook.
BOTH, ONE, NONE = ["FAILED", "FAILED"], ["FAILED"], []
FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str, list[str]]] = {
    "ref": ({"git": GitSource(URL, "v9.9")}, {}, "v9.9", ONE),
    "entry": ({"entry_point": "missing"}, {}, "The entry point 'missing' is not defined", ONE),
    "submit": ({}, refuse(), "no such quota", BOTH),
    "internal": ({}, ends("INTERNAL_ERROR", None, "no machines"), "INTERNAL_ERROR, its MLflow run as", BOTH),
    "endless": ({"timeout": timedelta(seconds=2)}, ends("PENDING"), "took longer than its 2 seconds", BOTH),
    # The script had closed its own run by then.
    "fails": ({}, {}, "the word is fail", ["FINISHED", "FAILED"]),
    "login": ({}, down("login", 403, "Invalid access token."), "Invalid access token", NONE),
    "mlflow": ({}, down("mlflow", 503, "MLflow is away"), "Timed out", NONE),
    "mistyped": ({}, {}, "mistyped has no wrod for a caller to set. It has word", NONE),
    # Its token expires while the project runs, for which it would otherwise wait for ever.
    "expires": ({}, ends("RUNNING"), "Token is expired.", BOTH),
}

# Each costs a start of MLflow's; test_notebook.py knows what the notebook makes of such answers.
LONG = ("ref", "entry", "submit", "internal", "login", "mlflow")
CALLERS = {"fails": {"word": "fail"}, "mistyped": {"wrod": "x"}}


@dataclass(frozen=True)
class Tried:
    """Hooks that one Python has run to their ends: what each notebook made of it, and all that was said meanwhile."""

    hooks: dict[str, Hook]
    outcomes: dict[str, dict[str, Any]]
    said: str


@pytest.fixture(scope="module")
def tried(shared: Stage, request: pytest.FixtureRequest) -> Tried:
    """The hooks that are to fail, and two of a private repository: one has the token, and one has not."""
    items: Any = request.session.items
    asked = {item.callspec.params["name"] for item in items if getattr(item, "function", None) is test_failures}
    failures = {name: row for name, row in FAILURES.items() if name in asked or name == "expires"}
    shared.work.post("2.0/secrets/scopes/create", {"scope": "git"})
    shared.work.post("2.0/secrets/put", {"scope": "git", "key": "token", "string_value": TOKEN})
    hooks = {
        name: replace(shared.project(name, HOOK.format(name=name), {"demo.py": QUICK_SCRIPT}), **changed)
        for name, (changed, *_) in failures.items()
    }
    wrong = [(name, rule) for name, (_, rule, _, _) in failures.items()]
    courses = [(name, rule) for name, rule in wrong if {"state", "refuse"} & set(rule)]
    courses += [("Endless", ends("RUNNING")), ("pipeline", {"times": 1, **ends("TERMINATED", "FAILED")})]
    shared.overrides([{"name": f"*#projects/{name}", **rule} for name, rule in courses])
    shared.faults([rule for _, rule in wrong if "action" in rule])
    with private(shared.team.parent, "x-access-token", TOKEN) as address:
        late = any(getattr(item, "function", None) is test_a_late_step for item in items)
        hooks = {**private_hooks(shared, address), **pipelines(shared, late), **hooks}
        paths = {name: shared.publish(hook) for name, hook in hooks.items()}
        every = [(path, CALLERS.get(name, {"word": "well"})) for name, path in paths.items()]
        run = shared.submit(shared.work.notebook("/Shared/one_python", ONE_PYTHON), {"hooks": json.dumps(every)})
        until(lambda: shared.submitted(hooks["expires"]))  # the last one: nobody else waits for a project any more
        shared.faults([EXPIRED])
        outcomes = shared.result(run)
        shared.faults([])  # whoever is here next has a login
    said = f"{shared.ended(run).output}{shared.run(run)}"
    return Tried(hooks, {name: outcomes[path] for name, path in paths.items()}, said)


def pipelines(stage: Stage, late: bool) -> dict[str, Hook]:
    """One of which the first step fails once, and where `late` is wanted, one of which a step never ends."""
    quick = {"demo.py": QUICK_SCRIPT}
    stage.project("Endless", HOOK.format(name="unused"), quick)
    steps = {"pipeline": PIPELINE, "late": LATE} if late else {"pipeline": PIPELINE}
    return {name: stage.project(name, HOOK.format(name=name) + text, quick) for name, text in steps.items()}


def private_hooks(stage: Stage, address: str) -> dict[str, Hook]:
    """At the root of the repository, where MLflow packs `.git` as well."""
    # MLflow's YAML makes a date with a blank of the default.
    dated = MLPROJECT.replace("count: {type: int, default: 1}", "count: {default: 2024-01-01T00:00:00Z}")
    hook = stage.project("Private", HOOK.format(name="private"), {"demo.py": PRINT, "MLproject": dated})
    source = GitSource(f"{address}/team/.git", "v1.0", secret=Secret(scope="git", key="token"))
    hook = replace(hook, git=source, result=ResultKeys())
    return {"private": hook, "stranger": replace(hook, name="stranger", git=replace(source, secret=None))}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in FAILURES]
)
def test_failures(shared: Stage, tried: Tried, name: str) -> None:
    """Whatever fails makes the hook fail with the reason, and leaves no MLflow run and no job running."""
    hook = tried.hooks[name]
    _, _, text, statuses = FAILURES[name]
    assert text in tried.outcomes[name]["error"]
    assert shared.statuses(hook) == statuses
    project_run = shared.submitted(hook)
    assert project_run is None or shared.run(project_run)["state"]["life_cycle_state"] in OVER


def test_pipeline(shared: Stage, tried: Tried) -> None:
    """Steps run in their order with what the caller and earlier steps give, one of them twice, and all are told of."""
    assert tried.outcomes["pipeline"].get("error") is None, tried.outcomes["pipeline"]
    told = json.loads(tried.outcomes["pipeline"]["result"])
    letters = {name: step["metrics"]["letters"] for name, step in told["steps"].items()}
    assert letters == {"first": 4, "second": 16, "third": 4}
    assert (told["status"], told["metrics"], told["tags"]) == (
        "SUCCESS",
        {"letters": 4, "none": None},
        {"word": "well"},
    )
    *steps, around = shared.mlflow_runs(tried.hooks["pipeline"])
    assert around["info"]["run_id"] == told["run_id"] and {run["tags"]["mlflow.parentRunId"] for run in steps} == {
        told["run_id"]
    }
    named = sorted((run["info"]["run_name"], run["info"]["status"]) for run in steps)
    assert named == [("first", "FAILED"), *((name, "FINISHED") for name in ("first", "second", "third"))]


@pytest.mark.long  # test_notebook.py has steps that take too long, and what comes after them
def test_a_late_step(shared: Stage, tried: Tried) -> None:
    """It is cancelled, those beside it end well, those after it do not start, and the hook fails."""
    lines = tried.outcomes["late"]["error"].splitlines()
    assert lines[-3:] == [
        "good: It succeeded.",
        "endless: endless took longer than its 2 seconds.",
        "last: It was not started, because endless did not succeed.",
    ]
    *steps, around = shared.mlflow_runs(tried.hooks["late"])
    named = {run["info"]["run_name"]: run for run in steps}
    assert {name: run["info"]["status"] for name, run in named.items()} == {"good": "FINISHED", "endless": "FAILED"}
    late = int(named["endless"]["tags"]["mlflow.databricks.shellJobRunID"])
    assert shared.run(late)["state"]["result_state"] == "CANCELED" and around["info"]["status"] == "FAILED"


def test_private_repository(shared: Stage, tried: Tried) -> None:
    """A private repository is read with the token of a secret scope, which then is nowhere to be found."""
    hook = tried.hooks["private"]
    assert json.loads(tried.outcomes["private"]["result"])["status"] == "SUCCESS", tried.outcomes["private"]
    # The script says nothing to MLflow, and the other hook, of the same experiment, ends before there is a project.
    assert sorted(shared.statuses(hook)) == ["FAILED", "FINISHED", "FINISHED"]
    error = tried.outcomes["stranger"]["error"]
    assert "could not read Username" in error or "Authentication failed" in error
    said = [tried.said, str(tried.outcomes), str(shared.mlflow_runs(hook)), *_held(shared.work.folder / "dbfs")]
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert not [text for text in said if TOKEN in text or encoded in text]


def test_a_default_that_yaml_takes_for_a_date(shared: Stage, tried: Tried) -> None:
    """The script gets a default as it is written, in one piece."""
    number = next(
        run["tags"].get("mlflow.databricks.shellJobRunID") for run in shared.mlflow_runs(tried.hooks["private"])
    )
    (task,) = shared.run(int(number))["tasks"]
    assert task["spark_python_task"]["parameters"] == ["--word", "well", "--count", "2024-01-01T00:00:00Z"]


def _held(dbfs: Path) -> Iterator[str]:
    """The text of every file, also of those that are packed."""
    packed = list(dbfs.rglob("*.tar.gz"))
    assert packed
    for archive in packed:
        with tarfile.open(archive) as opened:
            inside = [opened.extractfile(member) for member in opened if member.isfile()]
            yield from (file.read().decode("latin-1") for file in inside if file)
    yield from (path.read_bytes().decode("latin-1") for path in dbfs.rglob("*") if path.is_file())


@pytest.mark.long  # test_notebook.py cancels what takes too long, and test_run.py what is interrupted
def test_cancel(stage: Stage) -> None:
    """Cancelling the hook cancels the jobs of its steps, which would go on without it, and closes the MLflow runs."""
    hook = stage.project(
        "Cancel", HOOK.format(name="cancel") + "steps: {one: {entry_point: main}, two: {entry_point: main}}\n"
    )
    stage.overrides([{"name": "*#projects/Cancel", **ends("RUNNING")}])
    stage.work.api.control("settings", {"cancel_grace_s": 600.0})  # of a busy machine; the hook ends long before
    run = stage.start(hook)

    def submitted() -> list[str]:
        return [tag for run in stage.mlflow_runs(hook) if (tag := run["tags"].get("mlflow.databricks.shellJobRunID"))]

    steps = until(lambda: len(submitted()) == 2 and submitted())
    assert stage.work.post("2.2/jobs/runs/cancel", {"run_id": run}).status == 200
    assert stage.ended(run).state == ("TERMINATED", "CANCELED")
    assert [stage.run(int(step))["state"]["result_state"] for step in steps] == ["CANCELED", "CANCELED"]
    assert stage.statuses(hook) == ["FAILED", "FAILED", "FAILED"]
