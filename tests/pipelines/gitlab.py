"""GitLab pipelines, read as a runner reads them: which jobs an event starts, and what their scripts get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .jobs import ABOUT_MASTER, MANUAL, MASTER, PULL_REQUEST, SCHEDULE, SOURCE_BRANCH, Checkout, Job, Script, lookup

# https://docs.gitlab.com/runner/shells/: a script stops at the line that fails.
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
VARIABLE = r"\$\{?([A-Za-z_]\w*)\}?"
TOP = ".gitlab-ci.yml"
KEYWORDS = {"include", "stages", "default", "variables", "workflow"}
PROJECT = "databricks-branch-sync/databricks-branch-sync"
_TERM = re.compile(r'\$(\w+)(?:\s*(==|=~)\s*(?:"([^"]*)"|\$(\w+)|/(.*)/))?')


@dataclass(frozen=True)
class Event:
    """What happened: a push, a merge request, or that it was time."""

    ref: str
    fork: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """The predefined variables, as far as anybody here reads them; one that GitLab does not set is not there."""
        found = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_PATH": PROJECT}
        if self.ref == PULL_REQUEST:
            return found | {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_IID": "17",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": SOURCE_BRANCH,
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": MASTER.rpartition("/")[2],
                "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "somebody/fork" if self.fork else PROJECT,
            }
        kind, _, short = (MASTER if self.ref in ABOUT_MASTER else self.ref).removeprefix("refs/").partition("/")
        found["CI_PIPELINE_SOURCE"] = {SCHEDULE: "schedule", MANUAL: "web"}.get(self.ref, "push")
        return found | {"CI_COMMIT_TAG" if kind == "tags" else "CI_COMMIT_BRANCH": short, "CI_COMMIT_REF_NAME": short}


def read(file: Path) -> dict[str, Any]:
    """One file; what it takes of the others stands in that at the top."""
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return document


def jobs_of(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs that a file defines, by name, with what they extend, and the defaults of the file at the top."""
    top, own = read(file.with_name(TOP)), read(file)
    templates = {**top, **own}
    found = {}
    for name, job in own.items():
        if not name.startswith(".") and name not in KEYWORDS:
            base = templates[job["extends"]] if "extends" in job else {}
            merged = {**top["default"], **base, **job}
            merged["variables"] = {**top["variables"], **base.get("variables", {}), **job.get("variables", {})}
            found[name] = merged
    return found


def started(file: Path, event: Event) -> dict[str, dict[str, Any]]:
    """Those of its jobs that the event starts."""
    return {name: job for name, job in jobs_of(file).items() if _rule(job, event) is not None}


def jobs(
    file: Path, event: Event, scoped: Mapping[str, Mapping[str, str]], trusted: Mapping[str, str]
) -> Iterator[Job]:
    """The jobs that run. `scoped`: the variables that are limited to an environment; `trusted`: what identifies it."""
    for name, job in started(file, event).items():
        named = job.get("environment", "")
        environment = named.get("name", "") if isinstance(named, dict) else named
        environment = lookup(environment, VARIABLE, _lower(event.variables))
        values = {**event.variables, **scoped.get(environment, {})}
        values |= {key: _expanded(value, values) for key, value in job["variables"].items()}
        values |= dict.fromkeys(job.get("id_tokens", {}), trusted.get(environment, ""))
        yield Job(
            name,
            _checkout(job["variables"]),
            tuple(_scripts(job, values)),
            tuple(job.get("needs", ())),
            environment,
        )


def _scripts(job: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Script]:
    """What installs, what is done in the same shell after it, and what is done in any case in another."""
    yield Script("Install", "\n".join(job["before_script"]), SHELL, values)
    yield Script("Script", "\n".join(job["script"]), SHELL, values)
    if "after_script" in job:
        yield Script("Collect backups", "\n".join(job["after_script"]), SHELL, values, always=True)


def _checkout(variables: Mapping[str, str]) -> Checkout:
    flags = variables["GIT_FETCH_EXTRA_FLAGS"].split()
    return Checkout(int(variables["GIT_DEPTH"]), "--tags" in flags, "GIT_LFS_SKIP_SMUDGE" not in variables)


def _rule(job: Mapping[str, Any], event: Event) -> Mapping[str, Any] | None:
    """The first rule that fits; a job without any rules would run for everything."""
    return next((rule for rule in job["rules"] if all(_holds(term, event.variables) for term in _terms(rule))), None)


def _terms(rule: Mapping[str, Any]) -> list[str]:
    assert not {*rule} - {"if", "changes", "when", "allow_failure"} and "||" not in rule["if"], rule
    return [term.strip() for term in rule["if"].split("&&")]


def _holds(term: str, values: Mapping[str, str]) -> bool:
    match = _TERM.fullmatch(term)
    assert match, term
    value = values.get(match[1])
    if match[2] == "=~":
        return value is not None and re.search(match[5], value) is not None
    if match[2] == "==":
        return value == (match[3] if match[3] is not None else values.get(match[4]))
    return bool(value)


def _expanded(text: str, values: Mapping[str, str]) -> str:
    return lookup(text, VARIABLE, _lower(values))


def _lower(values: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in values.items()}
