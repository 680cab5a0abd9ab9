"""The address of the run that a CI is at."""

from __future__ import annotations

import pytest

from databricks_sync.rules.ci_run import PullRequest, ci_run, pull_request, shown

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/notebooks",
    "GITHUB_RUN_ID": "17",
    "GITHUB_SHA": "abc",
}
AZURE = {
    "TF_BUILD": "True",
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "Data Science",
    "BUILD_BUILDID": "42",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_JOB_URL": "https://git.acme.org:8443/a/-/jobs/3",
    "CI_COMMIT_SHA": "abc",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": "def",
}


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, ""),
        (GITHUB, "https://github.com/acme/notebooks/actions/runs/17"),
        (AZURE, "https://dev.azure.com/acme/Data%20Science/_build/results?buildId=42"),
        (GITLAB, "https://git.acme.org:8443/a/-/jobs/3"),
        ({**GITHUB, "GITHUB_RUN_ID": ""}, ""),
        ({**GITHUB, "GITHUB_SERVER_URL": "https://me:secret@github.com"}, ""),
    ],
)
def test_the_run(environ: dict[str, str], address: str) -> None:
    """Each CI's own variables make the address; where one is missing, or a credential is in it, there is none."""
    assert ci_run(environ) == address


@pytest.mark.parametrize(
    "address", ["javascript:x", "https://a b", "https://a\x1b]8;;", "https://a/\n", "x", "https://a/" + "b" * 500]
)
def test_what_is_no_address_is_not_shown(address: str) -> None:
    """What stands in the place of an address is nothing where it could be obeyed."""
    assert shown(address) == ""


@pytest.mark.parametrize(
    ("environ", "request_of"),
    [
        ({}, None),
        ({**GITHUB, "GITHUB_BASE_REF": "", "GITHUB_REF": "refs/heads/main"}, None),
        ({**GITHUB, "GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/merge"}, PullRequest("main", "abc")),
        ({**GITHUB, "GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/head"}, PullRequest("main")),
        ({"GITHUB_BASE_REF": "main"}, None),
        ({**AZURE, "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/a/b"}, PullRequest("a/b")),
        ({**GITLAB, "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head"}, PullRequest("main", start="def")),
        ({**GITLAB, "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/merge"}, PullRequest("main", "abc", "def")),
    ],
)
def test_the_pull_request(environ: dict[str, str], request_of: PullRequest | None) -> None:
    """Each CI's own variables say what a pull request is to be merged into, and whether the merge is checked out."""
    assert pull_request(environ) == request_of
