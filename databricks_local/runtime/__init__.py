"""What runs in the child process of a run: never the server."""
