"""Files beside the tree: DBFS, and MLflow's artifacts by the Files API."""
