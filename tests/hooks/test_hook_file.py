"""hook.yml and the project around it: what is read, and that every mistake is told at once, with its line."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import jsonschema
import pytest
import yaml

from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import FindingSeverity, Parameter, RefKind
from mlflow_hooks.reading.hook_file import HookReading, read_hook, read_hooks
from mlflow_hooks.schema import (
    Engine,
    HookFile,
    JobSchedule,
    Notifications,
    ResultKeys,
    Secret,
    StepSettings,
    json_schema,
)

from .work import FILES, HOOK, git, write

FULL = """\
name: demo
engine: jobs-git
git:
  url: https://dev.azure.com/o/p/_git/r
  commit: 0123456789012345678901234567890123456789
  secret: {scope: git, key: token, username: me}
  widget: true
experiment: /Shared/experiments/demo
entry_point: main
parameters:
  word: no
  count: {value: 010, widget: true}
schedule: {quartz: "0 0 6 * * ?", time_zone: Europe/Vienna, paused: true}
timeout: 1h30m
poll: 5s
notifications: {on_failure: a@example.com, on_success: [b@example.com, c@example.com]}
result: {metrics: [rmse], tags: [model_version]}
mlflow: 3.17.1
cluster: {spark_version: 17.3.x-scala2.13, num_workers: 2, autoscale: .inf, day: 2026-01-01}
data_factory: {linked_service: Db}
"""


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository for all: git is asked for its top only."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    return folder


def reading(top: Path, hook_yml: str, **files: str) -> HookReading:
    folder = Path(mkdtemp(dir=top)) / "Demo"
    named = {name.replace("_", "."): text for name, text in files.items()}
    write(folder, {**FILES, **named, "hook.yml": hook_yml})
    return read_hook(folder / "hook.yml")


def test_everything(top: Path) -> None:
    """Every key is read, values of parameters as the text that was written."""
    found = reading(top, FULL)
    read = found.hook
    assert read is not None and found.sound, found.findings
    assert (read.name, read.engine, read.experiment) == ("demo", Engine.JOBS_GIT, "/Shared/experiments/demo")
    assert (read.git.ref, read.git.kind, read.git.provider) == ("0123456789" * 4, RefKind.COMMIT, "azureDevOpsServices")
    assert read.git.secret == Secret(scope="git", key="token", username="me") and read.git.widget
    assert read.parameters == (
        Parameter("word", "string", "hello", "no"),
        Parameter("count", "int", "1", "010", widget=True),
    )
    assert read.schedule == JobSchedule(quartz="0 0 6 * * ?", time_zone="Europe/Vienna", paused=True)
    assert (read.timeout, read.poll) == (timedelta(minutes=90), timedelta(seconds=5))
    assert read.notifications == Notifications(
        on_failure=("a@example.com",), on_success=("b@example.com", "c@example.com")
    )
    assert (read.result, read.mlflow, read.linked_service) == (
        ResultKeys(metrics=("rmse",), tags=("model_version",)),
        "3.17.1",
        "Db",
    )
    assert read.cluster is not None
    assert read.cluster.spec == {
        "spark_version": "17.3.x-scala2.13",
        "num_workers": 2,
        "autoscale": ".inf",
        "day": "2026-01-01",
    }
    assert read.uri == f"https://dev.azure.com/o/p/_git/r#{read.project.folder.relative_to(top).as_posix()}"


ORIGINS = [
    ("https://me:secret@github.com/o/r.git", "https://github.com/o/r"),
    ("git@github.com:o/r.git", "https://github.com/o/r"),
    ("git@ssh.dev.azure.com:v3/o/p/r", "https://dev.azure.com/o/p/_git/r"),
    ("o@vs-ssh.visualstudio.com:v3/o/p/r", "https://dev.azure.com/o/p/_git/r"),
    ("https://me:secret@git.example.com:8443/o/r.git", "https://git.example.com:8443/o/r"),
    ("ssh://git@git.example.com:7999/o/r", "https://git.example.com/o/r"),
    ("ssh://git@ssh.github.com:443/o/r.git", "https://github.com/o/r"),
]


def test_origin_with_a_token(tmp_path: Path) -> None:
    """A token that stands in the origin, where it is no login, does not get into a hook."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", f"https://git.example.com/o/ghp_{'a1B2' * 9}/r")
    assert not reading(tmp_path, "name: demo\ngit: {tag: v1}\nexperiment: /S/e\n").sound


