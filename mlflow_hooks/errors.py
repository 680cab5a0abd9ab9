"""What may go wrong with hooks and is expected to, as branches of the tree in `databricks_sync.errors`.

SyncError
├── SettingsError  (2)
│   └── UnknownHook     no project has a hook of that name
└── HookError      (1)
    ├── BrokenProject   a project has mistakes; each is a finding
    ├── EditedByHand    a generated file was edited, and would be overwritten
    ├── Unwritable      a generated file cannot be, for what stands in its place
    ├── OutOfDate       what is written is not what would be generated now
    ├── NotAdopted      a job cannot become that of a hook
    └── OtherTarget     the workspace has the hook as it is for another target
"""

from __future__ import annotations

from databricks_sync.errors import SettingsError, SyncError
from databricks_sync.exit_code import ExitCode


class UnknownHook(SettingsError):
    """No project has a hook of that name."""


class HookError(SyncError):
    """What is wrong with a hook, its project or its generated files."""

    exit_code = ExitCode.LEFT


class BrokenProject(HookError):
    """A project has mistakes; each is a finding."""


class EditedByHand(HookError):
    """A generated file was edited, and would be overwritten."""


class Unwritable(HookError):
    """A generated file cannot be written because of what stands in its place."""


class OutOfDate(HookError):
    """What is written is not what would be generated now."""


class NotAdopted(HookError):
    """A job cannot become that of a hook."""


class OtherTarget(HookError):
    """The workspace has the hook as it is for another target of its hook.yml."""
