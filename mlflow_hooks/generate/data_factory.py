"""The Data Factory pipeline that starts a hook, as the factory's own git repository stores it. Pure.

Its one activity can be copied into any other pipeline. Field names as azure-mgmt-datafactory has them
(DatabricksNotebookActivity, DatabricksJobActivity).
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from mlflow_hooks.model import TRIGGER, WORKSPACE_FOLDER, Hook
from mlflow_hooks.schema import Engine

from .job import defaults
from .origin import description
from .stamp import BLANK, stamped


def pipeline_json(hook: Hook) -> str:
    """The pipeline as a file, stamped in its description."""
    resource = pipeline(hook)
    description = resource["properties"].pop("description")
    resource["properties"] = {"description": f"{BLANK}. {description}", **resource["properties"]}
    return stamped(json.dumps(resource, indent=2) + "\n")


def pipeline(hook: Hook) -> dict[str, Any]:
    """One parameter for each that callers may set; for a job also its number, which differs from workspace to
    workspace."""
    parameters: dict[str, Any] = {
        name: {"type": "string", "defaultValue": default} for name, default in defaults(hook).items()
    }
    if hook.engine is Engine.JOBS_GIT:
        parameters["job_id"] = {"type": "string"}
    return {
        "name": hook.notebook,
        "properties": {
            "description": description(hook.document.name),
            "activities": [activity(hook)],
            "parameters": parameters,
        },
    }


def activity(hook: Hook) -> dict[str, Any]:
    """What starts the hook and waits for it. It outlasts the hook's own deadline, so that the hook can clean up."""
    parameters = {name: _expression(name) for name in defaults(hook)}
    if hook.engine is Engine.MLFLOW:
        kind = "DatabricksNotebook"
        path = f"{WORKSPACE_FOLDER}/{hook.notebook}"
        properties = {"notebookPath": path, "baseParameters": {**parameters, TRIGGER: "data_factory"}}
    else:
        kind = "DatabricksJob"
        properties = {"jobId": _expression("job_id"), "jobParameters": parameters}
    return {
        "name": hook.notebook,
        "type": kind,
        "dependsOn": [],
        "policy": {"timeout": _timespan(hook.data_factory_timeout), "retry": 0, "retryIntervalInSeconds": 30},
        "linkedServiceName": {"referenceName": hook.linked_service, "type": "LinkedServiceReference"},
        "typeProperties": properties,
    }


def _expression(parameter: str) -> dict[str, str]:
    path = f".{parameter}" if parameter.isidentifier() else f"['{parameter}']"
    return {"value": f"@pipeline().parameters{path}", "type": "Expression"}


def _timespan(time: timedelta) -> str:
    """D.HH:MM:SS"""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}.{hours:02}:{minutes:02}:{seconds:02}"
