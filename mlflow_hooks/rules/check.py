"""Every mistake that can be found before a cluster is paid for, in one pass over a project and its hook.

The rules are in the files named after what they are about and know of no disk; what they judge is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha1, sha256
from pathlib import Path
from posixpath import basename

from databricks_sync.errors import enumerated, quantity
from databricks_sync.exit_code import ExitCode
from databricks_sync.local.git import Repository
from databricks_sync.rules.stand_ins import StandIn, stand_in
from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Finding, FindingSeverity, Hook, MLflowProject, RefKind
from mlflow_hooks.reading import git_address
from mlflow_hooks.reading.document import LARGEST, credentials, read_bytes
from mlflow_hooks.reading.findings import Findings, error, warning
from mlflow_hooks.reading.hook_file import HookReading, is_hook_file
from mlflow_hooks.report import Reporter
from mlflow_hooks.schema import Engine

from . import (
    cluster,
    cron,
    data_factory,
    experiment,
    job_fields,
    jobs_git,
    mlproject,
    parameters,
    permissions,
    promotion,
    script,
    serverless,
    steps,
)

_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


def check(readings: Iterable[HookReading], now: datetime, *, refs: bool = True) -> list[Finding]:
    """All findings of these hooks, by file and line, each once; `refs`: also in what git has where they are pinned."""
    findings = {finding: None for reading in readings for finding in _hook(reading, now, refs)}
    return sorted(
        findings, key=lambda finding: (finding.file, finding.line, finding.severity is not FindingSeverity.ERROR)
    )


def of_project(hook: Hook, now: datetime, *, pasted: bool, on_databricks: bool) -> Findings:
    """What fails wherever the project's code comes from; `on_databricks`: on a cluster there."""
    yield from mlproject.form(hook.project, on_databricks=on_databricks and hook.engine is Engine.MLFLOW)
    yield from _entry_point(hook, pasted)
    if hook.engine is Engine.JOBS_GIT:
        yield from jobs_git.rules(hook)
    if on_databricks:
        yield from _cluster(hook, now)


def refuse(findings: Iterable[Finding], checking: str) -> None:
    """Raises HookError, with the first of the errors; `checking`: the command that shows all findings."""
    errors = [finding for finding in findings if finding.severity is FindingSeverity.ERROR]
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        message = f"{errors[0].file}: {errors[0].message.rstrip('.')}{more}."
        raise HookError(message, f"Type `{checking}` to see all findings and what to write instead.")


def _hook(reading: HookReading, now: datetime, refs: bool) -> Findings:
    yield from reading.findings
    hook = reading.hook
    if hook is None:
        return
    for step in hook.parts:
        yield from _part(step.hook, reading.repository, now)
    if hook.judge is not None:
        yield from _part(hook.judge, reading.repository, now)
    yield from promotion.rules(hook, reading.targets)
    yield from steps.rules(hook)
    yield from job_fields.rules(hook)
    yield from permissions.rules(hook)
    if hook.cluster is not None:
        yield from cluster.rules(hook.cluster, now.date())
    if hook.engine is Engine.JOBS_GIT:
        yield from jobs_git.ignored(hook)
    else:
        yield from cluster.for_hook(hook)
    yield from git_address.rules(hook)
    yield from data_factory.rules(hook)
    if refs:
        yield from pinned(reading)
    if hook.experiment and (problem := experiment.problem(hook.experiment)):
        yield error(hook.document, ["experiment"], *problem)
    yield from cron.rules(hook, now)
    yield from _addresses(hook)


def _part(hook: Hook, repository: Repository | None, now: datetime) -> Findings:
    """What is wrong with the project of a hook or of one step, and with what it is given."""
    yield from of_project(hook, now, pasted=hook.pasted, on_databricks=True)
    yield from parameters.rules(hook)
    if hook.engine is Engine.MLFLOW:
        yield from mlproject.environment(hook.project)
        yield from mlproject.release(hook)
    if repository is not None:
        yield from _not_fetched(hook, repository)


