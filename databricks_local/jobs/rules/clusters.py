"""What a `new_cluster` must say before anybody pays for it. Pure.

Rules of the documented cluster specification [DOCS]; texts are ours, except that of the missing size, which users
quote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from databricks_local.core.errors import invalid

from .fields import NEW_CLUSTER, check, check_part, check_texts, required

CLUSTER_ID = re.compile(r"\d{4}-\d{6}-[a-z0-9-]+")
SPARK_VERSION = re.compile(r"\d+\.\d+\.x-[a-z0-9.-]*scala2\.1[123]|\d+\.x-[a-z0-9.-]+|auto:[a-z0-9-]+|custom:.+")
SECURITY_MODES = (
    "NONE",
    "SINGLE_USER",
    "USER_ISOLATION",
    "LEGACY_TABLE_ACL",
    "LEGACY_PASSTHROUGH",
    "LEGACY_SINGLE_USER",
    "LEGACY_SINGLE_USER_STANDARD",
    "DATA_SECURITY_MODE_STANDARD",
    "DATA_SECURITY_MODE_DEDICATED",
    "DATA_SECURITY_MODE_AUTO",
)


def check_new_cluster(where: str, document: object) -> None:
    """`where` names the cluster in messages. Raises ApiError (400) for the first thing that is wrong."""
    cluster = check(where, document, NEW_CLUSTER)
    # A policy may give what is missing.
    if not cluster.get("policy_id"):
        _check_complete(where, cluster)
    _check_size(where, cluster)
    version = cluster.get("spark_version")
    if version is not None and not SPARK_VERSION.fullmatch(version):
        raise invalid(f"Invalid spark version {version}.")
    mode = cluster.get("data_security_mode")
    if mode is not None and mode not in SECURITY_MODES:
        raise invalid(f"{where}.data_security_mode is one of {', '.join(SECURITY_MODES)}, not {mode!r}.")
    for name in ("spark_conf", "spark_env_vars", "custom_tags"):
        check_texts(f"{where}.{name}", cluster.get(name, {}))


def _check_complete(where: str, cluster: Mapping[str, Any]) -> None:
    required(where, cluster, "spark_version")
    if not cluster.get("instance_pool_id") and not cluster.get("node_type_id"):
        required(where, cluster, "node_type_id")
    if cluster.get("is_single_node"):
        return
    if "num_workers" not in cluster and "autoscale" not in cluster:
        raise invalid(f"Missing required field: {where}.size")


def _check_size(where: str, cluster: Mapping[str, Any]) -> None:
    if "num_workers" in cluster and "autoscale" in cluster:
        raise invalid(f"{where}: num_workers and autoscale exclude each other.")
    if cluster.get("node_type_id") and cluster.get("instance_pool_id"):
        raise invalid(f"{where}: node_type_id and instance_pool_id exclude each other.")
    if cluster.get("num_workers", 0) < 0:
        raise invalid(f"{where}.num_workers cannot be negative.")
    if "autoscale" in cluster:
        scale = check_part(f"{where}.autoscale", cluster["autoscale"], "autoscale")
        required(f"{where}.autoscale", scale, "min_workers", "max_workers")
        if not 0 <= scale["min_workers"] <= scale["max_workers"]:
            raise invalid(f"{where}.autoscale: min_workers must not exceed max_workers.")
    elif cluster.get("num_workers") == 0 and not cluster.get("is_single_node") and not cluster.get("policy_id"):
        _check_single_node(where, cluster)


def _check_single_node(where: str, cluster: Mapping[str, Any]) -> None:
    """Without these a cluster of no workers starts and never computes anything [DOCS]."""
    conf, tags = cluster.get("spark_conf", {}), cluster.get("custom_tags", {})
    complete = (
        conf.get("spark.databricks.cluster.profile") == "singleNode"
        and str(conf.get("spark.master", "")).startswith("local[")
        and tags.get("ResourceClass") == "SingleNode"
    )
    if not complete:
        raise invalid(
            f"{where}: num_workers 0 needs spark_conf spark.databricks.cluster.profile=singleNode, "
            "spark.master=local[*] and custom_tags ResourceClass=SingleNode."
        )


def check_cluster_id(where: str, cluster_id: str) -> None:
    """No cluster exists here: any identifier of the right form is taken. Raises ApiError (400)."""
    if not CLUSTER_ID.fullmatch(cluster_id):
        raise invalid(f"{where}: Cluster {cluster_id} does not exist")
