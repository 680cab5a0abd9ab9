"""Scores a table of patients with a registered model and writes the predictions.

`--model-version` is an alias, resolved once so that the whole table is scored by one version, or a version number.
Predictions carry the version and the time; a day's predictions are one file, which a second run of that day replaces.
Nothing here names a workspace, an experiment or a registry: MLflow finds the first two in its environment, and
MLFLOW_REGISTRY_URI decides the last (Unity Catalog where it is not set), so the script is the same everywhere. It is
one file without `from __future__`: a `databricks_spark_job` runs a copy of it, pasted below some lines of MLflow's own,
beside no other module.
"""

import argparse
import sys
import tempfile
from datetime import date, datetime, timezone
from pathlib import Path

import mlflow
import pandas as pd

PREDICTION, VERSION, TIME = "prediction", "model_version", "scored_at"
TODAY, RUN_ONLY = "today", "artifacts"


class Refused(Exception):
    """The input is not what can be scored; the message says why."""


def read(path: str) -> pd.DataFrame:
    """The table to score. Raises Refused where there is nothing in it: that is somebody's mistake upstream."""
    try:
        table = pd.read_csv(path)
    except pd.errors.EmptyDataError:
        table = pd.DataFrame()
    if table.empty:
        raise Refused(f"{path} holds no rows, so nothing was scored.")
    return table


def resolve(client: mlflow.MlflowClient, name: str, version: str) -> str:
    """The version number that an alias stands for at this moment; a number stands for itself."""
    if version.isdigit():
        return version
    try:
        aliases = client.get_registered_model(name).aliases
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise Refused(f"There is no registered model {name}: train it first, or name another.") from None
    if version not in aliases:
        known = ", ".join(sorted(aliases)) or "none"
        raise Refused(f"{name} has no alias {version} (it has: {known}); train with --promote true, or name another.")
    return str(aliases[version])


def inputs(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    """The columns the model asks for. Raises Refused naming those that are missing."""
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise Refused(f"The input lacks the columns {', '.join(missing)}.")
    return table[wanted]


def scored(table: pd.DataFrame, predicted, version: str, moment: datetime) -> pd.DataFrame:
    """The table with a prediction per row, and what it was made with."""
    return table.assign(**{PREDICTION: predicted, VERSION: version, TIME: moment.isoformat(timespec="seconds")})


def write(table: pd.DataFrame, folder: Path, day: date) -> Path:
    """Writes the partition of a day; a reader finds the whole old file or the whole new one."""
    target = folder / f"date={day.isoformat()}" / "predictions.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(".predictions.csv.part")
    table.to_csv(unfinished, index=False)
    unfinished.replace(target)
    return target


def log_given(run: mlflow.ActiveRun, arguments: argparse.Namespace) -> None:
    """Logs the arguments. `mlflow.run` has done so already; where the script was started otherwise, nobody has."""
    given = {name: str(value) for name, value in vars(arguments).items() if name not in run.data.params}
    mlflow.log_params(given)


def score(arguments: argparse.Namespace) -> None:
    with mlflow.start_run() as run:
        log_given(run, arguments)
        table = read(arguments.input)
        name = arguments.model_name
        version = resolve(mlflow.MlflowClient(), name, arguments.model_version)
        model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
        predicted = model.predict(inputs(table, model.metadata.get_input_schema().input_names()))
        result = scored(table, predicted, version, datetime.now(timezone.utc))
        mlflow.log_input(mlflow.data.from_pandas(table, name="patients"), "scoring")
        with tempfile.TemporaryDirectory() as folder:
            kept = write(result, Path(folder), arguments.date)
            mlflow.log_artifact(str(kept), f"predictions/{kept.parent.name}")
        place = f"{mlflow.get_artifact_uri()}/predictions"
        if arguments.output != RUN_ONLY:
            place = str(write(result, Path(arguments.output), arguments.date))
        mlflow.log_metrics({"rows": len(result), "mean_prediction": float(result[PREDICTION].mean())})
        mlflow.set_tags({"model_name": name, "model_version": version, "output": place})
    print(f"{len(result)} rows scored by {name} version {version}: {place}")


def day(text: str) -> date:
    return datetime.now(timezone.utc).date() if text == TODAY else date.fromisoformat(text)


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Scores a table of patients with a registered model.")
    parser.add_argument("--model-name", required=True, help="catalog.schema.model in Unity Catalog")
    parser.add_argument("--model-version", default="champion", help="an alias, or a version number")
    parser.add_argument("--input", default="patients.csv", help="a CSV file, such as /Volumes/.../patients.csv")
    parser.add_argument("--output", default=RUN_ONLY, help=f"a folder to write to; {RUN_ONLY}: to the run's alone")
    parser.add_argument("--date", type=day, default=TODAY, help=f"the partition, such as 2026-09-30; {TODAY}: in UTC")
    return parser.parse_args(words)


if __name__ == "__main__":
    try:
        score(parsed(sys.argv[1:]))
    except Refused as error:
        sys.exit(str(error))
