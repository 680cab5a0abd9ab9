"""`to_databricks`: carries the notebooks of the current branch into the workspace."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from . import startup
except KeyboardInterrupt:
    raise SystemExit(130) from None

from databricks_sync.cli.main import run, sync
from databricks_sync.cli.options import Options, command

from .model import Direction


@command("to_databricks", Direction.PUSH)
def to_databricks(options: Options) -> int:
    """Carry NOTEBOOK_FOLDER (default: notebooks) into /Users/<user>/<branch>.

    Nothing that somebody changed in the workspace is replaced or deleted: such paths are reported, and the
    others carried. PATHS restrict the run to some files or folders.
    """
    return sync(options)


def main() -> None:
    """The command `to_databricks`: ends the process with its exit code."""
    startup.ready()
    run(to_databricks)


if __name__ == "__main__":
    main()
