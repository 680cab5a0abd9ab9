"""Templates with their values become answers. Everything is escaped, and nothing may be fetched but our own style."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from . import highlight, outputs
from .page import PageView, link

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # `no-referrer` would take the Origin from our own forms too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def answer(view: PageView, common: Mapping[str, Any]) -> Response:
    """A page as an answer: the template with its own values over the `common` ones."""
    text = _environment().get_template(view.template).render({**common, **view.values})
    # Half a surrogate pair, which an `.ipynb` may hold, cannot be sent.
    body = text.encode("utf-8", "replace")
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return Response(body, view.status, headers, media_type="text/html; charset=utf-8")


def stylesheet() -> Response:
    """The style of all pages; its address changes with it, so that browsers keep it for a year."""
    headers = {**HEADERS, "Cache-Control": "max-age=31536000, immutable"}
    return Response(_style(), 200, headers, media_type="text/css; charset=utf-8")


@lru_cache
def _style() -> bytes:
    return (HERE / "style.css").read_bytes()


@lru_cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from . import markdown

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(link=link, style_url=link("/style.css", v=hashlib.sha256(_style()).hexdigest()[:12]))
    made.filters.update(
        coloured=highlight.coloured,
        markdown=markdown.rendered,
        outputs=outputs.shown,
        moment=moment,
        machine=machine,
        duration=duration,
        counted=counted,
    )
    return made


def moment(ms: int | None) -> str:
    """The time on this machine's clock: the reader sits in front of it."""
    when = _datetime(ms)
    return when.astimezone().strftime("%Y-%m-%d %H:%M") if when else ""


def machine(ms: int | None) -> str:
    """The time as ISO 8601 in UTC; "" for none."""
    when = _datetime(ms)
    return when.isoformat(timespec="seconds") if when else ""


def duration(ms: int) -> str:
    """Milliseconds for people: `1.5 s`, `2 min 3 s`, `1 h 5 min`."""
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 cell`, `2,000 cells`. `plural` is needed where an s is not enough."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def _datetime(ms: int | None) -> datetime | None:
    """Tests set the workspace's clock to anything."""
    try:
        return datetime.fromtimestamp((ms or 0) / 1000, timezone.utc) if ms is not None else None
    except (OverflowError, OSError, ValueError):
        return None
