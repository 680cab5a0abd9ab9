"""MLflow: the real client against the real server under the workspace's address, and `mlflow.run` from end to end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from hooks.stage import Stage

from databricks_local.embedded import running
from databricks_local.files.files_api import to_databricks, to_mlflow

from .client import HOME, Local
from .test_runs import alive, gone
from .work import CLUSTER, GIT_URL, Work, python

# With all that run projects: MLflow takes three seconds to start.
pytestmark = pytest.mark.xdist_group("hooks")

TRACK = """
import json, sys, mlflow, os
from mlflow import MlflowClient
name, folder = sys.argv[1], sys.argv[2]
mlflow.set_experiment(name)
with mlflow.start_run(run_name="r1") as run:
    mlflow.log_param("p", "ü")
    for step in range(3):
        mlflow.log_metric("m", step / 2, step=step)
    mlflow.log_text("hello", "deep/er/a b.txt")
    os.makedirs(f"{folder}/d/e"); open(f"{folder}/d/e/f.bin", "wb").write(bytes(range(256)) * 1000)
    mlflow.log_artifacts(f"{folder}/d", "tree")
client = MlflowClient()
run = client.get_run(run.info.run_id)
back = client.download_artifacts(run.info.run_id, "", f"{folder}")
found = mlflow.search_runs(filter_string="attributes.run_name = 'r1' and attributes.status = 'FINISHED'")
print(json.dumps({
    "metric": run.data.metrics, "param": run.data.params, "uri": run.info.artifact_uri,
    "history": [m.value for m in client.get_metric_history(run.info.run_id, "m")],
    "list": [f.path for f in client.list_artifacts(run.info.run_id, "tree/e")],
    "file": client.list_artifacts(run.info.run_id, "deep/er/a b.txt") == [],
    "text": mlflow.artifacts.load_text(run.info.artifact_uri + "/deep/er/a b.txt"),
    "same": open(f"{folder}/tree/e/f.bin", "rb").read() == bytes(range(256)) * 1000,
    "found": len(found), "run_id": run.info.run_id}))
"""

REGISTER = """
import json, sys, mlflow
from mlflow import MlflowClient
from mlflow.models import infer_signature
name = sys.argv[1]
class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * x for x in model_input["x"]]
import pandas as pd
x = pd.DataFrame({"x": [1, 2]})
mlflow.set_experiment(sys.argv[2])
with mlflow.start_run():
    info = mlflow.pyfunc.log_model(name="model", python_model=Twice(), signature=infer_signature(x, [2, 4]))
version = mlflow.register_model(info.model_uri, name)
client = MlflowClient()
client.set_registered_model_alias(name, "champion", version.version)
client.set_model_version_tag(name, version.version, "commit", "abc")
model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
print(json.dumps({"version": str(version.version), "y": list(model.predict(x)),
                  "uri": client.get_model_version_download_uri(name, version.version),
                  "tags": client.get_model_version(name, version.version).tags}))
"""

# The client polls every 30 seconds: told to hurry, as the facts recommend.
PROJECT_RUN = """
import json, sys, mlflow
import mlflow.projects
from mlflow.projects.databricks import DatabricksSubmittedRun
DatabricksSubmittedRun.POLL_STATUS_INTERVAL = 0.2
uri, experiment, config, version, parameters, manager = (json.loads(word) for word in sys.argv[1:])
mlflow.set_experiment(experiment)
try:
    run = mlflow.projects.run(uri, version=version, parameters=parameters, experiment_name=experiment,
                              backend="databricks", backend_config=config, env_manager=manager, run_name="nightly")
    error = None
except mlflow.exceptions.ExecutionException as raised:
    error = str(raised)
found = mlflow.search_runs(experiment_names=[experiment], output_format="list")
print(json.dumps({"error": error, "status": found[0].info.status, "metrics": found[0].data.metrics,
                  "params": found[0].data.params, "tags": found[0].data.tags}))
