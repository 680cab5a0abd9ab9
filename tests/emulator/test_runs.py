"""Runs execute for real: notebooks with their dbutils, scripts, shell commands; and all the ways they end."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from databricks_local.embedded import running

from .client import HEADER, Local
from .work import CLUSTER, GIT_URL, Work, git

pytestmark = pytest.mark.xdist_group("sdk")

NOW = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


def alive(pid: int) -> bool:
    """Whether a process is there, and more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 300) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_notebook(work: Work) -> None:
    """Cells share one namespace, markdown is skipped, output is kept, and exit gives the result."""
    ended = work.run_notebook(
        "%md\n# Title", "import sys\nx = 20", "print('out')\nprint('err', file=sys.stderr)", "x + 1",
        "dbutils.widgets.text('n', '1')\ndbutils.notebook.exit(str(x + int(dbutils.widgets.get('n'))))", "1 / 0",
        n="22")  # fmt: skip
    assert ended.result == "42"
    assert ended.output["log"] == "out\nerr\n21\n"


def test_sdk_waits_and_reads(work: Work) -> None:
    """databricks-sdk submits, waits for the end and reads the result from the task's run."""
    from databricks.sdk.service import jobs

    path = work.notebook("/Shared/sdk", "dbutils.notebook.exit('done')")
    task = jobs.SubmitTask(task_key="a", notebook_task=jobs.NotebookTask(path))
    run = work.sdk.jobs.submit(run_name="by sdk", tasks=[task]).result(timeout=timedelta(seconds=120))
    assert run.state and run.state.result_state == jobs.RunResultState.SUCCESS and run.tasks
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code == jobs.TerminationCodeCode.SUCCESS
    output = work.sdk.jobs.get_run_output(run.tasks[0].run_id or 0)
    assert output.notebook_output and output.notebook_output.result == "done"
    assert run.run_page_url and run.run_page_url.startswith(work.api.host)


def test_output_of_the_whole_run_is_refused(work: Work) -> None:
    """The output of a run with tasks is asked of its tasks."""
    run_id = work.submit({"notebook_task": {"notebook_path": work.notebook("/Shared/one", "1")}})
    work.ended(run_id)
    assert "multiple tasks is not supported" in work.get("2.2/jobs/runs/get-output", run_id=run_id).json["message"]


def test_failure(work: Work) -> None:
    """An error fails the run, with its text and a trace that shows the cell and nothing of ours."""
    ended = work.run_notebook("def f():\n    raise ValueError('bad <b>')", "f()")
    assert ended.error == "ValueError: bad <b>"
    assert "raise ValueError('bad <b>')" in ended.output["error_trace"]
    assert "databricks_local" not in ended.output["error_trace"]
    assert ended.run["state"]["state_message"] == "Workload failed, see run output for details"
    told = work.get("2.2/jobs/runs/get-output", run_id=ended.output["run_id"]).json
    assert told["error"] == ended.error and told["notebook_output"] == {}


FAILURES = [
    (["1 +"], "SyntaxError"),
    (["import sys\nsys.exit(0)"], "SystemExit"),
    (["import os\nos._exit(3)"], "ended unexpectedly"),
]


@pytest.mark.parametrize(("cells", "reason"), FAILURES)
def test_failures(work: Work, cells: list[str], reason: str) -> None:
    """What would not work on the service does not work here, and says why."""
    ended = work.run_notebook(*cells)
    assert ended.state[1] == "FAILED" and reason in ended.output["error"], ended.output


