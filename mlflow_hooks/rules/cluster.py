"""The rules of a cluster file: what Databricks would refuse, and what it would accept and never compute. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from posixpath import basename
from typing import Any

from databricks_local.jobs.rules.clusters import CLUSTER_ID, SECURITY_MODES
from databricks_local.jobs.rules.fields import NAMES, NEW_CLUSTER, PARTS
from databricks_sync.errors import enumerated
from mlflow_hooks.model import Cluster, Hook
from mlflow_hooks.reading.findings import Findings, error, nearest, warning
from mlflow_hooks.reading.hook_file import is_hook_file

from . import runtimes

DEDICATED = ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED", "DATA_SECURITY_MODE_AUTO")
_WRAPPER = ("new_cluster", "libraries", "job_cluster_key")  # the last as a job's own JSON has it
SINGLE_NODE = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
# SERVER: https://docs.databricks.com/compute/gpu, the series of Azure, AWS and Google Cloud.
_GPUS = re.compile(r"Standard_N[CDV]|(?:p\d|g\d)[a-z]*\.|(?:a\d|g\d)-")
_NEW_CLUSTER = "Describe a new cluster: spark_version, node_type_id ..."
_NO_PLAIN = (13, 0)  # from here on a plain project's child process has no Spark (mlflow#12139)
_NO_DBFS_LIBRARIES = (15, 1)


def rules(cluster: Cluster, today: date) -> Findings:
    """What is wrong with any cluster that a job makes for itself, by the file it stands in and its lines.

    SERVER: fields and kinds as `ClusterSpec` of databricks-sdk has them; `existing_cluster_id` is refused by
    mlflow.projects.databricks (3.17.2), the rest by the Jobs API.
    """
    document, spec, at = cluster.document, cluster.spec, _inside(cluster)
    if "existing_cluster_id" in spec:
        yield from _existing(cluster)
        return
    if left_out := [keys[-1] for keys in document.lines if [*keys[:-1]] == at and keys and keys[-1] not in spec]:
        message = f"A job makes a cluster of its own, so it does not get {enumerated(left_out)} of this one."
        yield warning(document, [*at, left_out[0]], message, "Remove what is of a cluster that exists or lasts.")
    yield from _names(cluster)
    yield from _runtime(cluster, today)
    yield from _machines(cluster)
    yield from _size(cluster)
    mode = spec.get("data_security_mode")
    if mode is not None and mode not in SECURITY_MODES:
        message = f"There is no data_security_mode {mode!r}."
        yield error(document, [*at, "data_security_mode"], message, nearest(str(mode), SECURITY_MODES, "SINGLE_USER."))
    for name in ("spark_conf", "spark_env_vars", "custom_tags"):
        entries = spec.get(name)
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(value, str):
                message = f"Databricks refuses {name} {key}: its value is not text."
                yield error(document, [*at, name, key], message, "Write it in quotes.")
    if spec.get("docker_image") and has_ml(spec):
        # SERVER: https://learn.microsoft.com/azure/databricks/compute/custom-containers
        message = "Databricks refuses a container image with a runtime for machine learning."
        yield error(document, [*at, "docker_image"], message, "Write a spark_version without ml, or no docker_image.")
    yield from _libraries(cluster)


def _existing(cluster: Cluster) -> Findings:
    identity = cluster.spec["existing_cluster_id"]
    if not isinstance(identity, str) or not CLUSTER_ID.fullmatch(identity):
        message = "existing_cluster_id is not the id of a cluster."
        remedy = "Write it as the address of the cluster's page has it, such as 0101-120000-abcdefgh."
        yield error(cluster.document, [*_inside(cluster), "existing_cluster_id"], message, remedy)


def existing_for_project(cluster: Cluster, *, job: bool) -> Findings:
    """What is wrong with a cluster that exists for a project. `job`: with the engine jobs-git."""
    keys = [*_inside(cluster), "existing_cluster_id"]
    if "existing_cluster_id" not in cluster.spec:
        return
    if job:
        message = (
            "On a cluster that exists a job cannot say the experiment: runs go to the one that the script chooses."
        )
        yield warning(cluster.document, keys, message, _NEW_CLUSTER)
    else:
        message = "MLflow refuses to run a project on a cluster that exists."
        yield error(cluster.document, keys, message, _NEW_CLUSTER)


def has_gpu(spec: Mapping[str, Any]) -> bool:
    """Whether the machines of a cluster have a GPU, as far as its names tell."""
    return "-gpu-" in str(spec.get("spark_version", "")) or bool(_GPUS.match(str(spec.get("node_type_id", ""))))


def has_ml(spec: Mapping[str, Any]) -> bool:
    """Whether the runtime of a cluster has the libraries for machine learning."""
    return "-ml-" in str(spec.get("spark_version", "")) or bool(spec.get("use_ml_runtime"))


def for_hook(hook: Hook) -> Findings:
    """What is wrong with the hook's own cluster, where it is made of the project's (`generate/job.py`)."""
    project = hook.parts[0].hook.project
    spec = project.cluster.spec if project.cluster else {}
    if hook.cluster is None and has_gpu(spec):
        message = "The hook notebook would get a machine with a GPU like the project, and a runtime that cannot use it."
        remedy = "Write cluster: with spark_version, num_workers and a node_type_id of a small machine."
        yield error(hook.document, [], message, remedy)


def for_project(cluster: Cluster, *, spark_job: bool) -> Findings:
    """What is wrong with a cluster that `mlflow.run` starts a project on.

    SERVER: from Databricks Runtime 13 on mlflow#12139; /dbfs and the access modes as the documentation of compute
    access modes says; which part of the file MLflow sends was read off its requests (3.17.2).
    """
    document, spec, at = cluster.document, cluster.spec, _inside(cluster)
    runtime = runtimes.parse(str(spec.get("spark_version", "")))
    if not spark_job and runtime is not None and runtime >= _NO_PLAIN:
        message = "A plain MLflow project does not run in a job on Databricks Runtime 13 and later."
        remedy = "Write databricks_spark_job: with python_libraries: in MLproject, instead of its environment."
        yield error(document, [*at, "spark_version"], message, remedy)
    if spark_job and cluster.libraries:
        message = "MLflow ignores the libraries of the cluster file for a databricks_spark_job."
        yield error(document, ["libraries"], message, "Move them to databricks_spark_job: python_libraries:.")
    mode = spec.get("data_security_mode")
    if mode in DEDICATED or mode not in (None, *SECURITY_MODES):
        return
    remedy = 'Write "data_security_mode": "SINGLE_USER".'
    if mode in ("USER_ISOLATION", "DATA_SECURITY_MODE_STANDARD"):
        message = f"With {mode} the cluster has no /dbfs, where MLflow puts the project's code."
        yield error(document, [*at, "data_security_mode"], message, remedy)
    elif not spec.get("policy_id"):
        message = "Without dedicated access the cluster has no Unity Catalog, and Databricks is about to end it."
        yield warning(document, [*at, "data_security_mode"], message, remedy)


def _top(cluster: Cluster) -> list[str]:
    """Where the file begins, which a hook's own cluster may be written out in."""
    return ["cluster"] if is_hook_file(basename(cluster.document.name)) else []


