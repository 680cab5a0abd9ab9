"""The remote side: one branch folder in the workspace, listed, read and written one object at a time.

Only documented calls are needed; two undocumented ones save work where the workspace has them:
`list-repo` (a whole tree in one request) and `return_wsfs_metadata` (a hash of each object's bytes).
SERVER: both probed by Databricks engineers, databricks/cli PR 5166. Where they are missing, folders are
listed in parallel, and times and ids take the place of hashes.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from databricks_sync.errors import (
    Again,
    BadAnswer,
    Denied,
    NotFound,
    SettingsError,
    TypeMismatch,
    Unreachable,
    ValveError,
    WorkspaceError,
    printable,
)
from databricks_sync.failpoints import reached
from databricks_sync.model import JUPYTER, SOURCES, Form, Format, Language, RemoteObject
from databricks_sync.rules.names import nfc
from databricks_sync.rules.target import GIT_FOLDER, check_types, may_be_git_folders, normalise

from . import objects
from .http import Header, Http, milliseconds, no_page, page
from .limits import BadBody, beginning
from .listing import each_object
from .objects import DIRECTORY, Other, Shown, key_in, object_type, type_name
from .rate_limit import Permit

API = "/api/2.0/workspace"
_HASHES = {"return_wsfs_metadata": "true"}
# A page where an object was to come; those that people keep in the workspace are named like one.
_PAGE, _PAGES = re.compile(rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b"), re.compile(r"(?i)\.x?html?$")


class Listing(NamedTuple):
    """A branch folder as it stood at one moment; all paths are relative to it."""

    objects: Mapping[str, RemoteObject] = MappingProxyType({})
    folders: frozenset[str] = frozenset()
    others: Mapping[str, str] = MappingProxyType({})  # what is neither, such as a dashboard -> its type
    exists: bool = True


T = TypeVar("T")


class Workspace:
    """The folder `root` (a normalised path) of a workspace. Every method may raise WorkspaceError."""

    def __init__(self, http: Http, root: str, *, whole_trees: bool = True) -> None:
        self.http = http
        self.clock = http.clock
        self.root = root
        self.whole_trees = whole_trees  # False once the workspace is known not to list them
        self.hashed = True

    # --- reading ------------------------------------------------------------------------------------------

    def listing(self, pool: Executor) -> Listing:
        """Everything below the root. A folder that cannot be listed stops the run: unknown is not absent."""
        if self.whole_trees:
            try:
                return self._listed(self._inside(self._items("list-repo", self.root)))
            except NotFound:
                pass  # perhaps the folder, perhaps such a listing of it: the plain one tells
            except WorkspaceError as error:
                if error.code != "ENDPOINT_NOT_FOUND":
                    raise
                self.whole_trees = False
        try:
            top = self._items("list", self.root)
        except NotFound:
            return Listing(exists=False)
        return self._listed(self._descend(self._inside(top), pool))

    def _inside(self, items: list[Shown]) -> list[Shown]:
        """The items of a listing of the root. Raises SettingsError when the root is not a folder, but listed itself."""
        if len(items) == 1 and isinstance(items[0], Other) and normalise(items[0].path) == self.root:
            raise SettingsError(
                f"The target {self.root} is a {type_name(items[0].type)}, not a folder.",
                "Give another --target, or rename it in the workspace.",
            )
        return items

    def fingerprint(self) -> bytes | None:
        """A hash over the whole tree, in one request; None where the workspace does not list it in one."""
        try:
            query, most = {"path": self.root, **_HASHES}, self.http.limits.listing
            return self.http.stream(f"{API}/list-repo", query, _digest, most)
        except NotFound:
            return None
        except WorkspaceError as error:
            if error.code != "ENDPOINT_NOT_FOUND":
                raise
            return None

    def _items(self, call: str, path: str) -> list[Shown]:
        return self._listing(call, path, self._object)

    def _listing(self, call: str, path: str, each: Callable[[dict[str, Any], int], T]) -> list[T]:
        """What `each` makes of every object of a listing, and of the server's clock at that moment."""

        def take(pieces: Iterator[bytes], header: Header) -> list[T]:
            now = milliseconds(header("Date"))
            try:
                return [each(item, now) for item in each_object(no_page(pieces), self.http.limits)]
            except BadBody:
                raise
            except (ValueError, RecursionError):
                raise Unreachable(
                    f"The workspace sent a listing of {printable(path)} that cannot be read.",
                    Again("; nothing is lost."),
                ) from None

        return self.http.stream(f"{API}/{call}", {"path": path, **_HASHES}, take, self.http.limits.listing)

    def _object(self, item: dict[str, Any], now: int) -> Shown:
        return objects.shown(item, now, self.root, self.http.limits.path)

    def _descend(self, top: list[Shown], pool: Executor) -> list[Shown]:
        every = list(top)
        pending: dict[Future[list[Shown]], str] = {}

        def enter(items: Iterable[Shown], path: str) -> None:
            inside = f"{objects.plain(path).rstrip('/')}/"
            if len(every) > self.http.limits.objects:
                for other in pending:
                    other.cancel()
                most = f"{self.http.limits.objects:,} objects, which is more than can be synced"
                raise BadAnswer(f"The folder {self.root} contains more than {most}.", "Give another --target.")
            for item in items:
                # What lies elsewhere, or is this folder, is nothing to go on with: that might have no end.
                if isinstance(item, Other) and item.type == DIRECTORY and objects.plain(item.path).startswith(inside):
                    pending[pool.submit(self._items, "list", item.path)] = item.path

        enter(top, self.root)
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                path = pending.pop(future)
                try:
                    items = future.result()
                except WorkspaceError as error:
                    for other in pending:
                        other.cancel()
                    raise ValveError(
                        f"The folder {printable(path)} cannot be listed, so its contents are unknown: {error.message}",
                        Again(" when it can be listed.", before="Nothing was written; "),
                    ) from None
                every += items
                enter(items, path)
        return every

    def _listed(self, items: Iterable[Shown]) -> Listing:
        objects: dict[str, RemoteObject] = {}
        folders: set[str] = set()
        others: dict[str, str] = {}
        for item in items:
            if isinstance(item, RemoteObject):
                objects[item.key] = item
            elif (key := key_in(self.root, item.path)) is not None:
                if item.type == DIRECTORY:
                    folders.add(key)
                else:
                    others[key] = item.type
        # What lies in another object, such as somebody's Git folder, is that object's business.
        inner = tuple(f"{key}/" for key in others)
        if inner:
            objects = {key: item for key, item in objects.items() if not key.startswith(inner)}
            folders = {key for key in folders if not key.startswith(inner)}
            others = {key: kind for key, kind in others.items() if not key.startswith(inner)}
        if objects:
            self.hashed = all(item.version.sha for item in objects.values())
        return Listing(objects, frozenset(folders), others)

    def look(self, key: str) -> RemoteObject | None:
        """The object at `key` right now, None when there is none: the last look before a write.

        Raises TypeMismatch when a folder or something else that is never carried stands there.
        """
        path = f"{self.root}/{key}"
        try:
            items = self._items("list", path)
        except NotFound:
            return None
        if len(items) == 1 and key_in(self.root, items[0].path) == key:
            if isinstance(items[0], RemoteObject):
                return items[0]
            raise TypeMismatch(f"{printable(path)} is a {type_name(items[0].type)}.")
        raise TypeMismatch(f"{printable(path)} is a folder.", "Rename it locally or in the workspace.")

    def stands(self, folder: str = "") -> bool:
        """Whether the root, or the folder `folder` (a key), exists, though perhaps we may not look into it."""
        try:
            status = self.http.read(f"{API}/get-status", {"path": f"{self.root}/{folder}".rstrip("/")}).json()
        except NotFound:
            return False
        except Denied:
            return True
        return object_type(status) in (DIRECTORY, GIT_FOLDER)

    def type_of(self, path: str) -> str:
        """The type of the object at the absolute `path`; nothing where there is none, or no telling."""
        try:
            return object_type(self.http.read(f"{API}/get-status", {"path": path}).json())
        except (NotFound, Denied):
            return ""

    def age(self, key: str) -> float | None:
        """Seconds since the object at `key` was written, by the workspace's own clock; None when it does not say."""
        try:
            ages = self._listing("list", f"{self.root}/{key}", objects.age)
        except NotFound:
            return None
        return ages[0] if len(ages) == 1 else None

    def chosen_format(self, key: str) -> Format:
        """The format somebody chose for a notebook in the workspace (SERVER: only get-status tells)."""
        query = {"path": f"{self.root}/{key}", "return_export_info": "true"}
        status = self.http.read(f"{API}/get-status", query).json()
        return JUPYTER if status.get("repos_export_format") == "JUPYTER" else SOURCES[objects.language(status)]

    def export(self, key: str, form: Form | None) -> bytes:
        """The bytes of a notebook in `form`, or (None) of a file: no more than the workspace takes."""
        query = {"path": f"{self.root}/{key}", "format": form.value if form else "AUTO", "direct_download": "true"}
        limits = self.http.limits

        def take(pieces: Iterator[bytes], header: Header) -> bytes:
            data = b"".join(pieces)
            if "html" in header("Content-Type").lower() and _PAGE.match(data) and not _PAGES.search(key):
                raise page()
            return data

        return self.http.stream(f"{API}/export", query, take, limits.notebook if form else limits.file)

    def small_file(self, key: str, most: int) -> bytes | None:
        """The bytes of the file at `key`; None, read no further, when they are more than `most`."""

        query = {"path": f"{self.root}/{key}", "format": "AUTO", "direct_download": "true"}
        # What is too long is no broken answer.
        raw = self.http.stream(f"{API}/export", query, lambda pieces, _: beginning(pieces, most + 1), 2 * most)
        return raw if len(raw) <= most else None

    def me(self) -> str:
        """The name of the user whose token this is."""
        name = objects.text(self.http.read("/api/2.0/preview/scim/v2/Me", {}).json(), "userName")
        if name in ("", ".", "..") or "/" in name or not name.isprintable():
            raise SettingsError("The workspace does not say who is logged in.", "Set DATABRICKS_USER.")
        return name

    # --- writing: each sent once ---------------------------------------------------------------------------

    def permit(self, call: Literal["import", "delete"]) -> Permit:
        """Waits until a write may be sent, so that nothing is left to wait for between the last look and the write."""
        return self.http.permit(f"{API}/{call}")

    def make_folder(self, path: str) -> None:
        """Makes the folder at the absolute `path`; making one that exists is no error."""
        self.http.write(f"{API}/mkdirs", json.dumps({"path": path}).encode())
        reached("after mkdirs")

    def put(
        self, key: str, data: bytes, format: Format | None, *, overwrite: bool, permit: Permit | None = None
    ) -> None:
        """Creates (AlreadyExists if there is one) or, with `overwrite`, replaces the object at `key`: a file, or the
        notebook of that format.

        The format is always said, never left to the workspace to guess: its test for the header is looser
        than a first line. Multipart, because the JSON form refuses empty content.
        """
        fields = {"path": f"{self.root}/{key}"}
        fields["format"] = format.form.value if format else "RAW"
        if format and format.form is Form.SOURCE:
            fields["language"] = (format.language or Language.PYTHON).value
        if overwrite:
            fields["overwrite"] = "true"
        reached("before import")
        self.http.write(f"{API}/import", *form_data(fields, data), permit=permit)
        reached("after import")

    def delete(self, key: str, *, permit: Permit | None = None) -> None:
        """Deletes one object or one empty folder; never anything below it."""
        body = {"path": f"{self.root}/{key}" if key else self.root, "recursive": False}
        reached("before delete")
        self.http.write(f"{API}/delete", json.dumps(body).encode(), permit=permit)
        reached("after delete")


