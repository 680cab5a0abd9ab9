"""Which repository and project this is: the names by which the note on a target knows them, wherever it is cloned."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from databricks_sync.errors import SyncError
from databricks_sync.rules.names import nfc

from .git import Repository

_NAMELESS = "nameless "


def nameless(names: Iterable[str]) -> bool:
    """Whether these names tell no repository from another once it has commits, and is cloned."""
    return all(name.startswith(_NAMELESS) for name in names)


def project_of(project: Path, repository: Repository) -> str:
    """Where a project is in its repository, whoever cloned it to wherever: `.` at the top."""
    # Git resolves links on the way to the top, and the folder that was named may hold some.
    inside = os.path.relpath(os.path.realpath(project), os.path.realpath(repository.top))
    return nfc(Path(inside).as_posix())


class RepositoryIdentity:
    """Its origin and its first commits. One that pushes before it has either gets a name, beside its state."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._file = repository.common_dir / "databricks_sync" / "repository"
        self._new = f"{_NAMELESS}{uuid.uuid4().hex[:16]}"

    def names(self) -> frozenset[str]:
        """All names it has, also the one from before its first commit."""
        names = self._repository.origin() | self._repository.first_commits()
        try:
            return names | {self._file.read_text(encoding="ascii").strip()}
        except (OSError, ValueError):
            return names

    def to_be(self) -> frozenset[str]:
        """The names to push with. A shallow clone without an origin has none: it may be of any repository."""
        return self.names() or (frozenset() if self._repository.shallow else frozenset({self._new}))

    def kept(self) -> frozenset[str]:
        """The same, from now on. Raises SyncError when the disk does not take a new name."""
        names = self.to_be()
        if self._new in names:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(f"{self._new}\n", encoding="ascii")
            except OSError as error:
                raise SyncError(f"{self._file} cannot be written ({error.strerror}).", "Make it writable.") from None
        return names
