"""The CIs as one: what happens starts pipelines, and their jobs run on machines with the CI's variables."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from support.project import Workspace

from . import azure, github, gitlab
from .identity import job_token
from .jobs import URL, Job, Machine, Ran

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
INSTALL = "Install"
CLIENT_ID = "4c5d1e2f-0000-4000-8000-000000000001"


class Service(Protocol):
    """One of them; `fork`: the pull request comes from one."""

    @property
    def folder(self) -> str: ...

    def read(self, name: str) -> dict[str, Any]: ...

    def starts(self, name: str, ref: str) -> bool: ...

    def jobs(self, name: str, ref: str, fork: bool = False) -> list[Job]: ...

    def environ(self, name: str, job: Job, ref: str) -> dict[str, str]: ...


@dataclass(frozen=True)
class Stores:
    """What the CI's stores hold for each environment, and where its identity service is."""

    workspaces: Mapping[str, Workspace]
    identity: str

    def variables(self, environment: str) -> dict[str, str]:
        """What everybody may see; production also reads from QA."""
        own = {"DATABRICKS_HOST": self.workspaces[environment].host, "DATABRICKS_CLIENT_ID": CLIENT_ID}
        if environment != "production" or "qa" not in self.workspaces:
            return own
        others = {"FROM_DATABRICKS_HOST": self.workspaces["qa"].host, "FROM_DATABRICKS_CLIENT_ID": CLIENT_ID}
        return {**own, **others, "PROMOTION_APPROVED_BY": "the reviewers of production"}

    def secrets(self, environment: str) -> dict[str, str]:
        token = self.workspaces[environment].token
        own = {"DATABRICKS_CLIENT_SECRET": token, "DATABRICKS_TOKEN": token}
        if environment != "production" or "qa" not in self.workspaces:
            return own
        return {**own, "FROM_DATABRICKS_CLIENT_SECRET": self.workspaces["qa"].token}


@dataclass(frozen=True)
class GitHub:
    stores: Stores
    folder: str = "github-actions"

    def read(self, name: str) -> dict[str, Any]:
        return github.read(PIPELINES / self.folder / name)

    def starts(self, name: str, ref: str) -> bool:
        return github.starts(self.read(name), github.Event(ref))

    def jobs(self, name: str, ref: str, fork: bool = False) -> list[Job]:
        stores = {
            environment: {
                **{f"vars.{name}": value for name, value in self.stores.variables(environment).items()},
                **{f"secrets.{name}": value for name, value in self.stores.secrets(environment).items()},
            }
            for environment in self.stores.workspaces
        }
        return [*github.jobs(self.read(name), github.Event(ref, fork), stores)]

    def environ(self, name: str, job: Job, ref: str) -> dict[str, str]:
        """A token to ask for an identity with only where the permissions say so."""
        found = github.Event(ref).environ
        if github.allowed(self.read(name), job.name).get("id-token") == "write":
            asking = {"URL": f"{self.stores.identity}/token?api-version=2.0", "TOKEN": job_token(job.environment)}
            found |= {f"ACTIONS_ID_TOKEN_REQUEST_{key}": value for key, value in asking.items()}
        return found


@dataclass(frozen=True)
class Azure:
    stores: Stores
    staging: Path
    folder: str = "azure-devops"

    def read(self, name: str) -> dict[str, Any]:
        return azure.read(PIPELINES / self.folder / name)

    def starts(self, name: str, ref: str) -> bool:
        return azure.starts(self.read(name), azure.Event(ref))

    def jobs(self, name: str, ref: str, fork: bool = False) -> list[Job]:
        self.staging.mkdir(exist_ok=True)
        groups = {
            f"databricks-{environment}": azure.Group(
                self.stores.variables(environment), self.stores.secrets(environment)
            )
            for environment in self.stores.workspaces
        }
        agent = {"Build.ArtifactStagingDirectory": str(self.staging)}
        return [*azure.jobs(self.read(name), azure.Event(ref, fork), groups, agent)]

    def environ(self, name: str, job: Job, ref: str) -> dict[str, str]:
        """Also the parts of the address at which an identity token is asked for."""
        where = {
            "System.TeamFoundationCollectionUri": f"{self.stores.identity}/team/",
            "System.TeamProjectId": "project",
            "System.PlanId": "plan",
            "System.JobId": "job",
            "System.HostType": "build",
        }
        return azure.Event(ref).environ | azure.exported(where)


