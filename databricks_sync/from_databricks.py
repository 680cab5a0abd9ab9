"""`from_databricks`: pulls the changes made in the workspace into the notebooks folder."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from . import startup  # noqa: F401
except KeyboardInterrupt:
    raise SystemExit(130) from None  # ExitCode.INTERRUPTED, which may not be imported yet

from databricks_sync.cli.main import run, sync
from databricks_sync.cli.options import Options, command

from .model import Direction


@command("from_databricks", Direction.PULL)
def from_databricks(options: Options) -> int:
    """Pull /Users/<user>/<branch> into NOTEBOOK_FOLDER (default: notebooks).

    A path that somebody changed locally is reported and skipped: it is not overwritten or deleted. All other paths
    are pulled. Give PATHS to pull only some files or folders.
    """
    return sync(options)


def main() -> None:
    """The command `from_databricks`: ends the process with its exit code."""
    run(from_databricks)


if __name__ == "__main__":
    main()
