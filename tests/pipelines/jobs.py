"""What a pipeline comes down to, whichever CI it is of: jobs of scripts, and the machine that runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Where the repository says it is; git finds it in a folder.
URL = "https://github.com/databricks-branch-sync/databricks-branch-sync"
MASTER, PULL_REQUEST, TAG = "refs/heads/master", "refs/pull/17/merge", "refs/tags/v1.2.0"
QA_BRANCH = "refs/heads/qa"  # of those who go from branch to branch
SOURCE_BRANCH = "feature/rain"
SCHEDULE = "schedule"  # the hour, which is about master
MANUAL = "manual"  # a person, who starts it on master
ABOUT_MASTER = (SCHEDULE, MANUAL)


class Unresolved(AssertionError):
    """An expression that the CI would not find a value for."""


@dataclass(frozen=True)
class Checkout:
    """What is fetched: so many commits (0: all), which tags, and the files of git-lfs or only their pointers."""

    depth: int
    tags: bool
    lfs: bool


@dataclass(frozen=True)
class Script:
    """One script step with everything resolved. `always`: also after a failure."""

    name: str
    text: str
    shell: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    always: bool = False


@dataclass(frozen=True)
class Job:
    name: str
    checkout: Checkout
    scripts: tuple[Script, ...]
    needs: tuple[str, ...] = ()
    environment: str = ""


@dataclass(frozen=True)
class Ran:
    name: str
    code: int
    said: str


class Machine:
    """A fresh agent: a clone as the CI makes it, and what the CI puts into the environment."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.clone = folder / "work"
        self.home = folder / "home"
        self.staging = folder / "staging"
        self.summary = folder / "summary.md"  # of GitHub
        for place in (self.home, self.staging):
            place.mkdir(parents=True)
        self.environ = {
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
            "HOME": str(self.home),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "LANG": "C.UTF-8",
            # What the pipelines install is installed here already: pip has to find it so, without any index.
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **environ,
        }

    def check_out(self, ref: str, what: Checkout) -> None:
        """One commit of a ref, detached."""
        ref = MASTER if ref in ABOUT_MASTER else ref
        depth = [f"--depth={what.depth}"] if what.depth else []
        tags = ["--tags"] if what.tags else ["--no-tags"]
        self.git("init", "-q", str(self.clone), here=False)
        self.git("remote", "add", "origin", URL)
        # Where all commits are fetched, they are those of all branches.
        every = [] if what.depth else ["+refs/heads/*:refs/remotes/origin/*"]
        self.git("fetch", "-q", *depth, *tags, "origin", f"+{ref}:refs/remotes/origin/ci", *every)
        self.git("checkout", "-q", "--detach", "refs/remotes/origin/ci")
        self.environ |= dict.fromkeys(("GITHUB_SHA", "BUILD_SOURCEVERSION"), self.git("rev-parse", "HEAD"))

    def git(self, *words: str, here: bool = True) -> str:
        where = ["-C", str(self.clone)] if here else []
        done = subprocess.run(["git", *where, *words], env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, scripts: Sequence[Script]) -> list[Ran]:
        """The scripts as an agent runs them: after a failure only those that always run."""
        done: list[Ran] = []
        for number, script in enumerate(scripts):
            if script.always or all(one.code == 0 for one in done):
                done.append(self._run(script, self.folder / f"script-{number}.sh"))
        return done

    def _run(self, script: Script, file: Path) -> Ran:
        file.write_text(script.text, encoding="utf-8")
        ended = subprocess.run(
            [*script.shell, str(file)], cwd=self.clone, env={**self.environ, **script.env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
        )  # fmt: skip
        return Ran(script.name, ended.returncode, ended.stdout)


def lookup(text: str, pattern: str, values: Mapping[str, str]) -> str:
    """The text with each name that the pattern finds replaced by its value."""

    def value(found: re.Match[str]) -> str:
        if found[1].lower() not in values:
            raise Unresolved(f"{found[0]} in {text!r}")
        return values[found[1].lower()]

    return re.sub(pattern, value, text)
