"""Trains a ridge regression on scikit-learn's diabetes data and registers it.

The new version gets the alias `challenger`; with `--promote true` it becomes `champion` if it beats the present one on
the same patients, none of whom either was trained on. Nothing here names a workspace, an experiment or a registry:
MLflow finds the first two in its environment, and MLFLOW_REGISTRY_URI decides the last (Unity Catalog where it is not
set), so the script is the same everywhere. It is one file without `from __future__`: a `databricks_spark_job` runs a
copy of it, pasted below some lines of MLflow's own, beside no other module.
"""

import argparse
import math
import sys
from dataclasses import dataclass

import mlflow
import pandas as pd
import sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

TARGET = "progression"
CHALLENGER, CHAMPION = "challenger", "champion"
# Champions are only compared on patients that no version has seen: the split must never change.
HOLDOUT, SEED = 0.25, 20


@dataclass(frozen=True)
class Data:
    """Patients to train on, and patients to judge by."""

    training: pd.DataFrame
    holdout: pd.DataFrame

    @property
    def features(self) -> list[str]:
        return [name for name in self.training.columns if name != TARGET]


def load(rows: int) -> Data:
    """The data, with at most `rows` to train on (0: all); the hold-out is always the same."""
    table = load_diabetes(as_frame=True).frame.rename(columns={"target": TARGET})
    training, holdout = train_test_split(table, test_size=HOLDOUT, random_state=SEED)
    training = training[:rows] if rows else training
    if len(training) < 2:
        raise ValueError(f"{len(training)} rows are too few to train on; give --rows 0 for all.")
    return Data(training, holdout)


def fit(data: Data, alpha: float) -> Ridge:
    return Ridge(alpha=alpha).fit(data.training[data.features], data.training[TARGET])


def judge(model, holdout: pd.DataFrame) -> dict[str, float]:
    """The metrics of anything that predicts, on the hold-out."""
    predicted = model.predict(holdout.drop(columns=TARGET))
    return {
        "rmse": float(root_mean_squared_error(holdout[TARGET], predicted)),
        "r2": float(r2_score(holdout[TARGET], predicted)),
    }


def beats(rmse: float, champion: float | None) -> bool:
    """Whether a version may take the champion's place: when there is none, or when it errs less."""
    return math.isfinite(rmse) and (champion is None or rmse < champion)


def log_given(run: mlflow.ActiveRun, arguments: argparse.Namespace) -> None:
    """Logs the arguments. `mlflow.run` has done so already; where the script was started otherwise, nobody has."""
    given = {name: str(value) for name, value in vars(arguments).items() if name not in run.data.params}
    mlflow.log_params(given)


def register(client: mlflow.MlflowClient, run: mlflow.ActiveRun, model: Ridge, data: Data, name: str) -> str:
    """Logs and registers the model with its signature and where it comes from; its version."""
    inputs = data.training[data.features]
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(inputs, model.predict(inputs)),
        # Said, because to find it out MLflow would load the model in another process.
        pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"pandas=={pd.__version__}"],
    )
    version = str(mlflow.register_model(logged.model_uri, name).version)
    for key, value in {"run_id": run.info.run_id, "commit": run.data.tags.get("mlflow.source.git.commit", "")}.items():
        if value:
            client.set_model_version_tag(name, version, key, value)
    client.set_registered_model_alias(name, CHALLENGER, version)
    return version


def promote(client: mlflow.MlflowClient, name: str, version: str, rmse: float, holdout: pd.DataFrame) -> bool:
    """Makes the version the champion if it is better than the present one; whether it did."""
    present = client.get_registered_model(name).aliases.get(CHAMPION)
    champion = None
    if present is not None:
        champion = judge(mlflow.pyfunc.load_model(f"models:/{name}/{present}"), holdout)["rmse"]
        mlflow.log_metric("champion_rmse", champion)
    if not beats(rmse, champion):
        return False
    client.set_registered_model_alias(name, CHAMPION, version)
    return True


def train(arguments: argparse.Namespace) -> None:
    data = load(arguments.rows)
    with mlflow.start_run() as run:
        log_given(run, arguments)
        for context, table in (("training", data.training), ("holdout", data.holdout)):
            mlflow.log_input(mlflow.data.from_pandas(table, name="diabetes", targets=TARGET), context)
        model = fit(data, arguments.alpha)
        metrics = judge(model, data.holdout)
        mlflow.log_metrics({**metrics, "training_rows": len(data.training), "holdout_rows": len(data.holdout)})
        client = mlflow.MlflowClient()
        version = register(client, run, model, data, arguments.model_name)
        promoted = arguments.promote and promote(client, arguments.model_name, version, metrics["rmse"], data.holdout)
        mlflow.set_tags({"model_name": arguments.model_name, "model_version": version, "promoted": str(promoted)})
    alias = CHAMPION if promoted else CHALLENGER
    print(f"{arguments.model_name} version {version} is the {alias}: rmse {metrics['rmse']:.2f}")


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains and registers a model of diabetes progression.")
    parser.add_argument("--model-name", required=True, help="catalog.schema.model in Unity Catalog")
    parser.add_argument("--alpha", type=float, default=0.1, help="strength of the regularisation")
    parser.add_argument("--rows", type=int, default=0, help="train on so many rows only, for a quick try; 0 for all")
    # A value, not a flag: MLproject gives every parameter one.
    parser.add_argument(
        "--promote", choices=("true", "false"), default="false", help="let a better version be champion"
    )
    arguments = parser.parse_args(words)
    arguments.promote = arguments.promote == "true"
    return arguments


if __name__ == "__main__":
    train(parsed(sys.argv[1:]))
