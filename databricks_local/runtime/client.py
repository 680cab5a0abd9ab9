"""How what runs in this workspace asks the workspace: plain HTTP with the run's own token."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener


class RefusedByServer(Exception):
    """The server answered with an error: its status, its `error_code` and its message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Client:
    """One server. Raises RefusedByServer for answers from 400, URLError when nobody answers within a minute."""

    def __init__(self, host: str, token: str) -> None:
        self._host = host
        self._token = token
        # The workspace is on this machine: a proxy of the environment must not get the token.
        self._opener = build_opener(ProxyHandler({}))

    def get(self, endpoint: str, /, **query: str) -> bytes:
        """The body of the answer."""
        return self._send("GET", f"{endpoint}?{urlencode(query)}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of the answer to a JSON body."""
        return json.loads(self._send("POST", path, json.dumps(body).encode()) or b"{}")

    def put_secret(self, scope: str, key: str, value: str) -> None:
        """Stores a secret, in a new scope if need be. Raises RefusedByServer for a name that cannot be."""
        try:
            self.post("/api/2.0/secrets/scopes/create", {"scope": scope})
        except RefusedByServer as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
        self.post("/api/2.0/secrets/put", {"scope": scope, "key": key, "string_value": value})

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(self._host + path, body, headers, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                sent: bytes = answer.read()
                return sent
        except HTTPError as error:
            try:
                problem = json.loads(error.read())
            except ValueError:
                problem = {}
            message = str(problem.get("message", error.reason))
            raise RefusedByServer(error.code, str(problem.get("error_code", "")), message) from None


def from_environment() -> Client:
    """For the workspace that this process belongs to. Raises KeyError outside of a run."""
    return Client(os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"])
