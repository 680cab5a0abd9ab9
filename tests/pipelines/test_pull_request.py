"""pull-request.yml: what is wrong with a pull request stops it, and its projects run on the dev workspace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from hooks.work import QUICK
from support.project import Workspace

from .conftest import edit, git
from .jobs import PULL_REQUEST, SOURCE_BRANCH
from .services import INSTALL, Ci

# In the place of the two projects' scripts, whose own work is tested with them: as quick as a project can be.
SCRIPT = (
    QUICK
    + """
from contextlib import suppress
from urllib.error import HTTPError

parser = argparse.ArgumentParser()
parser.add_argument("--model-name")
name = parser.parse_known_args()[0].model_name
if {trains}:
    with suppress(HTTPError):  # the other CI has made it
        ask("registered-models/create", name=name)
    version = ask("model-versions/create", name=name, source="runs:/" + RUN, run_id=RUN)["model_version"]["version"]
else:
    version = ask("registered-models/get-latest-versions", name=name)["model_versions"][0]["version"]
ask("runs/set-tag", run_id=RUN, key="model_version", value=version)
ask("runs/update", run_id=RUN, status="FINISHED", end_time=0)
"""
)
STEPS = ("Review", "Show the review", "Lint", "Unit tests", "Check projects and hooks")


def test_check(ci: Ci) -> None:
    """A sound pull request passes the linter, the tests of code and notebooks and the checks, with no workspace."""
    done = ci.run("pull-request.yml", PULL_REQUEST, "check")
    assert tuple(one.name for one in done["check"]) == STEPS
    assert "is not checked" not in done["check"][-1].said  # the tag that the hooks are pinned to was fetched
    shown, machine = done["check"][1], ci.machines[-1]
    summary = re.sub(r"^##vso\[task\.uploadsummary\]", "", shown.said.strip()) or machine.summary
    review = Path(summary).read_text(encoding="utf-8")
    assert "<code>master</code>" in review and f"<code>{SOURCE_BRANCH}</code>" in review
    assert "-DAYS_KEPT_ASIDE = 4\n+DAYS_KEPT_ASIDE = 3\n" in review and review.count("</details>") == 1
    assert "DAYS_KEPT_ASIDE" in (machine.clone / "review.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "step"),
    [
        ("src/bikesharing/demand.py", "BUSY = 100", "BUSY=100", "Lint"),
        ("src/bikesharing/demand.py", "BUSY = 100", "BUSY = 200", "Unit tests"),
        ("notebooks/bikes/rides.py", "MINUTES = 1.0", "MINUTES = 0.0", "Unit tests"),
        ("hooks/notebooks/mlflow_training_hook.py", "training", "draining", "Check projects and hooks"),
    ],
)
@pytest.mark.long  # what each step finds has tests of its own, and test_check has all of them run
def test_mistakes(ci: Ci, file: str, old: str, new: str, step: str) -> None:
    """A mistake fails the step that is there to find it, and none after that runs."""
    git(ci.origin, "switch", "-q", "--detach", PULL_REQUEST)
    edit(ci.origin / file, old, new)
    git(ci.origin, "commit", "-q", "-am", "A mistake")
    git(ci.origin, "update-ref", PULL_REQUEST, "HEAD")
    job = next(job for job in ci.service.jobs("pull-request.yml", PULL_REQUEST) if job.name == "check")
    scripts = [script for script in job.scripts if script.name != INSTALL]
    done = ci.machine("pull-request.yml", job, PULL_REQUEST).run(scripts)
    assert done[-1].name == step and done[-1].code != 0, done


@pytest.mark.parametrize("ci", ["github", "azure"], indirect=True)
def test_fork(ci: Ci) -> None:
    """A pull request from a fork is checked, and its projects are not run: it would get no secrets."""
    assert [job.name for job in ci.service.jobs("pull-request.yml", PULL_REQUEST, fork=True)] == ["check"]


@pytest.mark.xdist_group("hooks")  # with all that run projects
def test_run(trial_ci: Ci, trial: Workspace) -> None:
    """Training, then scoring with what it registered, in an experiment of the branch's own."""
    git(trial_ci.origin, "switch", "-q", "--detach", PULL_REQUEST)
    for project, script in (("Training", "train"), ("Scoring", "score")):
        file = trial_ci.origin / f"projects/Example{project}Project/{script}.py"
        file.write_text(SCRIPT.replace("{trains}", str(script == "train")), encoding="utf-8")
        edit(file.with_name("hook.yml"), "timeout: 1h", "timeout: 1h\npoll: 1s")
    git(trial_ci.origin, "commit", "-q", "-am", "Quick")
    git(trial_ci.origin, "update-ref", PULL_REQUEST, "HEAD")
    [(trained, *_)] = trial_ci.run("pull-request.yml", PULL_REQUEST, "run").values()
    assert "rows=100" in trained.said
    train, score = versions(trial)[-2:]
    assert train == score


def versions(workspace: Workspace) -> list[str]:
    """The model versions that the runs of the branch's experiment tell of, the earliest first."""
    query = urlencode({"experiment_name": "/Shared/me@example.com/feature-rain-6fa4b5ea_expr"})
    _, told = workspace.ask("GET", f"/api/2.0/mlflow/experiments/get-by-name?{query}")
    search = {"experiment_ids": [json.loads(told)["experiment"]["experiment_id"]], "order_by": ["start_time ASC"]}
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    request = Request(f"{workspace.host}/api/2.0/mlflow/runs/search", json.dumps(search).encode(), headers)
    with urlopen(request) as answer:
        found = [run["data"]["tags"] for run in json.load(answer)["runs"]]
    return [tag["value"] for tags in found for tag in tags if tag["key"] == "model_version"]
