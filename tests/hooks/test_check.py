"""`check` finds what would fail, says where and what to write instead: one broken project per rule."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from shutil import rmtree

import pytest

from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import Finding
from mlflow_hooks.reading.git_address import unreachable
from mlflow_hooks.reading.hook_file import read_hooks
from mlflow_hooks.rules.check import check

from .work import CLUSTER, FILES, HOOK, MLPROJECT, SCRIPT, URL, git, repository, write

NOW = datetime(2026, 9, 30, tzinfo=timezone.utc)
SPARK_JOB = "databricks_spark_job:\n  python_libraries: [mlflow-skinny==3.17.2]"
PLAIN = MLPROJECT.replace(SPARK_JOB, "python_env: env.yaml")
ENV = "python: 3.12.3\ndependencies: [mlflow==3.17.2]\n"
PLAIN_FILES = {"MLproject": PLAIN, "env.yaml": ENV}
OLD = "12.2.x-cpu-ml-scala2.12"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose project the tests break and mend."""
    return repository(tmp_path_factory.mktemp("check"))


def findings(root: Path, files: Mapping[str, str | None], to: str = "") -> list[Finding]:
    """Those of the good project with some files changed; `to`: as it is for this target."""
    folder = root / "projects" / "Demo"
    try:
        write(folder, files)
        return check(read_hooks(root / "projects", to), NOW)
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        write(folder, FILES)


def command(text: str) -> dict[str, str]:
    """The project with another command."""
    was = "python demo.py --word {word} --count {count}"
    assert was in MLPROJECT
    return {"MLproject": MLPROJECT.replace(was, text)}


def cluster(**changes: object) -> dict[str, str]:
    """The project with another cluster; None takes a field away."""
    spec = {name: value for name, value in {**CLUSTER, **changes}.items() if value is not None}
    return {"cluster.json": json.dumps(spec, indent=2)}


def hook(was: str, now: str) -> dict[str, str]:
    assert was in HOOK
    return {"hook.yml": HOOK.replace(was, now)}


def job(setting: str) -> dict[str, str]:
    return hook("name: demo", f"job: {{{setting}}}\nname: demo")


def permissions(entries: str, more: str = "") -> dict[str, str]:
    return hook("name: demo", f"{more}permissions: [{entries}]\nname: demo")


def mlproject(was: str, now: str) -> dict[str, str]:
    assert was in MLPROJECT
    return {"MLproject": MLPROJECT.replace(was, now)}


def wrapped(key: str, value: object) -> dict[str, str]:
    """The project with the other shape of a cluster file, and something beside the cluster."""
    return {"cluster.json": json.dumps({"new_cluster": CLUSTER, key: value}, indent=1)}


def plain(**changes: object) -> dict[str, str]:
    return {**PLAIN_FILES, **cluster(spark_version=OLD), **changes}  # type: ignore[dict-item]


def jobs_git(more: str = "", **changes: str | None) -> dict[str, str | None]:
    """The project with the other engine, on a host that is known to it."""
    return {"hook.yml": HOOK.replace("git.example.com", "github.com") + f"engine: jobs-git\n{more}", **changes}


def serverless(compute: str = "serverless", experiment: str = "", **changes: str | None) -> dict[str, str | None]:
    """The project with the other engine, on serverless compute."""
    files = jobs_git(f"project_cluster: {compute}\n", **changes)
    return {**files, "hook.yml": str(files["hook.yml"]).replace("/experiments/demo", f"/experiments/demo{experiment}")}


def conda(needed: str) -> dict[str, str | None]:
    text = f"dependencies: [{needed}, {{pip: [pandas==2.3.0]}}]\n"
    return {"MLproject": PLAIN.replace("python_env: env.yaml", "conda_env: conda.yaml"), "conda.yaml": text}


