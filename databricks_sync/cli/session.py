"""What a run stands on: settings, the repository, a connection, and the branch folder they lead to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from databricks_sync.engine.request import Request
from databricks_sync.errors import SettingsError, printable
from databricks_sync.local.git import Repository, work_tree
from databricks_sync.local.identity import project_of
from databricks_sync.model import Allowed, Direction, Login, Mode, Scope, Settings
from databricks_sync.remote.auth import connect
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from databricks_sync.rules import target as targets
from databricks_sync.rules.address import Pages
from databricks_sync.rules.ci_run import ci_run
from databricks_sync.rules.valves import unfinished
from databricks_sync.system import Pool

from . import project as projects
from . import settings as settings_of
from .project import Project

if TYPE_CHECKING:
    from databricks_sync.engine.report import RunListener
    from databricks_sync.engine.run import Sync

    from .options import Options


class Session(NamedTuple):
    """One connection to one branch folder, with what the settings say."""

    settings: Settings
    repository: Repository
    http: Http
    target: str
    branch: str
    head: str | None  # the branch that is checked out; None for a detached HEAD
    permitted: Callable[[], None]  # raises SettingsError where the target is in the home of somebody else
    settings_files: frozenset[Path] = frozenset()  # where the settings came from, or may come from

    def sync(self, listener: RunListener, *, shared: bool = False) -> Sync:
        """What runs are made with. `shared`: all projects of the repository carry to one target."""
        from databricks_sync.engine.run import Sync

        return Sync(self.settings, self.repository, self.http, listener, self.permitted, shared=shared)

    def at(self, branch: str) -> Session:
        """The same, at the folder of another branch. Raises SyncError."""
        target = _derived(self.settings, self.repository, self.settings.user or who(self.http), branch)
        targets.check_target(target, None)
        return self._replace(target=target, branch=branch)

    def pages(self, *, staying: bool) -> Pages:
        """The pages of the workspace; of one that ends with this command, only for a command that stays meanwhile."""
        login = self.settings.login
        return Pages() if login.ends and not staying else Pages(login.host, login.one_of_many)

    def request(self, options: Options, mode: Mode | None = None) -> Request:
        """What the options ask one run to do; `mode` where it is another one than they name."""
        unasked = self.settings.mirror and not options.mirror
        return Request(
            mode=Mode.PUSH_MIRROR if unasked else options.mode if mode is None else mode,
            removing=options.remove,
            target=self.target,
            scope=Scope(tuple(_typed(text, self.settings) for text in options.paths)),
            dry_run=options.dry_run or options.checking,
            check=options.checking,
            diff=options.diff,
            restore=options.restore or "",
            markers=options.markers,
            outputs=options.outputs,
            delete=not options.no_delete,
            insisted=options.named,
            unasked=unasked,
            allowed=Allowed(
                deletes=options.max_delete,
                all_changed=options.allow_all_changed,
                empty=options.allow_empty,
                take_over=options.take_over,
                older=options.allow_older,
            ),
            lock=options.lock,
            wait=options.wait,
            branch=self.branch,
            head=None if options.remove else self.head,
            again=options.again(),
            login=options.login(),
            ci_run=ci_run(os.environ),
            way=_way(self.settings.project),
            pages=self.pages(staying=options.watch),
        )


def _way(project: Path) -> str:
    """How the project is reached from the current folder; nothing in the project itself."""
    if project == Path.cwd():
        return ""
    try:
        return Path(os.path.relpath(project)).as_posix()
    except ValueError:  # on another drive
        return project.as_posix()


def _typed(text: str, settings: Settings) -> str:
    """One of the PATHS of the command line, as the plan shows it if it is one that it may show."""
    return path_inside(Path(os.path.abspath(text)), settings) or Path(text).as_posix()


def path_inside(path: Path, settings: Settings) -> str | None:
    """A path in the project or in one of its folders, as the plan shows it; None for any other one."""
    tops = (settings.project, *(folder.path for folder in settings.folders))
    if not any(path.is_relative_to(top) for top in tops):
        return None
    return Path(os.path.relpath(path, settings.project)).as_posix()


@contextmanager
def opened(options: Options, project: Project | None = None) -> Iterator[Session]:
    """The session that the options ask for. Raises SyncError when there is none to be had.

    For host `local` the embedded workspace runs as long as the session, unless it does so already.
    """
    host = "local" if options.local else None
    chosen = {"profile": options.profile, "user": options.user, "host": host, "to": options.to}
    project = project or projects.find(os.environ, Path.cwd())
    repository = Repository(project.folder)
    settings = settings_of.load(chosen, os.environ, project, partial(_tracks, repository))
    settings = settings._replace(mirror=settings.mirror and _may_mirror(options))
    with _workspace(settings) as login, closing(connect(login)) as http, Pool() as pool:
        settings = settings._replace(login=login)
        head = repository.branch()
        looking = options.status and head  # a merge changes no branch, and a status tells of it
        if not options.named and not looking and (operation := repository.operation()):
            raise unfinished(operation)
        branch = options.branch or head or targets.ci_branch(os.environ)
        if options.merged:  # of many branches, and of none: see `at`
            settings, target, permitted = settings._replace(user=settings.user or who(http)), "", lambda: None
        else:
            target, permitted = _target(options.target, branch, settings, repository, http, pool)
        yield Session(settings, repository, http, target, branch or "", head, permitted, project.settings_files)


def _may_mirror(options: Options) -> bool:
    """Whether a named target that is a mirror is one for this run: of its own folder, not of another one that is typed.

    Raises SettingsError for a push that cannot be one.
    """
    another = options.target or options.status or options.remove or options.restore is not None
    if options.direction is Direction.PULL or another:
        return False
    if options.paths or options.watch:
        raise SettingsError(
            f"The target {printable(options.to or '')} is a mirror, which is one run on the whole folder.",
            "Remove the PATHS and --watch, or name its folder with --target in place of --to.",
        )
    return True


def _tracks(repository: Repository, file: Path) -> bool:
    """Whether git tracks a file, which may be in another repository than the project is: above it, or behind a link."""
    top = work_tree(file.parent)
    if top is None:
        return False
    same = top == work_tree(repository.project)
    return (repository if same else Repository(top)).tracks(file)


@contextmanager
def _workspace(settings: Settings) -> Iterator[Login]:
    """The login to use; for host `local`, that of the embedded workspace, started for this session if need be."""
    login = settings.login
    if not login.local:
        yield login
        return
    from databricks_local import embedded

    folder = (settings.project / settings.local_folder) if settings.local_folder else embedded.default_folder()
    with ExitStack() as stack:
        try:
            server = stack.enter_context(embedded.running(folder))
        except embedded.RefusedError as error:
            # It is about options of `databricks_local`: here a variable names the folder.
            raise SettingsError(error.message, error.hint.replace("--dir", "DATABRICKS_LOCAL_DIR")) from None
        where = f"local, in {folder}"
        yield login._replace(host=server.host, token=server.token, where=where, ends=server.is_child)


def _target(
    typed: str | None, branch: str | None, settings: Settings, repository: Repository, http: Http, pool: Executor
) -> tuple[str, Callable[[], None]]:
    """The branch folder, and what tells whether it may be one of ours.

    Asks the workspace who we are only where nobody said, and where the folder is known without it, meanwhile.
    """
    if not (typed or branch) and "{branch}" in settings.target:
        raise SettingsError(
            "No branch is checked out (detached HEAD), so there is no branch folder.",
            "Name one with --branch NAME, or a folder with --target PATH.",
        )
    user = settings.user or ("" if typed or "{user}" not in settings.target else who(http))
    path = targets.normalise(typed) if typed else _derived(settings, repository, user, branch or "")
    targets.check_target(path, user or None)
    if user or not targets.home_of(path):
        return path, lambda: None
    asking_who = pool.submit(who, http)
    return path, lambda: targets.check_target(path, asking_who.result())


def _derived(settings: Settings, repository: Repository, user: str, branch: str) -> str:
    """The target that the settings say."""
    project = ""
    if "{project}" in settings.target:  # else git need not be asked
        project = targets.project_name(repository.name(), project_of(settings.project, repository))
    return targets.derived(settings.target, user, project, branch)


def who(http: Http) -> str:
    """The user the workspace takes us for. Raises SyncError."""
    return Workspace(http, "/").me()
