"""`python -m benchmarks.watch`: how soon a save is in the workspace, and what a watch costs while nothing happens.

A save counts from the moment the file is closed to the moment the workspace says the object was modified; both are
clocks of this machine. What a watch costs is read from /proc, so this part needs Linux.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.table import Table

from databricks_local.embedded import running

from .server import Conditions, Server
from .workload import HEADER, Tree, settle

HERE = Path(__file__).parent
TARGET = "/Users/me@example.com/main"
DEADLINE_S = 120.0
# Requests in sequence before a save is there: the listing, the note on the folder, the last look, the import itself.
ROUND_TRIPS = 4
# Saves one after the other before a watch takes them for a stream, which it slows down.
AT_ONCE = 15


class Watched:
    """A project whose watch runs, and the workspace it carries to."""

    def __init__(self, project: Path, server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
        self.project = project
        self.server = server
        self.process = process
        self.log = log

    def await_state(self, state: str, times: int = 1) -> None:
        """Waits until the watch has come to that state so many times."""
        deadline = time.monotonic() + DEADLINE_S
        while self.log.read_text().count(f'"state": "{state}"') < times:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException(f"the watch did not come to {state}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def runs(self) -> int:
        return self.log.read_text().count('"event": "summary"')

    def save(self, path: Path, text: str) -> float:
        """Saves a notebook; how many seconds later the workspace had it. Returns when the watch has finished."""
        name = path.relative_to(self.project / "notebooks").with_suffix("").as_posix()
        before, runs = self._modified(name), self.runs()
        path.write_text(text, encoding="utf-8")
        saved = time.time()
        deadline = time.monotonic() + DEADLINE_S
        while (now := self._modified(name)) == before or self.runs() == runs:
            if time.monotonic() > deadline:
                raise click.ClickException(f"{name} did not arrive")
            time.sleep(0.05)
        return now / 1000 - saved

    def cost(self) -> tuple[float, float]:
        """Seconds of the processor so far, with its children, and MiB of memory right now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return cpu, pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _modified(self, name: str) -> int:
        query = urlencode({"path": f"{TARGET}/{name}"})
        told = self.server.ask("GET", f"/api/2.0/workspace/get-status?{query}")
        return int(told["modified_at"])


@contextmanager
def watched(server: Server, project: Path, command: str = "to_databricks", *options: str) -> Iterator[Watched]:
    there = server.there
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "LANG": "C.UTF-8",
        "DATABRICKS_HOST": there.host,
        "DATABRICKS_TOKEN": there.token,
        "DATABRICKS_USER": "me@example.com",
    }
    log = project.parent / f"{project.name}.log"
    with log.open("wb") as out:
        typed = [str(Path(sys.executable).with_name(command)), "--watch", "--json", *options]
        process = subprocess.Popen(typed, cwd=project, env=environ, stdout=out, stderr=subprocess.STDOUT)
    try:
        made = Watched(project, server, process, log)
        made.await_state("watching")
        yield made
    finally:
        process.terminate()
        process.wait()


def latency(server: Server, project: Path, conditions: Conditions, saves: int) -> dict[str, Any]:
    """How long saves take, one after the other, each of another notebook."""
    notebooks = sorted((project / "notebooks").rglob("*.py"))
    took: list[float] = []
    while len(took) < saves:
        with watched(server, project) as watch:
            settle()
            server.set(conditions)
            batch = notebooks[len(took) : len(took) + AT_ONCE]
            took += [watch.save(notebook, f"{HEADER}print({time.time_ns()})\n") for notebook in batch]
        server.set(Conditions("0 ms a request"))
    trips = ROUND_TRIPS * conditions.latency_ms / 1000
    return {
        "conditions": conditions.name,
        "fastest_s": round(min(took), 3),
        "median_s": round(median(took), 3),
        "p95_s": round(quantiles(took, n=20)[-1], 3),
        "median_less_round_trips_s": round(median(took) - trips, 3),
    }


def burst(server: Server, project: Path, count: int) -> dict[str, Any]:
    """So many new files at once."""
    with watched(server, project) as watch:
        server.forget()
        began = time.monotonic()
        Tree(count, 20).make_notebooks(project / "notebooks" / "burst")
        written = time.monotonic() - began
        while len(set(imported(server))) < count:
            time.sleep(0.05)
        took = time.monotonic() - began
        settle()
        objects = imported(server)
        return {
            "files": count,
            "written_s": round(written, 2),
            "there_s": round(took, 2),
            "imports": len(objects),
            "requests": server.seen().requests,
            "peak_mib": round(watch.cost()[1]),
        }


def imported(server: Server) -> list[str]:
    """The objects that were imported since `forget`, each as often as it was."""
    records = server.ask("GET", "/api/local/requests")["requests"]
    found = [record["object"] for record in records if record["endpoint"].endswith("/import")]
    return [path for path in found if path.startswith(f"{TARGET}/")]


def idle(server: Server, project: Path, command: str, seconds: float, *options: str) -> dict[str, Any]:
    """What a watch costs while nothing happens."""
    with watched(server, project, command, *options) as watch:
        settle()
        server.forget()
        before, _ = watch.cost()
        time.sleep(seconds)
        after, memory = watch.cost()
        return {
            "watch": " ".join([command, *options]),
            "cpu_percent": round(100 * (after - before) / seconds, 2),
            "requests_a_minute": round(60 * server.seen().requests / seconds),
            "memory_mib": round(memory),
        }


def show(console: Console, title: str, rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--saves", type=int, default=45, show_default=True, help="How many saves are timed.")
@click.option("--files", type=int, default=10_000, show_default=True, help="How many files an idle watch follows.")
@click.option("--seconds", type=float, default=30.0, show_default=True, help="How long it is idle.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE / "results", show_default=True)
def main(saves: int, files: int, seconds: float, out: Path) -> None:
    """Measure the watch: from a save to the workspace, a burst of 1,000 files, and doing nothing."""
    console = Console(highlight=False)
    near, far = Conditions("0 ms a request"), Conditions("50 ms a request", 50.0)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Path(folder) / "workspace") as there:
        server = Server(there)
        small, large = Path(folder) / "small", Path(folder) / "large"
        Tree(1000, 50).make(small)
        Tree(files, max(files // 20, 1)).make(large)
        found = {"latency": [latency(server, small, conditions, saves) for conditions in (near, far)]}
        show(console, "From a save to the workspace, 1,000 notebooks", found["latency"])
        found["burst"] = [burst(server, small, 1000)]
        show(console, "A burst of files", found["burst"])
        server.ask("POST", "/api/local/reset", {})
        found["idle"] = [
            idle(server, large, "to_databricks", seconds),
            idle(server, large, "to_databricks", seconds, "--pull"),
            idle(server, large, "from_databricks", seconds),
            idle(server, large, "to_databricks", seconds, "--poll"),
        ]
        show(console, f"Nothing happens, {files:,} notebooks", found["idle"])
    about = {"python": platform.python_version(), "system": platform.system(), "processors": os.cpu_count()}
    out.mkdir(parents=True, exist_ok=True)
    (out / "watch.json").write_text(json.dumps({"about": about, **found}, indent=1) + "\n", encoding="utf-8")
    console.print(out / "watch.json")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.watch")
