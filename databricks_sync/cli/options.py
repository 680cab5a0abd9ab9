"""The options of both commands: declared once, made one value of, and checked before anything is done."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from databricks_sync import __version__, shell
from databricks_sync.model import Direction, Mode

from . import completion

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_EXIT_CODES = """
    Exit codes: 0 in sync, 1 conflicts, refused paths, a folder that was not removed, or something to do that a check
    has found, 2 a mistake in the options, settings or login, 3 stopped by a safety check before any change, 4 some
    objects failed and the rest was done, 130 interrupted.
"""
_INIT = "Write a .env, add it to .gitignore, write a databricks_sync.toml, and check the connection."
_MIRROR = "Make the workspace folder an exact copy, for CI: overwrite what differs, delete what you do not have."
_REMOVE = "Delete the workspace folder of --branch, --target or --merged: what you pushed and nobody edited there."
_MERGED = "With --remove, delete the folders of all branches that are merged or gone, as far as git knows."
_OLDER = "Allow mirroring a commit that is older than the one that was pushed last."
_DRIVERS = "Let git show and merge notebooks cell by cell, in this clone; off: as before."
_REVIEW = (
    "Write what changed between two commits, cell by cell; default: since the branch left the default branch. "
    "PATHS default to NOTEBOOK_FOLDER."
)
_MERGE = "Merge notebooks that both sides changed, cell by cell; skip those where both changed the same cell."
_OUTPUTS = "Pull the outputs of Jupyter notebooks too; default: only those of cells that somebody edited."
_MARKERS = "With --merge, write both versions of such a cell into your file, between conflict markers."
_RUNS = ("dry_run", "checking", "diff", "watch", "status", "restore", "remove", "init")  # that sync, or would
_CHANGING = ("overwrite", "mirror", "merge", "outputs")  # what a run does where both sides differ
# What is a part of another option, and means nothing without it.
_PART_OF = {
    "pull": "watch",
    "poll": "watch",
    "short": "status",
    "markers": "merge",
    "output": "review",
    "merged": "remove",
}
_NOT_WITH = {
    "watch": ("dry_run", "checking", *_CHANGING, "restore"),
    "merge": ("overwrite",),
    "status": ("dry_run", "checking", "diff", "watch", *_CHANGING, "restore", "init"),
    "short": ("as_json",),
    "checking": ("restore", "init"),
    "review": (*_RUNS, "git_drivers", "as_json", *_CHANGING),
    "remove": ("watch", "status", "restore", "init", "no_delete", "open"),
    "merged": ("branch", "target", "to"),
    "git_drivers": (*_RUNS, *_CHANGING),
}
_ON_ALL = ("mirror", "remove", "git_drivers")  # on the whole folder


class Options(NamedTuple):
    """What was typed, under the names of the options; what only the other direction has is as if it was not typed."""

    direction: Direction = Direction.PUSH
    paths: tuple[str, ...] = ()
    overwrite: bool = False
    mirror: bool = False
    remove: bool = False
    merged: bool = False
    merge: bool = False
    markers: bool = False
    outputs: bool = False
    dry_run: bool = False
    checking: bool = False
    diff: bool = False
    status: bool = False
    short: bool = False
    open: bool = False
    watch: bool = False
    pull: bool = False
    poll: bool = False
    to: str | None = None
    target: str | None = None
    branch: str | None = None
    user: str | None = None
    profile: str | None = None
    local: bool = False
    no_delete: bool = False
    max_delete: str | None = None  # "12" or "40%"
    allow_all_changed: bool = False
    allow_empty: bool = False
    allow_older: bool = False
    take_over: bool = False
    lock: bool = False
    wait: float = 0.0  # seconds
    restore: str | None = None  # None: not asked for, "": list the backups, else the name of a run
    as_json: bool = False
    init: bool = False
    review: str | None = None  # None: not asked for, "": of this branch, else the commits
    output: tuple[str, ...] = ()
    git_drivers: str | None = None  # "on" or "off"

    @property
    def mode(self) -> Mode:
        """The column of the action table that these options ask for."""
        if self.direction is Direction.PULL:
            return Mode.PULL_MERGE if self.merge else Mode.PULL_OVERWRITE if self.overwrite else Mode.PULL
        return Mode.PUSH_MIRROR if self.mirror else Mode.PUSH_OVERWRITE if self.overwrite else Mode.PUSH

    @property
    def named(self) -> bool:
        """Whether the target or the branch was named, so that a checkout does not change what the run is about."""
        return bool(self.target or self.branch or self.to)

    def check(self) -> None:
        """Raises click.UsageError for options that contradict each other."""
        typed = {name for name, value in self._asdict().items() if value not in (False, None, ())}
        for part, whole in _PART_OF.items():
            if part in typed and whole not in typed:
                raise click.UsageError(f"{_spelled(part)} works only with {_spelled(whole)}.")
        for name, others in _NOT_WITH.items():
            for other in others:
                if typed >= {name, other}:
                    about = f"{_spelled(name)} and {_spelled(other)} cannot be used together"
                    raise click.UsageError(f"{about}: remove one.")
        if self.remove and not self.merged and not self.named:  # never the branch that happens to be checked out
            raise click.UsageError("--remove needs a folder: add --branch NAME, --target PATH or --merged.")
        for name in _ON_ALL:
            if typed >= {name, "paths"}:
                raise click.UsageError(f"{_spelled(name)} works on the whole folder: remove the PATHS.")

    def again(self) -> str:
        """The options that say which workspace and folder a run is about, as they would be typed once more."""
        return self.login() + _typed(branch=self.branch, target=self.target)

    def login(self) -> str:
        """Those of them that say which workspace it is, and who we are there."""
        return (" --local" if self.local else "") + _typed(to=self.to, profile=self.profile, user=self.user)


def _spelled(name: str) -> str:
    """An option as it is typed, by its name in `Options`."""
    return "--" + {"checking": "check", "as_json": "json"}.get(name, name.replace("_", "-"))


def _typed(**values: str | None) -> str:
    return "".join(shell.option(name, value) for name, value in values.items() if value)


def flag(name: str, text: str) -> Callable[..., Any]:
    """An option without a value: `name` is one name or two, as in `-n/--dry-run`, and `text` its help."""
    return click.option(*name.split("/"), is_flag=True, help=text)


def _share(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d+|\d+(\.\d+)?%", value):
        raise click.BadParameter(f"{value} must be a number or a percentage, such as 12 or 40%.")
    return value


def _filled(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An empty value is an unset variable of somebody's script, and must not silently mean something else."""
    if value is not None and not value.strip():
        raise click.BadParameter(f"--{parameter.name} is empty.")
    return value


