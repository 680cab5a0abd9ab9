"""What hook.yml says of promotion: the entry point that judges a version, as a hook of its own."""

from __future__ import annotations

from dataclasses import replace

from mlflow_hooks.model import MODEL, Hook
from mlflow_hooks.schema import HookFile, ParameterSetting

from .document import Reader
from .entry_point import entry_point, parameter

_SECTION = ("promote", "gate")


def with_promotion(hook: Hook, file: HookFile, reader: Reader) -> Hook:
    """The hook with what it says of promotion; mistakes are added to the findings of `reader`.

    The judge has the parameters of the hook, those that it declares, and the version as the parameter `model`.
    """
    if file.promote is None:
        return hook
    hook = replace(hook, promotion=file.promote)
    name = file.promote.gate.entry_point
    entry = entry_point(reader, _SECTION, hook.project, name) if name else None
    if entry is None:
        return hook
    declared = [one.name for one in entry.parameters]
    if MODEL not in declared:
        message = f"The entry point {name} has no parameter {MODEL}, so it cannot know which version to judge."
        remedy = f"Declare {MODEL}: in MLproject; it gets models:/{file.promote.model}/1, for example."
        reader.error([*_SECTION, "entry_point"], message, remedy)
    settings = {**file.parameters, MODEL: ParameterSetting(widget=True)}
    judge = replace(
        hook,
        document=reader.document.within(*_SECTION),
        entry_point=name,
        parameters=tuple(parameter(reader, (), one, settings) for one in entry.parameters),
        steps=(),
    )
    return replace(hook, judge=judge)
