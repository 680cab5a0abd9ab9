"""`to_databricks`: carries the notebooks of the current branch into the workspace."""

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


@options.command("to_databricks", Direction.PUSH)
def to_databricks(mirror: bool, **chosen: Any) -> None:
    """Carry NOTEBOOK_FOLDER (default: notebooks) into /Users/<user>/<branch>.

    Nothing that somebody changed in the workspace is replaced or deleted: such paths are reported, and the
    others carried. PATHS restrict the run to some files or folders.
    """
    options.check({"mirror": mirror, **chosen})
    mode = Mode.PUSH_MIRROR if mirror else Mode.PUSH_OVERWRITE if chosen["overwrite"] else Mode.PUSH
    sys.exit(command.sync(mode, chosen))


def main() -> None:
    startup.ready()
    command.run(to_databricks)


if __name__ == "__main__":
    main()