def test_dbutils(work: Work) -> None:
    """widgets, secrets, fs, display, %run, %sh, %pip and a restart of Python work in one notebook."""
    work.secret("s", key="hunter2-hunter2", other="x")
    folder = f"/Shared/du{time.time_ns()}"
    work.api.post("mkdirs", path=folder)
    work.notebook(f"{folder}/lib", "shared = 'from lib ' + dbutils.widgets.get('who')")
    path = work.notebook(
        f"{folder}/main",
        "%pip install --quiet pytest",
        "before = 1",
        "dbutils.library.restartPython()\nnever = 1",
        "assert 'before' not in globals() and 'never' not in globals()",
        "dbutils.widgets.dropdown('mode', 'a', ['a', 'b'])\nassert dbutils.widgets.getAll() == {'mode': 'b', 'p': '1'}",
        '%run ./lib $who="me"',
        "assert shared == 'from lib me'",
        "secret = dbutils.secrets.get('s', 'key')\nassert secret == 'hunter2-hunter2'\nprint('it is', secret)",
        "assert [one.key for one in dbutils.secrets.list('s')] == ['key', 'other']",
        "dbutils.fs.put('dbfs:/du/x.txt', 'ü', True)\nassert dbutils.fs.head('/du/x.txt') == 'ü'",
        "assert [one.name for one in dbutils.fs.ls('/du')] == ['x.txt']",
        "%fs ls /du",
        "displayHTML('<b>' + secret)\ndisplay({'a': 1})",
        "%sh\necho from shell",
        "%python\nimport os\nassert os.environ['HOME'] != os.environ.get('NONE')",
        "dbutils.notebook.exit('fine')",
    )
    task = {"notebook_task": {"notebook_path": path, "base_parameters": {"mode": "b", "p": "1"}}}
    ended = work.ended(work.submit(task))
    assert ended.result == "fine"
    assert ended.output["log"] == "it is [REDACTED]\nfrom shell\n"
    listed, *shown = [one["text"] for one in ended.output["displays"]]
    assert "path='dbfs:/du/x.txt', name='x.txt', size=2" in listed and shown == ["<b>[REDACTED]", "{'a': 1}"]
    assert ended.output["notes"] == ["%pip install --quiet pytest"]


def test_task_values(work: Work) -> None:
    """A task leaves values for those after it: dbutils has them, and so have references in parameters."""
    sets = "dbutils.jobs.taskValues.set('rows', 7)\ndbutils.jobs.taskValues.set(key='name', value='x')"
    gets = (
        "values = dbutils.jobs.taskValues\nrows = values.get(taskKey='load', key='rows', debugValue=1)",
        "assert values.get('load', 'none', default=2) == 2",
        "try:\n    values.get('nobody', 'rows')\nexcept ValueError:\n    dbutils.notebook.exit(\n"
        "        str(rows) + dbutils.widgets.get('n') + dbutils.widgets.get('name'))",
    )
    base = {"n": "{{tasks.load.values.rows}}", "name": "{{tasks.load.values.name}}"}
    task = {"notebook_path": work.notebook("/Shared/gets", *gets), "base_parameters": base}
    tasks = [
        {"task_key": "load", "notebook_task": {"notebook_path": work.notebook("/Shared/sets", sets)}},
        {"task_key": "use", "notebook_task": task, "depends_on": [{"task_key": "load"}]},
    ]
    run_id = work.post("2.2/jobs/runs/submit", {"tasks": tasks}).json["run_id"]
    outputs = {output["task_key"]: output for output in work.ended(run_id).tasks}
    assert outputs["use"]["result"] == "77x", outputs


def test_lines_of_the_interactive_shell(work: Work) -> None:
    """Commands and %pip stand between lines of Python, in one cell with a restart, below a hidden title too."""
    ended = work.run_notebook(
        "# DBTITLE 0,hidden\n# MAGIC %md\n# MAGIC # Title",
        "%pip install --quiet pytest\nbefore = 1\ndbutils.library.restartPython()\n1 / 0",
        "assert 'before' not in globals()\nname = 'py' + 'test'\n%pip install {name}\n!echo from $name; exit 3",
        "lines = !echo one && echo two\nassert (lines, _exit_code) == (['one', 'two'], 3)\n!no-such-command",
        "%matplotlib inline\ndbutils.notebook.exit('fine')",
    )
    assert ended.result == "fine"
    assert ended.output["notes"] == ["%pip install --quiet pytest", "%pip install pytest"]
    assert ended.output["log"].startswith("from pytest\n") and "no-such-command" in ended.output["log"]


