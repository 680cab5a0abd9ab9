"""Who may do what with an object: the levels there are, and how a call names whom it gives one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from databricks_local.core.errors import invalid

from .fields import check

PRINCIPALS = ("user_name", "group_name", "service_principal_name")
OWNER = "IS_OWNER"

# What somebody with such a permission on a job can do, from the lowest on [DOCS].
JOB_LEVELS: Mapping[str, str] = {
    "CAN_VIEW": "Can view runs and settings of the job.",
    "CAN_MANAGE_RUN": "Can view, run, and cancel the job.",
    "CAN_MANAGE": "Can view, run, cancel, change, and delete the job, and change its permissions.",
    OWNER: "Owns the job: it runs with the permissions of its owner.",
}

# The same on a notebook, a file, a folder with all below it, and a Git folder [DOCS].
OBJECT_LEVELS: Mapping[str, str] = {
    "CAN_READ": "Can view and comment.",
    "CAN_RUN": "Can view, comment, attach/detach, and run commands.",
    "CAN_EDIT": "Can view, comment, attach/detach, run commands, and edit.",
    "CAN_MANAGE": "Can view, comment, attach/detach, run commands, edit, and change permissions.",
}

# A principal, as the field and the name in it, and the level that it was given.
Grants = dict[tuple[str, str], str]


def grants(entries: object, levels: Mapping[str, str]) -> Grants:
    """An `access_control_list`; of entries for the same principal the last one counts. Raises ApiError (400)."""
    if not isinstance(entries, list):
        raise invalid("access_control_list is a list.")
    found: Grants = {}
    for number, document in enumerate(entries):
        where = f"access_control_list[{number}]"
        entry = check(where, document, dict.fromkeys([*PRINCIPALS, "permission_level"], str))
        principals = [field for field in PRINCIPALS if entry.get(field)]
        if len(principals) != 1:
            raise invalid(f"{where} names exactly one of {', '.join(PRINCIPALS)}.")
        level = str(entry.get("permission_level", ""))
        if level not in levels:
            raise invalid(f"{where}.permission_level is one of {', '.join(levels)}, not {level!r}.")
        found[principals[0], entry[principals[0]]] = level
    return found


def check_owner(object_type: str, given: Grants) -> None:
    """Raises ApiError (400) unless exactly one principal, and no group, is the owner [DOCS]."""
    owners = [principal for principal, level in given.items() if level == OWNER]
    if len(owners) != 1:
        raise invalid(f"The {object_type} must have exactly one owner.")  # text [PROBED]
    if owners[0][0] == "group_name":
        raise invalid("Groups can not be owners.")
