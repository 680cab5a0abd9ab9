"""Reads `hook.yml` and the project around it into a Hook.

`schema.py` says what the file may say. Here is what takes more than the file: the repository, the project, and rules
about several keys. Every mistake is a finding; nothing is raised for one, so that all are seen in one pass. The hook
that comes back with errors is whole enough to be checked further, but nothing may be generated from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from posixpath import dirname, join
from urllib.parse import urlsplit

from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository
from mlflow_hooks.errors import UnknownHook
from mlflow_hooks.model import (
    Cluster,
    Finding,
    FindingSeverity,
    GitSource,
    Hook,
    MLflowProject,
    RefKind,
)
from mlflow_hooks.schema import SERVERLESS, Compute, Engine, Git, HookFile

from .document import Reader, plain
from .entry_point import with_entry_point, with_promotion
from .extends import extend
from .findings import nearest
from .git_address import folder_of, is_azure, login_problem, of_folder, of_origin
from .project_file import cluster_of, read_cluster, read_project
from .steps import with_steps
from .targets import choose, targets_of
from .validation import validated

HOOK_FILE = "hook.yml"
_HOOK_FILE = re.compile(r"hook(\.[\w-]+)?\.yml")
PROJECTS = "projects"

# The names of the Jobs API for the hosts that everybody shares; others say `provider`.
PROVIDERS = {
    "github.com": "gitHub",
    "gitlab.com": "gitLab",
    "bitbucket.org": "bitbucketCloud",
    "dev.azure.com": "azureDevOpsServices",
}


@dataclass(frozen=True, slots=True)
class HookReading:
    """What a project's files say, and every mistake in their form; `hook` is None without a readable hook.yml.

    `targets`: the names of those that hook.yml has. `repository`: what the files lie in; None where that is none.
    """

    hook: Hook | None
    findings: tuple[Finding, ...]
    targets: tuple[str, ...] = ()
    repository: Repository | None = None

    @property
    def sound(self) -> bool:
        """Whether there is a hook, and no error in the form of its files."""
        return self.hook is not None and all(finding.severity is not FindingSeverity.ERROR for finding in self.findings)


def is_hook_file(name: str) -> bool:
    """Whether a file of that name describes a hook: hook.yml, or hook.de.yml for another one of the same project."""
    return _HOOK_FILE.fullmatch(name) is not None


def hook_files(projects: Path) -> list[Path]:
    """The hook files of the project folders, by name. Raises UnknownHook where there are none.

    The folder `projects`, or the one that it would lie in, may be a project itself: that of a whole repository.
    """
    folders = [projects.parent, projects, *sorted(path for path in projects.glob("*") if path.is_dir())]
    files = [file for folder in folders for file in sorted(folder.glob("hook*.yml")) if is_hook_file(file.name)]
    if not files:
        raise UnknownHook(
            f"No folder in {projects} has a {HOOK_FILE}.",
            "Type `mlflow_hooks new NAME` to begin one, or name the folder with the projects with --projects.",
        )
    return files


def read_hooks(projects: Path, to: str = "") -> list[HookReading]:
    """All hooks of a folder of projects, in the order of the folders' names, which no two hooks may share a name in.

    `to`: as they are for that target; a hook that has targets, and this one not among them, is none of it. Raises
    UnknownHook where no hook has it.
    """
    readings = [read_hook(file, to) for file in hook_files(projects)]
    names = dict.fromkeys(name for reading in readings for name in reading.targets)
    if to and to not in names:
        remedy = nearest(to, names, f"They have {', '.join(names)}." if names else "Write targets: in hook.yml.")
        raise UnknownHook(f"No hook has a target called {printable(to)}.", remedy)
    readings = [reading for reading in readings if not to or not reading.targets or to in reading.targets]
    seen: dict[str, Hook] = {}
    for index, reading in enumerate(readings):
        hook = reading.hook
        if hook is None or not hook.name:
            continue
        if hook.name in seen:
            message = f"The hook has the same name, {hook.name}, as that of {seen[hook.name].document.name}."
            where = hook.document.place("name")
            finding = Finding(*where, FindingSeverity.ERROR, message, "Give each hook a name of its own.")
            readings[index] = replace(reading, findings=(*reading.findings, finding))
        seen.setdefault(hook.name, hook)
    return readings


def read_hook(path: Path, to: str = "") -> HookReading:
    """The hook that a file describes, of the project that it lies in; for a target, if the file has that one."""
    folder = path.parent.resolve()
    repository = repository_of(folder)
    top = repository.top.resolve() if repository else None
    subfolder = "" if folder == top else folder.relative_to(top).as_posix() if top else folder.name
    reader = Reader(folder / path.name, join(subfolder, path.name))
    if top is None:
        reader.error((), f"{folder} is not in a git repository.", "Type `git init`: a hook runs a project from git.")
    extend(reader, top or folder)
    targets = targets_of(reader)
    if to in targets:
        choose(reader, to)
    findings: list[Finding] = []  # of the project
    if not isinstance(reader.tree, dict):
        if not reader.findings:
            reader.error((), f"{reader.name} has no keys.", "Begin with name:, git: and experiment:.")
        read_project(folder, subfolder, Compute(), findings)
        return HookReading(None, (*reader.findings, *findings))
    name = reader.tree.get("name")
    file = validated(reader, HookFile)
    project = read_project(folder, subfolder, file.project_cluster, findings)
    hook = _hook(reader, file, project, repository.address() if repository else "")
    if file.name != name:  # it is the example that stands in for a wrong one
        hook = replace(hook, name="")
    if file.steps:
        hook = with_steps(hook, file, reader, top or folder)
        findings = findings if any(step.hook.project.folder == folder for step in hook.steps) else []
    else:
        hook = with_entry_point(hook, file, reader)
    hook = with_promotion(hook, file, reader)
    hook = replace(hook, to=to if to in targets else "")
    return HookReading(hook, (*reader.findings, *findings), targets, repository)


def _hook(reader: Reader, file: HookFile, project: MLflowProject, origin: str) -> Hook:
    git = _git(reader, file.git, origin)
    if file.engine is Engine.JOBS_GIT and git.url and not git.provider:
        message = f"git.provider is missing: the Jobs API has to know what kind of git host {git.url} is on."
        reader.error(["git"], message, "Write provider: gitHubEnterprise (or another one) below git:.")
    return Hook(
        name=file.name,
        document=reader.document,
        project=project,
        engine=file.engine,
        git=git,
        experiment=file.experiment,
        schedule=file.schedule,
        timeout=file.timeout,
        poll=file.poll,
        notifications=file.notifications,
        result=file.result,
        mlflow=file.mlflow,
        cluster=_cluster(reader, file.cluster, project.folder),
        linked_service=file.data_factory.linked_service,
        job=plain(file.job) or {},
        permissions=file.permissions,
        retries=file.retries,
    )


def _git(reader: Reader, git: Git, origin: str) -> GitSource:
    here = folder_of(git.url)
    url = of_folder(here) if here is not None else git.url or of_origin(origin)
    if not url:
        why = "its origin is not an https or ssh address" if origin else "this repository has no origin"
        reader.error(["git"], f"{reader.path.name} has no git.url, and {why}.", "Write git: with url: https://...")
    if problem := login_problem(url):
        reader.error(["git", "url"], *problem)
    refs = [(kind, ref) for kind in RefKind if (ref := getattr(git, kind.value))]
    if len(refs) != 1:
        keys = "both " + " and ".join(kind.value for kind, _ in refs) if refs else "no tag and no commit"
        reader.error(
            ["git"], f"git has {keys}, so it is not clear what to run.", "Write one of them, such as tag: v1.0."
        )
    kind, ref = refs[0] if refs else (RefKind.TAG, "")
    if kind is RefKind.BRANCH:
        message = f"The hook runs whatever the branch {ref} holds at that minute."
        reader.warn(["git", "branch"], message, "Write tag: or commit: instead, and change it in a reviewed commit.")
    if git.secret is not None and git.secret.username and git.secret.username_key:
        reader.error(["git", "secret"], "git.secret has both a username and a username_key.", "Remove one of them.")
    return GitSource(
        url=url, ref=ref, kind=kind, provider=git.provider or provider_of(url), secret=git.secret, widget=git.widget
    )


def provider_of(url: str) -> str:
    """What the Jobs API calls the host of a repository; "" for one that is unknown to us."""
    if folder_of(url) is not None:
        return PROVIDERS["github.com"]  # the workspace on this machine wants a name, and goes by none
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # git_address.py judges the URL
        return ""
    return PROVIDERS["dev.azure.com"] if is_azure(host) else PROVIDERS.get(host, "")


def _cluster(reader: Reader, cluster: object, folder: Path) -> Cluster | None:
    """Of the hook notebook: the fields, or the name of a file beside hook.yml that has them."""
    if cluster == SERVERLESS:
        message = "cluster: is that of the hook notebook, which runs on no serverless compute."
        reader.error(["cluster"], message, "Write project_cluster: serverless, and engine: jobs-git.")
        return None
    if isinstance(cluster, dict):
        return cluster_of(plain(cluster), reader.document)
    if not isinstance(cluster, str):
        return None
    return read_cluster(folder / cluster, join(dirname(reader.name), cluster), reader.findings)


def repository_of(folder: Path) -> Repository | None:
    """The git repository that a folder is in; None where it is in none."""
    try:
        return Repository(folder)
    except SettingsError:
        return None
