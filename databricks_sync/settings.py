"""Options, environment, .env and profile -> Settings. Strongest first, and every mistake in one sentence."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn
from urllib.parse import urlsplit

from .errors import SettingsError
from .names import nfc, printable
from .shell import word

if TYPE_CHECKING:
    from dotenv.parser import Original

BACKUP_DAYS = 30  # backups are kept for so long, unless somebody says otherwise
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
START = "Type `to_databricks --local` to use a workspace on this machine, or `to_databricks --init` to write a .env."


class Folder(NamedTuple):
    """A folder to carry: where it is, relative to the project, and the child of the target it becomes."""

    path: Path
    shown: str
    prefix: str  # "" when it is the only one, else its name and a slash


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach and log in to the workspace. `token` is empty when databricks-sdk has to find the way."""

    host: str
    token: str = field(default="", repr=False)
    profile: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  # of .env, for databricks-sdk

    where: str = ""  # what to call the workspace on this machine, whose port changes from run to run

    @property
    def local(self) -> bool:
        return self.host == "local"

    @property
    def name(self) -> str:
        """What identifies the workspace, to people and in the state."""
        return self.where or self.host


class Settings(NamedTuple):
    project: Path
    folders: tuple[Folder, ...]
    login: Login
    user: str | None  # None: whoever the workspace says we are
    local_folder: str = ""  # where the workspace on this machine lives, if that was said
    backup_days: int = BACKUP_DAYS


def load(
    options: Mapping[str, str | None],
    environ: Mapping[str, str],
    cwd: Path,
) -> Settings:
    """Reads everything that says what to carry where. `options` holds `profile`, `user` and `host`."""
    project, dotenv = project_folder(environ, cwd)
    merged = {**dotenv, **environ}
    return Settings(
        project=project,
        folders=_folders(project, merged.get("NOTEBOOK_FOLDER", "").strip() or "notebooks"),
        login=_login(options, environ, dotenv) or _unnamed(project),
        user=_user(options.get("user"), environ, dotenv),
        local_folder=merged.get("DATABRICKS_LOCAL_DIR", "").strip(),
        backup_days=_days(merged.get("BACKUP_DAYS", "").strip() or str(BACKUP_DAYS)),
    )


def _days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise SettingsError(f"BACKUP_DAYS is {printable(text)}, which is no number of days.", "Set it to 30, say.")
    return int(text)


def project_folder(environ: Mapping[str, str], cwd: Path) -> tuple[Path, dict[str, str]]:
    """The root of the project, and the variables of its .env. Raises SettingsError."""
    project = Path(os.path.abspath(cwd / environ.get("PROJECT_FOLDER", ".")))
    dotenv = read_dotenv(project / ".env") if project.is_dir() else {}
    if "PROJECT_FOLDER" in dotenv and "PROJECT_FOLDER" not in environ:
        project = Path(os.path.abspath(project / dotenv["PROJECT_FOLDER"]))
    if not project.is_dir():
        raise SettingsError(f"PROJECT_FOLDER names {project}, which is not a folder.", "Correct PROJECT_FOLDER.")
    return project, dotenv


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a .env file, {} where there is none. Raises SettingsError naming the line it stumbles on."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({_reason(error)}).", "Save it as UTF-8 text.") from None
    import io

    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(
                f"{path}, line {_line(binding.original)}: this is not NAME=value.",
                "Correct that line; a value with blanks or # goes in quotes.",
            )
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def _line(original: Original) -> int:
    """The line something begins on; the parser counts the blank lines before it as a part of it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"


def _folders(project: Path, listed: str) -> tuple[Folder, ...]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    folders: list[Folder] = []
    for name in names:
        path = Path(os.path.abspath(project / name))
        if path != project and project not in path.parents:
            raise SettingsError(
                f"NOTEBOOK_FOLDER names {name}, which is outside the project folder {project}.",
                "Name folders inside the project.",
            )
        shown = path.relative_to(project).as_posix()
        folders.append(Folder(path, shown, "" if len(names) == 1 else f"{nfc(path.name)}/"))
    _check_apart(folders)
    return tuple(folders)


def _check_apart(folders: list[Folder]) -> None:
    if not folders:
        raise SettingsError("NOTEBOOK_FOLDER names no folder.", "Set it to `notebooks`, or leave it out.")
    for number, one in enumerate(folders):
        for other in folders[number + 1 :]:
            if one.prefix == other.prefix:
                raise SettingsError(
                    f"NOTEBOOK_FOLDER names {one.shown} and {other.shown}, which would be one folder in the workspace.",
                    "Rename one of them.",
                )
            if one.path in other.path.parents or other.path in one.path.parents:
                raise SettingsError(
                    f"NOTEBOOK_FOLDER names {one.shown} and {other.shown}, and one is inside the other.",
                    "Name only the outer one.",
                )


def _user(option: str | None, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> str | None:
    chosen = (
        option
        or environ.get("DATABRICKS_USER")
        or dotenv.get("DATABRICKS_USER")
        or dotenv.get("USER")
        or _meant_user(environ)
    )
    if chosen and ("/" in chosen or chosen in (".", "..")):
        raise SettingsError(
            f"{printable(chosen)} is not a workspace user.", "Give a user name such as you@example.com."
        )
    return chosen or None


def _meant_user(environ: Mapping[str, str]) -> str | None:
    """The process's USER, only when somebody set it on purpose: the system sets it to the login name."""
    user = environ.get("USER")
    return user if user and user != login_name() else None


