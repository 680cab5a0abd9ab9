"""`from_databricks`: brings the edits made in the workspace back into the notebooks folder."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from . import startup
except KeyboardInterrupt:
    raise SystemExit(130) from None

from databricks_sync.cli.main import run, sync
from databricks_sync.cli.options import Options, command

from .model import Direction


@command("from_databricks", Direction.PULL)
def from_databricks(options: Options) -> int:
    """Bring /Users/<user>/<branch> back into NOTEBOOK_FOLDER (default: notebooks).

    Nothing that somebody changed here is replaced or deleted: such paths are reported, and the others carried.
    PATHS restrict the run to some files or folders.
    """
    return sync(options)


def main() -> None:
    """The command `from_databricks`: ends the process with its exit code."""
    startup.ready()
    run(from_databricks)


if __name__ == "__main__":
    main()
