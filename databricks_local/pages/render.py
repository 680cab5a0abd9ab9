"""Pages become answers: everything is escaped, and nothing may be fetched but our own style, where text is edited our
own script, and what a cell has left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from databricks_local.protocol.wire import Pieces
from databricks_sync.errors import quantity

from . import highlight
from .page import Frame, PageView, link

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
ASSETS = {"style.css": "text/css", "editor.js": "text/javascript"}
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
# What somebody else wrote runs no script, fetches nothing, and is of no site: it has no cookie, and reaches no page.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors "
# An older table of pandas brings its own borders; text is as on our pages in both schemes.
FRAME = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><style>
body { margin: 0.5rem; font: 0.875rem/1.5 system-ui, sans-serif; } img, svg { max-width: 100%; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.6rem; text-align: left; }
tr + tr, tbody tr { border-top: 1px solid color-mix(in srgb, currentcolor 20%, transparent); }
</style>"""


def answer(view: PageView, common: Mapping[str, Any]) -> Response:
    """A page as an answer: the template with its own values over the `common` ones."""
    text = _environment().get_template(view.template).render({**common, **view.values})
    # Half a surrogate pair, which an `.ipynb` may hold, cannot be sent.
    body = text.encode("utf-8", "replace")
    policy = f"{POLICY}; {view.allows}" if view.allows else POLICY
    headers = {**HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Pieces(body, view.status, headers, media_type="text/html; charset=utf-8")


def download(name: str, content: bytes) -> Response:
    """Bytes that a browser keeps as a file of that name, whatever they are."""
    name = quote(name.encode("utf-8", "replace"), safe="")
    headers = {**HEADERS, "Content-Security-Policy": SANDBOX + "'none'", "Cache-Control": "no-store"}
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return Pieces(content, 200, headers, media_type="application/octet-stream")


def framed(page: Frame) -> Response:
    """HTML of somebody else, for a frame of ours. Opened by itself it is in the same sandbox."""
    headers = {**HEADERS, "Content-Security-Policy": SANDBOX + "'self'", "Cache-Control": "no-store"}
    headers["X-Frame-Options"] = "SAMEORIGIN"
    body = (FRAME + page.html).encode("utf-8", "replace")
    return Pieces(body, 200, headers, media_type="text/html; charset=utf-8")


def asset(name: str) -> Response:
    """The style or the script of all pages; its address changes with it, so that browsers keep it for a year."""
    headers = {**HEADERS, "Cache-Control": "max-age=31536000, immutable"}
    return Response(_asset(name), 200, headers, media_type=f"{ASSETS[name]}; charset=utf-8")


def _address(name: str) -> str:
    return link(f"/{name}", v=hashlib.sha256(_asset(name)).hexdigest()[:12])


@lru_cache
def _asset(name: str) -> bytes:
    return (HERE / name).read_bytes()


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
    made.globals.update(link=link, asset=lru_cache(_address))
    made.filters.update(
        coloured=highlight.coloured,
        markdown=markdown.rendered,
        moment=moment,
        machine=machine,
        duration=duration,
        counted=quantity,
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


def _datetime(ms: int | None) -> datetime | None:
    """Tests set the workspace's clock to anything."""
    try:
        return datetime.fromtimestamp((ms or 0) / 1000, timezone.utc) if ms is not None else None
    except (OverflowError, OSError, ValueError):
        return None
