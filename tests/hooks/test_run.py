"""`run` starts a project from a laptop, waits, tells how it ended, and leaves nothing running behind."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from emulator.test_runs import gone

from mlflow_hooks.run.spec import RunSpec
from mlflow_hooks.run.task import run_context

from .desk import Desk, until_line
from .samples import JOBS_GIT
from .stage import Stage, until
from .work import HOOK, MLPROJECT, QUICK_SCRIPT, SCRIPT, URL, git, repository, write

# See test_end_to_end.py.
pytestmark = pytest.mark.xdist_group("hooks")

EXPERIMENT = "/Shared/me@example.com/main_expr"
PENDING = {"state": {"life_cycle_state": "PENDING"}}
REFUSAL = {"refuse": {"status": 403, "error_code": "PERMISSION_DENIED", "message": "no cluster for you"}}
AS_TASK = HOOK.replace("tag: v1.0", "tag: v1.0\n  provider: gitHub") + "engine: jobs-git\n"
SLEEPER = SCRIPT + "import time\nprint('asleep', flush=True)\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, shared: Stage) -> Desk:
    """A desk with a project, and a workspace for it."""
    folder = tmp_path_factory.mktemp("run")
    return Desk(repository(folder / "team"), folder / "home", shared.work.api)


@pytest.fixture(autouse=True)
def as_it_was(desk: Desk) -> Iterator[None]:
    """Every test finds the project as it was committed, and a workspace without mishaps."""
    desk.api.control("run-states", method="DELETE")
    desk.api.control("faults", method="DELETE")
    yield
    git(desk.root, "checkout", "--quiet", "--force", "main")
    git(desk.root, "clean", "--quiet", "-fdx")


def nothing_is_left(desk: Desk, experiment: str = EXPERIMENT) -> None:
    """No MLflow run is RUNNING, and no job's run goes on."""
    assert {run["info"]["status"] for run in desk.runs(experiment)} <= {"FINISHED", "FAILED", "KILLED"}
    active = desk.work.get("2.2/jobs/runs/list", active_only="true").json.get("runs", [])
    assert [run["run_id"] for run in active] == []


def test_success(desk: Desk) -> None:
    """The folder as it lies here runs in an experiment of the branch's own; links and metrics are told."""
    git(desk.root, "checkout", "--quiet", "-b", "feature/letters")
    write(desk.root / "projects" / "Demo", {"demo.py": QUICK_SCRIPT + "print('edited')\n"})
    ran = desk.quick("run", "Demo", "-P", "count=3", "--json")
    start, launched, summary = (ran.one(event) for event in ("start", "launched", "summary"))
    name = start["experiment"]
    assert name.startswith("/Shared/me@example.com/feature-letters-") and name.endswith("_expr")
    assert start["parameters"] == {"word": "hello", "count": "3"}
    assert summary["metrics"] == {"letters": 15.0} and summary["result"] == "SUCCESS"
    assert [one["message"] for one in ran.events if one["event"] == "note"] == [
        "projects/Demo has uncommitted changes; they are run too, and the run gets a tag that says so."
    ]
    (run,) = desk.runs(name)
    assert run["info"]["status"] == "FINISHED" and run["info"]["run_id"] == launched["run_id"]
    assert launched["url"] == f"{ran.one('experiment')['url']}/runs/{launched['run_id']}" == summary["address"]
    assert run["tags"]["mlflow.databricks.runURL"].partition("?")[0] == launched["job_url"]
    assert run["tags"]["mlflow_hooks.dirty"] == "true" and run["tags"]["mlflow_hooks.branch"] == "feature/letters"
    assert run["tags"]["word"] == "hello"


STEPS = """\
steps:
  first: {entry_point: main}
  second:
    entry_point: main
    parameters:
      count: {step: first, metric: letters}
    retries: 1
"""


