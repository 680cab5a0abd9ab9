"""How the record and the manifests of backups write down a format: by the names of its form and its language."""

from __future__ import annotations

from databricks_sync.model import JUPYTER, SOURCES, Format

Names = tuple[str | None, str | None]

NAMES: dict[Format | None, Names] = {
    None: (None, None),
    JUPYTER: (JUPYTER.form.value, None),
    **{format: (format.form.value, language and language.value) for language, format in SOURCES.items()},
}
# Looked up for every row: asking the classes takes three times as long.
FORMATS: dict[Names, Format | None] = {names: format for format, names in NAMES.items()}