def test_notebook_runs_notebook(work: Work) -> None:
    """dbutils.notebook.run gives another notebook its own Python and parameters, and brings its result back."""
    seen = "dbutils.notebook.exit(dbutils.widgets.get('a') + str('x' in globals()))"
    other = work.notebook("/Shared/callee", seen)
    slow = work.notebook("/Shared/slow", "import time\ntime.sleep(60)")
    ended = work.run_notebook(
        f"x = 1\nassert dbutils.notebook.run('{other}', 60, {{'a': 1}}) == '1False'",
        "assert dbutils.notebook.run('./callee', 0, {'a': 'r'}) == 'rFalse'",
        f"try:\n    dbutils.notebook.run('{slow}', 1)\nexcept Exception as e:\n    dbutils.notebook.exit(str(e))",
    )
    assert "timed out after 1 seconds" in ended.result


def test_exit_cannot_be_caught(work: Work) -> None:
    """exit passes an `except Exception`, and one that is too long is cut at 5 MB and says so."""
    ended = work.run_notebook("try:\n    dbutils.notebook.exit('x' * 6_000_000)\nexcept Exception:\n    pass", "1 / 0")
    assert len(ended.result) == 5 * 1024 * 1024
    told = work.get("2.2/jobs/runs/get-output", run_id=ended.output["run_id"]).json
    assert told["notebook_output"]["truncated"] is True


def test_surroundings(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run finds this workspace in its environment, a home and folder of its own, and nobody else's settings."""
    ended = work.run_notebook(
        "import json, os, pathlib",
        "seen = {k: v for k, v in os.environ.items() if k.startswith(('MLFLOW', 'DATABRICKS', 'PYTEST', 'AWS'))}\n"
        "dbutils.notebook.exit(json.dumps([seen, str(pathlib.Path.home()), os.getcwd(), os.listdir('.')]))",
    )
    seen, home, cwd, files = json.loads(ended.result)
    context = json.loads(seen.pop("MLFLOW_RUN_CONTEXT"))  # what MLflow's page needs to lead here
    job_id, run_id = context["mlflow.databricks.jobID"], context["mlflow.databricks.jobRunID"]
    assert context["mlflow.source.name"] == f"jobs/{job_id}/run/{run_id}"
    assert seen == {
        "DATABRICKS_HOST": work.api.host,
        "DATABRICKS_TOKEN": work.api.token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": work.api.host,
        "MLFLOW_TRACKING_TOKEN": work.api.token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    assert files == [] and home != str(Path.home())
    assert not Path(home).exists() and not Path(cwd).exists()


def test_parameters(work: Work) -> None:
    """Job parameters beat those of the task and the defaults, and references are filled in."""
    show = "import json\ndbutils.notebook.exit(json.dumps(dbutils.widgets.getAll(), sort_keys=True))"
    path = work.notebook("/Shared/params", show)
    base = {"a": "task", "b": "task", "run": "{{job.run_id}}", "odd": "{{no.such}}", "p": "{{job.parameters.a}}"}
    job_id = work.job({
        "name": "parameters",
        "parameters": [{"name": "a", "default": "job"}, {"name": "c", "default": "{{job.trigger.type}}"}],
        "tasks": [{"task_key": "t", "notebook_task": {"notebook_path": path, "base_parameters": base}}],
    })  # fmt: skip
    reply = work.post("2.2/jobs/run-now", {"job_id": job_id, "job_parameters": {"a": "now '\"${x}\n{{y"}})
    ended = work.ended(reply.json["run_id"])
    assert json.loads(ended.result) == {
        "a": "now '\"${x}\n{{y", "b": "task", "c": "one_time", "odd": "{{no.such}}",
        "p": "now '\"${x}\n{{y", "run": str(reply.json["run_id"])}  # fmt: skip
    assert {"name": "a", "default": "job", "value": "now '\"${x}\n{{y"} in ended.run["job_parameters"]
    ended = work.ended(work.post("2.2/jobs/run-now", {"job_id": job_id, "notebook_params": {"b": "n"}}).json["run_id"])
    assert json.loads(ended.result)["b"] == "n" and json.loads(ended.result)["a"] == "job"


@pytest.mark.parametrize("body", [
    {"job_parameters": {"a": 1}},
    {"job_parameters": {"a b": "1"}},
    {"job_parameters": {"a": "1"}, "notebook_params": {"a": "1"}},
    {"notebook_params": {"a": "x" * 10_000}},
    {"idempotency_token": "x" * 65},
    {"job_params": {}},
])  # fmt: skip
def test_run_now_mistakes(work: Work, body: dict[str, Any]) -> None:
    """run-now is as strict about what it is given."""
    job_id = work.job({"name": "strict", "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/x"}}]})
    assert work.post("2.2/jobs/run-now", {"job_id": job_id, **body}).shape[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_idempotency_token(work: Work) -> None:
    """The same token never begins a second run, neither by run-now nor by submit."""
    path, token = work.notebook("/Shared/idem", "1"), f"t{time.time_ns()}"
    job_id = work.job({"name": "idem", "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": path}}]})
    runs = {work.post("2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": token}).json["run_id"]
            for _ in range(3)}  # fmt: skip
    assert len(runs) == 1 and len(work.get("2.2/jobs/runs/list", job_id=job_id).json["runs"]) == 1
    again = {work.submit({"notebook_task": {"notebook_path": path}}, idempotency_token=f"s{token}") for _ in range(3)}
    assert len(again) == 1


