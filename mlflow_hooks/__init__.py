"""Hook notebooks: what a Databricks job or Azure Data Factory starts to run a project that lives in git."""
