"""A Databricks workspace on this machine: a real HTTP server over a folder, for trying, testing and demonstrating."""
