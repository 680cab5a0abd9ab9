"""Reads `hook.yml` and the project around it into a Hook.

Every mistake is a finding; nothing is raised for one, so that all are seen in one pass. The hook that comes back with
errors is whole enough to be checked further, but nothing may be generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from yaml.nodes import MappingNode, Node

from databricks_sync.errors import SettingsError
from databricks_sync.local.git import Repository
from mlflow_hooks.errors import UnknownHook
from mlflow_hooks.model import (
    DEFAULT_MLFLOW,
    DEFAULT_TIMEOUT,
    RESERVED,
    Cluster,
    Engine,
    EntryPoint,
    Finding,
    GitSource,
    Hook,
    Notifications,
    Parameter,
    Project,
    RefKind,
    Result,
    Schedule,
    Secret,
    Severity,
)

from .document import Reader, plain
from .git_address import login_problem, of_origin
from .project_file import cluster_of, read_cluster, read_project

HOOK_FILE = "hook.yml"
PROJECTS = "projects"

KEYS = (
    "name",
    "engine",
    "git",
    "experiment",
    "entry_point",
    "parameters",
    "schedule",
    "timeout",
    "poll",
    "notifications",
    "result",
    "mlflow",
    "cluster",
    "data_factory",
)
GIT_KEYS = ("url", *(kind.value for kind in RefKind), "provider", "secret", "widget")
# The names of the Jobs API for the hosts that everybody shares; others say `provider`.
PROVIDERS = {
    "github.com": "gitHub",
    "gitlab.com": "gitLab",
    "bitbucket.org": "bitbucketCloud",
    "dev.azure.com": "azureDevOpsServices",
}
OTHER_PROVIDERS = ("gitHubEnterprise", "gitLabEnterpriseEdition", "bitbucketServer", "awsCodeCommit")

VERSION = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
# SERVER: Databricks takes no other name of a secret's scope or key.
SECRET_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
DURATION = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")


@dataclass(frozen=True, slots=True)
class HookReading:
    """What a project's files say, and every mistake in their form; `hook` is None without a readable hook.yml."""

    hook: Hook | None
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return self.hook is not None and all(one.severity is not Severity.ERROR for one in self.findings)


def hook_folders(projects: Path) -> list[Path]:
    """The project folders with a hook.yml, by name. Raises UnknownHook where there are none."""
    folders = sorted(path.parent for path in projects.glob(f"*/{HOOK_FILE}"))
    if not folders:
        raise UnknownHook(
            f"No folder in {projects} has a {HOOK_FILE}.",
            f"Create {PROJECTS}/<Name>/{HOOK_FILE}, or say where the projects are with --projects.",
        )
    return folders


def read_hooks(projects: Path) -> list[HookReading]:
    """All hooks of a folder of projects, in the order of the folders' names, which no two hooks may share a name in."""
    readings = [read_hook(folder) for folder in hook_folders(projects)]
    seen: dict[str, Hook] = {}
    for index, reading in enumerate(readings):
        hook = reading.hook
        if hook is None or not hook.name:
            continue
        if hook.name in seen:
            message = f"The hook is called {hook.name} like that of {seen[hook.name].project.name}."
            line = hook.document.line("name")
            finding = Finding(hook.document.name, line, Severity.ERROR, message, "Give each hook a name of its own.")
            readings[index] = HookReading(hook, (*reading.findings, finding))
        seen.setdefault(hook.name, hook)
    return readings


def read_hook(folder: Path) -> HookReading:
    """The hook of one project folder."""
    folder = folder.resolve()
    repository = _repository(folder)
    top = repository.top.resolve() if repository else None
    subfolder = folder.relative_to(top).as_posix() if top else folder.name
    reader = Reader(folder / HOOK_FILE, f"{subfolder}/{HOOK_FILE}")
    if top is None:
        reader.error(None, f"{folder} is not in a git repository.", "Type `git init` there: a hook runs what git has.")
    project, findings = read_project(folder, subfolder, subfolder)
    if not isinstance(reader.root, MappingNode):
        if not reader.findings:
            reader.error(reader.root, f"{reader.name} says nothing.", "Begin with name:, git: and experiment:.")
        return HookReading(None, (*reader.findings, *findings))
    hook = _hook(reader, project, repository.address() if repository else "")
    return HookReading(hook, (*reader.findings, *findings))


