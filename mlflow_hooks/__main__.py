"""`python -m mlflow_hooks`."""

from mlflow_hooks.cli import main

main(prog_name="mlflow_hooks")
