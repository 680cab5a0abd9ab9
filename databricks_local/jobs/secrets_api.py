"""Secret scopes: what `dbutils.secrets` reads, and databricks-sdk's `secrets.*`. Nobody is refused for an ACL.

Kept as they are in a file only its owner can read: this is a workspace for trying, not a vault.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.jobs.rules.fields import required
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace.tree import LocalWorkspace

from .store import JobStore

NAME = re.compile(r"[\w.@-]{1,128}", re.ASCII)
MAX_SECRET_BYTES = 128 * 1024
PERMISSIONS = ("READ", "WRITE", "MANAGE")


class SecretsApi:
    """Each operation raises ApiError: 400 for what is wrong with a call, 404 for a scope or key that is not there."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/2.0/secrets/`, and what serves it."""
        return (
            ("POST", "scopes/create", self.create_scope),
            ("GET", "scopes/list", self.list_scopes),
            ("POST", "scopes/delete", self.delete_scope),
            ("POST", "put", self.put),
            ("GET", "get", self.get),
            ("GET", "list", self.list),
            ("POST", "delete", self.delete),
            ("POST", "acls/put", self.put_acl),
            ("GET", "acls/get", self.get_acl),
            ("GET", "acls/list", self.list_acls),
            ("POST", "acls/delete", self.delete_acl),
        )

    def create_scope(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A new scope; 400 for one that exists."""
        scope = checked_name(call.text("scope"), "scope")
        if scope in self._store.scopes():
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {scope} already exists!")
        managing = call.text("initial_manage_principal") or workspace.settings.user
        self._store.add_scope(scope)
        self._put_acls(scope, {managing: "MANAGE"})
        return answer({})

    def list_scopes(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """All scopes by name; `{}` for none."""
        scopes = [{"name": scope, "backend_type": "DATABRICKS"} for scope in self._store.scopes()]
        return answer({"scopes": scopes} if scopes else {})

    def delete_scope(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A scope with its secrets."""
        self._store.remove_scope(self._scope(call))
        return answer({})

    def put(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A secret as `string_value` or as `bytes_value` in base64, at most 128 KB [DOCS]."""
        scope, key = self._scope(call), checked_name(call.text("key"), "key")
        if ("string_value" in call.parameters) == ("bytes_value" in call.parameters):
            raise invalid("Exactly one of string_value and bytes_value is to be given.")
        value = str(call.parameters.get("string_value", "")).encode()
        if "bytes_value" in call.parameters:
            try:
                value = base64.b64decode(str(call.parameters["bytes_value"]), validate=True)
            except ValueError:
                raise invalid("bytes_value is not valid base64.") from None
        if len(value) > MAX_SECRET_BYTES:
            raise invalid(f"A secret has at most {MAX_SECRET_BYTES} bytes.")
        self._store.put_secret(scope, key, value, workspace.clock.now())
        return answer({})

    def get(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A secret in base64 [DOCS]."""
        scope, key = self._scope(call), call.text("key") or ""
        entry = self._store.secrets(scope).get(key)
        if entry is None:
            raise missing_secret(scope, key)
        return answer({"key": key, "value": base64.b64encode(entry[0]).decode()})

    def list(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Names only: no secret is ever listed with its value."""
        secrets = self._store.secrets(self._scope(call))
        listed = [{"key": key, "last_updated_timestamp": changed} for key, (_, changed) in secrets.items()]
        return answer({"secrets": listed} if listed else {})

    def delete(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """One secret."""
        scope, key = self._scope(call), call.text("key") or ""
        if key not in self._store.secrets(scope):
            raise missing_secret(scope, key)
        self._store.remove_secret(scope, key)
        return answer({})

    def put_acl(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """READ, WRITE or MANAGE for a principal; replaces what it had [DOCS]."""
        scope, principal = self._scope(call), _principal(call)
        permission = call.text("permission")
        if permission not in PERMISSIONS:
            raise invalid(f"permission is one of {', '.join(PERMISSIONS)}, not {permission!r}.")
        self._put_acls(scope, {**self._acls(scope), principal: permission})
        return answer({})

    def get_acl(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """What a principal may do with a scope [DOCS]."""
        scope, principal = self._scope(call), _principal(call)
        acls = self._acls(scope)
        if principal not in acls:
            raise missing_acl(scope, principal)
        return answer({"principal": principal, "permission": acls[principal]})

    def list_acls(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """What everybody may do with a scope [DOCS]."""
        acls = self._acls(self._scope(call))
        items = [{"principal": principal, "permission": permission} for principal, permission in acls.items()]
        return answer({"items": items} if items else {})

    def delete_acl(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """One principal's; 404 for one that has none [DOCS]."""
        scope, principal = self._scope(call), _principal(call)
        acls = self._acls(scope)
        if acls.pop(principal, None) is None:
            raise missing_acl(scope, principal)
        self._put_acls(scope, acls)
        return answer({})

    def _acls(self, scope: str) -> dict[str, str]:
        return {who: permission for (_, who), permission in (self._store.permissions(_acl_of(scope)) or {}).items()}

    def _put_acls(self, scope: str, acls: Mapping[str, str]) -> None:
        self._store.put_permissions(_acl_of(scope), {("principal", who): level for who, level in acls.items()})

    def _scope(self, call: Call) -> str:
        required("", call.parameters, "scope")
        scope = str(call.parameters["scope"])
        if scope not in self._store.scopes():
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Scope {scope} does not exist!")
        return scope


def missing_acl(scope: str, principal: str) -> ApiError:
    """404 [DOCS]; the text is unknown."""
    return ApiError(
        404, "RESOURCE_DOES_NOT_EXIST", f"Failed to get secret acl for principal {principal} for scope {scope}."
    )


def _principal(call: Call) -> str:
    required("", call.parameters, "principal")
    return str(call.parameters["principal"])


def _acl_of(scope: str) -> str:
    return f"/secrets/{scope}"


def missing_secret(scope: str, key: str) -> ApiError:
    """404; text as users quote it."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Failed to get secret {key} for scope {scope}.")


def checked_name(name: str | None, what: str) -> str:
    """The name of a scope or key (`what`) [DOCS]. Raises ApiError (400) for what cannot be one."""
    if name is None or not NAME.fullmatch(name):
        raise invalid(f"{what} has letters, digits, `-`, `_`, `@` and `.`, at most 128 of them.")
    return name