def asked_types(workspace: Workspace, pool: Executor) -> Callable[[], None]:
    """Asks for the types of a target and of what it lies in; what is returned raises SettingsError for a Git folder."""
    types = {path: pool.submit(workspace.type_of, path) for path in may_be_git_folders(workspace.root)}
    return lambda: check_types(workspace.root, {path: kind.result() for path, kind in types.items()})


def keys_by_nfc(listing: Listing) -> Mapping[str, RemoteObject]:
    """The listing's objects by key in NFC; names that only differ in normalisation keep their own spelling."""
    if all(nfc(key) == key for key in listing.objects):
        return listing.objects
    normal = {key: nfc(key) for key in listing.objects}
    shared = Counter(normal.values())
    return {key if shared[normal[key]] > 1 else normal[key]: item for key, item in listing.objects.items()}


def form_data(fields: Mapping[str, str], content: bytes) -> tuple[bytes, str]:
    """A multipart body of these fields and the content of an import, and its Content-Type."""
    boundary = os.urandom(16).hex()
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = [f'{part}"{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    head += [part, '"content"; filename="content"\r\nContent-Type: application/octet-stream\r\n\r\n']
    body = b"".join(("".join(head).encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def _digest(pieces: Iterator[bytes], _: Header) -> bytes:
    hashed = sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.digest()