def test_pipeline(desk: Desk) -> None:
    """The steps run one after the other, below a run of their own, with what is typed and what earlier ones leave."""
    write(desk.root / "projects" / "Demo", {"hook.yml": HOOK + STEPS, "demo.py": QUICK_SCRIPT})
    experiment = "/Shared/runs/pipeline"
    ran = desk.quick("run", "demo", "-P", "word=abc", "--experiment", experiment, "--json")
    summary = ran.one("summary")
    assert ran.one("start")["parameters"] == {"word": "abc"} and summary["result"] == "SUCCESS"
    assert {name: step["metrics"] for name, step in summary["steps"].items()} == {
        "first": {"letters": 3.0},
        "second": {"letters": 9.0},
    }
    second, first, whole = desk.runs(experiment)
    assert {run["tags"]["mlflow.parentRunId"] for run in (first, second)} == {whole["info"]["run_id"]}
    assert {run["info"]["status"] for run in (first, second, whole)} == {"FINISHED"}
    ran = desk.quick("run", "demo", "-P", "word=fail", "--experiment", experiment, "--json", code=1)
    assert list(ran.one("summary")["steps"]) == ["first"] and ran.one("summary")["result"].startswith("first FAILED")
    assert [run["info"]["status"] for run in desk.runs(experiment)[:2]] == ["FINISHED", "FAILED"]


@pytest.mark.parametrize(
    "more", ["", STEPS.replace("      count: {step: first, metric: letters}\n", "      count: 2\n")]
)
def test_trial(desk: Desk, more: str) -> None:
    """A trial has the values that hook.yml has for one, in a pipeline too; what is typed is stronger than both."""

    def given(text: str, *words: str) -> object:
        write(desk.root / "projects" / "Demo", {"hook.yml": text + more})
        ran = desk.quick("run", "demo", "--backend", "local", "--branch", "b", "--dry-run", "--json", *words)
        notes.append(sum("as long as any run" in one["message"] for one in ran.events if one["event"] == "note"))
        return ran.one("start")["parameters"]["word"]

    notes: list[int] = []
    trial = HOOK.replace("widget: true", "widget: true, trial: hi")
    assert (given(trial), given(trial, "--trial"), given(trial, "--trial", "-P", "word=x")) == ("hello", "hi", "x")
    assert given(HOOK, "--trial") == "hello" and notes == [0, 0, 0, 1]


@pytest.mark.long  # test_steps.py and test_notebook.py have pipelines that stop
def test_pipeline_that_stops(desk: Desk) -> None:
    """A step without the value that it needs, or that takes too long, ends the pipeline, and nothing stays open."""
    folder, experiment = desk.root / "projects" / "Demo", "/Shared/runs/stops"
    words = ("run", "demo", "--experiment", experiment)
    write(folder, {"hook.yml": HOOK + STEPS.replace("metric: letters", "tag: none"), "demo.py": QUICK_SCRIPT})
    said = desk.quick(*words, code=1).err
    assert "second: count has no value, because the MLflow run of first has no tag none." in said
    assert "Have first log it, or name another one in hook.yml." in said
    desk.api.control("run-states", [PENDING])
    write(folder, {"hook.yml": HOOK + STEPS.replace("main}", "main, timeout: 1s}")})
    said = desk.quick(*words, code=1).err
    assert "The step first took longer than 1 second and was cancelled." in said and "or add --timeout 3h." in said
    assert [run["info"]["status"] for run in desk.runs(experiment)] == ["FAILED", "FAILED", "FINISHED", "FAILED"]
    nothing_is_left(desk, experiment)


@pytest.mark.long
def test_pinned(desk: Desk) -> None:
    """With --ref it is git's version that runs, whatever lies here."""
    write(desk.root / "projects" / "Demo", {"demo.py": "raise SystemExit('not me')\n"})
    ran = desk.type("run", "demo", "--ref", "--experiment", "/Shared/pinned/demo")
    assert "projects/Demo at v1.0 → /Shared/pinned/demo" in ran.out and "letters" in ran.out
    assert "not committed" not in ran.said
    (run,) = desk.runs("/Shared/pinned/demo")
    assert run["tags"]["mlflow.source.git.commit"] == git(desk.root, "rev-parse", "v1.0")


