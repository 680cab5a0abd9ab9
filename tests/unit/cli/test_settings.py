"""Options, environment, .env and profile -> Settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.place import HOST, OTHER, SECRET, Place, to

from databricks_sync.cli.dotenv_file import read
from databricks_sync.cli.project import find
from databricks_sync.cli.settings import load
from databricks_sync.errors import SettingsError
from databricks_sync.model import Login
from databricks_sync.system import login_name

# --- precedence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "environ", "dotenv", "expected"),
    [
        ({"host": "local"}, to(HOST), "DATABRICKS_HOST=https://b.example.com", "local"),
        ({}, to(HOST), "DATABRICKS_HOST=https://b.example.com", HOST),
        ({}, {}, "DATABRICKS_HOST=https://b.example.com", "https://b.example.com"),
        ({}, to(""), "DATABRICKS_HOST=https://b.example.com", "https://b.example.com"),
        ({}, {}, "", "https://default.example.com"),
        ({}, {"DATABRICKS_CONFIG_PROFILE": "team"}, "", "https://team.example.com"),
        (
            {},
            {"DATABRICKS_CONFIG_PROFILE": "team"},
            "DATABRICKS_HOST=https://b.example.com",
            "https://team.example.com",
        ),
        ({}, {}, "DATABRICKS_CONFIG_PROFILE=team", "https://team.example.com"),
        ({"profile": "team"}, to(HOST), "DATABRICKS_HOST=https://b.example.com", "https://team.example.com"),
    ],
)
def test_host(place: Place, options: dict[str, str], environ: dict[str, str], dotenv: str, expected: str) -> None:
    """The host is the option's, the environment's, .env's or the profile's, in this order."""
    place.profiles("[DEFAULT]\nhost = https://default.example.com\n[team]\nhost = https://team.example.com\n")
    assert place.dotenv(dotenv).load(environ, **options).login.host == expected


@pytest.mark.parametrize("name", ["NOTEBOOK_FOLDER", "DATABRICKS_LOCAL_DIR"])
def test_the_environment_beats_dotenv(place: Place, name: str) -> None:
    """What the process says is stronger than what .env says, and .env than nothing."""
    place.dotenv(f"{name}=two\n")
    for environ, expected in (({name: "one"}, "one"), ({}, "two")):
        found = place.load(to("local") | environ)
        assert expected in (found.folders[0].shown, found.local_folder)


def test_nothing_is_set(place: Place) -> None:
    """With no settings at all, the two ways to start are named."""
    error = place.refused()
    assert "DATABRICKS_HOST is not set" in error.message and "--local" in error.hint and "--init" in error.hint


# --- the user --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "environ", "dotenv", "user"),
    [
        ("o", {"DATABRICKS_USER": "e", "USER": "p"}, "DATABRICKS_USER=d\nUSER=u", "o"),
        (None, {"DATABRICKS_USER": "e", "USER": "p"}, "DATABRICKS_USER=d\nUSER=u", "e"),
        (None, {"USER": "p"}, "DATABRICKS_USER=d\nUSER=u", "d"),
        (None, {"USER": "p"}, "USER=u", "u"),
        (None, {"USER": "p"}, "", "p"),
        (None, {"USER": login_name()}, "", None),
        (None, {"USER": login_name()}, "USER=u", "u"),
        (None, {"USER": ""}, "", None),
        (None, {}, "", None),
        (None, {}, f"USER={login_name()}", login_name()),
    ],
)
def test_user(place: Place, option: str | None, environ: dict[str, str], dotenv: str, user: str | None) -> None:
    """The user is the option's, DATABRICKS_USER, USER of .env; the process's USER only if it is not the login name."""
    place.dotenv(dotenv)
    options = {"user": option} if option else {}
    assert place.load(to("local") | environ, **options).user == user


@pytest.mark.parametrize("user", ["a/b", "..", ".", "/"])
def test_a_user_is_one_name(place: Place, user: str) -> None:
    """A user that would be another folder is refused."""
    assert "is not a workspace user" in place.refused(to("local"), user=user).message


# --- .env ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\n", {"A": "1"}),
        ("A=1", {"A": "1"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("# A=1\n\n  B = 2 # two\n", {"B": "2"}),
        ("export A='x y'\nB=\"#\"\n", {"A": "x y", "B": "#"}),
        ("A=\n", {"A": ""}),
        ("A=x=y\n", {"A": "x=y"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=${HOME}\nB='$HOME'\nC=\"${A:-x}\"\n", {"A": "${HOME}", "B": "$HOME", "C": "${A:-x}"}),
        ("", {}),
    ],
)
def test_dotenv(tmp_path: Path, text: str, values: dict[str, str]) -> None:
    """A .env file is read as everybody's tools write it; a value is what is written, and no other variable's."""
    (tmp_path / ".env").write_text(text, encoding="utf-8", newline="")
    assert read(tmp_path / ".env").values == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nDATABRICKS_TOKEN dapi0123456789abcdef\n", 2),
        ("\n\n\ndapi0123456789abcdef\n", 4),
        ("A=1\n\n# x\n\n= dapi0123456789abcdef\n", 5),
        ("A='dapi0123456789abcdef\n", 1),
        ("A=1\r\n\r\nB='dapi0123456789abcdef'x\r\n", 3),
        ("A=1\nB", 2),
    ],
)
def test_a_malformed_dotenv_names_the_line(place: Place, text: str, line: int) -> None:
    """A line that is no assignment is named by its number, and never quoted."""
    (place.project / ".env").write_text(text, newline="")
    assert f".env, line {line}: this is not NAME=value" in place.refused(to("local")).message


@pytest.mark.parametrize("content", [b"A=\xff\xfe\n", "A=1".encode("utf-16")])
def test_a_dotenv_that_is_not_text(place: Place, content: bytes) -> None:
    """A .env in another encoding says which one it should have."""
    (place.project / ".env").write_bytes(content)
    assert "UTF-8" in place.refused(to("local")).hint


def test_a_dotenv_that_is_a_folder(place: Place) -> None:
    """A folder called .env cannot be read, and that is said."""
    (place.project / ".env").mkdir()
    assert "cannot be read" in place.refused(to("local")).message


@pytest.mark.skipif(os.name == "nt", reason="there is no such device, and not everybody may make a link")
@pytest.mark.parametrize(("link", "said"), [("/dev/zero", "it is not a regular file"), ("large", "it is too large")])
def test_a_dotenv_without_an_end(place: Place, link: str, said: str) -> None:
    """A .env that leads to a device, or to a gigabyte, is not read: somebody else may have made that link."""
    with (place.project / "large").open("wb") as file:
        file.truncate(1 << 30)
    (place.project / ".env").symlink_to(link)
    assert said in place.refused(to("local")).message


# --- hosts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        (HOST, HOST),
        (f"{HOST}/", HOST),
        (f"  {HOST}  ", HOST),
        (f"{HOST}/?o=123456#job/7", HOST),
        (f"{HOST}/browse/folders/1?o=2", HOST),
        ("adb-1.7.azuredatabricks.net", HOST),
        ("adb-1.7.azuredatabricks.net/", HOST),
        ("HTTPS://ADB-1.7.AzureDatabricks.NET", HOST),
        (f"{HOST}:443", f"{HOST}:443"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("local", "local"),
        ("LOCAL", "local"),
    ],
)
def test_a_pasted_host(place: Place, pasted: str, host: str) -> None:
    """Whatever was copied from the browser becomes the bare address."""
    assert place.load(to(pasted)).login.host == host


@pytest.mark.parametrize(
    "pasted",
    [
        *("https://", "ftp://x.example.com", "file:///etc/passwd", "two words", "https://a b.example.com"),
        *("https://me:pw@x.example.com", "https://me@x.example.com", SECRET, f"https://{SECRET}", f"token:{SECRET}"),
        *("https://x.com:port", "https://x.com:99999", "https://[::1", "]["),
    ],
)
def test_what_is_no_host(place: Place, pasted: str) -> None:
    """What is not the address of a workspace is refused and never quoted: it may hold a secret."""
    error = place.refused(to(pasted))
    assert "not the address of a workspace" in error.message


@pytest.mark.parametrize(
    "pasted", ["http://adb-1.azuredatabricks.net", "http://10.0.0.1:80", "http://localhost.evil.com"]
)
def test_a_token_never_travels_in_the_clear(place: Place, pasted: str) -> None:
    """http is for this machine alone."""
    assert "unencrypted" in place.refused(to(pasted)).message


@given(st.text(max_size=30) | st.text(alphabet="htps:/[]@.%#?a1", max_size=20))
def test_any_host_is_one_or_refused(tmp_path: Path, pasted: str) -> None:
    """Whatever stands in DATABRICKS_HOST, the answer is a clean address or one sentence."""
    try:
        environ = to(pasted, HOME=str(tmp_path))
        host = load({}, environ, find(environ, tmp_path), lambda _: False).login.host
    except SettingsError:
        return
    assert host == "local" or host.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))


# --- profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "profile", "login"),
    [
        (f"[DEFAULT]\nhost={HOST}\ntoken=t\n", None, Login(HOST, "t", "DEFAULT")),
        (f"[a]\nhost={HOST}/\ntoken = t \n", "a", Login(HOST, "t", "a")),
        (f"[DEFAULT]\ntoken=leak\nhost={OTHER}\n[a]\nhost={HOST}\n", "a", Login(HOST, "", "a")),
        (f"[a]\nhost={HOST}\nauth_type=azure-cli\ntoken=t\n", "a", Login(HOST, "", "a")),
        (f"[a]\nhost={HOST}\nauth_type=pat\ntoken=t\n", "a", Login(HOST, "t", "a")),
        (f"[a]\nhost={HOST}\ntoken=p%ct\n", "a", Login(HOST, "p%ct", "a")),
        (f"\ufeff[a]\nhost={HOST}\n", "a", Login(HOST, "", "a")),
    ],
)
def test_profiles(place: Place, text: str, profile: str | None, login: Login) -> None:
    """A profile's plain token is read here; every other way to log in is left to databricks-sdk."""
    assert place.profiles(text).load(**({"profile": profile} if profile else {})).login == login


