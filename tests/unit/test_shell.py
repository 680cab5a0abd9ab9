"""What is printed to be typed: a shell and click read it as the very path, name or option that was meant."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import PACKAGES, nodes, reads_sources

from databricks_sync import from_databricks, shell, to_databricks
from databricks_sync.cli.options import Options
from databricks_sync.cli.session import _typed
from databricks_sync.model import Login, Settings

NAMES = [
    "notebooks/a.py", "--mirror", "-n", "-", "--", "--mirror=x", "-rf", "~x", "~", "@file", "=ls", "+x", "%1", "#x",
    "a b", " a", "a  --mirror", "$(touch x)", "`touch x`", "$HOME", "it's", '"q"', "a;b", "a&b", "a|b", "a>b", "*",
    "?x", "[a]", ":x",
    "{a,b}", "!x", "a!b", "\\", "a\\", "ü", "日本", "a=b", "^x", "(x)", "“x”",
]  # fmt: skip
UNSEEN = ["a\nb", "a\n--mirror", "\x1b[2J", "\x7f", "\u202ex", "\x85'!", "x\udcffy", "\u2028"]
BASH = shutil.which("bash")


def read(typed: str, program: str = "sh") -> list[str]:
    """The words that a shell makes of what is typed."""
    ran = subprocess.run([program, "-c", f"printf '%s\\0' {typed}"], capture_output=True, check=True)
    return [os.fsdecode(one) for one in ran.stdout.split(b"\0")[:-1]]


def parsed(command: click.Command, *words: str) -> dict[str, Any]:
    return command.make_context("x", list(words)).params


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_one_path(tmp_path: Path, name: str) -> None:
    """Whatever a file is called, a shell and click read it in a command as that file alone, and as no option."""
    typed = shell.path(name, windows=False)
    words = shlex.split(typed)
    assert words == read(typed)
    for command in (to_databricks.to_databricks, from_databricks.from_databricks):
        options = Options(**parsed(command, "--overwrite", *words))
        assert options.overwrite and not options.mirror and not options.dry_run
        here = Settings(project=tmp_path, folders=(), login=Login("local"), user=None)
        assert [_typed(path, here) for path in options.paths] == [Path(name).as_posix()]


@pytest.mark.skipif(os.name == "nt" or not BASH, reason="needs bash")
@pytest.mark.parametrize("name", [*NAMES, *UNSEEN])
def test_what_a_terminal_would_obey_is_escaped(name: str) -> None:
    """A control character, or a byte that is no text, is not shown as it is, and yet a shell reads it as that."""
    typed = shell.path(name, windows=False)
    assert typed.isprintable() and read(typed, "bash") == [name if name[0].isalnum() else f"./{name}"]


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("value", [one for one in NAMES if one.strip()])
def test_an_option_has_its_value(value: str) -> None:
    """A branch, a user or a profile of any name is read as the value of its option."""
    options = Options(local=True, profile=value, user=value, branch=value, target=f"/Shared/{value}")
    typed = options.again()
    assert typed.startswith(options.login()) and typed[0] == " "
    words = read(typed)
    assert words == shlex.split(typed)
    assert Options(**parsed(to_databricks.to_databricks, *words)) == options


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_name(name: str) -> None:
    """The name of a hook or of its folder is read as that, also where it looks like an option."""

    @click.command()
    @click.argument("name")
    @click.option("--mirror", is_flag=True)
    def run(name: str, mirror: bool) -> None: ...

    assert parsed(run, *read(shell.argument(name, windows=False))) == {"name": name, "mirror": False}


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_shown_harmlessly(text: str) -> None:
    """Nothing that is printed to be typed moves a cursor or turns the direction of a line."""
    for windows in (False, True):
        for typed in (shell.path(text, windows=windows), shell.option("branch", text, windows=windows)):
            assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", typed)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notebooks/a.py", "notebooks/a.py"),
        ("--mirror", "./--mirror"),
        ("a b", '"a b"'),
        ("it's", '"it\'s"'),
        ("a&b", '"a&b"'),
        ("a,b", '"a,b"'),
        ("@x", '"./@x"'),
        ("ü", '"ü"'),
        *((name, "PATH") for name in ("$x", "`x`", "%PATH%", '"', "a[1].py", "*", "~x", "a!b", "a\\", "“x”", "a\nb")),
    ],
)
def test_windows(name: str, expected: str) -> None:
    """On Windows a word is printed that PowerShell, cmd and bash read alike, or a placeholder."""
    assert shell.path(name, windows=True) == expected


_COMMAND = re.compile(
    r"((?:to|from)_databricks|mlflow_hooks (?:run|deploy|generate)|databricks_local serve|jupyter |git [a-z]+ .*--|"
    r"_FOLDER=| --[a-z-]+[ =]|(?:Add|with) -P )[^.;:`]*$"
)
# What stands in a command without being a word of somebody's choice.
_OURS = re.compile(
    r"^((report|request|saved_run|s)\.)?(again|login|command|backup|name|count|named|path|quoted|outer|inner|FOLDER)$|shell\.|"
    r"^(option|word|path|argument|options\.again|options\.login|options\.folders|self\.option|home\.option)\("
)


def printed() -> Iterator[tuple[str, str, str]]:
    """What is put into commands in the sources: where, what stands before it, and the expression."""
    for file, node in (one for package in PACKAGES for one in nodes(package)):
        if isinstance(node, ast.JoinedStr) and "templates" not in file.parts:
            before = ""
            for part in node.values:
                if isinstance(part, ast.Constant):
                    before += str(part.value)
                elif isinstance(part, ast.FormattedValue):
                    if found := _COMMAND.search(before):
                        yield f"{file.name}:{node.lineno}", found[0], ast.unparse(part.value)
                    before += "X"


@reads_sources
def test_nothing_is_put_into_a_command_unquoted() -> None:
    """In a command that the sources print, whatever somebody else named goes through shell.py."""
    found = list(printed())
    assert len(found) > 20
    assert [one for one in found if not _OURS.search(one[2])] == []
