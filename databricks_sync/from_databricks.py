"""`from_databricks`: brings the edits made in the workspace back into the notebooks folder."""

from __future__ import annotations

try:  # before everything else: it minds Ctrl-C meanwhile
    from . import startup
except KeyboardInterrupt:
    raise SystemExit(130) from None

import sys
from typing import Any

from . import command, options
from .mode import Mode
from .model import Direction


@options.command("from_databricks", Direction.PULL)
def from_databricks(**chosen: Any) -> None:
    """Bring /Users/<user>/<branch> back into NOTEBOOK_FOLDER (default: notebooks).

    Nothing that somebody changed here is replaced or deleted: such paths are reported, and the others carried.
    PATHS restrict the run to some files or folders.
    """
    options.check(chosen)
    mode = Mode.PULL_MERGE if chosen["merge"] else Mode.PULL_OVERWRITE if chosen["overwrite"] else Mode.PULL
    sys.exit(command.sync(mode, chosen))


def main() -> None:
    startup.ready()
    command.run(from_databricks)


if __name__ == "__main__":
    main()
