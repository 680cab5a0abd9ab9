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
    Exit codes: 0 in step, 1 conflicts or refusals, 2 usage or configuration, 3 stopped by a safety valve before
    any write, 4 some objects failed and the rest was done, 130 interrupted.
"""
_MIRROR = "Make the workspace folder an exact copy, for CI: overwrite, and remove what the folder lacks."
_MERGE = "Merge the notebooks that both sides changed, cell by cell; cells that both changed stay as they are."
_MARKERS = "With --merge, write such a notebook with both versions of these cells, between markers."


class Options(NamedTuple):
    """What was typed, under the names of the options; what only the other direction has is as if it was not typed."""

    direction: Direction = Direction.PUSH
    paths: tuple[str, ...] = ()
    overwrite: bool = False
    mirror: bool = False
    merge: bool = False
    markers: bool = False
    dry_run: bool = False
    diff: bool = False
    watch: bool = False
    pull: bool = False
    poll: bool = False
    target: str | None = None
    branch: str | None = None
    user: str | None = None
    profile: str | None = None
    local: bool = False
    no_delete: bool = False
    max_delete: str | None = None  # "12" or "40%"
    allow_all_changed: bool = False
    allow_empty: bool = False
    take_over: bool = False
    lock: bool = False
    wait: float = 0.0  # seconds
    restore: str | None = None  # None: not asked for, "": list the backups, else the name of a run
    as_json: bool = False
    init: bool = False

    @property
    def mode(self) -> Mode:
        if self.direction is Direction.PULL:
            return Mode.PULL_MERGE if self.merge else Mode.PULL_OVERWRITE if self.overwrite else Mode.PULL
        return Mode.PUSH_MIRROR if self.mirror else Mode.PUSH_OVERWRITE if self.overwrite else Mode.PUSH

    @property
    def named(self) -> bool:
        """Whether the target or the branch was named, so that neither depends on what is checked out."""
        return bool(self.target or self.branch)

    def check(self) -> None:
        """Raises click.UsageError for options that contradict each other."""
        if self.watch:
            self._check_watch()
        else:
            for name, typed in (("pull", self.pull), ("poll", self.poll)):
                if typed:
                    raise click.UsageError(f"--{name} goes with --watch.")
        if self.merge and self.overwrite:
            raise click.UsageError("--merge keeps both sides' edits and --overwrite one side's: give one of them.")
        if self.markers and not self.merge:
            raise click.UsageError("--markers goes with --merge.")
        if self.mirror and self.paths:
            raise click.UsageError("--mirror is about the whole folder: leave the PATHS out.")

    def _check_watch(self) -> None:
        replacing = {
            "dry-run": self.dry_run,
            "overwrite": self.overwrite,
            "mirror": self.mirror,
            "merge": self.merge,
        }
        for name, typed in replacing.items():
            if typed:
                raise click.UsageError(f"--watch replaces nothing that somebody else changed: leave --{name} out.")
        if self.restore is not None:
            raise click.UsageError("--watch and --restore are two different things.")

    def again(self) -> str:
        """The options that say which workspace and folder a run is about, as they would be typed once more."""
        return self.login() + _typed(branch=self.branch, target=self.target)

    def login(self) -> str:
        """Those of them that say which workspace it is, and who we are there."""
        return (" --local" if self.local else "") + _typed(profile=self.profile, user=self.user)


def _typed(**values: str | None) -> str:
    return "".join(shell.option(name, value) for name, value in values.items() if value)


def flag(name: str, text: str) -> Callable[..., Any]:
    return click.option(*name.split("/"), is_flag=True, help=text)


def _share(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d+|\d+(\.\d+)?%", value):
        raise click.BadParameter(f"{value} is neither a number nor a percentage, such as 12 or 40%.")
    return value


def _filled(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An empty value is an unset variable of somebody's script, and must not silently mean something else."""
    if value is not None and not value.strip():
        raise click.BadParameter(f"--{parameter.name} is empty.")
    return value


def _all_filled(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The same of a path: it would be the folder one is in, and so everything."""
    if not all(value.strip() for value in values):
        raise click.BadParameter("one of the PATHS is empty.")
    return values


def named(name: str, text: str, **more: Any) -> Callable[..., Any]:
    return click.option(name, metavar="NAME", callback=_filled, help=text, **more)


def absolute(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("/"):
        proposal = value if value.startswith(("Shared/", "Users/", "Workspace/")) else f"Shared/{value}"
        raise click.BadParameter(f"{value} is not an absolute path; write /{proposal}.")
    return value


def command(name: str, direction: Direction) -> Callable[[Callable[[Options], int]], click.Command]:
    """Makes a function from options to an exit code the command `name`, with the options of its direction."""
    push = direction is Direction.PUSH
    source, destination = ("folder", "workspace") if push else ("workspace", "folder")
    declared = [
        click.argument("paths", nargs=-1, type=click.Path(), callback=_all_filled),
        flag("--overwrite", f"The {source} wins where the sides differ; what it replaces is kept in a backup."),
        *([flag("--mirror", _MIRROR)] if push else [flag("--merge", _MERGE), flag("--markers", _MARKERS)]),
        flag("-n/--dry-run", "Show the plan; change nothing on either side."),
        flag("--diff", "With the plan, show the differences, cell by cell."),
        flag("--watch", f"Stay, and carry every change as soon as it is made in the {source}; Ctrl-C ends it."),
        *([flag("--pull", "With --watch, bring what is edited in the workspace here as well.")] if push else []),
        flag("--poll", "With --watch, poll the files, where the system tells nothing of changes."),
        click.option(
            "--target", metavar="PATH", callback=absolute, help="The workspace folder, not /Users/<user>/<branch>."
        ),
        named("--branch", "The branch, instead of the one that is checked out.", shell_complete=completion.branches),
        named("--user", "The workspace user, instead of the one who is logged in."),
        named("--profile", "The profile of ~/.databrickscfg to log in with."),
        flag("--local", "Use the workspace on this machine, as DATABRICKS_HOST=local does."),
        flag("--no-delete", f"Delete nothing in the {destination}."),
        click.option(
            "--max-delete", metavar="N|P%", callback=_share, help="Let the run delete so many objects, or such a share."
        ),
        flag("--allow-all-changed", "Let the run change every object at once."),
        flag("--allow-empty", f"Believe a {source} that is suddenly empty or gone."),
        flag("--take-over", "Make a target of another repository or project this one's, laid out as here."),
        *([flag("--lock", "Lock the target for other machines, as is done for shared ones.")] if push else []),
        click.option("--wait", type=float, default=0, metavar="SECONDS", help="Wait so long for another run to end."),
        click.option(
            *("--restore", "restore"),
            metavar="[RUN]",
            is_flag=False,
            flag_value="",
            default=None,
            help="List the backups, or bring one back: a whole run, or the PATHS of it.",
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="One JSON object per line: an event per path and a summary."
        ),
        *(
            [flag("--init", "Write .env from the sample, have git ignore it, and check the connection.")]
            if push
            else []
        ),
        completion.option(),
        click.version_option(__version__, "--version", prog_name=name),
    ]

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
