"""Options are one frozen value: nothing typed is lost on the way, and what was not typed is the default."""

from __future__ import annotations

import click
import pytest

from databricks_sync.cli.options import Options
from databricks_sync.from_databricks import from_databricks
from databricks_sync.model import Direction
from databricks_sync.to_databricks import to_databricks
from mlflow_hooks.cli import mlflow_hooks
from mlflow_hooks.options import HookOptions

BOTH = [(to_databricks, Direction.PUSH), (from_databricks, Direction.PULL)]


@pytest.mark.parametrize(("command", "direction"), BOTH)
def test_nothing_typed_is_the_default(command: click.Command, direction: Direction) -> None:
    """Each option is a field, and an option that only the other direction has is as if it was not typed."""
    values = command.make_context("x", []).params
    assert Options(direction=direction, **values) == Options(direction=direction)


def test_each_field_is_an_option() -> None:
    """No field is left over that neither command can set."""
    names = {name for command, _ in BOTH for name in command.make_context("x", []).params}
    assert names == set(Options._fields) - {"direction"}


@pytest.mark.parametrize("name", ["check", "generate", "deploy", "run"])
def test_hooks_have_the_same_defaults(name: str) -> None:
    """An option that is not typed has one default, whether or not the command has it."""
    words = ["a"] if name == "run" else []
    values = mlflow_hooks.commands[name].make_context("x", [*words]).params
    assert HookOptions(**values) == HookOptions(name="a" if words else "")


@pytest.mark.parametrize(
    ("command", "words", "mode"),
    [
        (to_databricks, "", "PUSH"),
        (to_databricks, "--overwrite", "PUSH_OVERWRITE"),
        (to_databricks, "--overwrite --mirror", "PUSH_MIRROR"),
        (from_databricks, "", "PULL"),
        (from_databricks, "--overwrite", "PULL_OVERWRITE"),
        (from_databricks, "--merge", "PULL_MERGE"),
    ],
)
def test_mode(command: click.Command, words: str, mode: str) -> None:
    """The options say which column of the action table a run follows."""
    direction = dict(BOTH)[command]
    assert Options(direction=direction, **command.make_context("x", words.split()).params).mode.name == mode


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(git_drivers="on", dry_run=True), "--git-drivers and --dry-run cannot be used together"),
        (Options(git_drivers="off", paths=("a",)), "--git-drivers works on the whole folder"),
        (Options(watch=True, dry_run=True), "--watch and --dry-run cannot be used together"),
        (Options(watch=True, overwrite=True), "--watch and --overwrite cannot be used together"),
        (Options(watch=True, mirror=True), "--watch and --mirror cannot be used together"),
        (Options(watch=True, merge=True), "--watch and --merge cannot be used together"),
        (Options(watch=True, restore=""), "--watch and --restore cannot be used together"),
        (Options(watch=True, checking=True), "--watch and --check cannot be used together"),
        (Options(checking=True, restore=""), "--check and --restore cannot be used together"),
        (Options(status=True, checking=True), "--status and --check cannot be used together"),
        (Options(status=True, mirror=True), "--status and --mirror cannot be used together"),
        (Options(status=True, dry_run=True), "--status and --dry-run cannot be used together"),
        (Options(status=True, restore=""), "--status and --restore cannot be used together"),
        (Options(status=True, short=True, as_json=True), "--short and --json cannot be used together"),
        (Options(short=True), "--short works only with --status"),
        (Options(pull=True), "--pull works only with --watch"),
        (Options(poll=True), "--poll works only with --watch"),
        (Options(merge=True, overwrite=True), "--merge and --overwrite cannot be used together"),
        (Options(markers=True), "--markers works only with --merge"),
        (Options(mirror=True, paths=("a",)), "remove the PATHS"),
        (Options(remove=True), "--remove needs a folder"),
        (Options(remove=True, branch="b", paths=("a",)), "remove the PATHS"),
        (Options(remove=True, branch="b", no_delete=True), "--remove and --no-delete cannot be used together"),
        (Options(remove=True, branch="b", restore=""), "--remove and --restore cannot be used together"),
        (Options(remove=True, target="/Shared/b", merged=True), "--merged and --target cannot be used together"),
        (Options(merged=True), "--merged works only with --remove"),
    ],
)
def test_contradictions(options: Options, message: str) -> None:
    """Options that contradict each other are refused before anything is done."""
    with pytest.raises(click.UsageError, match=message):
        options.check()
