"""The local side on real repositories: what is carried, and how a file is replaced."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.repo import HEADER, Repo, agreed

from databricks_sync.errors import SettingsError, SyncError
from databricks_sync.local.files import TEMPORARY, Changing, settled, stable_read
from databricks_sync.local.folder import LIMITS, LocalFolder, Scan, check_project, describe, is_litter
from databricks_sync.local.git import Repository, Status
from databricks_sync.model import JUPYTER, SOURCES, Folder, Form, Format, Kind, Language, LocalObject, Severity, Stat
from databricks_sync.notebook.format import sha256

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


def problem(repo: Repo, path: str) -> tuple[str, Severity]:
    """What is said of the one path that cannot be carried; nothing of the kind is taken for absent."""
    found = repo.scan()
    (said,) = {one for one in found.unknown.values() if one.path == path}
    assert path not in {item.path for item in found.claims}
    return said.what, said.severity


# --- what is carried ----------------------------------------------------------------------------------------------


def test_objects_of_every_kind(repo: Repo) -> None:
    """Notebooks lose their extension, files keep it, and each knows its form and language."""
    repo.notebook("notebooks/a.py")
    repo.write("notebooks/sub/b.sql", "-- Databricks notebook source\n")
    repo.write("notebooks/c.ipynb", '{"cells": []}')
    repo.write("notebooks/d.py", "print(1)\n")
    repo.write("notebooks/empty.txt", "")
    found = repo.scan().objects
    assert {key: (item.path, item.kind, item.format) for key, item in found.items()} == {
        "a": ("notebooks/a.py", Kind.NOTEBOOK, SOURCES[Language.PYTHON]),
        "sub/b": ("notebooks/sub/b.sql", Kind.NOTEBOOK, SOURCES[Language.SQL]),
        "c": ("notebooks/c.ipynb", Kind.NOTEBOOK, JUPYTER),
        "d.py": ("notebooks/d.py", Kind.FILE, None),
        "empty.txt": ("notebooks/empty.txt", Kind.FILE, None),
    }


def test_git_decides(repo: Repo) -> None:
    """Tracked and new files are carried, ignored and deleted ones are not, tracked beats ignored."""
    for name in ("new", "skip.log", "forced.log", "gone", "sub/keep", "sub/skip"):
        repo.write(f"notebooks/{name}")
    repo.write(".gitignore", "*.log\n")
    repo.write("notebooks/sub/.gitignore", "skip\n")
    repo.git("add", "-f", "notebooks/forced.log", "notebooks/gone")
    (repo.root / "notebooks/gone").unlink()
    assert repo.keys() == {"new", "forced.log", "sub/keep", "sub/.gitignore"}


def test_only_the_folders_are_looked_at(repo: Repo) -> None:
    """What lies outside the folder is nobody's business."""
    repo.write("README.md")
    repo.write("notebooks/a")
    assert repo.keys() == {"a"}
    assert set(repo.open(".").scan({}).objects) == {"README.md", "notebooks/a"}


def test_several_folders_are_children(repo: Repo) -> None:
    """Each of several folders is a child of the target, and its keys begin with its name."""
    repo.notebook("one/a.py")
    repo.notebook("two/sub/b.py")
    found = repo.open("one", "two").scan({})
    assert {key: item.path for key, item in found.objects.items()} == {"one/a": "one/a.py", "two/sub/b": "two/sub/b.py"}
    assert found.exists and not repo.open("one", "three").scan({}).exists


def test_names_are_composed(repo: Repo) -> None:
    """A decomposed name has a composed key, and keeps its path."""
    repo.notebook("notebooks/e\u0301.py")
    (item,) = repo.scan().objects.values()
    assert item.key == "é" and item.path == "notebooks/e\u0301.py"


def test_two_files_of_one_key_are_both_claims(repo: Repo) -> None:
    """`a.py` and `a.sql` are both reported, for a collision to be seen."""
    repo.notebook("notebooks/a.py")
    repo.write("notebooks/a.sql", "-- Databricks notebook source\n")
    assert {item.path for item in repo.scan().claims} == {"notebooks/a.py", "notebooks/a.sql"}


