"""Settings as databricks-sdk reads them: the same host, token and workspace for the same environment and profiles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.place import HOST, OTHER, Place, to
from support.wire import answering, listening

from databricks_sync.model import Login
from databricks_sync.remote.auth import connect

# Where ONE and TWO stand in these texts, two names of one server do: databricks-sdk asks a host what it is.
PROFILES = """
[DEFAULT]
host = ONE
token = default
[other]
host = TWO
token = other
[routed]
host = TWO
token = routed
workspace_id = 42
"""
SWITCHED = f"{PROFILES}[__settings__]\ndefault_profile = routed\n"

# The file of profiles, the environment, --profile -> the host, the token, the id of the workspace.
COMBINATIONS = {
    "DEFAULT": (PROFILES, {}, "", ("ONE", "default", "")),
    "a default profile": (SWITCHED, {}, "", ("TWO", "routed", "42")),
    "no DEFAULT, a default profile": (SWITCHED.replace("DEFAULT", "else"), {}, "", ("TWO", "routed", "42")),
    "an empty default profile": (SWITCHED.replace("= routed\n", "=\n"), {}, "", ("ONE", "default", "")),
    "the environment's profile": (SWITCHED, {"DATABRICKS_CONFIG_PROFILE": "other"}, "", ("TWO", "other", "")),
    "the profile that is typed": (SWITCHED, {}, "other", ("TWO", "other", "")),
    "the profile that is typed, routed": (PROFILES, {}, "routed", ("TWO", "routed", "42")),
    "the environment's host": (SWITCHED, to("ONE", DATABRICKS_TOKEN="t"), "", ("ONE", "t", "")),
    "the environment's host and id": (
        SWITCHED,
        to("ONE", DATABRICKS_TOKEN="t", DATABRICKS_WORKSPACE_ID="7"),
        "",
        ("ONE", "t", "7"),
    ),
    "the environment's profile and id": (
        PROFILES,
        {"DATABRICKS_CONFIG_PROFILE": "routed", "DATABRICKS_WORKSPACE_ID": "7"},
        "",
        ("TWO", "routed", "7"),
    ),
    "the environment's id": (SWITCHED, {"DATABRICKS_WORKSPACE_ID": "7"}, "", ("TWO", "routed", "7")),
}


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    with listening(answering(lambda _: [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])) as server:
        yield f"http://{server.address}", f"http://localhost:{server.address.rpartition(':')[2]}"


@pytest.mark.xdist_group("sdk")
@pytest.mark.parametrize("case", COMBINATIONS)
def test_both_read_the_same(place: Place, hosts: tuple[str, str], monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """For each combination, ours is what databricks-sdk makes of the same file and environment."""
    from databricks.sdk.core import Config

    def put(text: str) -> str:
        return text.replace("ONE", hosts[0]).replace("TWO", hosts[1])

    profiles, environ, typed, expected = COMBINATIONS[case]
    place.profiles(put(profiles))
    environ = {name: put(value) for name, value in environ.items()}
    login = place.load(environ, **({"profile": typed} if typed else {})).login
    assert (login.host, login.token, login.workspace_id) == tuple(map(put, expected))
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    for name, value in (place.environ | environ).items():
        monkeypatch.setenv(name, value)
    theirs = Config(profile=typed or None)
    assert (theirs.host, theirs.token, theirs.workspace_id or "") == tuple(map(put, expected))


# What databricks-sdk does not read, or reads by variable: the environment, .env, options -> the host and the id.
OURS = {
    "the environment's profile, .env's host": (
        {"DATABRICKS_CONFIG_PROFILE": "routed"},
        f"DATABRICKS_HOST={HOST}",
        {},
        (OTHER, "42"),
    ),
    "an id in an address": (to(f"{HOST}/?o=7"), "", {}, (HOST, "7")),
    "an id in an address of .env": ({}, f"DATABRICKS_HOST={HOST}/?o=7#folder/1", {}, (HOST, "7")),
    "an id of .env": ({}, f"DATABRICKS_HOST={HOST}\nDATABRICKS_WORKSPACE_ID=7", {}, (HOST, "7")),
    "an id of .env, the environment's host": (to(HOST), "DATABRICKS_WORKSPACE_ID=7", {}, (HOST, "7")),
    "an id of .env, another host of the environment": (
        to(OTHER),
        f"DATABRICKS_HOST={HOST}\nDATABRICKS_WORKSPACE_ID=7",
        {},
        (OTHER, ""),
    ),
    "an id of .env, a profile of .env": (
        {},
        "DATABRICKS_CONFIG_PROFILE=routed\nDATABRICKS_WORKSPACE_ID=7",
        {},
        (OTHER, "7"),
    ),
    "the environment's id, the profile that is typed": (
        {"DATABRICKS_WORKSPACE_ID": "7"},
        "",
        {"profile": "routed"},
        (OTHER, "42"),
    ),
    "a profile of no workspace": ({"DATABRICKS_CONFIG_PROFILE": "account"}, "", {}, (OTHER, "")),
}


@pytest.mark.parametrize("case", OURS)
def test_a_workspace_is_named_by_source(place: Place, case: str) -> None:
    """Which workspace is meant goes by the strongest source that names a host or profile, not by the variable."""
    environ, dotenv, options, expected = OURS[case]
    account = "[account]\nhost = TWO\nworkspace_id = none\n"
    place.profiles((PROFILES + account).replace("ONE", HOST).replace("TWO", OTHER)).dotenv(f"{dotenv}\n")
    login = place.load(environ, **options).login
    assert (login.host, login.workspace_id) == expected


@pytest.mark.parametrize(
    ("host", "name"),
    [(OTHER, f"{OTHER}?o=7"), (HOST, HOST), ("https://dbc-1a2b-3c4d.cloud.databricks.com", None)],
)
def test_two_workspaces_of_one_host_have_two_records(place: Place, host: str, name: str | None) -> None:
    """The id is a part of what the state knows a workspace by, except where the host is of one workspace anyhow."""
    assert place.load(to(f"{host}/?o=7")).login.name == (name or host)


@pytest.mark.parametrize("name", ["7 8", "7\\r\\nx", "é"])
def test_what_is_no_id_is_no_header(place: Place, name: str) -> None:
    """What no workspace has for an id is refused before it is sent."""
    assert "is not the id of a workspace" in place.refused(to(HOST, DATABRICKS_WORKSPACE_ID=name)).message


def test_a_profile_s_host_is_the_profile_s(place: Place) -> None:
    """What is wrong with a profile, or a default profile that is none, is said of the file of profiles."""
    place.profiles("[DEFAULT]\nhost = nonsense\n")
    error = place.refused()
    assert "The host of the profile DEFAULT in" in error.message and "DATABRICKS_HOST" not in error.message
    for name in ("gone", "__settings__"):
        place.profiles(f"[__settings__]\ndefault_profile = {name}\n")
        assert f"There is no profile {name} in" in place.refused().message


@pytest.mark.parametrize("profile", [None, "azure"], ids=["a token", "databricks-sdk"])
def test_requests_name_the_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str | None) -> None:
    """Whichever way the login goes, each request of ours says which workspace of the host it is for."""
    (file := tmp_path / "profiles").write_text("")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))
    with listening(answering(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])) as server:
        host = f"http://{server.address}"
        file.write_text(f"[azure]\nhost = {host}\nusername = me\npassword = secret\n")
        http = connect(Login(host, "" if profile else "token", profile, workspace_id="7"))
        http.read("/api/2.0/workspace/list", {})
        heard = b"".join(map(bytes, server.heard)).partition(b"/api/2.0/workspace/list")[2]
    assert b"\nX-Databricks-Workspace-Id: 7\r" in heard.partition(b"\r\n\r\n")[0]
