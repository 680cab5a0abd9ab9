"""What is to be promoted, or taken back: a frozen value, made once of the parsed options and of hook.yml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from databricks_sync import shell
from databricks_sync.cli.project import Project
from databricks_sync.cli.session import Session, who
from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository
from databricks_sync.rules.ci_run import ci_run
from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Hook
from mlflow_hooks.options import HookOptions
from mlflow_hooks.reading.hook_file import read_hooks
from mlflow_hooks.reading.selection import sound
from mlflow_hooks.schema import Promotion

from .side import Side, earlier

# Who has approved, from the CI: an environment that waits for reviewers has it, and no other.
APPROVED_BY = "PROMOTION_APPROVED_BY"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Request:
    """`origin`: what hook.yml says for the target that the version comes from, if there is one; `there`: its workspace,
    where it is another one.

    `approved_by`: who has approved, "" for nobody; `insisted`: with --approve, so this very version. `typed`: the
    command without what it is to do.
    """

    hook: Hook
    promotion: Promotion
    origin: Promotion | None
    here: Side
    there: Side | None
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
        return self.there or self.here

    @property
    def model(self) -> str:
        """The model that the version is of, where it comes from."""
        return (self.origin or self.promotion).model

    @property
    def within(self) -> bool:
        """Whether that model is in the registry of ours."""
        return self.earlier.is_one_with(self.here, self.model, self.promotion.model)


def promotion_request(hook: Hook, projects: Path, options: HookOptions, session: Session, project: Project) -> Request:
    """What is to be promoted. Raises HookError, SettingsError."""
    promotion = _promotion(hook)
    origin, there = None, None
    if promotion.source:
        origin = _promotion(_at(hook, promotion.source, projects, options))
        there = earlier(options.from_profile, os.environ, project)
    elif options.from_profile:
        message = f"{hook.document.name} does not say which target comes before{_for(hook)}."
        raise SettingsError(message, "Write from: below promote:, or leave out --from-profile.")
    repository = Repository(hook.project.folder)
    changing = not (options.history or options.rollback or options.dry_run)
    if changing and repository.dirty(hook.project.folder):
        message = f"{hook.project.shown} has uncommitted changes, and a promotion is recorded with its commit."
        raise HookError(message, "Commit them first.")
    profile = shell.option("from-profile", options.from_profile) if options.from_profile else ""
    approved = printable(os.environ.get(APPROVED_BY, "").strip())[:_LONGEST]
    return Request(
        hook=hook,
        promotion=promotion,
        origin=origin,
        here=Side(session.settings.login, dict(os.environ)),
        there=there,
        commit=repository.commit(),
        ci_run=ci_run(os.environ),
        approved_by=who(session.http) if options.approve else approved,
        insisted=options.approve,
        typed=f"mlflow_hooks promote {hook.name}{options.folders()}{options.login()}{profile}",
    )


def _at(hook: Hook, to: str, projects: Path, options: HookOptions) -> Hook:
    """The same hook as it is for another target, which it has: the rules have looked."""
    readings = {reading.hook.document.name: reading for reading in read_hooks(projects, to) if reading.hook}
    return sound(readings[hook.document.name], options.checking())


def _promotion(hook: Hook) -> Promotion:
    if hook.promotion is None:
        message = f"{hook.document.name} says nothing of promotion{_for(hook)}."
        raise HookError(message, "Write promote: with the name of the model after model:.")
    return hook.promotion


def _for(hook: Hook) -> str:
    return f" for {hook.to}" if hook.to else ""
