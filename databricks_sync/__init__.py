"""Carries a git branch's Databricks notebooks into the workspace and back."""

__version__ = "0.1.0"
