"""Which folders cross as a whole, in an archive: one request carries all their source notebooks. Pure.

Theory of operation. The workspace makes a new folder of a zip of sources, and gives the notebooks of a folder as such a
zip. One request does the work of a thousand, where the workspace grants 30 a second. It takes an archive only where
nothing has the path of its folder: so an archive can replace nothing, and what stands already gets single writes.

Of the folders that may be archives the outermost ones are, for the fewest requests. A folder that is too large is none,
but those in it may be; what lies in it directly crosses by itself. Up to which size an archive is taken is documented;
a larger one is tried only for what would else cross by itself. Once that was refused, the same rule says what to send
instead.

Into an archive goes only what is known to arrive right: source notebooks with names that any zip can hold. What becomes
of a Jupyter notebook or of a file is not documented, so each of them crosses by itself.

Of what comes out of one, only what is certain counts. Bytes that have the hash of a listed notebook are what that
notebook holds, whatever they are called. Without hashes all names together have to prove it: they are exactly those of
the notebooks that were listed in the folder. An archive whose names begin elsewhere, that lacks something or holds
something else, or that is of a folder as it was never listed, has other names, and then none of it counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from os.path import splitext
from typing import NamedTuple

from databricks_sync.model import SOURCES, Form, Format, RemoteObject
from databricks_sync.notebook.format import EXTENSIONS, file_name, sha256

from .names import parents
from .plan import Action, Step

MOST = 1000  # notebooks in an archive: one that takes the workspace too long is given up
_MEMBER = 128  # bytes of a zip for each member, besides its content and twice its name
_PLAIN = re.compile(r"\w(?:[\w .,()@=+-]*[\w)])?")


class Archive(NamedTuple):
    """A new folder, "" being the target itself, and what it shall hold: creates of source notebooks."""

    folder: str
    steps: tuple[Step, ...]

    @property
    def size(self) -> int:
        """Bytes that its zip has at most, which is when nothing in it becomes smaller."""
        return sum(map(_size, self.steps))


def member(folder: str, step: Step) -> str:
    """The name of a notebook in the archive of `folder`: the extension tells the workspace its language."""
    assert step.local
    return _member(folder, step.key, step.local.format)


def archives(steps: Iterable[Step], taken: Collection[str], few: int, sure: int, most: int = 0) -> list[Archive]:
    """What of a push goes in archives of more than `few` notebooks. `taken`: what has a name in the workspace.

    An archive has `sure` bytes at most, or up to `most` where more than `few` notebooks are in no such archive.
    """
    creates = {step.key: step for step in steps if _arrives_right(step)}

    def fits(folder: str, keys: Sequence[str], most: int) -> bool:
        return folder not in taken and len(keys) <= MOST and sum(_size(creates[key]) for key in keys) <= most

    def is_worth_it(folder: str, keys: Sequence[str]) -> bool:
        return fits(folder, keys, sure) or (len(singly.intersection(keys)) > few and fits(folder, keys, most))

    whole = _outermost(creates, lambda folder, keys: fits(folder, keys, sure), few)
    singly = creates.keys() - chain(*whole.values())
    if len(singly) > few:
        whole = _outermost(creates, is_worth_it, few)
    return [Archive(folder, tuple(creates[key] for key in keys)) for folder, keys in sorted(whole.items())]


def batches(archives: Iterable[Archive], many: int, most: int) -> Iterator[list[Archive]]:
    """The archives in order, so `many` at a time as can be sent at once; of `most` bytes, or one that is larger."""
    batch: list[Archive] = []
    size = 0
    for archive in archives:
        if batch and (len(batch) == many or size + archive.size > most):
            yield batch
            batch, size = [], 0
        batch.append(archive)
        size += archive.size
    if batch:
        yield batch


def exports(wanted: Iterable[str], notebooks: Iterable[str], few: int) -> dict[str, list[str]]:
    """The folders to read as archives, each with what is wanted of it: most of its notebooks.

    Both are keys: of the notebooks to be read, and of all that stand there.
    """
    held = Counter(folder for key in notebooks for folder in ("", *parents(key)))
    return _outermost(wanted, lambda folder, keys: held[folder] <= min(MOST, 2 * len(keys)), few)


def identified(folder: str, notebooks: Iterable[RemoteObject], members: Mapping[str, bytes]) -> dict[str, bytes]:
    """What an archive of `folder` certainly holds of these, which are all notebooks that were listed there, by key."""
    by_hash = {sha256(body): body for body in members.values()}
    by_name = {_member(folder, item.key, SOURCES[item.language]): item for item in notebooks}
    exact = by_name.keys() == members.keys()
    held: dict[str, bytes] = {}
    for name, item in by_name.items():
        body = by_hash.get(item.version.sha) if item.version.sha else members[name] if exact else None
        if body is not None:
            held[item.key] = body
    return held


def _outermost(keys: Iterable[str], fits: Callable[[str, Sequence[str]], bool], few: int) -> dict[str, list[str]]:
    waiting = [("", sorted(keys))]
    whole: dict[str, list[str]] = {}
    while waiting:
        folder, inside = waiting.pop()
        if len(inside) <= few:
            continue
        if fits(folder, inside):
            whole[folder] = inside
            continue
        start = len(folder) + 1 if folder else 0
        folders = defaultdict(list)
        for key in inside:
            if (end := key.find("/", start)) >= 0:
                folders[key[:end]].append(key)
        waiting += folders.items()
    return whole


def _member(folder: str, key: str, format: Format | None) -> str:
    return file_name(key[len(folder) :].lstrip("/"), format)


def _arrives_right(step: Step) -> bool:
    format = step.local.format if step.local else None
    if step.action is not Action.CREATE or step.saved or format is None or format.form is not Form.SOURCE:
        return False
    plain = all(_PLAIN.fullmatch(part) for part in step.key.split("/"))
    return plain and splitext(step.key)[1].lower() not in EXTENSIONS


def _size(step: Step) -> int:
    assert step.local
    return step.local.stat.size + 2 * len(step.key.encode()) + _MEMBER
