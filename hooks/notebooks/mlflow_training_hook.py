# Databricks notebook source
# MAGIC %md <!-- mlflow_hooks sha256:4f0f7b0455518f7548e34228a9f1bccc0d877412a553d95d99113153dc956637 -->
# MAGIC ## Hook `training`
# MAGIC Runs an MLflow project from git on a cluster of its own.
# MAGIC - Project: `projects/ExampleTrainingProject`
# MAGIC - Repository: `https://github.com/databricks-branch-sync/databricks-branch-sync`, tag `v0.1.0`
# MAGIC - Experiment: `/Shared/experiments/diabetes_training`
# MAGIC - Schedule: `0 0 5 ? * MON`, Europe/Berlin
# MAGIC - Generated from `projects/ExampleTrainingProject/hook.yml` by `mlflow_hooks generate`: change it there.
# MAGIC - Databricks no longer supports MLflow Projects; `engine: jobs-git` does without them.

# COMMAND ----------

# MAGIC %pip install --quiet mlflow-skinny==3.17.2

# COMMAND ----------

dbutils.library.restartPython()

# COMMAND ----------

import json

CONFIG = json.loads(r"""{
    "hook": "training",
    "pipeline": false,
    "steps": {
        "project": {
            "run_name": "training",
            "project": "https://github.com/databricks-branch-sync/databricks-branch-sync#projects/ExampleTrainingProject",
            "entry_point": "main",
            "parameters": {
                "model_name": {
                    "type": "string",
                    "form": "(?s:.*)",
                    "value": "main.default.diabetes",
                    "widget": true,
                    "from": null
                },
                "alpha": {
                    "type": "float",
                    "form": "\\s*[+-]?(?:(?:\\d+(?:_\\d+)*(?:\\.(?:\\d+(?:_\\d+)*)?)?|\\.\\d+(?:_\\d+)*)(?:[eE][+-]?\\d+(?:_\\d+)*)?|(?i:inf|infinity|nan))\\s*",
                    "value": "0.1",
                    "widget": true,
                    "from": null
                },
                "rows": {
                    "type": "int",
                    "form": "\\s*[+-]?\\d+(?:_\\d+)*\\s*",
                    "value": "0",
                    "widget": true,
                    "from": null
                },
                "promote": {
                    "type": "string",
                    "form": "(?s:.*)",
                    "value": "true",
                    "widget": true,
                    "from": null
                }
            },
            "spark_job": true,
            "backend_config": {
                "spark_version": "17.3.x-cpu-ml-scala2.13",
                "node_type_id": "Standard_DS3_v2",
                "num_workers": 0,
                "data_security_mode": "SINGLE_USER",
                "spark_conf": {
                    "spark.databricks.cluster.profile": "singleNode",
                    "spark.master": "local[*]"
                },
                "custom_tags": {
                    "ResourceClass": "SingleNode"
                }
            },
            "after": [],
            "timeout_seconds": 3600,
            "retries": 0
        }
    },
    "widgets": {
        "model_name": "main.default.diabetes",
        "alpha": "0.1",
        "rows": "0",
        "promote": "true",
        "experiment": "",
        "timeout_seconds": "",
        "trigger": "",
        "job_run_id": ""
    },
    "git": {
        "url": "https://github.com/databricks-branch-sync/databricks-branch-sync",
        "ref": "v0.1.0",
        "widget": false,
        "secret": null
    },
    "experiment": "/Shared/experiments/diabetes_training",
    "timeout_seconds": 3600,
    "poll_seconds": 15.0,
    "result": {
        "metrics": [
            "rmse",
            "r2"
        ],
        "tags": [
            "model_name",
            "model_version",
            "promoted"
        ]
    }
}""")

# COMMAND ----------

# What a caller may set. Left empty, the value above holds.
for name, value in CONFIG["widgets"].items():
    dbutils.widgets.text(name, value)

# COMMAND ----------

import base64
import copy
import math
import os
import re
import shlex
import time
from contextlib import contextmanager, suppress
from html import escape
from urllib.parse import urlsplit

import mlflow
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import NotFound

# MLflow would repeat a call that fails for eight minutes, and there are several to make before the job's time is up.
os.environ.setdefault("MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT", "120")
workspace = WorkspaceClient(config=Config(http_timeout_seconds=30, retry_timeout_seconds=60))
client = mlflow.MlflowClient()

# COMMAND ----------


