"""The formats in which notebooks go in and out. Pure."""
