"""Everything that may go wrong and is expected to, as one tree.

    SyncError                 one sentence, the next thing to type, an exit code
    ├── SettingsError    (2)  options, environment, .env, profile, git
    ├── LoginError       (2)  the workspace does not accept who we say we are
    ├── ValveError       (3)  stopped before any write
    │   ├── Busy              another run is at work
    │   │   └── LockLost  (4) the same, in the middle of the writes
    │   ├── Foreign           the target belongs to another repository
    │   ├── NotOurs           what stands in the place of a note or a lock is none of this tool
    │   └── BranchSwitched    git checked out something else meanwhile
    │       └── BranchSwitchedMidRun (4)  the same, in the middle of the writes
    ├── InterruptedRun   (130)
    └── WorkspaceError   (4)  an answer of the workspace, or none
        ├── NotFound  AlreadyExists  TypeMismatch  NotEmpty  TooLarge  Denied
        ├── Throttled         429: certainly not applied, may be sent again
        ├── Unproved          what was sent is not what was listed
        └── Unreachable       no answer, or a torn one: a write may or may not have been applied
            └── BadAnswer     one that no workspace gives: asking again at once would not help

No message ever holds a token: messages are built from paths, hosts and the workspace's own error text.
"""

from __future__ import annotations

from collections.abc import Sequence

from .exit_code import ExitCode

# What a terminal obeys, and marks that turn the direction of what follows, so that a name can look like another one.
_OBEYED = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _OBEYED}


def printable(text: str) -> str:
    """`text` as it may be shown on a terminal: control characters are escaped, not obeyed."""
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


def quantity(number: int, noun: str) -> str:
    """A count for people: "1 object", "2,000 objects"."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def enumerated(names: Sequence[str], most: int = 3) -> str:
    """Names for people, `most` of them: "a.py, b.py, c.py and 4 more"."""
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(map(printable, names[:most]))}{rest}"


def near(name: str, known: Sequence[str], shown: str = "{}") -> str:
    """What to propose in the place of a name that nobody knows, after that name."""
    from difflib import get_close_matches  # a tenth of the time in which git has a notebook shown

    close = get_close_matches(name, known, 1)
    if close:
        return f", which is unknown (did you mean {shown.format(close[0])}?)"
    return f", which is unknown (known: {', '.join(shown.format(one) for one in known)})"


class Again(str):
    """A hint to run the command again, in both its wordings; `watching` is that of a watch, which does so by itself."""

    watching: str

    def __new__(cls, more: str = ".", *, before: str = "") -> Again:
        """`more` and `before` are what stands after and before the words."""
        begins = not before or before.endswith(". ")
        typed, waited = ("Run", "This") if begins else ("run", "this")
        hint = super().__new__(cls, f"{before}{typed} the command again{more}")
        hint.watching = f"{before}{waited} is tried again{more}"
        return hint


class SyncError(Exception):
    """An expected failure: `message` says what happened to what, `hint` what to type next."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(SyncError):
    """The options, the environment, `.env`, a profile or git say something that cannot be used."""

    exit_code = ExitCode.USAGE


class LoginError(SyncError):
    """The workspace does not accept who we say we are."""

    exit_code = ExitCode.USAGE


class ValveError(SyncError):
    """Stopped before any write, for safety; `option` lets the next run go on all the same, if there is such a one."""

    exit_code = ExitCode.STOPPED

    def __init__(self, message: str, hint: str = "", *, option: str = "") -> None:
        super().__init__(message, hint)
        self.option = option


class Busy(ValveError):
    """Another run is at work on the same target; it will end."""


class LockLost(Busy):
    """Another run took the lock of the target while we held it: what was begun is done, and no more."""

    exit_code = ExitCode.FAILED


class Foreign(ValveError):
    """The target belongs to another repository."""


class NotOurs(ValveError):
    """Something stands where a note or a lock of this tool belongs, and is none."""


class BranchSwitched(ValveError):
    """Git checked out something else while we were looking, so what was seen is of no branch."""


class BranchSwitchedMidRun(BranchSwitched):
    """The same after something was written: what was begun is done, and the rest is of another branch."""

    exit_code = ExitCode.FAILED


class InterruptedRun(SyncError):
    """Ctrl-C or SIGTERM ended the run."""

    exit_code = ExitCode.INTERRUPTED


class WorkspaceError(SyncError):
    """The workspace refused or did not answer; `code` is its error_code, `status` the HTTP status (0: none)."""

    def __init__(self, message: str, hint: str = "", *, code: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.code = code
        self.status = status


class NotFound(WorkspaceError):
    """Nothing has this path."""


class AlreadyExists(WorkspaceError):
    """Something has this path already."""


class TypeMismatch(WorkspaceError):
    """What has this path is of another type, such as a folder."""


class NotEmpty(WorkspaceError):
    """The folder still holds something."""


class TooLarge(WorkspaceError):
    """The content is larger than the workspace takes."""


class Denied(WorkspaceError):
    """The permission is missing."""


class Throttled(WorkspaceError):
    """429: certainly not applied, may be sent again."""


class Unproved(WorkspaceError):
    """The content that came is not that of the object as it was listed: it may be older, cut off, or no content."""


class Unreachable(WorkspaceError):
    """No trustworthy answer. For a write this means: read before judging, never just send it again."""


class BadAnswer(Unreachable):
    """An answer that no workspace gives, such as a page or one without an end: a read is not repeated at once."""


class BrokenNotebook(ValueError):
    """Bytes that are not the notebook their name says; the text says what is wrong with them."""


class ConverterMissing(BrokenNotebook):
    """A Jupyter notebook of format 3 or older, and nbformat is not installed."""
