"""What `generate` writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlflow_hooks.errors import HookError
from mlflow_hooks.generate.files import Action, changes, generated, write
from mlflow_hooks.generate.stamp import stamped
from mlflow_hooks.model import Hook
from mlflow_hooks.reading.hook_file import read_hooks

from .samples import HOOK, JOBS_GIT
from .work import FILES as PROJECT_FILES
from .work import HOOK as HOOK_YML
from .work import git
from .work import write as write_files

OTHER = replace(HOOK, name="other")
NOTEBOOK = "notebooks/mlflow_demo_hook.py"
FILES = [
    "bundle/mlflow_demo_hook.yml",
    "data_factory/mlflow_demo_hook.json",
    "jobs/mlflow_demo_hook.json",
    NOTEBOOK,
]


def generate(folder: Path, *hooks: Hook, prune: bool = True, force: bool = False) -> dict[str, Action]:
    """Writes, and gives what was to be done, by path."""
    planned = changes(hooks, folder, prune=prune)
    write(planned, folder, force=force)
    return {change.path: change.action for change in planned}


def present(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_repository() -> None:
    """The hooks of this repository are what would be generated now: `mlflow_hooks generate` after every change."""
    top = Path(__file__).parents[2]
    hooks = [reading.hook for reading in read_hooks(top / "projects") if reading.hook and reading.sound]
    assert {hook.name for hook in hooks} == {"pipeline", "scoring", "training"}
    assert {change.action for change in changes(hooks, top / "hooks")} == {Action.NOTHING}


def test_second_time(tmp_path: Path) -> None:
    """The first time everything is written, the second time nothing is touched."""
    assert set(generate(tmp_path, HOOK).values()) == {Action.CREATE}
    assert present(tmp_path) == FILES
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert set(generate(tmp_path, HOOK).values()) == {Action.NOTHING}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_change(tmp_path: Path) -> None:
    """A changed hook changes the files that say it, and only those."""
    generate(tmp_path, HOOK)
    done = generate(tmp_path, replace(HOOK, experiment="/Shared/other"))
    assert [path for path, action in done.items() if action is Action.UPDATE] == [NOTEBOOK]


@pytest.mark.parametrize("path", FILES)
def test_edit(tmp_path: Path, path: str) -> None:
    """An edit by hand stops the run before anything is written; --force throws it away."""
    generate(tmp_path, HOOK)
    edited = tmp_path / path
    edited.write_text(edited.read_text().replace("hello", "edited").replace("demo", "edited"))
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    with pytest.raises(HookError, match=path):
        generate(tmp_path, replace(HOOK, experiment="/Shared/changed"))
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    assert generate(tmp_path, HOOK, force=True)[path] is Action.UPDATE
    assert edited.read_text() == generated(HOOK)[path]


def test_not_ours(tmp_path: Path) -> None:
    """A file that nobody generated is an edit where a hook's should be, and elsewhere nobody's business."""
    for path in (NOTEBOOK, "notebooks/mlflow_mine_hook.py", "notebooks/readme.md"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"\xff mine")
    with pytest.raises(HookError, match=NOTEBOOK):
        generate(tmp_path, HOOK)
    generate(tmp_path, HOOK, force=True)
    assert present(tmp_path) == sorted([*FILES, "notebooks/mlflow_mine_hook.py", "notebooks/readme.md"])


def test_line_ends(tmp_path: Path) -> None:
    """A checkout with the line ends of Windows is neither an edit nor out of date."""
    generate(tmp_path, HOOK)
    for path in FILES:
        (tmp_path / path).write_bytes((tmp_path / path).read_bytes().replace(b"\n", b"\r\n"))
    assert set(generate(tmp_path, HOOK).values()) == {Action.NOTHING}
    assert generate(tmp_path, replace(HOOK, experiment="/Shared/other"))[NOTEBOOK] is Action.UPDATE


def test_one_step(tmp_path: Path) -> None:
    """A file is replaced as a whole: whoever has the old one open reads it to its end, and nothing else is left."""
    generate(tmp_path, HOOK)
    before = (tmp_path / NOTEBOOK).read_bytes()
    (tmp_path / "open").hardlink_to(tmp_path / NOTEBOOK)
    generate(tmp_path, replace(HOOK, experiment="/Shared/other"))
    assert (tmp_path / "open").read_bytes() == before != (tmp_path / NOTEBOOK).read_bytes()
    assert present(tmp_path) == sorted([*FILES, "open"])


def test_in_the_way(tmp_path: Path) -> None:
    """A folder where a file is to be, or a file where a folder is to be, is a sentence with its path."""
    (tmp_path / "hooks" / NOTEBOOK).mkdir(parents=True)
    with pytest.raises(HookError, match=f"hooks/{NOTEBOOK} cannot be read or written"):
        changes([HOOK], tmp_path / "hooks")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HookError, match=r"file/bundle/mlflow_demo_hook\.yml cannot be read or written"):
        generate(tmp_path / "file", HOOK)
    assert (tmp_path / "file").read_text() == "mine"


def test_gone(tmp_path: Path) -> None:
    """The files of a hook that is gone go too, unless somebody edited them, or only some hooks were asked for."""
    generate(tmp_path, HOOK, OTHER)
    assert Action.DELETE not in generate(tmp_path, HOOK, prune=False).values()
    assert Action.DELETE in generate(tmp_path, HOOK).values()
    assert present(tmp_path) == FILES
    (tmp_path / NOTEBOOK).write_text((tmp_path / NOTEBOOK).read_text() + "# mine\n")
    with pytest.raises(HookError, match=NOTEBOOK):
        generate(tmp_path, OTHER)


def test_another_folder_of_projects(tmp_path: Path) -> None:
    """What was generated of a hook in another folder of projects stays as long as that hook is there."""
    hooks = {}
    for name in ("ours", "theirs"):
        write_files(tmp_path / name / "Demo", {**PROJECT_FILES, "hook.yml": HOOK_YML.replace("demo", name, 1)})
    git(tmp_path, "init", "--quiet")
    for name in ("ours", "theirs"):
        (reading,) = read_hooks(tmp_path / name)
        assert reading.hook is not None
        hooks[name] = replace(reading.hook, linked_service="Db")
    folder, ours = tmp_path / "hooks", tmp_path / "ours"
    for to in ("", "team"):
        write(changes([hooks["theirs"]], folder, to), folder)
    planned = changes([hooks["ours"]], folder, projects=ours) + changes([], folder, "team", projects=ours)
    assert {change.action for change in planned} == {Action.CREATE}
    (tmp_path / "theirs" / "Demo" / "hook.yml").unlink()
    assert [change.action for change in changes([], folder, "team", projects=ours)] == [Action.DELETE] * 4


def test_engine(tmp_path: Path) -> None:
    """A hook that moves to jobs-git loses its notebook, which would otherwise stay deployed."""
    generate(tmp_path, HOOK)
    assert generate(tmp_path, JOBS_GIT)[NOTEBOOK] is Action.DELETE


def test_stamp_needs_its_place() -> None:
    """A text without a place for its checksum is a defect of ours, and not written unprotected."""
    with pytest.raises(ValueError, match="no place"):
        stamped("text")
