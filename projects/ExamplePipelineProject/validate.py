"""Judges the model on patients that it has not seen. A model that errs too much ends the pipeline here."""

import argparse
import sys
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.metrics import root_mean_squared_error


def is_good(rmse: float, limit: float) -> bool:
    """Whether a model may be registered; an error that is no number is not below any limit."""
    return rmse <= limit


def validate(data: str, model: str, limit: float) -> None:
    table = pd.read_csv(Path(mlflow.artifacts.download_artifacts(data)) / "holdout.csv")
    with mlflow.start_run():
        predicted = mlflow.pyfunc.load_model(model).predict(table.drop(columns="progression"))
        rmse = float(root_mean_squared_error(table["progression"], predicted))
        mlflow.log_metric("rmse", rmse)
    if not is_good(rmse, limit):
        raise SystemExit(f"The model has an rmse of {rmse:.2f}, and the limit is {limit:g}: it is not registered.")


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Judges the model of the pipeline.")
    parser.add_argument("--data", required=True, help="where preprocess has left its tables")
    parser.add_argument("--model", required=True, help="where train has left its model")
    parser.add_argument("--limit", type=float, default=60, help="the largest rmse of a model that is registered")
    return parser.parse_args(words)


if __name__ == "__main__":
    arguments = parsed(sys.argv[1:])
    validate(arguments.data, arguments.model, arguments.limit)