"""

TRAIN = """
import argparse, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--word")
args = parser.parse_args()
with mlflow.start_run():
    mlflow.log_metric("alpha2", args.alpha * 2)
    mlflow.log_text(args.word, "word.txt")
if args.alpha > 9:
    raise SystemExit("alpha is too large")
"""

PLAIN = {
    "projects/Plain/train.py": TRAIN,
    "projects/Plain/MLproject": "name: plain\npython_env: python_env.yaml\nentry_points:\n  main:\n    parameters:\n"
    "      alpha: float\n      word: {type: string, default: none}\n"
    "    command: python train.py --alpha {alpha} --word {word}\n",
    "projects/Plain/python_env.yaml": "python: '3.11.7'\ndependencies: [mlflow]\n",
    "projects/Spark/train.py": TRAIN,
    "projects/Spark/MLproject": "name: spark\ndatabricks_spark_job:\n  python_libraries: [mlflow]\nentry_points:\n"
    "  main:\n    parameters:\n      alpha: float\n      word: {type: string, default: none}\n"
    "    command: python train.py --alpha {alpha} --word {word}\n",
}


@pytest.fixture
def work(shared: Stage) -> Work:
    """The workspace in which projects are run, without faults and overrides."""
    shared.work.api.control("faults", method="DELETE")
    shared.work.api.control("run-states", method="DELETE")
    return shared.work


@pytest.fixture(scope="module")
def repository(shared: Stage) -> str:
    shared.work.repository("ml", PLAIN)
    return f"{GIT_URL}/ml"


def unique(what: str) -> str:
    return f"/Shared/{what}{time.time_ns()}"


@pytest.mark.long
def test_tracking(work: Work, client_environment: dict[str, str], tmp_path: Path) -> None:
    """The real client sets an experiment, logs, searches, and gets its artifacts back byte for byte."""
    name = unique("track")
    told = python(TRACK, client_environment, tmp_path, name, str(tmp_path))
    assert told["metric"] == {"m": 1.0} and told["param"] == {"p": "ü"} and told["history"] == [0.0, 0.5, 1.0]
    assert told["uri"].startswith("dbfs:/databricks/mlflow-tracking/") and told["uri"].endswith("/artifacts")
    assert (told["list"], told["text"], told["same"], told["file"]) == (["tree/e/f.bin"], "hello", True, True)
    assert told["found"] == 1
    assert work.api.type_of(name) == "MLFLOW_EXPERIMENT"


@pytest.mark.long  # another client of MLflow's: tests/hooks has its own run for real
def test_plain_http_client(work: Work, client_environment: dict[str, str], tmp_path: Path) -> None:
    """A client that takes the workspace for a plain MLflow server, with the token, works too."""
    environment = {**client_environment, "MLFLOW_TRACKING_URI": work.api.host}
    told = python(TRACK, environment, tmp_path, unique("http"), str(tmp_path))
    assert told["uri"].startswith("mlflow-artifacts:/") and told["same"] and told["text"] == "hello"


@pytest.mark.long
def test_registry(work: Work, client_environment: dict[str, str], tmp_path: Path) -> None:
    """A model with a dotted name is registered, gets an alias and tags, and is loaded by the alias."""
    told = python(REGISTER, client_environment, tmp_path, "main.models.twice", unique("registry"))
    assert (told["version"], told["y"], told["tags"]) == ("1", [2, 4], {"commit": "abc"})
    assert told["uri"].startswith("dbfs:/databricks/mlflow-tracking/") and "/logged_models/m-" in told["uri"]


PROJECTS = [  # the hooks in tests/hooks start projects too
    pytest.param("Plain", {"new_cluster": CLUSTER, "libraries": []}, "local", marks=pytest.mark.long),
    pytest.param("Spark", CLUSTER, None, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("project", "config", "manager"), PROJECTS)
def test_project(work: Work, client_environment: dict[str, str], tmp_path: Path, repository: str, project: str,
                 config: dict[str, object], manager: str | None) -> None:  # fmt: skip
    """mlflow.run of a git repository uploads, submits, really executes, and its metrics and tags arrive."""
    words = [f"{repository}#projects/{project}", unique("project"), config, "main", {"alpha": 0.5}, manager]
    told = python(PROJECT_RUN, client_environment, tmp_path, *map(json.dumps, words))
    assert (told["error"], told["status"], told["metrics"]) == (None, "FINISHED", {"alpha2": 1.0})
    tags = told["tags"]
    assert tags["mlflow.databricks.runURL"].startswith(work.api.host) and tags["mlflow.runName"] == "nightly"
    run = work.get("2.0/jobs/runs/get", run_id=tags["mlflow.databricks.shellJobRunID"]).json
    assert run["state"]["result_state"] == "SUCCESS" and CLUSTER.items() <= run["cluster_spec"]["new_cluster"].items()


@pytest.mark.long
def test_project_that_fails(work: Work, client_environment: dict[str, str], tmp_path: Path, repository: str) -> None:
    """A project that fails makes mlflow.run fail, and its log says why."""
    words = [f"{repository}#projects/Spark", unique("fail"), CLUSTER, "main", {"alpha": 10}, None]
    told = python(PROJECT_RUN, client_environment, tmp_path, *map(json.dumps, words))
    assert told["status"] == "FAILED" and "failed" in told["error"]
    run_id = told["tags"]["mlflow.databricks.shellJobRunID"]
    log = work.get("2.2/jobs/runs/get-output", run_id=run_id).json["logs"]
    assert "alpha is too large" in log


@pytest.mark.long
def test_wrong_shape_of_the_cluster_file(
    work: Work, client_environment: dict[str, str], tmp_path: Path, repository: str
) -> None:
    """A plain project with the flat cluster of the other form is refused, and MLflow says which key is in the way."""
    words = [f"{repository}#projects/Plain", unique("flat"), CLUSTER, "main", {"alpha": 1}, "local"]
    with pytest.raises(AssertionError, match=r"Unknown field 'new_cluster\.ENV_MANAGER'"):
        python(PROJECT_RUN, client_environment, tmp_path, *map(json.dumps, words))


def api(work: Work, method: str, name: str, body: object = None) -> tuple[int, str, str]:
    reply = work.api.call(method, f"/api/2.0/mlflow/{name}", body)
    return reply.status, reply.json.get("error_code", ""), reply.json.get("message", "")


REFUSED = [
    ("no/absolute", 400, "INVALID_PARAMETER_VALUE", "must be an absolute path"),
    ("", 400, "INVALID_PARAMETER_VALUE", "must be an absolute path"),
    ("/Shared/none/x", 404, "RESOURCE_DOES_NOT_EXIST", "Parent directory /Shared/none does not exist."),
    ("/Shared/a-notebook", 400, "RESOURCE_ALREADY_EXISTS", "'a-notebook' already exists"),
    ("/Shared/a-notebook/x", 404, "RESOURCE_DOES_NOT_EXIST", "Parent directory /Shared/a-notebook does not exist."),
]


@pytest.mark.parametrize(("name", "status", "code", "text"), REFUSED)
def test_names_of_experiments(work: Work, name: str, status: int, code: str, text: str) -> None:
    """An experiment needs an absolute path in a folder that exists, where nothing else lies."""
    work.notebook("/Shared/a-notebook", "1")
    told = api(work, "POST", "experiments/create", {"name": name})
    assert told[:2] == (status, code) and text in told[2]


def test_workspace_names(work: Work) -> None:
    """`/Workspace/...` works once: the experiment gets the short name, is not found by the long one, and blocks it."""
    name = unique("alias")
    assert api(work, "POST", "experiments/create", {"name": f"/Workspace{name}"})[0] == 200
    assert work.api.type_of(name) == "MLFLOW_EXPERIMENT"
    assert api(work, "GET", f"experiments/get-by-name?experiment_name={name}")[0] == 200
    missing = api(work, "GET", f"experiments/get-by-name?experiment_name=/Workspace{name}")
    assert missing[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    again = api(work, "POST", "experiments/create", {"name": f"/Workspace{name}"})
    assert again[:2] == (400, "RESOURCE_ALREADY_EXISTS")


def test_experiments_in_the_tree(work: Work) -> None:
    """An experiment moves and goes in the tree as it is renamed, deleted and restored; it cannot be exported."""
    name = unique("tree")
    experiment = work.api.call("POST", "/api/2.0/mlflow/experiments/create", {"name": name}).json["experiment_id"]
    assert name in work.api.names("/Shared")
    assert work.api.get("export", path=name).status == 400
    assert api(work, "POST", "experiments/update", {"experiment_id": experiment, "new_name": f"{name}b"})[0] == 200
    assert (work.api.type_of(name), work.api.type_of(f"{name}b")) == (None, "MLFLOW_EXPERIMENT")
    refused = api(work, "POST", "experiments/update", {"experiment_id": experiment, "new_name": "/none/x"})
    assert refused[0] == 404 and work.api.type_of(f"{name}b") == "MLFLOW_EXPERIMENT"
    assert api(work, "POST", "experiments/delete", {"experiment_id": experiment})[0] == 200
    assert work.api.type_of(f"{name}b") is None
    assert api(work, "POST", "experiments/restore", {"experiment_id": experiment})[0] == 200
    assert work.api.type_of(f"{name}b") == "MLFLOW_EXPERIMENT"


def test_token_is_asked_for(work: Work) -> None:
    """Nothing of MLflow answers without the token, and what runs commands does not answer at all."""
    for path in ("/api/2.0/mlflow/experiments/search", "/ajax-api/2.0/mlflow/experiments/search", "/mlflow/",
                 "/api/2.0/mlflow-artifacts/artifacts", "/api/2.0/fs/files/WorkspaceInternal/x"):  # fmt: skip
        assert work.api.raw("GET", path).status == 401, path
    assert work.api.call("GET", "/mlflow/ajax-api/3.0/mlflow/assistant/status").status == 404
    assert work.api.call("GET", "/ajax-api/3.0/jobs/1").status == 404


def test_its_port_is_closed_to_others(work: Work) -> None:
    """Somebody else on this machine who finds MLflow's own port gets nothing from it."""
    api(work, "GET", "experiments/search?max_results=1")
    with running(work.folder) as there:
        pids = children_of(there.pid)
    ports = {port for pid in pids for port in _listening(pid)}
    assert ports
    for port in ports:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1")
        assert connection.getresponse().status == 403
        connection.close()


