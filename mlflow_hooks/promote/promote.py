"""Puts a version into use, or the one before it again.

A promotion never builds a version: it takes the one that is in use in the earlier target, and has passed there. The
order of its steps is such that a command may be killed between any two, and be typed again:

1. The record is begun. What earlier ones have left open is closed, as the alias says that they ended.
2. The version is copied, where its registry or its model is another one. It has no alias yet, so nobody uses it.
3. The gate looks at it.
4. A tag of the version says that it has passed.
5. The alias moves. This is the one step that changes what is in use, and the registry does it at once.
6. The record is closed.

RACE: a second promotion may move the alias between the look at it and step 5, one round trip; the record of either has
the version that it replaced as it was at that look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from databricks_sync.cli.session import Session, who
from databricks_sync.errors import InterruptedRun, SyncError
from databricks_sync.exit_code import ExitCode
from databricks_sync.interrupt import terminable
from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Hook
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules import gate
from mlflow_hooks.rules.promotions import Act, Record, in_use, taken_back
from mlflow_hooks.run.tracking import Tracking, require_mlflow
from mlflow_hooks.run.workspace import make_folder
from mlflow_hooks.schema import Promotion

from .copying import Copying
from .judging import judged, logged
from .records import Records
from .side import Side
from .versions import Versions, address, has_passed, passed_tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_CHAMPION = "champion_"  # before the name of a metric: that of the version in use


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be promoted. `origin`: what hook.yml says for the target that the version comes from, if there is one.

    `approved_by`: who has approved, "" for nobody; `insisted`: on this machine, for this run. `typed`: the command.
    """

    hook: Hook
    promotion: Promotion
    origin: Promotion | None
    here: Side
    there: Side | None  # of the earlier workspace, where it is another one
    commit: str
    ci_run: str = ""
    approved_by: str = ""
    insisted: bool = False
    typed: str = "mlflow_hooks promote"

    @property
    def about(self) -> dict[str, str]:
        """What all records of this alias have."""
        model = {"model": self.promotion.model, "alias": self.promotion.alias}
        return {"hook": self.hook.name, "to": self.hook.to or "-", **model}

    @property
    def earlier(self) -> Side:
        """The workspace that the version comes from."""
        return self.there or self.here if self.origin else self.here

    @property
    def model(self) -> str:
        """The model that the version is of, where it comes from."""
        return (self.origin or self.promotion).model


