from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")  # that of trio is imported with all of trio, and not used

from hypothesis import HealthCheck, settings
from support.sources import COLLECTED

if TYPE_CHECKING:
    from hooks.stage import Stage
    from support.contents import Contents
    from support.starts import Starts

    from databricks_local.embedded import Running

# Nothing of what is imported and collected is garbage: looking for some would take half of the time, in each worker.
gc.disable()
# Whoever starts the tests in the background may have Ctrl-C ignored, which every program they start would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where tests write: into memory, if there is room for all of them. A disk is asked ten thousand times to keep what is
# looked at in the next moment, and then to forget it.
MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes, of which a run that keeps nothing but failures takes the tenth part


def _has_room(folder: Path) -> bool:
    """Whether tests can write into a folder, and start what they wrote."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    return shutil.disk_usage(folder).free > ROOM and not os.statvfs(folder).f_flag & os.ST_NOEXEC


if _has_room(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# For every test. Nobody looks at a clock: how long an example takes, and how many come about in a while, tells of the
# machine alone. The examples are the same each time, and all those of a test share its folder.
settings.register_profile(
    "steady",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile("steady")
settings.register_profile("long", settings.get_profile("steady"), max_examples=500)


# What takes seconds to start or to import is for one worker: tests that use it are in one group. `sdk`: databricks-sdk,
# and the server of emulator/work_fixtures.py; `hooks`: the workspace `shared`; others are of one file.


@pytest.fixture(scope="session")
def workspace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one workspace of a worker keeps what it holds: where it does so in a home folder."""
    return tmp_path_factory.mktemp("embedded") / ".databricks_local"


@pytest.fixture(scope="session")
def embedded(workspace_folder: Path) -> Iterator[Running]:
    """The server of that workspace, which every test that uses it empties first.

    In the end it must have nothing to complain about.
    """
    from databricks_local.embedded import running

    with running(workspace_folder) as there:
        yield there
    log = workspace_folder / "server.log"
    assert not log.exists(), log.read_text()


@pytest.fixture(scope="session")
def contents(workspace_folder: Path) -> Contents:
    """What that workspace holds, to be kept and laid there again."""
    from support.contents import Contents

    from databricks_local.home import Home

    return Contents(Home(workspace_folder).database)


@pytest.fixture(scope="session")
def starts(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Starts:
    """Projects in sync with that workspace, to be copied."""
    from support.starts import Starts

    return Starts(tmp_path_factory.mktemp("starts"), contents)


@pytest.fixture(scope="session")
def dot_git(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `.git` of an empty repository on `main`, to be copied, as `git init` takes five times as long."""
    folder = tmp_path_factory.mktemp("empty")
    environ = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], env=environ, check=True)
    for sample in (folder / ".git/hooks").glob("*.sample"):
        sample.unlink()
    return folder / ".git"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The workspace in which projects are run: by hooks, from a desk and by a pipeline.

    Its MLflow takes seconds to start, so that who uses it is in the group `hooks`, which one worker has.
    """
    from hooks.stage import staged

    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


# Where most is waiting, for a watch or for an answer that is late: one worker has all of it while others compute, or
# else all would wait at once.
WAITING = (
    *("tests/watch/", "tests/commands/test_bad_input.py", "tests/commands/test_faults.py"),
    *("tests/emulator/test_bad_days.py", "tests/safety/test_remote_lock.py", "tests/unit/remote/test_servers.py"),
)
# What imports pandas, as MLflow does.
PANDAS = ("tests/test_notebooks.py",)
# A team's repository and two workspaces more, which are made once.
PIPELINES = ("tests/pipelines/",)
# What takes longest comes first, so that no worker is left with it in the end.
FIRST = ("tests/test_projects.py", *WAITING)


def pytest_configure(config: pytest.Config) -> None:
    """The long run tries ten times as many examples."""
    if not config.getoption("markexpr"):
        settings.load_profile("long")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist looks at the groups then
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[COLLECTED] = [item.nodeid for item in items]
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
    for item in items:
        for group, places in (("waiting", WAITING), ("hooks", PANDAS), ("pipelines", PIPELINES)):
            if item.nodeid.startswith(places) and not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(100_000)  # garbage in circles is rare, and memory is not
    gc.enable()


@pytest.hookimpl(trylast=True)  # pytest has looked for garbage by then
def pytest_unconfigure() -> None:
    gc.freeze()  # else it is looked for twice more, in all that was imported


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for everything that could not be tested on this machine, and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        told = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"not looked at here: {told}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why something was skipped, in one line without its full stop."""
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(told.removeprefix("Skipped: ").split()).rstrip(".")
