"""User and branch -> branch folder, and which folders no run may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_sync.errors import SettingsError
from databricks_sync.rules.target import (
    branch_folder,
    check_target,
    check_types,
    ci_branch,
    home_of,
    may_be_git_folders,
    normalise,
)


@pytest.mark.parametrize("branch", ["main", "master", "feature-a", "JIRA-12_x", "a+b", "a#1", "ünï", "2026"])
def test_a_plain_branch_is_its_own_folder(branch: str) -> None:
    """A name the workspace likes is left as it is."""
    assert branch_folder(branch) == branch


@pytest.mark.parametrize("branch", ["feature/a", "feature.a", "feature:a", "feature a", "feature\\a", "feature@a"])
def test_a_branch_that_changes_is_marked(branch: str) -> None:
    """What is disliked becomes a dash, and the name gets a mark of eight digits."""
    folder = branch_folder(branch)
    assert folder.startswith("feature-a-") and len(folder) == len("feature-a-") + 8


def test_similar_branches_never_share_a_folder() -> None:
    """Branches that would become one name are kept apart, also very long ones."""
    long = "x" * 150
    alike = ["feature/a", "feature-a", "feature.a", "feature:a", "feature/a/", "Feature/a", long + "1", long + "2"]
    alike += ["é", "e\u0301", "a\udcff", "a\udcfe", "a?", "a-"]
    assert len({branch_folder(branch) for branch in alike}) == len(alike)


@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))
def test_no_two_branches_meet(one: str, other: str) -> None:
    """Different branches have different folders."""
    assert one == other or branch_folder(one) != branch_folder(other)


@given(st.text(min_size=1) | st.text(alphabet="../\\ :", min_size=1))
def test_a_branch_never_climbs(branch: str) -> None:
    """Whatever a branch is called, its folder is one name without a separator or a dot."""
    folder = branch_folder(branch)
    assert folder and not set(folder) & set("/\\.: \n\0") and folder.encode().decode() == folder
    assert len(folder.encode()) <= 109


@pytest.mark.parametrize("branch", ["a/b", "x" * 101, "日本語/" + "語" * 95], ids=["slash", "long", "wide"])
def test_the_folder_of_a_branch_can_be_used(branch: str) -> None:
    """Every branch's folder is accepted as a target, however long its name is."""
    check_target(f"/Users/me/{branch_folder(branch)}", "me")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/Users/me/x", "/Users/me/x"),
        ("/Workspace/Users/me/x", "/Users/me/x"),
        ("/Workspace/Workspace/Shared", "/Shared"),
        ("//Workspace//Users/me//x///", "/Users/me/x"),
        ("Shared/x", "/Shared/x"),
        ("/Workspaces/x", "/Workspaces/x"),
        ("/Shared/Workspace/x", "/Shared/Workspace/x"),
        ("/Workspace", "/"),
        ("/Workspace/", "/"),
        ("/", "/"),
        ("", "/"),
    ],
)
def test_normalise(path: str, clean: str) -> None:
    """One folder has one spelling: no alias, no doubled and no trailing slash."""
    assert normalise(path) == clean == normalise(clean)


PROTECTED = ["/", "", "/Users", "/Users/me", "/Users/you", "/Shared", "/Repos", "/Workspace", "/Trash", "/x"]
PROTECTED += ["/users", "/users/me", "/SHARED", "/Workspace/Shared/", "//Users//me//", "Shared"]


@pytest.mark.parametrize("target", PROTECTED)
@pytest.mark.parametrize("user", ["me", None])
def test_a_protected_folder_is_refused(target: str, user: str | None) -> None:
    """Roots and homes are nobody's branch folder, in whatever spelling."""
    with pytest.raises(SettingsError, match="is a protected folder"):
        check_target(normalise(target), user)


