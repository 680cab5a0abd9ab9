"""Where things of the workspace are in the browser."""

from __future__ import annotations

import pytest

from databricks_sync.model import Login
from databricks_sync.rules.address import Pages

AZURE, MANY, HERE = "https://adb-1.7.azuredatabricks.net", "https://acme.databricks.com", "http://127.0.0.1:8"


def pages(login: Login) -> Pages:
    return Pages(login.host, login.one_of_many)


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (Login(AZURE, "dapi1"), f"{AZURE}/#workspace/Users/me@example.com/a%20b%23"),
        (Login(AZURE, "dapi1", workspace_id="1"), f"{AZURE}/#workspace/Users/me@example.com/a%20b%23"),
        (Login(MANY, "dapi1", workspace_id="42"), f"{MANY}/?o=42#workspace/Users/me@example.com/a%20b%23"),
        (Login(HERE, "dose1"), f"{HERE}/workspace?path=/Users/me@example.com/a%20b%23"),
    ],
)
def test_the_address_of_an_object(login: Login, expected: str) -> None:
    """It names the workspace where its host has several, and holds no token; this machine has a page of its own."""
    assert pages(login).object("/Users/me@example.com/a b#") == expected


@pytest.mark.parametrize(
    ("login", "which"),
    [(Login(AZURE, "dapi1"), ""), (Login(MANY, "dapi1", workspace_id="42"), "?o=42"), (Login(HERE, "dose1"), "")],
)
def test_the_addresses_of_jobs_and_experiments(login: Login, which: str) -> None:
    """A job, an experiment, and a run of either."""
    made, host = pages(login), login.host
    assert made.job("7") == f"{host}/jobs/7{which}" and made.job("7", "8") == f"{host}/jobs/7/runs/8{which}"
    assert made.experiment("7") == f"{host}/ml/experiments/7{which}"
    assert made.experiment("7", "8a") == f"{host}/ml/experiments/7/runs/8a{which}"


def test_names_are_only_names() -> None:
    """What somebody called an object cannot end the address, be obeyed by a terminal, or be taken for a parameter."""
    for name in ("\x1b]8;;x", "a&b=c", "a?o=1", "a+b", "\ud800", "日本"):
        made = Pages(AZURE).object(f"/Shared/{name}")
        assert made.startswith(f"{AZURE}/#workspace/Shared/") and made.isascii() and made.isprintable()
        assert not {*made.partition("#workspace")[2]} & {*"&?+=; #"}
        run = Pages(AZURE).experiment("1", f"../{name}").removeprefix(f"{AZURE}/ml/experiments/1/runs/")
        assert run.isascii() and run.isprintable() and not {*run} & {*"&?+=; #/"}


def test_no_pages_no_address() -> None:
    """Where nobody will answer, there is no address."""
    assert {Pages().object("/Shared/master"), Pages().job("1", "2"), Pages().experiment("1")} == {""}