def test_page(work: Work) -> None:
    """MLflow's page is served below /mlflow, and the links its client prints lead there."""
    page = work.api.call("GET", "/mlflow/")
    assert page.status == 200 and b"<title>MLflow</title>" in page.body
    script = page.body.split(b'src="')[1].split(b'"')[0].decode()
    assert work.api.call("GET", f"/mlflow/{script}").headers["content-type"].startswith("text/javascript")
    assert work.api.call("GET", "/mlflow").headers["location"] == "/mlflow/"
    assert work.api.call("GET", "/ml/experiments/1/runs/a").headers["location"] == "/mlflow/#/experiments/1/runs/a"


def test_artifacts_are_data(work: Work) -> None:
    """An HTML artifact opened in a browser is sandboxed: it cannot act as a page of the workspace."""
    experiment = work.post("2.0/mlflow/experiments/create", {"name": unique("html")}).json["experiment_id"]
    run_id = work.post("2.0/mlflow/runs/create", {"experiment_id": experiment}).json["run"]["info"]["run_id"]
    place = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/x.html"
    assert work.api.raw("PUT", place, b"<script>alert(1)</script>", work.api.auth).status == 200
    reply = work.api.call("GET", f"/mlflow/get-artifact?run_uuid={run_id}&path=x.html")
    assert reply.status == 200 and b"<script>" in reply.body
    assert reply.headers["content-security-policy"] == "sandbox"


