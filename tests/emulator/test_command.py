"""The `databricks_local` command, embedded servers, and what survives."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.project import called, until

from databricks_local.cli import main
from databricks_local.embedded import running, server_status
from databricks_local.home import Home, RefusedError

from .client import Local
from .page import Visitor, read, text_of


def command(*arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "databricks_local", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )


def finished(*arguments: str | Path, **more: str) -> tuple[int, str, str]:
    """A command that ends by itself, in this process; a server that starts all the same takes the process with it."""
    ends = ["--exit-with-stdin"] if arguments[0] == "serve" else []
    typed = ["databricks_local", *map(str, arguments), *ends]
    return called(main, typed, Path.cwd(), {**os.environ, **more})


class Served:
    """`databricks_local serve` as a person starts it, over a folder, at any port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = command("serve", "--dir", folder, "--port", "0", *options)
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in range(2)]
        self.settings = dict(line.split("=", 1) for line in lines)
        self.local = Local(self.settings["DATABRICKS_HOST"], self.settings["DATABRICKS_TOKEN"])
        self.link = self.process.stdout.readline().strip().rpartition(self.local.host)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def check_login_link(served: Served, folder: Path) -> None:
    """It logs in once; looking ahead does not use it up, and it is kept nowhere."""
    about, _, link = served.link
    assert about.startswith("# ") and re.fullmatch(r"/login/once\?code=[\w-]{43}", link)
    assert served.local.raw("HEAD", link).status == 425
    assert Visitor(served.local).get(link, **{"Sec-Purpose": "prefetch;prerender"}).status == 425
    reply = Visitor(served.local).get(link)
    # No redirect: a browser that came from another site would not send the cookie along.
    assert reply.status == 200 and '<meta http-equiv="refresh" content="0; url=/">' in text_of(reply)
    visitor = Visitor(served.local, reply.headers["set-cookie"].split(";")[0])
    assert visitor.get("/").status == 200 and visitor.get(link).status == 200
    for used in (link, "/login/once?code=x", "/login/once"):
        again = Visitor(served.local).get(used)
        assert again.status == 403 and "set-cookie" not in again.headers
        assert "Log in with the token" in read(again)
    kept = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert link.partition("=")[2].encode() not in kept + json.dumps(served.local.requests()).encode()


def test_serve_prints_the_settings(folder: Path) -> None:
    """serve prints host and token as .env lines, and a link that logs in; the token is private and stays the same."""
    with Served(folder) as first:
        assert set(first.settings) == {"DATABRICKS_HOST", "DATABRICKS_TOKEN"}
        assert first.local.get("list", path="/").status == 200
    with Served(folder) as second:
        assert second.settings["DATABRICKS_TOKEN"] == first.settings["DATABRICKS_TOKEN"]
        check_login_link(second, folder)
    if os.name == "posix":
        assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600


def test_options(folder: Path) -> None:
    """Token, user, newline era, hashes, limits and faults can be given when it starts."""
    fault = json.dumps({"nth": 1, "action": {"kind": "answer", "status": 500}})
    options = ["--token", "secret", "--user", "you@example.com", "--newlines", "legacy", "--no-hashes"]
    with Served(folder, *options, "--import-rate", "5", "--retry-after", "-1", "--fault", fault) as served:
        assert served.local.token == "secret"
        told = served.local.control("settings", method="GET")
        assert (told["newlines"], told["hashes"], told["import_rate"], told["retry_after"]) == (
            "legacy",
            False,
            5,
            None,
        )
        assert [served.local.get("list", path="/Users").status for _ in range(2)] == [500, 200]
        assert served.local.names("/Users") == ["/Users/you@example.com"]


@pytest.mark.skipif(os.name != "posix", reason="there is no Ctrl-C to send")
def test_interrupt(folder: Path) -> None:
    """Ctrl-C ends the server without a word and leaves no trace of it."""
    with Served(folder) as served:
        served.process.send_signal(signal.SIGINT)
        _, err = served.process.communicate(timeout=300)
        assert (served.process.returncode, err) == (130, "")
    assert not (folder / "server.json").exists()


