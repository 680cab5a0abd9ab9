"""`to_databricks --init`: writes .env, hidden from git, and the settings for everybody, and checks the connection.

Nothing that exists is replaced, and no token is ever written: it is put into .env by whoever has it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from databricks_sync.errors import Again, SettingsError, SyncError, printable
from databricks_sync.exit_code import ExitCode
from databricks_sync.local.git import UNTRACK, Repository, typed
from databricks_sync.output.report import Reporter

from . import git_drivers, project_file
from .dotenv_file import without_login
from .options import Options
from .project import Project, dotenv_of, find, locate
from .session import opened, who
from .settings import folders_of

_SAMPLE, _SETTINGS = "env.sample", "settings.sample"
_PLAIN = re.compile(r"[\w@.:/+-]+")
_OF_ENVIRONMENT = ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE", "DATABRICKS_WORKSPACE_ID")


def run(options: Options, report: Reporter) -> int:
    """Sets a project up and says who we are in its workspace; returns the exit code. Raises SyncError."""
    home = dotenv_of(locate(os.environ, Path.cwd())).path.parent
    repository = Repository(home)
    for line in (*_written(home, options), *_hidden(home, repository)):
        report.say(line, "init", message=line)
    try:
        for line in _committed(find(os.environ, Path.cwd())):
            report.say(line, "init", message=line)
        with opened(options) as session:
            for notice in session.settings.notices:
                report.notice(notice)
            session.permitted()
            host, user = session.settings.login.name, who(session.http)
            report.say(f"Connected to {printable(host)} as {printable(user)}.", "connected", host=host, user=user)
            for folder in session.settings.folders:
                if not folder.path.is_dir():
                    line = f"There is no folder {folder.shown} yet: create it, or set NOTEBOOK_FOLDER."
                    report.say(line, "init", message=line)
            folders = " and ".join(folder.shown for folder in session.settings.folders)
            line = f"Type `to_databricks{options.again()}` to push {folders} to {printable(session.target)}."
            report.say(line, "ready", target=session.target)
            if git_drivers.is_offered(repository):
                line = "Type `to_databricks --git-drivers` to let git show and merge notebooks cell by cell."
                report.say(line, "init", message=line)
    except SyncError as error:
        if not isinstance(error.hint, Again):
            hint = f"{error.hint.rstrip('.')}. Then type `to_databricks{options.again()} --init` again."
            error.hint = hint.lstrip(". ")
        raise
    return ExitCode.DONE


def _written(project: Path, options: Options) -> Iterator[str]:
    where = project / ".env"
    shown = printable(_shown(where))
    if where.exists():
        yield f"{shown} exists already and was not changed."
        return
    own = project / _SAMPLE
    sample = own if own.is_file() else files("databricks_sync").joinpath(_SAMPLE)
    text, held = without_login(sample.read_text(encoding="utf-8"))
    values = _values(options, os.environ)
    text = filled(text, values)
    try:
        # For its owner alone, from the first moment: somebody will put a token there.
        with os.fdopen(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{where} cannot be written ({error.strerror}).") from None
    yield f"Wrote {shown}; its comments explain the settings."
    if held := [name for name in held if name not in values]:
        listed = " and ".join(held) if len(held) < 3 else f"{held[0]} and {len(held) - 1} more"
        yield f"note: {_SAMPLE} of the repository sets {listed}: commented out in .env, uncomment what you trust."


def _committed(project: Project) -> Iterator[str]:
    """Writes the settings that are for everybody, where there are none; what is synced now is what they say."""
    if project.file.path is not None:
        yield f"{printable(_shown(project.file.path))} has the settings of the project, and was not changed."
        return
    named = os.environ.get("NOTEBOOK_FOLDER") or project.dotenv.values.get("NOTEBOOK_FOLDER", "")
    folders = ", ".join(json.dumps(folder.shown, ensure_ascii=False) for folder in folders_of(project, named))
    text = files("databricks_sync").joinpath(_SETTINGS).read_text(encoding="utf-8")
    where = project.folder / project_file.NAME
    try:
        with where.open("x", encoding="utf-8") as file:
            file.write(text.replace('["notebooks"]', f"[{folders}]", 1))
    except OSError as error:
        raise SettingsError(f"{where} cannot be written ({error.strerror}).") from None
    yield f"Wrote {printable(_shown(where))}: what is synced, for everybody who works here; commit it."


def _shown(path: Path) -> str:
    """Its name alone where it is in the current folder."""
    return path.name if path.parent == Path.cwd() else str(path)


def _hidden(project: Path, repository: Repository) -> Iterator[str]:
    """Keeps .env out of git, for there will be a token in it."""
    if ".env" in {entry.path for entry in repository.entries(project) if entry.tracked}:
        command = typed(UNTRACK, project, ".env")
        yield f"note: git tracks .env; type `{command}`, and replace the token if one was ever committed."
    if repository.ignored([".env"]):
        return
    ignore = project / ".gitignore"
    text = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    if ".env" in text.splitlines():  # of what is tracked, git says that it is not ignored
        return
    if ignore.is_symlink():  # git does not follow it, and nobody knows whose file it leads to
        yield f"note: git does not ignore .env, and {printable(_shown(ignore))} is a link; replace it with a file."
        return
    with ignore.open("a", encoding="utf-8") as file:
        file.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}.env\n")
    yield f"Added .env to {printable(_shown(ignore))}."


def _values(options: Options, environ: Mapping[str, str]) -> dict[str, str | None]:
    """What is known already: variable -> value, or None for what must not be set."""
    if options.profile:
        values: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_CONFIG_PROFILE": options.profile}
    elif options.local:
        values = {"DATABRICKS_HOST": "local"}
    else:
        values = {name: environ.get(name, "").strip() for name in _OF_ENVIRONMENT}
        if values["DATABRICKS_CONFIG_PROFILE"] and not values["DATABRICKS_HOST"]:
            values["DATABRICKS_HOST"] = None  # the sample's own must not come first
    values["DATABRICKS_USER"] = options.user
    return {name: value for name, value in values.items() if value != "" and (value or name == "DATABRICKS_HOST")}


def _quoted(value: str) -> str:
    """A value as it is written into a `.env`."""
    return value if _PLAIN.fullmatch(value) else "'" + re.sub(r"[\\']", lambda sign: f"\\{sign[0]}", value) + "'"


def filled(sample: str, values: Mapping[str, str | None]) -> str:
    """`sample` with these variables set, and those that are None commented out. Raises SettingsError. Pure."""
    for name, value in values.items():
        if value is not None and printable(value) != value:
            raise SettingsError(f"{name} would be {printable(value)}, which cannot be written to .env.", "Correct it.")
        line = f"#{name}=" if value is None else f"{name}={_quoted(value)}"
        sample, count = re.subn(rf"(?m)^#?{name}=.*$", lambda _, line=line: line, sample)  # type: ignore[misc]
        if not count and value is not None:
            sample = f"{sample.rstrip()}\n{line}\n"
    return sample
