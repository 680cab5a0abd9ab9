"""`promote` puts the version into use that has passed in the target before: once, recorded, and taken back."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .desk import Desk, Ran, until_line
from .stage import Stage
from .work import MLPROJECT, QUICK, URL, git, repository, write

if TYPE_CHECKING:
    from mlflow import MlflowClient

# See test_end_to_end.py.
pytestmark = pytest.mark.xdist_group("hooks")

EVALUATE = """\
  evaluate:
    parameters:
      model: {type: string}
    command: python evaluate.py --model {model}
"""
# What a model is worth stands in a tag of its version, so that nothing has to be trained to know.
JUDGE = """\
import sys
from urllib.parse import urlencode

name, version = sys.argv[-1].removeprefix("models:/").rsplit("/", 1)
there = ask("model-versions/get?" + urlencode({"name": name, "version": version}), "GET")["model_version"]
worth = {tag["key"]: tag["value"] for tag in there["tags"]}
ask("runs/log-metric", run_id=RUN, key="rmse", value=float(worth["rmse"]), timestamp=0)
ask("runs/update", run_id=RUN, status="FINISHED", end_time=0)
"""
HOOK = f"""\
name: demo
git: {{url: {URL}, tag: v1.0}}
experiment: /Shared/promotion/FOLDER
parameters: {{word: {{value: hello, widget: true}}}}
promote:
  model: main.FOLDER.dev
  gate: {{metrics: {{rmse: {{at_most: 60}}}}}}
targets:
  qa: {{promote: {{model: main.FOLDER.qa}}}}
  prod: {{promote: {{model: main.FOLDER.prod, from: qa, gate: {{approval: true}}}}}}
  judged:
    promote:
      model: main.FOLDER.judged
      from: qa
      gate: {{entry_point: evaluate, metrics: {{rmse: {{better: lower}}}}}}
"""


TOKEN = "MLFLOW_TRACKING_TOKEN"


class Team:
    """A desk, and the models of one hook in a workspace."""

    def __init__(self, desk: Desk, folder: str) -> None:
        self.desk = desk
        self.folder = folder
        from mlflow import MlflowClient  # a second and a half, of which each worker that collects would have its share

        self._client = MlflowClient(desk.api.host, desk.api.host)

    @property
    def client(self) -> MlflowClient:
        """MLflow's own, with the token of this workspace, which it looks up at each request."""
        os.environ[TOKEN] = self.desk.api.token
        return self._client

    def type(self, *words: str, code: int = 0, **environment: str) -> Ran:
        return self.desk.quick("promote", "demo", *words, code=code, **environment)

    def train(self, rmse: float, to: str = "qa") -> str:
        """A new version of the model of a target, its challenger; the number."""
        name, place = self.model(to), "/Shared/trained"
        experiment = self.client.get_experiment_by_name(place)
        run = self.client.create_run(experiment.experiment_id if experiment else self.client.create_experiment(place))
        self.client.log_metric(run.info.run_id, "rmse", rmse)
        self.client.log_text(run.info.run_id, f"an error of {rmse}", "model/MLmodel")
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        made = self.client.create_model_version(
            name, f"{run.info.artifact_uri}/model", run.info.run_id, tags={"rmse": str(rmse), "commit": "f17c"}
        )
        self.client.set_registered_model_alias(name, "challenger", made.version)
        return str(made.version)

    def reopen(self) -> None:
        """Makes the last record as a command leaves it that is killed before the last step."""
        (last, *_) = self.desk.runs(f"/Shared/promotion/{self.folder}")
        self.client.update_run(last["info"]["run_id"], "RUNNING")

    def model(self, to: str) -> str:
        return f"main.{self.folder}.{to}"

    def champion(self, to: str) -> str:
        """The number of the version in use; "" for none."""
        models = self.client.search_registered_models(f"name = '{self.model(to)}'")
        return str(models[0].aliases.get("champion", "")) if models else ""

    def versions(self, to: str) -> list[Any]:
        return list(self.client.search_model_versions(f"name = '{self.model(to)}'"))