def test_nothing_acknowledged_is_lost(folder: Path) -> None:
    """Killed in the middle of writing, the server comes back with every object it acknowledged."""
    acknowledged: list[str] = []

    def write(local: Local, worker: int) -> None:
        for number in range(100_000):
            path = f"/Shared/{worker}-{number}.txt"
            try:
                assert local.upload(path, path.encode()).status == 200
            except Exception:
                return
            acknowledged.append(path)

    with Served(folder) as served:
        clients = [Local(served.local.host, served.local.token) for _ in range(4)]
        threads = [threading.Thread(target=write, args=(one, n)) for n, one in enumerate(clients)]
        for thread in threads:
            thread.start()
        until(lambda: len(acknowledged) > 100)
        served.process.kill()
        for thread in threads:
            thread.join()
    with Served(folder) as again:
        assert set(acknowledged) <= set(again.local.names("/Shared"))
        assert all(again.local.download(path) == path.encode() for path in acknowledged[-50:])


def test_restart_keeps_everything(folder: Path) -> None:
    """Objects, identifiers, times and permissions are the same after a restart."""
    with Served(folder) as first:
        first.local.put("/Shared/x.txt", b"1")
        first.local.control("permissions", {"path": "/Shared/x.txt", "access": "read-only"})
        before = first.local.get("list-repo", path="/", return_wsfs_metadata="true").json
    with Served(folder) as second:
        assert second.local.get("list-repo", path="/", return_wsfs_metadata="true").json == before
        assert second.local.post("delete", path="/Shared/x.txt").status == 403


def refused(*arguments: str | Path, **more: str) -> str:
    """The one sentence, or two, of a refusal."""
    code, out, err = finished(*arguments, **more)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    return err.strip()


