"""The tree of objects: looking, importing, exporting, and the edits of other people."""
