"""The CI's own identity service, of which a job gets a token that says which job it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def job_token(environment: str) -> str:
    """What a job of an environment shows to be told who it is."""
    return f"a-job-of-{environment}"


@contextmanager
def identity(trusted: Mapping[str, str]) -> Iterator[str]:
    """Its address: GitHub's with GET, Azure's with POST. `trusted`: environment -> what its workspace trusts."""
    tokens = {f"Bearer {job_token(environment)}": token for environment, token in trusted.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("value")

        def do_POST(self) -> None:
            self._answer("oidcToken")

        def _answer(self, name: str) -> None:
            token = tokens.get(self.headers.get("Authorization", ""))
            self.send_response(200 if token else 401)
            self.end_headers()
            self.wfile.write(json.dumps({name: token} if token else {}).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
