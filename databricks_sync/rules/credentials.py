"""What looks like a credential in a text: of which kind it is, where it stands, and the text without it. Pure.

The forms are those of two well-kept collections, gitleaks (config/gitleaks.toml) and detect-secrets (its plugins), for
the services that notebooks of Databricks talk to; the expressions are our own. Databricks publishes no form of its
tokens; of OAuth secrets (`dose`) it is what their users have seen. No value is ever given back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_FEWEST_CHARACTERS = 4
_TAIL = 16
# In everybody's documentation: the keys of AWS's, and that of the storage emulator (Azurite).
_PUBLISHED = ("EXAMPLE", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq")


def _is_no_placeholder(secret: str) -> bool:
    """Whether it may be one that somebody was given, rather than `0000…` or one from a documentation."""
    tail = secret.rstrip("=-")[-_TAIL:]
    return len(set(tail)) >= _FEWEST_CHARACTERS and not any(published in secret for published in _PUBLISHED)


class Pattern(NamedTuple):
    """A kind of credential. The secret is the group of `form`, where it has one, or else the whole match."""

    kind: str  # as a sentence names it, with its article
    hints: tuple[str, ...]  # to look for first, which is cheap: each such text holds one of them; none: always look
    form: re.Pattern[str]
    judge: Callable[[str], bool] = _is_no_placeholder


class Credential(NamedTuple):
    """Where something like a credential stands; what it is, is nobody's business."""

    kind: str
    start: int
    end: int


# What stands before one is no matter: in a message, or in a notebook's JSON, it may be the n of a line break. Commits,
# checksums and UUIDs, plain hexadecimal, are none of them.
PATTERNS = tuple(
    Pattern(kind, tuple(hints.split()), re.compile(form))
    for kind, hints, form in (
        (
            "a Databricks token",
            "dapi dose dkea dsapi",
            r"(?:dapi|dose|dkea|dsapi)[0-9a-f]{32}(?:-\d+)?(?![0-9A-Za-z])",
        ),
        (
            "a GitHub token",
            "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
            r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,}",
        ),
        ("a GitLab token", "glpat- gldt- glrt-", r"gl(?:pat|dt|rt)-[\w-]{20,}"),
        ("a Bitbucket token", "ATBB ATATT3x ATCTT3x", r"ATBB[A-Za-z0-9]{24,}|AT(?:ATT|CTT)3x[\w=-]{20,}"),
        ("an Azure DevOps token", "AZDO", r"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])"),
        ("an Entra client secret", "Q~", r"[\w.~]{3}\dQ~[\w.~-]{31,34}(?![\w.~-])"),
        (
            "an Azure access key",
            "AccountKey accountKey account.key account_key ACCOUNT_KEY SharedAccessKey",
            r"(?:[Aa]ccountKey|account[._]key|ACCOUNT_KEY|SharedAccessKey)(?:[^\n]{0,100}?[^\w+/\n])?"
            r"([A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)(?![\w+/=])",
        ),
        ("a shared access signature", "sig=", r"sig=((?:[A-Za-z0-9+/]|%[0-9A-Fa-f]{2}){40,}=?)"),
        ("an AWS key", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9+/=_])"),
        (
            "an AWS secret key",
            "secret_access_key SECRET_ACCESS_KEY secretAccessKey SecretAccessKey secret.key secret_key SECRET_KEY",
            r"(?i:secret[._]?(?:access[._]?)?key)"
            r"[\\\"'\s]{0,6}[=:,][\\\"'\s]{0,6}"  # in code, JSON and YAML, also where the quotes are escaped
            r"((?=[^A-Z\n]{0,39}[A-Z])(?=[^a-z\n]{0,39}[a-z])[A-Za-z0-9+/]{40})(?![\w+/=])",
        ),
        ("a Google key", "AIza", r"AIza[\w-]{35}(?![\w-])"),
        (
            "a Slack token",
            "xox xapp- hooks.slack.com",
            r"xox[abeoprs]-(?:\d{10,13}-){1,3}[A-Za-z0-9]{20,}|xapp-\d-[A-Z0-9]{8,}-\d{8,}-[a-z0-9]{32,}"
            r"|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{40,}",
        ),
        (
            "an OpenAI key",
            "sk-proj- sk-svcacct- sk-admin- T3BlbkFJ",
            r"sk-(?:proj|svcacct|admin)-[\w-]{40,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
        ),
        ("an Anthropic key", "sk-ant-", r"sk-ant-[a-z]{3,}\d\d-[\w-]{80,}"),
        ("a Hugging Face token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{34}(?![A-Za-z0-9_])"),
        # From its first dot on: what stands before says only how it was signed.
        ("a signed token", ".eyJ", r"(?<=[\w-]{14})\.eyJ[\w-]{10,}\.[\w-]{8,}"),
        (
            "a private key",
            "PRIVATE",
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:\s{0,4}[A-Z][\w-]{1,20}: [^\n]{1,80}){0,5}"  # how it is encrypted
            r"[nr\\\s\"',#+]{1,40}[A-Za-z0-9+/]{16,}"
            r"(?s:.*?-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|.*)",
        ),
    )
)


def find(text: str, patterns: Sequence[Pattern] = PATTERNS) -> Iterator[Credential]:
    """Whatever looks like a credential, kind by kind; no placeholder."""
    for kind, hints, form, judge in patterns:
        if not hints or any(hint in text for hint in hints):
            for match in form.finditer(text):
                if judge(match[match.lastindex or 0]):
                    yield Credential(kind, *match.span(match.lastindex or 0))


def redacted(text: str, patterns: Sequence[Pattern] = PATTERNS) -> str:
    """The text with *** for whatever looks like a credential."""
    for pattern in patterns:
        for credential in reversed(list(find(text, (pattern,)))):
            text = f"{text[: credential.start]}***{text[credential.end :]}"
    return text


# --- in many files, most of which hold none --------------------------------------------------------------------------

# Whatever the kind, so many of these characters stand in a row, as they seldom do in code. To find the rows costs a
# tenth of looking for all hints: 10 ms instead of 130 for a thousand notebooks of 5.5 KB.
_ROW = b"a" * 20
_IN_ROWS = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz%+=_~-")
_ROWS = bytes(97 if code in _IN_ROWS else 32 for code in range(256))
# Names, constants and dividers: a credential has a digit, or letters of both kinds, or (a key of AWS) no underscore.
_NAME = b"abcdefghijklmnopqrstuvwxyz_-="
_CONSTANT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_="
_MOST = 2**21  # of a file; what comes after so much are pictures


def kinds(raw: bytes) -> tuple[str, ...]:
    """The kinds of what looks like a credential in the bytes of a file, each once, as fast as a plan of many needs it.

    It may overlook a key in base64 whose slashes leave no row that is long enough: this is a note, and no scanner.
    """
    raw = raw[:_MOST]
    if not any(map(_may_be_secret, _long_rows(raw))):
        return ()
    return tuple(dict.fromkeys(credential.kind for credential in find(raw.decode("latin-1"))))


def _long_rows(raw: bytes) -> Iterator[bytes]:
    rows, end = raw.translate(_ROWS) + b" ", 0
    while (start := rows.find(_ROW, end)) != -1:
        end = rows.find(b" ", start)
        yield raw[start:end]


def _may_be_secret(row: bytes) -> bool:
    return bool(row.translate(None, _NAME)) and (b"_" not in row or bool(row.translate(None, _CONSTANT)))
