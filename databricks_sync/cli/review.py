"""`--review`: what changed between two commits, written for a reviewer. Only git is asked, no workspace."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from databricks_sync import shell
from databricks_sync.errors import SettingsError, printable, quantity
from databricks_sync.exit_code import ExitCode
from databricks_sync.local.git import Repository
from databricks_sync.output.report import Reporter
from databricks_sync.review.commits import Commits, reviews
from databricks_sync.review.markdown import MarkdownReview
from databricks_sync.review.page import PageReview
from databricks_sync.rules.ci_run import pull_request
from databricks_sync.rules.target import ci_branch

from . import browser, project, settings
from .options import Options

STDOUT = "-"
_PAGES = (".html", ".htm")


def run(options: Options, report: Reporter) -> int:
    """Writes the review into the files that the options name; returns the exit code. Raises SyncError."""
    here = project.find(os.environ, Path.cwd())
    repository = Repository(here.folder)
    if here.notice:
        report.notice(here.notice)
    commits = _commits(repository, options.review or "", os.environ)
    paths = _from_top(repository, options.paths or _folders(here))
    if not options.review and _is_edited(repository, paths):
        report.notice("The review is about commits: what is not committed yet is not in it.")
    outputs = _outputs(options)
    made = {name: PageReview(commits) if _is_page(name) else MarkdownReview(commits) for name in outputs}
    count = 0
    for file in reviews(repository, commits, paths):
        count += 1
        for review in made.values():
            review.add(file)
    for name, review in made.items():
        _write(name, review.text())
    if STDOUT not in outputs:
        about = f"{commits.base_name} → {commits.head_name}: {quantity(count, 'changed file')}"
        report.say(f"{about} in {', '.join(map(printable, outputs))}", "review")
    if options.open:
        page = next(filter(_is_page, outputs))
        browser.show(Path(os.path.abspath(page)).as_uri(), report.notice)
    return ExitCode.DONE


def _folders(here: project.Project) -> list[str]:
    """The notebooks folders, as the settings name them."""
    named = {**here.dotenv.values, **os.environ}.get("NOTEBOOK_FOLDER", "")
    return [str(folder.path) for folder in settings.folders_of(here, named)]


def _is_edited(repository: Repository, paths: Sequence[str]) -> bool:
    """Whether something at or below these paths from the top is not as it was committed."""
    changed = repository.status(repository.top).changed or []
    return any(path == "." or f"{name}/".startswith(f"{path}/") for name in changed for path in paths)


def _outputs(options: Options) -> list[str]:
    """The files to write; for `--open` a page is among them."""
    outputs = list(dict.fromkeys(options.output))
    if options.open and not any(map(_is_page, outputs)):
        folder = tempfile.mkdtemp(prefix="review-")  # which has to outlive this command
        outputs.append(str(Path(folder, "review.html")))
    return outputs or [STDOUT]


def _is_page(name: str) -> bool:
    return name.lower().endswith(_PAGES)


def _write(name: str, text: str) -> None:
    try:
        if name == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
        else:
            Path(name).write_bytes(text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        about = f"The review cannot be written into {printable(name)} ({error.strerror})."
        raise SettingsError(about, "Give another --output.") from None


def _from_top(repository: Repository, paths: Sequence[str]) -> list[str]:
    """Paths of this machine as git names them in all commits. Raises SettingsError for one outside."""
    top = Path(os.path.realpath(repository.top))
    return [_inside(Path(os.path.abspath(path)), top) for path in paths]


def _inside(path: Path, top: Path) -> str:
    """A link is meant itself, wherever it leads."""
    real = top if Path(os.path.realpath(path)) == top else Path(os.path.realpath(path.parent), path.name)
    if not real.is_relative_to(top):
        raise SettingsError(f"{printable(str(path))} is outside the repository.", "Name paths inside it.")
    return real.relative_to(top).as_posix()


# --- which commits ------------------------------------------------------------------------------------------


def _commits(repository: Repository, typed: str, environ: Mapping[str, str]) -> Commits:
    """The two commits that are meant, as `git diff` understands them; `BASE` alone is `BASE...HEAD`."""
    commits = _typed(repository, typed) if typed else _of_pull_request(repository, environ) or _of_branch(repository)
    name = commits.head_name
    if name == "HEAD":
        name = repository.branch() or ci_branch(environ) or name
    return commits._replace(base_name=printable(commits.base_name), head_name=printable(name))


def _typed(repository: Repository, typed: str) -> Commits:
    base, dots, head = typed.partition("..." if "..." in typed else "..")
    base, head = base or "HEAD", head or "HEAD"
    commits = Commits(_known(repository, base), _known(repository, head), base, head)
    return commits if dots == ".." else _since_fork(repository, commits, [commits.base])


def _of_pull_request(repository: Repository, environ: Mapping[str, str]) -> Commits | None:
    """Those of the pull request that a CI runs for: the merge that it has checked out, or the branch."""
    if (request := pull_request(environ)) is None:
        return None
    commits = Commits(repository.commit("HEAD^1"), _known(repository, "HEAD"), request.base, "HEAD")
    if commits.head == request.merge and commits.base:
        return commits
    refs = (f"refs/remotes/origin/{request.base}", f"refs/heads/{request.base}")
    starts = [request.start] if re.fullmatch(r"[0-9a-f]{40,64}", request.start) else []
    others = [commit for commit in map(repository.commit, (*refs, *starts)) if commit]
    if not others:
        raise _unknown(repository, request.base)
    return _since_fork(repository, commits, others)


def _of_branch(repository: Repository) -> Commits:
    """Those of the branch that is checked out, since it left the default branch."""
    if (refs := repository.merged_into()) is None:
        raise SettingsError(
            "It is unknown which branch is the default one, so also what to compare with.",
            "Type `git remote set-head origin --auto`, or name a commit: `to_databricks --review HEAD~1`.",
        )
    if not refs:
        raise SettingsError(
            f"{printable(repository.branch() or '')} is the default branch, and no remote has it to compare with.",
            "Name a commit: `to_databricks --review HEAD~1`.",
        )
    commits = Commits("", _known(repository, "HEAD"), refs[0].split("/", 2)[2], "HEAD")
    return _since_fork(repository, commits, refs)


def _since_fork(repository: Repository, commits: Commits, others: Sequence[str]) -> Commits:
    """The same from where the second one left any of `others`, which the first one's name is for."""
    if start := repository.fork_point(commits.head, others):
        return commits._replace(base=start)
    base, head = commits.base_name, commits.head_name
    about = f"{printable(base)} and {printable(head)} have no commit in common that this clone knows."
    command = f"to_databricks --review {shell.word(base)}..{shell.word(head)}"
    raise SettingsError(about, _deepen(repository) or f"Compare them as they are: `{command}`.")


def _known(repository: Repository, name: str) -> str:
    """The hash of a commit. Raises SettingsError."""
    commit = "" if name.startswith("-") else repository.commit(name)
    if not commit:
        raise _unknown(repository, name)
    return commit


def _unknown(repository: Repository, name: str) -> SettingsError:
    about = f"This clone knows no commit called {printable(name)}."
    return SettingsError(about, _deepen(repository) or "Type `git fetch`, or name another one after --review.")


def _deepen(repository: Repository) -> str:
    if not repository.shallow:
        return ""
    return "It holds only the latest commits: type `git fetch --unshallow`; in CI, check out two (`fetch-depth: 2`)."
