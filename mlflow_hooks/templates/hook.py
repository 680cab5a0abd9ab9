# Databricks notebook source
# MAGIC %md @TITLE@

# COMMAND ----------

# MAGIC %pip install --quiet @MLFLOW@

# COMMAND ----------

dbutils.library.restartPython()

# COMMAND ----------

CONFIG = "@CONFIG@"

# COMMAND ----------

# What a caller may set. Left empty, the value above holds.
WIDGETS = {name: parameter["value"] or "" for name, parameter in CONFIG["parameters"].items() if parameter["widget"]}
if CONFIG["git"]["widget"]:
    WIDGETS["git_ref"] = CONFIG["git"]["ref"]
WIDGETS.update(dict.fromkeys(("experiment", "timeout_seconds", "trigger", "job_run_id"), ""))
for name, value in WIDGETS.items():
    dbutils.widgets.text(name, value)

# COMMAND ----------

import base64
import copy
import json
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


def fits(kind, text):
    """Whether a value is of a type that MLproject names. MLflow checks none, and the script is on a paid cluster."""
    if kind in ("int", "float"):
        try:
            {"int": int, "float": float}[kind](text)
        except ValueError:
            return False
    if kind == "bool":
        return text.lower() in ("true", "false")
    if kind == "uri":
        return re.match(r"[A-Za-z][\w+.-]*:", text) is not None
    return kind != "path" or text != ""


def refuse_unknown(passed, names):
    """A name that is mistyped would leave its parameter as it is here, and the run would succeed."""
    unknown = sorted(set(passed) - set(names))
    if unknown:
        raise ValueError(
            f"{CONFIG['hook']} has no {', '.join(unknown)} for a caller to set. It has {', '.join(names)}."
        )


def asked_for():
    """The parameters of the project: what the caller says, else what CONFIG says."""
    parameters = {}
    for name, parameter in CONFIG["parameters"].items():
        value = (dbutils.widgets.get(name) if parameter["widget"] else "") or parameter["value"]
        if value is None:
            raise ValueError(f"{name} has no value: the caller must give one.")
        if not fits(parameter["type"], value):
            raise ValueError(f"{name} must be of type {parameter['type']}, not {value!r}.")
        if "\n" in value or "\r" in value:
            raise ValueError(f"{name} must not have a line break: {value!r}.")
        # The command of a Spark job is split at its blanks, with the shell's quotes left in.
        if CONFIG["spark_job"] and shlex.quote(value) != value:
            raise ValueError(f"{name} must not have blanks, quotes or brackets in a Spark job: {value!r}.")
        parameters[name] = value
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
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def launch(parameters, git_ref, experiment_id):
    """Has MLflow fetch the code and submit it; the project's MLflow run."""
    with git_credentials():
        run_id = mlflow.run(
            CONFIG["project"],
            entry_point=CONFIG["entry_point"],
            version=git_ref,
            parameters=parameters,
            experiment_id=experiment_id,
            run_name=CONFIG["hook"],
            backend="databricks",
            backend_config=copy.deepcopy(CONFIG["backend_config"]),  # MLflow writes into it
            synchronous=False,  # MLflow's own waiting may never end
        ).run_id
    run = client.get_run(run_id)
    url = escape(run.data.tags.get("mlflow.databricks.runURL", ""))
    displayHTML(f'The project runs here: <a href="{url}" target="_blank">{url}</a>')
    return run


def wait(job_run_id, deadline):
    """The job's run once it is over. Short disturbances are waited out; TimeoutError at the deadline."""
    seen, heard = None, time.monotonic()
    while True:
        try:
            run = workspace.jobs.get_run(job_run_id)
            heard = time.monotonic()
        except Exception as error:
            if time.monotonic() - heard > 20 * CONFIG["poll_seconds"]:
                raise
            print(f"No answer, trying again: {error}")
        else:
            state = run.state.life_cycle_state and run.state.life_cycle_state.value
            if state != seen:
                print(time.strftime("%H:%M:%S"), state, run.state.state_message or "")
                seen = state
            if state in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR"):
                return run
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{CONFIG['hook']} took longer than its {time_limit()} seconds.")
        time.sleep(min(CONFIG["poll_seconds"], left))  # what ends after the deadline is too late


def judge(run, project_run):
    """Raises RuntimeError with the reason and the link, unless both the job and the project say they succeeded."""
    state = run.state.result_state or run.state.life_cycle_state
    result = state.value if state else "something that is not known here"
    status = project_run.info.status
    if result == "SUCCESS" and status not in ("FAILED", "KILLED"):
        return
    output_text = ""
    with suppress(Exception):
        output = workspace.jobs.get_run_output(run.tasks[0].run_id)
        output_text = "\n".join(filter(None, (output.error, (output.logs or "")[-4000:])))
    raise RuntimeError(
        f"{CONFIG['hook']} ended as {result}, its MLflow run as {status}. {run.state.state_message or ''}\n"
        f"{run.run_page_url}\n{output_text}"
    )


def outcome(run, project_run, git_ref, path):
    """What the caller gets: small, and with the same keys whatever happened."""
    metrics, tags = project_run.data.metrics, project_run.data.tags
    selected = {name: metrics.get(name) for name in CONFIG["result"]["metrics"]}
    return {
        "status": "SUCCESS",
        "hook": CONFIG["hook"],
        "experiment": path,
        "run_id": project_run.info.run_id,
        "run_url": run.run_page_url,
        "git_ref": git_ref,
        "commit": tags.get("mlflow.source.git.commit"),
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


def cancel(run):
    """Cancels what was started below an MLflow run, which would outlive this notebook, and waits for its end."""
    close(run, "FAILED")  # before there is time for anything else to go wrong
    for child in below(run):
        job_run_id = child.data.tags.get("mlflow.databricks.shellJobRunID")
        if job_run_id:
            workspace.jobs.cancel_run(int(job_run_id))
            wait(int(job_run_id), time.monotonic() + 60)


# COMMAND ----------

# SERVER: getAll has what callers pass, whether there is a widget for it or not.
refuse_unknown(dbutils.widgets.getAll(), WIDGETS)
parameters, path, seconds = asked_for(), experiment_path(), time_limit()
git_ref = (dbutils.widgets.get("git_ref") if CONFIG["git"]["widget"] else "") or CONFIG["git"]["ref"]

folder = path.rpartition("/")[0] or "/"
try:
    workspace.workspace.get_status(folder)
except NotFound:
    workspace.workspace.mkdirs(folder)
experiment = mlflow.set_experiment(path)

# COMMAND ----------

# This run is there before MLflow makes the project's below it: whatever fails, nothing that was begun is lost sight of.
tags = {name: dbutils.widgets.get(name) for name in ("trigger", "job_run_id")}
with mlflow.start_run(run_name=f"{CONFIG['hook']} hook", tags={"git_ref": git_ref, **tags}) as hook_run:
    deadline = time.monotonic() + seconds
    try:
        started = launch(parameters, git_ref, experiment.experiment_id)
        job_run = wait(int(started.data.tags["mlflow.databricks.shellJobRunID"]), deadline)
    except BaseException:
        with suppress(Exception):
            cancel(hook_run)
        with suppress(Exception):
            close(hook_run, "FAILED")  # what was still running may have opened its run again
        raise
    try:
        judge(job_run, client.get_run(started.info.run_id))
        close(hook_run, "FINISHED")
    except Exception:
        with suppress(Exception):
            close(hook_run, "FAILED")
        raise

# COMMAND ----------

dbutils.notebook.exit(json.dumps(outcome(job_run, client.get_run(started.info.run_id), git_ref, path)))
