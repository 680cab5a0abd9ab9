"""A GitHub Actions workflow, read as the runner reads it: which jobs an event starts, and what their scripts get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .jobs import (
    ABOUT_MASTER,
    MANUAL,
    MASTER,
    PULL_REQUEST,
    SCHEDULE,
    SOURCE_BRANCH,
    Checkout,
    Job,
    Script,
    Unresolved,
    lookup,
)

# https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax: what `shell` stands for.
SHELLS = {"": ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}
EXPRESSION = r"\$\{\{\s*([\w.-]+)\s*\}\}"
REPOSITORY = "databricks-branch-sync/databricks-branch-sync"


@dataclass(frozen=True)
class Event:
    """What happened: a push, a pull request, or that it was time."""

    ref: str
    fork: bool = False

    @property
    def name(self) -> str:
        names = {PULL_REQUEST: "pull_request", SCHEDULE: "schedule", MANUAL: "workflow_dispatch"}
        return names.get(self.ref, "push")

    @property
    def environ(self) -> dict[str, str]:
        """The variables of every runner, as far as anybody here reads them."""
        ref = MASTER if self.ref in ABOUT_MASTER else self.ref
        kind, _, short = ref.removeprefix("refs/").partition("/")
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.name,
            "GITHUB_REF": ref,
            "GITHUB_REF_NAME": short,
            "GITHUB_REF_TYPE": "tag" if kind == "tags" else "branch",
            "GITHUB_HEAD_REF": SOURCE_BRANCH if self.name == "pull_request" else "",
            "GITHUB_BASE_REF": MASTER.rpartition("/")[2] if self.name == "pull_request" else "",
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    @property
    def context(self) -> dict[str, str]:
        found = {"github.ref": self.ref, "github.repository": REPOSITORY, "github.run_attempt": "1"}
        found["github.ref_name"] = self.environ["GITHUB_REF_NAME"]
        if self.name == "pull_request":
            found["github.event.pull_request.number"] = "17"
            found["github.event.pull_request.head.repo.full_name"] = "somebody/fork" if self.fork else REPOSITORY
        return found


def read(file: Path) -> dict[str, Any]:
    """The workflow; its key `on` is a boolean to YAML 1.1, and a word to GitHub."""
    document: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in document.items()}


def starts(workflow: Mapping[str, Any], event: Event) -> bool:
    """Whether the workflow is started by the event."""
    if workflow["on"] == event.name:
        return True
    trigger = workflow["on"].get(event.name) if isinstance(workflow["on"], dict) else None
    if trigger is None:
        return False
    if event.name == "pull_request":
        return "master" in trigger["branches"]
    if event.name == "schedule":
        return all(one["cron"] for one in trigger)
    kind, _, short = event.ref.removeprefix("refs/").partition("/")
    wanted = trigger.get({"heads": "branches", "tags": "tags"}[kind], [])
    return any(re.fullmatch(one.replace("*", "[^/]*"), short) for one in wanted)


def jobs(workflow: Mapping[str, Any], event: Event, stores: Mapping[str, Mapping[str, str]]) -> Iterator[Job]:
    """The jobs that run. `stores`: what each environment has, by `vars.NAME` and `secrets.NAME`."""
    for name, job in workflow["jobs"].items():
        environment = _resolved(job.get("environment", ""), event.context)
        values = {**event.context, **stores.get(environment, {})}
        context = {key.lower(): value for key, value in values.items()}
        if not _holds(job.get("if", "always()"), context):
            continue
        env = {**workflow.get("env", {}), **job.get("env", {})}
        steps = job["steps"]
        yield Job(
            name,
            _checkout(steps[0]),
            tuple(_script(step, workflow, env, context) for step in steps if "run" in step),
            (job["needs"],) if "needs" in job else (),
            environment,
        )


def allowed(workflow: Mapping[str, Any], job: str) -> Mapping[str, str]:
    """The permissions of the job's token; what is not named is none."""
    found: Mapping[str, str] = workflow["jobs"][job].get("permissions", workflow["permissions"])
    return found


def _checkout(step: Mapping[str, Any]) -> Checkout:
    assert step["uses"].startswith("actions/checkout@"), step
    given = step.get("with", {})
    depth = int(given.get("fetch-depth", 1))
    return Checkout(depth, depth == 0 or bool(given.get("fetch-tags", False)), bool(given.get("lfs")))


def _script(
    step: Mapping[str, Any], workflow: Mapping[str, Any], env: Mapping[str, str], context: Mapping[str, str]
) -> Script:
    shell = step.get("shell", workflow.get("defaults", {}).get("run", {}).get("shell", ""))
    merged = {**env, **step.get("env", {})}
    return Script(
        step["name"],
        _resolved(step["run"], context),
        SHELLS[shell],
        {name: _resolved(str(value), context) for name, value in merged.items()},
        always=step.get("if") == "always()",
    )


def _resolved(text: str, context: Mapping[str, str]) -> str:
    found = lookup(text, EXPRESSION, context)
    if "${{" in found:
        raise Unresolved(text)
    return found


def _holds(condition: str, context: Mapping[str, str]) -> bool:
    """`always()`, or an equation between two values."""
    if condition == "always()":
        return True
    left, right = (lookup(f"${{{{ {side} }}}}", EXPRESSION, context) for side in condition.split("=="))
    return left == right