def refuse_unknown(passed, names):
    """A name that is mistyped would leave its parameter as it is here, and the run would succeed."""
    unknown = sorted(set(passed) - set(names))
    if unknown:
        raise ValueError(
            f"{CONFIG['hook']} has no {', '.join(unknown)} for a caller to set. It has {', '.join(names)}."
        )


def usable(step, name, value):
    """The value of a parameter; ValueError for one that the script would not get as it is, or could not use."""
    parameter = step["parameters"][name]
    # MLflow checks no type, and the script is on a paid cluster.
    if not re.fullmatch(parameter["form"], value):
        raise ValueError(f"{name} must be of type {parameter['type']}, not {value!r}.")
    if "\n" in value or "\r" in value:
        raise ValueError(f"{name} must not have a line break: {value!r}.")
    # The command of a Spark job is split at its blanks, with the shell's quotes left in.
    if step["spark_job"] and shlex.quote(value) != value:
        raise ValueError(f"{name} must not have blanks, quotes or brackets in a Spark job: {value!r}.")
    return value


def asked_for(step):
    """The parameters of a step that are known before anything runs: what the caller says, else what CONFIG says."""
    parameters = {}
    for name, parameter in step["parameters"].items():
        if parameter["from"] is None:
            value = (dbutils.widgets.get(name) if parameter["widget"] else "") or parameter["value"]
            if value is None:
                raise ValueError(f"{name} has no value: the caller must give one.")
            parameters[name] = usable(step, name, value)
    return parameters


def handed_on(step, runs):
    """The parameters that the steps before this one have left in their MLflow runs; ValueError unless all succeeded."""
    for other in step["after"]:
        if other not in runs:
            raise ValueError(f"It was not started, because {other} did not succeed.")
    parameters = {}
    for name, parameter in step["parameters"].items():
        if parameter["from"] is not None:
            other, kind, key = parameter["from"]
            data = runs[other].data
            value = (data.tags if kind == "tag" else data.metrics).get(key)
            if value is None:
                raise ValueError(f"{name} has no value: the MLflow run of {other} has no {kind} {key}.")
            whole = kind == "metric" and value.is_integer() and abs(value) < 1e15
            parameters[name] = usable(step, name, str(int(value) if whole else value))
    return parameters


def experiment_path():
    """Where it is tracked. SERVER: below /Workspace an experiment is made once, and not found the second time."""
    path = dbutils.widgets.get("experiment") or CONFIG["experiment"]
    if not path.startswith("/") or path.startswith("/Workspace/"):
        raise ValueError(f"experiment must be a path such as /Shared/experiments/name, not {path!r}.")
    return path


def time_limit():
    """In seconds. A caller may only shorten it: the job around this notebook has little more time than CONFIG says."""
    text, most = dbutils.widgets.get("timeout_seconds"), CONFIG["timeout_seconds"]
    if text and not (text.isdecimal() and 0 < int(text) <= most):
        raise ValueError(f"timeout_seconds must be a whole number from 1 to {most}, not {text!r}.")
    return int(text or most)


