"""Hints of runs that stop before they write: a safety check, or another run at work."""

from __future__ import annotations

import fcntl
import json
import shutil
import threading
from collections.abc import Callable
from functools import partial

from support.project import HOME, LIST, LIST_REPO, Person, Project, rule

from commands.test_valves import another, in_a_merge

from .table import Act, Hint, Row, Scene, Way, adds, does, sets, types

NOTES = f"{HOME}/.databricks_sync"
SHARED = "/Shared/.databricks_sync"
NOTE = f"{NOTES}/main.json"


def half_deleted(project: Project, _: Person) -> None:
    project.remove(*(f"notebooks/{name}" for name in ("b.py", "c.py", "etl/load.py", "etl/clean.py", "data.csv")))


def all_edited(project: Project, _: Person) -> None:
    for path in project.names():
        project.write(f"notebooks/{path}", project.read(f"notebooks/{path}") + b"# more\n")


def emptied_here(project: Project, _: Person) -> None:
    project.remove(*(f"notebooks/{name}" for name in project.names()))


def emptied_there(_: Project, person: Person) -> None:
    for name in person.names():
        person.delete(name)


def merging(project: Project, _: Person) -> None:
    in_a_merge(project)


def new(project: Project, _: Person) -> None:
    project.notebook("notebooks/new.py", "x")


def of_another(project: Project, person: Person) -> None:
    """The target is another repository's by now."""
    project.commit()
    another(project).push("--take-over")
    new(project, person)


def of_another_project(project: Project, person: Person) -> None:
    """The target is that of another project in this repository."""
    other = Project(project.root / "it's", project.home, project.workspace)
    other.notebook("notebooks/theirs.py", "x")
    other.write(".env", "NOTEBOOK_FOLDER=notebooks\n")
    other.push("--take-over")
    new(project, person)


def of_other_folders(project: Project, person: Person) -> None:
    """A colleague has chosen other folders for the target."""
    colleague = project.clone()
    colleague.push()
    colleague.write("my lib/x.py", "x = 1\n")
    colleague.push(env={"NOTEBOOK_FOLDER": "notebooks,my lib"})


def no_note(project: Project, person: Person) -> None:
    project.workspace.control("edit", [{"path": NOTE, "delete": True}, {"path": NOTE, "text": "milk"}])
    new(project, person)


def nested(project: Project, person: Person) -> None:
    project.push("--target", f"{HOME}/main/it's", "--take-over")
    new(project, person)


def an_older_commit(project: Project, person: Person) -> None:
    """A colleague has pushed a later commit to a shared folder; here it was fetched, and not pulled yet."""
    project.commit()
    project.push("--target", "/Shared/master", "--mirror")
    colleague = project.clone("colleague")
    colleague.notebook("notebooks/a.py", "later")
    colleague.commit()
    colleague.push("--target", "/Shared/master", "--mirror")
    project.set_origin(str(colleague.root))
    project.git("fetch", "-q", "origin")
    project.git("branch", "-q", "--set-upstream-to=origin/main")


def is_new(_: Project, person: Person) -> bool:
    return "new" in person.names()


def later(person: Person) -> bool:
    """Whether the shared folder holds the later commit."""
    return b"later" in person.at("/Shared/master").read("a")


def forbidden(path: str, access: str) -> Act:
    return lambda project, _: project.workspace.forbid(path, access)


def without_etl(project: Project, person: Person) -> None:
    """The listing leaves out a folder that is there."""
    _, raw = person.workspace.ask("GET", f"/api/2.0/workspace/list-repo?path={person.folder}")
    objects = [item for item in json.loads(raw)["objects"] if "/etl" not in item["path"]]
    listing = {"kind": "answer", "status": 200, "body": json.dumps({"objects": objects})}
    project.workspace.faults(rule(LIST_REPO, listing))


def allowed(path: str) -> Way:
    return does(lambda project, _: project.workspace.forbid(path, None))


def locked(project: Project, person: Person) -> None:
    """Another run of this machine is at work on the target."""
    new(project, person)
    [lock] = (project.root / ".git/databricks_sync").glob("*/lock")
    held = lock.open("a")
    fcntl.flock(held, fcntl.LOCK_EX)
    RELEASES.append(held.close)


def locked_there(project: Project, person: Person, **more: object) -> None:
    new(project, person)
    holder = {"id": "x", "user": "ann", "host": "build-7", "since": "noon", "ttl": 120, **more}
    person.at(NOTES).put("main.lock", json.dumps(holder))
    RELEASES.append(lambda: person.at(NOTES).delete("main.lock"))


def locked_without_age(project: Project, person: Person) -> None:
    """The same in a workspace that does not say how old the lock is."""
    locked_there(project, person)
    shown = {"object_type": "FILE", "path": f"{NOTES}/main.lock", "object_id": 1}
    listing = {"kind": "answer", "status": 200, "body": json.dumps({"objects": [shown]})}
    project.workspace.faults(rule(LIST, listing, object=f"{NOTES}/main.lock"))


RELEASES: list[Callable[[], object]] = []


