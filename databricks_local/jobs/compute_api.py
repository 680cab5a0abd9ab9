"""What is asked about compute in passing: which runtimes and machines there are, and that there is no cluster here.

Jobs run on this machine, whatever cluster they ask for; to make one is a feature that this workspace has not.
"""

from __future__ import annotations

from collections.abc import Callable

from databricks_local.core.errors import ApiError
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.jobs.rules.fields import required
from databricks_local.workspace.tree import LocalWorkspace

# Runtimes with long support as of November 2026, with the versions of Spark and Scala in them [DOCS].
RUNTIMES = (("17.3", "4.0.0", "2.13"), ("16.4", "3.5.2", "2.12"), ("15.4", "3.5.0", "2.12"), ("14.3", "3.5.0", "2.12"))
# With what each is called besides.
KINDS = (("", ""), ("cpu-ml-", " ML"), ("gpu-ml-", " ML (GPU)"))

# A few of Azure's machines: name, memory in MB, cores, GB of its local disk, kind [DOCS].
MACHINES = (
    ("Standard_DS3_v2", 14_336, 4.0, 28, "General Purpose"),
    ("Standard_DS4_v2", 28_672, 8.0, 56, "General Purpose"),
    ("Standard_D4ds_v5", 16_384, 4.0, 150, "General Purpose"),
    ("Standard_E4ds_v5", 32_768, 4.0, 150, "Memory Optimized"),
    ("Standard_F8s_v2", 16_384, 8.0, 64, "Compute Optimized"),
)


def list_clusters(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """None, as of a workspace where nobody has made one [DOCS]."""
    return answer({})


def get_cluster(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """No cluster is there. Raises ApiError (400), whose text users quote."""
    required("", call.parameters, "cluster_id")
    raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Cluster {call.text('cluster_id')} does not exist")


def spark_versions(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The runtimes that a cluster may ask for [DOCS]."""
    named = [
        (f"{number}.x-{kind}scala{scala}", f"{number} LTS{title} (includes Apache Spark {spark}, Scala {scala})")
        for number, spark, scala in RUNTIMES
        for kind, title in KINDS
    ]
    return answer({"versions": [{"key": key, "name": name} for key, name in named]})


def node_types(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The machines that a cluster may ask for [DOCS]."""
    types = [
        {
            "node_type_id": name,
            "instance_type_id": name,
            "description": name,
            "memory_mb": memory,
            "num_cores": cores,
            "num_gpus": 0,
            "category": category,
            "is_deprecated": False,
            "is_hidden": False,
            "is_io_cache_enabled": False,
            "support_cluster_tags": True,
            "photon_driver_capable": False,
            "photon_worker_capable": False,
            "node_instance_type": {"instance_type_id": name, "local_disks": 1, "local_disk_size_gb": disk},
            "node_info": {"status": []},
        }
        for name, memory, cores, disk, category in MACHINES
    ]
    return answer({"node_types": types})


COMPUTE_OPERATIONS: tuple[tuple[str, str, Callable[[LocalWorkspace, Call], ApiAnswer]], ...] = (
    ("GET", "list", list_clusters),
    ("GET", "get", get_cluster),
    ("GET", "spark-versions", spark_versions),
    ("GET", "list-node-types", node_types),
)