EXISTING = {"cluster.json": '{"existing_cluster_id": "0101-120000-abc"}'}
NO_REPOSITORY = "https://host/team/repository"
PAGES = [
    ("git.example.com/team/projects/tree/main/x", "https://git.example.com/team/projects"),
    ("gitlab.com/team/group/projects/-/blob/main/x.py", "https://gitlab.com/team/group/projects"),
    ("github.com/team/projects/releases/tag/v1", "https://github.com/team/projects"),
    ("github.com/team", NO_REPOSITORY),
    ("bitbucket.org/team/projects/src/main", "https://bitbucket.org/team/projects"),
    ("dev.azure.com/team/ml/_git/r/pullrequest/3", "https://dev.azure.com/team/ml/_git/r"),
    ("dev.azure.com/team/ml", NO_REPOSITORY),
]
# What is changed -> where what is found, in whose words.
ROWS: list[tuple[str, Mapping[str, str | None], str]] = [
    # The form of MLproject
    (
        "two environments",
        plain(MLproject=PLAIN + "conda_env: env.yaml\n"),
        "MLproject:9 error: both python_env and conda_env",
    ),
    (
        "spark and env",
        mlproject("entry_points:", "python_env: env.yaml\nentry_points:") | {"env.yaml": ENV},
        "MLproject:4 error: refuses python_env beside",
    ),
    (
        "spark and file",
        mlproject("  python_libraries", "  python_file: demo.py\n  python_libraries"),
        "MLproject:3 error: both python_file and entry_points",
    ),
    (
        "spark and path",
        mlproject("{type: string, default: hello}", "{type: path, default: hello}"),
        "MLproject:7 error: no parameters of type path",
    ),
    ("docker", mlproject(SPARK_JOB, "docker_env:\n  image: python"), "MLproject:2 error: docker_env on Databricks"),
    (
        "a part of a version",
        plain(**{"env.yaml": ENV.replace("3.12.3", "'3.12'")}),
        "env.yaml:1 warning: newest patch release",
    ),
    (
        "spark without entries",
        {"MLproject": MLPROJECT.split("entry_points")[0]},
        "MLproject:2 error: neither entry_points nor python_file",
    ),
    # Its command
    (
        "unknown placeholder",
        command("python demo.py --word {wird} --count {count}"),
        "MLproject:9 error: {wird} is not a parameter",
    ),
    ("nameless placeholder", command("python demo.py {} {word} {count}"), "MLproject:9 error: {} has no name"),
    (
        "single brace",
        command("python demo.py --word {word} --count {count} }"),
        "MLproject:9 error: brace that is not part",
    ),
    (
        "quoted placeholder",
        plain(MLproject=PLAIN.replace("{word} -", "'{word}' -")),
        "MLproject:8 error: inside quotes",
    ),
    ("unused parameter", command("python demo.py --word {word}"), "MLproject:8 warning: count is not in the command"),
    ("python3", command("python3 demo.py --word {word} --count {count}"), "MLproject:9 error: begin with `python `"),
    ("two blanks", command("python demo.py  --word {word} --count {count}"), "MLproject:9 error: split at every blank"),
    (
        "line break",
        command("|\n      python demo.py --word {word}\n      --count {count}"),
        "MLproject:9 error: split at every blank",
    ),
    ("shell", command("python demo.py --word {word} --count {count} > out"), "MLproject:9 error: runs without a shell"),
    (
        "no script",
        command("python deno.py --word {word} --count {count}"),
        "MLproject:9 error: projects/Demo has no such file",
    ),
    (
        "a script outside",
        command("python ../../../demo.py --word {word} --count {count}"),
        "MLproject:9 error: projects/Demo has no such file",
    ),
    # Its script
    ("syntax", {"demo.py": SCRIPT + "if\n"}, "demo.py:14 error: not Python"),
    ("future", {"demo.py": "from __future__ import annotations\n" + SCRIPT}, "demo.py:1 error: `from __future__`"),
    (
        "sibling",
        {"demo.py": "import argparse, tools\n" + SCRIPT, "tools.py": ""},
        "demo.py:1 error: does not find tools",
    ),
    (
        "sibling package",
        {"demo.py": "from tools.a import b\n" + SCRIPT, "tools/a.py": ""},
        "demo.py:1 error: does not find tools",
    ),
    ("relative import", {"demo.py": "from . import tools\n" + SCRIPT}, "demo.py:1 error: another folder"),
    ("__file__", {"demo.py": SCRIPT + "print(__file__)\n"}, "demo.py:14 warning: __file__ is a copy"),
    ("__doc__", {"demo.py": SCRIPT + "print(__doc__)\n"}, "demo.py:14 warning: __doc__ is None"),
    (
        "set_experiment",
        {"demo.py": SCRIPT + "mlflow.set_experiment('x')\n"},
        "demo.py:14 warning: set_experiment makes the script leave",
    ),
    # Parameters
    (
        "wrong value",
        hook("value: hello, widget: true}", "value: hello, widget: true}\n  count: many"),
        "hook.yml:8 error: count must be a whole number, not 'many'",
    ),
    (
        "wrong default",
        mlproject("type: int, default: 1", "type: float, default: x"),
        "MLproject:8 error: count must be a number, not 'x'",
    ),
    (
        "no uri",
        mlproject("{type: string, default: hello}", "{type: uri, default: /a}")
        | hook("{value: hello, widget: true}", "{widget: true}"),
        "MLproject:7 error: word must be a URI",
    ),
    (
        "no bool",
        mlproject("type: int, default: 1", "type: bool, default: '1'"),
        "MLproject:8 error: count must be true or false",
    ),
    ("unknown type", mlproject("type: int", "type: integer"), "MLproject:8 warning: no type integer"),
    (
        "empty path",
        plain(MLproject=PLAIN.replace("type: string, default: hello", "type: path, default: ''"))
        | hook("{value: hello, widget: true}", "{widget: true}"),
        "MLproject:6 error: word must be a path, not ''",
    ),
    ("blank in a value", hook("value: hello,", "value: hello world,"), "hook.yml:7 error: would arrive as 'hello"),
    ("empty value", hook("value: hello,", "value: '',"), "hook.yml:7 error: would arrive as ''"),
    ("line break in a value", hook("value: hello,", 'value: "a\\nb",'), "hook.yml:7 error: line break"),
    (
        "name of a widget",
        {"MLproject": MLPROJECT.replace("word", "wörd"), **hook("word", "wörd")},
        "MLproject:7 error: refuses a job parameter",
    ),
    (
        "a widget of every notebook",
        {"MLproject": MLPROJECT.replace("word", "trigger"), **hook("word", "trigger")},
        "hook.yml:7 error: would hide the parameter",
    ),
    (
        "ignored parameters",
        {"MLproject": "databricks_spark_job:\n  python_file: demo.py\n"},
        "hook.yml:6 error: these are ignored",
    ),
    (
        "wrong in a trial",
        hook("value: hello, widget: true}", "value: hello, widget: true}\n  count: {trial: few}"),
        "hook.yml:8 error: count must be a whole number, not 'few'",
    ),
    # The cluster
    ("an existing cluster", EXISTING, "cluster.json:1 error: MLflow refuses to run a project on a cluster that exists"),
    ("an existing cluster for a job", jobs_git(**EXISTING), "cluster.json:1 warning: cannot say the experiment"),
    ("no id", jobs_git(**{"cluster.json": '{"existing_cluster_id": "mine"}'}), "cluster.json:1 error: not the id"),
    (
        "an existing cluster that is none, for the hook",
        hook("git:", "cluster: {existing_cluster_id: mine}\ngit:"),
        "hook.yml:2 error: not the id of a cluster",
    ),
    (
        "docker for a job",
        jobs_git(**mlproject(SPARK_JOB, "docker_env:\n  image: x")),
        "MLproject:2 error: A job does not",
    ),
    ("unknown field", cluster(node_type="x"), "cluster.json:6 error: no field 'node_type'"),
    ("wrong kind", cluster(num_workers="1"), "cluster.json:4 error: num_workers must be a whole number"),
    ("no version", cluster(spark_version=None), "cluster.json:1 error: without spark_version"),
    ("no such version", cluster(spark_version="17.3"), "cluster.json:2 error: not a version of Databricks Runtime"),
    ("ended", cluster(spark_version="13.3.x-cpu-ml-scala2.12"), "cluster.json:2 warning: 13.3 is no longer supported"),
    ("long ended", cluster(spark_version="7.0.x-scala2.12"), "cluster.json:2 warning: 7.0 is no longer supported"),
    (
        "never heard of",
        cluster(spark_version="17.1.x-scala2.13"),
        "cluster.json:2 warning: not in the list of known versions",
    ),
    ("no machine", cluster(node_type_id=None), "cluster.json:1 error: without node_type_id"),
    ("two machines", cluster(instance_pool_id="p"), "cluster.json:6 error: both node_type_id and instance_pool_id"),
    ("no size", cluster(num_workers=None), "cluster.json:1 error: without num_workers"),
    (
        "two sizes",
        cluster(autoscale={"min_workers": 1, "max_workers": 2}),
        "cluster.json:6 error: both num_workers and autoscale",
    ),
    ("negative size", cluster(num_workers=-1), "cluster.json:4 error: negative"),
    (
        "backward autoscale",
        cluster(num_workers=None, autoscale={"min_workers": 3, "max_workers": 2}),
        "cluster.json:5 error: min_workers must not be larger",
    ),
    ("half an autoscale", cluster(num_workers=None, autoscale={"min": 3}), "cluster.json:6 error: no field 'min'"),
    ("single node", cluster(num_workers=0), "cluster.json:4 error: waits for ever for workers"),
    ("conf is text", cluster(spark_conf={"spark.speculation": True}), "cluster.json:7 error: its value is not text"),
    ("no such mode", cluster(data_security_mode="SINGLE"), "cluster.json:5 error: no data_security_mode 'SINGLE'"),
    ("shared mode", cluster(data_security_mode="USER_ISOLATION"), "cluster.json:5 error: no /dbfs"),
    ("no mode", cluster(data_security_mode=None), "cluster.json:1 warning: Without dedicated access"),
    ("plain on a new runtime", PLAIN_FILES, "cluster.json:2 error: Runtime 13 and later"),
    (
        "lost libraries",
        wrapped("libraries", [{"pypi": {"package": "x"}}]),
        "cluster.json:8 error: ignores the libraries",
    ),
    ("stray key", wrapped("librarys", []), "cluster.json:8 warning: ignores librarys"),
    ("shape of a library", plain(**wrapped("libraries", ["x"])), "cluster.json:9 error: refuses this library"),
    (
        "pypi without a package",
        plain(**wrapped("libraries", [{"pypi": {}}])),
        "cluster.json:9 error: pypi library without",
    ),
    (
        "library on dbfs",
        plain(**wrapped("libraries", [{"whl": "dbfs:/libs/a.whl"}])),
        "cluster.json:9 error: DBFS root are not installed",
    ),
    (
        "the hook's own cluster",
        hook("schedule:", "cluster: {spark_version: 17.3, num_workers: 1, node_type_id: x}\nschedule:"),
        "hook.yml:8 error: not a version of Databricks Runtime",
    ),
    (
        "copied from the workspace",
        cluster(cluster_id="0101-1-x", state="RUNNING", autotermination_minutes=20, disk_spec={}),
        "cluster.json:6 warning: does not get cluster_id, state, autotermination_minutes and 1 more of this one",
    ),
    (
        "a cluster that lasts",
        plain(**{"cluster.json": json.dumps({"new_cluster": {**CLUSTER, "cluster_name": "a"}})}),
        "cluster.json:1 warning: does not get cluster_name",
    ),
    (
        "another name",
        {"cluster.json": None, "gpu.json": json.dumps(CLUSTER)},
        "cluster.json:0 error: write project_cluster: gpu.json in hook.yml",
    ),
    (
        "no such file",
        hook("git:", "project_cluster: gpu.json\ngit:"),
        "gpu.json:0 error: gpu.json does not exist",
    ),
    # Serverless compute
    ("no cluster for mlflow.run", hook("git:", "project_cluster: serverless\ngit:"), "hook.yml:2 error: it makes a"),
    ("an old environment", serverless("{environment_version: 4}"), "hook.yml:12 warning: passes no environment"),
    ("an unknown one", serverless("{environment_version: 77}"), "hook.yml:12 warning: not in the list of known ones"),
    (
        "both",
        serverless("{file: gpu.json, environment_version: 5}"),
        "hook.yml:12 error: a file or an environment version",
    ),
    ("a file in a mapping", serverless("{file: gpu.json}"), "gpu.json:0 error: gpu.json does not exist"),
    ("no cluster for the hook", hook("git:", "cluster: serverless\ngit:"), "hook.yml:2 error: of the hook notebook"),
    ("no number", serverless("{environment_version: new}"), "hook.yml:12 error: must be the number of an environment"),
    ("Spark's settings", serverless("{spark_conf: {a: b}}"), "hook.yml:12 error: no key 'spark_conf'"),
    (
        "what a cluster had",
        serverless(
            **cluster(
                spark_conf={"spark.speculation": "true"},
                init_scripts=[{"workspace": {"destination": "/a.sh"}}],
                node_type_id="Standard_NC4as_T4_v3",
            )
        ),
        "cluster.json:1 warning: has nothing of its init_scripts, spark_conf, a GPU and 1 more",
    ),
    (
        "an RDD",
        serverless(**{"cluster.json": None, "demo.py": SCRIPT + "spark.sparkContext.range(3)\n"}),
        "demo.py:14 warning: has no sparkContext",
    ),
    (
        "a path for pip",
        serverless(**PLAIN_FILES | {"env.yaml": "python: 3.12.3\ndependencies: [--extra-index-url a, -e .]\n"}),
        "env.yaml:2 error: what '-e .' tells pip",
    ),
    ("a long experiment", serverless(experiment="a" * 505), "hook.yml:5 error: at most 512 characters"),
    # Where the code comes from
    ("pip's scheme", hook("https://", "git+https://"), "hook.yml:3 error: git+https://"),
    ("in the clear", hook("https://", "http://"), "hook.yml:3 error: http://"),
    ("no address", hook("https://git.example.com/", "srv/"), "hook.yml:3 error: is not an address"),
    ("a path", hook("https://git.example.com/", "/srv/"), "hook.yml:3 warning: only the workspace on this machine"),
    (
        "a file",
        hook("https://git.example.com/", "file:///srv/"),
        "hook.yml:3 warning: only the workspace on this machine",
    ),
    ("a token in it", hook("https://", "https://me:s3cret@"), "hook.yml:3 error: user name or a token"),
    ("a user in it", hook("https://", "https://me@"), "hook.yml:3 error: user name or a token"),
    (
        "Azure's user",
        hook("https://git.example.com", "https://team@dev.azure.com"),
        "hook.yml:3 warning: user name in git.url",
    ),
    ("a query", hook("/projects\n", "/projects?a=b\n"), "hook.yml:3 error: after ? or #"),
    ("ssh", hook("https://", "ssh://git@"), "hook.yml:3 warning: no key to log in"),
    (
        "ssh and a secret",
        hook(
            "url: https://git.example.com/team/projects",
            "url: git@git.example.com:team/projects\n  secret: {scope: a, key: b}",
        ),
        "hook.yml:4 error: never be used",
    ),
    (
        "ssh for a job",
        {"hook.yml": HOOK.replace("https://", "ssh://git@") + "engine: jobs-git\n"},
        "hook.yml:3 error: over https, but git.url uses ssh",
    ),
    ("short commit", hook("tag: v1.0", "commit: abc1234"), "hook.yml:4 error: not a full commit hash"),
    ("full ref", hook("tag: v1.0", "branch: refs/heads/main"), "hook.yml:4 error: cannot check it out"),
    ("an option", hook("tag: v1.0", "tag: --upload-pack=x"), "hook.yml:4 error: not a valid name of a tag"),
    # What a job that takes its code from git cannot be, or does not look at
    (
        "a shell script",
        jobs_git(**command("bash run.sh {word} {count}")),
        "MLproject:9 error: not `python FILE.py ...`",
    ),
    (
        "a pipe",
        jobs_git(**command("python demo.py --word {word} --count {count} 2>&1 | tee log")),
        "MLproject:9 error: a command that needs a shell",
    ),
    ("a format", jobs_git(**command("python demo.py {word!r} {count}")), "MLproject:9 error: the placeholder {word!r}"),
    ("an unclosed quote", jobs_git(**command("python demo.py {word} {count} 'x")), "MLproject:9 error: a mistake"),
    (
        "a file of Python",
        jobs_git(MLproject="databricks_spark_job:\n  python_file: demo.py\n"),
        "MLproject:1 error: python_file and no entry point",
    ),
    (
        "a reference",
        {"hook.yml": str(jobs_git()["hook.yml"]).replace("value: hello", "value: '{{job.id}}'")},
        "hook.yml:7 error: would be replaced in a job",
    ),
    (
        "a reference by default",
        jobs_git(**mlproject("count: {type: int, default: 1}", "count: {default: '${x}'}")),
        "MLproject:8 error: would be replaced in a job",
    ),
    ("conda alone", jobs_git(**conda("python=3.11.4, pip, gdal")), "conda.yaml:1 error: cannot install gdal"),
    (
        "an option of pip",
        jobs_git(
            **PLAIN_FILES | {"env.yaml": "python: 3.12.3\ndependencies: [x, --extra-index-url https://a.example]\n"}
        ),
        "env.yaml:2 error: what '--extra-index-url https://a.example' tells pip",
    ),
    (
        "hashes",
        jobs_git(**PLAIN_FILES | {"env.yaml": "python: 3.12.3\ndependencies: ['x==1 --hash=sha256:aa']\n"}),
        "env.yaml:2 warning: without looking at their hashes",
    ),
    (
        "an option among the libraries",
        mlproject("[mlflow-skinny==3.17.2]", "[mlflow-skinny==3.17.2, -r requirements.txt]"),
        "MLproject:3 error: for the name of a package",
    ),
    (
        "a ref to choose",
        {"hook.yml": str(jobs_git()["hook.yml"]).replace("tag: v1.0", "tag: v1.0\n  widget: true")},
        "hook.yml:5 warning: ignores git.widget",
    ),
    (
        "a secret for git",
        {"hook.yml": str(jobs_git()["hook.yml"]).replace("tag: v1.0", "tag: v1.0\n  secret: {scope: a, key: b}")},
        "hook.yml:5 warning: ignores git.secret",
    ),
    ("a result", jobs_git("result: {metrics: [rmse]}\n"), "hook.yml:12 warning: ignores result"),
    ("a release", jobs_git("mlflow: 3.17.2\n"), "hook.yml:12 warning: ignores mlflow"),
    ("a cluster of the hook", jobs_git("cluster: cluster.json\n"), "hook.yml:12 warning: ignores cluster"),
    ("conda", plain(**conda("python=3.11.4")), "conda.yaml:1 warning: the cluster has to have conda"),
    # The rest of hook.yml
    ("relative experiment", hook("/Shared/exp", "exp"), "hook.yml:5 error: not an absolute path"),
    ("alias", hook("/Shared/exp", "/Workspace/Shared/exp"), "hook.yml:5 error: not find it in the next run"),
    ("empty part", hook("/Shared/exp", "/Shared//exp"), "hook.yml:5 error: empty part"),
    ("trailing slash", hook("/demo\n", "/demo/\n"), "hook.yml:5 error: empty part"),
    (
        "a home",
        hook("/Shared/experiments/demo", "/Users/me@example.com"),
        "hook.yml:5 error: a folder of the workspace itself",
    ),
    ("below Repos", hook("/Shared/exp", "/Repos/exp"), "hook.yml:5 error: below /Repos"),
    ("unix cron", hook("0 0 6 * * ?", "0 6 * * 1"), 'hook.yml:9 error: "0 0 6 ? * MON"'),
    ("both days", hook("0 0 6 * * ?", "0 0 6 * * *"), "hook.yml:9 error: exactly one of"),
    ("every second", hook("0 0 6 * * ?", "'* 0 6 * * ?'"), "hook.yml:9 warning: several times in one minute"),
    ("never", hook("0 0 6 * * ?", "0 0 6 30 2 ?"), "hook.yml:9 error: never fires again"),
    ("no zone", hook("Europe/Berlin", "Europe/Bonn"), "hook.yml:10 error: no time zone"),
    (
        "no address",
        hook("schedule:", "notifications: {on_failure: team}\nschedule:"),
        "hook.yml:8 error: not an e-mail address",
    ),
    # What every run would fail with
    ("an option of Python", command("python -O demo.py --word {word}"), "MLproject:9 error: takes -O for the script"),
    ("a module", command("python -m demo --word {word}"), "MLproject:9 error: takes -m for the script"),
    ("a format", command("python demo.py --word {word} --count {count:.2f}"), "MLproject:9 error: {count:.2f}"),
    ("a part", command("python demo.py --word {word.a} --count {count}"), "MLproject:9 error: {word.a}"),
    (
        "no entry points",
        plain(MLproject="python_env: env.yaml\n"),
        "hook.yml:1 error: or entry_point: train.py here",
    ),
    ("no entry points for a Spark job", {"MLproject": f"{SPARK_JOB}\n"}, "hook.yml:1 error: with main: in MLproject"),
    ("another name", {"MLproject.yaml": MLPROJECT, "MLproject": None}, "MLproject:0 error: Rename it to MLproject."),
    ("an empty Spark job", mlproject(SPARK_JOB, "databricks_spark_job:"), "MLproject:2 error: with nothing below it"),
    (
        "a number for a file",
        {"MLproject": "databricks_spark_job:\n  python_file: demo.py\n  parameters: [a, 0.5]\n"},
        "MLproject:3 error: parameter 0.5 of python_file",
    ),
    *(
        (
            f"a page at {page}",
            {"hook.yml": HOOK.replace(URL, f"https://{page}")},
            f"hook.yml:3 error: Write {repository}.",
        )
        for page, repository in PAGES
    ),
    ("a blank in the address", hook("/team/projects", "/my team/r"), "hook.yml:3 error: /my%20team/r"),
    ("HEAD", hook("tag: v1.0", "branch: HEAD"), "hook.yml:4 error: not the name of a branch"),
    (
        "a ref for a name",
        {"hook.yml": str(jobs_git()["hook.yml"]).replace("tag: v1.0", "tag: refs/tags/v1.0")},
        "hook.yml:4 error: a tag of the name refs/tags/v1.0",
    ),
    (
        "a full ref for a job",
        {"hook.yml": str(jobs_git()["hook.yml"]).replace("tag: v1.0", "branch: refs/heads/main")},
        "hook.yml:4 error: Write branch: main.",
    ),
    (
        "libraries that are no list",
        mlproject("[mlflow-skinny==3.17.2]", "numpy"),
        "MLproject:3 error: that are no list",
    ),
    ("no libraries", mlproject(" [mlflow-skinny==3.17.2]", ""), "MLproject:3 error: fails on python_libraries"),
    (
        "null for a file",
        {"MLproject": "databricks_spark_job:\n  python_file: demo.py\n  parameters: [a, null]\n"},
        "MLproject:3 error: parameter null of python_file",
    ),
    ("an old MLflow", hook("name: demo", "mlflow: 2.13.0\nname: demo"), "hook.yml:1 error: from 2.14 on"),
    (
        "a GPU for the hook",
        cluster(spark_version="17.3.x-gpu-ml-scala2.13"),
        "hook.yml:1 error: a machine with a GPU like the project",
    ),
    *(
        (f"a GPU for the hook: {node}", cluster(node_type_id=node), "hook.yml:1 error: a machine with a GPU like")
        for node in ("Standard_NC4as_T4_v3", "g4dn.xlarge", "a2-highgpu-1g")
    ),
    (
        "a container of its own",
        cluster(docker_image={"url": "x"}, spark_version="17.3.x-scala2.13", use_ml_runtime=True),
        "cluster.json:6 error: a container image",
    ),
    ("a short zone", hook("Europe/Berlin", "BST"), "hook.yml:10 warning: time of Asia/Dhaka"),
    ("a container", cluster(docker_image={"url": "x"}), "cluster.json:6 error: a container image"),
    (
        "a name too long for Data Factory",
        hook("name: demo", f"data_factory: {{linked_service: x}}\nname: {'a' * 44}"),
        "hook.yml:2 error: at most 43 characters",
    ),
    (
        "a time too long for Data Factory",
        hook("name: demo", "data_factory: {linked_service: x}\ntimeout: 7d\nname: demo"),
        "hook.yml:2 error: Write timeout: 167h",
    ),
    # Permissions of the job
    ("no such level", permissions("{group_name: a, level: CAN_RUN}"), "hook.yml:1 error: level must be 'CAN_VIEW'"),
    ("no level", permissions("{group_name: a}"), "hook.yml:1 error: permissions has no level"),
    ("nobody", permissions("{level: CAN_VIEW}"), "hook.yml:1 error: that of one user, group or service principal"),
    ("a mistyped one", permissions("{group: a, level: CAN_VIEW}"), "hook.yml:1 error: Write group_name."),
    (
        "twice",
        permissions("{user_name: a, level: CAN_VIEW}, {user_name: a, level: CAN_MANAGE}"),
        "hook.yml:1 error: a has two permissions",
    ),
    (
        "two owners",
        permissions("{user_name: a, level: IS_OWNER}, {user_name: b, level: IS_OWNER}"),
        "hook.yml:1 error: several owners",
    ),
    ("a group as owner", permissions("{group_name: a, level: IS_OWNER}"), "hook.yml:1 error: a group as the owner"),
    (
        "an owner and somebody else to run as",
        permissions("{user_name: a, level: IS_OWNER}", "job: {run_as: {user_name: b}}\n"),
        "hook.yml:1 warning: The job runs as b, and not as its owner",
    ),
    ("permissions as a setting", job("access_control_list: []"), "hook.yml:1 error: says with permissions:"),
    # More settings of the job
    ("a setting of ours", job("tasks: []"), "hook.yml:1 error: says with entry_point: or steps:"),
    ("no such setting", job("run_az: {}"), "hook.yml:1 error: Write run_as."),
    ("a setting of another kind", job("max_concurrent_runs: many"), "hook.yml:1 error: must be a whole number"),
    ("a mistyped trigger", job("trigger: {file_arival: {}}"), "hook.yml:1 error: Write file_arrival."),
    (
        "a mistake further in",
        job("trigger: {table_update: {table_names: a.b.c}}"),
        "hook.yml:1 error: job.trigger.table_update.table_names must be a list.",
    ),
    ("no such pause", job("trigger: {pause_status: paused}"), "hook.yml:1 error: must be PAUSED or UNPAUSED"),
    ("a webhook without a list", job("webhook_notifications: {on_failure: {id: a}}"), "hook.yml:1 error: be a list"),
    ("a tag that is a number", job("tags: {cost: 7}"), "hook.yml:1 error: job.tags.cost must be text"),
    (
        "many tags",
        job(f"tags: {{{', '.join(f't{n}: x' for n in range(24))}}}"),
        "hook.yml:1 error: more than 25 tags",
    ),
    ("two to run as", job("run_as: {user_name: a, service_principal_name: b}"), "hook.yml:1 error: runs as one user"),
    ("two ways to start", job("trigger: {periodic: {}}"), "hook.yml:1 error: both trigger and schedule"),
    ("no settings", hook("name: demo", "job: [run_as]\nname: demo"), "hook.yml:1 error: must be a mapping"),
    # Nothing secret
    ("a token", hook("value: hello,", f"value: dapi{'0123456789abcdef' * 2},"), "hook.yml:7 error: a Databricks token"),
    (
        "a token in a comment",
        {"cluster.json": FILES["cluster.json"], "MLproject": MLPROJECT + f"# ghp_{'a1B2' * 9}\n"},
        "MLproject:10 error: a GitHub token",
    ),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rule(root: Path, files: Mapping[str, str], expected: str) -> None:
    """Each mistake is found in its file, on its line, with what will happen and what to write instead."""
    where, words = expected.split(": ", 1)
    place, severity = where.split()
    found = findings(root, files)
    about = [one for one in found if words in f"{one.message} {one.remedy}"]
    assert about, found
    assert (f"{about[0].file}:{about[0].line}", about[0].severity.value) == (f"projects/Demo/{place}", severity)
    assert about[0].remedy.endswith((".", ":")) and about[0].message.endswith(".")


GOOD: list[tuple[str, Mapping[str, str | None]]] = [
    ("as it is", {}),
    ("plain, on an old runtime", {**PLAIN_FILES, **cluster(spark_version="14.3.x-scala2.12")}),
    (
        "a single node",
        cluster(
            num_workers=0,
            spark_conf={"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*, 4]"},
            custom_tags={"ResourceClass": "SingleNode"},
        ),
    ),
    (
        "a policy",
        cluster(num_workers=None, node_type_id=None, spark_version=None, data_security_mode=None, policy_id="p"),
    ),
    (
        "a library in a volume",
        plain(**wrapped("libraries", [{"whl": "/dbfs/Volumes/a/b/c/d.whl"}, {"whl": "dbfs:/Volumes/a/b/c/d.whl"}])),
    ),
    ("the newest", cluster(spark_version="auto:latest-lts")),
    (
        "a pool that scales",
        cluster(
            node_type_id=None, instance_pool_id="p", num_workers=None, autoscale={"min_workers": 1, "max_workers": 2}
        ),
    ),
    ("a cluster of a job's JSON", jobs_git(**wrapped("job_cluster_key", "main"))),
    (
        "a cluster file of another name",
        {"cluster.json": None, "gpu.json": json.dumps(CLUSTER), **hook("git:", "project_cluster: gpu.json\ngit:")},
    ),
    *(
        (f"a repository at {path}", {"hook.yml": HOOK.replace(URL, f"https://{path}")})
        for path in (
            "github.com/team/projects.git",
            "github.com/tree/blob/",
            "gitlab.com/team/group/projects",
            "dev.azure.com/team/_git/r",
            "dev.azure.com/team/my%20ml/_git/r",
            "contoso.visualstudio.com/DefaultCollection/ml/_git/r",
            "contoso.visualstudio.com/_git/r",
        )
    ),
    ("a commit", hook("tag: v1.0", f"commit: {'0123456789' * 4}")),
    ("a job from git", jobs_git()),
    ("serverless", serverless(**{"cluster.json": None})),
    (
        "serverless, with an index of its own",
        serverless(
            "{environment_version: 5}",
            **PLAIN_FILES | {"env.yaml": "python: 3.12.3\ndependencies: [--extra-index-url https://a, x]\n"},
            **{"cluster.json": None},
        ),
    ),
    ("conda for a job", jobs_git(**conda("python=3.11.4, pip"))),
    ("a time on some days", hook("0 0 6 * * ?", "0 30 6 ? * MON-FRI")),
    ("doubled braces", command("python demo.py --word {word} --count {count} --more {{}}")),
    (
        "a blank, in a shell",
        {**PLAIN_FILES, **cluster(spark_version="14.3.x-scala2.12"), **hook("value: hello,", "value: hello world,")},
    ),
    (
        "names of the hook notebook's widgets",
        {
            "MLproject": MLPROJECT.replace("word", "experiment"),
            "hook.yml": str(jobs_git()["hook.yml"]).replace("word:", "experiment:"),
        },
    ),
    ("a short version of Python", jobs_git(**PLAIN_FILES | {"env.yaml": ENV.replace("3.12.3", "'3.8'")})),
    ("pip of a channel", jobs_git(**conda("conda-forge::python=3.11, conda-forge::pip"))),
    (
        "an older name of Azure DevOps",
        {"hook.yml": HOOK.replace(URL, "https://contoso.visualstudio.com/ml/_git/r") + "engine: jobs-git\n"},
    ),
    (
        "a command on two lines",
        jobs_git(
            MLproject=MLPROJECT.replace(
                "command: python demo.py --word {word}", "command: |\n      python demo.py --word {word} \\\n     "
            )
        ),
    ),
    ("an existing cluster for the hook", hook("git:", "cluster: {existing_cluster_id: 0101-120000-abc}\ngit:")),
    ("a quoted placeholder for a job", jobs_git(**command("python demo.py --word '{word}' --count \"{count}\""))),
    (
        "a shell script for an entry point",
        {**PLAIN_FILES, "MLproject": "python_env: env.yaml\n", **hook("git:", "entry_point: run.sh\ngit:")},
    ),
    ("a step alone", hook("0 0 6 * * ?", "0 /5 * * * ?")),
    ("an offset of Java", hook("Europe/Berlin", "GMT+2")),
    (
        "a script for an entry point",
        jobs_git("entry_point: demo.py\n", MLproject="name: Demo\n"),
    ),
    (
        "a script for an entry point, beside libraries",
        jobs_git("entry_point: demo.py\n", MLproject=f"{SPARK_JOB}\n"),
    ),
    (
        "a script for an entry point of MLflow",
        {**PLAIN_FILES, "MLproject": "python_env: env.yaml\n", **hook("git:", "entry_point: demo.py\ngit:")},
    ),
    (
        "a long path",
        {"MLproject": MLPROJECT + "# /Volumes/Main/Default/models/2026/Experiments/DiabetesPrediction/v12\n"},
    ),
]


@pytest.mark.parametrize("files", [row[1] for row in GOOD], ids=[row[0] for row in GOOD])
def test_nothing_wrong(root: Path, files: Mapping[str, str]) -> None:
    """What works is left in peace; of a plain project only that runtimes from 13 on do not run it."""
    found = [one for one in findings(root, files) if "Runtime 13 and later" not in one.message]
    assert found == []


def test_a_cluster_copied_from_the_workspace(root: Path) -> None:
    """What the workspace says of a cluster that exists makes no other one: it is left out, and nothing is refused."""
    copied = {"cluster_id": "0101-1-x", **CLUSTER, "docker_image": None, "spark_context_id": 7, "cluster_name": "mine"}
    write(root / "projects" / "Demo", {"cluster.json": json.dumps(copied)})
    (reading,) = read_hooks(root / "projects")
    write(root / "projects" / "Demo", FILES)
    assert reading.hook is not None and reading.hook.project.cluster is not None
    assert reading.hook.project.cluster.spec == CLUSTER
    assert [one.severity.value for one in check([reading], NOW)] == ["warning"]


def test_never_repeated(root: Path) -> None:
    """What looks like a credential is not shown again."""
    token = f"dapi{'0123456789abcdef' * 2}"
    told = str(findings(root, {"MLproject": MLPROJECT + f"# {token}\n"}))
    assert "Databricks token" in told and token not in told
    told = str(findings(root, hook(URL, f"https://me:s3cret@{URL[8:]}/tree/main/x")))
    assert "s3cret" not in told


def test_all_at_once(root: Path) -> None:
    """Mistakes in several files are found in one pass, each once, by file and line."""
    found = findings(root, {**hook("/Shared/exp", "exp"), **cluster(num_workers=None), **command("python3 demo.py")})
    assert [(one.file.rpartition("/")[2], one.line) for one in found] == [
        ("MLproject", 7), ("MLproject", 8), ("MLproject", 9), ("cluster.json", 1), ("hook.yml", 5),
    ]  # fmt: skip


SHELL = [
    "$HOME/{word}",
    "`nproc`;rm",
    "{count}>log",
    "a&",
    "*.csv",
    "data/?",
    "~/data",
    '"$HOME"',
    '"`nproc`"',
    "|\n\n x",
]


@pytest.mark.parametrize("word", SHELL)
def test_shell_inside_of_words(root: Path, word: str) -> None:
    """What a shell would replace anywhere in a word reaches the script of a job as it is: a mistake, unless quoted."""
    typed = f"python demo.py --word {{word}} --count {{count}} {word}"
    text = MLPROJECT.replace("python demo.py --word {word} --count {count}", json.dumps(typed))
    assert "needs a shell" in str(findings(root, jobs_git(MLproject=text)))
    bare = word.replace("{word}", "").replace("{count}", "").strip('"')
    quoted = text.replace(json.dumps(typed)[1:-1], f"python demo.py --word {{word}} --count {{count}} '{bare}' a\\\\;b")
    assert "needs a shell" not in str(findings(root, jobs_git(MLproject=quoted)))


@pytest.mark.parametrize(
    ("name", "words"), [("De.mo", "with a dot in its path"), ("Demo'", "drops the quote at the end")]
)
def test_folders_that_mlflow_does_not_find(root: Path, name: str, words: str) -> None:
    """A project whose folder MLflow refuses or misreads is a mistake, unless no MLflow looks for it."""
    write(root / "more" / name, FILES)
    (told,) = check(read_hooks(root / "more"), NOW)
    assert words in told.message and told.severity.value == "error"
    write(root / "more" / name, jobs_git())
    assert check(read_hooks(root / "more"), NOW) == []
    rmtree(root / "more")


@pytest.mark.parametrize("engine", ["mlflow", "jobs-git"])
def test_a_whole_repository(tmp_path: Path, engine: str) -> None:
    """A project may be at the top of its repository, with either engine, and nothing is wrong with that."""
    root = tmp_path / "my.project"
    text = str(jobs_git()["hook.yml"]).replace("engine: jobs-git", f"engine: {engine}")
    write(root, {**FILES, "hook.yml": text, "other/file.py": "1\n"})
    git(root, "init", "--quiet")
    git(root, "remote", "add", "origin", "https://github.com/team/projects.git")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "first")
    git(root, "tag", "v1.0")
    write(root, {"other/file.py": "2\n"})
    readings = read_hooks(root / "projects")
    assert check(readings, NOW) == []
    (hook,) = [reading.hook for reading in readings]
    assert hook is not None
    assert hook.uri == "https://github.com/team/projects" and hook.document.name == "hook.yml"
    if engine == "jobs-git":
        assert settings(hook)["tasks"][0]["spark_python_task"]["python_file"] == "demo.py"
    write(root, {"demo.py": SCRIPT + "# edited\n", "cluster.json": "{"})
    assert {finding.file for finding in check(read_hooks(root / "projects"), NOW)} == {"cluster.json", "hook.yml"}