def test_failure(desk: Desk) -> None:
    """A project that fails gives 1 and its last words, and its run is FAILED."""
    write(desk.root / "projects" / "Demo", {"demo.py": "raise SystemExit('oh no')\n"})
    ran = desk.quick("run", "demo", code=1)
    assert "oh no" in ran.err and "demo: FAILED" in ran.out
    assert desk.runs(EXPERIMENT)[0]["info"]["status"] == "FAILED"
    nothing_is_left(desk)


def as_task(desk: Desk, script: str) -> None:
    """The project with the other engine, as it lies here and nowhere else."""
    write(desk.root / "projects" / "Demo", {"demo.py": script, "words.txt": "hello\n", "hook.yml": AS_TASK})


def copies(desk: Desk) -> list[str]:
    """What of folders that lie here is in the workspace."""
    path = "/Users/me@example.com/.mlflow_hooks"
    return [item["path"] for item in desk.work.get("2.0/workspace/list", path=path).json.get("objects", [])]


def test_as_deployed(desk: Desk) -> None:
    """With the engine jobs-git it is the task of a job that runs, from a copy of the folder that is then gone."""
    files = "ask('runs/set-tag', run_id=RUN, key='files', value=' '.join(sorted(os.listdir('.'))))\n"
    script = QUICK_SCRIPT.replace("len(arguments.word)", "len(open('words.txt').read().strip())")
    as_task(desk, script.replace('ask("runs/set-tag"', f'{files}ask("runs/set-tag"', 1))
    write(
        desk.root / "projects" / "Demo", {".env": "x\n", "id_rsa": "x\n", "ignored.log": "x\n", ".gitignore": "*.log\n"}
    )
    if sys.platform != "win32":
        (desk.root / "projects" / "Demo" / "outside").symlink_to("/etc/passwd")
    ran = desk.quick("run", "demo", "-P", "count=2", "--json")
    start, launched, summary = (ran.one(event) for event in ("start", "launched", "summary"))
    assert start["engine"] == "jobs-git" and summary["metrics"] == {"letters": 10.0}
    (run,) = [run for run in desk.runs(EXPERIMENT) if run["info"]["run_id"] == summary["run_id"]]
    assert run["info"]["status"] == "FINISHED" and run["tags"]["word"] == "hello"
    assert run["tags"]["mlflow_hooks.dirty"] == "true" and "mlflow.project.backend" not in run["tags"]
    assert run["tags"]["files"] == ".gitignore MLproject cluster.json demo.py hook.yml words.txt"
    (task,) = desk.work.get("2.2/jobs/runs/get", run_id=launched["job_run_id"]).json["tasks"]
    assert task["spark_python_task"]["python_file"].endswith("/projects/Demo/demo.py")
    assert task["libraries"] == [{"pypi": {"package": "mlflow-skinny==3.17.2"}}]
    assert copies(desk) == []


def test_the_tags_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow gives the runs that a task's script starts the tags that the task has in its environment."""
    from mlflow.tracking.context.system_environment_context import SystemEnvironmentContext

    spec = RunSpec(JOBS_GIT, {}, EXPERIMENT, timedelta(minutes=1), "it's-{{x}}")
    for name, value in run_context(spec, "demo-1").items():
        monkeypatch.setenv(name, value)
    context = SystemEnvironmentContext()
    assert context.in_context() and context.tags() == {**spec.tags, "mlflow_hooks.run": "demo-1"}


@pytest.mark.long
def test_as_deployed_from_git(desk: Desk) -> None:
    """With --ref the task takes its code from git, here from the repository in a folder of this machine."""
    as_task(desk, "raise SystemExit('not me')\n")
    write(desk.root / "projects" / "Demo", {"hook.yml": AS_TASK.replace(URL, str(desk.root))})
    ran = desk.quick("run", "demo", "--ref", "main", "--json")
    assert ran.one("summary")["metrics"] == {"letters": 5.0}
    assert f"file://{desk.root}#projects/Demo at " in ran.one("start")["source"]
    source = desk.work.get("2.2/jobs/runs/get", run_id=ran.one("launched")["job_run_id"]).json["git_source"]
    assert source["git_commit"] == git(desk.root, "rev-parse", "main")


