"""From the files of a project to values, with every mistake and its line."""