def test_an_empty_and_a_missing_folder_differ(repo: Repo) -> None:
    """A folder that is gone is told from one that is empty."""
    assert repo.scan() == Scan(exists=False)
    (repo.root / "notebooks").mkdir()
    assert repo.scan() == Scan()


@pytest.mark.parametrize(
    "name",
    [
        *("a.py~", ".a.py.swp", ".#a.py", "#a.py#", "4913", ".DS_Store", "Thumbs.db", f".x{TEMPORARY}"),
        *(".ipynb_checkpoints/a-checkpoint.ipynb", "sub/__pycache__/a.pyc", "sub/.databricks/bundle/dev/a.json"),
    ],
)
def test_litter_is_not_carried(repo: Repo, name: str) -> None:
    """What editors and other tools leave beside files is carried only where git tracks it."""
    repo.write(f"notebooks/{name}", '{"cells": []}')
    assert is_litter(name) and repo.keys() == set()
    repo.git("add", "-f", f"notebooks/{name}")
    assert len(repo.keys()) == 1


@pytest.mark.parametrize("name", ["a.py", "data~1.csv", "a.swp", "14913", "#a", "x/4913/a", "DS_Store"])
def test_what_only_resembles_litter_is_carried(name: str) -> None:
    """Names that merely remind of litter are ordinary."""
    assert not is_litter(name)


def test_no_commit_yet(repo: Repo) -> None:
    """On an unborn branch everything that is not ignored is carried."""
    repo.write("notebooks/a")
    assert repo.keys() == {"a"}


# --- what cannot be judged is never absent ------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["real", "nowhere", "link", "/etc/hostname", "../outside", "folder"])
def test_a_symbolic_link_is_never_followed(repo: Repo, target: str) -> None:
    """A link to a file, a folder, itself, nothing or the outside is reported and left alone."""
    repo.write("notebooks/real")
    repo.write("notebooks/folder/x")
    (repo.root / "notebooks/link").symlink_to(target)
    assert problem(repo, "notebooks/link") == ("is a symbolic link, which is never followed", Severity.REFUSED)
    assert repo.keys() == {"real", "folder/x"}