def _entry_point(hook: Hook, pasted: bool) -> Findings:
    project = hook.project
    entry = project.entry_points.get(hook.entry_point)
    name, keys = None, ["databricks_spark_job", "python_file"]
    if entry is not None:
        yield from mlproject.placeholders(project, entry)
        if hook.engine is Engine.MLFLOW:
            yield from mlproject.command(project, entry, pasted=pasted)
        name, keys = mlproject.script(entry), ["entry_points", entry.name, "command"]
    elif project.spark_job is not None:
        name = project.spark_job.python_file or None
    if name is None:
        return
    path, file = project.folder / name, project.path(name)
    text = _script(path, project)
    if text is None:
        message = f"The command runs {name}, but {project.shown} has no such file."
        yield error(project.mlproject, keys, message, "Correct the name; it is relative to the project's folder.")
        return
    # Only a warning: nothing of it is generated or shown, and a long text in a script may be data.
    yield from credentials(file, text, FindingSeverity.WARNING)
    if name.endswith(".py"):
        modules = {module.stem for module in path.parent.glob("*.py") if module != path}
        modules |= {module.parent.name for module in path.parent.glob("*/*.py")}
        yield from script.rules(file, text, modules, pasted=pasted, serverless=bool(project.serverless))


def _script(path: Path, project: MLflowProject) -> str | None:
    """The beginning of a script, up to LARGEST bytes; None where it lies outside of the project or cannot be read."""
    try:
        if project.folder.resolve() not in path.resolve().parents or not path.is_file():
            return None
        with path.open("rb") as stream:
            return stream.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return None


def _cluster(hook: Hook, now: datetime) -> Findings:
    own = hook.project.cluster
    if hook.project.serverless:
        yield from serverless.rules(hook, now.date())
    elif own is not None:
        yield from cluster.rules(own, now.date())
        yield from cluster.existing_for_project(own, job=hook.engine is Engine.JOBS_GIT)
        if hook.engine is Engine.MLFLOW and "existing_cluster_id" not in own.spec:
            yield from cluster.for_project(own, spark_job=hook.project.spark_job is not None)


def _not_fetched(hook: Hook, repository: Repository) -> Findings:
    """What a cluster lacks of the repository.

    SERVER: no submodules (https://learn.microsoft.com/azure/databricks/repos/limits); nobody documents git-lfs there.
    """
    if hook.engine is Engine.JOBS_GIT and (repository.top / ".gitmodules").is_file():
        message = "Databricks fetches the repository without its submodules, so their folders are empty in the job."
        yield warning(hook.document, ["git"], message, "If the project needs one, install it as a library.")
    if large := [file for file in repository.filtered("lfs") if file.startswith(hook.project.path(""))]:
        message = f"Databricks fetches the repository without git-lfs, which keeps {enumerated(large)}: the project"
        message += " gets a pointer instead."
        yield warning(hook.document, ["git"], message, "Put it into a volume and read it from /Volumes/...")


def pinned(reading: HookReading) -> Findings:
    """What a hook runs is what is at its ref, and not what was just checked."""
    hook, repository = reading.hook, reading.repository
    if hook is None or repository is None or not hook.git.ref:
        return
    for project in {step.hook.project.subfolder: step.hook.project for step in hook.parts}.values():
        yield from _pinned(hook, project, repository)


def _pinned(hook: Hook, project: MLflowProject, repository: Repository) -> Findings:
    git = hook.git
    keys = ["git", git.kind.value]
    if git_address.ref_problem(git.ref, git.kind) or not _is_of(repository, git.url):
        return
    if not (at := _fetched(hook, repository)):
        message = f"This clone has no {git.kind.value} {git.ref}, so the project at that ref was not checked."
        yield warning(hook.document, keys, message, "Type git fetch --tags, or create the ref and push it.")
        return
    path = project.path(project.mlproject.path.name)
    if repository.at(at, path) is None:
        message = f"At {git.ref} there is no {path}: every run would fail."
        yield error(hook.document, keys, message, "Choose a ref that has it.")
        return
    files = [file for file in _differing(repository, at, project.subfolder) if not is_hook_file(basename(file))]
    if files:
        it = "it differs" if len(files) == 1 else "they differ"
        message = f"The hook runs {enumerated(files)} as at {git.ref}, and {it} from what was checked here."
        yield warning(hook.document, keys, message, "After the merge, write the commit or tag that has these files.")


