"""Hints about what both sides changed, what one of them has alone, and what git lists but nobody syncs."""

from __future__ import annotations

import shutil

from support.project import HOME, Person, Project, jupyter, notebook

from .table import Act, Hint, Row, Scene, Way, does, types, untracks


def deleted_here(project: Project, person: Person) -> None:
    project.remove("notebooks/a.py")
    person.edit("a", "theirs")


def deleted_there(project: Project, person: Person) -> None:
    project.notebook("notebooks/a.py", "mine")
    person.delete("a")


def both_edited(project: Project, person: Person) -> None:
    project.notebook("notebooks/a.py", "mine", "print(2)")
    person.edit("a", "print('a')", "theirs")


def clashing(project: Project, person: Person) -> None:
    project.notebook("notebooks/a.py", "mine", "print(2)")
    person.edit("a", "theirs", "print(2)")


def cleared_without_a_record(project: Project, _: Person) -> None:
    project.write("notebooks/ran.ipynb", jupyter("x = 1"))
    project.push()
    project.write("notebooks/ran.ipynb", jupyter("x = 1").replace('"ran\\n"', ""))
    shutil.rmtree(project.root / ".git/databricks_sync")


def a_tracked_link(project: Project, _: Person) -> None:
    (project.root / "notebooks/link").symlink_to("data.csv")
    project.commit()


def behind_a_link(project: Project, _: Person) -> None:
    (project.root / "notebooks/etl/deep").rename(project.root / "deep")
    (project.root / "notebooks/etl/deep").symlink_to("../../deep")


def tracked_settings(project: Project, _: Person) -> None:
    project.write("notebooks/.env", "A=1")
    project.commit()


def a_dashboard_on_both_sides(project: Project, person: Person) -> None:
    person.put("sales", "{}", "DASHBOARD")
    project.write("notebooks/sales", "{}")
    project.commit()


def another_owner(project: Project, _: Person) -> None:
    project.env["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"


def one(stuck: Act, message: str, hint: str, way: Way, holds: object, **how: object) -> Scene:
    return Scene((Row(stuck, message, hint, way, holds),), **how)  # type: ignore[arg-type]


def removal(stuck: Act, hint: str, holds: object) -> Scene:
    """A removal that leaves something; `hint` leads to its being the last of it."""
    ran = "to_databricks --remove --branch main"
    return one(stuck, "the folder stays", hint, types(), holds, ran=ran)


def squashed(project: Project, _: Person) -> None:
    project.git("switch", "-q", "-c", "other")
    project.notebook("notebooks/a.py", "mine")
    project.commit()
    project.push()
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "--squash", "other")
    project.commit("squashed")  # of the same words and second it would be the same commit


def moved_and_edited(project: Project, person: Person) -> None:
    """With another folder, and without deletions, what has moved is left at its old place too; there it is edited."""
    project.write("src/lib.py", "def lib():\n    return 1\n")
    project.env["NOTEBOOK_FOLDER"] = "notebooks,src"
    project.push("--no-delete")
    person.edit("a", "theirs")


def restores(project: Project, person: Person, hint: Hint) -> list[str]:
    """Types the command, with what the list shows in the place of the placeholders."""
    [backup] = (project.root / ".git/databricks_sync/backups").iterdir()
    text = hint.text.replace("RUN [PATHS]", f"{backup.name} notebooks/a.py")
    return types()(project, person, hint._replace(text=text))


