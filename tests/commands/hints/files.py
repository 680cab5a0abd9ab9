"""Hints about single files and objects, which a run leaves alone while it carries the others."""

from __future__ import annotations

import os

from support.project import Person, Project, jupyter, notebook

from .table import Act, Row, Scene, does, ignores, types, untracks

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"


def in_conflict(project: Project, person: Person) -> None:
    """A stash that does not fit leaves a conflict, and no operation in progress."""
    project.notebook("notebooks/c.py", "stashed")
    project.git("stash", "push", "-q", "--", "notebooks/c.py")
    project.notebook("notebooks/c.py", "committed")
    project.git("commit", "-qm", "c", "--", "notebooks/c.py")
    project.git("stash", "pop", check=False)


def called_like_a_pattern(project: Project, person: Person) -> None:
    """A tracked link with a name that git also takes for another file's."""
    project.write("notebooks/1x", "x")
    (project.root / "notebooks/[1]x").symlink_to("data.csv")
    project.git("add", "notebooks")


def a_pipe(project: Project, person: Person) -> None:
    project.write("notebooks/pipe.txt", "")
    project.git("add", "notebooks/pipe.txt")
    project.remove("notebooks/pipe.txt")
    os.mkfifo(project.root / "notebooks/pipe.txt")


LOCAL = Scene(
    code=4,
    rows=(
        Row(
            called_like_a_pattern,
            "notebooks/[1]x is a symbolic link, which is never followed",
            "Replace it with a copy; or type `git rm --cached -f …` and add it to .gitignore.",
            untracks,
            lambda project, _: project.git("ls-files", "notebooks/1x", ":(literal)notebooks/[1]x") == "notebooks/1x",
        ),
        Row(
            lambda project, _: (
                project.write("notebooks/big.py", notebook("x") + "#" * 10 * 2**20),
                project.git("add", "notebooks/big.py"),
            ),
            "notebooks/big.py is 10.0 MB, and the workspace accepts 10 MB",
            "Split it, or type `git rm --cached -f …` and add it to .gitignore.",
            untracks,
            lambda project, person: "big" not in person.names(),
        ),
        Row(
            lambda project, _: (project.write("notebooks/it's.pem", "x"), project.git("add", "notebooks/it's.pem")),
            "notebooks/it's.pem may contain a credential, so it is synced only if you name its path",
            "Type `to_databricks …` to sync it, or type `git rm --cached -f …` and add it to .gitignore.",
            lambda project, person, hint: untracks(project, person, hint._replace(text=hint.text.partition(" or ")[2])),
            lambda project, person: "it's.pem" not in person.names(),
        ),
        Row(
            a_pipe,
            "notebooks/pipe.txt is not a regular file",
            "Type `git rm --cached -f …` and add it to .gitignore.",
            untracks,
            lambda project, person: "pipe.txt" not in person.names(),
        ),
        Row(
            lambda project, _: (
                project.write("notebooks/inner/.git/HEAD", "ref: refs/heads/main\n")
                and project.git("init", "-q", "notebooks/inner")
            ),
            "notebooks/inner is a git repository of its own, which is not synced",
            "Add it to .gitignore.",
            ignores("inner"),
            lambda project, person: "inner" not in person.tree(),
        ),
        Row(
            lambda project, _: project.write("notebooks/half.ipynb", jupyter("x")[:99]),
            "notebooks/half.ipynb is skipped: …",
            "Correct or remove it.",
            does(lambda project, _: project.write("notebooks/half.ipynb", jupyter("x"))),
            lambda project, person: "half" in person.names(),
        ),
        Row(
            lambda project, _: project.write("notebooks/dot.", "x"),
            "notebooks/dot. cannot be synced: its name ends with a dot",
            "Rename it.",
            does(lambda project, _: (project.root / "notebooks/dot.").rename(project.root / "notebooks/dot")),
            lambda project, person: "dot" in person.names(),
        ),
        Row(
            lambda project, _: project.notebook(
                "notebooks/marked.py", "<<<<<<< local\nx\n=======\ny\n>>>>>>> workspace"
            ),
            "notebooks/marked.py still contains conflict markers (cell 1)",
            "Choose what to keep, remove the markers, and run the command again.",
            does(lambda project, _: project.notebook("notebooks/marked.py", "x")),
            lambda project, person: "marked" in person.names(),
        ),
        Row(
            lambda project, _: project.notebook("notebooks/b.sql", "select 1", language="sql"),
            "collides: notebooks/b.py and notebooks/b.sql would be the same object in the workspace",
            "Rename one.",
            does(lambda project, _: (project.root / "notebooks/b.sql").rename(project.root / "notebooks/b2.sql")),
            lambda project, person: {"b", "b2"} <= person.names(),
        ),
        Row(
            lambda project, person: (
                person.put("board", "{}", "DASHBOARD"),
                project.notebook("notebooks/board/x.py", "x"),
            ),
            "notebooks/board/x.py would be inside board, a dashboard of the workspace",
            "Rename its folder.",
            does(lambda project, _: (project.root / "notebooks/board").rename(project.root / "notebooks/boards")),
            lambda project, person: "boards/x" in person.names(),
        ),
        Row(
            lambda project, person: (person.edit("folder/x", "x"), project.write("notebooks/folder", "x")),
            "notebooks/folder has the name of a folder in the workspace",
            "Rename one of them.",
            does(lambda project, _: (project.root / "notebooks/folder").rename(project.root / "notebooks/file")),
            lambda project, person: "file" in person.names(),
        ),
        Row(
            lambda project, person: (person.edit("kind.py", "x"), project.write("notebooks/kind.py", "x = 1\n")),
            "notebooks/kind.py is a workspace file locally and a notebook in the workspace",
            "Rename or remove notebooks/kind.py locally, or …/kind.py in the workspace.",
            does(lambda _, person: person.delete("kind.py")),
            lambda project, person: person.file("kind.py") == b"x = 1\n",
        ),
        Row(
            lambda project, person: person.put("back\\slash", "x"),
            "back\\slash is skipped: its name contains a backslash",
            "Rename it in the workspace.",
            does(lambda _, person: (person.delete("back\\slash"), person.put("slash", "x"))),
            lambda project, person: "slash" in person.names(),
        ),
        Row(
            lambda project, _: project.write("notebooks/secret.txt", "dapi" + "0123456789abcdef" * 2),
            "notebooks/secret.txt contains what looks like a Databricks token",
            "notebooks/secret.txt contains what looks like a Databricks token, and everybody who can read it in the "
            "workspace could use that. Remove it, and read it with dbutils.secrets.get; if it was real, revoke it.",
            does(lambda project, _: project.write("notebooks/secret.txt", "dbutils.secrets.get")),
            lambda project, person: person.file("secret.txt") == b"dbutils.secrets.get",
        ),
        Row(
            lambda project, _: project.write("notebooks/.netrc", "x"),
            "notebooks/.netrc may contain a credential, so it is synced only if you name its path",
            "Type `to_databricks notebooks/.netrc` to sync it, or add it to .gitignore.",
            types(),
            lambda project, person: ".netrc" in person.names(),
        ),
        Row(
            lambda project, person: (person.put("taken", "x"), project.notebook("notebooks/taken/x.py", "x")),
            "notebooks/taken/x.py …",
            "Rename it locally or in the workspace.",
            does(lambda _, person: person.delete("taken")),
            lambda project, person: "taken/x" in person.names(),
        ),
        Row(
            in_conflict,
            "notebooks/c.py has an unresolved merge conflict",
            "Resolve it, and type `git add …`.",
            types(first=lambda project, _: project.notebook("notebooks/c.py", "resolved")),
            lambda project, person: b"resolved" in person.read("c"),
        ),
    ),
)


