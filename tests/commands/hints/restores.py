"""Hints about backups: which there are, and what is in the way of one."""

from __future__ import annotations

from support.project import HOME, Person, Project

from .stops import one
from .table import Act, does, types

SHARED = "/Shared/it's"


def pushed_over(target: str) -> Act:
    """A push to a target has replaced two notebooks, of which the workspace has a backup."""

    def act(project: Project, person: Person) -> None:
        project.push("--target", target)
        for name in "ab":
            project.notebook(f"notebooks/{name}.py", "mine")
        project.push("--target", target)

    return act


def backed_up(project: Project, person: Person) -> None:
    """There is a backup, and something else to say."""
    pushed_over(f"{HOME}/main")(project, person)
    person.edit("new", "theirs")


def pulled_over(project: Project, person: Person) -> None:
    """A pull has replaced two notebooks, of which this side has a backup."""
    for name in "ab":
        person.edit(name, "theirs")
    project.pull()


def behind_a_link(project: Project, person: Person) -> None:
    person.edit("etl/load", "theirs")
    project.pull()
    (project.root / "notebooks/etl").rename(project.root / "etl")
    (project.root / "notebooks/etl").symlink_to("../etl")


def of_another_type(project: Project, person: Person) -> None:
    pushed_over(person.folder)(project, person)
    person.delete("a")
    person.put("a", "a file")


SCENES = {
    "a status, with a backup": one(
        backed_up,
        "1 backup of the workspace, the latest just now:",
        "1 backup of the workspace, the latest just now:  to_databricks --branch main --restore",
        types(),
        lambda project, _: True,
        code=0,
        ran="to_databricks --branch main --status",
        then="to_databricks",
    ),
    "no such backup": one(
        pushed_over(f"{HOME}/main"),
        "There is no backup x.",
        f"Type `to_databricks --target {HOME}/main --restore` to list them.",
        types(),
        lambda project, _: True,
        code=2,
        ran=f"to_databricks --target {HOME}/main --restore x a.py",
        then="to_databricks",
    ),
    "no such path in a backup": one(
        pushed_over(f"{HOME}/main"),
        "The backup … contains nothing from the workspace with that name.",
        "Type `to_databricks --restore` to see what it contains.",
        types(),
        lambda project, _: True,
        code=2,
        ran="to_databricks --restore BACKUP x",
        then="to_databricks",
    ),
    "a backup of another target": one(
        pushed_over(SHARED),
        f"The backup … belongs to {SHARED}, not to {HOME}/main.",
        "Type `to_databricks --target … --restore … ../notebooks/b.py`.",
        types(),
        lambda _, person: b"mine" in person.at(SHARED).read("a") and b"mine" not in person.at(SHARED).read("b"),
        code=2,
        ran="to_databricks --restore BACKUP b.py",
        folder="notebooks",
        then="to_databricks",
    ),
    "a backup of the other side": one(
        pulled_over,
        "The backup … is from the folder, not from the workspace.",
        "Type `from_databricks --restore … ../notebooks/b.py` to restore it there.",
        types(),
        lambda project, _: (
            "theirs" in project.text("notebooks/a.py") and "theirs" not in project.text("notebooks/b.py")
        ),
        code=2,
        ran="to_databricks --restore BACKUP b.py",
        folder="notebooks",
        then="to_databricks",
    ),
    "a backup behind a link": one(
        behind_a_link,
        "notebooks/etl/load.py is inside the symbolic link notebooks/etl, which is never followed",
        "Replace the link with a copy of its folder.",
        does(
            lambda project, _: (
                project.remove("notebooks/etl"),
                (project.root / "etl").rename(project.root / "notebooks/etl"),
            )
        ),
        lambda project, _: "theirs" not in project.text("notebooks/etl/load.py"),
        code=4,
        ran="from_databricks --restore BACKUP",
    ),
    "a backup of another type": one(
        of_another_type,
        "notebooks/a.py is now a file in the workspace",
        f"Rename {HOME}/main/a.",
        does(lambda _, person: person.delete("a")),
        lambda _, person: b"mine" not in person.read("a"),
        code=1,
        ran="to_databricks --restore BACKUP",
    ),
}
