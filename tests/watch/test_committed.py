"""A watch of a project that commits its settings, and has a folder beside it."""

from __future__ import annotations

from collections.abc import Callable

from support.project import Person, Project

from .world import Watching

Start = Callable[..., Watching]
FOLDERS = "folders = ['notebooks', '../common']\n"


def test_a_folder_beside_the_project_is_followed(project: Project, person: Person, watching: Start) -> None:
    """A save there arrives, one that is excluded or ignored does not, and an included one does; so do edits there."""
    inner = Project(project.root / "germany", project.home, project.workspace)
    inner.notebook("notebooks/a.py", "print(1)")
    project.write("common/lib.py", "ONE = 0\n")
    inner.write(".gitignore", "dist/\n")
    inner.write("databricks_sync.toml", f"{FOLDERS}exclude = ['*.csv']\ninclude = ['notebooks/dist/']\n")
    watch = watching("to_databricks", "--pull", root=inner.root)
    project.write("common/data.csv", "x")
    project.write("common/lib.py", "ONE = 1\n")
    inner.write("notebooks/dist/lib.whl", "x")
    watch.until(lambda: person.names() == {"notebooks/a", "notebooks/dist/lib.whl", "common/lib.py"})
    # Not as soon as it is there: the watch has yet to read back what it wrote.
    watch.until(lambda: watch.all("result", key="common/lib.py", action="update", result="done"))
    assert person.file("common/lib.py") == b"ONE = 1\n"
    person.put("common/lib.py", "ONE = 2\n")
    watch.until(lambda: project.text("common/lib.py") == "ONE = 2\n")


def test_committed_settings_count_at_once(pushed: Project, person: Person, watching: Start) -> None:
    """What is saved in databricks_sync.toml counts at once, and while it is wrong nothing is synced."""
    watch = watching()
    pushed.write("databricks_sync.toml", "folders = ['notebooks'\n")
    watch.until_state("waiting")
    assert "cannot be read as TOML" in watch.said
    pushed.notebook("jobs/one.py", "print(1)")
    pushed.write("databricks_sync.toml", "folders = ['notebooks', 'jobs']\n")
    watch.until(lambda: {"notebooks/a", "jobs/one"} <= person.names())
