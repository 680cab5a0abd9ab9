"""What happens to a request of the API between the socket and the operation that answers it.

Theory of operation. A request goes through these steps, and each of them may be its last:

1. It is counted, with those under way, before anything of it is read.
2. `check`: 401 without a token, 403 with a wrong one. Such requests have a record of their own, which is short, so that
   strangers push no other request out of the record.
3. `read` makes a Call of it (wire.py, bodies.py); 400 for what cannot be read.
4. It waits for half of the latency, counted from its arrival.
5. Faults "before" (faults.py), in the order of their rules: a scripted answer or a reset ends it here, unapplied.
6. The rate limit (limits.py): 429, unapplied.
7. The operation. What it changes is committed when it returns, whatever the client will hear of it.
8. Faults "after": the answer is replaced, cut, packed or lost. The change stays.
9. It waits for the other half of the latency, is recorded, and answered.

From step 4 on a refusal (ApiError) takes as long as any other answer. A defect is a 500, with its traceback in
server.log.

All of this runs on one event loop, which never waits for an operation. One that only reads (GET, HEAD) runs in a thread
over a snapshot, beside all others. One that may change something runs in the one thread for changes, so that such
operations never cross. A coroutine runs on the loop and does its steps in these threads (`read` and `change` of
LocalWorkspace): it has much to compute before it changes anything, changes a part at a time, or waits for somebody
else's server. What is large is parsed in a thread too (core/threads.py). `cut_off` ends whoever waits.
"""

from __future__ import annotations

import asyncio
import gzip
import hmac
import inspect
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from databricks_local.core import errors
from databricks_local.core.errors import ApiError
from databricks_local.core.model import ApiAnswer, Call, answer, refusal
from databricks_local.core.settings import ServerSettings
from databricks_local.workspace.edits import edit
from databricks_local.workspace.store import Store
from databricks_local.workspace.tree import LocalWorkspace

from . import wire
from .attached_clients import AttachedClients
from .faults import Faults, Rule
from .limits import RateLimits