def test_a_profile_s_file_may_be_elsewhere(place: Place, tmp_path: Path) -> None:
    """DATABRICKS_CONFIG_FILE names another file of profiles."""
    (tmp_path / "cfg").write_text(f"[a]\nhost={OTHER}\n")
    environ = {"DATABRICKS_CONFIG_FILE": str(tmp_path / "cfg")}
    assert place.load(environ, profile="a").login.host == OTHER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[b]\nhost=x\n", "There is no profile a in"),
        ("", "There is no profile a in"),
        (f"[a]\ntoken={SECRET}\n", "has no host"),
        (f"token={SECRET}\n", "cannot be read as a profile file"),
        (f"[a]\nhost={HOST}\ntoken={SECRET}\ntoken={SECRET}\n", "cannot be read as a profile file"),
        (f"[a]\nhost={SECRET}\n", "not the address of a workspace"),
        (f"[a]\nhost={HOST}\ntoken={SECRET} pasted twice\n", "token"),
    ],
)
def test_a_profile_that_does_not_do(place: Place, text: str, said: str) -> None:
    """A missing or broken profile is named, and what stands in it is not."""
    assert said in place.profiles(text).refused(profile="a").message


# --- folders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "folders"),
    [
        ("", [("notebooks", "")]),
        ("  ", [("notebooks", "")]),
        ("src/nb", [("src/nb", "")]),
        ("./nb/", [("nb", "")]),
        (".", [(".", "")]),
        ("a,b", [("a", "a/"), ("b", "b/")]),
        (" a , src/b/ ,", [("a", "a/"), ("src/b", "b/")]),
        ("a,", [("a", "")]),
        ("x/../a", [("a", "")]),
        ("e\u0301,b", [("e\u0301", "é/"), ("b", "b/")]),
    ],
)
def test_folders(place: Place, named: str, folders: list[tuple[str, str]]) -> None:
    """One folder becomes the target itself, each of several a child of it, by its own name."""
    found = place.load(to("local", NOTEBOOK_FOLDER=named)).folders
    assert [(folder.shown, folder.prefix) for folder in found] == folders
    assert all(folder.path.is_relative_to(place.project) for folder in found)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("..", "inside of it"),
        ("../other", "outside the repository"),
        ("/etc", "outside the repository"),
        ("a/nb,b/nb", "would be one folder"),
        ("a,a", "would be one folder"),
        ("a,a/b", "inside the other"),
        ("a/b,a", "inside the other"),
        (".,a", "the whole project"),
        ("a,.", "the whole project"),
        (",", "names no folder"),
    ],
)
def test_folders_that_do_not_go_together(place: Place, named: str, said: str) -> None:
    """Folders outside the project, inside one another or of one name are refused."""
    assert said in place.refused(to("local", NOTEBOOK_FOLDER=named)).message


