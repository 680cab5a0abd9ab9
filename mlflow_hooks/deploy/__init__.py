"""The workspace holds what was generated: notebooks and jobs."""