@pytest.mark.parametrize("target", ["/Repos/me/x", "/Repos/me", "/repos/me/x/y", "/Workspace/Repos/me/x"])
def test_a_git_folder_is_refused(target: str) -> None:
    """What Databricks keeps in sync with git itself is left to it."""
    with pytest.raises(SettingsError, match="/Repos"):
        check_target(normalise(target), "me")


@pytest.mark.parametrize(
    ("target", "right"),
    [
        ("/users/me/x", "/Users/me/x"),
        ("/USERS/you/x/y", "/Users/you/x/y"),
        ("/Workspace/shared/x", "/Shared/x"),
        ("/workspace/Users/me/x", "/Workspace/Users/me/x"),
    ],
)
def test_another_spelling_of_a_root_is_refused(target: str, right: str) -> None:
    """A home or a shared folder in another case is not taken past the questions of whose it is and what is noted."""
    with pytest.raises(SettingsError, match=f"is spelled {right} in") as caught:
        check_target(normalise(target), None)
    assert caught.value.hint == f"Give `--target {right}`."


@pytest.mark.parametrize("target", ["/Users/me/.databricks_sync", "/Shared/.databricks_sync/x", "/t/.Databricks_Sync"])
def test_the_folder_of_the_notes_is_refused(target: str) -> None:
    """The tool's own notes are nobody's notebooks."""
    with pytest.raises(SettingsError, match="keeps its own files"):
        check_target(target, "me")


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/Users/me/x", ["/Users/me/x"]),
        ("/Users/me/x/y", ["/Users/me/x", "/Users/me/x/y"]),
        ("/Shared/x", ["/Shared/x"]),
        ("/team/x/y", ["/team/x", "/team/x/y"]),
    ],
)
def test_what_may_be_a_git_folder(target: str, asked: list[str]) -> None:
    """A target is refused when it, or what it lies in below the roots, is a Git folder, and only then."""
    assert may_be_git_folders(target) == asked
    check_types(target, dict.fromkeys(asked, "DIRECTORY"))
    check_types(target, dict.fromkeys(asked, ""))
    for path in asked:
        with pytest.raises(SettingsError, match="Git folder"):
            check_types(target, {**dict.fromkeys(asked, "DIRECTORY"), path: "REPO"})


def test_another_user_s_home_is_refused() -> None:
    """A folder in the home of somebody else needs their name said."""
    with pytest.raises(SettingsError, match="in the home folder of you, not of me") as caught:
        check_target("/Users/you/x", "me")
    assert "--user you" in caught.value.hint
    check_target("/Users/you/x", "you")
    check_target("/Users/you/x", None)


@pytest.mark.parametrize(
    "target", ["/Users/me/..", "/Users/me/../you/x", "/Shared/./x", "/Shared/a\nb", "/Shared/a\\b"]
)
def test_a_target_that_climbs_is_refused(target: str) -> None:
    """A path with steps, control characters or backslashes is no target, and is shown harmlessly."""
    with pytest.raises(SettingsError, match="cannot be used") as caught:
        check_target(normalise(target), "me")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("target", ["/Users/me/x", "/Users/me/x/y", "/Shared/x", "/team/x"])
def test_an_ordinary_target_is_taken(target: str) -> None:
    """A folder below a home or a shared root may be taken."""
    check_target(target, "me")


@pytest.mark.parametrize(
    ("target", "user"),
    [("/Users/me/x", "me"), ("/Users/me", "me"), ("/Shared/x", None), ("/", None), ("/team/Users/x", None)],
)
def test_home_of(target: str, user: str | None) -> None:
    """A target in a home is somebody's, any other is shared."""
    assert home_of(target) == user


