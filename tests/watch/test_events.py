"""What counts as a change, and on which file systems the system tells of one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from databricks_sync.local.changes import Changes, file_system, is_silent
from databricks_sync.local.git import Repository

MOUNTS = """\
22 1 0:21 / / rw,relatime - overlay overlay rw
23 22 0:22 / /proc rw,nosuid - proc proc rw
30 22 0:41 / /mnt/nas rw,relatime shared:1 - nfs4 nas:/export rw
31 22 0:42 / /mnt/nas/local rw,relatime - ext4 /dev/sdb1 rw
32 22 0:43 / /home/me/with\\040space rw,relatime shared:2 master:1 - fuse.sshfs me@host: rw
33 22 0:44 / /workspaces rw,relatime - 9p C:\\134 rw
34 22 0:45 / /over rw - ext4 /dev/a rw
35 22 0:46 / /over rw - virtiofs host rw
broken line
""".splitlines()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/project", "overlay"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/project/notebooks", "nfs4"),
        ("/mnt/nasty", "overlay"),
        ("/mnt/nas/local/project", "ext4"),
        ("/home/me/with space/project", "fuse.sshfs"),
        ("/workspaces/project", "9p"),
        ("/over/project", "virtiofs"),  # the later mount hides the earlier one
    ],
)
def test_file_system(path: str, expected: str) -> None:
    """A path is on the file system of the longest mount point above it."""
    assert file_system(path, MOUNTS) == expected


def test_no_mounts_are_no_file_system() -> None:
    """Where nothing is known of mounts, nothing is said."""
    assert file_system("/home/me", []) == ""


def test_this_machine_tells(tmp_path: Path) -> None:
    """The folder of these tests is on a file system that tells of changes."""
    assert not is_silent(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in ("notebooks/etl", "other"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def following(project: Path, folder: str = "notebooks", *, poll: bool = False) -> Changes:
    return Changes(Repository(project), [project / folder], [project / ".env"], poll=poll)


def seen(changes: Changes, seconds: float = 60.0) -> set[str]:
    return {path.relative_to(changes.project).as_posix() for path in changes.wait(seconds)}


NAMES = ["notebooks/a.py", "notebooks/etl/b.py", ".git/HEAD", ".git/index", ".git/MERGE_HEAD", ".env"]


@pytest.mark.parametrize("name", NAMES)
def test_what_counts(project: Path, name: str) -> None:
    """Files to carry, the branch, git at work, and the settings: a change of any of them is told."""
    with following(project) as changes:
        (project / name).write_text("new")
        assert name in seen(changes)


def test_what_is_polled(project: Path) -> None:
    """Where files are polled the same is found, within a second."""
    with following(project, poll=True) as changes:
        for name in NAMES:
            (project / name).write_text("new")
        assert set(NAMES) <= seen(changes)


# In a user namespace of one's own there may be as few watches as one likes: user_namespaces(7).
TOO_FEW = """
import sys
from pathlib import Path
from databricks_sync.local.changes import Changes
from databricks_sync.local.git import Repository
project = Path(sys.argv[1])
for number in range(5):
    Path("/proc/sys/user/max_inotify_watches").write_text(str(number))
    with Changes(Repository(project), [project / "notebooks"]) as changes:
        assert "max_user_watches" in changes.polled, number
        if number == 4:
            (project / "notebooks/etl/b.py").write_text("new")
            (project / ".git/HEAD").write_text("ref: refs/heads/new")
            print(sorted(path.name for path in changes.wait(300)))
"""


# As many as there are folders, but for the one that is made then.
NO_MORE = """
import sys
from pathlib import Path
from databricks_sync.local.changes import Changes
from databricks_sync.local.git import Repository
project = Path(sys.argv[1])
Path("/proc/sys/user/max_inotify_watches").write_text("5")
with Changes(Repository(project), [project / "notebooks"]) as changes:
    assert not changes.polled
    (project / "notebooks/new").mkdir()
    assert changes.wait(300)
    changes.renew()
    assert "max_user_watches" in changes.polled
    (project / "notebooks/new/c.py").write_text("new")
    print(sorted(path.name for path in changes.wait(300) if path.suffix))
