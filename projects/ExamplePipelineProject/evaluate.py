"""Judges a registered version on patients that no version has seen: `mlflow_hooks promote` asks for its rmse."""

import argparse
import sys

import mlflow
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

# As in preprocess.py: this is one file, and a Spark job runs a copy of it beside no other.
HOLDOUT, SEED = 0.25, 20


def holdout() -> pd.DataFrame:
    """The patients that preprocess keeps aside."""
    table = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    return train_test_split(table, test_size=HOLDOUT, random_state=SEED)[1]


def evaluate(model: str) -> None:
    table = holdout()
    with mlflow.start_run():
        predicted = mlflow.pyfunc.load_model(model).predict(table.drop(columns="progression"))
        mlflow.log_metric("rmse", float(root_mean_squared_error(table["progression"], predicted)))


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Judges a version of the model of the pipeline.")
    parser.add_argument("--model", required=True, help="the version, such as models:/main.default.diabetes_pipeline/2")
    return parser.parse_args(words)


if __name__ == "__main__":
    evaluate(parsed(sys.argv[1:]).model)
