"""The real MLflow server, under the workspace's address."""
