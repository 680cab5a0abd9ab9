"""How to log in: which host, with which credential, and which credentials must not go there.

A credential goes only to the host that its own source names, or a stronger one. The sources, strongest first: an
option, the environment, `.env`, a profile. Which workspace of a host is meant goes by the same order, except that an
option names a profile with all that is in it.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from databricks_sync.errors import SettingsError, printable
from databricks_sync.model import Login
from databricks_sync.shell import option

from .dotenv_file import Dotenv
from .project_file import NamedTarget

Tracks = Callable[[Path], bool]  # whether git tracks a file

_WORKSPACE = "DATABRICKS_WORKSPACE_ID"
_SETTINGS = "__settings__"  # the section of the file of profiles that is none
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What databricks-sdk takes up by itself, whatever host it is given (0.162: config.py, credentials_provider.py,
# oidc_token_supplier.py). Somebody set these on purpose:
_SECRETS = (
    *("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_PASSWORD", "ARM_CLIENT_SECRET"),
    *("DATABRICKS_OIDC_TOKEN", "DATABRICKS_OIDC_TOKEN_ENV", "DATABRICKS_OIDC_TOKEN_FILEPATH"),
    *("DATABRICKS_OIDC_TOKEN_FILE", "DATABRICKS_METADATA_SERVICE_URL"),
)
# These lie about on machines of CI, of clouds and of Databricks:
_IDENTITIES = (
    *("GOOGLE_CREDENTIALS", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_ACCESSTOKEN"),
    *("IS_IN_DB_MODEL_SERVING_ENV", "IS_IN_DATABRICKS_MODEL_SERVING_ENV"),
)
# These hold no credential: how to log in with what the person's machine knows, and what this tool reads.
_ANYWHERE = frozenset(
    {
        *("DATABRICKS_CONFIG_FILE", "DATABRICKS_CLI_PATH", "DATABRICKS_AUTH_TYPE", "ARM_TENANT_ID", "ARM_ENVIRONMENT"),
        *("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE", "DATABRICKS_USER", "DATABRICKS_LOCAL_DIR"),
    }
)
# One of these beside a host says how to log in there.
_WAYS = frozenset(
    {*_SECRETS, "DATABRICKS_AUTH_TYPE", "ARM_USE_MSI", "GOOGLE_CREDENTIALS", "DATABRICKS_GOOGLE_SERVICE_ACCOUNT"}
)
_WAYS_OF_PROFILES = frozenset(
    {
        *("token", "client_secret", "password", "azure_client_secret", "oidc_token_env", "oidc_token_filepath"),
        *("metadata_service_url", "auth_type", "azure_use_msi", "google_credentials", "google_service_account"),
    }
)
# Of a `.env`, databricks-sdk gets neither what names a host, nor what names another source's credential.
_NOT_PASSED_ON = frozenset(
    {
        *("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE", "DATABRICKS_LOCAL_DIR", "DATABRICKS_TOKEN"),
        *("DATABRICKS_OIDC_TOKEN_ENV", "DATABRICKS_OIDC_TOKEN", _WORKSPACE),
    }
)


def find(options: Mapping[str, str | None], environ: Mapping[str, str], dotenv: Dotenv, tracks: Tracks) -> Login | None:
    """The login that the strongest source names, None where none does. Raises SettingsError.

    Where a `.env` has a say, `tracks` tells whether others can change it.
    """
    if options.get("host"):
        return Login(str(options["host"]))
    if options.get("profile"):
        login = _profile(options["profile"], environ)[0]
        return _in_workspace(login, login.workspace_id)._replace(withheld=_credentials(environ))
    if host := environ.get("DATABRICKS_HOST", "").strip():
        login = _of_environment(_host(host), environ, dotenv, tracks)
        return _in_workspace(login, environ.get(_WORKSPACE, ""), _workspace_of(host), login.workspace_id)
    if profile := environ.get("DATABRICKS_CONFIG_PROFILE"):
        login = _of_profile(profile, environ)
        return _in_workspace(login, environ.get(_WORKSPACE, ""), login.workspace_id)
    if any(dotenv.values.get(name, "").strip() for name in ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE")):
        values = dotenv.login({}, tracks)
        login, typed = _of_dotenv(values, environ), _workspace_of(values.get("DATABRICKS_HOST", ""))
        named = (environ.get(_WORKSPACE, ""), values.get(_WORKSPACE, ""))
        return _in_workspace(login, *named, typed, login.workspace_id)
    sections = _sections(environ)
    profile = sections.get(_SETTINGS, {}).get("default_profile", "").strip()  # of `databricks auth switch`
    if not profile and not sections.get("DEFAULT", {}).get("host"):
        return None
    login = _of_profile(profile or "DEFAULT", environ)
    return _in_workspace(login, environ.get(_WORKSPACE, ""), login.workspace_id)


def at(
    target: NamedTarget, options: Mapping[str, str | None], environ: Mapping[str, str], dotenv: Dotenv, tracks: Tracks
) -> Login:
    """The login for a named target that says which workspace it is in. Raises SettingsError where there is none.

    Whoever can commit chose that workspace. So it has to be one that the person has a login for: what `find` finds, or
    else the one profile of that host. Nothing else is ever sent there.
    """
    host = _host(target.host.strip(), f"The host of the target {printable(target.name)}")
    where = Login(host, workspace_id=_workspace_of(target.host))
    if typed := "--local" if options.get("host") else "--profile" if options.get("profile") else "":
        login = find(options, environ, dotenv, tracks)
        if login is None or not _is_in(login, where):
            about = (
                f"The target {printable(target.name)} is in the workspace {where.name}, and {typed} names another one."
            )
            raise SettingsError(about, f"Remove {typed}, or leave out --to.")
        return login
    if host == "local":
        return where
    problem: SettingsError | None = None
    try:
        login = find(options, environ, dotenv, tracks)
    except SettingsError as error:  # of the workspace of everyday, perhaps
        login, problem = None, error
    if login and _is_in(login, where):
        return login
    profiles = [name for name in _sections(environ) if name != _SETTINGS and _is_profile_in(name, where, environ)]
    if len(profiles) == 1:
        found = find({**options, "profile": profiles[0]}, environ, dotenv, tracks)
        assert found
        return found
    if profiles:
        raise SettingsError(
            f"The target {printable(target.name)} is in the workspace {where.name}, for which there are the profiles "
            f"{' and '.join(map(printable, profiles))}.",
            f"Choose one of them, for example with `{option('profile', profiles[0]).strip()}`.",
        )
    raise problem or SettingsError(
        f"The target {printable(target.name)} is in the workspace {where.name}, and you have no login for it.",
        "If you trust it, set DATABRICKS_HOST and a credential in the environment, or add a profile with that host to "
        "~/.databrickscfg.",
    )


def _is_in(login: Login, where: Login) -> bool:
    """Whether a login is for this workspace; of a host of several, for the very one, if it was named."""
    return login.host == where.host and where.one_of_many in ("", login.one_of_many)


def _is_profile_in(name: str, where: Login, environ: Mapping[str, str]) -> bool:
    try:
        return _is_in(_profile(name, environ)[0], where)
    except SettingsError:  # it is of no workspace, or broken
        return False


def _in_workspace(login: Login, *named: str) -> Login:
    """The login, to the workspace that the strongest of these names. Raises SettingsError for what names none."""
    name = next((name.strip() for name in named if name.strip()), "")
    if login.local or name.lower() == "none":  # so the official CLI says that a profile is of no workspace
        return login._replace(workspace_id="")
    if not re.fullmatch(r"[\w-]*", name, re.ASCII):
        raise SettingsError(
            f"{printable(name)} is not the id of a workspace.", f"Correct {_WORKSPACE}, or the host or profile."
        )
    return login._replace(workspace_id=name)


def _workspace_of(host: str) -> str:
    """The id in an address as the browser shows it, `https://name/?o=1234`; "" where there is none."""
    try:
        return parse_qs(urlsplit(host.strip()).query).get("o", [""])[0]
    except ValueError:
        return ""


def _of_environment(host: str, environ: Mapping[str, str], dotenv: Dotenv, tracks: Tracks) -> Login:
    """A weaker source may have the credential, where the environment has none: for this host, or for whichever."""
    if host == "local":
        return Login(host)
    profile = environ.get("DATABRICKS_CONFIG_PROFILE", "")
    if any(environ.get(name, "").strip() for name in _SECRETS):
        token = _sound(environ.get("DATABRICKS_TOKEN", "").strip(), "DATABRICKS_TOKEN")
        return Login(host, token, withheld=frozenset({"DATABRICKS_CONFIG_PROFILE"} if profile else ()))
    if profile:
        return _with_profile(host, profile, environ, "the environment")
    named = dotenv.values.get("DATABRICKS_HOST", "").strip()
    values = dotenv.login(environ, tracks) if not named or _same(named, host) else {}
    values.pop("DATABRICKS_DISCOVERY_URL", "")  # it says where an identity goes, which may be the environment's
    token = _sound(values.get("DATABRICKS_TOKEN", "").strip(), "DATABRICKS_TOKEN")
    return Login(host, token, variables=_passed_on(values, environ), workspace_id=values.get(_WORKSPACE, ""))


def _of_dotenv(values: Mapping[str, str], environ: Mapping[str, str]) -> Login:
    profile = values.get("DATABRICKS_CONFIG_PROFILE", "")
    if "DATABRICKS_HOST" not in values:
        return _of_profile(profile, environ)
    host = _host(values["DATABRICKS_HOST"].strip())
    if host == "local":
        return Login(host)
    if not _WAYS & values.keys() and profile:
        return _with_profile(host, profile, environ, ".env")._replace(withheld=_credentials(environ))
    token = _sound(values.get("DATABRICKS_TOKEN", "").strip(), "DATABRICKS_TOKEN")
    return Login(
        host,
        token,
        variables=_passed_on(values, environ),
        withheld=_credentials(environ),
        notice=_unused(environ, host, ".env", says_how=bool(_WAYS & values.keys())),
    )


def _of_profile(name: str, environ: Mapping[str, str]) -> Login:
    login, says_how = _profile(name, environ)
    source = f"the profile {printable(name)}"
    return login._replace(
        withheld=_credentials(environ), notice=_unused(environ, login.host, source, says_how=says_how)
    )


def _with_profile(host: str, name: str, environ: Mapping[str, str], source: str) -> Login:
    """A host and a profile from one source: they have to mean the same workspace."""
    login, _ = _profile(name, environ)
    if login.host != host:
        raise SettingsError(
            f"DATABRICKS_HOST in {source} is {host}, but the profile {printable(name)} there is for {login.host}.",
            "Remove DATABRICKS_HOST or DATABRICKS_CONFIG_PROFILE.",
        )
    return login


def _unused(environ: Mapping[str, str], host: str, source: str, *, says_how: bool) -> str:
    """What to say of a credential of the environment, which does not name this host. Raises SettingsError.

    Where the source of the host says how to log in there, that is done; else nobody knows what is meant.
    """
    name = next((name for name in _SECRETS if environ.get(name, "").strip()), "")
    if not name:
        return ""
    if says_how:
        return f"{name} from the environment is not used: {source} says how to log in to {host}."
    raise SettingsError(
        f"{name} from the environment is not sent to {host}, because only {source} names that host.",
        f"If it is for that workspace, set DATABRICKS_HOST={host} in the environment too; if not, unset {name}.",
    )


def _credentials(environ: Mapping[str, str]) -> frozenset[str]:
    """What databricks-sdk could take from the environment for a host that the environment does not name."""
    return frozenset(
        name
        for name in environ
        if name in _IDENTITIES or (name.startswith(("DATABRICKS_", "ARM_")) and name not in _ANYWHERE)
    )


def _passed_on(values: Mapping[str, str], overridden: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in values.items() if name not in _NOT_PASSED_ON and not overridden.get(name, "")
    }


def _same(text: str, host: str) -> bool:
    try:
        return _host(text.strip()) == host
    except SettingsError:
        return False


def _sound(token: str, name: str) -> str:
    """The token, if it can be one: what else was pasted with it must not travel into a header, or a log."""
    if re.fullmatch(r"[!-~]*", token):
        return token
    raise SettingsError(f"{printable(name)} contains a space or a character that no token has.", "Copy it again.")


def _host(text: str, setting: str = "DATABRICKS_HOST") -> str:
    """`https://name`, from whatever people paste; `setting` is who says so. Raises SettingsError."""
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
            f"{setting} is not the address of a workspace.",
            "Set it to an address such as https://adb-1234567890123456.7.azuredatabricks.net, or to local.",
        )
    if url.scheme == "http" and name not in _LOOPBACK:
        raise SettingsError(
            f"{setting} is http://{name}, so the token would be sent unencrypted.",
            f"Use https://{name}.",
        )
    return f"{url.scheme}://{f'[{name}]' if ':' in name else name}{port}"


def _sections(environ: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """All sections of the file of profiles. Raises SettingsError."""
    path = _profiles(environ)
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read(path, encoding="utf-8-sig")
    except (configparser.Error, UnicodeDecodeError, OSError):
        raise SettingsError(f"{path} cannot be read as a profile file.", "Correct it, or remove it.") from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _profile(name: str | None, environ: Mapping[str, str]) -> tuple[Login, bool]:
    """The login of a profile, and whether it says how to log in.

    A plain token is read here, every other way is left to databricks-sdk.
    """
    profile, path = name or "DEFAULT", _profiles(environ)
    section = {} if profile == _SETTINGS else _sections(environ).get(profile, {})
    if not section:
        raise SettingsError(
            f"There is no profile {printable(profile)} in {path}.",
            "Correct its name (--profile, DATABRICKS_CONFIG_PROFILE or default_profile), or add it to that file.",
        )
    if not section.get("host"):
        raise SettingsError(
            f"The profile {printable(profile)} in {path} has no host.", "Add a line `host = https://...` to it."
        )
    plain = section.get("token", "") if section.get("auth_type", "pat") == "pat" else ""
    token = _sound(plain.strip(), f"The token of profile {profile}")
    named = section["host"].strip()
    host = _host(named, f"The host of the profile {printable(profile)} in {path}")
    workspace = section.get("workspace_id", "").strip() or _workspace_of(named)
    return Login(host, token, profile, workspace_id=workspace), bool(_WAYS_OF_PROFILES & section.keys())


def _profiles(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or environ.get("USERPROFILE") or "~"
    return Path(environ.get("DATABRICKS_CONFIG_FILE") or Path(home) / ".databrickscfg").expanduser()
