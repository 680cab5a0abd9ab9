"""The steps of a pipeline, as hook.yml has them: each an entry point, of this project or of another.

A parameter of the pipeline goes to each step whose entry point declares one of that name, unless the step has a value
of its own for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from posixpath import dirname, join

from mlflow_hooks.model import Hook, MLflowProject, Parameter, Step
from mlflow_hooks.schema import Compute, HookFile, ParameterSetting, StepParameter, StepSettings

from .document import Reader
from .entry_point import check_names, entry_point, parameter, with_script
from .findings import nearest
from .project_file import read_cluster, read_project

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def with_steps(hook: Hook, file: HookFile, reader: Reader, top: Path) -> Hook:
    """The hook with its steps; mistakes are added to the findings of `reader`. `top`: of the repository."""
    if "entry_point" in file.model_fields_set:
        message = "A hook with steps has no entry_point of its own."
        reader.error(["entry_point"], message, "Move entry_point: into a step, or remove it.")
    steps = tuple(_step(name, settings, hook, file, reader, top) for name, settings in file.steps.items())
    parameters = tuple(_shared(name, setting, steps, reader) for name, setting in file.parameters.items())
    return replace(hook, steps=steps, parameters=parameters)


def _step(name: str, settings: StepSettings, hook: Hook, file: HookFile, reader: Reader, top: Path) -> Step:
    section = ["steps", name]
    if not _NAME.fullmatch(name):
        message = f"The name of the step {name!r} must begin with a-z and go on with a-z, 0-9 and _."
        reader.error(section, message, "Write train:, for example.")
    project = _project(settings, hook.project, section, reader, top)
    chosen = settings.entry_point or (name if name in project.entry_points else "main")
    project = with_script(hook, project, chosen, settings.parameters)
    entry = entry_point(reader, section, project, chosen)
    check_names(reader, section, settings.parameters, entry)
    own = {key: value for key, value in settings.parameters.items() if value != StepParameter()}
    merged: dict[str, ParameterSetting | StepParameter] = {**file.parameters, **own}
    parameters = tuple(
        replace(
            parameter(reader, section, declared, merged), shared=declared.name in file.parameters.keys() - own.keys()
        )
        for declared in (entry.parameters if entry else ())
    )
    sources = [made.source.step for made in parameters if made.source is not None]
    alone = replace(
        hook,
        document=hook.document.within(*section),
        project=project,
        entry_point=chosen,
        parameters=parameters,
        timeout=settings.timeout or hook.timeout,
    )
    retries = settings.retries if "retries" in settings.model_fields_set else file.retries
    return Step(name, alone, tuple(dict.fromkeys((*settings.after, *sources))), retries)


def _project(
    settings: StepSettings, own: MLflowProject, section: Sequence[str], reader: Reader, top: Path
) -> MLflowProject:
    """The project of a step, with the cluster that the step names."""
    project, here, compute = own, dirname(reader.name), settings.cluster
    if settings.project:
        folder = (own.folder / settings.project).resolve()
        if folder != top and top not in folder.parents:
            message = f"{settings.project} is not in this repository, and a hook runs one repository."
            reader.error([*section, "project"], message, "Write the path to a folder here, such as ../Other.")
            return own
        subfolder = "" if folder == top else folder.relative_to(top).as_posix()
        # The file of a cluster is named as seen from here, so it is read below.
        project = read_project(folder, subfolder, compute if compute.serverless else Compute(), reader.findings)
    if compute.serverless:
        return replace(project, serverless=compute.serverless)
    if compute.file:
        cluster = read_cluster(own.folder / compute.file, join(here, compute.file), reader.findings)
        project = replace(project, cluster=cluster, serverless="")
    return project


def _shared(name: str, setting: ParameterSetting, steps: Sequence[Step], reader: Reader) -> Parameter:
    """A parameter of the pipeline, as callers see it."""
    declared = [parameter for step in steps for parameter in step.hook.parameters]
    takers = [parameter for parameter in declared if parameter.name == name]
    keys = ["parameters", name]
    if not takers:
        names = dict.fromkeys(parameter.name for parameter in declared)
        remedy = nearest(name, names, f"They declare {', '.join(names) or 'none'}.")
        reader.error(keys, f"No step has a parameter {name!r}.", remedy)
    defaults = {taker.default for taker in takers}
    if setting.value is None and len(defaults) > 1:
        message = f"The steps have different defaults for {name}, so it is not clear what a caller changes."
        reader.error(keys, message, f"Write {name}: with value:, or let each step say its own.")
    like = takers[0] if takers else Parameter(name)
    return Parameter(name, like.type, like.default, setting.value, setting.widget, trial=setting.trial)