"""


@pytest.mark.parametrize(
    ("program", "said"), [(TOO_FEW, ["HEAD", "b.py"]), (NO_MORE, ["c.py"])], ids=["start", "later"]
)
def test_watches_run_out(project: Path, program: str, said: list[str]) -> None:
    """Where the system has not enough watches for all folders, or for a new one, files are polled, and all is found."""
    typed = ["unshare", "--user", "--map-root-user", sys.executable, "-c", program, str(project)]
    try:
        ran = subprocess.run(typed, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if ran.stderr.startswith("unshare"):
        pytest.skip(ran.stderr)
    assert (ran.stdout, ran.stderr) == (f"{said}\n", "")


def test_what_does_not_count(project: Path) -> None:
    """Everything else beside them, what editors leave behind, and reading are no changes."""
    (project / "notebooks/a.py").write_text("as it was")
    with following(project) as changes:
        for name in (
            "README.md", "other/.gitignore", ".git/config", ".git/info/refs", ".git/objects/ab", "notebooks/.a.py.swp",
            "notebooks/a.py~",
        ):  # fmt: skip
            (project / name).write_text("new")
        (project / "notebooks/a.py").read_text()
        os.listdir(project / "notebooks")  # noqa: PTH208
        assert seen(changes, 0.3) == set()


@pytest.mark.parametrize(
    "name",
    [
        ".gitignore", "team/.gitignore", "team/src/.gitignore", "team/src/notebooks/etl/.gitignore",
        ".git/info/exclude",
    ],
)  # fmt: skip
def test_what_says_what_is_carried(project: Path, name: str) -> None:
    """A change of what git ignores is told wherever it concerns the folders, from the top of the work tree on."""
    (project / "team/src/notebooks/etl").mkdir(parents=True)
    with following(project / "team", "src/notebooks") as changes:
        (project / name).write_text("new")
        assert changes.wait(300) == {project / name} and changes.rules(project / name)


def test_a_pause_is_awaited(project: Path) -> None:
    """Changes that follow each other closely are told at once, after the last."""
    with following(project) as changes:
        changes.note([project / "notebooks/a.py"])
        changes.note([project / "notebooks/b.py"])
        assert seen(changes) == {"notebooks/a.py", "notebooks/b.py"}
        assert seen(changes, 0.1) == set()


def test_new_folders_are_followed(project: Path) -> None:
    """Files in folders that were made since are seen too, and folders that are made anew are followed again."""
    with following(project) as changes:
        (project / "notebooks/new/deep").mkdir(parents=True)
        changes.wait(2)
        (project / "notebooks/new/deep/a.py").write_text("new")
        assert "notebooks/new/deep/a.py" in seen(changes)
        (project / "notebooks").rename(project / "old")
        assert "notebooks" in seen(changes)
        (project / "notebooks").mkdir()
        assert "notebooks" in seen(changes)
        changes.renew()
        (project / "notebooks/b.py").write_text("new")
        assert "notebooks/b.py" in seen(changes)


def test_what_is_scanned_is_forgotten(project: Path) -> None:
    """What changed before everything is looked at need not be told again after it, but for the settings."""
    with following(project) as changes:
        changes.note([project / "notebooks/a.py"])
        changes.renew()
        assert seen(changes, 0.1) == set()
        changes.note([project / "notebooks/a.py", project / ".env"])
        changes.renew()
        assert seen(changes) == {".env"}


def test_lost_events_are_a_change(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """That the system lost events counts as a change of everything, and clutters no screen."""
    with following(project) as changes:
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; events were lost")
        assert seen(changes) == {"notebooks"}
    assert capfd.readouterr().err == ""


COMPLAINED = """
import logging, sys
from pathlib import Path
from databricks_sync.local.changes import Changes
from databricks_sync.local.git import Repository

folder = Path(sys.argv[1])
with Changes(Repository(folder), [folder]):
    pass
logging.getLogger("watchdog.observers.inotify").error("called when the thread is inactive")
"""


def test_what_is_complained_of_while_it_ends_is_not_shown(project: Path) -> None:
    """A library that still has events while a watch is stopped says nothing on the screen."""
    ran = subprocess.run([sys.executable, "-c", COMPLAINED, project], capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
