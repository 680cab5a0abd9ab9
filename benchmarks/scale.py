"""`python -m benchmarks.scale`: what it costs to find that nothing has changed, in small trees and in very large ones.

Beside it stand the two things that no careful tool can do without: git looking at the folder, and the workspace
listing it once.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.table import Table

from databricks_local.embedded import running

from .contestants import Contestant, Place, contestants
from .process import cost
from .server import Server
from .workload import Tree, settle

HERE = Path(__file__).parent
PER_FOLDER = 50
SIZE = 300  # bytes: nothing of a file is read where nothing has changed


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds, seconds of the processor and MiB for so many files in which nothing has changed."""

    files: int
    work: str
    wall: float
    cpu: float = 0.0
    peak: float = 0.0
    requests: int = 0


def measured(files: int, rounds: int, ours: Contestant) -> Iterator[Scale]:
    """Carries a tree of so many files once, and then measures what there is to do when there is nothing to do."""
    assert ours.pull
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Path(folder) / "workspace") as there:
        server, project = Server(there), Path(folder) / "project"
        Tree(files, max(files // PER_FOLDER, 1), SIZE).make(project)
        place = Place(project, project, "scale", Path(folder), there.host, there.token)
        environ = place.environ({})
        cost(ours.push(place), folder=project, environ=environ)
        settle()
        cost(ours.push(place), folder=project, environ=environ)  # nothing counts as just changed any more
        works = {"push": ours.push(place), "pull": ours.pull(place), "git status": ["git", "status", "--short"]}
        for _ in range(rounds):
            for work, command in works.items():
                server.forget()
                spent = cost(command, folder=project, environ=environ)
                yield Scale(files, work, spent.wall, spent.cpu, spent.peak, server.seen().requests)
            yield Scale(files, "one listing", listed(server, place.target), requests=1)


def listed(server: Server, target: str) -> float:
    began = time.perf_counter()
    query = urlencode({"path": target, "return_wsfs_metadata": "true"})
    server.ask("GET", f"/api/2.0/workspace/list-repo?{query}")
    return time.perf_counter() - began


def best(runs: list[Scale]) -> list[Scale]:
    """The quickest run of each work: what is slower was kept waiting by something else."""
    ordered = sorted(runs, key=lambda run: run.wall)
    kept = {(run.files, run.work): run for run in reversed(ordered)}
    return [kept[key] for key in dict.fromkeys((run.files, run.work) for run in runs)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", type=int, multiple=True, default=[1000, 10_000, 100_000], show_default=True)
@click.option("--rounds", type=int, default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE / "results", show_default=True)
def main(files: tuple[int, ...], rounds: int, out: Path) -> None:
    """Measure a push and a pull that have nothing to do."""
    console = Console(highlight=False)
    ours = contestants()[0]
    if ours.peer:
        ours.peer.install()
    found = [one for count in files for one in best(list(measured(count, rounds, ours)))]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("files", "nothing changed", "wall s", "CPU s", "peak MiB", "requests"):
        table.add_column(heading, justify="left" if heading == "nothing changed" else "right")
    for one in found:
        shown = (f"{one.cpu:.2f}" if one.cpu else "", f"{one.peak:.0f}" if one.peak else "")
        table.add_row(f"{one.files:,}", one.work, f"{one.wall:.2f}", *shown, str(one.requests or ""))
    console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    (out / "scale.json").write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.scale")
