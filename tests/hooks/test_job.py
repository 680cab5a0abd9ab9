"""Jobs, bundle resources and Data Factory pipelines, judged by the models of those who will read them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from databricks_local.jobs.rules.jobs import check_job
from mlflow_hooks.errors import HookError
from mlflow_hooks.generate.data_factory import pipeline, pipeline_json
from mlflow_hooks.generate.job import bundle_yaml, job_json, settings
from mlflow_hooks.generate.stamp import is_intact
from mlflow_hooks.generate.yaml_text import yaml_text
from mlflow_hooks.model import Cluster, Environment, Hook, Parameter, Requirements
from mlflow_hooks.rules import job_fields

from .samples import HOOK, HOOKS, JOBS_GIT, NOWHERE, PROJECT, SERVERLESS, hook
from .work import CLUSTER

# What reads all this takes seconds to import, databricks-sdk among it: the worker that has that has these as well.
pytestmark = pytest.mark.xdist_group("sdk")

ALL = pytest.mark.parametrize("hook", HOOKS.values(), ids=list(HOOKS))


@ALL
def test_jobs_api(hook: Hook) -> None:
    """databricks-sdk gives the settings back unchanged, and the embedded workspace would create the job."""
    from databricks.sdk.service.jobs import JobSettings

    given = settings(hook)
    assert JobSettings.from_dict(given).as_dict() == given
    check_job(given, "2.2")


@ALL
def test_bundle(hook: Hook) -> None:
    """The bundle's own library accepts the resource, which is the job's JSON but for its notebook and its stamp."""
    from databricks.bundles.jobs import Job

    text = bundle_yaml(hook, "../notebooks")
    ((key, resource),) = yaml.safe_load(text)["resources"]["jobs"].items()
    assert key == hook.notebook and is_intact(text)
    job = Job.from_dict(resource).as_dict()
    given = json.loads(job_json(hook))
    given["description"] = given["description"].partition(". ")[2]
    if hook.permissions:
        given["permissions"] = [
            {"level": entry.pop("permission_level"), **{key: text.replace("${", "$${") for key, text in entry.items()}}
            for entry in given.pop("access_control_list")
        ]
    task = given["tasks"][0].get("notebook_task")
    if task:
        assert task["notebook_path"] == "/Shared/mlflow_hooks/mlflow_demo_hook"
        task["notebook_path"] = "../notebooks/mlflow_demo_hook.py"
    assert job == resource == given


# Each is a text, and something else to YAML 1.1, to 1.2 or to the CLI, if it is written without quotes.
TEXTS = ("12345e12", "0o17", "1e-3", "1E5", "0x1f", "0777", "1_000", "1:30", "yes", "n", "~", "null", "2024-01-01")
TEXTS += (
    "+1",
    ".5",
    "1.",
    ".nan",
    "<<",
    "=",
    "",
    " ",
    "a: b",
    "#a",
    "- a",
    "{a}",
    "\u0085",
    "\ufeff",
    "a\tb",
    "\U0001f600",
    "\u2028",
)


def test_texts_in_a_bundle_stay_texts() -> None:
    """Whichever YAML reads the bundle, a text stays what it is: it is in quotes, and so is a key that needs them."""
    text = yaml_text({"of_ours": dict.fromkeys(TEXTS, "x"), "list": list(TEXTS), "number": 5, "flag": True})
    assert yaml.safe_load(text) == {
        "of_ours": dict.fromkeys(TEXTS, "x"),
        "list": list(TEXTS),
        "number": 5,
        "flag": True,
    }
    nodes = [node for node in scalars(yaml.compose(text)) if node.tag == "tag:yaml.org,2002:str"]
    assert {node.value for node in nodes if node.style != '"'} == {"of_ours", "list", "number", "flag"}
    assert text.isascii()


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from (*scalars(pair[0]), *scalars(pair[1]))
    else:
        for inner in node.value:
            yield from scalars(inner)


@ALL
def test_files(hook: Hook) -> None:
    """The JSON files are stamped, ASCII, and the same each time."""
    for make in (job_json, pipeline_json):
        text = make(hook)
        assert is_intact(text) and text.isascii() and text == make(hook)
        assert not is_intact(text.replace("demo", "other"))


@ALL
def test_deadlines(hook: Hook) -> None:
    """The hook's own deadline comes first, then the task's, the job's, Data Factory's: so it is there to clean up."""
    given = settings(hook)
    own = int(hook.timeout.total_seconds())
    task, job = given["tasks"][0]["timeout_seconds"], given["timeout_seconds"]
    days, clock = pipeline(hook)["properties"]["activities"][0]["policy"]["timeout"].split(".")
    hours, minutes, seconds = map(int, clock.split(":"))
    assert own <= task < job < int(days) * 86400 + hours * 3600 + minutes * 60 + seconds
    assert (own < task) == ("notebook_task" in given["tasks"][0])


def names(model: Any) -> set[str]:
    """The fields a model of Azure's declares, as they are called in JSON."""
    return {field._rest_name for field in type(model({}))._attr_to_rest_field.values()}


