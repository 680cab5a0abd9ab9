"""What a run from a laptop or a build of CI is to do (project, parameters, experiment), and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote

from databricks_sync.errors import SettingsError, printable
from databricks_sync.shell import word
from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import nearest
from mlflow_hooks.reading.git_address import ref_problem
from mlflow_hooks.rules.parameters import problem
from mlflow_hooks.schema import parse_duration


@dataclass(frozen=True, slots=True)
class RunSpec:
    """`ref` None: the folder as it lies here; else what git has there. `remote`: as a job of a workspace.

    For a step of a pipeline, `step` is its name and `parent` the MLflow run of the whole.
    """

    hook: Hook
    parameters: Mapping[str, str]
    experiment: str
    timeout: timedelta
    branch: str = ""
    ref: str | None = None
    dirty: bool = False
    checking: str = "mlflow_hooks check"  # the command that checks its project
    remote: bool = False
    step: str = ""
    parent: str = ""
    open: bool = False  # the page of the run in the browser, as soon as it has one

    @property
    def name(self) -> str:
        """What is run, in a word."""
        return self.step or self.hook.name

    @property
    def source(self) -> str:
        """What MLflow is given."""
        return self.hook.uri if self.ref else str(self.hook.project.folder)

    @property
    def shown_source(self) -> str:
        """What is run, as a person reads it."""
        uri = unquote(self.hook.uri) if self.hook.uri.startswith("file:") else self.hook.uri
        return f"{uri} at {self.ref}" if self.ref else self.hook.project.shown

    @property
    def tags(self) -> dict[str, str]:
        """What the run is known by, besides what MLflow notes itself."""
        tags = {"mlflow_hooks.hook": self.hook.name, "mlflow_hooks.branch": self.branch}
        if not self.ref:
            tags["mlflow_hooks.dirty"] = str(self.dirty).lower()
        if self.step:
            tags |= {"mlflow_hooks.step": self.step, "mlflow.parentRunId": self.parent}
        return tags


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `run_id`: "" where there is none in MLflow; `output`: what it printed last, where it failed."""

    run_id: str
    succeeded: bool
    shown: str
    output: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    address: str = ""  # its page, where that outlives the command


def values(hook: Hook, assignments: Sequence[str], *, pasted: bool, trial: bool = False) -> dict[str, str]:
    """The parameters of a run: those given as `name=value`, else what hook.yml or MLproject say; `trial`: for a trial.

    Raises SettingsError: MLflow would pass on whatever it gets, and the cluster would find out.
    """
    typed: dict[str, str] = {}
    parameters = {parameter.name: parameter for parameter in hook.parameters}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign:
            raise SettingsError(f"-P {printable(text)} is not name=value.", "Write -P alpha=0.5, for example.")
        if name not in parameters:
            hint = nearest(name, parameters, f"It has {', '.join(parameters) or 'none'}.")
            raise SettingsError(f"The project {hook.project.name} has no parameter {printable(name)}.", hint)
        typed[name] = value
    chosen = {}
    for name, parameter in parameters.items():
        effective = parameter.trial if trial and parameter.trial is not None else parameter.effective
        effective = typed.get(name, effective)
        if effective is None:
            raise SettingsError(f"The parameter {name} has no value.", f"Add -P {word(name)}=VALUE.")
        if message := problem(parameter, effective, pasted=pasted):
            raise SettingsError(message, f"Give another value with -P {word(name)}=VALUE.")
        chosen[name] = effective
    return chosen


def duration(text: str) -> timedelta:
    """A length of time such as 90m or 1h30m. Raises SettingsError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SettingsError(f"--timeout {printable(str(error))}.", "Write 90m, or 2h, or 1d12h.") from None


def ref(hook: Hook, option: str | None) -> str | None:
    """The ref that --ref means: itself, or without one the hook's own. Raises SettingsError."""
    if option is None:
        _require_readable(str(hook.project.folder))
        return None
    chosen = option or hook.git.ref
    if reason := ref_problem(chosen):
        raise SettingsError(*reason)
    return chosen


def _require_readable(folder: str) -> None:
    """MLflow takes what follows a # for a folder of a repository, and quotes around a path for none of it."""
    wrong = "#" if "#" in folder else folder[-1] if folder[-1] in "\"'" else ""
    if wrong:
        message = f"MLflow does not find {printable(folder)}: it splits the path at {wrong}."
        raise SettingsError(message, "Rename the folder, or add --ref to run the project from git.")
