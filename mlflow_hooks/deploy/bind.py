"""Makes a job that exists that of a hook, as `databricks bundle deployment bind` does for a bundle.

What the job has counts as deployed last from then on, so the next deployment makes it as hook.yml says, and keeps what
somebody edits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from databricks_sync.cli.session import Session
from databricks_sync.exit_code import ExitCode
from mlflow_hooks.errors import HookError
from mlflow_hooks.generate.job import TAG
from mlflow_hooks.model import Hook
from mlflow_hooks.options import HookOptions
from mlflow_hooks.report import Reporter

from .job_deployment import JobDeployment
from .jobs import DIGEST, HookJob, Jobs
from .merge import merge, taken_over
from .permissions import Permissions, as_asked
from .record import JobRecord, Records, deployed_last, digest, record_of


def bind(
    hook: Hook, session: Session, options: HookOptions, agreed: Callable[[str], bool], report: Reporter
) -> ExitCode:
    """Says what a deployment would change in the job, and records it as that of the hook if that is `agreed`,
    which is asked without --yes.

    The exit code. Raises HookError for a job that is somebody else's, and for another target; WorkspaceError.
    """
    JobDeployment([hook], session, options).require_target()
    job_id, jobs, records = options.job_id, Jobs(session.http), Records(session.http, session.target)
    record, local = records.of(hook.name), as_asked(hook, session.target)
    names = session.repository.origin() | session.repository.first_commits()
    if record is not None and record.of_another(names):
        raise HookError(f"{hook.name} was deployed from another repository.", "Give the hook another name.")
    present = _adoptable(hook, job_id, jobs, record)

    def ended(text: str, *, bound: bool) -> ExitCode:
        code = ExitCode.DONE if bound or options.dry_run else ExitCode.LEFT
        about = {"hook": hook.name, "job_id": job_id, "bound": bound, "dry_run": options.dry_run}
        report.event("summary", f"Job {job_id} {text}.", "bold green" if bound else "bold", **about, exit_code=code)
        return code

    if present.hook == hook.name and deployed_last(record, present.last, local) is not None:
        return ended(f"is that of {hook.name} already", bound=True)
    remote = Permissions(session.http).added(present, {}, local)
    changed = merge(None, local, remote, overwrite=True).changed
    _show(hook, present, changed, session.pages(staying=False).job(str(job_id)), report)
    if options.dry_run or not (options.yes or agreed(f"Let {hook.name} use this job?")):
        return ended("was not changed", bound=False)
    base = taken_over(local, remote)
    # First the record: until the job has its tags, nothing of it is taken for deployed.
    records.write(record_of(hook, names, record, {digest(base): base}, job_id))
    jobs.update(job_id, {"tags": present.unmarked["tags"] | {TAG: hook.name, DIGEST: digest(base)}})
    then = "; the next deployment makes these changes" if changed else ""
    return ended(f"is that of {hook.name} now{then}", bound=True)


def _show(hook: Hook, present: HookJob, changed: Sequence[str], page: str, report: Reporter) -> None:
    about: dict[str, Any] = {"hook": hook.name, "job_id": present.job_id, "name": present.name}
    text = f"{hook.name} ← job {present.job_id} {present.name}"
    report.event("job", text, **about, changes=list(changed), address=page or None)
    for path in changed:
        report.line(f"  ~ {path}", "yellow")
    if not changed:
        report.line("  nothing differs from hook.yml")


def _adoptable(hook: Hook, job_id: int, jobs: Jobs, record: JobRecord | None) -> HookJob:
    """The job. Raises HookError for one that is not there, or that of somebody else, or where the hook has another."""
    if (present := jobs.at(job_id)) is None:
        raise HookError(f"This workspace has no job {job_id}.", "Copy the number from the address of the job's page.")
    if present.deployed_by:
        message = f"Job {job_id} belongs to a bundle, which would deploy it again."
        raise HookError(message, "Unbind it from the bundle first (databricks bundle deployment unbind).")
    if present.hook not in ("", hook.name):
        message = f"Job {job_id} is that of the hook {present.hook}."
        raise HookError(message, "Remove its tag mlflow_hook in the workspace, if that hook is gone.")
    others = [other.job_id for other in jobs.named(hook.notebook) if other.job_id != job_id]
    if record is not None and record.job_id != job_id and record.job_id and (other := jobs.at(record.job_id)):
        others += [other.job_id] * (other.hook == hook.name)
    if others:
        message = f"There is job {others[0]} already, which deploy takes for that of {hook.name}."
        raise HookError(message, f"Delete or rename job {others[0]} first.")
    return present