def test_a_large_file_is_no_other_one_than_its_pointer(tmp_path: Path) -> None:
    """What git-lfs keeps elsewhere differs from its pointer at the ref in every clone, and is not told as an edit."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
    root = repository(tmp_path, {"data.csv": pointer, "notes.txt": "version https://git-lfs is what we use\n"})
    git(root, "remote", "add", "origin", "git@git.example.com:team/projects.git")
    write(root / "projects" / "Demo", {"data.csv": "a,b\n" * 3000})
    assert check(read_hooks(root / "projects"), NOW) == []
    write(root / "projects" / "Demo", {"notes.txt": "edited\n"})
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert "runs projects/Demo/notes.txt as at v1.0, and it differs" in told.message


def test_submodules(tmp_path: Path) -> None:
    """A job has the repository without its submodules, which is said; MLflow fetches them."""
    root = repository(tmp_path, {".gitmodules": "", **jobs_git()})
    (root / "projects" / "Demo" / ".gitmodules").rename(root / ".gitmodules")
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert "without its submodules" in told.message and told.severity.value == "warning"
    write(root / "projects" / "Demo", FILES)
    assert check(read_hooks(root / "projects"), NOW) == []


@pytest.mark.parametrize("files", [FILES, jobs_git()], ids=["mlflow", "jobs-git"])
def test_large_files(tmp_path: Path, files: Mapping[str, str | None]) -> None:
    """What git-lfs keeps is a pointer on a cluster, which is said of the project's own files only."""
    root = repository(tmp_path, {**files, "data/a.csv": "a\n", "b.csv": "b\n", ".gitattributes": "data/* filter=lfs\n"})
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert "which keeps projects/Demo/data/a.csv: the project gets a pointer" in told.message
    assert told.severity.value == "warning"


