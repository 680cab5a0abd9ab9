"""The rules of scoring, and scoring itself with a model from a registry of its own."""

from datetime import date, datetime, timezone
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import score
import yaml
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

MODEL = "main.default.diabetes"
FOLDER = Path(score.__file__).parent
PATIENTS = str(FOLDER / "patients.csv")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with two versions of a model, the first of which is the champion."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.sqlite'}")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        client = mlflow.MlflowClient()
        client.create_registered_model(MODEL)
        table = pd.read_csv(PATIENTS)[["bmi", "bp"]]
        for slope in (1, 2):
            model = LinearRegression().fit(table, slope * table["bmi"])
            signature = infer_signature(table, model.predict(table))
            logged = mlflow.sklearn.log_model(
                model, name="model", signature=signature, pip_requirements=["scikit-learn"]
            )
            mlflow.register_model(logged.model_uri, MODEL)
        mlflow.end_run()
        client.set_registered_model_alias(MODEL, "champion", "1")
        yield client


def run(registry, *words):
    """A run with these arguments, as the registry knows it."""
    score.score(score.parsed(["--model-name", MODEL, *words]))
    return registry.get_run(mlflow.last_active_run().info.run_id)


def test_champion(registry, tmp_path):
    """Every patient gets the champion's prediction, its version and the time; the run tells what was used."""
    told = run(registry, "--input", PATIENTS, "--output", str(tmp_path), "--date", "2026-09-30")
    written = pd.read_csv(tmp_path / "date=2026-09-30" / "predictions.csv")
    given = pd.read_csv(PATIENTS)
    assert list(written["patient"]) == list(given["patient"])
    assert written["prediction"].tolist() == pytest.approx(given["bmi"].tolist())
    assert set(written["model_version"]) == {1} and len(set(written["scored_at"])) == 1
    assert told.data.tags["model_version"] == "1" and told.data.metrics["rows"] == 45
    assert told.data.params["input"] == PATIENTS and told.data.tags["output"].startswith(str(tmp_path))


def test_exact_version(registry):
    """A number names a version whatever the aliases say, and the predictions are the run's."""
    told = run(registry, "--input", PATIENTS, "--model-version", "2", "--date", "2026-09-30")
    assert told.data.tags["model_version"] == "2"
    kept = mlflow.artifacts.download_artifacts(
        run_id=told.info.run_id, artifact_path="predictions/date=2026-09-30/predictions.csv"
    )
    assert set(pd.read_csv(kept)["model_version"]) == {2}


def test_unknown_alias(registry):
    """An alias nobody set is refused, with those there are, and the run is marked as failed."""
    with pytest.raises(score.Refused, match=r"no alias champoin \(it has: champion\)"):
        run(registry, "--input", PATIENTS, "--model-version", "champoin")
    assert registry.get_run(mlflow.last_active_run().info.run_id).info.status == "FAILED"


def test_unknown_model(registry):
    """Scoring before any training is refused with what to do first."""
    with pytest.raises(score.Refused, match="no registered model untrained: train it first"):
        score.resolve(registry, "untrained", "champion")


@pytest.mark.parametrize("content", ["", "bmi,bp\n"])
def test_empty_input(tmp_path, content):
    """An input without rows is refused: it is a mistake upstream, not a day without patients."""
    (tmp_path / "empty.csv").write_text(content)
    with pytest.raises(score.Refused, match="holds no rows"):
        score.read(str(tmp_path / "empty.csv"))


def test_missing_columns():
    """Columns the model needs and the input lacks are named."""
    with pytest.raises(score.Refused, match="lacks the columns s1, s2"):
        score.inputs(pd.DataFrame({"bmi": [1]}), ["bmi", "s1", "s2"])


def test_second_run_of_a_day(tmp_path):
    """Scoring a day again replaces that day's file and leaves the other days alone."""
    moment = datetime(2026, 9, 30, tzinfo=timezone.utc)
    for day, value in ((date(2026, 9, 29), 1.0), (date(2026, 9, 30), 1.0), (date(2026, 9, 30), 2.0)):
        score.write(score.scored(pd.DataFrame({"bmi": [0]}), [value], "7", moment), tmp_path, day)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["date=2026-09-29/predictions.csv", "date=2026-09-30/predictions.csv"]
    assert [pd.read_csv(tmp_path / name)["prediction"].item() for name in files] == [1.0, 2.0]


def test_one_environment():
    """The libraries a job installs are those that python_env.yaml names, and those of the training project."""
    spark_job = yaml.safe_load((FOLDER / "MLproject").read_text())["databricks_spark_job"]
    for folder in (FOLDER, FOLDER.parent / "ExampleTrainingProject"):
        environment = yaml.safe_load((folder / "python_env.yaml").read_text())
        assert spark_job["python_libraries"] == environment["dependencies"]