def test_port_in_use(folder: Path) -> None:
    """A port in use is refused with the next step."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("serve", "--dir", folder, "--port", str(port))
    assert said.startswith(f"Port {port} cannot be used")
    assert "--port" in said


def test_second_server(folder: Path) -> None:
    """A second server over one folder is refused, and the first goes on."""
    with Served(folder) as served:
        assert "already running for" in refused("serve", "--dir", folder, "--port", "0")
        told = refused("reset", "--dir", folder)
        assert f"running for {folder}" in told and "Ctrl-C" in told and f"(process {served.process.pid})" in told
        assert served.local.get("list", path="/").status == 200


def test_foreign_folder(tmp_path: Path) -> None:
    """A folder with other things in it is refused and left alone."""
    (tmp_path / "thesis.txt").write_text("mine")
    for name in ("serve", "reset"):
        assert "--dir" in refused(name, "--dir", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    assert "cannot be used" in refused("serve", "--dir", tmp_path / "thesis.txt")


def test_folder_that_is_just_being_settled(folder: Path) -> None:
    """What another one of us has put into a new folder so far is not taken for foreign."""
    folder.mkdir()
    (folder / "server.lock").touch()
    with running(folder) as there:
        assert Local(there.host, there.token).get("list", path="/").status == 200


def test_bad_fault_option(folder: Path) -> None:
    """A fault that cannot be read is a usage error that says why."""
    for fault in ("{", "[]", '{"action": {"kind": "x"}}'):
        assert "--fault" in refused("serve", "--dir", folder, "--fault", fault)


def test_bad_options(folder: Path) -> None:
    """A token or user that cannot be is refused."""
    assert "token" in refused("serve", "--dir", folder, "--port", "0", "--token", "a b")
    assert "--user" in refused("serve", "--dir", folder, "--port", "0", "--user", "a/b")


def test_damaged_database(folder: Path) -> None:
    """A database that is none is refused and left as it is."""
    Home(folder).claim()
    (folder / "workspace.sqlite").write_bytes(b"x" * 5000)
    assert "cannot be read" in refused("serve", "--dir", folder, "--port", "0")
    assert (folder / "workspace.sqlite").read_bytes() == b"x" * 5000


def test_status_and_reset(folder: Path) -> None:
    """status tells host and counts; reset empties what nobody serves, jobs and DBFS too, and keeps the token."""
    code, said, _ = finished("status", "--dir", folder)
    assert code == 1 and f"databricks_local serve --dir {folder}" in said
    with Served(folder) as served:
        served.local.put("/Shared/x.txt", b"1")
        served.local.put("/Shared/n", b"1", "SOURCE", language="SQL")
        assert served.local.call("POST", "/api/2.2/jobs/create", {"name": "x"}).status == 200
        assert served.local.raw("PUT", "/dbfs/x.txt", b"x", served.local.auth).status == 200
        code, out, _ = finished("status", DATABRICKS_LOCAL_DIR=str(folder))
        assert code == 0
        assert served.local.host in out
        assert "1 notebook, 1 file\n" in out
        assert served.local.token not in out
        token = served.local.token
    assert finished("reset", "--dir", folder)[0] == 0
    with Served(folder) as again:
        assert again.local.token == token
        assert again.local.names("/Shared") == []
        assert "jobs" not in again.local.call("GET", "/api/2.2/jobs/list").json
        assert again.local.call("GET", "/api/2.0/dbfs/list?path=/").json == {}


def test_embedded(folder: Path) -> None:
    """A server with options runs as long as the block, and is gone at its end."""
    with running(folder, options=("--no-hashes", "--no-dbfs")) as there:
        local = Local(there.host, there.token)
        assert local.get("list-repo", path="/").status == 404
        assert local.call("GET", "/api/2.0/dbfs/list?path=/").status == 403
        with running(folder) as same:
            assert (same.host, same.token, same.pid) == (there.host, there.token, there.pid)
            assert there.is_child and not same.is_child
    assert server_status(Home(folder)) is None
    assert not (folder / "server.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="there is no Ctrl-C to send")
def test_embedded_leaves_interrupts_to_its_parent(folder: Path) -> None:
    """Ctrl-C, which reaches the server too, does not end it before its parent is done."""
    with running(folder) as there:
        os.kill(there.pid, signal.SIGINT)
        time.sleep(0.3)
        assert Local(there.host, there.token).get("list", path="/").status == 200


def test_embedded_ignores_the_current_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's that is called like one of Python's does no harm."""
    (tmp_path / "socket.py").write_text("raise SystemExit(9)")
    (tmp_path / "click.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with running(folder) as there:
        assert Local(there.host, there.token).get("list", path="/").status == 200


def test_embedded_joins_a_served_one(folder: Path) -> None:
    """Over a folder that is served already that server is used, and goes on afterwards."""
    with Served(folder) as served:
        with running(folder) as there:
            assert there.host == served.local.host
        assert served.local.get("list", path="/").status == 200


def test_embedded_waits_for_clients(folder: Path) -> None:
    """A server that others use meanwhile ends when the last of them is done."""
    host = running(folder)
    client = running(folder)
    there = host.__enter__()
    client.__enter__()
    host.__exit__(None, None, None)
    assert Local(there.host, there.token).get("list", path="/").status == 200
    client.__exit__(None, None, None)
    deadline = time.monotonic() + 300
    while server_status(Home(folder)) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server_status(Home(folder)) is None


def test_embedded_dies_with_its_parent(folder: Path) -> None:
    """Killed at once, the parent takes its server along."""
    code = f"""
import time
from pathlib import Path
from databricks_local.embedded import running
with running(Path({str(folder)!r})) as there:
    print(there.pid, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert int(parent.stdout.readline()) > 1
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 300
    while Home(folder).is_locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Home(folder).is_locked()


def test_two_at_once(folder: Path) -> None:
    """Two that begin over one new folder at the same moment share one server."""
    hosts: list[str] = []
    together = threading.Barrier(2)

    def begin() -> None:
        with running(folder) as there:
            hosts.append(there.host)
            together.wait(300)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hosts) == 2
    assert len(set(hosts)) == 1


def test_embedded_over_a_foreign_folder(tmp_path: Path) -> None:
    """What cannot be started is told in a sentence."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RefusedError, match="contains other files"), running(tmp_path):
        pass


def test_a_lying_server_file(folder: Path) -> None:
    """A left-over server.json, of whatever content, is not taken for a server."""
    with running(folder):
        pass
    for left in ('{"host": "http://127.0.0.1:1", "pid": 1}', "{", '{"host": "x", "pid": 1}'):
        (folder / "server.json").write_text(left)
        assert server_status(Home(folder)) is None
    with running(folder) as there:
        assert Local(there.host, there.token).get("list", path="/").status == 200
