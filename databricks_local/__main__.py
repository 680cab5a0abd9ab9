"""`python -m databricks_local`."""

from databricks_local.cli import main

main(prog_name="databricks_local")
