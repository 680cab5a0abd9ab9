"""Hints about what the workspace, the way there or this machine's disk does to a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.project import (
    EXPORT,
    HOME,
    LIST,
    LIST_REPO,
    RESET,
    Person,
    Project,
    answer,
    edits,
    notebook,
    rule,
)

from .settings import environment
from .table import Act, Row, Scene, Way, adds, does, sets

AT = f"{HOME}/main"
ELSEWHERE = (
    "Check the address of the workspace (DATABRICKS_HOST, or the host of the profile), and whether something else "
    "answers: the login page of a VPN or a network, or a proxy."
)
AGAIN = "Run the command again; nothing is lost."
PAGE = {"kind": "answer", "status": 200, "body": "<html>login</html>"}


def edited(project: Project, _: Person) -> None:
    project.notebook("notebooks/a.py", "mine")


def is_pushed(_: Project, person: Person) -> bool:
    return b"mine" in person.read("a")


def one(
    stuck: Act, message: str, hint: str, way: Way, holds: Callable[[Project, Person], object] = is_pushed, **how: Any
) -> Scene:
    """An edit that is pushed."""

    def begun(project: Project, person: Person) -> None:
        edited(project, person)
        stuck(project, person)

    return Scene((Row(begun, message, hint, way, holds),), **{"code": 4, "project": "one", **how})


def fault(*rules: dict[str, Any]) -> Act:
    return lambda project, _: project.workspace.faults(*rules)


over = does(fault())  # what the hint leaves to others has happened


def state(project: Project) -> Path:
    return project.root / ".git/databricks_sync"


def record(project: Project) -> Path:
    [file] = state(project).glob("*/state.db")
    return file


def denied(text: str, hint: str) -> Scene:
    return one(
        fault(rule("/api/2.0/*", answer(403, "403", text))),
        f"The workspace answered 403 403: {text}.",
        hint,
        over,
        code=2,
    )


SCENES = {
    "a wrong token": one(
        environment(DATABRICKS_TOKEN="dapi-wrong"),
        "… does not accept the token: it is wrong, expired or for another workspace.",
        "Make a new one in the workspace (Settings, Developer, Access tokens) and put it where the old one is: "
        "DATABRICKS_TOKEN, or the profile.",
        does(lambda project, person: environment(DATABRICKS_TOKEN=project.workspace.token)(project, person)),
        code=2,
    ),
    "no token": one(
        environment(DATABRICKS_TOKEN=None),
        "No way to log in to … was found (…).",
        "Log in with `databricks auth login --host …` or `az login`, or set DATABRICKS_TOKEN where the host is set.",
        does(lambda project, person: environment(DATABRICKS_TOKEN=project.workspace.token)(project, person)),
        code=2,
    ),
    "an address that is not allowed": denied(
        "Source IP address: 1.2.3.4 is blocked by Databricks IP ACL",
        "Connect to your company's network or VPN, or have this address added to the workspace's IP access list.",
    ),
    "a kind of token that is not allowed": denied(
        "Tokens are disabled",
        "Type `databricks auth login --host …`, remove DATABRICKS_TOKEN, and name the new profile with --profile.",
    ),
    "a token that may not do this": denied(
        "Provided token does not have required scopes: workspace",
        "Make a token with the scopes that this API needs, or with the scope all-apis.",
    ),
    "a folder that is not ours": one(
        lambda project, _: project.workspace.forbid("/Shared", "read-only"),
        "The workspace answered 403 PERMISSION_DENIED",
        "Ask the owner of the folder for permission, or give another --target.",
        adds("--target", f"{HOME}/x"),
        lambda _, person: b"mine" in person.at(f"{HOME}/x").read("a"),
        ran="to_databricks --target /Shared/x",
    ),
    "a full folder": one(
        lambda project, _: (project.workspace.set(max_children=1), project.notebook("notebooks/b.py", "x")),
        "notebooks/b.py The workspace answered 403 MAX_CHILD_NODE_SIZE_EXCEEDED",
        "Spread the files of that folder over several folders.",
        does(
            lambda project, _: (
                project.workspace.set(max_children=2),
                project.remove("notebooks/b.py"),
                project.notebook("notebooks/x/b.py", "x"),
            )
        ),
        lambda _, person: "x/b" in person.names(),
    ),
    "a page": one(fault(rule("/api/2.0/*", PAGE)), "The answer is a web page, such as a login page", ELSEWHERE, over),
    "a redirect": one(
        fault(
            rule(
                "/api/2.0/*",
                {"kind": "answer", "status": 302, "body": "", "headers": {"Location": "https://x.example.com"}},
            )
        ),
        "… redirects elsewhere, so it is not a workspace.",
        "Correct the address of the workspace (DATABRICKS_HOST, or the host of the profile).",
        over,
        code=2,
    ),
    "no JSON": one(
        fault(rule("*/Me", {"kind": "answer", "status": 200, "body": "["})),
        "The workspace sent an answer that is not JSON.",
        "Run the command again; if this stays, something else answers, such as the login page of a network, or a "
        "proxy.",
        over,
    ),
    "an error of the service": one(
        fault(rule("*/Me", answer(500, "INTERNAL_ERROR", "oops"))),
        "The workspace answered 500 INTERNAL_ERROR: oops.",
        AGAIN,
        over,
    ),
    "a connection that breaks": one(fault(rule("*/Me", RESET)), "The connection to … broke.", AGAIN, over),
    "a listing that breaks": one(
        fault(rule("*/list*", {"kind": "answer", "status": 200, "body": '{"objects": [1]}'}, object=AT)),
        f"The workspace sent a listing of {AT} that cannot be read.",
        AGAIN,
        over,
    ),
    "nothing there": one(
        environment(DATABRICKS_HOST="http://127.0.0.1:1"),
        "http://127.0.0.1:1 cannot be reached.",
        "Check the address of the workspace (DATABRICKS_HOST, or the host of the profile) and the network.",
        does(lambda project, person: environment(DATABRICKS_HOST=project.workspace.host)(project, person)),
    ),
    "a plain address": one(
        environment(DATABRICKS_HOST="http://x.example.com"),
        "DATABRICKS_HOST is http://x.example.com, so the token would be sent unencrypted.",
        "Use https://x.example.com.",
        does(lambda project, person: environment(DATABRICKS_HOST=project.workspace.host)(project, person)),
        code=2,
    ),
    "a proxy that is not there": one(
        environment(HTTP_PROXY="http://127.0.0.1:1"),
        "The proxy cannot reach …",
        "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY lists hosts without a proxy.",
        sets("NO_PROXY", "127.0.0.1"),
    ),
    "a proxy that is none": one(
        environment(HTTP_PROXY="socks5://x:1"),
        "HTTP_PROXY is not the address of a usable proxy.",
        "Write it as http://name:port, or add 127.0.0.1 to NO_PROXY.",
        sets("NO_PROXY", "127.0.0.1"),
        code=2,
    ),
    "certificates that are none": one(
        environment(DATABRICKS_HOST="https://127.0.0.1:1", REQUESTS_CA_BUNDLE="/nowhere"),
        "The certificates in /nowhere cannot be read.",
        "Correct REQUESTS_CA_BUNDLE or SSL_CERT_FILE.",
        does(
            lambda project, person: environment(DATABRICKS_HOST=project.workspace.host, REQUESTS_CA_BUNDLE=None)(
                project, person
            )
        ),
        code=2,
    ),
    "an old export": one(
        lambda project, person: (
            project.push(),
            fault(rule(EXPORT, {"kind": "stale"}))(project, person),
            person.edit("a", "theirs"),
        ),
        "notebooks/a.py cannot be read: The content that the workspace sent for … does not match its listing.",
        "Run the command again in a minute; if this stays, something on the way, such as a proxy, changes the content.",
        over,
        lambda project, _: "theirs" in project.text("notebooks/a.py"),
        ran="from_databricks",
    ),
    "a write that does not show": one(
        fault(
            rule(LIST, {"kind": "stale"}, object=f"{AT}/a"),
            rule(LIST_REPO, {"kind": "stale"}),
            rule(EXPORT, {"kind": "stale"}),
        ),
        "notebooks/a.py was written, but the workspace does not show what was sent",
        "Compare both sides with the options --dry-run --diff.",
        over,
    ),
    "an edit meanwhile": one(
        lambda project, person: fault(
            rule(LIST, edits(person.change("a", source=notebook("x"))), object=f"{AT}/a", nth=1)
        )(project, person),
        "notebooks/a.py was changed in the workspace during the run",
        "Run the command again.",
        over,
        lambda project, person: b"x" in person.read("a"),
        code=1,
        after=1,
    ),
    "no state": one(
        lambda project, _: (
            project.commit(),
            project.push(),
            shutil.rmtree(state(project)),
            state(project).write_text(""),
        ),
        "… cannot be written (…).",
        "The state of the sync is kept there: make the folder writable.",
        does(lambda project, _: state(project).unlink()),
    ),
    "a record that is out of reach": one(
        lambda project, _: (file := record(project), file.unlink(), file.mkdir()),
        "…/state.db cannot be used (…).",
        "Make it accessible, and run the command again.",
        does(lambda project, _: record(project).rmdir()),
        lambda *_: True,
        after=1,
    ),
    "no name for a repository": one(
        lambda project, _: (project.set_origin(), (state(project) / "repository").mkdir(parents=True)),
        "…/repository cannot be written (…).",
        "Make it writable.",
        does(lambda project, _: (state(project) / "repository").rmdir()),
        project="project",
    ),
    "no place for a backup": one(
        lambda project, _: (
            shutil.rmtree(state(project) / "backups", ignore_errors=True),
            (state(project) / "backups").write_text(""),
        ),
        "notebooks/a.py could not be backed up (…), so it was skipped",
        "Make sure that … is writable and its disk not full, and run the command again.",
        does(lambda project, _: (state(project) / "backups").unlink()),
    ),
}
