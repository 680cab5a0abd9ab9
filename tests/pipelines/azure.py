"""An Azure pipeline, read as the agent reads it: which jobs an event starts, and what their scripts get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from .identity import job_token
from .jobs import ABOUT_MASTER, MANUAL, MASTER, PULL_REQUEST, SCHEDULE, SOURCE_BRANCH, Checkout, Job, Script, lookup

# The task behind `script`, CmdLine@2, gives bash no -e: of several lines only the last one's exit code counts.
SHELL = ("bash", "--noprofile", "--norc")
# A name without blanks: `$(git log ...)` is left to the shell, since there is no variable of that name.
TEMPLATE = r"\$\{\{ variables\['([\w.]+)'\] \}\}"
MACRO = r"\$\(([A-Za-z_][\w.]*)\)"
TASKS = {"UsePythonVersion@0"}


@dataclass(frozen=True)
class Event:
    """What happened: a push, a pull request, or that it was time."""

    ref: str
    fork: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """The predefined variables, as far as anybody here reads them."""
        ref = MASTER if self.ref in ABOUT_MASTER else self.ref
        found = {
            "Build.SourceBranch": ref,
            "Build.SourceBranchName": ref.rpartition("/")[2],
            "Build.Reason": {PULL_REQUEST: "PullRequest", SCHEDULE: "Schedule", MANUAL: "Manual"}.get(
                self.ref, "IndividualCI"
            ),
            "System.JobAttempt": "1",
        }
        if self.ref == PULL_REQUEST:
            found |= {
                "System.PullRequest.SourceBranch": f"refs/heads/{SOURCE_BRANCH}",
                "System.PullRequest.TargetBranch": MASTER,
                "System.PullRequest.PullRequestId": "17",
                "System.PullRequest.IsFork": str(self.fork),
            }
        return found

    @property
    def environ(self) -> dict[str, str]:
        return {"TF_BUILD": "True", **exported(self.variables)}


@dataclass(frozen=True)
class Group:
    """A variable group of the library."""

    variables: Mapping[str, str]
    secrets: Mapping[str, str]


def read(file: Path) -> dict[str, Any]:
    """The pipeline; every scalar is a string to Azure."""
    document: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    return document


def exported(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables as a script finds them in its environment; secrets are not among them."""
    return {name.upper().replace(".", "_"): value for name, value in variables.items()}


def starts(pipeline: Mapping[str, Any], event: Event) -> bool:
    """Whether the pipeline is started by the event."""
    if event.ref == MANUAL:  # which nothing else starts
        return pipeline["trigger"] == pipeline["pr"] == "none" and "schedules" not in pipeline
    if event.ref == SCHEDULE:
        return any("master" in one["branches"]["include"] for one in pipeline.get("schedules", []))
    if event.ref == PULL_REQUEST:
        return pipeline["pr"] != "none" and "master" in pipeline["pr"]["branches"]["include"]
    trigger = pipeline["trigger"]
    if trigger == "none":
        return False
    kind, _, short = event.ref.removeprefix("refs/").partition("/")
    chosen = trigger.get({"heads": "branches", "tags": "tags"}[kind], {})
    excluded = any(fnmatchcase(short, one) for one in chosen.get("exclude", []))
    return not excluded and any(fnmatchcase(short, one) for one in chosen.get("include", []))


def jobs(
    pipeline: Mapping[str, Any], event: Event, groups: Mapping[str, Group], agent: Mapping[str, str]
) -> Iterator[Job]:
    """The jobs that run. `agent`: variables that the agent adds."""
    for stage, job in _all_jobs(_compiled(pipeline, event.variables)):
        named = [job.get("environment", ""), *(one["group"] for one in job.get("variables", []) if "group" in one), ""]
        environment = next(filter(None, named), "").removeprefix("databricks-")
        variables, secrets = dict(event.variables), {"System.AccessToken": job_token(environment)}
        for one in [*pipeline.get("variables", []), *job.get("variables", [])]:
            if "group" in one:
                variables |= groups[one["group"]].variables
                secrets |= groups[one["group"]].secrets
            else:
                variables[one["name"]] = one["value"]
        known = {name.lower(): value for name, value in {**agent, **variables, **secrets}.items()}
        variables = {name: lookup(value, MACRO, known) for name, value in variables.items()}
        known |= {name.lower(): value for name, value in variables.items()}
        if not holds(job.get("condition", "succeeded()"), known):
            continue
        steps = _steps(job)
        yield Job(
            job.get("job") or job["deployment"],
            _checkout(steps[0]),
            tuple(_script(step, variables, known) for step in steps if "script" in step),
            tuple(one for one in (job.get("dependsOn"), stage.get("dependsOn")) if one),
            environment,
        )


def _compiled(value: Any, variables: Mapping[str, str]) -> Any:
    """What is known before anything runs is put in the place of its template expression."""
    if isinstance(value, dict):
        return {key: _compiled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_compiled(item, variables) for item in value]
    return lookup(value, TEMPLATE, {name.lower(): text for name, text in variables.items()})


def _all_jobs(pipeline: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for stage in pipeline.get("stages", [pipeline]):
        for job in stage["jobs"]:
            yield stage, job


def _steps(job: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (
        job["strategy"]["runOnce"]["deploy"]["steps"] if "deployment" in job else job["steps"]
    )
    for step in found:
        assert step.keys() & {"checkout", "script", "publish"} or step.get("task") in TASKS, step
    return found


def _checkout(step: Mapping[str, Any]) -> Checkout:
    assert step["checkout"] == "self", step  # a deployment job checks nothing out on its own
    return Checkout(int(step["fetchDepth"]), step["fetchTags"] == "true", step.get("lfs") == "true")


def _script(step: Mapping[str, Any], variables: Mapping[str, str], known: Mapping[str, str]) -> Script:
    named = {name: lookup(value, MACRO, known) for name, value in step.get("env", {}).items()}
    return Script(
        step["displayName"],
        lookup(step["script"], MACRO, known),
        SHELL,
        {**exported(variables), **named},
        always=step.get("condition") == "always()",
    )


def holds(condition: str, known: Mapping[str, str]) -> bool:
    """A condition of a job whose predecessors have succeeded."""

    class Variables:
        def __getitem__(self, name: str) -> str:
            return known.get(name.lower(), "")

    functions: dict[str, Any] = {
        "succeeded": lambda: True,
        "always": lambda: True,
        "and_": lambda *all_of: all(all_of),
        "eq": lambda one, other: one.lower() == other.lower(),
        "ne": lambda one, other: one.lower() != other.lower(),
        "variables": Variables(),
        "__builtins__": {},
    }
    return bool(eval(re.sub(r"\band\(", "and_(", condition), functions))
