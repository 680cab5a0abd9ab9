"""The rules of training, and training itself against a registry of its own."""

from pathlib import Path

import mlflow
import pytest
import train
import yaml

MODEL = "main.default.diabetes"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """An empty registry in a file; the script finds it as it would find any: in the environment."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.sqlite'}")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield mlflow.MlflowClient()


def run(*words):
    train.train(train.parsed(["--model-name", MODEL, *words]))


def aliases(registry):
    """Alias -> version; some registries give the number as text."""
    return {alias: int(version) for alias, version in registry.get_registered_model(MODEL).aliases.items()}


def test_holdout():
    """However few rows are trained on, they are judged on the same patients, none of whom they were trained on."""
    every, few = train.load(0), train.load(40)
    assert len(few.training) == 40 and few.holdout.equals(every.holdout)
    assert not set(every.training.index) & set(every.holdout.index)
    assert len(every.training) + len(every.holdout) == 442


def test_too_few_rows():
    """A single row is refused in a sentence."""
    with pytest.raises(ValueError, match="1 rows are too few"):
        train.load(1)


BEATS = [(50.0, None, True), (50.0, 51.0, True), (50.0, 50.0, False), (51.0, 50.0, False), (float("nan"), None, False)]


@pytest.mark.parametrize(("rmse", "champion", "expected"), BEATS)
def test_beats(rmse, champion, expected):
    """A version becomes champion only when it errs less, and never with an error that is no number."""
    assert train.beats(rmse, champion) is expected


def test_one_environment():
    """The libraries a job installs are those that python_env.yaml names."""
    folder = Path(train.__file__).parent
    spark_job = yaml.safe_load((folder / "MLproject").read_text())["databricks_spark_job"]
    assert spark_job["python_libraries"] == yaml.safe_load((folder / "python_env.yaml").read_text())["dependencies"]


def test_training(registry):
    """A version has its signature, run and alias; only one that is better becomes champion, and only when asked."""
    run("--rows", "40")
    assert aliases(registry) == {"challenger": 1}
    run("--promote", "true")
    run("--promote", "true", "--alpha", "50")
    assert aliases(registry) == {"challenger": 3, "champion": 2}

    version = registry.get_model_version(MODEL, "3")
    assert version.tags["run_id"] == version.run_id
    assert "bmi" in mlflow.models.get_model_info(f"models:/{MODEL}/3").signature.inputs.input_names()
    told = registry.get_run(version.run_id)
    assert told.data.params["alpha"] == "50.0" and told.data.tags["promoted"] == "False"
    assert told.data.metrics["rmse"] > told.data.metrics["champion_rmse"]
    assert told.data.metrics["training_rows"] == 331
    assert {one.dataset.name for one in told.inputs.dataset_inputs} == {"diabetes"}
