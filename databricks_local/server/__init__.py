"""The server: all routes in one application, its start and its end."""