def _fetched(hook: Hook, repository: Repository) -> str:
    """Under which name this clone has what is fetched, "" for none. A job looks for refs of the kind that it names."""
    ref, kind = hook.git.ref, hook.git.kind
    tag, branch = f"refs/tags/{ref}", (f"refs/remotes/origin/{ref}", f"refs/heads/{ref}")
    if kind is RefKind.COMMIT or ref.startswith("refs/"):
        names: tuple[str, ...] = (ref,)
    elif hook.engine is Engine.JOBS_GIT:
        names = (tag,) if kind is RefKind.TAG else branch
    else:
        names = (tag, *branch)
    return next((name for name in names if repository.commit(name)), "")


def _is_of(repository: Repository, url: str) -> bool:
    folder = git_address.folder_of(url)
    return repository.is_of(url) if folder is None else folder.resolve() == repository.top.resolve()


def _differing(repository: Repository, ref: str, subfolder: str) -> Iterator[str]:
    """The files below a folder that are not as they are at a ref, line ends apart, or gone.

    Of a whole repository, those at its top: below it is much that is not the project's, such as what is generated.
    """
    for file, known in repository.blobs(ref, subfolder).items():
        if not subfolder and "/" in file:
            continue
        try:
            raw = read_bytes(repository.top / file)
        except FileNotFoundError:
            yield file
            continue
        except (OSError, ValueError):  # too large to be code
            continue
        hashes = {_git_hash(content, len(known)) for content in (raw, raw.replace(b"\r\n", b"\n"))}
        if known not in hashes and stand_in(repository.at(ref, file) or b"") is not StandIn.LFS:
            yield file


def _git_hash(content: bytes, digits: int) -> str:
    """By which git knows a file: SHA-1, or SHA-256 in a repository that was made for it."""
    hashed = sha1(usedforsecurity=False) if digits == 40 else sha256()
    hashed.update(b"blob %d\0" % len(content) + content)
    return hashed.hexdigest()


def _addresses(hook: Hook) -> Findings:
    for key in ("on_failure", "on_success"):
        for index, address in enumerate(getattr(hook.notifications, key)):
            if not _ADDRESS.fullmatch(address):
                message = f"{address!r} is not an e-mail address, and Databricks refuses the job."
                keys = ["notifications", key, str(index)]
                yield error(hook.document, keys, message, "Write an address, such as team@example.com.")


def report_findings(findings: Sequence[Finding], hooks: int, report: Reporter, *, strict: bool) -> int:
    """Says them, a line each as compilers do; the exit code."""
    for finding in findings:
        text = f"{finding.place}: {finding.severity.value}: {finding.message} {finding.remedy}".rstrip()
        style = "red" if finding.severity is FindingSeverity.ERROR else "yellow"
        fields = {"file": finding.file, "line": finding.line or None, "severity": finding.severity.value}
        report.event("finding", text, style, **fields, message=finding.message, remedy=finding.remedy)
    errors = sum(1 for finding in findings if finding.severity is FindingSeverity.ERROR)
    warnings = len(findings) - errors
    code = ExitCode.LEFT if errors or (strict and warnings) else ExitCode.DONE
    counted = ", ".join(quantity(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count)
    text = f"{quantity(hooks, 'hook')}: {counted or 'nothing wrong'}"
    style = "bold" if code else "bold green"
    report.event("summary", text, style, hooks=hooks, errors=errors, warnings=warnings, exit_code=code)
    return code