def test_faults_reach_mlflow(work: Work) -> None:
    """A bad day can be had for MLflow as for everything else."""
    rule = {"endpoint": "*/mlflow/experiments/get-by-name", "object": "/Shared/bad*", "action": {
        "kind": "answer", "status": 503, "error_code": "TEMPORARILY_UNAVAILABLE"}}  # fmt: skip
    work.api.control("faults", [rule])
    assert api(work, "GET", "experiments/get-by-name?experiment_name=/Shared/bad")[0] == 503
    assert api(work, "GET", "experiments/get-by-name?experiment_name=/Shared/good")[0] == 404


ADDRESSES = [
    (b'"mlflow-artifacts:/1/abc/artifacts"', b'"dbfs:/databricks/mlflow-tracking/1/abc/artifacts"'),
    (
        b'"mlflow-artifacts:/1/models/m-1/artifacts"',
        b'"dbfs:/databricks/mlflow-tracking/1/logged_models/m-1/artifacts"',
    ),
    (b'"mlflow-artifacts:/12"', b'"dbfs:/databricks/mlflow-tracking/12"'),
    (b'"mlflow-artifacts:/x"', b'"mlflow-artifacts:/x"'),
]


@pytest.mark.parametrize(("ours", "theirs"), ADDRESSES)
def test_addresses(ours: bytes, theirs: bytes) -> None:
    """Addresses of artifacts become those of Databricks, and again what they were."""
    assert to_databricks(ours) == theirs and to_mlflow(theirs) == ours


