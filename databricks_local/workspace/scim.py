"""Me, Users, Groups, ServicePrincipals, as SCIM tells them (RFC 7644). There is one user, and nobody is added."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.model import ApiAnswer, Call, answer

from .tree import LocalWorkspace

USER_ID = "1000000000000001"
_MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
# The groups that each workspace has [DOCS].
_GROUPS = (("1000000000000002", "admins"), ("1000000000000003", "users"))
# One condition: what else a filter may be, the service's own documentation hardly says.
_FILTER = re.compile(r'\s*(\w+)\s+(eq|co|sw)\s+"?([^"]*)"?\s*', re.IGNORECASE)
_PAGE = 100

Resource = dict[str, Any]


def me(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The one principal there is; the keys databricks-sdk reads [LOCAL]."""
    return answer(_user(workspace))


def _list(kind: str, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """A page of all of a kind that fit a filter; 400 in SCIM's shape for one that cannot be read [REAL]."""
    start, count = (whole_number(call.text(name) or default) for name, default in (("startIndex", 1), ("count", _PAGE)))
    condition = _FILTER.fullmatch(call.text("filter") or 'id sw ""')
    if condition is None or start is None or count is None:
        return _refused(400, "The filter, or the page that is asked for, is not understood.")
    matching = [resource for resource in _all(workspace)[kind] if _fits(resource, *condition.groups())]
    first = max(start, 1)
    page = matching[first - 1 :][:count]
    body = {"schemas": [f"{_MESSAGES}:ListResponse"], "totalResults": len(matching)}
    return answer({**body, "startIndex": first, "itemsPerPage": len(page), "Resources": page})


def _get(kind: str, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """One of a kind; 404 in SCIM's shape [DOCS]."""
    identifier = str(call.parameters.get("scim_id", ""))
    for resource in _all(workspace)[kind]:
        if resource["id"] == identifier:
            return answer(resource)
    return _refused(404, f"{kind.removesuffix('s')} with id {identifier[:40]} not found.")


def _refused(status: int, detail: str) -> ApiAnswer:
    return answer({"schemas": [f"{_MESSAGES}:Error"], "detail": detail, "status": str(status)}, status)


def _fits(resource: Resource, name: str, operator: str, wanted: str) -> bool:
    texts = {key.lower(): str(value).lower() for key, value in resource.items()}
    value, wanted = texts.get(name.lower(), ""), wanted.lower()
    return {"eq": value == wanted, "co": wanted in value, "sw": value.startswith(wanted)}[operator.lower()]


def _all(workspace: LocalWorkspace) -> dict[str, list[Resource]]:
    member = {"value": USER_ID, "display": workspace.settings.user}
    groups = [
        {"schemas": [f"{_CORE}:Group"], "id": identifier, "displayName": name, "members": [member]}
        for identifier, name in _GROUPS
    ]
    return {"Users": [_user(workspace)], "Groups": groups, "ServicePrincipals": []}


def _user(workspace: LocalWorkspace) -> Resource:
    name = workspace.settings.user
    return {
        "schemas": [f"{_CORE}:User"],
        "id": USER_ID,
        "userName": name,
        "displayName": name,
        "active": True,
        "emails": [{"type": "work", "value": name, "primary": True}],
    }


SCIM_OPERATIONS: tuple[tuple[str, str, Callable[[LocalWorkspace, Call], ApiAnswer]], ...] = (
    *(("GET", kind, partial(_list, kind)) for kind in ("Users", "Groups", "ServicePrincipals")),
    *(("GET", f"{kind}/{{scim_id}}", partial(_get, kind)) for kind in ("Users", "Groups", "ServicePrincipals")),
)
