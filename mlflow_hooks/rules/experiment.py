"""The names of experiments: which Databricks takes, and that of somebody's branch. Pure."""

from __future__ import annotations

from databricks_sync.errors import SettingsError
from databricks_sync.rules.target import branch_folder

SUFFIX = "_expr"
_MARK = 9  # what branch_folder adds to a name it had to change


def problem(path: str) -> tuple[str, str] | None:
    """Why an experiment cannot have this name, and what to write instead; None when it can.

    SERVER: the tree of the workspace (an experiment is a node in it); `/Workspace` is an alias of its root.
    """
    parts = path.split("/")
    if not path.startswith("/"):
        return f"The experiment {path!r} is not an absolute path, and Databricks refuses it.", f"Write /Shared/{path}."
    if parts[1] == "Workspace":
        short = path.removeprefix("/Workspace") or "/Shared/name"
        return (
            "Databricks creates an experiment below /Workspace, but does not find it in the next run.",
            f"Write {short}.",
        )
    if "" in parts[1:] or "." in parts or ".." in parts:
        return (
            f"The experiment {path!r} has an empty part, or a part that is only dots.",
            "Write single slashes, and none at the end.",
        )
    if parts[1] == "Repos":
        return "Databricks creates no experiment below /Repos.", "Write a path below /Shared or /Users/<you>."
    least = 4 if parts[1] == "Users" else 3
    if len(parts) < least:
        return f"{path} is a folder of the workspace itself.", f"Write a name below it, such as {path}/training."
    return None


def of_branch(user: str, branch: str, longest: int | None = None) -> str:
    """`/Shared/<user>/<branch>_expr`, no two branches the same. Raises SettingsError for what is no branch.

    `longest`: the most bytes the last name may have, at least 20, for services that have a limit.
    """
    if branch in ("HEAD", "merge"):
        raise SettingsError(
            f"CI uses the name {branch} for every branch, so all branches would share one experiment.",
            "Give the branch with --branch, or the experiment with --experiment.",
        )
    name = branch_folder(branch)
    if longest is not None and len(name.encode()) + len(SUFFIX) > longest:
        name = branch_folder(branch, longest - len(SUFFIX) - _MARK)
    return f"/Shared/{user}/{name}{SUFFIX}"
