"""A real git repository to look at, and short ways to make objects of its files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from databricks_sync.local.folder import LocalFolder, Scan
from databricks_sync.local.git import Repository
from databricks_sync.model import BaseEntry, Folder, LocalObject, RemoteVersion

HEADER = b"# Databricks notebook source\n"


class Repo:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str, code: int | None = 0, stdin: str | None = None) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        which = ("-c", "protocol.file.allow=always")
        done = subprocess.run(
            ["git", *who, *which, *arguments], cwd=self.root, input=stdin, capture_output=True, text=True
        )
        assert code is None or done.returncode == code, done.stderr
        return done.stdout

    def write(self, path: str, data: bytes | str = b"print(1)\n") -> Path:
        where = self.root / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data.encode() if isinstance(data, str) else data)
        return where

    def notebook(self, path: str, body: str = "print(1)\n") -> Path:
        return self.write(path, HEADER + body.encode())

    def commit(self, message: str = "one") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def open(self, *folders: str) -> LocalFolder:
        names = folders or ("notebooks",)
        made = tuple(Folder(self.root / n, n, "" if len(names) == 1 else f"{n}/") for n in names)
        return LocalFolder(self.root, made, Repository(self.root))

    def scan(self, base: dict[str, BaseEntry] | None = None) -> Scan:
        return self.open().scan(base or {})

    def keys(self) -> set[str]:
        return set(self.scan().objects)


def agreed(item: LocalObject) -> BaseEntry:
    """The base entry of a file that is in sync, its stat remembered."""
    facts = (
        item.key,
        item.path,
        item.kind,
        item.digest,
        RemoteVersion(1, 1),
        item.sha,
        item.stat,
        item.format,
    )
    return BaseEntry(*facts)