def test_missing_notebook(work: Work) -> None:
    """A notebook that is not there is an internal error before anything ran, in the service's words."""
    ended = work.ended(work.submit({"notebook_task": {"notebook_path": "/Shared/never"}}))
    assert ended.state == ("INTERNAL_ERROR", "FAILED")
    assert 'Unable to access the notebook "/Shared/never".' in ended.run["state"]["state_message"]
    assert ended.run["status"]["termination_details"]["code"] == "RESOURCE_NOT_FOUND"


def test_cancel(work: Work) -> None:
    """A cancelled notebook is interrupted and may clean up; then its whole process group is gone."""
    path = work.notebook(
        "/Shared/cancel",
        "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])",
        "print(os.getpid(), child.pid, flush=True)",
        "try:\n    while 1:\n        time.sleep(0.1)\nexcept KeyboardInterrupt:\n    print('cleaned up', flush=True)",
        "time.sleep(600)",
    )
    run_id = work.submit({"notebook_task": {"notebook_path": path}})
    pids = [int(pid) for pid in _logged(work, run_id)[0].split()]
    assert work.post("2.2/jobs/runs/cancel", {"run_id": run_id}).json == {}
    ended = work.ended(run_id)
    assert ended.state == ("TERMINATED", "CANCELED") and "cleaned up" in ended.output["log"]
    assert ended.run["state"]["user_cancelled_or_timedout"] is True
    assert all(gone(pid) for pid in pids)
    assert work.post("2.2/jobs/runs/cancel", {"run_id": run_id}).status == 200


def test_deadlines(work: Work) -> None:
    """A task and a run end at their deadline as TIMEDOUT, and say so, whatever they ran."""
    path = work.notebook("/Shared/long", "import time\ntime.sleep(600)")
    work.api.control("settings", {"cancel_grace_s": 0.0})
    every = [
        work.submit({"notebook_task": {"notebook_path": path}, "timeout_seconds": 1}),
        work.submit({"notebook_task": {"notebook_path": path}}, timeout_seconds=1),
        work.submit({"shell_command_task": {"command": ["sleep", "600"]}, "new_cluster": CLUSTER}, timeout_seconds=1),
    ]
    for run_id in every:
        ended = work.ended(run_id)
        assert ended.state == ("TERMINATED", "TIMEDOUT")
        assert ended.run["tasks"][0]["state"]["result_state"] == "TIMEDOUT"
        assert ended.output["error"] == "Timed out"


def test_concurrency(work: Work) -> None:
    """A run beyond the limit is skipped; with a queue it waits for its turn; cancel-all ends them all."""
    path = work.notebook("/Shared/busy", "import time\ntime.sleep(600)")
    task = {"task_key": "a", "notebook_task": {"notebook_path": path}}
    work.api.control("settings", {"cancel_grace_s": 0.0})
    for queue in (False, True):
        job_id = work.job({"name": "busy", "tasks": [task], "queue": {"enabled": queue}})
        first, second = (work.post("2.2/jobs/run-now", {"job_id": job_id}).json["run_id"] for _ in range(2))
        work.until(first, "RUNNING")
        if queue:
            assert work.state(second)["life_cycle_state"] == "QUEUED"
        else:
            assert work.ended(second).state == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
        active = work.get("2.2/jobs/runs/list", job_id=job_id, active_only="true").json["runs"]
        assert len(active) == 1 + queue
        assert work.post("2.2/jobs/runs/cancel-all", {"job_id": job_id}).status == 200
        assert work.ended(first).state[1] == "CANCELED"
        assert work.ended(second).state[1] in ("CANCELED", "MAXIMUM_CONCURRENT_RUNS_REACHED")