@pytest.mark.parametrize(
    "path", ["1/Runs/../../../../token", "1/Runs/a/artifacts/../../x", "x/Runs/a", "1/Other/a", ""]
)
def test_files_stay_inside(work: Work, path: str) -> None:
    """The Files API reaches artifacts and nothing else."""
    url = f"/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/{path}"
    for method in ("GET", "PUT", "DELETE"):
        assert work.api.raw(method, url, b"x", work.api.auth).status == 404


def test_start_is_lazy_and_end_is_sure(work: Work, tmp_path: Path) -> None:
    """MLflow starts with its first request, keeps what it knew after a kill of the server, and dies with it."""
    api(work, "GET", "experiments/search?max_results=1")
    # Making the tables takes MLflow seconds: they are taken from the session's server.
    prepared = tmp_path / "prepared.sqlite"
    sqlite3.connect(work.folder / "mlflow" / "mlflow.sqlite").execute("VACUUM INTO ?", (str(prepared),))
    with running(tmp_path / "own") as there:
        assert children_of(there.pid) == []
        work = Work(Local(there.host, there.token), tmp_path / "own", tmp_path)
        assert not (tmp_path / "own" / "mlflow").exists()
        (tmp_path / "own" / "mlflow").mkdir()
        prepared.rename(tmp_path / "own" / "mlflow" / "mlflow.sqlite")
        assert api(work, "POST", "experiments/create", {"name": f"{HOME}/kept"})[0] == 200
        children = children_of(there.pid)
        assert children and all(alive(pid) for pid in children)
        assert "sklearn" not in (maps := Path(f"/proc/{there.pid}/maps").read_text()) and "numpy" not in maps
        os.kill(there.pid, signal.SIGKILL)
        assert all(gone(pid) for pid in children)
    with running(tmp_path / "own") as there:
        work = Work(Local(there.host, there.token), tmp_path / "own", tmp_path)
        assert work.api.type_of(f"{HOME}/kept") == "MLFLOW_EXPERIMENT"
    names = sqlite3.connect(tmp_path / "own" / "mlflow" / "mlflow.sqlite").execute("SELECT name FROM experiments")
    assert (f"{HOME}/kept",) in names.fetchall()


def test_version() -> None:
    """The MLflow under test is the one that is pinned."""
    assert version("mlflow").startswith("3.")


def children_of(parent: int) -> list[int]:
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if _parent(pid) == parent]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def _listening(pid: int) -> list[int]:
    """The ports a process listens on, from the kernel's tables."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except OSError:
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
