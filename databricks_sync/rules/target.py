"""User and branch -> the branch folder in the workspace, and which folders no run may take. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from databricks_sync.errors import SettingsError, near, printable
from databricks_sync.model import TOP
from databricks_sync.shell import option

from .names import flaw, nfc

# The workspace is known to take letters, digits, blanks, `+`, `#`, `-` and `_`; the design wants `/`, `:` and
# `.` replaced. A branch name may hold more, so everything else that is not a word character is replaced too.
_DISLIKED = re.compile(r"[^\w\-+#]")
_LONGEST = 100  # bytes
GIT_FOLDER = "REPO"  # the type of a Git folder, of either kind
NOTES = ".databricks_sync"  # the folder of our own notes, in a home or beside shared targets
PATTERN = "/Users/{user}/{branch}"  # where a project goes that says nothing else
_OWN = "/Users/{user}/"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TOPS = {"users": "Users", "shared": "Shared", "workspace": "Workspace"}


def branch_folder(branch: str, longest: int = _LONGEST) -> str:
    """The folder name for a branch; a name that had to change gets a hash, so that no two branches meet.

    `longest`: the most bytes it may have before the hash.
    """
    name = _DISLIKED.sub("-", nfc(branch))
    short = name.encode()[:longest].decode("utf-8", "ignore")
    if short == branch:
        return branch
    mark = hashlib.sha256(branch.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{short}-{mark}"


def project_name(repository: str, project: str) -> str:
    """What tells a project from others in a workspace: the name of its repository, and its folder there if any."""
    return branch_folder(repository if project == TOP else f"{repository}-{project.replace('/', '-')}")


def pattern_flaw(pattern: str, *, named: bool) -> str:
    """Why a target is not to be derived from `pattern`, as a sentence without its subject; empty when it may be.

    Whoever can commit writes it. So what a command does that names no target stays in the user's own home, and in a
    folder of the branch; only one that is chosen by its name (`named`) may be elsewhere.
    """
    known = ("user", "project", "branch")
    for name in _PLACEHOLDER.findall(pattern):
        if name not in known:
            return f"has {{{name}}}{near(name, known, '{{{}}}')}"
    if set("{}") & set(_PLACEHOLDER.sub("", pattern)):
        return "has a brace that does not belong to {user}, {project} or {branch}"
    if not pattern.startswith("/"):
        return "must be an absolute path of the workspace"
    if not named and not pattern.startswith(_OWN):
        return f"must begin with {_OWN}; another folder may be that of a named target"
    if not named and "{branch}" not in pattern:
        return "must contain {branch}, or the branches would meet"
    return ""


def derived(pattern: str, user: str, project: str, branch: str) -> str:
    """The target that a pattern without a flaw says. `user` may be "" where the pattern does not ask."""
    values = {"user": user, "project": project, "branch": branch_folder(branch) if branch else ""}
    return normalise(_PLACEHOLDER.sub(lambda match: values[match[1]], pattern))


def normalise(path: str) -> str:
    """One spelling for a workspace path: no `/Workspace` prefix (an alias), no doubled or trailing slash."""
    parts = [part for part in path.split("/") if part]
    while parts and parts[0] == "Workspace":
        del parts[0]
    return "/" + "/".join(parts)


def check_target(target: str, user: str | None) -> None:
    """Raises SettingsError when `target`, a normalised path, is not a folder this tool may take as its own."""
    parts = [part for part in target.split("/") if part]
    top = parts[0].casefold() if parts else ""  # whether the workspace tells `users` from `Users` is not documented
    shown = printable(target)
    if parts and (reason := flaw("/".join(parts), windows=False)):
        raise SettingsError(f"The target {shown} cannot be used: {reason}.", "Give another --target.")
    if len(parts) < 2 or (top == "users" and len(parts) < 3):
        below = f"/Users/{parts[1] if len(parts) > 1 else user or 'you@example.com'}/main"
        example = option("target", below if top == "users" else "/Shared/main").strip()
        raise SettingsError(
            f"The target {shown} is a protected folder of the workspace.", f"Give a folder such as `{example}`."
        )
    if top == "repos":
        raise SettingsError(
            f"The target {shown} is in /Repos, where Databricks itself keeps the Git folders in sync.",
            "Give a folder below /Users/<you> or /Shared.",
        )
    if NOTES in (part.casefold() for part in parts):
        raise SettingsError(
            f"The target {shown} is in {NOTES}, where this tool keeps its own files.", "Give another --target."
        )
    if _TOPS.get(top, parts[0]) != parts[0]:  # in another spelling neither its owner nor its notes would be found
        right = "/".join(["", _TOPS[top], *parts[1:]])
        hint = f"Give `{option('target', right).strip()}`."
        raise SettingsError(f"The target {shown} is spelled {printable(right)} in the workspace.", hint)
    if top == "users" and user and parts[1] != user:
        raise SettingsError(
            f"The target {shown} is in the home folder of {printable(parts[1])}, not of {printable(user)}.",
            f"If that is intended, add `{option('user', parts[1]).strip()}`.",
        )


def check_types(target: str, types: Mapping[str, str]) -> None:
    """Raises SettingsError when `target` is a Git folder or in one; `types`: of what `may_be_git_folders` names."""
    for path, kind in types.items():
        if kind == GIT_FOLDER:
            where = "is a Git folder" if path == target else f"is in the Git folder {printable(path)}"
            raise SettingsError(
                f"The target {printable(target)} {where}, which Databricks itself keeps in sync.",
                "Give a folder outside it.",
            )


def may_be_git_folders(target: str) -> list[str]:
    """The target and those above it that are neither a home nor shared roots, the outermost first."""
    parts = target.split("/")[1:]
    least = 3 if parts[0] == "Users" else 2
    return ["/" + "/".join(parts[:count]) for count in range(least, len(parts) + 1)]


def home_of(target: str) -> str | None:
    """The user in whose home `target` is, or None where it is shared."""
    parts = target.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "Users" else None


# A CI system's flag, and its variables that may hold the branch, the source of a pull request first.
# Full refs, never the last segment alone: `feature/tools` is not `tools`.
_CI: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("TF_BUILD", ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH")),
    ("GITHUB_ACTIONS", ("GITHUB_HEAD_REF", "GITHUB_REF")),
    ("GITLAB_CI", ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH")),
    ("BITBUCKET_BUILD_NUMBER", ("BITBUCKET_BRANCH",)),
    ("CIRCLECI", ("CIRCLE_BRANCH",)),
    ("JENKINS_URL", ("CHANGE_BRANCH", "GIT_LOCAL_BRANCH", "BRANCH_NAME", "GIT_BRANCH")),
)
# Set where a tag is built, though a variable above then holds the tag's name as if it were a branch.
_CI_TAGS = {"JENKINS_URL": "TAG_NAME"}


def ci_branch(environ: Mapping[str, str]) -> str | None:
    """The branch a CI run is for, from that CI's own variables; None outside CI, or where it is a tag."""
    for flag, variables in _CI:
        if not environ.get(flag) or environ.get(_CI_TAGS.get(flag, "")):
            continue
        for variable in variables:
            value = environ.get(variable, "")
            if value and not value.startswith("refs/tags/"):
                if variable == "GIT_BRANCH":  # of Jenkins' git plugin: a remote branch, or that there is none
                    value = "" if value == "detached" else value.removeprefix("origin/")
                return value.removeprefix("refs/heads/").removeprefix("refs/") or None
    return None