@dataclass(frozen=True)
class GitLab:
    stores: Stores
    folder: str = "gitlab"

    def read(self, name: str) -> dict[str, Any]:
        return gitlab.read(PIPELINES / self.folder / name)

    def starts(self, name: str, ref: str) -> bool:
        return bool(gitlab.started(PIPELINES / self.folder / name, gitlab.Event(ref)))

    def jobs(self, name: str, ref: str, fork: bool = False) -> list[Job]:
        """Variables of the environment are in every job of it, so a merge request has one of its own, `review`."""
        workspaces = self.stores.workspaces
        scoped = {
            environment: {
                name: value
                for name, value in {**self.stores.variables(environment), **self.stores.secrets(environment)}.items()
                if name != "DATABRICKS_TOKEN"
            }
            for environment in workspaces
        }
        scoped["review"] = {"DATABRICKS_HOST": workspaces["dev"].host, "DATABRICKS_TOKEN": workspaces["dev"].token}
        trusted = {environment: one.token for environment, one in workspaces.items()}
        return [*gitlab.jobs(PIPELINES / self.folder / name, gitlab.Event(ref, fork), scoped, trusted)]

    def environ(self, name: str, job: Job, ref: str) -> dict[str, str]:
        return gitlab.Event(ref).variables


@dataclass
class Ci:
    """A CI with a repository: starts pipelines, and keeps what their jobs left."""

    service: Service
    origin: Path
    folder: Path
    machines: list[Machine] = field(default_factory=list)

    def run(self, name: str, ref: str, *only: str, code: int = 0) -> dict[str, list[Ran]]:
        """The jobs of a pipeline, or some of them, each on a machine of its own; every script has to end with `code`.

        But for what installs: the same few lines everywhere, which test_files.py executes.
        """
        assert self.service.starts(name, ref)
        found = {}
        for job in self.service.jobs(name, ref):
            if not only or job.name in only:
                scripts = [script for script in job.scripts if script.name != INSTALL]
                found[job.name] = done = self.machine(name, job, ref).run(scripts)
                assert len(done) == len(scripts) and all(one.code == code for one in done), done
        return found

    def type(self, workspace: Workspace, *words: str, clone: Path | None = None, **env: str) -> str:
        """What a person types in the repository, or in a clone of it, who has a token; what it said."""
        environ = self._git() | {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token, **env}
        person = Machine(self.folder / f"person-{len(self.machines)}", environ)
        self.machines.append(person)
        done = subprocess.run(
            words, cwd=clone or self.origin, env=person.environ, capture_output=True, text=True, check=True
        )
        return done.stdout

    def _git(self) -> dict[str, str]:
        """The repository's address leads to where it is."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.origin}.insteadOf",
            "GIT_CONFIG_VALUE_0": URL,
        }

    def machine(self, name: str, job: Job, ref: str) -> Machine:
        """A fresh machine with the job's clone on it."""
        environ = self._git() | self.service.environ(name, job, ref)
        machine = Machine(self.folder / f"{len(self.machines)}-{job.name}", environ)
        machine.check_out(ref, job.checkout)
        self.machines.append(machine)
        return machine


def pipelines() -> Iterator[str]:
    """The file names of the pipelines; all CIs have the same ones."""
    for file in sorted((PIPELINES / "github-actions").iterdir()):
        yield file.name
