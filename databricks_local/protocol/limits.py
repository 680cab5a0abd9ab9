"""Rate limits: a token bucket per kind of request, filled at the documented rate [DOCS/PROBED]. Pure."""

from __future__ import annotations

from databricks_local.core.settings import ServerSettings


class RateLimits:
    """A bucket for each kind of request holds one second's worth of them; how large bursts may really be is unknown."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was

    def admits(self, endpoint: str, settings: ServerSettings, now: float) -> bool:
        """Whether one more request fits; `now` in seconds of a clock that never goes back."""
        kind, rate = _limit(endpoint, settings)
        if not rate:
            return True
        size = max(1.0, rate)
        tokens, since = self._buckets.get(kind, (size, now))
        tokens = min(size, tokens + (now - since) * rate)
        self._buckets[kind] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1

    def clear(self) -> None:
        """All buckets are full again."""
        self._buckets.clear()


def _limit(endpoint: str, settings: ServerSettings) -> tuple[str, float]:
    """The bucket that a request draws on, and its requests per second; 0 is no limit.

    import-file has one of its own [PROBED].
    """
    if endpoint == "/api/2.0/workspace/import":
        return "import", settings.import_rate
    if endpoint == "/api/2.0/workspace/export":
        return "export", settings.export_rate
    if endpoint.startswith("/api/2.0/workspace-files/import-file/"):
        return "import-file", settings.import_file_rate
    return "other", 0.0
