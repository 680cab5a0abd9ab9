"""What the benchmarks found stays so: each figure as a ratio to something measured beside it, or as a count.

None is a time on the clock: these run on machines that do other work as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.contestants import Place
from benchmarks.process import Cost, cost
from benchmarks.server import Conditions, Seen, Server
from benchmarks.workload import Tree, repository, settle
from databricks_local.embedded import running

pytestmark = [
    pytest.mark.xdist_group("speed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell what a process cost"),
]

BIN = Path(sys.executable).parent
FEW = Tree(notebooks=120, folders=10)


@dataclass(frozen=True)
class Run:
    cost: Cost
    seen: Seen


@dataclass(frozen=True)
class Bench:
    """A project with a tree of notebooks, another one to pull into, and the server of this module."""

    place: Place
    server: Server

    def run(self, *command: str, clone: bool = False, **environ: str) -> Run:
        """A whole process, by its name: `to_databricks`, `python` ..."""
        self.server.forget()
        folder = self.place.clone if clone else self.place.project
        spent = cost([str(BIN / command[0]), *command[1:]], folder=folder, environ=self.place.environ(environ))
        return Run(spent, self.server.seen())

    def push(self, *arguments: str) -> Run:
        return self.run("to_databricks", "--target", self.place.target, *arguments)

    def pull(self) -> Run:
        return self.run("from_databricks", "--target", self.place.target, clone=True)

    def singly(self) -> None:
        """From now on the workspace knows no archives of sources: each notebook goes and comes by itself."""
        self.server.ask("POST", "/api/local/settings", {"source_archives": False, "folder_exports": "dbc"})

    def under(self, **conditions: float) -> None:
        self.server.set(Conditions("", **conditions))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("speed") / "workspace") as there:
        yield Server(there)


def made(folder: Path, server: Server, tree: Tree) -> Bench:
    server.ask("POST", "/api/local/reset", {})
    server.set(Conditions(""))
    server.ask("POST", "/api/local/settings", {"source_archives": True, "folder_exports": "inside"})
    there = server.there
    place = Place(folder / "project", folder / "clone", folder.name, folder, there.host, there.token)
    tree.make(place.project)
    repository(place.clone)
    return Bench(place, server)


@pytest.fixture
def bench(tmp_path: Path, server: Server) -> Bench:
    return made(tmp_path, server, FEW)


def count(seen: Seen, *names: str) -> Mapping[str, int]:
    return {name: seen.endpoints.get(name, 0) for name in names}


def test_no_request_too_many(bench: Bench) -> None:
    """One import for a new tree of notebooks, one export for it, one listing to see that nothing has changed."""
    first = bench.push().seen
    # And the note beside the target, with its folder.
    assert count(first, "import", "mkdirs") == {"import": 1 + 1, "mkdirs": 1} and first.requests <= 12
    again = bench.push().seen
    assert again.requests <= 3 and count(again, "import", "mkdirs", "export") == {"import": 0, "mkdirs": 0, "export": 0}
    pulled = bench.pull().seen
    assert pulled.requests <= 6 and pulled.endpoints["export"] <= 1 + 1
    assert bench.pull().seen.requests <= 3


@pytest.mark.long
def test_without_archives_no_request_too_many(bench: Bench) -> None:
    """One import a notebook, one folder made for each folder, one export a notebook, and one archive tried each way."""
    bench.singly()
    first = bench.push().seen
    assert count(first, "import", "mkdirs") == {"import": FEW.notebooks + 2, "mkdirs": FEW.folders + 1}
    assert first.requests <= FEW.notebooks + FEW.folders + 13
    pulled = bench.pull().seen
    assert pulled.requests <= FEW.notebooks + 6 and pulled.endpoints["export"] <= FEW.notebooks + 2


@pytest.mark.long  # tests/safety/test_archives.py has what is read without hashes
def test_without_hashes_folders_are_listed_and_nothing_is_read(bench: Bench) -> None:
    """Where the workspace tells no hashes, a push with nothing to do lists each folder once and exports nothing."""
    bench.under(hashes=False)
    bench.push()
    settle()
    bench.push()  # what was written just before the last look is read once more
    again = bench.push().seen
    assert count(again, "export", "import", "get-status") == {"export": 0, "import": 0, "get-status": 0}
    assert again.endpoints["list"] <= FEW.folders + 2


@pytest.mark.long  # it is four seconds of waiting
def test_a_limit_is_kept_to(bench: Bench) -> None:
    """At 30 imports a second the first burst is refused, and hardly more; test_rate_limit.py tells how soon all go."""
    bench.singly()
    bench.under(latency_ms=20, import_rate=30)
    assert bench.push().seen.throttled <= 60


@pytest.mark.long  # `make bench` measures what it comes to
def test_few_answers_are_awaited_one_after_the_other(bench: Bench) -> None:
    """A first push waits for dozens of answers at once, and hardly ever for all of them."""
    bench.singly()
    bench.under(latency_ms=400)
    first = bench.push().seen
    # To look, for the note and its folder, for the archive, for the folders, for the imports, and to read back.
    assert first.at_once > 30 and first.rounds <= 9
    assert bench.push().seen.rounds <= 2
    assert bench.pull().seen.at_once > 30


@pytest.mark.long  # `make bench` measures the same, with more tools and trees
def test_beside_the_legacy_command(bench: Bench) -> None:
    """A push costs hardly more than the legacy command's blind upload, one with nothing to do much less."""
    client = Path(__file__).parents[2] / "benchmarks" / "clients" / "legacy_cli.py"
    typed = ("python", str(client), "workspace", "import_dir", "-o")
    target = f"{bench.place.target}-legacy"
    legacy = bench.run(*typed, str(bench.place.project / "notebooks"), target).cost.cpu
    assert bench.push().cost.cpu < 2 * legacy
    assert bench.push().cost.cpu < legacy
    starts = [bench.run("python", str(client), "--help").cost.cpu for _ in range(3)]
    assert min(bench.run("to_databricks", "--help").cost.cpu for _ in range(3)) < 0.75 * min(starts)


@pytest.mark.long
def test_large_trees(tmp_path: Path, server: Server) -> None:
    """Ten times as many files take far less than ten times as long to find unchanged, and little memory each."""
    small = made(tmp_path / "small", server, Tree(200, 4, 300))
    costs = []
    for bench in (small, made(tmp_path / "large", server, Tree(2000, 40, 300))):
        bench.push()
        settle()
        bench.push()
        costs.append(min((bench.push().cost for _ in range(2)), key=lambda spent: spent.cpu))
    assert costs[1].cpu < 3.5 * costs[0].cpu
    assert (costs[1].peak - costs[0].peak) * 1024 < 4 * 1800