@pytest.mark.long
def test_queue_moves_on(work: Work) -> None:
    """A queued run begins when the one before it has ended."""
    path = work.notebook("/Shared/quick", "import time\ntime.sleep(0.3)")
    job_id = work.job({"name": "queue", "queue": {"enabled": True},
                       "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": path}}]})  # fmt: skip
    runs = [work.post("2.2/jobs/run-now", {"job_id": job_id}).json["run_id"] for _ in range(3)]
    ended = [work.ended(run_id) for run_id in runs]
    assert [one.state[1] for one in ended] == ["SUCCESS"] * 3
    assert [one.run["number_in_job"] for one in ended] == [1, 2, 3]


def test_tasks_in_order(work: Work) -> None:
    """Tasks run after those they depend on; a failure stops what needs success, and not what does not."""
    good, bad = work.notebook("/Shared/good", "1"), work.notebook("/Shared/bad", "1 / 0")

    def task(key: str, path: str, *above: str, run_if: str = "ALL_SUCCESS") -> dict[str, Any]:
        depends = [{"task_key": one} for one in above]
        return {"task_key": key, "notebook_task": {"notebook_path": path}, "depends_on": depends, "run_if": run_if}

    job_id = work.job({"name": "dag", "tasks": [
        task("good", good), task("bad", bad), task("after good", good, "good") | {"task_key": "after-good"},
        task("after-bad", good, "bad"), task("always", good, "bad", run_if="ALL_DONE"),
        task("repair", good, "bad", run_if="AT_LEAST_ONE_FAILED"),
        task("not-needed", good, "good", run_if="ALL_FAILED"), task("off", good) | {"disabled": True}]})  # fmt: skip
    ended = work.ended(work.post("2.2/jobs/run-now", {"job_id": job_id}).json["run_id"])
    assert {one["task_key"]: one["state"]["result_state"] for one in ended.run["tasks"]} == {
        "good": "SUCCESS", "bad": "FAILED", "after-good": "SUCCESS", "after-bad": "UPSTREAM_FAILED",
        "always": "SUCCESS", "repair": "SUCCESS", "not-needed": "EXCLUDED", "off": "DISABLED"}  # fmt: skip
    assert ended.state == ("TERMINATED", "FAILED")


def test_a_task_is_tried_again(work: Work) -> None:
    """A task that fails is tried again as often as it may be, in a run of its own; what waits for it waits so long."""
    second = work.notebook("/Shared/second", "assert dbutils.widgets.get('attempt') == '1'")
    good = work.notebook("/Shared/good", "1")
    bad = work.notebook("/Shared/bad", "1 / 0")

    def task(key: str, path: str, retries: int, *above: str) -> dict[str, Any]:
        given = {"notebook_path": path, "base_parameters": {"attempt": "{{task_retry_count}}"}}
        depends = [{"task_key": one} for one in above]
        return {"task_key": key, "notebook_task": given, "max_retries": retries, "depends_on": depends}

    tasks = [task("second", second, -1), task("after", good, 2, "second"), task("bad", bad, 1)]
    job_id = work.job({"name": "again", "tasks": tasks})
    ended = work.ended(work.post("2.2/jobs/run-now", {"job_id": job_id}).json["run_id"])
    assert {one["task_key"]: (one["state"]["result_state"], one["attempt_number"]) for one in ended.run["tasks"]} == {
        "second": ("SUCCESS", 1), "after": ("SUCCESS", 0), "bad": ("FAILED", 1)}  # fmt: skip