AZURE = {"TF_BUILD": "True"}
GITHUB = {"GITHUB_ACTIONS": "true", "CI": "true"}
GITLAB = {"GITLAB_CI": "true", "CI": "true"}
BITBUCKET = {"BITBUCKET_BUILD_NUMBER": "3", "CI": "true"}
CIRCLE = {"CIRCLECI": "true", "CI": "true"}
JENKINS = {"JENKINS_URL": "https://ci.example.com/"}
BRANCH, PULL, TAG = "refs/heads/feature/tools", "refs/pull/7/merge", "refs/tags/v1"
CI = [
    # Azure DevOps: a push, a pull request of Azure Repos and of GitHub, a tag
    (AZURE | {"BUILD_SOURCEBRANCH": BRANCH, "BUILD_SOURCEBRANCHNAME": "tools"}, "feature/tools"),
    (AZURE | {"BUILD_SOURCEBRANCH": PULL, "SYSTEM_PULLREQUEST_SOURCEBRANCH": BRANCH}, "feature/tools"),
    (AZURE | {"BUILD_SOURCEBRANCH": PULL, "SYSTEM_PULLREQUEST_SOURCEBRANCH": "feature/tools"}, "feature/tools"),
    (AZURE | {"BUILD_SOURCEBRANCH": TAG, "BUILD_SOURCEBRANCHNAME": "v1"}, None),
    # GitHub: GITHUB_HEAD_REF is set, and empty, outside pull requests
    (GITHUB | {"GITHUB_REF": BRANCH, "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "feature/tools"}, "feature/tools"),
    (GITHUB | {"GITHUB_REF": PULL, "GITHUB_HEAD_REF": "feature/tools", "GITHUB_BASE_REF": "main"}, "feature/tools"),
    (GITHUB | {"GITHUB_REF": TAG, "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "v1"}, None),
    # GitLab: a branch, a merge request, a tag
    (GITLAB | {"CI_COMMIT_BRANCH": "feature/tools", "CI_COMMIT_REF_NAME": "feature/tools"}, "feature/tools"),
    (GITLAB | {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/tools", "CI_COMMIT_REF_NAME": "x"}, "feature/tools"),
    (GITLAB | {"CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"}, None),
    # Bitbucket: a branch or pull request, a tag
    (BITBUCKET | {"BITBUCKET_BRANCH": "feature/tools", "BITBUCKET_PR_ID": "7"}, "feature/tools"),
    (BITBUCKET | {"BITBUCKET_TAG": "v1"}, None),
    # CircleCI: a branch, a tag
    (CIRCLE | {"CIRCLE_BRANCH": "feature/tools"}, "feature/tools"),
    (CIRCLE | {"CIRCLE_TAG": "v1", "CIRCLE_BRANCH": ""}, None),
    # Jenkins: multibranch, its pull requests and tags; a plain job with the git plugin, with and without a local branch
    (JENKINS | {"BRANCH_NAME": "feature/tools", "GIT_BRANCH": "feature/tools"}, "feature/tools"),
    (JENKINS | {"BRANCH_NAME": "PR-7", "CHANGE_BRANCH": "feature/tools", "CHANGE_TARGET": "main"}, "feature/tools"),
    (JENKINS | {"BRANCH_NAME": "v1", "TAG_NAME": "v1"}, None),
    (JENKINS | {"GIT_BRANCH": "origin/feature/tools"}, "feature/tools"),
    (JENKINS | {"GIT_BRANCH": "origin/feature/tools", "GIT_LOCAL_BRANCH": "feature/tools"}, "feature/tools"),
    (JENKINS | {"GIT_BRANCH": "detached"}, None),
    # no CI at all: its variables alone say nothing
    ({}, None),
    ({"GITHUB_REF": BRANCH, "BUILD_SOURCEBRANCH": BRANCH, "CI_COMMIT_BRANCH": "x", "BRANCH_NAME": "x"}, None),
    ({"CI": "true"}, None),
]


@pytest.mark.parametrize(("environ", "branch"), CI)
def test_ci_branch(environ: dict[str, str], branch: str | None) -> None:
    """On a CI machine the branch is the whole name of what is built, and a tag is no branch."""
    assert ci_branch(environ) == branch
