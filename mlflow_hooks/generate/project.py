"""A minimal project with its hook.yml, from `templates/project`: what a newcomer begins with. Pure.

Its engine is jobs-git and it runs on serverless compute, so it needs no cluster file, which would be of one cloud.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files

from mlflow_hooks.reading.hook_file import provider_of
from mlflow_hooks.schema import DEFAULT_MLFLOW

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
FILES = ("MLproject", "hook.yml", "python_env.yaml", "train.py")
# Of a git host that is nobody else's, by what its name tells.
_KINDS = {"gitlab": "gitLabEnterpriseEdition", "bitbucket": "bitbucketServer", "": "gitHubEnterprise"}


def project_files(name: str, origin: str, top: str, tag: str) -> dict[str, str]:
    """The files of a project called `name`, by their names in its folder.

    `origin`: the address of the repository, "" where it has none and `top`, its folder on this machine, stands for it.
    """
    values = {
        "@NAME@": name,
        "@HOOK@": name.lower(),
        "@MLFLOW@": DEFAULT_MLFLOW,
        "@TAG@": tag,
        "@GIT@": "".join(f"  {line}\n" for line in _git(origin, top)),
    }
    templates = files("mlflow_hooks") / "templates" / "project"
    pattern = re.compile("|".join(values))
    return {
        file: pattern.sub(lambda place: values[place[0]], (templates / file).read_text(encoding="utf-8"))
        for file in FILES
    }


def _git(origin: str, top: str) -> list[str]:
    """What hook.yml has to say of the repository besides the tag."""
    if not origin:
        return [f"url: {json.dumps(top)}  # until the repository has an origin: then remove this line"]
    if provider_of(origin):
        return []
    kind = next(kind for word, kind in _KINDS.items() if word in origin)
    others = ", ".join(other for other in _KINDS.values() if other != kind)
    return [f"provider: {kind}  # or {others}"]
