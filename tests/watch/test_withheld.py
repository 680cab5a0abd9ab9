"""While nobody types anything: a watch takes no stranger's word for what the person's tools are to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.project import Person, Project
from support.traps import bare_files

from .world import Watching

Start = Callable[..., Watching]


def test_a_watch_makes_no_git_directory(pushed: Project, person: Person, watching: Start, tmp_path: Path) -> None:
    """What would be a git repository is parked when it comes up, the rest comes, and no program is run."""
    watch = watching("to_databricks", "--pull")
    for name, text in bare_files(tmp_path / "ran").items():
        person.put(f"etl/{name}", text)
    person.put("etl/.vscode/tasks.json", "run me")
    person.put("etl/.netrc", "login")
    person.edit("etl/new", "print(1)")
    watch.until(lambda: (pushed.root / "notebooks/etl/new.py").exists() and watch.parked() == {"notebooks/etl"})
    pushed.notebook("notebooks/mine.py", "print(2)")
    watch.until(lambda: "mine" in person.names())
    notes = [one["message"] for one in watch.all("note")]
    for name, what in ((".vscode/tasks.json", "is new, and tools may run it"), (".netrc", "may contain a credential")):
        path = f"notebooks/etl/{name}"
        assert sum(note.startswith(f"{path} {what}") for note in notes) == 1
        assert any(f"from_databricks {path}`" in note for note in notes) and not (pushed.root / path).exists()
    assert len(watch.all("parked")) == 1
    assert not {"HEAD", "config", "objects", "refs"} & {one.name for one in (pushed.root / "notebooks/etl").iterdir()}
    assert not (tmp_path / "ran").exists()
