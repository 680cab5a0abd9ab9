"""Which exit code means what: the same for every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends, for scripts; the README has a table of them."""

    DONE = 0
    LEFT = 1  # something was left alone, or mistakes were found: a person has to look
    USAGE = 2  # options, settings, login
    STOPPED = 3  # before any write
    FAILED = 4
    INTERRUPTED = 130  # as shells say of what SIGINT ended
    UNREAD = 141  # likewise of SIGPIPE
