"""The rules of a pipeline's steps: their order, and the values that go from one to the next. Pure."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from mlflow_hooks.model import Hook, Step
from mlflow_hooks.reading.findings import Findings, error, nearest
from mlflow_hooks.schema import Engine

# SERVER: https://docs.databricks.com/api/workspace/jobs/create, of one job.
_MOST = 1000


def rules(hook: Hook) -> Findings:
    """What is wrong with the steps, besides what each of them would be wrong with alone."""
    names = [step.name for step in hook.steps]
    existing = f"The steps are {', '.join(names)}."
    if len(names) > _MOST:
        yield error(hook.document, ["steps"], f"Databricks refuses a job of more than {_MOST} tasks.", "Use fewer.")
    for step in hook.steps:
        getters = {made.source.step: made.name for made in step.hook.parameters if made.source is not None}
        for other in step.after:
            if other not in names:
                keys = ["parameters", getters[other]] if other in getters else ["after"]
                message = f"The step {step.name} comes after {other}, which is no step."
                yield error(step.hook.document, keys, message, nearest(other, names, existing))
        yield from _values(step)
        if step.hook.timeout > hook.timeout:
            message = f"The step {step.name} never reaches its timeout: that of the whole pipeline is shorter."
            yield error(step.hook.document, ["timeout"], message, "Write a longer timeout: at the top, or none here.")
    yield from _circle(hook)


def in_order(steps: tuple[Step, ...]) -> list[Step]:
    """The steps, each after those that it comes after. Raises CycleError, which `rules` finds."""
    by_name = {step.name: step for step in steps}
    return [by_name[name] for name in TopologicalSorter({step.name: step.after for step in steps}).static_order()]


def _values(step: Step) -> Findings:
    """SERVER: https://docs.databricks.com/jobs/task-values, only Python notebooks can set a value for another task."""
    for parameter in step.hook.parameters:
        if parameter.source is not None and step.hook.engine is Engine.JOBS_GIT:
            message = (
                f"A job's task cannot get {parameter.name} from {parameter.source.step}: scripts set no task values."
            )
            remedy = (
                "Write engine: mlflow, or have the step leave it where the next one looks, such as a model's alias."
            )
            yield error(step.hook.document, ["parameters", parameter.name], message, remedy)


def _circle(hook: Hook) -> Findings:
    try:
        TopologicalSorter({step.name: step.after for step in hook.steps}).prepare()
    except CycleError as found:
        circle = " → ".join(reversed(found.args[1]))
        message = f"The steps wait for each other for ever: {circle}."
        yield error(hook.document, ["steps", found.args[1][0]], message, "Remove one of after:, or one of step:.")
