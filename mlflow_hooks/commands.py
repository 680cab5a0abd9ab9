"""What each command of `mlflow_hooks` does: says what becomes of all, and returns the exit code."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from databricks_sync import shell
from databricks_sync.cli import browser
from databricks_sync.cli.project import Project, find
from databricks_sync.cli.session import Session, opened
from databricks_sync.errors import SettingsError, quantity
from databricks_sync.exit_code import ExitCode
from databricks_sync.rules.plan import Action
from mlflow_hooks.deploy.bind import bind as bind_job
from mlflow_hooks.deploy.deploy import deploy as deploy_hooks
from mlflow_hooks.deploy.status import report_status
from mlflow_hooks.generate.files import FOLDER, SCHEMA, FileChange, changes, places, schema_change, write
from mlflow_hooks.generate.new import new_project
from mlflow_hooks.promote.promote import promoter
from mlflow_hooks.promote.request import promotion_request
from mlflow_hooks.promote.wording import report_history
from mlflow_hooks.reading import git_address
from mlflow_hooks.reading.hook_file import HOOK_FILE, PROJECTS, HookReading, read_hook, read_hooks
from mlflow_hooks.reading.selection import chosen_by_name, one_by_name, sound
from mlflow_hooks.rules.check import check as findings_of
from mlflow_hooks.rules.check import pinned, refuse, report_findings
from mlflow_hooks.run.local import on_this_machine
from mlflow_hooks.run.resolve import run_spec
from mlflow_hooks.run.workspace import on_databricks

from .change import Change, report_changes
from .model import Finding, Hook
from .options import TARGET, HookOptions
from .report import Reporter


def check(options: HookOptions, report: Reporter) -> int:
    """Says what is wrong with the hooks, for each of their targets; the exit code. Raises UnknownHook."""
    read = _readings_by_target(_project(options, report).folder, options)
    return report_findings(_findings(_different(read)), len(read[options.to]), report, strict=options.strict)


def generate(options: HookOptions, report: Reporter) -> int:
    """Writes what is generated, or says what would be; the exit code. Raises HookError, UnknownHook."""
    project = _project(options, report).folder
    read = _readings_by_target(project, options)
    readings = _different(read)
    for finding in dict.fromkeys(finding for reading in readings if reading.sound for finding in reading.findings):
        report.notice(f"{finding.place}: {finding.message} {finding.remedy}")
    hooks = {to: [sound(reading, options.checking()) for reading in readings] for to, readings in read.items()}
    findings = _findings(readings, refs=False)  # what git has at a ref may come after the files that name it
    refuse(findings, options.checking())
    folder = _folder(project, options)
    # In the project folder itself, any folder may be one that somebody else generates into.
    others = [] if options.names or options.to or folder == project else places(folder)
    planned: list[FileChange] = []
    for to in dict.fromkeys([*hooks, *others]):
        projects = _projects(project, options)
        planned += changes(hooks.get(to, []), folder, to, projects=projects, prune=not options.names)
    if not options.check:
        write(planned, folder, force=options.force)
    done = [
        Change(
            "file",
            f"{folder.name}/{change.path}",
            change.action.value,
            "edited by hand" if change.edited else "",
            exit_code=ExitCode.LEFT if options.check and change.action is not Action.NOTHING else ExitCode.DONE,
        )
        for change in planned
    ]
    return report_changes(done, report, dry_run=options.check)


def new(options: HookOptions, report: Reporter) -> int:
    """Writes a minimal project with its hook.yml; the exit code. Raises SettingsError, HookError."""
    projects = _projects(_project(options, report).folder, options)
    made = new_project(projects, options.name)
    if not (projects / SCHEMA).exists():
        write([schema_change(projects)], projects)
        made.append(SCHEMA)
    files = [Change("file", f"{projects.name}/{file}", Action.CREATE.value) for file in made]
    code = report_changes(files, report, dry_run=False)
    hook = sound(read_hook(projects / options.name / HOOK_FILE), options.checking())
    report.line(f"Try it: mlflow_hooks run {shell.word(hook.name)} --local", "")
    report.line(f"Then commit it, and create its tag: git tag {hook.git.ref}", "")
    return code


def schema(options: HookOptions, report: Reporter) -> int:
    """Writes the JSON schema of hook.yml beside the projects; the exit code. Raises HookError."""
    folder = _projects(_project(options, report).folder, options)
    change = schema_change(folder)
    write([change], folder)
    return report_changes([Change("file", f"{folder.name}/{change.path}", change.action.value)], report, dry_run=False)


def deploy(options: HookOptions, report: Reporter) -> int:
    """Makes the workspace hold the hooks; the exit code. Raises SyncError."""
    project = _project(options, report)
    with _session(options, options.target or TARGET, project, report) as session:
        session.permitted()
        readings = read_hooks(_projects(project.folder, options), options.to)
        hooks = [sound(reading, options.checking()) for reading in readings]
        host = session.settings.login.host
        away = [finding for hook in hooks for finding in git_address.unreachable(hook, host)]
        refuse([*_findings(readings), *away], options.checking())
        for finding in (finding for reading in readings for finding in pinned(reading)):
            report.notice(f"{finding.place}: {finding.message} {finding.remedy}")
        code = deploy_hooks(hooks, _folder(project.folder, options), session, options, report)
        if options.open:
            browser.show(session.pages(staying=False).object(session.target), report.notice)
        return code


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _agreed(question: str) -> bool:
    """What somebody at the terminal answers; no answer is a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def bind(options: HookOptions, report: Reporter) -> int:
    """Makes a job of the workspace that of a hook; the exit code. Raises SyncError."""
    project = _project(options, report)
    if not (options.yes or options.dry_run or (is_terminal() and not options.as_json)):
        raise SettingsError("Nobody can be asked here whether that is meant.", "Look with --dry-run, and add --yes.")
    with _session(options, options.target or TARGET, project, report) as session:
        session.permitted()
        hook = sound(_named(project, options), options.checking())
        return bind_job(hook, session, options, _agreed, report)


