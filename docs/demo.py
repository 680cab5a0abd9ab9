"""What `make demo` shows: notebooks go into a workspace, are edited there, and come back.

Everything happens in a temporary folder: a git project with a copy of `notebooks/`, and the embedded workspace.
The commands are the installed ones, run as processes. Neither this repository nor the home folder is touched.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

try:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from databricks_local.embedded import Running, running
    from databricks_local.home import RefusedError
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed for this Python. Type `make demo`, or see README.md for Windows.")

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "better-forecast"
TARGET = f"/Users/me@example.com/{BRANCH}"
NOTEBOOK, FILE = "models/demand_forecast", "notebooks/models/demand_forecast.py"
EDITS = (("DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 5"), ("The last four days", "The last five days"))
NEW_CELL = """
# COMMAND ----------

# DBTITLE 1,Where is it wrong?
display(recent.assign(forecast=model.predict(recent[FEATURES]).round(1)))
"""

console = Console(highlight=False, soft_wrap=True)


class Failed(Exception):
    """A step did not do what it is here to show."""


class Workspace:
    """The embedded workspace, asked as any program would ask one."""

    def __init__(self, server: Running) -> None:
        self.server = server

    def call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.server.host + path, data, headers, method=method), timeout=60) as answer:
            return json.load(answer)

    def children(self, path: str) -> list[dict[str, Any]]:
        objects = self.call("GET", f"/api/2.0/workspace/list?path={quote(path)}").get("objects", [])
        return sorted(objects, key=lambda item: str(item["path"]))

    def source(self, path: str) -> str:
        answer = self.call("GET", f"/api/2.0/workspace/export?format=SOURCE&path={quote(path)}")
        return base64.b64decode(answer["content"]).decode()

    def save(self, path: str, source: str) -> None:
        """What the web editor does when a person has typed something."""
        self.call("POST", "/api/local/edit", {"path": path, "source": source})

    def forget(self) -> None:
        self.call("DELETE", "/api/local/requests")

    def writes(self) -> int:
        """How many requests have changed something, or tried to, since the last `forget`."""
        return sum(1 for request in self.call("GET", "/api/local/requests")["requests"] if request["method"] != "GET")


def clean_environment(home: Path, workspace: Path) -> dict[str, str]:
    """This process's environment without whatever could lead to somebody's real workspace or git settings.

    Nor does it say what has the programs write otherwise than on a person's screen, as in a CI.
    """
    private = ("DATABRICKS_", "ARM_", "GIT_", "XDG_", "NOTEBOOK_FOLDER", "PROJECT_FOLDER", "USER")
    screen = ("CI", "BUILD_", "GITHUB_", "GITLAB_", "TF_BUILD", "BITBUCKET_", "JENKINS_", "PYTEST_", "PY_COLORS")
    screen += ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(private + screen)}
    home.mkdir(exist_ok=True)
    return kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DATABRICKS_HOST": "local",
        "DATABRICKS_LOCAL_DIR": str(workspace),
    }


def make_project(project: Path, environ: dict[str, str], branch: str) -> None:
    """A git project, with one commit on a branch, that holds the sample notebooks."""
    shutil.copytree(ROOT / "notebooks", project / "notebooks", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    me = ("-c", "user.name=Demo", "-c", "user.email=me@example.com")
    for arguments in (("init",), ("symbolic-ref", "HEAD", f"refs/heads/{branch}"), ("add", "."), ("commit", "-mStart")):
        subprocess.run(["git", *me, *arguments], cwd=project, env=environ, check=True, capture_output=True)


def installed(command: str) -> str:
    """The program that a command is: the one installed beside this Python first."""
    program = shutil.which(command, path=sysconfig.get_path("scripts")) or shutil.which(command)
    if program is None:
        raise Failed(f"{command} is not installed here: type `{sys.executable} -m pip install -e .[local]` in {ROOT}.")
    return program


class Terminal:
    """Types commands into the project, and insists that they succeed."""

    def __init__(self, project: Path, environ: dict[str, str]) -> None:
        self.project = project
        self.environ = environ

    def type(self, *words: str) -> None:
        console.print(Text(f"\n$ {' '.join(words)}", "bold"))
        sys.stdout.flush()
        colour = "false" if os.environ.get("NO_COLOR") else "auto"  # git does not know NO_COLOR
        more = ("--no-pager", "-c", f"color.ui={colour}") if words[0] == "git" else ()
        command = [installed(words[0]), *more, *words[1:]]
        code = subprocess.run(command, cwd=self.project, env=self.environ, check=False).returncode
        if code in (130, -2):
            raise KeyboardInterrupt
        if code:
            raise Failed(f"`{' '.join(words)}` ended with {code}.")


def say(text: str) -> None:
    console.print(Text(f"\n# {text}", "cyan"))


def tree(workspace: Workspace, path: str, branch: Tree) -> Tree:
    for item in workspace.children(path):
        kind = str(item.get("language") or item["object_type"]).lower()
        label = Text(str(item["path"]).rpartition("/")[2])
        if item["object_type"] == "DIRECTORY":
            tree(workspace, item["path"], branch.add(label + Text("/")))
        else:
            branch.add(label + Text(f"  {kind}", "green" if item["object_type"] == "NOTEBOOK" else "dim"))
    return branch


def edit(workspace: Workspace) -> None:
    """What a person does in the browser."""
    source = workspace.source(f"{TARGET}/{NOTEBOOK}")
    for old, new in EDITS:
        if old not in source:
            raise Failed(f"{NOTEBOOK} did not arrive in the workspace as it was sent.")
        source = source.replace(old, new)
    workspace.save(f"{TARGET}/{NOTEBOOK}", source.rstrip("\n") + "\n" + NEW_CELL)


def show(workspace: Workspace, terminal: Terminal) -> None:
    say(f"A git project, branch {BRANCH}, with some notebooks. Push them to the workspace:")
    terminal.type("to_databricks")

    say("This is in the workspace now. Notebooks have no extension there, other files have one:\n")
    console.print(tree(workspace, TARGET, Tree(Text(TARGET, "bold"))))

    say(f"Somebody opens {NOTEBOOK} in the browser, changes a number and adds a cell. Pull that:")
    edit(workspace)
    terminal.type("from_databricks", "--diff")

    say("Only these lines of the local file have changed, ready to be committed:")
    terminal.type("git", "diff", "--unified=1")
    after = (terminal.project / FILE).read_text(encoding="utf-8")
    if NEW_CELL not in after or any(new not in after for _, new in EDITS):
        raise Failed("The edit was not pulled.")

    say("Both sides are in sync, so there is nothing to push:")
    workspace.forget()
    terminal.type("to_databricks")
    if workspace.writes():
        raise Failed("The second run wrote to the workspace.")


def main() -> int:
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        with tempfile.TemporaryDirectory(prefix="databricks-demo-") as name:
            project, home, data = (Path(name).resolve() / part for part in ("project", "home", "workspace"))
            environ = clean_environment(home, data)
            make_project(project, environ, BRANCH)
            with running(data) as server:
                show(Workspace(server), Terminal(project, environ))
    except KeyboardInterrupt:
        console.print("\nInterrupted; the temporary folder is gone.")
        return 130
    except (Failed, RefusedError, OSError, subprocess.CalledProcessError) as error:
        console.print(Text(f"\nThe demo failed: {error}", "bold red"))
        return 1
    # `make demo` leaves the shell as it was: the command is then on nobody's path.
    typed = "to_databricks" if shutil.which("to_databricks") else shlex.quote(installed("to_databricks"))
    say(f"This was the demo. To sync your own notebooks, type `{typed} --local` in your project.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
