"""`to_databricks --git-drivers`: git shows and merges notebooks cell by cell, in this clone; `off` takes that back.

All of it stands in the git directory, which no clone brings along. SOURCE: gitattributes(5), git-config(1).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from databricks_sync.errors import SettingsError, printable
from databricks_sync.exit_code import ExitCode
from databricks_sync.git_merge import CONFLICT
from databricks_sync.local.git import Repository, program
from databricks_sync.output.report import Reporter

from .options import Options
from .project import Project, find
from .settings import folders_of

_PACKAGE = Path(__file__).parents[1]
_TEXTCONV, _MERGE, _DIFFTOOL = "git_textconv", "git_merge", "git_difftool"
_NAME = "merge.databricks.name"
_ATTRIBUTES = "diff=databricks merge=databricks"
_BEGIN, _END = "# Written by databricks-branch-sync:\n", "# End of what it wrote.\n"
# In the folders that are synced alone: git does not tell a driver of options such as `-X ours`, also for plain files.
_SOURCES = ("*.py", "*.sql", "*.scala", "*.[rR]")
_DONE = "git diff, log, show, merge, rebase and cherry-pick now take notebooks cell by cell, in this clone only:"
_UNDO = "To undo it:  to_databricks --git-drivers off"
_GLOB = re.compile(r"[*?\[\\]")


def run(options: Options, report: Reporter) -> int:
    """Does what `--git-drivers` asks for, and says what was written; returns the exit code. Raises SettingsError."""
    project = find(os.environ, Path.cwd())
    repository = Repository(project.folder)
    if options.git_drivers == "off":
        undone = _take_out(repository)
        line = "git takes notebooks by lines again." if undone else "git takes notebooks by lines; nothing was set up."
        report.say(line, "git_drivers", attributes=[])
    else:
        lines = _attributes(repository, project)
        _set_up(repository, lines)
        report.say("\n".join((_DONE, *(f"  {line}" for line in lines), _UNDO)), "git_drivers", attributes=lines)
    return ExitCode.DONE


def is_offered(repository: Repository) -> bool:
    """Whether git could show notebooks with this installation in this clone, and does not yet."""
    return not any(_is_ours(repository.setting(name)) for name in _commands()) and not _inside(repository)


def _set_up(repository: Repository, attributes: Sequence[str]) -> None:
    """Raises SettingsError where git would start what somebody else may replace, or does so for somebody else."""
    if path := _inside(repository):
        raise SettingsError(
            f"{printable(str(path))} is in the repository, where a commit may replace what git would start.",
            "Install databricks-branch-sync outside of it, in another virtual environment, and type its command.",
        )
    for name in _commands():
        if (command := repository.setting(name)) and not _is_ours(command):
            raise SettingsError(
                f"git's configuration has a {name} already, which is not of this tool.",
                f"Remove it with `{program(repository.top)} config --unset-all {name}`, and type the command again.",
            )
    for name, value in {**_commands(), _NAME: "Databricks notebooks, cell by cell"}.items():
        if repository.setting(name) != value:
            repository.configure(name, value)
    old = _read(repository)
    # Those of the person stand below, and count more.
    _write(repository, old, "".join((_BEGIN, *(f"{line}\n" for line in attributes), _END, _without_ours(old))))


def _take_out(repository: Repository) -> bool:
    """Whether there was something to take out."""
    names = [name for name in _commands() if _is_ours(repository.setting(name))]
    for name in (*names, *([_NAME] if names else [])):
        repository.configure(name, None)
    old = _read(repository)
    _write(repository, old, _without_ours(old))
    return bool(names) or _without_ours(old) != old


def _commands() -> dict[str, str]:
    """What git is to start, by the name of the setting.

    Where the installation is gone or broken, git goes on by lines: to git, a command that only fails has found a
    conflict, and left what is ours.
    """
    merge = _start(_MERGE).replace("%", "%%")
    by_lines = "git merge-file --marker-size=%L %A %O %B"
    return {
        "diff.databricks.textconv": f'f() {{ {_start(_TEXTCONV)} "$1" || cat -- "$1"; }}; f',
        "merge.databricks.driver": f"{merge} %O %A %B %L %P %X %S %Y; "
        f"case $? in 0) ;; {CONFLICT}) exit 1 ;; *) {by_lines} ;; esac",
        "difftool.databricks.cmd": f'{_start(_DIFFTOOL)} "$LOCAL" "$REMOTE"',
    }


def _start(module: str) -> str:
    """What starts a module of this installation, for a shell.

    This very Python and package, and no module from elsewhere: neither variables nor the current folder count, nor what
    site-packages would start (`-I -S`).
    """
    above = json.dumps(_PACKAGE.parent.as_posix(), ensure_ascii=False)
    code = f"import sys; sys.path.append({above}); from databricks_sync.{module} import main; main()"
    return f"{shlex.quote(Path(sys.executable).as_posix())} -I -S -c {shlex.quote(code)}"


def _is_ours(command: str | None) -> bool:
    return any(f"databricks_sync.{module}" in (command or "") for module in (_TEXTCONV, _MERGE, _DIFFTOOL))


def _inside(repository: Repository) -> Path | None:
    """What of this installation is in a work tree of the repository, so that a checkout could replace it."""
    trees = [Path(os.path.realpath(tree)) for tree in repository.work_trees()]
    for path in (Path(sys.executable), _PACKAGE):
        if any(tree in (*place.parents,) for place in (path, Path(os.path.realpath(path))) for tree in trees):
            return path
    return None


def _attributes(repository: Repository, project: Project) -> list[str]:
    """The lines that say which files git takes so: what may be a notebook, by its name."""
    named = os.environ.get("NOTEBOOK_FOLDER") or project.dotenv.values.get("NOTEBOOK_FOLDER", "")
    top = Path(os.path.realpath(repository.top))
    folders = [Path(os.path.relpath(os.path.realpath(folder.path), top)) for folder in folders_of(project, named)]
    literal = (_GLOB.sub(r"\\\g<0>", folder.as_posix()) for folder in folders)
    below = ["" if folder == "." else f"{folder}/**/" for folder in literal]
    return [f"{_pattern(pattern)} {_ATTRIBUTES}" for pattern in ("*.ipynb", *(b + s for b in below for s in _SOURCES))]


def _pattern(text: str) -> str:
    """A pattern as it is written into a file of attributes."""
    if re.fullmatch(r"[^\s\"#!][^\s\"]*", text):
        return text
    return '"' + re.sub(r'[\\"]', r"\\\g<0>", text) + '"'


def _without_ours(text: str) -> str:
    begin, found, rest = text.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    return begin + after if found and ended else text


def _read(repository: Repository) -> str:
    try:
        return repository.attributes.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _write(repository: Repository, old: str, new: str) -> None:
    file = repository.attributes
    if new == old:
        return
    if not new:
        file.unlink()
        return
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(new.encode("utf-8", "surrogateescape"))
