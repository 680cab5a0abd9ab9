"""`from_databricks`: brings the edits made in the workspace back into the notebooks folder."""

from __future__ import annotations

import sys
from typing import Any

from . import command
from .model import Direction


@command.options("from_databricks", Direction.PULL)
def from_databricks(**chosen: Any) -> None:
    """Bring /Users/<user>/<branch> back into NOTEBOOK_FOLDER (default: notebooks).

    Nothing that somebody changed here is replaced or deleted: such paths are reported, and the others carried.
    PATHS restrict the run to some files or folders.

    Exit codes: 0 in step, 1 conflicts or refusals, 2 usage or configuration, 3 stopped by a safety valve before
    any write, 4 some objects failed and the rest was done, 130 interrupted.
    """
    from .plan import Mode

    mode = Mode.PULL_OVERWRITE if chosen["overwrite"] else Mode.PULL
    sys.exit(command.sync(Direction.PULL, mode, chosen))


def main() -> None:
    command.run(from_databricks)


if __name__ == "__main__":
    main()
