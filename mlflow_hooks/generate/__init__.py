"""From values to the text of notebooks, jobs and pipelines."""
