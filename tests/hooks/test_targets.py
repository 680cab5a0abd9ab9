"""The targets of a hook.yml: what they replace, what is generated for them, and where they may be deployed."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import pytest
import yaml
from emulator.client import Local

from databricks_local.embedded import Running
from mlflow_hooks.model import Parameter, RefKind
from mlflow_hooks.reading.hook_file import read_hook, read_hooks
from mlflow_hooks.rules.check import check
from mlflow_hooks.schema import json_schema

from .desk import Desk
from .work import FILES, HOOK, git, repository, write

NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)
TARGETS = """\
targets:
  qa:
    experiment: /Shared/qa/demo
    parameters:
      word: {value: qa}
  prod:
    git: {branch: release}
    schedule: {paused: true}
"""
OTHER = HOOK.replace("name: demo", "name: other")
JOB, OTHER_JOB = "mlflow_demo_hook", "mlflow_other_hook"


@pytest.fixture
def desk(tmp_path: Path, embedded: Running) -> Desk:
    """A repository with a hook that has targets and one that has none, and an empty workspace."""
    api = Local(embedded.host, embedded.token)
    api.control("reset")
    root = repository(tmp_path / "team", {"hook.yml": HOOK + TARGETS})
    write(root / "projects" / "Other", {**FILES, "hook.yml": OTHER})
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "other")
    git(root, "tag", "--force", "v1.0")
    desk = Desk(root, tmp_path / "home", api)
    for job in desk.work.get("2.2/jobs/list").json.get("jobs", []):
        desk.work.post("2.2/jobs/delete", {"job_id": job["job_id"]})
    return desk


def rewrite(desk: Desk, text: str) -> None:
    write(desk.root / "projects" / "Demo", {"hook.yml": text})


def test_values(desk: Desk) -> None:
    """A target has its own values, and all others as at the top; a ref replaces a ref of another kind."""
    file = desk.root / "projects" / "Demo" / "hook.yml"
    plain, qa, prod = (read_hook(file, to).hook for to in ("", "qa", "prod"))
    assert plain and qa and prod
    assert [hook.experiment for hook in (plain, qa, prod)] == [plain.experiment, "/Shared/qa/demo", plain.experiment]
    assert qa.parameters[0] == Parameter("word", "string", "hello", "qa", widget=True)
    assert [(hook.git.kind, hook.git.ref) for hook in (plain, qa, prod)] == [
        (RefKind.TAG, "v1.0"),
        (RefKind.TAG, "v1.0"),
        (RefKind.BRANCH, "release"),
    ]
    assert plain.schedule and prod.schedule and prod.schedule.quartz == plain.schedule.quartz
    assert (plain.schedule.paused, prod.schedule.paused) == (False, True)
    validator = jsonschema.Draft7Validator(json.loads(json_schema()))
    assert validator.is_valid(yaml.safe_load(HOOK + TARGETS))
    assert not validator.is_valid(yaml.safe_load(HOOK + TARGETS.replace("experiment:", "experimnt:")))


MISTAKES = [
    ("  QA: {}\n", 12, "The name of the target 'QA' must begin"),
    ("  qa: 5\n", 12, "targets.qa must be a mapping"),
    ("  qa:\n    experimnt: x\n", 13, "hook.yml has no key 'experimnt'"),
    ("  qa:\n    timeout: soon\n", 13, "timeout must be a duration"),
    ("  qa:\n    extends: x.yml\n", 13, "A target has no extends: of its own"),
    ("  qa:\n    parameters: {wrod: x}\n", 13, "no parameter 'wrod'"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES, ids=[row[2] for row in MISTAKES])
def test_mistakes(desk: Desk, text: str, line: int, words: str) -> None:
    """`check` looks at every target, and names the line in which a wrong value stands."""
    rewrite(desk, f"{HOOK}targets:\n{text}")
    said = desk.quick("check", "demo", code=1).out
    assert f"projects/Demo/hook.yml:{line}: error: " in said and words in said


def test_generate(desk: Desk) -> None:
    """Each target has its files in a folder of its own, hooks without targets among them; what is over is deleted."""
    made = {
        name: action for name, action in desk.quick("generate", "--json").changes.items() if name.endswith("hook.py")
    }
    assert made == {
        f"hooks/{place}notebooks/{name}.py": "create" for place in ("", "qa/", "prod/") for name in (JOB, OTHER_JOB)
    }
    assert '"catalog"' not in (desk.root / f"hooks/qa/notebooks/{JOB}.py").read_text()
    assert "/Shared/qa/demo" in (desk.root / f"hooks/qa/notebooks/{JOB}.py").read_text()
    assert set(desk.quick("generate", "--json", "--check").changes.values()) == {"nothing"}
    rewrite(desk, HOOK + TARGETS.partition("  prod:")[0])
    assert set(desk.quick("generate", "--json", "--to", "qa").changes.values()) == {"nothing"}
    over = {name for name, action in desk.quick("generate", "--json").changes.items() if action == "delete"}
    assert {name.split("/")[1] for name in over} == {"prod"} and len(over) == 6
    assert not (desk.root / "hooks" / "prod").exists()


def test_deploy(desk: Desk) -> None:
    """A target is deployed where nothing of another one is, with what it says; a second time nothing is written."""
    desk.quick("generate")
    assert desk.quick("deploy", "--to", "qa", "--json").one("summary")["created"] == 4
    assert desk.quick("deploy", "--to", "qa", "--json").one("summary")["in_sync"] == 4
    desk.api.control("requests", method="DELETE")
    for words in (("--to", "prod"), ()):
        assert "as it is for qa" in desk.quick("deploy", *words, code=1).err
    assert desk.asked() == []
    assert desk.quick("deploy", "--to", "prod", "--overwrite", "--json").changes[JOB] == "update"
    assert desk.quick("deploy", "--to", "prod", "--json").one("summary")["in_sync"] == 4


def test_a_hook_that_is_nowhere_else(desk: Desk) -> None:
    """A hook that has other targets is left out, and is not pruned where it is deployed under a name of its target."""
    rewrite(desk, HOOK + TARGETS)
    write(desk.root / "projects" / "Other", {"hook.yml": OTHER + "targets: {prod: {name: other_prod}}\n"})
    desk.quick("generate")
    assert [job for job in desk.quick("deploy", "--to", "qa", "--json").changes if job.startswith("mlflow_")] == [JOB]
    assert desk.quick("deploy", "--to", "prod", "--overwrite", "--json").one("summary")["created"] == 2
    again = desk.quick("deploy", "--to", "prod", "--prune", "--json").one("summary")
    assert (again["deleted"], again["in_sync"]) == (0, 4)


def test_a_hook_without_targets(desk: Desk) -> None:
    """It is the same everywhere, so whichever target was named when it was deployed, another one may be named next."""
    rewrite(desk, HOOK)
    write(desk.root / "projects" / "Other", {"hook.yml": OTHER + "targets: {qa: {name: other_qa}, prod: {}}\n"})
    desk.quick("generate")
    desk.quick("deploy", "--to", "qa")
    again = desk.quick("deploy", "--to", "prod", "--json")
    assert again.changes[JOB] == "nothing" and again.changes[OTHER_JOB] == "create"


def test_every_target_is_checked(desk: Desk) -> None:
    """A hook is one hook, however many targets it has."""
    said = desk.quick("check").out
    assert "The hook runs whatever the branch release holds" in said and said.endswith("2 hooks: 1 warning\n")
    assert check(read_hooks(desk.root / "projects", "qa"), NOW) == []


def test_status(desk: Desk) -> None:
    """What is deployed is shown as it is there, with its last run and what differs; nothing is written."""
    desk.quick("generate")
    said = desk.quick("status").out
    assert "demo         not deployed" in said and said.endswith("2 hooks, 0 deployed\n")
    desk.quick("deploy", "--to", "prod")
    (job,) = (one for one in desk.work.get("2.2/jobs/list").json["jobs"] if one["settings"]["name"] == JOB)
    desk.api.control("run-states", [{"state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}])
    desk.work.post("2.2/jobs/run-now", {"job_id": job["job_id"]})
    desk.api.control("requests", method="DELETE")
    ran = desk.quick("status", "demo", "--json").one("status")
    assert (ran["to"], ran["ref"], ran["job_id"]) == ("prod", "branch release", job["job_id"])
    assert (ran["schedule"], ran["last_result"]) == ("0 0 6 * * ? Europe/Berlin, paused", "SUCCESS")
    assert ran["edited"] == ran["outdated"] == [] and ran["last_start"] and desk.asked() == []
    unpaused = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "UNPAUSED"}
    desk.work.post("2.2/jobs/update", {"job_id": job["job_id"], "new_settings": {"schedule": unpaused}})
    rewrite(desk, HOOK + TARGETS.replace("release", "next") + "timeout: 3h\n")
    said = desk.quick("status", "demo").out
    assert "  edited in the workspace: schedule.pause_status\n" in said and "last run SUCCESS, " in said
    (outdated,) = (line for line in said.splitlines() if line.startswith("  to be deployed: "))
    assert "tasks.hook.timeout_seconds" in outdated and outdated.endswith("the notebook")
    rewrite(
        desk, HOOK.replace("name: demo", "name: demo\nengine: jobs-git").replace("tag:", "provider: gitHub\n  tag:")
    )
    desk.quick("generate")
    desk.quick("deploy", "--overwrite")
    assert desk.quick("status", "demo", "--json").one("status")["ref"] == "tag v1.0"
    desk.api.control("run-states", method="DELETE")
