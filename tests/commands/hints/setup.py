"""Hints about how a command is typed, and about setting a project up."""

from __future__ import annotations

from functools import partial

from support.project import ME

from .settings import arrived, environment, nothing, one
from .table import Scene, does, sets, types


def mistyped(ran: str, message: str, then: str) -> Scene:
    """Options that do not go together; `then`: the same command as the message has it."""
    return one(nothing, message, message, does(nothing), lambda *_: True, ran=ran, then=then)


init = partial(one, ran="to_databricks --init", code=0)
SCENES = {
    "merge and overwrite": mistyped(
        "from_databricks --merge --overwrite --branch b",
        "--merge and --overwrite cannot be used together: remove one.",
        "to_databricks --overwrite --branch b",
    ),
    "markers alone": mistyped(
        "from_databricks --markers", "--markers works only with --merge.", "to_databricks --dry-run"
    ),
    "a mirror of paths": mistyped(
        "to_databricks --mirror notebooks",
        "--mirror works on the whole folder: remove the PATHS.",
        "to_databricks --mirror",
    ),
    "a removal of paths": mistyped(
        "to_databricks --remove --branch x notebooks",
        "--remove works on the whole folder: remove the PATHS.",
        "to_databricks --remove --branch x",
    ),
    "a removal of nothing": mistyped(
        "to_databricks --remove",
        "--remove needs a folder: add --branch NAME, --target PATH or --merged.",
        "to_databricks --remove --branch x",
    ),
    "merged alone": mistyped(
        "to_databricks --merged", "--merged works only with --remove.", "to_databricks --remove --branch x"
    ),
    "a watch alone": mistyped("to_databricks --poll", "--poll works only with --watch.", "to_databricks"),
    "a watch that replaces": mistyped(
        "to_databricks --watch --mirror",
        "--watch and --mirror cannot be used together: remove one.",
        "to_databricks --mirror",
    ),
    "a watch that restores": mistyped(
        "to_databricks --watch --restore x",
        "--watch and --restore cannot be used together: remove one.",
        "to_databricks --restore",
    ),
    "output alone": mistyped(
        "to_databricks --output x", "--output works only with --review.", "to_databricks --dry-run"
    ),
    "short alone": mistyped("to_databricks --short", "--short works only with --status.", "to_databricks"),
    "short for a program": mistyped(
        "to_databricks --status --short --json",
        "--short and --json cannot be used together: remove one.",
        "to_databricks --status --short",
    ),
    "no path": mistyped("to_databricks ''", "one of the PATHS is empty.", "to_databricks notebooks"),
    "no number": mistyped(
        "to_databricks --max-delete many",
        "many must be a number or a percentage, such as 12 or 40%.",
        "to_databricks --max-delete 40%",
    ),
    "set up": init(
        nothing,
        f"Connected to … as {ME}.",
        f"Type `to_databricks --branch b` to push notebooks to /Users/{ME}/b.",
        types(),
        lambda _, person: "a" in person.at(f"/Users/{ME}/b").names(),
        ran="to_databricks --init --branch b",
        then="to_databricks --branch b --dry-run",
    ),
    "a .env that git tracks": init(
        lambda project, _: (project.write("sub/x", ""), project.write(".env", ""), project.git("add", ".env")),
        "note: git tracks .env",
        "note: git tracks .env; type `git rm --cached -f ../.env`, and replace the token if one was ever committed.",
        types(),
        lambda project, _: project.git("ls-files") == "" and project.git("check-ignore", ".env"),
        folder="sub",
    ),
    "set up before there are notebooks": init(
        lambda project, _: (project.root / "notebooks").rename(project.root / "my src"),
        "There is no folder notebooks yet",
        "There is no folder notebooks yet: create it, or set NOTEBOOK_FOLDER.",
        sets("NOTEBOOK_FOLDER", "my src"),
        arrived,
        then="to_databricks",
    ),
    "set up by a sample that logs in": init(
        lambda project, _: project.write("env.sample", "DATABRICKS_AUTH_TYPE=pat\n"),
        "note: env.sample of the repository sets DATABRICKS_AUTH_TYPE",
        "note: env.sample of the repository sets DATABRICKS_AUTH_TYPE: commented out in .env, uncomment what you "
        "trust.",
        does(lambda project, _: project.write(".env", project.text(".env").replace("#", ""))),
        arrived,
        then="to_databricks",
    ),
    "set up where .gitignore is a link": init(
        lambda project, _: (project.write("ignored", ""), (project.root / ".gitignore").symlink_to("ignored")),
        "note: git does not ignore .env",
        "note: git does not ignore .env, and .gitignore is a link; replace it with a file.",
        does(lambda project, _: (project.remove(".gitignore"), project.write(".gitignore", ""))),
        lambda project, _: project.text(".gitignore") == ".env\n",
    ),
    "set up, and git too": init(
        nothing,
        f"Connected to … as {ME}.",
        "Type `to_databricks --git-drivers` to let git show and merge notebooks cell by cell.",
        types(),
        lambda project, _: "databricks_sync.git_merge" in project.git("config", "merge.databricks.driver"),
        then="to_databricks --git-drivers",
    ),
    "git as before": init(
        nothing,
        "git diff, log, show, merge, rebase and cherry-pick now take notebooks cell by cell, in this clone only:",
        "To undo it:  to_databricks --git-drivers off",
        types(),
        lambda project, _: not project.git("config", "--get-regexp", "databricks", check=False),
        ran="to_databricks --git-drivers",
        then="to_databricks --git-drivers off",
    ),
    "a driver of somebody else": one(
        lambda project, _: project.git("config", "diff.databricks.textconv", "cat"),
        "git's configuration has a diff.databricks.textconv already, which is not of this tool.",
        "Remove it with `git config --unset-all diff.databricks.textconv`, and type the command again.",
        types(),
        lambda project, _: "databricks_sync" in project.git("config", "diff.databricks.textconv"),
        ran="to_databricks --git-drivers",
    ),
    "set up without a way in": one(
        environment(DATABRICKS_TOKEN="dapi-wrong"),
        "… does not accept the token",
        "Make a new one in the workspace (Settings, Developer, Access tokens) and put it where the old one is: "
        "DATABRICKS_TOKEN, or the profile. Then type `to_databricks --init` again.",
        types(first=lambda project, person: environment(DATABRICKS_TOKEN=project.workspace.token)(project, person)),
        arrived,
        ran="to_databricks --init",
        then="to_databricks",
    ),
    "a user that cannot be written down": one(
        nothing,
        "DATABRICKS_USER would be a\\nb, which cannot be written to .env.",
        "Correct it.",
        does(nothing),
        lambda project, _: f"DATABRICKS_USER={ME}" in project.text(".env"),
        ran="to_databricks --init --user $'a\\nb'",
        then=f"to_databricks --init --user {ME}",
    ),
}
