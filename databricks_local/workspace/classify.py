"""What an import becomes: the rules of AUTO, SOURCE, JUPYTER and RAW. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from databricks_local.core.errors import invalid, not_a_zip
from databricks_local.core.model import DASHBOARD, DESIGNER_FILE, FILE, LANGUAGES, NOTEBOOK
from databricks_local.formats import jupyter
from databricks_local.formats.source import EXTENSIONS, has_loose_header

FORMATS = ("SOURCE", "HTML", "JUPYTER", "DBC", "R_MARKDOWN", "AUTO", "RAW")


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """The object an import asks for. `as_view` says that its path was derived from a file's name."""

    path: str
    object_type: str
    language: str | None = None
    export_format: str | None = None
    as_view: bool = False


def format_of(name: str | None) -> str:
    """Case sensitive; absent means SOURCE [DOCS]. The text of the refusal is unknown."""
    if name is None:
        return "SOURCE"
    if name not in FORMATS:
        raise invalid(f"Invalid format {name!r}: it is one of {', '.join(FORMATS)}.")
    return name


def language_of(name: str | None) -> str | None:
    """The text of the refusal is unknown."""
    if name is not None and name not in LANGUAGES:
        raise invalid(f"Invalid language {name!r}: it is one of {', '.join(LANGUAGES)}.")
    return name


def by_format(path: str, form: str, language: str | None, content: bytes) -> ObjectSpec:
    """The single object an import becomes; folders (DBC, a zip) are archive.py's. Raises ApiError (400)."""
    if form == "AUTO":
        return by_name(path, content)
    if form == "RAW":
        # Never a notebook, header or not [INFERRED from Terraform's use of it].
        return ObjectSpec(path, FILE)
    if form == "JUPYTER":
        return ObjectSpec(path, NOTEBOOK, jupyter.language_of(content) or language or "PYTHON", "JUPYTER")
    if form == "R_MARKDOWN":
        return ObjectSpec(path, NOTEBOOK, "R", "SOURCE")
    if form == "HTML":
        return ObjectSpec(path, NOTEBOOK, language, "SOURCE")
    if language is None:
        raise not_a_zip()
    # The path is kept verbatim, extension and all [REAL].
    return ObjectSpec(path, NOTEBOOK, language, "SOURCE")


def by_name(path: str, content: bytes) -> ObjectSpec:
    """AUTO and import-file: extension and first line decide, and a notebook loses its extension [REAL].

    The extension is matched without case [PROBED]; an empty `.py` is a file [REAL]. What becomes of `.html`,
    `.dbc` and `.Rmd` here is unknown: they stay files.
    """
    folder, _, name = path.rpartition("/")
    lower = name.lower()
    if lower.endswith(".lvdash.json"):
        return ObjectSpec(path, DASHBOARD)  # keeps its suffix [PROBED]
    if lower.endswith(".designer.ipynb"):
        return ObjectSpec(path, DESIGNER_FILE)  # keeps its suffix, has no repos_export_format [PROBED]
    if lower.endswith(".ipynb") and len(name) > len(".ipynb"):
        language = jupyter.language_of(content) or "PYTHON"
        return ObjectSpec(f"{folder}/{name[:-6]}", NOTEBOOK, language, "JUPYTER", as_view=True)
    for language, extension in EXTENSIONS.items():
        if lower.endswith(extension) and len(name) > len(extension) and has_loose_header(content, language):
            stem = name[: -len(extension)]
            return ObjectSpec(f"{folder}/{stem}", NOTEBOOK, language, "SOURCE", as_view=True)
    return ObjectSpec(path, FILE)


def view_name(language: str | None, export_format: str | None) -> str | None:
    """The extension under which the service sees a notebook as a file: `/foo` is also `/foo.py` [PROBED]."""
    if export_format == "JUPYTER":
        return ".ipynb"
    return EXTENSIONS.get(language or "")
