"""The frozen values everybody passes: a hook, the project it starts, and what is wrong with either.

A *project* is a folder with an `MLproject` file. A *hook* is what starts it: `hook.yml` in that folder says how.
Nothing here reads a file: `reading/` makes these values, `rules/` judges them, and `generate/` turns them into text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from posixpath import join
from typing import Any, NamedTuple

from .schema import (
    DEFAULT_MLFLOW,
    DEFAULT_TIMEOUT,
    Engine,
    JobSchedule,
    Notifications,
    Permission,
    Promotion,
    ResultKeys,
    Secret,
    SparkJob,
)

WORKSPACE_FOLDER = "/Shared/mlflow_hooks"

# Deadlines from the inside out: the hook ends first and cancels what it started; then the job's task, then the job,
# then Data Factory. The first step is long because the time a task's own cluster takes to start counts as the task's.
TASK_MARGIN = timedelta(minutes=15)
JOB_MARGIN = TASK_MARGIN + timedelta(minutes=5)
DATA_FACTORY_MARGIN = JOB_MARGIN + timedelta(minutes=10)

# Widgets of every hook notebook; no parameter of a project may be called like one of them.
GIT_REF = "git_ref"
EXPERIMENT = "experiment"
TIMEOUT = "timeout_seconds"
TRIGGER = "trigger"
JOB_RUN_ID = "job_run_id"
MODEL = "model"  # the parameter of an entry point that judges a version: which one
RESERVED = (GIT_REF, EXPERIMENT, TIMEOUT, TRIGGER, JOB_RUN_ID)


def job_name(hook: str) -> str:
    """What the job of the hook of that name is called, and its notebook."""
    return f"mlflow_{hook}_hook"


class RefKind(str, Enum):
    """What a hook's source is pinned to."""

    TAG = "tag"
    COMMIT = "commit"
    BRANCH = "branch"


class ValueKind(str, Enum):
    """What a step leaves of a value for a later one, in its MLflow run."""

    TAG = "tag"
    METRIC = "metric"


class FindingSeverity(str, Enum):
    """An error stops generate and deploy; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake. `file` is relative to the repository with `/`, `line` 0 where there is none; `message` says what will
    happen, `remedy` what to write instead."""

    file: str
    line: int
    severity: FindingSeverity
    message: str
    remedy: str = ""

    @property
    def place(self) -> str:
        """The file and the line, as compilers say it."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: where it lies, and on which line each of its values stands.

    `lines` is keyed by the path to a value, such as `("schedule", "quartz")` or `("libraries", "0")`. `base`: the file
    that it extends, which has the values that it has not itself.
    """

    path: Path
    name: str  # as findings show it: relative to the repository, with `/`
    text: str = field(default="", repr=False)
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict, repr=False)
    base: Document | None = field(default=None, repr=False)

    def has(self, *keys: str) -> bool:
        """Whether there is such a value, here or in the file that this one extends."""
        return keys in self.lines or (self.base is not None and self.base.has(*keys))

    def place(self, *keys: str) -> tuple[str, int]:
        """The file and the line of a value, or of the nearest thing around it; line 0 in a file that is not there."""
        for length in range(len(keys), -1, -1):
            near = keys[:length]
            if near in self.lines:
                return self.name, self.lines[near]
            if self.base is not None and self.base.has(*near):
                return self.base.place(*near)
        return self.name, 0

    def within(self, *keys: str) -> Document:
        """The document as a section of it is read: the values in the section are found first, then those around it."""
        view, files = self, [self]
        while (base := files[-1].base) is not None:
            files.append(base)
        for file in reversed(files):
            own = {path[len(keys) :]: line for path, line in file.lines.items() if path[: len(keys)] == keys}
            view = replace(file, lines=own, base=view)
        return view


@dataclass(frozen=True, slots=True)
class StepValue:
    """What the step called `step` leaves for a later one, under the name `key`."""

    step: str
    kind: ValueKind
    key: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as the entry point declares it, with what hook.yml says of it. Values are text, as on a command line.

    MLflow itself checks no `type`. `value` None: hook.yml gives none, the project's `default` holds, if it has one.
    `widget`: callers may set it. `source`: an earlier step gives the value. `shared`: what a step gets is what the
    pipeline gives to all. `trial`: what it is in a trial.
    """

    name: str
    type: str = "string"
    default: str | None = None
    value: str | None = None
    widget: bool = False
    source: StepValue | None = None
    shared: bool = False
    trial: str | None = None

    @property
    def effective(self) -> str | None:
        """What the project gets from a caller who says nothing; None when that is an error."""
        return self.default if self.value is None else self.value

    @property
    def required(self) -> bool:
        """Whether a caller has to give a value."""
        return self.effective is None and self.source is None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """An entry point of an MLproject: its command, with `{parameter}` where a value goes."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()


