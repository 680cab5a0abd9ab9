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

# The parameter of a pipeline that says where deploy put the notebook.
NOTEBOOK_FOLDER = "notebook_folder"


def pipeline_json(hook: Hook) -> str:
    """The pipeline as a file, stamped in its description."""
    resource = pipeline(hook)
    resource["properties"]["description"] = f"{BLANK}. {resource['properties']['description']}"
    return stamped(json.dumps(resource, indent=2) + "\n")


def pipeline(hook: Hook) -> dict[str, Any]:
    """One parameter for each that callers may set, and one for what differs from workspace to workspace: the number of
    the job, or the folder that `deploy --target` names."""
    parameters: dict[str, Any] = {
        name: {"type": "string", "defaultValue": default} for name, default in defaults(hook).items()
    }
    folder = {"defaultValue": WORKSPACE_FOLDER} if hook.engine is Engine.MLFLOW else {}
    parameters[_place(hook)] = {"type": "string", **folder}
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
    if hook.engine is Engine.MLFLOW:
        kind = "DatabricksNotebook"
        parameters: dict[str, Any] = {name: _expression(_value(name)) for name in defaults(hook)}
        path = _expression(f"concat({_value(_place(hook))}, '/{hook.notebook}')")
        properties = {"notebookPath": path, "baseParameters": {**parameters, TRIGGER: "data_factory"}}
    else:
        kind = "DatabricksJob"
        # Nothing between here and the script knows what an empty value stands for.
        given = {name: _or_default(name, default) for name, default in defaults(hook).items()}
        properties = {"jobId": _expression(_value(_place(hook))), "jobParameters": given}
    return {
        "name": hook.notebook,
        "type": kind,
        "dependsOn": [],
        "policy": {"timeout": _timespan(hook.data_factory_timeout), "retry": 0, "retryIntervalInSeconds": 30},
        "linkedServiceName": {"referenceName": hook.linked_service, "type": "LinkedServiceReference"},
        "typeProperties": properties,
    }


def _place(hook: Hook) -> str:
    """What the pipeline calls the number of the job or the notebook's folder: as no parameter of the project is."""
    name = NOTEBOOK_FOLDER if hook.engine is Engine.MLFLOW else "job_id"
    while name in defaults(hook):
        name = f"hook_{name}"
    return name


def _expression(formula: str) -> dict[str, str]:
    return {"value": f"@{formula}", "type": "Expression"}


def _value(parameter: str) -> str:
    return f"pipeline().parameters.{parameter}" if parameter.isidentifier() else f"pipeline().parameters['{parameter}']"


def _or_default(parameter: str, default: str) -> dict[str, str]:
    if not default:
        return _expression(_value(parameter))
    quoted = default.replace("'", "''")
    return _expression(f"if(empty({_value(parameter)}), '{quoted}', {_value(parameter)})")


def _timespan(time: timedelta) -> str:
    """D.HH:MM:SS"""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}.{hours:02}:{minutes:02}:{seconds:02}"
