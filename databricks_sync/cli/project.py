"""Which folder the project is: found from anywhere inside it, and never outside of the repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import work_tree

from . import dotenv_file, project_file
from .dotenv_file import Dotenv
from .project_file import ProjectFile

NOTEBOOKS = "notebooks"


class Project(NamedTuple):
    """The root of a project, and its `.env`, which may lie further up; and what it commits of its settings."""

    folder: Path
    dotenv: Dotenv
    notice: str = ""  # what to tell where it is not the current folder
    file: ProjectFile = ProjectFile()

    @property
    def settings_files(self) -> frozenset[Path]:
        """The files that say what is done, whether they are there or not."""
        names = (dotenv_file.NAME, project_file.NAME, project_file.SHARED)
        return frozenset({self.dotenv.path, *(self.folder / name for name in names)})


def find(environ: Mapping[str, str], cwd: Path, marks: Iterable[str] = ()) -> Project:
    """The project that somebody in `cwd` means. Raises SettingsError.

    It is what PROJECT_FOLDER of the environment names, or else the nearest folder upwards, to the top of the
    repository, that has settings or one of the folders `marks` (the notebooks folders, when there are none); or else
    the top. Its `.env` may name a folder further down with PROJECT_FOLDER, or beside it inside the repository.
    """
    home = locate(environ, cwd, marks)
    _require_folder(home)
    dotenv = dotenv_of(home)
    if environ.get("PROJECT_FOLDER"):
        return Project(home, dotenv, file=project_file.read(home))
    folder = Path(os.path.abspath(home / dotenv.values.get("PROJECT_FOLDER", "")))
    _require_folder(folder)
    _require_inside(folder, home)
    notice = "" if home == cwd else f"Using the project in {printable(str(folder))}."
    return Project(folder, dotenv, notice, project_file.read(folder))


def locate(environ: Mapping[str, str], cwd: Path, marks: Iterable[str] = ()) -> Path:
    """The folder where the project's `.env` is, or would be."""
    if environ.get("PROJECT_FOLDER"):
        return Path(os.path.abspath(cwd / environ["PROJECT_FOLDER"]))
    line = _up_to_top(cwd)
    names = tuple(marks) or listed(environ.get("NOTEBOOK_FOLDER", ""))
    start = next((place for place, folder in enumerate(line) if _is_project(folder, names)), len(line) - 1)
    folder = line[start]
    for above in line[start + 1 :]:
        # Inside the folders of a project there may be one called as such a folder is: it is no project of its own.
        if not _has_settings(folder) and _carries(above, folder, tuple(marks), environ):
            folder = above
    return folder


def dotenv_of(home: Path) -> Dotenv:
    """The `.env` of a project; of one that commits its settings and has none, how to log in as the nearest above says.

    So all projects of a repository may share one.
    """
    dotenv = dotenv_file.read(home / dotenv_file.NAME)
    if dotenv.path.is_file() or not project_file.has_settings(home):
        return dotenv
    above = next((folder for folder in _up_to_top(home)[1:] if _is_set_by_dotenv(folder)), None)
    return dotenv_file.read(above / dotenv_file.NAME).shared() if above else dotenv


def settings_above(project: Project) -> Path | None:
    """The nearest folder above a project, inside the repository, whose settings are not the project's."""
    above = _up_to_top(project.dotenv.path.parent)[1:]
    return next((folder for folder in above if _is_set_by_dotenv(folder)), None)


def listed(names: str) -> tuple[str, ...]:
    """The folders that NOTEBOOK_FOLDER lists."""
    return tuple(name.strip() for name in (names.strip() or NOTEBOOKS).split(",") if name.strip())


def _up_to_top(cwd: Path) -> tuple[Path, ...]:
    """The current folder and those above it inside the repository; what lies further up is somebody else's."""
    highest = work_tree(cwd)
    if highest and cwd.is_relative_to(highest / ".git"):  # which git says is no place to work in
        return (cwd,)
    return tuple(place for place in (cwd, *cwd.parents) if highest and place.is_relative_to(highest)) or (cwd,)


def _is_project(folder: Path, names: tuple[str, ...]) -> bool:
    return _has_settings(folder) or any(
        os.path.isdir(folder / name)  # noqa: PTH112 (what may not be looked at is none)
        for name in names
        if not _is_no_mark(name)
    )


def _has_settings(folder: Path) -> bool:
    return _is_set_by_dotenv(folder) or project_file.has_settings(folder)


def _is_set_by_dotenv(folder: Path) -> bool:
    return dotenv_file.speaks_of_us(folder / dotenv_file.NAME)


def _is_no_mark(name: str) -> bool:
    """Whether it would be there everywhere, as `.` is."""
    path = os.path.normpath(name)
    return Path(path).is_absolute() or path in (os.curdir, os.pardir) or path.startswith(f"..{os.sep}")


def _carries(above: Path, folder: Path, marks: tuple[str, ...], environ: Mapping[str, str]) -> bool:
    """Whether `folder` is inside the folders of the project above it, or the root that is named there."""
    dotenv = above / dotenv_file.NAME
    values = dotenv_file.read(dotenv).values if _is_set_by_dotenv(above) else {}
    root = Path(os.path.abspath(above / values.get("PROJECT_FOLDER", "")))
    chosen = environ.get("NOTEBOOK_FOLDER") or values.get("NOTEBOOK_FOLDER", "")
    names = marks or (project_file.read(root).folders if not chosen.strip() else ()) or listed(chosen)
    return folder == root or any(folder.is_relative_to(Path(os.path.abspath(root / name))) for name in names)


def _require_folder(path: Path) -> None:
    if not path.is_dir():
        raise SettingsError(f"PROJECT_FOLDER names {path}, which is not a folder.", "Correct PROJECT_FOLDER.")


def _require_inside(folder: Path, home: Path) -> None:
    """Raises SettingsError where a `.env` names a folder outside of its repository, links followed."""
    real = Path(os.path.realpath(home))
    if not Path(os.path.realpath(folder)).is_relative_to(work_tree(real) or real):
        raise SettingsError(
            f"PROJECT_FOLDER in {home / dotenv_file.NAME} names {folder}, which is outside the repository.",
            "Name a folder inside it, or set PROJECT_FOLDER in the environment.",
        )