@ALL
def test_data_factory(hook: Hook) -> None:
    """The pipeline has no field that Azure's own models do not declare."""
    from azure.mgmt.datafactory import models

    given = pipeline(hook)
    (activity,) = given["properties"]["activities"]
    outer, inner = (getattr(models, f"{activity['type']}Activity{end}") for end in ("", "TypeProperties"))
    assert set(given["properties"]) <= names(models.Pipeline)
    assert set(activity) <= names(outer) and set(activity["typeProperties"]) <= names(inner)
    assert set(activity["policy"]) <= names(models.ActivityPolicy)
    assert set(activity["linkedServiceName"]) == names(models.LinkedServiceReference) - {"parameters"}
    for parameter in given["properties"]["parameters"].values():
        assert set(parameter) <= names(models.ParameterSpecification)


def test_data_factory_parameters() -> None:
    """What callers may set is a parameter of the pipeline, and goes to the notebook as an expression."""
    properties = pipeline(HOOK)["properties"]
    sent = properties["activities"][0]["typeProperties"]["baseParameters"]
    assert sent["word"] == {"value": "@pipeline().parameters.word", "type": "Expression"}
    assert properties["parameters"] == {
        "word": {"type": "string", "defaultValue": "hello"},
        "git_ref": {"type": "string", "defaultValue": "v1.0"},
        "experiment": {"type": "string", "defaultValue": ""},
        "timeout_seconds": {"type": "string", "defaultValue": ""},
        "notebook_folder": {"type": "string", "defaultValue": "/Shared/mlflow_hooks"},
    }
    path = properties["activities"][0]["typeProperties"]["notebookPath"]
    assert path["value"] == "@concat(pipeline().parameters.notebook_folder, '/mlflow_demo_hook')"


def test_data_factory_job() -> None:
    """The job's number has a parameter of its own, and an empty value of a caller stands for that of hook.yml."""
    job_id, word = Parameter("job_id", value="7", widget=True), Parameter("word", value="it's", widget=True)
    properties = pipeline(replace(JOBS_GIT, parameters=(job_id, word)))["properties"]
    sent = properties["activities"][0]["typeProperties"]
    assert sent["jobId"]["value"] == "@pipeline().parameters.hook_job_id"
    assert properties["parameters"]["job_id"] == {"type": "string", "defaultValue": "7"}
    given = {name: value["value"] for name, value in sent["jobParameters"].items()}
    assert given == {
        "job_id": "@if(empty(pipeline().parameters.job_id), '7', pipeline().parameters.job_id)",
        "word": "@if(empty(pipeline().parameters.word), 'it''s', pipeline().parameters.word)",
    }
    assert pipeline(JOBS_GIT)["properties"]["activities"][0]["typeProperties"]["jobId"] == {
        "value": "@pipeline().parameters.job_id",
        "type": "Expression",
    }


@pytest.mark.parametrize("value", ["{{job.id}}", "${var.x}", "@concat('a')", "a @{b}"])
def test_references(value: str) -> None:
    """A default that Databricks, a bundle or Data Factory would replace stays in the notebook, where nothing does."""
    dangerous = hook(parameters=(Parameter("word", value=value, widget=True),))
    assert {"name": "word", "default": ""} in settings(dangerous)["parameters"]
    assert value not in pipeline_json(dangerous)


def test_reference_as_a_ref() -> None:
    """So does a ref that looks like one."""
    assert {"name": "git_ref", "default": ""} in settings(hook(git=replace(HOOK.git, ref="v${x}")))["parameters"]


def test_bundle_replaces_nothing() -> None:
    """What a bundle would take for a variable is written as the text that it is, wherever it stands."""
    spec = {**PROJECT.cluster.spec, "spark_env_vars": {"A": "${HOME}/x"}}  # type: ignore[union-attr]
    project = replace(PROJECT, cluster=replace(PROJECT.cluster, spec=spec))  # type: ignore[type-var]
    given = replace(
        JOBS_GIT, experiment="/Shared/${bundle.target}", project=project, git=replace(HOOK.git, ref="v${x}")
    )
    text = bundle_yaml(given, "../notebooks")
    (resource,) = yaml.safe_load(text)["resources"]["jobs"].values()
    assert text.count("${") == text.count("$${") == 3
    assert resource["git_source"]["git_tag"] == "v$${x}" and settings(given)["git_source"]["git_tag"] == "v${x}"


