"""The options of the four commands as one frozen value, made once from the command line."""

from __future__ import annotations

from typing import NamedTuple

from databricks_sync import shell
from databricks_sync.cli.options import Options

TARGET = "/Shared/mlflow_hooks"


class HookOptions(NamedTuple):
    """What was typed, under the names of the options; what a command does not have is as if it was not typed."""

    names: tuple[str, ...] = ()  # hooks or projects; none: all
    name: str = ""  # the one that the command is about
    to: str = ""  # a target of hook.yml
    projects: str | None = None
    folder: str | None = None
    strict: bool = False
    check: bool = False
    force: bool = False
    target: str | None = None
    overwrite: bool = False
    prune: bool = False
    take_over: bool = False
    dry_run: bool = False
    yes: bool = False
    job_id: int = 0
    open: bool = False
    wait: float = 0.0  # seconds
    parameters: tuple[str, ...] = ()  # NAME=VALUE
    trial: bool = False
    ref: str | None = None  # None: run what lies here, "": where the hook is pinned
    backend: str = "databricks"
    tracking: str | None = None
    experiment: str | None = None
    branch: str | None = None
    max_name: int | None = None  # bytes
    timeout: str | None = None
    approve: bool = False
    history: bool = False
    rollback: bool = False
    from_profile: str | None = None
    local: bool = False
    profile: str | None = None
    user: str | None = None
    as_json: bool = False

    def login(self) -> str:
        """The options that say which workspace it is, and who we are there, as they would be typed once more."""
        return self.session(None).login()

    def session(self, target: str | None) -> Options:
        """What a session with this target is opened with; None: that of the branch."""
        return Options(target=target, branch=self.branch, local=self.local, profile=self.profile, user=self.user)

    def folders(self) -> str:
        """The options that say where the projects and what is generated lie, as they would be typed once more."""
        return self._typed(projects=self.projects, folder=self.folder, to=self.to)

    def checking(self) -> str:
        """The command that checks the projects that this one is about."""
        return f"mlflow_hooks check{self.checked()}"

    def checked(self) -> str:
        """The options that say which projects are meant, and for which target, as they would be typed once more."""
        return self._typed(projects=self.projects, to=self.to)

    def binding(self) -> str:
        """The options that `bind` is to be typed with, so that it means the same hooks, workspace and folder."""
        return f"{self.login()}{self.checked()}{self._typed(target=self.target)}"

    @staticmethod
    def _typed(**named: str | None) -> str:
        return "".join(shell.option(name, value) for name, value in named.items() if value)
