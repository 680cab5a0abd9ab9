"""`to_databricks`: pushes the notebooks of the current branch to the workspace."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from . import startup  # noqa: F401
except KeyboardInterrupt:
    raise SystemExit(130) from None  # ExitCode.INTERRUPTED, which may not be imported yet

from databricks_sync.cli.main import run, sync
from databricks_sync.cli.options import Options, command

from .model import Direction


@command("to_databricks", Direction.PUSH)
def to_databricks(options: Options) -> int:
    """Push NOTEBOOK_FOLDER (default: notebooks) to /Users/<user>/<branch>.

    A path that somebody changed in the workspace is reported and skipped: it is not overwritten or deleted. All
    other paths are pushed. Give PATHS to push only some files or folders.
    """
    return sync(options)


def main() -> None:
    """The command `to_databricks`: ends the process with its exit code."""
    run(to_databricks)


if __name__ == "__main__":
    main()
