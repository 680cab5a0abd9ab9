"""A git source, cloned with the real git: whatever addresses the server's own environment maps are in force.

Somebody else wrote what is cloned, and chose the address: nothing but the clone itself comes of either.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMEOUT_S = 300
# No programs as an address (`ext::`), whatever the configuration allows.
PROTOCOLS = "file:git:http:https:ssh"
# No program of ours is run on the files of somebody else, and no other repository is found in or around them.
CONFIGURATION = (
    *("--git-dir=.git", "--work-tree=.", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null"),
    *("-c", "submodule.recurse=false", "-c", "advice.detachedHead=false"),
)
# Set by git around hooks, from one of which the server may have been started.
SCRUBBED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
COMMIT = re.compile(r"[0-9A-Fa-f]{4,64}")


class CheckoutError(Exception):
    """Why the repository could not be had, without any credential."""


def checkout(source: Mapping[str, Any], folder: Path) -> str:
    """Clones into `folder`; gives the commit. `source` is a job's `git_source`. Raises CheckoutError."""
    url = str(source["git_url"])
    if source.get("git_commit"):
        revision = str(source["git_commit"])
        if not COMMIT.fullmatch(revision):
            raise CheckoutError(f"{revision[:100]} is no commit")
    else:
        branch = source.get("git_branch")
        revision = f"refs/heads/{branch}" if branch else f"refs/tags/{source.get('git_tag')}"
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "--quiet", "--template=")
    try:
        _git(folder, "fetch", "--quiet", "--depth", "1", "--end-of-options", url, revision)
    except CheckoutError:
        if not source.get("git_commit"):
            raise
        # Not every server gives a single commit.
        _git(folder, "fetch", "--quiet", "--end-of-options", url, "+refs/heads/*:refs/remotes/origin/*")
        _git(folder, "checkout", "--quiet", "--detach", revision, "--")
    else:
        _git(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    return _git(folder, "rev-parse", "HEAD").strip()


def default_branch(url: str) -> str:
    """The branch that a repository shows first, by name. Raises CheckoutError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _git(folder, "init", "--quiet", "--template=")
        listed = _git(folder, "ls-remote", "--symref", "--end-of-options", url, "HEAD")
    match = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", listed, re.MULTILINE)
    if match is None:
        raise CheckoutError("the repository has no default branch")
    return match[1]


def tracked(folder: Path) -> list[str]:
    """The files of a clone, relative to it. Raises CheckoutError."""
    return [name for name in _git(folder, "ls-files", "-z").split("\0") if name]


def _git(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in SCRUBBED}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": PROTOCOLS, "GIT_LFS_SKIP_SMUDGE": "1"}
    try:
        done = subprocess.run(
            ["git", *CONFIGURATION, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckoutError(f"git {arguments[0]}: {error}") from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise CheckoutError(re.sub(r"//[^/@\s]+@", "//", message)[:2000])
    return done.stdout.decode("utf-8", "replace")
