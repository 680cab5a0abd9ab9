"""The values, errors, paths and settings that every part of the workspace knows."""
