"""Puts a version into use, or the one before it again.

A promotion never builds a version: it takes the one that is in use in the earlier target, and has passed there. The
order of its steps is such that a command may be killed between any two, and be typed again:

1. The record is begun. What earlier ones have left open is closed, as the alias says that they ended.
2. The version is copied, where its registry or its model is another one. It has no alias yet, so nobody uses it.
3. The gate looks at it.
4. A tag of the version says that it has passed.
5. The alias moves. This is the one step that changes what is in use, and the registry does it at once.
6. The record is closed.

RACE: a second promotion may move the alias between the last look at it and step 5, one round trip; then the record of
either names the version that was in use before both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from databricks_sync import shell
from databricks_sync.cli.session import Session, who
from databricks_sync.errors import InterruptedRun, SyncError
from databricks_sync.interrupt import terminable
from mlflow_hooks.deploy.deploy import make_folder
from mlflow_hooks.errors import HookError
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules.promotions import Act, Record, in_use, taken_back
from mlflow_hooks.run.tracking import Tracking, require_mlflow

from .copying import Copying
from .gatekeeper import Gatekeeper
from .records import Records
from .request import Request
from .versions import Versions, address, has_passed, is_same, passed_tag
from .wording import moved, say_end, say_start

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


@dataclass(slots=True)
class Promoter:
    """One connection to the registry and the records of the target; `known`: the records, the oldest first."""

    request: Request
    session: Session
    report: Reporter
    client: MlflowClient
    versions: Versions
    records: Records
    known: list[Record]

    def promote(self, *, dry_run: bool) -> int:
        """Puts the version into use that has passed in the earlier target; the exit code.

        Raises HookError, WorkspaceError, SettingsError, InterruptedRun.
        """
        request, to, source = self.request, self.request.hook.to, self._source()
        champion = self._champion()
        say_start(request, Act.PROMOTE, source, champion, self.session, self.report)
        if dry_run:
            return say_end(request, Act.PROMOTE, "nothing was changed", None, champion, self.report)
        self._close_open(champion)
        about = {"source": address(source), "source_workspace": request.earlier.login.name}
        copying = Copying(source, self.versions, self.records, self._earlier, about, request.within)
        copy = copying.found()
        if champion is not None and is_same(copy, champion) and has_passed(to, champion):
            text = f"{moved(request, champion, None)} already"
            return say_end(request, Act.PROMOTE, text, champion, champion, self.report)
        gatekeeper = Gatekeeper(request, self.session, self.report, self.records, self._earlier)
        with self._recorded(Act.PROMOTE, champion, {**copying.about, "source_run": source.run_id or ""}) as run_id:
            candidate = copy or copying.made(run_id)
            self._note_copy(copying, candidate, run_id)
            gatekeeper.require_insistence(candidate, taken_back(self.known))
            metrics = gatekeeper.let_pass(source, candidate, champion, run_id)
            gatekeeper.require_approval(candidate)
            self.records.note(run_id, {"approved_by": request.approved_by})
            self.versions.note(candidate, passed_tag(to, candidate, run_id))
            self._move(candidate, champion)
        return say_end(
            request, Act.PROMOTE, moved(request, candidate, champion), candidate, champion, self.report, metrics
        )

    def roll_back(self, *, dry_run: bool) -> int:
        """Puts the version into use that was before; the exit code. Raises HookError, WorkspaceError."""
        request, champion = self.request, self._champion()
        if champion is None:
            message = f"No version of {self.versions.name} has the alias {request.promotion.alias}."
            raise HookError(message, f"Type `{request.typed}` to promote one.")
        if self._went_back(champion) and not dry_run:
            self._close_open(champion)
            return say_end(request, Act.ROLLBACK, moved(request, champion, None), champion, None, self.report)
        before = self._before(champion)
        say_start(request, Act.ROLLBACK, before, champion, self.session, self.report)
        if dry_run:
            return say_end(request, Act.ROLLBACK, "nothing was changed", None, champion, self.report)
        self._close_open(champion)
        with self._recorded(Act.ROLLBACK, champion, {"version": str(before.version)}):
            self._move(before, champion)
        return say_end(request, Act.ROLLBACK, moved(request, before, champion), before, champion, self.report)

    def _champion(self) -> ModelVersion | None:
        """The version in use."""
        return self.versions.with_alias(self.request.promotion.alias)

    def _source(self) -> ModelVersion:
        """The version to promote, where it is. Raises HookError where none has passed there."""
        request = self.request
        alias = request.origin.alias if request.origin else request.promotion.candidate
        earlier = shell.option("to", request.promotion.source)
        there = f"Promote it there first: `mlflow_hooks promote {request.hook.name}{earlier}`."
        with self._earlier() as client:
            version = Versions(client, request.model).with_alias(alias)
        if version is None:
            hint = "Run what registers one, or write the alias that it gives as candidate: in hook.yml."
            raise HookError(f"No version of {request.model} has the alias {alias}.", there if request.origin else hint)
        if request.origin and not has_passed(request.promotion.source, version):
            message = f"Version {version.version} of {version.name} has the alias {alias}, but has not passed in "
            raise HookError(f"{message}{request.promotion.source}.", there)
        return version

    def _before(self, champion: ModelVersion) -> ModelVersion:
        """The version that was in use before. Raises HookError where none is known, or it is gone."""
        name, hint = self.versions.name, f"Type `{self.request.typed}` to promote another one."
        *earlier, now = in_use(self._as_ended(champion)) or [""]
        if now != str(champion.version) or not earlier:
            raise HookError(f"There is no record of a version before {champion.version} of {name}.", hint)
        before = self.versions.get(earlier[-1])
        if before is None:
            raise HookError(f"Version {earlier[-1]} of {name}, which was in use before, has been deleted.", hint)
        return before

    @contextmanager
    def _earlier(self) -> Iterator[MlflowClient]:
        """The registry that the version comes from: ours, or meanwhile the other one."""
        if self.request.within:
            yield self.client
            return
        with self.request.earlier.connected(self.request.model) as client:
            yield client

    def _close_open(self, champion: ModelVersion | None) -> None:
        """Closes what killed commands have left open; one that goes on elsewhere closes its own once more."""
        ended = self._as_ended(champion)
        for record, now in zip(self.known, ended, strict=True):
            if record.status != now.status:
                self.records.close(record.run_id, now.status)
        self.known = ended

    def _as_ended(self, champion: ModelVersion | None) -> list[Record]:
        """The records, with those that are open as they ended: the alias moved, or it did not."""
        return [
            replace(record, status="FINISHED" if self._has_moved(record, champion) else "KILLED")
            if record.status == "RUNNING"
            else record
            for record in self.known
        ]

    def _has_moved(self, record: Record, champion: ModelVersion | None) -> bool:
        """Whether the alias is where the record was to move it."""
        if champion is None or record.version != str(champion.version) or record.before == record.version:
            return False
        return record.act is Act.ROLLBACK or has_passed(self.request.hook.to, champion)

    def _went_back(self, champion: ModelVersion) -> bool:
        """Whether the last command was a rollback that was killed when all but its record was done."""
        if not self.known or (self.known[-1].act, self.known[-1].status) != (Act.ROLLBACK, "RUNNING"):
            return False
        return self._has_moved(self.known[-1], champion)

    @contextmanager
    def _recorded(self, act: Act, champion: ModelVersion | None, about: Mapping[str, str]) -> Iterator[str]:
        """The record of what is done meanwhile: its MLflow run."""
        request = self.request
        who_and_why = {"by": who(self.session.http), "commit": request.commit, "ci_run": request.ci_run}
        before = str(champion.version) if champion is not None else ""
        run_id = self.records.begin(act, before, {**who_and_why, **about})
        try:
            yield run_id
        except BaseException as error:
            with suppress(Exception):  # what stays open, the next command closes
                self._note_failure(run_id, error)
            raise
        self.records.close(run_id, "FINISHED")

    def _note_failure(self, run_id: str, error: BaseException) -> None:
        """Closes a record of what has not ended well, though the alias may have moved: an answer can get lost."""
        record = self.records.get(run_id)
        if record is not None and self._has_moved(record, self._champion()):
            self.records.close(run_id, "FINISHED")
            return
        self.records.note(run_id, {"reason": error.message if isinstance(error, SyncError) else ""})
        interrupted = isinstance(error, (KeyboardInterrupt, InterruptedRun))
        self.records.close(run_id, "KILLED" if interrupted else "FAILED")

    def _note_copy(self, copying: Copying, copy: ModelVersion, run_id: str) -> None:
        """Notes where a copy comes from, and which version the record is about."""
        text = ""
        if copy is not copying.source:
            self.versions.note(copy, {**copying.about, "source_run": copying.source.run_id or ""})
            text = f"copy        {address(copy)}"
        self.records.note(run_id, {"version": str(copy.version)})
        self.report.event("version", text, version=str(copy.version))

    def _move(self, version: ModelVersion, champion: ModelVersion | None) -> None:
        """Moves the alias, if it is where it was. Raises HookError."""
        alias, now = self.request.promotion.alias, self._champion()
        if (now and now.version) != (champion and champion.version):
            message = f"Somebody else has moved the alias {alias} of {self.versions.name} meanwhile."
            raise HookError(message, "Run the command again.")
        self.versions.move(alias, str(version.version))


@contextmanager
def promoter(request: Request, session: Session, report: Reporter, *, writing: bool) -> Iterator[Promoter]:
    """What promotes and rolls back. `writing`: the experiment of the records is made where it is missing."""
    require_mlflow()
    hook, model = request.hook, request.promotion.model
    with ExitStack() as stack:
        stack.enter_context(terminable())
        client = stack.enter_context(request.here.connected(model))
        if writing:
            make_folder(session.http, hook.experiment.rpartition("/")[0])
            Tracking(client.tracking_uri, hook.experiment)
        records = Records(client, hook.experiment, request.about)
        yield Promoter(request, session, report, client, Versions(client, model), records, records.all())
