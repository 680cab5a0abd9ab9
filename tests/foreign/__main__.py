"""`python -m tests.foreign`: runs the integration tests of others against a workspace on this machine.

Their sources are given, in FOREIGN_SDK, FOREIGN_CLI and FOREIGN_BLUEPRINT or with --source, each a folder or an address
to clone; a suite without sources is left out. What passes, and why all else cannot, is compared with expected.tsv, a
line for each: `pass`, suite and test, or `cannot`, suite, pattern of tests and the reason. `source` lines say of which
commits that is true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import click

from databricks_local.embedded import Running, running

from .suites import PASSED, SUITES, Outcomes, Suite

EXPECTED = Path(__file__).parent / "expected.tsv"
# An empty repository that the CLI's tests have a Git folder of: here it is a folder, which git finds under its address.
REPOSITORY = "https://github.com/databricks/databricks-empty-ide-project.git"
# What a workspace that is in use has: two folders in the root of DBFS, and a job.
IN_USE = (
    ("2.0/dbfs/mkdirs", b'{"path": "/tmp"}'),
    ("2.0/dbfs/mkdirs", b'{"path": "/FileStore"}'),
    ("2.2/jobs/create", b'{"name": "a", "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/a"}}]}'),
)

Rows = list[list[str]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--source", "given", multiple=True, metavar="SUITE=PLACE", help="A folder, or an address to clone.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep logs, clones and packages here.")
@click.option("--write", is_flag=True, help="Replace the lists of what passes by what passed.")
def main(given: tuple[str, ...], keep: Path | None, write: bool) -> None:
    """Judge the workspace on this machine by tests that others wrote."""
    places = {suite.name: os.environ.get(suite.variable, "") for suite in SUITES}
    places |= dict(text.partition("=")[::2] for text in given)
    if unknown := {*places} - {suite.name for suite in SUITES}:
        raise click.BadParameter(f"{min(unknown)} is none of: {', '.join(suite.name for suite in SUITES)}")
    chosen = [suite for suite in SUITES if places[suite.name]]
    if not chosen:
        variables = ", ".join(suite.variable for suite in SUITES)
        raise click.UsageError(f"No sources are given. Set one of {variables}, or use --source.")
    rows, problems = _rows(), 0
    with _folder(keep) as folder:
        for suite in chosen:
            source, outcomes = _run(suite, places[suite.name], folder)
            if write:
                rows = _written(rows, suite, source, outcomes)
            found = list(_differences(rows, suite, outcomes))
            problems += len(found)
            passed = sum(outcome == PASSED for outcome in outcomes.values())
            click.echo("\n".join([f"{suite.name} ({source}): {passed} of {len(outcomes)} tests passed", *found]))
    if write:
        EXPECTED.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    left_out = [suite.name for suite in SUITES if suite not in chosen]
    click.echo(f"not looked at here: {', '.join(left_out)} (no sources)" if left_out else "all suites were run")
    sys.exit(1 if problems else 0)


def _run(suite: Suite, place: str, folder: Path) -> tuple[str, Outcomes]:
    """The commit of the sources, and how each test ended, against a workspace of its own."""
    scratch = folder / suite.name
    scratch.mkdir(parents=True, exist_ok=True)
    source = _cloned(place, scratch) if "://" in place else Path(place).expanduser().resolve()
    shutil.rmtree(scratch / "workspace", ignore_errors=True)
    environment = {**_environment(scratch), **_repository(scratch)}
    os.environ.update(_repository(scratch))
    with running(scratch / "workspace") as workspace:
        _fill(workspace)
        address = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token}
        outcomes = suite.run(source, {**environment, **address}, scratch)
    log = scratch / "workspace" / "server.log"
    if log.exists():
        raise click.ClickException(f"The workspace had an internal error:\n{log.read_text()}")
    if not outcomes:
        raise click.ClickException(f"{suite.name} ran no test; {scratch} has its log when --keep is given.")
    return _git(source, "log", "-1", "--format=%h %as"), outcomes


def _environment(scratch: Path) -> dict[str, str]:
    """What their tests want to be told of a workspace, and nothing of this machine's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "FOREIGN_"))}
    known = {"CLOUD_ENV": "azure", "TEST_ENVIRONMENT_TYPE": "WORKSPACE", "TEST_INSTANCE_POOL_ID": "a-pool"}
    return {**kept, **known, "DATABRICKS_CONFIG_FILE": str(scratch / "none")}


def _repository(scratch: Path) -> dict[str, str]:
    folder = scratch / "repository"
    if not folder.exists():
        folder.mkdir()
        _git(folder, "init", "--quiet", "--initial-branch", "main")
        _git(
            folder,
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "first",
        )
    settings = ((f"url.{folder.as_uri()}.insteadOf", REPOSITORY), ("safe.directory", "*"))
    made = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return made


def _fill(workspace: Running) -> None:
    for name, body in IN_USE:
        headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{workspace.host}/api/{name}", body, headers)
        with urllib.request.urlopen(request, timeout=60):
            pass


def _cloned(address: str, scratch: Path) -> Path:
    folder = scratch / "source"
    if not folder.exists():
        _git(scratch, "clone", "--quiet", "--depth", "1", "--end-of-options", address, str(folder))
    return folder


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _rows() -> Rows:
    return [line.split("\t") for line in EXPECTED.read_text(encoding="utf-8").splitlines() if line]


def _differences(rows: Rows, suite: Suite, outcomes: Mapping[str, str]) -> Iterator[str]:
    """What is not as the list says: what passes no longer, or now, and what fails without a reason."""
    expected = {row[2] for row in rows if row[:2] == ["pass", suite.name]}
    patterns = [row[2] for row in rows if row[:2] == ["cannot", suite.name]]
    passed = {name for name, outcome in outcomes.items() if outcome == PASSED}
    yield from (f"  passes no longer: {name}" for name in sorted(expected - passed))
    yield from (f"  passes now, write it down: {name}" for name in sorted(passed - expected))
    for name in sorted({*outcomes} - passed - expected):
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            yield f"  {outcomes[name]}, and nothing says why: {name}"
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in {*outcomes} - passed):
            yield f"  a reason without a test: {pattern}"


def _written(rows: Rows, suite: Suite, source: str, outcomes: Mapping[str, str]) -> Rows:
    kept = [row for row in rows if row[1] != suite.name or row[0] == "cannot"]
    passed = sorted(name for name, outcome in outcomes.items() if outcome == PASSED)
    new = [["source", suite.name, source], *(["pass", suite.name, name] for name in passed)]
    return sorted([*kept, *new], key=lambda row: (row[1], ["source", "cannot", "pass"].index(row[0])))


if __name__ == "__main__":
    main()
