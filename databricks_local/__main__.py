"""`python -m databricks_local`."""

from .cli import main

main(prog_name="databricks_local")
