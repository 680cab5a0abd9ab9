"""Hints about the settings that a project commits."""

from __future__ import annotations

from functools import partial

from support.project import Person, Project

from .settings import arrived, nothing, one
from .table import Act, adds, does, sets, types

NAME = "databricks_sync.toml"


def committed(text: str, name: str = NAME) -> Act:
    """Settings with {host} filled in."""
    return lambda project, _: project.write(name, text.replace("{host}", project.workspace.host))


def profiles(*names: str) -> Act:
    """Profiles of the workspace, which the environment does not name."""

    def act(project: Project, person: Person) -> None:
        login = f"host = {project.workspace.host}\ntoken = {project.workspace.token}\n"
        (project.home / ".databrickscfg").write_text("".join(f"[{name}]\n{login}" for name in names))
        project.env["DATABRICKS_HOST"] = "https://other.example.com"

    return act


def theirs(project: Project, person: Person) -> None:
    person.at("/Shared/qa").edit("theirs", "x")
    committed("[targets.qa]\ntarget = '/Shared/qa'\nmirror = true\n")(project, person)


def at_qa(_: Project, person: Person) -> bool:
    return "a" in person.at("/Shared/qa").names()


QA = "[targets.qa]\ntarget = '/Shared/qa'\n"
to_qa = partial(one, ran="to_databricks --to qa")
SCENES = {
    "no settings to name a target": to_qa(
        nothing,
        "--to names the target qa, but this project has no databricks_sync.toml.",
        "Write it, with a table [targets.qa]; `to_databricks --init` writes one with examples.",
        types(afterwards=lambda project, _: project.write(NAME, project.text(NAME) + QA)),
        at_qa,
    ),
    "an unknown target": to_qa(
        committed("[targets.qaa]\n"),
        "--to names the target qa, which is unknown (did you mean qaa?).",
        "Correct it, or add a table [targets.qa].",
        does(committed(QA)),
        at_qa,
    ),
    "several profiles of a target": to_qa(
        lambda project, person: (
            profiles("x", "y")(project, person),
            committed(f"{QA}host = '{{host}}'")(project, person),
        ),
        "The target qa is in the workspace …, for which there are the profiles x and y.",
        "Choose one of them, for example with `--profile x`.",
        adds("--profile"),
        at_qa,
    ),
    "no login for a target": to_qa(
        committed(f"{QA}host = 'https://qa.example.com'\n"),
        "The target qa is in the workspace https://qa.example.com, and you have no login for it.",
        "If you trust it, set DATABRICKS_HOST and a credential in the environment, or add a profile with that host to "
        "~/.databrickscfg.",
        lambda project, person, hint: (
            sets("DATABRICKS_HOST", project.workspace.host)(project, person, hint)
            + does(committed(f"{QA}host = '{{host}}'"))(project, person, hint)
        ),
        at_qa,
    ),
    "a target that is not on this machine": one(
        committed(f"{QA}host = '{{host}}'\n"),
        "The target qa is in the workspace …, and --local names another one.",
        "Remove --local, or leave out --to.",
        does(nothing),
        at_qa,
        ran="to_databricks --to qa --local",
    )._replace(then="to_databricks --to qa"),
    "a mirror of single paths": to_qa(
        theirs,
        "The target qa is a mirror, which is one run on the whole folder.",
        "Remove the PATHS and --watch, or name its folder with --target in place of --to.",
        lambda *_: ["--target", "/Shared/qa"],
        at_qa,
    )._replace(ran="to_databricks --to qa notebooks/a.py"),
    "a mirror of what others have": to_qa(
        theirs,
        "Nobody has pushed to /Shared/qa from here yet, and only the settings of the project make it a mirror.",
        "See with --dry-run what would be overwritten and deleted there; to do that, add --mirror once.",
        adds("--mirror"),
        at_qa,
    )._replace(code=3),
    "what is not TOML": one(
        committed("folders = notebooks\n"),
        "…/databricks_sync.toml cannot be read as TOML: Invalid value (at line 1, column 11).",
        "Correct that line.",
        does(committed("folders = ['notebooks']\n")),
        arrived,
    ),
    "two files of settings": one(
        lambda project, person: (
            committed("")(project, person),
            committed("[tool.databricks_sync]\n", "pyproject.toml")(project, person),
        ),
        "… has settings in databricks_sync.toml and in pyproject.toml, and only one of them can be right.",
        "Keep databricks_sync.toml, and remove the tables of tool.databricks_sync from pyproject.toml; "
        "or the other way round.",
        does(committed("", "pyproject.toml")),
        arrived,
    ),
    "an unknown key": one(
        committed("folder = ['notebooks']\n"),
        "…/databricks_sync.toml sets `folder`, which is unknown (did you mean folders?).",
        "Correct or remove it.",
        does(committed("folders = ['notebooks']\n")),
        arrived,
    ),
    "a login that is committed": one(
        committed("host = '{host}'\n"),
        "…/databricks_sync.toml sets `host`, but a file for everybody does not say how to log in.",
        "Remove it, and set it in the environment, in .env or in ~/.databrickscfg.",
        does(committed("")),
        arrived,
    ),
    "a secret that a pattern includes": one(
        lambda project, person: (
            project.write(".gitignore", "*.ini\n"),
            project.write("notebooks/own.ini", "token = dapi" + "0123456789abcdef" * 2),
            committed("include = ['*.ini']\n")(project, person),
        ),
        "is ignored by git and contains what looks like a credential, so it is synced only if you name its path",
        "Type `to_databricks notebooks/own.ini` to sync it, or exclude it in the settings of the project.",
        types(),
        lambda _, person: "own.ini" in person.names(),
        code=0,
    ),
    "a wrong folder": one(
        committed("folders = ['/etc']\n"),
        "`folders` in …/databricks_sync.toml names /etc, which is no folder relative to this file.",
        "Correct it.",
        does(committed("folders = ['notebooks']\n")),
        arrived,
    ),
    "a wrong value": one(
        committed("exclude = ['!a']\n"),
        "`exclude` in …/databricks_sync.toml has the pattern '!a', which begins with an exclamation mark: "
        "what git ignores is for include.",
        "Correct it.",
        does(committed("include = ['a']\n")),
        arrived,
    ),
}
