"""Databricks Runtime versions: reading a `spark_version`, and how long one is supported. The table is runtimes.yaml."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeAlias

import yaml

_KEY = re.compile(r"(\d+)\.(?:(\d+)\.)?x-(?:[a-z0-9.-]+-)?scala2\.1[123]|(auto|custom):.+")


Runtime: TypeAlias = "tuple[int, int]"  # such as (17, 3)
LATEST: Runtime = (999, 0)  # one that is only known to Databricks (`auto:latest-lts`), and newer than any other


def parse(spark_version: str) -> Runtime | None:
    """The version in a key such as `17.3.x-cpu-ml-scala2.13`; None for what is no key."""
    match = _KEY.fullmatch(spark_version)
    if match is None:
        return None
    return LATEST if match[3] else _numbers(match[1], match[2] or "0")


def ended(runtime: Runtime, today: date) -> bool | None:
    """Whether Databricks supports a runtime no more, as runtimes.yaml says (its release notes); None: nobody knows."""
    ends = _table()
    if runtime == LATEST:
        return False
    if runtime not in ends:
        return True if runtime < min(ends) else None
    end = ends[runtime]
    return end is not None and today > end


def newest() -> Runtime:
    """The newest runtime in runtimes.yaml."""
    return max(_table())


@cache
def support_table(file: str) -> dict[str, date | None]:
    """The versions in a file of the package, each with the last day of its support; None where that is not known."""
    table: dict[str, date | None] = yaml.safe_load((files("mlflow_hooks") / file).read_text(encoding="utf-8"))
    return table


def _table() -> dict[Runtime, date | None]:
    return {_numbers(*name.split(".")): end for name, end in support_table("runtimes.yaml").items()}


def _numbers(major: str, minor: str = "0") -> Runtime:
    return int(major), int(minor)
