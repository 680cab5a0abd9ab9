"""Hints about where to: the branch, the target, and who may use it; and about restoring."""

from __future__ import annotations

from support.project import HOME, ME, Person, Project

from . import settings, stops
from .table import Way, adds, does, sets, types

one = settings.one  # a run that is a mistake, of a project that was never pushed


def instead(target: str) -> Way:
    """Another --target than the one that was typed: of two, the last one counts."""
    return adds("--target", target)


def in_shared(name: str):
    return lambda _, person: "a" in person.at(f"/Shared/{name}").names()


def without_a_default_branch(project: Project, _: Person) -> None:
    """A clone that has lost what its remote calls HEAD, and whose branches have other names."""
    project.git("switch", "-q", "-c", "trunk")
    project.clone("remote")
    project.set_origin(str(project.home / "remote"))
    project.git("fetch", "-q", "origin")


SCENES = {
    "a protected target": one(
        settings.nothing,
        "The target /Shared is a protected folder of the workspace.",
        "Give a folder such as `--target /Shared/main`.",
        adds("--target"),
        in_shared("main"),
        ran="to_databricks --target /Shared",
    ),
    "a home": one(
        settings.nothing,
        f"The target {HOME} is a protected folder of the workspace.",
        f"Give a folder such as `--target {HOME}/main`.",
        adds("--target"),
        settings.arrived,
        ran=f"to_databricks --target {HOME}",
    ),
    "a target that climbs": one(
        settings.nothing,
        "The target /Shared/../x cannot be used: '..' is not a valid name.",
        "Give another --target.",
        instead("/Shared/x"),
        in_shared("x"),
        ran="to_databricks --target /Shared/../x",
    ),
    "Databricks' own folders": one(
        settings.nothing,
        "The target /Repos/me/x is in /Repos, where Databricks itself keeps the Git folders in sync.",
        "Give a folder below /Users/<you> or /Shared.",
        instead("/Shared/x"),
        in_shared("x"),
        ran="to_databricks --target /Repos/me/x",
    ),
    "our own notes": one(
        settings.nothing,
        "The target /Shared/.databricks_sync/x is in .databricks_sync, where this tool keeps its own files.",
        "Give another --target.",
        instead("/Shared/x"),
        in_shared("x"),
        ran="to_databricks --target /Shared/.databricks_sync/x",
    ),
    "another spelling": one(
        settings.nothing,
        "The target /shared/x is spelled /Shared/x in the workspace.",
        "Give `--target /Shared/x`.",
        adds("--target"),
        in_shared("x"),
        ran="to_databricks --target /shared/x",
    ),
    "somebody's home": one(
        settings.nothing,
        f"The target /Users/you@example.com/x is in the home folder of you@example.com, not of {ME}.",
        "If that is intended, add `--user you@example.com`.",
        adds("--user"),
        lambda _, person: "a" in person.at("/Users/you@example.com/x").names(),
        ran="to_databricks --target /Users/you@example.com/x",
    ),
    "a Git folder": one(
        lambda _, person: person.at("/Shared").put("g", object_type="REPO"),
        "The target /Shared/g is a Git folder, which Databricks itself keeps in sync.",
        "Give a folder outside it.",
        instead("/Shared/x"),
        in_shared("x"),
        ran="to_databricks --target /Shared/g",
    ),
    "a notebook": one(
        lambda _, person: person.at("/Shared").edit("g", "x"),
        "The target /Shared/g is a notebook, not a folder.",
        "Give another --target, or rename it in the workspace.",
        does(lambda _, person: person.at("/Shared").delete("g")),
        in_shared("g"),
        ran="to_databricks --target /Shared/g",
    ),
    "no absolute path": one(
        settings.nothing,
        "team's is not an absolute path",
        "team's is not an absolute path; write `--target …`.",
        adds("--target"),
        in_shared("team's"),
        ran="to_databricks --target team\\'s",
    ),
    "an empty target": one(
        settings.nothing,
        "--target is empty.",
        "--target is empty.",
        instead("/Shared/x"),
        in_shared("x"),
        ran="to_databricks --target=",
    ),
    "no branch": one(
        lambda project, _: (project.commit(), project.git("checkout", "-q", "--detach")),
        "No branch is checked out (detached HEAD), so there is no branch folder.",
        "Name one with --branch NAME, or a folder with --target PATH.",
        adds("--branch", "main"),
        settings.arrived,
    ),
    "no default branch": one(
        without_a_default_branch,
        "It is unknown which branch is the default one, so also which branches are merged.",
        "Type `git remote set-head origin --auto`; or name each branch with --branch, without --merged.",
        types(),
        lambda *_: True,
        ran="to_databricks --remove --merged",
    ),
    "nobody": one(
        lambda project, _: project.workspace.faults(
            stops.rule("*/Me", {"kind": "answer", "status": 200, "body": "{}"})
        ),
        "The workspace does not say who is logged in.",
        "Set DATABRICKS_USER.",
        sets("DATABRICKS_USER", ME),
        settings.arrived,
    ),
    "nothing pushed yet": one(
        settings.nothing,
        "There is no folder /Shared/my x in the workspace; nothing was pushed there yet.",
        "Type `to_databricks --target '/Shared/my x'`, or name another folder with --branch or --target.",
        types(),
        lambda project, _: True,
        ran="from_databricks --target '/Shared/my x'",
    ),
    "no notebooks folder": one(
        lambda project, _: (project.root / "notebooks").rename(project.root / "src"),
        "There is no folder notebooks in …",
        "Create it, or set NOTEBOOK_FOLDER to the folder with the notebooks.",
        sets("NOTEBOOK_FOLDER", "src"),
        settings.arrived,
    ),
    "the notebooks of the project above": one(
        lambda project, _: project.write("sub/.env", "NOTEBOOK_FOLDER=notebooks\n"),
        "There is no folder notebooks in …/sub.",
        "There is one in …: run the command there, or create one here.",
        does(lambda project, _: project.notebook("sub/notebooks/a.py", "x")),
        settings.arrived,
        folder="sub",
    ),
    "no such path": one(
        settings.nothing,
        "Nothing, locally or in the workspace, has the name notebooks/x.",
        "Give paths as the plan shows them, after ../: `to_databricks --branch main --dry-run`.",
        types(),
        settings.arrived,
        ran="to_databricks --branch main x",
        folder="notebooks",
        then="to_databricks ../notebooks/a.py",
    ),
}
