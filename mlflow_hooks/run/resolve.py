"""From the parsed options of `run` to a RunSpec: asks git and the workspace for what nobody said."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from databricks_sync.cli.session import Session
from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.target import ci_branch
from databricks_sync.system import login_name
from mlflow_hooks.model import Hook
from mlflow_hooks.options import HookOptions
from mlflow_hooks.reading.git_address import unreachable
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules import experiment, steps
from mlflow_hooks.rules.check import of_project, refuse
from mlflow_hooks.schema import Engine

from . import spec
from .spec import RunSpec


def run_spec(hook: Hook, options: HookOptions, session: Session | None, report: Reporter) -> RunSpec:
    """What is to be run, which is also said; `session` None: on this machine alone.

    Raises SettingsError, and HookError for a project that cannot run there.
    """
    for part in hook.parts if session is None else ():
        project = part.hook.project
        if project.spark_job is not None and project.spark_job.python_file:
            message = f"{project.name} has a python_file, which MLflow runs in Databricks alone."
            raise SettingsError(message, "Leave out --backend, or write entry_points: in MLproject instead.")
    repository = Repository(hook.project.folder)
    branch = options.branch or repository.branch() or ci_branch(os.environ) or ""
    path = options.experiment or _experiment(branch, options, session)
    if reason := experiment.problem(path):
        raise SettingsError(*reason)
    ref = _ref(hook, options, repository, session)
    dirty = ref is None and any(repository.dirty(part.hook.project.folder) for part in hook.parts)
    if dirty:
        report.notice(
            f"{hook.project.shown} has uncommitted changes; they are run too, and the run gets a tag that says so."
        )
    remote = session is not None
    refuse(steps.rules(hook), options.checking())
    for part in hook.parts if ref is None else ():  # what lies here is what is run
        # The workspace on this machine makes no clusters.
        on_databricks = session is not None and not session.settings.login.where
        pasted = remote and part.hook.pasted
        findings = of_project(part.hook, datetime.now(timezone.utc), pasted=pasted, on_databricks=on_databricks)
        refuse(findings, options.checking())
    pasted = remote and hook.pasted and not hook.steps
    parameters = spec.values(hook, options.parameters, pasted=pasted, trial=options.trial)
    if options.trial and all(parameter.trial is None for parameter in hook.parameters):
        report.notice(f"No parameter of {hook.name} has a value for trials, so this one is as long as any run.")
    timeout = spec.duration(options.timeout) if options.timeout else hook.timeout
    to_run = RunSpec(hook, parameters, path, timeout, branch, ref, dirty, options.checking(), remote, open=options.open)
    _say(to_run, session.settings.login.name if session is not None else "this machine", report, options.dry_run)
    return to_run


def _ref(hook: Hook, options: HookOptions, repository: Repository, session: Session | None) -> str | None:
    """The ref to run, None for what lies here. A job fetches it itself, and has to know what it is: here, a commit."""
    ref = spec.ref(hook, options.ref)
    if ref is None or hook.engine is not Engine.JOBS_GIT or session is None:
        return ref
    refuse(unreachable(hook, session.settings.login.host), options.checking())
    if options.ref and not (ref := repository.commit(options.ref)):
        message = f"This clone has no {printable(options.ref)}, so its commit is not known."
        raise SettingsError(message, "Type git fetch --tags, or give another --ref.")
    return ref


def _experiment(branch: str, options: HookOptions, session: Session | None) -> str:
    if not branch:
        hint = "Name one with --branch NAME, or an experiment with --experiment PATH."
        raise SettingsError("No branch is checked out (detached HEAD), so it has no experiment.", hint)
    user = options.user or login_name() or "me"
    if session is not None:
        user = session.settings.user or Workspace(session.http, "/").me()
    return experiment.of_branch(user, branch, options.max_name)


def _say(to_run: RunSpec, where: str, report: Reporter, dry_run: bool) -> None:
    form = "task of a job" if to_run.hook.engine is Engine.JOBS_GIT else "MLflow project"
    shown = " ".join(f"{name}={value}" for name, value in to_run.parameters.items())
    report.event(
        "start",
        f"{to_run.hook.name}: {to_run.shown_source} → {to_run.experiment}  ({where})\n"
        f"form        {form} (engine {to_run.hook.engine.value})\nparameters  {shown or 'none'}",
        hook=to_run.hook.name,
        source=to_run.shown_source,
        engine=to_run.hook.engine.value,
        experiment=to_run.experiment,
        host=where,
        parameters=to_run.parameters,
        timeout=to_run.timeout.total_seconds(),
        dry_run=dry_run,
    )
