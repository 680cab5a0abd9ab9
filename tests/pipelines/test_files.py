"""The pipelines as files: valid, alike for all CIs, with no more rights than they need, and nothing left to chance."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from support.project import Workspace

import databricks_sync

from . import azure, github, gitlab
from .jobs import MANUAL, MASTER, PULL_REQUEST, QA_BRANCH, SCHEDULE, TAG, URL, Job, Unresolved, lookup
from .services import INSTALL, PIPELINES, Azure, Ci, GitHub, GitLab, Service, Stores, pipelines

NAMES = [*pipelines()]
EVENTS = {
    "pull-request.yml": PULL_REQUEST,
    "master.yml": MASTER,
    "hooks.yml": MASTER,
    "drift.yml": SCHEDULE,
    "branches.yml": QA_BRANCH,
    "model.yml": MANUAL,
}
READING = {"pull-request.yml", "drift.yml"}  # they write to no folder that others write to
NOWHERE = Workspace("https://adb-1.2.azuredatabricks.net", "dapi-of-nowhere")
STORES = Stores(dict.fromkeys(("dev", "qa", "production"), NOWHERE), "http://127.0.0.1:9")


@pytest.fixture
def services(tmp_path: Path) -> tuple[Service, Service]:
    """Both CIs, with workspaces that nobody reaches."""
    return GitHub(STORES), Azure(STORES, tmp_path / "staging")


def jobs(service: Service, name: str) -> list[Job]:
    return service.jobs(name, EVENTS.get(name, TAG))


def typed(job: Job) -> list[tuple[str, list[str]]]:
    """The commands of a job, step by step, without what only one CI needs."""
    return [
        (script.name, [line for line in script.text.splitlines() if not re.match(r"set -e\b|#", line)])
        for script in job.scripts
        if script.name not in ("Collect backups", "Show the review")  # each CI has a way of its own
    ]


@pytest.mark.parametrize("folder", ["github-actions", "azure-devops", "gitlab"])
def test_schema(folder: str) -> None:
    """Each file is valid by the schema its CI publishes."""
    name, read = {
        "github-actions": ("github-workflows", github.read),
        "azure-devops": ("azure-pipelines", azure.read),
        "gitlab": ("gitlab-ci", gitlab.read),
    }[folder]
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    validator = jsonschema.Draft7Validator(json.loads(vendored.read_text(encoding="utf-8")))
    for file in sorted((PIPELINES / folder).iterdir()):
        wrong = [error.message[:200] for error in validator.iter_errors(read(file))]
        assert not wrong, (file.name, wrong)


def test_all(services: tuple[Service, Service]) -> None:
    """All CIs have the same pipelines; each is started by what it is for, and by nothing else."""
    refs = (PULL_REQUEST, MASTER, TAG, SCHEDULE, MANUAL, QA_BRANCH, "refs/heads/other")
    for service in (*services, GitLab(STORES)):
        assert sorted(one.name for one in (PIPELINES / service.folder).glob("[!.]*")) == NAMES
        for name in NAMES:
            started = {ref for ref in refs if service.starts(name, ref)}
            assert started == {EVENTS.get(name, TAG)}, name


@pytest.mark.parametrize("name", NAMES)
def test_same_commands(services: tuple[Service, Service], name: str) -> None:
    """What a job types is the same in both CIs, in the same order, and its clone as deep and with git-lfs."""
    one, other = (
        [(job.name, job.needs, job.environment, job.checkout, typed(job)) for job in jobs(service, name)]
        for service in services
    )
    assert one == other and all(checkout.lfs for _, _, _, checkout, _ in one)


@pytest.mark.parametrize("name", NAMES)
def test_same_on_gitlab(services: tuple[Service, Service], name: str) -> None:
    """So it is on GitLab, where a job has one script, and a merge request an environment of its own."""

    def lines(job: Job) -> list[str]:
        return [line for _, step in typed(job) for line in step]

    there, here = jobs(services[0], name), jobs(GitLab(STORES), name)
    assert [lines(job) for job in here] == [lines(job) for job in there]
    needs = [tuple(name.removeprefix("model-") for name in job.needs) for job in here]  # no two have one name there
    assert needs == [job.needs for job in there]
    depths = {2: 0}  # a review begins where the branch left master, and not at a merge of the CI's
    checkouts = [replace(job.checkout, depth=depths.get(job.checkout.depth, job.checkout.depth)) for job in there]
    assert [job.checkout for job in here] == checkouts
    assert [job.environment.replace("review", "dev") for job in here] == [job.environment for job in there]
    every = gitlab.read(PIPELINES / "gitlab" / gitlab.TOP)
    included = {Path(entry["local"]).name for entry in every["include"]}
    assert included == {*NAMES} - {"branches.yml"}


def test_names_on_gitlab() -> None:
    """All files are one configuration there, in which no two jobs may have a name in common, and each has its stage."""
    stages = gitlab.read(PIPELINES / "gitlab" / gitlab.TOP)["stages"]
    found = [(job, one["stage"]) for name in NAMES for job, one in gitlab.jobs_of(PIPELINES / "gitlab" / name).items()]
    assert len({job for job, _ in found}) == len(found) and {stage for _, stage in found} <= {*stages}


def test_same_run(services: tuple[Service, Service]) -> None:
    """What runs in a pull request is one line a step, with the same settings in both CIs."""
    on_github, on_azure = (
        next(job for job in jobs(service, "pull-request.yml") if job.name == "run").scripts for service in services
    )
    assert [script.text.strip() for script in on_github] == [script.text.strip() for script in on_azure]
    for script, other in zip(on_github, on_azure, strict=True):
        if script.name != INSTALL:
            assert script.env.keys() == {"DATABRICKS_HOST", "DATABRICKS_TOKEN", "MODEL"} and "\n" not in script.text
            assert script.env.items() <= other.env.items()


@pytest.mark.long  # pip takes seconds, and the lines change seldom
def test_install(services: tuple[Service, Service], origin: Path, tmp_path: Path) -> None:
    """What the pipelines install is there for pip to find: names, versions and extras are right."""
    ci = Ci(services[0], origin, tmp_path)
    [job, *_] = jobs(services[0], "pull-request.yml")
    chosen = {
        script.text: script
        for service in services
        for name in NAMES
        for one in jobs(service, name)
        for script in one.scripts
        if script.name == INSTALL
    }
    assert len(chosen) == len([*PIPELINES.glob("requirements*.txt")])
    for done in ci.machine("pull-request.yml", job, PULL_REQUEST).run([*chosen.values()]):
        assert done.code == 0, done.said
        assert "databricks-branch-sync[hooks]" in done.said
    assert "hooks" in metadata("databricks-branch-sync").get_all("Provides-Extra", [])


def test_one_version() -> None:
    """The pipelines install this version; the address for those without an index is that of its tag."""
    text = (PIPELINES / "requirements.txt").read_text(encoding="utf-8")
    version = databricks_sync.__version__
    assert re.findall(r"^databricks-branch-sync\[hooks\]==(.*)$", text, re.M) == [version]
    assert f"databricks-branch-sync[hooks] @ git+{URL}@v{version}\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_secrets(services: tuple[Service, Service], name: str) -> None:
    """A job logs in in one way, and no secret is pasted into a script, where others could read it or run it."""
    for service in (*services, GitLab(STORES)):
        for job in jobs(service, name):
            for script in job.scripts:
                assert len({"DATABRICKS_TOKEN", "DATABRICKS_AUTH_TYPE"} & script.env.keys()) <= 1, script
                assert NOWHERE.token not in script.text
    for job in github.read(PIPELINES / "github-actions" / name)["jobs"].values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("name", NAMES)
def test_rights(name: str) -> None:
    """On GitHub a job may read the repository, and ask who it is where it logs in by that; the clone keeps no token."""
    workflow = github.read(PIPELINES / "github-actions" / name)
    for job in workflow["jobs"].values():
        federated = job.get("env", {}).get("DATABRICKS_AUTH_TYPE") == "github-oidc"
        wanted = {"contents": "read", "id-token": "write"} if federated else {"contents": "read"}
        assert workflow["permissions"] == wanted and "permissions" not in job
        assert job["steps"][0]["with"]["persist-credentials"] is False
        assert job["timeout-minutes"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in READING])
def test_one_at_a_time(name: str) -> None:
    """Two runs never write to one folder: the later one waits, and what writes is not stopped half-way."""
    workflow = github.read(PIPELINES / "github-actions" / name)
    for job in workflow["jobs"].values():
        group = job.get("concurrency") or workflow["concurrency"]
        assert group["cancel-in-progress"] is False
        assert "${{" not in group["group"].replace("branch-${{ github.ref_name }}", "")  # each has its workspace
    pipeline = azure.read(PIPELINES / "azure-devops" / name)
    assert pipeline["lockBehavior"] in ("sequential", "runLatest")
    assert name not in ("master.yml", "hooks.yml", "branches.yml") or pipeline["trigger"]["batch"] == "true"
    for job in gitlab.jobs_of(PIPELINES / "gitlab" / name).values():
        assert job["resource_group"] and job["interruptible"] is False
    for stage in pipeline.get("stages", [pipeline]):
        assert all("deployment" in job for job in stage["jobs"])  # only they take an environment's lock


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_lost(name: str) -> None:
    """Where a CI goes on after a failing line, a script of several stops at it itself."""
    pipeline = (PIPELINES / "azure-devops" / name).read_text(encoding="utf-8")
    for script in re.findall(r"- script: \|\n( +)(\S.*)\n\1", pipeline):
        assert script[1].startswith(("set -e", "if ")), script
    workflow = github.read(PIPELINES / "github-actions" / name)
    assert workflow["defaults"]["run"]["shell"] == "bash"  # which is with -eo pipefail; without it, -e alone


def test_backups_are_unpacked_where_they_came_from() -> None:
    """All files that keep backups, and the manual, name the one folder to unpack them in: the one that was kept."""
    kept = ".git/databricks_sync/backups"
    for folder in ("github-actions", "azure-devops", "gitlab"):
        told = (PIPELINES / folder / "master.yml").read_text(encoding="utf-8")
        assert f"unpack it in {kept}." in told and told.count(".git/databricks_sync") == told.count(kept)
    manual = (PIPELINES.parent / "docs" / "ci.md").read_text(encoding="utf-8")
    assert manual.count(".git/databricks_sync") == manual.count(kept) > 0


def test_unresolved() -> None:
    """An expression that nobody gave a value is noticed by these tests."""
    with pytest.raises(Unresolved):
        lookup("${{ secrets.OTHER }}", github.EXPRESSION, {"secrets.databricks_token": "x"})
    with pytest.raises(Unresolved):
        lookup("echo $(DATABRICKS_HOST)", azure.MACRO, {})
    assert lookup("echo $(git log -1)", azure.MACRO, {}) == "echo $(git log -1)"
