"""What a good script over databricks-sdk does: push or pull a folder with a pool of threads.

    python sdk_tool.py push|pull FOLDER TARGET THREADS

Runs in an environment of its own. Over http the SDK's own connection pool does not apply, so one is mounted.
"""

from __future__ import annotations

import base64
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType


def push(client: WorkspaceClient, folder: Path, target: str, pool: ThreadPoolExecutor) -> None:
    files = [path for path in folder.rglob("*.py") if path.is_file()]
    folders = sorted({path.parent.relative_to(folder).as_posix() for path in files})
    list(pool.map(lambda name: client.workspace.mkdirs(f"{target}/{name}"), folders))

    def upload(path: Path) -> None:
        client.workspace.import_(
            f"{target}/{path.relative_to(folder).with_suffix('').as_posix()}",
            content=base64.b64encode(path.read_bytes()).decode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )

    list(pool.map(upload, files))


def pull(client: WorkspaceClient, folder: Path, target: str, pool: ThreadPoolExecutor) -> None:
    found = [one for one in client.workspace.list(target, recursive=True) if one.object_type == ObjectType.NOTEBOOK]

    def download(path: str) -> None:
        answer = client.workspace.export(path, format=ExportFormat.SOURCE)
        where = folder / f"{path.removeprefix(f'{target}/')}.py"
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(base64.b64decode(answer.content or ""))

    list(pool.map(download, [one.path or "" for one in found]))


def main() -> None:
    what, folder, target, threads = sys.argv[1:]
    client = WorkspaceClient()
    adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=int(threads), pool_block=True)
    client.api_client._api_client._session.mount("http://", adapter)
    with ThreadPoolExecutor(int(threads)) as pool:
        (push if what == "push" else pull)(client, Path(folder), target, pool)


if __name__ == "__main__":
    main()
