"""Options, environment, .env and profile -> Settings. Strongest first, and every mistake in one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from databricks_sync import shell
from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import work_tree
from databricks_sync.model import BACKUP_DAYS, TOP, Folder, Login, Settings
from databricks_sync.rules.names import flaw, nfc
from databricks_sync.rules.target import PATTERN
from databricks_sync.system import login_name

from . import login as logins
from .login import Tracks
from .project import Project, listed, settings_above
from .project_file import NamedTarget

_LOCAL = "Add --local to use a workspace on this machine"
START = f"{_LOCAL}, or type `to_databricks --init` to write a .env."


def load(options: Mapping[str, str | None], environ: Mapping[str, str], project: Project, tracks: Tracks) -> Settings:
    """Reads everything that says what to carry where. `options` holds `profile`, `user`, `host` and `to`.

    `tracks` tells whether git tracks a file: asked only where the project's `.env` says how to log in.
    """
    dotenv = project.dotenv
    merged = {**dotenv.values, **environ}
    to = options.get("to")
    target = NamedTarget("") if to is None else project.file.chosen(to)
    if target.host:
        login: Login | None = logins.at(target, options, environ, dotenv, tracks)
    else:
        login = logins.find(options, environ, dotenv, tracks)
    if login is None:
        raise _unnamed(project)
    local_folder = environ.get("DATABRICKS_LOCAL_DIR", "").strip()
    if login.local and not local_folder:
        local_folder = dotenv.own("DATABRICKS_LOCAL_DIR", tracks)
    return Settings(
        project=project.folder,
        folders=folders_of(project, merged.get("NOTEBOOK_FOLDER", "")),
        login=login,
        user=_user(options.get("user"), environ, dotenv.values),
        local_folder=local_folder,
        backup_days=_days(merged.get("BACKUP_DAYS", "").strip() or str(BACKUP_DAYS)),
        notices=tuple(filter(None, (project.notice, login.notice, _overridden(project, environ)))),
        target=target.target or project.file.target or PATTERN,
        mirror=target.mirror,
        patterns=project.file.patterns,
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


def _overridden(project: Project, environ: Mapping[str, str]) -> str:
    """What to tell where `.env`, perhaps of before there was a project's file, names other folders than that does."""
    named, folders = project.dotenv.values.get("NOTEBOOK_FOLDER", "").strip(), project.file.folders
    if not named or not folders or environ.get("NOTEBOOK_FOLDER", "").strip() or listed(named) == folders:
        return ""
    file = project.file.path.name if project.file.path else ""
    return f"NOTEBOOK_FOLDER in .env says {printable(named)}, and so the folders in {file} do not count."


def folders_of(project: Project, named: str) -> tuple[Folder, ...]:
    """What NOTEBOOK_FOLDER names, or else the project's file. Raises SettingsError."""
    committed = not named.strip() and project.file.folders
    names = committed or listed(named)
    source = f"`folders` in {printable(str(project.file.path))}" if committed else "NOTEBOOK_FOLDER"
    if not names:
        raise SettingsError("NOTEBOOK_FOLDER names no folder.", "Set it to `notebooks`, or remove it.")
    folders = [_folder(project.folder, name, source, alone=len(names) == 1) for name in names]
    _check_apart(folders, source)
    return tuple(folders)


def _folder(project: Path, name: str, source: str, *, alone: bool) -> Folder:
    """A folder of the project, or of the same repository beside it. Raises SettingsError for any other one."""
    path = Path(os.path.abspath(project / name))
    inside = path.is_relative_to(project)
    if path in project.parents:
        raise SettingsError(
            f"{source} names {name}, and the project {project} is inside of it.",
            "Name the folders in it, or run the command there.",
        )
    if not inside and not _is_beside(path, project, name):
        raise SettingsError(
            f"{source} names {name}, which is outside the repository, or behind a link.",
            "Name folders inside the project, or beside it in the same repository.",
        )
    shown = Path(os.path.relpath(path, project)).as_posix()
    if shown != TOP and (reason := flaw(re.sub(r"^(\.\./)+", "", shown), windows=shell.ON_WINDOWS)):
        raise SettingsError(
            f"{source} names {printable(name)}, which cannot be synced: {reason}.", "Name another folder."
        )
    return Folder(path, shown, "" if alone else f"{nfc(path.name)}/")


def _is_beside(path: Path, project: Path, name: str) -> bool:
    """Whether a folder that is not in the project is in its repository, and the same one if links are followed."""
    top = work_tree(project)
    if top is None or top not in path.parents:
        return False
    real = Path(os.path.realpath(project / name))
    return real == Path(os.path.realpath(top)) / path.relative_to(top)


def _check_apart(folders: list[Folder], source: str) -> None:
    for number, folder in enumerate(folders):
        for other in folders[number + 1 :]:
            if TOP in (folder.shown, other.shown):
                raise SettingsError(
                    f"{source} names {folder.shown} and {other.shown}, and one is the whole project.",
                    f"Name only `{TOP}`, or the folders in it.",
                )
            if folder.prefix == other.prefix:
                raise SettingsError(
                    f"{source} names {folder.shown} and {other.shown}, which would be one folder there.",
                    "Rename one of them, or name the folders that they are in.",
                )
            if folder.path in other.path.parents or other.path in folder.path.parents:
                raise SettingsError(
                    f"{source} names {folder.shown} and {other.shown}, and one is inside the other.",
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
