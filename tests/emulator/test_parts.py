"""multipart/form-data: what real encoders make is read back, whatever the content holds. And what a run inherits."""

from __future__ import annotations

from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart

import pytest
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st

from databricks_local.jobs.inherited import inherited
from databricks_local.protocol.multipart import is_multipart, parts

TRICKY = [b"\r\n", b"--", b"x", b"--x", b"--x--", b"\r\n\r\n", b"\r", b"\n", b"Content-Disposition: form-data"]
CONTENTS = st.binary(max_size=200) | st.lists(st.sampled_from(TRICKY)).map(b"".join)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(st.dictionaries(NAMES, CONTENTS, max_size=4))
def test_urllib3(given_parts: dict[str, bytes]) -> None:
    """What urllib3 and requests encode comes back byte for byte, with any name and any content."""
    fields = {name: ("file", content, "application/octet-stream") for name, content in given_parts.items()}
    body, content_type = urllib3.encode_multipart_formdata(fields)
    found = {
        name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n"): it
        for name, it in parts(content_type, body).items()
    }
    assert found == given_parts


@given(st.dictionaries(st.text("abc", min_size=1), st.text("abc \n", max_size=20), min_size=1, max_size=4))
@example({"a" * 100: "1"})
def test_email(given_parts: dict[str, str]) -> None:
    """So does what the standard library writes, which has more headers, and quotes its boundary."""
    whole = MIMEMultipart("form-data", boundary="a b=c")
    for name, text in given_parts.items():
        part = MIMENonMultipart("text", "plain")
        part.add_header("Content-Disposition", "form-data", name=name)
        part.set_payload(text)
        whole.attach(part)
    _, _, body = whole.as_bytes().partition(b"\n\n")
    lines = body.replace(b"\n", b"\r\n")
    found = parts(str(whole["Content-Type"]), lines)
    assert {name: text.replace(b"\r\n", b"\n").decode() for name, text in found.items()} == given_parts


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('Content-Disposition: form-data; name="path"', "path"),
        ("content-disposition:form-data;name=path", "path"),
        ('Content-Disposition: form-data; filename="; name=b"; name="c d"', "c d"),
        ('Content-Type: text/plain; name="no"\r\nContent-Disposition: form-data; NAME="yes"', "yes"),
        ("Content-Disposition: form-data", ""),
    ],
)
def test_names(head: str, name: str) -> None:
    """A part's name is that of its Content-Disposition, in whatever style that is written."""
    body = f"--x\r\n{head}\r\n\r\n1\r\n--x--\r\n".encode()
    assert parts("multipart/form-data; boundary=x", body) == {name: b"1"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n1\r\n--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--y--"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n--x--"),
    ],
)
def test_refused(content_type: str, body: bytes) -> None:
    """What has no boundary, no end, or a part without a head is refused, and never half of it taken."""
    with pytest.raises(ValueError, match=r"no|without"):
        parts(content_type, body)


def test_which() -> None:
    """Only that media type is taken for parts, in any spelling of its case."""
    assert is_multipart("Multipart/Form-Data; boundary=x")
    assert not is_multipart("multipart/mixed; boundary=x")
    assert not is_multipart("text/json")


def test_inherited() -> None:
    """A run gets what it needs of the server's environment; of git's configuration, addresses without a credential."""
    needed = {"PATH": "/bin", "http_proxy": "http://p", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "SystemRoot": "C:"}
    secret = dict.fromkeys(["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "MY_PASSWORD", "HOME"], "x")
    settings = [
        ("http.extraHeader", "AUTHORIZATION: bearer x"),
        ("url.https://token@git.example.com/.insteadOf", "https://git.example.com/"),
        ("url.file:///r/.insteadOf", "https://git.example.com/"),
        ("safe.directory", "*"),
    ]
    git = {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_ASKPASS": "/bin/x"}
    for number, (key, value) in enumerate(settings):
        git |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    assert inherited({**needed, **secret, **git}) == {
        **needed,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "url.file:///r/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://git.example.com/",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
    assert inherited({**needed, "GIT_CONFIG_COUNT": "\u00b2"}) == needed