@pytest.mark.parametrize(("origin", "url"), ORIGINS)
def test_origin(tmp_path: Path, origin: str, url: str) -> None:
    """Without a url the repository's origin is taken, as an https address without any credential."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", origin)
    read = reading(tmp_path, "name: demo\ngit: {tag: v1}\nexperiment: /S/e\n")
    assert read.sound and read.hook is not None and read.hook.git.url == url


NO_ADDRESSES = [
    "../up.git",
    "/srv/x.git",
    "file:///srv/x.git",
    "git@work:o/r.git",
    "C:\\repos\\x",
    "http://h.example.com:80/x",
]


def test_origin_that_nobody_else_reaches(tmp_path: Path) -> None:
    """An origin that is no address for a cluster is told from none at all, and no address is made up of it."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "x")
    for origin in NO_ADDRESSES:
        git(tmp_path, "remote", "set-url", "origin", origin)
        read = reading(tmp_path, "name: demo\ngit: {tag: v1}\nexperiment: /S/e\n")
        assert "its origin is not an https or ssh address" in str(read.findings) and origin not in str(read.findings)
    git(tmp_path, "remote", "remove", "origin")
    assert "has no origin" in str(reading(tmp_path, "name: demo\ngit: {tag: v1}\nexperiment: /S/e\n").findings)


# A change of a hook.yml without mistakes, the line of the finding, and some of its words.
MISTAKES = [
    (("name: demo", "nmae: demo"), 1, "no key 'nmae'"),
    (("name: demo", ""), 2, "hook.yml has no name"),
    (("name: demo", "name: My-Hook"), 1, "name must begin with a-z"),
    (("name: demo", "name: demo\nname: other"), 2, "the key 'name' twice"),
    (("name: demo", "name: [demo]"), 1, "not a list"),
    (("name: demo", "name: demo\nengine: dbx"), 2, "engine must be 'mlflow' or 'jobs-git', not 'dbx'"),
    (("tag: v1.0", "tag: v1.0\n  branch: main"), 2, "both tag and branch"),
    (("  tag: v1.0\n", ""), 2, "no tag and no commit"),
    (("tag: v1.0", "tag: v1.0\n  secret: {scope: s}"), 5, "git.secret has no key"),
    (("tag: v1.0", "tag: v1.0\n  secret: {scope: s, key: k, username: a, username_key: b}"), 5, "username_key"),
    (("https://", "https://me@"), 3, "user name or a token"),
    (("https://", "me:{x}@"), 3, "user name or a token"),
    (("tag: v1.0", "tag: v1.0\n  provider: github"), 5, "not 'github'"),
    (("name: demo", "name: demo\nengine: jobs-git"), 3, "what kind of git host"),
    (("tag: v1.0", "tag: v1.0\n  widget: yes"), 5, "true or false, not 'yes'"),
    (("experiment:", "experimnt:"), 5, "no key 'experimnt'"),
    (("word:", "wrod:"), 7, "no parameter 'wrod'"),
    (("value: hello, widget", "value: hello, wigdet"), 7, "no key 'wigdet'"),
    (("quartz: 0 0 6 * * ?", "zone: x"), 8, "schedule has no quartz"),
    (("name: demo", "name: demo\nentry_point: mian"), 2, "no entry point 'mian'"),
    (("name: demo", "name: demo\ntimeout: 2 hours"), 2, "timeout must be a duration"),
    (("name: demo", "name: demo\ntimeout: 0s"), 2, "timeout must be a duration"),
    (("name: demo", "name: demo\nmlflow: latest"), 2, "mlflow must be a full release number"),
    (("name: demo", "name: demo\nmlflow: '3.17.2 --index-url x'"), 2, "mlflow must be a full release number"),
    (("name: demo", "name: demo\ncluster: none.json"), 0, "none.json does not exist"),
    (("name: demo", "name: &a demo\nengine: *a"), 2, "engine must be"),
    (("name: demo", "name: demo\nengine: *a"), 2, "*a names nothing that has &"),
    (("quartz: 0 0 6 * * ?", "quartz: */5 * * * *"), 9, "begins with * must be in quotes"),
    (("name: demo", "name: demo\n<<: x"), 2, "<< names no mapping"),
    (("name: demo", "name: 'demo"), 11, "not YAML"),
    (("name: demo", "name: \x07"), 0, "not YAML"),
]