@pytest.mark.xdist_group("hooks")  # which imports MLflow
@pytest.mark.skipif(os.name == "nt", reason="a path there is another one")
@pytest.mark.parametrize(("name", "prefix"), [("té am", ""), ("team", "file://")])
def test_a_repository_of_this_machine(tmp_path: Path, name: str, prefix: str) -> None:
    """A folder of this machine is fetched as any other repository, and what is at its ref is checked; nothing moves."""
    from mlflow.projects.utils import fetch_and_validate_project

    root = repository(tmp_path / name)
    write(root / "projects" / "Demo", {**hook(URL, f"'{prefix}{root}'"), "demo.py": SCRIPT + "# edited\n"})
    (reading,) = read_hooks(root / "projects")
    assert reading.hook is not None
    found = [one.message for one in check([reading], NOW)]
    assert len(found) == 2 and "demo.py as at v1.0" in found[0] + found[1]
    fetched = fetch_and_validate_project(reading.hook.uri, "v1.0", "main", {})  # type: ignore[no-untyped-call]
    assert Path(fetched, "demo.py").read_text() == SCRIPT
    assert (root / "projects/Demo/demo.py").read_text() == SCRIPT + "# edited\n"
    assert git(root, "branch", "--show-current") == "main"
    for host, reachable in (("http://127.0.0.1:8080", True), ("https://adb-1.2.azuredatabricks.net", False)):
        assert (list(unreachable(reading.hook, host)) == []) is reachable