def _inside(cluster: Cluster) -> list[str]:
    return [*_top(cluster), "new_cluster"] if cluster.wrapped else _top(cluster)


def _names(cluster: Cluster) -> Findings:
    document, at = cluster.document, _inside(cluster)
    for key, value in cluster.spec.items():
        kind = NEW_CLUSTER.get(key)
        if kind is None:
            message = f"A cluster has no field {key!r}."
            yield error(document, [*at, key], message, nearest(key, NEW_CLUSTER, "Remove it."))
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            message = f"{key} must be {NAMES[kind]}, not {_kind_of(value)}: Databricks refuses the cluster."
            yield error(document, [*at, key], message, f"Write {key} as {NAMES[kind]}.")
    if cluster.wrapped:
        for keys in document.lines:
            if list(keys[:-1]) == _top(cluster) and keys and keys[-1] not in _WRAPPER:
                message = f"MLflow ignores {keys[-1]} beside new_cluster."
                yield warning(document, keys, message, "Move it into new_cluster, or remove it.")


def _kind_of(value: object) -> str:
    """A value as a message shows it: a text may be a secret in the wrong place, and a list may hold one."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return NAMES.get(type(value), "text")


def _runtime(cluster: Cluster, today: date) -> Findings:
    document, keys = cluster.document, [*_inside(cluster), "spark_version"]
    text = cluster.spec.get("spark_version")
    current = f"{runtimes.newest()[0]}.x-cpu-ml-scala2.13"
    if text is None:
        if not cluster.spec.get("policy_id"):
            yield error(
                document, keys, "Databricks refuses a cluster without spark_version.", "Write 17.3.x-cpu-ml-scala2.13."
            )
        return
    runtime = runtimes.parse(str(text))
    if runtime is None:
        message = f"{text!r} is not a version of Databricks Runtime."
        yield error(document, keys, message, "Write 17.3.x-cpu-ml-scala2.13.")
        return
    ended, shown = runtimes.ended(runtime, today), f"Databricks Runtime {runtime[0]}.{runtime[1]}"
    if ended:
        message = f"{shown} is no longer supported: a cluster with it may not start."
        yield warning(document, keys, message, f"Write a supported one, such as 17.3.x-cpu-ml-scala2.13 or {current}.")
    elif ended is None:
        message = f"{shown} is not in the list of known versions, so its support was not checked."
        yield warning(document, keys, message, "Make sure it exists, or write 17.3.x-cpu-ml-scala2.13.")


def _machines(cluster: Cluster) -> Findings:
    document, spec, at = cluster.document, cluster.spec, _inside(cluster)
    if spec.get("node_type_id") and spec.get("instance_pool_id"):
        message = "Databricks refuses a cluster with both node_type_id and instance_pool_id."
        yield error(document, [*at, "instance_pool_id"], message, "Remove node_type_id: the pool has one.")
    elif not (spec.get("node_type_id") or spec.get("instance_pool_id") or spec.get("policy_id")):
        message = "Databricks refuses a cluster without node_type_id or instance_pool_id."
        yield error(document, at, message, 'Write "node_type_id": "Standard_DS3_v2", for example.')


def _size(cluster: Cluster) -> Findings:
    document, spec, at = cluster.document, cluster.spec, _inside(cluster)
    workers, scale = spec.get("num_workers"), spec.get("autoscale")
    if workers is not None and scale is not None:
        message = "Databricks refuses a cluster with both num_workers and autoscale."
        yield error(document, [*at, "autoscale"], message, "Keep one of them.")
    elif isinstance(scale, dict):
        yield from _autoscale(cluster, scale)
    elif scale is None and workers is None and not spec.get("policy_id") and not spec.get("is_single_node"):
        message = "Databricks refuses a cluster without num_workers or autoscale."
        yield error(document, at, message, 'Write "num_workers": 1, for example.')
    elif workers == 0 and not spec.get("policy_id") and not spec.get("is_single_node"):
        yield from _single_node(cluster)
    elif isinstance(workers, int) and workers < 0:
        message = "Databricks refuses a negative num_workers."
        yield error(document, [*at, "num_workers"], message, 'Write "num_workers": 1.')


def _autoscale(cluster: Cluster, scale: Mapping[str, Any]) -> Findings:
    keys = [*_inside(cluster), "autoscale"]
    least, most = scale.get("min_workers"), scale.get("max_workers")
    for key in scale:
        if key not in PARTS["autoscale"]:
            message = f"autoscale has no field {key!r}."
            yield error(cluster.document, [*keys, key], message, nearest(key, PARTS["autoscale"], "Remove it."))
    if not isinstance(least, int) or not isinstance(most, int) or not 0 <= least <= most:
        message = (
            "Databricks refuses autoscale: it needs min_workers and max_workers, and min_workers must not be larger."
        )
        yield error(cluster.document, keys, message, 'Write {"min_workers": 1, "max_workers": 4}.')


def _single_node(cluster: Cluster) -> Findings:
    """Without these the cluster starts, and every Spark command waits for workers for ever."""
    document, spec, at = cluster.document, cluster.spec, _inside(cluster)
    conf, tags = spec.get("spark_conf") or {}, spec.get("custom_tags") or {}
    lacking = [f"spark_conf {key}={value}" for key, value in SINGLE_NODE.items() if not _same(conf, key, value)]
    if not isinstance(tags, dict) or tags.get("ResourceClass") != "SingleNode":
        lacking.append("custom_tags ResourceClass=SingleNode")
    if lacking:
        message = "With num_workers 0 the cluster starts, but Spark waits for ever for workers."
        yield error(document, [*at, "num_workers"], message, f"Add {', '.join(lacking)}.")


def _same(conf: object, key: str, value: str) -> bool:
    setting = str(conf.get(key, "")) if isinstance(conf, dict) else ""
    return setting.startswith("local[") if key == "spark.master" else setting == value


def _libraries(cluster: Cluster) -> Findings:
    document = cluster.document
    runtime = runtimes.parse(str(cluster.spec.get("spark_version", "")))
    for index, library in enumerate(cluster.libraries):
        keys = [*_top(cluster), "libraries", str(index)]
        kinds = list(library) if isinstance(library, dict) else []
        if len(kinds) != 1 or kinds[0] not in PARTS["libraries"]:
            message = "Databricks refuses this library."
            yield error(document, keys, message, 'Write {"pypi": {"package": "name==version"}}, for example.')
            continue
        value = library[kinds[0]]
        if kinds[0] == "pypi" and not (isinstance(value, dict) and value.get("package")):
            message = "Databricks refuses a pypi library without a package."
            yield error(document, keys, message, 'Write {"pypi": {"package": "name==version"}}.')
        if isinstance(value, str) and re.match(r"(dbfs:/|/dbfs/)(?!Volumes/)", value):
            if runtime is not None and runtime >= _NO_DBFS_LIBRARIES:
                message = "From Databricks Runtime 15.1 on, libraries in the DBFS root are not installed."
                yield error(document, keys, message, "Put it into a volume (/Volumes/...) or into the workspace.")
