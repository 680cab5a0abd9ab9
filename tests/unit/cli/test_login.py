"""Whose credential goes to which host, and what a .env may say that others can change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.place import HOST, OTHER, SECRET, Place, to

from databricks_sync.model import Login

PROFILES = f"""
[DEFAULT]
host = {OTHER}
token = of-the-profile
[bare]
host = {OTHER}
[cli]
host = {OTHER}
auth_type = databricks-cli
[same]
host = {HOST}
token = of-the-profile
"""
AT_HOST = f"DATABRICKS_HOST={HOST}\n"
TOKEN = {"DATABRICKS_TOKEN": SECRET}
CLIENT = {"DATABRICKS_CLIENT_ID": "me", "DATABRICKS_CLIENT_SECRET": SECRET}

# Whose word is the host, and who has a credential -> the host, the token, and what the environment has to keep back.
# An error is what is said of it.
SENT = {
    "all of the environment": (to(HOST, **TOKEN), "", {}, (HOST, SECRET, set())),
    "the environment's secret, its host": (to(HOST, **CLIENT), "", {}, (HOST, "", set())),
    "the environment's token, .env's host": (
        TOKEN,
        AT_HOST,
        {},
        "DATABRICKS_TOKEN from the environment is not sent to",
    ),
    "the environment's secret, .env's host": (
        CLIENT,
        AT_HOST,
        {},
        "DATABRICKS_CLIENT_SECRET from the environment is not",
    ),
    "a file of the environment's, .env's host": (
        {"DATABRICKS_OIDC_TOKEN_FILE": "/x"},
        AT_HOST,
        {},
        "DATABRICKS_OIDC_TOKEN_FILE from the environment is not",
    ),
    "both have a token, .env's host": (TOKEN, f"{AT_HOST}DATABRICKS_TOKEN=own", {}, (HOST, "own", set(TOKEN))),
    "the environment's token, .env says how": (
        TOKEN,
        f"{AT_HOST}DATABRICKS_AUTH_TYPE=azure-cli",
        {},
        (HOST, "", set(TOKEN)),
    ),
    "CI's own identity, .env's host": (
        {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x", "DATABRICKS_CLIENT_ID": "me", "DATABRICKS_AUTH_TYPE": "github-oidc"},
        AT_HOST,
        {},
        (HOST, "", {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "DATABRICKS_CLIENT_ID"}),
    ),
    "a cloud's key, .env's host": ({"GOOGLE_CREDENTIALS": "{}"}, AT_HOST, {}, (HOST, "", {"GOOGLE_CREDENTIALS"})),
    "nobody has one, .env's host": ({}, AT_HOST, {}, (HOST, "", set())),
    ".env's token, the environment's host": (to(HOST), "DATABRICKS_TOKEN=own", {}, (HOST, "own", set())),
    ".env's token, the same host": (to(HOST), f"{AT_HOST}DATABRICKS_TOKEN=own", {}, (HOST, "own", set())),
    ".env's token, another host": (to(OTHER), f"{AT_HOST}DATABRICKS_TOKEN=own", {}, (OTHER, "", set())),
    ".env's token, what is no host": (to(OTHER), "DATABRICKS_HOST=x\nDATABRICKS_TOKEN=own", {}, (OTHER, "", set())),
    "both have a token, the environment's host": (to(HOST, **TOKEN), "DATABRICKS_TOKEN=own", {}, (HOST, SECRET, set())),
    "the profile that is typed": (to(HOST, **TOKEN), "", {"profile": "DEFAULT"}, (OTHER, "of-the-profile", set(TOKEN))),
    "the profile that is typed has no token": (TOKEN, "", {"profile": "bare"}, (OTHER, "", set(TOKEN))),
    "a profile's host": (TOKEN, "", {}, (OTHER, "of-the-profile", set(TOKEN))),
    "a profile without a token": (
        {"DATABRICKS_CONFIG_PROFILE": "bare", **CLIENT},
        "",
        {},
        f"DATABRICKS_CLIENT_SECRET from the environment is not sent to {OTHER}, because only the profile bare",
    ),
    "a profile that says how": ({"DATABRICKS_CONFIG_PROFILE": "cli", **TOKEN}, "", {}, (OTHER, "", set(TOKEN))),
    "a profile of .env": (TOKEN, "DATABRICKS_CONFIG_PROFILE=cli", {}, (OTHER, "", set(TOKEN))),
    "a host and its profile": (to(HOST, DATABRICKS_CONFIG_PROFILE="same"), "", {}, (HOST, "of-the-profile", set())),
    "a host and another's profile": (
        to(HOST, DATABRICKS_CONFIG_PROFILE="DEFAULT"),
        "",
        {},
        "the profile DEFAULT there",
    ),
    "a host, a token and a profile": (
        to(HOST, DATABRICKS_CONFIG_PROFILE="cli", **CLIENT),
        "",
        {},
        (HOST, "", {"DATABRICKS_CONFIG_PROFILE"}),
    ),
    ".env's host and another's profile": ({}, f"{AT_HOST}DATABRICKS_CONFIG_PROFILE=cli", {}, "the profile cli there"),
    "this machine": (to("local", **TOKEN), "", {}, ("local", "", set())),
    "this machine, of .env": (TOKEN, "DATABRICKS_HOST=local\n", {}, ("local", "", set())),
}


@pytest.mark.parametrize("case", SENT)
def test_a_credential_goes_to_the_host_of_its_own_source(place: Place, case: str) -> None:
    """A credential is sent only to the host that its own source names, or a stronger one; anything else is said."""
    environ, dotenv, options, expected = SENT[case]
    place.profiles(PROFILES).dotenv(dotenv)
    if isinstance(expected, str):
        error = place.refused(environ, **options)
        assert expected in error.message and error.hint
        return
    login = place.load(environ, **options).login
    host, token, withheld = expected
    assert (login.host, login.token) == (host, "" if login.local else token)
    assert withheld <= login.withheld
    assert withheld or not {*TOKEN, *CLIENT} & login.withheld


@pytest.mark.parametrize("case", ["the environment's token, .env's host", "a profile without a token"])
def test_the_way_out_leads_out(place: Place, case: str) -> None:
    """What is said of a credential that nobody is sent works as it is typed: name the host in the environment too."""
    environ, dotenv, options, _ = SENT[case]
    place.profiles(PROFILES).dotenv(dotenv)
    named = place.refused(environ, **options).hint.split("DATABRICKS_HOST=")[1].split()[0]
    environ = {name: value for name, value in environ.items() if name != "DATABRICKS_CONFIG_PROFILE"}
    assert place.load({**environ, "DATABRICKS_HOST": named}, **options).login.host == named


@pytest.mark.parametrize("case", ["both have a token, .env's host", "a profile's host"])
def test_what_is_not_used_is_told(place: Place, case: str) -> None:
    """A credential that somebody set and that is left out is told of, with who is stronger there."""
    environ, dotenv, options, _ = SENT[case]
    [notice] = place.profiles(PROFILES).dotenv(dotenv).load(environ, **options).notices
    assert notice.startswith("DATABRICKS_TOKEN from the environment is not used: ") and SECRET not in notice


def test_what_is_withheld_leaves_this_process(place: Place) -> None:
    """Nothing that databricks-sdk or a program it starts would take up stays in the environment, and all else does."""
    place.dotenv(AT_HOST)
    kept = {"PATH": "/bin", "DATABRICKS_USER": "me", "DATABRICKS_CONFIG_FILE": "/x", "ARM_TENANT_ID": "t"}
    gone = {"ARM_CLIENT_ID": "x", "SYSTEM_ACCESSTOKEN": "x", "DATABRICKS_RUNTIME_VERSION": "17", "ARM_USE_MSI": "true"}
    environ = {**kept, **gone, **place.environ}
    place.load(environ).login.withhold(environ)
    assert environ == kept | place.environ


def test_dotenv_chooses_no_other_source_s_credential(place: Place) -> None:
    """What .env hands to databricks-sdk names no variable to read, no profile, and no place for others' identities."""
    text = "DATABRICKS_OIDC_TOKEN_ENV=AWS_SECRET_ACCESS_KEY\nDATABRICKS_DISCOVERY_URL=https://e.com\nARM_CLIENT_ID=me\n"
    place.dotenv(text)
    assert place.load(to(HOST)).login.variables == {"ARM_CLIENT_ID": "me"}
    place.dotenv(AT_HOST + text)
    assert "DATABRICKS_OIDC_TOKEN_ENV" not in place.load().login.variables