@pytest.mark.parametrize(("change", "line", "words"), MISTAKES)
def test_mistakes(top: Path, change: tuple[str, str], line: int, words: str) -> None:
    """A mistake is a finding with its line, and nothing may be generated."""
    read = reading(top, HOOK.replace(*change, 1))
    found = [one for one in read.findings if words in one.message]
    assert [one.line for one in found] == [line], read.findings
    assert not read.sound and all(one.remedy for one in read.findings)


def test_all_at_once(top: Path) -> None:
    """Mistakes in all files of a project come in one pass, and the hook can still be looked at."""
    read = reading(top, "name: 1x\ntimeout: x\nschedule: {}\n", cluster_json='{"a": NaN}', MLproject="- x\n")
    assert {one.file.rpartition("/")[2] for one in read.findings} == {"hook.yml", "cluster.json", "MLproject"}
    assert len(read.findings) >= 8 and read.hook is not None and read.hook.timeout == timedelta(hours=2)


MLPROJECTS = [
    ("", 0, FindingSeverity.ERROR, "MLproject is empty"),
    ("# nothing\n", 0, FindingSeverity.ERROR, "MLproject is empty"),
    (FILES["MLproject"] + "entrypoints: {}\n", 10, FindingSeverity.WARNING, "no key 'entrypoints'"),
    ("a: " + "[" * 5000, 1, FindingSeverity.ERROR, "nested deeper than 60 levels"),
    (FILES["MLproject"] + "#" * 1_000_000, 0, FindingSeverity.ERROR, "larger than 1 MB"),
]


@pytest.mark.parametrize(("text", "line", "severity", "words"), MLPROJECTS, ids=[row[3] for row in MLPROJECTS])
def test_mlproject(top: Path, text: str, line: int, severity: FindingSeverity, words: str) -> None:
    """What MLflow fails on or ignores without a word, and what would keep a reader busy for ever, is told."""
    found = [one for one in reading(top, HOOK, MLproject=text).findings if words in one.message]
    assert [(one.line, one.severity) for one in found] == [(line, severity)]


def test_mlproject_in_any_case(top: Path) -> None:
    """MLflow takes the file whatever the case of its name."""
    folder = top / "cases" / "Demo"
    write(folder, FILES)
    (folder / "MLproject").rename(folder / "mlPROJECT")
    read = read_hook(folder / "hook.yml")
    assert read.sound and read.hook is not None and read.hook.project.mlproject.path.name == "mlPROJECT"


def test_branch(top: Path) -> None:
    """A branch is a warning: what it holds is run, whatever that will be."""
    read = reading(top, HOOK.replace("tag: v1.0", "branch: main"))
    assert [one.severity for one in read.findings] == [FindingSeverity.WARNING] and read.sound


def test_required_parameter(top: Path) -> None:
    """A parameter without value or default must be settable by callers."""
    project = FILES["MLproject"].replace("word: {type: string, default: hello}", "word: string")
    without = HOOK.replace("value: hello, widget: true", "widget: {}")
    assert reading(top, without.replace("{}", "true"), MLproject=project).sound
    read = reading(top, without.replace("{}", "false"), MLproject=project)
    assert "no caller may set it" in read.findings[0].message


