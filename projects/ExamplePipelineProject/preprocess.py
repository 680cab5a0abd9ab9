"""Prepares scikit-learn's diabetes data: patients to train on, and patients to judge by, as files of the MLflow run.

The tag `data` says where they are, for the next steps.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

# Models are only compared on patients that none has seen: the split must never change.
HOLDOUT, SEED = 0.25, 20


def prepared(rows: int) -> dict[str, pd.DataFrame]:
    """The tables by name, with at most `rows` to train on (0: all); the hold-out is always the same."""
    table = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    training, holdout = train_test_split(table, test_size=HOLDOUT, random_state=SEED)
    training = training[:rows] if rows else training
    if len(training) < 2:
        raise ValueError(f"{len(training)} rows are too few to train on; give --rows 0 for all.")
    return {"training": training, "holdout": holdout}


def preprocess(rows: int) -> None:
    tables = prepared(rows)
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        mlflow.log_artifacts(folder, "data")
        mlflow.log_metric("rows", len(tables["training"]))
        mlflow.set_tag("data", f"runs:/{run.info.run_id}/data")


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prepares the data of the pipeline.")
    parser.add_argument("--rows", type=int, default=0, help="train on so many rows only, for a quick try; 0 for all")
    return parser.parse_args(words)


if __name__ == "__main__":
    preprocess(parsed(sys.argv[1:]).rows)