@dataclass(slots=True)
class Promoter:
    """One connection to the registry and the records of the target."""

    request: Request
    session: Session
    report: Reporter
    client: MlflowClient
    versions: Versions
    records: Records
    known: list[Record] = field(default_factory=list)

    def promote(self, *, dry_run: bool) -> int:
        """Puts the version into use that has passed in the earlier target; the exit code.

        Raises HookError, WorkspaceError, SettingsError, InterruptedRun.
        """
        promotion, source = self.request.promotion, self._source()
        champion = self.versions.with_alias(promotion.alias)
        self._say_start(source, champion, dry_run)
        if dry_run:
            return self._summary(Act.PROMOTE, "nothing was changed", None, champion)
        self._begin(champion)
        copying = self._copying(source)
        if champion is not None and _is(copying.found(), champion) and has_passed(self.request.hook.to, champion):
            text = f"{champion.version} is the {promotion.alias} of {promotion.model} already"
            return self._summary(Act.PROMOTE, text, champion, champion)
        with self._recorded(Act.PROMOTE, champion, {**copying.about, "source_run": source.run_id or ""}) as run_id:
            candidate = copying.found() or copying.made(run_id)
            self._note_copy(copying, candidate, run_id)
            metrics = self._pass(source, candidate, champion, run_id)
            self._approve(candidate, run_id)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            self.versions.note(candidate, passed_tag(self.request.hook.to, candidate, now, who(self.session.http)))
            self._move(str(candidate.version), champion)
        return self._summary(Act.PROMOTE, self._moved(candidate, champion), candidate, champion, metrics)

    def roll_back(self, *, dry_run: bool) -> int:
        """Puts the version into use that was before; the exit code. Raises HookError, WorkspaceError."""
        alias, model = self.request.promotion.alias, self.request.promotion.model
        champion = self.versions.with_alias(alias)
        if champion is None:
            message = f"No version of {model} has the alias {alias}."
            raise HookError(message, f"Type `{self.request.typed}` to promote one.")
        if self._went_back(champion) and not dry_run:
            self._begin(champion)
            return self._summary(Act.ROLLBACK, self._moved(champion, None), champion, None)
        *earlier, now = in_use(self._as_ended(champion)) or [""]
        if now != str(champion.version) or not earlier:
            message = f"There is no record of a version before {champion.version} of {model}."
            raise HookError(message, f"Type `{self.request.typed}` to promote another one.")
        before = self.versions.get(earlier[-1])
        if before is None:
            message = f"Version {earlier[-1]} of {model}, which was in use before, has been deleted."
            raise HookError(message, f"Type `{self.request.typed}` to promote another one.")
        self._say_start(before, champion, dry_run)
        if dry_run:
            return self._summary(Act.ROLLBACK, "nothing was changed", None, champion)
        self._begin(champion)
        with self._recorded(Act.ROLLBACK, champion, {"version": str(before.version)}):
            self._move(str(before.version), champion)
        return self._summary(Act.ROLLBACK, self._moved(before, champion), before, champion)

    def _went_back(self, champion: ModelVersion) -> bool:
        """Whether the last command was a rollback that was killed when all but its record was done."""
        last = self.known[-1] if self.known else None
        return (
            last is not None
            and (last.act, last.status) == (Act.ROLLBACK, "RUNNING")
            and self._has_moved(last, champion)
        )

    def _source(self) -> ModelVersion:
        """The version to promote, where it is. Raises HookError where none has passed there."""
        request = self.request
        alias = request.origin.alias if request.origin else request.promotion.candidate
        with self._earlier() as client:
            version = Versions(client, request.model).with_alias(alias)
        if version is None:
            hint = "Run what registers one, or write the alias that it gives as candidate: in hook.yml."
            if request.origin:
                hint = self._promote_there()
            raise HookError(f"No version of {request.model} has the alias {alias}.", hint)
        if request.origin and not has_passed(request.promotion.source, version):
            message = f"Version {version.version} of {version.name} has the alias {alias}, but has not passed in "
            raise HookError(f"{message}{request.promotion.source}.", self._promote_there())
        return version

    def _promote_there(self) -> str:
        there = self.request.promotion.source
        return f"Promote it there first: `mlflow_hooks promote {self.request.hook.name} --to {there}`."

    @contextmanager
    def _earlier(self) -> Iterator[MlflowClient]:
        """The registry that the version comes from: ours, or meanwhile the other one."""
        request = self.request
        if request.earlier.is_one_with(request.here, request.model, request.promotion.model):
            yield self.client
            return
        with request.earlier.connected(request.model) as client:
            yield client

    def _begin(self, champion: ModelVersion | None) -> None:
        """Closes what killed commands have left open; one that goes on elsewhere closes its own once more."""
        for record, ended in zip(self.known, self._as_ended(champion), strict=True):
            if record.status == "RUNNING":
                self.records.close(record.run_id, ended.status)
        self.known = self._as_ended(champion)

    def _as_ended(self, champion: ModelVersion | None) -> list[Record]:
        """The records, with those that are open as they ended: the alias moved, or it did not."""
        return [
            replace(record, status="FINISHED" if self._has_moved(record, champion) else "KILLED")
            if record.status == "RUNNING"
            else record
            for record in self.known
        ]

    def _has_moved(self, record: Record, champion: ModelVersion | None) -> bool:
        if champion is None or record.version != str(champion.version) or record.before == record.version:
            return False
        return record.act is Act.ROLLBACK or has_passed(self.request.hook.to, champion)

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
            status = "KILLED" if isinstance(error, (KeyboardInterrupt, InterruptedRun)) else "FAILED"
            with suppress(Exception):
                self.records.note(run_id, {"reason": error.message if isinstance(error, SyncError) else ""})
                self.records.close(run_id, status)
            raise
        self.records.close(run_id, "FINISHED")

    def _copying(self, source: ModelVersion) -> Copying:
        request = self.request
        within = request.earlier.is_one_with(request.here, request.model, request.promotion.model)
        about = {"source": address(source), "source_workspace": request.earlier.login.name}
        return Copying(source, self.versions, self.records, self._earlier, about, within)

    def _note_copy(self, copying: Copying, copy: ModelVersion, run_id: str) -> None:
        """Notes where a copy comes from, and which version the record is about."""
        text = ""
        if copy is not copying.source:
            self.versions.note(copy, {**copying.about, "source_run": copying.source.run_id or ""})
            text = f"copy        {address(copy)}"
        self.records.note(run_id, {"version": str(copy.version)})
        self.report.event("version", text, version=str(copy.version))

    def _pass(
        self, source: ModelVersion, candidate: ModelVersion, champion: ModelVersion | None, run_id: str
    ) -> dict[str, float | None]:
        """The metrics by which the version passes. Raises HookError where it does not."""
        asked, judge = self.request.promotion.gate, self.request.hook.judge
        if not asked.metrics:
            return {}
        mine = self._judged(candidate, run_id) if judge else self._logged(source)
        self._note_metrics(run_id, mine, "")
        reasons, others = gate.below(asked, mine), dict[str, "float | None"]()
        if not reasons and gate.compares(asked) and champion is not None and not _is(champion, candidate):
            others = self._judged(champion, run_id)
            self._note_metrics(run_id, others, _CHAMPION)
            reasons = gate.worse(asked, mine, others)
        if reasons:
            message = f"Version {candidate.version} of {candidate.name} is not promoted: {' '.join(reasons)}"
            raise HookError(message, "Promote another version, or change promote: in hook.yml.")
        return {**mine, **{f"{_CHAMPION}{name}": value for name, value in others.items()}}

    def _judged(self, version: ModelVersion, run_id: str) -> dict[str, float | None]:
        judge = self.request.hook.judge
        assert judge is not None
        tracking = Tracking(self.client.tracking_uri, judge.experiment)
        return self._asked(judged(judge, version, self.session, tracking, run_id, self.report))

    def _logged(self, source: ModelVersion) -> dict[str, float | None]:
        with self._earlier() as client:
            return self._asked(logged(source, client))

    def _asked(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:
        return {name: metrics.get(name) for name in self.request.promotion.gate.metrics}

    def _note_metrics(self, run_id: str, metrics: Mapping[str, float | None], prefix: str) -> None:
        self.records.note(run_id, {}, {f"{prefix}{name}": value for name, value in metrics.items()})

    def _approve(self, candidate: ModelVersion, run_id: str) -> None:
        """Raises HookError where somebody has to approve, and nobody has."""
        request = self.request
        hint = f"Look at it, and type `{request.typed} --approve`."
        if str(candidate.version) in taken_back(self.known) and not request.insisted:
            message = f"Version {candidate.version} of {candidate.name} was taken back by a rollback."
            raise HookError(message, hint)
        if request.promotion.gate.approval and not request.approved_by:
            message = f"Version {candidate.version} of {candidate.name} has passed, and waits for a person's approval."
            raise HookError(message, hint)
        self.records.note(run_id, {"approved_by": request.approved_by})

    def _move(self, version: str, champion: ModelVersion | None) -> None:
        """Moves the alias, if it is where it was. Raises HookError."""
        alias = self.request.promotion.alias
        now = self.versions.with_alias(alias)
        if (now and now.version) != (champion and champion.version):
            message = f"Somebody else has moved the alias {alias} of {self.versions.name} meanwhile."
            raise HookError(message, "Run the command again.")
        self.versions.move(alias, version)

    def _say_start(self, source: ModelVersion, champion: ModelVersion | None, dry_run: bool) -> None:
        promotion, hook = self.request.promotion, self.request.hook
        where = f"{promotion.model}@{promotion.alias}"
        now = f"now {champion.version}" if champion is not None else "now none"
        text = f"{hook.name}: {address(source)} → {where} ({now})  ({self.session.settings.login.name})"
        asked = [gate.shown(name, bound) for name, bound in promotion.gate.metrics.items()]
        asked += ["approval"] * promotion.gate.approval
        self.report.event(
            "start",
            f"{text}\ngate        {', '.join(asked) or 'none'}",
            hook=hook.name,
            to=hook.to or None,
            source=address(source),
            model=promotion.model,
            alias=promotion.alias,
            before=str(champion.version) if champion is not None else None,
            gate=asked,
            dry_run=dry_run,
        )

    def _moved(self, version: ModelVersion, champion: ModelVersion | None) -> str:
        instead = f", in place of {champion.version}" if champion is not None and not _is(champion, version) else ""
        return f"{version.version} is the {self.request.promotion.alias} of {version.name}{instead}"

    def _summary(
        self,
        act: Act,
        text: str,
        version: ModelVersion | None,
        champion: ModelVersion | None,
        metrics: Mapping[str, float | None] | None = None,
    ) -> int:
        self.report.event(
            "summary",
            f"{self.request.hook.name}: {text}",
            "bold green",
            act=act.value,
            **{key: value for key, value in self.request.about.items() if value != "-"},
            version=str(version.version) if version is not None else None,
            before=str(champion.version) if champion is not None else None,
            metrics=metrics or {},
            exit_code=ExitCode.DONE,
        )
        return ExitCode.DONE


def _is(one: ModelVersion | None, other: ModelVersion) -> bool:
    return one is not None and (one.name, str(one.version)) == (other.name, str(other.version))


@contextmanager
def promoter(request: Request, session: Session, report: Reporter, *, writing: bool) -> Iterator[Promoter]:
    """What promotes and rolls back. `writing`: the experiment of the records is made where it is missing."""
    require_mlflow()
    hook, promotion = request.hook, request.promotion
    with ExitStack() as stack:
        stack.enter_context(terminable())
        client = stack.enter_context(request.here.connected(promotion.model))
        if writing:
            make_folder(session.http, hook.experiment.rpartition("/")[0])
            Tracking(client.tracking_uri, hook.experiment)
        records = Records(client, hook.experiment, request.about)
        versions = Versions(client, promotion.model)
        yield Promoter(request, session, report, client, versions, records, records.all())
