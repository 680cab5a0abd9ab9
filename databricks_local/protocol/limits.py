"""Rate limits: a token bucket per kind of request, filled at the documented rate [DOCS/PROBED]. Pure."""

from __future__ import annotations

from databricks_local.core.settings import ServerSettings


def budget(endpoint: str, settings: ServerSettings) -> tuple[str, float]:
    """Which budget a request draws on, and its requests per second; 0 is no limit.

    import-file has one of its own [PROBED].
    """
    if endpoint == "/api/2.0/workspace/import":
        return "import", settings.import_rate
    if endpoint == "/api/2.0/workspace/export":
        return "export", settings.export_rate
    if endpoint.startswith("/api/2.0/workspace-files/import-file/"):
        return "import-file", settings.import_file_rate
    return "other", 0.0


class Bucket:
    """Holds one second's worth of requests; how large bursts may really be is unknown."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._at = 0.0

    def take(self, rate: float, now: float) -> bool:
        """Whether one more request fits, at `rate` a second; `now` in seconds of a clock that never goes back."""
        size = max(1.0, rate)
        tokens = size if self._tokens is None else min(size, self._tokens + (now - self._at) * rate)
        self._at = now
        self._tokens = tokens - 1 if tokens >= 1 else tokens
        return tokens >= 1
