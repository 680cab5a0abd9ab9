"""What the CLI sends about its own use: it is counted, and forgotten. Undocumented; the shapes are the CLI's [src]."""

from __future__ import annotations

from databricks_local.core.errors import invalid
from databricks_local.core.model import ApiAnswer, Call, answer

from .tree import LocalWorkspace


def take(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """As if all of it were kept [REAL: the CLI's integration test]. Raises ApiError (400)."""
    logs = call.parameters.get("protoLogs", [])
    if not isinstance(logs, list):
        raise invalid("protoLogs is a list.")
    return answer({"errors": [], "numProtoSuccess": len(logs)})
