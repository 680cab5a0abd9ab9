"""What the parts of one run share."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import ExitStack
from typing import NamedTuple

from databricks_sync.interrupt import Interruption
from databricks_sync.state.backups import Backups
from databricks_sync.state.base import Base

from .request import Request


class RunContext(NamedTuple):
    """One run: what it is asked to do, the record and the backups of its target, its threads, and what ends it early.

    `after_locks` is closed when all is over, the lock given back: until then Ctrl-C tears nothing.
    """

    request: Request
    base: Base
    backups: Backups
    pool: Executor
    interruption: Interruption
    after_locks: ExitStack
