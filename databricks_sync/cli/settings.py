"""Options, environment, .env and profile -> Settings. Strongest first, and every mistake in one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from databricks_sync.errors import SettingsError, printable
from databricks_sync.model import BACKUP_DAYS, Folder, Settings
from databricks_sync.rules.names import nfc
from databricks_sync.system import login_name

from . import login as logins
from .login import Tracks
from .project import Project, listed, settings_above

_LOCAL = "Add --local to use a workspace on this machine"
START = f"{_LOCAL}, or type `to_databricks --init` to write a .env."


def load(options: Mapping[str, str | None], environ: Mapping[str, str], project: Project, tracks: Tracks) -> Settings:
    """Reads everything that says what to carry where. `options` holds `profile`, `user` and `host`.

    `tracks` tells whether git tracks a file: asked only where the project's `.env` says how to log in.
    """
    dotenv = project.dotenv
    merged = {**dotenv.values, **environ}
    login = logins.find(options, environ, dotenv, tracks)
    if login is None:
        raise _unnamed(project)
    local_folder = environ.get("DATABRICKS_LOCAL_DIR", "").strip()
    if login.local and not local_folder:
        local_folder = dotenv.own("DATABRICKS_LOCAL_DIR", tracks)
    return Settings(
        project=project.folder,
        folders=_folders(project.folder, merged.get("NOTEBOOK_FOLDER", "")),
        login=login,
        user=_user(options.get("user"), environ, dotenv.values),
        local_folder=local_folder,
        backup_days=_days(merged.get("BACKUP_DAYS", "").strip() or str(BACKUP_DAYS)),
        notices=tuple(notice for notice in (project.notice, login.notice) if notice),
    )


def _unnamed(project: Project) -> SettingsError:
    about = "No workspace is configured: DATABRICKS_HOST is not set and there is no profile."
    if project.dotenv.path.is_file():  # which --init does not change
        return SettingsError(about, f"{_LOCAL}, or set DATABRICKS_HOST in .env.")
    if above := settings_above(project):
        hint = f"The .env in {above} belongs to another project: type `to_databricks --init` to write one for this one."
        return SettingsError(about, hint)
    return SettingsError(about, START)


def _days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise SettingsError(
            f"BACKUP_DAYS must be a number of days, not {printable(text)}.", "Set it to 30, for example."
        )
    return int(text)


def _folders(project: Path, named: str) -> tuple[Folder, ...]:
    names = listed(named)
    folders: list[Folder] = []
    for name in names:
        path = Path(os.path.abspath(project / name))
        if path != project and project not in path.parents:
            raise SettingsError(
                f"NOTEBOOK_FOLDER names {name}, which is outside the project folder {project}.",
                "Name folders inside the project.",
            )
        shown = path.relative_to(project).as_posix()
        folders.append(Folder(path, shown, "" if len(names) == 1 else f"{nfc(path.name)}/"))
    _check_apart(folders)
    return tuple(folders)


def _check_apart(folders: list[Folder]) -> None:
    if not folders:
        raise SettingsError("NOTEBOOK_FOLDER names no folder.", "Set it to `notebooks`, or remove it.")
    for number, folder in enumerate(folders):
        for other in folders[number + 1 :]:
            if folder.prefix == other.prefix:
                raise SettingsError(
                    f"NOTEBOOK_FOLDER names {folder.shown} and {other.shown}, which would be one folder there.",
                    "Rename one of them.",
                )
            if folder.path in other.path.parents or other.path in folder.path.parents:
                raise SettingsError(
                    f"NOTEBOOK_FOLDER names {folder.shown} and {other.shown}, and one is inside the other.",
                    "Name only the outer one.",
                )


def _user(option: str | None, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> str | None:
    chosen = (
        option
        or environ.get("DATABRICKS_USER")
        or dotenv.get("DATABRICKS_USER")
        or dotenv.get("USER")
        or _meant_user(environ)
    )
    if chosen and ("/" in chosen or chosen in (".", "..")):
        raise SettingsError(
            f"{printable(chosen)} is not a workspace user.", "Give a user name such as you@example.com."
        )
    return chosen or None


def _meant_user(environ: Mapping[str, str]) -> str | None:
    """The process's USER, only when somebody set it on purpose: the system sets it to the login name."""
    user = environ.get("USER")
    return user if user and user != login_name() else None
