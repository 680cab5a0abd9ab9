"""Which key the object of a file has: one folder is the target itself, of several each is a child of it. Pure.

So another choice of folders gives other keys to the same files: with `notebooks` alone, `notebooks/a.py` is the
object `a`, with `notebooks` and `src` it is `notebooks/a`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync.model import BaseEntry, LocalObject

from .names import nfc


class Moves(NamedTuple):
    """What stands in the workspace where its file does not belong, as the folders are now."""

    # where a file's object stands -> where it belongs, which is free
    moving: Mapping[str, str] = MappingProxyType({})
    # where an old object was left -> where the file's object stands by now, and belongs
    left: Mapping[str, str] = MappingProxyType({})
    # keys of the base -> where somebody else has moved their objects
    followed: Mapping[str, str] = MappingProxyType({})

    def belongs(self, key: str) -> str:
        """Where the object that stands at `key` belongs."""
        return self.moving.get(key) or self.left.get(key) or key

    def standing(self) -> dict[str, str]:
        """Where a file's object belongs -> where it stands, of those that are moving."""
        return {new: old for old, new in self.moving.items()}


class Layout(NamedTuple):
    """How the folders to carry lie below the target."""

    prefixes: tuple[tuple[str, str], ...]  # what the paths in a folder begin with -> what their keys begin with

    @classmethod
    def of(cls, folders: Iterable[str]) -> Layout:
        """That of folders by their names, relative to the project."""
        names = sorted(folders)
        alone = len(names) == 1
        return cls(
            tuple(
                ("" if name == "." else f"{name}/", "" if alone else f"{nfc(name.rpartition('/')[2])}/")
                for name in names
            )
        )

    def key(self, path: str, key: str) -> str | None:
        """The key of the object of the file at `path`, which was `key` in some layout; None in none of the folders."""
        for start, prefix in self.prefixes:
            if path.startswith(start):
                parent = nfc(prefix + path[len(start) :]).rpartition("/")[0]
                name = key.rpartition("/")[2]
                return f"{parent}/{name}" if parent else name
        return None

    def moved(self, key: str, path: str) -> str | None:
        """The key that the object of the file at `path` has in this layout, where that is not `key`."""
        key_here = self.key(path, key)
        return None if key_here == key else key_here

    def apart(self, other: Layout) -> bool:
        """Whether the files of one would have other keys in the other, or be strangers there."""
        mine, theirs = ({prefix for _, prefix in layout.prefixes} for layout in (self, other))
        return not (mine <= theirs or theirs <= mine)

    def made(self, base: Iterable[BaseEntry]) -> bool:
        """Whether a base, if there is any, may have been made with this layout."""
        entries = list(base)
        return bool(entries) and all(self._gave(entry) for entry in entries)

    def _gave(self, entry: BaseEntry) -> bool:
        if (key := self.key(entry.path, entry.key)) is not None:
            return key == entry.key
        # Of a folder that had another name then.
        return any(entry.key.startswith(prefix) for _, prefix in self.prefixes)

    def moves(
        self, base: Mapping[str, BaseEntry], files: Iterable[LocalObject], remote: Container[str], noted: Layout | None
    ) -> Moves:
        """Where the objects of `base` and of `files` are. `remote`: all keys that are in the workspace.

        `noted`: how the target is laid out as its note says, where that is another way: what is not in the base may
        stand there, and what is may have gone there.
        """
        followed = self._followed(base, remote, noted)
        entries = {followed.get(key, key): entry for key, entry in base.items()} if followed else base
        belongs = {key: to for key, entry in entries.items() if (to := self.moved(key, entry.path))}
        for item in files if noted else ():
            stands = noted.key(item.path, item.key) if noted else None
            if stands and stands in remote and stands not in entries:
                if stands != item.key and item.key not in remote and item.key not in entries:
                    belongs[stands] = item.key
        moving = {key: to for key, to in belongs.items() if to in belongs or (to not in remote and to not in entries)}
        return Moves(moving, {key: to for key, to in belongs.items() if key not in moving}, followed)

    def _followed(self, base: Mapping[str, BaseEntry], remote: Container[str], noted: Layout | None) -> dict[str, str]:
        """What is gone from its key, and stands where its file belongs or where the note says."""
        gone: dict[str, str] = {}  # where an object stands by now -> its key
        for key, entry in base.items():
            if key in remote:
                continue
            ways = (layout.key(entry.path, key) for layout in (self, noted) if layout)
            to = next((to for to in ways if to and to in remote and to not in base), None)
            if to:
                gone.setdefault(to, key)
        return {key: to for to, key in gone.items()}