@pytest.fixture
def team(tmp_path: Path, shared: Stage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A hook with targets in one workspace, each with a model of its own in its one registry."""
    monkeypatch.setenv(TOKEN, "")
    folder = request.node.name.removeprefix("test_")
    files = {
        "MLproject": MLPROJECT + EVALUATE,
        "evaluate.py": QUICK + JUDGE,
        "hook.yml": HOOK.replace("FOLDER", folder),
    }
    return Team(Desk(repository(tmp_path / "team", files), tmp_path / "home", shared.work.api), folder)


def acts(ran: Ran) -> list[tuple[str, str, str | None, str | None]]:
    """What a history tells, the newest first."""
    told = [event for event in ran.events if event["event"] == "promotion"]
    return [(event["act"], event["status"], event["before"], event["version"]) for event in told]


def test_the_way(team: Team) -> None:
    """What has passed in QA is copied, approved and used in production, once; what was before can be used again."""
    said = team.type("--to", "prod", code=1).err
    assert "No version of main.the_way.qa has the alias champion." in said
    assert "Promote it there first: `mlflow_hooks promote demo --to qa`." in said
    assert team.train(55.0) == "1"
    team.client.set_registered_model_alias(team.model("qa"), "champion", "1")
    said = team.type("--to", "prod", code=1).err
    assert "Version 1 of main.the_way.qa has the alias champion, but has not passed in qa." in said
    team.type("--to", "qa")
    said = team.type("--to", "prod", code=1).err
    assert "Version 1 of main.the_way.prod has passed, and waits for a person's approval." in said
    assert team.champion("prod") == "" and [str(version.version) for version in team.versions("prod")] == ["1"]

    ran = team.type("--to", "prod", "--json", PROMOTION_APPROVED_BY="two reviewers")
    assert ran.one("summary")["metrics"] == {"rmse": 55.0} and team.champion("prod") == "1"
    (version,) = team.versions("prod")
    assert version.tags["commit"] == "f17c" and version.tags["mlflow_hooks_source"] == "models:/main.the_way.qa/1"
    team.desk.api.control("requests", method="DELETE")
    assert "1 is the champion of main.the_way.prod already" in team.type("--to", "prod").out
    assert [name for name in team.desk.asked() if not name.endswith("/search")] == []

    team.train(50.0)
    team.type("--to", "qa")
    assert team.champion("qa") == "2" and team.champion("prod") == "1"
    assert "nothing was changed" in team.type("--to", "prod", "--dry-run").out
    team.type("--to", "prod", "--approve")
    assert team.champion("prod") == "2"
    team.type("--to", "prod", "--rollback")
    assert team.champion("prod") == "1" and team.champion("qa") == "2"
    team.reopen()
    team.type("--to", "prod", "--rollback")  # its alias had moved when it was killed: it is not done twice
    assert team.champion("prod") == "1"
    said = team.type("--to", "prod", code=1, PROMOTION_APPROVED_BY="two reviewers").err
    assert "Version 2 of main.the_way.prod was taken back by a rollback." in said
    assert "no record of a version before 1" in team.type("--to", "prod", "--rollback", code=1).err

    ran = team.type("--to", "prod", "--history", "--json")
    assert acts(ran) == [
        ("promote", "FAILED", "1", "2"),
        ("rollback", "FINISHED", "2", "1"),
        ("promote", "FINISHED", "1", "2"),
        ("promote", "FINISHED", None, "1"),
        ("promote", "FAILED", None, "1"),
    ]
    about = [event for event in ran.events if event["event"] == "promotion"][-2]["about"]
    assert about["approved_by"] == "two reviewers" and about["by"] == "me@example.com"
    assert about["commit"] == git(team.desk.root, "rev-parse", "HEAD")
    assert about["source"] == "models:/main.the_way.qa/1"
    lines = team.type("--to", "prod", "--history").out.splitlines()
    assert " rolled back  2 → 1  me@example.com, commit" in lines[2] and lines[-1] == "5 records, 3 done"


def test_passed_elsewhere(team: Team) -> None:
    """A version that somebody has copied by hand, with the tags of one that has passed, has not passed."""
    team.train(55.0)
    team.type("--to", "qa")
    (passed,) = team.versions("qa")
    copy = team.client.copy_model_version(f"models:/{passed.name}/1", team.model("qa"))
    assert copy.tags == passed.tags and "mlflow_hooks_passed_qa" in copy.tags
    team.client.set_registered_model_alias(team.model("qa"), "champion", copy.version)
    assert "Version 2 of main.passed_elsewhere.qa has the alias" in team.type("--to", "prod", code=1).err


def test_what_was_killed(team: Team) -> None:
    """A record that a killed command has left open ends as the alias says, and nothing is done twice."""
    team.train(55.0)
    team.type("--to", "qa")
    team.reopen()
    assert "1 is the champion of main.what_was_killed.qa already" in team.type("--to", "qa").out
    team.train(50.0)
    team.type("--to", "qa")
    team.reopen()
    team.client.set_registered_model_alias(team.model("qa"), "champion", "1")  # as if it had not moved
    assert acts(team.type("--to", "qa", "--history", "--json"))[0] == ("promote", "RUNNING", "1", "2")
    team.type("--to", "qa")
    assert acts(team.type("--to", "qa", "--history", "--json")) == [
        ("promote", "FINISHED", "1", "2"),
        ("promote", "KILLED", "1", "2"),
        ("promote", "FINISHED", None, "1"),
    ]
    team.train(45.0)
    lost = {"kind": "answer", "status": 403, "error_code": "PERMISSION_DENIED", "message": "lost"}
    fault = {"endpoint": "*/registered-models/alias", "phase": "after", "action": lost}
    team.desk.api.control("faults", [fault])
    assert "lost" in team.type("--to", "qa", code=1).err
    team.desk.api.control("faults", method="DELETE")
    assert acts(team.type("--to", "qa", "--history", "--json"))[0] == ("promote", "FINISHED", "2", "3")


def test_refusals(team: Team) -> None:
    """What cannot be promoted says why, and what to do."""
    said = team.type("--to", "qa", code=1).err
    assert "has the alias challenger" in said and "Run what registers one, or write the alias that it gives" in said
    said = team.type("--to", "qa", "--rollback", code=1).err
    assert "No version of main.refusals.qa has the alias champion." in said
    team.train(65.0)
    said = team.type("--to", "qa", code=1).err
    assert "Version 1 of main.refusals.qa is not promoted: rmse is 65, and must be at most 60." in said
    write(team.desk.root / "projects" / "Demo", {"demo.py": "edited"})
    assert "projects/Demo has uncommitted changes" in team.type("--to", "qa", code=1).err
    assert team.champion("qa") == ""


PENDING = {"state": {"life_cycle_state": "PENDING"}}
FAILED = {"state": {"life_cycle_state": "TERMINATED", "result_state": "FAILED"}}
COURSES = [
    (PENDING, "timeout: 1s\n", "gate took longer than 1 second"),
    (FAILED, "", "evaluate could not judge models:/main.courses"),
]


@pytest.mark.long  # a judge is a run, and test_notebook.py has those that fail or take too long
def test_courses(team: Team) -> None:
    """A judge that takes too long, or fails, lets nothing pass, and leaves nothing open."""
    team.train(55.0)
    team.type("--to", "qa")
    for course, timeout, words in COURSES:
        write(team.desk.root / "projects" / "Demo", {"hook.yml": HOOK.replace("FOLDER", "courses") + timeout})
        git(team.desk.root, "commit", "--quiet", "-am", f"timeout {timeout}")
        team.desk.api.control("run-states", [course])
        assert words in team.type("--to", "judged", code=1).err
    team.desk.api.control("run-states", method="DELETE")
    assert team.champion("judged") == ""
    assert {run["info"]["status"] for run in team.desk.runs("/Shared/promotion/courses")} == {"FINISHED", "FAILED"}


MOVES = """\
import sys

name = sys.argv[-1].removeprefix("models:/").rsplit("/", 1)[0]
ask("registered-models/alias", name=name, alias="champion", version="1")
ask("runs/log-metric", run_id=RUN, key="rmse", value=50.0, timestamp=0)
ask("runs/update", run_id=RUN, status="FINISHED", end_time=0)
"""


@pytest.mark.long  # a judge more, to move an alias behind the command's back
def test_somebody_else(team: Team) -> None:
    """An alias that somebody else has moved, while the judge was at work, is not moved once more."""
    write(team.desk.root / "projects" / "Demo", {"evaluate.py": QUICK + MOVES})
    git(team.desk.root, "commit", "--quiet", "-am", "meanwhile")
    team.train(55.0, "judged")
    team.train(50.0)
    team.type("--to", "qa")
    said = team.type("--to", "judged", code=1).err
    assert "Somebody else has moved the alias champion of main.somebody_else.judged meanwhile." in said
    assert team.champion("judged") == "1"


TASK = """\
import sys

import mlflow

name, version = sys.argv[-1].removeprefix("models:/").rsplit("/", 1)
with mlflow.start_run():
    mlflow.log_metric("rmse", float(mlflow.MlflowClient().get_model_version(name, version).tags["rmse"]))
"""


@pytest.mark.long  # two starts of MLflow
def test_a_judge_as_a_task(team: Team) -> None:
    """With the engine jobs-git the judge is a task of a job, and what is better is promoted."""
    hook = HOOK.replace("FOLDER", team.folder).replace("tag: v1.0", "tag: v1.0, provider: gitHub")
    write(team.desk.root / "projects" / "Demo", {"hook.yml": f"{hook}engine: jobs-git\n", "evaluate.py": TASK})
    git(team.desk.root, "commit", "--quiet", "-am", "as a task")
    team.client.set_registered_model_alias(team.model("judged"), "champion", team.train(55.0, "judged"))
    team.train(50.0)
    team.type("--to", "qa")
    summary = team.type("--to", "judged", "--json").one("summary")
    assert summary["metrics"] == {"rmse": 50.0, "champion_rmse": 55.0}
    assert team.champion("judged") == summary["version"] == "2"


@pytest.mark.long  # a start of MLflow
def test_ctrl_c(team: Team) -> None:
    """While the judge is at work, Ctrl-C cancels it, and nothing is promoted."""
    team.train(55.0)
    team.type("--to", "qa")
    team.desk.api.control("run-states", [PENDING])
    process = team.desk.start("promote", "demo", "--to", "judged")
    until_line(process, "PENDING")
    process.send_signal(signal.SIGINT)
    ran = team.desk.finish(process, 130)
    team.desk.api.control("run-states", method="DELETE")
    assert "Interrupted; the run was cancelled." in ran.err and team.champion("judged") == ""
    assert acts(team.type("--to", "judged", "--history", "--json")) == [("promote", "KILLED", None, "1")]
    active = team.desk.work.get("2.2/jobs/runs/list", active_only="true").json.get("runs", [])
    assert [run["run_id"] for run in active] == []


def test_the_judge(team: Team) -> None:
    """The judge runs for both versions now, and what is not better than the one in use is not promoted."""
    team.client.set_registered_model_alias(team.model("judged"), "champion", team.train(55.0, "judged"))
    team.train(57.0)
    team.type("--to", "qa")
    ran = team.type("--to", "judged", "--json", code=1)
    assert ran.one("error")["message"] == (
        "Version 2 of main.the_judge.judged is not promoted: rmse is 57, not better than 55 of the version in use."
    )
    assert team.champion("judged") == "1"
    (record,) = [run for run in team.desk.runs("/Shared/promotion/the_judge") if "champion_rmse" in run["metrics"]]
    assert record["metrics"] == {"rmse": 57.0, "champion_rmse": 55.0} and record["info"]["status"] == "FAILED"
