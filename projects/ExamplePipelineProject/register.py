"""Registers the model that has been validated, as the challenger. The tag `model_version` says which version it is."""

import argparse
import sys

import mlflow


def register(model: str, name: str) -> None:
    with mlflow.start_run():
        version = str(mlflow.register_model(model, name).version)
        mlflow.MlflowClient().set_registered_model_alias(name, "challenger", version)
        mlflow.set_tags({"model_name": name, "model_version": version})
    print(f"{name} version {version} is the challenger")


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Registers the model of the pipeline.")
    parser.add_argument("--model", required=True, help="where train has left its model")
    parser.add_argument("--model-name", required=True, help="catalog.schema.model in Unity Catalog")
    return parser.parse_args(words)


if __name__ == "__main__":
    arguments = parsed(sys.argv[1:])
    register(arguments.model, arguments.model_name)
