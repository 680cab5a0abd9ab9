"""Git folders: `/api/2.0/repos` on the real git, for whatever address the server's own configuration leads to.

Most of what they are is documented [DOCS]; what is not, as the texts of refusals, is told where it stands.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from databricks_local.core import errors
from databricks_local.core.documents import whole_number
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import GIT_FOLDER, REPO, ApiAnswer, Call, WorkspaceObject, answer
from databricks_local.core.paths import Spelling, parent, spelled
from databricks_local.jobs.checkout import CheckoutError, checkout, default_branch
from databricks_local.jobs.rules.fields import check, required
from databricks_local.jobs.rules.jobs import GIT_URL, PROVIDERS
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace import folders
from databricks_local.workspace.placing import check_parent
from databricks_local.workspace.store import Repository, Store
from databricks_local.workspace.tree import LocalWorkspace

from . import git_folder

PAGE = 20
CREATE = {"url": str, "provider": str, "path": str, "git_credential_id": int, "sparse_checkout": dict}
UPDATE = {"branch": str, "tag": str, "git_credential_id": int, "dangerously_force_discard_all": bool}
UPDATE = {**UPDATE, "sparse_checkout": dict, "repo_id": str}


class ReposApi:
    """`clones` is the folder of the clones, one for each Git folder; what is there of those that are gone is deleted.

    Each operation raises ApiError: 400 for what is wrong with a call, 404 for a Git folder that is not there.
    """

    def __init__(self, clones: Path, store: Store) -> None:
        self._clones = clones
        self._busy: set[int] = set()
        kept = {str(repository.object_id) for repository, _ in store.repositories(0)}
        for clone in clones.iterdir() if clones.is_dir() else ():
            if clone.name not in kept:
                shutil.rmtree(clone, ignore_errors=True)

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/2.0/repos`, and what serves it."""
        return (
            ("POST", "", self.create),
            ("GET", "", self.list),
            ("GET", "/{repo_id}", self.get),
            ("PATCH", "/{repo_id}", self.update),
            ("DELETE", "/{repo_id}", self.delete),
        )

    async def create(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A clone of the default branch as a new folder."""
        body = check("", dict(call.parameters), CREATE)
        required("", body, "url", "provider")
        url, provider = str(body["url"]), _provider(str(body["provider"]))
        if not GIT_URL.match(url):
            raise invalid(f"Invalid Git URL: {url}")
        if body.get("sparse_checkout"):
            raise _off("Sparse checkout")
        target = _place(workspace, call, url)
        entry = await workspace.change(partial(_add, workspace, target))
        try:
            branch = await asyncio.to_thread(_git, default_branch, url)
            made = await self._check_out(workspace, call, entry, Repository(entry.object_id, url, provider, branch, ""))
        except BaseException:
            await workspace.change(partial(workspace.store.remove, entry))
            self._forget(entry.object_id)
            raise
        return answer(_view(workspace, made, entry))

    def get(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """One Git folder."""
        return answer(_view(workspace, *_repository(workspace, call)))

    def list(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Those below a path, by default below /Repos; those with Git CLI access are not among them [DOCS]."""
        prefix = spelled(call.text("path_prefix") or "/Repos").path
        prefix = "/Repos" if prefix == "/" else prefix
        after = whole_number(call.text("next_page_token") or 0)
        if after is None:
            raise invalid("next_page_token is not one of ours.")
        rows = [
            (repository, entry)
            for repository, entry in workspace.store.repositories(after)
            if entry.object_type == REPO and entry.path.startswith(prefix)
        ]
        body: dict[str, Any] = {"repos": [_view(workspace, *row) for row in rows[:PAGE]]} if rows else {}
        if len(rows) > PAGE:
            body["next_page_token"] = str(rows[PAGE - 1][0].object_id)
        return answer(body)

    async def update(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The newest commit of a branch, or a tag; refused where something was edited and not committed [DOCS].

        The status and the text of that refusal are unknown.
        """
        body = check("", dict(call.parameters), UPDATE)
        repository, entry = await workspace.read(lambda seen: _repository(seen, call))
        workspace.check_writable(Spelling(entry.path))
        if (body.get("branch") is None) == (body.get("tag") is None):
            raise invalid("Exactly one of branch and tag is to be given.")
        if body.get("sparse_checkout"):
            raise _off("Sparse checkout")
        is_forced = bool(body.get("dangerously_force_discard_all"))
        shown = None if is_forced else await asyncio.to_thread(self._shown, repository, entry)
        new = repository._replace(branch=body.get("branch"))
        await self._check_out(workspace, call, entry, new, body.get("tag"), shown)
        return answer({})

    def delete(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The folder with all that is in it; nothing happens to the repository."""
        repository, entry = _repository(workspace, call)
        workspace.check_writable(Spelling(entry.path))
        workspace.store.remove(entry)
        self._forget(repository.object_id)
        return answer({})

    def clear(self) -> None:
        """Deletes all clones."""
        shutil.rmtree(self._clones, ignore_errors=True)

    async def _check_out(
        self,
        workspace: LocalWorkspace,
        call: Call,
        entry: WorkspaceObject,
        new: Repository,
        tag: str | None = None,
        shown: git_folder.Digests | None = None,
    ) -> Repository:
        """Shows a branch or a tag in the folder; 409 where it no longer is what was `shown`.

        The clone that was shown before stays until the new one is whole.
        """
        source = {"git_url": new.url, "git_branch": new.branch, "git_tag": tag}
        clone, fresh = self._clone(new.object_id), self._clones / f"{new.object_id}.new"
        with self._alone(new.object_id):
            await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)
            commit = await asyncio.to_thread(_git, checkout, source, fresh)
            files = await asyncio.to_thread(git_folder.committed, fresh, entry.path)
            await git_folder.show(workspace, call, entry, files, shown)
            made = new._replace(head_commit_id=commit)
            await workspace.change(partial(_put, workspace, made, fresh, clone))
        return made

    def _shown(self, repository: Repository, entry: WorkspaceObject) -> git_folder.Digests:
        """What was committed of what a Git folder shows; cloned anew where a server was killed while changing it."""
        clone = self._clone(repository.object_id)
        if not clone.exists():
            _git(checkout, {"git_url": repository.url, "git_commit": repository.head_commit_id}, clone)
        return git_folder.digests(git_folder.committed(clone, entry.path))

    @contextmanager
    def _alone(self, object_id: int) -> Iterator[None]:
        """One at a time for a Git folder; what the service says to a second one is unknown. Raises ApiError (409)."""
        if object_id in self._busy:
            raise ApiError(409, "RESOURCE_CONFLICT", "Another Git operation is in progress in this folder.")
        self._busy.add(object_id)
        try:
            yield
        finally:
            self._busy.discard(object_id)

    def _clone(self, object_id: int) -> Path:
        return self._clones / str(object_id)

    def _forget(self, object_id: int) -> None:
        for name in (str(object_id), f"{object_id}.new"):
            shutil.rmtree(self._clones / name, ignore_errors=True)


def _add(workspace: LocalWorkspace, target: Spelling) -> WorkspaceObject:
    if workspace.store.get(target.path) is not None:
        raise errors.exists(target.echo())
    if parent(target.path) == f"/Repos/{workspace.settings.user}":
        folders.make(workspace, Spelling(parent(target.path)))  # which everybody has from the start [REAL]
    check_parent(workspace, target)
    workspace.check_writable(target)
    is_cli = workspace.settings.git_folders == "cli" and not target.path.startswith("/Repos/")
    return workspace.store.add(WorkspaceObject(0, target.path, GIT_FOLDER if is_cli else REPO))


def _put(workspace: LocalWorkspace, made: Repository, fresh: Path, clone: Path) -> None:
    shutil.rmtree(clone, ignore_errors=True)
    fresh.rename(clone)
    workspace.store.put_repository(made)


def _git(work: Callable[..., str], *arguments: Any) -> str:
    """What git gives; its refusal is one of ours. The code is as users quote it, the rest of the text git's."""
    try:
        return work(*arguments)
    except CheckoutError as error:
        raise ApiError(400, "BAD_REQUEST", f"Remote repo not found. {error}") from None


def _repository(workspace: LocalWorkspace, call: Call) -> tuple[Repository, WorkspaceObject]:
    number = whole_number(call.parameters["repo_id"])
    row = None if number is None else workspace.store.repository(number)
    if row is None:
        raise ApiError(
            404, "RESOURCE_DOES_NOT_EXIST", f"Repo {str(call.parameters['repo_id'])[:40]} could not be found."
        )
    return row


def _view(workspace: LocalWorkspace, repository: Repository, entry: WorkspaceObject) -> dict[str, Any]:
    body = {"id": repository.object_id, "path": entry.path, "url": repository.url, "provider": repository.provider}
    body["head_commit_id"] = repository.head_commit_id
    return body if repository.branch is None else {**body, "branch": repository.branch}


def _place(workspace: LocalWorkspace, call: Call, url: str) -> Spelling:
    """Where a Git folder goes: by default where the page would put it [INFERRED]."""
    path = call.text("path")
    if path is None:
        name = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return spelled(f"/Repos/{workspace.settings.user}/{name}")
    target = spelled(path)
    if target.path.startswith("/Repos/") and target.path.count("/") != 3:
        raise invalid(f"Path {target.echo()} is not of the form /Repos/{{folder}}/{{repo-name}}.")
    return target


def _provider(name: str) -> str:
    for provider in PROVIDERS:
        if provider.lower() == name.lower():
            return provider
    raise invalid(f"Provider {name} is not one of {', '.join(PROVIDERS)}.")


def _off(what: str) -> ApiError:
    """A feature that this workspace has not: the code is that of one that is switched off."""
    return ApiError(404, "FEATURE_DISABLED", f"{what} is not enabled for this workspace.")
