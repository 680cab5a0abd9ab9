"""What may go wrong with hooks and is expected to, as branches of the tree in `databricks_sync.errors`.

SyncError
├── SettingsError  (2)
│   └── UnknownHook     no project has a hook of that name
└── HookError      (1)
    └── Overdue         a run has reached its deadline
"""

from __future__ import annotations

from databricks_sync.errors import SettingsError, SyncError
from databricks_sync.exit_code import ExitCode


class UnknownHook(SettingsError):
    """No project has a hook of that name."""


class HookError(SyncError):
    """What is wrong with a hook, its project, its generated files, its job or its run."""

    exit_code = ExitCode.LEFT


class Overdue(HookError):
    """A run has reached its deadline."""