def test_a_link_of_git_annex(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that stands for a file of git-annex is left alone too; what to type is right in the current folder."""
    repo.write("notebooks/x")
    (repo.root / "notebooks/link").symlink_to("../.git/annex/objects/a/b/SHA256-s1--c/SHA256-s1--c")
    monkeypatch.chdir(repo.root / "notebooks")
    assert "`git annex unlock link`" in repo.scan().unknown["link"].hint


def test_a_tracked_folder_that_became_a_link(repo: Repo) -> None:
    """Files that git tracks behind what is now a link are not read through it."""
    repo.write("notebooks/d/x", "mine")
    repo.commit()
    (repo.root / "notebooks/d").rename(repo.root / "moved")
    (repo.root / "notebooks/d").symlink_to("../moved")
    assert problem(repo, "notebooks/d/x") == ("is inside a symbolic link, which is never followed", Severity.REFUSED)


def test_a_submodule_is_not_carried(repo: Repo) -> None:
    """A submodule is another repository's, and as nobody can git-ignore it, a note and no failure."""
    other = Repo(repo.root.parent / "other")
    other.git("init", "-q")
    other.write("x")
    other.commit()
    repo.git("submodule", "add", "-q", str(other.root), "notebooks/sub")
    assert problem(repo, "notebooks/sub") == ("is a git submodule, which is not synced", Severity.NOTE)
    repo.git("submodule", "deinit", "-q", "-f", "notebooks/sub")
    assert problem(repo, "notebooks/sub") == ("is a git submodule, which is not synced", Severity.NOTE)
    assert repo.keys() == set()


def test_an_unfetched_submodule_is_refused(repo: Repo) -> None:
    """A notebooks folder that is a submodule without its files is not taken for an empty one."""
    other = Repo(repo.root.parent / "other")
    other.git("init", "-q")
    other.commit()
    repo.git("submodule", "add", "-q", str(other.root), "shared")
    repo.git("submodule", "deinit", "-q", "-f", "shared")
    repo.write("notebooks/a")
    local = repo.open("notebooks", "shared")
    check_project(local)
    with pytest.raises(SettingsError, match=r"^shared is a git submodule that was not fetched") as caught:
        local.scan({})
    [typed] = re.findall("`(.*?)`", caught.value.hint)
    repo.git(*shlex.split(typed)[1:])
    with pytest.raises(SettingsError, match=r"^shared is a git repository of its own"):
        check_project(local)


def test_a_nested_repository_is_not_carried(repo: Repo) -> None:
    """A repository inside the folder that git knows nothing of is not carried either."""
    nested = Repo(repo.root / "notebooks/nested")
    nested.git("init", "-q")
    nested.write("x")
    repo.write("notebooks/a")
    found = repo.scan()
    (said,) = set(found.unknown.values())
    assert set(found.objects) == {"a"} and "a git repository of its own" in said.what


def test_a_sparse_checkout_takes_nothing_away(repo: Repo) -> None:
    """What a sparse checkout keeps off the disk is noted, and not taken for deleted."""
    repo.write("notebooks/in/a")
    repo.write("notebooks/out/b")
    repo.commit()
    repo.git("sparse-checkout", "set", "notebooks/in")
    assert repo.keys() == {"in/a"}
    assert problem(repo, "notebooks/out/b")[1] is Severity.NOTE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes of this kind")
def test_a_pipe_is_not_opened(repo: Repo) -> None:
    """What is no regular file is reported, without waiting for it."""
    repo.write("notebooks/pipe")
    repo.commit()
    (repo.root / "notebooks/pipe").unlink()
    os.mkfifo(repo.root / "notebooks/pipe")
    assert problem(repo, "notebooks/pipe")[0] == "is not a regular file"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable to this user")
def test_an_unreadable_file_is_not_absent(repo: Repo) -> None:
    """A file without permission to read fails, and is not taken for deleted."""
    repo.notebook("notebooks/a.py").chmod(0)
    assert problem(repo, "notebooks/a.py") == ("cannot be read (Permission denied)", Severity.FAILED)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.py", HEADER + b"\xe9", "is skipped: it is not UTF-8 (byte 30)"),
        ("a.ipynb", b"{", "is skipped: it is not valid JSON"),
        ("a.ipynb", b"[]", "is skipped: it has no list of cells"),
        ("a.ipynb", b'{"nbformat": 3, "worksheets": [{}]}', "is skipped: it has an old notebook format"),
    ],
)
def test_a_broken_notebook_is_not_absent(repo: Repo, name: str, content: bytes, said: str) -> None:
    """A notebook that cannot be read fails with the reason, and the others go through."""
    repo.write(f"notebooks/{name}", content)
    repo.notebook("notebooks/b.py")
    what, severity = problem(repo, f"notebooks/{name}")
    assert what.startswith(said) and severity is Severity.FAILED and repo.keys() == {"b"}


