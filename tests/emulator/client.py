"""A client that knows nothing but HTTP, for the shapes that libraries hide."""

from __future__ import annotations

import base64
import http.client
import json
import select
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

HOME = "/Users/me@example.com"
HEADER = b"# Databricks notebook source\n"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def shape(self) -> tuple[int, str, str]:
        """Status, code and text of an error."""
        return self.status, self.json.get("error_code", ""), self.json.get("message", "")


@dataclass
class Local:
    """One server, as tests talk to it."""

    host: str
    token: str
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        address = urlsplit(self.host)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)

    def raw(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """One request; a connection that breaks raises what http.client raises."""
        socket = self._connection.sock
        if socket is not None and select.select([socket], [], [], 0)[0]:
            self._connection.close()  # the server has closed it, as nothing was asked for long
        try:
            self._connection.request(method, url, body, headers or {})
            answer = self._connection.getresponse()
            sent = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return Reply(answer.status, sent, {name.lower(): value for name, value in answer.getheaders()})

    def call(self, method: str, url: str, body: Any = None, **headers: str) -> Reply:
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        return self.raw(method, url, b"" if body is None else json.dumps(body).encode(), given)

    def get(self, name: str, **query: object) -> Reply:
        return self.call("GET", f"/api/2.0/workspace/{name}?{urlencode(query)}")

    def post(self, name: str, **body: object) -> Reply:
        return self.call("POST", f"/api/2.0/workspace/{name}", body)

    def control(self, name: str, body: Any = None, method: str = "POST") -> Any:
        reply = self.call(method, f"/api/local/{name}", body)
        assert reply.status == 200, reply.body
        return reply.json

    def put(self, path: str, content: bytes, form: str = "AUTO", **more: object) -> Reply:
        """An import as JSON."""
        encoded = base64.b64encode(content).decode()
        return self.post("import", path=path, format=form, content=encoded, **more)

    def upload(self, path: str, content: bytes, form: str = "AUTO", **more: str) -> Reply:
        """An import as multipart."""
        parts = b""
        for name, value in {"path": path, "format": form, **more}.items():
            parts += f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        parts += b'--x\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n\r\n'
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "multipart/form-data; boundary=x",
        }
        return self.raw("POST", "/api/2.0/workspace/import", parts + content + b"\r\n--x--\r\n", headers)

    def import_file(self, path: str, content: bytes, overwrite: bool = False) -> Reply:
        url = f"/api/2.0/workspace-files/import-file/{quote(path.lstrip('/'), safe='')}"
        return self.raw("POST", f"{url}?overwrite={str(overwrite).lower()}", content, self.auth)

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def download(self, path: str, form: str = "SOURCE") -> bytes:
        reply = self.get("export", path=path, format=form, direct_download="true")
        assert reply.status == 200, reply.body
        return reply.body

    def type_of(self, path: str) -> str | None:
        reply = self.get("get-status", path=path)
        return reply.json["object_type"] if reply.status == 200 else None

    def names(self, folder: str) -> list[str]:
        return sorted(one["path"] for one in self.get("list", path=folder).json.get("objects", []))

    def requests(self) -> list[dict[str, Any]]:
        return self.control("requests", method="GET")["requests"]
