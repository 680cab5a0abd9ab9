"""Which notebook and which workspace file want one local file."""

from __future__ import annotations

import pytest

from databricks_sync.model import SOURCES, UNKNOWN, Kind, Language, LocalObject, RemoteObject, Stat
from databricks_sync.rules.rivals import rivals


def here(path: str, kind: Kind) -> LocalObject:
    key = path.rpartition(".")[0] if kind is Kind.NOTEBOOK else path
    format = SOURCES[None] if kind is Kind.NOTEBOOK else None
    return LocalObject(key, path, kind, digest="d", sha="s", stat=Stat(1, 1, 1, 1), format=format)


def there(key: str, kind: Kind, language: Language | None = None) -> RemoteObject:
    return RemoteObject(key, "/root", kind, UNKNOWN, language)


@pytest.mark.parametrize(
    ("local", "remote", "pairs"),
    [
        (here("x/a.py", Kind.FILE), there("x/a", Kind.NOTEBOOK, Language.PYTHON), {"x/a.py": "x/a"}),
        (here("a.py", Kind.FILE), there("a", Kind.NOTEBOOK), {"a.py": "a"}),
        (here("a.R", Kind.FILE), there("a", Kind.NOTEBOOK, Language.R), {"a.R": "a"}),
        (here("a.sql", Kind.FILE), there("a", Kind.NOTEBOOK, Language.PYTHON), {}),
        (here("a.csv", Kind.FILE), there("a", Kind.NOTEBOOK, Language.PYTHON), {}),
        (here("a.py", Kind.FILE), there("b", Kind.NOTEBOOK, Language.PYTHON), {}),
        (here("a.py", Kind.NOTEBOOK), there("a.py", Kind.FILE), {"a.py": "a"}),
        (here("a.py", Kind.NOTEBOOK), there("a.sql", Kind.FILE), {}),
        (here("a.py", Kind.NOTEBOOK), there("a", Kind.FILE), {}),
        (here("a.py", Kind.FILE), there("a.py", Kind.NOTEBOOK), {}),
    ],
)
def test_rivals(local: LocalObject, remote: RemoteObject, pairs: dict[str, str]) -> None:
    """The extension is that of the notebook's language, or of its local file; one key is no pair."""
    assert rivals({local.key: local}, {remote.key: remote}) == pairs
