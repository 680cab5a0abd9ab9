"""The rules of the steps, and the steps themselves, one after the other, against a registry of their own."""

from pathlib import Path

import evaluate
import mlflow
import preprocess
import pytest
import register
import validate
import yaml

MODEL = "main.default.diabetes_pipeline"
HERE = Path(preprocess.__file__).parent


def load_train():
    """train.py, which another project of this repository has too."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("pipeline_train", HERE / "train.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """An empty registry in a file; the scripts find it as they would find any: in the environment."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.sqlite'}")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield mlflow.MlflowClient()


def test_holdout():
    """However few rows are trained on, the model is judged on the same patients, none of whom it was trained on."""
    every, few = preprocess.prepared(0), preprocess.prepared(40)
    assert len(few["training"]) == 40 and few["holdout"].equals(every["holdout"])
    assert not set(every["training"].index) & set(every["holdout"].index)
    assert evaluate.holdout().equals(every["holdout"])
    with pytest.raises(ValueError, match="1 rows are too few"):
        preprocess.prepared(1)


@pytest.mark.parametrize(("rmse", "good"), [(59.9, True), (60.0, True), (60.1, False), (float("nan"), False)])
def test_limit(rmse, good):
    """Only a model that does not err too much is registered."""
    assert validate.is_good(rmse, 60) is good


def test_one_environment():
    """The libraries a job installs are those that python_env.yaml names."""
    spark_job = yaml.safe_load((HERE / "MLproject").read_text())["databricks_spark_job"]
    assert spark_job["python_libraries"] == yaml.safe_load((HERE / "python_env.yaml").read_text())["dependencies"]


def test_steps(registry):
    """Each step leaves what the next one needs in a tag of its run; a bad model ends the pipeline."""

    def last():
        return mlflow.last_active_run().data

    preprocess.preprocess(40)
    data = last().tags["data"]
    load_train().train(data, 0.1)
    model = last().tags["model"]
    validate.validate(data, model, 100)
    assert 40 < last().metrics["rmse"] < 100
    rmse = last().metrics["rmse"]
    register.register(model, MODEL)
    evaluate.evaluate(f"models:/{MODEL}/1")
    assert last().metrics["rmse"] == pytest.approx(rmse)
    assert int(registry.get_registered_model(MODEL).aliases["challenger"]) == 1
    with pytest.raises(SystemExit, match="the limit is 1: it is not registered"):
        validate.validate(data, model, 1)
