from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hooks.stage import Stage
from support.project import Workspace

from databricks_local.embedded import Running, running

from .identity import identity
from .jobs import SOURCE_BRANCH, URL
from .services import ROOT, Azure, Ci, GitHub, GitLab, Service, Stores

sys.path.insert(0, str(ROOT / "docs"))

import readme

RUFF = '[tool.ruff]\nline-length = 120\nbuiltins = ["dbutils", "display", "displayHTML", "spark"]\n'
UNIT_TEST = (
    "from bikesharing.demand import is_busy\n\n\ndef test_busy():\n    assert is_busy(140) and not is_busy(90)\n"
)
NOTEBOOK_TESTS = ROOT / "tests" / "test_notebooks.py"
PYTEST = '[tool.pytest.ini_options]\npythonpath = ["src"]\ntestpaths = ["tests"]\n'


@pytest.fixture(scope="session")
def library() -> dict[str, str]:
    """The files that docs/library.md has people write."""
    found: dict[str, str] = readme.files((ROOT / "docs" / "library.md").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory, library: dict[str, str]) -> Path:
    """A team's repository: what this one shows, a library, a unit test, and a pull request."""
    top = tmp_path_factory.mktemp("repository")
    for folder in ("notebooks", "projects", "pipelines"):
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "test_*"))
    tests = {"tests/test_demand.py": UNIT_TEST, "tests/test_notebooks.py": NOTEBOOK_TESTS.read_text(encoding="utf-8")}
    project = {"pyproject.toml": library["pyproject.toml"] + "\n" + RUFF + "\n" + PYTEST}
    ignored = {".gitignore": "__pycache__/\n*.egg-info/\nbuild/\n.*_cache/\n"}
    for path, text in {**library, **project, **ignored, **tests}.items():
        (top / path).parent.mkdir(exist_ok=True, parents=True)
        (top / path).write_text(text, encoding="utf-8")
    git(top, "init", "-q", "-b", "master")
    git(top, "remote", "add", "origin", URL)
    subprocess.run([sys.executable, "-m", "mlflow_hooks", "generate"], cwd=top, check=True, capture_output=True)
    git(top, "add", "--all")
    git(top, "commit", "-q", "-m", "Start")
    git(top, "tag", "v0.1.0")
    git(top, "tag", "v1.2.0")
    git(top, "switch", "-q", "-c", SOURCE_BRANCH)
    edit(top / "notebooks/models/demand_forecast.py", "DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 3")
    git(top, "commit", "-q", "-am", "Keep fewer days aside")
    git(top, "switch", "-q", "master")
    git(top, "merge", "-q", "--no-ff", "-m", "Merge pull request 17", SOURCE_BRANCH)
    git(top, "update-ref", "refs/pull/17/merge", "HEAD")
    git(top, "reset", "-q", "--hard", "HEAD^1")
    return top


@pytest.fixture
def origin(repository: Path, tmp_path: Path) -> Path:
    """A copy of it for a test to change."""
    return Path(shutil.copytree(repository, tmp_path / "origin"))


def git(folder: Path, *words: str) -> str:
    me = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
    return subprocess.run(["git", *me, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def servers(embedded: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Workspace]]:
    """The workspaces of dev and QA, which are one here, and of production."""
    first = Workspace(embedded.host, embedded.token)
    with running(tmp_path_factory.mktemp("production") / "workspace") as production:
        last = Workspace(production.host, production.token)
        yield {"dev": first, "qa": first, "production": last, "main": last}


@pytest.fixture
def workspaces(servers: dict[str, Workspace]) -> dict[str, Workspace]:
    """Those, empty and well-behaved."""
    for one in {one.host: one for one in servers.values()}.values():
        one.renew()
    return servers


@pytest.fixture
def dev(workspaces: dict[str, Workspace]) -> Workspace:
    return workspaces["dev"]


# What a job types is the same in both CIs, in clones of one depth: test_files.py compares them. So in `make test` one
# stands for both, but where a test asks for each, as they do something in ways of their own.
BOTH = ["github", pytest.param("azure", marks=pytest.mark.long)]


@pytest.fixture(params=BOTH)
def ci(request: pytest.FixtureRequest, workspaces: dict[str, Workspace], origin: Path, tmp_path: Path) -> Iterator[Ci]:
    """A CI with the workspaces of dev, QA and production."""
    with identity({environment: one.token for environment, one in workspaces.items()}) as address:
        yield made(request.param, workspaces, address, origin, tmp_path)


@pytest.fixture
def trial(shared: Stage) -> Workspace:
    """The workspace that runs projects."""
    return Workspace(shared.work.api.host, shared.work.api.token)


@pytest.fixture(params=BOTH)
def trial_ci(request: pytest.FixtureRequest, trial: Workspace, origin: Path, tmp_path: Path) -> Ci:
    """A CI with that workspace alone."""
    return made(request.param, {"dev": trial}, "", origin, tmp_path)


def made(kind: str, workspaces: dict[str, Workspace], identity: str, origin: Path, folder: Path) -> Ci:
    stores = Stores(workspaces, identity)
    services: dict[str, Service] = {
        "github": GitHub(stores),
        "azure": Azure(stores, folder / "staging"),
        "gitlab": GitLab(stores),
    }
    return Ci(services[kind], origin, folder)
