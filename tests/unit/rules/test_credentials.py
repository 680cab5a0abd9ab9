"""What looks like a credential is found by its form, hidden, and never given back; what only looks alike is not."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import pytest

from databricks_sync.rules.credentials import PATTERNS, find, kinds, redacted

ROOT = Path(__file__).parents[3]
LETTERS = string.ascii_letters + string.digits


def made(count: int, letters: str = LETTERS) -> str:
    """Something that nobody ever got, and the same in every run."""
    return "".join(random.Random(count).choices(letters, k=count))


HEX = made(32, "0123456789abcdef")
# Of each kind what its service gives out; put together here, so that no scanner takes this file for a leak.
SECRETS = [
    ("a Databricks token", "dapi" + HEX),
    ("a Databricks token", "dapi" + HEX + "-2"),
    ("a Databricks token", "dose" + HEX),
    *(("a GitHub token", f"gh{letter}_" + made(36)) for letter in "pousr"),
    ("a GitHub token", "github_pat_" + made(22) + "_" + made(59)),
    ("a GitLab token", "glpat-" + made(20)),
    ("a Bitbucket token", "ATBB" + made(32)),
    ("an Azure DevOps token", made(76) + "AZDO" + made(4)),
    ("an Entra client secret", "abc8" + "Q~" + made(34, LETTERS + "_.-")),
    ("an AWS key", "AKIA" + made(16, string.ascii_uppercase + "234567")),
    ("a Google key", "AIza" + made(35)),
    ("a Slack token", "xoxb-" + "123456789012-" * 2 + made(24)),
    ("a Slack webhook", "https://hooks.slack.com/services/" + "T01234567/B01234567/" + made(24)),
    ("an OpenAI key", "sk-" + made(20) + "T3BlbkFJ" + made(20)),
    ("an OpenAI key", "sk-proj-" + made(74, LETTERS + "-_") + "T3BlbkFJ" + made(74, LETTERS + "-_")),
    ("an Anthropic key", "sk-ant-" + "api03-" + made(93, LETTERS + "-_") + "AA"),
    ("a Hugging Face token", "hf_" + made(34, string.ascii_letters)),
    ("a private key", "-----BEGIN PRIVATE " + "KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"),
]
# Those that only what is around them tells: what is secret of them, and the text.
NAMED = [
    (
        "an Azure access key",
        made(86) + "==",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=x",
    ),
    ("an Azure access key", made(86) + "==", 'spark.conf.set("fs.azure.account.key.acc.dfs.core.windows.net", "{}")'),
    ("an Azure access key", made(43) + "=", "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={}"),
    ("a shared access signature", made(40) + "%2B12%3D", "https://a.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig={}"),
    ("an AWS secret key", made(40), 'aws_secret_access_key = "{}"'),
    ("an AWS secret key", made(40), "AWS_SECRET_ACCESS_KEY: {}"),
    ("an AWS secret key", made(40), 'hadoop.set("fs.s3a.secret.key", "{}")'),
    ("a signed token", f"eyJ{made(30)}.{made(43)}", "eyJhbGciOiJIUzI1NiJ9.{}"),
]
EVERY = [*((kind, secret, "{}") for kind, secret in SECRETS), *NAMED]


@pytest.mark.parametrize(("kind", "secret", "text"), EVERY, ids=[row[0] for row in EVERY])
def test_each_kind(kind: str, secret: str, text: str) -> None:
    """In code, in a notebook's JSON and in a message with escapes each kind is found as itself, and hidden."""
    line = text.format(secret)
    kind = "a Slack token" if kind == "a Slack webhook" else kind
    notebook = json.dumps({"cells": [{"outputs": [{"text": [f"'{line}'\n"]}]}]})
    for whole in (f"x = 1\nt = '{line}'\n", notebook, f"({line}),"):
        assert [one.kind for one in find(whole)] == [kind], whole
        assert kinds(whole.encode()) == (kind,), whole
        shown = redacted(whole)
        assert secret not in shown and "***" in shown and shown[0] == whole[0]


LOOK_ALIKES = [
    "token = 'dapi...'",
    "dapi<your-token>",
    "dapi" + "X" * 32,
    "dapi" + "0" * 32,
    "token = '${DATABRICKS_TOKEN}'",
    "{{secrets/scope/key}}",
    "dbutils.secrets.get('scope', 'secret_access_key_of_somebody_else')",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "AccountKey=" + "A" * 86 + "==",
    # The published key of the storage emulator, Azurite.
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "AccountKey=<the account key>;",
    "ghp_" + "x" * 36,
    "ghp_your_token_here",
    "sk-proj-...",
    "sk-learn-and-other-libraries-of-machine-learning-in-python",
    "https://a.blob.core.windows.net/c?sv=2022-11-02&sig=...",
    "sig=" + HEX,
    "commit " + made(40, "0123456789abcdef"),
    "sha256:" + made(64, "0123456789abcdef"),
    "123e4567-e89b-12d3-a456-426614174000",
    "secret_key = '" + made(40, "0123456789abcdef") + "'",
    'if "-----BEGIN PRIVATE ' + 'KEY-----" in text:',
    "-----BEGIN PUBLIC " + "KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n",
    "hf_hub_download(repo_id='sentence-transformers/all-MiniLM-L6-v2', filename='config.json')",
    "eyJhbGciOiJIUzI1NiJ9",
    '"image/png": "' + made(4000, LETTERS + "+/") + '"',
]


@pytest.mark.parametrize("text", LOOK_ALIKES, ids=range(len(LOOK_ALIKES)))
def test_look_alikes(text: str) -> None:
    """Placeholders, keys of documentations, hashes, names and pictures are no credentials."""
    assert (list(find(text)), kinds(text.encode()), redacted(text)) == ([], (), text)


def test_nothing_here_is_one() -> None:
    """None of the notebooks, projects and packages of this repository is taken for one that holds a credential."""
    for folder in ("notebooks", "projects", "pipelines", "docs", "databricks_sync", "databricks_local", "mlflow_hooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert kinds(path.read_bytes()) == (), path


def test_no_value_is_given_back() -> None:
    """Whoever asks learns the kind and the place."""
    (one,) = find(f"t = '{SECRETS[0][1]}'")
    assert SECRETS[0][1] not in repr(one) and one.end - one.start == len(SECRETS[0][1])


def test_hints() -> None:
    """Each kind has something to look for first, and all of its own examples hold that."""
    assert {kind for kind, *_ in EVERY} - {"a Slack webhook"} == {one.kind for one in PATTERNS}
    assert all(one.hints for one in PATTERNS)


def test_much_text_is_looked_at_once() -> None:
    """What somebody else has written does not make the look take for ever: no pattern goes back and forth."""
    for text in ("eyJ", "a_", "sig=", "secret_key=", "AccountKey ", "-----BEGIN PRIVATE KEY-----\n", "Q~", "xoxb-"):
        assert kinds(text.encode() * (400_000 // len(text))) == ()