def test_doubled_names(top: Path) -> None:
    """Two hooks of one name would be one notebook: the second is a mistake."""
    for name in ("Demo", "Other"):
        write(top / "doubled" / name, FILES)
    first, second = read_hooks(top / "doubled")
    assert first.sound and not second.sound


def test_manual(top: Path) -> None:
    """The two hook.yml in the manual have every key there is, and no mistake."""
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    shown, pipeline = re.findall(r"```yaml\n(.*?)```", page, re.S)
    project = (
        FILES["MLproject"].replace("word: {type: string, default: hello}", "alpha: float").replace("count", "rows")
    )
    folder = top / "manual"
    write(folder, {**FILES, "MLproject": project, "hook.yml": shown, "hook_cluster.json": FILES["cluster.json"]})
    read = read_hook(folder / "hook.yml")
    assert read.sound and not read.findings, read.findings
    keys = {path[0] for path in read.hook.document.lines if path} if read.hook else set()
    assert keys == set(HookFile.model_fields) - {"steps", "extends", "targets", "promote"}
    entries = "".join(
        f"  {name}:\n    parameters: {given}\n    command: python demo.py {words}\n" for name, given, words in STEPS
    )
    write(folder.with_name("Validation"), {**FILES, "MLproject": f"entry_points:\n{entries}"})
    write(folder, {"MLproject": f"entry_points:\n{entries}", "hook.yml": pipeline, "large.json": FILES["cluster.json"]})
    read = read_hook(folder / "hook.yml")
    assert read.sound and not read.findings, read.findings
    keys = (
        {path[2] for path in read.hook.document.lines if path[:1] == ("steps",) and len(path) == 3}
        if read.hook
        else set()
    )
    assert keys == set(StepSettings.model_fields)


# The entry points of the pipeline in the manual: their parameters, and those words of their commands.
STEPS = [
    ("prepare", "{rows: int}", "{rows}"),
    ("train", "{data: string, alpha: float}", "{data} {alpha}"),
    ("main", "{model: string}", "{model}"),
    ("report", "{}", ""),
]


ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "mlflow_hooks" / "hook.schema.json").read_text(encoding="utf-8"))


def test_schema_is_current() -> None:
    """The published schema is that of the models, and the one beside the sample projects is the same."""
    assert json.dumps(SCHEMA, indent=2) + "\n" == json_schema(), "python docs/hook_schema.py writes it"
    beside = (ROOT / "projects" / "hook.schema.json").read_text(encoding="utf-8")
    assert beside == json_schema(), "mlflow_hooks schema writes it"
    for project in (ROOT / "projects").glob("*/hook.yml"):
        first = project.read_text(encoding="utf-8").splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (project.parent / named).resolve() == ROOT / "projects" / "hook.schema.json"


def test_schema_agrees() -> None:
    """An editor finds nothing wrong in what is right, and marks what is not a matter of several files."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "projects").glob("*/hook.yml")]
    for text in (FULL, HOOK, *files):
        assert not [error.message for error in validator.iter_errors(yaml.safe_load(text))]
    shape = ("no key 'nmae", "hook.yml has no", "name must", "git.secret has no", "engine must", "mlflow must")
    for change, _, words in MISTAKES:
        if words.startswith(shape):
            assert not validator.is_valid(yaml.safe_load(HOOK.replace(*change, 1))), words


def test_broken_name(top: Path) -> None:
    """What stands in for a name that is wrong or missing is nobody's name."""
    for change in ("name: X", ""):
        read = reading(top, HOOK.replace("name: demo", change))
        assert read.hook is not None and read.hook.name == "" and not read.sound


