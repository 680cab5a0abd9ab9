"""get-status, list, list-repo, export: what comes back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile

import pytest

from .client import HEADER, HOME, Local

TIMES = {"created_at", "modified_at"}


def test_fields(local: Local) -> None:
    """Notebooks and files have times and a resource identifier, folders have neither, nothing has a size."""
    local.put(f"{HOME}/n.py", HEADER)
    local.put(f"{HOME}/f.txt", b"1")
    common = {"object_id", "object_type", "path"}
    told = local.get("get-status", path=f"{HOME}/n", return_export_info="true").json
    assert set(told) == common | TIMES | {"resource_id", "language", "repos_export_format"}
    assert told["resource_id"] == str(told["object_id"])
    assert set(local.get("get-status", path=f"{HOME}/f.txt").json) == common | TIMES | {"resource_id"}
    told = local.get("get-status", path=HOME, return_git_info="true").json
    assert set(told) == common | {"directory_info"} and told["directory_info"] == {"is_git_folder": False}


def test_list(local: Local) -> None:
    """A listing has one level, an empty folder is `{}`, an object that is no folder lists itself."""
    local.post("mkdirs", path="/Shared/a/b")
    local.put("/Shared/a/f.txt", b"1")
    assert local.names("/Shared/a") == ["/Shared/a/b", "/Shared/a/f.txt"]
    assert local.get("list", path="/Shared/a/b").json == {}
    assert local.names("/Shared/a/f.txt") == ["/Shared/a/f.txt"]
    assert local.names("/") == ["/Repos", "/Shared", "/Users"]
    assert "repos_export_format" not in local.get("list", path="/Shared/a/f.txt").json["objects"][0]


def test_modified_after_filters_notebooks_only(local: Local) -> None:
    """`notebooks_modified_after` leaves folders and files in."""
    local.put("/Shared/n.py", HEADER)
    local.put("/Shared/f.txt", b"1")
    objects = local.get("list", path="/Shared", notebooks_modified_after=10**13).json["objects"]
    assert [one["path"] for one in objects] == ["/Shared/f.txt"]


def test_hashes(local: Local) -> None:
    """The hash is that of the uploaded bytes, for files, source and Jupyter notebooks; folders have none."""
    contents = {"f.txt": b"1\r\n", "n.py": HEADER + b"1\r\n", "j.ipynb": b'{"cells": []}'}
    for name, content in contents.items():
        local.put(f"/Shared/{name}", content)
    expected = {
        "/Shared/" + name.removesuffix(".py").removesuffix(".ipynb"): hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
    }
    for call in ("list", "list-repo"):
        objects = local.get(call, path="/Shared", return_wsfs_metadata="true").json["objects"]
        assert {one["path"]: one["content_sha256_hex"] for one in objects} == expected
        assert "content_sha256_hex" not in local.get(call, path="/Shared").json["objects"][0]


def test_without_hashes(local: Local) -> None:
    """With hashes off the parameter is ignored and list-repo is not there at all."""
    local.control("settings", {"hashes": False})
    local.put("/Shared/f.txt", b"1")
    objects = local.get("list", path="/Shared", return_wsfs_metadata="true").json["objects"]
    assert "content_sha256_hex" not in objects[0]
    assert local.get("list-repo", path="/Shared").shape[:2] == (404, "ENDPOINT_NOT_FOUND")


def test_list_repo_is_recursive_and_prefix_safe(local: Local) -> None:
    """list-repo tells everything below a folder and nothing beside it."""
    for folder in ("a", "a/deep", "ab", "a!"):
        local.post("mkdirs", path=f"/Shared/{folder}")
        local.put(f"/Shared/{folder}/x.txt", b"1")
    objects = local.get("list-repo", path="/Shared/a").json["objects"]
    paths = {one["path"] for one in objects}
    assert paths == {"/Shared/a/x.txt", "/Shared/a/deep", "/Shared/a/deep/x.txt"}


def test_ten_thousand_notebooks(local: Local) -> None:
    """Ten thousand notebooks are listed, with hashes by one request, and folder by folder."""
    local.control("edit", [{"path": f"/Shared/d{n % 100}/n{n}", "source": "1"} for n in range(10_000)])
    objects = local.get("list-repo", path="/Shared", return_wsfs_metadata="true").json["objects"]
    assert len(objects) == 10_100
    assert sum(len(local.names(folder)) for folder in local.names("/Shared")) == 10_000


def test_delete_is_prefix_safe(local: Local) -> None:
    """A recursive delete takes what is below and leaves neighbours whose name begins alike."""
    for folder in ("a", "a/deep", "ab"):
        local.post("mkdirs", path=f"/Shared/{folder}")
        local.put(f"/Shared/{folder}/x.txt", b"1")
    assert local.post("delete", path="/Shared/a", recursive=True).json == {}
    assert local.names("/Shared") == ["/Shared/ab"]
    assert local.names("/Shared/ab") == ["/Shared/ab/x.txt"]
    assert local.post("delete", path="/Shared/a", recursive=True).status == 404
    assert local.put("/Shared/a", b"1", "RAW").status == 200


SPELLINGS = [
    ("/Workspace/Shared/d", "/Workspace/Shared/d"),
    ("/Shared/d/", "/Shared/d"),
    ("//Shared///d", "/Shared/d"),
    ("//Workspace/Shared/d", "/Shared/d"),
    ("/Workspace", "/Workspace"),
    ("/", "/"),
]


@pytest.mark.parametrize(("asked", "told"), SPELLINGS)
def test_spellings(local: Local, asked: str, told: str) -> None:
    """One tree, several spellings: answers echo the one asked for, without needless slashes."""
    local.post("mkdirs", path="/Workspace/Shared/d")
    assert local.get("get-status", path=asked).json["path"] == told
    inside = local.names(asked)
    assert all(path.startswith(told.rstrip("/") + "/") for path in inside)


def test_json_and_stream(local: Local) -> None:
    """An export is JSON with base64, or the bytes; large streams are compressed when the client may."""
    local.put("/Shared/x.txt", b"x" * 100_000)
    assert local.get("export", path="/Shared/x.txt").json.keys() == {"content", "file_type"}
    url = "/api/2.0/workspace/export?path=/Shared/x.txt&direct_download=true"
    reply = local.raw("GET", url, headers={**local.auth, "Accept-Encoding": "gzip, deflate"})
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == b"x" * 100_000


NEWLINES = [
    # era, imported, exported
    ("preserve", b"1\r\n2\n\n", HEADER + b"1\r\n2\n\n"),
    ("preserve", HEADER.strip(), HEADER.strip()),
    ("preserve", HEADER, HEADER),
    ("legacy", HEADER + b"1", HEADER + b"1"),
    ("legacy", HEADER + b"1\n", HEADER + b"1"),
    ("legacy", HEADER + b"1\n\n", HEADER + b"1\n"),
    ("legacy", HEADER + b"1\r\n2\r\n", HEADER + b"1\n2"),
    ("legacy", HEADER.strip(), HEADER),
    ("legacy", HEADER, HEADER),
]


@pytest.mark.parametrize(("era", "given", "exported"), NEWLINES)
def test_newlines(local: Local, era: str, given: bytes, exported: bytes) -> None:
    """Since December 2025 sources come back byte for byte; before, one newline was lost. Files never change."""
    local.control("settings", {"newlines": era})
    local.put("/Shared/n", given, "SOURCE", language="PYTHON")
    local.put("/Shared/f", given, "RAW")
    assert local.download("/Shared/n") == exported
    assert local.download("/Shared/f") == given


def test_jupyter_export_is_rewritten(local: Local) -> None:
    """A Jupyter export has the workspace's own shape, and is the same the next time."""
    cell = {"cell_type": "code", "source": ["1\n", "2"], "metadata": {}, "execution_count": 7, "outputs": [{"a": 1}]}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "R"}}, "cells": [cell]}
    local.put("/Shared/n.ipynb", json.dumps(document).encode())
    body = local.download("/Shared/n", "JUPYTER")
    told = json.loads(body)
    assert (told["nbformat"], told["nbformat_minor"]) == (4, 0)
    assert told["metadata"]["language_info"]["name"] == "r"
    assert told["metadata"]["application/vnd.databricks.v1+notebook"]["notebookName"] == "n"
    (exported,) = told["cells"]
    assert (exported["source"], exported["execution_count"], exported["outputs"]) == (["1\n", "2"], 0, [{"a": 1}])
    assert exported["metadata"]["application/vnd.databricks.v1+cell"]["nuid"]
    assert body.startswith(b'{\n "cells": [\n  {')
    assert local.download("/Shared/n", "JUPYTER") == body
    assert local.download("/Shared/n") == HEADER + b"1\n2"
    bare = local.get("export", path="/Shared/n", format="JUPYTER", outputs="NONE", direct_download="true").json
    assert bare["cells"][0]["outputs"] == []


