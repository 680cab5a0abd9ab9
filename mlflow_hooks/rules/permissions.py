"""The rules of `permissions:` in hook.yml, and of who the job runs as. Pure."""

from __future__ import annotations

from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, warning

_OWNER = "IS_OWNER"


def rules(hook: Hook) -> Findings:
    """What is wrong with them. SERVER: https://docs.databricks.com/security/auth/access-control/#jobs."""
    seen = set[tuple[str, str]]()
    for number, permission in enumerate(hook.permissions):
        keys = ["permissions", str(number)]
        if len(permission.principals) != 1:
            message = "A permission is that of one user, group or service principal."
            remedy = "Write one of user_name:, group_name: and service_principal_name:."
            yield error(hook.document, keys, message, remedy)
            continue
        (principal,) = permission.principals
        if principal in seen:
            message = f"{principal[1]} has two permissions, and the job would have one of them."
            yield error(hook.document, keys, message, "Remove one of them.")
        seen.add(principal)
        if permission.level == _OWNER and principal[0] == "group_name":
            message = "Databricks refuses a group as the owner of a job."
            yield error(hook.document, keys, message, "Name a user or a service principal.")
    yield from _owner(hook)


def _owner(hook: Hook) -> Findings:
    owners = [permission for permission in hook.permissions if permission.level == _OWNER]
    if len(owners) > 1:
        message = "Databricks refuses a job with several owners."
        yield error(hook.document, ["permissions"], message, f"Keep one {_OWNER}.")
    run_as = hook.job.get("run_as")
    if not isinstance(run_as, dict) or not owners:
        return
    named = {(field, name) for field, name in run_as.items()}
    if named.isdisjoint(owners[0].principals):
        message = f"The job runs as {', '.join(map(str, run_as.values()))}, and not as its owner."
        yield warning(
            hook.document, ["job", "run_as"], message, f"Remove {_OWNER}, or name the same principal in both."
        )
