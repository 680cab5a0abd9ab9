"""One run of a project, on this machine or as a job of the workspace."""
