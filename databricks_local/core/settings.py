"""How this workspace behaves, changeable while it runs: newline era, hashes, archives, speed and limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

MIB = 1024 * 1024

# The settings that are one of several words, the first of them by default.
CHOICES = {
    "newlines": ("preserve", "legacy"),
    "archive_sources": ("notebooks", "files", "altered", "dropped"),
    "archive_jupyter": ("notebooks", "files", "dropped"),
    "archive_files": ("files", "refused", "dropped"),
    "folder_exports": ("inside", "around", "dbc"),
    "git_folders": ("standard", "cli"),
}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits are the documented ones; tests lower them so that reaching one is cheap."""

    user: str = "me@example.com"
    newlines: str = "preserve"
    hashes: bool = True
    # Whether a folder may come as a zip of sources; older workspaces take DBC only [DOCS until 2023].
    source_archives: bool = True
    # Whether such a zip may be a posted file, as other content may, is unknown.
    posted_archives: bool = True
    # What becomes of the members of such a zip is unknown but for notebooks that end up right [DOCS]. What is altered
    # or dropped is every second one of its kind.
    archive_sources: str = "notebooks"
    archive_jupyter: str = "notebooks"
    archive_files: str = "files"
    # Whether the names in the zip of a folder begin inside of it or with its own: unknown. A comment in the CLI says
    # that DBC comes whatever is asked [PROBED, old].
    folder_exports: str = "inside"
    # Whether new Git folders outside /Repos have Git CLI access, as somebody chooses in the page [DOCS].
    git_folders: str = "standard"
    latency_ms: float = 0.0
    # Requests per second; 0 is no limit. For real: import 30, export 60 [DOCS], import-file 20 [PROBED].
    import_rate: float = 0.0
    export_rate: float = 0.0
    import_file_rate: float = 0.0
    # Seconds in Retry-After, or none: both occur [PROBED].
    retry_after: int | None = 1
    # Whether an import of equal bytes moves modified_at: unknown for real, so both can be had.
    bump_on_equal: bool = True
    # DBFS can be switched off, as it is in new workspaces.
    dbfs: bool = True
    # Whether %pip installs, for the run only, or checks that what it asks for is there.
    pip_install: bool = False
    # MLFLOW_REGISTRY_URI of what runs here; empty is this workspace's own address.
    registry_uri: str = ""
    # Whether jobs/get adds the defaults the service adds, or gives settings back as they came.
    job_defaults: bool = False
    # "Job 1 does not exist." is a 404 or a 400: both are known.
    missing_job_status: int = 404
    # Seconds a cancelled notebook has between its interruption and its end: unknown for real.
    cancel_grace_s: float = 5.0
    max_children: int = 10_000  # [PROBED]
    max_json_bytes: int = 10 * MIB  # [DOCS]
    max_archive_bytes: int = 500 * MIB  # of a posted file: unknown
    max_unpacked_bytes: int = 500 * MIB  # of all that is in an archive: unknown
    max_source_bytes: int = 10 * MIB  # [DOCS]
    max_ipynb_bytes: int = 100 * MIB  # [DOCS]
    max_file_bytes: int = 500 * MIB  # [DOCS]
    max_import_file_bytes: int = 200 * MIB  # [PROBED]

    def changed(self, changes: Mapping[str, Any]) -> ServerSettings:
        """These settings with some replaced; ValueError says which one is wrong and what it takes."""
        current = asdict(self)
        for name, value in changes.items():
            if name not in current:
                names = ", ".join(field.name for field in fields(self))
                raise ValueError(f"unknown setting '{name}'; there are: {names}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}")
            if not _fits(name, value):
                raise ValueError(f"{name} does not take {value!r}")
        return replace(self, **changes)


def _fits(name: str, value: object) -> bool:
    default = ServerSettings.__dataclass_fields__[name].default
    if name == "user":
        return isinstance(value, str) and value != "" and "/" not in value
    if name == "missing_job_status":
        return value in (400, 404)
    if name == "retry_after":
        return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, int if isinstance(default, int) else (int, float)) and value >= 0
    return isinstance(value, str) and "\0" not in value
