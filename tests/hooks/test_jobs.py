"""What the workspace says of jobs and runs is looked at before it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.wire import answering, listening

from databricks_sync.errors import WorkspaceError
from databricks_sync.remote.http import Http
from mlflow_hooks.deploy.jobs import Jobs
from mlflow_hooks.run.job_run import JobRun


@contextmanager
def workspace(document: object) -> Iterator[Http]:
    """Something that says this, whatever it is asked."""
    body = json.dumps(document).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with listening(answering(lambda _: [answer])) as server:
        yield Http(f"http://{server.address}", dict)


@pytest.mark.parametrize(
    "job",
    [
        1,
        {},
        {"job_id": "x"},
        {"job_id": None},
        {"job_id": 1, "settings": ["a"]},
        {"job_id": 1, "settings": {"tags": ["a"]}},
        {"job_id": 1, "settings": {"tasks": {"a": 1}}},
        {"job_id": 1, "settings": {"tasks": ["a"]}},
        {"job_id": 1, "settings": {"tasks": [{"notebook_task": "a"}]}},
        {"job_id": 1, "settings": {"deployment": "a"}},
    ],
)
def test_what_is_no_job(job: object) -> None:
    """What has not the form of a job is an error in a sentence."""
    with workspace({"jobs": [job]}) as http, pytest.raises(WorkspaceError, match="unknown form"):
        Jobs(http).named("a")


@pytest.mark.parametrize("page", [{"jobs": {"a": 1}}, {"jobs": "a"}])
def test_what_is_no_list_of_jobs(page: object) -> None:
    """Nor is what should be a list of them, and is none, taken for an empty one."""
    with workspace(page) as http, pytest.raises(WorkspaceError, match="unknown form"):
        Jobs(http).named("a")


def test_a_list_of_jobs_without_an_end() -> None:
    """A workspace that always has another page is not read for ever."""
    with workspace({"jobs": [], "next_page_token": "more"}) as http:
        with pytest.raises(WorkspaceError, match="without an end"):
            Jobs(http).named("a")
        assert http.requests < 2000


def test_a_job_without_a_number() -> None:
    """Where a job was made, and nothing says which, that is an error."""
    with workspace({"job": 1}) as http, pytest.raises(WorkspaceError, match="unknown form"):
        Jobs(http).create({})


@pytest.mark.parametrize("run", [{}, {"state": "a"}, {"state": ["a"]}, {"tasks": "a"}, {"tasks": [1]}, {"tasks": {}}])
def test_what_is_no_run(run: object) -> None:
    """A run of which nothing is said in the usual form is one that is not over, and has no log."""
    with workspace(run) as http:
        assert not JobRun(http, 1).state().over
        assert JobRun(http, 1).output() == ""