# A coroutine does its steps in threads itself.
Operation = Callable[[LocalWorkspace, Call], "ApiAnswer | Awaitable[ApiAnswer]"]
Reader = Callable[[Request, ServerSettings], Awaitable[Call]]
# Of the event loop, from a connection that is waiting to be accepted to its request being served: ample.
_TURNS = 20
# What is kept of requests without the right token: so many, and so much of their addresses.
MAX_REFUSED = 1_000
MAX_ADDRESS = 200
MAX_LOG = 2**20


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it was served; no status when the client got no answer.

    `at_once` counts the requests that were under way when this one came, with it.
    """

    sequence: int
    method: str
    endpoint: str
    object: str
    status: int | None
    faults: tuple[str, ...]
    at_once: int


class Pipeline:
    """Everything one server keeps in memory."""

    def __init__(self, workspace: LocalWorkspace, token: str, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder
        self.clients = AttachedClients()
        self.faults = Faults()
        self.past: Store | None = None
        self._records: deque[RequestRecord] = deque(maxlen=200_000)
        self._refused: deque[RequestRecord] = deque(maxlen=MAX_REFUSED)
        self.sequence = 0
        self._under_way: set[asyncio.Task[Any]] = set()
        self._token = token.encode()
        self.rate_limits = RateLimits()
        # Other parts of the workspace that a reset empties too.
        self.resets: list[Callable[[], None]] = []

    def check(self, request: Request) -> None:
        """401 without a token, 403 with a wrong one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.no_credentials()
        if not self.is_token(token.strip()):
            raise errors.bad_token()

    def is_token(self, token: str) -> bool:
        """Whether it is the server's token; how long that takes does not tell how much of it is right."""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    def date(self) -> str:
        """The workspace's time as a Date header."""
        return _date(self.workspace.clock.now() // 1000)

    async def serve(
        self,
        operation: Operation,
        request: Request,
        read: Reader = wire.read,
        check: Callable[[Request], None] | None = None,
    ) -> Response:
        """The answer to a request of the API, recorded.

        `read` makes a call of the request, `check` raises ApiError for whoever may not ask (default: without the
        token). Never raises: a defect becomes a 500 and stands in server.log.
        """
        self.sequence += 1
        this = asyncio.current_task()
        assert this
        self._under_way.add(this)
        sequence, at_once = self.sequence, len(self._under_way)
        faults: list[str] = []
        path, records, endpoint = "", self._refused, request.scope["path"][:MAX_ADDRESS]
        try:
            (check or self.check)(request)
            records, endpoint = self._records, request.scope["path"]
            call = await read(request, self.workspace.settings)
            path = call.target.path
            sent = await self._answer_on_time(operation, call, faults)
        except ApiError as error:
            sent = self._response(refusal(error))
        except (ClientDisconnect, asyncio.CancelledError):
            sent = wire.Reset()
        except Exception as error:
            self.log(error)
            sent = self._response(refusal(ApiError(500, "INTERNAL_ERROR", "An internal error occurred.")))
        finally:
            self._under_way.discard(this)
        status = None if isinstance(sent, wire.Reset) else sent.status_code
        records.append(RequestRecord(sequence, request.method, endpoint, path, status, tuple(faults), at_once))
        return sent

    def records(self) -> list[RequestRecord]:
        """The requests by arrival; of those without the right token the latest ones."""
        return sorted([*self._records, *self._refused], key=lambda record: record.sequence)

    def forget_records(self) -> None:
        """Forgets the requests, and counts from 1 again."""
        self._records.clear()
        self._refused.clear()
        self.sequence = 0

    async def cut_off(self) -> None:
        """Ends every request that was sent before: it gets no answer, and is not applied later on.

        A client that died or gave up may have left some behind, still unread.
        """
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        cut = set(self._under_way)
        for request in cut:
            request.cancel()
        if cut:
            # What is just being applied cannot be stopped.
            await asyncio.wait(cut)

    async def _answer_on_time(self, operation: Operation, call: Call, faults: list[str]) -> Response:
        """The answer, on time: what is asked takes half of the latency to come here, the answer the other half.

        Counted from its arrival, so that the server's own work is part of how long an answer takes, and many
        requests at once do not wait for each other as well.
        """
        latency = self.workspace.settings.latency_ms / 1000
        await _until(call.arrived + latency / 2)
        try:
            sent = await self._answer_with_faults(operation, call, faults)
        except ApiError as error:
            sent = self._response(refusal(error))
        await _until(call.arrived + latency)
        return sent

    async def _answer_with_faults(self, operation: Operation, call: Call, faults: list[str]) -> Response:
        before = self._due("before", call, faults)
        early, seen = await self._carry_out(before)
        # Only what is read can be stale.
        workspace = seen if call.method == "GET" else self.workspace
        if early is not None:
            return early
        self._throttle(call.endpoint)
        sent = self._response(await self._apply(operation, workspace, call))
        after = self._due("after", call, faults)
        late, _ = await self._carry_out(after)
        return self._damaged(late or sent, [*before, *after])

    async def _apply(self, operation: Operation, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The refusal counts as the answer here: a lost answer may have been one."""
        try:
            result = await _carried_out(operation, workspace, call)
            return result if isinstance(result, ApiAnswer) else await result
        except ApiError as error:
            return refusal(error)

    def _throttle(self, endpoint: str) -> None:
        settings = self.workspace.settings
        if not self.rate_limits.admits(endpoint, settings, time.monotonic()):
            raise errors.throttled(settings.retry_after)

    def _due(self, phase: str, call: Call, faults: list[str]) -> list[Rule]:
        due = self.faults.due(phase, call.method, call.endpoint, call.target.path)
        faults += [rule.kind for rule in due]
        return due

    async def _carry_out(self, rules: Sequence[Rule]) -> tuple[Response | None, LocalWorkspace]:
        workspace = self.workspace
        for rule in rules:
            if rule.kind == "latency":
                await asyncio.sleep(float(rule.action.get("ms", 0)) / 1000)
            elif rule.kind == "edit":
                await self.workspace.change(partial(self._edit, rule.action.get("edits", [])))
            elif rule.kind == "stale" and self.past is not None:
                workspace = self.workspace.as_of(self.past)
            elif rule.kind == "kill":
                kill(int(rule.action["pid"]))
            elif rule.kind == "reset":
                return wire.Reset(), workspace
            elif rule.kind == "answer":
                return self._response(_scripted(rule.action)), workspace
        return None, workspace

    def _edit(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Another person's edits; raises ApiError (400) for one that cannot be made at this moment."""
        try:
            for change in changes:
                edit(self.workspace, change)
        except ValueError as error:
            raise errors.invalid(f"The edit of a fault cannot be made: {error}.") from None

    def _damaged(self, sent: Response, rules: Sequence[Rule]) -> Response:
        if isinstance(sent, wire.Reset):
            return sent
        for rule in rules:
            if rule.kind == "truncate":
                return wire.Truncated(sent, int(rule.action.get("keep", len(sent.body) // 2)))
            if rule.kind == "gzip":
                return self._response(
                    ApiAnswer(sent.status_code, gzip.compress(bytes(sent.body)), "application/octet-stream")
                )
        return sent

    def _response(self, result: ApiAnswer) -> Response:
        return wire.response(result, self.date())

    def log(self, error: Exception) -> None:
        """A defect of ours: kept in the folder, so that nobody sees a traceback."""
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            if log.tell() < MAX_LOG:  # whoever has no token may have found a way to cause it, again and again
                log.write("".join(traceback.format_exception(error)))


async def _carried_out(operation: Operation, workspace: LocalWorkspace, call: Call) -> ApiAnswer | Awaitable[ApiAnswer]:
    if inspect.iscoroutinefunction(operation):
        return operation(workspace, call)
    if call.method in ("GET", "HEAD"):
        return await workspace.read(lambda seen: operation(seen, call))
    return await workspace.change(partial(operation, workspace, call))


@lru_cache(maxsize=1)  # of all answers of a second
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


async def _until(moment: float) -> None:
    # The loop wakes up at whole milliseconds, which comes half of one too late on average.
    wait = moment - time.monotonic() - 0.0005
    if wait > 0:
        await asyncio.sleep(wait)


def kill(pid: int) -> None:
    """The client's process, at once; never a group, never ourselves. Nothing for one that has ended."""
    if pid > 1 and pid != os.getpid():
        with suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _scripted(action: Any) -> ApiAnswer:
    """Any answer at all: error bodies come as JSON, as text, as HTML or empty [PROBED]."""
    status = int(action.get("status", 500))
    headers = {str(name): str(value) for name, value in action.get("headers", {}).items()}
    if "body" in action:
        media = headers.pop("Content-Type", "text/plain")
        return ApiAnswer(status, str(action["body"]).encode(), media, headers)
    body = {key: action[key] for key in ("error_code", "message", "details") if key in action}
    return answer(body, status, headers)
