"""Which files a tool runs or obeys by itself, without that anybody starts it: hooks, builds, editors, shells. Pure.

Nearly all of them are hidden, or in a hidden folder: `.github/workflows`, `.vscode/tasks.json`, `.envrc`, `.husky`,
`.gitattributes`. So each hidden name is taken for one, whoever will read it next year.
"""

from __future__ import annotations

import re

from .names import folded

_HARMLESS = frozenset({".gitignore", ".gitkeep", ".keep", ".env.example", ".env.sample", ".env.template"})
# The visible ones: what a server or a hook of git looks for by its name.
_VISIBLE = re.compile(
    r"jenkinsfile.*"
    r"|(azure|bitbucket)-pipelines?.*\.ya?ml"
    r"|(appveyor|bitrise|buildspec|cloudbuild|codefresh|codemagic|lefthook|lefthook-local|wercker)\.(ya?ml|json|toml)"
    r"|(netlify|vercel|fly|railway|render)\.(toml|json|ya?ml)"
    r"|husky\.config\.[cm]?js|(site|user)customize\.py|.*\.code-workspace|desktop\.ini"
)


def sensitive(path: str) -> str:
    """The beginning of `path` that makes it such a file, up to the folder or file of that name; "" where none does."""
    names = path.split("/")
    for number, name in enumerate(folded(path).split("/")):
        last = number == len(names) - 1
        if (name.startswith(".") and not (last and name in _HARMLESS)) or (last and _VISIBLE.fullmatch(name)):
            return "/".join(names[: number + 1])
    return ""
