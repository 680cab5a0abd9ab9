"""`to_databricks`: carries the notebooks of the current branch into the workspace."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import command
from .model import Direction


@command.options("to_databricks", Direction.PUSH)
@click.option(
    "--mirror",
    is_flag=True,
    help="Make the workspace folder an exact copy, for CI: overwrite, and remove what the folder lacks.",
)
def to_databricks(mirror: bool, **chosen: Any) -> None:
    """Carry NOTEBOOK_FOLDER (default: notebooks) into /Users/<user>/<branch>.

    Nothing that somebody changed in the workspace is replaced or deleted: such paths are reported, and the
    others carried. PATHS restrict the run to some files or folders.

    Exit codes: 0 in step, 1 conflicts or refusals, 2 usage or configuration, 3 stopped by a safety valve before
    any write, 4 some objects failed and the rest was done, 130 interrupted.
    """
    from .plan import Mode

    if mirror and chosen["paths"]:
        raise click.UsageError("--mirror is about the whole folder: leave the PATHS out.")
    mode = Mode.PUSH_MIRROR if mirror else Mode.PUSH_OVERWRITE if chosen["overwrite"] else Mode.PUSH
    sys.exit(command.sync(Direction.PUSH, mode, chosen))


def main() -> None:
    command.run(to_databricks)


if __name__ == "__main__":
    main()