def test_left_empty(top: Path) -> None:
    """A key with nothing after it counts as left out; a schedule that is begun has to be finished."""
    text = HOOK.partition("schedule:")[0]
    for key in ("engine", "timeout", "notifications", "result"):
        read = reading(top, f"{text}{key}:\n")
        assert read.sound and not read.findings, read.findings
    (finding,) = reading(top, f"{text}schedule:\n").findings
    assert finding.message == "schedule has no quartz."
    (finding,) = reading(top, f"{text}schedule: {{quartz: ''}}\n").findings
    assert finding.message == "schedule.quartz has no value."
    assert reading(top, f"{text}cluster:\n").sound
    (finding,) = reading(top, text.replace("/Shared/experiments/demo", "")).findings
    assert finding.message == "experiment has no value."


def test_environments(top: Path) -> None:
    """Requirements come from the environment file, those of the files it names included."""
    plain = FILES["MLproject"].replace("databricks_spark_job:\n  python_libraries: [mlflow-skinny==3.17.2]\n", "")
    folder = top / "environments"
    write(folder, {**FILES, "MLproject": plain, "requirements.txt": "# all\nnumpy==2.0  # fast\n\n-i x\n"})
    for name, text in {
        "conda.yaml": "dependencies:\n- python=3.11\n- gdal\n- pip:\n  - pandas==2\n  - -r requirements.txt\n",
        "python_env.yaml": "python: '3.11'\ndependencies:\n- scipy\n- -r requirements.txt\n",
    }.items():
        (folder / name).write_text(text)
        read = read_hook(folder / "hook.yml").hook
        assert read is not None and read.project.environment is not None
        if name == "conda.yaml":
            assert read.project.environment.conda == ("python=3.11", "gdal")
            assert read.project.environment.requirements.packages == ("pandas==2", "numpy==2.0")
    assert read.project.environment.requirements.packages == ("scipy", "numpy==2.0")


ENVIRONMENTS = [
    ("python_env: env.yaml", "- numpy", "env.yaml must be a mapping"),
    ("conda_env: env.yaml", "dependencies: [{pip: 24}]", "dependencies.pip must be a list"),
    ("conda_env: env.yaml", "dependencies: [{pip: [[a]]}]", "Each item of dependencies.pip must be one value"),
    ("conda_env: env.yaml", "dependencies: [{npm: [a]}]", "no key 'npm'"),
    ("python_env: env.yaml", "dependencies: [{pip: [a]}]", "Each item of dependencies must be one value"),
    ("python_env: env.yaml", "dependencies: numpy", "dependencies must be a list"),
]


@pytest.mark.parametrize(("environment", "text", "words"), ENVIRONMENTS)
def test_broken_environments(top: Path, environment: str, text: str, words: str) -> None:
    """An environment file of another form is a mistake on its line, and no crash."""
    project = FILES["MLproject"].replace(
        "databricks_spark_job:\n  python_libraries: [mlflow-skinny==3.17.2]", environment
    )
    read = reading(top, HOOK, MLproject=project, env_yaml=text)
    (found,) = read.findings
    assert words in found.message and found.file.endswith("Demo/env.yaml") and found.line == 1


def test_a_script_for_an_entry_point(top: Path) -> None:
    """A script that MLproject does not mention runs with the parameters of hook.yml as options, in their order."""
    text = HOOK.replace("git:", "engine: jobs-git\nentry_point: demo.py\ngit:").replace("git.example", "github")
    found = reading(top, text.replace("schedule:", "  count: 2\nschedule:"), MLproject="name: Demo\n")
    assert found.hook is not None and found.sound, found.findings
    (task,) = settings(found.hook)["tasks"]
    assert task["spark_python_task"]["parameters"] == ["--word", "{{job.parameters.word}}", "--count", "2"]


def test_anchors(top: Path) -> None:
    """A value may be named and repeated, and keys merged, as MLflow reads them; the keys of a mapping itself win."""
    text = HOOK.replace("word: {value", "word: &word {value").replace(
        "schedule:", "  count: {<<: *word, value: 2}\nschedule:"
    )
    found = reading(top, text)
    assert found.hook is not None and found.sound, found.findings
    assert [(one.name, one.value, one.widget) for one in found.hook.parameters] == [
        ("word", "hello", True),
        ("count", "2", True),
    ]