def test_the_environment_is_stronger_than_what_dotenv_hands_on(place: Place) -> None:
    """How to log in, said by the environment, is stronger than .env's word."""
    place.dotenv(f"{AT_HOST}DATABRICKS_AUTH_TYPE=azure-cli\nARM_TENANT_ID=a\n")
    assert place.load({"DATABRICKS_AUTH_TYPE": "databricks-cli"}).login.variables == {"ARM_TENANT_ID": "a"}


# --- a .env that others can change ----------------------------------------------------------------------------------


FOREIGN = [
    AT_HOST,
    "DATABRICKS_CONFIG_PROFILE=cli\n",
    f"DATABRICKS_HOST=local\nDATABRICKS_TOKEN={SECRET}\n",
    "DATABRICKS_HOST=local\nDATABRICKS_LOCAL_DIR=/x\n",
    "DATABRICKS_HOST=local\nDATABRICKS_CLI_PATH=tools/x\n",
    "DATABRICKS_HOST=local\nARM_CLIENT_ID=x\n",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_a_tracked_dotenv_says_nothing_of_a_login(place: Place, text: str) -> None:
    """A .env that git tracks names no host, no credential, no program: exit 2, with the way out."""
    place.profiles(PROFILES).dotenv(text)
    place.tracked.add(place.project / ".env")
    error = place.refused()
    named = text.splitlines()[-1].partition("=")[0]
    assert "is tracked by git" in error.message and error.message.endswith(f"it may not set {named}.")
    assert "`git rm --cached " in error.hint and "in the environment" in error.hint
    place.tracked.clear()
    place.load()


def test_a_tracked_dotenv_says_what_is_carried(place: Place) -> None:
    """It may say what is carried and where to, and that this machine is meant; git is not even asked then."""
    (place.project / "team").mkdir()
    place.dotenv(
        "NOTEBOOK_FOLDER=src\nDATABRICKS_USER=you\nUSER=me\nBACKUP_DAYS=3\nMLFLOW_TRACKING_URI=databricks\n"
        "PROJECT_FOLDER=team\nDATABRICKS_HOST=local\nDATABRICKS_TOKEN=\nDATABRICKS_CLUSTER_ID=1\nHTTPS_PROXY=x\n"
    )
    place.tracked.add(place.project / ".env")
    found = place.load()
    assert (found.login, found.user, found.backup_days) == (Login("local"), "you", 3)
    assert found.folders[0].path == place.project / "team" / "src" and place.asked == []


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        (to(OTHER, **TOKEN), {}),
        (to(HOST, **TOKEN), {}),
        ({"DATABRICKS_CONFIG_PROFILE": "cli"}, {}),
        ({}, {"profile": "cli"}),
        ({}, {"host": "local"}),
    ],
)
def test_where_dotenv_is_not_needed_it_may_say_anything(
    place: Place, environ: dict[str, str], options: dict[str, str]
) -> None:
    """What the environment or an option says of the login is the way out, whatever a tracked .env says."""
    place.profiles(PROFILES).dotenv(f"{AT_HOST}DATABRICKS_TOKEN=theirs\nDATABRICKS_CLI_PATH=tools/x\n")
    place.tracked.add(place.project / ".env")
    login = place.load(environ, **options).login
    assert login.token in ("", SECRET) and not login.variables and place.asked == []


