"""What a reviewer reads of two commits: their notebooks cell by cell, as Markdown or as an HTML page."""