def test_an_old_notebook_without_its_converter_says_how_to_get_it(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nbformat is not installed, a notebook of format 3 fails with what to type, and the others go through."""
    repo.write("notebooks/old.ipynb", b'{"nbformat": 3, "worksheets": []}')
    repo.notebook("notebooks/b.py")
    monkeypatch.setitem(sys.modules, "nbformat", None)  # so Python says that a module is not there
    (said,) = {one.hint for one in repo.scan().unknown.values()}
    assert said == "Type `pip install nbformat`." and repo.keys() == {"b"}


def test_an_empty_jupyter_notebook_is_none_yet(repo: Repo) -> None:
    """What an editor makes before the first cell is written is mentioned, and does not fail the run."""
    repo.write("notebooks/a.ipynb", b"")
    assert problem(repo, "notebooks/a.ipynb") == ("is empty, so it is not a notebook yet", Severity.NOTE)


def test_a_broken_notebook_keeps_its_key(repo: Repo) -> None:
    """A half-saved notebook that is in the base is reported under its key, so that nothing is deleted there."""
    where = repo.write("notebooks/a.ipynb", '{"cells": []}')
    base = {"a": agreed(repo.scan().objects["a"])}
    where.write_bytes(b"{")
    found = repo.scan(base)
    assert set(found.unknown) == {"a"} and not found.objects and not found.outside


@pytest.mark.parametrize(
    ("name", "size", "carried"),
    [
        ("a.py", LIMITS[Form.SOURCE], True),
        ("a.py", LIMITS[Form.SOURCE] + 1, False),
        ("a.ipynb", LIMITS[Form.JUPYTER] + 1, False),
        ("a.bin", LIMITS[Form.SOURCE] + 1, True),
        ("a.bin", LIMITS[None] + 1, False),
    ],
)
def test_what_the_workspace_does_not_take(repo: Repo, name: str, size: int, carried: bool) -> None:
    """An object over the workspace's limit is reported with both sizes, without being read."""
    where = repo.write(f"notebooks/{name}", HEADER)
    os.truncate(where, size)
    if carried:
        assert len(repo.keys()) == 1
    else:
        what, severity = problem(repo, f"notebooks/{name}")
        assert "MB, and the workspace accepts" in what and severity is Severity.FAILED


@pytest.mark.parametrize("name", ["a\\b.py", "a\nb", "...ipynb", "..py", "a..py", "a .ipynb", "\u2028"])
def test_a_name_that_may_not_cross(repo: Repo, name: str) -> None:
    """A name that the workspace or another system could not hold, as a file or as a key, is refused."""
    repo.write(f"notebooks/{name}", b'{"cells": []}' if name.endswith("ipynb") else HEADER)
    found = repo.scan()
    (said,) = set(found.unknown.values())
    assert not found.objects and "cannot be synced" in said.what and len(said.path.splitlines()) == 1


def test_a_name_that_is_not_utf8(repo: Repo) -> None:
    """A name of other bytes is refused, and does not stop the rest."""
    repo.write("notebooks/a")
    Path(os.fsdecode(os.fsencode(repo.root / "notebooks") + b"/x\xff")).write_text("")
    found = repo.scan()
    assert set(found.objects) == {"a"} and ["not valid Unicode" in one.what for one in set(found.unknown.values())] == [
        True
    ]


def test_a_folder_that_became_a_file(repo: Repo) -> None:
    """Files of a folder that is a file now are gone, and the file is carried."""
    repo.write("notebooks/d/x")
    repo.commit()
    (repo.root / "notebooks/d/x").unlink()
    (repo.root / "notebooks/d").rmdir()
    repo.write("notebooks/d")
    assert repo.keys() == {"d"} and not repo.scan().unknown


# --- the base saves reads, and nothing else ------------------------------------------------------------------------


def test_an_unchanged_file_is_not_read(repo: Repo) -> None:
    """A file whose stat is the base's is taken from the base, without a look inside."""
    repo.notebook("notebooks/a.py")
    item = repo.scan().objects["a"]
    entry = agreed(LocalObject(item.key, item.path, item.kind, "remembered", "sha", item.stat, item.format))
    assert repo.scan({"a": entry}).objects["a"].digest == "remembered"


@pytest.mark.parametrize("keep_times", [True, False])
def test_an_edit_of_equal_size_is_noticed(repo: Repo, keep_times: bool) -> None:
    """An edit that keeps the size is seen, even when an editor puts the old time back."""
    where = repo.notebook("notebooks/a.py", "print(1)\n")
    item = repo.scan().objects["a"]
    time.sleep(0.02)
    where.write_bytes(HEADER + b"print(2)\n")
    if keep_times:
        os.utime(where, ns=(item.stat.mtime_ns, item.stat.mtime_ns))
    assert repo.scan({"a": agreed(item)}).objects["a"].digest != item.digest


def test_a_replaced_file_is_noticed(repo: Repo) -> None:
    """A file of the same size and time that was moved into place is another file."""
    where = repo.notebook("notebooks/a.py", "print(1)\n")
    item = repo.scan().objects["a"]
    other = repo.write("new", HEADER + b"print(2)\n")
    os.utime(other, ns=(item.stat.mtime_ns, item.stat.mtime_ns))
    other.replace(where)
    assert repo.scan({"a": agreed(item)}).objects["a"].digest != item.digest


@pytest.mark.parametrize(
    ("age", "remembered"), [(0, False), (1.9e9, False), (2.1e9, True), (-1e9, False), (-5e9, True), (9e18, True)]
)
def test_a_young_stat_is_not_remembered(age: float, remembered: bool) -> None:
    """Of a file changed in the last seconds, or the next ones, the stat proves nothing yet."""
    now = 10**19
    for stat in (Stat(1, now - int(age), 0, 1), Stat(1, 0, now - int(age), 1)):
        assert (settled(stat, now) == stat) is remembered


def test_what_is_no_longer_carried_is_outside(repo: Repo) -> None:
    """A file that git ignores now is still here: it is forgotten, and not taken for deleted."""
    repo.notebook("notebooks/a.py")
    repo.notebook("notebooks/b.py")
    base = {key: agreed(item) for key, item in repo.scan().objects.items()}
    repo.write(".gitignore", "a.py\n")
    (repo.root / "notebooks/b.py").unlink()
    found = repo.scan(base)
    assert found.outside == {"a"} and not found.objects


def test_a_renamed_form_is_not_outside(repo: Repo) -> None:
    """A notebook that is now written in another form has the same key, and is simply there."""
    repo.notebook("notebooks/a.py")
    base = {"a": agreed(repo.scan().objects["a"])}
    (repo.root / "notebooks/a.py").unlink()
    repo.write("notebooks/a.ipynb", '{"cells": []}')
    found = repo.scan(base)
    assert found.objects["a"].path == "notebooks/a.ipynb" and not found.outside


# --- reading ------------------------------------------------------------------------------------------------------


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Somebody who goes on writing to a file."""
    stop = threading.Event()

    def scribble() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            where.write_bytes(b"x" * (number % 7 + 1) * 100_000)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_file_being_written_is_not_half_read(tmp_path: Path) -> None:
    """What is read is what the file held at one moment, or it is said to be changing."""
    where = tmp_path / "a"
    where.write_bytes(b"x" * 100_000)
    with writing(where):
        for _ in range(100):
            try:
                raw, stat = stable_read(where)
            except Changing as error:
                assert "is being written" in error.message
            else:
                assert len(raw) == stat.size and raw == b"x" * len(raw)


@posix_only
def test_a_link_is_not_read(tmp_path: Path) -> None:
    """A link that took a file's place between the look and the read is not followed."""
    (tmp_path / "real").write_text("secret")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError) as caught:
        stable_read(tmp_path / "link")
    assert caught.value.errno in (errno.ELOOP, errno.EMLINK)