def test_a_tracked_dotenv_adds_nothing_to_the_environment_s_login(place: Place) -> None:
    """Beside the environment's host it may say nothing of the login either, until the environment says that as well."""
    place.dotenv(f"{AT_HOST}DATABRICKS_AUTH_TYPE=metadata-service\n")
    place.tracked.add(place.project / ".env")
    assert "DATABRICKS_AUTH_TYPE" in place.refused(to(HOST)).message
    assert place.load(to(HOST, DATABRICKS_AUTH_TYPE="azure-cli")).login.variables == {}


def test_a_link_to_a_tracked_file(place: Place) -> None:
    """A .env that leads to a file which git tracks is as little one's own as that file."""
    (place.project / "team.env").write_text(AT_HOST)
    (place.project / ".env").symlink_to("team.env")
    place.load()
    place.tracked.add(place.project / "team.env")
    assert "is a link to a file that is tracked by git" in place.refused().message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives a file away")
def test_another_user_s_dotenv(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env of another user names no host; root's does, and so does that of who became root."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    file = place.dotenv(AT_HOST).project / ".env"
    place.load()
    os.chown(file, 12345, -1)
    assert "belongs to another user" in place.refused().message
    monkeypatch.setenv("SUDO_UID", "12345")
    place.load()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives a file away")
def test_a_link_of_another_user(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made the link chose the file: that it leads to one of ours does not make it ours."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    (tmp_path / "own.env").write_text(AT_HOST)
    (place.project / ".env").symlink_to(tmp_path / "own.env")
    place.load()
    os.chown(place.project / ".env", 12345, -1, follow_symlinks=False)
    assert "belongs to another user" in place.refused().message


def test_no_token_is_shown() -> None:
    """A login that lands in a text, such as that of an error, shows neither its token nor what came with it."""
    login = Login(HOST, "dapi-secret", variables={"ARM_CLIENT_SECRET": "secret"}, withheld=frozenset({"secret"}))
    for text in (str(login), repr(login), f"{login}", f"{(login,)}"):
        assert HOST in text and "secret" not in text


# --- the host of a named target, which whoever can commit has written ------------------------------------------------

IN_HOST, IN_OTHER = ({"to": "qa"}, f"host = '{HOST}'"), ({"to": "qa"}, f"host = '{OTHER}'")
MANY = f"{OTHER}/?o=12"
ID = "DATABRICKS_WORKSPACE_ID"

# The environment, .env, the options and what the target says -> the host, the token, and what has to be kept back.
CHOSEN = {
    "the workspace of everyday": (to(HOST, **TOKEN), "", *IN_HOST, (HOST, SECRET, set())),
    "as it is pasted": (to(f"{HOST}/", **TOKEN), "", {"to": "qa"}, f"host = '{HOST}/?o=5#x'", (HOST, SECRET, set())),
    "of .env": ({}, f"{AT_HOST}DATABRICKS_TOKEN=own", *IN_HOST, (HOST, "own", set())),
    "of a profile, the environment's is another": (
        to(OTHER, **TOKEN),
        "",
        *IN_HOST,
        (HOST, "of-the-profile", set(TOKEN)),
    ),
    "of a profile, .env's is another": (
        TOKEN,
        f"DATABRICKS_HOST={OTHER}\nDATABRICKS_TOKEN=own",
        *IN_HOST,
        (HOST, "of-the-profile", set(TOKEN)),
    ),
    "of a profile, everyday's is unclear": (
        TOKEN,
        f"DATABRICKS_HOST={OTHER}",
        *IN_HOST,
        (HOST, "of-the-profile", set(TOKEN)),
    ),
    "of a profile that is typed": (
        to(HOST, **TOKEN),
        "",
        {"to": "qa", "profile": "DEFAULT"},
        f"host = '{OTHER}'",
        (OTHER, "of-the-profile", set(TOKEN)),
    ),
    "of several profiles": (TOKEN | to(HOST), "", *IN_OTHER, "there are the profiles DEFAULT and bare and cli."),
    "of another profile": ({}, "", {"to": "qa", "profile": "same"}, f"host = '{OTHER}'", "--profile names another one"),
    "this machine, typed": (TOKEN, "", {"to": "qa", "host": "local"}, f"host = '{HOST}'", "--local names another one"),
    "this machine": (to(HOST, **TOKEN), "", {"to": "qa"}, "host = 'local'", ("local", "", set())),
    "nobody's host": (
        to(HOST, **TOKEN),
        "DATABRICKS_TOKEN=own",
        {"to": "qa"},
        "host = 'https://evil.example.com'",
        "is in the workspace https://evil.example.com, and you have no login for it",
    ),
    "nobody's host, a token without one": (
        TOKEN | {"DATABRICKS_CONFIG_PROFILE": "bare"},
        "",
        {"to": "qa"},
        "host = 'https://evil.example.com'",
        "is not sent to",
    ),
    "a host that looks like it": (
        to(HOST, **TOKEN),
        "",
        {"to": "qa"},
        f"host = '{HOST}.evil.example.com'",
        "you have no login for it",
    ),
    "a host behind a name": (
        to(HOST, **TOKEN),
        "",
        {"to": "qa"},
        f"host = '{HOST}@evil.example.com'",
        "The host of the target qa is not the address of a workspace.",
    ),
    "unencrypted": (to(HOST, **TOKEN), "", {"to": "qa"}, "host = 'http://evil.example.com'", "sent unencrypted"),
    "another workspace of the host": (
        to(OTHER, **TOKEN, **{ID: "34"}),
        "",
        {"to": "qa"},
        f"host = '{MANY}'",
        f"is in the workspace {MANY.replace('/?', '?')}, and you have no login for it",
    ),
    "that workspace of the host": (
        to(OTHER, **TOKEN, **{ID: "12"}),
        "",
        {"to": "qa"},
        f"host = '{MANY}'",
        (OTHER, SECRET, set()),
    ),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_the_host_of_a_target_chooses_among_one_s_own(place: Place, case: str) -> None:
    """It picks one of the logins that the person has for it, and never sends a credential where none was for."""
    environ, dotenv, options, text, expected = CHOSEN[case]
    place.profiles(PROFILES).dotenv(dotenv).committed(f"[targets.qa]\n{text}\n")
    if isinstance(expected, str):
        error = place.refused(environ, **options)
        assert expected in error.message and error.hint
        return
    login = place.load(environ, **options).login
    environment = {**place.environ, **environ}
    login.withhold(environment)
    assert (login.host, login.token, {*environ} - {*environment}) == expected