def _all_filled(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The same of paths: one would be the folder one is in, and so everything."""
    if not all(value.strip() for value in values):
        raise click.BadParameter("one of the PATHS is empty.")
    return values


def named(name: str, text: str, **more: Any) -> Callable[..., Any]:
    """An option whose value is a name, and must not be empty; `more` is passed on to click."""
    return click.option(name, metavar="NAME", callback=_filled, help=text, **more)


def _alone_or_with(name: str, value: str, text: str, *, flag_value: str = "", **more: Any) -> Callable[..., Any]:
    """An option that may have a value: None where it is not typed, `flag_value` where it stands alone."""
    return click.option(name, metavar=value, is_flag=False, flag_value=flag_value, default=None, help=text, **more)


def absolute(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The callback of an option that takes an absolute path of the workspace. Raises click.BadParameter for others."""
    value = _filled(context, parameter, value)
    if value is not None and not value.startswith("/"):
        proposal = value if value.startswith(("Shared/", "Users/", "Workspace/")) else f"Shared/{value}"
        typed = shell.option(str(parameter.name), f"/{proposal}").strip()
        raise click.BadParameter(f"{value} is not an absolute path; write `{typed}`.")
    return value


def _place() -> list[Callable[..., Any]]:
    """The options that say which workspace, who we are there, and which folder."""
    return [
        named("--to", "A target that the settings of the project name.", shell_complete=completion.targets),
        click.option(
            *("--target",),
            metavar="PATH",
            callback=absolute,
            help="The workspace folder; default: what the settings of the project say, else /Users/<user>/<branch>.",
        ),
        named("--branch", "The branch; default: the one that is checked out.", shell_complete=completion.branches),
        named("--user", "The workspace user; default: the one who is logged in."),
        named("--profile", "Log in with this profile of ~/.databrickscfg."),
        flag("--local", "Use the workspace on this machine, like DATABRICKS_HOST=local."),
    ]


def _of_one_direction(push: bool) -> list[Callable[..., Any]]:
    """The options beside --overwrite that say what becomes of differences."""
    pulling = [flag("--merge", _MERGE), flag("--markers", _MARKERS), flag("--outputs", _OUTPUTS)]
    pushing = [flag("--mirror", _MIRROR), flag("--remove", _REMOVE), flag("--merged", _MERGED)]
    return pushing if push else pulling


def _with_git() -> list[Callable[..., Any]]:
    """The options about git and its commits, for which no workspace is asked."""
    return [
        _alone_or_with("--git-drivers", "[off]", _DRIVERS, flag_value="on", type=click.Choice(["on", "off"])),
        _alone_or_with("--review", "[BASE[..HEAD]]", _REVIEW, shell_complete=completion.branches),
        click.option(
            *("-o", "--output"),
            metavar="FILE",
            multiple=True,
            callback=_all_filled,
            help="With --review, write it into FILE: a page (.html), else Markdown; default: -, the standard output.",
        ),
    ]


def _safety(push: bool, source: str, destination: str) -> list[Callable[..., Any]]:
    """The options that say what a run may do, and what it waits for."""
    return [
        flag("--no-delete", f"Delete nothing in the {destination}."),
        click.option(
            "--max-delete", metavar="N|P%", callback=_share, help="Delete at most N objects or P% in this run."
        ),
        flag("--allow-all-changed", "Allow changing all objects in this run."),
        flag("--allow-empty", f"Allow deleting everything when the {source} is empty or missing."),
        *([flag("--allow-older", _OLDER)] if push else []),
        flag("--take-over", "Take over a target of another repository or project, or of other folders."),
        *(
            [flag("--lock", "Lock the target against other machines; shared targets are always locked.")]
            if push
            else []
        ),
        click.option(
            "--wait", type=float, default=0, metavar="SECONDS", help="Wait up to SECONDS for another run to end."
        ),
    ]


def _declared(name: str, direction: Direction) -> list[Callable[..., Any]]:
    """The PATHS and options of one direction, in the order of its help."""
    push = direction is Direction.PUSH
    source, destination, verb = ("folder", "workspace", "push") if push else ("workspace", "folder", "pull")
    return [
        click.argument("paths", nargs=-1, type=click.Path(), callback=_all_filled),
        flag("--overwrite", f"Overwrite the {destination} where both sides differ; a backup is kept."),
        *_of_one_direction(push),
        flag("-n/--dry-run", "Show the plan and change nothing."),
        click.option(
            *("--check", "checking"),
            is_flag=True,
            help=f"As --dry-run, but exit with 1 where there is something to {verb}, or a conflict.",
        ),
        flag("--diff", "Show the differences too, cell by cell."),
        flag("--status", "Show what differs on either side, and change nothing."),
        flag("--short", "With --status, print one line for each path, as `git status --short` does."),
        flag(
            "--open",
            "Open the workspace folder, or the page of --review, in the browser."
            if push
            else "Open the workspace folder in the browser, when the run is over.",
        ),
        flag("--watch", f"Watch for changes in the {source} and {verb} each one; stop with Ctrl-C."),
        *([flag("--pull", "With --watch, pull changes from the workspace too.")] if push else []),
        flag("--poll", "With --watch, check the files at intervals, for file systems that do not report changes."),
        *_place(),
        *_safety(push, source, destination),
        _alone_or_with("--restore", "[RUN]", "List the backups, or restore one: a whole run, or only PATHS."),
        click.option(
            "--json", "as_json", is_flag=True, help="Print one JSON object per line: an event per path, and a summary."
        ),
        *([flag("--init", _INIT), *_with_git()] if push else []),
        completion.option(),
        click.version_option(__version__, "--version", prog_name=name),
    ]


def command(name: str, direction: Direction) -> Callable[[Callable[[Options], int]], click.Command]:
    """Makes a function from options to an exit code the command `name`, with the options of its direction."""
    declared = _declared(name, direction)

    def decorate(function: Callable[[Options], int]) -> click.Command:
        @wraps(function)
        def run(**values: Any) -> None:
            options = Options(direction=direction, **values)
            options.check()
            sys.exit(function(options))

        run.__doc__ = f"{function.__doc__ or ''}{_EXIT_CODES}"
        for option in reversed(declared):
            run = option(run)
        return click.command(name, context_settings=_CONTEXT)(run)

    return decorate
