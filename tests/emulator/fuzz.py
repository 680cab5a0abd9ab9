"""Requests that no client would send: any of the routes, with values that no parser likes. The same ones for a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

# JSON as it is written: Python's own could not say most of this.
WRITTEN = (
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 400, "-1", "0", "1", "1.5"),
    *("1e308", "1e999", "NaN", "Infinity", "true", "false", "null", '""', "[]", "{}", "[null]", "[[]]", '["a"]'),
    *('"²"', '"٣"', '"\\ud800"', '"\\udc00x"', '"\\u0000"', '"a\\nb"', '"🙂"', '"1"', '"-1"', '"1e5"', f'"{"9" * 30}"'),
    *('"/"', '"/Shared"', '"/Shared/n"', '"/Shared/../n"', '"/Users/me@example.com/x"', '"//Workspace//"', '"x"'),
    *('"SOURCE"', '"AUTO"', '"JUPYTER"', '"DBC"', '"HTML"', '"R_MARKDOWN"', '"RAW"', '"PYTHON"', '"SQL"', '"cobol"'),
    *('"UEsDBBQ="', '"QQ=="', '"="', '"eyJjZWxscyI6W119"', '"hidden"', '"dbfs:/x"', '"0 0 0 ? * * "', '"UTC"'),
    *('{"a": {"a": {"a": []}}}', "[" * 99 + "]" * 99, "[" * 5000 + "]" * 5000, '{"a":' * 150 + "1" + "}" * 150),
    *(json.dumps("/a" * 1500), json.dumps("x" * 9000), json.dumps("{{" * 500), json.dumps("ü/" * 300)),
)
TYPED = ("", "²", "٣", "1", "-1", "0", "9" * 30, "9" * 5000, "1.5", "true", "/", "/Shared", "/Shared/n", "x", "\0",
         "\ud7ff", "AUTO", "JUPYTER", "DBC", "/a" * 1500, "ü" * 300, "../..", "NONE", "{}")  # fmt: skip
_NAMES = """
    path format language overwrite content recursive outputs direct_download notebooks_modified_after job_id run_id
    limit page_token offset length handle data contents name tasks job_clusters parameters schedule git_source
    environments tags timeout_seconds max_concurrent_runs new_settings fields_to_remove access_control_list
    job_parameters notebook_params python_params idempotency_token scope key string_value bytes_value source_path
    destination_path mode at_ms offset_ms resolution_ms step_ms source text object_type export_format move_to delete
    access nth every times phase state refuse task_key notebook_task notebook_path base_parameters depends_on libraries
    new_cluster num_workers autoscale spark_version node_type_id spark_env_vars quartz_cron_expression timezone_id
    git_url git_provider git_branch default run_if max_retries queue permission_level user_name group_name principal
    permission include cell after page find start_time_from start_time_to expand_tasks run_type active_only url provider
    branch tag filter count startIndex views_to_export rerun_tasks latest_repair_id snapshot_id newlines max_children
