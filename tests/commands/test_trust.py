"""What a stranger's repository has the commands send, run or read: seen at a server that notes what it gets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.project import Person, Project

SECRET = "s3cret-of-the-environment"
NOBODY: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}


class Elsewhere:
    """A host that is no workspace, and all that it was sent."""

    def __init__(self) -> None:
        self.got: list[str] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                got.append(f"{self.command} {self.path}\n{self.headers}\n{body}")
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 (the name that the server looks for)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def text(self) -> str:
        return "\n".join(self.got)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def cloned(project: Project, elsewhere: Elsewhere) -> Project:
    """A stranger's repository as it was cloned; a .env that is written there is tracked with `commit`."""
    project.notebook("notebooks/a.py", "print(1)")
    project.env |= {"DATABRICKS_CLI_PATH": ""}
    return project


SECRETS: list[dict[str, str | None]] = [
    {"DATABRICKS_TOKEN": SECRET},
    {"DATABRICKS_CLIENT_ID": "me", "DATABRICKS_CLIENT_SECRET": SECRET},
    {"ARM_CLIENT_ID": "me", "ARM_TENANT_ID": "t", "ARM_CLIENT_SECRET": SECRET},
    {"DATABRICKS_USERNAME": "me", "DATABRICKS_PASSWORD": SECRET},
    {"DATABRICKS_OIDC_TOKEN": SECRET, "DATABRICKS_CLIENT_ID": "me"},
]


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("secrets", SECRETS, ids=lambda one: list(one)[-1])
def test_a_dotenv_s_host_gets_no_credential_of_the_environment(
    cloned: Project, elsewhere: Elsewhere, secrets: dict[str, str | None], tracked: bool
) -> None:
    """A host that only .env names is sent nothing while the environment has a credential: exit 2, in a sentence."""
    cloned.write(".env", f"DATABRICKS_HOST={elsewhere.host}\n")
    if tracked:
        cloned.commit()
    ran = cloned.push(code=2, env={**NOBODY, **secrets})
    assert elsewhere.got == [] and SECRET not in ran.said
    assert ("git rm --cached -f .env" in ran.err) is tracked


@pytest.mark.parametrize(
    "text",
    [
        "DATABRICKS_CLI_PATH=./tool\n",
        "DATABRICKS_OIDC_TOKEN_FILEPATH=/etc/hostname\nDATABRICKS_CLIENT_ID=me\n",
        "DATABRICKS_METADATA_SERVICE_URL=http://127.0.0.1:9\n",
        f"DATABRICKS_TOKEN={SECRET}\n",
    ],
)
def test_a_tracked_dotenv_starts_and_reads_nothing(cloned: Project, elsewhere: Elsewhere, text: str) -> None:
    """A program of the repository is not run and a file not sent because its .env says so, whoever names the host."""
    tool = cloned.write("tool", f"#!{sys.executable}\nopen({str(cloned.home / 'ran')!r}, 'w')\n")
    tool.chmod(0o755)
    cloned.write(".env", text)
    cloned.commit()
    ran = cloned.push(code=2, env={**NOBODY, "DATABRICKS_HOST": elsewhere.host})
    assert f"so it may not set {text.partition('=')[0]}" in ran.err
    assert elsewhere.got == [] and not (cloned.home / "ran").exists()


def test_a_dotenv_may_be_tracked_under_another_case(cloned: Project, elsewhere: Elsewhere) -> None:
    """Where a file system takes .ENV for .env, what git tracks as the one is the other; else it is another file."""
    cloned.write(".ENV", f"DATABRICKS_HOST={elsewhere.host}\n")
    cloned.commit()
    one_file = (cloned.root / ".env").exists()
    cloned.write(".env", f"DATABRICKS_HOST={elsewhere.host}\n")
    ran = cloned.push(code=2, env={**NOBODY, "DATABRICKS_TOKEN": SECRET})
    assert ("git rm --cached" in ran.err) is one_file and elsewhere.got == []


def test_a_dotenv_s_values_are_what_is_written(cloned: Project, elsewhere: Elsewhere) -> None:
    """`${NAME}` in a value is no variable: what it would name is sent nowhere, neither as a token nor as a user."""
    cloned.write(
        ".env", f"DATABRICKS_HOST={elsewhere.host}\nDATABRICKS_TOKEN=${{GITHUB_TOKEN}}\nDATABRICKS_USER=${{SECRET}}\n"
    )
    cloned.push(code=(2, 4), env={**NOBODY, "GITHUB_TOKEN": SECRET, "SECRET": SECRET})
    assert "Bearer ${GITHUB_TOKEN}" in elsewhere.text and SECRET not in elsewhere.text


IDENTITY: dict[str, str | None] = {"DATABRICKS_CONFIG_PROFILE": "bare", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET}


