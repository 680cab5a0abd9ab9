"""Three workspaces, each with a registry of its own, and promotions between them that are killed at each effect."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from emulator.client import Local
from support.forked import Forked

from databricks_local.embedded import running

from .desk import Desk, Ran
from .stage import Stage
from .test_promote import EVALUATE, HOOK, JUDGE, TOKEN, Team, acts
from .work import MLPROJECT, QUICK, repository

pytestmark = [
    pytest.mark.xdist_group("hooks"),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9"),
]

# The same model in each registry.
ONE_NAME = (
    HOOK[: HOOK.index("targets:")].replace("FOLDER.dev", "ml.diabetes")
    + """\
targets:
  dev: {}
  qa: {promote: {from: dev}}
  prod: {promote: {from: qa}}
"""
)
# What is asked of a workspace that changes nothing.
READS = ("/search", "/query", "/get-latest-versions")
# By the process from which those that are killed are forked: MLflow takes seconds.
IMPORTED = ("mlflow.projects", "mlflow_hooks.commands")


class Place(Team):
    """The desk as it is for one of the three workspaces."""

    def model(self, to: str) -> str:
        return "main.ml.diabetes"

    def passed(self, to: str) -> set[str]:
        """The addresses of the versions that have passed here."""
        tag = f"mlflow_hooks_passed_{to}"
        return {f"models:/{one.name}/{one.version}" for one in self.versions(to) if tag in one.tags}


@dataclass(frozen=True)
class Places:
    """The workspaces, by the names of their targets."""

    by_name: dict[str, Place]

    def promote(self, to: str, *words: str, code: int = 0) -> Ran:
        return self.by_name[to].type("--to", to, *words, code=code, **self.source(to))

    def source(self, to: str) -> dict[str, str]:
        """The variables that name the workspace before."""
        before = {"qa": "dev", "prod": "qa"}.get(to)
        if before is None:
            return {}
        api = self.by_name[before].desk.api
        return {"FROM_DATABRICKS_HOST": api.host, "FROM_DATABRICKS_TOKEN": api.token}

    def kept(self) -> None:
        """Production has nothing that QA did not pass, and QA nothing that did not pass in development."""
        for to, before in (("prod", "qa"), ("qa", "dev")):
            sources = {version.tags.get("mlflow_hooks_source", "") for version in self.by_name[to].versions(to)}
            assert sources - {""} <= self.by_name[before].passed(before)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, shared: Stage) -> Iterator[dict[str, Local]]:
    """Three workspaces; the one that the other tests of hooks have is that of development."""
    with ExitStack() as stack:
        others = {}
        for to in ("qa", "prod"):
            there = stack.enter_context(running(tmp_path_factory.mktemp(to) / "workspace"))
            others[to] = Local(there.host, there.token)
        yield {"dev": shared.work.api, **others}


@pytest.fixture
def places(servers: dict[str, Local], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """One repository, whose hook has a target for each workspace."""
    monkeypatch.setenv(TOKEN, "")
    files = {"MLproject": MLPROJECT + EVALUATE, "evaluate.py": QUICK + JUDGE, "hook.yml": ONE_NAME}
    root = repository(tmp_path / "team", files)
    return Places({to: Place(Desk(root, tmp_path / "home", api), "kills") for to, api in servers.items()})


def writes(place: Place) -> list[int]:
    """Which of the requests since somebody last forgot them may have changed something, counted from 1."""
    told = place.desk.api.control("requests", method="GET")["requests"]
    changing = [one["method"] not in ("GET", "HEAD") and not one["endpoint"].endswith(READS) for one in told]
    return [number for number, changes in enumerate(changing, 1) if changes]


def killed(places: Places, to: str, number: int, *words: str) -> bool:
    """Whether the command lived long enough to make that request, and was killed when it had been carried out."""
    desk = places.by_name[to].desk
    typed, environ = ["mlflow_hooks", "promote", "demo", "--to", to, *words], {**desk.env, **places.source(to)}
    process = Forked("mlflow_hooks.cli", typed, desk.root, environ, *[desk.root / "../said"] * 2, modules=IMPORTED)
    rule = {"nth": number, "phase": "after", "action": {"kind": "kill", "pid": process.pid}}
    desk.api.control("faults", [rule])
    process.begin()
    code = process.wait()
    desk.api.control("faults", method="DELETE")
    return code == -signal.SIGKILL


@pytest.mark.long  # twenty commands, and two more MLflows
def test_a_kill_at_any_write(places: Places) -> None:
    """Killed at any write, and typed again, a promotion is done once, and what did not pass is never there."""
    dev, qa, prod = places.by_name.values()
    assert "No version of main.ml.diabetes has the alias champion" in places.promote("prod", code=1).err
    dev.train(59.0)
    for to in ("dev", "qa", "prod"):
        prod.desk.api.control("requests", method="DELETE")
        places.promote(to)
        places.kept()
    assert (dev.champion("dev"), qa.champion("qa"), prod.champion("prod")) == ("1", "1", "1")
    (copy,) = prod.versions("prod")
    assert copy.tags["mlflow_hooks_source_workspace"] == qa.desk.api.host and copy.tags["commit"] == "f17c"
    points, kills = writes(prod), 0
    assert len(points) > 10
    for number in points:
        dev.train(59.0 - number / 10)
        places.promote("dev")
        places.promote("qa")
        before = prod.champion("prod")
        kills += killed(places, "prod", number)
        places.kept()
        now = prod.champion("prod")
        assert now == before or int(now) == int(before) + 1
        places.promote("prod")
        places.kept()
        assert prod.champion("prod") == str(int(before) + 1) == str(len(prod.versions("prod"))), number
        done = [act for act in acts(places.promote("prod", "--history", "--json")) if act[1] == "FINISHED"]
        assert done[0] == ("promote", "FINISHED", before, prod.champion("prod"))
        assert len(done) == len(prod.versions("prod"))
    assert kills == len(points)
    assert {status for _, status, *_ in acts(places.promote("prod", "--history", "--json"))} <= {"FINISHED", "KILLED"}


@pytest.mark.long
def test_a_killed_rollback(places: Places) -> None:
    """Killed at any write, and typed again, a rollback goes back one version, and not two."""
    dev, _, prod = places.by_name.values()

    def promoted(rmse: float) -> str:
        dev.train(rmse)
        for to in ("dev", "qa", "prod"):
            places.promote(to)
        return prod.champion("prod")

    first, second, _ = promoted(40.0), promoted(39.0), promoted(38.0)
    prod.desk.api.control("requests", method="DELETE")
    places.promote("prod", "--rollback")
    points = writes(prod)[:-1]  # after the last one it was done, and the next one goes back once more
    assert len(points) > 1 and prod.champion("prod") == second
    for number in points:
        promoted(37.0 - number / 10)
        assert killed(places, "prod", number, "--rollback")
        places.promote("prod", "--rollback")
        assert prod.champion("prod") == second, number
    places.promote("prod", "--rollback")
    assert prod.champion("prod") == first