def login_name() -> str:
    """The name this process runs under, from the system itself rather than from variables anybody can set."""
    try:
        if sys.platform != "win32":
            import pwd

            return pwd.getpwuid(os.getuid()).pw_name
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _login(options: Mapping[str, str | None], environ: Mapping[str, str], dotenv: Mapping[str, str]) -> Login | None:
    if options.get("host"):
        return Login(str(options["host"]))
    profile = options.get("profile")
    if not profile:
        host = environ.get("DATABRICKS_HOST", "").strip() or dotenv.get("DATABRICKS_HOST", "").strip()
        if host:
            return _login_to(_host(host), environ, dotenv)
        profile = environ.get("DATABRICKS_CONFIG_PROFILE") or dotenv.get("DATABRICKS_CONFIG_PROFILE")
    return _profile(profile, environ)


def _unnamed(project: Path) -> NoReturn:
    """Somebody in a folder of the project may only have to go up: a .env is read where the command is typed."""
    line = (project, *project.parents)
    top = next((number for number, folder in enumerate(line) if (folder / ".git").exists()), 0)
    above = next((folder for folder in line[1 : top + 1] if (folder / ".env").is_file()), None)
    raise SettingsError(
        "No workspace is named: DATABRICKS_HOST is not set and there is no profile.",
        f"There is a .env in {above}: run the command there, or set `PROJECT_FOLDER={word(str(above), 'PATH')}`."
        if above
        else START,
    )


def _login_to(host: str, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> Login:
    named = dotenv.get("DATABRICKS_HOST", "").strip()
    # What .env says about one workspace must never be sent to another, which the environment names.
    known = dotenv if not named or _host(named) == host else {}
    token = environ.get("DATABRICKS_TOKEN", "").strip() or known.get("DATABRICKS_TOKEN", "").strip()
    return Login(
        host,
        _sound(token, "DATABRICKS_TOKEN"),
        variables={name: value for name, value in known.items() if name.startswith(("DATABRICKS_", "ARM_"))},
    )


def _sound(token: str, name: str) -> str:
    """The token, if it can be one: what else was pasted with it must not travel into a header, or a log."""
    if re.fullmatch(r"[!-~]*", token):
        return token
    raise SettingsError(f"{printable(name)} holds white space or a character that no token has.", "Copy it once more.")


def _host(text: str) -> str:
    """`https://name`, from whatever people paste. Raises SettingsError."""
    if text.lower() == "local":
        return "local"
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        name, port = url.hostname or "", f":{url.port}" if url.port else ""
    except ValueError:
        url, name, port = urlsplit(""), "", ""
    # A name without a dot is something else that was pasted here, perhaps the token.
    named = re.fullmatch(r"[\w.-]+\.[\w-]+\.?", name) or name in _LOOPBACK
    if url.scheme not in ("http", "https") or not named or url.username or url.password:
        raise SettingsError(
            "DATABRICKS_HOST is not the address of a workspace.",
            "Set it to something like https://adb-1234567890123456.7.azuredatabricks.net, or to local.",
        )
    if url.scheme == "http" and name not in _LOOPBACK:
        raise SettingsError(
            f"DATABRICKS_HOST is http://{name}, and the token would cross the network in the clear.",
            f"Use https://{name}.",
        )
    return f"{url.scheme}://{f'[{name}]' if ':' in name else name}{port}"


def _profile(name: str | None, environ: Mapping[str, str]) -> Login | None:
    """The login of a profile; a plain token is read here, every other way is left to databricks-sdk."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or "~"
    path = Path(environ.get("DATABRICKS_CONFIG_FILE") or Path(home) / ".databrickscfg").expanduser()
    import configparser

    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read(path, encoding="utf-8-sig")
    except (configparser.Error, UnicodeDecodeError, OSError):
        raise SettingsError(f"{path} cannot be read as a file of profiles.", "Correct it, or remove it.") from None
    wanted = name or "DEFAULT"
    if not parser.has_section(wanted):
        if name:
            raise SettingsError(
                f"There is no profile {printable(name)} in {path}.", "Correct --profile, or add it there."
            )
        return None
    section = parser[wanted]
    if not section.get("host"):
        return None if not name else _hostless(wanted, path)
    plain = section.get("token", "") if section.get("auth_type", "pat") == "pat" else ""
    return Login(_host(section["host"].strip()), _sound(plain.strip(), f"The token of profile {wanted}"), wanted)


def _hostless(name: str, path: Path) -> Login:
    raise SettingsError(
        f"The profile {printable(name)} in {path} names no host.", "Add a line `host = https://...` to it."
    )
