"""Trains a ridge regression on the prepared data. The tag `model` says where the model is, for the next steps."""

import argparse
import sys
from pathlib import Path

import mlflow
import pandas as pd
import sklearn
from mlflow.models import infer_signature
from sklearn.linear_model import Ridge


def train(data: str, alpha: float) -> None:
    table = pd.read_csv(Path(mlflow.artifacts.download_artifacts(data)) / "training.csv")
    inputs, target = table.drop(columns="progression"), table["progression"]
    with mlflow.start_run():
        model = Ridge(alpha=alpha).fit(inputs, target)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(inputs, model.predict(inputs)),
            # Said, because to find it out MLflow would load the model in another process.
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"pandas=={pd.__version__}"],
        )
        mlflow.set_tag("model", logged.model_uri)


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains the model of the pipeline.")
    parser.add_argument("--data", required=True, help="where preprocess has left its tables")
    parser.add_argument("--alpha", type=float, default=0.1, help="strength of the regularisation")
    return parser.parse_args(words)


if __name__ == "__main__":
    arguments = parsed(sys.argv[1:])
    train(arguments.data, arguments.alpha)
