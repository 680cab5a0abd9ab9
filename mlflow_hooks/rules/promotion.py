"""The rules of `promote:` in hook.yml. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, nearest, warning
from mlflow_hooks.schema import Promotion

_NAME = re.compile(r"[^./\s]+\.[^./\s]+\.[^./\s]+")
# SERVER: MLflow 3.17.2 (`_validate_model_alias_name`): these would be taken for a version.
_RESERVED = re.compile(r"latest|v\d+", re.I)
_SECTION = "promote"


def rules(hook: Hook, targets: Collection[str]) -> Findings:
    """What is wrong with it; `targets`: the names of those that hook.yml has."""
    promotion = hook.promotion
    if promotion is None:
        return
    if not _NAME.fullmatch(promotion.model):
        # SERVER: MLflow 3.17.2, `DatabricksWorkspaceModelRegistryRestStore.set_registered_model_alias`.
        message = f"{promotion.model} is a model of the workspace's own registry, which has no aliases."
        yield warning(hook.document, [_SECTION, "model"], message, "Write catalog.schema.model, in Unity Catalog.")
    for key, alias in (("alias", promotion.alias), ("candidate", promotion.candidate)):
        if _RESERVED.fullmatch(alias):
            yield error(hook.document, [_SECTION, key], f"MLflow refuses the alias {alias}.", "Write champion.")
    if promotion.alias == promotion.candidate and not promotion.source:
        message = "The version to promote has the same alias as the one in use, so it is in use already."
        yield error(hook.document, [_SECTION, "candidate"], message, "Write another alias, such as challenger.")
    yield from _source(hook, promotion, targets)
    yield from _gate(hook, promotion)


def _source(hook: Hook, promotion: Promotion, targets: Collection[str]) -> Findings:
    keys = [_SECTION, "from"]
    if promotion.source and promotion.source == hook.to:
        yield error(hook.document, keys, f"{hook.to} cannot be promoted from itself.", "Name an earlier target.")
    elif promotion.source and promotion.source not in targets:
        remedy = nearest(promotion.source, targets, f"They are {', '.join(targets)}." if targets else "Write targets:.")
        yield error(hook.document, keys, f"There is no target {promotion.source!r}.", remedy)


def _gate(hook: Hook, promotion: Promotion) -> Findings:
    for name, bound in promotion.gate.metrics.items():
        keys = [_SECTION, "gate", "metrics", name]
        if bound.at_most is None and bound.at_least is None and bound.better is None:
            message = f"{name} may be whatever it is, so the gate lets every version pass."
            yield error(hook.document, keys, message, "Write at_most:, at_least: or better:.")
        if bound.better and not promotion.gate.entry_point:
            message = f"{name} is only known of the run of each version, so nothing says that both saw the same data."
            remedy = "Write entry_point: below gate:, which judges both now."
            yield error(hook.document, keys, message, remedy)
    if promotion.gate.entry_point and not promotion.gate.metrics:
        message = f"{promotion.gate.entry_point} judges versions, but no metric decides."
        yield error(hook.document, [_SECTION, "gate"], message, "Write metrics: with at_most: or better:.")