@pytest.mark.long
def test_as_deployed_without_mlflow(desk: Desk) -> None:
    """A script that knows nothing of MLflow succeeds or fails by its own end alone."""
    as_task(desk, "print('no word of MLflow')\n")
    assert desk.quick("run", "demo", "--json").one("summary")["run_id"] is None
    as_task(desk, "raise SystemExit('oh no')\n")
    ran = desk.quick("run", "demo", code=1)
    assert "oh no" in ran.err and copies(desk) == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
def test_as_deployed_interrupted(desk: Desk) -> None:
    """Ctrl-C cancels the task, and takes the copy of the folder away."""
    as_task(desk, SLEEPER.replace("with mlflow", "if mlflow.start_run():\n    print(1)\nif 0 and mlflow"))
    process = desk.start("run", "demo")
    until_line(process, "RUNNING")
    process.send_signal(signal.SIGINT)
    desk.finish(process, 130)
    nothing_is_left(desk)
    assert copies(desk) == []


@pytest.mark.long
def test_deadline(desk: Desk) -> None:
    """A run that does not begin is cancelled at the deadline, which is a failure."""
    desk.api.control("run-states", [PENDING])
    ran = desk.type("run", "demo", "--timeout", "1s", code=1)
    assert "took longer than 1 second and was cancelled" in ran.err
    nothing_is_left(desk)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
def test_interrupted(desk: Desk) -> None:
    """Ctrl-C cancels the job and ends the run, whose page --open has shown from the start; the exit code is 130."""
    desk.api.control("run-states", [PENDING])
    environment, opened = desk.browser()
    over = threading.Event()

    def press() -> None:
        """As soon as the page is shown, and the run asked for; never in the middle of another test."""
        until(lambda: over.is_set() or opened.read_text(encoding="utf-8"))
        desk.api.control("requests", method="DELETE")
        until(lambda: over.is_set() or any(one["endpoint"].endswith("/runs/get") for one in desk.api.requests()))
        if not over.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        ran = desk.quick("run", "demo", "--open", code=130, **environment)
    finally:
        over.set()
        pressing.join()
    assert opened.read_text(encoding="utf-8").split() == [
        line.split()[1] for line in ran.out.splitlines() if line.startswith("run  ")
    ]
    assert "PENDING" in ran.out and "Interrupted; the run was cancelled." in ran.err
    assert desk.runs(EXPERIMENT)[0]["info"]["status"] == "KILLED"
    nothing_is_left(desk)


@pytest.mark.long
def test_end_without_a_result(desk: Desk) -> None:
    """A run that ends without a result has ended, and failed: MLflow itself would wait for ever."""
    state = {"life_cycle_state": "INTERNAL_ERROR", "state_message": "no machines"}
    desk.api.control("run-states", [{"state": state}])
    ran = desk.type("run", "demo", code=1)
    assert "demo: INTERNAL_ERROR: no machines" in ran.out
    nothing_is_left(desk)


@pytest.mark.long
def test_submit_refused(desk: Desk) -> None:
    """Where the workspace refuses to start the job, the run that MLflow had begun is ended."""
    desk.api.control("run-states", [REFUSAL])
    ran = desk.type("run", "demo", code=1)
    assert "error: MLflow says: " in ran.err and "no cluster for you" in ran.err
    assert desk.runs(EXPERIMENT)[0]["info"]["status"] == "FAILED"
    nothing_is_left(desk)


