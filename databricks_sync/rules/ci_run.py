"""The address of the run that a CI is at, and the pull request that it is about, from its own variables. Pure.

The address goes into the note on a target, for people to look at; what is read back there is anybody's word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

# A CI system's flag, and its address of a run, of variables in braces.
# SOURCE: each system's page of predefined variables.
_CI = (
    ("GITHUB_ACTIONS", "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"),
    ("TF_BUILD", "{SYSTEM_TEAMFOUNDATIONCOLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}"),
    ("GITLAB_CI", "{CI_JOB_URL}"),
    ("BITBUCKET_BUILD_NUMBER", "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}"),
    ("CIRCLECI", "{CIRCLE_BUILD_URL}"),
    ("JENKINS_URL", "{BUILD_URL}"),
)
_LONGEST = 300
# The branch that a pull request is to be merged into. SOURCE: the same pages.
_BASES = (
    ("GITHUB_ACTIONS", "GITHUB_BASE_REF"),
    ("TF_BUILD", "SYSTEM_PULLREQUEST_TARGETBRANCH"),
    ("GITLAB_CI", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
    ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_PR_DESTINATION_BRANCH"),
    ("JENKINS_URL", "CHANGE_TARGET"),
)
# The ref and the commit that a run is about, which for a pull request is a merge that was tried.
_MERGES = {
    "GITHUB_ACTIONS": ("GITHUB_REF", "GITHUB_SHA"),
    "TF_BUILD": ("BUILD_SOURCEBRANCH", "BUILD_SOURCEVERSION"),
    "GITLAB_CI": ("CI_MERGE_REQUEST_REF_PATH", "CI_COMMIT_SHA"),
}
_MERGE = re.compile(r"refs/(?:pull|merge-requests)/\d+/merge")
# The commit at which a pull request left that branch, which itself is not fetched there.
_STARTS = {"GITLAB_CI": "CI_MERGE_REQUEST_DIFF_BASE_SHA"}
# Without a name and password before the host: somebody may have put them there.
_ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?(/[\w./%~+:,=&?#@-]*)?", re.ASCII)


def ci_run(environ: Mapping[str, str]) -> str:
    """The address of the run; "" outside CI, and where its variables do not make one."""
    for flag, pattern in _CI:
        if environ.get(flag):
            names = re.findall(r"\{(\w+)\}", pattern)
            values = {name: quote(environ.get(name, "").strip(), safe=":/?=&#%@~+,") for name in names}
            return shown(pattern.format(**values)) if all(values.values()) else ""
    return ""


class PullRequest(NamedTuple):
    """The branch that it is to be merged into.

    `merge`: the commit that the CI has made of both, "" where it has not. `start`: the one at which it left that
    branch, where the CI says so.
    """

    base: str
    merge: str = ""
    start: str = ""


def pull_request(environ: Mapping[str, str]) -> PullRequest | None:
    """The pull request that a CI run is about; None outside CI, and for any other run."""
    for flag, variable in _BASES:
        if environ.get(flag) and (base := environ.get(variable, "").removeprefix("refs/heads/")):
            ref, commit = (environ.get(name, "") for name in _MERGES.get(flag, ("", "")))
            return PullRequest(base, commit if _MERGE.fullmatch(ref) else "", environ.get(_STARTS.get(flag, ""), ""))
    return None


def shown(address: str) -> str:
    """The address, where it may be shown as one; else ""."""
    return address if len(address) <= _LONGEST and _ADDRESS.fullmatch(address) else ""