@pytest.mark.parametrize("environ", [{}, *SECRETS, IDENTITY], ids=lambda one: [*one, "a token and its host"][-1])
def test_a_committed_host_gets_nothing(cloned: Project, elsewhere: Elsewhere, environ: dict[str, str | None]) -> None:
    """A host that a clone brought along is not even asked, whatever the environment or a profile has for another."""
    (cloned.home / ".databrickscfg").write_text(f"[DEFAULT]\nhost = {cloned.workspace.host}\n[bare]\nhost = x.y\n")
    cloned.write("databricks_sync.toml", f"[targets.qa]\nhost = '{elsewhere.host}'\n")
    for command in ("to_databricks", "from_databricks"):
        ran = cloned.quick(command, "--to", "qa", code=2, env={**NOBODY, **environ} if environ else {})
        assert elsewhere.got == [] and not ran.requests and SECRET not in ran.said


CI: dict[str, str | None] = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
    "ACTIONS_ID_TOKEN_REQUEST_URL": "{host}/?x",
    "DATABRICKS_CLIENT_ID": "me",
}


@pytest.mark.xdist_group("sdk")
@pytest.mark.parametrize(
    ("arguments", "environ"),
    [([], CI), (["--profile", "bare"], CI), (["--profile", "bare"], {"DATABRICKS_TOKEN": SECRET})],
)
def test_what_a_machine_knows_goes_nowhere_by_itself(
    cloned: Project, elsewhere: Elsewhere, arguments: list[str], environ: dict[str, str | None]
) -> None:
    """CI's identity, and with --profile all that the environment holds, are not for a host of another source."""
    (cloned.home / ".databrickscfg").write_text(f"[bare]\nhost = {elsewhere.host}\n")
    cloned.write(".env", f"DATABRICKS_HOST={elsewhere.host}\n")
    filled = {name: value and value.replace("{host}", elsewhere.host) for name, value in environ.items()}
    ran = cloned.push(*arguments, code=2, env={**NOBODY, **filled})
    assert f"No way to log in to {elsewhere.host}" in ran.err and "where the host is set" in ran.err
    assert elsewhere.got and SECRET not in elsewhere.text


@pytest.mark.xdist_group("sdk")
@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_login_of_the_person_s_machine(cloned: Project, elsewhere: Elsewhere) -> None:
    """`databricks auth login` logs in to the host of one's own .env, and no program is given what .env says."""
    cli = cloned.home / "bin" / "databricks"
    cli.parent.mkdir()
    cli.write_text(
        f"#!{sys.executable}\nimport os, sys\nopen({str(cloned.home / 'env')!r}, 'a').write(repr(dict(os.environ)))\n"
        'print(\'{"access_token": "of-the-cli", "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}\')\n'
    )
    cli.chmod(0o755)
    cloned.write(".env", f"DATABRICKS_HOST={elsewhere.host}\nARM_CLIENT_ID=of-dotenv\n")
    env = {**NOBODY, "PATH": f"{cli.parent}:{cloned.env['PATH']}", "SYSTEM_ACCESSTOKEN": SECRET}
    cloned.push(code=(2, 4), env={**env, "DATABRICKS_AUTH_TYPE": "databricks-cli"})
    assert "Bearer of-the-cli" in elsewhere.text
    seen = (cloned.home / "env").read_text()
    assert "PATH" in seen and SECRET not in seen and "of-dotenv" not in seen


@pytest.mark.xdist_group("sdk")
def test_a_login_of_one_s_own_dotenv(cloned: Project, person: Person) -> None:
    """A client secret in .env logs in to .env's host, whatever the environment has for another, and that is told."""
    secret = cloned.workspace.token
    cloned.write(
        ".env",
        f"DATABRICKS_HOST={cloned.workspace.host}\nDATABRICKS_CLIENT_ID=me\nDATABRICKS_CLIENT_SECRET={secret}\n",
    )
    ran = cloned.push(env={**NOBODY, "DATABRICKS_TOKEN": SECRET, "ARM_CLIENT_SECRET": SECRET})
    assert person.names() == {"a"} and SECRET not in ran.said
    assert "note: DATABRICKS_TOKEN from the environment is not used: .env says how to log in" in ran.err


@pytest.mark.parametrize("named", ["../other", "/", "{other}", "link", "link/.."])
def test_a_dotenv_names_no_project_elsewhere(cloned: Project, tmp_path: Path, named: str) -> None:
    """PROJECT_FOLDER in .env stays inside the repository, however it is written; the environment may name any."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "notebooks").mkdir()
    (cloned.root / "link").symlink_to(other)
    cloned.write(".env", f"PROJECT_FOLDER={named.format(other=other)}\n")
    if named == "link/..":  # the project itself, as it is written
        assert "1 created" in cloned.push().out
        return
    ran = cloned.push(code=2)
    assert "outside the repository" in ran.err and not ran.requests
    assert cloned.push(code=2, env={"PROJECT_FOLDER": str(other)}).err.startswith(f"error: {other} is not in a git")