# --- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["../x.txt", "../other/x.txt", "../common", "../common/../x.txt", "../../x.txt"])
def test_nothing_is_outside_the_folders(repo: Repo, path: str) -> None:
    """Beside the project there are but the folders that are synced, whatever a path says."""
    repo.write("common/x.txt")
    inner = repo.root / "a"
    (inner / "notebooks").mkdir(parents=True)
    folders = (
        Folder(inner / "notebooks", "notebooks", "notebooks/"),
        Folder(repo.root / "common", "../common", "common/"),
    )
    local = LocalFolder(inner, folders, Repository(inner))
    assert local.absolute("../common/x.txt") == repo.root / "common/x.txt"
    with pytest.raises(SyncError):
        local.absolute(path)


def names(repo: Repo, folder: str = "notebooks") -> set[str]:
    return {path.name for path in (repo.root / folder).iterdir()}


def standing(repo: Repo, path: str = "notebooks/a.py", body: str = "print(1)\n") -> tuple[LocalFolder, LocalObject]:
    """A file, and what a scan says of it."""
    repo.notebook(path, body)
    (item,) = [item for item in repo.scan().claims if item.path == path]
    return repo.open(), item


def test_create(repo: Repo) -> None:
    """A new file is whole at once, with the folders on the way, and its stat is what a scan finds."""
    stat = repo.open().create("notebooks/x/y/a.py", HEADER)
    assert repo.scan().objects["x/y/a"].stat.size == stat.size == len(HEADER)
    assert names(repo, "notebooks/x/y") == {"a.py"}


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("there", ["file", "folder", "link", "dangling"])
def test_create_replaces_nothing(repo: Repo, monkeypatch: pytest.MonkeyPatch, there: str, links: bool) -> None:
    """Where anything has the name, nothing is written, and no trace is left, whatever the file system can do."""
    where = repo.write("notebooks/real", "mine").with_name("a.py")
    if there == "file":
        where.write_text("mine")
    elif there == "folder":
        where.mkdir()
    else:
        where.symlink_to("real" if there == "link" else "nowhere")
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExistsError):
        repo.open().create("notebooks/a.py", b"theirs")
    assert names(repo) == {"a.py", "real"} and (repo.root / "notebooks/real").read_text() == "mine"


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_create_without_hard_links(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk without hard links a new file is whole at once too."""
    monkeypatch.setattr(os, "link", no_links)
    repo.open().create("notebooks/a.py", HEADER)
    assert names(repo) == {"a.py"} and (repo.root / "notebooks/a.py").read_bytes() == HEADER


def test_a_create_that_fails_leaves_no_empty_file(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a new file cannot get its name, for hard links or without them, nothing stands there afterwards."""

    def taken(temporary: Path, where: Path) -> None:
        Path(temporary).unlink()
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr(os, "link", taken)
    with pytest.raises(OSError):
        repo.open().create("notebooks/a.py", HEADER)
    assert names(repo) == set()


def test_replace(repo: Repo) -> None:
    """A file that holds what was seen is replaced in one step."""
    local, item = standing(repo)
    stat = local.replace(item, HEADER + b"new")
    assert (repo.root / item.path).read_bytes() == HEADER + b"new" and stat.size == len(HEADER) + 3
    assert names(repo) == {"a.py"}


def test_remove(repo: Repo) -> None:
    """A file that holds what was seen is removed, with the folders that become empty, but not the root."""
    local, item = standing(repo, "notebooks/x/y/a.py")
    repo.write("notebooks/x/keep")
    local.remove(item)
    assert not (repo.root / "notebooks/x/y").exists() and names(repo, "notebooks/x") == {"keep"}
    local, item = standing(repo, "notebooks/z/a.py")
    (repo.root / "notebooks/x/keep").unlink()
    (repo.root / "notebooks/x").rmdir()
    local.remove(item)
    assert names(repo) == set()


def edit(where: Path) -> None:
    where.write_bytes(HEADER + b"print(2)\n")


def swap_for_link(where: Path) -> None:
    where.rename(where.with_name("moved"))
    where.symlink_to("moved")


def swap_for_folder(where: Path) -> None:
    where.unlink()
    where.mkdir()


def link_the_way(where: Path) -> None:
    away = where.parents[3] / "away"
    where.parent.rename(away)
    where.parent.symlink_to(away)


MEDDLE = [edit, Path.unlink, swap_for_link, swap_for_folder, link_the_way]


@pytest.mark.parametrize("meddle", MEDDLE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("act", ["replace", "remove"])
def test_what_was_changed_meanwhile_is_left(repo: Repo, act: str, meddle: object) -> None:
    """A file edited, removed, or swapped for a link or folder since the scan is neither replaced nor removed."""
    local, item = standing(repo, "notebooks/sub/a.py")
    meddle(repo.root / item.path)  # type: ignore[operator]

    def everything() -> dict[str, str]:
        return {
            str(path): path.read_text() for path in repo.root.rglob("*") if path.is_file() and ".git/" not in str(path)
        }

    before = everything()
    with pytest.raises((SyncError, OSError)):
        local.replace(item, b"theirs") if act == "replace" else local.remove(item)
    assert everything() == before


@pytest.mark.parametrize("way", ["link", "file"])
def test_nothing_is_written_through_what_stands_on_the_way(repo: Repo, tmp_path: Path, way: str) -> None:
    """A link or a file where a folder should be stops a write, in one sentence, and nothing lands outside."""
    (tmp_path / "outside").mkdir()
    (repo.root / "notebooks").mkdir()
    stand = repo.root / "notebooks/d"
    stand.symlink_to(tmp_path / "outside") if way == "link" else stand.write_text("mine")
    with pytest.raises(SyncError, match=r"symbolic link notebooks/d|notebooks/d is a file"):
        repo.open().create("notebooks/d/x/a.py", b"theirs")
    assert not any((tmp_path / "outside").iterdir())


def test_a_linked_root_is_refused(repo: Repo, tmp_path: Path) -> None:
    """A notebooks folder that is a link, or a file, is a mistake in the settings."""
    (tmp_path / "real").mkdir()
    (repo.root / "notebooks").symlink_to(tmp_path / "real")
    repo.write("file")
    for name in ("notebooks", "file"):
        with pytest.raises(SettingsError, match=f"{name} is not a folder"):
            check_project(repo.open(name))
    check_project(repo.open("missing"))


def test_a_folder_below_a_file_is_refused(repo: Repo) -> None:
    """A notebooks folder that would lie in a file is a mistake in the settings, which names the file."""
    repo.write("a")
    with pytest.raises(SettingsError, match=r"^a is not a folder"):
        check_project(repo.open("a/notebooks"))


@pytest.mark.parametrize(("name", "inside"), [("lib", "."), ("lib/notebooks", "notebooks")])
def test_a_folder_of_another_repository_is_refused(repo: Repo, name: str, inside: str) -> None:
    """A notebooks folder that is a submodule, or lies in one, is carried from there: the settings say how."""
    Repo(repo.root / "lib").git("init", "-q")
    (repo.root / "lib/notebooks").mkdir()
    with pytest.raises(SettingsError, match=r"^lib is a git repository of its own") as caught:
        check_project(repo.open(name))
    assert f"`PROJECT_FOLDER={repo.root}/lib` and `NOTEBOOK_FOLDER={inside}`." in caught.value.hint
    check_project(repo.open("."))


@pytest.mark.parametrize(("meanwhile", "known"), [(False, True), (True, False)], ids=["quiet", "a commit"])
def test_the_commit_is_that_of_all_folders(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, meanwhile: bool, known: bool
) -> None:
    """Where somebody commits between the looks at two folders, it is not known what differs from which commit."""
    for name in ("notebooks/a.py", "lib/b.py"):
        repo.write(name, "1")
    repo.commit()
    repo.write("lib/b.py", "2")
    repository = Repository(repo.root)
    local = LocalFolder(
        repo.root, tuple(Folder(repo.root / name, name, f"{name}/") for name in ("notebooks", "lib")), repository
    )
    look = repository.status

    def status(folder: Path) -> Status:
        seen = look(folder)
        if meanwhile and folder.name == "notebooks":
            repo.git("commit", "-q", "--allow-empty", "-m", "meanwhile")
        return seen

    monkeypatch.setattr(repository, "status", status)
    found = local.status()
    assert found == (repo.git("rev-parse", "HEAD").strip(), ["lib/b.py"] if known else None)


def test_a_project_behind_a_link_is_a_project(repo: Repo, tmp_path: Path) -> None:
    """Only below the project folder is a symbolic link not followed; it may be one itself."""
    (tmp_path / "link").symlink_to(repo.root)
    linked = tmp_path / "link"
    local = LocalFolder(linked, (Folder(linked / "notebooks", "notebooks", ""),), Repository(linked))
    local.create("notebooks/x/a.py", HEADER)
    (item,) = local.scan({}).claims
    local.replace(item, HEADER + b"new")
    assert (repo.root / "notebooks/x/a.py").read_bytes() == HEADER + b"new"


def test_nothing_is_written_into_another_repository(repo: Repo) -> None:
    """A folder that is a git repository of its own is not written into: no scan would find the file again."""
    Repo(repo.root / "notebooks/nested").git("init", "-q")
    with pytest.raises(SyncError, match="repository"):
        repo.open().create("notebooks/nested/a.py", b"theirs")


@posix_only
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_umask_is_respected(repo: Repo, mask: int) -> None:
    """A new file has the mode that any new file here has."""
    before = os.umask(mask)
    try:
        repo.open().create("notebooks/a.py", HEADER)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (repo.root / "notebooks/a.py").stat().st_mode & 0o777 == 0o666 & ~mask


@posix_only
def test_threads_do_not_disturb_the_umask(repo: Repo) -> None:
    """Files created by many threads all have the right mode, and the mask is what it was."""
    before, interval = os.umask(0o077), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        local = repo.open()
        made = [threading.Thread(target=local.create, args=(f"notebooks/{n}", b"x")) for n in range(60)]
        [thread.start() for thread in made]
        [thread.join() for thread in made]
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
        sys.setswitchinterval(interval)
    assert {path.stat().st_mode & 0o777 for path in (repo.root / "notebooks").iterdir()} == {0o600}


@posix_only
@pytest.mark.parametrize("mode", [0o755, 0o600, 0o664])
def test_modes_are_kept(repo: Repo, mode: int) -> None:
    """A file that is replaced keeps its mode: a script stays executable."""
    local, item = standing(repo)
    (repo.root / item.path).chmod(mode)
    local.replace(item, HEADER)
    assert (repo.root / item.path).stat().st_mode & 0o777 == mode


@posix_only
def test_what_is_private_stays_so(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about to replace a private file can be read by nobody else, from its first byte on."""
    local, item = standing(repo)
    (repo.root / item.path).chmod(0o600)
    seen, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (seen.append(os.fstat(file).st_mode & 0o777), sync(file)))
    local.replace(item, HEADER)
    assert seen == [0o600]


def test_leftovers_are_swept(repo: Repo, tmp_path: Path) -> None:
    """What a killed run of the same target left half-written is removed, and nothing else, and not behind links."""
    ours, theirs = f"-1234abcd{TEMPORARY}", f"-5678abcd{TEMPORARY}"
    for name in ("a.py", "sub/keep", f"sub/.1{ours}", f".2{ours}", f".3{theirs}", f".4{theirs}"):
        repo.write(f"notebooks/{name}")
    hours_ago = time.time() - 7200
    os.utime(repo.root / f"notebooks/.4{theirs}", (hours_ago, hours_ago))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f".5{ours}").write_text("")
    (repo.root / "notebooks/link").symlink_to(outside)
    repo.open().sweep("1234abcd")
    left = {path.name for path in (repo.root / "notebooks").rglob("*")}
    assert left == {"a.py", "sub", "keep", "link", f".3{theirs}"} and (outside / f".5{ours}").exists()


@posix_only
def test_a_leftover_that_cannot_be_removed_stops_nothing(repo: Repo) -> None:
    """A sweep leaves what it may not remove, and goes on."""
    (repo.root / f"notebooks/.1-mark{TEMPORARY}").mkdir(parents=True)
    repo.write(f"notebooks/z/.2-mark{TEMPORARY}")
    repo.open().sweep("mark")
    assert {path.name for path in (repo.root / "notebooks").rglob("*")} == {f".1-mark{TEMPORARY}", "z"}


def test_settle_bears_what_is_gone(repo: Repo) -> None:
    """Making names durable does not mind folders that were removed meanwhile."""
    repo.write("notebooks/a")
    repo.open().settle(["notebooks/a", "notebooks/gone/b"])


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "format", "path"),
    [
        ("a", SOURCES[Language.PYTHON], "notebooks/a.py"),
        ("x/a", SOURCES[Language.R], "notebooks/x/a.r"),
        ("a.b", JUPYTER, "notebooks/a.b.ipynb"),
        ("a.csv", None, "notebooks/a.csv"),
    ],
)
def test_place(repo: Repo, key: str, format: Format | None, path: str) -> None:
    """An object from the workspace has one place here, which a scan takes for the same key."""
    assert repo.open().place(key, format) == path


def test_places_in_several_folders(repo: Repo) -> None:
    """With several folders, a key belongs to the one it begins with, or to none."""
    local = repo.open("one", "two")
    assert local.place("two/a", None) == "two/a" and local.place("one/x/a", None) == "one/x/a"
    assert local.holds("one/a") and not local.holds("three/a") and not local.holds("onerous/a")
    assert repo.open(".").place("a", None) == "a"


def test_describe_is_what_a_scan_says(repo: Repo) -> None:
    """What is about to be written is weighed exactly as it will be when it is found."""
    where = repo.notebook("notebooks/a.py")
    (item,) = repo.scan().claims
    assert describe("a", item.path, where.read_bytes(), item.stat) == item
    assert item.sha == sha256(where.read_bytes())


def test_a_disk_that_gives_a_file_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems answer a read with less than was asked for: the file is read whole all the same."""
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, size: read(file, min(size, 7)))
    for raw in (b"", b"short", b"twice seven ok", b"more than seven bytes, in several parts"):
        (tmp_path / "file").write_bytes(raw)
        assert stable_read(tmp_path / "file")[0] == raw