def a_repository(project: Project, person: Person) -> None:
    for name in ("HEAD", "config", "objects/x", "refs/x"):
        person.put(f"trap/{name}", "x")


PULLED = Scene(
    ran="from_databricks",
    code=4,
    rows=(
        Row(
            a_repository,
            "notebooks/trap would look like a git repository with these files",
            "Rename or remove HEAD, objects or refs in the workspace.",
            does(lambda _, person: person.delete("trap/HEAD")),
            lambda project, _: "trap/config" in project.names(),
        ),
        Row(
            lambda _, person: person.put(".github/workflows/x y.yml", "x"),
            "notebooks/.github/workflows/x y.yml is new, and tools may run it automatically",
            "Type `from_databricks 'notebooks/.github/workflows/x y.yml'` to sync it, or add it to .gitignore.",
            types(),
            lambda project, _: ".github/workflows/x y.yml" in project.names(),
        ),
        Row(
            lambda _, person: person.put("data.csv", POINTER),
            "notebooks/data.csv is only a pointer of git-lfs in the workspace, so it is not pulled",
            "From a clone with the file itself, type `to_databricks --target … --overwrite notebooks/data.csv`.",
            types(),
            lambda project, person: person.file("data.csv") == b"a,b\n1,2\n",
        ),
        Row(
            lambda project, person: (person.edit("f~/x", "x"), project.write("notebooks/f~", "x")),
            "notebooks/f~/x cannot be stored: notebooks/f~ is a file",
            "Rename notebooks/f~.",
            does(lambda project, _: (project.root / "notebooks/f~").rename(project.root / "notebooks/g~")),
            lambda project, _: "f~/x.py" in project.names(),
        ),
        Row(
            lambda project, person: (person.edit("r/x", "x"), (project.root / "notebooks/r/.git").mkdir(parents=True)),
            "notebooks/r/x cannot be stored: notebooks/r is a git repository of its own",
            "Rename notebooks/r.",
            does(lambda project, _: (project.root / "notebooks/r").rename(project.root / "notebooks/s")),
            lambda project, _: "r/x.py" in project.names(),
        ),
        Row(
            lambda project, person: (person.edit("way", "x"), (project.root / "notebooks/way.py").mkdir()),
            "notebooks/way is not stored: another notebooks/way.py is in the way",
            "Rename or remove notebooks/way.py.",
            does(lambda project, _: (project.root / "notebooks/way.py").rmdir()),
            lambda project, _: "way.py" in project.names(),
        ),
        Row(
            lambda project, person: person.put("like.py", notebook("x")),
            "is a workspace file in the workspace, but a local file notebooks/like.py with that content would be a",
            "Rename it in the workspace.",
            does(lambda _, person: (person.delete("like.py"), person.put("like.txt", notebook("x")))),
            lambda project, _: "like.txt" in project.names(),
        ),
    ),
)
UNPRIVILEGED = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def mode(path: str, bits: int) -> Act:
    return lambda project, _: (project.root / path).chmod(bits)


