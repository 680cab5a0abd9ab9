"""The threads that ask the workspace many things at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from databricks_sync.remote.connections import CONNECTIONS


class Pool(ThreadPoolExecutor):
    """As many threads as there are connections. A KeyboardInterrupt waits for none of them.

    They can only be reading then: while something is written, Ctrl-C is minded by `Interruption`.
    """

    def __init__(self) -> None:
        super().__init__(CONNECTIONS, "sync")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is KeyboardInterrupt
        self.shutdown(wait=not interrupted, cancel_futures=interrupted)
