"""A Databricks workspace on this machine: a real HTTP server over a folder.

For trying, testing and demonstrating without an account.
"""
