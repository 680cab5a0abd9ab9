"""The remote side: the workspace, and every request to it."""
