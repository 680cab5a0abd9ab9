"""Hints about what cannot be run at all: options, the environment, `.env`, profiles, git, the target."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial

import pytest
from support.project import ME, Person, Project

from .table import Act, Row, Scene, Way, adds, does, sets, types, untracks

PATH = os.environ["PATH"]


def one(
    stuck: Act, message: str, hint: str, way: Way, holds: Callable[[Project, Person], object], **how: object
) -> Scene:
    def begun(project: Project, person: Person) -> None:
        project.notebook("notebooks/a.py", "x")
        stuck(project, person)

    return Scene((Row(begun, message, hint, way, holds),), **{"code": 2, "project": "project", **how})  # type: ignore[arg-type]


def nothing(project: Project, person: Person) -> None: ...


def arrived(_: Project, person: Person) -> bool:
    return "a" in person.names()


def written(path: str, text: str | bytes) -> Act:
    return lambda project, _: project.write(path, text)


def environment(**values: str | None) -> Act:
    """Sets variables, or (None) takes them away."""

    def act(project: Project, person: Person) -> None:
        project.env = {name: value for name, value in {**project.env, **values}.items() if value is not None}

    return act


def dotenv(text: str, **values: str | None) -> Act:
    """A `.env` with {host} and {token} filled in, and an environment that says nothing of a workspace."""

    def act(project: Project, person: Person) -> None:
        filled = text.format(host=project.workspace.host, token=project.workspace.token)
        project.write(".env", filled)
        environment(DATABRICKS_HOST=None, DATABRICKS_TOKEN=None, **values)(project, person)

    return act


def profiles(text: str) -> Act:
    def act(project: Project, person: Person) -> None:
        filled = text.format(host=project.workspace.host, token=project.workspace.token)
        (project.home / ".databrickscfg").write_text(filled)
        environment(DATABRICKS_HOST=None, DATABRICKS_TOKEN=None)(project, person)

    return act


def another_user_s(project: Project, person: Person) -> None:
    """The .env was made by somebody else."""
    if os.geteuid():
        pytest.skip("only root gives a file away")
    dotenv(LOGIN)(project, person)
    os.chown(project.root / ".env", 12345, -1)


def unfetched(project: Project, person: Person) -> None:
    """The folder to sync is a submodule without its files."""
    other = Project(project.home / "other", project.home, project.workspace)
    other.git("init", "-q", "-b", "main")
    other.write("x.txt", "x")
    other.commit()
    environment(NOTEBOOK_FOLDER="shared", GIT_ALLOW_PROTOCOL="file")(project, person)
    project.git("submodule", "add", "-q", str(other.root), "shared")
    project.git("submodule", "deinit", "-q", "-f", "shared")


LOGIN = "DATABRICKS_HOST={host}\nDATABRICKS_TOKEN={token}\n"
unnamed = partial(
    one,
    environment(DATABRICKS_HOST=None, DATABRICKS_TOKEN=None),
    "No workspace is configured: DATABRICKS_HOST is not set and there is no profile.",
    "Add --local to use a workspace on this machine, or type `to_databricks --init` to write a .env.",
)
SCENES = {
    "no workspace": unnamed(adds("--local"), lambda project, _: (project.home / ".databricks_local").is_dir()),
    "no workspace, and a .env": unnamed(types(), lambda project, _: "local" in project.text(".env")),
    "a folder of something else": one(
        lambda project, person: (
            (project.home / "mine").write_text("mine"),
            environment(DATABRICKS_LOCAL_DIR=str(project.home))(project, person),
        ),
        "… contains other files, so it cannot hold a local workspace.",
        "Choose an empty or new folder with DATABRICKS_LOCAL_DIR.",
        lambda project, person, hint: sets("DATABRICKS_LOCAL_DIR", str(project.home / "new"))(project, person, hint),
        lambda project, _: (project.home / "new").is_dir(),
        ran="to_databricks --local",
    ),
    "no workspace in .env": one(
        dotenv("NOTEBOOK_FOLDER=notebooks\n"),
        "No workspace is configured: DATABRICKS_HOST is not set and there is no profile.",
        "Add --local to use a workspace on this machine, or set DATABRICKS_HOST in .env.",
        does(dotenv(LOGIN)),
        arrived,
    ),
    "the .env of another project": one(
        lambda project, person: (
            dotenv(LOGIN + "NOTEBOOK_FOLDER=notebooks\n")(project, person),
            project.notebook("b/notebooks/z.py", "x"),
        ),
        "No workspace is configured",
        "The .env in … belongs to another project: type `to_databricks --init` to write one for this one.",
        types(),
        lambda project, _: (project.root / "b/.env").is_file(),
        folder="b",
    ),
    "a tracked .env": one(
        lambda project, person: (
            dotenv(LOGIN)(project, person),
            project.git("add", ".env"),
            project.write(".env", project.text(".env") + "\n"),
        ),
        ".env is tracked by git, where others can change it, so it may not set DATABRICKS_HOST and DATABRICKS_TOKEN.",
        "Type `git rm --cached -f .env` and add it to .gitignore; or set them in the environment.",
        untracks,
        arrived,
    ),
    "a link to a tracked file": one(
        lambda project, person: (
            dotenv(LOGIN)(project, person),
            (project.root / "sub").mkdir(),
            (project.root / ".env").rename(project.root / "sub/.env"),
            project.git("add", "sub/.env"),
            (project.root / ".env").symlink_to("sub/.env"),
        ),
        ".env is a link to a file that is tracked by git, so it may not set",
        "Replace the link with a copy of that file; or set them in the environment.",
        does(lambda project, _: (project.remove(".env"), project.write(".env", project.text("sub/.env")))),
        arrived,
    ),
    "another user's .env": one(
        another_user_s,
        "…/.env belongs to another user, so it may not set DATABRICKS_HOST and DATABRICKS_TOKEN.",
        "Replace it with a copy of your own, if you trust it; or set them in the environment.",
        does(lambda project, _: shutil.move(shutil.copy(project.root / ".env", project.home), project.root / ".env")),
        arrived,
    ),
    "a .env that is no text": one(
        written(".env", b"\xff"),
        "…/.env cannot be read (it is not UTF-8).",
        "Save it as UTF-8 text.",
        does(written(".env", "")),
        arrived,
    ),
    "a .env with a bad line": one(
        written(".env", "\nNOTEBOOK_FOLDER notebooks\n"),
        "…/.env, line 2: this is not NAME=value.",
        "Correct that line; put quotes around a value with spaces or #.",
        does(written(".env", "NOTEBOOK_FOLDER='notebooks'")),
        arrived,
    ),
    "a workspace id": one(
        environment(DATABRICKS_WORKSPACE_ID="a b"),
        "a b is not the id of a workspace.",
        "Correct DATABRICKS_WORKSPACE_ID, or the host or profile.",
        does(environment(DATABRICKS_WORKSPACE_ID="1")),
        arrived,
    ),
    "two hosts": one(
        lambda project, person: (
            profiles("[p]\nhost = https://x.example.com\n")(project, person),
            dotenv(LOGIN.replace("DATABRICKS_TOKEN={token}", "DATABRICKS_CONFIG_PROFILE=p"))(project, person),
        ),
        "DATABRICKS_HOST in .env is …, but the profile p there is for https://x.example.com.",
        "Remove DATABRICKS_HOST or DATABRICKS_CONFIG_PROFILE.",
        does(dotenv(LOGIN)),
        arrived,
    ),
    "a token of nobody knows where": one(
        lambda project, person: (
            dotenv("DATABRICKS_HOST={host}\n")(project, person),
            environment(DATABRICKS_TOKEN=project.workspace.token)(project, person),
        ),
        "DATABRICKS_TOKEN from the environment is not sent to …, because only .env names that host.",
        "If it is for that workspace, set DATABRICKS_HOST=… in the environment too; if not, unset DATABRICKS_TOKEN.",
        sets("DATABRICKS_HOST"),
        arrived,
    ),
    "half a token": one(
        lambda project, person: environment(DATABRICKS_TOKEN=f"{project.workspace.token} x")(project, person),
        "DATABRICKS_TOKEN contains a space or a character that no token has.",
        "Copy it again.",
        does(lambda project, person: environment(DATABRICKS_TOKEN=project.workspace.token)(project, person)),
        arrived,
    ),
    "no host": one(
        environment(DATABRICKS_HOST="workspace"),
        "DATABRICKS_HOST is not the address of a workspace.",
        "Set it to an address such as https://adb-1234567890123456.7.azuredatabricks.net, or to local.",
        does(lambda project, person: environment(DATABRICKS_HOST=project.workspace.host)(project, person)),
        arrived,
    ),
    "no profile": one(
        profiles("[p]\nhost = {host}\ntoken = {token}\n"),
        "There is no profile q in …/.databrickscfg.",
        "Correct its name (--profile, DATABRICKS_CONFIG_PROFILE or default_profile), or add it to that file.",
        adds("--profile", "p"),
        arrived,
        ran="to_databricks --profile q",
    ),
    "no host in a profile": one(
        profiles("[p]\ntoken = {token}\n"),
        "The profile p in …/.databrickscfg has no host.",
        "Add a line `host = https://...` to it.",
        does(profiles("[p]\nhost = {host}\ntoken = {token}\n")),
        arrived,
        ran="to_databricks --profile p",
    ),
    "no profiles": one(
        profiles("["),
        "…/.databrickscfg cannot be read as a profile file.",
        "Correct it, or remove it.",
        does(profiles("[p]\nhost = {host}\ntoken = {token}\n")),
        arrived,
        ran="to_databricks --profile p",
    ),
    "a folder that is none": one(
        environment(PROJECT_FOLDER="nowhere"),
        "PROJECT_FOLDER names …/nowhere, which is not a folder.",
        "Correct PROJECT_FOLDER.",
        does(environment(PROJECT_FOLDER=".")),
        arrived,
    ),
    "a folder outside": one(
        dotenv(LOGIN + "PROJECT_FOLDER=..\n"),
        "PROJECT_FOLDER in …/.env names …, which is outside the repository.",
        "Name a folder inside it, or set PROJECT_FOLDER in the environment.",
        does(dotenv(LOGIN + "PROJECT_FOLDER=.\n")),
        arrived,
    ),
    "a time that is none": one(
        environment(BACKUP_DAYS="many"),
        "BACKUP_DAYS must be a number of days, not many.",
        "Set it to 30, for example.",
        does(environment(BACKUP_DAYS="30")),
        arrived,
    ),
    "notebooks outside": one(
        environment(NOTEBOOK_FOLDER="/etc"),
        "NOTEBOOK_FOLDER names /etc, which is outside the repository, or behind a link.",
        "Name folders inside the project, or beside it in the same repository.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "no notebooks": one(
        environment(NOTEBOOK_FOLDER=","),
        "NOTEBOOK_FOLDER names no folder.",
        "Set it to `notebooks`, or remove it.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "notebooks of one name": one(
        environment(NOTEBOOK_FOLDER="notebooks,x/notebooks"),
        "NOTEBOOK_FOLDER names notebooks and x/notebooks, which would be one folder there.",
        "Rename one of them, or name the folders that they are in.",
        does(
            lambda project, person: (
                project.notebook("y/b.py", "x"),
                environment(NOTEBOOK_FOLDER="notebooks,y")(project, person),
            )
        ),
        lambda project, person: "notebooks/a" in person.names(),
        after=0,
    ),
    "notebooks in notebooks": one(
        environment(NOTEBOOK_FOLDER="notebooks,notebooks/x"),
        "NOTEBOOK_FOLDER names notebooks and notebooks/x, and one is inside the other.",
        "Name only the outer one.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "notebooks of git": one(
        environment(NOTEBOOK_FOLDER=".git/hooks"),
        "NOTEBOOK_FOLDER names .git/hooks, which cannot be synced: it would be inside a git directory.",
        "Name another folder.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "notebooks and all": one(
        environment(NOTEBOOK_FOLDER=".,notebooks"),
        "NOTEBOOK_FOLDER names . and notebooks, and one is the whole project.",
        "Name only `.`, or the folders in it.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "notebooks around the project": one(
        environment(NOTEBOOK_FOLDER=".."),
        "NOTEBOOK_FOLDER names .., and the project … is inside of it.",
        "Name the folders in it, or run the command there.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "no user": one(
        nothing,
        "a/b is not a workspace user.",
        "Give a user name such as you@example.com.",
        adds("--user", ME),
        arrived,
        ran="to_databricks --user a/b",
    ),
    "no git": one(
        environment(PATH="/nowhere"),
        "git is not installed, or not on the PATH.",
        "Install git and try again.",
        does(lambda project, person: environment(PATH=PATH)(project, person)),
        arrived,
    ),
    "no repository": one(
        lambda project, _: (project.root / ".git").rename(project.root.parent / "git"),
        "… is not in a git repository, and git decides which files are synced.",
        "Type `git init`, or set PROJECT_FOLDER to a folder in a git repository.",
        types(),
        lambda project, person: person.tree() or (project.root / ".git").is_dir(),
    ),
    "another repository inside": one(
        lambda project, person: (
            project.notebook("my lib/src/notebooks/a.py", "x"),
            project.git("init", "-q", "-b", "main", "my lib"),
            environment(NOTEBOOK_FOLDER="my lib/src/notebooks")(project, person),
        ),
        "my lib is a git repository of its own, so it is not synced from here.",
        "To sync it, set `PROJECT_FOLDER=…` and `NOTEBOOK_FOLDER=src/notebooks`.",
        lambda project, person, hint: (
            sets("PROJECT_FOLDER")(project, person, hint) + sets("NOTEBOOK_FOLDER")(project, person, hint)
        ),
        arrived,
        folder="notebooks",
    ),
    "notebooks that are a file": one(
        lambda project, person: (project.write("x", "x"), environment(NOTEBOOK_FOLDER="x")(project, person)),
        "x is not a folder.",
        "Correct NOTEBOOK_FOLDER, or `folders`.",
        does(environment(NOTEBOOK_FOLDER="notebooks")),
        arrived,
    ),
    "notebooks that were not fetched": one(
        unfetched,
        "shared is a git submodule that was not fetched, so its contents are unknown.",
        "Type `git submodule update --init .`; in CI, check out with submodules.",
        types(),
        lambda project, _: (project.root / "shared/x.txt").is_file(),
        folder="shared",
        after=2,
    ),
}
