"""The rules of a repository's address and of a ref. Pure.

MLflow hands both to git as they are, and the address to logs, tags and run names: nothing secret may be in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from mlflow_hooks import credentials
from mlflow_hooks.model import Hook, RefKind
from mlflow_hooks.schema import Engine

from .findings import Findings, error, warning

# Hosts that serve ssh under another name than https.
_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
    "vs-ssh.visualstudio.com": "dev.azure.com",
}
_HOST = r"(?P<host>[\w-]+(?:\.[\w-]+)+)"
_ORIGIN = re.compile(
    rf"https://(?:[^/@]*@)?{_HOST}(?P<port>:\d+)?/(?P<https>.+)"
    rf"|ssh://(?:[^/@]*@)?{_HOST.replace('host', 'ssh_host')}(?::\d+)?/(?P<ssh>.+)"
    rf"|(?:[^/@:]*@)?{_HOST.replace('host', 'scp_host')}:(?!//)/*(?P<scp>.+)"
)
# A folder of this machine: as git and MLflow take it, absolute.
_HERE = re.compile(r"file://(?:localhost)?(?P<url>/.+)|(?P<path>/.+|[A-Za-z]:[\\/].+)")
_REPOSITORY = "Write https://host/team/repository."
_ELSEWHERE = "Write https://host/team/repository before you deploy it to another workspace."
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//).+")
_AZURE = "dev.azure.com"
# The path of a repository on hosts that have no other repositories; what follows is a page of the host.
_REPOSITORIES = {
    "github.com": r"/[^/]+/[^/]+",
    "bitbucket.org": r"/[^/]+/[^/]+",
    _AZURE: r"(?:/.+)?/_(?:git|full|optimized)/[^/]+",
}
# A page of any other git host, as the browser's address bar has it, rather than the repository.
_PAGE = re.compile(r"(?P<path>/[^/]+/.+?)/(?:-/)?(?:tree|blob|commit)/.+")
# What `git check-ref-format` refuses, and what git would take for an option.
_NO_REF = re.compile(r"^[-/.]|[\s~^:?*\[\\\x00-\x20\x7f]|\.\.|@\{|//|\.lock$|[/.]$")


def rules(hook: Hook) -> Findings:
    """What is wrong with where a hook takes its code from.

    SERVER: mlflow.projects.utils (3.17.2) splits an address at the first `#`, and refuses a dot in the folder.
    """
    if hook.git.url:
        yield from _address(hook)
    if hook.git.ref:
        yield from _ref(hook)
    subfolder = hook.project.subfolder
    if hook.engine is Engine.MLFLOW and "." in subfolder:
        message = f"MLflow refuses a folder in the repository with a dot in its path: {subfolder}."
        yield error(hook.document, [], message, "Rename the folder.")
    if hook.engine is Engine.MLFLOW and subfolder.endswith(("'", '"')):
        message = f"MLflow drops the quote at the end of {subfolder} and does not find the folder."
        yield error(hook.document, [], message, "Rename the folder.")


def folder_of(url: str) -> Path | None:
    """The folder of this machine that an address names, as a path or with file://; None for any other address."""
    match = _HERE.fullmatch(url)
    if match is None:
        return None
    path = unquote(match["url"]) if match["url"] else match["path"]
    folder = Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path)
    return folder if folder.is_absolute() else None  # that of another system


def of_folder(folder: Path) -> str:
    """The address under which git clones the repository in a folder of this machine.

    SERVER: MLflow takes a folder that exists for the place to check out in (mlflow.projects.utils 3.17.2), and would
    move the person's own work tree to the ref. git reads %XX, MLflow does not, and so it clones.
    """
    url = folder.as_uri()
    return url if "%" in url else re.sub(r"[A-Za-z0-9](?=[^A-Za-z0-9]*$)", lambda last: f"%{ord(last[0]):02X}", url)


def unreachable(hook: Hook, host: str) -> Findings:
    """Why the workspace at `host` cannot clone the repository: it is on this machine, and the workspace is not."""
    if folder_of(hook.git.url) is not None and urlsplit(host).hostname not in ("127.0.0.1", "localhost", "::1"):
        message = "git.url is a folder of this machine, which the workspace does not find."
        yield error(hook.document, ["git", "url"], message, _ELSEWHERE)


