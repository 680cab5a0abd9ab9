"""Spark on this machine, where pyspark is installed and Java is there: one session a process, tables in a folder.

The tables and views of a folder are open to one process at a time, as the catalog (Hive's, in Derby) allows one.
Nothing here is needed: without Spark, whatever uses it says what is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAMES = ("spark", "sc", "sqlContext", "table", "sql", "udf")


class NoSparkError(RuntimeError):
    """What would need Spark, and what to install."""

    def __init__(self, what: str) -> None:
        missing = "pyspark and Java" if find_spec("pyspark") is None else "Java"
        super().__init__(f"there is no Spark here, which {what} needs: install {missing}")


class NoSpark:
    """Stands where the service puts Spark."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        name = self.__dict__["_name"]
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise NoSparkError(f"{name}.{attribute}")

    def __call__(self, *_: object, **__: object) -> Any:
        """Raises NoSparkError."""
        raise NoSparkError(f"{self.__dict__['_name']}()")


def is_there() -> bool:
    """Whether a session can be had."""
    java = shutil.which("java", path=str(Path(os.environ["JAVA_HOME"], "bin"))) if "JAVA_HOME" in os.environ else None
    return find_spec("pyspark") is not None and (java or shutil.which("java")) is not None


def names(folder: Path) -> dict[str, Any]:
    """The session over a folder, and what else of it a notebook finds under NAMES."""
    functions = import_module("pyspark.sql.functions")
    session = _session() or _started(folder)
    return {
        "spark": session,
        "sc": session.sparkContext,
        "sqlContext": session,
        "table": session.table,
        "sql": session.sql,
        "udf": functions.udf,
    }


def forget() -> None:
    """Drops all tables and views of this process's session, if it has one."""
    session = _session() if "pyspark.sql" in sys.modules else None
    if session is None:
        return
    session.catalog.clearCache()
    for database in session.catalog.listDatabases():
        if database.name != "default":
            session.sql(f"DROP DATABASE `{database.name}` CASCADE")
    for table in session.catalog.listTables("default"):
        kind = "VIEW" if table.tableType in ("VIEW", "TEMPORARY") else "TABLE"
        session.sql(f"DROP {kind} IF EXISTS `{table.name}`")


def _session() -> Any:
    """The one of this process, if there is one."""
    return import_module("pyspark.sql").SparkSession.getActiveSession()


def _started(folder: Path) -> Any:
    """A session like that of a cluster of one machine. Raises RuntimeError when another process has the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'catalog'};create=true",
        "spark.log.level": "OFF",  # what goes wrong is raised
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    is_open = (folder / "catalog/db.lck").exists()  # also where a killed process has left it, which is no obstacle
    builder = import_module("pyspark.sql").SparkSession.builder.master("local[*]").appName("databricks_local")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        session.sql("SHOW DATABASES").collect()
    except Exception:
        session.stop()
        if is_open:
            raise RuntimeError(
                "Spark is in use by another notebook of this workspace, which has to end first"
            ) from None
        raise
    return session
