"""The rules of a Data Factory pipeline: what the factory refuses. Pure."""

from __future__ import annotations

from datetime import timedelta

from mlflow_hooks.model import DATA_FACTORY_MARGIN, Hook, job_name
from mlflow_hooks.reading.findings import Findings, error

# SERVER: https://learn.microsoft.com/azure/data-factory/naming-rules and the limits of an activity's policy.
_LONGEST_NAME = 55  # characters of an activity's name
_LONGEST_RUN = timedelta(days=7)


def rules(hook: Hook) -> Findings:
    """What is wrong with a hook that a pipeline is to start."""
    if not hook.linked_service:
        return
    if len(hook.notebook) > _LONGEST_NAME:
        message = (
            f"Data Factory refuses the activity {hook.notebook}: its name has more than {_LONGEST_NAME} characters."
        )
        remedy = f"Give the hook a name of at most {_LONGEST_NAME - len(job_name(''))} characters."
        yield error(hook.document, ["name"], message, remedy)
    if hook.data_factory_timeout > _LONGEST_RUN:
        hours = (_LONGEST_RUN - DATA_FACTORY_MARGIN) // timedelta(hours=1)
        message = "Data Factory refuses the pipeline: with the time for cleaning up it would wait longer than 7 days."
        yield error(hook.document, ["timeout"], message, f"Write timeout: {hours}h, or less.")