def waits(project: Project, person: Person, hint: Hint) -> list[str]:
    """Adds --wait, and the other run ends meanwhile."""
    threading.Timer(0.2, RELEASES.pop()).start()
    return adds("--wait", "60")(project, person, hint)


def one(
    stuck: Act, message: str, hint: str, way: Way, holds: Callable[[Project, Person], object], **how: object
) -> Scene:
    return Scene((Row(stuck, message, hint, way, holds),), **{"code": 3, **how})


deletes = partial(
    one,
    half_deleted,
    "This run would delete 5 of 8 objects in the workspace.",
    "See them with --dry-run; to delete them, add --max-delete 5; to delete nothing, add --no-delete.",
)
emptied = partial(
    one,
    emptied_there,
    f"{HOME}/main is empty, but 8 objects were synced with it.",
    "To push everything again, type `to_databricks --overwrite`; if it was emptied on purpose, add --allow-empty.",
    ran="from_databricks",
)
gone = partial(
    one,
    lambda _, person: person.delete(),
    f"The folder {HOME}/main is missing in the workspace, but 8 objects were synced with it.",
    "To push everything again, type `to_databricks --overwrite`; if it was deleted on purpose, add --allow-empty.",
)
in_the_middle = partial(
    one,
    merging,
    "Git is in the middle of a merge, so the local files are not those of one branch.",
    "Finish it first, or choose the target with --branch or --target.",
)
foreign = partial(
    one,
    of_another,
    f"{HOME}/main belongs to another repository (another, branch main).",
    f"Add `--target {HOME}/main-project`, in place of any other --target or --branch; to use it for "
    "this repository, add --take-over.",
)
project_s = partial(
    one,
    of_another_project,
    f"{HOME}/main belongs to the project it's of this repository, and this is the project in the top folder.",
    f"Add `--target {HOME}/main-project`, in place of any other --target or --branch; to use it for "
    "this project, add --take-over.",
)
folders = partial(
    one,
    of_other_folders,
    f"{HOME}/main is now synced from my lib and notebooks, but here from notebooks, which would move its objects.",
    "Set NOTEBOOK_FOLDER='my lib,notebooks' here too; to move the objects, add --take-over.",
)
strange = partial(
    one,
    no_note,
    f"{NOTE} is not a marker file of this tool, so it is unknown which repository uses {HOME}/main.",
    "Delete or rename it in the workspace, or ask its owner to do so. Then run the command again; "
    f"if only this repository uses {HOME}/main, add --take-over.",
)
unknown = partial(
    one,
    forbidden(NOTES, "unreadable"),
    "It is unknown whether another repository uses …, and --mirror deletes what it did not push.",
    "Ask for permission to read the marker files beside it; if only this repository uses it, add --take-over.",
)
older = partial(
    one,
    an_older_commit,
    "/Shared/master was last pushed from the commit …, which is newer than the one checked out here.",
    "Check out the newer one, for example with `git pull`; to go back to the older one, add --allow-older.",
    ran="to_databricks --target /Shared/master --mirror",
)
inside = partial(
    one,
    nested,
    f"{HOME}/main and {HOME}/main/it's are both branch folders, and one is inside the other.",
    f"Give another --target; if {HOME}/main/it's is no longer used, delete its marker file "
    f"{NOTES}/main%2Fit%27s.json in the workspace, or add --take-over once.",
)
busy = partial(
    one,
    locked,
    "Another run is using this target (process …).",
    "Wait until it has finished, or add --wait SECONDS.",
)
SCENES = {
    "deletions that are meant": deletes(adds("--max-delete"), lambda _, person: len(person.names()) == 3),
    "deletions that are not": deletes(adds("--no-delete"), lambda _, person: len(person.names()) == 8),
    "all changed": one(
        all_edited,
        "All 8 objects would change in this run, which is unusual.",
        "See the changes with --dry-run --diff; to make them, add --allow-all-changed.",
        adds("--allow-all-changed"),
        lambda _, person: b"# more" in person.read("a"),
    ),
    "emptied here": one(
        emptied_here,
        "The notebooks folder is empty, but 8 objects were synced with it.",
        "If you deleted everything on purpose, add --allow-empty.",
        adds("--allow-empty"),
        lambda _, person: not person.names(),
    ),
    "gone here": one(
        lambda project, _: shutil.rmtree(project.root / "notebooks"),
        "The notebooks folder is missing, but 8 objects were synced with it.",
        "Check out the branch that has it; if you deleted everything on purpose, add --allow-empty.",
        does(lambda project, _: project.git("checkout", "--", "notebooks")),
        lambda project, person: len(person.names()) == len(project.names()) == 8,
    ),
    "emptied there, by mistake": emptied(
        types(), lambda project, person: len(person.names()) == len(project.names()) == 8
    ),
    "emptied there, on purpose": emptied(
        adds("--allow-empty"), lambda project, _: not project.names() and len(project.backups()) == 8
    ),
    "gone there, by mistake": gone(types(), lambda project, person: len(person.names()) == len(project.names()) == 8),
    "gone there, on purpose": gone(
        adds("--allow-empty"), lambda project, _: not project.names(), ran="from_databricks"
    ),
    "a merge is finished": in_the_middle(
        does(lambda project, _: project.git("merge", "--abort")), lambda _, person: b"ours" in person.read("a")
    ),
    "a merge, and another branch": in_the_middle(
        adds("--branch", "x"), lambda _, person: "b" in person.at(f"{HOME}/x").names(), after=1
    ),
    "another repository's": foreign(adds("--target"), lambda _, person: is_new(_, person.at(f"{HOME}/main-project"))),
    "another repository's, and taken": foreign(adds("--take-over"), is_new),
    "another repository's, and it is to be removed": one(
        lambda project, _: another(project).push("--take-over"),
        f"{HOME}/main belongs to another repository (another, branch main).",
        "Remove it from there; to remove it from here, add --take-over.",
        adds("--take-over"),
        lambda _, person: not person.names(),
        ran="to_databricks --remove --branch main --mirror --max-delete 99",
    ),
    "nobody's objects, and they are to be removed": one(
        lambda project, _: shutil.rmtree(project.root / ".git/databricks_sync"),
        "This run would delete 8 of 8 objects in the workspace.",
        "See them with --dry-run; to delete them, add --max-delete 8.",
        adds("--max-delete"),
        lambda _, person: not person.names(),
        ran="to_databricks --remove --branch main --mirror",
    ),
    "another project's": project_s(adds("--target"), lambda _, person: is_new(_, person.at(f"{HOME}/main-project"))),
    "another project's, and taken": project_s(adds("--take-over"), is_new),
    "other folders": folders(
        sets("NOTEBOOK_FOLDER"), lambda project, person: "notebooks/a" in person.names(), ran="from_databricks"
    ),
    "other folders, and taken": folders(adds("--take-over"), lambda project, person: "a" in person.names()),
    "no note": strange(does(lambda _, person: person.at(NOTES).delete("main.json")), is_new),
    "no note, and taken": strange(adds("--take-over"), is_new),
    "notes that are hidden": unknown(
        allowed(NOTES),
        lambda _, person: "a" in person.at(f"{HOME}/b").names(),
        ran="to_databricks --mirror --branch b",
    ),
    "notes that are hidden, and taken": unknown(
        adds("--take-over"),
        lambda _, person: "a" in person.at(f"{HOME}/b").names(),
        ran="to_databricks --mirror --branch b",
    ),
    "an older commit": older(
        types(), lambda project, person: "later" in project.text("notebooks/a.py") and later(person)
    ),
    "an older commit, on purpose": older(adds("--allow-older"), lambda _, person: not later(person)),
    "one in another": inside(
        adds("--target", f"{HOME}/elsewhere"), lambda _, person: is_new(_, person.at(f"{HOME}/elsewhere"))
    ),
    "one in another, which is not used": inside(
        does(lambda _, person: person.at(NOTES).delete("main%2Fit%27s.json")),
        is_new,
    ),
    "one in another, and allowed": inside(adds("--take-over"), is_new),
    "busy here": busy(waits, is_new),
    "busy there": one(
        locked_there,
        f"Another run is writing to {HOME}/main (ann on build-7, since noon).",
        "Wait until it has finished, or add --wait SECONDS.",
        waits,
        is_new,
        ran="to_databricks --lock",
    ),
    "busy there, by a dead run": one(
        locked_without_age,
        f"Another run is writing to {HOME}/main (ann on build-7, since noon).",
        "Wait until it has finished, or add --wait SECONDS. "
        f"If that run is dead, delete {NOTES}/main.lock in the workspace.",
        does(lambda _, person: person.at(NOTES).delete("main.lock")),
        is_new,
        ran="to_databricks --lock",
    ),
    "no lock": one(
        lambda project, person: (new(project, person), person.at(NOTES).put("main.lock", "milk")),
        f"{NOTES}/main.lock is not a lock file of this tool, so {HOME}/main cannot be locked.",
        "Delete or rename it in the workspace, or ask its owner to do so.",
        does(lambda _, person: person.at(NOTES).delete("main.lock")),
        is_new,
        ran="to_databricks --lock",
    ),
    "git at work": one(
        lambda project, person: (new(project, person), project.write(".git/index.lock", "")),
        "Git is changing the files, so they may belong to two branches.",
        "Wait until it has finished; if it was killed, remove …/.git/index.lock.",
        does(lambda project, _: project.remove(".git/index.lock")),
        is_new,
    ),
    "a folder that is not listed": one(
        without_etl,
        "The folder etl is in the workspace, but its contents are not listed.",
        "Nothing was written; ask for permission to read it.",
        does(lambda project, _: project.workspace.faults()),
        lambda project, _: len(project.names()) == 8,
        ran="from_databricks",
    ),
    "a folder that cannot be listed": one(
        lambda project, _: (
            project.workspace.set(hashes=False),
            project.workspace.forbid(f"{HOME}/main/etl", "unreadable"),
        ),
        f"The folder {HOME}/main/etl cannot be listed, so its contents are unknown: …",
        "Nothing was written; run the command again when it can be listed.",
        allowed(f"{HOME}/main/etl"),
        lambda project, _: len(project.names()) == 8,
    ),
}
