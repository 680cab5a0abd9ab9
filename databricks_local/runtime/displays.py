"""What `display` was given, and how it is shown: as HTML where it can say so itself, as a picture, else as text."""

from __future__ import annotations

import base64
import io
import sys
from dataclasses import dataclass
from typing import Any

# Of a table of Spark.
MAX_ROWS = 1000
PRINTED_ROWS = 20
MAX_PICTURE = 180 * 1024  # bytes: half a picture is none, and so it has to be within the limit of what is shown


@dataclass(frozen=True, slots=True)
class Display:
    """One thing that was shown: by which cell, as "html" or as "text", and the thing itself."""

    cell: int
    kind: str
    text: str
    value: Any

    def record(self) -> dict[str, Any]:
        """As JSON: what the page of a run shows."""
        return {"cell": self.cell, "kind": self.kind, "text": self.text}


def rendered(value: Any) -> tuple[str, str]:
    """The kind and the text of a value that is shown."""
    html = _html(value)
    return ("html", html) if html is not None else ("text", repr(value))


def printed(value: Any) -> str:
    """What a terminal can show of a value."""
    if isinstance(value, str):
        return value
    return repr(value.limit(PRINTED_ROWS).toPandas() if _is_of_spark(value) else value)


def is_rich(value: Any) -> bool:
    """Whether a notebook shows the value as more than text as the last line of a cell: Spark's tables only if asked."""
    shown = any(callable(getattr(type(value), name, None)) for name in ("_repr_html_", "_repr_png_", "savefig"))
    return shown and not _is_of_spark(value)


def open_figures() -> list[Any]:
    """The figures of matplotlib that a cell has left open; they are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    pyplot.close("all")
    return figures


def _html(value: Any) -> str | None:
    if _is_of_spark(value):
        value = value.limit(MAX_ROWS).toPandas()
    if not is_rich(value):
        return None
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    if isinstance(html, str):
        return html
    png = value._repr_png_() if hasattr(value, "_repr_png_") else None
    if png is None and hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", bbox_inches="tight")
        png = picture.getvalue()
    if not isinstance(png, bytes) or len(png) > MAX_PICTURE:
        return None
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _is_of_spark(value: Any) -> bool:
    return type(value).__module__.startswith("pyspark.sql") and hasattr(value, "toPandas")
