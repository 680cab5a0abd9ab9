"""Where objects are in the browser."""

from __future__ import annotations

import pytest

from databricks_sync.model import Login
from databricks_sync.rules.address import address, pages

AZURE, MANY = "https://adb-1.7.azuredatabricks.net", "https://acme.databricks.com"


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (Login(AZURE, "dapi1"), f"{AZURE}/#workspace/Users/me@example.com/a%20b%23"),
        (Login(AZURE, "dapi1", workspace_id="1"), f"{AZURE}/#workspace/Users/me@example.com/a%20b%23"),
        (Login(MANY, "dapi1", workspace_id="42"), f"{MANY}/?o=42#workspace/Users/me@example.com/a%20b%23"),
        (Login("http://127.0.0.1:8", "dose1"), "http://127.0.0.1:8/workspace?path=/Users/me@example.com/a%20b%23"),
    ],
)
def test_the_address(login: Login, expected: str) -> None:
    """It names the workspace where its host has several, and holds no token; this machine has a page of its own."""
    assert address(pages(login.host, login.one_of_many), "/Users/me@example.com/a b#") == expected


def test_names_are_only_names() -> None:
    """What somebody called an object cannot end the address, be obeyed by a terminal, or be taken for a parameter."""
    for name in ("\x1b]8;;x", "a&b=c", "a?o=1", "a+b", "\ud800", "日本"):
        made = address(pages(AZURE), f"/Shared/{name}")
        assert made.startswith(f"{AZURE}/#workspace/Shared/") and made.isascii() and made.isprintable()
        assert not {*made.partition("#workspace")[2]} & {*"&?+=; #"}


def test_no_pages_no_address() -> None:
    """Where nobody will answer, there is no address."""
    assert address("", "/Shared/master") == ""