def test_what_is_pinned(tmp_path: Path) -> None:
    """Where the ref is of this repository, the project must be there, and be the one that is checked."""
    root = repository(tmp_path)
    git(root, "remote", "add", "origin", "git@git.example.com:team/projects.git")
    folder = root / "projects" / "Demo"
    assert check(read_hooks(root / "projects"), NOW) == []

    write(folder, mlproject("default: hello", "default: goodbye"))
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert "runs projects/Demo/MLproject as at v1.0, and it differs from what was checked" in told.message
    assert told.line == 4
    git(root, "checkout", "--quiet", ".")

    write(folder, {"demo.py": SCRIPT.replace("\n", "\r\n"), "hook.yml": HOOK + "# edited\n"})
    assert check(read_hooks(root / "projects"), NOW) == []
    write(folder, {"demo.py": SCRIPT + "# edited\n", "cluster.json": None})
    assert [one.message for one in check(read_hooks(root / "projects"), NOW) if "v1.0" in one.message] == [
        "The hook runs projects/Demo/cluster.json, projects/Demo/demo.py as at v1.0, "
        "and they differ from what was checked here."
    ]
    git(root, "checkout", "--quiet", ".")

    git(root, "mv", "projects/Demo", "projects/Moved")
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert told.message == "At v1.0 there is no projects/Moved/MLproject: every run would fail."

    git(root, "branch", "v2.0")
    for engine in ("mlflow", "jobs-git"):  # MLflow fetches what is called so, a job a tag
        text = hook("tag: v1.0", "tag: v2.0")["hook.yml"] + f"engine: {engine}\n"
        write(root / "projects" / "Moved", {"hook.yml": text.replace("  tag:", "  provider: gitHub\n  tag:")})
        told = [one.message for one in check(read_hooks(root / "projects"), NOW)]
        assert any("no tag v2.0" in one for one in told) is (engine == "jobs-git"), told
    git(root, "branch", "-D", "v2.0")

    write(root / "projects" / "Moved", hook("tag: v1.0", "tag: v2.0"))
    (told,) = check(read_hooks(root / "projects"), NOW)
    assert "no tag v2.0" in told.message and told.severity.value == "warning"
