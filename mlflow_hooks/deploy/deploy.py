"""Makes the workspace hold the hooks: carries their notebooks, and creates or updates their jobs in place.

Nothing of somebody else's is touched, no edit is replaced unasked, nothing is deleted and made anew, and a second run
sends no write at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from databricks_sync.cli.session import Session
from databricks_sync.errors import InterruptedRun, NotFound, SettingsError, SyncError, WorkspaceError
from databricks_sync.exit_code import ExitCode
from databricks_sync.interrupt import Interruption, raise_at_second, terminable
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from databricks_sync.remote.objects import object_type, type_name
from databricks_sync.rules.plan import Action
from databricks_sync.rules.target import home_of
from mlflow_hooks.change import Change, report_changes
from mlflow_hooks.errors import HookError
from mlflow_hooks.generate.data_factory import NOTEBOOK_FOLDER
from mlflow_hooks.generate.files import FOLDER, changes
from mlflow_hooks.model import WORKSPACE_FOLDER, Hook, job_name
from mlflow_hooks.options import HookOptions
from mlflow_hooks.reading.hook_file import PROJECTS
from mlflow_hooks.report import Reporter
from mlflow_hooks.schema import Engine

from .job_deployment import JobDeployment
from .notebooks import Notebooks

T = TypeVar("T")


def deploy(hooks: Sequence[Hook], folder: Path, session: Session, options: HookOptions, report: Reporter) -> int:
    """Makes the workspace hold these hooks, which must be all there are; the exit code.

    `folder` is what `generate` wrote. Raises HookError where that is not what it would write now, or where
    another target is deployed there.
    """
    _require_inside(folder, session.settings.project)
    _require_current(hooks, folder, session.settings.project / (options.projects or PROJECTS), options)
    report.event(
        "start",
        f"{'/'.join(filter(None, (folder.name, options.to)))} → {session.target}  ({session.settings.login.name})",
        target=session.target,
        to=options.to,
        host=session.settings.login.name,
        dry_run=options.dry_run,
    )
    if session.target != WORKSPACE_FOLDER and any(
        hook.linked_service and hook.engine is Engine.MLFLOW for hook in hooks
    ):
        report.notice(
            f"In Data Factory, give the parameter {NOTEBOOK_FOLDER} of the pipelines the value {session.target}."
        )
    jobs = JobDeployment(hooks, session, options)
    jobs.require_target()
    notebooks = Notebooks(hooks, folder, session, options, report)
    changes: list[Change] = []
    stopped: SyncError | None = None
    among_jobs = False
    try:
        for change in notebooks.deploy():
            changes.append(change)
        if all(change.exit_code <= ExitCode.LEFT for change in changes):  # else the workspace is not to be relied on
            among_jobs = True
            for change in _others(jobs, hooks, session, options, report):
                changes.append(change)
    except InterruptedRun:
        stopped = _interrupted(changes, options, in_hand=False)
    except KeyboardInterrupt:
        stopped = _interrupted(changes, options, in_hand=among_jobs or notebooks.listener.begun)
    except SyncError as error:
        if not changes:
            raise
        stopped = error
    page = "" if options.dry_run else session.pages(staying=False).object(session.target)
    return report_changes(changes, report, dry_run=options.dry_run, stopped=stopped, address=page)


def _interrupted(changes: Sequence[Change], options: HookOptions, *, in_hand: bool) -> InterruptedRun:
    if options.dry_run or not (in_hand or any(change.action != "nothing" for change in changes)):
        return InterruptedRun("Interrupted before anything was written.")
    what = "one more change may have been made" if in_hand else "nothing else was started"
    hint = "Type the command again: it does the rest."
    return InterruptedRun(f"Interrupted: the changes above were made, {what}.", hint)


def _require_inside(folder: Path, project: Path) -> None:
    if folder != project and project not in folder.parents:
        hint = f"Generate into a folder inside it, such as --folder {FOLDER}, and commit that folder."
        raise SettingsError(f"{folder} is not in the project folder {project}.", hint)


def _require_current(hooks: Sequence[Hook], folder: Path, projects: Path, options: HookOptions) -> None:
    planned = changes(hooks, folder, options.to, projects=projects)
    late = [change.path for change in planned if change.action is not Action.NOTHING]
    if late:
        raise HookError(
            f"{folder.name}/{late[0]} is out of date"
            + (f", and so are {len(late) - 1} more files." if len(late) > 1 else "."),
            f"Type `mlflow_hooks generate{options.folders()}`, review the changes, and deploy again.",
        )


def _others(
    jobs: JobDeployment, hooks: Sequence[Hook], session: Session, options: HookOptions, report: Reporter
) -> Iterator[Change]:
    """All but the notebooks. The first Ctrl-C lets what is in hand be done, and raises InterruptedRun after it."""
    notice = "Interrupted: finishing the current step. Interrupt again to stop at once."
    stop = Interruption(raise_at_second(lambda: report.notice(notice)))
    with terminable(), stop.listening():
        for hook in _until(stop, hooks):
            yield from _tried(jobs.deploy(hook), Change("job", hook.notebook))
        yield from _tried(_pruned(jobs, stop), Change("job", "mlflow_*_hook"), "could not be listed")
        for hook in _until(stop, hooks):
            yield from _tried(_experiment(hook, session, options), Change("experiment", hook.experiment))


def _pruned(jobs: JobDeployment, stop: Interruption) -> Iterator[Change]:
    """What becomes of the jobs of hooks that are gone."""
    for record in _until(stop, jobs.stale()):
        yield from _tried(jobs.prune(record), Change("job", job_name(record.hook)))


def _until(stop: Interruption, items: Iterable[T]) -> Iterator[T]:
    for item in items:
        if stop:
            raise InterruptedRun("Interrupted.")
        yield item


def _tried(changes: Iterator[Change], change: Change, what: str = "failed") -> Iterator[Change]:
    """What the workspace refuses to do with one object is told of that object, and the others are still done."""
    try:
        yield from changes
    except WorkspaceError as error:
        yield replace(change, problem=f"{what}: {error.message}", hint=error.hint, exit_code=ExitCode.FAILED)


def _experiment(hook: Hook, session: Session, options: HookOptions) -> Iterator[Change]:
    """What is in the way of an experiment; makes its folder where no hook notebook does."""
    path, hint = hook.experiment, f"Change experiment: in {hook.document.name}."
    home, present = home_of(path), _type(session.http, path)
    if present not in (None, "MLFLOW_EXPERIMENT"):
        what = f"is a {type_name(present)}, so every run would fail."
        yield Change("experiment", path, problem=what, hint=hint, exit_code=ExitCode.LEFT)
    elif home and _type(session.http, f"/Users/{home}") is None:
        what = f"is in the home of {home}, which does not exist, so every run would fail."
        yield Change("experiment", path, problem=what, hint=hint, exit_code=ExitCode.LEFT)
    elif hook.engine is Engine.JOBS_GIT and not options.dry_run:
        make_folder(session.http, path.rpartition("/")[0])


def make_folder(http: Http, folder: str) -> None:
    """Makes a folder of the workspace, such as that of an experiment, where it is missing."""
    if _type(http, folder) is None:
        Workspace(http, folder).make_folder(folder)


def _type(http: Http, path: str) -> str | None:
    """What stands at a path of the workspace, if anything does."""
    try:
        return object_type(http.read("/api/2.0/workspace/get-status", {"path": path}).json())
    except NotFound:
        return None