def test_script_from_the_workspace(work: Work) -> None:
    """A python file of the workspace runs with its parameters as they are, and its logs are the output."""
    script = b"import sys\nprint(sys.argv[1:])\nprint('err', file=sys.stderr)\n"
    work.api.upload("/Shared/script.py", script, "AUTO", overwrite="true")
    task = {"python_file": "/Workspace/Shared/script.py", "parameters": ["a b", "{{task.name}}", "'\"$x"]}
    run_id = work.submit({"spark_python_task": task, "new_cluster": CLUSTER})
    ended = work.ended(run_id)
    told = work.get("2.2/jobs/runs/get-output", run_id=ended.output["run_id"]).json
    assert told["logs"] == "['a b', 'main', '\\'\"$x']\nerr\n" and told["logs_truncated"] is False


def test_files_beside_a_script(work: Work) -> None:
    """A script of the workspace runs in its own folder, with the modules and data that lie there."""
    files = {"s.py": b"import tools\nprint(open('a.csv').read(), tools.word)", "tools.py": b"word = 1", "a.csv": b"a,b"}
    work.post("2.0/workspace/mkdirs", {"path": "/Users/me@example.com/job/src"})
    for name, text in files.items():
        work.api.upload(f"/Users/me@example.com/job/src/{name}", text, "RAW", overwrite="true")
    task = {"python_file": "/Workspace/Users/me@example.com/job/src/s.py"}
    ended = work.ended(work.submit({"spark_python_task": task, "new_cluster": CLUSTER}))
    assert ended.output["log"] == "a,b 1\n"


def test_git_source(work: Work) -> None:
    """Scripts and notebooks of a repository run at the branch, tag or commit asked for."""
    name = f"r{time.time_ns()}"
    notebook = HEADER.decode() + "from lib import word\ndbutils.notebook.exit(word)"
    commit = work.repository(
        name,
        {
            "nb/hook.py": notebook,
            "lib.py": "word = 'one'",
            "nb/s.py": "print(open('s.csv').read())",
            "nb/s.csv": "script",
        },
    )
    folder = work.repositories / name
    git(folder, "tag", "v1")
    (folder / "lib.py").write_text("word = 'two'")
    git(folder, "commit", "-qam", "second")
    source = {"git_url": f"{GIT_URL}/{name}", "git_provider": "gitHub"}
    task = {"notebook_task": {"notebook_path": "nb/hook", "source": "GIT"}}
    for ref, word in (({"git_branch": "main"}, "two"), ({"git_tag": "v1"}, "one"), ({"git_commit": commit}, "one")):
        assert work.ended(work.submit(task, git_source={**source, **ref})).result == word
    script = {"spark_python_task": {"python_file": "nb/s.py"}, "environment_key": "e"}
    more = {"environments": [{"environment_key": "e", "spec": {"client": "2"}}]}
    ended = work.ended(work.submit(script, git_source={**source, "git_branch": "main"}, **more))
    assert ended.output["log"] == "script\n"
    ended = work.ended(work.submit(task, git_source={**source, "git_branch": "none"}))
    assert ended.state == ("INTERNAL_ERROR", "FAILED")
    assert ended.run["status"]["termination_details"]["code"] == "REPOSITORY_CHECKOUT_FAILED"


def test_shell_command(work: Work) -> None:
    """A shell command of Jobs 2.0 finds DBFS under /dbfs and gets its variables; its run is its task."""
    work.api.raw("PUT", "/dbfs/shell/in.txt", b"hello", work.api.auth)
    script = (
        "cat /dbfs/shell/in.txt && echo $WHO > /dbfs/shell/out.txt && mkdir -p /databricks/mlflow/x"
        " && echo ' https://x/dbfs/y dbfs:/databricks/mlflow-tracking'"
    )
    command = ["bash", "-c", script]
    body = {"run_name": "shell", "new_cluster": CLUSTER, "libraries": [{"pypi": {"package": "nothing-like-it"}}],
            "shell_command_task": {"command": command, "env_vars": {"WHO": "me"}}}  # fmt: skip
    run_id = work.post("2.0/jobs/runs/submit", body).json["run_id"]
    ended = work.ended(run_id)
    assert ended.state == ("TERMINATED", "SUCCESS"), ended.output
    told = work.get("2.0/jobs/runs/get-output", run_id=run_id).json
    assert told["logs"] == "hello https://x/dbfs/y dbfs:/databricks/mlflow-tracking\n"
    assert told["metadata"]["cluster_spec"]["new_cluster"] == CLUSTER
    assert work.api.raw("GET", "/dbfs/shell/out.txt", b"", work.api.auth).body == b"me\n"
    assert ended.output["notes"] == ["library nothing-like-it: nothing-like-it is not installed"]
    body["shell_command_task"] = {"command": ["bash", "-c", "exit 7"]}
    ended = work.ended(work.post("2.0/jobs/runs/submit", body).json["run_id"])
    assert (ended.state[1], ended.output["error"]) == ("FAILED", "The command ended with exit code 7")


