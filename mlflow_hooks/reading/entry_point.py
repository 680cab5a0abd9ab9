"""The entry points that a hook, a step of one or its gate starts, and what hook.yml says of their parameters."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from mlflow_hooks.model import MODEL, EntryPoint, Hook, MLflowProject, Parameter, StepValue, ValueKind
from mlflow_hooks.schema import HookFile, ParameterSetting, StepParameter

from .document import Reader
from .findings import nearest

_GATE = ("promote", "gate")
_PROGRAMS = {".py": "python", ".sh": "bash"}  # which MLflow runs a script with


def with_entry_point(hook: Hook, file: HookFile, reader: Reader) -> Hook:
    """The hook with its one entry point; mistakes are added to the findings of `reader`."""
    project = with_script(hook, hook.project, file.entry_point, file.parameters)
    entry = entry_point(reader, (), project, file.entry_point)
    check_names(reader, (), file.parameters, entry)
    parameters = tuple(parameter(reader, (), declared, file.parameters) for declared in _declared(entry))
    return replace(hook, project=project, entry_point=file.entry_point, parameters=parameters)


def with_promotion(hook: Hook, file: HookFile, reader: Reader) -> Hook:
    """The hook with what it says of promotion; mistakes are added to the findings of `reader`.

    The judge has the parameters of the hook, those that it declares, and the version as the parameter `model`.
    """
    if file.promote is None:
        return hook
    hook = replace(hook, promotion=file.promote)
    name = file.promote.gate.entry_point
    entry = entry_point(reader, _GATE, hook.project, name) if name else None
    if entry is None:
        return hook
    declared = [one.name for one in entry.parameters]
    if MODEL not in declared:
        message = f"The entry point {name} has no parameter {MODEL}, so it cannot know which version to judge."
        remedy = f"Declare {MODEL}: in MLproject; it gets models:/{file.promote.model}/1, for example."
        reader.error([*_GATE, "entry_point"], message, remedy)
    settings = {**file.parameters, MODEL: ParameterSetting(widget=True)}
    judge = replace(
        hook,
        document=reader.document.within(*_GATE),
        entry_point=name,
        parameters=tuple(parameter(reader, (), one, settings) for one in entry.parameters),
        steps=(),
    )
    return replace(hook, judge=judge)


def with_script(hook: Hook, project: MLflowProject, name: str, parameters: Iterable[str]) -> MLflowProject:
    """The project with the script that hook.yml names as its entry point, which MLproject need not have.

    SERVER: MLflow 3.17.2 runs it with what it is given as `--name value` (`Project.get_entry_point`), except in a
    Spark job, which knows entry points alone.
    """
    program = _PROGRAMS.get(PurePosixPath(name).suffix)
    if name in project.entry_points or program is None or replace(hook, project=project).pasted:
        return project
    names = list(parameters)
    command = "".join([f"{program} {shlex.quote(name)}", *(f" --{parameter} {{{parameter}}}" for parameter in names)])
    script = EntryPoint(name, command, tuple(map(Parameter, names)))
    return replace(project, entry_points={**project.entry_points, name: script})


def entry_point(reader: Reader, section: Sequence[str], project: MLflowProject, name: str) -> EntryPoint | None:
    """The entry point of that name, which the section of hook.yml asks for; None where there is none."""
    entry = project.entry_points.get(name)
    by_file = project.spark_job is not None and project.spark_job.python_file
    if entry is None and not by_file and project.mlproject.text:
        entries = f"Its entry points are: {', '.join(project.entry_points)}."
        if not project.entry_points:
            entries = "Write entry_points: in MLproject, or entry_point: train.py here, with the name of the script."
            if project.spark_job is not None:  # which knows no other
                entries = "Write entry_points: with main: in MLproject."
        remedy = nearest(name, project.entry_points, entries)
        reader.error([*section, "entry_point"], f"{project.name} has no entry point {name!r}.", remedy)
    return entry


def check_names(reader: Reader, section: Sequence[str], names: Iterable[str], entry: EntryPoint | None) -> None:
    """Notes each of the names that is no parameter of the entry point."""
    declared = [parameter.name for parameter in _declared(entry)]
    for name in names:
        if entry is not None and name not in declared:
            message = f"The entry point {entry.name} has no parameter {name!r}."
            remedy = nearest(name, declared, f"It declares {', '.join(declared) or 'none'}.")
            reader.error([*section, "parameters", name], message, remedy)


def parameter(
    reader: Reader,
    section: Sequence[str],
    declared: Parameter,
    settings: Mapping[str, ParameterSetting | StepParameter],
) -> Parameter:
    """A parameter that an entry point declares, with what hook.yml says of it."""
    setting = settings.get(declared.name, ParameterSetting())
    source = _source(reader, section, declared.name, setting) if isinstance(setting, StepParameter) else None
    widget = isinstance(setting, ParameterSetting) and setting.widget
    trial = setting.trial if isinstance(setting, ParameterSetting) else None
    made = replace(declared, value=setting.value, widget=widget, source=source, trial=trial)
    if made.required and not widget:
        message = f"The parameter {made.name} has no value, and no caller may set it: every run would fail."
        remedy = f"Give {made.name} a value, or widget: true."
        reader.error([*section, "parameters", made.name], message, remedy)
    return made


def _source(reader: Reader, section: Sequence[str], name: str, setting: StepParameter) -> StepValue | None:
    kinds = [(kind, key) for kind in ValueKind if (key := getattr(setting, kind.value))]
    if not kinds and not setting.step:
        return None
    keys = [*section, "parameters", name]
    if not setting.step:
        reader.error(keys, f"{name} does not say which step leaves its {kinds[0][0].value}.", "Write step: as well.")
    elif len(kinds) != 1 or setting.value is not None:
        message = f"It is not clear what {name} gets of the step {setting.step}."
        reader.error(keys, message, "Write tag: or metric:, and no value:.")
    return StepValue(setting.step, *kinds[0]) if kinds else StepValue(setting.step, ValueKind.TAG, name)


def _declared(entry: EntryPoint | None) -> tuple[Parameter, ...]:
    return entry.parameters if entry is not None else ()