@pytest.fixture
def inner(place: Place) -> Place:
    """The project is a folder of a repository, in which there are others."""
    top = place.project
    for name in (".git", "a/notebooks", "common/notebooks", "deep/er/lib"):
        (top / name).mkdir(parents=True)
    (top / ".git/HEAD").touch()
    (top.parent / "outside/deep").mkdir(parents=True)
    place.project = top / "a"
    return place


def test_folders_beside_the_project(inner: Place) -> None:
    """A folder of the same repository is carried beside those of the project, by its own name."""
    found = inner.load(to("local", NOTEBOOK_FOLDER="notebooks,../common,../deep/er/lib")).folders
    assert [(folder.shown, folder.prefix) for folder in found] == [
        ("notebooks", "notebooks/"),
        ("../common", "common/"),
        ("../deep/er/lib", "lib/"),
    ]
    assert all(folder.path.is_dir() and ".." not in folder.path.parts for folder in found)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("notebooks,../../outside", "outside the repository, or behind a link"),
        ("notebooks,../link", "outside the repository, or behind a link"),
        ("notebooks,../link/deep", "outside the repository, or behind a link"),
        ("notebooks,../inner", "outside the repository, or behind a link"),
        ("notebooks,../.git", "inside a git directory"),
        ("../.git/hooks", "inside a git directory"),
        (".git", "inside a git directory"),
        ("notebooks,x/.GIT./hooks", "inside a git directory"),
        ("notebooks,..", "is inside of it"),
        ("..", "is inside of it"),
        ("../..", "is inside of it"),
        ("notebooks,../a", "one is the whole project"),
        (".,../common", "one is the whole project"),
        ("notebooks,../common/notebooks", "would be one folder there"),
        ("../common,../common/notebooks", "one is inside the other"),
    ],
)
def test_folders_that_are_not_to_be_had(inner: Place, named: str, said: str) -> None:
    """Nothing outside the repository or behind a link, no git directory, nothing twice, nor the project in itself."""
    top = inner.project.parent
    (top / "link").symlink_to(top.parent / "outside")
    (top / "inner").symlink_to("common")
    assert said in inner.refused(to("local", NOTEBOOK_FOLDER=named, PROJECT_FOLDER=".")).message