def test_source_as_jupyter(local: Local) -> None:
    """A source notebook exports as Jupyter: markdown becomes markdown, other magics stay code, titles stay."""
    text = b"""# DBTITLE 1,First
1

# COMMAND ----------

# MAGIC %md # Big
# MAGIC small

# COMMAND ----------

# MAGIC %sql
# MAGIC select 1"""
    local.put("/Shared/n", HEADER + text, "SOURCE", language="PYTHON")
    cells = json.loads(local.download("/Shared/n", "JUPYTER"))["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [
        ("code", "1"),
        ("markdown", "# Big\nsmall"),
        ("code", "%sql\nselect 1"),
    ]
    assert cells[0]["metadata"]["application/vnd.databricks.v1+cell"]["title"] == "First"


HALF = {
    "SOURCE": b"# DBTITLE 1,?\n'?'",
    "R_MARKDOWN": b"'?'",
    "HTML": b"<pre>&#x27;?&#x27;</pre>",
    "JUPYTER": rb"'\ud83d'",
    "DBC": b"PK",
}


@pytest.mark.parametrize("form", HALF)
def test_half_a_surrogate_pair(local: Local, form: str) -> None:
    """Half a character of an .ipynb leaves as its JSON escape, elsewhere as `?`; exports are text and come in again."""
    output = {"output_type": "stream", "name": "stdout", "text": ["\ud83d"]}
    title = {"application/vnd.databricks.v1+cell": {"title": "\ud83d", "showTitle": True}}
    cell = {"cell_type": "code", "source": ["'\ud83d'"], "metadata": title, "outputs": [output]}
    document = {"cells": [cell], "metadata": {"language_info": {"name": "r"}}, "nbformat": 4}
    assert local.put(f"{HOME}/h.ipynb", json.dumps(document).encode()).status == 200
    body = local.download(f"{HOME}/h", form)
    assert HALF[form] in body
    if form != "DBC":
        body.decode()
    if form == "JUPYTER":
        assert json.loads(body)["cells"][0]["outputs"] == [output]
    language = {"language": "R"} if form == "SOURCE" else {}
    assert local.put(f"{HOME}/again", body, form, **language).status == 200
    assert local.get("export", path=f"{HOME}/again").status == 200


