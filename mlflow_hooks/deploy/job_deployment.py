"""One hook's job: created, merged with what somebody edited in it (merge.py), or deleted with the hook.

What was deployed last is told by the job's record (record.py). Where there is none, as of a job that an earlier version
deployed, a difference is a conflict, and the job is deleted by nobody but its owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from databricks_sync import shell
from databricks_sync.cli.session import Session
from databricks_sync.errors import enumerated
from databricks_sync.exit_code import ExitCode
from mlflow_hooks.change import Change
from mlflow_hooks.errors import HookError
from mlflow_hooks.generate import job
from mlflow_hooks.generate.origin import is_gone
from mlflow_hooks.model import Hook, job_name
from mlflow_hooks.options import HookOptions

from .jobs import HookJob, Jobs, marked
from .merge import MergedSettings, merge
from .notebooks import NO_HOOK, PRUNE
from .permissions import PERMISSIONS, Permissions, as_asked, as_compared, without_permissions
from .record import JobRecord, Records, deployed_last, digest, record_of

_SHOWN = 5  # fields that are named
_OVERWRITE = "To replace it, add --overwrite."


class JobDeployment:
    """The jobs' part of a deployment of these hooks. Every method raises WorkspaceError, and so does making it."""

    def __init__(self, hooks: Sequence[Hook], session: Session, options: HookOptions) -> None:
        self._repository = session.repository
        self._options = options
        self._target = session.target
        self._jobs = Jobs(session.http)
        self._permissions = Permissions(session.http)
        self._records = Records(session.http, session.target)
        self._pages = session.pages(staying=False)
        self._hooks = hooks
        self._last = {hook.name: self._records.of(hook.name) for hook in hooks}

    def require_target(self) -> None:
        """Raises HookError where another target of a hook is deployed here, perhaps production.

        The notebooks of both have the same names.
        """
        for hook in self._hooks:
            record = self._last[hook.name]
            if record is not None and record.to not in ("", hook.to) and not self._options.overwrite:
                here = f"This workspace has {hook.notebook} as it is for {record.to}"
                message = f"{here}, and not for {hook.to}." if hook.to else f"{here}."
                hint = f"Log in to the workspace of {hook.to or 'this'}, or add --overwrite."
                raise HookError(message, hint)

    def deploy(self, hook: Hook) -> Iterator[Change]:
        """Makes the job of a hook as hook.yml says, but for what somebody edited in the workspace."""
        local = as_asked(hook, self._target)
        record = self._last[hook.name]
        same_name = self._jobs.of_hook(hook.name, record.job_id if record else 0)
        problem = _not_ours(hook, same_name, local, record, self._options)
        if not problem and same_name and record and record.of_another(self._names()) and not self._options.take_over:
            what, hint = "was deployed from another repository.", "Give the hook another name, or add --take-over."
            problem = Change("job", hook.notebook, problem=what, hint=hint, exit_code=ExitCode.LEFT)
        if problem:
            yield replace(problem, address=self._page(same_name[0]))
        elif same_name:
            yield from self._update(hook, same_name[0], record, local)
        elif self._options.dry_run:
            yield Change("job", hook.notebook, "create")
        else:
            granted = self._permissions.for_creation(local.get(PERMISSIONS))
            number = self._jobs.create({**without_permissions(marked(local, digest(local))), **granted})
            self._write_record(hook, record, number, {digest(local): local})
            yield Change("job", hook.notebook, "create", address=self._pages.job(str(number)))

    def _page(self, present: HookJob) -> str:
        return self._pages.job(str(present.job_id))

    def _update(
        self, hook: Hook, present: HookJob, record: JobRecord | None, local: Mapping[str, Any]
    ) -> Iterator[Change]:
        base = deployed_last(record, present.last, local)
        local = as_compared(local, base)
        now = digest(local)
        remote = self._permissions.added(present, base or {}, local)
        merged = merge(base, local, remote, overwrite=self._options.overwrite)
        change = Change("job", hook.notebook, address=self._page(present))
        if merged.conflicts or (base is None and not self._options.overwrite):
            yield _conflict(change, merged, unknown=base is None)
            return
        if merged.changed or present.last != now:
            self._write_record(hook, record, present.job_id, {**({present.last: base} if base else {}), now: local})
            if not self._options.dry_run:
                # First the permissions: the settings say that all is done.
                self._permissions.set(present.job_id, remote, merged.settings)
                self._jobs.reset(present.job_id, without_permissions(marked(merged.settings, now)))
            yield replace(change, action="update", why=_fields(merged.changed) or "what was deployed last")
        elif record is None or record.deployed(now) is None or record.of_another(self._names()) or record.to != hook.to:
            self._write_record(hook, record, present.job_id, {now: local})
        if merged.kept:
            what = f"keeps {_fields(merged.kept)}: edited in the workspace."
            yield replace(change, problem=what, hint=_OVERWRITE)
        elif not merged.changed and present.last == now:
            yield change

    def stale(self) -> list[JobRecord]:
        """The records of hooks that this repository had, and has no more."""
        records = (self._records.of(hook) for hook in self._records.hooks() if hook not in self._last)
        ours = (record for record in records if record is not None and record.repository & self._names())
        return [record for record in ours if is_gone(record.file, record.hook, self._repository.top)]

    def prune(self, record: JobRecord) -> Iterator[Change]:
        """Deletes the job of a hook that is gone, with --prune, and unless somebody edited it."""
        change, delete = Change("job", job_name(record.hook)), not self._options.dry_run
        jobs = self._jobs.of_hook(record.hook, record.job_id)
        ours = [candidate for candidate in jobs if self._may_be_of(record, candidate)]
        if not self._options.prune:
            yield from (replace(change, problem=NO_HOOK, hint=PRUNE, address=self._page(other)) for other in ours)
            return
        for candidate in ours:
            base = record.deployed(candidate.last)
            edited = base is None or merge(base, base, self._permissions.added(candidate, base, {})).kept
            if edited and not self._options.overwrite:
                what = f"{NO_HOOK[:-1]}: it was edited in the workspace."
                page = self._page(candidate)
                yield replace(change, problem=what, hint=_OVERWRITE, address=page, exit_code=ExitCode.LEFT)
                return
            if delete:
                self._jobs.delete(candidate.job_id)
            yield replace(change, action="delete")
        if delete:
            self._records.delete(record)

    def _may_be_of(self, record: JobRecord, candidate: HookJob) -> bool:
        """Whether a job of the right name is the one that was recorded, and nobody else deploys it."""
        ours = candidate.hook == record.hook and not candidate.deployed_by
        return ours and candidate.folder in ("", self._target)

    def _names(self) -> frozenset[str]:
        return self._repository.origin() | self._repository.first_commits()

    def _write_record(
        self, hook: Hook, before: JobRecord | None, job_id: int, settings: Mapping[str, Mapping[str, Any]]
    ) -> None:
        if self._options.dry_run:
            return
        self._records.write(record_of(hook, self._names(), before, settings, job_id))


