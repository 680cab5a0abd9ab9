"""What a run needs of MLflow: logging in, an experiment, and that nothing stays RUNNING behind it.

The only file that imports MLflow, and only when something is run: the import takes a second.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from databricks_sync.errors import SettingsError, printable
from databricks_sync.model import Login
from mlflow_hooks.credentials import hidden
from mlflow_hooks.errors import HookError

if TYPE_CHECKING:
    from mlflow.entities import Run

# By which the runs are known that a script starts by itself (the tag's value: the name of the run that it is part of).
RUN_TAG = "mlflow_hooks.run"
_OPEN = ("RUNNING", "SCHEDULED")
_NAME = re.compile(r"[a-z0-9_]+-[0-9a-f]{8}")
_MESSAGE = 400


def run_name(hook: str) -> str:
    """A name that no other run has."""
    return f"{hook}-{secrets.token_hex(4)}"


def require_mlflow(*, server: bool = False) -> None:
    """Raises SettingsError where MLflow is missing; `server`: also what a tracking store of one's own needs."""
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # read at the import
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # what is there may be read by a program
    try:
        import_module("mlflow.projects")
    except ImportError:
        raise SettingsError("MLflow is not installed.", "Type: pip install 'databricks-branch-sync[hooks]'") from None
    if server and find_spec("sqlalchemy") is None:
        hint = "Type: pip install 'databricks-branch-sync[mlflow]'"
        raise SettingsError("Tracking runs on this machine needs the full MLflow package.", hint)


def log_in(login: Login) -> str:
    """Lets MLflow reach the workspace as we do, through this process's environment; the tracking URI."""
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    # Git never asks a question, and gives up when a minute brings it next to nothing.
    os.environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}
    # By itself MLflow repeats a request for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    login.withhold(os.environ)
    for name, value in login.variables.items():
        os.environ.setdefault(name, value)
    os.environ["DATABRICKS_HOST"] = login.host
    if login.workspace_id:
        os.environ["DATABRICKS_WORKSPACE_ID"] = login.workspace_id
    if not login.token and login.profile:
        return f"databricks://{login.profile}"
    if login.token:
        os.environ["DATABRICKS_TOKEN"] = login.token
        if not login.workspace_id:  # which only databricks-sdk sends along
            # SOURCE: MLflow 3.17, databricks_utils.py: with the SDK each request asks the host about itself before.
            os.environ.setdefault("MLFLOW_ENABLE_DB_SDK", "false")
        # Of another way to log in, which would contradict the token.
        for name in ("DATABRICKS_CONFIG_PROFILE", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"):
            os.environ.pop(name, None)
    return "databricks"


def store_in(folder: Path) -> str:
    """The tracking URI of a store in a folder of this machine, which is made."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return f"sqlite:///{(folder / 'mlflow.sqlite').as_posix()}"


class Tracking:
    """One experiment in one store. Raises HookError with what MLflow says."""

    def __init__(self, uri: str, experiment: str, artifacts: Path | None = None) -> None:
        import mlflow

        self.uri = uri
        self.since = int(time.time() * 1000)
        with mlflow_errors():
            mlflow.set_tracking_uri(uri)
            self.client = mlflow.MlflowClient()
            self.experiment_id = self._experiment(experiment, artifacts)

    def _experiment(self, name: str, artifacts: Path | None) -> str:
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            return str(self.client.create_experiment(name, artifacts.as_uri() if artifacts else None))
        if experiment.lifecycle_stage != "active":
            raise HookError(f"The experiment {name} was deleted.", "Restore it, or name another with --experiment.")
        return str(experiment.experiment_id)

    def named(self, name: str) -> Run | None:
        """The run of this name, or the first one that a script started for it, if it is there yet."""
        for condition in (f"attributes.run_name = '{name}'", f"tags.\"{RUN_TAG}\" = '{name}'"):
            order = ["attributes.start_time ASC"]
            if runs := self.client.search_runs([self.experiment_id], condition, max_results=1, order_by=order):
                return runs[0]
        return None

    def get(self, run_id: str) -> Run:
        """The run with this id. Raises HookError."""
        with mlflow_errors():
            return self.client.get_run(run_id)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets tags of a run. Raises whatever MLflow raises."""
        for name, value in tags.items():
            self.client.set_tag(run_id, name, value)

    def begin(self, name: str, tags: Mapping[str, str]) -> str:
        """A run of this name that others are to be below; its id. Raises HookError."""
        with mlflow_errors():
            run = self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags))
        return str(run.info.run_id)

    def close(self, name: str, status: str) -> None:
        """Ends what is still open of the run called `name`, and all that was begun below it.

        MLflow names a run only after it has made it: one that was made since we began, and that no other command of
        ours has named, is taken for ours too.
        """
        with mlflow_errors():
            running = [run for state in _OPEN for run in self._in_state(state)]
            mine = {run.info.run_id for run in running if self._is_ours(run, name)}
            grown = True
            while grown:
                below = {run.info.run_id for run in running if run.data.tags.get("mlflow.parentRunId") in mine}
                grown = not below <= mine
                mine |= below
            for run_id in mine:
                self.client.set_terminated(run_id, status)

    def _in_state(self, state: str) -> list[Run]:
        return list(self.client.search_runs([self.experiment_id], f"attributes.status = '{state}'", max_results=1000))

    def _is_ours(self, run: Run, name: str) -> bool:
        if name in (run.info.run_name, run.data.tags.get(RUN_TAG)):
            return True
        is_project = run.data.tags.get("mlflow.source.type") == "PROJECT"
        return is_project and run.info.start_time >= self.since and not _NAME.fullmatch(run.info.run_name or "")


@contextmanager
def mlflow_errors(checking: str = "mlflow_hooks check") -> Iterator[None]:
    """Meanwhile: raises whatever MLflow raises as a HookError of one sentence; `checking`: what checks the project."""
    try:
        yield
    except HookError:
        raise
    except Exception as error:  # its own, those of git and of requests: it promises none in particular
        raise HookError(f"MLflow says: {_sentence(error)}", _hint(error, checking)) from None


def _sentence(error: Exception) -> str:
    text = printable(hidden(" ".join(str(error).split()))) or type(error).__name__
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]} …"


def _hint(error: Exception, checking: str) -> str:
    if "Authentication failed" in str(error) or "terminal prompts disabled" in str(error):
        return "Log in to the repository with git's credential helper, or leave out --ref to run the local folder."
    return f"Type `{checking}` to look for mistakes in the project."