def test_hook_cluster() -> None:
    """The hook's own cluster is one small machine of the project's kind, unless hook.yml has another."""
    cluster = settings(HOOK)["job_clusters"][0]["new_cluster"]
    assert (cluster["num_workers"], cluster["node_type_id"]) == (0, PROJECT.cluster.spec["node_type_id"])  # type: ignore[union-attr]
    assert settings(HOOKS["own cluster"])["job_clusters"][0]["new_cluster"]["num_workers"] == 2


def test_hook_cluster_is_no_spot_machine() -> None:
    """What the hook's machine inherits is where it stands, not that it may be taken away."""
    azure = {"availability": "SPOT_AZURE", "first_on_demand": 0, "spot_bid_max_price": -1}
    aws = {"availability": "SPOT", "zone_id": "auto"}
    spec = {**PROJECT.cluster.spec, "azure_attributes": azure, "aws_attributes": aws}  # type: ignore[union-attr]
    project = replace(PROJECT, cluster=replace(PROJECT.cluster, spec=spec))  # type: ignore[type-var]
    cluster = settings(hook(project=project))["job_clusters"][0]["new_cluster"]
    assert "azure_attributes" not in cluster and cluster["aws_attributes"] == {"zone_id": "auto"}


@pytest.mark.parametrize("name", [name for name in HOOKS if "existing" in name])
def test_existing_cluster(name: str) -> None:
    """A task on a cluster that exists names it, and the job makes none."""
    job = settings(HOOKS[name])
    assert [task["existing_cluster_id"] for task in job["tasks"]] == ["0101-120000-abcdefgh"]
    assert "job_clusters" not in job and "job_cluster_key" not in job["tasks"][0]


def test_serverless() -> None:
    """A serverless task has an environment with the project's packages in the place of a cluster, and the experiment.

    Steps share it, and one that has a cluster keeps that.
    """
    more = Requirements(("pandas==2.2",), "https://pip.example.com", ("--extra-index-url https://a.example", "-e ."))
    environment = Environment("python_env", NOWHERE, requirements=more)
    given = settings(replace(JOBS_GIT, project=replace(SERVERLESS, environment=environment)))
    (task,) = given["tasks"]
    assert (task["environment_key"], task["disable_auto_optimization"]) == ("project", True)
    assert "libraries" not in task and "job_clusters" not in given
    lines = ["--index-url https://pip.example.com", "--extra-index-url https://a.example", "pandas==2.2"]
    spec = {"environment_version": "5", "dependencies": lines}
    assert given["environments"] == [{"environment_key": "project", "spec": spec}]
    (variables,) = given["environment_variables"]
    assert variables["environment_variables_key"] == task["environment_variables_key"]
    assert variables["spec"] == {"variables": {"MLFLOW_EXPERIMENT_NAME": HOOK.experiment}}
    old = settings(replace(JOBS_GIT, project=replace(SERVERLESS, serverless="4")))
    assert "environment_variables" not in old and "environment_variables_key" not in old["tasks"][0]

    steps = settings(HOOKS["jobs-git serverless pipeline"])
    assert [task.get("environment_key") for task in steps["tasks"]] == ["a", "a", None, "a"]
    assert [one["environment_key"] for one in steps["environments"]] == ["a"]
    assert [one["job_cluster_key"] for one in steps["job_clusters"]] == ["c"]


def test_jobs_git() -> None:
    """The task runs the script of the command, with its words: callers' values by reference, the others as they are."""
    given = settings(JOBS_GIT)
    (task,) = given["tasks"]
    assert task["spark_python_task"] == {
        "python_file": "projects/Demo/src/train.py",
        "parameters": ["--word", "{{job.parameters.word}}", "--count=3", "--literal", "{x}"],
        "source": "GIT",
    }
    assert task["libraries"] == [{"pypi": {"package": "scikit-learn==1.7.2"}}]
    assert given["git_source"] == {"git_url": HOOK.git.url, "git_provider": "gitHub", "git_tag": "v1.0"}
    variables = given["job_clusters"][0]["new_cluster"]["spark_env_vars"]
    assert variables == {"MLFLOW_EXPERIMENT_NAME": HOOK.experiment}
    plain = settings(HOOKS["jobs-git plain"])
    assert [one["pypi"]["package"] for one in plain["tasks"][0]["libraries"]] == ["numpy", "pandas==2.2"]
    assert plain["git_source"]["git_branch"] == "main"