class Requirements(NamedTuple):
    """`packages` as pip names them, without options; `index_url`: of the index that has them, "" for the usual.

    `others`: the lines that only pip understands, such as `--extra-index-url …` or `-e .`. `hashed`: some have hashes.
    """

    packages: tuple[str, ...] = ()
    index_url: str = ""
    others: tuple[str, ...] = ()
    hashed: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """The project's environment: `kind` is the key in MLproject (python_env, conda_env, docker_env).

    `requirements` are those of pip, with those of requirement files; `conda` is what only conda can install.
    """

    kind: str
    document: Document
    python: str = ""
    requirements: Requirements = field(default_factory=Requirements)
    conda: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster file: the `new_cluster` itself, and the libraries beside it.

    `wrapped`: the file says `{"new_cluster": {...}, "libraries": [...]}`, which is what a plain project needs; a
    Spark job needs the bare cluster. `config` gives MLflow the right one whichever the file is.
    """

    document: Document
    spec: Mapping[str, Any]
    libraries: tuple[Mapping[str, Any], ...] = ()
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class MLflowProject:
    """A folder with an MLproject file. `subfolder` is its path in the repository, with `/`; "" for its top.

    `serverless`: the environment version of the serverless compute that it runs on; "" where it runs on its cluster.
    """

    folder: Path
    subfolder: str
    mlproject: Document
    entry_points: Mapping[str, EntryPoint]
    cluster: Cluster | None
    environment: Environment | None = None
    spark_job: SparkJob | None = None
    serverless: str = ""

    @property
    def name(self) -> str:
        """The name of the folder, by which commands know the project too."""
        return self.folder.name

    @property
    def shown(self) -> str:
        """Where the project is in the repository, for people."""
        return self.subfolder or "the repository"

    def path(self, name: str) -> str:
        """The path in the repository of what is called `name` in the project."""
        return join(self.subfolder, name)


@dataclass(frozen=True, slots=True)
class GitSource:
    """The repository and the commit of it that is run. `widget`: callers may choose another ref.

    `provider` is the name the Jobs API has for the host (gitHub, azureDevOpsServices ...); "" for a host unknown to us.
    """

    url: str
    ref: str
    kind: RefKind = RefKind.TAG
    provider: str = ""
    secret: Secret | None = None
    widget: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """All that hook.yml says, with defaults filled in. `cluster`: of the hook notebook, not of the project. `job`: more
    settings of the job, under the names of the Jobs API.

    With `steps`, `parameters` are those that hook.yml gives to all of them, and each step has its own entry point.
    `to`: the target whose values these are, such as qa; "" for those at the top of the file, or without targets.
    `judge`: the hook as it would be with the entry point alone that judges a version which is to be promoted.
    """

    name: str
    document: Document
    project: MLflowProject
    engine: Engine
    git: GitSource
    experiment: str
    entry_point: str = "main"
    parameters: tuple[Parameter, ...] = ()
    schedule: JobSchedule | None = None
    timeout: timedelta = DEFAULT_TIMEOUT
    poll: timedelta = timedelta(seconds=15)
    notifications: Notifications = field(default_factory=Notifications)
    result: ResultKeys = field(default_factory=ResultKeys)
    mlflow: str = DEFAULT_MLFLOW
    cluster: Cluster | None = None
    linked_service: str = ""
    steps: tuple[Step, ...] = ()
    to: str = ""
    job: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[Permission, ...] = ()
    retries: int = 0
    promotion: Promotion | None = None
    judge: Hook | None = None

    @property
    def parts(self) -> tuple[Step, ...]:
        """Its steps; a hook without any is one itself."""
        return self.steps or (Step("project", self, retries=self.retries),)

    @property
    def pasted(self) -> bool:
        """Whether MLflow runs a copy of the script as a Spark job, rather than the command in a shell."""
        return self.engine is Engine.MLFLOW and self.project.spark_job is not None

    @property
    def notebook(self) -> str:
        """What the hook notebook is called, and the job."""
        return job_name(self.name)

    @property
    def uri(self) -> str:
        """What `mlflow.run` is given."""
        return f"{self.git.url}#{self.project.subfolder}" if self.project.subfolder else self.git.url

    @property
    def task_timeout(self) -> timedelta:
        """When Databricks ends the task of a notebook, after that had time to clean up, or a job of git."""
        return self.timeout + TASK_MARGIN

    @property
    def job_timeout(self) -> timedelta:
        """When Databricks ends the job: after its task."""
        return self.timeout + JOB_MARGIN

    @property
    def data_factory_timeout(self) -> timedelta:
        """When Data Factory gives up: after the job."""
        return self.timeout + DATA_FACTORY_MARGIN


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a pipeline. `hook`: as it would be with this step alone: its project, parameters and timeout.

    `after`: the steps that must have succeeded before; `retries`: how often it is tried again after a failure.
    """

    name: str
    hook: Hook
    after: tuple[str, ...] = ()
    retries: int = 0
