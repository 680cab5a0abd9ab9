"""Work that would keep the event loop waiting, and with it every other client, done in threads.

A thread frees the others only between two instructions of Python. One call into C that does much, such as parsing a
long JSON text, keeps all of them waiting all the same, unless it calls back into Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

# Bytes: what is read of so many is read in some milliseconds, which is about as long as a thread takes to begin.
SMALL = 256 * 1024

T = TypeVar("T")


async def finished(executor: Executor, work: Callable[[], T]) -> T:
    """What `work` gives, from a thread of `executor`. Raises what it raises.

    Whoever is cancelled while it runs is so only once it has ended: nothing goes on behind him.
    """
    future = executor.submit(work)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if not future.cancel():
            with suppress(Exception):
                await asyncio.wrap_future(future)
        raise


async def beside(size: int, work: Callable[[], T]) -> T:
    """What `work` makes of so many bytes: at once, or in a thread where that takes long. Raises what it raises.

    It touches nothing that others change.
    """
    return work() if size <= SMALL else await asyncio.to_thread(work)