COMMANDS = {
    "bash train.sh": "not `python FILE.py ...`",
    "python -m train": "not `python FILE.py ...`",
    "python {word}.py": "not `python FILE.py ...`",
    "python train.py && echo done": "needs a shell",
    "python train.py 'x": "a mistake",
    "python train.py {none}": "is not a parameter",
    "python train.py {": "has a brace",
    "python train.py {word!r}": "has no such form",
    "python train.py $HOME": "needs a shell",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_jobs_git_refuses(command: str) -> None:
    """A command that no task of a job can be is refused, and the reason said."""
    entry = replace(PROJECT.entry_points["main"], command=command)
    broken = replace(JOBS_GIT, project=replace(PROJECT, entry_points={"main": entry}))
    with pytest.raises(HookError) as refused:
        settings(broken)
    assert COMMANDS[command] in refused.value.message and refused.value.hint


@pytest.mark.parametrize("value", ["{{job.id}}", "${var.x}"])
def test_jobs_git_references(value: str) -> None:
    """With jobs-git such a value would be replaced, so it is refused."""
    with pytest.raises(HookError, match="of word would be replaced"):
        settings(replace(JOBS_GIT, parameters=(Parameter("word", value=value), HOOK.parameters[1])))


SETTINGS: dict[str, Any] = {
    "max_concurrent_runs": 3,
    "queue": {"enabled": False},
    "run_as": {"service_principal_name": "x"},
    "webhook_notifications": {"on_failure": [{"id": "7"}]},
    "trigger": {"file_arrival": {"url": "/Volumes/a/b/c/", "wait_after_last_change_seconds": 60}},
    "trigger of a table": {"table_update": {"table_names": ["a.b.c"], "condition": "ANY_UPDATED"}},
    "health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 60}]},
    "notification_settings": {"no_alert_for_canceled_runs": True},
    "performance_target": "STANDARD",
    "budget_policy_id": "b",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_more_settings(name: str) -> None:
    """What hook.yml says under `job` is in the job, as the Jobs API takes it, and `check` has nothing against it."""
    from databricks.sdk.service.jobs import JobSettings

    key = name.partition(" ")[0]
    more = replace(HOOK, job={key: SETTINGS[name]}, schedule=None)
    given = settings(more)
    assert given[key] == SETTINGS[name] and [*job_fields.rules(more)] == []
    assert JobSettings.from_dict(given).as_dict() == given
    check_job(given, "2.2")


def test_tags() -> None:
    """Tags of the team are beside the one by which the job is ours."""
    assert settings(hook(job={"tags": {"team": "ml"}}))["tags"] == {"team": "ml", "mlflow_hook": "demo"}


def test_retries() -> None:
    """The task of a job is tried again by the job, and a hook notebook tries its project again itself."""
    assert settings(replace(JOBS_GIT, retries=2))["tasks"][0]["max_retries"] == 2
    assert settings(hook(retries=2))["tasks"][0]["max_retries"] == 0


@pytest.mark.parametrize("machine", ["instance_pool_id", "policy_id"])
def test_pools_and_policies(machine: str) -> None:
    """A pool or a policy of the project's cluster is that of its task, and of the hook's own machine."""
    spec = {key: value for key, value in CLUSTER.items() if key != "node_type_id"} | {machine: "p"}
    project = replace(PROJECT, cluster=Cluster(NOWHERE, spec))
    for engine in (HOOK, JOBS_GIT):
        given = settings(replace(engine, project=project))
        assert given["job_clusters"][0]["new_cluster"][machine] == "p"
        check_job(given, "2.2")


def test_the_shapes_of_settings() -> None:
    """What `check` knows of these settings is what databricks-sdk does."""
    from databricks.sdk.service import jobs

    def known(model: str) -> set[str]:
        return {field.name for field in dataclasses.fields(getattr(jobs, model))}

    models = {
        "run_as": "JobRunAs",
        "queue": "QueueSettings",
        "notification_settings": "JobNotificationSettings",
        "webhook_notifications": "WebhookNotifications",
        "health": "JobsHealthRules",
        "trigger": "TriggerSettings",
    }
    inner = {
        "file_arrival": "FileArrivalTriggerConfiguration",
        "table_update": "TableUpdateTriggerConfiguration",
        "periodic": "PeriodicTriggerConfiguration",
        "model": "ModelTriggerConfiguration",
    }
    assert {name: set(job_fields.SHAPES[name]) for name in models} == {name: known(models[name]) for name in models}
    trigger = job_fields.SHAPES["trigger"]
    assert {name: set(trigger[name]) for name in inner} == {name: known(inner[name]) for name in inner}


def test_folder() -> None:
    """The notebook is where it is deployed to."""
    given: Mapping[str, Any] = settings(HOOK, "/Shared/qa")
    assert given["tasks"][0]["notebook_task"]["notebook_path"] == "/Shared/qa/mlflow_demo_hook"