@pytest.mark.parametrize(
    ("form", "layout", "names"),
    [
        ("SOURCE", "inside", ["d/", "d/n.py"]),
        ("SOURCE", "around", ["x/d/", "x/d/n.py"]),
        ("SOURCE", "dbc", ["d/", "d/n.python"]),
        ("AUTO", "inside", ["d/", "d/n.py", "f.txt"]),
        ("DBC", "inside", ["d/", "d/n.python"]),
    ],
)
def test_folder_export(local: Local, form: str, layout: str, names: list[str]) -> None:
    """A folder exports as a zip: notebooks by SOURCE and DBC, files too by AUTO."""
    local.control("settings", {"folder_exports": layout})
    local.post("mkdirs", path="/Shared/x/d")
    local.put("/Shared/x/d/n.py", HEADER)
    local.put("/Shared/x/f.txt", b"1")
    with zipfile.ZipFile(io.BytesIO(local.download("/Shared/x", form))) as packed:
        assert sorted(packed.namelist()) == names


def test_identity_and_discovery(local: Local) -> None:
    """Me names the user the server was started for; discovery needs no token."""
    assert local.call("GET", "/api/2.0/preview/scim/v2/Me").json["userName"] == "me@example.com"
    reply = local.raw("GET", "/.well-known/databricks-config")
    assert reply.status == 200
    assert reply.json["oidc_endpoint"].startswith(local.host)


def test_raw_read(local: Local) -> None:
    """The older raw read gives a file's bytes."""
    local.put("/Shared/a b.txt", b"1\r\n")
    assert local.call("GET", "/api/2.0/workspace-files/Shared%2Fa%20b.txt").body == b"1\r\n"
