"""Databricks Runtime versions: reading a `spark_version`, and how long one is supported. The table is runtimes.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from importlib.resources import files

import yaml

_KEY = re.compile(r"(\d+)\.(?:(\d+)\.)?x-(?:[a-z0-9.-]+-)?scala2\.1[123]|(auto|custom):.+")


class Support(Enum):
    """Whether Databricks supports a runtime on a given day."""

    SUPPORTED = "supported"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Runtime:
    """A version; 0.0 for one that is only known to Databricks (`auto:latest-lts`)."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


LATEST = Runtime(0, 0)


def parse(spark_version: str) -> Runtime | None:
    """The version in a key such as `17.3.x-cpu-ml-scala2.13`; None for what is no key."""
    match = _KEY.fullmatch(spark_version)
    if match is None:
        return None
    return LATEST if match[3] else Runtime(int(match[1]), int(match[2] or 0))


def support(runtime: Runtime, today: date) -> Support:
    """Whether Databricks supports the runtime on that day, as runtimes.yaml says (its release notes)."""
    if runtime == LATEST:
        return Support.SUPPORTED
    ends = _table()
    if runtime in ends:
        end = ends[runtime]
        return Support.SUPPORTED if end is None or today <= end else Support.ENDED
    return Support.ENDED if runtime < min(ends) else Support.UNKNOWN


def newest() -> Runtime:
    """The newest runtime in runtimes.yaml."""
    return max(_table())


@cache
def _table() -> dict[Runtime, date | None]:
    table = yaml.safe_load(files("mlflow_hooks").joinpath("runtimes.yaml").read_text(encoding="utf-8"))
    return {Runtime(*(int(part) for part in f"{name}.0".split(".")[:2])): end for name, end in table.items()}
