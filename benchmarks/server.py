"""The workspace that everybody is measured against, and what it saw of a run."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import Any

from databricks_local.embedded import Running

# Never through a proxy of this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a workspace answers: slowly, with a limit of imports a second (0: none), with hashes or without."""

    name: str
    latency_ms: float = 0.0
    import_rate: float = 0.0
    hashes: bool = True

    def settings(self) -> dict[str, Any]:
        return {
            "latency_ms": self.latency_ms,
            "import_rate": self.import_rate,
            "import_file_rate": self.import_rate,
            "hashes": self.hashes,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """The requests of one run, by endpoint, how many of them were answered 429, and how many came at once.

    `rounds` counts those that came when no other was under way: as often was everything awaited before going on.
    """

    endpoints: dict[str, int]
    throttled: int
    at_once: int = 0
    rounds: int = 0

    @property
    def requests(self) -> int:
        return sum(self.endpoints.values())


@dataclass(frozen=True, slots=True)
class Server:
    there: Running

    def set(self, conditions: Conditions) -> None:
        """Answers like that from now on; an import limit begins with a second's worth to spend."""
        self.ask("POST", "/api/local/settings", conditions.settings())

    def forget(self) -> None:
        self.ask("DELETE", "/api/local/requests")

    def seen(self) -> Seen:
        """What was asked since `forget`."""
        records = self.ask("GET", "/api/local/requests")["requests"]
        endpoints = Counter(_name(record["endpoint"]) for record in records)
        throttled = sum(record["status"] == 429 for record in records)
        at_once = [record["at_once"] for record in records]
        return Seen(dict(endpoints), throttled, max(at_once, default=0), at_once.count(1))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.there.token}"}
        asked = urllib.request.Request(self.there.host + path, data, headers, method=method)
        with _OPENER.open(asked) as answer:
            return json.loads(answer.read())


def _name(endpoint: str) -> str:
    """`/api/2.0/workspace-files/import-file/Users/...` is one endpoint, whatever the path."""
    if "/import-file/" in endpoint:
        return "import-file"
    return endpoint.rpartition("/")[2]
