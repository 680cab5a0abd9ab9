"""What answers may be broken or hostile: whatever it does, a request ends with one sentence, soon and in little memory.

Each row is a behaviour of a server, over real sockets. The limits are those of limits.py, only smaller.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import parse_qs

import pytest
from support.variants import thinned
from support.wire import answering, listening

from databricks_sync.errors import BadAnswer, LoginError, SettingsError, SyncError, Unreachable, ValveError
from databricks_sync.errors import WorkspaceError as Refused
from databricks_sync.model import Form
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from databricks_sync.remote.limits import Limits

ROOT = "/Users/me@example.com/main"
KB = 2**10
SMALL = Limits(
    connect=60.0,
    silence=600.0,  # no row but those of HASTY is to end by it, on whatever machine
    rate=64 * KB,
    throttled=0.2,
    again=0.001,
    repeated=0.5,
    error=16 * KB,
    answer=64 * KB,
    file=256 * KB,
    notebook=128 * KB,
    objects=1000,
    object=16 * KB,
    listing=512 * KB,
    path=80,
)
HASTY = SMALL._replace(silence=0.2, repeated=0.1)  # for those who are slow, as all others end by what they say
MEMORY = 8 * 2**20  # bytes, many times what the limits above allow, and nothing beside what the servers here send
REQUESTS = 40
WITHIN = 60  # seconds after which a request is said to hang

Say = Callable[[bytes], Iterable[bytes]]  # what to say to a request


class Behaviour(NamedTuple):
    name: str
    call: str
    say: Say
    error: type[SyncError] | None  # None: it is an answer all the same
    sentence: str = ""
    close: bool = False
    limits: Limits = SMALL


def http(body: bytes = b"", status: str = "200 OK", *headers: str) -> Say:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "\r\n"]
    return lambda _: ["\r\n".join(lines).encode() + body]


def raw(*pieces: bytes) -> Say:
    return lambda _: pieces


def endless(begin: bytes, more: bytes, pause: float = 0.0) -> Say:
    """What never ends; pieces of 64 KB, or one after the other with a pause in between."""
    piece = more if pause else more * (2**16 // len(more))

    def say(_: bytes) -> Iterator[bytes]:
        yield begin
        while True:
            yield piece
            time.sleep(pause)

    return say


def told(document: object) -> Say:
    return http(document if isinstance(document, bytes) else json.dumps(document).encode())


def objects(**fields: object) -> Say:
    """A listing of one object."""
    one = {"object_type": "FILE", "path": f"{ROOT}/a", "object_id": 1, "modified_at": 1, **fields}
    return told({"objects": [one]})


def packed(body: bytes, encoding: str = "gzip", status: str = "200 OK") -> Say:
    return http(body, status, f"Content-Encoding: {encoding}")


def bomb(size: int = 2 * MEMORY, begin: bytes = b"") -> bytes:
    return gzip.compress(begin.ljust(size), 1, mtime=0)


def folders(number: int) -> Say:
    """So many folders in each folder."""

    def say(asked: bytes) -> Iterable[bytes]:
        path = parse_qs(asked.split(b" ")[1].partition(b"?")[2].decode())["path"][0]
        made = [{"object_type": "DIRECTORY", "path": f"{path}/{name}"} for name in range(number)]
        return told({"objects": made})(asked)

    return say


LOGIN = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>"
PAGE = http(LOGIN, "200 OK", "Content-Type: text/html")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\n"
LIST = b'{"objects": ['
ONE = b'{"object_type":"FILE","path":"/Users/me@example.com/main/a","object_id":1},'

SLOW = [
    Behaviour("says nothing", "me", raw(), Unreachable, "in time"),
    Behaviour("a byte of the status now and then", "me", endless(b"HTTP/1.1 200 ", b"O", 0.05), Unreachable, "in time"),
    Behaviour("a byte of a header now and then", "me", endless(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05), Unreachable,
              "in time"),
    Behaviour("a byte of an answer now and then", "me", endless(LONG, b" ", 0.05), Unreachable, "in time"),
    Behaviour("a byte of a listing now and then", "list", endless(LONG + LIST, b" ", 0.05), Unreachable, "in time"),
    Behaviour("a byte of an export now and then", "export", endless(UNTIL_THE_END, b"x", 0.05), Unreachable,
              "in time"),
    Behaviour("a byte of an error now and then", "me", endless(b"HTTP/1.1 400 x\r\n\r\n", b"x", 0.05), Unreachable,
              "in time"),
    Behaviour("a byte after an import now and then", "import", endless(LONG, b" ", 0.05), Unreachable, "in time"),
    Behaviour("stops within the headers", "me", raw(b"HTTP/1.1 200 OK\r\nContent-"), Unreachable, "in time"),
    Behaviour("stops within a body", "list", raw(LONG + LIST + ONE), Unreachable, "in time"),
]  # fmt: skip

ENDLESS = [
    Behaviour("headers without an end", "me", endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), Unreachable, "broke"),
    Behaviour("a header without an end", "me", endless(b"HTTP/1.1 200 OK\r\nX: ", b"y"), Unreachable, "broke"),
    Behaviour("words before the answer without an end", "me", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
              Unreachable, "broke"),
    Behaviour("hints without an end", "me", endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
              Unreachable, "broke"),
    Behaviour("who we are without an end", "me", endless(UNTIL_THE_END, b" "), BadAnswer, "more than"),
    Behaviour("a status without an end", "status", endless(LONG, b'{"object_type":'), BadAnswer, "more than"),
    Behaviour("an error without an end", "me", endless(b"HTTP/1.1 400 x\r\n\r\n", b"x"), Refused, "400"),
    Behaviour("a refusal without an end", "import", endless(b"HTTP/1.1 403 x\r\n\r\n", b"x"), Refused, "403"),
    Behaviour("an export without an end", "export", endless(UNTIL_THE_END, b"x"), BadAnswer, "more than"),
    Behaviour("a notebook without an end", "notebook", endless(CHUNKED, b"5\r\nprint\r\n"), BadAnswer, "more than"),
    Behaviour("a notebook in crumbs", "notebook", endless(CHUNKED, b"1\r\nx\r\n"), Unreachable, "broke"),
    Behaviour("objects without an end", "list", endless(UNTIL_THE_END + LIST, ONE), BadAnswer, "more than"),
    Behaviour("an object without an end", "list", endless(UNTIL_THE_END + LIST + b'{"path": "', b"y"), BadAnswer,
              "more than"),
    Behaviour("blanks between objects without an end", "list", endless(UNTIL_THE_END + LIST, b" "), BadAnswer,
              "more than"),
    Behaviour("something else than objects", "list", endless(UNTIL_THE_END + b'{"x": "', b"y"), BadAnswer, "more than"),
    Behaviour("something after the objects", "list", endless(UNTIL_THE_END + LIST + b'], "x": "', b"y"), BadAnswer,
              "more than"),
    Behaviour("folders within folders", "folder", folders(1), ValveError, "cannot be listed"),
    Behaviour("folders beside folders", "folder", folders(300), BadAnswer, "more than 1,000 objects"),
    Behaviour("after an import without an end", "import", endless(UNTIL_THE_END, b"x"), BadAnswer, "more than"),
    Behaviour("what belongs to a chunk without an end", "me", endless(CHUNKED + b"1;", b"x"), Unreachable, "broke"),
    Behaviour("what follows the chunks without an end", "me", endless(CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x"),
              Unreachable, "broke"),
    Behaviour("blanks that a pack makes many of", "export", packed(bomb()), BadAnswer, "more than"),
    Behaviour("blanks that a pack makes many of in a list", "list", packed(bomb(begin=LIST)), BadAnswer, "more than"),
    Behaviour("a pack of packs without an end", "export",
              endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", bomb(0)), BadAnswer, "more than"),
    Behaviour("an error that a pack makes long", "me", packed(bomb(), status="400 x"), Refused, "400"),
]  # fmt: skip

BROKEN = [
    Behaviour("closes at once", "me", raw(), Unreachable, "broke", close=True),
    Behaviour("closes after an import", "import", raw(), Unreachable, "broke", close=True),
    Behaviour("less than it says", "export", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), Unreachable,
              "broke", close=True),
    Behaviour("a length below nothing", "me", raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), Unreachable,
              "broke"),
    Behaviour("a length of many digits", "me",
              raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}"), Unreachable, "broke"),
    Behaviour("two lengths", "me", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
              Unreachable, "broke"),
    Behaviour("a length and chunks", "me",
              raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
              Unreachable, "broke"),
    Behaviour("a chunk of many digits", "me", raw(CHUNKED + b"f" * 5000 + b"\r\n{}"), Unreachable, "broke",
              close=True),
    Behaviour("a chunk below nothing", "me", raw(CHUNKED + b"-1\r\n{}"), Unreachable, "broke", close=True),
    Behaviour("a body in another wrapping", "export",
              raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + bomb(1)), Unreachable, "broke"),
    Behaviour("another protocol", "me", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Unreachable, "broke"),
    Behaviour("a switch to another protocol", "me",
              raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), Unreachable,
              "broke"),
    Behaviour("packed in an unknown way", "export", packed(b"x", "br"), BadAnswer, "packed in a way"),
    Behaviour("packed twice", "export", packed(gzip.compress(bomb(9)), "gzip, gzip"), BadAnswer, "packed in a way"),
    Behaviour("not packed as it says", "export", packed(b"print(1)\n"), BadAnswer, "cannot be unpacked"),
    Behaviour("a torn pack", "list", packed(gzip.compress(LIST + b"]}")[:-9]), Unreachable, "broke"),
    Behaviour("one byte of a pack", "export", packed(b"\x1f"), Unreachable, "broke"),
    Behaviour("packed, and torn, after an import", "import", packed(b"\x1f\x8b\x08"), Unreachable, "broke"),
]  # fmt: skip

ELSEWHERE = [
    *(
        Behaviour(f"a login page for {call}", call, PAGE, BadAnswer, "web page")
        for call in ("me", "list", "tree", "status", "export", "notebook", "import", "delete", "mkdirs")
    ),
    Behaviour("a packed login page", "list", packed(gzip.compress(LOGIN)), BadAnswer, "web page"),
    Behaviour("a login page with 403", "me", http(LOGIN, "403 Forbidden"), Refused, "403"),
    Behaviour("a redirect", "me", http(b"", "302 Found", "Location: http://127.0.0.1:9/"), LoginError, "redirects"),
    Behaviour("a redirect to a file", "export", http(b"", "302 Found", "Location: file:///etc/passwd"), LoginError,
              "redirects"),
    Behaviour("a redirect of an import", "import", http(b"", "307 x", "Location: /elsewhere"), LoginError, "redirects"),
    Behaviour("nothing new", "list", http(b"", "304 Not Modified"), LoginError, "redirects"),
]  # fmt: skip

ODD = [
    Behaviour("text instead of JSON", "me", told(b"hello"), Unreachable, "not JSON"),
    Behaviour("a list of people", "me", told(b"[]"), Unreachable, "not JSON"),
    Behaviour("JSON that is too deep", "me", told(b"[" * 60_000), Unreachable, "not JSON"),
    Behaviour("a number of 5,000 digits", "status", told(b'{"a": ' + b"9" * 5000 + b"}"), Unreachable, "not JSON"),
    Behaviour("no name", "me", told({}), SettingsError, "logged in"),
    Behaviour("a name that is a list", "me", told({"userName": ["me"]}), SettingsError, "logged in"),
    Behaviour("a name with a slash", "me", told({"userName": "../../Shared"}), SettingsError, "logged in"),
    Behaviour("a name that is the folder above", "me", told({"userName": ".."}), SettingsError, "logged in"),
    Behaviour("a name with a control character", "me", told({"userName": "me\0\x1b[2J"}), SettingsError, "logged in"),
    Behaviour("half a letter in a name", "me", told(b'{"userName": "\\ud800"}'), SettingsError, "logged in"),
    Behaviour("a name like a device's", "me", told({"userName": "con.smith@example.com"}), None),
    Behaviour("objects that are no list", "list", told({"objects": {"a": 1}}), Unreachable, "cannot be read"),
    Behaviour("objects that are none", "list", told({"objects": [1]}), Unreachable, "cannot be read"),
    Behaviour("two lists of objects", "tree", told(LIST + b'], "objects": [{}]}'), Unreachable, "cannot be read"),
    Behaviour("a path that is a number", "list", objects(path=7), Unreachable, "cannot be read"),
    Behaviour("a path that is not there", "list", told({"objects": [{"object_type": "FILE"}]}), Unreachable,
              "cannot be read"),
    Behaviour("a path of many letters", "list", objects(path=f"{ROOT}/{'a' * 5000}"), Unreachable, "cannot be read"),
    Behaviour("half a letter in a path", "tree", objects(path=f"{ROOT}/\ud800", object_type="DIRECTORY"), Unreachable,
              "cannot be read"),
    Behaviour("a type that is a list", "list", objects(object_type=["FILE"]), Unreachable, "cannot be read"),
    Behaviour("an object that is too deep", "list", told(LIST + b'{"a":' * 2500 + b"1" + b"}" * 2500 + b"]}"),
              Unreachable, "cannot be read"),
    Behaviour("an id of 5,000 digits", "list", told(LIST + b'{"object_id":' + b"9" * 5000 + b"}]}"), Unreachable,
              "cannot be read"),
    Behaviour("bytes that are no text", "list", told(LIST + b'{"path": "\xff"}]}'), Unreachable, "cannot be read"),
    Behaviour("a folder that holds itself", "folder", objects(path=f"/Workspace{ROOT}", object_type="DIRECTORY"),
              SettingsError),
    Behaviour("a folder that holds the one above", "folder", objects(path="/Users", object_type="DIRECTORY"), None),
    Behaviour("an id of 10^30", "list", objects(object_id=10**30), None),
    Behaviour("a time of 10^30", "list", objects(modified_at=10**30), None),
    Behaviour("a time below nothing", "list", objects(modified_at=-1), None),
    Behaviour("an id that is no number", "list", told(LIST + ONE.replace(b":1}", b":NaN}")[:-1] + b"]}"), None),
    Behaviour("a hash that is a list", "list", objects(content_sha256_hex=["a"]), None),
    Behaviour("a language that is an object", "list", objects(language={"a": 1}), None),
    Behaviour("a date of many letters", "list",
              http(LIST + ONE[:-1] + b"]}", "200 OK", "Date: " + "9 " * 30_000), None),
]  # fmt: skip

THROTTLED = [
    Behaviour(
        f"429, to be asked again after {text!r}",
        "me",
        http(b"", "429 x", f"Retry-After: {text}"),
        Refused,
        "refuses all Me requests",
    )
    for text in ("", "0", "nan", "-5")
]

ROWS = [*(row._replace(limits=HASTY) for row in SLOW), *ENDLESS, *BROKEN, *ELSEWHERE, *ODD, *THROTTLED]
TABLE = {row.name: row for row in ROWS}


def called(call: str, workspace: Workspace) -> Exception | None:
    """What a call raises, which runs in a thread of its own: one that hangs is left behind."""
    with ThreadPoolExecutor(2) as pool:
        calls: dict[str, Callable[[], object]] = {
            "me": workspace.me,
            "list": lambda: workspace.look("a"),
            "tree": lambda: workspace.listing(pool),
            "folder": lambda: Workspace(workspace.http, ROOT, whole_trees=False).listing(pool),
            "status": lambda: workspace.type_of(ROOT),
            "export": lambda: workspace.export("a.csv", None),
            "notebook": lambda: workspace.export("a", Form.SOURCE),
            "import": lambda: workspace.put("a", b"x", None, overwrite=False),
            "delete": lambda: workspace.delete("a"),
            "mkdirs": lambda: workspace.make_folder(ROOT),
        }
        raised: list[Exception | None] = []

        def act() -> None:
            try:
                calls[call]()
            except Exception as error:
                raised.append(error)
            else:
                raised.append(None)

        thread = threading.Thread(target=act, daemon=True)
        thread.start()
        thread.join(WITHIN)
    assert raised, "it hangs"
    return raised[0]


@pytest.mark.parametrize("name", thinned(TABLE))
def test_a_server(name: str) -> None:
    """Whatever a server does, it ends with one sentence, after few requests and in little memory."""
    row = TABLE[name]
    with listening(answering(row.say, row.close)) as server:
        transport = Http(f"http://{server.address}", lambda: {"Authorization": "Bearer t"}, row.limits)
        tracemalloc.start()
        try:
            end = called(row.call, Workspace(transport, ROOT))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert transport.requests <= REQUESTS and peak < MEMORY
    if row.error is None:
        assert end is None
        return
    assert isinstance(end, row.error), repr(end)
    assert end.hint or not isinstance(end, Unreachable | LoginError | SettingsError)  # what to do
    assert row.sentence in end.message and len(end.message.splitlines()) == 1 and len(end.message) < 400


def test_the_table_is_long() -> None:
    """There are more ways to be broken than one thinks of at first."""
    assert len(TABLE) == len(ROWS) >= 40


def test_those_who_queue_are_not_patient_one_after_the_other() -> None:
    """Where all was refused for as long as there is patience, those that did not ask yet do not begin to."""
    with listening(answering(http(b"", "429 x", "Retry-After: 0"))) as server, ThreadPoolExecutor(4) as pool:
        transport = Http(f"http://{server.address}", dict, SMALL)
        asked = [pool.submit(transport.read, "/api/2.0/workspace/list", {}) for _ in range(40)]
        raised = [future.exception() for future in asked]
    assert all(isinstance(error, Refused) and error.status == 429 for error in raised)
    assert transport.requests < len(asked)
