"""Archives of notebooks: what is put together comes apart again, and nothing else does harm."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from databricks_sync.notebook.archive import BadArchive, packed, unpacked

MOST = 2**20
MEMBERS = {
    "a.py": b"# Databricks notebook source\n1\n",
    "deep/er/b.sql": b"",
    "gr\u00fc\u00dfe.py": bytes(range(256)) * 9,
}


def zipped(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def test_what_is_packed_comes_apart_again() -> None:
    """Names in any letters and any bytes are the same after both ways, and the same archive is the same bytes."""
    assert unpacked(packed(MEMBERS.items()), MOST) == MEMBERS
    assert packed(MEMBERS.items()) == packed(MEMBERS.items())


def test_an_archive_is_hardly_larger_than_its_members() -> None:
    """What cannot be compressed takes its size, twice its name and little more."""
    noise = {f"{number:040}.py": zlib.compress(str(number).encode() * 99)[:100] for number in range(200)}
    assert len(packed(noise.items())) <= sum(len(body) + 2 * len(name) + 128 for name, body in noise.items())


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../a.py", "..\\a.py", "C:\\a.py", "a\nb.py", "A.py", ".git/hooks/x"]
)
def test_a_name_is_but_a_name(name: str) -> None:
    """Whatever a member is called, nothing is written: the name is a key of what is given back."""
    assert unpacked(zipped((name, b"1"), ("a.py", b"2")), MOST)["a.py"] == b"2"


def test_a_link_is_but_its_bytes() -> None:
    """A member that claims to be a symbolic link is the text of its target."""
    assert unpacked(zipped(("a.py", b"/etc/passwd"), mode=0o120777), MOST) == {"a.py": b"/etc/passwd"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_there_is_none() -> None:
    """Where a name stands twice, nobody knows which one is meant."""
    assert unpacked(zipped(("a.py", b"1"), ("b.py", b"2"), ("a.py", b"3")), MOST) == {"b.py": b"2"}


def too_large() -> bytes:
    return zipped(("a.py", bytes(MOST)), ("b.py", b"1"))


def with_a_comment() -> bytes:
    out = io.BytesIO(zipped(("a.py", b"1")))
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"PK"
    return out.getvalue()


def with_a_long_table_of_contents() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(70):
            info = zipfile.ZipInfo(f"{number}.py")
            info.comment = bytes(60_000)
            archive.writestr(info, b"")
    return out.getvalue()


def of_64_bits() -> bytes:
    whole = zipped(("a.py", b"1"))
    return whole[:-22] + b"PK\6\7" + bytes(16) + whole[-22:]


def encrypted() -> bytes:
    whole = bytearray(zipped(("a.py", b"1")))
    whole[whole.index(b"PK\1\2") + 8] |= 1
    return bytes(whole)


def torn() -> bytes:
    whole = zipped(("a.py", b"1" * 999))
    return whole[:40] + whole[44:]


@pytest.mark.parametrize(
    "made",
    [
        too_large,
        with_a_comment,
        with_a_long_table_of_contents,
        of_64_bits,
        encrypted,
        torn,
        lambda: b"",
        lambda: b"<html>",
    ],
)
def test_what_is_no_plain_archive_is_refused(made: Callable[[], bytes]) -> None:
    """Anything else, and what holds more than may be, is refused with one kind of error."""
    with pytest.raises(BadArchive):
        unpacked(made(), MOST)


def test_a_member_that_unpacks_to_more_than_it_says_takes_no_room() -> None:
    """The sizes of the table of contents are kept to, whatever the content unpacks to."""
    bomb = bytearray(zipped(("a.py", bytes(64 * MOST))))
    where = bomb.index(b"PK\1\2") + 24
    bomb[where : where + 4] = (10).to_bytes(4, "little")
    tracemalloc.start()
    try:
        with suppress(BadArchive):
            unpacked(bytes(bomb), MOST)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