UNREADABLE = Scene(
    code=4,
    within=UNPRIVILEGED,
    rows=(
        Row(
            mode("notebooks/a.py", 0),
            "notebooks/a.py cannot be read (Permission denied)",
            "Make it readable, or type `git rm --cached -f notebooks/a.py` and add it to .gitignore.",
            does(mode("notebooks/a.py", 0o644)),
            lambda _, person: "a" in person.names(),
        ),
    ),
)
UNSEEN = Scene(
    code=3,
    within=UNPRIVILEGED,
    rows=(
        Row(
            mode("notebooks/etl", 0),
            "A local folder cannot be read, so its contents are unknown (…).",
            "Nothing was written; make the folder readable, or add it to .gitignore.",
            does(mode("notebooks/etl", 0o755)),
            lambda _, person: "etl/load" in person.names(),
        ),
    ),
)
UNWRITABLE = Scene(
    ran="from_databricks",
    code=4,
    within=UNPRIVILEGED,
    rows=(
        Row(
            lambda project, person: (person.edit("etl/load", "theirs"), (project.root / "notebooks/etl").chmod(0o555)),
            "notebooks/etl/load.py could not be written (Permission denied)",
            "Make sure that its folder is writable and the disk not full, and run the command again.",
            does(mode("notebooks/etl", 0o755)),
            lambda project, _: "theirs" in project.text("notebooks/etl/load.py"),
        ),
    ),
)
SCENES = {"pushed": LOCAL, "pulled": PULLED, "unreadable": UNREADABLE, "unseen": UNSEEN, "unwritable": UNWRITABLE}
