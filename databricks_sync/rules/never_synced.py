"""Which paths are never synced, or only where a person names them. By the path alone; pure.

- Never: `.env` (`is_settings`), dashboards and the like (`asset`), what editors and other tools leave beside files and
  git does not track (`is_litter`), and files that together would make a folder look like a git repository
  (`repository_parts`).
- Only where its PATH is named: a file that holds a credential by its name (`credential_file`), and one that comes from
  the workspace and that a tool would run by itself (`runs_by_itself`).
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from fnmatch import translate

from .names import folded

# SOURCE: Databricks' documentation of asset types in Git folders; the last one: databricks/cli, libs/notebook/ext.go.
# An import that is told what to make of them makes files, or a notebook, that nobody can open as what they are.
_ASSETS = {
    ".dbquery.ipynb": "a query",
    ".lvdash.json": "a dashboard",
    ".dbalert.json": "an alert",
    ".designer.ipynb": "a Lakeflow Designer file",
}

_LITTER_NAMES = ("*~", ".*.sw?", ".#*", "#*#", "4913", ".DS_Store", "Thumbs.db", "*.tmp-databricks-sync")
_LITTER = re.compile("|".join(translate(os.path.normcase(name)) for name in _LITTER_NAMES))  # asked for every name
# `.databricks`: in it the official CLI keeps its state of bundles and of its own sync, of this machine alone.
_LITTER_FOLDERS = frozenset((".ipynb_checkpoints", "__pycache__", ".databricks"))

# SOURCE: the file names of gitrob's and truffleHog's signatures, and what the tools around Databricks write.
_CREDENTIAL_FOLDERS = re.compile(r"(?:^|/)(?:\.(?:ssh|gnupg|aws|azure|kube|docker)|\.config/gcloud)(?=/)")
_SAMPLES = r"(?:sample|example|template|tmpl|dist|defaults?)"
_CREDENTIAL_NAMES = re.compile(
    rf"\.env\.(?!(?:.*\.)?{_SAMPLES}$).+"
    rf"|(?!{_SAMPLES}\.).+\.env|\.envrc(?!\.{_SAMPLES}$).*"
    r"|\.databrickscfg.*|token-cache\.json|[._]netrc|\.pypirc|\.npmrc|\.yarnrc\.yml|\.git-credentials|\.pgpass|pgpass\.conf"
    r"|\.my\.cnf|\.dockercfg|\.htpasswd|\.s3cfg|\.boto|\.vault-token|\.?kubeconfig|\.terraformrc"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)?(?<!\.pub)"
    r"|.*\.(?:pem|key|p8|p12|pfx|pkcs12|ppk|pvk|jks|bcfks|keystore|kdbx|keytab|ovpn|tfvars|tfstate|publishsettings)"
    r"|client_secret.*\.json|service[_-]?account.*\.json|local\.settings\.json"
)

# Nearly all files that tools run by themselves are hidden, or in a hidden folder: `.github/workflows`,
# `.vscode/tasks.json`, `.envrc`, `.husky`, `.gitattributes`. So each hidden name is taken for one.
_HARMLESS = frozenset({".gitignore", ".gitkeep", ".keep", ".env.example", ".env.sample", ".env.template"})
# The visible ones: what a server or a hook of git looks for by its name.
_VISIBLE = re.compile(
    r"jenkinsfile.*"
    r"|(azure|bitbucket)-pipelines?.*\.ya?ml"
    r"|(appveyor|bitrise|buildspec|cloudbuild|codefresh|codemagic|lefthook|lefthook-local|wercker)\.(ya?ml|json|toml)"
    r"|(netlify|vercel|fly|railway|render)\.(toml|json|ya?ml)"
    r"|husky\.config\.[cm]?js|(site|user)customize\.py|.*\.code-workspace|desktop\.ini"
)

# SOURCE: git's is_git_directory() in setup.c, asked of every folder from the current one upwards: `HEAD`, and `objects`
# and `refs`, or `commondir` to name a folder with these two. What the `config` in it says is then run, by the person's
# prompt and editor too. On Windows also files pass for `objects` and `refs`.
_GIT_FILES = frozenset({"head", "commondir", "config"})
_GIT_FOLDERS = frozenset({"objects", "refs"})
_GIT_NAMES = re.compile(rf"(?:^|/)(?:{'|'.join(sorted(_GIT_FILES | _GIT_FOLDERS))})(?:/|$)")


def is_settings(path: str) -> bool:
    """Whether a file is a `.env`: pushed, its token would be read by others; pulled, it would be of their choice."""
    return path.rpartition("/")[2].casefold() == ".env"


def asset(path: str) -> str:
    """What of the workspace, neither notebook nor file, is written down in a file of this name; "" for nothing."""
    name = path.casefold()
    return next((kind for suffix, kind in _ASSETS.items() if name.endswith(suffix)), "")


def is_litter(path: str) -> bool:
    """Whether an editor, Python, the official CLI or we leave files of that name beside others."""
    *folders, name = path.split("/")
    return not _LITTER_FOLDERS.isdisjoint(folders) or _LITTER.match(os.path.normcase(name)) is not None


def credential_file(path: str) -> str:
    """The beginning of `path` that makes it a credential's file, up to the name that says so; "" where none does."""
    name = folded(path)
    if match := _CREDENTIAL_FOLDERS.search(name):
        return "/".join(path.split("/")[: name[: match.end()].count("/") + 1])
    return path if _CREDENTIAL_NAMES.fullmatch(name.rpartition("/")[2]) else ""


def runs_by_itself(path: str) -> str:
    """The beginning of `path` that makes it a file which a tool (git, CI, an editor, a shell) runs or obeys without
    that anybody starts it, up to the name that says so; "" where none does."""
    names = path.split("/")
    for number, name in enumerate(folded(path).split("/")):
        last = number == len(names) - 1
        if (name.startswith(".") and not (last and name in _HARMLESS)) or (last and _VISIBLE.fullmatch(name)):
            return "/".join(names[: number + 1])
    return ""


def repository_parts(paths: Iterable[str], names_in: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """Those of `paths` which, if all of them were written, would make a folder a git repository -> that folder.

    "" is the top. `names_in` tells what is in a folder already. Names are compared as on a disk that ignores case.
    """
    parts: dict[str, dict[str, str]] = defaultdict(dict)  # folder -> path -> the part of a repository it is
    spelled: dict[str, str] = {}
    for path in paths:
        if _GIT_NAMES.search(folded(path)):
            names = path.split("/")
            for number, name in enumerate(names):
                part = folded(name)
                if part in _GIT_FOLDERS or (part in _GIT_FILES and number == len(names) - 1):
                    above = "/".join(names[:number])
                    parts[spelled.setdefault(folded(above), above)][path] = part
    return {
        path: folder
        for folder, its_parts in parts.items()
        if _is_repository({*its_parts.values(), *(folded(name) for name in names_in(folder))})
        for path in its_parts
    }


def _is_repository(names: set[str]) -> bool:
    return "head" in names and ("commondir" in names or names >= _GIT_FOLDERS)
