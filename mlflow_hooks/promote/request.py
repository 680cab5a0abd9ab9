"""What is to be promoted, or taken back: a frozen value, made once."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow_hooks.model import Hook
from mlflow_hooks.schema import Promotion

from .side import Side


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
