"""What these tests share: a project that nothing is wrong with, in a repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

URL = "https://git.example.com/team/projects"

MLPROJECT = """\
name: Demo
databricks_spark_job:
  python_libraries: [mlflow-skinny==3.17.2]
entry_points:
  main:
    parameters:
      word: {type: string, default: hello}
      count: {type: int, default: 1}
    command: python demo.py --word {word} --count {count}
"""
SCRIPT = """\
import argparse

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--word")
parser.add_argument("--count", type=int)
arguments = parser.parse_args()
with mlflow.start_run():
    mlflow.log_metric("letters", len(arguments.word) * arguments.count)
    mlflow.set_tag("word", arguments.word)
if arguments.word == "fail":
    raise SystemExit("the word is fail")
"""
# The same by HTTP alone, where the project's own words are not the point: to import MLflow takes three seconds.
QUICK = """\
import argparse
import json
import os
from urllib.request import Request, urlopen


def ask(what, method="POST", **body):
    headers = {"Authorization": "Bearer " + os.environ["DATABRICKS_TOKEN"], "Content-Type": "application/json"}
    address = os.environ["DATABRICKS_HOST"] + "/api/2.0/mlflow/" + what
    with urlopen(Request(address, json.dumps(body).encode(), headers, method=method)) as answer:
        return json.load(answer)


def begun():
    # As MLflow does in the task of a job: with the experiment and the tags of its environment.
    found = ask("experiments/search", filter=f"name = '{os.environ['MLFLOW_EXPERIMENT_NAME']}'", max_results=1)
    tags = [{"key": key, "value": text} for key, text in json.loads(os.environ["MLFLOW_RUN_CONTEXT"]).items()]
    experiment = found["experiments"][0]["experiment_id"]
    return ask("runs/create", experiment_id=experiment, tags=tags, start_time=0)["run"]["info"]["run_id"]


RUN = os.environ.get("MLFLOW_RUN_ID") or begun()
"""
QUICK_SCRIPT = (
    QUICK
    + """\
parser = argparse.ArgumentParser()
parser.add_argument("--word")
parser.add_argument("--count", type=int)
arguments = parser.parse_args()
ask("runs/log-metric", run_id=RUN, key="letters", value=len(arguments.word) * arguments.count, timestamp=0)
ask("runs/set-tag", run_id=RUN, key="word", value=arguments.word)
ask("runs/update", run_id=RUN, status="FINISHED", end_time=0)
if arguments.word == "fail":
    raise SystemExit("the word is fail")
"""
)
HOOK = f"""\
name: demo
git:
  url: {URL}
  tag: v1.0
experiment: /Shared/experiments/demo
parameters:
  word: {{value: hello, widget: true}}
schedule:
  quartz: 0 0 6 * * ?
  time_zone: Europe/Berlin
"""
CLUSTER = {
    "spark_version": "17.3.x-cpu-ml-scala2.13",
    "node_type_id": "Standard_DS3_v2",
    "num_workers": 1,
    "data_security_mode": "SINGLE_USER",
}
FILES = {
    "MLproject": MLPROJECT,
    "demo.py": SCRIPT,
    "hook.yml": HOOK,
    "cluster.json": json.dumps(CLUSTER, indent=2) + "\n",
}


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """These files in a folder; None takes one away."""
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def git(folder: Path, *arguments: str) -> str:
    me = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *me, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


def repository(root: Path, files: Mapping[str, str | None] | None = None, name: str = "Demo") -> Path:
    """A repository with the project `projects/<name>`, committed and tagged v1.0."""
    write(root / "projects" / name, {**FILES, **(files or {})} if files else FILES)
    git(root, "init", "--quiet")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "first")
    git(root, "tag", "v1.0")
    return root