def of_origin(origin: str) -> str:
    """The https address of a repository that was cloned from `origin`, without any credential.

    "" where that cannot be told: for a path, and for a name that only the ssh of this machine knows.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return ""
    path = match["https"] or match["ssh"] or match["scp"]
    host = (match["host"] or match["ssh_host"] or match["scp_host"]).lower()
    path = path.rstrip("/").removesuffix(".git")
    if not match["https"]:
        host = _SSH_HOSTS.get(host, host)
        if host == _AZURE:  # v3/organisation/project/repository
            path = re.sub(r"^v3/([^/]+)/([^/]+)/", r"\1/\2/_git/", path)
    return f"https://{host}{match['port'] or ''}/{path}"


def _address(hook: Hook) -> Findings:
    document, keys, url = hook.document, ["git", "url"], hook.git.url
    if folder_of(url) is not None:
        message = "git.url is a folder of this machine, which only the workspace on this machine finds."
        yield warning(document, keys, message, _ELSEWHERE)
        return
    if _SCP.fullmatch(url):
        yield from _ssh(hook)
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        yield error(document, keys, "git.url is not a valid address.", _REPOSITORY)
        return
    if parts.scheme not in ("https", "ssh"):
        message = f"git.url begins with {parts.scheme}://, " if parts.scheme else "git.url is not an address, "
        message += "and a cluster cannot clone from it."
        yield error(document, keys, message, _REPOSITORY)
        return
    if parts.username and parts.scheme == "https" and not login_problem(url):
        message = "The user name in git.url is not used with a secret, but appears in logs and tags."
        yield warning(document, keys, message, f"Write https://{_AZURE}/... without it.")
    if re.search(r"\s", url):
        message = "git.url has a blank in it, and git does not find such a repository."
        yield error(document, keys, message, f"Write {re.sub(chr(32), '%20', url.strip())}.")
    elif parts.scheme == "https" and (path := _repository(parts)) != parts.path:
        message = "git.url is the address of a page, and git finds no repository there."
        remedy = f"Write https://{parts.netloc.rpartition('@')[2]}{path}." if path else _REPOSITORY
        yield error(document, keys, message, remedy)
    if parts.query or parts.fragment:
        message = "git.url has a part after ? or #, and git treats it as part of the name."
        yield error(document, keys, message, "Remove that part.")
    if parts.scheme == "ssh":
        yield from _ssh(hook)


def _repository(parts: SplitResult) -> str:
    """The path of the repository in an address; "" where there is none."""
    host = _AZURE if is_azure(parts.hostname) else parts.hostname or ""
    path = parts.path.rstrip("/")
    if host in _REPOSITORIES:
        match = re.match(_REPOSITORIES[host] + r"(?=/|$)", path)
        found = match[0] if match else ""
    else:
        page = _PAGE.fullmatch(path)
        found = page["path"] if page else path
    return parts.path if found == path else found


def login_problem(url: str) -> tuple[str, str] | None:
    """The message and remedy for an address that tells more than it must: a login before the host, or a token
    anywhere; None for any other. Azure's clone addresses have a user name, which is no secret."""
    login, _, host = (url.partition("://")[2] or url).partition("/")[0].rpartition("@")
    harmless = not login or (":" not in login and (not url.lower().startswith("http") or is_azure(host.lower())))
    if harmless and not any(credentials.suspicious_lines(url)):  # it may be of the origin, which no file says
        return None
    message = "git.url holds a user name or a token, and would be shown in logs, tags and run names."
    return message, "Remove it, and name a secret: git: secret: {scope: ..., key: ...}."


def _ssh(hook: Hook) -> Findings:
    if hook.git.secret:
        message = "The secret is a token for https, but git.url uses ssh: the token would never be used."
        yield error(hook.document, ["git", "secret"], message, "Write git.url as https://host/team/repository.")
    elif hook.engine is Engine.JOBS_GIT:
        message = "A job clones its git source over https, but git.url uses ssh."
        yield error(hook.document, ["git", "url"], message, _REPOSITORY)
    else:
        message = "git.url uses ssh, but a cluster has no key to log in with."
        yield warning(
            hook.document, ["git", "url"], message, "Write https://..., with a secret if the repository is private."
        )


def is_azure(host: str | None) -> bool:
    """Whether a host is that of Azure DevOps, under its name of today or an older one."""
    return host == _AZURE or (host or "").endswith(".visualstudio.com")


def _ref(hook: Hook) -> Findings:
    kind, ref = hook.git.kind, hook.git.ref
    keys = ["git", kind.value]
    if hook.engine is Engine.JOBS_GIT and ref.startswith("refs/"):
        remedy = f"Write {kind.value}: {ref.split('/', 2)[-1]}."
        yield error(hook.document, keys, f"A job looks for a {kind.value} of the name {ref}, and finds none.", remedy)
    elif problem := ref_problem(ref, kind):
        yield error(hook.document, keys, *problem)


def ref_problem(ref: str, kind: RefKind | None = None) -> tuple[str, str] | None:
    """Why MLflow cannot check out a ref, and what to write instead; None for one that it can.

    SERVER: MLflow 3.17.2 fetches with depth 1, and git fetches no part of a commit; `refs/heads/` was tried.
    """
    if ref.startswith("refs/heads/"):
        return f"MLflow fetches {ref} and then cannot check it out.", f"Write {ref.removeprefix('refs/heads/')}."
    if kind is not None and ref in ("HEAD", "FETCH_HEAD", "ORIG_HEAD"):
        return f"{ref} is not the name of a {kind.value}.", "Write the name, such as main."
    if kind is RefKind.COMMIT and not re.fullmatch(r"[0-9a-f]{40}", ref):
        return f"{ref} is not a full commit hash, and git cannot fetch an abbreviated one.", "Write all 40 digits."
    if _NO_REF.search(ref):
        return f"{ref!r} is not a valid name of a tag or a branch.", "Write the name as `git tag` shows it."
    return None
