"""Nothing that looks like a credential is shown or written, wherever in a project it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from support.variants import thinned

from mlflow_hooks.cli import mlflow_hooks
from mlflow_hooks.credentials import hidden, suspicious_lines
from mlflow_hooks.reading.hook_file import read_hooks
from mlflow_hooks.rules.check import check
from mlflow_hooks.run.local import _PROGRAM

from .test_check import NOW, PLAIN_FILES
from .test_hook_file import FULL
from .work import CLUSTER, FILES, HOOK, MLPROJECT, SCRIPT, repository, write

GITHUB = f"ghp_{'a1B2' * 9}"
DATABRICKS = f"dapi{'0123456789abcdef' * 2}"
# Of each kind one, which nobody ever got: put together here, so that no scanner takes this file for a leak.
TOKENS = [
    ("a Databricks token", DATABRICKS),
    ("a GitHub token", GITHUB),
    ("a GitLab token", "glpat-" + "aB3_" * 5),
    ("a Bitbucket token", "ATBB" + "abcdEFGH" * 4),
    ("a Bitbucket token", "ATATT3x" + "FfGF0-_=" * 8),
    ("an Azure DevOps token", "ab2cd" * 10 + "ef"),
    ("an Azure DevOps token", "a1B2" * 19 + "AZDO" + "c3D4"),
    ("an AWS key", "AKIA" + "ABCDEFGH12345678"),
    ("a signed token", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NSJ9" + ".c2lnbmF0dXJl"),
    ("a private key", "-----BEGIN RSA " + "PRIVATE KEY-----\\n" + "MIIEpAIBAAKCAQEA" * 4),
    ("an Entra client secret", "abc8" + "Q~" + "x1.Y2-z3_W4" * 3),
    ("an Azure access key", "AccountKey=" + "a1B2c3D4" * 10 + "e5F6g7=="),
    ("a shared access signature", "https://a.blob.core.windows.net/c?sv=1&sig=" + "a1B2c3D4" * 5 + "%2B%3D"),
    ("an AWS secret key", "AWS_SECRET_ACCESS_KEY=" + "a1B2c3D4" * 5),
    ("an OpenAI key", "sk-proj-" + "a1B2c3D4_" * 6 + "T3BlbkFJ" + "e5F6" * 5),
    ("a Hugging Face token", "hf_" + "aBcDeFgH" * 4 + "iJ"),
    ("a password in an address", "https://me:" + "s3cret@git.example.com/x"),
    ("a long secret", "wJalrXUtnFEMI/K7MDENG" + "bPxRfiCYEXAMPLEKEY42+aZ9" + "=="),
]


@pytest.mark.parametrize(("kind", "token"), TOKENS, ids=[row[0] for row in TOKENS])
def test_kinds(kind: str, token: str) -> None:
    """Each kind is found by its form, and hidden, also where a message shows it with escapes."""
    assert list(suspicious_lines(f"nothing\nkey: '{token}'\n")) == [(2, kind)]
    for text in (f"key: {token}, rest", repr(token), *([] if "Azure" in kind else [repr(f"\n{token}")])):
        assert token not in hidden(text) and "***" in hidden(text)


SOUND = [
    "0123456789abcdef" * 4,
    "projects/CustomerChurnPredictionOfTheNorth2024/MLproject",
    "https://github.com/ContosoDataPlatformTeam/CustomerChurnPrediction2024",
    "/Shared/experiments/CustomerChurnPrediction2024/TrainingOfModels",
]


@pytest.mark.parametrize("text", SOUND)
def test_no_credential(text: str) -> None:
    """Commits, checksums and the long names of projects are no secrets."""
    assert list(suspicious_lines(text)) == [] and hidden(text) == text


def test_many_lines() -> None:
    """A private key is hidden with all its lines."""
    body = "\n".join(["c2VjcmV0" * 8] * 3)
    shown = hidden(f"a\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nz")
    assert shown == "a\n***\nz"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("tokens"))


NAMING_REQUIREMENTS = {**PLAIN_FILES, "env.yaml": "python: 3.12.3\ndependencies: [-r requirements.txt]\n"}
# The file it stands in, what the project consists of besides, and how bad that is.
PLACES: list[tuple[str, Mapping[str, str], str]] = [
    ("hook.yml:11 error", {"hook.yml": f"{HOOK}# {GITHUB}\n"}, "a comment"),
    ("hook.yml:7 error", {"hook.yml": HOOK.replace("value: hello", f'value: "ghp\\x5f{GITHUB[4:]}"')}, "with escapes"),
    ("MLproject:10 error", {"MLproject": f"{MLPROJECT}# {GITHUB}\n"}, "the project"),
    ("cluster.json:1 error", {"cluster.json": json.dumps({**CLUSTER, "spark_env_vars": {"A": GITHUB}})}, "a cluster"),
    (
        "own.json:1 error",
        {"hook.yml": HOOK + "cluster: own.json\n", "own.json": json.dumps({**CLUSTER, "custom_tags": {"A": GITHUB}})},
        "the hook's own cluster",
    ),
    ("env.yaml:3 error", {**PLAIN_FILES, "env.yaml": f"{PLAIN_FILES['env.yaml']}# {GITHUB}\n"}, "the environment"),
    (
        "requirements.txt:2 error",
        {**NAMING_REQUIREMENTS, "requirements.txt": f"numpy\nx @ git+https://me:{GITHUB}@github.com/o/x\n"},
        "a file that the environment names",
    ),
    ("demo.py:14 warning", {"demo.py": f"{SCRIPT}TOKEN = '{GITHUB}'\n"}, "the script"),
]


@pytest.mark.parametrize(("expected", "files"), [row[:2] for row in PLACES], ids=[row[2] for row in PLACES])
def test_places(root: Path, expected: str, files: Mapping[str, str]) -> None:
    """A credential in any file of a project is found once, on its line; in a script it is only a warning."""
    folder = root / "projects" / "Demo"
    write(folder, files)
    try:
        readings = read_hooks(root / "projects")
        about = [one for one in check(readings, NOW) if one.message.startswith("This looks like")]
    finally:
        for name in files:
            (folder / name).unlink()
        write(folder, FILES)
    assert [f"{one.file}:{one.line} {one.severity.value}" for one in about] == [f"projects/Demo/{expected}"]
    assert readings[0].sound == expected.endswith("warning"), "a command goes on with it"
    assert GITHUB not in repr(readings) and GITHUB not in repr(about)


# --- no command shows or writes one -----------------------------------------------------------------------------


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, (*path, key))
    else:
        yield path


def with_leaf(value: Any, path: tuple[Any, ...], text: str) -> Any:
    if not path:
        return text
    kind = dict if isinstance(value, dict) else list
    return kind(
        [(key, with_leaf(one, path[1:], text) if key == path[0] else one) for key, one in value.items()]
        if kind is dict
        else [with_leaf(one, path[1:], text) if at == path[0] else one for at, one in enumerate(value)]
    )


MADE = yaml.safe_load(FULL.replace("https://dev.azure.com/o/p/_git/r", "https://git.example.com/team/projects"))
VALUES = [*leaves(MADE), ("git", "tag"), ("git", "provider"), ("unknown",)]
WHERE = {".".join(map(str, path)): path for path in VALUES}
RUN = ("run", "Demo", "--backend", "local", "--dry-run", "--branch", "b")
SECRETS = (
    (DATABRICKS, f"-{DATABRICKS}", (*RUN, "--ref")),
    (GITHUB, f"x\n{GITHUB}", ("deploy", "--target", "/Shared/x", "--json")),
    ("s3cret", "https://me:s3cret@git.example.com/team", ("generate", "--json")),
)


@pytest.mark.parametrize("name", thinned(WHERE))
def test_never_shown(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever value of hook.yml is a token, or an address with a login: every command stops, and none repeats it."""
    where = WHERE[name]
    monkeypatch.chdir(root)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "none")
    path = root / "projects" / "Demo" / "hook.yml"
    try:
        for secret, text, command in SECRETS:
            made = {**MADE, "unknown": "x"} if where == ("unknown",) else MADE
            if where[-1] in ("tag", "provider") and where[0] == "git":
                made = {**MADE, "git": {**MADE["git"], where[-1]: ""}}
            path.write_text(yaml.safe_dump(with_leaf(made, where, text)))
            for words in (("check",), command):
                ran = CliRunner().invoke(mlflow_hooks, words)
                assert ran.exit_code == 1, (words, ran.output)
                assert secret not in ran.output and "unexpected" not in ran.output, (words, ran.output)
        assert not (root / "hooks").exists()
    finally:
        path.write_text(HOOK)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_parameter(root: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that somebody types as a parameter is not shown in the log of a build."""
    monkeypatch.chdir(root)
    ran = CliRunner().invoke(mlflow_hooks, [*RUN, "-P", f"word={GITHUB}", *more])
    assert ran.exit_code == 0 and GITHUB not in ran.output and "***" in ran.output


def test_what_mlflow_says(tmp_path: Path) -> None:
    """An error of MLflow's or of git's, which may show an address, is told without its login."""
    write(
        tmp_path / "mlflow",
        {
            "__init__.py": "",
            "projects.py": f"def run(**_):\n    raise OSError('no https://{GITHUB}@example.com and {DATABRICKS}')\n",
        },
    )
    found_first = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": found_first}
    done = subprocess.run([sys.executable, "-c", _PROGRAM, "{}"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "no https://***@example.com and ***\n")


NO_NAMES = [
    ("my scope/é", "k", "git.secret.scope must be"),
    ("s", "a b", "git.secret.key must be"),
    ("s" * 129, "k", "git.secret.scope must be"),
    ("s", "k/x", "git.secret.key must be"),
]


@pytest.mark.parametrize(("scope", "key", "words"), NO_NAMES)
def test_names_of_secrets(root: Path, scope: str, key: str, words: str) -> None:
    """A name that Databricks allows for no scope and no key is refused, and those it allows are taken."""
    path = root / "projects" / "Demo" / "hook.yml"
    try:
        for said, messages in (((scope, key), [words]), (("Team-a_b.c@d", "k-1_.x"), [])):
            secret = f"tag: v1.0\n  secret: {{scope: '{said[0]}', key: '{said[1]}'}}"
            path.write_text(HOOK.replace("tag: v1.0", secret))
            (reading,) = read_hooks(root / "projects")
            assert [one.line for one in reading.findings] == [5] * len(messages)
            assert all(word in one.message for one, word in zip(reading.findings, messages, strict=True))
    finally:
        path.write_text(HOOK)