def _fields(paths: Sequence[str]) -> str:
    return enumerated(paths, _SHOWN)


def _conflict(change: Change, merged: MergedSettings, *, unknown: bool) -> Change:
    fields = _fields(merged.conflicts or merged.kept or ["what it has"])
    why = "differs, and nothing tells what was deployed last" if unknown else "edited on both sides"
    hint = "Write it in hook.yml as the job has it, or add --overwrite to replace it."
    if unknown:
        hint = "Look at the job; to replace what it has, add --overwrite."
    return replace(change, problem=f"is skipped: {fields} {why}.", hint=hint, exit_code=ExitCode.LEFT)


def _not_ours(
    hook: Hook,
    same_name: Sequence[HookJob],
    settings: Mapping[str, Any],
    record: JobRecord | None,
    options: HookOptions,
) -> Change | None:
    """Why a job of the right name is left alone."""
    if len(same_name) > 1:
        numbers = ", ".join(str(other.job_id) for other in same_name)
        what, hint = f"is the name of {len(same_name)} jobs ({numbers}).", "Delete or rename all but one of them."
    elif same_name and same_name[0].deployed_by:
        what = f"belongs to a bundle, which deployed job {same_name[0].job_id}."
        hint = "Deploy this hook with the bundle alone, or remove it from the bundle and deploy that first."
    elif same_name and same_name[0].hook != hook.name:
        what = f"exists without the tag {job.TAG} (job {same_name[0].job_id}), so it belongs to somebody else."
        typed = f"mlflow_hooks bind{options.binding()} {hook.name} {same_name[0].job_id}"
        hint = f"Rename that job, or let the hook use it: `{typed}`."
    elif same_name and (elsewhere := _elsewhere(same_name[0], settings, record)):
        what = f"runs the notebook in {elsewhere}, so it was deployed to another folder."
        typed = f"mlflow_hooks deploy{options.login()}{options.folders()}{shell.option('target', elsewhere)}"
        hint = f"Type `{typed}`, or delete job {same_name[0].job_id}."
    else:
        return None
    return Change("job", hook.notebook, problem=what, hint=hint, exit_code=ExitCode.LEFT)


def _elsewhere(present: HookJob, settings: Mapping[str, Any], record: JobRecord | None) -> str:
    """The folder of the notebook that the job runs; "" where it is the right one, or that with which it was bound."""
    base = record.deployed(present.last) if record is not None else None
    right = HookJob(0, settings).folder
    return present.folder if right and present.folder not in (right, HookJob(0, base or {}).folder) else ""