SUBMIT_MISTAKES = [
    ("2.0", {"new_cluster": CLUSTER}),
    ("2.0", {"shell_command_task": {"command": ["x"]}}),
    ("2.0", {"shell_command_task": {"command": []}, "new_cluster": CLUSTER}),
    ("2.0", {"shell_command_task": {"command": ["x"]}, "new_cluster": {**CLUSTER, "STORAGE_DIR": None}}),
    ("2.0", {"spark_python_task": {"python_file": "dbfs:/x"}, "new_cluster": {"new_cluster": CLUSTER}}),
    ("2.1", {"run_name": "x"}),
    ("2.2", {"notebook_task": {"notebook_path": "/x"}}),
]


@pytest.mark.parametrize(("version", "body"), SUBMIT_MISTAKES)
def test_submit_mistakes(work: Work, version: str, body: dict[str, Any]) -> None:
    """The payloads that MLflow builds from a wrong cluster file are refused."""
    assert work.post(f"{version}/jobs/runs/submit", body).shape[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_variables_of_the_cluster(work: Work) -> None:
    """spark_env_vars reach the run, with secrets filled in; a task nobody can run says so."""
    work.secret("env", k="value")
    path = work.notebook("/Shared/env", "import os\ndbutils.notebook.exit(os.environ['A'] + os.environ['MLFLOW_X'])")
    cluster = {**CLUSTER, "spark_env_vars": {"A": "{{secrets/env/k}}", "MLFLOW_X": "1"}}
    task = {"notebook_task": {"notebook_path": path}, "new_cluster": cluster}
    assert work.ended(work.submit(task)).result == "value1"
    cluster["spark_env_vars"] = {"A": "{{secrets/env/none}}"}
    assert work.ended(work.submit(task)).state == ("INTERNAL_ERROR", "FAILED")
    ended = work.ended(work.submit({"sql_task": {"warehouse_id": "x"}}))
    assert "does not run a sql_task" in ended.run["state"]["state_message"]


def test_overrides(work: Work) -> None:
    """Tests can make runs end without a result, hang, be skipped or be refused."""
    path = work.notebook("/Shared/fate", "1")
    task = {"notebook_task": {"notebook_path": path}}
    work.api.control("run-states", [
        {"name": "lost*", "state": {"life_cycle_state": "INTERNAL_ERROR", "state_message": "gone"}},
        {"name": "skip", "state": {"life_cycle_state": "SKIPPED"}},
        {"name": "stuck", "times": 2, "state": {"life_cycle_state": "PENDING"}},
        {"name": "no", "refuse": {"status": 403, "error_code": "PERMISSION_DENIED", "message": "quota"}}])  # fmt: skip
    lost = work.ended(work.submit(task, run_name="lost 1"))
    assert lost.state == ("INTERNAL_ERROR", None) and lost.run["state"]["state_message"] == "gone"
    assert work.ended(work.submit(task, run_name="skip")).state == ("SKIPPED", None)
    stuck = work.submit(task, run_name="stuck")
    timed = work.submit(task, run_name="stuck", timeout_seconds=1)
    assert work.post("2.2/jobs/runs/submit", {"run_name": "no", "tasks": [{"task_key": "a", **task}]}).shape == (
        403, "PERMISSION_DENIED", "quota")  # fmt: skip
    assert work.ended(work.submit(task, run_name="stuck")).state[1] == "SUCCESS"
    assert work.ended(timed).state == ("TERMINATED", "TIMEDOUT")
    assert work.state(stuck)["life_cycle_state"] == "PENDING"
    work.post("2.2/jobs/runs/cancel", {"run_id": stuck})
    assert work.ended(stuck).state == ("TERMINATED", "CANCELED")


def test_lists_of_runs(work: Work) -> None:
    """Runs come newest first and page by page; a run can be deleted when it is over."""
    path = work.notebook("/Shared/list", "1")
    job_id = work.job({"name": "runs", "max_concurrent_runs": 9,
                       "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": path}}]})  # fmt: skip
    runs = [work.post("2.2/jobs/run-now", {"job_id": job_id}).json["run_id"] for _ in range(3)]
    for run_id in runs:
        work.ended(run_id)
    found = list(work.sdk.jobs.list_runs(job_id=job_id, limit=2, completed_only=True, expand_tasks=True))
    assert [one.run_id for one in found] == runs[::-1] and found[0].tasks
    assert "runs" not in work.get("2.2/jobs/runs/list", job_id=job_id, active_only="true").json
    work.sdk.jobs.delete_run(runs[0])
    assert work.get("2.2/jobs/runs/get", run_id=runs[0]).status == 404