"""
NAMES = _NAMES.split()
HEADERS = (
    {},
    {"Range": f"bytes={'9' * 5000}-"},
    {"Range": "bytes=²-"},
    {"Accept-Encoding": "gzip"},
    {"Cookie": "a=b; =;"},
)
HEADERS += ({"Content-Type": "multipart/form-data; boundary=x"}, {"Content-Type": "multipart/form-data"})
HEADERS += ({"Content-Type": "application/x-www-form-urlencoded"}, {"Authorization": "Basic w7w="})
# What would change how the server answers from then on, on purpose, or not end.
NOT_ASKED = (
    "/api/local/attach",
    "/api/local/reset",
    "/mlflow",
    "/ml/",
    "/ajax-api",
    "/api/2.0/mlflow",
    "/api/3.0/mlflow",
)


_CLUSTER = {"spark_version": "17.3.x-scala2.13", "node_type_id": "m", "autoscale": {"min_workers": 1, "max_workers": 2},
            "spark_env_vars": {"A": "b"}, "spark_conf": {"a": "b"}, "custom_tags": {"a": "b"}}  # fmt: skip
_TASK = {"task_key": "a", "sql_task": {}, "depends_on": [{"task_key": "b"}], "libraries": [{"pypi": {"package": "a"}}],
         "run_if": "ALL_DONE", "timeout_seconds": 1, "max_retries": 0}  # fmt: skip
_NOTEBOOK = {"notebook_path": "/Shared/none", "base_parameters": {"a": "b"}, "source": "WORKSPACE"}
_JOB = {
    "name": "j",
    "tags": {"a": "b"},
    "tasks": [_TASK, {"task_key": "b", "notebook_task": _NOTEBOOK, "new_cluster": _CLUSTER}],
    "job_clusters": [{"job_cluster_key": "c", "new_cluster": _CLUSTER}],
    "parameters": [{"name": "p", "default": "1"}],
    "environments": [{"environment_key": "e", "spec": {"dependencies": ["a"]}}],
    "schedule": {"quartz_cron_expression": "0 0 0 ? * MON-FRI", "timezone_id": "UTC", "pause_status": "PAUSED"},
    "git_source": {"git_url": "https://a/b", "git_provider": "gitHub", "git_branch": "c"},
    "max_concurrent_runs": 1,
    "queue": {"enabled": True},
    "access_control_list": [{"user_name": "a", "permission_level": "CAN_VIEW"}],
}
# Requests as they should be, of which one value is replaced; `{job}` is the number of a job that is there.
VALID: tuple[tuple[str, str, object], ...] = (
    ("POST", "2.0/workspace/import", {"path": "/Shared/n", "format": "SOURCE", "language": "PYTHON", "content": "QQ==",
                                      "overwrite": True}),
    ("POST", "2.0/workspace/mkdirs", {"path": "/Shared/d"}),
    ("POST", "2.0/workspace/delete", {"path": "/Shared/d", "recursive": True}),
    ("POST", "2.0/dbfs/put", {"path": "/f", "contents": "QQ==", "overwrite": True}),
    ("POST", "2.0/dbfs/create", {"path": "/g", "overwrite": True}),
    ("POST", "2.0/dbfs/add-block", {"handle": 1, "data": "QQ=="}),
    ("POST", "2.0/dbfs/close", {"handle": 1}),
    ("POST", "2.0/dbfs/move", {"source_path": "/f", "destination_path": "/g"}),
    ("POST", "2.0/dbfs/delete", {"path": "/f", "recursive": False}),
    ("POST", "2.0/secrets/scopes/create", {"scope": "s"}),
    ("POST", "2.0/secrets/put", {"scope": "s", "key": "k", "string_value": "v"}),
    ("POST", "2.0/secrets/put", {"scope": "s", "key": "k", "bytes_value": "QQ=="}),
    *(("POST", f"{version}/jobs/create", _JOB) for version in ("2.0", "2.1", "2.2")),
    ("POST", "2.2/jobs/reset", {"job_id": "{job}", "new_settings": _JOB}),
    ("POST", "2.2/jobs/update", {"job_id": "{job}", "new_settings": _JOB, "fields_to_remove": ["tags", "tasks/a"]}),
    ("POST", "2.2/jobs/run-now", {"job_id": "{job}", "job_parameters": {"p": "2"}, "idempotency_token": "t"}),
    ("POST", "2.2/jobs/runs/submit", {"tasks": [{"task_key": "a", "sql_task": {}}], "idempotency_token": "t"}),
    ("PUT", "2.0/permissions/jobs/{job}", {"access_control_list": _JOB["access_control_list"]}),
    ("PATCH", "2.0/permissions/jobs/{job}", {"access_control_list": _JOB["access_control_list"]}),
    ("POST", "2.2/jobs/runs/repair", {"run_id": 1, "rerun_tasks": ["a"], "latest_repair_id": 1}),
    ("POST", "2.0/secrets/acls/put", {"scope": "s", "principal": "a", "permission": "READ"}),
    ("POST", "2.0/repos", {"url": "https://a/b", "provider": "gitHub", "path": "/Repos/none/x"}),
    ("POST", "local/edit", [{"path": "/Shared/n", "source": "a", "language": "PYTHON", "export_format": "JUPYTER"}]),
    ("POST", "local/edit", {"path": "/Shared/e", "content": "QQ==", "object_type": "FILE"}),
    ("POST", "local/edit", {"path": "/Shared/e", "move_to": "/Shared/f"}),
    ("POST", "local/clock", {"mode": "coarse", "at_ms": 1, "offset_ms": 1, "resolution_ms": 1000, "step_ms": 1}),
    ("POST", "local/settings", {"max_children": 10_000, "retry_after": 1, "newlines": "preserve", "job_defaults": True,
                                "missing_job_status": 404, "import_rate": 0, "registry_uri": "",
                                "max_json_bytes": 10**7, "user": "me@example.com"}),
    ("POST", "local/permissions", {"path": "/never", "access": "read-only"}),
    ("POST", "local/run-states", [{"name": "never", "times": 1, "state": {"life_cycle_state": "RUNNING"}}]),
    ("POST", "local/run-states", {"name": "never", "refuse": {"status": 400, "error_code": "X", "message": "y"}}),
    *(("POST", "local/faults", {"method": "PUT", "endpoint": "/never", "object": "/never", "nth": [1], "times": 1,
                                "action": action}) for action in (
        {"kind": "answer", "status": 429, "headers": {"A": "b"}, "body": "c"}, {"kind": "latency", "ms": 1},
        {"kind": "truncate", "keep": 1}, {"kind": "edit", "edits": [{"path": "/x", "source": "1"}]})),
)  # fmt: skip
_HERE = "<here>"


@dataclass(frozen=True)
class HostileRequest:
    method: str
    url: str
    body: bytes
    headers: dict[str, str]


def hostile_request(random: Random, routes: Sequence[tuple[str, str]], known: Sequence[str]) -> HostileRequest:
    """One request to one of the `routes`; `known` are numbers of jobs, as they would be typed."""
    if random.random() < 0.5:
        return _almost_valid(random, known)
    method, path = random.choice(routes)
    typed = [*TYPED, *known]
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(random.choice(typed).strip("/") or "x", safe="/") + rest.partition("}")[2]
    url = quote(path, safe="/%") if random.random() < 0.9 else path + "%ff%C3%28%00/%2e%2e"
    if random.random() < 0.7:
        url += "?" + urlencode([(random.choice(NAMES), random.choice(typed)) for _ in range(random.randint(1, 5))])
    headers = dict(random.choice(HEADERS)) if random.random() < 0.3 else {}
    return HostileRequest(method, url, _body(random, known), headers)


def _almost_valid(random: Random, known: Sequence[str]) -> HostileRequest:
    method, path, document = random.choice(VALID)
    text = json.dumps(_with_a_gap(random, document)).replace(f'"{_HERE}"', random.choice([*WRITTEN, *known]))
    return HostileRequest(method, f"/api/{path.format(job=known[0])}", text.replace("{job}", known[0]).encode(), {})


def _with_a_gap(random: Random, document: Any) -> Any:
    """The document with something in it, or all of it, to be replaced."""
    if not isinstance(document, (dict, list)) or not document or random.random() < 0.05:
        return _HERE
    if isinstance(document, list):
        at = random.randrange(len(document))
        return [_with_a_gap(random, value) if at == number else value for number, value in enumerate(document)]
    key = random.choice([*document, "more"])
    return {**document, key: _with_a_gap(random, document.get(key))}


def _body(random: Random, known: Sequence[str]) -> bytes:
    kind = random.random()
    if kind < 0.7:
        return _object(random, known, 3).encode()
    if kind < 0.8:
        return random.choice(WRITTEN).encode()
    if kind < 0.9:
        parts = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{random.choice(NAMES)}"\r\n\r\n{random.choice(TYPED)}\r\n'
            for _ in range(random.randint(0, 6))
        )
        return (parts + random.choice(["--x--\r\n", ""])).encode("utf-8", "replace")
    return random.randbytes(random.randint(0, 300))


def _object(random: Random, known: Sequence[str], depth: int) -> str:
    members = (f'"{random.choice(NAMES)}": {_value(random, known, depth)}' for _ in range(random.randint(1, 6)))
    return "{" + ", ".join(members) + "}"


def _value(random: Random, known: Sequence[str], depth: int) -> str:
    if depth and random.random() < 0.3:
        inner = _object(random, known, depth - 1)
        return inner if random.random() < 0.5 else f"[{inner}]"
    return random.choice([*WRITTEN, *known])