def status(options: HookOptions, report: Reporter) -> int:
    """Says what the workspace has of each hook; the exit code. Raises SyncError."""
    project = _project(options, report)
    with _session(options, options.target or TARGET, project, report) as session:
        hooks: dict[str, dict[str, Hook]] = {}
        for to, readings in _readings_by_target(project.folder, options).items():
            for hook in (sound(reading, options.checking()) for reading in readings):
                hooks.setdefault(hook.name, {})[to] = hook
        where = f"{session.target}  ({session.settings.login.name})"
        report.event("start", where, target=session.target, host=session.settings.login.name)
        deployed = sum(report_status(by_target, session, report, time.time()) for by_target in hooks.values())
    text = f"{quantity(len(hooks), 'hook')}, {deployed} deployed"
    report.event("summary", text, "bold green", hooks=len(hooks), deployed=deployed, exit_code=ExitCode.DONE)
    return ExitCode.DONE


def run(options: HookOptions, report: Reporter) -> int:
    """Runs the project of a hook and waits for its end; the exit code. Raises SyncError."""
    project = _project(options, report)
    hook = sound(_named(project, options), options.checking())
    if options.backend == "local":
        if options.open:
            raise SettingsError("With --backend local there is no page to open.", "Leave out --open.")
        spec = run_spec(hook, options, None, report)
        folder = project.folder / (options.tracking or "mlruns")
        return ExitCode.DONE if options.dry_run else on_this_machine(spec, folder, report)
    # A target is only named so that the session asks for no branch where the experiment needs none.
    with _session(options, TARGET if options.experiment else None, project, report) as session:
        spec = run_spec(hook, options, session, report)
        return ExitCode.DONE if options.dry_run else on_databricks(spec, session, report)


def promote(options: HookOptions, report: Reporter) -> int:
    """Puts a version into use, or the one before, or says what was; the exit code. Raises SyncError."""
    if options.history and options.rollback:
        raise SettingsError("--history only shows, and --rollback changes.", "Leave out one of them.")
    project = _project(options, report)
    projects, reading = _projects(project.folder, options), _named(project, options)
    hook = sound(reading, options.checking())
    refuse(_findings([reading], refs=False), options.checking())
    # Whose it is says the target, which is named so that the session asks for no branch.
    with _session(options, TARGET, project, report) as session:
        request = promotion_request(hook, projects, options, session, project)
        with promoter(request, session, report, writing=not (options.history or options.dry_run)) as promoting:
            if options.history:
                return report_history(promoting.known, report)
            if options.rollback:
                return promoting.roll_back(dry_run=options.dry_run)
            return promoting.promote(dry_run=options.dry_run)


def _findings(readings: list[HookReading], *, refs: bool = True) -> list[Finding]:
    return findings_of(readings, datetime.now(timezone.utc), refs=refs)


def _project(options: HookOptions, report: Reporter) -> Project:
    """The project we are in, which has the folder with the hooks' projects; says where that is not plain to see."""
    project = find(os.environ, Path.cwd(), (options.projects or PROJECTS,))
    if project.notice:
        report.notice(project.notice)
    return project._replace(notice="")


@contextmanager
def _session(options: HookOptions, target: str | None, project: Project, report: Reporter) -> Iterator[Session]:
    """The session with this target, None for that of the branch. Raises SyncError."""
    with opened(options.session(target), project) as session:
        for notice in session.settings.notices:
            report.notice(notice)
        yield session


def _folder(project: Path, options: HookOptions) -> Path:
    """The folder of what is generated."""
    return Path(os.path.abspath(project / (options.folder or FOLDER)))


def _projects(project: Path, options: HookOptions) -> Path:
    return project / (options.projects or PROJECTS)


def _named(project: Project, options: HookOptions) -> HookReading:
    """The hook that the command is about. Raises UnknownHook."""
    return one_by_name(read_hooks(_projects(project.folder, options), options.to), options.name)


def _readings_by_target(project: Path, options: HookOptions) -> dict[str, list[HookReading]]:
    """The hooks of the project folder, or those that are named, as they are for each target; "": for none."""
    projects = _projects(project, options)
    read = {options.to: chosen_by_name(read_hooks(projects, options.to), options.names)}
    chosen = {reading.hook.document.name for reading in read[options.to] if reading.hook is not None}
    for to in () if options.to else sorted({name for reading in read[""] for name in reading.targets}):
        read[to] = [
            reading for reading in read_hooks(projects, to) if reading.hook and reading.hook.document.name in chosen
        ]
    return read


def _different(read: dict[str, list[HookReading]]) -> list[HookReading]:
    """All of them, but one without targets only once: it is the same for each."""
    first, *others = read.items()
    return [*first[1], *(reading for to, readings in others for reading in readings if to in reading.targets)]