@contextmanager
def git_credentials():
    """Lets git read a private repository. The token is nowhere but in the environment, and only for so long."""
    secret, url = CONFIG["git"]["secret"], urlsplit(CONFIG["git"]["url"])
    # Git never asks a question, and gives up when a minute brings it next to nothing.
    added = {"GIT_TERMINAL_PROMPT": "0", "GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}
    if secret:
        token = dbutils.secrets.get(secret["scope"], secret["key"])
        user = secret["username"] or dbutils.secrets.get(secret["scope"], secret["username_key"])
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
        added["GIT_CONFIG_COUNT"] = str(number + 1)
        added[f"GIT_CONFIG_KEY_{number}"] = f"http.{url.scheme}://{url.netloc.rpartition('@')[2]}/.extraHeader"
        added[f"GIT_CONFIG_VALUE_{number}"] = f"Authorization: Basic {basic}"
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
        os.environ.update(before)


def launch(step, parameters, git_ref, experiment_id):
    """Has MLflow fetch the code and submit it; the project's MLflow run."""
    with git_credentials():
        run_id = mlflow.run(
            step["project"],
            entry_point=step["entry_point"],
            version=git_ref,
            parameters=parameters,
            experiment_id=experiment_id,
            run_name=step["run_name"],
            backend="databricks",
            backend_config=copy.deepcopy(step["backend_config"]),  # MLflow writes into it
            synchronous=False,  # MLflow's own waiting may never end
        ).run_id
    run = client.get_run(run_id)
    url = escape(run.data.tags.get("mlflow.databricks.runURL", ""))
    displayHTML(f'{escape(step["run_name"])} runs here: <a href="{url}" target="_blank">{url}</a>')
    return run


def begin(step, parameters, git_ref, experiment_id):
    """Starts a step; what is known of this attempt at it."""
    started = launch(step, parameters, git_ref, experiment_id)
    now = time.monotonic()
    return {
        "name": step["run_name"],
        "mlflow_run": started,
        "job_run_id": int(started.data.tags["mlflow.databricks.shellJobRunID"]),
        "seconds": step["timeout_seconds"],
        "deadline": now + step["timeout_seconds"],
        "heard": now,
        "state": None,
    }


def look(attempt):
    """The job's run of an attempt once it is over, None before. Short disturbances are waited out."""
    try:
        run = workspace.jobs.get_run(attempt["job_run_id"])
    except Exception as error:
        if time.monotonic() - attempt["heard"] > 20 * CONFIG["poll_seconds"]:
            raise
        print(f"No answer, trying again: {error}")
        return None
    attempt["heard"] = time.monotonic()
    state = run.state.life_cycle_state and run.state.life_cycle_state.value
    if state != attempt["state"]:
        print(time.strftime("%H:%M:%S"), attempt["name"], state, run.state.state_message or "")
        attempt["state"] = state
    return run if is_over(run) else None


def is_over(run):
    state = run.state.life_cycle_state
    return state is not None and state.value in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


def judge(attempt, run):
    """The MLflow run of a step that has succeeded; RuntimeError with the reason and the link for any other."""
    state = run.state.result_state or run.state.life_cycle_state
    result = state.value if state else "something that is not known here"
    mlflow_run = client.get_run(attempt["mlflow_run"].info.run_id)
    status = mlflow_run.info.status
    if result == "SUCCESS" and status not in ("FAILED", "KILLED"):
        close(mlflow_run, "FINISHED")
        return client.get_run(mlflow_run.info.run_id)
    output_text = ""
    with suppress(Exception):
        output = workspace.jobs.get_run_output(run.tasks[0].run_id)
        output_text = "\n".join(filter(None, (output.error, (output.logs or "")[-4000:])))
    raise RuntimeError(
        f"{attempt['name']} ended as {result}, its MLflow run as {status}. {run.state.state_message or ''}\n"
        f"{run.run_page_url}\n{output_text}"
    )


def watch(attempt):
    """The MLflow run of a step once it has succeeded, None before. Whatever it fails with is raised, and it cancelled."""
    try:
        run = look(attempt)
        if run is not None:
            return judge(attempt, run)
        if time.monotonic() >= attempt["deadline"]:
            raise TimeoutError(f"{attempt['name']} took longer than its {attempt['seconds']} seconds.")
    except Exception:
        with suppress(Exception):
            cancel([attempt["mlflow_run"]])
        raise
    return None


def run_steps(parameters, git_ref, experiment_id, deadline):
    """Starts each step once those before it have succeeded, and tries it again as often as it may.

    The MLflow runs of those that succeeded, and what the others failed with. A failure keeps the steps after it from
    starting, and no others.
    """
    runs, errors, attempts = {}, {}, {}
    retries = {name: step["retries"] for name, step in CONFIG["steps"].items()}
    while True:
        known = len(runs), len(errors), len(attempts)
        for name, step in CONFIG["steps"].items():
            ended = {*runs, *errors}
            if name in ended or not ended.issuperset(step["after"]):
                continue
            try:
                if name not in attempts:
                    given = {**parameters[name], **handed_on(step, runs)}
                    attempts[name] = begin(step, given, git_ref, experiment_id)
                elif (run := watch(attempts[name])) is not None:
                    runs[name] = run
            except Exception as error:
                if retries[name] and not isinstance(error, (TimeoutError, ValueError)):
                    retries[name] -= 1
                    attempts.pop(name, None)
                    print(f"{name} is tried again: {error}")
                elif CONFIG["pipeline"]:
                    errors[name] = error
                else:
                    raise
        if len(runs) + len(errors) == len(CONFIG["steps"]):
            return runs, errors
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{CONFIG['hook']} took longer than its {time_limit()} seconds.")
        if (len(runs), len(errors), len(attempts)) == known:
            time.sleep(min(CONFIG["poll_seconds"], left))  # what ends after the deadline is too late


def require_success(errors):
    """Raises an error that says what became of each step, if one failed."""
    if errors:
        states = [f"{name}: {errors.get(name, 'It succeeded.')}" for name in CONFIG["steps"]]
        raise RuntimeError("\n".join([f"{CONFIG['hook']} failed.", *states])) from next(iter(errors.values()))


def outcome(hook_run, runs, git_ref, path):
    """What the caller gets: small, and with the same keys whatever happened."""
    steps = {name: result_of(runs[name]) for name in CONFIG["steps"]}
    *_, last = steps
    result = {"status": "SUCCESS", "hook": CONFIG["hook"], "experiment": path, **steps[last]}
    result |= {"git_ref": git_ref, "commit": runs[last].data.tags.get("mlflow.source.git.commit")}
    if CONFIG["pipeline"]:
        info = hook_run.info
        result["run_id"] = info.run_id
        result["run_url"] = f"{workspace.config.host}/ml/experiments/{info.experiment_id}/runs/{info.run_id}"
        for step in steps.values():  # the last one that has a value decides
            for kind in ("metrics", "tags"):
                result[kind] = {
                    **result[kind],
                    **{key: value for key, value in step[kind].items() if value not in (None, "")},
                }
        result["steps"] = steps
    return result


def result_of(run):
    """What the caller gets of one MLflow run."""
    metrics, tags = run.data.metrics, run.data.tags
    selected = {name: metrics.get(name) for name in CONFIG["result"]["metrics"]}
    return {
        "run_id": run.info.run_id,
        "run_url": tags.get("mlflow.databricks.runURL"),
        # NaN is not JSON, and whoever reads this would fail on it.
        "metrics": {
            name: value if value is not None and math.isfinite(value) else None for name, value in selected.items()
        },
        "tags": {name: tags.get(name, "")[:1000] for name in CONFIG["result"]["tags"]},
    }


def below(run):
    return client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")


def close(run, status):
    """Ends an MLflow run and all below it, as far as they are open: nobody else would."""
    for child in below(run):
        close(child, status)
    if client.get_run(run.info.run_id).info.status in ("RUNNING", "SCHEDULED"):
        client.set_terminated(run.info.run_id, status)


def cancel(runs):
    """Cancels the jobs of MLflow runs, which would outlive this notebook, and waits for their ends, a minute at most."""
    for run in runs:
        close(run, "FAILED")  # before there is time for anything else to go wrong
    tags = [run.data.tags.get("mlflow.databricks.shellJobRunID") for run in runs]
    numbers = [int(number) for number in tags if number]
    for number in numbers:
        with suppress(Exception):
            workspace.jobs.cancel_run(number)
    deadline = time.monotonic() + min(20 * CONFIG["poll_seconds"], 60)
    while numbers and time.monotonic() < deadline:
        with suppress(Exception):
            numbers = [number for number in numbers if not is_over(workspace.jobs.get_run(number))]
        time.sleep(min(CONFIG["poll_seconds"], 5) if numbers else 0)
    for run in runs:
        close(run, "FAILED")  # what was still running may have opened its run again


# COMMAND ----------

# SERVER: getAll has what callers pass, whether there is a widget for it or not.
refuse_unknown(dbutils.widgets.getAll(), CONFIG["widgets"])
parameters = {name: asked_for(step) for name, step in CONFIG["steps"].items()}
path, seconds = experiment_path(), time_limit()
git_ref = (dbutils.widgets.get("git_ref") if CONFIG["git"]["widget"] else "") or CONFIG["git"]["ref"]

folder = path.rpartition("/")[0] or "/"
try:
    workspace.workspace.get_status(folder)
except NotFound:
    workspace.workspace.mkdirs(folder)
experiment = mlflow.set_experiment(path)

# COMMAND ----------

# This run is there before MLflow makes the steps' below it: whatever fails, nothing that was begun is lost sight of.
tags = {name: dbutils.widgets.get(name) for name in ("trigger", "job_run_id")}
with mlflow.start_run(run_name=f"{CONFIG['hook']} hook", tags={"git_ref": git_ref, **tags}) as hook_run:
    deadline = time.monotonic() + seconds
    try:
        runs, errors = run_steps(parameters, git_ref, experiment.experiment_id, deadline)
        require_success(errors)
        close(hook_run, "FINISHED")
    except BaseException:
        with suppress(Exception):
            cancel(below(hook_run))
        with suppress(Exception):
            close(hook_run, "FAILED")
        raise

# COMMAND ----------

dbutils.notebook.exit(json.dumps(outcome(hook_run, runs, git_ref, path)))