LOCAL = "to keep the local version:  to_databricks --overwrite notebooks/a.py"
THEIRS = "to keep the workspace version:  from_databricks --overwrite notebooks/a.py"
MERGE = "to merge the cells:  from_databricks --merge notebooks/a.py"
MARK = "to choose in an editor:  from_databricks --merge --markers notebooks/a.py"
LOOK = "to see the differences:  to_databricks --dry-run --diff"
HERE, THERE = "deleted locally, edited in the workspace", "edited locally, deleted in the workspace"
SCENES = {
    "deleted here, edited there, and it is to go": one(
        deleted_here,
        HERE,
        LOCAL,
        types(),
        lambda project, person: "a" not in person.names() and notebook("theirs").strip().encode() in project.backups(),
    ),
    "deleted here, edited there, and it is to stay": one(
        deleted_here, HERE, THEIRS, types(), lambda project, _: "theirs" in project.text("notebooks/a.py")
    ),
    "edited here, deleted there, and it is to go": one(
        deleted_there,
        THERE,
        THEIRS,
        types(),
        lambda project, _: "a.py" not in project.names() and notebook("mine").encode() in project.backups(),
        ran="from_databricks",
    ),
    "edited here, deleted there, and it is to stay": one(
        deleted_there, THERE, LOCAL, types(), lambda _, person: b"mine" in person.read("a"), ran="from_databricks"
    ),
    "edited on both sides, and merged": one(
        both_edited,
        "edited on both sides",
        MERGE,
        types(),
        lambda _, person: {b"mine", b"theirs"} <= set(person.read("a").split(b"\n")),
    ),
    "edited on both sides, and chosen in an editor": one(
        clashing,
        "edited on both sides",
        MARK,
        types(code=1, afterwards=lambda project, _: project.notebook("notebooks/a.py", "chosen")),
        lambda _, person: person.read("a").decode().strip() == notebook("chosen").strip(),
        ran="from_databricks --merge",
        then="to_databricks",
    ),
    "marked": one(
        clashing,
        "Write conflict markers locally (1)",
        "Choose what to keep and remove the markers in an editor; until then it is not pushed.",
        does(lambda project, _: project.notebook("notebooks/a.py", "chosen")),
        lambda _, person: b"chosen" in person.read("a"),
        ran="from_databricks --merge --markers",
        then="to_databricks",
    ),
    "edited on both sides, and looked at": one(
        clashing,
        "Conflicts: changed on both sides",
        LOOK,
        types(code=1),
        lambda _, person: b"mine" in person.read("a"),
        then="to_databricks --overwrite",
    ),
    "outputs cleared here, and no record of the last sync": one(
        cleared_without_a_record,
        "other outputs or metadata in the workspace",
        "1 notebook has other outputs or metadata in the workspace: notebooks/ran.ipynb. "
        "To replace them by yours, type `to_databricks --overwrite notebooks/ran.ipynb`.",
        types(),
        lambda _, person: b"ran\\n" not in person.read("ran", "JUPYTER"),
        code=0,
    ),
    "changed only there": one(
        lambda _, person: person.edit("a", "theirs"),
        "Skipped: changed only in the workspace",
        "to pull these changes:  from_databricks",
        types(),
        lambda project, _: "theirs" in project.text("notebooks/a.py"),
        code=0,
    ),
    "changed only here": one(
        lambda project, _: project.notebook("notebooks/a.py", "mine"),
        "Skipped: changed only locally",
        "to push these changes:  to_databricks --branch main",
        types(),
        lambda _, person: b"mine" in person.read("a"),
        code=0,
        ran="from_databricks --branch main",
    ),
    "a status, changed only here": one(
        lambda project, _: project.notebook("notebooks/it's.py", "mine"),
        "Changed locally (1)",
        "to push these changes:  to_databricks --branch main",
        types(),
        lambda _, person: b"mine" in person.read("it's"),
        code=0,
        ran="from_databricks --status --branch main",
    ),
    "a status of a path, changed only there": one(
        lambda _, person: person.edit("it's", "theirs"),
        "Changed in the workspace (1)",
        "to pull these changes:  from_databricks …",
        types(),
        lambda project, _: "theirs" in project.text("notebooks/it's.py"),
        code=0,
        ran='to_databricks --status "../it\'s"',
        folder="notebooks/etl",
        then="to_databricks",
    ),
    "a status of a conflict": one(
        deleted_there,
        "Conflicts: changed on both sides",
        LOCAL,
        types(),
        lambda _, person: b"mine" in person.read("a"),
        code=0,
        ran="to_databricks --status",
    ),
    "a symbolic link that git tracks": one(
        a_tracked_link,
        "notebooks/link is a symbolic link, which is never followed",
        "Replace it with a copy; or type `git rm --cached -f link` and add it to .gitignore.",
        untracks,
        lambda project, person: "link" not in person.names() and (project.root / "notebooks/link").is_symlink(),
        folder="notebooks",
    ),
    "a symbolic link in a project elsewhere": one(
        lambda project, person: (
            a_tracked_link(project, person),
            project.env.update(PROJECT_FOLDER=str(project.root)),
        ),
        "notebooks/link is a symbolic link, which is never followed",
        "Replace it with a copy; or type `git -C … rm --cached -f notebooks/link` and add it to .gitignore.",
        untracks,
        lambda project, _: "link" not in project.git("ls-files"),
        folder="../home",
    ),
    "a tracked file behind a symbolic link": one(
        behind_a_link,
        "notebooks/etl/deep/save.py is inside a symbolic link, which is never followed",
        "Replace the link with a copy of its folder; or type `git rm --cached -f …` and add it to .gitignore.",
        untracks,
        lambda project, person: "etl/deep/save" in person.names() and (project.root / "deep/save.py").is_file(),
        after=1,
    ),
    "settings that git tracks": one(
        tracked_settings,
        "notebooks/.env may contain a token, so it is never synced",
        "Type `git rm --cached -f notebooks/.env` and add it to .gitignore.",
        untracks,
        lambda project, person: ".env" not in person.names() and project.text("notebooks/.env") == "A=1",
        code=0,
    ),
    "a dashboard on both sides": one(
        a_dashboard_on_both_sides,
        "notebooks/sales is a dashboard in the workspace",
        "Rename one of them; or type `git rm --cached -f notebooks/sales` and add it to .gitignore.",
        untracks,
        lambda project, person: {"sales"} <= project.names() & person.names(),
    ),
    "a work tree of another user, as in a container": one(
        another_owner,
        "belongs to another user of this machine",
        "If you trust what is in it, type `git config --global --add safe.directory …`; where that cannot be "
        "written, set GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=….",
        types(),
        lambda project, _: project.git("config", "--get", "safe.directory") == str(project.root),
        code=2,
    ),
    "an edit at an old place": one(
        moved_and_edited,
        "notebooks/a.py was edited at its old location, a, after it had moved to notebooks/a",
        "In the workspace, copy what you want to keep from the old one to the new one, and delete the old one.",
        does(lambda _, person: (person.edit("notebooks/a", "theirs"), person.delete("a"))),
        lambda project, _: "theirs" in project.text("notebooks/a.py"),
        ran="from_databricks",
    ),
    "a removal, of what was edited there and is to be kept": removal(
        lambda _, person: person.edit("a", "theirs"),
        "to pull the edits first:  from_databricks --branch main --overwrite notebooks/a.py",
        lambda project, person: "theirs" in project.text("notebooks/a.py") and not person.names(),
    ),
    "a removal, of what was edited there and is to go": removal(
        lambda _, person: person.edit("a", "theirs"),
        "to delete them too:  to_databricks --branch main --remove --overwrite",
        lambda project, person: any(b"theirs" in raw for raw in project.backups()) and not person.names(),
    ),
    "a removal, of what was added there and is to be kept": removal(
        lambda _, person: person.edit("it's", "theirs"),
        "to pull them first:  from_databricks --branch main …",
        lambda project, person: "theirs" in project.text("notebooks/it's.py") and not person.names(),
    ),
    "a removal, of what was added there and is to go": removal(
        lambda _, person: person.edit("new", "theirs"),
        "to delete them too:  to_databricks --branch main --remove --mirror",
        lambda project, person: any(b"theirs" in raw for raw in project.backups()) and not person.names(),
    ),
    "a squash merge": one(
        squashed,
        "These folders stay, because git knows no merge of their branches: other.",
        "Git cannot tell a squash merge: delete such a branch, or name it with --branch in place of --merged.",
        does(lambda project, _: project.git("branch", "-q", "-D", "other")),
        lambda _, person: not person.at(f"{HOME}/other").names(),
        ran="to_databricks --remove --merged",
        code=0,
    ),
    "what was replaced": one(
        both_edited,
        "Backup of what was overwritten or deleted",
        "Backup of what was overwritten or deleted: to_databricks --branch main --restore …",
        types(),
        lambda _, person: b"theirs" in person.read("a"),
        code=0,
        ran="to_databricks --branch main --overwrite",
        then="to_databricks --dry-run a",
    ),
    "what can be restored": one(
        lambda project, person: (both_edited(project, person), project.push("--overwrite")),
        "Restore one with",
        "Restore one with: to_databricks --branch main --restore RUN [PATHS]",
        restores,
        lambda _, person: b"theirs" in person.read("a"),
        code=0,
        ran="to_databricks --branch main --restore",
        then="to_databricks --dry-run a",
    ),
}
