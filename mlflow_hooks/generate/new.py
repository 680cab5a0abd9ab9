"""Writes a new project, all of it or nothing, and never over what exists."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository
from mlflow_hooks.errors import UnknownHook
from mlflow_hooks.reading.git_address import of_origin
from mlflow_hooks.reading.hook_file import read_hooks

from .project import NAME, project_files


def new_project(projects: Path, name: str) -> list[str]:
    """Makes the project `name` in the folder `projects`; the paths of its files, seen from there.

    Raises SettingsError for a name that cannot be, or is taken, and outside of a git repository.
    """
    if not NAME.fullmatch(name):
        message = f"{printable(name)} cannot be the name of a hook: it has letters, digits and _, a letter first."
        raise SettingsError(message, "Choose a name such as churn.")
    folder = projects / name
    if folder.exists() or name.lower() in _hooks(projects):
        raise SettingsError(f"There is a project or a hook called {name} already.", "Choose another name.")
    repository = Repository(_nearest(projects))
    origin, top = of_origin(repository.address()), str(repository.top)
    tag = next(tag for number in count(1) if not repository.commit(f"refs/tags/{(tag := f'{name.lower()}-v{number}')}"))
    files = project_files(name, origin, top, tag)
    try:
        projects.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{name}.", dir=projects) as beside:
            made = Path(beside) / name
            made.mkdir()
            for file, text in files.items():
                (made / file).write_text(text, encoding="utf-8", newline="\n")
            made.rename(folder)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be written ({error.strerror or error}).", "Choose another name."
        ) from None
    return [f"{name}/{file}" for file in files]


def _hooks(projects: Path) -> set[str]:
    with suppress(UnknownHook):
        return {reading.hook.name for reading in read_hooks(projects) if reading.hook is not None}
    return set()


def _nearest(folder: Path) -> Path:
    """The folder, or the one around it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
