"""What this machine says of itself."""

from __future__ import annotations

import getpass
import os
import sys


def login_name() -> str:
    """The name this process runs under, from the system itself rather than from variables anybody can set."""
    try:
        if sys.platform != "win32":
            import pwd

            return pwd.getpwuid(os.getuid()).pw_name
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