def _hook(reader: Reader, project: Project, origin: str) -> Hook:
    given = reader.mapping(reader.root, HOOK_FILE, KEYS)
    engine = _engine(reader, given.get("engine"))
    git = _git(reader, given.get("git"), origin)
    if engine is Engine.JOBS_GIT and git.url and not git.provider:
        message = f"The Jobs API must be told what kind of git host {git.url} is on."
        reader.error(given.get("git"), message, f"Write provider: {OTHER_PROVIDERS[0]} below git:, or the one it is.")
    entry_point = _text(reader, given, "entry_point") or "main"
    entry = _entry_point(reader, given.get("entry_point"), project, entry_point)
    name = _required(reader, given, "name", "training")
    if name and not NAME.fullmatch(name):
        reader.error(given["name"], f"The name {name!r} cannot be part of a file's name.", "Use a-z, 0-9 and _.")
    factory = reader.mapping(given.get("data_factory"), "data_factory", ("linked_service",))
    return Hook(
        name=name,
        document=reader.document,
        project=project,
        engine=engine,
        git=git,
        experiment=_required(reader, given, "experiment", "/Shared/experiments/training"),
        entry_point=entry_point,
        parameters=_parameters(reader, given.get("parameters"), entry),
        schedule=_schedule(reader, given.get("schedule")),
        timeout=_duration(reader, given.get("timeout"), "timeout", DEFAULT_TIMEOUT),
        poll=_duration(reader, given.get("poll"), "poll", timedelta(seconds=15)),
        notifications=_notifications(reader, given.get("notifications")),
        result=_result(reader, given.get("result")),
        mlflow=_mlflow(reader, given.get("mlflow")),
        cluster=_cluster(reader, given.get("cluster"), project.folder),
        linked_service=_text(reader, factory, "linked_service"),
    )


def _text(reader: Reader, given: Mapping[str, Node], key: str) -> str:
    return reader.scalar(given.get(key), key)


def _required(reader: Reader, given: Mapping[str, Node], key: str, example: str) -> str:
    text = _text(reader, given, key)
    if not text:
        reader.error(given.get(key, reader.root), f"{HOOK_FILE} has no {key}.", f"Write {key}: {example}, for example.")
    return text


def _engine(reader: Reader, node: Node | None) -> Engine:
    text = reader.scalar(node, "engine") or Engine.MLFLOW.value
    if text not in [engine.value for engine in Engine]:
        choices = " or ".join(engine.value for engine in Engine)
        reader.error(node, f"There is no engine {text!r}.", f"Write engine: {choices}.")
        return Engine.MLFLOW
    return Engine(text)


def _git(reader: Reader, node: Node | None, origin: str) -> GitSource:
    given = reader.mapping(node, "git", GIT_KEYS)
    at = node or reader.root
    url = _text(reader, given, "url") or of_origin(origin)
    if not url:
        lacking = "its origin is no https or ssh address" if origin else "this repository has no origin"
        reader.error(at, f"git has no url in {HOOK_FILE}, and {lacking}.", "Write git: with url: https://...")
    if found := login_problem(url):
        reader.error(given.get("url"), *found)
    refs = [(kind, text) for kind in RefKind if (text := _text(reader, given, kind.value))]
    if len(refs) != 1:
        said = "both " + " and ".join(kind.value for kind, _ in refs) if refs else "no tag and no commit"
        reader.error(at, f"git says {said}, so what is run is not settled.", "Write one of them: tag: v1.0, say.")
    kind, ref = refs[0] if refs else (RefKind.TAG, "")
    if kind is RefKind.BRANCH:
        message = f"The hook runs whatever the branch {ref} holds at that minute."
        reader.warn(given["branch"], message, "Write tag: or commit: instead, and move it by a reviewed change.")
    return GitSource(
        url=url,
        ref=ref,
        kind=kind,
        provider=_provider(reader, given.get("provider"), url),
        secret=_secret(reader, given.get("secret")),
        widget=reader.flag(given.get("widget"), "widget"),
    )


def _provider(reader: Reader, node: Node | None, url: str) -> str:
    text = reader.scalar(node, "provider")
    known = (*PROVIDERS.values(), *OTHER_PROVIDERS)
    if text and text not in known:
        reader.error(node, f"Databricks knows no git provider {text!r}.", f"Write one of {', '.join(known)}.")
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # check.py judges the URL
        host = ""
    return text or PROVIDERS.get(host, "")


def _secret(reader: Reader, node: Node | None) -> Secret | None:
    if node is None:
        return None
    given = reader.mapping(node, "secret", ("scope", "key", "username", "username_key"))
    scope, key = _text(reader, given, "scope"), _text(reader, given, "key")
    if not scope or not key:
        reader.error(node, "secret needs a scope and a key.", "Write scope: and key:, the names, never the token.")
    username, username_key = _text(reader, given, "username"), _text(reader, given, "username_key")
    for what, name in (("scope", scope), ("key", key), ("username_key", username_key)):
        if name and not SECRET_NAME.fullmatch(name):
            # Not what was written: it may be the secret itself, in the place of its name.
            message = f"Databricks has no secret whose {what} is called like that: every run would fail."
            reader.error(given[what], message, "Use letters, digits and - _ . @ in it, 128 at most.")
    if username and username_key:
        reader.error(node, "secret has a username and a username_key.", "Keep one of them.")
    return Secret(scope, key, username, username_key)


