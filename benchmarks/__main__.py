"""`python -m benchmarks`: measures, prints the table, and writes it as JSON and as a plot."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click
from rich.console import Console

from databricks_local.embedded import running

from .contestants import Contestant, contestants
from .floor import floors
from .harness import FIRST_PUSH, SAME_PUSH, STILL_SAME_PUSH, WORKS, Harness, Plan
from .plot import plot
from .process import Failed
from .results import Results
from .server import Conditions, Server
from .workload import Tree

HERE = Path(__file__).parent
LATENCY_MS = 50.0
IMPORT_RATE = 30.0  # the documented limit of a workspace


def plans(rounds: int, latency_ms: float) -> tuple[Plan, ...]:
    near, far = Conditions("0 ms a request"), Conditions(f"{latency_ms:g} ms a request", latency_ms)
    limited = Conditions(f"{latency_ms:g} ms, 30 imports a second", latency_ms, IMPORT_RATE)
    plain = Conditions(f"{latency_ms:g} ms, a workspace without hashes", latency_ms, hashes=False)
    return (
        Plan(far, works=WORKS[1:], rounds=rounds),
        Plan(near, rounds=rounds),
        Plan(limited, works=(FIRST_PUSH,), rounds=1),
        Plan(plain, works=(FIRST_PUSH, SAME_PUSH, STILL_SAME_PUSH), rounds=1),
    )


def chosen(names: Sequence[str]) -> list[Contestant]:
    every = contestants()
    unknown = [name for name in names if name not in {one.name for one in every}]
    if unknown:
        raise click.BadParameter(f"{unknown[0]} is none of: {', '.join(one.name for one in every)}")
    return [one for one in every if not names or one.name in names]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--notebooks", type=int, default=1000, show_default=True)
@click.option("--folders", type=int, default=50, show_default=True)
@click.option("--rounds", type=int, default=3, show_default=True, help="How often; the median counts.")
@click.option("--latency", type=float, default=LATENCY_MS, show_default=True, help="Of a distant workspace, in ms.")
@click.option("--quick", is_flag=True, help="200 notebooks, once: an impression within minutes.")
@click.option("--tool", "tools", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--conditions", "under", multiple=True, metavar="TEXT", help="Only conditions whose name begins so.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE / "results", show_default=True)
def main(
    notebooks: int, folders: int, rounds: int, latency: float, quick: bool, tools: tuple[str, ...],
    under: tuple[str, ...], out: Path,
) -> None:  # fmt: skip
    """Measure this tool and its peers on the same work, as whole processes, in turn."""
    console = Console(highlight=False)
    if quick:
        notebooks, folders, rounds = 200, 10, 1
    those = chosen(tools)
    for peer in dict.fromkeys(one.peer for one in those if one.peer):
        console.print(f"installing {', '.join(peer.requirements) or peer.name}", style="dim")
        peer.install()
    tree = Tree(notebooks, folders)
    cells, planned = [], plans(rounds, latency)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Path(folder) / "workspace") as there:
        harness = Harness(Path(folder), Server(there), tree, lambda text: console.print(text, style="dim"))
        for plan in planned:
            if not under or any(plan.conditions.name.startswith(part) for part in under):
                try:
                    cells += harness.measure(plan, those)
                except Failed as error:
                    raise click.ClickException(str(error)) from None
    about = {
        "date": date.today().isoformat(),
        "tools": {one.name: one.version for one in those},
        "notebooks": notebooks,
        "bytes_each": tree.size,
        "folders": folders,
        "rounds": rounds,
        "latency_ms": latency,
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
    }
    results = Results(about, cells)
    results.print(console)
    least = list(floors(cells, {plan.conditions.name: plan.conditions for plan in planned}))
    for floor in least:
        console.print(str(floor))
    document = {**results.document(), "floors": [floor.document() for floor in least]}
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "results.svg").write_text(plot(results), encoding="utf-8")
    console.print(f"{out / 'results.json'}, {out / 'results.svg'}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