@pytest.mark.long
def test_short_disturbance(desk: Desk) -> None:
    """A workspace that does not answer for a moment is asked again; a run that no script ended is FINISHED."""
    busy = {"kind": "answer", "status": 503, "error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}
    desk.api.control("faults", [{"endpoint": "/api/2.2/jobs/runs/get", "nth": [1, 2, 3, 4, 5], "action": busy}])
    desk.api.control("run-states", [{"state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}])
    ran = desk.type("run", "demo")
    assert "Trying again" in ran.err and "demo: SUCCESS" in ran.out
    assert desk.runs(EXPERIMENT)[0]["info"]["status"] == "FINISHED"


@pytest.mark.long
def test_workspace_that_ends_with_the_command(desk: Desk, tmp_path: Path) -> None:
    """No address is told that is gone when the command is over, but how to look at the run."""
    here = {"DATABRICKS_LOCAL_DIR": str(tmp_path / "workspace"), "DATABRICKS_HOST": "", "DATABRICKS_TOKEN": ""}
    ran = desk.type("run", "demo", "--local", **here)
    assert "demo: SUCCESS" in ran.out and "http://" not in ran.said
    assert "type `databricks_local serve`" in ran.err


# --- without a workspace --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for runs, shared because MLflow takes seconds to make its tables."""
    return tmp_path_factory.mktemp("tracking") / "runs"


def statuses(tracking: Path) -> list[str]:
    database = sqlite3.connect(tracking / "mlflow.sqlite")
    return [row[0] for row in database.execute("SELECT status FROM runs ORDER BY start_time DESC")]


@pytest.mark.long  # MLflow makes its tables anew, and is imported twice
def test_local_backend(desk: Desk, tracking: Path) -> None:
    """With no workspace at all the project runs here, blanks in its parameters and all, and git never sees the runs."""
    nowhere = {"DATABRICKS_HOST": "", "DATABRICKS_TOKEN": "", "MLFLOW_REGISTRY_URI": "databricks-uc"}
    logged = 'mlflow.log_metric("nothing", float("nan"))\n    open(arguments.file).close()\n    mlflow.set_tag('
    script = SCRIPT.replace("mlflow.set_tag(", logged).replace(
        "arguments =", 'parser.add_argument("--file")\narguments ='
    )
    # A path is relative to the project, as the files of the project are.
    plain = MLPROJECT.replace("databricks_spark_job:\n  python_libraries: [mlflow-skinny==3.17.2]\n", "")
    plain = plain.replace("    command:", "      file: {type: path, default: demo.py}\n    command:")
    plain = plain.replace("{count}", "{count} --file {file}")
    write(desk.root / "projects" / "Demo", {"demo.py": script, "MLproject": plain})
    words = ("--backend", "local", "--tracking", str(tracking), "-P", "word=two words", "--json")
    ran = desk.type("run", "demo", *words, **nowhere)
    assert ran.one("summary")["metrics"] == {"letters": 9.0, "nothing": None} and "NaN" not in ran.out
    assert statuses(tracking) == ["FINISHED"]
    assert (tracking / ".gitignore").read_text() == "*\n"


@pytest.mark.long
@pytest.mark.parametrize("ref", [(), ("--ref",)])
def test_local_backend_as_deployed(desk: Desk, tracking: Path, ref: tuple[str, ...]) -> None:
    """With the engine jobs-git the script runs here as in a job: in its folder, without a shell and MLflow Projects."""
    as_task(desk, SCRIPT.replace("with mlflow", "open('demo.py').close()\nwith mlflow"))
    words = ("run", "demo", "--backend", "local", "--tracking", str(tracking), "-P", "word=two  'words'", "--json")
    summary = desk.type(*words, *ref).one("summary")
    assert summary["metrics"] == {"letters": 12.0} and statuses(tracking)[0] == "FINISHED"


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
def test_local_backend_interrupted(desk: Desk, tracking: Path) -> None:
    """A build that is called off ends the project's own process too, and its run."""
    write(
        desk.root / "projects" / "Demo", {"demo.py": "import os\nprint(f'pid {os.getpid()}', flush=True)\n" + SLEEPER}
    )
    words = ("run", "demo", "--backend", "local", "--tracking", str(tracking))
    process = desk.start(*words)
    process.stdout, process.stderr = process.stderr, process.stdout  # where a project's own words go
    pid = int(until_line(process, "pid ").split()[1])
    process.stdout, process.stderr = process.stderr, process.stdout
    process.send_signal(signal.SIGTERM)
    desk.finish(process, 130)
    assert gone(pid) and statuses(tracking)[0] == "KILLED"


# --- what is refused before anything is started -----------------------------------------------------------------

REFUSED = [
    (["demmo"], "No project has a hook called demmo.", "Give demo instead."),
    (["demo", "-P", "wrod=x"], "has no parameter wrod", "Write word."),
    (["demo", "-P", "word"], "-P word is not name=value", ""),
    (["demo", "-P", "count=many"], "count must be a whole number, not 'many'", ""),
    (["demo", "-P", "word=two words"], "word would arrive as 'two", ""),
    (["demo", "--timeout", "soon"], "--timeout must be a duration", "90m"),
    (["demo", "--ref", "refs/heads/main"], "cannot check it out", "Write main."),
    (["demo", "--experiment", "/Workspace/Shared/x"], "not find it in the next run", "Write /Shared/x."),
    (["demo", "--branch", "HEAD"], "all branches would share one experiment", "--branch"),
]


@pytest.mark.parametrize(("words", "message", "hint"), REFUSED)
def test_refused(desk: Desk, words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What could not work is refused with 2 and the next thing to type, and nothing is sent that writes."""
    desk.api.control("requests", method="DELETE")
    ran = desk.quick("run", *words, code=2)
    assert message in ran.err and hint in ran.err
    assert desk.asked() == []


@pytest.mark.parametrize("where", [(), ("--backend", "local")])
def test_what_cannot_be_deployed(desk: Desk, where: tuple[str, ...]) -> None:
    """With the engine jobs-git, a command that no task can run is not run here either."""
    as_task(desk, SCRIPT)
    write(desk.root / "projects" / "Demo", {"MLproject": MLPROJECT.replace("{count}", "{count} | tee log")})
    assert "a command that needs a shell" in desk.quick("run", "demo", *where, "--dry-run", code=1).err


@pytest.mark.parametrize("name", ["c#", "quoted'"])
def test_folder_that_mlflow_takes_apart(tmp_path: Path, desk: Desk, name: str) -> None:
    """Where MLflow could not find the folder, the reason is said; what git has may still be run."""
    root = repository(tmp_path / "top" / name if name == "c#" else tmp_path / "top", name=name.replace("c#", "Demo"))
    there = Desk(root, tmp_path / "home", desk.api)
    words = ("run", "demo", "--backend", "local", "--dry-run")
    told = there.quick(*words, code=2).err
    assert f"it splits the path at {name[-1]}." in told and "--ref" in told
    there.quick(*words, "--ref")


def test_detached_head(desk: Desk) -> None:
    """Without a branch there is no experiment, unless one is named, or CI knows the branch."""
    git(desk.root, "checkout", "--quiet", "--detach")
    assert "--branch NAME" in desk.quick("run", "demo", "--dry-run", code=2).err
    assert "/Shared/ci/x" in desk.quick("run", "demo", "--dry-run", "--experiment", "/Shared/ci/x").out
    ci = {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/tools"}
    assert "/Shared/me@example.com/tools_expr" in desk.quick("run", "demo", "--dry-run", **ci).out


def test_longest_name(desk: Desk) -> None:
    """--max-name cuts the experiment's name, and keeps long branches of one beginning apart."""
    names = set()
    for branch in ("a-long-name-of-a-branch-1", "a-long-name-of-a-branch-2"):
        ran = desk.quick("run", "demo", "--dry-run", "--json", "--branch", branch, "--max-name", "24")
        names.add(ran.one("start")["experiment"].rpartition("/")[2])
    assert len(names) == 2 and all(len(name) == 24 and name.endswith("_expr") for name in names)


def test_without_mlflow(desk: Desk) -> None:
    """A missing MLflow is one sentence, with what to type."""
    code = (
        "import sys\nsys.modules['mlflow'] = None\nsys.argv = ['mlflow_hooks', 'run', 'demo']\n"
        "from mlflow_hooks.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=desk.root, env=desk.env, capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'databricks-branch-sync[hooks]'" in done.stderr
    assert "Traceback" not in done.stderr