def _entry_point(reader: Reader, node: Node | None, project: Project, name: str) -> EntryPoint | None:
    found = project.entry_points.get(name)
    by_file = project.spark_job is not None and project.spark_job.python_file
    if found is None and not by_file and project.mlproject.text:
        near = get_close_matches(name, list(project.entry_points), n=1)
        remedy = f"Write entry_point: {near[0]}." if near else f"Its entry points: {', '.join(project.entry_points)}."
        reader.error(node or reader.root, f"{project.name} has no entry point {name!r}.", remedy)
    return found


def _parameters(reader: Reader, node: Node | None, entry: EntryPoint | None) -> tuple[Parameter, ...]:
    """Those the entry point declares, in its order, with what hook.yml says of them."""
    given = reader.mapping(node, "parameters")
    declared = {one.name: one for one in entry.parameters} if entry else {}
    for name, value in given.items():
        if entry is not None and name not in declared:
            near = get_close_matches(name, list(declared), n=1)
            known = f"It declares {', '.join(declared)}." if declared else "It declares none."
            remedy = f"Write {near[0]!r}." if near else known
            reader.error(value, f"The entry point {entry.name} has no parameter {name!r}.", remedy)
    parameters = []
    for name, one in declared.items():
        text, widget = _parameter(reader, name, given.get(name))
        parameter = Parameter(name, one.type, one.default, text, widget)
        if parameter.required and not widget:
            message = f"The parameter {name} has no value, and no caller may set it: every run would fail."
            reader.error(given.get(name, node or reader.root), message, f"Give {name} a value, or widget: true.")
        if widget and name in RESERVED:
            message = f"The widget {name} of every hook notebook would hide the parameter of that name."
            reader.error(given[name], message, "Give the parameter another name, or no widget.")
        parameters.append(parameter)
    return tuple(parameters)


def _parameter(reader: Reader, name: str, node: Node | None) -> tuple[str | None, bool]:
    if not isinstance(node, MappingNode):
        return (reader.scalar(node, name), False) if node is not None and plain(node) is not None else (None, False)
    given = reader.mapping(node, f"parameter {name}", ("value", "widget"))
    value = given.get("value")
    text = reader.scalar(value, name) if value is not None and plain(value) is not None else None
    return text, reader.flag(given.get("widget"), "widget")


def _schedule(reader: Reader, node: Node | None) -> Schedule | None:
    if node is None:
        return None
    given = reader.mapping(node, "schedule", ("quartz", "time_zone", "paused"))
    quartz = _text(reader, given, "quartz")
    if not quartz:
        reader.error(node, "schedule has no quartz expression.", 'Write quartz: "0 0 6 * * ?", daily at six.')
    return Schedule(quartz, _text(reader, given, "time_zone") or "UTC", reader.flag(given.get("paused"), "paused"))


def _duration(reader: Reader, node: Node | None, key: str, default: timedelta) -> timedelta:
    if node is None:
        return default
    text = reader.scalar(node, key)
    found = DURATION.fullmatch(text)
    if not found:
        reader.error(node, f"{key} {text!r} is no duration.", f"Write {key}: 90m, or 2h, or 1d12h.")
        return default
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta() < duration <= timedelta(days=7):
        reader.error(node, f"{key} {text!r} is not between a second and seven days.", f"Write {key}: 2h, for example.")
        return default
    return duration


def _notifications(reader: Reader, node: Node | None) -> Notifications:
    given = reader.mapping(node, "notifications", ("on_failure", "on_success"))
    lists = (reader.scalars(given.get(key), key) for key in ("on_failure", "on_success"))
    return Notifications(*lists)


def _result(reader: Reader, node: Node | None) -> Result:
    given = reader.mapping(node, "result", ("metrics", "tags"))
    return Result(*(reader.scalars(given.get(key), key) for key in ("metrics", "tags")))


def _mlflow(reader: Reader, node: Node | None) -> str:
    """The exact release: the project's cluster gets what the hook has, and tomorrow the same as today."""
    text = reader.scalar(node, "mlflow") or DEFAULT_MLFLOW
    if not VERSION.fullmatch(text):
        reader.error(node, f"mlflow {text!r} is no release.", f"Write mlflow: {DEFAULT_MLFLOW}, for example.")
        return DEFAULT_MLFLOW
    return text


def _cluster(reader: Reader, node: Node | None, folder: Path) -> Cluster | None:
    """Of the hook notebook: a file beside hook.yml, or written out."""
    if node is None:
        return None
    if isinstance(node, MappingNode):
        reader.mapping(node, "cluster")
        return cluster_of(plain(node), reader.document)
    name = reader.scalar(node, "cluster")
    cluster, findings = read_cluster(folder / name, f"{reader.name.rpartition('/')[0]}/{name}")
    reader.findings += findings
    return cluster


def _repository(folder: Path) -> Repository | None:
    try:
        return Repository(folder)
    except SettingsError:
        return None
