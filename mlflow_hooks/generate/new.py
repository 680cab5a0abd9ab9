"""Writes a minimal project with its hook.yml, from `templates/project`: what a newcomer begins with.

All of it is written or nothing, and never over what exists. Its engine is jobs-git and it runs on serverless compute,
so it needs no cluster file, which would be of one cloud.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from importlib.resources import files as package_files
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository
from mlflow_hooks.errors import UnknownHook
from mlflow_hooks.reading.git_address import of_origin
from mlflow_hooks.reading.hook_file import provider_of, read_hooks
from mlflow_hooks.schema import DEFAULT_MLFLOW

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_FILES = ("MLproject", "hook.yml", "python_env.yaml", "train.py")
# Of a git host that is nobody else's, by what its name tells.
_KINDS = {"gitlab": "gitLabEnterpriseEdition", "bitbucket": "bitbucketServer", "": "gitHubEnterprise"}


def new_project(projects: Path, name: str) -> list[str]:
    """Makes the project `name` in the folder `projects`; the paths of its files, seen from there.

    Raises SettingsError for a name that cannot be, or is taken, and outside of a git repository.
    """
    if not _NAME.fullmatch(name):
        message = f"{printable(name)} cannot be the name of a hook: it has letters, digits and _, a letter first."
        raise SettingsError(message, "Choose a name such as churn.")
    folder = projects / name
    if folder.exists() or name.lower() in _hooks(projects):
        raise SettingsError(f"There is a project or a hook called {name} already.", "Choose another name.")
    repository = Repository(_nearest(projects))
    origin, top = of_origin(repository.address()), str(repository.top)
    tag = next(tag for number in count(1) if not repository.commit(f"refs/tags/{(tag := f'{name.lower()}-v{number}')}"))
    files = _project_files(name, origin, top, tag)
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


def _project_files(name: str, origin: str, top: str, tag: str) -> dict[str, str]:
    """The files of a project called `name`, by their names in its folder.

    `origin`: the address of the repository, "" where it has none and `top`, its folder on this machine, stands for it.
    """
    values = {
        "@NAME@": name,
        "@HOOK@": name.lower(),
        "@MLFLOW@": DEFAULT_MLFLOW,
        "@TAG@": tag,
        "@GIT@": "".join(f"  {line}\n" for line in _git_lines(origin, top)),
    }
    templates = package_files("mlflow_hooks") / "templates" / "project"
    pattern = re.compile("|".join(values))
    return {
        file: pattern.sub(lambda place: values[place[0]], (templates / file).read_text(encoding="utf-8"))
        for file in _FILES
    }


def _git_lines(origin: str, top: str) -> list[str]:
    """What hook.yml has to say of the repository besides the tag."""
    if not origin:
        return [f"url: {json.dumps(top)}  # until the repository has an origin: then remove this line"]
    if provider_of(origin):
        return []
    kind = next(kind for word, kind in _KINDS.items() if word in origin)
    others = ", ".join(other for other in _KINDS.values() if other != kind)
    return [f"provider: {kind}  # or {others}"]


def _hooks(projects: Path) -> set[str]:
    with suppress(UnknownHook):
        return {reading.hook.name for reading in read_hooks(projects) if reading.hook is not None}
    return set()


def _nearest(folder: Path) -> Path:
    """The folder, or the one around it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