def test_log_is_bounded(work: Work) -> None:
    """A run that prints without end leaves the last 5 MB, and on disk not more than twice that."""
    ended = work.run_notebook("import os\nfor n in range(200):\n    print('x' * 100_000)\nprint('last')")
    assert ended.output["log"].endswith("last\n") and len(ended.output["log"]) == 5 * 1024 * 1024
    size = sum(file.stat().st_size for file in (work.folder / "runs").glob(f"{ended.output['run_id']}.*"))
    assert size <= 11 * 1024 * 1024


@pytest.mark.long  # pip itself takes a second
def test_pip_installs_on_request(work: Work, tmp_path: Path) -> None:
    """With the switch on, %pip really installs: for this run, and nowhere else."""
    wheel, about = tmp_path / "only_for_a_run-1-py3-none-any.whl", "only_for_a_run-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("only_for_a_run.py", "word = 'installed'")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: only-for-a-run\nVersion: 1\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    work.api.control("settings", {"pip_install": True})
    ended = work.run_notebook(
        f"%pip install --quiet --no-deps --no-index {wheel}",
        "dbutils.library.restartPython()",
        "import only_for_a_run\ndbutils.notebook.exit(only_for_a_run.word)",
    )
    assert ended.result == "installed"
    assert work.run_notebook("import only_for_a_run").state[1] == "FAILED"


def test_server_killed_under_a_run(tmp_path: Path) -> None:
    """When the server is killed its runs die with it, and are told as failed by the next one."""
    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path / "own", tmp_path)
        path = work.notebook("/Shared/x", "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
        run_id = work.submit({"notebook_task": {"notebook_path": path}})
        pid = int(_logged(work, run_id)[0])
        os.kill(there.pid, signal.SIGKILL)
        assert gone(pid)
    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path / "own", tmp_path)
        ended = work.ended(run_id)
        assert ended.state == ("INTERNAL_ERROR", "FAILED")
        assert "ended while the run was in progress" in ended.run["state"]["state_message"]
        assert not [file for file in (tmp_path / "own" / "runs").iterdir() if file.is_dir()]


def test_reset_ends_runs(tmp_path: Path) -> None:
    """A reset ends what is running and forgets it."""
    with running(tmp_path / "o'wn folder") as there:
        work = Work(Local(there.host, there.token), tmp_path, tmp_path)
        path = work.notebook("/Shared/x", "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
        run_id = work.submit({"notebook_task": {"notebook_path": path}})
        pid = int(_logged(work, run_id)[0])
        work.api.control("reset")
        assert gone(pid)
        assert work.get("2.2/jobs/runs/get", run_id=run_id).status == 404


def _logged(work: Work, run_id: int) -> list[str]:
    """The lines a run has printed, as soon as there are any."""
    deadline = time.monotonic() + 300
    while not (log := work.api.control(f"run-output?run_id={run_id}", method="GET")["tasks"][0]["log"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(log).splitlines()
