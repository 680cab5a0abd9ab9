"""Writes the files of all hooks into a folder, and nothing over an edit by hand.

    hooks/notebooks/mlflow_training_hook.py      what `deploy` carries to the workspace
    hooks/jobs/mlflow_training_hook.json         the job, for the Jobs API
    hooks/bundle/mlflow_training_hook.yml        the job, for a bundle: include it from databricks.yml
    hooks/data_factory/mlflow_training_hook.json the pipeline, where hook.yml names a linked service

A target of hook.yml, such as qa, has the same in a folder of its own: hooks/qa/notebooks/... A hook whose engine is
`jobs-git` has no notebook. Files are written only where their bytes change, and one whose hook is gone is removed, if
nobody has edited it. Another folder of projects may be generated into the same place: each file says whose it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from posixpath import join

from databricks_sync.rules.plan import Action
from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Hook
from mlflow_hooks.reading.hook_file import hook_files, repository_of
from mlflow_hooks.schema import Engine

from .data_factory import pipeline_json
from .job import bundle_yaml, job_json
from .notebook import notebook
from .origin import hook_file
from .stamp import is_intact, is_stamped, unix

FOLDER = "hooks"
SCHEMA = "hook.schema.json"
NOTEBOOKS, JOBS, BUNDLE, DATA_FACTORY = "notebooks", "jobs", "bundle", "data_factory"
PLACES = {NOTEBOOKS: ".py", JOBS: ".json", BUNDLE: ".yml", DATA_FACTORY: ".json"}


@dataclass(frozen=True, slots=True)
class FileChange:
    """What is to be done with one file; `path` is relative to the folder. `edited`: somebody edited it by hand."""

    path: str
    action: Action
    text: str = ""
    edited: bool = False


def generated(hook: Hook) -> dict[str, str]:
    """The files of one hook, path to text. Raises HookError where the engine cannot carry the project."""
    name = hook.notebook
    files = {
        f"{JOBS}/{name}.json": job_json(hook),
        f"{BUNDLE}/{name}.yml": bundle_yaml(hook, f"../{NOTEBOOKS}"),
    }
    if hook.engine is Engine.MLFLOW:
        files[f"{NOTEBOOKS}/{name}.py"] = notebook(hook)
    if hook.linked_service:
        files[f"{DATA_FACTORY}/{name}.json"] = pipeline_json(hook)
    return dict(sorted(files.items()))


def places(folder: Path) -> list[str]:
    """The targets that have files in `folder`, and "" for the folder itself."""
    return ["", *sorted({path.parent.parent.name for place in PLACES for path in folder.glob(f"*/{place}/*")})]


def changes(
    hooks: Sequence[Hook], folder: Path, to: str = "", *, projects: Path | None = None, prune: bool = True
) -> list[FileChange]:
    """What is to be done with `folder` for one target, file by file; nothing for those that are as they should be.

    `prune`: `hooks` are all that the folder `projects` has, so what was generated of no hook there, or of one that is
    in no folder any more, is to be deleted. Raises HookError where something else stands in the way.
    """
    texts = {join(to, path): text for hook in hooks for path, text in generated(hook).items()}
    present = dict(_present(folder, to))
    stale = [path for path, text in present.items() if prune and path not in texts and is_stamped(text)]
    gone = [path for path in stale if projects is None or not _is_elsewhere(present[path], projects)]
    changes = [_change(path, text, present) for path, text in texts.items()]
    changes += [FileChange(path, Action.DELETE, edited=not is_intact(present[path])) for path in gone]
    return sorted(changes, key=lambda change: change.path)


def _is_elsewhere(text: str, projects: Path) -> bool:
    """Whether a file was generated from a hook.yml that is there, and in another folder than `projects`."""
    repository = repository_of(projects if projects.is_dir() else projects.parent)
    file = repository.top / hook_file(text) if repository is not None else projects
    return file.is_file() and file.resolve() not in {own.resolve() for own in hook_files(projects)}


def schema_change(folder: Path) -> FileChange:
    """What is to be done so that `folder` has the JSON schema of hook.yml. Raises HookError."""
    text = (files("mlflow_hooks") / SCHEMA).read_text(encoding="utf-8")
    path = folder / SCHEMA
    with _reached(folder, SCHEMA):
        present = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if present == text:
        return FileChange(SCHEMA, Action.NOTHING, text)
    return FileChange(SCHEMA, Action.CREATE if present is None else Action.UPDATE, text)


def write(planned: Sequence[FileChange], folder: Path, *, force: bool = False) -> None:
    """Does it, each file in one step. Raises HookError: for edits, before anything is written, unless `force`."""
    edited = [change.path for change in planned if change.edited and change.action is not Action.NOTHING]
    if edited and not force:
        names = ", ".join(f"{folder.name}/{path}" for path in edited)
        raise HookError(
            f"These files were edited by hand and would be overwritten: {names}.",
            "Change hook.yml instead, or add --force to overwrite the edits.",
        )
    for change in planned:
        with _reached(folder, change.path):
            _write(change, folder / change.path)


def _write(change: FileChange, path: Path) -> None:
    if change.action is Action.DELETE:
        path.unlink()
        if change.path.count("/") > 1:
            with suppress(OSError):  # the last one of a target that is gone
                path.parent.rmdir()
                path.parent.parent.rmdir()
    elif change.action is not Action.NOTHING:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(change.text, encoding="utf-8", newline="\n")
        os.replace(beside, path)


def _change(path: str, text: str, present: Mapping[str, str]) -> FileChange:
    if path not in present:
        return FileChange(path, Action.CREATE, text)
    if unix(present[path]) == text:
        return FileChange(path, Action.NOTHING, text)
    return FileChange(path, Action.UPDATE, text, edited=not is_intact(present[path]))


def _present(folder: Path, to: str) -> Iterator[tuple[str, str]]:
    for place, suffix in PLACES.items():
        for path in sorted((folder / to / place).glob(f"mlflow_*_hook{suffix}")):
            name = join(to, place, path.name)
            with _reached(folder, name):
                # What is not even text was not generated: it is an edit.
                text = path.read_text(encoding="utf-8", errors="replace")
            yield name, text


@contextmanager
def _reached(folder: Path, path: str) -> Iterator[None]:
    """Raises HookError where the disk, or what stands there, is not up to it."""
    try:
        yield
    except OSError as error:
        raise HookError(
            f"{folder.name}/{path} cannot be read or written ({error.strerror or error}).",
            "Move what is in its place, or choose another folder with --folder.",
        ) from None
