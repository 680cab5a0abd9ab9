"""`python -m mlflow_hooks`."""

from .cli import main

main(prog_name="mlflow_hooks")
