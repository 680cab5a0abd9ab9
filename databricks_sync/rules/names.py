"""Local name <-> workspace name: which names may cross, and which collide. Pure.

Names from the workspace are not trusted: each is checked here before it is ever joined to a path.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Set
from functools import lru_cache
from itertools import chain

from databricks_sync.model import LocalObject

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)")
_WINDOWS_ONLY = re.compile(r'[<>:"|?*]')
# Spellings of ".git" that some file system takes for it: a file put there could run code at the next commit.
_GIT = re.compile(r"(?i)^(\.git|git~\d+)[ .]*$")
# Also what stands for bytes that are not UTF-8.
SURROGATE = re.compile("[\ud800-\udfff]")
_IGNORABLE = re.compile("[\u200c\u200d\u200e\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def nfc(name: str) -> str:
    """The name in Unicode normal form C: macOS may give a name in another form than the one it was created with."""
    return unicodedata.normalize("NFC", name)


def folded(path: str) -> str:
    """A name or path as a disk may take it that tells neither case nor invisible characters apart."""
    return path.casefold() if path.isascii() else _IGNORABLE.sub("", nfc(path)).casefold()


def flaw(key: str, *, windows: bool) -> str:
    """Why the name `key` must not be written to a disk or sent to the workspace; empty when it may.

    Colons and the like are common in the workspace ("New Notebook 2026-05-04 13:54:24"), and some people call a file
    `aux.py`: only Windows cannot store them. What would confuse any system is refused on all.
    """
    if not key:
        return "it has no name"
    for part in key.split("/"):
        if reason := _flaw_of_part(part, windows):
            return reason
    return ""


@lru_cache(maxsize=4096)  # a folder's name is in the path of all that lies in it
def _flaw_of_part(part: str, windows: bool) -> str:
    if part in ("", ".", ".."):
        return f"{part or 'an empty segment'!r} is not a valid name"
    if _CONTROL.search(part):
        return "its name contains a control character"
    if SURROGATE.search(part):
        return "its name is not valid Unicode"
    if "\\" in part:
        return "its name contains a backslash"
    if _GIT.match(_IGNORABLE.sub("", part)):
        return "it would be inside a git directory"
    if windows and is_device(part):
        return f"{part} is a device name on Windows"
    if part.endswith((".", " ")):
        return "its name ends with a dot or a space, which Windows cannot store"
    if windows and _WINDOWS_ONLY.search(part):
        return "its name contains a character that Windows cannot store"
    if len(part.encode()) > 240:
        return "its name is longer than 240 bytes"
    return ""


def is_device(key: str) -> bool:
    """Whether a part of `key` is a device on Windows, which can then store nothing of that name."""
    return any(_DEVICE.match(part) for part in key.split("/"))


def parents(key: str) -> list[str]:
    """The folders above a key, the outermost first."""
    parts = key.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def above(key: str) -> str:
    """The folder that `key` lies in; "" is the outermost one, and lies in itself."""
    return key.rpartition("/")[0]


def leads_out(folder: str) -> bool:
    """Whether a path of a project is but the way to what lies beside it: `..`, `../..`."""
    return set(folder.split("/")) == {".."}


def lies_in(folder: str, folders: Set[str]) -> bool:
    """Whether `folder` is one of these folders, or lies in one of them; everything lies in ""."""
    return not folders.isdisjoint(("", *parents(folder), folder))


def local_collisions(objects: Iterable[LocalObject]) -> dict[str, tuple[str, ...]]:
    """Keys that more than one local path claims, or that are notebook and folder at once -> those paths."""
    claims: dict[str, list[str]] = defaultdict(list)
    folders: dict[str, str] = {}
    for item in objects:
        claims[item.key].append(item.path)
        if item.key.rpartition("/")[0] not in folders:
            for parent in parents(item.key):
                folders.setdefault(parent, item.path)
    collisions = {key: tuple(sorted(paths)) for key, paths in claims.items() if len(paths) > 1}
    for key in claims.keys() & folders.keys():
        collisions[key] = tuple(sorted({*claims[key], folders[key]}))
    return collisions


def twins(keys: Collection[str], *, ignore_case: bool) -> dict[str, tuple[str, ...]]:
    """Keys that this machine's disk could not hold apart, or whose folders it could not -> all keys of the group."""

    def folded(path: str) -> str:
        return nfc(path).casefold() if ignore_case else nfc(path)

    inner = {key.rpartition("/")[0] for key in keys}
    folders = {*inner, *(above for folder in inner for above in parents(folder))}
    spelled: dict[str, str] = {}  # a path as the disk tells it -> the first spelling that is another one
    clashes: set[str] = set()
    for path in chain(keys, folders):
        on_disk = folded(path)
        if on_disk != path and (on_disk in keys or on_disk in folders or spelled.setdefault(on_disk, path) != path):
            clashes.add(on_disk)
    under: dict[str, set[str]] = defaultdict(set)  # such a path -> the keys at or below it
    for key in keys if clashes else ():
        for path in (*parents(key), key):
            if folded(path) in clashes:
                under[folded(path)].add(key)
    groups: dict[str, tuple[str, ...]] = {}
    for group in under.values():
        for key in group:
            groups.setdefault(key, tuple(sorted(group)))
    return groups