@pytest.mark.parametrize("where", ["environ", "dotenv"])
def test_project_folder(place: Place, where: str) -> None:
    """PROJECT_FOLDER names the root, in the environment or in .env."""
    (place.project / "sub").mkdir()
    environ = {"PROJECT_FOLDER": "sub"} if where == "environ" else {}
    place.dotenv("PROJECT_FOLDER=sub\n" if where == "dotenv" else "")
    assert place.load(to("local") | environ).project == place.project / "sub"


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_project_folder_that_is_none(place: Place, name: str) -> None:
    """A PROJECT_FOLDER that is missing or a file is named as what is wrong."""
    (place.project / "file").write_text("")
    assert "is not a folder" in place.refused(to("local", PROJECT_FOLDER=name)).message


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_token_is_never_shown(place: Place) -> None:
    """No printed form of the settings holds the token or a secret of .env."""
    place.dotenv(f"DATABRICKS_HOST={HOST}\nDATABRICKS_TOKEN={SECRET}\nARM_CLIENT_SECRET={SECRET}\n")
    found = place.load()
    assert found.login.token == SECRET and found.login.variables
    for shown in (str(found), repr(found), f"{found.login}", repr([found.login]), repr(read(place.project / ".env"))):
        assert SECRET not in shown


@pytest.mark.parametrize("extra", [" x", "\nX-Evil: 1", "é", "\0"])
def test_a_token_is_one_word(place: Place, extra: str) -> None:
    """What was pasted along with a token is refused before it could reach a header."""
    assert "DATABRICKS_TOKEN" in place.refused(to(HOST, DATABRICKS_TOKEN=SECRET + extra)).message


def test_login_name_is_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that anybody can set do not change who runs this."""
    before = login_name()
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert login_name() == before or os.name == "nt"
